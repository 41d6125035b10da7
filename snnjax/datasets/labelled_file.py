"""One file that holds all samples, and what they are: arrays or events."""

from pathlib import Path

import numpy as np

from snnjax.datasets.containers import hdf5
from snnjax.datasets.containers.npz import npz_names
from snnjax.datasets.guard.checked import DataError, listed, reading
from snnjax.datasets.layouts.array_file import DATA, read_arrays
from snnjax.datasets.layouts.events_npz import read_events
from snnjax.datasets.layouts.shd_hdf5 import read_shd, read_shd_extra
from snnjax.datasets.listing import PARTS, Listing
from snnjax.datasets.samples_by_name import Labelled, are_counts, owners, packed, texts


def labelled_file(path: Path) -> Labelled:
    """All samples of one file.

    Raises:
        DataError: for another kind of file, or what is wrong in it.
    """
    if path.suffix.lower() not in (".npz", ".h5", ".hdf5"):
        raise DataError(
            f"{path} must be a folder of recordings, a table labels.csv, or an .npz or "
            ".h5 file with labels."
        )
    return _events_in(path) or _arrays_in(path)


def _arrays_in(path):
    arrays = read_arrays(path)
    kind = next(each for each in DATA if each in arrays)
    x = arrays[kind]
    if kind == "spikes" and not are_counts(x):
        raise DataError(f"{path}: spikes must be counts; call them signals otherwise.")
    if kind == "images" and x.dtype != np.uint8:
        raise DataError(f"{path}: images must be uint8, 0 to 255, got {x.dtype}.")
    n = len(x)
    listing = Listing(
        names=_within(path, n),
        files=(path,) * n,
        labels=texts(arrays["labels"], arrays.get("classes"), path),
        groups=owners(arrays.get("group", np.full(n, "")), path),
        parts=_parts(arrays.get("part"), n, path),
    )
    shape = x.shape[1:] if kind == "images" else x.shape[2:]
    return packed(listing, kind, x, shape)._replace(dt=_step(arrays.get("dt"), path))


def _within(path, n):
    return tuple(f"{path.name}[{k}]" for k in range(n))


def _parts(column, n, path):
    if column is None:
        return ("",) * n
    parts = [PARTS.get(each.lower(), "") for each in column.astype(str).tolist()]
    if "" in parts:
        odd = column[parts.index("")]
        raise DataError(f"{path}: part must be one of {listed(PARTS)}, got {odd!r}.")
    return tuple(parts)


def _step(dt, path):
    if dt is None:
        return None
    if dt.size != 1 or dt.dtype.kind not in "iuf" or not 0.0 < dt.item() < 1.0:
        raise DataError(f"{path}: dt must be one step in seconds, got {dt!r:.60}.")
    return float(dt.item())


def _events_in(path: Path) -> Labelled | None:
    """The events of a file that has some, with what it says of them."""
    words: tuple[str, ...] = ()
    if path.suffix.lower() == ".npz":
        with reading(path, "labelled events or arrays") as file:
            names = npz_names(file)
        if "times" not in names:
            return None
        if "labels" not in names:
            raise DataError(f"{path} holds events without labels.")
        events = read_events(path)
    else:
        with (
            reading(path, "labelled events or arrays") as file,
            hdf5.opened(file) as (tree, _),
        ):
            spikes = "spikes" in tree and not hasattr(tree["spikes"], "shape")
        if not spikes:
            return None
        events, words = read_shd(path), read_shd_extra(path).keys
    n = len(events.labels)
    return Labelled(
        kind="events",
        data=events,
        names=_within(path, n),
        labels=events.labels,
        classes=(*words, *map(str, range(len(words), events.n_classes))),
        group=events.group,
        groups=tuple(map(str, range(events.group.max(initial=-1) + 1))),
        parts=("",) * n,
        shape=(events.n_units,),
    )
