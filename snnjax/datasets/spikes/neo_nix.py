"""Spike trains that Neo wrote into an HDF5 file of NIX.

Below ``data/BLOCK/groups/SEGMENT/multi_tags`` each train is a tag of the type
"neo.spiketrain"; its times are ``positions/data``, in the unit of ``positions``, and
its ``metadata/properties`` say when it began and ended (Stoewer et al. 2014,
doi:10.3389/conf.fninf.2014.18.00027).

Read through h5py, whose trees are guarded here, and so without a package that would
have to run in a process of its own.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from snnjax import check
from snnjax.datasets.containers import hdf5
from snnjax.datasets.containers.hdf5_attributes import at_hand, attribute
from snnjax.datasets.guard.checked import HoldsError, reading
from snnjax.datasets.spikes.hdf5_spikes import is_nix, told
from snnjax.datasets.spikes.spike_columns import seconds, together
from snnjax.datasets.spikes.spike_names import PER_SECOND, UNITS
from snnjax.events import RecordedSpikes

_TRAIN = "neo.spiketrain"
_EDGES = ("metadata/properties/t_start", "metadata/properties/t_stop")
_TRAIN_BYTES = 4000  # of memory for each train, beside its times
_MOST = 100_000  # segments, and parts of one


def read_nix(
    path: str | Path, *, segment: int | None = None, limit: int | None = None
) -> RecordedSpikes:
    """Reads the spike trains of one segment.

    Args:
        path: of the ``.nix`` file.
        segment: its number, where there are several, each with a clock of its own, from
            0 on in the order of blocks and segments.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        Spikes train by train; units are the numbers of trains from 0 on, all of them
        ``known``; what else the segment has is counted by ``skipped``.

    Raises:
        ValueError: for a number that is none of a segment.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it, or that it has several
            segments.
    """
    if segment is not None:
        check.whole("segment", segment, least=0)
    hdf5.library()
    with (
        reading(path, "spike trains of Neo", limit) as file,
        at_hand(file, "type", "unit") as (tree, raw),
    ):
        if not is_nix(tree):
            raise HoldsError(told(tree))
        chosen = _segment(tree, segment)
        times, spans = [], []
        for train in _of_type(chosen, "multi_tags", _TRAIN):
            file.take(_TRAIN_BYTES, "its trains")
            times.append(_times(train, raw, file))
            spans.append(tuple(_edge(train, edge, raw, file) for edge in _EDGES))
        numbers = np.arange(len(times))
        units = np.repeat(numbers, [len(each) for each in times])
        both = [pair for pair in spans if None not in pair]
        return together(
            file,
            {"": (np.concatenate([*times, np.zeros(0)]), units)},
            "NIX of Neo",
            known=(numbers,),
            span=(min(a for a, _ in both), max(b for _, b in both)) if both else None,
            skipped=_others(chosen),
        )


def _segment(tree, number):
    """The segment that is asked for."""
    segments = [
        segment
        for block in _of_type(tree, "data", "neo.block")
        for segment in _of_type(block, "groups", "neo.segment")
    ]
    if not segments:
        raise HoldsError("NIX without a segment of Neo")
    if number is None and len(segments) > 1:
        raise HoldsError(
            f"{len(segments)} segments, each with its clock; segment=… says which"
        )
    if (number or 0) >= len(segments):
        raise HoldsError(f"{len(segments)} segments, and none of number {number}")
    return segments[number or 0]


def _of_type(node: Any, place: str, kind: str) -> Iterator[Any]:
    """The members of a group that say they are of a kind, in its order."""
    for each in _members(node, place):
        if attribute(each, "type") == kind:
            yield each


def _members(node: Any, place: str) -> Iterator[Any]:
    """The groups within a group of a node."""
    group = hdf5.group(node, place)
    for k, name in enumerate(group if group is not None else ()):
        if k >= _MOST:
            raise HoldsError(f"more than {_MOST} members of {group.name}")
        if (found := hdf5.group(group, name)) is not None:
            yield found


def _times(train, raw, file):
    """Times of a train [s]."""
    positions, place = hdf5.group(train, "positions"), f"{train.name}/positions"
    times = None
    if positions is not None:
        times = hdf5.numbers(positions, "data", raw, file)
    if times is None:
        raise HoldsError(f"no times in {place}")
    return seconds(times, _per_second(positions, place), place)


def _per_second(node, place):
    unit = attribute(node, "unit")
    if unit not in UNITS:
        raise HoldsError(f"{place} in {str(unit)[:20]!r}, no unit of time known here")
    return PER_SECOND[UNITS[unit]]


def _edge(train, place, raw, file):
    """When a train begins or ends [s]; ``None`` if the file does not say."""
    node = hdf5.dataset(train, place)
    if node is None or node.shape != (1,) or node.dtype.kind not in "iuf":
        return None
    value = hdf5.fetch(node, place, raw, file)
    return float(seconds(value, _per_second(node, place), place)[0])


def _others(segment):
    """How many of each kind a segment has besides trains."""
    counts: Counter[str] = Counter()
    for part in ("data_arrays", "multi_tags", "tags"):
        for node in _members(segment, part):
            kind = str(attribute(node, "type"))[:40]
            counts[kind.removeprefix("neo.")] += kind != _TRAIN
    return {kind: n for kind, n in sorted(counts.items()) if n}
