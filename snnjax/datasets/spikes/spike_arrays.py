"""Spikes as arrays that numpy stores: times of one neuron, or times and neurons.

An ``.npy`` of ``[n]`` or ``[n, 1]`` has the times of one neuron, one of ``[n, 2]``
times and neurons; an ``.npz`` has an array of each, known by its name, as columns of a
text are. Either order of bytes and of axes will do.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from snnjax import check
from snnjax.datasets.containers.npz import npy, npz, npz_names
from snnjax.datasets.guard.checked import HoldsError, Reading, listed, reading
from snnjax.datasets.spikes.spike_columns import numbered, seconds, together
from snnjax.datasets.spikes.spike_names import PER_SECOND, Names, Unit, named
from snnjax.events import RecordedSpikes

_BYTES = 40  # of memory for each number


def read_spike_arrays(
    path: str | Path,
    *,
    unit: Unit | None = None,
    rate: float | None = None,
    limit: int | None = None,
) -> RecordedSpikes:
    """Reads spikes from an ``.npy`` or an ``.npz``.

    Args:
        path: of the file.
        unit: of times, ``"s"``, ``"ms"`` or ``"us"``; as the name of the array tells if
            omitted.
        rate: of the samples that times count, in place of a unit [Hz].
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        Spikes in the order of the file; those of an array of times alone are of neuron
        0. Other arrays beside times and units are told in ``skipped``.

    Raises:
        ValueError: for another unit, a rate that is not positive, or both.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong, or that a unit is needed.

    Warns:
        UserWarning: if the times of one neuron step back, as those of trials do that
            lie one after the other.
    """
    if unit is not None:
        check.one_of("unit", unit, tuple(PER_SECOND))
    if rate is not None:
        check.positive("rate", rate, " [Hz]")
        if unit is not None:
            raise ValueError(
                "rate counts samples in place of a unit; give one of them."
            )
    with reading(path, "arrays of spikes", limit) as file:
        with file.path.open("rb") as opened:
            packed = opened.read(2) == b"PK"
        names, times, units = _of_names(file) if packed else _of_one(file)
        file.take(_BYTES * times.size, "its spikes")
        told = unit or names.unit
        if rate is None and not told:
            raise HoldsError(
                "times of an unknown unit; unit=… says whether they are s, ms or us, "
                "rate=… how many samples a second has"
            )
        if rate is not None and not _whole(times):
            raise HoldsError("times that are not whole, so no samples of a clock")
        per_second = PER_SECOND[told] if rate is None else float(rate)
        if units is None:
            tell_steps_back(times, file.path)
            units = np.zeros(len(times), np.int64)
        if not _whole(units):
            raise ValueError("its neurons are not whole numbers")
        source = f"numpy, {' '.join(names.columns)}, times in {told or 'samples'}"
        parts = {"": (seconds(times, per_second, "times"), numbered(units, "units"))}
        others = {*names.columns} - {"time", "unit"}
        skipped = {f"column {name}": len(times) for name in sorted(others)}
        return together(file, parts, source, skipped=skipped if len(times) else {})


def is_spike_arrays(names: Iterable[str]) -> bool:
    """Whether the arrays of an ``.npz`` are times and neurons, by their names."""
    names = sorted(names)
    found = None if "offsets" in names else named(names)
    return found is not None and "population" not in found.columns


def tell_steps_back(times: np.ndarray, path: Path) -> None:
    """Warns where the times of one neuron do not rise."""
    if back := int(np.count_nonzero(times[1:] < times[:-1])):
        warnings.warn(
            f"{path}: the times of one neuron step back {back} times, as where trials "
            "lie one after the other; part them before they are used as one.",
            stacklevel=4,
        )


def _of_one(file: Reading) -> tuple[Names, np.ndarray, np.ndarray | None]:
    """Times, and perhaps units, of an array without names."""
    array = npy(file)
    if array.dtype.names:
        return _chosen({name: array[name] for name in array.dtype.names})
    if array.dtype.kind not in "iuf":
        raise HoldsError(f"an array of {array.dtype}")
    if array.ndim in (1, 2) and array.size == len(array):
        return Names(("time",), ""), array.reshape(-1), None
    if array.ndim != 2 or array.shape[1] != 2:
        raise HoldsError(
            f"an array {list(array.shape)}; times are [n], times and neurons [n, 2]"
        )
    whole = [_whole(array[:, k]) for k in (0, 1)]
    if whole == [False, True]:
        return Names(("time", "unit"), ""), array[:, 0], array[:, 1]
    if whole == [True, False]:
        return Names(("unit", "time"), ""), array[:, 1], array[:, 0]
    raise HoldsError(
        "two columns of which not just one is whole numbers, so that none is known to "
        "be the times; write an .npz of times and units"
    )


def _of_names(file: Reading) -> tuple[Names, np.ndarray, np.ndarray | None]:
    """Times and units of arrays with names."""
    there = npz_names(file)
    if "offsets" in there:
        raise HoldsError("samples of events, which read_events reads")
    if not is_spike_arrays(there):
        raise HoldsError(
            f"arrays {listed(sorted(there))}, not one of times and of units"
        )
    return _chosen(npz(file, there, set()))


def _chosen(arrays):
    """Times and units among arrays."""
    names = named([*arrays])
    if names is None or "population" in names.columns:
        raise HoldsError(f"arrays {listed(arrays)}, not one of times and of units")
    chosen = dict(zip(names.columns, arrays.values(), strict=True))
    times, units = chosen["time"], chosen["unit"]
    for name, array in (("times", times), ("units", units)):
        if array.dtype.kind not in "iuf" or array.size != max(array.shape, default=0):
            raise HoldsError(f"{name} of {array.dtype} {list(array.shape)}")
    return names, times.reshape(-1), units.reshape(-1)


def _whole(array):
    if array.dtype.kind != "f":
        return True
    right = np.isfinite(array) & (np.abs(array) < 2.0**53)
    return bool((right & (np.floor(array) == array)).all())
