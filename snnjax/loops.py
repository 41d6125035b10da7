"""Loops over time that are compiled once, also where nothing around them is.

JAX knows a loop by the function that makes a step. One that is made anew at every call
is compiled anew, and outside ``jit`` every call would keep another program for good.
Here a step is a function that is made once, what is fixed is told apart by its value,
and numbers are handed over. Inside ``jit`` this is ``lax.scan`` and nothing else.
"""

from collections.abc import Callable, Hashable
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np

_KEPT = 128  # programs of loops outside jit; older ones are forgotten


def scan(
    step: Callable[..., tuple[Any, Any]],
    fixed: Hashable,
    given: Any,
    start: Any,
    xs: Any,
    *,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """Scans ``step(fixed, given, carry, x) -> (carry, y)``.

    Args:
        step: one step; the same function at every call.
        fixed: what it depends on while tracing.
        given: a tree of arrays, the same in every step.
        start: the first carry.
        xs: over time, ``[T, ...]``.
        reverse: whether to begin at the end.
    """
    return _program(step, fixed, types(fixed), reverse)(given, start, xs)


def repeat(step: Callable[[Any], Any], state: Any, times: int) -> Any:
    """Makes a short step several times within one step of a loop.

    The gradient keeps where the first begins, and makes the others again; what happens
    inside of one is made once more rather than kept for all of them, which takes half
    the time and a sixth of the memory.
    """
    if times == 1:
        return step(state)

    def several(state):
        again = lambda state, _: (remade(step)(state), None)  # noqa: E731
        return jax.lax.scan(again, state, None, length=times)[0]

    return remade(several)(state)


def remade(part: Callable[..., Any]) -> Callable[..., Any]:
    """Part of a step whose gradient keeps what it is given, and makes the rest again.

    Worth it where much is computed from few arrays: memory is what a step waits for.
    """
    return jax.checkpoint(part, prevent_cse=False)


def split(number: Any) -> tuple[Any, Any]:
    """A number as ``(fixed, given)``: a plain one is fixed, as if written there."""
    plain = isinstance(number, int | float | np.generic)
    return (number, None) if plain else (None, number)


def types(fixed: Any) -> Any:
    """Types within tuples: two named tuples of other names are equal as such."""
    inner = tuple(map(types, fixed)) if isinstance(fixed, tuple) else ()
    return type(fixed), *inner


@lru_cache(maxsize=_KEPT)
def _program(step, fixed, kinds, reverse):
    del kinds  # tell programs apart

    def loop(given, start, xs):
        return jax.lax.scan(partial(step, fixed, given), start, xs, reverse=reverse)

    return jax.jit(loop)


def forgotten(run: Callable[..., Any], *given: Any) -> Any:
    """Runs what is made for one call; outside ``jit`` its program goes with it."""
    return jax.jit(run, inline=True)(*given)
