"""Recordings become samples: many of them, with labels, in units of one numbering."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from snnjax import check
from snnjax.events.checked_recordings import (
    Start,
    begins,
    check_recorded,
    check_spikes,
)
from snnjax.events.columns import OUTSIDE, Events, Outside
from snnjax.events.neurons_numbered import (
    Numbering,
    check_numbering,
    numbering,
    units_of,
)
from snnjax.events.packing import from_flat
from snnjax.events.pixels import pixel_units
from snnjax.events.recorded import Recorded, RecordedSpikes
from snnjax.events.rounding import not_before

_MOST = 2**31  # units


def as_events(
    recordings: Recorded | RecordedSpikes | Sequence[Recorded | RecordedSpikes],
    labels: Any = None,
    *,
    start: Start | None = None,
    numbered: Numbering | None = None,
    group: Any = None,
    trial: Any = None,
    n_classes: int | None = None,
    outside: Outside = "error",
) -> Events:
    """Makes samples of recordings, one of each.

    Units of a camera count as images are laid out, ``(y · width + x) · 2 + p``: a
    raster ``[T, N, n_units]`` reshapes to ``[T, N, height, width, 2]``, and
    ``rasterize(…, merge=2)`` joins the polarities. Units of neurons are those of
    ``numbering(recordings)``. Times of a camera, whole microseconds, become the nearest
    seconds; events of one sample are sorted by time, those of one time as in the file.

    Args:
        recordings: one or several, of one camera or of neurons.
        labels: ``[N]``, whole numbers from 0; 0 if omitted.
        start: time that becomes 0 [s], or ``"first"``: the first event of each. If
            omitted that of a camera, whose clock may begin anywhere, and 0 of neurons.
            Pieces from ``slices`` have theirs already: ``start=0.0``.
        numbered: which neurons are which units; from ``numbering`` of these recordings
            if omitted. What is tested takes the one of what was trained on.
        group: ``[N]``, who recorded each; unknown (-1) if omitted.
        trial: ``[N]``, which repetition each is; unknown (-1) if omitted.
        n_classes: number of labels there are; the largest and one if omitted.
        outside: what to do with events before ``start``, or of neurons that have no
            number.

    Returns:
        Events of N samples.

    Raises:
        ValueError: for recordings of several kinds, of cameras of several or unknown
            sizes, or origins; events outside, unless they are to be dropped.

    Warns:
        UserWarning: how many events were dropped, if any.
    """
    check.one_of("outside", outside, OUTSIDE)
    if isinstance(recordings, Recorded | RecordedSpikes):
        recordings = [recordings]
    if not isinstance(recordings, Sequence) or isinstance(recordings, str):
        raise ValueError(
            "recordings must be recordings of a camera or of neurons, got "
            f"{check.told(recordings)}."
        )
    kinds = {type(each) for each in recordings}
    if start is None:
        start = "first" if kinds == {Recorded} else 0.0
    if not isinstance(start, str):
        check.finite("start", start)
        check.one("start", start)
    if kinds == {Recorded}:
        if numbered is not None:
            raise ValueError("numbered is of neurons; a camera has pixels.")
        rows, n_units = _of_cameras(recordings, start)
    elif kinds == {RecordedSpikes}:
        rows, n_units = _of_neurons(recordings, start, numbered)
    else:
        told = ", ".join(sorted(kind.__name__ for kind in kinds)) or "nothing"
        raise ValueError(
            f"recordings must be of one kind, Recorded or RecordedSpikes, got {told}."
        )
    kept = [(times >= 0.0) & (units >= 0) for times, units in rows]
    if outside == "error":
        _refuse(rows)
    elif gone := sum(int(np.count_nonzero(~fits)) for fits in kept):
        warnings.warn(
            f"Dropped {gone} of {sum(map(len, kept))} events: before start, or of "
            "neurons without a number.",
            stacklevel=2,
        )
    rows = [(t[fits], units[fits]) for (t, units), fits in zip(rows, kept, strict=True)]
    return from_flat(
        np.concatenate([times for times, _ in rows]),
        np.concatenate([units for _, units in rows]),
        np.array([len(times) for times, _ in rows]),
        np.zeros(len(rows), np.int64) if labels is None else labels,
        n_units=n_units,
        group=group,
        trial=trial,
        n_classes=n_classes,
    )


def _of_cameras(recordings, start):
    recordings = [check_recorded(each, sized=True) for each in recordings]
    first, rows = recordings[0], []
    height, width = first.size
    if 2 * height * width > _MOST:
        raise ValueError(f"size of recorded must be below 2^30 pixels: {first.size}.")
    for k, each in enumerate(recordings):
        if (each.size, each.origin) != (first.size, first.origin):
            raise ValueError(
                f"recordings must be of one sensor: 0 has {first.size}, rows from the "
                f"{first.origin}, {k} {each.size}, from the {each.origin}. See crop "
                "and turned."
            )
        since = each.t - begins("start", start, each.t)
        rows.append((since / 1e6, pixel_units(each.x, each.y, each.p, each.size)))
    return rows, 2 * height * width


def _of_neurons(recordings, start, numbered):
    recordings = [check_spikes(each) for each in recordings]
    if numbered is None:
        numbered = numbering(recordings)
    check_numbering(numbered)
    rows = []
    for each in recordings:
        if isinstance(start, str):
            check.one_of("start", start, ("first",))
        times = each.times
        first = times.min() if len(times) else 0.0
        zero = first if isinstance(start, str) else start
        since = times - zero
        rounded = (since < 0.0) & (times >= not_before(zero, times))
        since[rounded] = 0.0
        rows.append((since, units_of(each, numbered)))
    return rows, len(numbered.unit)


def _refuse(rows):
    """Errors that say more than ``from_flat`` can."""
    for k, (times, units) in enumerate(rows):
        early, unknown = np.count_nonzero(times < 0), np.count_nonzero(units < 0)
        if early:
            raise ValueError(
                f"recording {k} has {early} of {len(times)} events before start; say "
                "start='first', or outside='drop'."
            )
        if unknown:
            raise ValueError(
                f"recording {k} has {unknown} of {len(units)} spikes of neurons that "
                "are not in numbered; say outside='drop', or numbering(…) of all."
            )
