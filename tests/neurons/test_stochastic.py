import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import snnjax as snn
from snnjax.neurons import escape_noise, smooth_lif, stochastic_lif
from snnjax.surrogate import (
    Arctan,
    Boxcar,
    Exponential,
    Gaussian,
    InverseRoot,
    MultiGaussian,
    Sigmoid,
    StraightThrough,
    SuperSpike,
    Triangle,
)

K, DT = 4.0, 1e-3
NOISES = {  # the same noise in scipy, as a distribution of thresholds
    Sigmoid: stats.logistic(scale=1 / K),
    Gaussian: stats.norm(scale=1 / K),
    Boxcar: stats.uniform(-1 / (2 * K), 1 / K),
    Triangle: stats.triang(0.5, -1 / K, 2 / K),
    Arctan: stats.cauchy(scale=1 / K),
    Exponential: stats.laplace(scale=1 / K),
    InverseRoot: stats.t(2, scale=1 / (K * np.sqrt(2))),
}


@pytest.mark.parametrize("noise", NOISES)
def test_chance_and_derivative_are_those_of_noise_on_the_threshold(noise, x64):
    v = jnp.linspace(-1.013, 1.0, 41)
    law = NOISES[noise]
    np.testing.assert_allclose(noise(K).cdf(v), law.cdf(v), rtol=1e-9, atol=1e-12)
    grads = jax.grad(lambda v: escape_noise(jax.random.key(0), v, noise(K)).sum())(v)
    np.testing.assert_allclose(grads, law.pdf(v), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("noise", [Sigmoid(K), Gaussian(K), SuperSpike(K)])
def test_spikes_come_with_their_chance(noise):
    v = jnp.linspace(-0.6, 0.6, 7)
    draws = escape_noise(jax.random.key(1), jnp.broadcast_to(v, (40_000, 7)), noise)
    assert set(np.unique(draws)) == {0.0, 1.0}
    error = np.sqrt(noise.cdf(v) * (1 - noise.cdf(v)) / 40_000)
    assert np.all(np.abs(draws.mean(axis=0) - noise.cdf(v)) < 4 * error)


def test_the_gradient_is_that_of_the_expected_output(x64):
    # E[s] = F(w·x - θ); by finite differences of F, which knows nothing of sampling.
    noise, x = Gaussian(K), jnp.array([0.3, -0.2, 0.9])
    w = jnp.array([0.8, 0.5, 1.1])

    def sample(key, w):
        return 3.0 * escape_noise(key, w @ x - 1.0, noise)

    keys = jax.random.split(jax.random.key(2), 10)
    found = jax.vmap(jax.grad(sample, argnums=1), (0, None))(keys, w)
    for row in found:
        step = 1e-6
        for k in range(3):
            by = step * np.eye(3)[k]
            slope = NOISES[Gaussian].cdf((w + by) @ x - 1) - NOISES[Gaussian].cdf(
                (w - by) @ x - 1
            )
            np.testing.assert_allclose(row[k], 3 * slope / (2 * step), rtol=1e-6)


def cell(key=0, **options):
    params = snn.LIFParams(5e-3, 2e-3, 0.3, **options)
    return stochastic_lif(3, params, key=jax.random.key(key), noise=Sigmoid(20.0))


def inputs(steps=40):
    return 0.8 * jax.random.normal(jax.random.key(1), (steps, 4, 3))


@pytest.mark.parametrize("options", [{}, {"refractory": 3e-3}])
def test_stopping_and_continuing_and_stepping_equal_one_run(options):
    neuron, xs = cell(**options), inputs()
    _, whole = snn.unroll(neuron, (), xs, dt=DT)
    middle, first = snn.unroll(neuron, (), xs[:13], dt=DT)
    _, second = snn.unroll(neuron, (), xs[13:], dt=DT, state=middle)
    np.testing.assert_array_equal(whole, np.concatenate([first, second]))
    _, slow = snn.unroll(neuron, (), xs, dt=DT, record=lambda s, y: y)
    np.testing.assert_array_equal(whole, slow)
    jitted = jax.jit(lambda xs: snn.unroll(neuron, (), xs, dt=DT)[1])(xs)
    np.testing.assert_array_equal(whole, jitted)


def test_noise_is_drawn_by_the_key_for_each_step_sample_and_neuron():
    xs = jnp.full((400, 4, 3), 0.1)
    one, again, other = (
        np.asarray(snn.unroll(cell(k), (), xs, dt=DT)[1]) for k in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert 0.05 < one.mean() < 0.95
    assert np.any(one != other)
    flat = one.reshape(400, 12)
    shared = np.corrcoef(np.concatenate([flat[:-1], flat[1:]], axis=1).T)
    assert np.abs(shared - np.eye(24)).max() < 0.9


def test_a_run_takes_a_key_of_its_own_without_a_new_cell():
    neuron, xs = cell(), jnp.full((100, 4, 3), 0.1)
    traces = []

    @jax.jit
    def run(key):
        traces.append(1)
        return snn.unroll(neuron, (), xs, dt=DT, key=key)[1]

    one, again, other = (run(jax.random.key(k)) for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.any(one != other)
    assert len(traces) == 1


@pytest.mark.parametrize("key", [0, np.zeros(2, np.uint32), None])
def test_a_key_of_another_kind_is_refused(key):
    with pytest.raises(ValueError, match=r"A key comes from jax\.random\.key"):
        stochastic_lif(3, key=key)


def test_without_noise_it_is_the_lif_neuron():
    params = snn.LIFParams(5e-3, 2e-3, 0.3)
    xs = inputs(200)
    for reset in ("zero", "subtract", "none"):
        sharp = stochastic_lif(
            3, params, key=jax.random.key(0), noise=Sigmoid(1e7), reset=reset
        )
        plain = snn.lif(3, params, reset=reset, backend="xla")
        ours, theirs = (snn.unroll(c, (), xs, dt=DT)[1] for c in (sharp, plain))
        np.testing.assert_array_equal(ours, theirs)


def test_it_trains_inside_a_recurrent_layer_and_many_keys_are_one_program(x64):
    traces = []

    @jax.jit
    def gradients(keys):
        def one(key):
            traces.append(1)
            neuron = stochastic_lif(3, snn.LIFParams(5e-3, 2e-3, 0.3), key=key)
            net = snn.recurrent(3, 3, neuron)
            weights = net.init(jax.random.key(0))
            return jax.grad(lambda w: snn.unroll(net, w, inputs(), dt=DT)[1].sum())(
                weights
            )

        return jax.vmap(one)(keys)

    found = gradients(jax.random.split(jax.random.key(0), 3))
    gradients(jax.random.split(jax.random.key(1), 3))
    assert len(traces) == 1
    assert np.all(np.isfinite(found.recurrent))
    assert np.any(found.recurrent[0] != found.recurrent[1])


def test_shapes_that_are_no_density_and_bad_constants_are_refused():
    for noise in (StraightThrough(), MultiGaussian()):
        with pytest.raises(ValueError, match="is no density"):
            escape_noise(jax.random.key(0), jnp.zeros(3), noise)
    with pytest.raises(ValueError, match="floating point"):
        escape_noise(jax.random.key(0), jnp.arange(3), Sigmoid(1.0))
    with pytest.raises(ValueError, match="reset must be"):
        stochastic_lif(3, key=jax.random.key(0), reset="soft")
    with pytest.raises(ValueError, match="tau_mem"):
        stochastic_lif(3, snn.LIFParams(tau_mem=-1.0), key=jax.random.key(0))
    with pytest.raises(ValueError, match="lif expects 3 channels"):
        snn.unroll(cell(), (), jnp.zeros((5, 2)), dt=DT, state=cell().rest(inputs()[0]))


@pytest.mark.parametrize("reset", ["zero", "subtract", "none"])
def test_a_smooth_neuron_puts_out_its_chance_to_fire_and_resets_by_it(reset, x64):
    # Without synapse v ← b v + (1 - b) x between resets, in plain Python here.
    params, noise = snn.LIFParams(5e-3, None, 0.4), Gaussian(6.0)
    xs = jax.random.uniform(jax.random.key(0), (25, 3)) * 1.5
    state, found = snn.unroll(
        smooth_lif(3, params, noise=noise, reset=reset), (), xs, dt=DT
    )
    v, b = np.zeros(3), np.exp(-DT / 5e-3)
    for x, s in zip(np.asarray(xs), found, strict=True):
        v = b * v + (1 - b) * x
        chance = NOISES[Gaussian].cdf((v - 0.4) * 6.0 / K)
        np.testing.assert_allclose(s, chance, rtol=1e-6, atol=1e-12)
        v = {"zero": (1 - chance) * v, "subtract": v - 0.4 * chance, "none": v}[reset]
    np.testing.assert_allclose(state.v, v, rtol=1e-6)


def test_the_gradient_of_a_smooth_neuron_passes_its_reset(x64):
    neuron = smooth_lif(3, snn.LIFParams(5e-3, 2e-3, 0.3), noise=Sigmoid(8.0))
    xs = jnp.asarray(inputs(12), float)

    def loss(scale):
        return jnp.sum(snn.unroll(neuron, (), scale * xs, dt=DT)[1] ** 2)

    step = 1e-5
    slope = (loss(1.0 + step) - loss(1.0 - step)) / (2 * step)
    np.testing.assert_allclose(jax.grad(loss)(1.0), slope, rtol=1e-7)


def test_a_steep_smooth_neuron_is_the_lif_neuron():
    params, xs = snn.LIFParams(5e-3, 2e-3, 0.3), inputs(200)
    smooth = smooth_lif(3, params, noise=Sigmoid(1e7))
    ours, theirs = (
        snn.unroll(c, (), xs, dt=DT)[1]
        for c in (smooth, snn.lif(3, params, backend="xla"))
    )
    assert 0.02 < theirs.mean() < 0.98
    np.testing.assert_array_equal(ours, theirs)


def test_smooth_neurons_refuse_what_needs_spikes_or_a_density():
    with pytest.raises(ValueError, match=r"no refractory time .* got 0.002"):
        smooth_lif(3, snn.LIFParams(refractory=2e-3))
    with pytest.raises(ValueError, match="reset must be"):
        smooth_lif(3, reset="soft")
    with pytest.raises(ValueError, match="tau_mem"):
        smooth_lif(3, snn.LIFParams(tau_mem=-1.0))
    with pytest.raises(ValueError, match="is no density"):
        snn.unroll(smooth_lif(3, noise=StraightThrough()), (), inputs(), dt=DT)
