"""Samples of events one at a time, of data sets that may be larger than memory.

A source has a length, a number of units, and an item for every row, read when it is
asked for. Nothing more is needed by ``snnjax.inputs.stream``, or by grain, which calls
it a random-access data source. Sources can be pickled; each process opens the file
anew.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from snnjax import check
from snnjax.datasets.containers import hdf5
from snnjax.datasets.containers.npz import npz
from snnjax.datasets.guard.checked import DataError, Reading, reading
from snnjax.datasets.layouts.events_npz import read_events
from snnjax.datasets.layouts.shd_hdf5 import shd_columns, shd_labels, shd_units
from snnjax.events import Events, Outside, clean


class Sample(NamedTuple):
    """Events of one sample."""

    times: np.ndarray  # [s], float64, rising, [n]
    units: np.ndarray  # int32, [n]
    label: int
    missing: int  # events that were dropped as nothing can have them


class Source(Protocol):
    """Samples by the number of their row."""

    n_units: int

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> Sample: ...


class InMemory:
    """Samples of events that are in memory already."""

    def __init__(self, events: Events):
        self.events, self.n_units = events, events.n_units

    def __len__(self) -> int:
        return len(self.events.labels)

    def __getitem__(self, row: int) -> Sample:
        row = range(len(self))[row]
        span = slice(*self.events.offsets[row : row + 2])
        times, units = self.events.times[span], self.events.units[span]
        return Sample(times, units, int(self.events.labels[row]), 0)


class ShdFile:
    """Samples of an ``.h5`` file in the layout of SHD, each read when asked for.

    The file is looked through once, as ``read_shd`` does, without being held.

    Args:
        path: of the file, not packed.
        n_units: number of units there are; as of ``read_shd`` if omitted.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events at no time or of no unit; ``"drop"`` counts them
            as ``missing``.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it; when a row is read, naming
            the row.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        n_units: int | None = None,
        limit: int | None = None,
        outside: Outside = "error",
    ):
        self.path, self.outside = Path(path), outside
        self.limit = limit
        if self.path.suffix in (".gz", ".zip"):
            raise DataError(f"{path} is packed: no row can be read alone; unpack it.")
        self._columns: dict[str, Any] | None = None
        hdf5.library()
        with reading(path, "an SHD file", limit) as file:
            tree, raw = hdf5.mapped(file)
            self.n_units = shd_units(tree, raw, file, n_units)
            self._columns = shd_columns(tree, raw, file)
            self.labels = shd_labels(self._columns["labels"][()])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> Sample:
        row = range(len(self))[row]
        with reading(self.path, "an SHD file", self.limit) as file:
            columns = self._open(file)
            stored = columns["times"][row], columns["units"][row]
            times, units = clean(
                *stored, n_units=self.n_units, row=row, outside=self.outside
            )
        return Sample(times, units, int(self.labels[row]), len(stored[0]) - len(times))

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_columns": None}

    def _open(self, file: Reading):
        if self._columns is None:
            self._columns = shd_columns(*hdf5.mapped(file), file)
        return self._columns


class EventFiles:
    """Samples of many ``.npz`` files of events; a few files are held at a time.

    Made for files of few samples each, as a whole file is read for one of them.

    Args:
        paths: of the files, as ``write_events`` writes them.
        n_units: number of units there are.
        limit: most bytes of memory that reading one file may take; 128 MiB and 200
            times its size if omitted.
        held: how many files to keep in memory.

    Raises:
        ValueError: for no path, or nothing to hold.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        *,
        n_units: int,
        limit: int | None = None,
        held: int = 8,
    ):
        check.whole("held", held)
        if not len(paths):
            raise ValueError("There is no file of events; give at least one path.")
        self.paths, self.n_units = [Path(path) for path in paths], n_units
        self.held, self.limit = held, limit
        self._ends = np.cumsum([_samples(path, limit) for path in self.paths])
        self._read: Any = None

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, row: int) -> Sample:
        row = range(len(self))[row]
        file = int(np.searchsorted(self._ends, row, side="right"))
        if self._read is None:
            self._read = lru_cache(self.held)(read_events)
        options = {"n_units": self.n_units, "limit": self.limit}
        events = self._read(self.paths[file], **options)
        return InMemory(events)[row - int(self._ends[file])]  # counted from the end

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_read": None}


def _samples(path, limit):
    """How many samples a file of events has."""
    with reading(path, "events", limit) as file:
        columns = npz(file, {"offsets"}, {"offsets"})
        return max(len(columns["offsets"]) - 1, 0)
