"""Touch: contact with skin and whiskers becomes currents and spikes.

A mechanoreceptor responds to the deflection d of its place (slowly adapting) and to how
fast it changes (rapidly adapting), as far as they point in its preferred direction:

    i = [g_p d·e]₊ + [g_v ḋ·e]₊

with e the preferred direction. Two thirds of the cells at the root of a whisker prefer
one (Lichtenstein, Carvell & Simons 1990, doi:10.3109/08990229009144697). The current
goes into a neuron such as ``lif``. A pad of pressure sensors is encoded by
``inputs.level_crossing``, two channels for each taxel that count changes, or by
``threshold_crossing``, whose channels say what the pressure is.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.check import Number
from snnjax.exported import exportable


@exportable
class MechanoreceptorParams(NamedTuple):
    """Constants of a population, each ``[]`` or ``[n]``."""

    position: Number = 1.0  # g_p, current for a unit deflection; 0: rapidly adapting
    velocity: Number = 0.05  # g_v [s], current for a unit per second


def directions(n: int) -> jax.Array:
    """Angles of ``n`` preferred directions, evenly around the circle [rad].

    Raises:
        ValueError: for a number below one.

    Example:
        >>> print(jnp.degrees(snn.senses.directions(4)))
        [  0.  90. 180. 270.]
    """
    check.whole("n", n)
    return 2.0 * jnp.pi * jnp.arange(n, dtype=float) / n


def whisker_currents(
    deflection: jax.Array,
    angles: jax.Array,
    *,
    dt: Number,
    params: MechanoreceptorParams = MechanoreceptorParams(),
) -> jax.Array:
    """Currents of direction-tuned afferents of one whisker.

    The velocity of a step is the change since the step before, over ``dt``; before
    the first, the whisker was where the first step finds it.

    Args:
        deflection: of the whisker in two dimensions, ``[T, *batch, 2]``, in any unit.
        angles: preferred directions of ``n`` cells, ``[n]`` [rad].
        dt: time step [s].
        params: constants.

    Returns:
        Currents ``[T, *batch, n]``, never negative, in single precision at least.

    Raises:
        ValueError: for a deflection that is not two-dimensional or not finite, angles
            that are not a list of finite numbers, or constants out of range.
    """
    check.dt(dt)
    check.array("deflection", deflection)
    if deflection.ndim < 2:
        raise ValueError(f"deflection is [T, *batch, 2], got {deflection.shape}.")
    check.width("deflection", deflection, 2)
    check.floating("deflection", deflection)
    check.finite("deflection", deflection)
    check.finite("angles", angles)
    check.fields("params", params, *MechanoreceptorParams._fields)
    deflection, angles = check.wide(deflection), check.wide(angles)
    if angles.ndim != 1:
        raise ValueError(f"angles must be [n], got shape {angles.shape}.")
    for name, value in params._asdict().items():
        check.positive(name, value, zero=True)
        check.per_neuron(name, value, len(angles))
    towards = jnp.stack([jnp.cos(angles), jnp.sin(angles)]).astype(deflection.dtype)
    along = deflection @ towards
    speed = jnp.diff(along, axis=0, prepend=along[:1]) / dt
    position, velocity = (
        jnp.asarray(c, along.dtype).reshape(*(along.ndim - 1) * (1,), -1)
        for c in params
    )
    return jnp.maximum(position * along, 0.0) + jnp.maximum(velocity * speed, 0.0)


def threshold_crossing(signal: jax.Array, levels: Any) -> jax.Array:
    """One channel fires when the signal passes its level upwards, one when downwards.

        up   s = 1[x_{t-1} < level ≤ x_t]        down   s = 1[x_t < level ≤ x_{t-1}]

    Args:
        signal: ``[T, *batch, n]``; nothing fires in the first step.
        levels: ``[L]``, rising.

    Returns:
        Spikes ``[T, *batch, 2·L·n]`` in {0, 1}: for each signal its levels upwards,
        then its levels downwards. NaN where a traced signal is NaN, and throughout for
        traced levels that do not rise.

    Raises:
        ValueError: for a signal without time or not finite, or levels that do not rise
            or are not finite.
    """
    check.array("signal", signal)
    if signal.ndim < 2 or len(signal) == 0:
        raise ValueError(f"signal must be [T, *batch, n], got shape {signal.shape}.")
    check.floating("signal", signal)
    check.finite("signal", signal)
    check.finite("levels", levels)
    signal = check.wide(signal)
    levels = jnp.asarray(levels, signal.dtype)
    known = check.concrete(jnp.ravel(levels))
    rising = known is None or bool((known[1:] > known[:-1]).all())
    if levels.ndim != 1 or levels.size == 0 or not rising:
        raise ValueError(f"levels must rise, [L], got {known}.")
    above = signal[..., None] >= levels.reshape(*signal.ndim * (1,), -1)
    before = jnp.concatenate([above[:1], above])[: len(above)]
    both = jnp.concatenate([above & ~before, before & ~above], axis=-1)
    sure = ~jnp.isnan(signal)[..., None] & jnp.all(levels[1:] > levels[:-1])
    both = check.or_nan(both.astype(signal.dtype), sure)
    width = signal.shape[-1] * 2 * levels.size
    return both.reshape(*signal.shape[:-1], width)
