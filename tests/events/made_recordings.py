"""Recordings that tests of events make, and what hypothesis draws them from."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from snnjax.events import Recorded, RecordedSpikes

SIZE = (3, 5)
relaxed = settings(deadline=None, max_examples=150)


def camera(rows, size=SIZE, origin="top left", **more):
    """A recording of rows of (t, x, y, p)."""
    t, x, y, p = np.array(rows, np.int64).reshape(-1, 4).T
    columns = t, x.astype(np.uint16), y.astype(np.uint16), p.astype(np.uint8)
    return Recorded(*columns, size, origin, "made", **more)


def neurons(rows, populations=("",), **more):
    """A recording of rows of (time, unit, population)."""
    times, units, population = zip(*rows, strict=True) if rows else ((), (), ())
    return RecordedSpikes(
        np.array(times, np.float64),
        np.array(units, np.int64),
        np.array(population, np.int64),
        populations,
        "made",
        **more,
    )


def rows_of(recorded):
    """The same as it was put in: one tuple for each event."""
    columns = recorded[:4] if isinstance(recorded, Recorded) else recorded[:3]
    return [*zip(*(column.tolist() for column in columns), strict=True)]


def moments(most):
    """Whole times, many of them equal, some large."""
    return st.one_of(st.integers(0, 20), st.integers(-most, most))


def camera_rows(most=60, size=40):
    """Events on few pixels, in any order of time."""
    event = st.tuples(
        moments(most),
        st.integers(0, SIZE[1] - 1),
        st.integers(0, SIZE[0] - 1),
        st.integers(0, 1),
    )
    return st.lists(event, max_size=size)


def random_camera(n, size, seconds, seed=0):
    """Events at random, in order of time."""
    rng = np.random.default_rng(seed)
    height, width = size
    return Recorded(
        np.sort(rng.integers(0, round(1e6 * seconds), n)),
        rng.integers(0, width, n, np.uint16),
        rng.integers(0, height, n, np.uint16),
        rng.integers(0, 2, n, np.uint8),
        size,
        "top left",
        "made",
    )
