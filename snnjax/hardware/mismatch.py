"""Mismatch: no two neurons and synapses of a chip are alike, and some are dead.

*Mismatch* is drawn once for each chip. A spread is a fraction, 0.3 for 30 %: the
standard deviation of a factor of mean 1. Factors are log-normal, as the currents and
time constants of transistors below threshold are, and stay positive:

    x ← x · exp(σN - σ²/2)        σ² = ln(1 + spread²)

Spreads are data: one compiled program serves all chips of all spreads.

    chips = jax.vmap(lambda key: vary(key, LIFParams(), 100, tau_mem=LogNormal(0.3)))
"""

import zlib
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.hardware.checks import check_weights

Constants = TypeVar("Constants", bound=tuple)
_TIMES = "tau_", "refractory"


@exportable
class LogNormal(NamedTuple):
    """Factors of mean 1, always positive."""

    spread: Number  # standard deviation of the factors, as a fraction

    def draw(self, key: jax.Array, x: jax.Array) -> jax.Array:
        """Varies each entry of ``x``."""
        log = jnp.log(_spread(self, x.dtype))
        variance = jnp.logaddexp(jnp.zeros_like(log), 2.0 * log)  # ln(1 + spread²)
        noise = jax.random.normal(key, x.shape, x.dtype)
        return x * jnp.exp(jnp.sqrt(variance) * noise - variance / 2.0)


@exportable
class Gamma(NamedTuple):
    """Factors of mean 1, always positive, many of them small: gamma distributed.

    Time constants of neurons that differ learn better than equal ones, and are often
    drawn so, with a shape 1/spread² of 3 (Perez-Nieves et al. 2021,
    doi:10.1038/s41467-021-26022-3).
    """

    spread: Number  # standard deviation of the factors, as a fraction

    def draw(self, key: jax.Array, x: jax.Array) -> jax.Array:
        """Varies each entry of ``x``."""
        spread = _spread(self, x.dtype)
        none = spread == 0.0
        shape = jnp.where(none, 1.0, spread) ** -2
        factors = jax.random.gamma(key, shape, x.shape, x.dtype) / shape
        return x * jnp.where(none, 1.0, factors)


@exportable
class Shift(NamedTuple):
    """Offsets of mean 0, normal."""

    spread: Number  # standard deviation of the offsets, in the unit of the constant

    def draw(self, key: jax.Array, x: jax.Array) -> jax.Array:
        """Moves each entry of ``x``."""
        return x + _spread(self, x.dtype) * jax.random.normal(key, x.shape, x.dtype)


Spread = LogNormal | Gamma | Shift


def vary(key: jax.Array, constants: Constants, n: int, **spreads: Spread) -> Constants:
    """Draws the constants of each of ``n`` neurons around those that were meant.

        lif(100, vary(key, LIFParams(), 100, tau_mem=LogNormal(0.3),
                      threshold=LogNormal(0.3), v_reset=Shift(0.15)))

    What is drawn for a constant depends on the key and its name alone: to vary another
    one as well leaves those drawn before. The gain of a neuron is no constant of it: it
    is a factor on the columns of its weights, as of ``amplified``.

    Args:
        key: randomness; one for each chip.
        constants: a named tuple such as ``LIFParams``, each field ``[]`` or ``[n]``.
        n: number of neurons.
        **spreads: how much each constant varies, by its name. Under ``jit`` one that is
            negative gives NaN.

    Returns:
        The constants, ``[n]`` where they vary. Under ``jit`` a ``v_reset`` that was not
        drawn below its threshold is NaN, and so is a threshold that is not positive.

    Raises:
        ValueError: for a constant that there is not or that is None, a negative spread,
            a time that is to be shifted, a ``v_reset`` not below its threshold, or a
            threshold that is not positive.
    """
    check.key(key)
    check.whole("n", n)
    _check_constants(constants, n)
    drawn: Any = constants
    for name, how in spreads.items():
        value = _constant(constants, name)
        check_spread(name, how)
        if isinstance(how, Shift) and name.startswith(_TIMES):
            raise ValueError(
                f"{name} is a time and varies by a factor, LogNormal or Gamma."
            )
        x = jnp.broadcast_to(jnp.asarray(value, check.precision(value)), (n,))
        drawn = drawn._replace(**{name: how.draw(by_name(key, name), x)})
    return _possible(drawn, spreads)


def vary_weights(
    key: jax.Array, weights: Any, how: Spread, *, broken: Number = 0.0
) -> Any:
    """Draws each synapse around the weight that was meant; some do not conduct.

    Args:
        key: randomness; one for each chip.
        weights: arrays, or a tree of them, such as those of ``dense``. What is drawn
            for one depends on its place in the tree.
        how: how much they vary; ``Shift`` in units of the weights.
        broken: share of synapses that are zero, from 0 to 1. Which ones, does not
            depend on ``how``. Under ``jit`` another number gives NaN.

    Returns:
        The weights, in the dtype that they came in.

    Raises:
        ValueError: for weights that are not finite or not floating point, a negative
            spread, or a share outside 0 to 1.
    """
    check.key(key)
    check_weights("weights", weights)
    check_spread("how", how)
    check.between("broken", broken, 0.0, 1.0)
    check.one("broken", broken)

    def one(path, w):
        mine = by_name(key, jax.tree_util.keystr(path))
        exact = check.wide(w)
        share = jnp.asarray(broken, exact.dtype)
        share = check.or_nan(share, (share >= 0) & (share <= 1))
        fails = jax.random.uniform(by_name(mine, "broken"), w.shape, exact.dtype)
        whole = jnp.where(jnp.isnan(share), share, (fails >= share).astype(share.dtype))
        return (how.draw(mine, exact) * whole).astype(w.dtype)

    return jax.tree_util.tree_map_with_path(one, jax.tree.map(jnp.asarray, weights))


def by_name(key: jax.Array, name: str) -> jax.Array:
    """The key of a name: others, and their order, do not matter."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def _spread(how, dtype):
    spread = jnp.asarray(how.spread, dtype)
    return check.or_nan(spread, spread >= 0)


def check_spread(name: str, how: Any) -> None:
    """Refuses what is no spread, or a negative one.

    Raises:
        ValueError: by the name of what is to vary, with what came.
    """
    if not isinstance(how, Spread):
        raise ValueError(
            f"{name} varies by LogNormal(spread), Gamma(spread) or Shift(spread), got "
            f"{check.told(how)}."
        )
    what = f"The spread of {name}"
    check.positive(what, how.spread, zero=True)
    check.one(what, how.spread)


def _check_constants(constants, n):
    if not hasattr(constants, "_fields"):
        raise ValueError(
            f"constants must be a named tuple such as LIFParams, got "
            f"{check.told(constants)}."
        )
    for name, value in constants._asdict().items():
        if value is not None:
            check.finite(name, value)
            check.per_neuron(name, value, n)


def _constant(constants, name):
    """What is to vary, refused if it is not there."""
    kind = type(constants).__name__
    if name not in constants._fields:
        raise ValueError(
            f"{kind} has no {name} to vary; it has {', '.join(constants._fields)}."
        )
    value = getattr(constants, name)
    if value is None:
        raise ValueError(f"{name} of {kind} is None: there is nothing that varies.")
    return value


def _possible(drawn, spreads):
    """The constants, refused (NaN if traced) where no neuron can have them."""
    if not {"threshold", "v_reset"} & {*spreads}:
        return drawn
    if "threshold" in spreads:
        check.positive("threshold", drawn.threshold)
        threshold = check.or_nan(drawn.threshold, drawn.threshold > 0)
        drawn = drawn._replace(threshold=threshold)
    if {"threshold", "v_reset"} <= {*drawn._fields}:
        drawn = drawn._replace(v_reset=_below(drawn.v_reset, drawn.threshold))
    return drawn


def _below(v_reset, threshold):
    """A value to reset to, below its threshold."""
    low, high = check.concrete(v_reset), check.concrete(threshold)
    if low is None or high is None:
        x = jnp.asarray(v_reset, check.precision(v_reset, threshold))
        return check.or_nan(x, x < jnp.asarray(threshold, x.dtype))
    if np.any(low >= high):
        raise ValueError(
            f"v_reset must be drawn below the threshold {high}, got {low}. "
            "Take a smaller spread or another key."
        )
    return v_reset
