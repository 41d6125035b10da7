"""Auditory nerve and bushy cells: many unreliable spikes become few that count.

Each channel has 40 nerve fibres. A fibre that is free fires in a step with chance P,
and is dead for 1 ms after. Their spikes S charge one bushy cell of the cochlear nucleus
(Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364):

    I ← e^(-dt/τs) I + S      v ← e^(-dt/τm) v + w dt I      v ≥ 1: fire, v ← 0

after which the voltage stays at 0 for 1 ms, while the current goes on.

Fibres of a channel share all constants, so only *how many* fire matters. Of n free ones
it is a binomial number; those that fired come back 1 ms later. This is the same law as
that of 40 single fibres, for a 40th of the work.
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.check import Number
from snnjax.exported import exportable

_MOST = 10_000  # steps of refractory time


@exportable
class BushyParams(NamedTuple):
    """Constants of a bushy cell, each ``[]`` or ``[n]``, but one refractory time."""

    tau_mem: Number = 1e-3  # τm [s]
    tau_syn: Number = 0.5e-3  # τs [s]
    weight: Number = 325.0  # w, of a spike of one fibre [1/s]
    refractory: float = 1e-3  # [s]


def auditory_nerve(
    key: jax.Array,
    chance: jax.Array,
    *,
    dt: float,
    fibers: int = 40,
    refractory: float = 1e-3,
) -> jax.Array:
    """Counts the fibres of each channel that fire in each step.

    Args:
        key: randomness: one key, or one for each entry of the first batch axis, which
            then does not depend on what lies beside it.
        chance: of a spike of a free fibre in each step, ``[T, *batch, n]``.
        dt: time step [s].
        fibers: in each channel, at most 100.
        refractory: least time between two spikes of a fibre [s].

    Returns:
        Counts ``[T, *batch, n]``, uint8. Under ``jit`` a chance is not looked at, and
        counts of one outside 0 … 1 mean nothing.

    Raises:
        ValueError: for a chance outside 0 … 1, a number out of range, a key that is
            none, or another number of keys than of entries.

    Example:
        >>> chance = jnp.full((240, 3), 0.05)
        >>> counts = snn.senses.hearing.auditory_nerve(
        ...     jax.random.key(0), chance, dt=1 / 24_000
        ... )
        >>> counts.shape
        (240, 3)
    """
    check.key(key, several=True)
    check.floating("chance", chance)
    check.array("chance", chance, "[T, *batch, n]")
    if key.ndim and (chance.ndim < 3 or key.shape != chance.shape[1:2]):
        raise ValueError(
            f"Keys of shape {key.shape} do not fit a chance of shape {chance.shape}: "
            "one for each entry of its second axis, [T, B, n]."
        )
    check.whole("fibers", fibers)
    if fibers > 100:
        raise ValueError(f"fibers must be at most 100, got {fibers}.")
    dead = _steps(refractory, dt)
    known = check.concrete(chance)
    if known is not None and not ((known >= 0) & (known <= 1)).all():
        raise ValueError(
            f"chance must lie in 0 … 1, got {known.min()} … {known.max()}; is the "
            "time step too long?"
        )

    def body(state, now):
        free, fired, t = state  # fired: a ring of the last counts
        p, u = now
        count = _binomial(u, free, p)
        fired = jax.lax.dynamic_update_index_in_dim(
            fired, count.astype(jnp.uint8), t % dead, 0
        )
        back = jax.lax.dynamic_index_in_dim(fired, (t + 1) % dead, 0, keepdims=False)
        free = free - count + back.astype(count.dtype)
        return (free, fired, t + 1), count.astype(jnp.uint8)

    chance = jnp.asarray(chance)
    chance = chance.astype(check.common_dtype(chance.dtype, jnp.float32))
    none = jnp.zeros_like(chance[0] if len(chance) else chance.sum(axis=0))
    ring = jnp.zeros((dead, *none.shape), jnp.uint8)
    start = none + fibers, ring, jnp.int32(0)
    drawn = chance, _uniform(key, chance)
    return loops.forgotten(partial(jax.lax.scan, body), start, drawn)[1]


def bushy_cells(
    counts: jax.Array, *, dt: float, params: BushyParams = BushyParams()
) -> jax.Array:
    """Fires where many fibres fired together.

    Args:
        counts: of fibres that fire, ``[T, *batch, n]``.
        dt: time step [s].
        params: constants.

    Returns:
        Spikes ``[T, *batch, n]``, bool. Under ``jit`` counts are not looked at: NaN is
        silence from then on.

    Raises:
        ValueError: for counts that are negative or not finite, or a constant or ``dt``
            that is not positive.

    Example:
        >>> counts = jnp.zeros((240, 2)).at[100, 0].set(30.0)  # 30 fibres at once
        >>> spikes = snn.senses.hearing.bushy_cells(counts, dt=1 / 24_000)
        >>> print(spikes.any(axis=0))
        [ True False]
    """
    check.array("counts", counts, "[T, *batch, n]")
    check.fields("params", params, *BushyParams._fields)
    for name in BushyParams._fields:
        check.positive(name, getattr(params, name))
        check.per_neuron(name, getattr(params, name), counts.shape[-1])
    known = check.concrete(counts)
    if known is not None and not (np.isfinite(known) & (known >= 0)).all():
        raise ValueError("counts must be zero or more, and finite.")
    dead = _steps(params.refractory, dt)
    dtype = check.wide(counts[:0]).dtype
    keep_v, keep_i, charge = (
        jnp.asarray(c, dtype).reshape(*(counts.ndim - 2) * (1,), -1)
        for c in (
            jnp.exp(-dt / params.tau_mem),
            jnp.exp(-dt / params.tau_syn),
            params.weight * dt,
        )
    )

    def body(state, count):
        v, i, wait = state
        i = keep_i * i + count.astype(dtype)
        v = jnp.where(wait > 0, 0.0, keep_v * v + charge * i)
        fires = v >= 1.0
        wait = jnp.where(fires, dead, jnp.maximum(wait - 1, 0))
        return (jnp.where(fires, 0.0, v), i, wait), fires

    first = counts[0] if len(counts) else counts.sum(axis=0)
    rest = jnp.zeros_like(first, dtype)
    start = rest, rest, jnp.zeros_like(first, jnp.int32)
    return loops.forgotten(partial(jax.lax.scan, body), start, counts)[1]


def _steps(refractory, dt):
    """How many steps a spike takes at least until the next."""
    for name, time in (("dt", dt), ("refractory", refractory)):
        check.positive(name, time, " [s]")
        check.one(name, time)
    steps = refractory / dt * (1 - 1e-9)
    if steps > _MOST:
        raise ValueError(
            f"refractory={refractory} s is {steps:.3g} steps of dt={dt} s, more than "
            f"{_MOST}."
        )
    return math.ceil(steps)


def _uniform(key, like):
    """Numbers in 0 … 1 in the shape of ``like``."""
    if key.ndim == 0:
        return jax.random.uniform(key, like.shape, like.dtype)
    shape = like.shape[0], *like.shape[2:]
    draw = jax.vmap(lambda key: jax.random.uniform(key, shape, like.dtype))
    return jnp.moveaxis(draw(key), 0, 1)


def _binomial(u, n, p):
    """How many of ``n`` happen, each with chance ``p``: the inverse of the law at u.

    P(0) = (1-p)ⁿ    P(k+1) = P(k) (n-k)/(k+1) p/(1-p)    summed until it passes u
    """
    rare = jnp.minimum(p, 1.0 - p)
    odds = rare / (1.0 - rare)
    term = jnp.exp(n * jnp.log1p(-rare))
    zero = jnp.zeros_like(u)

    def going(state):
        k, _, total, _ = state
        return jnp.any((u >= total) & (k < n))

    def add(state):
        k, term, total, count = state
        count = count + (u >= total).astype(count.dtype)
        term = term * (n - k) / (k + 1.0) * odds
        return k + 1.0, term, total + term, count

    start = jnp.zeros((), u.dtype), term, term, zero
    count = jnp.minimum(jax.lax.while_loop(going, add, start)[-1], n)
    return jnp.where(p > 0.5, n - count, count)
