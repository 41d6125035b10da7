"""The file format of the Heidelberg data sets (SHD, SSC), read and written.

HDF5 with one row of variable length for each sample: ``spikes/times`` [s] and
``spikes/units``, beside ``labels`` and optionally ``extra/speaker``. Official files
store times in half precision (Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364).
A file is checked as a whole before any of it is used, and before the HDF5 library reads
a row: some single flipped bits make the library wait for ever, fill the memory or die.
"""

import gzip
import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from snnjax.inputs.events import Events

_PLACES = {
    "times": "spikes/times",
    "units": "spikes/units",
    "labels": "labels",
    "speaker": "extra/speaker",
    "fsdd_index": "extra/fsdd_index",
}
_INTEGERS = ("<u1", "<u2", "<u4", "<u8", "<i1", "<i2", "<i4", "<i8")
_ROWS = {"times": ("<f2", "<f4", "<f8", *_INTEGERS), "units": _INTEGERS}


class DataError(ValueError):
    """A data file that is damaged, or not what its format says."""


def read_shd(path: str | Path, *, n_units: int = 700, limit: int = 2**32) -> Events:
    """Reads ``.h5``, ``.h5.gz`` or ``.h5.zip`` in the layout of SHD.

    Args:
        path: of the file.
        n_units: number of input units.
        limit: most bytes that a file may have, unpacked.

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
        content = _unpacked(path, limit)
        _walk_heaps(content)
        with h5py.File(io.BytesIO(content), "r") as file:
            raw = _columns(file, content)
    except DataError:
        raise
    except Exception as error:  # damage has no end of names
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

    Raises:
        ValueError: for numbers that the file could not hold, or a packed file's name.
    """
    h5py = _h5py()
    path = Path(path)
    if path.suffix in (".gz", ".zip"):
        raise ValueError(f"{path} would not be packed as its name says; name it .h5.")
    flat = {
        "times": _stored("times", events.times, np.dtype(time_dtype)),
        "units": _stored("units", events.units, np.dtype(np.uint16)),
    }
    columns = {"labels": _stored("labels", events.labels, np.dtype(np.uint16))}
    for name, values in (("speaker", events.group), ("fsdd_index", events.trial)):
        if np.any(values >= 0):
            dtype = np.uint16 if np.all(values >= 0) else np.int32
            columns[f"extra/{name}"] = _stored(name, values, np.dtype(dtype))
    half = path.with_name(path.name + ".part")
    n = len(events.labels)
    with h5py.File(half, "w") as file:
        for name, values in flat.items():
            kind = h5py.vlen_dtype(values.dtype)
            rows = file.create_dataset(f"spikes/{name}", (n,), kind)
            for k in range(n):
                rows[k] = values[events.offsets[k] : events.offsets[k + 1]]
        for name, values in columns.items():
            file[name] = values
    half.replace(path)


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


def _h5py() -> Any:
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
    with path.open("rb") as plain:
        return _read(plain, path, limit)


def _read(packed, path, limit):
    content = io.BytesIO()
    while piece := packed.read(2**20):
        content.write(piece)
        if content.tell() > limit:
            raise DataError(
                f"{path} has more than {limit} bytes; pass limit=… if that is right."
            )
    return content.getvalue()


def _walk_heaps(content):
    """Refuses heaps of rows in which the HDF5 library would walk for ever.

    A heap is a head (signature, version, size) and objects (index, length, bytes padded
    to 8); an object of index 0 is the free space that ends it.
    """
    heap = content.find(b"GCOL\x01")
    while heap >= 0:
        at, end = heap + 16, heap + struct.unpack_from("<Q", content, heap + 8)[0]
        while at + 16 <= end <= len(content):
            index, length = struct.unpack_from("<H6xQ", content, at)
            if index == 0 and length != end - at:
                break
            at += 16 + (length + 7) // 8 * 8 if index else length
        if not at <= end < at + 16:
            raise ValueError(f"the heap at byte {heap} is damaged")
        heap = content.find(b"GCOL\x01", end)


def _columns(file, content):
    """What the file holds, each array read once its declared size is believable."""
    found = {name: _dataset(file, place) for name, place in _PLACES.items()}
    missing = [_PLACES[name] for name in ("labels", *_ROWS) if found[name] is None]
    if missing:
        raise ValueError(f"there is no {' and no '.join(missing)}")
    found = {name: column for name, column in found.items() if column is not None}
    shape = found["labels"].shape
    if not shape or len(shape) > 1 or shape[0] > len(content):
        raise ValueError(f"labels of shape {shape} in {len(content)} bytes")
    for name, column in found.items():
        if column.shape != shape:
            raise ValueError(f"{name} has shape {column.shape}, labels have {shape}")
        if name in _ROWS:
            _check_rows(name, column, content)
        elif column.dtype.kind not in "iu":
            raise ValueError(f"{name} is of type {column.dtype}")
    return {name: column[:] for name, column in found.items()}


def _dataset(file, place):
    """A dataset whose bytes lie in this very file, or ``None``."""
    node = file
    for part in place.split("/"):
        link = node.get(part, getlink=True)
        if link is None:
            return None
        if not isinstance(link, _h5py().HardLink):
            raise ValueError(f"{place} is a link to somewhere else")
        node = node[part]
    if not isinstance(node, _h5py().Dataset):
        raise ValueError(f"{place} is not an array")
    if node.is_virtual or node.id.get_create_plist().get_external_count():
        raise ValueError(f"{place} keeps its data in another file")
    return node


def _check_rows(name, column, content):
    """Refuses rows of an odd type, and rows that claim more bytes than there are."""
    h5t, stored = _h5py().h5t, column.id.get_type().encode()
    kinds = [np.dtype(kind) for kind in _ROWS[name]]
    match = [k for k in kinds if stored == h5t.vlen_create(h5t.py_create(k)).encode()]
    if not match:
        raise ValueError(f"{name} is not made of rows of numbers: {column.dtype}")
    claimed = match[0].itemsize * _lengths(column, content).sum()
    if claimed > len(content):
        raise ValueError(f"{name} claims {claimed} bytes of {len(content)}")


def _lengths(column, content):
    """How long each row says it is; unknown, so empty, where a filter hides it."""
    plist, n = column.id.get_create_plist(), len(column)
    pieces = [(column.id.get_offset(), n)]
    if column.chunks:
        chunks = map(column.id.get_chunk_info, range(column.id.get_num_chunks()))
        pieces = [(chunk.byte_offset, column.chunks[0]) for chunk in chunks]
    if plist.get_nfilters() or not column.id.get_storage_size():
        pieces = []
    row = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
    rows = [np.frombuffer(content, row, n, offset) for offset, n in pieces]
    return np.concatenate([np.zeros(0, int), *(piece["length"] for piece in rows)])


def _checked(path, raw, n_units):
    def refuse(what):
        raise DataError(f"{path}: {what}. The file is damaged or of another format.")

    n = len(raw["labels"])
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
    unknown = np.full(n, -1)
    labels = raw["labels"].astype(np.int64)
    group = raw.get("speaker", unknown).astype(np.int64)
    trial = raw.get("fsdd_index", unknown).astype(np.int64)
    for name, values, least, most in (
        ("labels", labels, 0, 999),
        ("speakers", group, -1, 2**31 - 1),
        ("recording numbers", trial, -1, 2**31 - 1),
    ):
        if n and (values.min() < least or values.max() > most):
            refuse(
                f"{name} lie in {values.min()} … {values.max()}, "
                f"expected {least} … {most}"
            )
    order = np.lexsort((times, sample))
    return Events(
        times=times[order],
        units=units[order].astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        labels=labels.astype(np.int32),
        group=group.astype(np.int32),
        trial=trial.astype(np.int32),
        n_units=n_units,
        n_classes=int(labels.max()) + 1 if n else 0,
    )


def _flat(rows, dtype):
    return np.concatenate([np.zeros(0, dtype), *(row.astype(dtype) for row in rows)])
