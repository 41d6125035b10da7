"""What functions of weights refuse."""

from typing import Any

import jax

from snnjax import check


def check_weights(name: str, weights: Any) -> None:
    """Refuses weights that are not floating point, or not finite as far as is known.

    Raises:
        ValueError: by the name of the argument.
    """
    if weights is None:
        raise ValueError(f"{name} must be an array or a tree of them, got None.")
    check.arrays(name, weights)
    for w in jax.tree.leaves(weights):
        check.floating(name, w)
        check.finite(name, w)
