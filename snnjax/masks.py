"""Steps that are not valid: no state, no output, no gradient, whatever they hold."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Standing(NamedTuple):
    """A step of ``(x, valid)`` that stands still where it is not valid.

    Told apart by the step, as programs of loops need it.
    """

    step: Callable

    def __call__(
        self, weights: Any, state: Any, given: Any, dt: Any
    ) -> tuple[Any, Any]:
        """One step."""
        x, valid = given
        after, y = self.step(weights, state, zeroed(valid, x), dt)
        state = jax.tree.map(lambda a, b: _where(valid, a, b), after, state)
        return state, zeroed(valid, y)


def zeroed(valid: jax.Array, tree: Any) -> Any:
    """Arrays that are zero outside, ``[T, *batch, ...]`` or ``[*batch, ...]``."""
    return jax.tree.map(lambda x: _where(valid, x, jnp.zeros_like(x)), tree)


def _where(valid, x, other):
    """Chosen sample by sample; what all samples share moves on with any of them."""
    if x.shape[: valid.ndim] != valid.shape:
        return jnp.where(jnp.any(valid), x, other)
    missing = x.ndim - valid.ndim
    return jnp.where(jnp.expand_dims(valid, tuple(range(-missing, 0))), x, other)
