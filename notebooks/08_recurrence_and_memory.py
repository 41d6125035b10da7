# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Recurrence and memory
#
# **Before this:** [backpropagation through time](04_backpropagation_through_time): a
# leak forgets. [Losses and readouts](05_losses_and_readouts).
#
# **Question.** A membrane forgets within some 20 ms. How can a network know what it saw
# a fifth of a second ago?
#
# **Answer.** Something has to last: spikes that go round in a recurrent layer, or a
# constant that is long. Asked 200 ms after a cue which of two it was, a feedforward
# network of plain neurons guesses. The same network knows if its neurons have a
# threshold that a spike raises for half a second, without any recurrence. Recurrent
# plain neurons have no such constant; they know, too, but training first has to find
# activity that keeps itself up.

# %%
import jax
import jax.numpy as jnp
import optax

import snnjax as snn
from snnjax import learning, plot
from snnjax.training import init_train_state, make_step

dt = 2e-3

# %% [markdown]
# ## A question after a delay
#
# One of two groups of ten channels fires for 50 ms. Then there is nothing. Then a third
# group asks for 50 ms, and only what the readout says in that time counts: a *mask*
# tells the loss which steps these are.


# %%
def trials(key, batch, delay):
    which, *noise = jax.random.split(key, 4)
    labels = jax.random.bernoulli(which, 0.5, (batch,)).astype(int)
    cue, gap, ask = (round(s / dt) for s in (50e-3, delay, 50e-3))
    steps = jnp.arange(cue + gap + ask)[:, None, None]
    groups = jnp.stack([labels == 0, labels == 1, labels >= 0], axis=-1)  # [B, 3]
    on = jnp.where(jnp.arange(3) < 2, steps < cue, steps >= cue + gap) * groups
    rates = jnp.repeat(120.0 * on, 10, axis=-1)  # [T, B, 30]
    spikes = (jax.random.uniform(noise[0], rates.shape) < rates * dt).astype(float)
    return spikes, labels, jnp.broadcast_to(steps[..., 0] >= cue + gap, rates.shape[:2])


xs, labels, mask = trials(jax.random.key(0), 2, delay=200e-3)
print(f"rasters {xs.shape}, labels {labels}, {int(mask[:, 0].sum())} steps count")
assert xs[25:125].sum() == 0  # nothing comes in the delay

# %% [markdown]
# ## Three networks
#
# `recurrent(n_in, n, neuron)` connects the neurons to each other. The readout is fast
# (5 ms), so that it cannot remember either.

# %%
n = 64
slow = snn.ALIFParams(tau_adapt=0.5, beta=0.3)


def hidden(kind):
    if kind == "plain":
        return snn.chain(snn.dense(30, n), snn.lif(n))
    if kind == "adapting":
        return snn.chain(snn.dense(30, n), snn.alif(n, slow))
    return snn.recurrent(30, n, snn.lif(n))


def network(kind):
    return snn.chain(
        hidden=hidden(kind),
        readout=snn.dense(n, 2),
        out=snn.li(2, snn.LIParams(5e-3, 5e-3)),
        outputs=("hidden", "out"),
    )


def train(kind, delay, seed=0, updates=150):
    net = network(kind)

    def loss(weights, xs, labels, mask):
        _, ys = snn.unroll(net, weights, xs, dt=dt)
        scores = learning.mean_over_time(ys["out"], mask)
        return snn.cross_entropy(scores, labels), {
            "accuracy": snn.accuracy(scores, labels)
        }

    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(5e-3))
    update = make_step(loss, optimizer, has_aux=True)

    def step(state, key):
        return update(state, *trials(key, 64, delay))

    @jax.jit
    def run(weights, keys):
        state, curves = jax.lax.scan(step, init_train_state(weights, optimizer), keys)
        held_out = trials(jax.random.key(99), 512, delay)
        return state.weights, curves, loss(state.weights, *held_out)[1]["accuracy"]

    keys = jax.random.split(jax.random.key(seed + 1), updates)
    return run(net.init(jax.random.key(seed)), keys)


# %% [markdown]
# ## Who remembers for how long?
#
# Trials are drawn anew for each update, so nothing can be learned by heart. The test
# are 512 more.

# %%
kinds, delays = ("plain", "recurrent", "adapting"), (20e-3, 200e-3)
found = {(kind, d): train(kind, d) for kind in kinds for d in delays}
for (kind, delay), (_, _, hit) in found.items():
    print(f"{kind:<10} after {1e3 * delay:3.0f} ms: {hit:.3f} right")
assert found["plain", 20e-3][2] > 0.9
assert found["plain", 200e-3][2] < 0.7
assert found["adapting", 200e-3][2] > 0.9

memory_figure, axes = plot.figure(1, 2, (10.0, 3.4))
for kind in kinds:
    axes[0, 0].plot(
        [1e3 * d for d in delays], [found[kind, d][2] for d in delays], "o-"
    )
    axes[0, 1].plot(found[kind, 200e-3][1]["accuracy"], label=kind)
axes[0, 0].axhline(0.5, color="0.4", ls=":")
axes[0, 0].set(xlabel="delay (ms)", ylabel="test accuracy", ylim=(0.4, 1.02))
axes[0, 1].set(xlabel="update", title="while learning, delay 200 ms", ylim=(0.2, 1.02))
axes[0, 1].legend(frameon=False)
plot.show(memory_figure, "08_memory")

# %% [markdown]
# ## Where the memory is
#
# Ask the trained networks for their hidden spikes. In the plain one all is quiet a few
# membrane time constants after the cue, so nothing can be known. The adapting one is as
# quiet: what it knows is in thresholds, which cannot be seen until the question makes
# neurons fire, those less that have fired before.

# %%
xs, labels, _ = trials(jax.random.key(5), 64, delay=200e-3)
trace_figure, axes = plot.figure(1, 3, (13.0, 3.6))
for ax, kind in zip(axes[0], kinds, strict=True):
    spikes = snn.unroll(network(kind), found[kind, 200e-3][0], xs, dt=dt)[1]["hidden"]
    plot.raster(ax, spikes[:, 0], dt=dt, title=f"{kind}: hidden spikes")
    ax.axvspan(50, 250, color="0.93", zorder=0)
    quiet = float(spikes[100:125].sum())
    print(f"{kind:<10} {quiet:6.0f} spikes in the last 50 ms of the delay, 64 trials")
    if kind != "recurrent":
        assert quiet == 0
plot.show(trace_figure, "08_traces")
