"""One update: state in, state out.

``make_step`` builds a pure function; the caller decides where ``jit``, ``vmap`` and
``scan`` go.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from snnjax import check
from snnjax.exported import exportable
from snnjax.training.silence import UNMOVED, without_gradient

Metrics = dict[str, Any]


@exportable
class TrainState(NamedTuple):
    """What one update changes."""

    weights: Any
    opt_state: Any
    step: jax.Array  # updates so far, int32


def init_train_state(
    weights: Any, optimizer: optax.GradientTransformation
) -> TrainState:
    """The state before the first update.

    Raises:
        ValueError: for what is no optimizer, or weights that are no arrays.

    Example:
        >>> state = snn.training.init_train_state({"w": jnp.ones(3)}, optax.adam(1e-2))
        >>> print(state.step)
        0
    """
    check.fields("optimizer", optimizer, "init", "update")
    check.arrays("weights", weights)
    if not jax.tree.leaves(weights):
        raise ValueError("weights must hold an array at least, got none to learn.")
    opt_state = _apart(optimizer.init(weights), weights)
    return TrainState(weights, opt_state, jnp.zeros((), jnp.int32))


def _apart(opt_state, weights):
    """Arrays that are no weights and no two of them one, so that all can be donated.

    Some optimizers remember the weights that they began with.
    """
    met = {id(leaf) for leaf in jax.tree.leaves(weights)}

    def own(leaf):
        if isinstance(leaf, jax.Array) and id(leaf) in met:
            return jnp.copy(leaf)
        met.add(id(leaf))
        return leaf

    return jax.tree.map(own, opt_state)


def make_step(
    loss_fn: Callable[..., Any],
    optimizer: optax.GradientTransformation,
    *,
    has_aux: bool = False,
) -> Callable[..., tuple[TrainState, Metrics]]:
    """Builds one update.

    Args:
        loss_fn: ``(weights, *batch) -> loss``, or ``(loss, metrics)`` with ``has_aux``.
        optimizer: any optax transformation.
        has_aux: whether ``loss_fn`` returns a dictionary of metrics as well. Put
            ``nonfinite(final_state)`` into it as ``"nonfinite"`` and ``fit`` names the
            layer in which a voltage stopped being a number; put ``silent({"hidden":
            spikes})`` into it as ``"silent"`` and it names layers that never fire.

    Returns:
        ``(state, *batch) -> (state, metrics)``; wrap it in ``jax.jit`` or ``lax.scan``.
        With ``jax.jit(…, donate_argnums=0)`` the new state takes the memory of the old
        one, which cannot be read again; ``fit`` takes such a step, and copies what it
        keeps.
        Metrics are those of ``loss_fn``, ``"loss"``, ``"grad_norm"``, and
        ``"without_gradient"``: which weights have a gradient of zero, by their path.

    Raises:
        ValueError: for a loss that is no function, or what is no optimizer.

    Example:
        >>> net = snn.chain(snn.dense(4, 8), snn.lif(8), snn.dense(8, 2), snn.li(2))
        >>> def loss(weights, xs, labels):
        ...     _, voltages = snn.unroll(net, weights, xs, dt=1e-3)
        ...     return snn.cross_entropy(snn.max_over_time(voltages), labels)
        ...
        >>> optimizer = optax.adam(1e-2)
        >>> step = jax.jit(snn.training.make_step(loss, optimizer))
        >>> weights = net.init(jax.random.key(0))
        >>> state = snn.training.init_train_state(weights, optimizer)
        >>> state, metrics = step(state, jnp.ones((20, 3, 4)), jnp.array([0, 1, 0]))
        >>> sorted(metrics)
        ['grad_norm', 'loss', 'without_gradient']
    """
    check.function("loss_fn", loss_fn)
    check.fields("optimizer", optimizer, "init", "update")
    check.flag("has_aux", has_aux)

    def step(state: TrainState, *batch: Any) -> tuple[TrainState, Metrics]:
        value, grads = jax.value_and_grad(loss_fn, has_aux=has_aux)(
            state.weights, *batch
        )
        loss, aux = value if has_aux else (value, {})
        with jax.numpy_dtype_promotion("standard"):  # optax mixes counts with floats
            updates, opt_state = optimizer.update(grads, state.opt_state, state.weights)
        weights = optax.apply_updates(state.weights, updates)
        metrics = {
            **aux,
            "loss": loss,
            "grad_norm": optax.tree.norm(grads),
            UNMOVED: without_gradient(grads),
        }
        return TrainState(weights, opt_state, state.step + 1), metrics

    return step
