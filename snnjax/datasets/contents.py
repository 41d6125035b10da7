"""What was read of a file, in a line for people and in numbers to add up."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np

from snnjax.datasets.layouts.waves_hdf5 import WaveRecording
from snnjax.datasets.samples import Samples
from snnjax.datasets.sounds.sound import Sound
from snnjax.events import Events, Recorded, RecordedSpikes


class Contents(NamedTuple):
    """Of one file."""

    counts: dict[str, float]  # how many events, samples, seconds, …
    told: str  # sensor, duration, rates, and what was skipped


@singledispatch
def contents_of(found: Any) -> Contents:
    """What was read, counted and told.

    Args:
        found: what a reader of a format returned.
    """
    raise TypeError(f"nothing is told of {type(found).__name__}")


@contents_of.register
def _camera(found: Recorded):
    return contents_of_pieces([found])


def contents_of_pieces(pieces: Iterable[Recorded]) -> Contents:
    """What the pieces of one recording of a camera are together."""
    n = on = back = 0
    first = last = before = None
    skipped: Counter[str] = Counter()
    for piece in pieces:
        skipped.update(piece.skipped)
        if len(piece.t):
            least, most = int(piece.t.min()), int(piece.t.max())
            first = least if first is None else min(first, least)
            last = most if last is None else max(last, most)
            back += int(np.count_nonzero(np.diff(piece.t) < 0))
            back += before is not None and piece.t[0] < before
            before = piece.t[-1]
            n, on = n + len(piece.t), on + int(piece.p.sum())
    words = [piece.source]
    if piece.size is not None:
        height, width = piece.size
        words.append(f"{width}x{height} pixels")
    words.append(f"rows from the {piece.origin.split()[0]}")
    if first is None or last is None:
        words.append("0 events")
    else:
        seconds = (last - first) * 1e-6
        after = f" after {piece.zero}" if piece.zero else ""
        words += [
            _span(seconds),
            f"{n:,} events from {first} µs{after}",
            f"{_rate(n, seconds)}{on / n:.0%} of them brighter",
        ]
    if back:
        words.append(f"{back:,} times earlier than the one before")
    return Contents({"events": n}, ", ".join(words) + _skipped(skipped))


@contents_of.register
def _spikes(found: RecordedSpikes):
    n = len(found.times)
    fired = _fired(found)
    words = [found.source]
    if len(found.populations) > 1 or found.populations[0]:
        words.append(f"of {' and '.join(found.populations)}")
    known = "" if found.known is None else f" of {sum(map(len, found.known)):,}"
    words.append(f"{fired:,}{known} neurons fired")
    if n:
        first, last = float(found.times.min()), float(found.times.max())
        begin, end = found.span or (first, last)
        words += [_span(end - begin), f"{n:,} events from {first:.9g} s"]
        if found.zero:
            words[-1] += f" after {found.zero}"
        if end > begin:
            words.append(f"{n / fired / (end - begin):.3g} Hz each")
    else:
        words.append("0 events")
    return Contents({"events": n}, ", ".join(words) + _skipped(found.skipped))


def _fired(found):
    """How many neurons fired, of all populations."""
    if len(found.populations) == 1:
        return len(np.unique(found.units))
    return len(np.unique(np.stack([found.population, found.units], axis=1), axis=0))


@contents_of.register
def _events(found: Events):
    samples, n = len(found.labels), len(found.times)
    last = f"up to {_span(float(found.times.max()))}, " if n else ""
    return Contents(
        {"samples": samples, "events": n},
        f"{samples:,} samples of {found.n_classes} classes, {found.n_units} units, "
        f"{last}{n:,} events",
    )


@contents_of.register
def _waves(found: WaveRecording):
    counts, told = contents_of(found.events)
    return Contents(counts, f"{told}; {len(found.positions)} electrodes")


@contents_of.register
def _sound(found: Sound):
    seconds = len(found.samples) / found.rate
    told = f"{found.rate} Hz, {_span(seconds)}"
    return Contents({"sounds": 1, "seconds": seconds}, told)


@contents_of.register
def _samples(found: Samples):
    shape = "x".join(map(str, found.x.shape[1:]))
    told = f"{len(found.x):,} samples of {shape}, {len(found.classes)} classes"
    return Contents({"samples": len(found.x)}, told)


@contents_of.register
def _array(found: np.ndarray):
    told = f"{found.dtype} {list(found.shape)}"
    return Contents({"samples": len(found) if found.ndim else 1}, told)


@contents_of.register
def _arrays(found: dict):
    told = ", ".join(f"{name} {list(x.shape)}" for name, x in sorted(found.items()))
    return Contents({"samples": len(found["labels"])}, told)


def _span(seconds):
    if seconds >= 1.0 or seconds == 0.0:
        return f"{seconds:.4g} s"
    return f"{seconds * 1e3:.4g} ms"


def _rate(n, seconds):
    if not seconds:
        return ""
    rate = n / seconds
    return (
        f"{rate / 1e6:.3g} million a second, "
        if rate > 1e6
        else f"{rate:,.0f} a second, "
    )


def _skipped(skipped: Mapping[str, int]):
    if not skipped:
        return ""
    return "; skipped: " + ", ".join(f"{n:,} {what}" for what, n in skipped.items())
