"""Spike trains of Neo and Elephant that are in memory, without importing either."""

from typing import Any

import numpy as np

from snnjax.datasets.spikes.spike_names import PER_SECOND, UNITS
from snnjax.events import RecordedSpikes


def from_neo(trains: Any) -> RecordedSpikes:
    """The spikes of a block, a segment, a group, a train or a list of trains.

    Args:
        trains: of Neo, as Elephant, PyNN and others hand them on; anything with
            ``segments`` or ``spiketrains`` will do, and so will quantities with a
            ``rescale``, or a ``units`` that names a unit of time.

    Returns:
        Spikes train by train; units are the numbers of trains from 0 on, all of them
        ``known``; ``span`` goes from the first begin of a train to the last end, where
        all tell them.

    Raises:
        ValueError: for what has no trains, a train without a unit of time, times that
            are not finite, or a block of several segments, each with its clock.
    """
    zero = getattr(trains, "rec_datetime", None)
    given = [*map(_seconds, *_listed(trains))]
    times = [each for each, _ in given]
    numbers = np.arange(len(times))
    units = np.repeat(numbers, [len(each) for each in times])
    spans = [span for _, span in given if span is not None]
    whole = spans and len(spans) == len(given)
    return RecordedSpikes(
        np.concatenate([*times, np.zeros(0)]),
        *(units, np.zeros(len(units), np.int64), ("",), "Neo"),
        (numbers,),
        (min(a for a, _ in spans), max(b for _, b in spans)) if whole else None,
        zero=None if zero is None else zero.isoformat(),
    )


def _listed(trains):
    """All trains, and what each is called in messages."""
    if (segments := getattr(trains, "segments", None)) is not None:
        if len(segments) != 1:
            raise ValueError(
                f"trains has {len(segments)} segments, each with its clock; give one: "
                "trains.segments[0]."
            )
        trains = segments[0]
    found = getattr(trains, "spiketrains", trains)
    if hasattr(found, "rescale") or isinstance(found, str) or not np.iterable(found):
        found = [found]
    found = [*found]
    return found, [f"trains[{k}]" for k in range(len(found))]


def _seconds(train, name):
    """Times of a train [s], and its begin and end."""
    times = _in_seconds(train, name)
    if times.ndim != 1 or not np.isfinite(times).all():
        raise ValueError(f"{name} must be finite times [n], got shape {times.shape}.")
    edges = [getattr(train, edge, None) for edge in ("t_start", "t_stop")]
    if None in [edge if edge is None else 0 for edge in edges]:
        return times, None
    begin, end = (float(_in_seconds(edge, f"the span of {name}")) for edge in edges)
    return times, (begin, end)


def _in_seconds(quantity, name):
    """Numbers of a quantity, float64."""
    if hasattr(quantity, "rescale"):
        scaled = quantity.rescale("s")
        return np.array(getattr(scaled, "magnitude", scaled), np.float64)
    unit = getattr(quantity, "units", None)
    if isinstance(unit, str) and unit in UNITS:
        values = np.array(getattr(quantity, "times", quantity), np.float64)
        return values / PER_SECOND[UNITS[unit]]
    raise ValueError(
        f"{name} must have a unit of time, as trains of Neo do, got "
        f"{type(quantity).__name__}. Plain numbers are neo.SpikeTrain(times, t_stop, "
        "units='s')."
    )
