"""Whether the units of a cell act on each other, judged by numbers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from snnjax import check, loops
from snnjax.cell import Cell, Weights, rest_like, run_cell
from snnjax.check import Number
from snnjax.kept import kinds, once
from snnjax.states import moving

SCALES = 0.1, 1.0, 10.0  # of random weights, states and inputs
_STEPS, _DT = 3, 1e-3


def check_vectors(name: str, cell: Cell, x: jax.Array) -> None:
    """Refuses inputs that are no numbers of each sample, ``[*batch, n_in]``.

    Raises:
        ValueError: for indices of events, and for a cell that reads feature maps.
    """
    if jnp.issubdtype(x.dtype, jnp.signedinteger):
        raise ValueError(
            f"{name} needs inputs as numbers [*batch, n_in], got {x.dtype}, as indices "
            "of events are. Give it their raster, or take truncated or window."
        )
    try:
        cell.rest(jnp.zeros(x.shape[-1:], x.dtype))
    except ValueError as error:
        raise ValueError(
            f"{name} needs a cell that takes a single sample [n_in] too; this one does "
            f"not: {error} For feature maps take truncated or window."
        ) from error


def units_of(name: str, each: Any, weights: Weights) -> tuple[int, int]:
    """How many arrays the state of n units has, and n.

    Args:
        name: of the rule, for messages.
        each: the state, ``[B, n]``.
        weights: ``[..., n]``, or one number for all.

    Raises:
        ValueError: for a state of another form, or weights that feed no unit.
    """
    shapes = [leaf.shape[1:] for leaf in moving(each)[0]]
    if not shapes:
        raise ValueError(f"{name} needs a state that gradients pass through, got none.")
    if len({*shapes}) > 1 or len(shapes[0]) != 1:
        told = sorted({*map(str, shapes)})
        raise ValueError(
            f"{name} needs a state of n units, arrays [*batch, n] of one n; got "
            f"{', '.join(told)} of each sample. Take a rule for each layer, stack(…), "
            "or rtrl."
        )
    (n,) = shapes[0]
    for path, w in jax.tree_util.tree_leaves_with_path(weights):
        if w.ndim and w.shape[-1] != n:
            raise ValueError(
                f"{name} needs weights [..., n] that feed the n = {n} units, got "
                f"weights{jax.tree_util.keystr(path)} of shape {w.shape}. Take a rule "
                "for each layer, stack(…), or rtrl."
            )
    return len(shapes), n


def coupled(name: str, cell: Cell, weights: Weights, x: jax.Array) -> jax.Array:
    """Whether a weight, or a state, changes any unit but its own: a truth value ``[]``.

    A cotangent of random numbers r over the units finds r times what one of ones does,
    if each stands by itself. Weights, states and inputs are random, so that a matrix
    that starts from zero hides nothing.

    Raises:
        ValueError: if it is so, as far as the constants of the cell are known.
    """
    like = jax.tree.map(lambda w: jax.ShapeDtypeStruct(w.shape, w.dtype), weights)

    def judged(key, scales):
        sample = jnp.zeros(x.shape[-1], x.dtype)
        sizes = jax.lax.map(partial(_deviations, cell, like, sample, key), scales)
        apart, whole = jnp.moveaxis(sizes, -1, 0)  # of scales and arrays
        floor = 1e-6 * jnp.max(whole, axis=0, keepdims=True)  # below, it is rounding
        return jnp.any(apart > 1e-4 * jnp.maximum(whole, floor))

    key = "coupled", kinds(like), x.shape[-1], x.dtype
    found = once(cell.run or cell.step, key, lambda: judge(judged, dice))
    known = check.concrete(found)
    if known is not None and known:
        raise ValueError(
            f"The units of {name}(…) act on each other; a trace of its own unit is not "
            "all that a weight does. Leave the recurrent gradient out, recurrent(…, "
            "recurrent_gradient=False), part layers by stack(…), or take rtrl."
        )
    return found


def judge(judged: Callable[..., Any], throw: Callable[[], tuple[Any, ...]]) -> Any:
    """Judges what was thrown, while others trace: numbers if all constants are known.

    And what is traced if they are not.
    """
    with jax.ensure_compile_time_eval():
        found = loops.forgotten(judged, *throw())
    leaves, tree = jax.tree.flatten(found)
    known = [check.concrete(leaf) for leaf in leaves]
    if any(each is None for each in known):
        return found
    return jax.tree.unflatten(tree, known)


def dice() -> tuple[jax.Array, jax.Array]:
    """A key and ``SCALES``, as data: what they scale is traced once.

    And compiled as one: of what no data come to, JAX evaluates each operation by itself
    where it evaluates while it traces.
    """
    return jax.random.key(0), jnp.asarray(SCALES, jnp.float32)


def drawn(key: jax.Array, tree: Any, scale: Number) -> Any:
    """Random arrays in place of others: normal numbers, or whole ones from 0 to 3."""
    leaves, whole = jax.tree.flatten(tree)
    keys = jax.random.split(key, len(leaves) + 1)

    def like(key, x):
        if jnp.issubdtype(x.dtype, jnp.floating):
            normal = jax.random.normal(key, x.shape, x.dtype)
            return jnp.asarray(scale, x.dtype) * normal
        if jnp.issubdtype(x.dtype, jnp.integer):
            return jax.random.randint(key, x.shape, 0, 4).astype(x.dtype)
        return jax.random.bernoulli(key, 0.5, x.shape) if x.dtype == bool else x

    return jax.tree.unflatten(whole, [*map(like, keys, leaves)])


def _deviations(cell, weights, sample, key, scale):
    """What random numbers find beyond ones, and these, of each array ``[k, 2]``."""
    keys = jax.random.split(key, 4)
    state = drawn(keys[0], rest_like(cell, weights, sample), scale)
    weights = drawn(keys[1], weights, scale)
    xs = drawn(keys[2], jnp.zeros((_STEPS, *sample.shape), sample.dtype), scale)
    leaves, rebuild = moving(state)

    def advance(weights, z):
        return moving(run_cell(cell, weights, rebuild(z), xs, _DT)[0])[0]

    ends, back = jax.vjp(advance, weights, leaves)
    r = jax.random.normal(keys[3], ends[0].shape, ends[0].dtype)
    ones, random = ([jnp.ones_like(e) * c for e in ends] for c in (jnp.ones_like(r), r))
    pairs = zip(*map(jax.tree.leaves, map(back, (ones, random))), strict=True)

    def sizes(a, b):
        times = r.reshape(*(a.ndim - 1) * (1,), -1)
        return jnp.stack([jnp.max(jnp.abs(x)) for x in (b - times * a, a)])

    return jnp.stack([sizes(a, b) for a, b in pairs if a.ndim])
