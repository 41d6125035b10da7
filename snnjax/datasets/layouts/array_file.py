"""Arrays of one's own: one recording in an ``.npy``, or all of them by name."""

from difflib import get_close_matches
from pathlib import Path

import numpy as np

from snnjax.datasets.containers import hdf5
from snnjax.datasets.containers.npz import npy, npz, npz_names
from snnjax.datasets.guard.checked import HoldsError, Reading, is_zip, listed, reading

DATA = {"spikes": (3,), "signals": (3,), "images": (3, 4)}  # what, and its axes
_BESIDE = "labels", "classes", "group", "part", "dt"
_COUNT_KINDS, _TEXT_KINDS = "bui", "US"
_NUMBER_BYTES = 16  # of memory for each number


def read_array(path: str | Path, *, limit: int | None = None) -> np.ndarray:
    """Reads one recording ``[T, n]``.

    Args:
        path: of an ``.npy`` file of numbers.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file, for another shape, NaN or infinity, no steps, or
            what looks like a list of events.
    """
    with reading(path, "a recording [T, n]", limit) as file:
        x = npy(file)
        if x.ndim != 2 or x.dtype.kind not in "buif" or not x.size:
            raise HoldsError(f"an array {x.dtype} {list(x.shape)}, not [T, n]")
        _check_numbers(x, file, "the array")
        if like_events(x):
            raise HoldsError(
                "what looks like events [n, 4] of x, y, polarity and time; keep events "
                "as .npz, see write_events"
            )
        return x


def read_arrays(path: str | Path, *, limit: int | None = None) -> dict[str, np.ndarray]:
    """Reads labelled arrays, by name: ``labels`` and one of those in ``DATA``.

    Args:
        path: of an ``.npz`` or an HDF5 file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        The arrays that are there; texts as such.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is missing or wrong.
    """
    with reading(path, "labelled arrays", limit) as file:
        names = {*DATA, *_BESIDE}
        read = _npz if is_zip(file) else _hdf5
        arrays, there_are = read(file, names)
        for name in there_are - {*arrays}:
            if close := get_close_matches(name, {*DATA, *_BESIDE}, 1, 0.8):
                raise HoldsError(f"an array {name}, where {close[0]} may be meant")
        there = [name for name in DATA if name in arrays]
        if len(there) != 1 or "labels" not in arrays:
            raise HoldsError(
                f"arrays {listed(arrays)}, where labels and one of {listed(DATA)} are "
                "needed"
            )
        what = there[0]
        x, n = arrays[what], len(arrays["labels"])
        if x.ndim not in DATA[what] or x.dtype.kind not in "buif" or len(x) != n:
            raise ValueError(
                f"{what} are {x.dtype} {list(x.shape)}, of {n} labels; they must be "
                f"{'N images' if what == 'images' else '[N, T, n]'}"
            )
        if not x.size:
            raise ValueError(f"{what} are empty, {list(x.shape)}")
        _check_numbers(x, file, what)
        for name in ("labels", "group", "part"):
            column = arrays.get(name)
            if column is not None and column.shape != (n,):
                raise ValueError(f"{name} must be [{n}], got {list(column.shape)}")
        return arrays


def _npz(file: Reading, names: set[str]) -> tuple[dict[str, np.ndarray], set[str]]:
    if "labels" not in (there := npz_names(file)):
        raise HoldsError(f"arrays {listed(there)}, no labels")
    return npz(file, names, {"labels"}), there


def _hdf5(file: Reading, names: set[str]) -> tuple[dict[str, np.ndarray], set[str]]:
    arrays = {}
    with hdf5.opened(file) as (tree, raw):
        for name in names & {*tree}:
            node = hdf5.dataset(tree, name)
            if node.dtype.kind in "SO":
                arrays[name] = np.array(hdf5.texts(tree, name, raw, file))
            else:
                arrays[name] = hdf5.fetch(node, name, raw, file)
        return arrays, {*tree}


def _check_numbers(x, file, what):
    if x.dtype.kind == "f":
        file.take(_NUMBER_BYTES * x.size, what)
        if not np.isfinite(x).all():
            raise ValueError(f"{what} has NaN or infinity")


def like_events(x: np.ndarray) -> bool:
    """Whether columns read like x, y, polarity and a time that rises."""
    if x.ndim != 2 or x.shape[1] != 4 or len(x) < 8 or x.dtype.kind not in "biuf":
        return False
    polarity, times = x[:, 2], x[:, 3].astype(np.float64)
    binary = {*np.unique(polarity).tolist()} <= {0, 1}
    return binary and bool((np.diff(times) >= 0).all() and times[-1] > 9)
