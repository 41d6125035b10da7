# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Losses and readouts
#
# **Before this:** [surrogate gradients](03_surrogate_gradients), and what a gradient
# does on its way through time ([backpropagation](04_backpropagation_through_time)).
#
# **Question.** A network puts out something at every step, and a label is one number.
# What turns the one into the other, and what does the choice change?
#
# **Answer.** A *readout*: the highest voltage over time, the mean, the last one, or a
# count of spikes. It decides which steps the gradient reaches: one, all, the end, or
# wherever a neuron is near its threshold. Voltages with cross entropy learn this task
# whatever the readout, spikes too. And a loss may have a second term: a price on firing
# makes the hidden layer fire a third less for a point of accuracy.

# %%
import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import learning, plot
from snnjax.inputs import one_spike_raster, random_manifold
from snnjax.training import init_train_state, make_step

dt = 1e-3

# %% [markdown]
# ## The task
#
# Four classes of random manifolds: 20 inputs that fire once each, when, depends on the
# class and on one number that is drawn anew for each sample. Half of the samples are
# kept for the test.

# %%
classes, n_in = 4, 20
times, labels = random_manifold(
    jax.random.key(0), classes=classes, neurons=n_in, samples=200
)
order = jax.random.permutation(jax.random.key(1), len(labels))
times, labels = times[order], labels[order]
xs = jnp.concatenate([one_spike_raster(times, steps=50), jnp.zeros((30, *times.shape))])
xs, test_xs = jnp.split(xs, 2, axis=1)
labels, test_labels = jnp.split(labels, 2)
print(f"rasters {xs.shape}: time, samples, inputs; chance is {1 / classes:.0%}")

# %% [markdown]
# ## Four readouts of voltages and spikes
#
# The last layer either integrates (`li`) and never fires, or fires (`lif`). A readout
# maps what it puts out, `[T, B, classes]`, to scores `[B, classes]`.

# %%
readouts = {
    "max": ("voltages", learning.max_over_time),
    "mean": ("voltages", learning.mean_over_time),
    "last": ("voltages", learning.last),
    "count": ("spikes", learning.sum_over_time),
}


def network(kind, hidden=64):
    end = {"voltages": snn.li, "spikes": snn.lif}[kind]
    return snn.chain(
        input=snn.dense(n_in, hidden),
        hidden=snn.lif(hidden),
        readout=snn.dense(hidden, classes),
        out=end(classes),
        outputs=("hidden", "out"),
    )


# %% [markdown]
# Which steps does the gradient reach? Ask for it: the derivative of the loss of one
# sample by everything that the last layer puts out.

# %%
reach = {}
for name, (kind, readout) in readouts.items():
    net = network(kind)
    y = snn.unroll(net, net.init(jax.random.key(2)), xs[:, :1], dt=dt)[1]["out"]
    slope = jax.grad(lambda y, f=readout: snn.cross_entropy(f(y), labels[:1]))(y)
    reach[name] = np.asarray(slope[:, 0])
    reached = np.any(reach[name] != 0, axis=1).sum()
    print(f"{name:<6}reaches {reached:3d} of {len(y)} steps")
assert np.all((reach["max"] != 0).sum(axis=0) == 1)  # of each output
assert np.all(reach["mean"] != 0)
assert np.all(reach["count"] != 0)
assert np.flatnonzero(reach["last"].any(axis=1)).tolist() == [len(xs) - 1]

# %% [markdown]
# ## Each is trained
#
# The same seed, the same optimizer, 120 updates on all samples. `make_step` builds one
# update, a function of a state and a batch; `jax.lax.scan` repeats it inside one
# compiled program. With `has_aux=True` the loss returns more numbers to be looked at.


# %%
def train(name, updates=120, extra=lambda hidden: 0.0):
    kind, readout = readouts[name]
    net = network(kind)

    def loss(weights):
        _, ys = snn.unroll(net, weights, xs, dt=dt)
        scores = readout(ys["out"])
        value = snn.cross_entropy(scores, labels) + extra(ys["hidden"])
        return value, {"accuracy": snn.accuracy(scores, labels)}

    optimizer = optax.adam(1e-2)
    step = make_step(loss, optimizer, has_aux=True)

    @jax.jit
    def run(state):
        state, curves = jax.lax.scan(lambda s, _: step(s), state, length=updates)
        _, ys = snn.unroll(net, state.weights, test_xs, dt=dt)
        rate = snn.firing_rate(ys["hidden"], dt=dt).mean()
        return curves, snn.accuracy(readout(ys["out"]), test_labels), rate

    return run(init_train_state(net.init(jax.random.key(2)), optimizer))


found = {name: train(name) for name in readouts}
for name, (_, hit, rate) in found.items():
    print(f"{name:<6}test accuracy {hit:.3f}, hidden layer {rate:.0f} Hz")
    assert hit > 0.6

readout_figure, axes = plot.figure(1, 3, (13.0, 3.6))
for name, slope in reach.items():
    size = np.abs(slope).sum(axis=1)
    axes[0, 0].plot(
        size / size.max(), ".-" if size.astype(bool).sum() > 9 else "o", label=name
    )
    axes[0, 1].plot(found[name][0]["accuracy"], label=name)
axes[0, 0].set(xlabel="step", ylabel="size, of the largest", title="which steps learn")
axes[0, 1].set(xlabel="update", ylim=(0.2, 1.02), title="training accuracy")
axes[0, 0].legend(frameon=False)
axes[0, 2].bar(list(found), [float(hit) for _, hit, _ in found.values()])
axes[0, 2].axhline(1 / classes, color="0.4", ls=":")
axes[0, 2].set(ylim=(0, 1), title="test accuracy")
plot.show(readout_figure, "05_readouts")

# %% [markdown]
# ## A loss on spikes themselves
#
# `mse_count` asks for numbers of spikes: here 10 of the neuron of the right class and
# none of the others. `van_rossum` compares spike trains, each spike smeared out over τ:
# a spike 1 ms late costs little, one 20 ms late as much as one too many and one too
# few.

# %%
one = jnp.zeros((100, 1, 1)).at[30].set(1.0)
shifts = np.arange(0, 60)
costs = np.array(
    [
        learning.van_rossum(jnp.roll(one, k, axis=0), one, tau=5e-3, dt=dt)
        for k in shifts
    ]
)
none = learning.van_rossum(0 * one, one, tau=5e-3, dt=dt)
assert costs[0] == 0.0
assert costs[1] < 0.5 * none
np.testing.assert_allclose(costs[40], 2 * none, rtol=0.01)

# %% [markdown]
# ## A price on firing
#
# On a chip, each spike costs energy. `upper_rate_bound` is zero for neurons slower than
# a bound and grows with the square above; it is added to the loss, times a price.

# %%
prices = (1e-3, 1e-2)
cheap = {0.0: found["mean"]} | {
    price: train(
        "mean",
        extra=lambda hidden, p=price: p * snn.upper_rate_bound(hidden, rate=5.0, dt=dt),
    )
    for price in prices
}
for price, (_, hit, rate) in cheap.items():
    print(f"price {price:<7g}test accuracy {hit:.3f}, hidden layer {rate:.1f} Hz")

price_figure, axes = plot.figure(1, 2, (10.0, 3.4))
axes[0, 0].plot(shifts, costs, label="van Rossum, τ = 5 ms")
axes[0, 0].axhline(none, color="0.5", ls=":", label="no spike at all")
axes[0, 0].set(xlabel="spike comes late by (ms)", ylabel="cost")
axes[0, 0].legend(frameon=False)
for price, (_, hit, rate) in cheap.items():
    axes[0, 1].plot(rate, hit, "o", label=f"price {price:g}")
axes[0, 1].set(xlabel="rate of the hidden layer (Hz)", ylabel="test accuracy")
axes[0, 1].set(ylim=(0.2, 1.0))
axes[0, 1].legend(frameon=False)
plot.show(price_figure, "05_prices")
