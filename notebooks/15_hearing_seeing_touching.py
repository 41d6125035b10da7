# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Hearing, seeing, touching
#
# **Before this:** [spikes and codes](02_spikes_and_codes).
#
# **Question.** A brain is never shown a waveform, an image or a pressure. What reaches
# it of a spoken word, a written digit, a letter of Braille?
#
# **Answer.** Changes, mostly. An ear takes a word apart by frequency, and of some
# 2800 nerve fibres that fire all the time it passes on the moments in which many agree.
# A retina reports where light differs from its surroundings and when it came or went. A
# fingertip tells when a pressure passes another level. Each sense below is drawn stage
# by stage. Recordings are read where `SNNJAX_DATA` leads to them, else something
# simpler stands in, and a line says so.

# %%
import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from snnjax import plot
from snnjax.datasets import braille, digits, fsdd_recordings, mnist, read_sound
from snnjax.inputs import level_crossing, level_reconstruction
from snnjax.senses import (
    MechanoreceptorParams,
    directions,
    event_camera,
    ganglion_rates,
    inhomogeneous_poisson,
    mosaic,
    whisker_currents,
)
from snnjax.senses.hearing import (
    auditory_nerve,
    basilar_membrane,
    best_frequencies,
    bushy_cells,
    cochlea,
    gammatone,
    hair_cell,
    transfer_matrix,
)

# %% [markdown]
# ## A word
#
# `cochlea.encode(clip, rate, key)` does all that follows in one call. By hand, stage by
# stage: the clip is brought to 48 kHz and an RMS of 0.3, and moves the basilar
# membrane, stiff at its base and soft at its apex, so that each place answers to a tone
# of its own. `causal=True` makes it move after the sound; as published it moves before.
# High tones come first: every pulse of the voice is a streak that leans to the right.


# %%
def vowel(rate=8000, seconds=0.5):
    """A voice of 120 Hz that glides from "a" to "i": pulses through two resonances."""
    t = np.arange(round(seconds * rate)) / rate
    partials = 120.0 * np.arange(1, 32)
    at = t[:, None] / seconds
    first, second = 700 + at * (300 - 700), 1200 + at * (2300 - 1200)
    heights = sum(np.exp(-(((partials - f) / 150.0) ** 2)) for f in (first, second))
    return (heights * np.cos(2 * np.pi * partials * t[:, None])).sum(axis=1), rate


def a_word():
    try:
        recordings = fsdd_recordings()
    except FileNotFoundError:
        print("No Free Spoken Digits at hand: a synthetic vowel stands in.")
        return *vowel(), "a synthetic vowel, “a” to “i”"
    told = zip(recordings.paths, recordings.labels, recordings.group, strict=True)
    path = next(p for p, label, who in told if (label, who) == (7, 1))
    return *read_sound(path), f"“seven”, spoken by {recordings.speakers[1]}"


clip, rate, title = a_word()
channels = 70
hertz = best_frequencies(channels)
sound = jnp.asarray(cochlea.prepare(clip, rate))
sound = sound[: len(sound) // 2 * 2]
velocity = basilar_membrane(
    sound, transfer_matrix(channels, len(sound), causal=True), even=True
)

# %% [markdown]
# Hair cells let transmitter go when the membrane moves one way, which makes the chance
# of a spike in each of the 40 fibres of a place. Fibres fire in silence, too, at 65 Hz.
# A bushy cell fires only when several of its fibres do so within a millisecond: in
# silence once a second. So the nerve says little by how much it fires, a few per cent
# more than in silence, and much by when.

# %%
chance = hair_cell(velocity, dt=cochlea.DT)
nerve = auditory_nerve(jax.random.key(0), chance, dt=cochlea.DT)
bushy = bushy_cells(nerve, dt=cochlea.DT)

silent = jnp.zeros((24_000, channels))
at_rest = auditory_nerve(
    jax.random.key(1), hair_cell(silent, dt=cochlea.DT), dt=cochlea.DT
)
seconds = len(nerve) * cochlea.DT
print(f"{title}, {seconds:.2f} s")
print(
    f"spikes of the nerve  {nerve.sum():6d}, in silence {at_rest.sum() * seconds:.0f}"
)
in_silence = bushy_cells(at_rest, dt=cochlea.DT).sum()
print(f"of the bushy cells   {bushy.sum():6d}, in silence {in_silence * seconds:.0f}")
assert (
    abs(at_rest.sum() / (40 * channels) - 61) < 4
)  # 65 Hz, less 1 ms after each spike
assert in_silence < 2.5 * channels
assert nerve.sum() < 1.1 * at_rest.sum() * seconds
assert bushy.sum() > 5 * in_silence * seconds

# %% [markdown]
# Beside it the light ear, `gammatone.encode`: filters, a rectifier, a compression,
# leaky neurons, and nothing random. It costs much less and keeps the outlines; what it
# lacks is the adaptation of the hair cells, which marks beginnings.

# %%
light = gammatone.encode(clip, rate, channels=channels, high=3900.0)
light_hertz = gammatone.erb_space(100.0, 3900.0, channels)
print(f"of the light ear     {len(light.times):6d}")


def by_tone(ax, frequencies):
    """Names channels by the tones that they hear best."""
    tones = [t for t in (100, 250, 500, 1000, 2000, 4000, 8000) if t < frequencies[0]]
    at = np.interp(np.log(tones), np.log(frequencies[::-1]), np.arange(channels)[::-1])
    ax.set_yticks(at, [f"{tone / 1e3:g}" for tone in tones])
    ax.set(xlim=(0, 1e3 * seconds), ylim=(channels - 0.5, -0.5), ylabel="place (kHz)")


def heat(ax, values, title, **look):
    """Draws ``[T, n]`` as colours, channel 0 on top, in bins of about 1 ms."""
    bins = values[: len(values) // 24 * 24].reshape(-1, 24, channels)
    across = (0, 1e3 * seconds, channels - 0.5, -0.5)
    look = {"aspect": "auto", "extent": across, "interpolation": "nearest"} | look
    drawn = ax.imshow(look.pop("of", np.mean)(bins, axis=1).T, **look)
    ax.set_title(title)
    by_tone(ax, hertz)
    return drawn


hearing, axes = plot.figure(3, 2, (12.0, 8.6))
wave, membrane, hair, fibres, cells, other = axes.flat
wave.plot(1e3 * np.arange(len(sound)) / cochlea.RATE, sound, color="black", lw=0.5)
wave.set(xlim=(0, 1e3 * seconds), ylabel="pressure", title=title)
size = float(jnp.quantile(jnp.abs(velocity), 0.999))
strongest = heat(
    *(membrane, np.abs(np.asarray(velocity)), "basilar membrane: speed"),
    **{"of": np.max, "cmap": "viridis", "vmax": size},
)
hearing.colorbar(strongest, ax=membrane, label="peak of 1 ms")
drawn = heat(
    *(hair, np.asarray(chance) / cochlea.DT, "hair cells: what they ask of a fibre"),
    **{"cmap": "magma", "vmin": 0},
)
hearing.colorbar(drawn, ax=hair, label="rate (Hz)")
drawn = heat(
    *(fibres, np.asarray(nerve), "auditory nerve: spikes of 40 fibres"),
    **{"of": np.sum, "cmap": "magma", "vmin": 0},
)
hearing.colorbar(drawn, ax=fibres, label="spikes in 1 ms")
step, unit = np.nonzero(bushy)
rows = (step * cochlea.DT, unit, hertz, cells, "bushy cells: spikes")
for when, who, places, ax, name in (
    rows,
    (light.times, light.units, light_hertz, other, "light ear: spikes"),
):
    ax.scatter(1e3 * when, who, s=1.5, c="black", linewidths=0)
    ax.set_title(name)
    by_tone(ax, places)
    ax.set_xlabel("time (ms)")
plot.show(hearing, "15_hearing")

# %% [markdown]
# ## A digit
#
# It appears on a grey background for 150 ms. Each of two mosaics has a ganglion cell at
# every pixel. A cell weighs its centre against its surround and the moment against the
# past, so that edges and instants win over what is even and what stays. ON cells answer
# to light where it comes, OFF cells beside it, and where it goes.


# %%
def a_digit():
    try:
        found = mnist("test")
        return found.x[4].reshape(28, 28) / 255.0, found.labels[4]
    except FileNotFoundError:
        print("No MNIST at hand: a digit of scikit-learn, 8 x 8 pixels, stands in.")
        found = digits("test")
        return np.kron(found.x[4] / 16.0, np.ones((2, 2))), found.labels[4]


dt = 1e-3
image, label = a_digit()
image = jnp.asarray(image, jnp.float32)
height, width = image.shape
shown = (jnp.arange(300) >= 50) & (jnp.arange(300) < 200)
rates = ganglion_rates(shown[:, None, None] * image, dt=dt)
spikes = inhomogeneous_poisson(jax.random.key(2), rates, dt=dt)
n = len(mosaic(height, width))
on, off = rates[:, :n], rates[:, n:]
print(f"a {label}: {spikes.sum():.0f} spikes of {2 * n} cells in 0.3 s")
assert on[70].max() > 1.5 * on[190].max() > 30  # what stays is reported less
assert off[220].max() > 1.5 * off[190].max()

# %% [markdown]
# An event camera is the simpler eye: a pixel fires when the logarithm of its light has
# risen or fallen by a threshold. Of a digit that stands still it reports nothing; of
# one that moves, the edge in front and the edge behind. No movement is lost: ON less
# OFF events, times the threshold, is the change of log intensity.

# %%
speed, threshold = 100.0, 0.2  # [pixels/s], [log units]
padded = jnp.pad(image, ((0, 0), (2, 12)))
row, column = jnp.meshgrid(*map(jnp.arange, padded.shape), indexing="ij")
moved = jax.vmap(
    lambda t: jax.scipy.ndimage.map_coordinates(
        padded, [row, column - speed * t], order=1
    )
)(dt * jnp.arange(100))
light_of = 0.1 + moved
events = event_camera(light_of, dt=dt, threshold=threshold)
told = threshold * (events[..., 0] - events[..., 1]).sum(axis=0)
print(f"event camera: {events.sum():.0f} events in 0.1 s")
np.testing.assert_allclose(told, jnp.log(light_of[-1] / light_of[0]), atol=threshold)
assert event_camera(light_of[:1].repeat(20, 0), dt=dt, threshold=threshold).sum() == 0

seeing, axes = plot.figure(2, 4, (13.0, 6.2))
most = float(rates.max())
for ax, seen, name in (
    (axes[0, 0], image, f"a {label}, shown from 50 to 200 ms"),
    (axes[0, 1], on[70].reshape(height, width), "ON, 20 ms after it came"),
    (axes[0, 2], off[70].reshape(height, width), "OFF, 20 ms after it came"),
    (axes[0, 3], off[220].reshape(height, width), "OFF, 20 ms after it went"),
):
    if seen is image:
        ax.imshow(seen, cmap="gray", vmin=-1, vmax=1)
    else:
        drawn = ax.imshow(seen, cmap="magma", vmin=0, vmax=most)
    ax.set_title(name, fontsize=10)
    ax.set(xticks=[], yticks=[])
seeing.colorbar(drawn, ax=axes[0, 3], label="rate (Hz)")
for kind, color, first in (("ON", "#d55e00", 0), ("OFF", "#0072b2", n)):
    step, unit = np.nonzero(spikes[:, first : first + n])
    axes[1, 0].scatter(1e3 * dt * step, unit + first, s=1, color=color, linewidths=0)
    mean = rates[:, first : first + n].mean(axis=1)
    axes[1, 1].plot(1e3 * dt * np.arange(300), mean, color=color, label=kind)
axes[1, 0].set(
    xlabel="time (ms)", ylabel="cell, OFF above ON", title="spikes, pixels row by row"
)
axes[1, 0].set(xlim=(0, 300), ylim=(0, 2 * n))
axes[1, 1].set(xlabel="time (ms)", ylabel="mean rate (Hz)", title="all cells")
axes[1, 1].legend(frameon=False)
for ax, at in zip(axes[1, 2:], (10, 80), strict=True):
    some = np.asarray(events[at : at + 10].sum(axis=0))
    ax.imshow(some[..., 0] - some[..., 1], cmap="RdBu_r", vmin=-6, vmax=6)
    ax.set_title(f"event camera, {at} to {at + 10} ms", fontsize=10)
    ax.set(xticks=[], yticks=[], xlabel="red: brighter, blue: darker")
plot.show(seeing, "15_seeing")

# %% [markdown]
# ## A letter of Braille
#
# A robot's fingertip slides over a letter, and four of its taxels may feel it, 40 times
# a second. Each has two channels, for rising and for falling pressure, and sends an
# event for every level that is crossed. From the events and where it started, the
# pressure comes back to within one level. An A is one dot, which taxel 6 feels; an E
# has a second, lower and further right, which taxel 1 feels half a second later.


# %%
def a_letter(letter):
    try:
        found = braille("test")
    except FileNotFoundError:
        return None
    row = np.flatnonzero(found.labels == found.classes.index(letter))[0]
    pressure = 255.0 - found.x[row, : found.lengths[row]].astype(np.float32)
    return jnp.asarray(pressure[:, [1, 2, 6, 10]])


def bumps(columns):
    """Two columns of dots that pass under four taxels, one a row."""
    at = np.arange(76)[:, None] / 40.0
    return jnp.asarray(
        sum(
            100.0 * np.isin(range(1, 5), rows) * np.exp(-(((at - t) / 0.12) ** 2))
            for rows, t in zip(columns, (0.9, 1.4), strict=True)
        ),
        jnp.float32,
    )


letters = {name: a_letter(name) for name in ("A", "E")}
if letters["A"] is None:
    print("No Braille letters at hand: smooth bumps in their places stand in.")
    letters = {"A": bumps([(3,), ()]), "E": bumps([(3,), (1,)])}
delta = 5.0
touched = {name: level_crossing(x, delta=delta) for name, x in letters.items()}
for name, x in letters.items():
    again = level_reconstruction(touched[name], delta=delta, start=x[0])
    assert np.max(np.abs(again - x)) < delta
    print(f"{name}: {touched[name].sum():.0f} events of {x.size} samples")

# %% [markdown]
# A whisker is bent, held and let go. Afferents at its root prefer one direction each:
# slowly adapting ones follow the deflection, rapidly adapting ones its speed. What is
# left after half of a cosine is cut off is their tuning.

# %%
angles = directions(24)
bend = np.interp(np.arange(300), [20, 50, 200, 230], [0.0, 1.0, 1.0, 0.0])
towards = np.pi / 3
deflection = jnp.asarray(
    bend[:, None] * [np.cos(towards), np.sin(towards)], jnp.float32
)
kinds = {
    "slowly adapting": MechanoreceptorParams(position=2.0, velocity=0.0),
    "rapidly adapting": MechanoreceptorParams(position=0.0, velocity=0.06),
}
felt = {
    name: whisker_currents(deflection, angles, dt=dt, params=params)
    for name, params in kinds.items()
}
neurons = snn.lif(24, snn.LIFParams(tau_mem=10e-3, tau_syn=None))
fired = {name: snn.unroll(neurons, (), x, dt=dt)[1] for name, x in felt.items()}
np.testing.assert_allclose(
    felt["slowly adapting"][100],
    2.0 * np.maximum(np.cos(angles - towards), 0.0),
    atol=1e-5,
)
opposite = int(np.argmin(np.cos(angles - towards)))
counts = {name: np.asarray(spikes.sum(axis=0)) for name, spikes in fired.items()}
assert counts["slowly adapting"][opposite] == 0
assert counts["rapidly adapting"][opposite] > 0  # as the whisker is let go

touching, axes = plot.figure(2, 3, (13.0, 6.4))
for (name, x), ax, under in zip(letters.items(), axes[0], axes[1], strict=False):
    at = np.arange(len(x)) / 40.0
    for k, color in enumerate(("#0072b2", "#d55e00", "#009e73", "#e69f00")):
        ax.plot(at, x[:, k], color=color, label=f"taxel {(1, 2, 6, 10)[k]}")
        for sign, mark in ((0, "^"), (4, "v")):
            hit = np.flatnonzero(touched[name][:, sign + k])
            many = np.asarray(touched[name][hit, sign + k])
            height = np.full(len(hit), k + (0.18 if sign == 0 else -0.18))
            under.scatter(at[hit], height, s=10 * many, color=color, marker=mark)
    ax.set(xlabel="time (s)", ylabel="pressure", title=f"Braille {name}: pressure")
    under.set(xlabel="time (s)", yticks=range(4), title=f"Braille {name}: events")
    under.set_yticklabels([f"taxel {k}" for k in (1, 2, 6, 10)])
    under.set(xlim=ax.get_xlim(), ylim=(-0.6, 3.6))
axes[0, 0].legend(frameon=False, fontsize=8)
for (name, spikes), color, shift in zip(
    fired.items(), ("#0072b2", "#d55e00"), (0, 0.3), strict=True
):
    step, unit = np.nonzero(spikes)
    degrees = np.degrees(np.asarray(angles))
    axes[0, 2].plot(
        step, degrees[unit] + 15 * shift, "|", color=color, ms=5, label=name
    )
    axes[1, 2].plot(degrees, counts[name], "o-", color=color, ms=4, label=name)
axes[0, 2].plot(1e3 * dt * np.arange(300), 330 + 60 * bend, color="black", lw=1)
axes[0, 2].set(xlabel="time (ms)", ylabel="preferred direction (°)", ylim=(-10, 400))
axes[0, 2].set_title("whisker: deflection (black), spikes")
axes[1, 2].axvline(np.degrees(towards), color="0.5", ls=":")
axes[1, 2].set(xlabel="preferred direction (°)", ylabel="spikes", title="tuning")
axes[1, 2].legend(frameon=False, fontsize=8)
for ax in (axes[0, 2], axes[1, 2]):
    ax.set(**{"yticks" if ax is axes[0, 2] else "xticks": [0, 60, 120, 180, 240, 300]})
plot.show(touching, "15_touching")
