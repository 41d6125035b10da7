# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Sweeps: comparing surrogates and learning rates
#
# **Before this:** [surrogate gradients](03_surrogate_gradients), and
# [losses and readouts](05_losses_and_readouts).
#
# **Question.** Which surrogate, which slope, which learning rate? And is a difference
# that one sees more than luck?
#
# **Answer.** Make the training a function of numbers and let `jax.vmap` run all of them
# as one program. Several seeds at each point tell luck from effect. Here the learning
# rate matters much more than the slope, and the shape of the surrogate no more than
# luck.

# %%
import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import plot
from snnjax.inputs import one_spike_raster, random_manifold
from snnjax.learning import mean_over_time
from snnjax.networks import normal
from snnjax.surrogate import Gaussian, SuperSpike, Triangle
from snnjax.training import init_train_state, make_step

dt, classes, n_in = 1e-3, 3, 20

# %% [markdown]
# ## The task
#
# Three random manifolds: 20 inputs fire once each, half of the samples are for tests.

# %%
times, labels = random_manifold(
    jax.random.key(0), classes=classes, neurons=n_in, samples=32
)
order = jax.random.permutation(jax.random.key(1), len(labels))
times, labels = times[order], labels[order]
xs = jnp.concatenate([one_spike_raster(times, steps=50), jnp.zeros((10, *times.shape))])
xs, test_xs = jnp.split(xs, 2, axis=1)
labels, test_labels = jnp.split(labels, 2)


# %% [markdown]
# ## A training is a function
#
# Of a surrogate, a learning rate and a seed, to a test accuracy. It prints nothing and
# changes nothing outside, which is what JAX asks of a function that it is to transform.
# A surrogate is data: its slope is an array like any other.


# %%
def train(shape, learning_rate, seed, updates=80, hidden=32):
    net = snn.chain(
        input=snn.dense(n_in, hidden),
        hidden=snn.lif(hidden, surrogate=shape),
        readout=snn.dense(hidden, classes, init=normal),
        out=snn.li(classes),
    )

    def scores(weights, xs):
        return mean_over_time(snn.unroll(net, weights, xs, dt=dt)[1])

    def loss(weights):
        return snn.cross_entropy(scores(weights, xs), labels)

    optimizer = optax.adam(learning_rate)
    step = make_step(loss, optimizer)
    state = init_train_state(net.init(jax.random.key(seed)), optimizer)
    state, _ = jax.lax.scan(lambda s, _: step(s), state, length=updates)
    return snn.accuracy(scores(state.weights, test_xs), test_labels)


# %% [markdown]
# ## All combinations at once
#
# `vmap` turns a function of numbers into one of arrays of numbers, one axis for each
# use: seeds innermost, then learning rates, then slopes. `jit` compiles the whole once.
# With PyTorch this would be three nested loops and as many trainings one after another.

# %%
rates = jnp.array([1e-3, 1e-2, 1e-1])
slopes = jnp.array([1.0, 10.0, 100.0])
seeds = jnp.arange(3)


def of_all_seeds(shape, learning_rate):
    return jax.vmap(lambda seed: train(shape, learning_rate, seed))(seeds)


def of_all_rates(shape):
    return jax.vmap(lambda rate: of_all_seeds(shape, rate))(rates)


of_all = jax.jit(jax.vmap(of_all_rates))
found = {
    kind.__name__: np.asarray(of_all(kind(values)))
    for kind, values in (
        (SuperSpike, slopes),
        (Triangle, slopes / 5),
        (Gaussian, slopes),
    )
}
accuracy = found["SuperSpike"]
print(f"{accuracy.shape}: slopes, learning rates, seeds")

# %% [markdown]
# One combination by itself gives what it gave among others:

# %%
alone = jax.jit(train)(SuperSpike(slopes[1]), rates[1], seeds[2])
print(f"alone {float(alone):.4f}, among others {accuracy[1, 1, 2]:.4f}")
assert abs(float(alone) - accuracy[1, 1, 2]) < 0.05

# %% [markdown]
# ## Effect or luck?
#
# The deviation among seeds is luck, and the error of a mean is that over the root of
# their number; what differs by less than twice the error should not be believed.

# %%
for name, hits in found.items():
    mean, deviation = hits.mean(axis=-1), hits.std(axis=-1, ddof=1)
    row, column = np.unravel_index(mean.argmax(), mean.shape)
    error = deviation[row, column] / np.sqrt(len(seeds))
    print(
        f"{name:<11} best {mean[row, column]:.3f} ± {error:.3f} with the slope number "
        f"{row} and a learning rate of {float(rates[column]):g}"
    )
best = {name: hits.mean(axis=-1).max() for name, hits in found.items()}
of_rate = np.ptp(accuracy.mean(axis=(0, 2)))
of_slope = np.ptp(accuracy.mean(axis=(1, 2)))
of_shape = np.ptp(list(best.values()))
luck = accuracy.std(axis=-1, ddof=1).mean()
print(
    f"largest difference by learning rate {of_rate:.2f}, by slope {of_slope:.2f}, "
    f"by shape at its best {of_shape:.2f}; deviation among seeds {luck:.2f}"
)
assert min(best.values()) > 0.8
assert of_rate > 3 * of_slope
assert of_shape < luck

sweep_figure, axes = plot.figure(1, 3, (13.0, 3.8))
for ax, (name, hits) in zip(axes[0], found.items(), strict=True):
    drawn = ax.imshow(hits.mean(axis=-1), vmin=0.25, vmax=1.0, origin="lower")
    for i in range(len(slopes)):
        for j in range(len(rates)):
            ax.text(j, i, f"{hits[i, j].mean():.2f}", ha="center", va="center")
    used = slopes / 5 if name == "Triangle" else slopes
    ax.set_xticks(range(len(rates)), [f"{r:g}" for r in rates.tolist()])
    ax.set_yticks(range(len(slopes)), [f"{s:g}" for s in used.tolist()])
    ax.set(xlabel="learning rate", title=f"{name}: test accuracy")
axes[0, 0].set_ylabel("slope")
plot.show(sweep_figure, "12_sweep")

luck_figure, axes = plot.figure(1, 1, (6.0, 3.4))
for i, slope in enumerate(slopes.tolist()):
    shift = 1.03**i
    axes[0, 0].errorbar(
        np.asarray(rates) * shift,
        accuracy[i].mean(axis=-1),
        accuracy[i].std(axis=-1, ddof=1),
        fmt="o-",
        ms=4,
        capsize=2,
        label=f"slope {slope:g}",
    )
axes[0, 0].set(xscale="log", xlabel="learning rate", ylabel="test accuracy")
axes[0, 0].set_title("SuperSpike: means and deviations of three seeds")
axes[0, 0].legend(frameon=False, fontsize=8)
plot.show(luck_figure, "12_luck")

# %% [markdown]
# ## A sweep that lasts for hours
#
# `snnjax.training.sweep` takes the same function and lists of numbers, works through
# all combinations on all devices, and keeps a table on disk that grows: a sweep that
# was cut off goes on where it was. `snnjax sweep digits --slope 1 10 100 --seeds 3`
# does that for the ready-made tasks.
