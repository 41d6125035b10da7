"""What a rule finds against backpropagation through time, and what it needs.

Over all weights together a readout, whose gradient is exact, hides what is wrong below:
everything here is told by array of weights.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from snnjax import check, loops
from snnjax.cell import Cell, check_cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.learning.online.influence import forgetting
from snnjax.learning.online.rule import Rule, check_optimizer, gradients


@exportable
class Alignment(NamedTuple):
    """How a gradient g lies to the one h that it stands for, trees like the weights.

    NaN where h is zero, and the cosine where g is.
    """

    cosine: Any  # g·h / ‖g‖‖h‖, whether it points the same way
    norm: Any  # ‖g‖ / ‖h‖, whether it is as long
    error: Any  # ‖g - h‖ / ‖h‖


@exportable
class Course(NamedTuple):
    """A training by one rule."""

    weights: Any  # at its end
    values: jax.Array  # loss before each update, [updates]
    alignment: Alignment  # to backpropagation through time, arrays [updates]


def alignment(found: Any, expected: Any) -> Alignment:
    """Compares two gradients, array by array.

    Args:
        found: a gradient, a tree like the weights.
        expected: the one that it stands for.

    Returns:
        Cosine, ratio of norms and relative error, each a tree like the weights.

    Raises:
        ValueError: for trees or arrays of another form.
    """
    check.arrays("found", found)
    check.arrays("expected", expected)
    one, other = (jax.tree.map(jnp.shape, tree) for tree in (found, expected))
    if one != other:
        raise ValueError(f"found must be a tree like expected, {other}, got {one}.")
    inner = lambda a, b: jnp.sum(a * b)  # noqa: E731
    dot = jax.tree.map(inner, found, expected)
    norms = [jax.tree.map(jnp.linalg.norm, _rows(t)) for t in (found, expected)]
    apart = jax.tree.map(jnp.subtract, found, expected)
    return Alignment(
        cosine=jax.tree.map(lambda d, g, h: d / (g * h), dot, *norms),
        norm=jax.tree.map(jnp.divide, *norms),
        error=jax.tree.map(
            jnp.divide, jax.tree.map(jnp.linalg.norm, _rows(apart)), norms[1]
        ),
    )


def along_training(
    rules: Mapping[str, Rule],
    cell: Cell,
    optimizer: optax.GradientTransformation,
    weights: Any,
    xs: jax.Array,
    loss: Callable[..., jax.Array],
    *per_step: Any,
    dt: Number,
    block: int = 1,
) -> dict[str, Course]:
    """Trains by each rule, and compares its gradients with exact ones on the way.

    The exact gradient is that of ``cell`` at the weights that the rule has reached, on
    the batch that it learns from; it takes the memory of backpropagation through time.

    Args:
        rules: by name.
        cell: the network itself, with all its gradients; its weights are the rules'.
        optimizer: any optax transformation.
        weights: where each rule starts.
        xs: a batch for each update, ``[updates, T, *batch, n_in]``.
        loss: ``(y, *at) -> []``, of one step.
        *per_step: what the loss is told beside, each ``[updates, T, ...]``.
        dt: time step [s].
        block: c, steps of a block of the rules.

    Returns:
        By the same names, the courses of training.

    Raises:
        ValueError: without a rule, for inputs of another form, and as ``gradients``.
    """
    check.mapping("rules", rules)
    if not rules:
        raise ValueError("rules must hold a rule at least, {name: rule}, got none.")
    check_optimizer(optimizer)
    check.arrays("weights", weights)
    check.array("xs", xs, "[updates, T, *batch, n_in]", finite=True)
    if xs.ndim < 3 or not xs.size:
        raise ValueError(
            "xs must be [updates, T, *batch, n_in] of one update, step, sample and "
            f"input at least, got {xs.shape}."
        )
    for leaf in jax.tree.leaves(per_step):
        if jnp.shape(leaf)[:2] != xs.shape[:2]:
            raise ValueError(
                f"What a loss is told must be [updates, T, ...], {xs.shape[:2]} at "
                f"first, got shape {jnp.shape(leaf)}."
            )
    check_cell("cell", cell)
    exact, steps = forgetting(cell), xs.shape[1]

    def course(rule):
        def update(held, given):
            weights, opt_state = held
            xs, *at = given
            told = xs, loss, *at
            value, grads, _ = gradients(rule, weights, *told, dt=dt, block=block)
            _, whole, _ = gradients(exact, weights, *told, dt=dt, block=steps)
            with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
                change, opt_state = optimizer.update(grads, opt_state, weights)
            held = optax.apply_updates(weights, change), opt_state
            return held, (value, alignment(grads, whole))

        scan = partial(jax.lax.scan, update)
        held = weights, optimizer.init(weights)
        (last, _), told = loops.forgotten(scan, held, (xs, *per_step))
        return Course(last, *told)

    return {name: course(rule) for name, rule in rules.items()}


def temp_memory(
    rule: Rule,
    weights: Any,
    xs: Any,
    loss: Callable[..., jax.Array],
    *per_step: Any,
    dt: Number,
    block: int = 1,
) -> int:
    """Bytes that a gradient needs beside its input and its result, as XLA plans them.

    Nothing is run. Backpropagation through time is ``truncated`` with a block of T.

    Args:
        rule: how to learn.
        weights: of the rule's cell.
        xs: inputs ``[T, *batch, n_in]``, or their shape, ``jax.ShapeDtypeStruct``.
        loss: ``(y, *at) -> []``, of one step.
        *per_step: what the loss is told beside, each ``[T, ...]``, or their shapes.
        dt: time step [s].
        block: c, how many steps are one.

    Raises:
        ValueError: as ``gradients``.
        NotImplementedError: where XLA does not tell.
    """
    check.arrays("weights", weights)
    check.arrays("xs", xs)

    def found(weights, xs, per_step):
        return gradients(rule, weights, xs, loss, *per_step, dt=dt, block=block)[:2]

    compiled = jax.jit(found).lower(weights, xs, per_step).compile()
    analysis = compiled.memory_analysis()
    if analysis is None:
        raise NotImplementedError(
            f"XLA does not tell what a program needs on {jax.default_backend()}."
        )
    return analysis.temp_size_in_bytes


def _rows(tree):
    return jax.tree.map(jnp.ravel, tree)
