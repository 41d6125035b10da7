"""Spikes in a MATLAB file of version 5: a cell array of times, or arrays.

Each cell has the times of one neuron; so has a vector alone; two vectors are times and
neurons, known by their names.
"""

from pathlib import Path
from typing import TypeGuard

import numpy as np

from snnjax import check
from snnjax.datasets.containers.matlab import array_of, cells_of, matrices
from snnjax.datasets.guard.checked import (
    HoldsError,
    Reading,
    content,
    listed,
    reading,
)
from snnjax.datasets.guard.pickles import check_no_pickle
from snnjax.datasets.spikes.spike_arrays import tell_steps_back
from snnjax.datasets.spikes.spike_columns import numbered, seconds, together
from snnjax.datasets.spikes.spike_names import PER_SECOND, Unit, named
from snnjax.events import RecordedSpikes

_SEVEN = b"MATLAB 7.3 MAT-file"
_BYTES = 40  # of memory for each number
_CELL_BYTES = 300  # of memory for each cell


def read_spike_mat(
    path: str | Path,
    *,
    unit: Unit | None = None,
    variable: str | None = None,
    limit: int | None = None,
) -> RecordedSpikes:
    """Reads the spikes of one recording.

    Args:
        path: of the ``.mat`` file.
        unit: of times, ``"s"``, ``"ms"`` or ``"us"``; MATLAB has no place to tell it,
            but for the name of a variable, such as "times_ms".
        variable: name of the cell array, or of the vector of times of one neuron; the
            only one that may be spikes if omitted.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        Spikes in the order of the file; units are the numbers of cells from 0 on, all
        of them ``known``, silent ones too.

    Raises:
        ValueError: for another unit.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong, or what has to be said.

    Warns:
        UserWarning: if the times of one neuron step back, as those of trials do that
            lie one after the other.
    """
    if unit is not None:
        check.one_of("unit", unit, tuple(PER_SECOND))
    with reading(path, "spikes of MATLAB", limit) as file:
        raw = content(file)
        check_no_pickle(raw)
        if raw.startswith(_SEVEN):
            raise HoldsError("MATLAB 7.3 data; save('-v7', …) writes what is read here")
        vectors, cells = _variables(raw, file)
        skipped: dict[str, int] = {}
        pair = named([*vectors]) if variable is None and not cells else None
        if pair is not None and "population" not in pair.columns:
            told, known = unit or pair.unit, None
            at = dict(zip(pair.columns, vectors.values(), strict=True))
            times, units = at["time"], at["unit"]
            beside = sorted({*at} - {"time", "unit"}) if len(times) else []
            skipped = {f"column {name}": len(times) for name in beside}
        else:
            chosen = _chosen(vectors, cells, variable)
            own = named([chosen, "unit"])
            told = unit or (own.unit if own else "")
            each = cells.get(chosen) or [vectors[chosen]]
            if chosen in vectors:
                tell_steps_back(each[0], file.path)
            known = (np.arange(len(each)),)
            times = np.concatenate([*each, np.zeros(0)])
            units = np.repeat(known[0], [len(one) for one in each])
        if not told:
            raise HoldsError(
                "times of an unknown unit; unit=… says whether they are s, ms or us"
            )
        file.take(_BYTES * len(times), "its spikes")
        if units.dtype.kind == "f" and not (np.floor(units) == units).all():
            raise ValueError("its neurons are not whole numbers")
        parts = {
            "": (
                seconds(times, PER_SECOND[told], "its times"),
                numbered(units, "units"),
            )
        }
        source = f"MATLAB 5, times in {told}"
        return together(file, parts, source, known=known, skipped=skipped)


def is_spike_mat(raw: bytes, file: Reading) -> bool:
    """Whether a MATLAB file has one cell array of times, or times and neurons by name.

    Args:
        raw: the bytes of the file.
        file: whose allowance they are taken from.

    Raises:
        ValueError: for a file that is damaged, or of another version.
    """
    vectors, cells = _variables(raw, file)
    return len(cells) == 1 or (not cells and named([*vectors]) is not None)


def _variables(raw, file):
    """Vectors, and cell arrays of vectors, by name."""
    vectors, cells = {}, {}
    for order, body, place in matrices(raw, file):
        if found := array_of(body, order, place):
            if _is_vector(found[1]):
                vectors[found[0]] = found[1].reshape(-1)
        elif inside := cells_of(body, order, place, file):
            name, axes, each = inside
            file.take(_CELL_BYTES * len(each), "its cells")
            some = [one.reshape(-1) for one in each if _is_vector(one)]
            if len(some) == len(each) in (0, max(axes)):
                cells[name] = some
    return vectors, cells


def _is_vector(array: np.ndarray | None) -> TypeGuard[np.ndarray]:
    return array is not None and array.size in (0, max(array.shape))


def _chosen(vectors, cells, name):
    """The name of the one that may be spikes, or that is asked for."""
    there = [*cells, *(name for name, each in vectors.items() if len(each) > 1)]
    if name is not None:
        if name not in cells and name not in vectors:
            raise HoldsError(f"{listed(there)}, and no times called {name!r}")
        return name
    if not there:
        raise HoldsError("neither a cell array [1, n] of times nor a vector of times")
    if len(there) > 1:
        raise HoldsError(f"{listed(there)}; variable=… says which are the times")
    return there[0]
