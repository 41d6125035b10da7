"""Which part of a sensor: cut out, made coarser, turned over, numbered."""

import numpy as np

from snnjax import check
from snnjax.events.checked_recordings import ORIGINS, check_recorded
from snnjax.events.recorded import Origin, Recorded


def crop(
    recorded: Recorded, rows: tuple[int, int], columns: tuple[int, int]
) -> Recorded:
    """Keeps a rectangle of the sensor, whose corner becomes pixel (0, 0).

    Args:
        recorded: events of a camera.
        rows: first, and end: ``first <= y < end``, as y counts in the recording.
        columns: first, and end: ``first <= x < end``.

    Returns:
        The events inside, of a sensor of that size; times stay what they are.

    Raises:
        ValueError: for a rectangle that is empty, or not within the sensor.
    """
    recorded = check_recorded(recorded)
    height, width = recorded.size or (2**16, 2**16)
    bottom, top = _range("rows", rows, height)
    left, right = _range("columns", columns, width)
    t, x, y, p = recorded[:4]
    kept = (y >= bottom) & (y < top) & (x >= left) & (x < right)
    return recorded._replace(
        t=t[kept],
        x=x[kept] - np.uint16(left),
        y=y[kept] - np.uint16(bottom),
        p=p[kept],
        size=(top - bottom, right - left),
    )


def downsample(recorded: Recorded, factor: int) -> Recorded:
    """Joins squares of ``factor`` by ``factor`` pixels to one.

    All events stay, so that a pixel has up to ``factor``² times as many;
    ``refractory(downsample(recorded, factor), period=…)`` lets it have one at a time.

    Args:
        recorded: events of a camera.
        factor: pixels that become one, along each side.

    Returns:
        The same events on a sensor ``factor`` times as small, rounded up.

    Raises:
        ValueError: for a factor that is no positive whole number.
    """
    check.whole("factor", factor, most=2**16)
    recorded = check_recorded(recorded)
    size = recorded.size
    if size is not None:
        size = -(-size[0] // factor), -(-size[1] // factor)
    x, y = (_divided(column, factor) for column in (recorded.x, recorded.y))
    return recorded._replace(x=x, y=y, size=size)


def turned(recorded: Recorded, origin: Origin = "top left") -> Recorded:
    """Counts rows from the other side, as pictures do or as cameras of another maker.

    Args:
        recorded: events of a camera.
        origin: where x = y = 0 shall lie; nothing changes if it lies there already.

    Raises:
        ValueError: for another word, or a sensor of unknown size.
    """
    check.one_of("origin", origin, ORIGINS)
    recorded = check_recorded(recorded)
    if recorded.origin == origin:
        return recorded
    height, _ = check_recorded(recorded, sized=True).size or (0, 0)
    return recorded._replace(y=np.uint16(height - 1) - recorded.y, origin=origin)


def pixel_units(
    x: np.ndarray, y: np.ndarray, p: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Numbers of units as images are laid out, int32: ``(y · width + x) · 2 + p``.

    So a raster ``[T, N, n_units]`` reshapes to ``[T, N, height, width, 2]``.
    """
    units = (y.astype(np.int64) * size[1] + x.astype(np.int64)) * 2 + p
    return units.astype(np.int32)


def _divided(column, factor):
    """A type of 16 bits holds all pixels, but perhaps not the factor."""
    return (column.astype(np.int32) // factor).astype(column.dtype)


def _range(name, bounds, most):
    if not isinstance(bounds, tuple | list) or len(bounds) != 2:
        raise ValueError(f"{name} must be (first, end), got {bounds!r:.60}.")
    first, end = bounds
    check.whole(name, first, least=0)
    check.whole(name, end, least=first + 1, most=most)
    return int(first), int(end)
