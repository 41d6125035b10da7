from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.analysis import gradient_growth, spectral_norms, step_jacobians
from snnjax.neurons import LIFState, stochastic_lif
from snnjax.surrogate import ForwardMode, Scaled

DT = 1e-3
LEFT = float(np.exp(-0.1))  # of the voltage after a step, b
PARAMS = snn.LIFParams(10e-3, 5e-3, 0.5)


def jumps(n, steps=30, batch=(4,)):
    drawn = jax.random.normal(jax.random.key(1), (steps, *batch, n))
    return 2.0 * np.square(drawn)


def neuron(n=3, **options):
    return snn.lif(n, PARAMS, surrogate=Scaled(snn.SuperSpike(5.0), 3.0), **options)


def layer(n=4, **options):
    cell = snn.recurrent(3, n, neuron(n, reset_gradient=True), **options)
    return cell, jax.jit(cell.init)(jax.random.key(0))


def one_step(cell, v, drive, dt=DT):
    """∂v'/∂v of neurons without a synapse, started at voltages ``[n]``."""
    xs, state = np.full((1, len(v)), drive), LIFState(v, None, None)
    found = partial(step_jacobians, cell, (), dt=dt, state=state, coupled=False)
    jacobians = np.asarray(jax.jit(found)(xs))
    assert jacobians.shape == (1, len(v), 1, 1)
    return jacobians[0, :, 0, 0]


@pytest.mark.parametrize("slope", [1.0, 10.0, 100.0])
@pytest.mark.parametrize("peaked", [False, True])
def test_the_reset_multiplies_by_the_peak_and_only_where_it_is_let_in(
    slope, peaked, x64
):
    # v⁻ = b v + (1-b) I, v' = (1-s) v⁻: ∂v'/∂v = b [(1-s) - v⁻ h(v⁻ - 1)]
    v, drive = np.linspace(0.5, 1.5, 2001), 1.2
    peak = slope if peaked else 1.0
    params = snn.LIFParams(tau_mem=10 * DT, tau_syn=None)
    shape = Scaled(snn.SuperSpike(slope), peak)

    def found(reset_gradient):
        cell = snn.lif(len(v), params, surrogate=shape, reset_gradient=reset_gradient)
        return one_step(cell, v, drive)

    before = np.asarray(LEFT * v + (1 - LEFT) * drive)
    fired = before > 1
    h = peak / (1 + slope * abs(before - 1)) ** 2
    np.testing.assert_allclose(found(True), LEFT * (1 - fired - before * h), atol=1e-13)
    np.testing.assert_allclose(found(False), LEFT * (1 - fired), atol=1e-13)
    assert abs(found(False)).max() <= LEFT
    np.testing.assert_allclose(abs(found(True)).max(), LEFT * peak, rtol=0.03)


@pytest.mark.parametrize(
    ("slope", "peak", "largest"),
    [
        (1.0, 1.0, 1.02),
        (10.0, 1.0, 1.02),
        (100.0, 1.0, 1.02),
        (10.0, 10.0, 10.2),
        (100.0, 100.0, 101.7),
    ],
)
def test_a_reset_one_step_late_reaches_the_known_largest_factors(
    slope, peak, largest, x64
):
    # U' = (bU + (1-b)I)(1 - S(U)): dU'/dU = b(1-S) - (bU + (1-b)I) h(U-1)
    u, drive = np.linspace(0.5, 1.5, 2001), 1.2
    u[0] = 1.0 + 1e-9
    shape = Scaled(snn.SuperSpike(slope), peak)

    def step(weights, u, x, dt):
        b = jnp.exp(-dt / (10 * DT))
        s = snn.spike(u - 1.0, shape)
        return (b * u + (1 - b) * x) * (1 - s), s

    cell = snn.Cell(lambda key: (), lambda x: jnp.zeros_like(x), step)
    xs = np.full((1, len(u)), drive)
    found = step_jacobians(cell, (), xs, dt=DT, state=u, coupled=False)
    found = np.asarray(found)[0, :, 0, 0]

    h = peak / (1 + slope * abs(u - 1)) ** 2
    expected = LEFT * (u <= 1) - (LEFT * u + (1 - LEFT) * drive) * h
    np.testing.assert_allclose(found, expected, atol=1e-13)
    np.testing.assert_allclose(abs(found).max(), largest, rtol=0.005)


@pytest.mark.parametrize("reset", ["zero", "subtract", "none"])
def test_blocks_of_a_neuron_are_those_of_forward_mode_one_neuron_at_a_time(reset, x64):
    options = {"reset": reset, "reset_gradient": True}
    cell, xs = neuron(**options), jumps(3)
    found = step_jacobians(cell, (), xs, dt=DT, coupled=False)
    assert found.shape == (30, 4, 3, 2, 2)

    alone = snn.lif(
        1, PARAMS, surrogate=ForwardMode(Scaled(snn.SuperSpike(5.0), 3.0)), **options
    )

    def move(z, x):
        state, _ = alone.step((), LIFState(z[:1], z[1:], None), x[None], DT)
        return jnp.concatenate([state.v, state.i])

    def along(xs):  # [T]
        def body(z, x):
            return move(z, x), jax.jacfwd(move)(z, x)

        return jax.lax.scan(body, jnp.zeros(2), xs)[1]

    expected = jax.jit(jax.vmap(jax.vmap(along, 1, 1), 1, 1))(xs)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_the_whole_matrix_of_a_population_is_its_blocks_and_zeros(x64):
    cell, xs = neuron(reset_gradient=True), jumps(3)
    blocks = np.asarray(step_jacobians(cell, (), xs, dt=DT, coupled=False))
    expected = np.zeros((30, 4, 2, 3, 2, 3))
    for k in range(3):
        expected[:, :, :, k, :, k] = blocks[:, :, k]
    np.testing.assert_array_equal(
        step_jacobians(cell, (), xs, dt=DT), expected.reshape(30, 4, 6, 6)
    )


@pytest.mark.parametrize("recurrent_gradient", [True, False])
def test_a_product_of_jacobians_is_the_gradient_through_the_run(
    recurrent_gradient, x64
):
    cell, weights = layer(recurrent_gradient=recurrent_gradient)
    xs = jumps(3, batch=())
    rows = np.asarray(step_jacobians(cell, weights, xs, dt=DT))
    assert rows.shape == (30, 12, 12)

    def final(start):
        end, _ = snn.unroll(cell, weights, xs, dt=DT, state=start)
        return jnp.concatenate(jax.tree.leaves(end))

    by_state = jax.jit(lambda: jax.jacrev(final)(cell.rest(xs[0])))()
    expected = np.concatenate(jax.tree.leaves(by_state), axis=-1)
    found = np.linalg.multi_dot(rows[::-1])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)
    through_spikes = abs(rows[:, :, 8:]).max()
    assert (through_spikes > 0) == recurrent_gradient


def test_a_chain_has_the_matrix_of_all_its_layers(x64):
    net = snn.chain(snn.dense(3, 2), neuron(2), snn.dense(2, 5), snn.li(5))
    weights = jax.jit(net.init)(jax.random.key(0))
    rows = np.asarray(step_jacobians(net, weights, jumps(3), dt=DT))
    assert rows.shape == (30, 4, 14, 14)
    assert not np.any(rows[..., :4, 4:])  # the first layer does not hear the second
    assert np.any(rows[..., 4:, :4])


def test_growth_is_the_norm_of_the_products_one_by_one(x64):
    cell, weights = layer()
    xs = jumps(3)
    rows = np.asarray(step_jacobians(cell, weights, xs, dt=DT))
    found = np.asarray(gradient_growth(cell, weights, xs, dt=DT))
    product = np.eye(12)
    for t in range(30):
        product = rows[t] @ product
        norm = np.linalg.norm(product, axis=(-2, -1)) / np.sqrt(12)
        np.testing.assert_allclose(found[t], np.log(norm), rtol=1e-10)

    alone = neuron(reset_gradient=True)
    blocks = np.asarray(step_jacobians(alone, (), xs, dt=DT, coupled=False))
    last = np.linalg.norm(np.linalg.multi_dot(blocks[::-1, 1, 2]))
    growth = np.asarray(gradient_growth(alone, (), xs, dt=DT, coupled=False))
    assert growth.shape == (30, 4, 3)
    np.testing.assert_allclose(growth[-1, 1, 2], np.log(last / np.sqrt(2)), rtol=1e-10)


@pytest.mark.parametrize("factor", [1e9, 1e-9])
def test_growth_neither_overflows_nor_vanishes_in_single_precision(factor):
    cell = snn.Cell(lambda k: (), lambda x: x, lambda w, z, x, dt: (factor * z, z))
    found = gradient_growth(cell, (), np.zeros((100, 3), "float32"), dt=DT)
    assert found.dtype == jnp.float32
    expected = np.arange(1, 101) * np.log(factor)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_growth_of_what_forgets_all_at_once_is_minus_infinity_for_good():
    cell = snn.Cell(lambda k: (), lambda x: x, lambda w, z, x, dt: (0.0 * z + x, z))
    found = gradient_growth(cell, (), np.zeros((4, 3), "float32"), dt=DT)
    np.testing.assert_array_equal(found, np.full(4, -np.inf))


def test_spectral_norms_are_the_largest_singular_values(x64):
    cell, weights = layer()
    xs, key = jumps(3), jax.random.key(5)
    expected = np.linalg.norm(step_jacobians(cell, weights, xs, dt=DT), 2, (-2, -1))
    found = spectral_norms(key, cell, weights, xs, dt=DT)
    assert np.all(found <= expected * (1 + 1e-12))
    np.testing.assert_allclose(found, expected, rtol=0.03)
    closer = spectral_norms(key, cell, weights, xs, dt=DT, iterations=1000)
    np.testing.assert_allclose(closer, expected, rtol=1e-6)

    alone = neuron(reset_gradient=True)
    blocks = step_jacobians(alone, (), xs, dt=DT, coupled=False)
    found = spectral_norms(key, alone, (), xs, dt=DT, coupled=False)
    np.testing.assert_allclose(found, np.linalg.norm(blocks, 2, (-2, -1)), rtol=1e-3)


def test_a_start_is_where_it_starts(x64):
    cell, weights = layer()
    xs = jumps(3)
    middle, _ = snn.unroll(cell, weights, xs[:13], dt=DT)
    rows = np.asarray(step_jacobians(cell, weights, xs, dt=DT))
    later = step_jacobians(cell, weights, xs[13:], dt=DT, state=middle)
    np.testing.assert_allclose(later, rows[13:], rtol=1e-9, atol=1e-14)
    growth = gradient_growth(cell, weights, xs[13:], dt=DT, state=middle)
    norm = np.linalg.norm(rows[13], axis=(-2, -1)) / np.sqrt(12)
    np.testing.assert_allclose(np.asarray(growth)[0], np.log(norm), rtol=1e-9)
    key = jax.random.key(5)
    norms = np.asarray(spectral_norms(key, cell, weights, xs, dt=DT))
    later = spectral_norms(key, cell, weights, xs[13:], dt=DT, state=middle)
    np.testing.assert_allclose(later, norms[13:], rtol=1e-9)


def test_keys_and_counters_in_a_state_are_left_alone():
    cell = stochastic_lif(3, PARAMS, key=jax.random.key(0))
    rows = step_jacobians(cell, (), jumps(3), dt=DT)
    assert rows.shape == (30, 4, 6, 6)
    assert np.all(np.isfinite(rows))


def test_slopes_are_swept_without_compiling_again():
    xs, traces = jumps(3), []

    @jax.jit
    def growth(slope):
        traces.append(1)
        cell = snn.lif(3, PARAMS, surrogate=snn.SuperSpike(slope), reset_gradient=True)
        return gradient_growth(cell, (), xs, dt=DT, coupled=False)

    assert not np.allclose(growth(1.0), growth(100.0))
    assert len(traces) == 1


def test_what_has_no_jacobian_is_refused():
    with pytest.raises(ValueError, match="floating-point arrays, got none"):
        step_jacobians(
            snn.dense(3, 2), snn.dense(3, 2).init(jax.random.key(0)), jumps(3), dt=DT
        )
    net = snn.chain(neuron(3), snn.dense(3, 2), snn.li(2))
    with pytest.raises(ValueError, match=r"arrays of one shape.*coupled=True"):
        gradient_growth(
            net, net.init(jax.random.key(0)), jumps(3), dt=DT, coupled=False
        )
    with pytest.raises(ValueError, match="iterations must be at least 1"):
        spectral_norms(jax.random.key(0), neuron(), (), jumps(3), dt=DT, iterations=0)
    with pytest.raises(ValueError, match="does not fit this cell"):
        gradient_growth(
            neuron(), (), jumps(3), dt=DT, state=neuron().rest(np.zeros((2, 3)))
        )
