"""Where weights start.

An initialiser is a function ``(key, n_in, n_out) -> [n_in, n_out]``; bind the rest with
``functools.partial`` and hand it to a connection.
"""

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.check import Number
from snnjax.neurons.dynamics import LIFParams
from snnjax.neurons.kernels import kernel_integrals


def normal(key: jax.Array, n_in: int, n_out: int, *, gain: Number = 1.0) -> jax.Array:
    """Draws weights that keep the scale of their input: w ~ N(0, gain²/n_in).

    Args:
        key: randomness.
        n_in: fan-in.
        n_out: number of targets.
        gain: standard deviation of the summed input, for unit inputs.

    Returns:
        Weights ``[n_in, n_out]``.
    """
    sigma = jnp.asarray(gain, jnp.result_type(float)) / max(n_in, 1) ** 0.5
    return sigma * jax.random.normal(key, (n_in, n_out), sigma.dtype)


def fluctuation_driven(
    key: jax.Array,
    n_in: int,
    n_out: int,
    *,
    rate: Number,
    xi: Number,
    params: LIFParams,
    dt: Number | None = None,
    share: Number = 1.0,
) -> jax.Array:
    """Draws weights that make input noise alone bring neurons near threshold.

    ``n_in`` Poisson inputs at rate ν give the membrane a standard deviation σ over
    time. Weights are chosen so that the threshold θ lies ξ such deviations above rest:

        w ~ N(0, σw²)      σw = θ/ξ · √(share / (n_in · ν · ε̂))

    with ε̂ = ∫ε² dt of the PSP ε, for the kernel as it is simulated at ``dt``. Where a
    neuron has feed-forward and recurrent inputs, they divide the variance: α for the
    one (``share=α``), 1-α for the other (``share=1-α``); 0.9 is a good α.

    Args:
        key: randomness.
        n_in: fan-in of this connection.
        n_out: number of target neurons.
        rate: expected firing rate ν of each input [Hz].
        xi: distance ξ from rest to threshold, in standard deviations; 1 to 3.
        params: constants of the target neurons.
        dt: time step [s] of the simulation; the continuous kernel if omitted.
        share: part of the membrane variance that this connection brings, 0 to 1.

    Returns:
        Weights ``[n_in, n_out]``.

    Raises:
        ValueError: for a rate, ξ or dt that is not positive, or a share outside (0, 1].

    References:
        Rossbroich, Gygax & Zenke (2022), Fluctuation-driven initialization for spiking
        neural network training, doi:10.1088/2634-4386/ac97bb.
    """
    check.positive("rate", rate, " [Hz]")
    check.positive("xi", xi)
    check.positive("share", share)
    known = check.concrete(share)
    if known is not None and known > 1:
        raise ValueError(f"share is a part of the variance, at most 1, got {known}.")
    if dt is not None:
        check.positive("dt", dt, " [s]")

    _, square = kernel_integrals(params.tau_mem, params.tau_syn, dt)
    sigma = params.threshold / xi * jnp.sqrt(share / (max(n_in, 1) * rate * square))
    dtype = jnp.result_type(float)
    return sigma.astype(dtype) * jax.random.normal(key, (n_in, n_out), dtype)
