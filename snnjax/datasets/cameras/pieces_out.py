"""Recordings of a camera that are to be written, checked piece by piece."""

from collections.abc import Iterable, Iterator

from snnjax.events import Recorded
from snnjax.events.checked_recordings import check_recorded


def pieces_of(recorded: Recorded | Iterable[Recorded]) -> Iterator[Recorded]:
    """The pieces of one recording, in order.

    Raises:
        ValueError: for what is no recording, an event outside the sensor or of another
            polarity, or pieces of different sensors.
    """
    first = None
    for piece in [recorded] if isinstance(recorded, Recorded) else recorded:
        piece = check_recorded(piece)
        first = first or piece
        for name in ("size", "origin", "zero"):
            mine, other = getattr(piece, name), getattr(first, name)
            if mine != other:
                raise ValueError(
                    f"pieces must be of one recording, got {name} {other} and {mine}."
                )
        yield piece
