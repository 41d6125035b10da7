"""Events of a camera that must lie on its sensor: those that do not are never moved."""

import warnings

import numpy as np

from snnjax import check
from snnjax.events import Outside, Recorded
from snnjax.events.columns import OUTSIDE


def on_sensor(
    recorded: Recorded,
    most: tuple[int, int],
    outside: Outside = "error",
    first: int = 0,
) -> Recorded:
    """Checks pixels and polarities of one recording.

    Args:
        recorded: what was read.
        most: height and width of the largest sensor that the format has, for a file
            that does not tell its own.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.
        first: which event of the file the first one is.

    Returns:
        The recording, or what of it lies on the sensor.

    Raises:
        ValueError: naming the first event that is wrong.
    """
    check.one_of("outside", outside, OUTSIDE)
    t, x, y, p = recorded[:4]
    height, width = recorded.size or most
    if lies_on(recorded, most):
        return recorded
    fits = (x < width) & (y < height) & (p <= 1)
    k = int(np.argmin(fits))
    where = (
        f"pixel ({x[k]}, {y[k]}), polarity {p[k]}, time {t[k]} µs of a sensor of "
        f"{width}x{height} pixels"
    )
    if outside == "error":
        raise ValueError(f"event {first + k} lies at {where}")
    warnings.warn(
        f"Dropped {np.count_nonzero(~fits)} of {len(x)} events; the first, event "
        f"{first + k}, lies at {where}.",
        stacklevel=3,
    )
    return recorded._replace(t=t[fits], x=x[fits], y=y[fits], p=p[fits])


def lies_on(recorded: Recorded, most: tuple[int, int]) -> bool:
    """Whether all events have a pixel of the sensor, and one of two polarities.

    Args:
        recorded: what was read.
        most: height and width of the largest sensor that the format has, for a file
            that does not tell its own.
    """
    height, width = recorded.size or most
    ends = (each.max(initial=0) for each in recorded[1:4])
    return all(e < n for e, n in zip(ends, (width, height, 2), strict=True))
