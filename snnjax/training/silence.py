"""What a training warns of: layers that never fire, weights that nothing moves."""

import warnings
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check

SILENT, UNMOVED = "silent", "without_gradient"  # names among the metrics
_CURE = (
    "Scale the weights on data with snnjax.networks.scale_to_rates, draw them with "
    "init=fluctuation_driven for the neurons and the rate of their inputs, or check "
    "that the input is not silent itself and that times are in seconds."
)


def silent(spikes: Any) -> dict[str, jax.Array]:
    """Which layers never fire.

    As a metric of the loss, ``"silent": silent({"hidden": spikes})``, it lets ``fit``
    name them.

    Args:
        spikes: a tree of what layers put out, as a rule a dictionary by name.

    Returns:
        A truth value for each, by its name in the tree, such as ``"hidden"``.

    Raises:
        ValueError: for what are no arrays of numbers.
    """
    for leaf in jax.tree.leaves(spikes):
        check.array("spikes", leaf)
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): ~jnp.any(leaf != 0)
        for path, leaf in jax.tree_util.tree_leaves_with_path(spikes)
    }


def without_gradient(grads: Any) -> dict[str, jax.Array]:
    """Which leaves of a gradient are zero everywhere, by their path."""
    return {
        jax.tree_util.keystr(path): ~jnp.any(leaf != 0)
        for path, leaf in jax.tree_util.tree_leaves_with_path(grads)
        if leaf.size
    }


def warn_of_silence(epoch: int, rows: list[dict[str, Any]], told: set[str]) -> None:
    """Warns of what was silent or unmoved in all batches of an epoch, once.

    Args:
        epoch: its number.
        rows: the metrics of its batches.
        told: what was told already; grows.
    """
    layers = _always(rows, SILENT) - told
    weights = {f"weights{path}" for path in _always(rows, UNMOVED)} - told
    told |= layers | weights
    if layers:
        warnings.warn(
            f"Epoch {epoch}: {_listed(layers)} never fired. {_CURE}", stacklevel=4
        )
    if weights:
        warnings.warn(
            f"Epoch {epoch}: no gradient reached {_listed(weights)}. Either what feeds "
            "them never fires, or what they feed has no gradient (frozen, or neurons "
            f"far from threshold under a surrogate of finite width). {_CURE}",
            stacklevel=4,
        )


def _always(rows, name):
    """What was true in every batch; of several networks at once, in every one."""
    found: list[Mapping[str, Any]] = [row.get(name, {}) for row in rows]
    return {key for key in found[0] if all(np.all(each[key]) for each in found)}


def _listed(names):
    return ", ".join(sorted(names))
