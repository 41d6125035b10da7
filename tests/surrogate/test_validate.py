import calls_cells
import calls_nir
import calls_presets
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calls import CALLS, made
from jax.sharding import AxisType, PartitionSpec
from public import everything

import snnjax as snn
from snnjax import surrogate
from snnjax.surrogate import (
    Boxcar,
    Floor,
    ForwardMode,
    Learnable,
    MultiGaussian,
    Scaled,
    Sigmoid,
    StraightThrough,
    SuperSpike,
    check_density,
    check_shape,
    from_library,
    supported,
)


@pytest.mark.parametrize("name", supported())
def test_every_shape_of_a_library_is_one(name):
    check_shape("surrogate", from_library(name), (4,))


@pytest.mark.parametrize(
    "shape",
    [
        ForwardMode(SuperSpike()),
        Learnable(Sigmoid()),
        Scaled(Boxcar(), 0.3),
        SuperSpike(jnp.ones(4)),
        lambda v: jnp.exp(-(v**2)),
        lambda v: jnp.abs(v) < 1.0,
        jax.nn.relu,
    ],
)
def test_wrapped_shapes_slopes_of_every_neuron_and_functions_are_shapes(shape):
    check_shape("surrogate", shape, (4,))
    check_shape("surrogate", shape, (3, 2, 4))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("superspike", r"word 'superspike'. Did you mean SuperSpike\(\)\?"),
        ("multi_gaussian", r"Did you mean MultiGaussian\(\)\?"),
        ("snntorch.atan", r'Did you mean from_library\("snntorch.atan"\)\?'),
        ("fast_sigmoid", r'Did you mean from_library\("snntorch.fast_sigmoid"\)\?'),
        ("qqq", r"such as SuperSpike\(\), got the word 'qqq'.$"),
        (SuperSpike, r"an instance: SuperSpike\(\), got the class"),
        (ForwardMode(SuperSpike), "got a SuperSpike"),
        (3.0, r"a function v -> h\(v\), such as SuperSpike\(\), got 3.0"),
        (None, "got None"),
        (lambda: 0.0, "fails .* takes 0 positional arguments"),
        (lambda v: v.sum(), r"the shape of v, \(4,\), got shape \(\)"),
        (lambda v: (v, v), "got a tuple"),
        (lambda v: v if v > 0 else -v, "fails for v of shape"),
        (SuperSpike(jnp.ones(3)), "fails for v of shape"),
        (SuperSpike(jnp.ones((2, 4))), r"got shape \(2, 4\)"),
        (Learnable(StraightThrough()), "integral of surrogate fails .*'area'"),
    ],
)
def test_what_is_no_shape_is_refused(shape, words):
    with pytest.raises(ValueError, match=words):
        check_shape("surrogate", shape, (4,))


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (MultiGaussian(), "MultiGaussian is no density"),
        (lambda v: v, "function is no density"),
        (Scaled(StraightThrough(), 2.0), r"noise.cdf\(v\) fails .*'cdf'"),
        (Sigmoid, r"noise must be an instance: Sigmoid\(\)"),
    ],
)
def test_what_is_no_density_is_refused(noise, words):
    with pytest.raises(ValueError, match=words):
        check_density("noise", noise, (4,))


class Constant:
    """A shape of one's own that returns one number, whatever v is."""

    def __init__(self, number):
        self.number = number

    def __call__(self, v):
        return self.number

    cdf = __call__
    area = 1.0


ONE_NUMBER = [Constant(1.0), Constant(jnp.ones(()))]
NO_V = {surrogate.as_pytree, surrogate.normalized}  # there is nothing to be called with
TABLES = calls_cells, calls_nir, calls_presets


def takers():
    """Public functions that take a shape, and what they call it."""
    for name, f in everything().items():
        for word in ("surrogate", "noise", "shape"):
            given = CALLS[f].arguments() if f in CALLS and f not in NO_V else {}
            if callable(given.get(word)):
                yield pytest.param(f, word, id=name)


@pytest.mark.parametrize("shape", ONE_NUMBER)
@pytest.mark.parametrize(("function", "word"), [*takers()])
def test_whatever_takes_a_shape_refuses_one_of_another_size(function, word, shape):
    arguments = CALLS[function].arguments() | {word: shape}
    call = lambda: made(CALLS[function], arguments)  # noqa: E731
    if function is surrogate.spike:  # which calls no shape before its derivative
        v = arguments.pop("v")
        call = lambda: jax.grad(lambda v: function(v, shape).sum())(v)  # noqa: E731
    with pytest.raises(ValueError, match="must have the shape of v"):
        call()


def test_the_walk_over_takers_of_shapes_finds_them():
    found = {each.values[0] for each in takers()}
    assert found >= {snn.lif, snn.spike, snn.neurons.escape_noise, check_shape}
    assert len(found) > 20


@pytest.mark.parametrize("wrap", [lambda s: s, ForwardMode, lambda s: Floor(s, 0.1)])
@pytest.mark.parametrize("shape", ONE_NUMBER)
def test_a_spike_refuses_it_while_its_derivative_is_traced(wrap, shape):
    v = jnp.array([-0.1, 0.1])
    with pytest.raises(ValueError, match=r"the shape of v, \(2,\), got"):
        jax.jit(jax.grad(lambda v: snn.spike(v, wrap(shape)).sum()))(v)
    np.testing.assert_array_equal(snn.spike(v, wrap(shape)), [0.0, 1.0])


def test_numbers_that_jax_cannot_see_are_not_learned():
    for make in (
        lambda s: snn.lif(2, surrogate=s),
        lambda s: snn.spike(jnp.ones(2), s),
    ):
        with pytest.raises(ValueError, match=r"Learnable expects .* got a Constant"):
            make(Learnable(Constant(jnp.ones(2))))


def test_numbers_of_shapes_may_be_traced():
    slopes, xs = jnp.array([1.0, 10.0]), jnp.full((2, 9, 3, 4), 3.0)

    def gradient(slope, xs):
        def loss(xs):
            shape = Learnable(SuperSpike(slope))
            return snn.unroll(snn.lif(4, surrogate=shape), (), xs, dt=1e-3)[1].sum()

        return jax.grad(loss)(xs)

    expected = np.stack([gradient(slope, xs[0]) for slope in slopes])
    assert np.any(expected[0] != expected[1])
    mesh = jax.make_mesh((2,), ("slopes",), axis_types=(AxisType.Auto,))
    spec = PartitionSpec("slopes")
    every = jax.vmap(gradient)
    sharded = jax.shard_map(every, mesh=mesh, in_specs=spec, out_specs=spec)
    for function in (every, jax.jit(every), jax.jit(sharded)):
        np.testing.assert_allclose(function(slopes, xs), expected, rtol=1e-5)
