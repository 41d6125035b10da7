"""Leaky integrators over all of time, natively.

    forward    c ← i + x      v ← b v + g c      i ← a c      y = v
    backward   δv ← y̅ + v̅     v̅ ← b δv           i̅ ← δx = g δv + a i̅

Of the state and the currents that is a linear map, whose transpose is native too. What
y owes to b, a and g is carried along with v and i, so that gradients of constants need
neither voltages nor currents over time. Both are differentiated again by XLA.

Voltages that were measured take the place of what is computed and leave that map alone.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from snnjax.check import Number
from snnjax.kernels.linear import with_transpose
from snnjax.kernels.native import call, floats, match_axes
from snnjax.kernels.products import flat


class Flow(NamedTuple):
    """State and what comes or goes with time, or a gradient of these."""

    v: jax.Array  # [B, n]
    i: jax.Array  # [B, n], zeros without a synapse
    over_time: jax.Array  # currents or voltages, [T · B, n]


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
    end = _integrate(synapse, *match_axes(constants, start, seen))
    v, i = (part.reshape(v.shape) for part in end[:2])
    return v, i if synapse else None, end.over_time.reshape(xs.shape)


def _native(synapse, constants, start, measured):
    args = start.over_time, start.v, start.i, constants, *measured
    return Flow(*_moved("snnjax_integrate", synapse, *args))


def _moved(name, synapse, *args):
    made = [floats(*each.shape) for each in args[:3]]
    over_time, v, i = call(name, made, *args, in_place={0: 0}, synapse=synapse)
    return v, i, over_time


_integrate = jax.custom_jvp(_native, nondiff_argnums=(0,))


@partial(_integrate.defjvp, symbolic_zeros=True)
def _integrate_jvp(synapse, primals, tangents):
    (constants, start, _), (d_constants, d_start, _) = primals, tangents
    end = _integrate(synapse, *primals)
    change = jax.tree.map(jnp.zeros_like, end)
    if not all(map(_is_zero, d_start)):
        d_start = jax.tree.map(_plain, d_start, is_leaf=_is_zero)
        moved, back = _Flowed(synapse), _Back(synapse)
        change = _sum(change, with_transpose(moved, back, constants, d_start, end))
    if not _is_zero(d_constants):
        owed, owed_back = _Owed(synapse), _OwedBack(synapse)
        given = constants, start
        change = _sum(change, with_transpose(owed, owed_back, given, d_constants, end))
    return end, change


_sum = partial(jax.tree.map, jnp.add)


def _is_zero(x):
    return isinstance(x, SymbolicZero)


def _plain(x):
    return jnp.zeros(x.shape, x.dtype) if _is_zero(x) else x


class _Flowed(NamedTuple):
    """What start and currents bring, step after step; told apart by its field."""

    synapse: bool

    def __call__(self, constants, start):
        mem, syn, gain = constants[:, None]

        def step(state, x):
            v, i = state
            current = i + x if self.synapse else x
            v = mem * v + gain * current
            return (v, syn * current if self.synapse else i), v

        batch, n = start.v.shape
        steps = len(start.over_time) // batch if batch else 0
        xs = start.over_time.reshape(steps, batch, n)
        (v, i), ys = jax.lax.scan(step, (start.v, start.i), xs)
        return Flow(v, i, flat(ys))


class _Back(NamedTuple):
    synapse: bool

    def __call__(self, constants, g):
        args = g.over_time, g.v, g.i, constants
        return Flow(*_moved("snnjax_integrate_back", self.synapse, *args))


class _Owed(NamedTuple):
    """What a change of the constants brings."""

    synapse: bool

    def __call__(self, given, d_constants):
        constants, start = given
        run = lambda constants: _Flowed(self.synapse)(constants, start)  # noqa: E731
        return jax.jvp(run, (constants,), (d_constants,))[1]


class _OwedBack(NamedTuple):
    synapse: bool

    def __call__(self, given, g):
        constants, start = given
        args = start.over_time, start.v, start.i, g.over_time, g.v, g.i, constants
        made = [floats(*constants.shape)]
        name = "snnjax_integrate_constants"
        return call(name, made, *args, synapse=self.synapse)[0]
