"""One frame for all rules of learning while time runs.

Time comes in blocks of c steps. Inside a block the gradient is exact, by the cell's own
way to run; a rule is what it lets across the start of a block of all that the weights
did before. With c = 1 learning is online to the letter, with c = T every rule that has
the true feedback is backpropagation through time.

    hidden = recurrent(20, 9, lif(9, reset="subtract"), recurrent_gradient=False)
    output = chain(dense(9, 2), li(2))
    rule = stack(factored(hidden), factored(output))
    weights = chain(hidden, output).init(key)
    loss = lambda y: jnp.mean(y**2)
    value, grads, carry = gradients(rule, weights, xs, loss, dt=1e-3, block=10)

Memory does not depend on T. Marschall, Cho & Savin (2020, jmlr.org/papers/v21/19-562)
place the rules of the literature in a frame of this kind.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from snnjax import check, loops
from snnjax.check import Number
from snnjax.exported import exportable


@exportable
class Carry(NamedTuple):
    """What a rule hands from block to block."""

    state: Any  # of the cell, as ``unroll`` returns it
    past: Any  # what crosses the start of a block


class Rule(NamedTuple):
    """A way to learn while time runs.

    Attributes:
        init: ``(weights, x) -> carry``, for inputs like ``x``, ``[*batch, n_in]``;
            raises ``ValueError`` for a cell or weights that the rule cannot treat.
        run: ``(weights, carry, xs, dt) -> (carry, ys, pull)`` over a block ``[c,
            *batch, n_in]``. ``pull`` is ``dys -> (grads, dxs)``, a pullback like that
            of ``jax.vjp``, summed over the batch, but back to the start of time. It is
            a tree of arrays, and may leave a ``jit``: act, see what came of it, credit.
        leaves_out: what of the gradient is dropped, in words; empty if nothing is.
        uncut: whether the gradient of what it puts out must reach it whole, of later
            blocks as well, as that of ``EventProp``.

    Example:
        >>> from snnjax.learning import online
        >>> cell = snn.chain(snn.dense(5, 2), snn.li(2))
        >>> rule, weights = online.factored(cell), cell.init(jax.random.key(0))
        >>> xs = jnp.ones((10, 3, 5))  # a block
        >>> carry = rule.init(weights, xs[0])
        >>> carry, ys, pull = jax.jit(rule.run)(weights, carry, xs, 1e-3)
        >>> grads, dxs = pull(jnp.ones_like(ys))  # credit, when it is known
        >>> grads[0].w.shape, dxs.shape
        ((5, 2), (10, 3, 5))
    """

    init: Callable[[Any, jax.Array], Carry]
    run: Callable[[Any, Carry, jax.Array, Number], tuple[Carry, Any, Callable]]
    leaves_out: tuple[str, ...] = ()
    uncut: bool = False


@exportable
class Learned(NamedTuple):
    """What learning inside a sequence leaves."""

    weights: Any
    opt_state: Any
    carry: Carry
    values: jax.Array  # loss of each block, summed over its steps, [blocks]


def gradients(
    rule: Rule,
    weights: Any,
    xs: jax.Array,
    loss: Callable[..., jax.Array],
    *per_step: Any,
    dt: Number,
    block: int = 1,
    carry: Carry | None = None,
) -> tuple[jax.Array, Any, Carry]:
    """The loss of a sequence and its gradient, as a rule finds it, block after block.

        L = Σ_t loss(y_t, ...)

    Args:
        rule: how to learn.
        weights: of the rule's cell.
        xs: inputs ``[T, *batch, n_in]``.
        loss: ``(y, *at) -> []``, of one step.
        *per_step: what the loss is told beside, each ``[T, ...]``.
        dt: time step [s].
        block: c, how many steps are one; the last block may be shorter.
        carry: where to go on; the resting state, and no past, if omitted.

    Returns:
        The loss ``[]``, its gradient, a tree like the weights, and where to go on.

    Raises:
        ValueError: for what is no rule, an empty sequence, something per step of
            another length, a block below one step, a ``dt`` that is not positive, and
            what the rule refuses.

    Example:
        >>> from snnjax.learning import online
        >>> cell = snn.chain(snn.dense(5, 2), snn.li(2))
        >>> weights = cell.init(jax.random.key(0))
        >>> xs, target = jnp.ones((20, 3, 5)), jnp.zeros((20, 3, 2))
        >>> @jax.jit
        ... def gradients(weights, xs, target):
        ...     given = online.factored(cell), weights, xs, snn.mse, target
        ...     return online.gradients(*given, dt=1e-3, block=10)
        ...
        >>> loss, grads, carry = gradients(weights, xs, target)
        >>> grads[0].w.shape
        (5, 2)
    """
    check.arrays("weights", weights)
    check.array("xs", xs, "[T, *batch, n_in]")
    weights, xs = jax.tree.map(jnp.asarray, (weights, xs))
    carry, dt = _started(rule, weights, xs, loss, per_step, dt, block, carry)

    def one(held, part):
        carry, value, grads = held
        carry, found, change = _block(rule, weights, carry, part, loss, dt)
        return (carry, value + found, jax.tree.map(jnp.add, grads, change)), None

    zeros = jnp.zeros((), check.precision(weights, xs))
    held = carry, zeros, jax.tree.map(jnp.zeros_like, weights)
    (carry, value, grads), _ = over_blocks(one, held, (xs, *per_step), block)
    return value, grads, carry


def train(
    rule: Rule,
    optimizer: optax.GradientTransformation,
    weights: Any,
    opt_state: Any,
    xs: jax.Array,
    loss: Callable[..., jax.Array],
    *per_step: Any,
    dt: Number,
    block: int = 1,
    carry: Carry | None = None,
) -> Learned:
    """Learns within a sequence: one update of the weights after each block.

    What crosses from block to block was found with the weights of its time, as in every
    online rule with updates: exact in the limit of slow learning.

    Args:
        rule: how to learn.
        optimizer: any optax transformation.
        weights: of the rule's cell.
        opt_state: ``optimizer.init(weights)``, or what a run before has left.
        xs: inputs ``[T, *batch, n_in]``.
        loss: ``(y, *at) -> []``, of one step.
        *per_step: what the loss is told beside, each ``[T, ...]``.
        dt: time step [s].
        block: c, steps before each update; the last block may be shorter.
        carry: where to go on; the resting state, and no past, if omitted.

    Returns:
        Weights, state of the optimizer, where to go on, and the loss of each block.

    Raises:
        ValueError: as ``gradients``, and for an optimizer that is none.

    Example:
        >>> from snnjax.learning import online
        >>> cell = snn.chain(snn.dense(5, 2, init=snn.networks.normal), snn.li(2))
        >>> weights, optimizer = cell.init(jax.random.key(0)), optax.adam(0.1)
        >>> xs, target = jnp.full((400, 3, 5), 0.1), jnp.ones((400, 3, 2))
        >>> @jax.jit
        ... def learn(weights, opt_state, xs, target):
        ...     rule = online.factored(cell)
        ...     given = rule, optimizer, weights, opt_state, xs, snn.mse, target
        ...     return online.train(*given, dt=1e-3, block=10)
        ...
        >>> learned = learn(weights, optimizer.init(weights), xs, target)
        >>> learned.values.shape, bool(learned.values[-1] < learned.values[0])
        ((40,), True)
    """
    check_optimizer(optimizer, opt_state)
    check.arrays("weights", weights)
    check.array("xs", xs, "[T, *batch, n_in]")
    weights, xs = jax.tree.map(jnp.asarray, (weights, xs))
    carry, dt = _started(rule, weights, xs, loss, per_step, dt, block, carry)

    def one(held, part):
        carry, weights, opt_state = held
        carry, value, grads = _block(rule, weights, carry, part, loss, dt)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes counts with floats
            change, opt_state = optimizer.update(grads, opt_state, weights)
        return (carry, optax.apply_updates(weights, change), opt_state), value

    held = carry, weights, opt_state
    (carry, weights, opt_state), values = over_blocks(one, held, (xs, *per_step), block)
    return Learned(weights, opt_state, carry, values)


def check_rule(what: str, rule: Any) -> None:
    """Refuses what is no rule.

    Raises:
        ValueError: with what came.
    """
    if not isinstance(rule, Rule):
        raise ValueError(f"{what} must be a rule such as rtrl(cell), got {rule!r}.")
    if not isinstance(rule.leaves_out, tuple):
        raise ValueError(
            f"leaves_out of {what} must be a tuple of words, got {rule.leaves_out!r}."
        )
    check.flag(f"uncut of {what}", rule.uncut)


def check_optimizer(optimizer: Any, opt_state: Any = ()) -> None:
    """Refuses what is no optimizer, and a state of something else than arrays.

    Raises:
        ValueError: with what came.
    """
    check.fields("optimizer", optimizer, "init", "update")
    if opt_state is None:
        raise ValueError("opt_state must be that of optimizer.init(weights), got None.")
    check.arrays("opt_state", opt_state)


def _started(rule, weights, xs, loss, per_step, dt, block, carry):
    check_rule("rule", rule)
    check.whole("block", block)
    check.positive("dt", dt, " [s]")
    check.function("loss", loss)
    check.signal("xs", xs)
    if xs.ndim < 2 or not xs.size:
        raise ValueError(
            "xs must be [T, *batch, n_in] with T > 0, a sample and an input at least, "
            f"got shape {xs.shape}."
        )
    for leaf in jax.tree.leaves(per_step):
        if jnp.shape(leaf)[:1] != (len(xs),):
            raise ValueError(
                f"What a loss is told must be [T, ...] with T = {len(xs)}, got shape "
                f"{jnp.shape(leaf)}. The same in every step: jnp.broadcast_to."
            )
    if check.concrete(dt) is None:
        dt = jnp.where(dt > 0, dt, jnp.nan)
    return rule.init(weights, xs[0]) if carry is None else carry, dt


def _block(rule, weights, carry, part, loss, dt):
    xs, *at = part
    carry, ys, pull = rule.run(weights, carry, xs, dt)
    of_steps = lambda ys: jnp.sum(jax.vmap(loss)(ys, *at))  # noqa: E731
    value, dys = jax.value_and_grad(of_steps)(ys)
    return carry, value, pull(dys)[0]


def over_blocks(one, held, given, block):
    """Scans ``one(held, block)``; blocks are cut out where they lie, one by one."""
    steps = len(given[0])
    count, left = divmod(steps, block)
    values = jnp.zeros((0,), jnp.float32)

    def body(counted, _):
        held, k = counted
        cut = partial(jax.lax.dynamic_slice_in_dim, slice_size=block)
        xs, *at = jax.tree.map(lambda x: cut(x, k * block), given)
        xs = jax.lax.optimization_barrier(xs)  # once, not for each that reads it
        held, value = one(held, (xs, *at))
        return (held, k + 1), value

    if count:
        scan = partial(jax.lax.scan, body, xs=None, length=count)
        (held, _), values = loops.forgotten(scan, (held, jnp.zeros((), jnp.int32)))
    if left:
        held, value = one(held, jax.tree.map(lambda x: x[-left:], given))
        if value is not None:
            values = jnp.append(values.astype(value.dtype), value)
    return held, values
