"""Sorted spikes in the table of units of an NWB file, version 2.

``units/spike_times`` [s] of all units one after the other, ``units/spike_times_index``
where each ends, so that a silent unit repeats the number before it, and ``units/id``
(Rübel et al. 2022, doi:10.7554/eLife.78362).
"""

from pathlib import Path

import numpy as np

from snnjax.datasets.containers import hdf5
from snnjax.datasets.containers.hdf5_attributes import at_hand, attribute
from snnjax.datasets.guard.checked import DamageError, HoldsError, listed, reading
from snnjax.datasets.spikes.hdf5_spikes import clusterings, is_nwb, told
from snnjax.datasets.spikes.spike_columns import numbered, seconds, together
from snnjax.events import RecordedSpikes

_TIMES, _ENDS, _IDS = "units/spike_times", "units/spike_times_index", "units/id"
_READ = {"spike_times", "spike_times_index", "id"}
_UNIT_BYTES = 100  # of memory for each unit


def read_nwb(path: str | Path, *, limit: int | None = None) -> RecordedSpikes:
    """Reads the spikes of all units of one session.

    Args:
        path: of the ``.nwb`` file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        Spikes unit by unit; ``known`` are all units, silent ones too; ``zero`` is the
        date at time 0; ``span`` goes from the first to the last interval in which a
        unit was observed; other columns of the table are counted by ``skipped``.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it, or where it has spikes
            instead.
    """
    hdf5.library()
    with (
        reading(path, "units of an NWB file", limit) as file,
        at_hand(file, "nwb_version") as (tree, raw),
    ):
        times = hdf5.numbers(tree, _TIMES, raw, file, "f") if is_nwb(tree) else None
        if times is None:
            raise HoldsError(_instead(tree))
        counts = _counts(hdf5.numbers(tree, _ENDS, raw, file, "iu"), len(times))
        ids = hdf5.numbers(tree, _IDS, raw, file, "iu")
        file.take(_UNIT_BYTES * len(counts), "its units")
        known = numbered(np.arange(len(counts)) if ids is None else ids, _IDS)
        if len(known) != len(counts):
            raise ValueError(f"{len(known)} units have a number, {len(counts)} spikes")
        if len(np.unique(known)) < len(known):
            raise ValueError(f"two units have the same number, among {listed(known)}")
        return together(
            file,
            {"": (seconds(times, 1.0, _TIMES), np.repeat(known, counts))},
            _source(tree),
            known=(known,),
            span=_span(hdf5.numbers(tree, "units/obs_intervals", raw, file, "f", 2)),
            skipped=_skipped(tree, len(known)),
            zero=_zero(tree, raw, file),
        )


def _counts(ends, n):
    """How many spikes each unit has."""
    if ends is None:
        raise HoldsError(f"{_TIMES} without {_ENDS}, so nothing tells whose they are")
    counts = np.diff(ends.astype(np.int64), prepend=0)
    if (counts < 0).any() or counts.sum() != n:
        raise DamageError(f"{_ENDS} does not rise from 0 to {n}, the number of spikes")
    return counts


def _span(intervals):
    if intervals is None or not intervals.size:
        return None
    if intervals.shape[1] != 2 or not (intervals[:, 0] <= intervals[:, 1]).all():
        raise ValueError("units/obs_intervals are no intervals")
    return float(intervals[:, 0].min()), float(intervals[:, 1].max())


def _skipped(tree, n):
    """Columns of the table that are not read; an index is part of its column."""
    columns = {*map(str, tree["units"])} - _READ
    columns = {
        name for name in columns if name.removesuffix("_index") not in columns - {name}
    }
    return {f"column {name}": n for name in sorted(columns)} if n else {}


def _zero(tree, raw, file):
    """The date at time 0: the reference if there is one, else the begin."""
    for place in ("timestamps_reference_time", "session_start_time"):
        if (date := hdf5.text(tree, place, raw, file)) is not None:
            return date
    return None


def _source(tree):
    version = attribute(tree, "nwb_version")
    return "NWB" if version is None else f"NWB {str(version)[:20]}"


def _instead(tree):
    """What a file without a table of units holds."""
    if not is_nwb(tree):
        return told(tree)
    if places := clusterings(tree):
        return (
            f"no table of units, but an old interface of clusters in {listed(places)}, "
            "of times [s] and num; pynwb adds them as units"
        )
    return "an NWB file without spike_times in a table of units"
