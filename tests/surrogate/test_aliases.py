import importlib
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.surrogate import Scaled, SuperSpike, from_library, supported, unsupported
from snnjax.surrogate.aliases import SUPPORTED

V = np.random.default_rng(0).normal(0, 1, 4001)

# g at threshold and full width at half maximum, as the literature and sources have them
PEAK_AND_WIDTH = {
    "snntorch.fast_sigmoid": (1, 0.828427 / 25),
    "snntorch.atan": (1, 0.63662),
    "snntorch.sigmoid": (6.25, 3.52549 / 25),
    "norse.tanh": (1, 1.76275 / 100),
    "norse.triangle": (100, 1),
    "norse.circ": (1, 153.284),
    "norse.heavi_erfc": (1.12838, 1.66511 / 100),
    "spikingjelly.SoftSign": (1, 0.414214),
    "spikingjelly.SuperSpike": (1, 0.828427),
    "spikingjelly.ATan": (1, 0.63662),
    "spikingjelly.Sigmoid": (1, 3.52549 / 4),
    "spikingjelly.Erf": (1.12838, 0.832555),
    "spikingjelly.PiecewiseQuadratic": (1, 1),
    "spikingjelly.PiecewiseExp": (0.5, 1.38629),
    "spikingjelly.QPseudoSpike": (1, 0.414214),
    "spikingjelly.Rect": (1, 1),
    "sinabs.Gaussian": (0.797885, 1.17741),
    "sinabs.MultiGaussian": (0.878223, 1.14332),
    "sinabs.SingleExponential": (2, 0.693147),
    "stork.SuperSpike_asymptote": (100, 0.828427 / 100),
    "stork.SuperSpike_rescaled": (441, 0.828427 / 20),
    "spyx.arctan": (1 / np.pi, 1 / np.pi),
    "nest.piecewise_linear": (0.3, 1),
    "nest.arctan": (0.3 / np.pi, 2 / np.pi),
    "eprop": (0.3, 1),
    "lava.slayer": (0.5, 1.38629),
}
AREA_ONE = (
    *("snntorch.atan", "snntorch.sigmoid", "spikingjelly.SoftSign"),
    *("spikingjelly.PiecewiseQuadratic", "spikingjelly.PiecewiseExp"),
    *("spikingjelly.Sigmoid", "spikingjelly.Erf", "spikingjelly.Rect"),
    *("sinabs.Gaussian", "sparx.Rectangle", "jaxpike.Triangular"),
)


@pytest.mark.parametrize("name", PEAK_AND_WIDTH)
def test_height_and_width_are_those_of_the_literature(name, x64):
    height, width = PEAK_AND_WIDTH[name]
    shape = from_library(name)
    np.testing.assert_allclose(shape(jnp.zeros(())), height, rtol=1e-5)
    inside, outside = (float(shape(jnp.float64(s * width / 2))) for s in (0.999, 1.001))
    assert inside >= height / 2 >= outside
    assert abs(inside - outside) < 0.01 * height or "Rect" in name


@pytest.mark.parametrize("name", AREA_ONE)
def test_a_derivative_of_a_unit_step_has_area_one(name):
    np.testing.assert_allclose(from_library(name).area, 1.0, rtol=1e-6)
    np.testing.assert_allclose(from_library(name).amplitude, from_library(name).peak)


@pytest.mark.parametrize("name", supported())
def test_every_name_is_a_shape_of_finite_numbers(name):
    shape = from_library(name)
    assert isinstance(shape, Scaled)
    h = shape(jnp.asarray(V, jnp.float32))
    assert h.shape == V.shape
    assert np.all(np.isfinite(h))
    peak = from_library(name, normalize="peak") if np.isfinite(shape.peak) else shape
    assert np.max(peak(jnp.asarray(V, jnp.float32))) <= 1.0 + 1e-5 or peak is shape


def test_normalizing_replaces_the_amplitude():
    assert from_library("norse.triangle", alpha=7.0).amplitude == 7.0
    assert from_library("norse.triangle", normalize="peak").amplitude == 1.0
    np.testing.assert_allclose(from_library("sparx.Triangle", width=0.5).area, 0.5)
    by_area = from_library("sparx.Triangle", width=0.5, normalize="area")
    np.testing.assert_allclose((by_area.amplitude, by_area.area), (2.0, 1.0))
    assert from_library("superspike", slope=3.0) == Scaled(SuperSpike(3.0), 1.0)


def test_unknown_and_unsupported_names_and_parameters_are_refused():
    with pytest.raises(ValueError, match=r"Did you mean .*snntorch.fast_sigmoid"):
        from_library("snntorch.fastsigmoid")
    with pytest.raises(ValueError, match="lists all"):
        from_library("qqqqqq")
    with pytest.raises(ValueError, match=r"takes slope=25.0; got alpha"):
        from_library("snntorch.fast_sigmoid", alpha=1.0)
    with pytest.raises(ValueError, match="takes nothing; got slope"):
        from_library("straight_through", slope=1.0)
    with pytest.raises(ValueError, match="normalize must be one of"):
        from_library("superspike", normalize="max")
    with pytest.raises(ValueError, match="no finite area"):
        from_library("spikingjelly.NonzeroSignLogAbs", normalize="area")
    for name, reason in unsupported().items():
        with pytest.raises(ValueError, match="has no shape here"):
            from_library(name)
        assert name not in supported()
        assert len(reason) > 20


def of_torch(function):
    """What a torch surrogate's backward pass multiplies by."""
    torch = importlib.import_module("torch")
    v = torch.tensor(V, requires_grad=True)
    function(v).sum().backward()
    return v.grad.numpy()


def of_jax(function):
    return jax.grad(lambda v: function(v).sum())(jnp.asarray(V))


def snntorch(name, **numbers):
    module = pytest.importorskip("snntorch.surrogate")
    return of_torch(getattr(module, name)(**numbers))


def norse(name, alpha=100.0):
    module = pytest.importorskip("norse.torch.functional.threshold")
    return of_torch(lambda v: module.threshold(v, name, alpha))


def spikingjelly(name, **numbers):
    module = pytest.importorskip("spikingjelly.activation_based.surrogate")
    return of_torch(getattr(module, name)(**numbers))


def sinabs(name, **numbers):
    module = pytest.importorskip("sinabs.activation")
    torch = importlib.import_module("torch")
    threshold = numbers.pop("threshold", 1.0)
    shape = getattr(module, name)(**numbers)
    return shape(torch.tensor(V + threshold), threshold).numpy()


def spyx(name, **numbers):
    module = pytest.importorskip("spyx.axn")
    return of_jax(getattr(module, name)(**numbers))


def jaxpike(name, **numbers):
    module = pytest.importorskip("jaxpike.surrogate")
    return of_jax(getattr(module, name)(**numbers))


def sparx(name, **numbers):
    module = pytest.importorskip("sparx.surrogate")
    return of_jax(getattr(module, name)(**numbers))


LIBRARIES = (snntorch, norse, spikingjelly, sinabs, spyx, jaxpike, sparx)
OTHER_NUMBERS = {
    "snntorch.spike_rate_escape": {"beta": 2.0, "slope": 3.0},
    "spikingjelly.PiecewiseLeakyReLU": {"w": 0.4, "c": 0.2},
    "spikingjelly.SquarewaveFourierSeries": {"n": 5, "T_period": 3.0},
    "spikingjelly.S2NN": {"alpha": 3.0, "beta": 2.0},
    "spikingjelly.LeakyKReLU": {"leak": 0.3, "k": 2.0},
    "spikingjelly.QPseudoSpike": {"alpha": 3.0},
    "sinabs.Gaussian": {"mu": 0.2, "sigma": 0.3, "grad_scale": 2.0},
    "sinabs.MultiGaussian": {"sigma": 0.3, "h": 0.2, "s": 4.0, "grad_scale": 2.0},
    "sinabs.SingleExponential": {
        "grad_width": 0.3,
        "grad_scale": 2.0,
        "threshold": 2.0,
    },
    "sinabs.PeriodicExponential": {"grad_width": 0.3, "threshold": 2.0},
    "sinabs.Heaviside": {"window": 0.4, "threshold": 2.0},
    "spyx.boxcar": {"width": 1.5, "height": 2.0},
    "sparx.Triangle": {"width": 0.7, "scale": 0.3},
}


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda f: f.__name__)
def test_shapes_are_what_the_installed_library_computes(library, x64):
    """Needs the library, of the dependency group ``libraries``."""
    mine = [n for n in supported() if n.startswith(library.__name__ + ".")]
    assert len(mine) > 3
    for name in mine:
        known = inspect.signature(SUPPORTED[name]).parameters
        other = OTHER_NUMBERS.get(name, dict.fromkeys(known, 1.7))
        for numbers in ({}, other):
            theirs = np.asarray(library(name.split(".")[1], **numbers))
            ours = from_library(name, **numbers)(jnp.asarray(V))
            np.testing.assert_allclose(
                ours, theirs, rtol=2e-6, atol=1e-8, err_msg=f"{name} {numbers}"
            )
