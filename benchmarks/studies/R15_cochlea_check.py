"""R15: is the artificial cochlea right?

Pure tones, clicks and spoken digits through 70 channels. The best channel of a tone is
the one whose membrane moves most. Phase locking is the vector strength of spikes at the
tone: of the nerve's (all fibres of the best channel), and of the bushy cells' behind
them, which are what the cochlea puts out. Refractoriness is read off single fibres and
bushy cells. The published chain lets the membrane move before a click, not after it
(see ``snnjax.senses.hearing.basilar``); this is measured as well, and how it should be
(``causal=True``) beside it. Spoken digits come from ``SNNJAX_DATA``, if any.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.criterion import above, at_least, below
from benchmarks.report import emit
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.datasets import fsdd, read_sound, select_recordings
from snnjax.senses.hearing import cochlea
from snnjax.senses.hearing.basilar import (
    basilar_membrane,
    best_frequencies,
    transfer_matrix,
)
from snnjax.senses.hearing.bushy import auditory_nerve, bushy_cells
from snnjax.senses.hearing.haircell import hair_cell

DT, STEPS = cochlea.DT, 12_000
BLUE, RED = "#0072b2", "#d55e00"
CLICKS = ("published", "causal")

LOCKED, FREE = 0.5, 0.2  # vector strength below 1 kHz at least, above 4 kHz at most


class Size(NamedTuple):
    tones: int = 25  # of 100 Hz to 6 kHz, in equal ratios, 0.5 s each
    channels: int = 70
    repeats: int = 512  # of the nerve and the bushy cell of a best channel
    words: int = 60
    seed: int = 0


FULL = Size(tones=50, channels=700, repeats=4096, words=300)


class Tones(NamedTuple):
    """What K tones did, each ``[K]``, but for the intervals."""

    frequency: np.ndarray  # [Hz]
    best: np.ndarray  # channel whose membrane moves most
    loudest: np.ndarray  # channel with the most spikes of bushy cells
    nerve: np.ndarray  # vector strength of the spikes of all fibres there
    bushy: np.ndarray  # vector strength of the spikes of bushy cells there
    error: np.ndarray  # what chance alone gives for so few bushy spikes, 1/√N
    rate: np.ndarray  # of bushy cells there [Hz]
    fiber_interval: float  # shortest of a single fibre [ms]
    bushy_interval: float  # shortest of a bushy cell [ms]


@jax.jit
def chances(audio, matrix):
    velocity = basilar_membrane(audio, matrix, even=True)
    return velocity, hair_cell(velocity, dt=DT)


@jax.jit
def fire(key, chance):
    counts = auditory_nerve(key, chance, dt=DT)
    return counts, bushy_cells(counts, dt=DT)


def vector_strength(counts, tone):
    """|Σ e^(iωt)| / N over all spikes, ``[T, n]``."""
    turns = np.exp(2j * np.pi * np.arange(len(counts)) * DT * tone)
    return np.abs(turns @ counts.sum(axis=1, dtype=int)) / counts.sum(dtype=int)


def hear_tone(size, tone, matrix, key):
    t = np.arange(2 * STEPS) / cochlea.RATE
    audio = cochlea.prepare(np.sin(2 * np.pi * tone * t), cochlea.RATE)
    velocity, chance = chances(jnp.asarray(audio, jnp.float32), matrix)
    best = int(np.argmax(np.mean(np.square(velocity), axis=0)))
    every, there, alone = jax.random.split(key, 3)
    eight = jnp.broadcast_to(chance[:, None], (STEPS, 8, size.channels))
    loudest = int(np.argmax(fire(every, eight)[1].sum(axis=(0, 1))))
    again = jnp.broadcast_to(chance[:, best, None], (STEPS, size.repeats))
    counts, spikes = map(np.asarray, fire(there, again))
    fiber = np.asarray(auditory_nerve(alone, again[:, :64], dt=DT, fibers=1))
    return Tones(
        frequency=tone,
        best=best,
        loudest=loudest,
        nerve=vector_strength(counts, tone),
        bushy=vector_strength(spikes, tone),
        error=spikes.sum() ** -0.5,
        rate=spikes.sum() / (spikes.size * DT),
        fiber_interval=shortest_interval(*times(fiber)),
        bushy_interval=shortest_interval(*times(spikes)),
    )


def hear_tones(size):
    matrix = jnp.asarray(transfer_matrix(size.channels, 2 * STEPS))
    tones = np.geomspace(100.0, 6000.0, size.tones)
    keys = jax.random.split(jax.random.key(size.seed), size.tones)
    each = [
        hear_tone(size, tone, matrix, key)
        for tone, key in zip(tones, keys, strict=True)
    ]
    found = Tones(*map(np.array, zip(*each, strict=True)))
    return found._replace(
        fiber_interval=found.fiber_interval.min(),
        bushy_interval=found.bushy_interval.min(),
    )


def times(spikes):
    """Who fired when [s], of a raster ``[T, n]``."""
    step, cell = np.nonzero(spikes)
    return cell, step * DT


def shortest_interval(cell, time):
    """Least time between two spikes of one cell [ms]; times in s."""
    order = np.lexsort((time, cell))
    return 1e3 * float(np.diff(time[order])[np.diff(cell[order]) == 0].min())


def hear_click(size, causal):
    """When each channel moves most [ms after the click], and how much comes before."""
    matrix = transfer_matrix(size.channels, 2 * STEPS, causal=causal)
    click = jnp.zeros(2 * STEPS).at[STEPS].set(1.0)
    power = np.square(basilar_membrane(click, jnp.asarray(matrix), even=True))
    latency = 1e3 * DT * (power.argmax(axis=0) - STEPS // 2)
    return latency, float(power[: STEPS // 2].sum() / power.sum())


def hear_words(size):
    """Events of some spoken digits, and the word of each; nothing without the data."""
    try:
        words = fsdd("train")
    except FileNotFoundError:
        return None, ()
    rng = np.random.default_rng(size.seed)
    rows = np.sort(rng.choice(len(words.paths), size.words, False))
    words = select_recordings(words, rows)
    sounds = [read_sound(path) for path in words.paths]
    events = cochlea.encode(
        [sound.samples for sound in sounds],
        [sound.rate for sound in sounds],
        jax.random.key(size.seed),
        channels=size.channels,
    )
    names = [words.classes[label] for label in words.labels]
    return events, tuple(
        zip(names, (len(s.samples) / s.rate for s in sounds), strict=True)
    )


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    heard = hear_tones(size)
    for k, tone in enumerate(heard.frequency):
        emit(
            tone_hz=round(float(tone), 1),
            best_channel=int(heard.best[k]),
            channel_with_most_spikes=int(heard.loudest[k]),
            nerve_vector_strength=round(float(heard.nerve[k]), 3),
            bushy_vector_strength=round(float(heard.bushy[k]), 3),
            bushy_vector_strength_error=round(float(heard.error[k]), 3),
        )
    clicks = {name: hear_click(size, name == "causal") for name in CLICKS}
    events, words = hear_words(size)
    return Finding(
        summary(size, heard, clicks, events, words),
        criteria(heard, events),
        figure(size, heard, clicks, events, words),
    )


def criteria(heard, events):
    low, high = heard.frequency < 1000, heard.frequency > 4000
    fiber, bushy = float(heard.fiber_interval), float(heard.bushy_interval)
    if events is not None:
        sample = np.repeat(np.arange(len(events.labels)), np.diff(events.offsets))
        cell = sample * events.n_units + events.units
        bushy = min(bushy, shortest_interval(cell, events.times))
    down = int(-np.diff(heard.best).max())
    found = [at_least("least step down of best channel", down, 1)]
    for name, strength in (("bushy", heard.bushy), ("nerve", heard.nerve)):
        least, most = float(strength[low].min()), float(strength[high].max())
        locked, free = f"{name} spikes lock below 1 kHz", f"{name} spikes above 4 kHz"
        found.append(above(locked, least, LOCKED, digits=3))
        found.append(below(free, most, FREE, digits=3))
    for name, gap in (("fibre", fiber), ("bushy cell", bushy)):
        named = f"shortest interval of a {name}, ms"
        found.append(at_least(named, round(gap, 6), 1, digits=3))
    return found


def falls(heard):
    """The lowest tone from which on the nerve locks less than it may [Hz]."""
    strong = np.flatnonzero(heard.nerve >= FREE)
    later = heard.frequency[strong.max() + 1 :]
    return round(float(later[0])) if len(later) else None


def summary(size, heard, clicks, events, words):
    found = {
        "tones": size.tones,
        "channels": size.channels,
        "tones_whose_best_channel_has_the_most_spikes_or_a_neighbour_has": int(
            np.sum(np.abs(heard.best - heard.loudest) <= size.channels // 35)
        ),
        "bushy_rates_at_best_channels_hz": heard.rate.round(1).tolist(),
        "nerve_vector_strength_falls_below_0_2_at_hz": falls(heard),
        "click": {
            name: {
                "energy_before_it": round(before, 3),
                "strongest_at_ms_base_to_apex": latency[:: size.channels // 7]
                .round(2)
                .tolist(),
            }
            for name, (latency, before) in clicks.items()
        },
    }
    if events is not None:
        seconds = sum(duration for _, duration in words)
        found["words"] = {
            "count": len(words),
            "spikes_per_word": round(len(events.times) / len(words), 1),
            "spikes_per_channel_and_second": round(
                len(events.times) / seconds / size.channels, 2
            ),
        }
    return found


def figure(size, heard, clicks, events, words):
    drawn, axes = plot.figure(2, 2, (9.0, 6.4))
    places, locking, answer, word = axes.flat
    places.plot(heard.frequency, heard.best, "o", color=BLUE, label="membrane")
    places.plot(heard.frequency, heard.loudest, "x", color=RED, label="most spikes")
    places.plot(
        best_frequencies(size.channels),
        np.arange(size.channels),
        "-",
        color="0.7",
        zorder=0,
        label="closed form",
    )
    places.set(xscale="log", xlabel="tone (Hz)", ylabel="best channel")
    places.set(xlim=(80, 8000), title="place and frequency")
    places.legend(frameon=False)

    locking.plot(heard.frequency, heard.nerve, "o-", color=BLUE, label="nerve")
    locking.errorbar(
        heard.frequency,
        heard.bushy,
        heard.error,
        fmt="s-",
        color=RED,
        label="bushy cells",
    )
    for span, level in (((80, 1000), LOCKED), ((4000, 8000), FREE)):
        locking.plot(span, (level, level), "k:")
    locking.set(xscale="log", xlim=(80, 8000), ylim=(0, 1), xlabel="tone (Hz)")
    locking.set(ylabel="vector strength", title="phase locking, best channel")
    locking.legend(frameon=False)

    for (name, (latency, _)), color in zip(clicks.items(), (RED, BLUE), strict=True):
        answer.plot(latency, np.arange(size.channels), ".", color=color, label=name)
    answer.axvline(0, color="0.7", lw=0.8, zorder=0)
    answer.set(xlabel="time after the click (ms)", ylabel="channel")
    answer.set(title="membrane moves most")
    answer.legend(frameon=False)

    if events is not None:
        rows = slice(events.offsets[0], events.offsets[1])
        word.scatter(1e3 * events.times[rows], events.units[rows], s=2, c="black")
        word.set(xlabel="time (ms)", ylabel="channel")
        word.set(title=f"the word {words[0][0]}")
    else:
        word.set_axis_off()
    for ax in (places, answer, word):
        ax.invert_yaxis()  # high tones on top
    return drawn


STUDY = Study(
    id="R15",
    claim="The cochlea sorts tones by place, locks to low ones, and keeps pauses.",
    source="Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364",
    minutes=1,
    run=run,
    missed="The chance of a spike follows the synaptic cleft, which clears at l + r = "
    "9080/s, a low-pass filter of first order at 1.4 kHz. It leaves a vector "
    "strength of a quarter at 4 kHz, and 0.2 near 6 kHz, at any draw of the "
    "spikes. Bushy cells, the output, add up a millisecond of spikes and lock "
    "less.",
)
