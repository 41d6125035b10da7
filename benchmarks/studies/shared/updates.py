"""One update of weights, by a gradient that a study has found."""

from typing import Any

import jax
import optax


def updated(
    optimizer: optax.GradientTransformation, grads: Any, weights: Any, state: Any
) -> tuple[Any, Any]:
    """New weights, and the state of the optimizer."""
    with jax.numpy_dtype_promotion("standard"):  # optax mixes counts with floats
        change, state = optimizer.update(grads, state, weights)
    return optax.apply_updates(weights, change), state
