"""Times that rounding has put just before the edge of a bin or a window.

A recording of single precision tells 36 ms as 0.035999998, which is not yet the 36th
millisecond; in double precision such a time is off by far less.
"""

from typing import Any

import numpy as np

_LITTLE = 1e-6  # of a bin
_SUMMED = 1e-12  # of a time in double precision that is a sum of steps


def eps_of(times: Any) -> np.ndarray:
    """From one to the next number, in the precision that holds each time exactly."""
    times = np.asarray(times, np.float64)
    with np.errstate(over="ignore"):
        single = times == times.astype(np.float32)
    return np.where(single, np.finfo(np.float32).eps, np.finfo(np.float64).eps)


def forgiven(at: Any, eps: Any) -> Any:
    """How far before the edge of a bin a time counts as at it [bins].

    A millionth, and four roundings, half of ``eps`` each: of the time, of ``dt`` and of
    their quotient, which may be a product with 1/dt.

    Args:
        at: times [bins], an array of numpy or JAX.
        eps: from one to the next number, in the precision of the times.
    """
    return (_LITTLE + 2.0 * eps * at).clip(max=0.5)


def not_before(bound: Any, times: Any = None) -> Any:
    """The least time that counts as at a bound [s].

    Args:
        bound: ``[]`` or ``[n]``.
        times: that are compared with it, ``[]`` or ``[n]``; in double precision if
            omitted.
    """
    eps = 0.0 if times is None else eps_of(times)
    return bound - np.maximum(_SUMMED, 2.0 * eps) * np.abs(bound)
