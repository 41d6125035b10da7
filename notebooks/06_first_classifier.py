# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A first classifier, from data to file
#
# **Before this:** [losses and readouts](05_losses_and_readouts); nothing of JAX beyond
# what the steps before have used.
#
# **Question.** How does one train a spiking network as one would any other: load data,
# split them, fit, test, see which mistakes are made, save the network, and use it again
# tomorrow?
#
# **Answer.** About sixty lines. Each pixel has two cells, one that fires the sooner the
# brighter it is, one the sooner the darker. From their spikes a network of 128 hidden
# neurons gets more than 90 of 100 test digits right, after seconds on a laptop, and one
# file holds the network, its weights and what else one must know to use it.

# %%
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import parts, plot
from snnjax.analysis import confusion
from snnjax.datasets import digits
from snnjax.inputs import latency
from snnjax.training import epoch_rows, fit, init_train_state, make_step

dt = 1e-3
coding = {"tau": 20e-3, "threshold": 0.1, "steps": 40, "dt": dt}

# %% [markdown]
# ## Load and split
#
# `digits` brings 1797 images of 8x8 pixels in three parts that never change: one to
# learn from, one to choose by (validation), one to be looked at once, at the end. As
# spikes they have time first: `[T, samples, cells]`.


# %%
def glance(images, **coding):
    """Two cells for each pixel: one fires sooner for brighter, one for darker."""
    return latency(np.concatenate([images, 1.0 - images], axis=1), **coding)


def load(split):
    found = digits(split)
    images = found.x.reshape(len(found.x), -1).astype(np.float32) / 16.0
    return glance(images, **coding), jnp.asarray(found.labels)


xs, labels = load("train")
validation_xs, validation_labels = load("validation")
test_xs, test_labels = load("test")
for name, x in (("train", xs), ("validation", validation_xs), ("test", test_xs)):
    print(f"{name:<11}{x.shape}")

# %% [markdown]
# ## The network
#
# A chain of cells, by name. It holds no weights itself: `net.init(key)` draws them, and
# every function takes them as an argument. `parts.summary` tells what it is made of and
# how much it fires.

# %%
net = snn.chain(
    input=snn.dense(128, 128),
    hidden=snn.lif(128),
    readout=snn.dense(128, 10),
    out=snn.li(10),
    outputs=("hidden", "out"),
)
weights = net.init(jax.random.key(0))
print(parts.summary(net, weights, xs[:, :50], dt=dt))

# %% [markdown]
# ## Fit
#
# Three functions: a loss; batches of an epoch, in an order that its number decides; and
# what to measure on validation data. `fit` does the rest: it repeats the update, shows
# progress, and keeps the weights of the best epoch. With `folder=…` it would go on
# after an interruption, to the same bits. `jax.jit` compiles the update at its first
# call.


# %%
def scores(weights, xs):
    _, ys = snn.unroll(net, weights, xs, dt=dt)
    return snn.learning.mean_over_time(ys["out"])


def loss(weights, xs, labels):
    guesses = scores(weights, xs)
    return snn.cross_entropy(guesses, labels), {
        "accuracy": snn.accuracy(guesses, labels)
    }


def batches(epoch):
    for rows in epoch_rows(0, epoch, len(labels), 64):
        yield xs[:, rows], labels[rows]


@jax.jit
def validate(weights):
    guesses = scores(weights, validation_xs)
    return {"accuracy": snn.accuracy(guesses, validation_labels)}


optimizer = optax.adam(5e-3)
done = fit(
    jax.jit(make_step(loss, optimizer, has_aux=True)),
    init_train_state(weights, optimizer),
    batches,
    epochs=20,
    validate=validate,
    progress=False,
)
print(f"best epoch {done.best_epoch}: {done.best['validation_accuracy']:.3f} right")

# %% [markdown]
# ## Test
#
# Once, on digits that nothing above has seen. A row of the matrix is a digit, a column
# what it was taken for.

# %%
guesses = np.asarray(jax.jit(scores)(done.best_weights, test_xs).argmax(axis=-1))
hit = float(np.mean(guesses == test_labels))
error = np.sqrt(hit * (1 - hit) / len(guesses))
counts = confusion(np.asarray(test_labels), guesses, 10)
print(f"test accuracy {hit:.3f} ± {error:.3f} of {len(guesses)} digits")
assert hit > 0.85
assert counts.trace() == np.sum(guesses == test_labels)

fit_figure, axes = plot.figure(1, 3, (13.0, 3.8))
epochs = [row["epoch"] for row in done.history]
for name in ("accuracy", "validation_accuracy"):
    axes[0, 0].plot(epochs, [row[name] for row in done.history], ".-", label=name)
axes[0, 0].set(xlabel="epoch", ylim=(0.5, 1.0))
axes[0, 0].legend(frameon=False)
plot.confusion_matrix(axes[0, 1], counts, title="label (row), guess (column)")
sample = int(np.flatnonzero(guesses == test_labels)[0])
_, ys = snn.unroll(net, done.best_weights, test_xs[:, sample : sample + 1], dt=dt)
plot.voltages(
    axes[0, 2],
    np.asarray(ys["out"][:, 0]),
    dt=dt,
    title=f"voltages for a {test_labels[sample]}",
    bold=int(test_labels[sample]),
)
plot.show(fit_figure, "06_fit")

# %% [markdown]
# ## Which mistakes?

# %%
wrong = np.flatnonzero(guesses != test_labels)[:8]
images = digits("test").x
wrong_figure, axes = plot.figure(1, 8, (12.0, 2.0))
for ax in axes[0]:
    ax.set_axis_off()
for ax, k in zip(axes[0], wrong, strict=False):
    ax.imshow(images[k].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"{test_labels[k]}, read as {guesses[k]}", fontsize=8)
plot.show(wrong_figure, "06_mistakes")

# %% [markdown]
# ## Save, and use it again
#
# The file holds the weights, the network as a recipe in words, and notes: here the code
# of the images and the time step, without which the weights would mean little. `load`
# makes the network again and needs nothing of this program.

# %%
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "digits.safetensors"
    snn.save(file, done.best_weights, network=net, notes=coding | {"accuracy": hit})
    print(f"{file.name}: {file.stat().st_size / 1024:.0f} kB")
    network, loaded, notes = snn.load(file)

image = images[sample].reshape(1, -1).astype(np.float32) / 16.0
code = {name: notes[name] for name in coding}
_, ys = snn.unroll(network, loaded, glance(image, **code), dt=notes["dt"])
guess = int(ys["out"].mean(axis=0).argmax())
print(f"read again: a {guess}")
assert guess == guesses[sample]
