"""What was recorded: events of a camera, spikes of neurons, sound."""

from typing import Any

import numpy as np

from snnjax import check
from snnjax.events import Recorded, RecordedSpikes
from snnjax.events.checked_recordings import check_recorded, check_spikes
from snnjax.plot.given import COLORS, array

_OFF, _ON = COLORS[1], COLORS[0]
_MOST_DOTS = 50_000  # above it, counts are drawn
_MOST_PIXELS = 2**24  # of a picture
_BINS = 200  # of time


def frame(ax: Any, recorded: Recorded, title: str = "") -> None:
    """Draws where a camera saw it become brighter (blue) or darker (orange).

    The scene is upright, wherever the file counts its rows from. A colour is full at
    the 99th percentile of the pixels that fired.

    Args:
        ax: where to draw.
        recorded: of the camera; cut it with ``snnjax.events.window`` first.
        title: of the axes.

    Raises:
        ValueError: for what is no recording, events outside its sensor, or more than
            16 million pixels.
    """
    recorded = check_recorded(recorded)
    height, width = recorded.size or (
        int(recorded.y.max(initial=0)) + 1,
        int(recorded.x.max(initial=0)) + 1,
    )
    if height * width > _MOST_PIXELS:
        raise ValueError(
            f"a picture of {width}x{height} pixels is too large; snnjax.events.crop "
            "cuts it."
        )
    pixel = recorded.y.astype(np.int64) * width + recorded.x
    on = np.bincount(pixel[recorded.p == 1], minlength=height * width)
    off = np.bincount(pixel[recorded.p == 0], minlength=height * width)
    fired = (on + off)[on + off > 0]
    full = float(np.percentile(fired, 99)) if len(fired) else 1.0
    picture = np.ones((height * width, 3))
    for count, color in ((on, _ON), (off, _OFF)):
        rgb = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255.0
        picture -= np.minimum(count / full, 1.0)[:, None] * (1.0 - rgb)
    from_below = recorded.origin == "bottom left"
    ax.imshow(
        picture.clip(0.0, 1.0).reshape(height, width, 3),
        origin="lower" if from_below else "upper",
        interpolation="nearest",
    )
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)", title=title)


def event_rates(ax: Any, recorded: Recorded, title: str = "") -> None:
    """Draws how many events of either polarity a camera sent over time.

    Raises:
        ValueError: for what is no recording.
    """
    recorded = check_recorded(recorded)
    t = (recorded.t - recorded.t.min()) * 1e-6 if len(recorded.t) else recorded.t * 1e-6
    edges = np.linspace(0.0, max(float(t.max(initial=0.0)), 1e-6), _BINS + 1)
    width = edges[1] - edges[0]
    for name, p, color in (("brighter", 1, _ON), ("darker", 0, _OFF)):
        counts, _ = np.histogram(t[recorded.p == p], edges)
        ax.step(edges[:-1], counts / width, where="post", color=color, label=name)
    ax.set(xlim=(0.0, edges[-1]), ylim=(0.0, 1.15 * ax.get_ylim()[1]), title=title)
    ax.set(xlabel="time from the first event (s)", ylabel="events per second")
    ax.legend(frameon=False, loc="upper right", ncols=2)


def spike_times(ax: Any, recorded: RecordedSpikes, title: str = "") -> None:
    """Draws spikes of many neurons, time to the right, one row a neuron that fired.

    Each spike is a dot; of more than 50 000 the counts are drawn. Rows are in the order
    of populations and of the file's numbers.

    Raises:
        ValueError: for what are no recorded spikes, or a time that is not finite.
    """
    recorded = check_spikes(recorded)
    times = array("times", recorded.times, "[n]", finite=True)
    pairs = np.stack([recorded.population, recorded.units], axis=1)
    neurons, row = np.unique(pairs, axis=0, return_inverse=True)
    row, n = row.reshape(-1), max(len(neurons), 1)
    first, last = recorded.span or (times.min(initial=0.0), times.max(initial=0.0))
    last = max(last, first + 1e-9)
    if len(times) > _MOST_DOTS:
        bins = (2 * _BINS, min(n, 2 * _BINS))
        counts, *_ = np.histogram2d(times, row, bins, ((first, last), (-0.5, n - 0.5)))
        drawn = ax.imshow(
            counts.T,
            cmap="Greys",
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            extent=(first, last, -0.5, n - 0.5),
            vmax=max(float(np.percentile(counts, 99.5)), 1.0),
        )
        ax.figure.colorbar(drawn, ax=ax, label="spikes")
    else:
        size = float(np.clip(4000.0 / max(len(times), 1), 0.5, 12.0))
        ax.scatter(times, row, s=size, c="black", marker="o", linewidths=0)
    ax.set(xlim=(first, last), ylim=(-0.5, n - 0.5), title=title)
    ax.set(xlabel="time (s)", ylabel="neuron, of those that fired")
    ax.yaxis.get_major_locator().set_params(integer=True)


def sound_wave(ax: Any, samples: Any, rate: int, title: str = "") -> None:
    """Draws the pressure of a sound ``[T]`` over time: for each stretch its extremes.

    Raises:
        ValueError: for what are no samples, or no rate [Hz].
    """
    samples = array("samples", samples, "[T]", finite=True)
    check.whole("rate", rate, least=1)
    stretch = max(len(samples) // 2000, 1)
    whole = samples[: len(samples) // stretch * stretch].reshape(-1, stretch)
    rest = samples[whole.size :]
    low, high = whole.min(axis=1), whole.max(axis=1)
    if len(rest):
        low, high = np.append(low, rest.min()), np.append(high, rest.max())
    at = np.arange(len(low)) * stretch / rate
    ax.fill_between(at, low, high, color=COLORS[0], linewidth=0.8, step="post")
    ax.set(xlim=(0.0, max(len(samples), 1) / rate), title=title)
    ax.set(xlabel="time (s)", ylabel="amplitude")


def spectrogram(ax: Any, samples: Any, rate: int, title: str = "") -> None:
    """Draws how strong each frequency of a sound ``[T]`` is over time, in decibels.

    Windows of 25 ms, after von Hann, every 10 ms; 80 dB below the loudest is black.

    Raises:
        ValueError: for what are no samples, fewer than a window has, or no rate [Hz].
    """
    samples = array("samples", samples, "[T]", finite=True)
    check.whole("rate", rate, least=400)
    wide, step = round(0.025 * rate), max(round(0.01 * rate), 1)
    if len(samples) < wide:
        raise ValueError(f"samples must be {wide} at least, 25 ms, got {len(samples)}.")
    windows = np.lib.stride_tricks.sliding_window_view(samples, wide)[::step]
    power = np.abs(np.fft.rfft(windows * np.hanning(wide), axis=1)) ** 2
    level = 10.0 * np.log10(np.maximum(power, power.max() * 1e-8 + 1e-300))
    drawn = ax.imshow(
        level.T - level.max(),
        origin="lower",
        aspect="auto",
        cmap="magma",
        extent=(0.0, len(samples) / rate, 0.0, rate / 2000.0),
        vmin=-80.0,
        vmax=0.0,
    )
    ax.figure.colorbar(drawn, ax=ax, label="level (dB)")
    ax.set(xlabel="time (s)", ylabel="frequency (kHz)", title=title)
