"""Events of a camera: a pixel, a polarity and a time become a unit and a time.

Units count as images are laid out, ``unit = (y · width + x) · 2 + polarity``, so that a
raster ``[T, N, n_units]`` reshapes to ``[T, N, height, width, 2]``.
"""

import warnings

import numpy as np

from snnjax import check
from snnjax.events import Outside
from snnjax.events.columns import OUTSIDE
from snnjax.events.pixels import pixel_units


def camera_events(
    x: np.ndarray,
    y: np.ndarray,
    polarity: np.ndarray,
    times: np.ndarray,
    size: tuple[int, int],
    outside: Outside = "error",
) -> tuple[np.ndarray, np.ndarray]:
    """Checks the events of one recording and numbers their units.

    Args:
        x: column of each event, ``[n]``.
        y: row of each event, ``[n]``.
        polarity: 1 where it became brighter, else 0, ``[n]``.
        times: of each event [s], ``[n]``.
        size: height and width of the sensor.
        outside: what to do with events outside the sensor or at no time; ``"drop"``
            warns how many.

    Returns:
        Times ``[n]``, float64, and units ``[n]``, int32.

    Raises:
        ValueError: naming the first event that is wrong.
    """
    check.one_of("outside", outside, OUTSIDE)
    height, width = size
    fits = (
        ((x >= 0) & (x < width) & (y >= 0) & (y < height))
        & ((polarity == 0) | (polarity == 1))
        & (np.isfinite(times) & (times >= 0))
    )
    if not fits.all():
        k = int(np.argmin(fits))
        where = (
            f"pixel ({x[k]}, {y[k]}), polarity {polarity[k]}, time {times[k]} s of a "
            f"sensor of {width}x{height} pixels"
        )
        if outside == "error":
            raise ValueError(f"event {k} lies at {where}")
        warnings.warn(
            f"Dropped {np.count_nonzero(~fits)} of {len(x)} events; the first, event "
            f"{k}, lies at {where}.",
            stacklevel=2,
        )
        x, y, polarity, times = (each[fits] for each in (x, y, polarity, times))
    return times.astype(np.float64), pixel_units(x, y, polarity, size)
