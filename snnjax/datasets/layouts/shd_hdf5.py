"""The file format of the Heidelberg data sets (SHD, SSC), read and written.

HDF5 with one row of variable length for each sample: ``spikes/times`` [s] and
``spikes/units``, beside ``labels`` and optionally ``extra/speaker``, ``extra/keys``
(what each label says) and ``extra/meta_info`` (who each speaker is). Official files
store times in half precision (Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364) and
have 700 units; ours tell how many there are, ``extra/n_units``.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from snnjax.datasets.containers import hdf5
from snnjax.datasets.guard.checked import (
    DamageError,
    HoldsError,
    Reading,
    listed,
    reading,
)
from snnjax.events import Events, Outside, from_rows
from snnjax.events.packing import EVENT_BYTES
from snnjax.files import atomic

_INTEGERS = ("<u1", "<u2", "<u4", "<u8", "<i1", "<i2", "<i4", "<i8")
_ROWS = {"times": ("<f2", "<f4", "<f8", *_INTEGERS), "units": _INTEGERS}
_PLACES = {
    "times": ("spikes/times",),
    "units": ("spikes/units",),
    "labels": ("labels",),
    "speaker": ("extra/speaker",),
    "trial": ("extra/trial", "extra/fsdd_index"),
}
_SPEAKERS = "extra/meta_info"
_UNITS = "extra/n_units"
_OFFICIAL = 700  # units
_MOST = 2**16  # units, of a file's own word


class Extra(NamedTuple):
    """What a file tells beside its spikes; empty where it is silent."""

    keys: tuple[str, ...] = ()  # what each label says
    gender: tuple[str, ...] = ()  # of each speaker
    age: tuple[float, ...] = ()  # of each speaker [years]
    body_height: tuple[float, ...] = ()  # of each speaker [cm]


def read_shd(
    path: str | Path,
    *,
    n_units: int | None = None,
    limit: int | None = None,
    outside: Outside = "error",
) -> Events:
    """Reads ``.h5``, ``.h5.gz`` or ``.h5.zip`` in the layout of SHD.

    Args:
        path: of the file.
        n_units: number of units there are; as many as the file tells if omitted, or
            else 700, as in the official ones.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events at no time or of no unit; ``"drop"`` warns how
            many.

    Returns:
        Every sample, its events sorted by time. ``group`` is the speaker, ``trial`` the
        recording number where the file tells it (``extra/trial``).

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file, the row and what is wrong with it, or if it tells of
            other units than were given.
    """
    hdf5.library()
    with reading(path, "an SHD file", limit) as file:
        with hdf5.opened(file) as (tree, raw):
            units = shd_units(tree, raw, file, n_units)
            nodes = shd_columns(tree, raw, file)
            columns: dict[str, Any] = {
                name: np.asarray(column[()]) for name, column in nodes.items()
            }
        labels = shd_labels(columns["labels"])
        return from_rows(
            *(columns["times"], columns["units"], labels),
            n_units=units,
            group=columns.get("speaker"),
            trial=columns.get("trial"),
            outside=outside,
        )


def read_shd_extra(path: str | Path, *, limit: int | None = None) -> Extra:
    """Reads what a file in the layout of SHD tells of its labels and speakers.

    Args:
        path: of the file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    hdf5.library()
    with (
        reading(path, "an SHD file", limit) as file,
        hdf5.opened(file) as (tree, raw),
    ):
        told: dict[str, Any] = {"raw": raw, "file": file}
        return Extra(
            keys=hdf5.texts(tree, "extra/keys", **told),
            gender=hdf5.texts(tree, f"{_SPEAKERS}/gender", **told),
            age=_measures(tree, f"{_SPEAKERS}/age", **told),
            body_height=_measures(tree, f"{_SPEAKERS}/body_height", **told),
        )


def write_shd(
    path: str | Path,
    events: Events,
    *,
    extra: Extra = Extra(),
    time_dtype=np.float16,
) -> float:
    """Writes events in the layout of SHD; the file appears whole or not at all.

    Args:
        path: of the file, ``.h5``.
        events: of N samples, for example from ``from_rows``.
        extra: what the labels say and who the speakers are.
        time_dtype: how times are stored. Half precision, as in the official files,
            rounds by up to 0.5 ms at one second; ``np.float32`` by less than 0.1 µs.

    Returns:
        By how much the rounding moved a time at most [s].

    Raises:
        ValueError: for numbers that the file could not hold, or a packed file's name.

    Example:
        >>> times, units = [[1e-3, 3e-3], [2e-3]], [[0, 1], [2]]
        >>> events = snn.events.from_rows(times, units, [0, 1], n_units=3)
        >>> moved = snn.datasets.write_shd("spikes.h5", events, time_dtype=np.float32)
        >>> snn.datasets.read_shd("spikes.h5").units.tolist()
        [0, 1, 2]
    """
    h5py = hdf5.library()
    path = Path(path)
    if path.suffix in (".gz", ".zip"):
        raise ValueError(f"{path} would not be packed as its name says; name it .h5.")
    flat = {
        "times": _stored("times", events.times, np.dtype(time_dtype)),
        "units": _stored("units", events.units, np.dtype(np.uint16)),
    }
    columns = {
        "labels": _stored("labels", events.labels, np.dtype(np.uint16)),
        _UNITS: np.array([events.n_units], np.uint32),
    }
    for name, values in (("speaker", events.group), ("trial", events.trial)):
        if np.any(values >= 0):
            dtype = np.uint16 if np.all(values >= 0) else np.int32
            columns[f"extra/{name}"] = _stored(name, values, np.dtype(dtype))
    for place, entries in (
        ("extra/keys", extra.keys),
        *((f"{_SPEAKERS}/{name}", getattr(extra, name)) for name in Extra._fields[1:]),
    ):
        if len(entries):
            columns[place] = np.array(
                [each.encode() if isinstance(each, str) else each for each in entries]
            )
    n = len(events.labels)
    with atomic(path) as new, h5py.File(new, "w") as file:
        for name, values in flat.items():
            kind = h5py.vlen_dtype(values.dtype)
            rows = file.create_dataset(f"spikes/{name}", (n,), kind)
            for k in range(n):
                rows[k] = values[events.offsets[k] : events.offsets[k + 1]]
        for name, values in columns.items():
            file[name] = values
    moved = np.abs(flat["times"].astype(np.float64) - events.times)
    return float(moved.max(initial=0.0))


def shd_columns(tree: Any, raw: Any, file: Reading) -> dict[str, Any]:
    """The arrays of an open file, none of them read yet, but their memory is taken.

    Args:
        tree: from ``hdf5.opened`` or ``hdf5.mapped``.
        raw: the bytes of the file.
        file: whose allowance they are taken from.

    Raises:
        ValueError: if one is missing, or of a type or size that it cannot have.
        DataError: if they would take more than is allowed.
    """
    columns: dict[str, Any] = {}
    for name, places in _PLACES.items():
        nodes = [hdf5.dataset(tree, place) for place in places]
        columns[name] = next((node for node in nodes if node is not None), None)
    if any(columns[name] is None for name in ("labels", *_ROWS)):
        raise HoldsError(hdf5.names(tree))
    columns = {name: column for name, column in columns.items() if column is not None}
    shape = columns["labels"].shape
    if not shape or len(shape) > 1:
        raise HoldsError(f"labels of shape {shape}")
    for name, column in columns.items():
        if column.shape != shape:
            raise DamageError(f"{name} has shape {column.shape}, labels have {shape}")
        if name in _ROWS:
            count = hdf5.take_rows(name, column, _ROWS[name], raw, file)
            file.take(EVENT_BYTES * count // 2, name)
        elif column.dtype.kind not in "iu":
            raise HoldsError(f"{name} of type {column.dtype}")
        hdf5.take_size(column, name, raw, file)
    return columns


def shd_units(tree: Any, raw: Any, file: Reading, given: int | None) -> int:
    """How many units there are: the given ones, or as a file tells, or the usual 700.

    Raises:
        ValueError: for a number that cannot be, or another than was given.
    """
    told = hdf5.numbers(tree, _UNITS, raw, file, kinds="iu")
    if told is None:
        return _OFFICIAL if given is None else given
    if told.shape != (1,) or not 0 <= told[0] <= _MOST:
        raise DamageError(f"{_UNITS} is {listed(told.tolist())}")
    if given not in (None, int(told[0])):
        raise HoldsError(f"spikes of {told[0]} units, not of n_units={given}")
    return int(told[0])


def shd_labels(stored: np.ndarray) -> np.ndarray:
    """Labels, int64.

    Raises:
        ValueError: for one outside 0 … 999.
    """
    labels = stored.astype(np.int64)
    if len(labels) and not 0 <= labels.min() <= labels.max() < 1000:
        raise ValueError(
            f"labels lie in {labels.min()} … {labels.max()}, expected 0 … 999"
        )
    return labels


def _stored(name, values, dtype):
    """The values as the file holds them, or a refusal if that would lose them."""
    values = np.asarray(values)
    with np.errstate(all="ignore"):
        stored = values.astype(dtype)
    if dtype.kind == "f" and values.dtype.kind in "fiu":
        lost = ~np.isfinite(stored)
    else:
        lost = stored != values
    if lost.any():
        raise ValueError(
            f"{name} hold {values[lost][0]}, which {dtype} cannot. Times need a "
            "floating time_dtype, wide enough; all else must be small whole numbers."
        )
    return stored


def _measures(tree, place, raw, file):
    measures = hdf5.numbers(tree, place, raw, file)
    if measures is not None:
        file.take(50 * measures.size, place)
    return () if measures is None else tuple(measures.tolist())
