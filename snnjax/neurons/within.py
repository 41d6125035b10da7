"""Spikes within a step: when the voltage peaks, and what is left of the step then.

One variable, v, flows exactly while the rest is held; the rest is what it is in the
middle of the step, which makes the step one of second order. Where v reaches its peak,
the time at which it does is known: there it is reset, and flows on for the remainder.
The voltage after a spike is a smooth function of what came before, and has its true
gradient; the spike itself has that of the surrogate.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import loops
from snnjax.surrogate import Shape, spike


class Dynamics(NamedTuple):
    """What flows, and what is held meanwhile.

    Attributes:
        held: ``(given, v, w, x) -> held``, the rest.
        flow: ``(given, v, held, t, reached) -> v``, the peak where it was reached.
        when: ``(given, v, held) -> t`` of the peak [s], infinity if it never comes.
        drift: ``(given, w, v, t) -> w``, with the voltage held.
        jump: ``(given, w) -> w``, what a spike does to it.
        reset: given -> where a spike takes the voltage.
    """

    held: Callable[..., Any]
    flow: Callable[..., jax.Array]
    when: Callable[..., jax.Array]
    drift: Callable[..., Any]
    jump: Callable[..., Any]
    reset: Callable[[Any], jax.Array]


class Moment(NamedTuple):
    """Where a neuron is within a step, each ``[*batch, n]`` but the last."""

    v: jax.Array
    w: Any
    left: jax.Array  # what a spike left of this part of the step [s]
    fired: jax.Array  # whether it did in this step, bool
    before: jax.Array  # voltage on the way to the latest spike, or at the end
    since: jax.Array  # time since the latest spike of this step [s], 0 if none
    again: jax.Array  # whether it is what was left that comes now, bool []


def flowed(
    dynamics: Dynamics,
    given: Any,
    v: jax.Array,
    w: Any,
    x: jax.Array,
    t: jax.Array,
    parts: int,
) -> Moment:
    """Flows for ``parts`` times ``t`` seconds with the input held.

    A part is made in two turns: all of it, or up to the spike; then what is left. Who
    would fire again in that waits at the peak for the next part.
    """
    no, zero = jnp.zeros_like(v, bool), jnp.zeros_like(v)
    start = Moment(v, w, zero, no, v, zero, jnp.zeros((), bool))
    turn = lambda moment: _turn(dynamics, given, moment, x, t)  # noqa: E731
    return loops.repeat(turn, start, 2 * parts)


def _turn(dynamics, given, now, x, t):
    span = jnp.where(now.again, now.left, t)
    end, half, when = _from_the_middle(dynamics, given, now.v, now.w, x, span)
    fires = (when < span) & ~now.again
    left = jnp.where(fires, span - when, 0.0)
    w = dynamics.drift(given, now.w, half, span - left)
    w = jax.tree.map(partial(jnp.where, fires), dynamics.jump(given, w), w)
    v = jnp.where(fires, dynamics.reset(given), end)
    moved: Callable[..., Any] = partial(jnp.where, ~now.again | (now.left > 0.0))
    before = jnp.where(now.fired & ~fires, now.before, jnp.where(fires, half, end))
    since = jnp.where(fires, left, jnp.where(now.fired, now.since + t, 0.0))
    return Moment(
        moved(v, now.v),
        jax.tree.map(moved, w, now.w),
        left,
        now.fired | fires,
        jnp.where(now.again, now.before, before),
        jnp.where(now.again, now.since, since),
        ~now.again,
    )


def _from_the_middle(dynamics, given, v, w, x, t):
    """The end of a step, its middle, and when the peak comes.

    The middle is that of the time until the peak, if that comes within the step.
    """
    held = dynamics.held(given, v, w, x)
    to_half = jnp.minimum(dynamics.when(given, v, held), t) / 2.0
    half = dynamics.flow(given, v, held, to_half, False)
    held = dynamics.held(given, half, dynamics.drift(given, w, v, to_half), x)
    when = dynamics.when(given, v, held)
    return dynamics.flow(given, v, held, t, when < t), half, when


def emitted(fired: jax.Array, distance: jax.Array, surrogate: Shape) -> jax.Array:
    """Spikes where they were fired, with the pseudo-derivative of a distance.

    Args:
        fired: bool.
        distance: to threshold, in units of that from rest to threshold. It counts as
            zero where its sign is not that of ``fired``.
        surrogate: the pseudo-derivative.
    """
    least = 4.0 * jnp.finfo(distance.dtype).eps * (1.0 + jnp.abs(distance))
    sided = jnp.where(fired, jnp.maximum(distance, least), jnp.minimum(distance, 0.0))
    return spike(distance + jax.lax.stop_gradient(sided - distance), surrogate)
