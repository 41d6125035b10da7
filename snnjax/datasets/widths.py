"""Do recordings ``[T, n]`` have as many channels as each other, and time first?

Nothing in an array says which of its axes is time. Beside others it shows: these have
one number of channels and, as a rule, several lengths.
"""

from collections import Counter
from collections.abc import Mapping

_TURN = "Time comes first; numpy.load(file).T turns one"


def odd_widths(
    shapes: Mapping[str, tuple[int, ...]], channels: int | None = None
) -> tuple[str, ...]:
    """What is odd about the shapes of recordings, a sentence for each that is.

    Args:
        shapes: ``(T, n)`` of each, by name.
        channels: how many there must be; as many as most have if omitted.
    """
    rows = Counter(shape[0] for shape in shapes.values())
    columns = Counter(shape[1] for shape in shapes.values())
    if channels is None:
        if len(columns) < 2:
            return ()
        channels, alike = _most(rows, columns)
        if len(rows) == 1 and 2 * alike <= len(shapes):
            return (
                f"All {len(shapes)} arrays have {min(rows)} rows, and {min(columns)} "
                f"to {max(columns)} columns: either their channels differ, or they are "
                f"[n, T], {min(rows)} channels of several lengths. {_TURN}.",
            )
        expected = f"where {alike} of {len(shapes)} have {channels}"
    else:
        expected = f"where {channels} are read"
    return tuple(
        f"{name} is {list(shape)}, {shape[0]} steps of {shape[1]} channels, {expected}."
        + (f" It looks like [n, T]. {_TURN}." if shape[0] == channels else "")
        for name, shape in shapes.items()
        if shape[1] != channels
    )


def _most(rows, columns):
    """The number of channels that most have; of equals the one that turns others."""
    number = max(columns, key=lambda each: (columns[each], rows[each]))
    return number, columns[number]
