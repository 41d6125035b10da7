# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Exact gradients of spike times
#
# **Before this:** [surrogate gradients](03_surrogate_gradients), and
# [what surrogate gradients are](../explanation/surrogate-gradients).
#
# **Question.** A surrogate pretends that a spike has a derivative. Does it need to? A
# spike that exists moves smoothly when a weight changes. How far does that carry?
#
# **Answer.** The time of a spike has an exact derivative, and networks learn from it
# alone, without a surrogate and without steps of time. It knows how spikes move. It
# does not know that they come and go: there the loss jumps, and the gradient sees
# nothing. A surrogate is the other way round: it tells what one spike more would be
# worth, and where only *when* matters it points the
# wrong way for a part of the weights.

# %%
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import plot
from snnjax.inputs import yin_yang
from snnjax.learning import raise_silent, spike_time_cross_entropy
from snnjax.neurons import first_spike_time, peak_voltage, spike_times, voltage_at
from snnjax.surrogate import EventProp, SuperSpike
from snnjax.training import init_train_state, make_step

jax.config.update("jax_enable_x64", True)

tau = 5e-3  # [s]
leaky = snn.LIFParams(tau_mem=2 * tau, tau_syn=tau)

# %% [markdown]
# ## One spike pushed
#
# Five inputs reach a neuron. We turn one weight, of the input at 4 ms, and watch its
# voltage and the time at which it reaches threshold. The tangent is
# `jax.grad(first_spike_time)` at one weight.

# %%
times = jnp.array([[1e-3, 4e-3, 5e-3, 9e-3, 11e-3]])
others = jnp.array([2.0, 0.0, 1.6, 1.0, 0.8])


@jax.jit
def fires_at(w):
    weights = others.at[1].set(w)[:, None]
    return first_spike_time(leaky, times, weights)[0, 0]


grid = jnp.linspace(0.0, 3.0, 600)
fired = jax.jit(jax.vmap(fires_at))(grid)
w0 = 1.2
t0, slope0 = jax.jit(jax.value_and_grad(fires_at))(w0)

clock = jnp.linspace(0.0, 25e-3, 500)


@jax.jit
def traced(w):
    return voltage_at(leaky, times, others.at[1].set(w)[:, None], clock)[:, 0, 0]


pushed, axes = plot.figure(1, 2, (9.0, 3.4))
for w, color in ((0.4, "0.65"), (w0, "#0072b2"), (2.4, "0.65")):
    v = traced(w)
    before = clock <= fires_at(w)
    axes[0, 0].plot(1e3 * clock[before], v[before], color=color)
    axes[0, 0].plot(1e3 * fires_at(w), 1.0, "o", color=color)
axes[0, 0].axhline(1.0, color="black", lw=0.8, ls=":")
axes[0, 0].set(xlabel="time (ms)", ylabel="voltage", title="three weights")
axes[0, 1].plot(grid, 1e3 * fired, color="black")
near = jnp.array([w0 - 0.6, w0 + 0.6])
axes[0, 1].plot(near, 1e3 * (t0 + slope0 * (near - w0)), color="#0072b2")
axes[0, 1].plot(w0, 1e3 * t0, "o", color="#0072b2")
axes[0, 1].set(xlabel="weight of the input at 4 ms", ylabel="time of the spike (ms)")
axes[0, 1].set_title("the time of the spike, and its slope")
plot.show(pushed, "20_one_spike_pushed")

# %% [markdown]
# The slope is exact: it agrees with a difference of two runs to nine digits.

# %%
step = 1e-6
difference = (fires_at(w0 + step) - fires_at(w0 - step)) / (2 * step)
print(f"dt/dw {1e3 * slope0:.9f} ms, by a difference {1e3 * difference:.9f} ms")
assert abs(slope0 - difference) < 1e-7 * abs(slope0)

# %% [markdown]
# ## A spike that vanishes
#
# Where the peak of the voltage sinks to threshold, the spike vanishes: its time jumps
# to infinity. Just before, the voltage crosses threshold with almost no slope, and the
# gradient grows without bound; just behind, it is zero. The peak of the voltage has a
# gradient on both sides: this is what a hinge that wakes silent neurons is made of.

# %%
alone = jnp.array([[1e-3, 4e-3]])


def of_two(function):
    """What a function says at all weights, and its slope there."""

    def value(w):
        return function(leaky, alone, jnp.array([[2.0], [w]]))[0, 0]

    return jax.jit(jax.vmap(jax.value_and_grad(value)))(weights)


weights = jnp.linspace(1.0, 3.0, 1200)
when, how_fast = of_two(first_spike_time)
peaks, peak_slopes = of_two(peak_voltage)
edge = float(weights[np.flatnonzero(np.isfinite(when))[0]])

vanishes, axes = plot.figure(1, 3, (11.0, 3.2))
axes[0, 0].plot(weights, jnp.where(when < jnp.inf, 1e3 * when, jnp.nan), color="black")
axes[0, 0].set(xlabel="weight", ylabel="time of the spike (ms)", xlim=(0.9, 3.1))
axes[0, 0].set_title("a spike, or none")
axes[0, 1].plot(weights, -1e3 * how_fast, color="#0072b2")
axes[0, 1].set(
    xlabel="weight", ylabel="-dt/dw (ms)", title="its slope", yscale="symlog"
)
axes[0, 2].plot(weights, peaks, color="black", label="peak")
axes[0, 2].plot(weights, peak_slopes, color="#d55e00", label="its slope")
axes[0, 2].set(xlabel="weight", title="the peak has a slope on both sides")
axes[0, 2].legend(frameon=False)
for ax in axes[0]:
    ax.axvline(edge, color="0.6", lw=0.8, ls=":")
plot.show(vanishes, "20_a_spike_that_vanishes")
assert np.all(how_fast[weights < edge] == 0.0)
assert np.max(-how_fast) > 20 * -how_fast[-1]
assert np.all(peak_slopes > 0.0)

# %% [markdown]
# ## The same gradient, three ways
#
# A network of two layers is told which output is to fire first. In continuous time its
# gradient is exact. On a grid of steps, `EventProp` asks for the slope in time of what
# arrives at each spike, and tends to the exact gradient as the step falls. A surrogate
# asks for its value: what the spike itself is worth. For a loss of *times* that is
# another question, and its answer is no gradient of this loss.

# %%
keys = jax.random.split(jax.random.key(5), 3)
n_in, n_hidden, n_out, batch = 5, 12, 3, 16
inputs = jax.random.uniform(keys[0], (batch, n_in), minval=0.0, maxval=2 * tau)
labels = jnp.arange(batch) % n_out
network = {
    "hidden": 2.0 + 1.0 * jax.random.normal(keys[1], (n_in, n_hidden)),
    "out": 0.8 + 0.5 * jax.random.normal(keys[2], (n_hidden, n_out)),
}
end = 8 * tau
of_times = partial(spike_time_cross_entropy, labels=labels, tau=0.2 * tau, end=end)


def exact(w):
    hidden = spike_times(leaky, inputs, w["hidden"], count=8)
    hidden = hidden.reshape(batch, -1)
    out = first_spike_time(leaky, hidden, jnp.tile(w["out"], (8, 1)))
    return of_times(out)


def on_grid(dt, surrogate, gradient, w):
    steps = round(end / dt)
    bins = jnp.floor(inputs / dt)
    x = (bins[None] == jnp.arange(steps)[:, None, None]).astype(inputs.dtype)
    for name in ("hidden", "out"):
        cell = snn.lif(w[name].shape[1], leaky, surrogate=surrogate)
        _, x = snn.unroll(cell, (), x @ w[name], dt=dt)
    return of_times(snn.learning.first_spike(x, dt=dt, gradient=gradient))


def cosine(a, b):
    a, b = (jnp.concatenate([x.ravel() for x in jax.tree.leaves(g)]) for g in (a, b))
    return float(a @ b / jnp.sqrt((a @ a) * (b @ b)))


reference = jax.jit(jax.grad(exact))(network)
steps_of_time, cosines = (1e-3, 3e-4, 1e-4), {}
for dt in steps_of_time:
    of_spikes = {
        "EventProp": partial(on_grid, dt, EventProp(), "move"),
        "SuperSpike": partial(on_grid, dt, SuperSpike(10.0), "appear"),
    }
    found = {name: jax.jit(jax.grad(f))(network) for name, f in of_spikes.items()}
    for name, gradient in found.items():
        cosines.setdefault(name, []).append(cosine(gradient, reference))
print("cosine to the exact gradient at dt = 1, 0.3, 0.1 ms")
for name, each in cosines.items():
    print(f"{name:<11}", *(f"{c:7.3f}" for c in each))

# %% [markdown]
# ## Where the surrogate points against it
#
# Each dot is a weight of the hidden layer: its exact gradient from left to right, what
# the grid makes of it upwards. EventProp lies on the diagonal. The surrogate points
# roughly the same way, but for a part of the weights against it, and a finer grid does
# not change that: to a loss of first spikes it says what one spike more or less would
# be worth, where the question was "sooner or later".


# %%
def scaled(gradient):
    g = np.ravel(gradient["hidden"])
    return g / np.linalg.norm(g)


colors = {"EventProp": "#0072b2", "SuperSpike": "#d55e00"}
against, axes = plot.figure(1, 2, (9.0, 3.6))
for name, gradient in found.items():
    each = scaled(gradient)
    axes[0, 0].plot(scaled(reference), each, "o", ms=4, color=colors[name], label=name)
    axes[0, 1].semilogx(
        1e3 * np.array(steps_of_time), cosines[name], "o-", color=colors[name]
    )
axes[0, 0].axline((0.0, 0.0), slope=1.0, color="0.6", lw=0.8)
axes[0, 0].set(xlabel="exact gradient", ylabel="on a grid of 0.1 ms")
axes[0, 0].set_title("weights of the hidden layer")
axes[0, 0].legend(frameon=False)
axes[0, 1].axhline(0.0, color="0.6", lw=0.8)
axes[0, 1].set(xlabel="step of time (ms)", ylabel="cosine to the exact gradient")
axes[0, 1].set_title("all weights")
plot.show(against, "20_against")
assert cosines["EventProp"][-1] > 0.95
wrong = np.mean(np.sign(scaled(found["SuperSpike"])) != np.sign(scaled(reference)))
print(f"weights whose sign the surrogate has wrong: {wrong:.0%}")
assert wrong > 0.05
assert cosines["SuperSpike"][-1] < 0.95

# %% [markdown]
# ## Three ways to learn, side by side
#
# Points on a yin-yang symbol, each five spikes. First spikes of neurons without leak
# (TTFS), where a spike that is pushed back comes later and never vanishes; EventProp
# and a surrogate on a grid, where early voltages of leaky readouts decide. Weights of
# neurons that stay silent are raised, as nothing else would wake them. Study `R24`
# trains them to the end: five seeds, with controls.

# %%
jax.config.update("jax_enable_x64", False)
points, classes = yin_yang(1500, 42)
points = np.concatenate([points, np.full((1500, 1), 0.41)], axis=1)
shown_at = jnp.asarray(tau * (0.15 + 1.85 * points), jnp.float32)
classes = jnp.asarray(classes, jnp.int32)
no_leak, equal = snn.LIFParams(None, tau), snn.LIFParams(tau, tau)
dt, epochs, size = tau / 10, 12, 50


def ttfs(w, times):
    hidden = first_spike_time(no_leak, times, w["hidden"])
    return hidden, first_spike_time(no_leak, hidden, w["out"])


def loss_of_times(w, times, labels):
    hidden, out = ttfs(w, times)
    loss = spike_time_cross_entropy(out, labels, tau=0.15 * tau, end=4 * tau)
    hit = snn.accuracy(-jnp.minimum(out, 4 * tau), labels)
    return loss, {"hit": hit, "times": {"hidden": hidden, "out": out}}


def loss_on_grid(surrogate, w, times, labels):
    bins, clock = jnp.floor(times / dt), jnp.arange(40, dtype=times.dtype)
    x = (bins[None] == clock[:, None, None]).astype(times.dtype)
    _, x = snn.unroll(
        snn.lif(60, equal, surrogate=surrogate), (), x @ w["hidden"], dt=dt
    )
    _, v = snn.unroll(snn.li(3, snn.LIParams(tau, tau)), (), x @ w["out"], dt=dt)
    scores = 15.0 * snn.learning.exp_weighted_over_time(v, tau=tau / 2, dt=dt)
    return snn.cross_entropy(scores, labels), {"hit": snn.accuracy(scores, labels)}


def train(loss, weights, rate):
    falls = optax.cosine_decay_schedule(rate, epochs * 1500 // size)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(falls))
    step = make_step(loss, optimizer, has_aux=True)

    def update(state, rows):
        state, seen = step(state, shown_at[rows], classes[rows])
        if "times" in seen:
            raised = jax.tree.map(
                partial(raise_silent, by=0.01), state.weights, seen["times"]
            )
            state = state._replace(weights=raised)
        return state, seen["hit"]

    keys = jax.random.split(jax.random.key(1), epochs)
    rows = jnp.stack([jax.random.permutation(key, 1500) for key in keys])
    start = init_train_state(weights, optimizer)
    run = jax.jit(lambda state, rows: jax.lax.scan(update, state, rows))
    _, hits = run(start, rows.reshape(-1, size))
    return np.asarray(hits).reshape(epochs, -1).mean(axis=1)


def drawn(seed, n, first, last):
    a, b = jax.random.split(jax.random.key(seed))
    return {
        "hidden": first[0] + first[1] * jax.random.normal(a, (5, n)),
        "out": last[0] + last[1] * jax.random.normal(b, (n, 3)),
    }


for_grid = drawn(0, 60, (0.8, 2.0), (0.0, 0.4))
curves = {
    "TTFS": train(loss_of_times, drawn(2, 30, (1.0, 0.5), (0.1, 0.25)), 1e-2),
    "EventProp": train(partial(loss_on_grid, EventProp()), for_grid, 2e-2),
    "SuperSpike": train(partial(loss_on_grid, SuperSpike(10.0)), for_grid, 2e-2),
}
side_by_side, axes = plot.figure(1, 1, (6.0, 3.4))
for name, curve in curves.items():
    color = {"TTFS": "#009e73", **colors}[name]
    axes[0, 0].plot(range(1, epochs + 1), curve, color=color, label=name)
axes[0, 0].axhline(1 / 3, color="0.6", lw=0.8, ls=":")
axes[0, 0].set(xlabel="epoch", ylabel="training accuracy", ylim=(0.3, 1.0))
axes[0, 0].legend(frameon=False)
plot.show(side_by_side, "20_three_ways")
for name, curve in curves.items():
    print(f"{name:<11}{curve[-1]:.3f}")
    assert curve[-1] > 0.75

# %% [markdown]
# What an exact gradient does not see (`docs/explanation/exact-gradients.md` has the
# list): numbers of spikes, firing rates, and every spike that would be there if a
# weight were only a little larger. What the surrogate does not see is when.
