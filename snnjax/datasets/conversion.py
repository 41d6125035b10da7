"""A recording of any format, written as one that others read as well."""

import inspect
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from snnjax.datasets.cameras.camera_hdf5_out import write_camera_hdf5
from snnjax.datasets.cameras.event_stream_out import write_event_stream
from snnjax.datasets.formats.any_file import format_of, read
from snnjax.datasets.formats.streaming import is_streamed, stream_recorded
from snnjax.datasets.guard.checked import DataError, listed
from snnjax.datasets.layouts.events_npz import write_events
from snnjax.datasets.spikes.sonata_out import write_sonata
from snnjax.events import Recorded


class Converted(NamedTuple):
    """What was written."""

    events: int  # how many
    notes: tuple[str, ...]  # what is other than in the file that was read


def convert(
    path: str | Path, out: str | Path, *, sort: bool = False, **options: Any
) -> Converted:
    """Reads a recording and writes it in another format, told by the end of its name.

    - Events of a camera: ``.h5`` (exactly, with all that is known), or ``.es``, Event
      Stream (times from the first event on, rows from the bottom). What can be read
      piece by piece is never in memory as a whole.
    - Spikes of neurons: ``.h5``, SONATA (times in milliseconds).
    - Samples of events: ``.npz``, as ``read_events`` takes them.

    Args:
        path: of the recording.
        out: of the file to make.
        sort: whether events of a camera that lie out of order are put in order of time.
        options: for the reader of the recording, as of ``read``.

    Raises:
        FileNotFoundError: if there is nothing.
        ImportError: if a package is needed and not installed.
        ValueError: for an end of a name that does not fit what was read, an option
            that its reader does not take, or ``sort`` of what is no camera's.
        DataError: naming the file and what is wrong with it.
    """
    path, out = Path(path), Path(out)
    if path.resolve() == out.resolve():
        raise ValueError(f"{out} would be written over what is read; name another.")
    form = format_of(path, options)
    ways = _WAYS.get(form.holds)
    if ways is None:
        raise DataError(f"{path} holds no events that could be converted.", sound=True)
    end = out.suffix.lower()
    if end not in ways:
        raise ValueError(
            f"{path} can be written as {' or '.join(ways)}, got {out.name!r}."
        )
    if sort and form.holds != "camera":
        raise ValueError(
            f"sort is of events of a camera; {path} is {form.name}, whose order stays."
        )
    known = inspect.signature(form.read).parameters
    if is_streamed(form.read) and not sort and {*options} <= {*known} - {"limit"}:
        outside = options.pop("outside", "error")
        found: Any = stream_recorded(path, outside=outside, options=options)
    else:
        found = read(path, **options)
    notes = []
    if sort and isinstance(found, Recorded):
        moved = int(np.count_nonzero(np.diff(found.t) < 0))
        found = _sorted(found)
        notes += [f"{moved} events lay out of order and were moved"] if moved else []
    count, more = ways[end](found, out)
    return Converted(count, (*notes, *more))


def _sorted(found):
    order = np.argsort(found.t, kind="stable")
    return found._replace(**{name: getattr(found, name)[order] for name in "txyp"})


def _camera_hdf5(found, out):
    return write_camera_hdf5(out, found), ()


def _event_stream(found, out):
    before: list[Recorded] = []  # pieces until the first event
    pieces = iter([found] if isinstance(found, Recorded) else found)
    for piece in pieces:
        before.append(piece)
        if len(piece.t):
            break
    first = before[-1]
    zero = int(first.t[0]) if len(first.t) else 0
    notes = [f"times are from {zero} µs on"] if zero else []
    if first.origin == "top left":
        notes.append("rows are turned, they count from the bottom")
    if first.zero:
        notes.append(f"not kept: the date at time 0, {first.zero}")
    return write_event_stream(out, chain(before, pieces), zero=zero), notes


def _sonata(found, out):
    lost = {
        "which neurons are silent": found.known is not None,
        f"when it began and ended, {found.span} s": found.span is not None,
        f"the date at time 0, {found.zero}": found.zero is not None,
        f"what was skipped, {listed(found.skipped)}": bool(found.skipped),
    }
    notes = [f"not kept: {what}" for what, there in lost.items() if there]
    return write_sonata(out, found), ("times are in milliseconds", *notes)


def _npz(found, out):
    write_events(out, found)
    return len(found.times), ()


_WAYS: dict[str, dict[str, Callable[[Any, Path], tuple[int, Any]]]] = {
    "camera": {".h5": _camera_hdf5, ".es": _event_stream},
    "spikes": {".h5": _sonata},
    "events": {".npz": _npz},
}
