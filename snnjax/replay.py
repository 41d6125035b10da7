"""A network as a device ran it: what was measured takes the place of what is computed.

A cell that knows how has ``Cell.replay``, the same cell of inputs ``(x, seen)``. Any
other one computes as ever, and its outputs are replaced.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import About
from snnjax.cell import Cell, run_cell
from snnjax.seen import Seen


def splice(model: jax.Array, measured: jax.Array) -> jax.Array:
    """The measured value, with the gradient of the model's, both of one shape.

    As ``measured + (model - stop_gradient(model))``, whose parenthesis is zero,
    exactly. ``model + stop_gradient(measured - model)`` would round, which the
    threshold of a spike does not forgive; and a rule of its own (``custom_jvp``) would
    be lost in derivatives of derivatives of a scan.

    Args:
        model: what was computed, floating point.
        measured: what was measured, taken in the dtype of ``model``.

    Raises:
        ValueError: for what is not floating point, or another shape.
    """
    check.floating("model", model)
    check.floating("measured", measured)
    check.shape("measured, beside model,", measured, jnp.shape(model))
    model = jnp.asarray(model)
    measured = jnp.asarray(measured).astype(model.dtype)
    measured, same = jax.lax.stop_gradient((measured, model))
    return measured + (model - same)


def measured_voltage(model: jax.Array, seen: Seen) -> jax.Array:
    """Voltages as measured where they are known, as of the model elsewhere."""
    if seen.v is None:
        return model
    v = jnp.asarray(seen.v).astype(model.dtype)
    return v if seen.known is None else jnp.where(seen.known, v, model)


def check_seen(name: str, seen: Seen, like: jax.Array) -> None:
    """Refuses a recording of another population, batch or length.

    Args:
        name: of the cell.
        seen: what was recorded.
        like: what it records, in shape.

    Raises:
        ValueError: for what is no ``Seen``, or of another shape.
    """
    if not isinstance(seen, Seen):
        raise ValueError(
            f"What was seen of {name} must be Seen(spikes, v, known), got "
            f"{type(seen).__name__}."
        )
    if seen.v is None and seen.known is not None:
        raise ValueError(f"What was seen of {name} has known, but no v it is about.")
    for field, value in seen._asdict().items():
        if value is not None:
            check.shape(f"The {field} that were seen of {name}", value, like.shape)


def replayed(cell: Cell) -> Cell:
    """The same cell of inputs ``(x, seen)``.

    Raises:
        ValueError: while it runs, for voltages of a cell that has no place for them.
    """
    if cell.replay is not None:
        return cell.replay
    return Cell(
        init=cell.init,
        rest=lambda given: cell.rest(given[0]),
        step=_replacing(cell, cell.step),
        run=_replacing(cell, lambda *given: run_cell(cell, *given)),
    )


def _replacing(cell: Cell, advance: Callable) -> Callable:
    def replaced(weights, state, given, dt):
        x, seen = given
        state, y = advance(weights, state, x, dt)
        name = repr(cell)
        if not isinstance(y, jax.Array) or isinstance(seen, Mapping):
            raise ValueError(f"What {name} puts out cannot be replaced as a whole.")
        check_seen(name, seen, y)
        if seen.v is not None:
            raise ValueError(
                f"Only spikes, which are what it puts out, can be seen of {name}; a "
                "voltage has no place in it. Leave v out."
            )
        if seen.spikes is None:
            return state, y
        return state, splice(y, jnp.asarray(seen.spikes).astype(y.dtype))

    return replaced


class Shown(NamedTuple):
    """A compound cell whose steps take ``{key: seen}`` of its parts as well."""

    init: Callable[[jax.Array], Any]
    rest: Callable[[Any], Any]
    step: Callable[..., tuple[Any, Any]]  # (weights, state, x, dt, {key: seen})
    run: Callable[..., tuple[Any, Any]]


def with_replay(
    cell: Shown, watch: Callable[[tuple[str, ...]], Cell], parts: Mapping[Any, Cell]
) -> Cell:
    """A compound cell and its replay.

    Args:
        cell: the cell, told what was seen.
        watch: names -> the compound that shows these as well, with its replay.
        parts: those of which something can be seen, by key.
    """

    def of_pairs(advance):
        def replaying(weights, state, given, dt):
            x, seen = given
            for key in seen:
                if key not in parts:
                    told = ", ".join(map(str, parts))
                    raise ValueError(f"What is seen is of {told}, got {key}.")
            return advance(weights, state, x, dt, seen)

        return replaying

    replay = Cell(
        init=cell.init,
        rest=lambda given: cell.rest(given[0]),
        step=of_pairs(cell.step),
        run=of_pairs(cell.run),
        about=About(parts=parts, watch=lambda names: watch(names).replay),
    )
    step, run = map(_of_nothing, (cell.step, cell.run))
    return Cell(cell.init, cell.rest, step, run, replay=replay)


def _of_nothing(advance):
    def advancing(weights, state, x, dt):
        return advance(weights, state, x, dt, {})

    return advancing


@jax.custom_jvp
def not_learned(constants: Any) -> Any:
    """Constants that nothing can be learned about from a recording.

    Raises:
        ValueError: while their gradient is traced.
    """
    return constants


def _refused(primals, tangents):
    zero = jax.custom_derivatives.SymbolicZero
    (constants,), (tangents,) = primals, tangents
    if all(isinstance(each, zero) for each in jax.tree.leaves(tangents)):
        return constants, tangents
    raise ValueError(
        "A recording says nothing about constants (τ, threshold, dt): the device could "
        "not be given others, so their gradient would be of a model that did not run. "
        "Learn them in software, or leave them fixed."
    )


not_learned.defjvp(_refused, symbolic_zeros=True)
