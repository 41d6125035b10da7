"""Membrane fluctuations under Poisson input, and the weights that cause them.

``n`` independent Poisson inputs at a rate ν, with weights of mean μw and standard
deviation σw, give a membrane that does not fire, so never resets (Campbell's theorem)

    μ_U = n ν ε̄ μw                   its mean
    σ_U² = n ν ε̂ (μw² + σw²)         its variance over time

with ε̄ = ∫ε dt and ε̂ = ∫ε² dt of the PSP ε (``neurons.kernel_integrals``). The threshold
θ then lies ξ = (θ - μ_U) / σ_U standard deviations above the mean. With ξ of 1 to 3
fluctuations make every neuron fire now and then, so that it has a surrogate gradient.

Every neuron has weights of its own, hence a mean of its own. Over neurons these means
spread by ν ε̄ √n σw: a variance taken over time and neurons at once contains that spread
and is larger than σ_U².

Rossbroich, Gygax & Zenke (2022), Fluctuation-driven initialization for spiking neural
network training, doi:10.1088/2634-4386/ac97bb.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.neurons.checks import with_leak
from snnjax.neurons.leaky import LIFParams
from snnjax.neurons.potentials import kernel_integrals


@exportable
class Membrane(NamedTuple):
    """Membranes under random input, in units of the distance to threshold."""

    mean: jax.Array  # μ_U
    deviation: jax.Array  # σ_U, over time
    spread: jax.Array  # standard deviation of the neurons' means

    @property
    def pooled(self) -> jax.Array:
        """Standard deviation over time and neurons at once; not σ_U."""
        return jnp.hypot(self.deviation, self.spread)

    def xi(self, threshold: Number = 1.0) -> jax.Array:
        """Distance ξ from mean to threshold, in standard deviations over time."""
        return (threshold - self.mean) / self.deviation


@exportable
class PoissonDrive(NamedTuple):
    """Moments of the input to a membrane, for each unit of weight."""

    mean: jax.Array  # Σ ν ε̄ over inputs: adds to μ_U, times E[w]
    variance: jax.Array  # Σ ν ε̂: adds to σ_U², times E[w²]
    spread: jax.Array  # Σ (ν ε̄)²: adds to the variance over neurons, times Var[w]


def poisson_drive(
    n_in: int,
    *,
    rate: Number,
    params: LIFParams,
    dt: Number | None = None,
    binary: bool = False,
) -> PoissonDrive:
    """Moments of the input from ``n_in`` independent Poisson trains.

    Args:
        n_in: number of inputs onto a neuron.
        rate: firing rate ν of the inputs [Hz], ``[]`` or ``[n_in]``.
        params: constants of the neurons.
        dt: time step [s] of the simulation; the continuous kernel if omitted.
        binary: whether a step holds one spike of an input at most. Such bins vary less
            than Poisson counts, by 1 - ν dt.

    Returns:
        Moments for each unit of weight, each ``[]``, or ``[n]`` for constants of ``n``
        neurons.

    Raises:
        ValueError: for a rate or ``dt`` that is not positive; a rate of another shape;
            binary steps without ``dt``, or so long that ν dt reaches 1.

    Example:
        >>> drive = snn.networks.poisson_drive(100, rate=10.0, params=snn.LIFParams())
        >>> print(f"{drive.mean:.1f}")  # μ_U for weights of 1
        5.0
    """
    check.whole("n_in", n_in)
    check.fields("params", params, "tau_mem", "tau_syn")
    check.flag("binary", binary)
    check.positive("rate", rate, " [Hz]")
    check.per_neuron("rate", rate, n_in)
    if dt is not None:
        check.dt(dt)
    tau_mem = with_leak(params.tau_mem)
    mean, square = kernel_integrals(tau_mem, params.tau_syn, dt=dt)
    rate = jnp.asarray(rate)
    return PoissonDrive(
        mean=n_in * jnp.mean(rate) * mean,
        variance=n_in * jnp.mean(_binary(rate, dt) if binary else rate) * square,
        spread=n_in * jnp.mean(rate**2) * mean**2,
    )


def predict_membrane(inputs: PoissonDrive, mean: Number, deviation: Number) -> Membrane:
    """Mean and fluctuation of a membrane from the moments of its weights.

    For drawn weights ``w`` of shape ``[n_in, n]``, ``mean=w.mean(0)`` and
    ``deviation=w.std(0)`` predict every neuron on its own.

    Args:
        inputs: from ``poisson_drive``.
        mean: mean μw of the weights.
        deviation: standard deviation σw of the weights.

    Returns:
        What the membrane does as long as it does not fire.

    Raises:
        ValueError: for moments that are not finite, or a negative deviation.

    Example:
        >>> drive = snn.networks.poisson_drive(100, rate=10.0, params=snn.LIFParams())
        >>> membrane = snn.networks.predict_membrane(drive, mean=0.02, deviation=0.1)
        >>> print(f"{membrane.mean:.2f} ± {membrane.deviation:.2f}")
        0.10 ± 0.07
    """
    check_drive("inputs", inputs)
    check.finite("mean", mean)
    check.positive("deviation", deviation, zero=True)
    square = jnp.square(mean) + jnp.square(deviation)
    return Membrane(
        mean=inputs.mean * mean,
        deviation=jnp.sqrt(inputs.variance * square),
        spread=jnp.sqrt(inputs.spread) * deviation,
    )


def superpose(*parts: Membrane) -> Membrane:
    """A membrane under several kinds of independent input at once.

    Raises:
        ValueError: for parts that are no membranes, or not finite.
    """
    for part in parts:
        check.fields("parts", part, *Membrane._fields)
        check.finite("The mean of parts", part.mean)
        for name in ("deviation", "spread"):
            check.positive(f"The {name} of parts", getattr(part, name), zero=True)
    mean: Any = sum(part.mean for part in parts)
    return Membrane(
        mean=mean,
        deviation=_root_of_squares(part.deviation for part in parts),
        spread=_root_of_squares(part.spread for part in parts),
    )


def weight_moments(
    inputs: PoissonDrive,
    *,
    xi: Number,
    threshold: Number = 1.0,
    mean: Number = 0.0,
    share: Number = 1.0,
) -> tuple[jax.Array, jax.Array]:
    """Mean and deviation of the weights that give a membrane a ξ and a mean.

        μw = share · μ_U / (n ν ε̄)
        σw² = share · ((θ - μ_U) / ξ)² / (n ν ε̂) - μw²

    Args:
        inputs: from ``poisson_drive``.
        xi: distance ξ from μ_U to the threshold, in standard deviations.
        threshold: θ.
        mean: μ_U of the whole membrane, below the threshold.
        share: part of mean and variance that these inputs bring, in (0, 1].

    Returns:
        μw and σw. Traced arguments that allow no weights, or a traced share above 1,
        give NaN.

    Raises:
        ValueError: for a ξ that is not positive, a share outside (0, 1], a mean at or
            above threshold, or one so far from rest that even equal weights fluctuate
            more than ξ allows.
    """
    check_drive("inputs", inputs)
    check_target(xi, share)
    check.positive("threshold", threshold)
    check.finite("mean", mean)
    below = threshold - jnp.asarray(mean)
    if not _all(below > 0):
        raise ValueError(
            f"The mean μ_U = {mean} must lie below the threshold {threshold}."
        )
    average = share * jnp.asarray(mean) / inputs.mean
    square = share * (below / xi) ** 2 / inputs.variance
    if not _all(square >= average**2):
        raise ValueError(
            f"Weights of mean {float(jnp.max(jnp.abs(average))):.3g} for μ_U = {mean} "
            f"make the membrane fluctuate more than ξ = xi = {xi} allows, even if all "
            "are equal. Take a smaller ξ or a mean closer to rest; or more inputs, or "
            "faster ones."
        )
    sure = (below > 0) & (jnp.asarray(share) <= 1.0)
    return check.or_nan(average, sure), check.or_nan(
        jnp.sqrt(square - average**2), sure
    )


def check_drive(name: str, inputs: PoissonDrive) -> None:
    """Refuses what is no ``PoissonDrive``, or has a moment that is not positive."""
    check.fields(name, inputs, *PoissonDrive._fields)
    for field in PoissonDrive._fields:
        check.positive(f"The {field} of {name}", getattr(inputs, field))


def check_draw(key: jax.Array, n_in: int, n_out: int) -> None:
    """Refuses what no weights ``[n_in, n_out]`` can be drawn from."""
    check.key(key)
    check.whole("n_in", n_in, least=0)
    check.whole("n_out", n_out, least=0)


def check_target(xi: Number, share: Number) -> None:
    """Refuses a ξ that is not positive and a share outside (0, 1]; traced ones pass."""
    check.positive("xi", xi)
    check.positive("share", share)
    known = check.concrete(share)
    if known is not None and np.any(known > 1):
        raise ValueError(f"share is a part of the whole, at most 1, got {known}.")


def _binary(rate, dt):
    """ν (1 - ν dt): what a Poisson rate has to be for the noise of binary steps."""
    if dt is None:
        raise ValueError("Binary steps need a time step dt [s].")
    free = 1.0 - rate * dt
    if not _all(free > 0.0):
        raise ValueError(
            f"At rate={rate} Hz a step of dt={dt} s holds one spike or more on "
            "average: binary steps would always be full. Take a smaller dt."
        )
    return rate * free


def _all(truth):
    """Whether all are true, as far as one can know while tracing."""
    known = check.concrete(truth)
    return known is None or bool(np.all(known))


def _root_of_squares(parts):
    return jnp.sqrt(sum((jnp.square(part) for part in parts), 0.0))
