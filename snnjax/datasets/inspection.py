"""Looks at files or folders of any known format: what is in them, and is it sound?"""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from snnjax.datasets.catalogue import DATA_SETS
from snnjax.datasets.fetch import verify
from snnjax.datasets.formats import hdf5
from snnjax.datasets.formats.braille_pickle import read_braille, read_braille_events
from snnjax.datasets.formats.checked import (
    DataError,
    content,
    reading,
)
from snnjax.datasets.formats.events_npz import read_events
from snnjax.datasets.formats.gesture_npy import read_gesture_file
from snnjax.datasets.formats.idx import read_idx
from snnjax.datasets.formats.nmnist_bin import read_nmnist_file
from snnjax.datasets.formats.npz import npz_names
from snnjax.datasets.formats.qtdb_mat import read_qtdb
from snnjax.datasets.formats.shd_hdf5 import read_shd
from snnjax.datasets.formats.sound import read_sound
from snnjax.datasets.formats.unpickle import unpickle
from snnjax.datasets.formats.waves_hdf5 import read_waves
from snnjax.events import Events


class Report(NamedTuple):
    """What lies under a path."""

    counts: dict[str, Counter]  # of each format: files, samples, events, …
    published: tuple[str, ...]  # what is as published: "mnist: t10k-labels-…"
    others: int  # files of no known format
    unread: tuple[str, ...]  # sound, but not of a layout that is read here
    bad: tuple[str, ...]  # what is wrong with the others, each naming its file


def check(path: str | Path) -> Report:
    """Reads every file of a known format, as a whole.

    A file that is called like a published one, and can be read, but is another, is
    among the bad. No file stops the others.

    Args:
        path: of a file, or of a folder and all below it.

    Raises:
        FileNotFoundError: if there is nothing.
        ImportError: if a package is needed and not installed.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"Nothing is at {path}.")
    files = (
        sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
    )
    counts: dict[str, Counter] = {}
    published: list[str] = []
    bad: list[str] = []
    unread: list[str] = []
    others = 0
    for file in files:
        try:
            contents, source = _look(file), _source(file)
        except (DataError, PermissionError) as error:
            sound = getattr(error, "sound", True)
            (unread if sound else bad).append(str(error))
            continue
        if source:
            published.append(f"{source}: {file.name}")
        if contents:
            kind = kind_of(file) or ""
            counts[kind] = counts.get(kind, Counter()) + Counter(contents, files=1)
        elif not source:
            others += 1
    return Report(counts, tuple(published), others, tuple(unread), tuple(bad))


def kind_of(path: str | Path) -> str | None:
    """The format that the name of a file and its folder tell of, if it is known."""
    path = Path(path)
    for pattern, kind in _NAMES:
        if re.search(pattern, f"{path.parent.name}/{path.name}"):
            return kind
    return None


def _events(events: Events) -> dict[str, int]:
    return {"samples": len(events.labels), "events": len(events.times)}


def _hdf5(path):
    with reading(path, "spikes") as file, hdf5.opened(file) as (tree, _):
        waves = hdf5.dataset(tree, "sCount") is not None
    return _events(read_waves(path).events if waves else read_shd(path))


def _look(file):
    """Counts of what a file holds; nothing if it is of no known format."""
    kind = kind_of(file)
    return _READ[kind](file) if kind else {}


def _source(file):
    """The data set that published a file of this name, if it is the one."""
    wrong = None
    for name, each in DATA_SETS.items():
        for offered in each.files:
            if offered.name == file.name and offered.checksum:
                try:
                    verify(file, offered.checksum, offered.size)
                except DataError as error:
                    wrong = error
                else:
                    return name
    if wrong is not None and kind_of(file):
        raise wrong
    return None


def _npz(path):
    with reading(path, "events") as file:
        names = npz_names(file)
    if "taxel_data" in names:
        return {"samples": len(read_braille(path).x)}
    return _events(read_events(path))


def _pickle(path):
    with reading(path, "Braille letters") as file:
        events = isinstance(unpickle(content(file), file), dict)
    if events:
        return _events(read_braille_events(path))
    return {"samples": len(read_braille(path).x)}


def _sound(path):
    sound = read_sound(path)
    return {"sounds": 1, "seconds": len(sound.samples) / sound.rate}


_READ: dict[str, Callable[[Path], dict]] = {
    "HDF5 of spikes": _hdf5,
    "npz": _npz,
    "Braille pickle": _pickle,
    "idx": lambda path: {"samples": len(read_idx(path))},
    "N-MNIST recording": lambda path: {"events": len(read_nmnist_file(path)[0])},
    "DVS Gesture recording": lambda path: {"events": len(read_gesture_file(path)[0])},
    "electrocardiograms": lambda path: {"samples": len(read_qtdb(path).x)},
    "sound": _sound,
}
_NAMES = (
    (r"\.h5(\.gz|\.zip)?$", "HDF5 of spikes"),
    (r"\.npz$", "npz"),
    (r"\.pkl(\.gz)?$", "Braille pickle"),
    (r"[.-]idx\d-ubyte(\.gz)?$", "idx"),
    (r"^\d/\d+\.bin$", "N-MNIST recording"),
    (r"^user\d\d_\w+/\d+\.npy$", "DVS Gesture recording"),
    (r"\.mat$", "electrocardiograms"),
    (r"\.(wav|WAV|flac)$", "sound"),
)
