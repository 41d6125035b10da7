"""Recordings of one's own: a labelled folder or file, of any kind that is read here."""

import math
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from snnjax.datasets.cameras.atis_bin import ATIS, ATIS_SIZES
from snnjax.datasets.formats.any_file import format_if_any
from snnjax.datasets.formats.registry import ARRAY, TIMES, Format
from snnjax.datasets.guard.checked import DataError, listed
from snnjax.datasets.labelled_arrays import arrays, images
from snnjax.datasets.labelled_file import labelled_file
from snnjax.datasets.listing import Listing, grouped, list_folder, list_table, taken
from snnjax.datasets.samples_by_name import Labelled, Like, Start, owners, packed
from snnjax.events import as_events, from_rows

_MOST_UNITS = 2**16
_SOON = 1_000_000  # [µs] after 0 that the first event of a sample may come


def labelled_recordings(
    path: str | Path, *, group: str | None = None, skip_bad: bool = False
) -> tuple[Labelled, tuple[str, ...]]:
    """Reads a folder or file of labelled recordings.

    - A folder: one subfolder for each class, or ``train``, ``test`` and perhaps
      ``validation`` with such subfolders; or a table ``labels.csv`` with columns
      ``file`` and ``label``, perhaps ``group`` and ``part``. Files are of one kind,
      told by what is in them: sounds, images, recordings of event cameras (from time
      0 on if all begin within a second of it, else each from its first event on, which
      is warned of), spikes of neurons from time 0 on (unit k is the neuron that the
      files number k), files of events, or ``.npy`` of ``[T, n]``: spikes, if all are
      whole numbers of zero and more, else signals.
    - A file, ``.npz`` or ``.h5``: ``labels`` and one of ``spikes [N, T, n]``, ``signals
      [N, T, n]`` and ``images [N, height, width, ...]``, perhaps ``group``, ``part``,
      ``classes`` and ``dt``; or events, as ``read_events`` and ``read_shd`` take them.

    Args:
        path: of the folder or file.
        group: a regular expression that finds in the name of a file whose it is, see
            ``listing.grouped``; of folders only.
        skip_bad: whether files that cannot be read, or are of another kind than samples
            can be, are left out.

    Returns:
        The samples, and what is wrong with the files that were left out.

    Raises:
        FileNotFoundError: if there is nothing.
        DataError: for another layout, several kinds of files, or a damaged one.
        ImportError: if a package is needed and not installed.
    """
    return labelled_like(path, None, group=group, skip_bad=skip_bad)


def labelled_like(
    path: str | Path, like: Like | None, *, group: str | None, skip_bad: bool
) -> tuple[Labelled, tuple[str, ...]]:
    """As ``labelled_recordings``; what files leave open is as in recordings before."""
    path = Path(path)
    if not isinstance(group, str | None):
        raise ValueError(f"group must be a regular expression, got {group!r:.60}.")
    if not isinstance(skip_bad, bool):
        raise ValueError(f"skip_bad must be true or false, got {skip_bad!r:.60}.")
    if not path.exists():
        raise FileNotFoundError(f"Nothing is at {path}.")
    if path.is_dir() or path.suffix.lower() == ".csv":
        listing = list_folder(path) if path.is_dir() else list_table(path)
        if group is not None:
            listing = grouped(listing, group)
        return of_listing(listing, skip_bad, like)
    if group is not None:
        raise ValueError(
            f"group is found in names of files; {path} is one file, which may hold an "
            "array group."
        )
    return labelled_file(path), ()


def of_listing(
    listing: Listing, skip_bad: bool, like: Like | None = None
) -> tuple[Labelled, tuple[str, ...]]:
    """The recordings that a list tells of, as ``labelled_recordings`` reads them."""
    formats, wrong = _formats(listing, skip_bad)
    holds = _one_kind({listing.names[k]: each.holds for k, each in formats.items()})
    contents, rows = [], []
    for k, form in formats.items():
        try:
            each = form.read(listing.files[k])
            contents.append(None if holds == "sound" else each)  # they are read again
            rows.append(k)
        except (DataError, PermissionError) as error:
            wrong.append(str(error))
    if wrong and not (skip_bad and rows):
        told = "\n".join(wrong)
        how = "none is left" if skip_bad else "see --skip-bad"
        raise DataError(f"{told}\n{len(wrong)} cannot be read; {how}.")
    kept = taken(listing, rows)
    return _PACKED[holds](kept, contents, like), tuple(wrong)


def _formats(listing, skip_bad) -> tuple[dict[int, Format], list[str]]:
    """Of each file by its number, and what is wrong with others."""
    found, odd, wrong = {}, [], []
    for k, (name, file) in enumerate(zip(listing.names, listing.files, strict=True)):
        try:
            form = format_if_any(file)
        except (DataError, PermissionError) as error:
            wrong.append(str(error))
            continue
        if form is None or form.holds not in _PACKED:
            odd.append(name)
        else:
            found[k] = ARRAY if form is TIMES else form
    if odd and not skip_bad:
        raise DataError(
            f"{len(odd)} of {len(listing.files)} files are of no kind that samples can "
            f"be ({listed(_PACKED)}): {listed(odd)}. Remove them, or name the others "
            "(to train, in a table labels.csv), or see --skip-bad."
        )
    return found, wrong + [f"{name} is of no kind that samples can be." for name in odd]


def _one_kind(kinds: dict[str, str]) -> str:
    """What all files hold, by name."""
    count = Counter(kinds.values())
    if len(count) > 1:
        first = {kind: name for name, kind in reversed(kinds.items())}
        told = ", ".join(f"{n} of {kind} ({first[kind]})" for kind, n in count.items())
        raise DataError(f"Recordings must be of one kind, there are {told}.")
    return next(iter(count), "")


def _sounds(listing, contents, like):
    del contents, like  # read again one by one, as they are encoded
    return packed(listing, "sounds", listing.files, ())


def _several(listing, contents, like):
    """Files of events, each of one sample or more."""
    del like  # its files tell all
    counts = [len(each.labels) for each in contents]
    many = taken(listing, np.repeat(np.arange(len(counts)), counts).tolist())
    numbers = [f"[{k}]" if n > 1 else "" for n in counts for k in range(n)]
    names = (name + k for name, k in zip(many.names, numbers, strict=True))
    many = many._replace(names=tuple(names))
    if not any(many.groups):  # what the files say
        group = np.concatenate([each.group for each in contents])
        many = many._replace(groups=owners(group, ""))
    rows = [row for each in contents for row in _rows(each)]
    units = max(each.n_units for each in contents)
    return _with_events(many, rows, (units,))


def _rows(events):
    cuts = events.offsets[1:-1]
    return zip(np.split(events.times, cuts), np.split(events.units, cuts), strict=True)


def _with_events(listing, rows, shape):
    made = packed(listing, "events", None, shape)
    times, units = zip(*rows, strict=True)
    events = from_rows(
        times,
        units,
        made.labels,
        n_units=int(np.prod(shape)),
        group=made.group,
        n_classes=len(made.classes),
    )
    return made._replace(data=events)


def _recorded(listing, contents, like):
    """Recordings of event cameras, from time 0 or their first event on."""
    size = _sensor(listing, contents, like)
    known = like is not None and like.kind
    start = like.start if known else _start(listing, contents)
    made = packed(listing, "events", None, (*size, 2))
    sized = [each._replace(size=size) for each in contents]
    events = as_events(
        *(sized, made.labels),
        start=start,
        group=made.group,
        n_classes=len(made.classes),
    )
    return made._replace(data=events, start=start)


def _start(listing, contents) -> Start:
    """Time 0 if all begin soon after it, as samples do; else each first event."""
    first = [int(each.t.min()) if len(each.t) else 0 for each in contents]
    if min(first) >= 0 and max(first) <= _SOON:
        return 0.0
    k = int(np.argmax(np.abs(first)))
    warnings.warn(
        f"{listing.names[k]} begins at {first[k] * 1e-6:.10g} s of its clock; each "
        "recording is taken from its first event on.",
        stacklevel=2,
    )
    return "first"


def _sensor(listing, contents, like):
    """Height and width of the one sensor of all; what holds all events if untold."""
    sizes = {each.size for each in contents}
    origins = {each.origin for each in contents}
    if len(sizes) > 1 or len(origins) > 1:
        first = contents[0]
        other = next(
            k
            for k, each in enumerate(contents)
            if (each.size, each.origin) != (first.size, first.origin)
        )
        raise DataError(
            f"Recordings must be of one sensor: {listing.names[0]} has {first.size}, "
            f"rows from the {first.origin}, {listing.names[other]} "
            f"{contents[other].size}, from the {contents[other].origin}."
        )
    if None not in sizes:
        return contents[0].size
    height = 1 + max(int(each.y.max(initial=0)) for each in contents)
    width = 1 + max(int(each.x.max(initial=0)) for each in contents)
    if like is not None and len(like.shape) == 3:
        known = like.shape[0], like.shape[1]
        if height <= known[0] and width <= known[1]:
            return known
    if all(each.source == ATIS for each in contents):
        fits = (s for s in ATIS_SIZES if height <= s[0] and width <= s[1])
        height, width = next(fits, (height, width))
    warnings.warn(
        f"The files do not tell the size of their sensor; {width}x{height} pixels hold "
        "all events.",
        stacklevel=2,
    )
    return height, width


def _neurons(listing, contents, like):
    """Spikes of neurons, each a unit of the number that the files give it."""
    populations = {name for each in contents for name in each.populations}
    if len(populations) > 1:
        raise DataError(
            f"Recordings must be of one population, there are {listed(populations)}."
        )
    units = [each.units for each in contents]
    units += [known for each in contents for known in each.known or ()]
    least = min(int(each.min(initial=0)) for each in units)
    most = max(int(each.max(initial=0)) for each in units)
    if least < 0 or most >= _MOST_UNITS:
        raise DataError(
            f"Numbers of neurons must be 0 to {_MOST_UNITS - 1}, there are {least} to "
            f"{most}. Number them anew, see snnjax.events.numbering, and write .npz."
        )
    for name, each in zip(listing.names, contents, strict=True):
        if told := [what for what in each.skipped if "trial" in what.lower()]:
            raise DataError(
                f"{name} has {told[0]}: its trials would lie on each other as one "
                "sample. Write a file for each of them."
            )
    early = [k for k, each in enumerate(contents) if (each.times < 0).any()]
    if early:
        raise DataError(
            f"{listing.names[early[0]]} has spikes before time 0, where a sample "
            "begins; cut it, see snnjax.events.window."
        )
    n = max(most + 1, 0 if like is None else math.prod(like.shape))
    return _with_events(listing, [each[:2] for each in contents], (n,))


_PACKED: dict[str, Callable[[Listing, list, Like | None], Labelled]] = {
    "sound": _sounds,
    "image": images,
    "camera": _recorded,
    "spikes": _neurons,
    "events": _several,
    "array": arrays,
}
