"""Recordings of a camera, written as HDF5 with all that is known of them."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from snnjax.datasets.cameras.pieces_out import pieces_of
from snnjax.datasets.containers import hdf5
from snnjax.events import Recorded
from snnjax.files import atomic

_CHUNK = 2**16  # events that are packed together
_COLUMNS = {"t": "<i8", "x": "<u2", "y": "<u2", "p": "u1"}


def write_camera_hdf5(path: str | Path, recorded: Recorded | Iterable[Recorded]) -> int:
    """Writes a recording, exactly; the file appears whole or not at all.

    Columns ``events/t`` [µs], ``x``, ``y`` and ``p``, as in DSEC, packed by gzip; size,
    origin, source, zero and what was skipped are attributes of ``events``.

    Args:
        path: of the file, ``.h5``.
        recorded: events in any order, or pieces of them one after the other.

    Returns:
        How many events were written.

    Raises:
        ImportError: without h5py, saying how to get it.
        ValueError: for events outside the sensor, or pieces of different ones.
    """
    h5py = hdf5.library()
    count, skipped, first = 0, Counter[str](), None
    with atomic(path) as new, h5py.File(new, "w") as tree:
        columns = {
            name: tree.create_dataset(
                f"events/{name}",
                *((0,), kind),
                maxshape=(None,),
                chunks=(_CHUNK,),
                **{"compression": "gzip", "compression_opts": 4, "shuffle": True},
            )
            for name, kind in _COLUMNS.items()
        }
        for piece in pieces_of(recorded):
            first = first or piece
            skipped.update(piece.skipped)
            for name, column in columns.items():
                column.resize((count + len(piece.t),))
                column[count:] = getattr(piece, name)
            count += len(piece.t)
        if first is None:
            raise ValueError("recorded must be one piece at least, got none.")
        columns["t"].attrs["unit"] = "us"
        told = tree["events"].attrs
        told["origin"], told["source"] = str(first.origin), str(first.source)
        told["skipped"] = json.dumps(dict(skipped))
        if first.size is not None:
            told["height"], told["width"] = first.size
        if first.zero is not None:
            told["zero"] = str(first.zero)
    return count
