# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Backpropagation through time, unrolled
#
# **Before this:** [surrogate gradients](03_surrogate_gradients): what stands in for the
# derivative of a spike. The chain rule.
#
# **Question.** `jax.grad` of a loss over a sequence gives the gradient of every weight.
# What does it compute, what did the surrogate put into it, and why does it sometimes
# vanish or explode?
#
# **Answer.** One pass backwards through the steps. At each step, what reaches the
# voltage is what the loss says of the spike, times the surrogate, and what came back
# from the step after, times how much of the voltage is kept. Fifteen lines by hand
# give the gradient that `jax.grad` gives. A leak forgets, so alone it makes gradients
# vanish, and a reset ends them; connections among neurons make them grow, and beyond
# some strength they explode.

# %%
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from snnjax import plot
from snnjax.analysis import gradient_growth
from snnjax.inputs import poisson
from snnjax.networks import normal
from snnjax.surrogate import SuperSpike

dt = 1e-3

# %% [markdown]
# ## One neuron, forwards
#
# Without a synapse (`tau_syn=None`) an LIF neuron is three lines. α is how much of its
# voltage is kept in one step:
#
#     u_t = α v_{t-1} + (1 - α) w x_t          the voltage before the reset
#     s_t = 1[u_t > 1]                         the spike
#     v_t = (1 - s_t) u_t                      the voltage after it
#
# As a loop in plain numpy, and as `unroll` runs it:

# %%
tau = 20e-3
alpha = np.exp(-dt / tau)
shape = SuperSpike(10.0)
steps = 60
x = np.asarray(poisson(jax.random.key(1), 200.0, steps=steps, dt=dt))
w = 12.0


def forward(w):
    v, us, spikes = 0.0, [], []
    for x_t in x:
        u = alpha * v + (1 - alpha) * w * x_t
        s = float(u > 1.0)
        v = (1 - s) * u
        us.append(u)
        spikes.append(s)
    return np.array(us), np.array(spikes)


neuron = snn.lif(1, snn.LIFParams(tau_mem=tau, tau_syn=None), surrogate=shape)


def run(w, neuron=neuron):
    return snn.unroll(neuron, (), w * x[:, None], dt=dt)[1][:, 0]


u, spikes = forward(w)
assert np.array_equal(run(w), spikes)
print(f"{int(x.sum())} spikes in, {int(spikes.sum())} out")

# %% [markdown]
# ## The same neuron, backwards
#
# The loss is the squared distance to spikes that we would like to see. It depends on w
# through every step. Name δ_t = ∂L/∂u_t, and walk backwards:
#
#     δ_t = ∂L/∂s_t · h(u_t - 1)  +  (1 - s_t) α δ_{t+1}
#     ∂L/∂w = Σ_t δ_t (1 - α) x_t
#
# The true derivative of the spike would be 0 in place of the surrogate h, and δ with
# it. The second term is memory: what matters later matters now as much as the leak
# leaves of it, and not at all if the neuron has been reset in between. (The reset
# itself is taken as given: no derivative passes through it, here as by default in
# `lif`.)

# %%
target = np.zeros(steps)
target[[15, 40]] = 1.0


def backward(w):
    u, s = forward(w)
    of_spike = 2 * (s - target) / steps  # of the mean of (s - target)²
    delta, deltas = 0.0, np.zeros(steps)
    for t in reversed(range(steps)):
        delta = of_spike[t] * float(shape(u[t] - 1.0)) + (1 - s[t]) * alpha * delta
        deltas[t] = delta
    return deltas, np.sum(deltas * (1 - alpha) * x)


def loss(w, neuron=neuron):
    return snn.mse(run(w, neuron), target)


deltas, by_hand = backward(w)
by_jax = float(jax.grad(loss)(w))
print(f"by hand {by_hand:+.7f}, by jax.grad {by_jax:+.7f}")
np.testing.assert_allclose(by_jax, by_hand, rtol=1e-5)

honest = snn.lif(1, snn.LIFParams(tau, None), surrogate=lambda v: 0.0 * v)
nothing = jax.grad(lambda w: loss(w, honest))(w)
assert nothing == 0.0

trace_figure, axes = plot.figure(3, 1, (8.0, 6.2))
ms = np.arange(steps)
axes[0, 0].plot(ms, u, color="black", lw=1)
axes[0, 0].axhline(1.0, color="0.5", ls=":")
axes[0, 0].vlines(np.flatnonzero(x), -0.25, -0.05, color="0.5")
axes[0, 0].set(ylabel="u", title="forwards: voltage, and inputs below")
axes[1, 0].stem(ms, 2 * (spikes - target) / steps, basefmt=" ", markerfmt=".")
axes[1, 0].set(
    ylabel="∂L/∂s", title="what the loss says: down wants a spike, up wants none"
)
axes[2, 0].plot(ms, deltas, color="#d55e00")
axes[2, 0].axhline(0.0, color="0.5", lw=0.5)
for t in np.flatnonzero(spikes):
    axes[2, 0].axvline(t, color="0.8", lw=1)
axes[2, 0].set(ylabel="δ", xlabel="time (ms)", title="backwards: resets (grey) end it")
plot.show(trace_figure, "04_trace")

# %% [markdown]
# ## What the surrogate puts in
#
# The loss is a staircase in w: it jumps where a spike comes or goes and is flat
# between. Its derivative, 0, is of no help. The surrogate's gradient is the slope of no
# function here, but it looks beyond the edge of the stair.

# %%
ws = jnp.linspace(2.0, 30.0, 400)
losses, slopes = jax.jit(jax.vmap(jax.value_and_grad(loss)))(ws)
levels = np.unique(np.asarray(losses).round(6))
print(f"{len(levels)} different losses at {len(ws)} weights")
assert len(levels) < 12
assert np.mean(np.asarray(slopes) != 0.0) > 0.99

stairs_figure, axes = plot.figure(2, 1, (8.0, 4.6))
axes[0, 0].plot(ws, losses, drawstyle="steps-mid", color="black")
axes[0, 0].set(ylabel="loss", title="the loss is a staircase ...")
axes[1, 0].plot(ws, slopes, color="#d55e00")
axes[1, 0].axhline(0.0, color="0.5", lw=0.5)
axes[1, 0].set(
    xlabel="weight w", ylabel="∂L/∂w", title="... and its surrogate gradient is not"
)
plot.show(stairs_figure, "04_stairs")

# %% [markdown]
# ## A leak forgets, a reset ends
#
# How much does an input k steps ago move the voltage now? Of a neuron that does not
# fire it is α^k: after three time constants, a twentieth. The same neuron with an input
# that makes it fire in between: nothing at all.


# %%
def influence(drive):
    """∂v_T/∂x_t of every step t."""

    def end(xs):
        _, v = snn.unroll(neuron, (), xs[:, None], dt=dt, record=lambda s, y: s.v[0])
        return v[-1]

    return jax.grad(end)(drive)


quiet = jnp.full(steps, 0.5)
firing = quiet.at[30].set(30.0)  # a kick that makes it fire
far, cut = influence(quiet), influence(firing)
ago = np.arange(steps)[::-1]
np.testing.assert_allclose(far, (1 - alpha) * alpha**ago, rtol=1e-4)
assert np.all(cut[:31] == 0.0)
assert np.allclose(cut[31:], far[31:])

# %% [markdown]
# ## Neurons among neurons
#
# In a recurrent layer every voltage reaches every other one through spikes, and each
# such way has a weight times a surrogate in it. Over many steps these products are what
# counts. `gradient_growth` follows how far a gradient has grown, as a logarithm, after
# each number of steps. Weak connections: it vanishes as the leak wants it. Strong ones:
# it explodes, by as much as you like.

# %%
n = 100
drive = jax.random.normal(jax.random.key(3), (200, 1, n)) * 3.0 + 1.0
params = snn.LIFParams(tau_mem=tau, tau_syn=None)
gains = (0.0, 3.0, 10.0, 100.0)
wide = SuperSpike(1.0)
growth = {}
for gain in gains:
    layer = snn.recurrent(
        snn.lif(n, params, surrogate=wide),
        snn.dense(n, n, init=partial(normal, gain=gain)),
    )
    weights = layer.init(jax.random.key(4))
    growth[gain] = np.asarray(gradient_growth(layer, weights, drive, dt=dt)).squeeze()
    print(f"gain {gain:5.1f}: ln of the growth after 100 steps {growth[gain][99]:+.1f}")

assert growth[0.0][99] < -4.0 < 4.0 < growth[100.0][99]

memory_figure, axes = plot.figure(1, 2, (10.5, 3.4))
axes[0, 0].plot(ago, far, label="silent: the leak forgets")
axes[0, 0].plot(ago, cut, "--", label="fires 29 steps ago")
axes[0, 0].set(xlabel="steps ago", ylabel="influence on v now", title="one neuron")
axes[0, 0].legend(frameon=False)
for gain, curve in growth.items():
    axes[0, 1].plot(np.arange(1, len(curve) + 1), curve, label=f"gain {gain:g}")
axes[0, 1].set(xlabel="steps back", ylabel="ln of growth", title="a hundred, recurrent")
axes[0, 1].axhline(0.0, color="0.5", lw=0.5)
axes[0, 1].legend(frameon=False)
plot.show(memory_figure, "04_memory")

# %% [markdown]
# Three ways out: begin with weights that are not too large
# ([where weights start](07_initialization_and_homeostasis)), keep neurons that remember
# for longer ([memory](08_recurrence_and_memory)), or do without the way back
# ([learning online](17_learning_online)).
