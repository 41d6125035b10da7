"""Weights and states: refused where they were made for another cell."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax.check.values import told


def weights(
    name: str,
    given: Any,
    kind: type,
    shapes: Mapping[str, tuple[int, ...] | None],
) -> None:
    """Refuses weights that were made for another cell.

    Args:
        name: of the cell.
        given: what came.
        kind: what it should be, a named tuple of arrays.
        shapes: of each field; None where there is nothing.

    Raises:
        ValueError: for another type, shape or dtype, or dtypes that differ, with what
            came and what was expected.
    """
    expected = ", ".join(
        f"{field} {None if shape is None else list(shape)}"
        for field, shape in shapes.items()
    )
    expects = f"{name} expects weights {kind.__name__}({expected})"
    if not isinstance(given, kind):
        raise ValueError(f"{expects}, got {told(given)}.")
    leaves = {field: getattr(given, field) for field in shapes}
    for field, shape in shapes.items():
        came = leaves[field]
        if (came is None) != (shape is None) or getattr(came, "shape", None) != shape:
            hint = _transposed(came, shape)
            raise ValueError(f"{expects}, got {field} {told(came)}{hint}.")
    present = [came for came in leaves.values() if came is not None]
    dtypes = sorted({str(jnp.result_type(came)) for came in present})
    if len(dtypes) > 1 or not jnp.issubdtype(dtypes[0], jnp.floating):
        raise ValueError(
            f"{expects} of one floating-point dtype, got {', '.join(dtypes)}."
        )


def state(name: str, state: Any, like: Any) -> None:
    """Refuses a state that was made for another cell, width, batch or dtype.

    Args:
        name: of the cell.
        state: what came.
        like: a state as it should be, of arrays or ``jax.ShapeDtypeStruct``.

    Raises:
        ValueError: with what came and what was expected.
    """
    came, expected = _leaves(state), _leaves(like)
    trees: list[Any] = [jax.tree.structure(tree) for tree in (state, like)]
    if came != expected or trees[0] != trees[1]:
        odd = [leaf for leaf in came if leaf not in expected] or came
        raise ValueError(
            f"The state does not fit {name}: got {'; '.join(odd) or told(state)}, "
            f"expected {'; '.join(expected)}. Start from the state that a run of the "
            "same cell and batch returned, or from none."
        )


def _transposed(came, shape):
    """A hint, if the last two axes are swapped."""
    if shape is None or len(shape) < 2 or not hasattr(came, "shape"):
        return ""
    swapped = (*shape[:-2], shape[-1], shape[-2])
    return "; it looks transposed" if swapped == came.shape else ""


def _leaves(tree):
    return [
        f"{jax.tree_util.keystr(path)} {np.shape(leaf)} {jnp.result_type(leaf)}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]
