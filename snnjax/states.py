"""States as numbers: what gradients pass through, and the state of each sample."""

from collections.abc import Callable
from itertools import accumulate
from math import prod
from typing import Any

import jax
import jax.numpy as jnp


def moving(state: Any) -> tuple[list[jax.Array], Callable[[list], Any]]:
    """The arrays that a gradient can pass through, and the state made of such again."""
    leaves, tree = jax.tree.flatten(state)
    floats = [k for k, x in enumerate(leaves) if jnp.issubdtype(x.dtype, jnp.floating)]

    def rebuild(parts: list) -> Any:
        fresh = dict(zip(floats, parts, strict=True))
        return jax.tree.unflatten(
            tree, [fresh.get(k, leaf) for k, leaf in enumerate(leaves)]
        )

    return [leaves[k] for k in floats], rebuild


def together(leaves: list[jax.Array]) -> tuple[jax.Array, Callable[[jax.Array], list]]:
    """All numbers of some arrays in a row ``[N]``, and how to part it again."""
    ends = list(accumulate(leaf.size for leaf in leaves))
    dtypes = [leaf.dtype for leaf in leaves]
    whole = jnp.result_type(*dtypes) if leaves else jnp.float32
    row = [jnp.ravel(leaf).astype(whole) for leaf in leaves]

    def part(row: jax.Array) -> list:
        parts = jnp.split(row, ends[:-1]) if leaves else []
        return [
            part.reshape(leaf.shape).astype(leaf.dtype)
            for part, leaf in zip(parts, leaves, strict=True)
        ]

    return jnp.concatenate(row) if row else jnp.zeros(0), part


def one_by_one(leaves: list[jax.Array]) -> list[jax.Array]:
    """For each array, a cotangent of ones there and of zeros in all others."""
    one = jnp.eye(len(leaves), dtype=leaves[0].dtype)
    return [one[:, k, None] * jnp.ones_like(x)[None] for k, x in enumerate(leaves)]


def of_samples(leaves: list[jax.Array], count: int) -> jax.Array:
    """All numbers of each sample in a row ``[B, N]``, of arrays ``[*batch, ...]``."""
    rows = [leaf.reshape(count, -1) for leaf in leaves]
    return jnp.concatenate(rows, axis=1) if rows else jnp.zeros((count, 0))


def samples(name: str, state: Any, batch: tuple[int, ...]) -> Any:
    """The state with one axis of samples, ``[B, ...]``, in place of those of a batch.

    Args:
        name: of who asks, for messages.
        state: arrays ``[*batch, ...]``.
        batch: axes of the batch; a single sample if there are none.

    Raises:
        ValueError: for an array that is not each sample's own, such as a key that all
            share.
    """

    def flat(path, leaf):
        if leaf.shape[: len(batch)] != batch:
            raise ValueError(
                f"{name} needs a state of each sample's own: state"
                f"{jax.tree_util.keystr(path)} is {leaf.dtype}{list(leaf.shape)}, "
                f"which does not begin with the batch {list(batch)}. Run samples one "
                "by one, or leave the noise out."
            )
        return leaf.reshape(prod(batch), *leaf.shape[len(batch) :])

    return jax.tree_util.tree_map_with_path(flat, state)
