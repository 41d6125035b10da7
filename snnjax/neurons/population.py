"""What populations of neurons share: no weights, rest from the input, watching."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check, loops
from snnjax.about import About
from snnjax.cell import Cell
from snnjax.kernels.products import align
from snnjax.neurons.checks import state_check, voltage_dtype
from snnjax.replay import check_seen, not_learned


class Replay(NamedTuple):
    """How neurons run as a device recorded them; as of ``population``."""

    advance: Callable[..., tuple[Any, ...]]  # of inputs (x, seen)
    faster: Callable[[tuple[str, ...]], dict[str, Any]] = lambda names: {}


def population(
    name: str,
    n: int,
    constants: Callable[..., Any],
    rest: Callable[[jax.Array], Any],
    advance: Callable[..., tuple[Any, ...]],
    also: tuple[str, ...] = (),
    faster: Callable[[tuple[str, ...]], dict[str, Any]] = lambda names: {},
    replay: Replay | None = None,
    unseen: tuple[str, ...] = (),
    puts_out: Callable[[Any, Any], Any] | None = None,
    run_to_marks: Callable[..., tuple[Any, Any]] | None = None,
) -> Cell:
    """A cell without weights; a run works out its constants once, before the scan.

    Args:
        name: of the factory, for messages.
        n: number of neurons.
        constants: ``(dt, dtype) -> constants`` of one step.
        rest: as of ``Cell``.
        advance: ``(constants, state, x) -> (state, y)``, one step; or ``(state, y,
            {name: value})``, with what can be watched beside the fields of the state.
        also: the names of that.
        faster: names to watch -> ``run`` and ``loop`` of a cell that shows these, if
            there is a faster way than step after step.
        replay: the same as a device recorded it; outputs are replaced if omitted.
        unseen: fields of the state that nobody may watch.
        puts_out: ``(state, x)`` -> an array like the output, as of ``About``.
        run_to_marks: as of ``About``.
    """
    refuse = state_check(name, n, rest)

    def build(names, advance, faster, constants, paired=False):
        if names:
            like = jax.eval_shape(rest, jax.ShapeDtypeStruct((n,), jnp.float32))
            fields = (key for key, _ in _fields(like) if key not in unseen)
            _check_names(name, names, (*fields, *also))

        fixed = advance, tuple(names)

        def step(weights, state, x, dt):
            del weights  # neurons have constants; connections have weights
            like = shown(x) if paired else jnp.asarray(x)
            refuse(state, like)
            given = align(constants(dt, voltage_dtype(state, like)), like)
            return _step(fixed, given, state, x if paired else like)

        def run(weights, state, xs, dt):
            del weights
            like = shown(xs) if paired else xs
            refuse(state, like, lead=1)
            given = constants(dt, voltage_dtype(state, like))
            given = align(given, like, lead=1)
            return loops.scan(_step, fixed, given, state, xs)

        cell = Cell(init=lambda key: (), rest=rest, step=step, run=run)
        return cell._replace(**faster(names))

    def replaying(names):
        assert replay is not None
        fixed = lambda *given: not_learned(constants(*given))  # noqa: E731
        cell = build(names, replay.advance, replay.faster, fixed, paired=True)
        about = About(watch=replaying)
        return cell._replace(rest=lambda given: rest(given[0]), about=about)

    def shown(given):
        current, seen = given
        check_seen(name, seen, current)
        return current

    def watching(names):
        cell = build(names, advance, faster, constants)
        return cell if replay is None else cell._replace(replay=replaying(names))

    about = About(watch=watching, puts_out=puts_out, run_to_marks=run_to_marks)
    return watching(())._replace(about=about)


def _step(fixed, given, state, x):
    advance, names = fixed
    state, y, *more = advance(given, state, x)
    if not names:
        return state, y
    seen = dict(_fields(state), **dict(*more))
    return state, (y, {each: seen[each] for each in names})


def _check_names(name, names, known):
    for each in names:
        if each not in known:
            raise ValueError(
                f"{name} has no {each!r} to look at; there is {', '.join(known)}."
            )


def _fields(state, within=""):
    """Fields of a state by dotted name."""
    for key, value in state._asdict().items():
        if hasattr(value, "_asdict"):
            yield from _fields(value, f"{within}{key}.")
        elif value is not None:
            yield f"{within}{key}", value


def precise(params: Any, dtype: Any) -> Any:
    """Constants in the precision of the voltages; None stays."""
    return jax.tree.map(lambda p: jnp.asarray(p, dtype), params)


def zeros(name: str, n: int, x: jax.Array) -> jax.Array:
    """Rest takes dtype, device and sharding from the input; never less than float32."""
    check.width(name, x, n)
    check.floating(f"The input of {name}", x)
    dtype = check.common_dtype(x.dtype, jnp.float32)
    return jnp.broadcast_to(jnp.zeros_like(x[..., :1], dtype), x.shape)
