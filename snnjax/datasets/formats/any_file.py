"""Any file that is read here, told by what is in it, not by its name.

Where the bytes of a format have no sign at all, the end of the name is asked as well.
"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snnjax.datasets.cameras.aedat1 import is_aedat1
from snnjax.datasets.cameras.prophesee_header import kind_of_header, read_header
from snnjax.datasets.containers.npz import npy
from snnjax.datasets.formats.look import looked_at
from snnjax.datasets.formats.registry import FORMATS, Format
from snnjax.datasets.guard.checked import DataError, HoldsError, listed, reading
from snnjax.datasets.guard.pickles import check_no_pickle
from snnjax.datasets.guard.signatures import check_signature
from snnjax.datasets.layouts.array_file import like_events
from snnjax.datasets.spikes.hdf5_spikes import told as told_of_tree
from snnjax.datasets.spikes.phy import is_phy
from snnjax.events import Outside, Recorded

# what the end of a name promises; a file without its sign is damaged
_PROMISED = {
    **dict.fromkeys((".h5", ".hdf5", ".nwb", ".nix"), "HDF5 data"),
    ".npz": "a zip archive",
    ".npy": "a numpy array",
    ".mat": "MATLAB 5 data",
    ".wav": "RIFF data",
    ".flac": "FLAC data",
    ".ogg": "Ogg data",
    ".aedat4": "AEDAT 4 data",
}
_NO_DATA = (
    *("", "plain text", "a PDF document", "a page or XML, not the file itself"),
    "what macOS keeps beside a file",
)


def format_of(path: str | Path, options: Mapping[str, Any] | None = None) -> Format:
    """Which format a file, or a folder of one recording, is of.

    Args:
        path: of the file or folder.
        options: what a person says of it; asked where the file tells too little.

    Raises:
        FileNotFoundError: if there is nothing.
        DataError: if it is of none, saying what it holds instead, or may be of several.
    """
    found = format_if_any(path, options)
    if found is None:
        with looked_at(path) as look:
            raise HoldsError(_instead(look))
    return found


def format_if_any(
    path: str | Path, options: Mapping[str, Any] | None = None
) -> Format | None:
    """As ``format_of``; nothing for notes, programs and whatever has no known sign."""
    path = Path(path)
    if path.is_dir():
        return _of_folder(path)
    with looked_at(path) as look:
        fits = [each for each in FORMATS if each.tells(look)]
        if options and not any(not _odd(each, options) for each in fits):
            said = [each for each in FORMATS if each.could(look, options)]
            fits = [each for each in said if not _odd(each, options)] or fits or said
        if len(fits) > 1:
            told = " or ".join(f"{f.name} ({f.read.__name__})" for f in fits)
            raise HoldsError(f"what may be {told}; read it by name")
        if fits:
            return fits[0]
        if promised := _PROMISED.get(path.suffix.lower()):
            check_signature(look.begin, promised)
        if promised or look.kind not in _NO_DATA:
            raise HoldsError(_instead(look))
        return None


def read(path: str | Path, **options: Any) -> Any:
    """Reads one recording, whatever it is of: told by what is in it, not by its name.

    Args:
        path: of the file, or of the folder that a spike sorter leaves.
        options: for its reader, where the file leaves something open: ``limit``,
            ``outside``, ``unit``, ``population``, …

    Returns:
        ``Recorded`` of a camera, ``RecordedSpikes``, ``Sound``; of a file with many
        labelled samples ``Events``, ``Samples`` or arrays.

    Raises:
        FileNotFoundError: if there is nothing.
        ImportError: if a package is needed and not installed, saying which.
        ValueError: for an option that the reader of this format does not take.
        DataError: naming the file and what is wrong with it, or what it is instead.
    """
    found = format_of(path, options)
    if odd := _odd(found, options):
        known = [*inspect.signature(found.read).parameters][1:]
        raise ValueError(
            f"{path} is {found.name}, whose reader takes {listed(known)}; got "
            f"{listed(odd)}."
        )
    return found.read(path, **options)


def _odd(form, options):
    """Options that a reader does not take."""
    known = [*inspect.signature(form.read).parameters][1:]
    return [name for name in options if name not in known]


def read_recorded(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> Recorded:
    r"""Reads a recording of an event camera, whatever its format and its name.

    Where a format leaves something open, its own reader takes an option for it, and so
    does ``read``.

    Args:
        path: of the file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if a package is needed and not installed, saying which.
        DataError: naming the file and what is wrong with it, or what it is instead.

    Example:
        >>> from pathlib import Path
        >>> head = b"% evt 2.0\n% format EVT2;height=48;width=64\n% end\n"
        >>> words = np.array([0x80000001, 0x10001002], "<u4")  # at 64 µs, brighter
        >>> size = Path("camera.raw").write_bytes(head + words.tobytes())
        >>> recorded = snn.datasets.read_recorded("camera.raw")
        >>> recorded.source, recorded.t.tolist(), recorded.p.tolist()
        ('EVT 2', [64], [1])
    """
    with reading(path, "a recording of an event camera", limit):
        found = format_of(path)
        if found.holds != "camera":
            raise HoldsError(f"{found.name}, which {found.read.__name__} reads")
    given = {"limit": limit, "outside": outside}
    known = inspect.signature(found.read).parameters
    return found.read(path, **{k: v for k, v in given.items() if k in known})


def is_one_recording(folder: Path) -> bool:
    """Whether a folder holds one recording together, not many files."""
    return is_phy(folder)


def _of_folder(path):
    if is_phy(path):
        return next(each for each in FORMATS if each.name == "phy")
    raise DataError(
        f"{path} is a folder; labelled_recordings reads one of many files.", sound=True
    )


def _array(x):
    """What an array holds that is of no format."""
    if like_events(x):
        return (
            "what may be events [n, 4] of x, y, polarity and time of a unit that is "
            "not told; read_gesture_file reads milliseconds"
        )
    return f"an array of {str(x.dtype)[:200]} {list(x.shape)}"


def _instead(look):
    """What a file holds that is of no format."""
    if look.kind == "HDF5 data":
        return told_of_tree(look.tree)
    if look.kind == "a zip archive":
        first = look.begin[30 : 30 + int.from_bytes(look.begin[26:28], "little")]
        what = "arrays" if first.endswith(b".npy") or not look.names else "files"
        return f"{what} {listed(sorted(look.names))}"
    if look.array is not None:
        return _array(look.array)
    if look.kind == "MATLAB 5 data":
        there = f"arrays {listed(sorted(look.matlab))}" if look.matlab else "no array"
        return f"{there}; read_spike_mat reads one, or a cell array, of times"
    if look.kind == "a numpy array":
        x = npy(look.file)  # says what is wrong with it
        return f"an array {x.dtype} {list(x.shape)}"
    check_no_pickle(look.begin)
    header = read_header(look.begin) if look.begin.startswith(b"% ") else None
    if header is not None and kind_of_header(header):
        return f"{kind_of_header(header)[:40]} of Prophesee"
    if not look.kind and is_aedat1(look.begin):
        return "what may be AEDAT 1.0, which read_aedat1 reads"
    if not look.begin:
        return "nothing, it is empty"
    return look.kind or f"bytes that begin with {look.begin[:12]!r}"
