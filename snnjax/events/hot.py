"""Hot pixels: those that fire far more than the others, whatever is seen."""

import numpy as np

from snnjax import check
from snnjax.events.checked_recordings import check_recorded, left_out
from snnjax.events.recorded import Recorded

_NORMAL = 1.4826  # standard deviations of a normal distribution in one median deviation


def hot_pixels(
    recorded: Recorded, *, above: float | None = None, spread: float = 10.0
) -> np.ndarray:
    """Finds pixels with far more events than the others, and than those around them.

    Of the counts c of all pixels that fired, the median m and the median absolute
    deviation say what is usual, however hot a few are. The third largest a of the eight
    around a pixel says what is usual there: where something moves, three or more fire,
    at a corner too. A pixel is hot if

        c > m + spread · max(1.4826 · median|c - m|, sqrt(m))
        c > a + spread · sqrt(max(a, 1))

    where roots are deviations of counts that are random alone.

    Args:
        recorded: events of a camera of known size.
        above: a rate [Hz]: all pixels with a higher one are hot instead, if they have
            two events, in the time from the first event to the last.
        spread: how far above the others, in standard deviations.

    Returns:
        Where pixels are hot, ``[height, width]``, bool, as ``without_pixels`` takes it.

    Raises:
        ValueError: for a sensor of unknown size; a rate or spread out of range.
    """
    if above is not None:
        check.positive("above", above, " [Hz]")
        check.one("above", above)
    check.positive("spread", spread)
    check.one("spread", spread)
    recorded = check_recorded(recorded, sized=True)
    height, width = recorded.size or (0, 0)
    place = recorded.y.astype(np.int64) * width + recorded.x
    counts = np.bincount(place, minlength=height * width).reshape(height, width)
    if not len(recorded.t):
        return counts > 0
    if above is not None:
        seconds = (int(recorded.t.max()) - int(recorded.t.min()) + 1) / 1e6
        return counts > max(above * seconds, 1.0)
    fired = counts[counts > 0]
    usual = np.median(fired)
    deviation = max(_NORMAL * np.median(np.abs(fired - usual)), np.sqrt(usual))
    hot = counts > usual + spread * deviation
    around = _around(counts, hot)
    hot[hot] = counts[hot] > around + spread * np.sqrt(np.maximum(around, 1.0))
    return hot


def _around(counts, asked):
    """The third largest count around each pixel asked for; 0 beyond the edges."""
    padded, (y, x) = np.pad(counts, 1), np.nonzero(asked)
    places = [(dy, dx) for dy in range(3) for dx in range(3) if (dy, dx) != (1, 1)]
    return np.sort([padded[y + dy, x + dx] for dy, dx in places], axis=0)[-3]


def without_pixels(recorded: Recorded, pixels: np.ndarray) -> Recorded:
    """Leaves out the events of some pixels, and counts them in ``skipped``.

    Args:
        recorded: events of a camera of known size.
        pixels: which, ``[height, width]``, bool.

    Raises:
        ValueError: for a mask of another size or type.
    """
    recorded = check_recorded(recorded, sized=True)
    kind = getattr(getattr(pixels, "dtype", None), "kind", "")
    if kind != "b" or pixels.shape != recorded.size:
        raise ValueError(
            f"pixels must be a mask bool {list(recorded.size or ())}, as recorded has "
            f"pixels, got {check.told(pixels)}."
        )
    kept = ~np.asarray(pixels)[recorded.y, recorded.x]
    return left_out(recorded, kept, "events of pixels that were left out")
