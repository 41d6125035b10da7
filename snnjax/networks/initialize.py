"""Initial weights.

An initializer is a function ``(key, n_in, n_out) -> [n_in, n_out]``; bind the rest with
``functools.partial`` and hand it to a connection. ``n_in`` is the fan-in of a neuron: a
convolution calls with kernel height · width · channels and reshapes, so that no other
initializer is needed. Where a kernel reaches beyond the border fewer inputs come in:
there the membrane fluctuates less, by the root of the part that is inside.
"""

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.check import Number
from snnjax.kernels.products import align
from snnjax.networks.fluctuations import check_draw, poisson_drive, weight_moments
from snnjax.neurons.checks import check_lif
from snnjax.neurons.leaky import LIFParams


def normal(key: jax.Array, n_in: int, n_out: int, *, gain: Number = 1.0) -> jax.Array:
    """Draws weights that keep the scale of their input: w ~ N(0, gain²/n_in).

    Args:
        key: randomness.
        n_in: fan-in.
        n_out: number of targets.
        gain: standard deviation of the summed input, for unit inputs.

    Returns:
        Weights ``[n_in, n_out]``.

    Raises:
        ValueError: for a key of another kind, a negative size or gain.

    Example:
        >>> w = snn.networks.normal(jax.random.key(0), 100, 50)
        >>> w.shape
        (100, 50)
        >>> print(f"{w.std():.2f}")
        0.10
        >>> cell = snn.dense(100, 50, init=snn.networks.normal)
    """
    check_draw(key, n_in, n_out)
    check.positive("gain", gain, zero=True)
    check.per_neuron("gain", gain, n_out)
    sigma = jnp.asarray(gain, jnp.result_type(float)) / max(n_in, 1) ** 0.5
    noise = jax.random.normal(key, (n_in, n_out), sigma.dtype)
    return align(sigma, noise) * noise


def spiking(key: jax.Array, n_in: int, n_out: int, *, share: Number = 1.0) -> jax.Array:
    """Draws weights that make default neurons fire: what connections start from.

    ``fluctuation_driven`` for the neurons of ``lif(n)`` and inputs that fire at 10 Hz,
    with ξ = 1. Inputs of 5 to 20 Hz then make them fire at 1 to 50 Hz, at any ``dt``
    from 0.1 to 5 ms. Other neurons or rates ask for ``fluctuation_driven``, several
    layers or loops for ``scale_to_rates``; a readout starts from small voltages with
    ``normal``.

    Args:
        key: randomness.
        n_in: fan-in.
        n_out: number of targets.
        share: as of ``fluctuation_driven``.

    Returns:
        Weights ``[n_in, n_out]``.
    """
    return fluctuation_driven(
        key, n_in, n_out, rate=10.0, xi=1.0, params=LIFParams(), share=share
    )


def fluctuation_driven(
    key: jax.Array,
    n_in: int,
    n_out: int,
    *,
    rate: Number,
    xi: Number,
    params: LIFParams,
    dt: Number | None = None,
    mean: Number = 0.0,
    share: Number = 1.0,
    binary: bool = False,
) -> jax.Array:
    """Draws weights that make input noise alone bring neurons near threshold.

    ``n_in`` Poisson inputs at rate ν give the membrane a standard deviation σ_U over
    time. Weights are chosen so that the threshold θ lies ξ such deviations above the
    mean μ_U (``networks.fluctuations`` has the theory):

        w ~ N(μw, σw²)      μw = share · μ_U / (n_in · ν · ε̄)
                            σw² = share · ((θ - μ_U) / ξ)² / (n_in · ν · ε̂) - μw²

    with ε̄ = ∫ε dt and ε̂ = ∫ε² dt of the PSP ε, for the kernel as it is simulated at
    ``dt``. Where a neuron has feed-forward and recurrent inputs, they divide mean and
    variance: α for the one (``share=α``), 1-α for the other (``share=1-α``); 0.9 is a
    good α.

    Args:
        key: randomness.
        n_in: fan-in of this connection; of a convolution, the size of its kernel.
        n_out: number of target neurons, or of output channels.
        rate: expected firing rate ν of the inputs [Hz], ``[]`` or ``[n_in]``.
        xi: distance ξ from μ_U to the threshold, in standard deviations; 1 to 3.
        params: constants of the target neurons.
        dt: time step [s] of the simulation; the continuous kernel if omitted.
        mean: μ_U of the membrane, as all its inputs make it; below the threshold.
        share: part of mean and variance that this connection brings, in (0, 1].
        binary: whether a step holds one spike of an input at most, so that it varies
            less than a Poisson count, by 1 - ν dt.

    Returns:
        Weights ``[n_in, n_out]``.

    Raises:
        ValueError: for a rate, ξ or dt that is not positive, a share outside (0, 1],
            a mean that no weights can bring about with this ξ, or binary steps that
            hold one spike or more on average.

    References:
        Rossbroich, Gygax & Zenke (2022), Fluctuation-driven initialization for spiking
        neural network training, doi:10.1088/2634-4386/ac97bb. There feed-forward and
        recurrent inputs divide the mean by their numbers, not by α.

    Example:
        >>> params = snn.LIFParams()
        >>> w = snn.fluctuation_driven(
        ...     jax.random.key(0), 100, 50, rate=10.0, xi=2.0, params=params
        ... )
        >>> drive = snn.networks.poisson_drive(100, rate=10.0, params=params)
        >>> membrane = snn.networks.predict_membrane(drive, mean=0.0, deviation=w.std())
        >>> print(f"{membrane.xi():.1f}")
        2.0
    """
    check_draw(key, n_in, n_out)
    check.whole("n_out", n_out)
    check_lif(n_out, params, "zero")
    for name, value in (("xi", xi), ("mean", mean), ("share", share)):
        check.per_neuron(name, value, n_out)
    inputs = poisson_drive(n_in, rate=rate, params=params, dt=dt, binary=binary)
    average, sigma = weight_moments(
        inputs, xi=xi, threshold=params.threshold, mean=mean, share=share
    )
    dtype = jnp.result_type(float)
    noise = jax.random.normal(key, (n_in, n_out), dtype)
    average, sigma = (align(x.astype(dtype), noise) for x in (average, sigma))
    return average + sigma * noise
