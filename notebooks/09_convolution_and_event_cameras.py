# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Convolution and event cameras
#
# **Before this:** [a first classifier](06_first_classifier).
#
# **Question.** An event camera sends no images: each pixel tells by itself when it has
# become brighter or darker. How does a spiking network see with one, and what can it
# see that one image could not show?
#
# **Answer.** Its events are spikes already, `[T, batch, height, width, 2]`, and a
# convolution slides the same weights over all places. A small network of maps tells
# in which of four directions a bar moves, in more than 95 of 100 films that it never
# saw. All events of a film added up to one image tell only how the bar lies, for which
# it moves both ways: a half of the answer, and 50 of 100 right.

# %%
import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import parts, plot
from snnjax.learning import mean_over_time
from snnjax.networks import convolution, flatten, normal, spiking
from snnjax.senses import event_camera
from snnjax.training import init_train_state, make_step

dt, steps, side = 4e-3, 25, 16

# %% [markdown]
# ## Films
#
# A bright bar wanders over a dark ground, at a speed and from a place of its own. The
# camera sees it come (ON) and go (OFF). No recording is needed for this: the camera of
# `snnjax.senses` makes events from films as a real one does.

# %%
directions = ("right", "left", "down", "up")


def films(key, batch):
    kind, speed, start, length = jax.random.split(key, 4)
    labels = jax.random.randint(kind, (batch,), 0, 4)
    v = jax.random.uniform(speed, (batch,), minval=40.0, maxval=100.0)  # [pixels/s]
    way = jnp.where(labels % 2 == 0, 1.0, -1.0)
    begin = jax.random.uniform(start, (batch,), minval=0.0, maxval=side)
    t = dt * jnp.arange(steps)[:, None]
    at = (begin + way * v * t) % side  # [T, B]; what leaves comes in again
    off = jnp.abs(jnp.arange(side) - at[..., None])
    off = jnp.minimum(off, side - off)
    line = jnp.exp(-0.5 * (off / 0.8) ** 2)  # [T, B, side]
    lo = jax.random.randint(length, (batch, 1), 0, side // 2)
    there = (jnp.arange(side) >= lo) & (jnp.arange(side) < lo + side // 2)
    bar = line[:, :, None, :] * there[:, :, None]  # moves along the last axis
    return 0.1 + jnp.where((labels < 2)[:, None, None], bar, bar.swapaxes(2, 3)), labels


@jax.jit
def events_of(key):
    light, labels = films(key, 256)
    return event_camera(light, dt=dt, threshold=0.5), labels


light, labels = films(jax.random.key(0), 256)
xs, labels = events_of(jax.random.key(0))
print(f"events {xs.shape}: time, films, height, width, ON and OFF")
print(
    f"{xs.sum() / 256:.0f} events a film, {(xs > 0).mean():.1%} of all places and times"
)

film_figure, axes = plot.figure(2, 4, (12.0, 6.0))
for k in range(4):
    row = int(np.flatnonzero(labels == k)[0])
    axes[0, k].imshow(light[12, row], cmap="gray", vmin=0, vmax=1)
    axes[0, k].set_title(f"{directions[k]}: a frame")
    some = np.asarray(xs[10:14, row].sum(axis=0))
    axes[1, k].imshow(some[..., 0] - some[..., 1], cmap="RdBu_r", vmin=-3, vmax=3)
    axes[1, k].set_title("events of 16 ms")
    for ax in axes[:, k]:
        ax.set(xticks=[], yticks=[])
plot.show(film_figure, "09_films")

# %% [markdown]
# ## A network of maps
#
# Channels come last, as everywhere here. `convolution` has weights for one window and
# puts out currents; `lif(8)` then is a map of neurons of 8 kinds, as large as what
# comes in. A stride of two halves the image. `flatten` makes one long row of the maps
# for `dense` to read.


# %%
def strong(key, n_in, n_out):
    """Weights for neurons that are faster than usual, so that they fire as well."""
    return 2.5 * spiking(key, n_in, n_out)


def network():
    fast = snn.LIFParams(tau_mem=5e-3, tau_syn=2e-3)
    return snn.chain(
        input=convolution(2, 8, kernel=(5, 5), stride=2, init=strong),
        maps=snn.lif(8, fast),
        second=convolution(8, 16, kernel=(3, 3), stride=2, init=strong),
        small=snn.lif(16, fast),
        row=flatten(),
        readout=snn.dense(4 * 4 * 16, 4, init=normal),
        out=snn.li(4),
        outputs=("maps", "out"),
    )


net = network()
weights = net.init(jax.random.key(1))
print(parts.summary(net, weights, xs[:, :8], dt=dt))

# %% [markdown]
# ## Training
#
# Films are made anew for every update, inside the compiled loop: nothing is stored.


# %%
def scores(weights, xs):
    return mean_over_time(snn.unroll(net, weights, xs, dt=dt)[1]["out"])


def loss(weights, xs, labels):
    guesses = scores(weights, xs)
    return snn.cross_entropy(guesses, labels), {
        "accuracy": snn.accuracy(guesses, labels)
    }


optimizer = optax.adam(5e-3)
update = make_step(loss, optimizer, has_aux=True)


@jax.jit
def step(state, key):
    light, labels = films(key, 32)
    return update(state, event_camera(light, dt=dt, threshold=0.5), labels)


state, curve = init_train_state(weights, optimizer), []
for key in jax.random.split(jax.random.key(2), 300):
    state, metrics = step(state, key)
    curve.append(float(metrics["accuracy"]))

test_xs, test_labels = events_of(jax.random.key(3))
guesses = jax.jit(scores)(state.weights, test_xs)
hit = float(snn.accuracy(guesses, test_labels))
print(f"{hit:.3f} of {len(test_labels)} new films are right; chance is 0.25")
assert hit > 0.95

# %% [markdown]
# ## What one image tells
#
# Add up all events of a film and the order is lost. The best linear reader of these
# images (least squares, 4 x 256 films to learn from) knows how the bar lies; whether it
# went there or back is a matter of luck.

# %%
many = [events_of(jax.random.key(10 + k)) for k in range(4)]
images = np.concatenate([np.asarray(x.sum(axis=0)).reshape(256, -1) for x, _ in many])
known = np.concatenate([label for _, label in many])
wanted = np.eye(4)[known] - 0.25
square = images.T @ images + 100.0 * np.eye(images.shape[1])
reader = np.linalg.solve(square, images.T @ wanted)
still = np.asarray(test_xs.sum(axis=0)).reshape(256, -1) @ reader
of_image = np.mean(still.argmax(axis=1) == test_labels)
lies = np.mean(still.argmax(axis=1) // 2 == np.asarray(test_labels) // 2)
print(f"from one image: direction {of_image:.2f} right, how the bar lies {lies:.2f}")
assert hit > of_image + 0.2

seen_figure, axes = plot.figure(1, 3, (13.0, 3.6))
axes[0, 0].plot(curve, ".", ms=3)
axes[0, 0].set(xlabel="update", ylabel="training accuracy", ylim=(0, 1.02))
axes[0, 1].bar(["spiking network", "one image", "chance"], [hit, of_image, 0.25])
axes[0, 1].set(ylim=(0, 1), title="test accuracy")
row = int(np.flatnonzero(test_labels == 0)[0])
maps = snn.unroll(net, state.weights, test_xs[:, row : row + 1], dt=dt)[1]["maps"]
kinds = np.asarray(maps.sum(axis=(0, 1)))  # spikes of 8 x 8 places and 8 kinds
axes[0, 2].imshow(
    np.concatenate(np.split(np.concatenate(kinds.transpose(2, 0, 1), 1), 2, 1))
)
axes[0, 2].set(xticks=[], yticks=[], title="spikes of the 8 maps, a bar to the right")
plot.show(seen_figure, "09_seen")
