"""Inner hair cells: the membrane's velocity becomes the chance of a nerve spike.

Transmitter moves between a pool q, the cleft c and a store w (Meddis 1986,
doi:10.1121/1.393460; 1988, doi:10.1121/1.396050):

    k = g [v + A]₊ / ([v + A]₊ + B)
    dq/dt = y [M - q]₊ - kq + xw
    dc/dt = kq - lc - rc
    dw/dt = rc - xw              P(spike in dt) = h c dt

by forward Euler steps, as in the data sets made with it. They need (l + r) dt < 1, and
as much of g, x and y.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check, loops
from snnjax.check import Number
from snnjax.exported import exportable


@exportable
class HairCellParams(NamedTuple):
    """Constants of a hair cell, each ``[]`` or ``[n]``; rates in 1/s."""

    refill: Number = 5.05  # y
    release: Number = 2000.0  # g
    loss: Number = 2500.0  # l
    reuptake: Number = 6580.0  # r
    reprocess: Number = 66.3  # x
    offset: Number = 5.0  # A
    half: Number = 300.0  # B
    gain: Number = 50_000.0  # h
    pool: Number = 1.0  # M


class HairCellState(NamedTuple):
    """Where the transmitter is, each ``[*batch, n]``."""

    q: jax.Array  # free pool
    c: jax.Array  # cleft
    w: jax.Array  # reprocessing store


def at_rest(params: HairCellParams, like: jax.Array) -> HairCellState:
    """The balance in silence, in which c, q and w stay where they are."""
    params = _beside(params, like)
    k = params.release * params.offset / (params.offset + params.half)
    lost = params.loss + params.reuptake
    c = params.pool * params.refill * k / (params.loss * k + params.refill * lost)
    levels = c * lost / k, c, c * params.reuptake / params.reprocess
    return HairCellState(
        *(jnp.zeros_like(like) + jnp.asarray(z, like.dtype) for z in levels)
    )


def hair_cell_step(
    params: HairCellParams, state: HairCellState, velocity: jax.Array, dt: Number
) -> tuple[HairCellState, jax.Array]:
    """One Euler step; the chance of a spike in it comes from the cleft at its end."""
    params = _beside(params, velocity)
    q, c, w = state
    drive = jnp.maximum(velocity + params.offset, 0.0)
    out = params.release * drive / (drive + params.half) * dt * q
    refill = params.refill * dt * jnp.maximum(params.pool - q, 0.0)
    back = params.reprocess * dt * w
    cleft = jnp.maximum(c + out - (params.loss + params.reuptake) * dt * c, 0.0)
    store = jnp.maximum(w + params.reuptake * dt * c - back, 0.0)
    state = HairCellState(jnp.maximum(q + refill - out + back, 0.0), cleft, store)
    return state, params.gain * dt * cleft


def _beside(params, x):
    """Constants ``[n]`` with as many axes as ``[*batch, n]``."""
    return HairCellParams(
        *(c[(None,) * (x.ndim - jnp.ndim(c))] if jnp.ndim(c) else c for c in params)
    )


def hair_cell(
    velocity: jax.Array, *, dt: Number, params: HairCellParams = HairCellParams()
) -> jax.Array:
    """Chance of a spike in each fibre of the auditory nerve, from rest.

    Args:
        velocity: of the membrane, ``[T, *batch, n]``.
        dt: time step [s], such as ``1 / 24_000``.
        params: constants.

    Returns:
        Chance of a spike within each step, ``[T, *batch, n]``, at least in single
        precision. NaN for a traced ``dt`` or constants with which Euler steps are
        unstable, and from where a traced velocity is NaN.

    Raises:
        ValueError: for velocities that are not finite, floating point and with time, a
            constant or ``dt`` that is not positive, or a ``dt`` with which Euler steps
            are unstable.

    Example:
        >>> velocity = 1e3 * np.sin(2 * np.pi * 1000.0 * np.arange(240) / 24_000)
        >>> chance = snn.senses.hearing.hair_cell(velocity[:, None], dt=1 / 24_000)
        >>> chance.shape
        (240, 1)
    """
    check.fields("params", params, *HairCellParams._fields)
    check.floating("velocity", velocity)
    if velocity.ndim < 2:
        raise ValueError(f"velocity must be [T, *batch, n], got {velocity.shape}.")
    check.finite("velocity", velocity)
    check.dt(dt)
    for name, value in params._asdict().items():
        check.positive(name, value)
        check.per_neuron(name, value, velocity.shape[-1])
    for name in ("release", "reprocess", "refill"):
        share = check.concrete(getattr(params, name) * dt)
        if share is not None and (share >= 1.0).any():
            raise ValueError(
                f"{name} times dt must stay below 1, got {share.max():.3g}: Euler "
                "steps would make transmitter out of nothing."
            )
    gone = check.concrete(params.loss + params.reuptake)
    step = check.concrete(dt)
    if gone is not None and step is not None and (gone * step >= 1.0).any():
        raise ValueError(
            f"Hair cells lose transmitter at loss + reuptake = {gone.max():.4g} / s, "
            f"so steps of {float(step):.3g} s overshoot: (l + r) dt = "
            f"{float((gone * step).max()):.3g} must stay below 1. The membrane moves "
            "at half the rate of the audio; resample that to 48 kHz first."
        )
    velocity = jnp.asarray(velocity)
    velocity = velocity.astype(check.common_dtype(velocity.dtype, jnp.float32))
    lost = params.loss + params.reuptake
    rates = jnp.stack(
        [
            jnp.asarray(rate, velocity.dtype).max()
            for rate in (lost, params.release, params.reprocess, params.refill)
        ]
    )
    stable = jnp.all(rates * jnp.asarray(dt, velocity.dtype) < 1.0)
    start = at_rest(params, velocity[0] if len(velocity) else velocity.sum(axis=0))
    move = lambda state, v: hair_cell_step(params, state, v, dt)  # noqa: E731
    chance = loops.forgotten(partial(jax.lax.scan, move), start, velocity)[1]
    return check.or_nan(chance, stable)
