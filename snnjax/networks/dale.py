"""Dale's law: a neuron excites all its targets, or it inhibits all of them.

The sign belongs to the presynaptic neuron, so a sign is a row of the weights. Weights
start with the right signs, in balance (``balanced``). After an update those of the
wrong sign are set to zero (``project_signs``):

    signs = dale_signs(80, 20)
    draw = partial(balanced, signs=signs, rate=20.0, xi=1.0, params=LIFParams())
    layer = dense(100, 10, init=draw)
    weights = layer.init(jax.random.key(0))

    # after every update
    weights = weights._replace(w=project_signs(weights.w, signs))

A weight at zero still has its gradient and comes back when that changes its sign.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels.products import align
from snnjax.networks.fluctuations import (
    PoissonDrive,
    check_draw,
    check_drive,
    check_target,
    poisson_drive,
)
from snnjax.neurons.checks import check_lif
from snnjax.neurons.leaky import LIFParams


@exportable
class Exponential(NamedTuple):
    """Magnitudes with density p(x) = e^-x: mean 1, E[x²] = 2."""

    @property
    def second_moment(self) -> Number:
        """E[x²]."""
        return 2.0

    def draw(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jax.random.exponential(key, shape, jnp.result_type(float))


@exportable
class LogNormal(NamedTuple):
    """Magnitudes whose logarithm is normal: mean 1, E[x²] = 1 + cv².

    Synapses of the cortex are distributed so (Song et al. 2005,
    doi:10.1371/journal.pbio.0030068).
    """

    cv: Number = 1.0  # coefficient of variation, deviation over mean

    @property
    def second_moment(self) -> Number:
        """E[x²]."""
        return 1.0 + jnp.square(self.cv)

    def draw(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        dtype = jnp.result_type(float)
        variance = jnp.log(jnp.asarray(self.second_moment, dtype))
        noise = jax.random.normal(key, shape, dtype)
        return jnp.exp(jnp.sqrt(variance) * noise - variance / 2.0)


def dale_signs(excitatory: int, inhibitory: int) -> np.ndarray:
    """Signs of a population, ``[n]``: 1 for those that excite, then -1.

    Raises:
        ValueError: for a negative number of neurons.
    """
    check.whole("excitatory", excitatory, least=0)
    check.whole("inhibitory", inhibitory, least=0)
    return np.repeat([1.0, -1.0], [excitatory, inhibitory])


def project_signs(w: jax.Array, signs: np.ndarray) -> jax.Array:
    """Sets to zero every weight that has the wrong sign, and leaves all others.

    The Euclidean projection onto the weights that obey the signs.

    Args:
        w: weights ``[..., n_in, n_out]``, of a convolution ``[height, width, channels,
            n_out]``.
        signs: 1 or -1 for each input or channel, ``[n_in]``.

    Returns:
        Weights of the same shape.

    Raises:
        ValueError: if there is not one sign for each input, one is not 1 or -1, or for
            what are no weights.
    """
    signs = _check_signs(signs)
    check.array("w", w, "[..., n_in, n_out]")
    w = jnp.asarray(w)
    if signs.shape != (w.shape[-2],):
        raise ValueError(
            f"Weights [..., n_in, n_out] of shape {w.shape} need one sign for each "
            f"input, [n_in], got shape {signs.shape}."
        )
    factors = align(jnp.asarray(signs, w.dtype)[:, None], w)
    wrong = w * factors <= 0  # zero for subnormals as well
    return jnp.where(wrong, jnp.zeros_like(w), w)


def balance(
    excitatory: Sequence[PoissonDrive],
    inhibitory: PoissonDrive,
    *,
    deviation: Number,
    shares: Sequence[Number] = (1.0,),
    second_moment: Number = Exponential().second_moment,
) -> tuple[list[jax.Array], jax.Array]:
    """Mean magnitudes of excitatory and inhibitory weights that balance.

    With A = Σ ν ε̄ and B = Σ ν ε̂ of each kind of input, and magnitudes x of mean 1,

        μ_U = Σ_k A_k m_k - A_I m_I = 0
        σ_U² = (Σ_k B_k m_k² + B_I m_I²) E[x²]

    Excitatory kinds (feed-forward and recurrent, say) divide the variance of excitation
    by their shares α_k, so that with Δ = A_I / Σ_k A_k √(α_k / B_k)

        m_k = m √(α_k / B_k)     m_I = m / Δ     m = σ_U / √((1 + B_I / Δ²) E[x²])

    Numbers, rates and kernels of all kinds may differ.

    Args:
        excitatory: from ``poisson_drive``, one for each kind.
        inhibitory: from ``poisson_drive``.
        deviation: σ_U under all of them.
        shares: α of each excitatory kind; their sum is 1.
        second_moment: E[x²] of the distribution of magnitudes, 2 for the exponential.

    Returns:
        m of each excitatory kind, and m_I; all positive. NaN for traced shares whose
        sum is not 1.

    Raises:
        ValueError: if there is not one positive share for each kind, with sum 1; for
            what is no drive, or a deviation or moment that is not positive.
    """
    for name, value in (("excitatory", excitatory), ("shares", shares)):
        if not isinstance(value, list | tuple) or hasattr(value, "_fields"):
            raise ValueError(f"{name} must be a list, got {check.told(value)}.")
    for name, kind in (
        *(("excitatory", k) for k in excitatory),
        ("inhibitory", inhibitory),
    ):
        check_drive(name, kind)
    check.positive("deviation", deviation)
    check.positive("second_moment", second_moment)
    for share in shares:
        check.positive("shares: a share", share)
        check.one("shares: a share", share)
    whole: Any = sum(shares)
    exact = abs(whole - 1.0) <= 1e-6
    known = check.concrete(exact)
    off = known is not None and not known
    if len(shares) != len(excitatory) or off:
        raise ValueError(
            f"{len(excitatory)} kinds of excitation need as many shares with sum 1, "
            f"got {shares}."
        )
    pairs = list(zip(excitatory, shares, strict=True))
    parts = [jnp.sqrt(share / kind.variance) for kind, share in pairs]
    mean = sum(kind.mean * part for (kind, _), part in zip(pairs, parts, strict=True))
    delta = inhibitory.mean / mean
    size = deviation / jnp.sqrt((1.0 + inhibitory.variance / delta**2) * second_moment)
    size = check.or_nan(size, exact)
    return [size * part for part in parts], size / delta


def signed_weights(
    key: jax.Array,
    n_in: int,
    n_out: int,
    *,
    mean: Number,
    distribution: Exponential | LogNormal = Exponential(),
) -> jax.Array:
    """Draws weights of given means, each of the sign of its mean.

    Args:
        key: randomness.
        n_in: fan-in.
        n_out: number of target neurons, or of output channels.
        mean: their means, signs included: ``[]``, ``[n_in, 1]`` or ``[n_in, n_out]``.
        distribution: of their magnitudes, ``Exponential()`` or ``LogNormal(cv)``.

    Returns:
        Weights ``[n_in, n_out]``.

    Raises:
        ValueError: for a mean of another shape, or a key, size or distribution of
            another kind.
    """
    check_draw(key, n_in, n_out)
    check.finite("mean", mean)
    _check_distribution(distribution)
    if np.shape(mean) not in ((), (n_in, 1), (n_in, n_out)):
        raise ValueError(
            f"mean must be one number or one for each input, shape () or ({n_in}, 1), "
            f"or one for each weight, got shape {np.shape(mean)}."
        )
    magnitudes = distribution.draw(key, (n_in, n_out))
    return jnp.asarray(mean, jnp.result_type(float)) * magnitudes


def balanced(
    key: jax.Array,
    n_in: int,
    n_out: int,
    *,
    signs: np.ndarray,
    rate: Number,
    xi: Number,
    params: LIFParams,
    dt: Number | None = None,
    share: Number = 1.0,
    binary: bool = False,
    distribution: Exponential | LogNormal = Exponential(),
) -> jax.Array:
    """Draws fluctuation-driven weights that obey Dale's law and balance.

    Excitation and inhibition cancel on average (μ_U = 0); the threshold lies ξ standard
    deviations of their noise above. ``balance`` has the equations.

    Args:
        key: randomness.
        n_in: fan-in; of a convolution, kernel height · width · channels.
        n_out: number of target neurons, or of output channels.
        signs: 1 or -1 for each input or, of a convolution, each channel: ``[n_in]``
            or a divisor of it.
        rate: expected firing rate of the inputs [Hz], ``[]`` or one for each sign.
        xi: distance ξ from rest to threshold, in standard deviations; 1 to 3.
        params: constants of the target neurons.
        dt: time step [s] of the simulation; the continuous kernel if omitted.
        share: part of the variance that this connection brings, in (0, 1].
        binary: whether a step holds one spike of an input at most, as in
            ``poisson_drive``.
        distribution: of their magnitudes, ``Exponential()`` or ``LogNormal(cv)``.

    Returns:
        Weights ``[n_in, n_out]``; each row has the sign of its input.

    Raises:
        ValueError: for signs other than 1 and -1, of one kind only or not a divisor of
            ``n_in``; and as ``fluctuation_driven``.

    References:
        Rossbroich, Gygax & Zenke (2022), doi:10.1088/2634-4386/ac97bb.
    """
    check_draw(key, n_in, n_out)
    _check_distribution(distribution)
    check.whole("n_out", n_out)
    check_lif(n_out, params, "zero")
    check_target(xi, share)
    check.positive("rate", rate, " [Hz]")
    check.per_neuron("xi", xi, n_out)
    check.per_neuron("share", share, n_out)
    known = _check_signs(signs)
    if np.all(known == known[0]):
        raise ValueError(
            "Weights of one sign alone do not balance: signs hold both 1 and -1."
        )
    if n_in % len(known):
        raise ValueError(f"{len(known)} signs do not divide a fan-in of {n_in}.")
    check.per_neuron("rate", rate, len(known))

    def of_kind(kind):
        rows = known == kind
        rates = jnp.broadcast_to(jnp.asarray(rate), known.shape)[rows]
        inputs = n_in // len(known) * int(rows.sum())
        rates = jnp.tile(rates, n_in // len(known))
        return poisson_drive(inputs, rate=rates, params=params, dt=dt, binary=binary)

    sigma = jnp.sqrt(jnp.asarray(share)) * params.threshold / xi
    (excitatory,), inhibitory = balance(
        [of_kind(1.0)],
        of_kind(-1.0),
        deviation=sigma,
        second_moment=distribution.second_moment,
    )
    kinds = np.tile(known, n_in // len(known))[:, None]
    mean = jnp.where(kinds > 0, excitatory, -inhibitory)
    return signed_weights(key, n_in, n_out, mean=mean, distribution=distribution)


def _check_distribution(distribution):
    """Refuses what is no distribution of magnitudes."""
    if isinstance(distribution, LogNormal):
        check.between("cv of the distribution", distribution.cv, 0.0, 1e6)
        check.one("cv of the distribution", distribution.cv)
    check.fields("distribution", distribution, "draw", "second_moment")


def _check_signs(signs):
    """Signs as numpy array, if they are signs."""
    known = check.concrete(signs)
    if known is None:
        raise ValueError("signs must be known numbers, not traced ones.")
    if (
        known.dtype.kind not in "iuf"
        or known.ndim != 1
        or len(known) == 0
        or not np.all(np.abs(known) == 1)
    ):
        raise ValueError(f"signs must be 1 or -1, shape [n_in], got {known}.")
    return known
