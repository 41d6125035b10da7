"""The surrogates of other libraries and papers, by their own names and numbers.

The same name means different things, and the same thing has many names: some shapes
peak at 1, some have area 1, some neither, which changes the learning rate that fits.
``from_library`` gives what each computes in fact, in versions snnTorch 1.0.0, Norse
1.1.0, SpikingJelly 2.0.0, sinabs 3.1.3, Spyx 1.0.0, jaxpike 0.1.4 and sparx 0.1.1,
against which it is checked; for stork, spytorch, hxtorch, NEST (3.7) and Lava by their
sources.
"""

import difflib
import inspect
import math
from collections.abc import Callable
from typing import Any

from snnjax import check
from snnjax.surrogate.combinators import (
    Floor,
    Norm,
    OneSided,
    Scaled,
    Shifted,
    normalized,
)
from snnjax.surrogate.derivative import check_numbers
from snnjax.surrogate.shapes import (
    Arctan,
    Boxcar,
    Exponential,
    Gaussian,
    InverseRoot,
    PowerLaw,
    Sigmoid,
    SuperSpike,
    Triangle,
)
from snnjax.surrogate.signed import MultiGaussian, SquareWave
from snnjax.surrogate.unbounded import (
    S2NN,
    EscapeRate,
    Hyperbola,
    LeakyBoxcar,
    LogTail,
    Periodic,
    Ramp,
    Step,
    StraightThrough,
)


def from_library(name: str, *, normalize: Norm | None = None, **numbers: Any) -> Scaled:
    """Gives a surrogate as another library or paper defines it.

        from_library("snntorch.fast_sigmoid", slope=25.0)  # SuperSpike(25.0), times 1
        from_library("spikingjelly.ATan", alpha=2.0)  # Arctan(π), times 1

    Args:
        name: one of ``supported()``, as ``"library.name"``.
        normalize: ``None`` keeps that library's amplitude; ``"peak"`` or ``"area"``
            replaces it, see ``normalized``.
        **numbers: the parameters there, by the names there; defaults as there.

    Returns:
        A shape and its amplitude.

    Raises:
        ValueError: for an unknown name, one that is unsupported (it says why, and what
            to take instead), or a parameter that it does not have or cannot be.

    Example:
        >>> snn.surrogate.from_library("snntorch.fast_sigmoid", slope=25.0)
        Scaled(shape=SuperSpike(slope=25.0), amplitude=1.0)
    """
    if not isinstance(name, str):
        raise ValueError(f"name must be one of supported(), got {check.told(name)}.")
    if name in UNSUPPORTED:
        raise ValueError(f"{name} has no shape here: {UNSUPPORTED[name]}")
    if name not in SUPPORTED:
        near = difflib.get_close_matches(name, SUPPORTED, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(
            f"Unknown surrogate name {name!r}. {hint}surrogate.supported() lists all "
            "names."
        )
    make = SUPPORTED[name]
    known = inspect.signature(make).parameters
    odd = sorted(set(numbers) - set(known))
    if odd:
        takes = ", ".join(f"{k}={p.default}" for k, p in known.items()) or "nothing"
        raise ValueError(f"{name} takes {takes}; got {', '.join(odd)}.")
    if normalize is not None:
        check.one_of("normalize", normalize, ("peak", "area"))
    for number, value in numbers.items():
        check.finite(number, value)
    try:
        shape = make(**numbers)
        if not isinstance(shape, Scaled):
            shape = Scaled(shape, 1.0)
        check_numbers("shape", shape)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{name} of {numbers} is no shape: {error}") from error
    return shape if normalize is None else normalized(shape.shape, normalize)


def supported() -> tuple[str, ...]:
    """All names that ``from_library`` takes."""
    return tuple(SUPPORTED)


def unsupported() -> dict[str, str]:
    """Names in other libraries that ``from_library`` refuses, and why."""
    return dict(UNSUPPORTED)


def _arctan(alpha):
    return Scaled(Arctan(math.pi / 2 * alpha), alpha / 2)


def _sigmoid(slope):
    return Scaled(Sigmoid(slope), slope / 4)


def _box(width, height):
    return Scaled(Boxcar(1 / width), height)


def _laplace(width, area):
    return Scaled(Exponential(1 / width), area / (2 * width))


def _normal(sigma, scale):
    return Scaled(Gaussian(1 / sigma), scale / (sigma * math.sqrt(2 * math.pi)))


def _erf(alpha, amplitude):
    return Scaled(Gaussian(math.sqrt(2) * alpha), amplitude / math.sqrt(math.pi))


def _multi(sigma, h, s, scale):
    shape = MultiGaussian(1 / sigma, h, s)
    return Scaled(shape, scale * shape.amplitude / (sigma * math.sqrt(2 * math.pi)))


def _shifted(scaled, offset):
    return Scaled(Shifted(scaled.shape, offset), scaled.amplitude)


SUPPORTED: dict[str, Callable[..., Any]] = {
    # peak 1, slope as here
    "superspike": lambda slope=10.0: SuperSpike(slope),
    "sigmoid": lambda slope=10.0: Sigmoid(slope),
    "tanh": lambda slope=5.0: Sigmoid(2 * slope),
    "triangle": lambda slope=1.0: Triangle(slope),
    "esser": lambda slope=1.0: Triangle(slope),
    "arctan": lambda slope=3.0: Arctan(slope),
    "gaussian": lambda slope=2.0: Gaussian(slope),
    "multi_gaussian": lambda slope=2.0: MultiGaussian(slope),
    "exponential": lambda slope=5.0: Exponential(slope),
    "boxcar": lambda slope=1.0: Boxcar(slope),
    "straight_through": lambda: StraightThrough(),
    "escape_rate": lambda slope=7.5: EscapeRate(slope),
    "inverse_root": lambda slope=2.0: InverseRoot(slope),
    "power_law": lambda slope=10.0, exponent=2.0: PowerLaw(slope, exponent),
    "eprop": lambda gamma=0.3, width=1.0: Scaled(Triangle(1 / width), gamma),
    "snntorch.fast_sigmoid": lambda slope=25.0: SuperSpike(slope),
    "snntorch.atan": lambda alpha=2.0: _arctan(alpha),
    "snntorch.sigmoid": lambda slope=25.0: _sigmoid(slope),
    "snntorch.straight_through_estimator": lambda: StraightThrough(),
    "snntorch.spike_rate_escape": lambda beta=1.0, slope=25.0: Scaled(
        Shifted(Exponential(beta), 1.0), slope
    ),
    "norse.tanh": lambda alpha=100.0: Sigmoid(2 * alpha),
    "norse.triangle": lambda alpha=100.0: Scaled(Triangle(1.0), alpha),
    "norse.circ": lambda alpha=100.0: InverseRoot(1 / alpha),
    "norse.heavi_erfc": lambda alpha=100.0: _erf(alpha, 2.0),
    "spikingjelly.PiecewiseQuadratic": lambda alpha=1.0: Scaled(Triangle(alpha), alpha),
    "spikingjelly.PiecewiseExp": lambda alpha=1.0: _laplace(1 / alpha, 1.0),
    "spikingjelly.Sigmoid": lambda alpha=4.0: _sigmoid(alpha),
    "spikingjelly.SoftSign": lambda alpha=2.0: Scaled(SuperSpike(alpha), alpha / 2),
    "spikingjelly.SuperSpike": lambda alpha=1.0: Scaled(SuperSpike(1.0), alpha),
    "spikingjelly.ATan": lambda alpha=2.0: _arctan(alpha),
    "spikingjelly.NonzeroSignLogAbs": lambda alpha=1.0: Scaled(
        PowerLaw(alpha, 1.0), alpha
    ),
    "spikingjelly.Erf": lambda alpha=2.0: _erf(alpha, alpha),
    "spikingjelly.PiecewiseLeakyReLU": lambda w=1.0, c=0.01: Scaled(
        LeakyBoxcar(1 / (2 * w), 2 * w * c), 1 / (2 * w)
    ),
    "spikingjelly.SquarewaveFourierSeries": lambda n=2, T_period=8.0: Scaled(
        SquareWave(T_period, n - 1), 4.0 * (n - 1) / T_period
    ),
    "spikingjelly.S2NN": lambda alpha=4.0, beta=1.0: Scaled(
        S2NN(alpha, 4 * beta / alpha), alpha / 4
    ),
    "spikingjelly.QPseudoSpike": lambda alpha=2.0: PowerLaw(2 / (alpha - 1), alpha),
    "spikingjelly.LeakyKReLU": lambda leak=0.0, k=1.0: Scaled(Step(leak / k), k),
    "spikingjelly.FakeNumericalGradient": lambda alpha=0.3: Scaled(
        Hyperbola(alpha), alpha
    ),
    "spikingjelly.LogTailedReLU": lambda alpha=0.0: LogTail(alpha),
    "spikingjelly.DeterministicPass": lambda: StraightThrough(),
    "spikingjelly.Rect": lambda alpha=1.0: Scaled(Boxcar(alpha), alpha),
    "sinabs.Heaviside": lambda window=1.0, threshold=1.0: Scaled(
        Shifted(Step(), -window), 1 / threshold
    ),
    "sinabs.Gaussian": lambda mu=0.0, sigma=0.5, grad_scale=1.0: _shifted(
        _normal(sigma, grad_scale), mu
    ),
    "sinabs.MultiGaussian": lambda sigma=0.5, h=0.15, s=6.0, grad_scale=1.0: _multi(
        sigma, h, s, grad_scale
    ),
    "sinabs.SingleExponential": lambda grad_width=0.5, grad_scale=1.0, threshold=1.0: (
        _laplace(threshold * grad_width, 2 * grad_scale)
    ),
    "sinabs.PeriodicExponential": lambda grad_width=0.5, grad_scale=1.0, threshold=1.0: (  # noqa: E501
        Scaled(Periodic(1 / grad_width, threshold), grad_scale)
    ),
    "spyx.tanh": lambda k=1.0: Sigmoid(2 * k),
    "spyx.boxcar": lambda width=2.0, height=0.5: _box(width, height),
    "spyx.triangular": lambda k=2.0: Triangle(k),
    "spyx.arctan": lambda k=2.0: Scaled(Arctan(math.pi * k), 1 / math.pi),
    "spyx.superspike": lambda k=25.0: SuperSpike(k),
    "jaxpike.FastSigmoid": lambda slope=25.0: SuperSpike(slope),
    "jaxpike.ATan": lambda alpha=2.0: _arctan(alpha),
    "jaxpike.Triangular": lambda width=1.0: Scaled(Triangle(1 / width), 1 / width),
    "jaxpike.Boxcar": lambda width=1.0: _box(width, 1 / width),
    "sparx.ATan": lambda alpha=2.0: _arctan(alpha),
    "sparx.Sigmoid": lambda alpha=4.0: _sigmoid(alpha),
    "sparx.FastSigmoid": lambda slope=25.0: SuperSpike(slope),
    "sparx.Triangle": lambda width=1.0, scale=1.0: Scaled(Triangle(1 / width), scale),
    "sparx.Rectangle": lambda width=1.0: _box(width, 1 / width),
    "sparx.Gaussian": lambda sigma=0.5: _normal(sigma, 1.0),
    "sparx.StraightThrough": lambda: StraightThrough(),
    "spytorch.SurrGradSpike": lambda scale=100.0: SuperSpike(scale),
    "hxtorch.superspike": lambda alpha=50.0: SuperSpike(alpha),
    "stork.SuperSpike": lambda beta=20.0, gamma=1.0: Scaled(SuperSpike(beta), gamma),
    "stork.SuperSpike_MemClamp": lambda beta=20.0, gamma=1.0: Scaled(
        OneSided(SuperSpike(beta)), gamma
    ),
    "stork.SuperSpike_rescaled": lambda beta=20.0, gamma=1.0: Scaled(
        SuperSpike(beta), gamma * (beta + 1) ** 2
    ),
    "stork.SuperSpike_asymptote": lambda beta=100.0, gamma=1.0: Scaled(
        SuperSpike(beta), gamma * beta
    ),
    "stork.TanhSpike": lambda beta=100.0, gamma=1.0: Scaled(
        Floor(Sigmoid(2 * beta), 1.0), gamma
    ),
    "stork.SigmoidSpike": lambda beta=100.0, gamma=1.0: Scaled(
        Sigmoid(beta), gamma / 4
    ),
    "stork.EsserSpike": lambda beta=1.0, gamma=1.0: Scaled(Triangle(beta), gamma),
    "stork.HardTanhSpike": lambda beta=100.0, gamma=1.0: Scaled(Ramp(beta), 2 * gamma),
    "stork.CustomSpike_sigmoid": lambda beta=10.0: _sigmoid(beta),
    "stork.CustomSpike_exponential": lambda p0=0.01, delta_u=0.133: Scaled(
        EscapeRate(1 / delta_u), p0 / delta_u
    ),
    "nest.piecewise_linear": lambda beta=1.0, gamma=0.3: Scaled(Triangle(beta), gamma),
    "nest.exponential": lambda beta=1.0, gamma=0.3: Scaled(Exponential(beta), gamma),
    "nest.fast_sigmoid_derivative": lambda beta=1.0, gamma=0.3: Scaled(
        SuperSpike(beta), gamma
    ),
    "nest.arctan": lambda beta=1.0, gamma=0.3: Scaled(
        Arctan(math.pi * beta), gamma / math.pi
    ),
    "lava.slayer": lambda tau_rho=1.0, scale_rho=1.0: _laplace(tau_rho, scale_rho),
}

UNSUPPORTED: dict[str, str] = {
    "norse.super": "Norse 1.1.0 ignores its alpha and always takes slope 1. Take "
    "SuperSpike(alpha) for what is documented, SuperSpike(1.0) for what it does.",
    "norse.heaviside": "it has no derivative at all.",
    "norse.logistic": "its forward pass draws; neurons.escape_noise does with Sigmoid.",
    "norse.circ_dist": "its forward pass draws; neurons.escape_noise does with "
    "InverseRoot.",
    "snntorch.triangular": "it gives θ below and -θ above threshold, which has the "
    "wrong sign and is no triangle. Take Triangle(slope).",
    "snntorch.SFS": "it is zero at and below u = B, everywhere that matters. Take "
    "Sparse(SuperSpike(slope), width) for what the paper means.",
    "snntorch.LSO": "calling it fails with a TypeError. Take Step(below=slope).",
    "snntorch.SSO": "below threshold it is noise, not a function of the voltage.",
    "snntorch.custom_surrogate": "it is what you pass; any callable is a shape here.",
    "spyx.custom": "its default derivative is g(u) = u, though a straight-through "
    "estimator is documented. Take StraightThrough().",
    "spikingjelly.PoissonPass": "its forward pass draws from the voltage itself.",
    "spikingjelly.MultiLevelSpikeCount": "its forward pass counts several spikes.",
    "stork.SuperSpike_norm": "it divides by a norm over the batch, so that samples "
    "depend on each other. Take SuperSpike(beta) and optax.normalize_by_update_norm.",
    "stork.MultiSpike": "its forward pass counts several spikes.",
    "stork.CustomSpike_MultilayerSpiker": "it returns u where the spike is documented; "
    "take Step().",
}
