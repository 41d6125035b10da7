"""A membrane between two inputs, and when it reaches its threshold.

From (v, i) on, s seconds without input lead to

    v(s) = v e^(-s/τm) + i ε(s)        i(s) = i e^(-s/τs)

with ε the PSP; without leak (``tau_mem=None``: τs dv/dt = i) to
v(s) = v + i (1 - e^(-s/τs)). The only peak, where i(s) = v(s), is at

    s* = τs q L((1 - τs/τm) q)        q = 1 - v/i,  L(x) = -ln(1 - x)/x

if i > max(v, 0). For every τm and τs the voltage is concave up to there: the inflection
lies behind the peak. So a search that begins between the start and the crossing, with
steps along parabolas, neither overshoots nor needs a case for any ratio.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax.neurons.flows import log1p_ratio
from snnjax.neurons.potentials import mean_exp

_TURNS = 16  # of the search, at most


class Constants(NamedTuple):
    """Of membranes in continuous time, each ``[]`` or ``[n]``, or aligned so."""

    tau_mem: jax.Array | None  # τm [s]; None: no leak
    tau_syn: jax.Array  # τs [s]
    threshold: jax.Array  # θ; ∞ of membranes that do not fire
    v_reset: jax.Array  # where a spike takes the voltage


def kept(params: Constants, s: jax.Array) -> jax.Array:
    """Share of the voltage that is left after ``s`` seconds, e^(-s/τm); 1: no leak."""
    return jnp.ones_like(s) if params.tau_mem is None else jnp.exp(-s / params.tau_mem)


def response(params: Constants, s: jax.Array) -> jax.Array:
    """Voltage that a unit of current brings in ``s`` seconds, ε(s)."""
    fast = -s / params.tau_syn
    if params.tau_mem is None:
        return -jnp.expm1(fast)
    return s / params.tau_mem * mean_exp(-s / params.tau_mem, fast)


def flow(
    params: Constants, v: jax.Array, i: jax.Array, s: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Voltage and current ``s`` seconds later, without input."""
    voltage = v * kept(params, s) + i * response(params, s)
    return voltage, i * jnp.exp(-s / params.tau_syn)


def slope(params: Constants, v: jax.Array, i: jax.Array) -> jax.Array:
    """dv/dt [1/s]."""
    return i / params.tau_syn if params.tau_mem is None else (i - v) / params.tau_mem


def curvature(params: Constants, rate: jax.Array, i: jax.Array) -> jax.Array:
    """d²v/dt² [1/s²], where the slope is ``rate``."""
    falling = -i / params.tau_syn
    if params.tau_mem is None:
        return falling / params.tau_syn
    return (falling - rate) / params.tau_mem


def rising(params: Constants, v: jax.Array, i: jax.Array) -> jax.Array:
    """The slope with which a threshold was crossed: above zero, whatever is rounded.

    A membrane that only just reaches it comes with no slope. What is less than rounding
    could tell from zero, ε θ/τ with ε of the precision, counts as that.
    """
    tau = params.tau_syn if params.tau_mem is None else params.tau_mem
    least = jnp.finfo(v.dtype).eps * jnp.abs(params.threshold) / tau
    return jnp.maximum(slope(params, v, i), least)


class Top(NamedTuple):
    """The highest point ahead, each ``[...]``."""

    s: jax.Array  # when [s]; zero if the membrane falls from now on
    v: jax.Array  # how high
    peak: jax.Array  # whether it turns there, bool; else time is up


def top(params: Constants, v: jax.Array, i: jax.Array, until: jax.Array | float) -> Top:
    """The highest point of the next ``until`` seconds, which may be without end.

    Without leak and without end it is never reached: then s is infinite.
    """
    until = jnp.broadcast_to(jnp.asarray(until, v.dtype), v.shape)
    if params.tau_mem is None:
        s = jnp.where(i > 0.0, until, 0.0)
        return Top(s, v - i * jnp.expm1(-s / params.tau_syn), jnp.zeros_like(s, bool))
    upward = i > jnp.maximum(v, 0.0)
    q = jnp.minimum(1.0 - v / jnp.where(upward, i, 1.0), _FAR)
    x = (1.0 - params.tau_syn / params.tau_mem) * q
    upward &= x < 1.0  # else it rises towards rest, from far below
    when = params.tau_syn * q * log1p_ratio(jnp.where(upward, -x, 0.0))
    peak = upward & (when <= until)
    s = jnp.where(upward, jnp.minimum(when, until), 0.0)
    return Top(s, flow(params, v, i, s)[0], peak)


def reached(params: Constants, v: jax.Array, ahead: Top) -> jax.Array:
    """Whether the threshold is crossed on the way to the top.

    Exactly at threshold is silent, but for a start: what was left below it before an
    input by rounding alone is not lost.
    """
    return (ahead.v > params.threshold) | (v >= params.threshold)


def search(params: Constants, v: jax.Array, i: jax.Array, ahead: Top) -> jax.Array:
    """When the threshold is crossed [s], where it is ``reached``; no gradient.

    Each step solves the parabola through voltage, slope and curvature; three of them
    are enough for τm and τs within a factor of ten, eleven for a factor of a million.
    """
    params, v, i, ahead = jax.lax.stop_gradient((params, v, i, ahead))
    theta = jnp.broadcast_to(params.threshold, v.shape)
    between = (v < theta) & (ahead.v > theta)
    v, i = jnp.where(between, v, 0.0), jnp.where(between, i, 2.0 * theta)
    if params.tau_mem is None:
        s = -params.tau_syn * jnp.log1p(-(theta - v) / i)
        return jnp.where(between, jnp.minimum(s, ahead.s), 0.0)
    high, end = jnp.where(between, ahead.v, 2.0 * theta), jnp.where(between, ahead.s, 0)
    share = (theta - v) / (high - v)
    start = end * share / (1.0 + jnp.sqrt((high - theta) / (high - v)))
    near = 8.0 * jnp.finfo(v.dtype).eps * (theta + 2.0 * jnp.abs(v))

    def go_on(search):
        turn, _, missing = search
        return (turn < _TURNS) & jnp.any((jnp.abs(missing) > near) & between)

    def step(search):
        turn, s, _ = search
        now, current = flow(params, v, i, s)
        rate, missing = slope(params, now, current), theta - now
        bend = curvature(params, rate, current)
        root = jnp.sqrt(jnp.maximum(rate**2 + 2.0 * bend * missing, 0.0))
        ahead = 2.0 * missing / jnp.maximum(rate + root, jnp.finfo(v.dtype).tiny)
        return turn + 1, jnp.clip(s + ahead, 0.0, end), missing

    begun = jnp.zeros((), jnp.int32), start, jnp.full_like(v, jnp.inf)
    return jax.lax.while_loop(go_on, step, begun)[1]


def moved(
    t: jax.Array, level: jax.Array, rate: jax.Array, bend: jax.Array
) -> jax.Array:
    """A time that was found, as a function of what it was found from.

    To second order the root of F(t; p) = 0 moves with the level F at the time that is
    known, where it is zero, by

        t - F/F' - F'' F²/(2 F'³)

    so that the first and second derivatives of the result are those of the root. No
    rule of its own is needed, which JAX would forget in derivatives of scans.

    Args:
        t: the root [s]; no gradient passes.
        level: F at t, a function of p.
        rate: its slope in time F', never zero.
        bend: F''.
    """
    f = level - jax.lax.stop_gradient(level)
    return jax.lax.stop_gradient(t) - f / rate - 0.5 * bend * f**2 / rate**3


_FAR = 1e30  # of a quotient that is not to overflow
