import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.surrogate import (
    S2NN,
    Arctan,
    Boxcar,
    EscapeRate,
    Exponential,
    Floor,
    Gaussian,
    Hyperbola,
    InverseRoot,
    LeakyBoxcar,
    LogTail,
    MultiGaussian,
    OneSided,
    Periodic,
    PowerLaw,
    Ramp,
    Scaled,
    Shifted,
    Sigmoid,
    Sparse,
    SquareWave,
    Step,
    StraightThrough,
    SuperSpike,
    Triangle,
    normalized,
    spike,
)

K = 3.0


def cubed(k):
    return PowerLaw(k, 3.0)


SHAPES = [
    *(SuperSpike, Sigmoid, Triangle, Arctan, Gaussian, Boxcar, Exponential),
    *(InverseRoot, cubed),
]


def above_and_below(v, above, below):
    return np.where(v > 0, above, below)


# Functions F with F' = h, worked out by hand; v in numpy.
PRIMITIVES = {
    SuperSpike: lambda v: v / (1 + K * np.abs(v)),
    Sigmoid: lambda v: 4 / K / (1 + np.exp(-K * v)),
    Triangle: lambda v: np.where(
        np.abs(v) < 1 / K, v - np.sign(v) * K * v**2 / 2, np.sign(v) / (2 * K)
    ),
    Arctan: lambda v: np.arctan(K * v) / K,
    Boxcar: lambda v: np.clip(v, -1 / (2 * K), 1 / (2 * K)),
    Exponential: lambda v: -np.sign(v) * np.expm1(-K * np.abs(v)) / K,
    InverseRoot: lambda v: v / np.sqrt(1 + (K * v) ** 2),
    cubed: lambda v: np.sign(v) * (1 - (1 + K * np.abs(v)) ** -2) / (2 * K),
    lambda k: PowerLaw(k, 1.0): lambda v: np.sign(v) * np.log1p(K * np.abs(v)) / K,
    lambda k: StraightThrough(): lambda v: v,
    lambda k: Step(0.2): lambda v: above_and_below(v, v, 0.2 * v),
    LogTail: lambda v: above_and_below(
        v, np.minimum(v, 1) + np.log(np.maximum(v, 1)), K * v
    ),
    EscapeRate: lambda v: np.exp(K * v) / K,
    Ramp: lambda v: np.where(
        np.abs(K * v) < 1,
        v / 2 + K * v**2 / 4,
        above_and_below(v, v - 1 / (4 * K), -1 / (4 * K)),
    ),
    Hyperbola: lambda v: (
        np.sign(v)
        * np.where(
            np.abs(K * v) < 1, np.abs(v), (1 + np.log(np.maximum(np.abs(K * v), 1))) / K
        )
    ),
}


@pytest.mark.parametrize("shape", PRIMITIVES)
def test_gradient_is_the_slope_of_the_primitive(shape, x64):
    v = jnp.linspace(-2.013, 2.0, 41)
    grads = jax.grad(lambda v: spike(v, shape(K)).sum())(v)
    step = 1e-6
    primitive = PRIMITIVES[shape]
    slope = (primitive(v + step) - primitive(v - step)) / (2 * step)
    np.testing.assert_allclose(grads, slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_peak_is_one_and_area_as_stated(shape, x64):
    v = jnp.concatenate([-jnp.logspace(6, -7, 200_001), jnp.logspace(-7, 6, 200_001)])
    np.testing.assert_allclose(shape(K)(jnp.zeros(())), 1.0)
    np.testing.assert_allclose(np.trapezoid(shape(K)(v), v), shape(K).area, rtol=1e-3)
    normal = np.trapezoid(normalized(shape(K), "area")(v), v)
    np.testing.assert_allclose(normal, 1.0, rtol=1e-3)


def test_a_gaussian_is_what_it_says(x64):
    np.testing.assert_allclose(Gaussian(2.0)(jnp.float64(0.5)), np.exp(-0.5))


def test_straight_through_has_no_area_to_normalize():
    with pytest.raises(ValueError, match="no finite area"):
        normalized(StraightThrough(), "area")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_cdf_is_the_share_of_the_area_below(shape, x64):
    v = jnp.linspace(-3.013, 3.0, 401)
    cdf = jax.vmap(jax.grad(shape(K).cdf))(v)
    np.testing.assert_allclose(cdf * shape(K).area, shape(K)(v), rtol=1e-9, atol=1e-12)
    p = shape(K).cdf(jnp.array([-1e9, 0.0, 1e9]))
    np.testing.assert_allclose(p, [0.0, 0.5, 1.0], atol=1e-8)
    assert np.all(np.diff(shape(K).cdf(v)) >= 0)


def test_a_tail_that_falls_too_slowly_has_no_area():
    assert PowerLaw(2.0, 1.0).area == np.inf
    with pytest.raises(ValueError, match="no finite area"):
        normalized(PowerLaw(2.0, 1.0), "area")
    np.testing.assert_allclose(PowerLaw(2.0, 2.0).area, SuperSpike(2.0).area)


def test_a_square_wave_is_the_sum_of_its_harmonics(x64):
    v = np.linspace(-6, 6, 1201)
    for n in (1, 2, 5):
        waves = [np.cos((2 * m - 1) * 2 * np.pi * v / 3.0) for m in range(1, n + 1)]
        found = SquareWave(3.0, n)(jnp.asarray(v))
        np.testing.assert_allclose(found, np.mean(waves, axis=0), atol=3e-5)


def test_periodic_bumps_stand_between_the_thresholds(x64):
    shape = Periodic(4.0, 2.0)
    v = jnp.array([-1.0, -1e-9, 0.0, 1.0, 2.0, 3.0, 5.0])
    np.testing.assert_allclose(
        shape(v), np.exp([-4.0, 0, 0, -8.0, 0, -8.0, -8.0]), rtol=1e-6
    )


def test_many_gaussians_are_the_sum_of_three(x64):
    v = np.linspace(-8, 8, 160_001)
    k, h, s = 2.0, 0.2, 3.0

    def normal(mean, sigma):
        return np.exp(-((v - mean) ** 2) / (2 * sigma**2)) / (
            sigma * np.sqrt(2 * np.pi)
        )

    three = (1 + h) * normal(0, 1 / k)
    three -= h * (normal(1 / k, s / k) + normal(-1 / k, s / k))
    found = MultiGaussian(k, h, s)(jnp.asarray(v))
    np.testing.assert_allclose(found, three / three[80_000], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        np.trapezoid(found, v), MultiGaussian(k, h, s).area, rtol=1e-5
    )
    assert found.min() < 0


def test_both_sides_of_s2nn():
    shape = S2NN(4.0, 0.5)
    np.testing.assert_allclose(
        shape(jnp.array([-1e-7, 0.0, 1.0])), [1, 0.5, 0.25], 1e-5
    )
    assert (shape.peak, S2NN(4.0, 3.0).peak) == (1.0, 3.0)


def test_a_leaky_box_leaks_outside():
    h = LeakyBoxcar(2.0, 0.1)(jnp.array([-0.26, -0.24, 0.0, 0.24, 0.25]))
    np.testing.assert_allclose(h, [0.1, 1, 1, 1, 0.1])


def test_shapes_made_of_shapes(x64):
    v = jnp.linspace(-2, 2, 101)
    base = SuperSpike(K)
    np.testing.assert_array_equal(Shifted(base, 0.5)(v), base(v - 0.5))
    np.testing.assert_array_equal(Floor(base, 0.5)(v), base(v) + 0.5)
    np.testing.assert_array_equal(OneSided(base)(v), jnp.where(v > 0, 1.0, base(v)))
    np.testing.assert_array_equal(Scaled(base, 3.0).cdf(v), base.cdf(v))
    assert (Scaled(base, 3.0).peak, Floor(base, 0.5).peak) == (3.0, 1.5)
    np.testing.assert_allclose(Scaled(Shifted(base, 0.5), 3.0).area, 6 / K)
    np.testing.assert_allclose(
        normalized(Floor(base, 1.0), "peak")(v), (base(v) + 1) / 2
    )
    with pytest.raises(ValueError, match="no finite peak"):
        normalized(EscapeRate(), "peak")


def test_a_sparse_shape_is_the_dense_one_inside_and_nothing_outside(x64):
    v = jnp.linspace(-2.01, 2, 101)
    base = SuperSpike(K)
    inside = np.abs(v) < 0.3
    h = Sparse(base, 0.3)(v)
    np.testing.assert_array_equal(h[inside], base(v)[inside])
    assert np.all(h[~inside] == 0)
    np.testing.assert_array_equal(Sparse(base, jnp.inf)(v), base(v))
    grads = jax.vmap(jax.grad(lambda v: spike(v, Sparse(base, 0.3))))(v)
    np.testing.assert_array_equal(grads, h)


def test_shapes_are_normalized_while_tracing_as_well():
    area = lambda slope: normalized(SuperSpike(slope), "area").amplitude  # noqa: E731
    assert jax.jit(lambda: area(4.0))() == jax.jit(area)(4.0) == 2.0
