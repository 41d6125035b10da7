"""The file format of the Heidelberg data sets (SHD, SSC), read and written.

HDF5 with one row of variable length for each sample: ``spikes/times`` [s] and
``spikes/units``, beside ``labels`` and optionally ``extra/speaker``. Official files
store times in half precision (Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364).
A file is checked as a whole before any of it is used.
"""

import gzip
import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from snnjax.inputs.events import Events

_BROKEN: tuple[type[Exception], ...] = (
    *(OSError, KeyError, RuntimeError, ValueError, TypeError, EOFError, MemoryError),
    *(zlib.error, zipfile.BadZipFile),
)


class DataError(ValueError):
    """A data file that is damaged, or not what its format says."""


def read_shd(path: str | Path, *, n_units: int = 700, limit: int = 2**32) -> Events:
    """Reads ``.h5``, ``.h5.gz`` or ``.h5.zip`` in the layout of SHD.

    Args:
        path: of the file.
        n_units: number of input units.
        limit: most bytes that a compressed file may unpack to.

    Returns:
        Every sample, its events sorted by time. ``group`` is the speaker, ``trial`` the
        recording number where the file tells it (``extra/fsdd_index``).

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file, the row and what is wrong with it.
    """
    h5py = _h5py()
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"No file {path}.")
    try:
        with h5py.File(_unpacked(path, limit), "r") as file:
            raw = {
                "times": file["spikes/times"][:],
                "units": file["spikes/units"][:],
                "labels": file["labels"][:],
            }
            for name in ("speaker", "fsdd_index"):
                if f"extra/{name}" in file:
                    raw[name] = file[f"extra/{name}"][:]
    except DataError:
        raise
    except _BROKEN as error:
        raise DataError(
            f"{path} cannot be read as an SHD file: {type(error).__name__}: {error}. "
            "It is damaged or cut short; get it again and compare its checksum."
        ) from error
    return _checked(path, raw, n_units)


def write_shd(path: str | Path, events: Events, *, time_dtype=np.float16) -> None:
    """Writes events in the layout of SHD; the file appears whole or not at all.

    Args:
        path: of the file, ``.h5``.
        events: of N samples.
        time_dtype: how times are stored; half precision as in the official files
            rounds by up to 0.5 ms at one second.
    """
    h5py = _h5py()
    path = Path(path)
    half = path.with_name(path.name + ".part")
    n = len(events.labels)
    with h5py.File(half, "w") as file:
        for name, values, dtype in (
            ("times", events.times, np.dtype(time_dtype)),
            ("units", events.units, np.dtype(np.uint16)),
        ):
            rows = file.create_dataset(f"spikes/{name}", (n,), h5py.vlen_dtype(dtype))
            for k in range(n):
                rows[k] = values[events.offsets[k] : events.offsets[k + 1]].astype(
                    dtype
                )
        file["labels"] = events.labels.astype(np.uint16)
        if np.all(events.group >= 0):
            file["extra/speaker"] = events.group.astype(np.uint16)
        if np.all(events.trial >= 0):
            file["extra/fsdd_index"] = events.trial.astype(np.uint16)
    half.replace(path)


def _h5py():
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            'Reading HDF5 needs h5py: pip install "snnjax[data]".'
        ) from error
    return h5py


def _unpacked(path, limit):
    """The HDF5 bytes behind a name, never more than ``limit`` of them."""
    if path.suffix == ".gz":
        with gzip.open(path) as packed:
            return _read(packed, path, limit)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            inside = [name for name in archive.namelist() if name.endswith(".h5")]
            if len(inside) != 1:
                raise DataError(f"{path} must hold one .h5 file, found {inside}.")
            with archive.open(inside[0]) as packed:
                return _read(packed, path, limit)
    return path


def _read(packed, path, limit):
    content = packed.read(limit + 1)
    if len(content) > limit:
        raise DataError(
            f"{path} unpacks to more than {limit} bytes; pass limit=… if that is right."
        )
    return io.BytesIO(content)


def _checked(path, raw, n_units):
    def refuse(what):
        raise DataError(f"{path}: {what}. The file is damaged or of another format.")

    n = len(raw["labels"])
    for name, values in raw.items():
        if np.shape(values) != (n,):
            refuse(f"{name} has shape {np.shape(values)}, expected ({n},) as labels")
        kind = np.object_ if name in ("times", "units") else np.integer
        if not np.issubdtype(values.dtype, kind):
            refuse(f"{name} is of type {values.dtype}")
    counts = np.array([len(row) for row in raw["times"]], np.int64)
    uneven = np.flatnonzero(counts != [len(row) for row in raw["units"]])
    if len(uneven):
        refuse(f"row {uneven[0]} has another number of times than of units")
    times, units = _flat(raw["times"], np.float64), _flat(raw["units"], np.int64)
    sample = np.repeat(np.arange(n), counts)
    for bad, what in (
        (~np.isfinite(times) | (times < 0), "a time that is negative or not finite"),
        ((units < 0) | (units >= n_units), f"a unit outside 0 … {n_units - 1}"),
    ):
        if bad.any():
            refuse(f"row {sample[bad][0]} has {what}")
    labels = raw["labels"].astype(np.int64)
    if n and (labels.min() < 0 or labels.max() >= 1000):
        refuse(f"labels lie in {labels.min()} … {labels.max()}, expected 0 … 999")
    order = np.lexsort((times, sample))
    unknown = np.full(n, -1)
    return Events(
        times=times[order],
        units=units[order].astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        labels=labels.astype(np.int32),
        group=raw.get("speaker", unknown).astype(np.int32),
        trial=raw.get("fsdd_index", unknown).astype(np.int32),
        n_units=n_units,
        n_classes=int(labels.max()) + 1 if n else 0,
    )


def _flat(rows, dtype):
    return np.concatenate([np.zeros(0, dtype), *(row.astype(dtype) for row in rows)])
