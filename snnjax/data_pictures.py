"""One page of figures for what a file holds."""

from functools import singledispatch
from typing import Any

import numpy as np

from snnjax import plot
from snnjax.datasets.layouts.waves_hdf5 import WaveRecording
from snnjax.datasets.samples import Samples
from snnjax.datasets.sounds.sound import Sound
from snnjax.events import Events, Recorded, RecordedSpikes

_WINDOW = 0.03  # [s] that a frame shows
_LEAST_RATE = 400  # [Hz] of a sound whose spectrum is drawn
_SHOWN = 6  # samples of many


@singledispatch
def picture(found: Any) -> Any:
    """A page on what a reader returned.

    Raises:
        ImportError: without matplotlib, saying how to get it.
    """
    raise TypeError(f"nothing is drawn of {type(found).__name__}")


@picture.register
def _camera(found: Recorded):
    page, axes = plot.figure(1, 3, (15.0, 4.2))
    if found.size is None and len(found.t):  # as far as its events reach
        found = found._replace(size=(int(found.y.max()) + 1, int(found.x.max()) + 1))
    middle, part = _busy(found)
    lasts = min(_WINDOW, np.ptp(found.t) * 1e-6 - middle) if len(found.t) else 0.0
    plot.frame(axes[0, 0], part, f"{lasts * 1e3:.3g} ms from {middle:.3g} s on")
    plot.frame(axes[0, 1], found, f"all {len(found.t):,} events")
    plot.event_rates(axes[0, 2], found, "how many")
    return page


def _busy(found):
    """The window of the middle event, and where it begins after the first [s]."""
    if not len(found.t):
        return 0.0, found
    begin = int(np.sort(found.t)[len(found.t) // 2])
    here = (found.t >= begin) & (found.t < begin + _WINDOW * 1e6)
    part = found._replace(**{name: getattr(found, name)[here] for name in "txyp"})
    return (begin - int(found.t.min())) * 1e-6, part


@picture.register
def _spikes(found: RecordedSpikes):
    page, axes = plot.figure(1, 2, (13.0, 4.5))
    plot.spike_times(axes[0, 0], found, f"{len(found.times):,} spikes")
    pairs = np.stack([found.population, found.units], axis=1)
    counts = np.unique(pairs, axis=0, return_counts=True)[1]
    first, last = found.span or (found.times.min(initial=0), found.times.max(initial=0))
    rates = counts / (last - first) if last > first else counts
    axes[0, 1].hist(rates, bins=30, color="#0072b2")
    axes[0, 1].set(xlabel="rate (Hz)", ylabel="neurons that fired", title="rates")
    return page


@picture.register
def _events(found: Events):
    rows = max(min(len(found.labels), _SHOWN), 1)
    page, axes = plot.figure(-(-rows // 3), min(rows, 3), (13.0, 3.6 * -(-rows // 3)))
    chosen = np.linspace(0, len(found.labels) - 1, rows).astype(int)
    for ax, k in zip(axes.flat, chosen if len(found.labels) else [], strict=False):
        here = slice(found.offsets[k], found.offsets[k + 1])
        times, units = found.times[here], found.units[here]
        size = float(np.clip(4000.0 / max(len(times), 1), 0.3, 12.0))
        ax.scatter(times, units, s=size, c="black", linewidths=0)
        ax.set(title=f"sample {k}, class {found.labels[k]}", ylim=(-0.5, found.n_units))
        ax.set(xlabel="time (s)", ylabel="unit")
    return page


@picture.register
def _waves(found: WaveRecording):
    return picture(found.events)


@picture.register
def _sound(found: Sound):
    long = found.rate >= _LEAST_RATE and len(found.samples) >= 0.03 * found.rate
    page, axes = plot.figure(1, 1 + long, (13.0, 4.0))
    plot.sound_wave(axes[0, 0], found.samples, found.rate, f"{found.rate} Hz")
    if long:
        plot.spectrogram(axes[0, 1], found.samples, found.rate, "spectrum")
    return page


@picture.register
def _samples(found: Samples):
    return picture(found.x)


@picture.register
def _arrays(found: dict):
    return picture(
        next(found[k] for k in ("spikes", "signals", "images") if k in found)
    )


@picture.register
def _array(found: np.ndarray):
    """The first of many images or signals, or the one that there is."""
    alone = found.ndim == 2 and found.dtype.kind == "f"
    many = found[None] if found.ndim < 3 or alone else found[:_SHOWN]
    page, axes = plot.figure(1, len(many), (max(3.0 * len(many), 5.0), 3.2))
    for k, (ax, each) in enumerate(zip(axes[0], many, strict=True)):
        if each.ndim == 1:
            ax.plot(each, ".", markersize=1.0)
        elif _is_picture(each):
            ax.imshow(each, cmap="gray", interpolation="nearest")
        else:
            ax.imshow(each.T, cmap="Greys", aspect="auto", interpolation="nearest")
            ax.set(xlabel="step", ylabel="channel")
        ax.set_title(str(k))
    return page


def _is_picture(each):
    return each.dtype == np.uint8 and min(each.shape[:2]) >= 8
