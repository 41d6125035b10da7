# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Hearing: from sound to classes
#
# **Before this:** [a first classifier](06_first_classifier), [recurrence and
# memory](08_recurrence_and_memory).
#
# **Question.** A recording is one column of pressures, 16 000 a second. How does it
# become spikes that a network can read, and how are recordings of unequal length
# treated?
#
# **Answer.** An ear of filters, one for each pitch, makes events: when, which channel.
# Counted in bins they are a raster; a mask says where a short recording has ended. A
# recurrent network of 64 neurons tells four kinds of sounds by their course in time
# (a tone that rises, one that falls, and two vowels that glide into each other, either
# way), in noise, of voices it has not heard: more than 90 of 100 right.

# %%
import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import plot
from snnjax.analysis import confusion
from snnjax.events import rasterize
from snnjax.learning import mean_over_time
from snnjax.senses.hearing import gammatone
from snnjax.training import epoch_rows, fit, init_train_state, make_step

# %% [markdown]
# ## Sounds
#
# Made here, so that nothing need be downloaded: each with a pitch, a length and a noise
# of its own. For recordings of yours, `snnjax.datasets.read_sound` gives samples and
# their rate, and `snnjax.datasets.sound_folder` lists a folder.

# %%
hertz = 16_000
kinds = ("rises", "falls", "a to i", "i to a")


def sound(kind, rng):
    seconds = rng.uniform(0.15, 0.25)
    t = np.arange(round(seconds * hertz)) / hertz
    part = t / seconds
    if kind in ("falls", "i to a"):
        part = 1.0 - part
    if kind in ("rises", "falls"):
        tone = rng.uniform(400, 800) * 4.0**part  # two octaves
        wave = np.sin(2 * np.pi * np.cumsum(tone) / hertz)
    else:
        pitch = rng.uniform(90, 220)
        partials = pitch * np.arange(1, int(3500 / pitch))
        first, second = 700 - 400 * part, 1200 + 1100 * part  # resonances of the mouth
        heights = sum(
            np.exp(-(((partials - f[:, None]) / 150.0) ** 2)) for f in (first, second)
        )
        wave = (heights * np.cos(2 * np.pi * partials * t[:, None])).sum(axis=1)
    return wave / wave.std() + 0.3 * rng.standard_normal(len(t))


rng = np.random.default_rng(0)
labels = np.arange(240) % 4
clips = [sound(kinds[label], rng) for label in labels]
lengths = np.array([len(clip) / hertz for clip in clips])
print(f"{len(clips)} clips of {lengths.min():.2f} to {lengths.max():.2f} s")

# %% [markdown]
# ## An ear
#
# `gammatone.encode` filters each clip as the inner ear does, and lets one neuron fire
# for each channel. Channel 0 hears the highest tones. Events are kept as lists of times
# and channels; `rasterize` counts them in bins of 2 ms, `[T, clips, channels]`. Clips
# end before the raster does, so a mask `[T, clips]` says which steps are sound.

# %%
dt, steps, channels = 2e-3, 130, 40
events = gammatone.encode(clips, hertz, channels=channels, high=4000.0)
raster = rasterize(events, steps=steps, dt=dt)
print(f"raster {raster.shape}, {len(events.times) / len(clips):.0f} events a clip")
mask = dt * np.arange(steps)[:, None] < lengths

ear_figure, axes = plot.figure(2, 4, (13.0, 5.2))
for k, kind in enumerate(kinds):
    plot.spectrogram(axes[0, k], clips[k], hertz, title=kind)
    plot.raster(axes[1, k], raster[:, k] > 0, dt=dt)
    axes[1, k].invert_yaxis()
plot.show(ear_figure, "10_ear")

# %% [markdown]
# ## A network that listens
#
# The readout is the mean voltage over the steps that count. 160 clips are to learn
# from, 80 for the test.

# %%
net = snn.chain(
    hidden=snn.recurrent(channels, 64, snn.lif(64)),
    readout=snn.dense(64, 4),
    out=snn.li(4),
    outputs=("hidden", "out"),
)
learned, tested = slice(0, 160), slice(160, 240)


def scores(weights, xs, mask):
    _, ys = snn.unroll(net, weights, xs, dt=dt)
    return mean_over_time(ys["out"], mask)


def loss(weights, xs, labels, mask):
    guesses = scores(weights, xs, mask)
    return snn.cross_entropy(guesses, labels), {
        "accuracy": snn.accuracy(guesses, labels)
    }


def batches(epoch):
    for rows in epoch_rows(0, epoch, 160, 32):
        yield raster[:, rows], labels[rows], mask[:, rows]


optimizer = optax.adam(5e-3)
done = fit(
    jax.jit(make_step(loss, optimizer, has_aux=True)),
    init_train_state(net.init(jax.random.key(0)), optimizer),
    batches,
    epochs=30,
    progress=False,
)

# %% [markdown]
# ## What it heard

# %%
xs, truth = jnp.asarray(raster[:, tested]), labels[tested]
guesses = jax.jit(scores)(done.state.weights, xs, mask[:, tested])
told = np.asarray(guesses.argmax(axis=-1))
hit = np.mean(told == truth)
print(f"{hit:.3f} of {len(truth)} new clips are right; chance is 0.25")
assert hit > 0.85

# %% [markdown]
# Does it listen to the course in time, or only to which tones there are? Play the test
# clips backwards, within their length: what rises then falls. A network that listens to
# the course now names the opposite.

# %%
last = (mask[:, tested].sum(axis=0) - 1)[None, :]
at = np.arange(steps)[:, None]
turned = np.where(at <= last, last - at, at)
backwards = np.take_along_axis(raster[:, tested], turned[..., None], axis=0)
of_turned = np.asarray(
    jax.jit(scores)(done.state.weights, backwards, mask[:, tested]).argmax(axis=-1)
)
opposite = np.array([1, 0, 3, 2])[truth]
print(f"played backwards, {np.mean(of_turned == opposite):.2f} are named the opposite")
assert np.mean(of_turned == opposite) > 0.7

heard_figure, axes = plot.figure(1, 3, (13.0, 3.8))
axes[0, 0].plot([row["accuracy"] for row in done.history], ".-")
axes[0, 0].set(xlabel="epoch", ylabel="training accuracy", ylim=(0, 1.02))
plot.confusion_matrix(
    axes[0, 1], confusion(truth, told, 4), title="forwards", classes=kinds
)
plot.confusion_matrix(
    axes[0, 2], confusion(truth, of_turned, 4), title="backwards", classes=kinds
)
plot.show(heard_figure, "10_heard")
