"""What is found out about a function is kept as long as the function lives."""

from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp

_FOUND: WeakKeyDictionary[Any, dict[Hashable, Any]] = WeakKeyDictionary()


def once(function: Callable[..., Any], key: Hashable, find: Callable[[], Any]) -> Any:
    """Finds something out about a function, once for each key.

    What is traced belongs to its trace, and is found anew, and so is what has no hash
    or cannot be told when it is gone. An error is raised each time.

    Args:
        function: of a cell.
        key: what is asked, and of which arguments (``kinds``).
        find: finds it; a tree, in which nothing leads back to the function.
    """
    try:
        kept = _FOUND.setdefault(function, {})
        known = key in kept
    except TypeError:
        return find()
    if known:
        return kept[key]
    found = find()
    if not any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(found)):
        kept[key] = found
    return found


def kinds(*trees: Any) -> Hashable:
    """Structure, shapes and types of trees of arrays, and how wide a number is."""
    leaves, structure = jax.tree.flatten(trees)
    types = tuple((jnp.shape(x), jnp.result_type(x)) for x in leaves)
    return structure, types, jnp.result_type(float)
