"""Leaky integrators over all of time, natively.

    forward    c ← i + x      v ← b v + g c      i ← a c      y = v
    backward   δv ← y̅ + v̅     v̅ ← b δv           i̅ ← δx = g δv + a i̅

Of the state and the currents that is a linear map, whose transpose is native too. What
y owes to b, a and g is carried along with v and i, so that gradients of constants need
neither voltages nor currents over time. Both are differentiated again by XLA.

Voltages that were measured take the place of what is computed and leave that map alone.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from snnjax.check import Number
from snnjax.kernels import native
from snnjax.kernels.linear import with_transpose
from snnjax.kernels.native import Backend, call, floats, match_axes
from snnjax.kernels.products import flat


class Flow(NamedTuple):
    """State and what comes or goes with time, or a gradient of these."""

    v: jax.Array  # [B, n]
    i: jax.Array  # [B, n], zeros without a synapse
    over_time: jax.Array  # currents or voltages, [T · B, n]


class Way(NamedTuple):
    """How integrators are run."""

    synapse: bool
    backend: Backend  # from ``native.choose``


class Measured(NamedTuple):
    """Voltages in the place of those that are computed; no rows: none, or all known."""

    v: jax.Array  # [T · B, n] or [0, n], float32
    known: jax.Array  # [T · B, n] or [0, n], uint8


def integrate(
    mem: Number,
    syn: Number | None,
    gain: Number,
    v: jax.Array,
    i: Any,
    xs: jax.Array,
    measured: Any = None,
    known: Any = None,
    backend: Backend = "native",
) -> tuple[jax.Array, Any, jax.Array]:
    """Runs integrators.

    Args:
        mem: b, what a step leaves of the voltage, ``[]`` or ``[n]``.
        syn: a, what it leaves of the current, or None without a synapse.
        gain: g, voltage that a unit of current brings.
        v: voltages at the start, ``[*batch, n]``, float32.
        i: currents at the start, or None without a synapse.
        xs: input, ``[T, *batch, n]``, float32; voltages are written in its place.
        measured: voltages in the place of those computed, ``[T, *batch, n]``, or None;
            where there are any, constants count as fixed.
        known: which of these there are, of the same shape, or None for all.
        backend: who runs them, from ``native.choose``.

    Returns:
        Voltages and currents at the end, and voltages ``[T, *batch, n]``.
    """
    n, synapse = xs.shape[-1], i is not None
    rows = [jnp.zeros(n) if c is None else jnp.broadcast_to(c, n) for c in (mem, syn)]
    constants = jnp.stack([*rows, jnp.broadcast_to(gain, n)]).astype(jnp.float32)
    start = Flow(flat(v), flat(jnp.zeros_like(v) if i is None else i), flat(xs))
    none = jnp.zeros((0, n))
    volts, known = (none if x is None else flat(x) for x in (measured, known))
    seen = Measured(volts.astype(jnp.float32), known.astype(jnp.uint8))
    way = Way(synapse, backend)
    end = _integrate(way, *match_axes(constants, start, seen))
    v, i = (part.reshape(v.shape) for part in end[:2])
    return v, i if synapse else None, end.over_time.reshape(xs.shape)


def _run(way, constants, start, measured):
    ways = _natively, _by_steps
    return native.run(way.backend, *ways, way.synapse, constants, start, measured)


def _natively(synapse, constants, start, measured):
    args = start.over_time, start.v, start.i, constants, *measured
    return Flow(*_moved("snnjax_integrate", synapse, *args))


def _moved(name, synapse, *args):
    made = [floats(*each.shape) for each in args[:3]]
    over_time, v, i = call(name, made, *args, in_place={0: 0}, synapse=synapse)
    return v, i, over_time


_integrate = jax.custom_jvp(_run, nondiff_argnums=(0,))


@partial(_integrate.defjvp, symbolic_zeros=True)
def _integrate_jvp(way, primals, tangents):
    (constants, start, _), (d_constants, d_start, _) = primals, tangents
    end = _integrate(way, *primals)
    change = jax.tree.map(jnp.zeros_like, end)
    if not all(map(_is_zero, d_start)):
        d_start = jax.tree.map(_plain, d_start, is_leaf=_is_zero)
        moved, back = _Flowed(way), _Back(way)
        change = _sum(change, with_transpose(moved, back, constants, d_start, end))
    if not _is_zero(d_constants):
        owed, owed_back = _Owed(way), _OwedBack(way)
        given = constants, start
        change = _sum(change, with_transpose(owed, owed_back, given, d_constants, end))
    return end, change


_sum = partial(jax.tree.map, jnp.add)


def _is_zero(x):
    return isinstance(x, SymbolicZero)


def _plain(x):
    return jnp.zeros(x.shape, x.dtype) if _is_zero(x) else x


def _by_steps(synapse, constants, start, measured=None):
    """By XLA, step after step."""
    mem, syn, gain = constants[:, None]
    xs, *seen = (_steps(rows, start.v) for rows in (start.over_time, *(measured or ())))
    volts, known = seen if seen and len(seen[0]) else (None, None)
    known = None if known is None or not len(known) else known

    def step(state, now):
        (v, i), (x, volts, known) = state, now
        current = i + x if synapse else x
        v = mem * v + gain * current
        if volts is not None:
            v = volts if known is None else jnp.where(known > 0, volts, v)
        return (v, syn * current if synapse else i), v

    (v, i), ys = jax.lax.scan(step, (start.v, start.i), (xs, volts, known))
    return Flow(v, i, flat(ys))


def _steps(rows, like):
    """Rows over time, ``[T, B, n]``."""
    batch, n = like.shape
    return rows.reshape(len(rows) // batch if batch else 0, batch, n)


@dataclass(frozen=True)  # told apart by class and field
class _Flowed:
    """What start and currents bring."""

    way: Way

    def __call__(self, constants, start):
        return _by_steps(self.way.synapse, constants, start)


@dataclass(frozen=True)
class _Back:
    way: Way

    def __call__(self, constants, g):
        ways, fixed = (_back_natively, _back_by_steps), self.way.synapse
        return native.run(self.way.backend, *ways, fixed, constants, g)


def _back_natively(synapse, constants, g):
    args = g.over_time, g.v, g.i, constants
    return Flow(*_moved("snnjax_integrate_back", synapse, *args))


def _back_by_steps(synapse, constants, g):
    mem, syn, gain = constants[:, None]

    def step(after, y):
        v, i = after
        v = y + v
        x = gain * v + syn * i if synapse else gain * v
        return (mem * v, x if synapse else i), x

    given = (g.v, g.i), _steps(g.over_time, g.v)
    (v, i), xs = jax.lax.scan(step, *given, reverse=True)
    return Flow(v, i, flat(xs))


@dataclass(frozen=True)
class _Owed:
    """What a change of the constants brings."""

    way: Way

    def __call__(self, given, d_constants):
        constants, start = given
        run = lambda constants: _by_steps(self.way.synapse, constants, start)  # noqa: E731
        return jax.jvp(run, (constants,), (d_constants,))[1]


@dataclass(frozen=True)
class _OwedBack:
    way: Way

    def __call__(self, given, g):
        ways = _owed_natively, _owed_by_steps
        return native.run(self.way.backend, *ways, self.way.synapse, *given, g)


def _owed_natively(synapse, constants, start, g):
    args = start.over_time, start.v, start.i, g.over_time, g.v, g.i, constants
    made = [floats(*constants.shape)]
    return call("snnjax_integrate_constants", made, *args, synapse=synapse)[0]


def _owed_by_steps(synapse, constants, start, g):
    run = lambda constants: _by_steps(synapse, constants, start)  # noqa: E731
    return jax.vjp(run, constants)[1](g)[0]
