import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import snnjax as snn
from snnjax.networks import graph
from snnjax.neurons import ConductanceLIFParams, conductance_lif, onto

DT, T = 1e-4, 1_000


def inputs():
    """Jumps of all three conductances, a few, below threshold."""
    rng = np.random.default_rng(3)
    return (rng.random((T, 3)) < 0.02) * np.array([3.0, 4.0, 1.0])


def lsoda(p, xs):
    """v after every step: conductances jump at its start, in mV, nS and ms."""

    def slope(t, y):
        v, e, i, n = y
        block = 1 / (1 + p.magnesium / 3.57 * np.exp(-v / 16.1))
        out = 10 * (v + 70) + e * v + i * (v + 80) + n * block * v
        return [-out / 200, -e / 5, -i / 10, -n / 100]

    y, rows = np.array([-70.0, 0, 0, 0]), []
    for x in xs:
        y = y + np.array([0.0, *x])
        options = {"method": "LSODA", "rtol": 1e-10, "atol": 1e-12}
        y = solve_ivp(slope, (0, 1e3 * DT), y, **options).y[:, -1]
        rows.append(y[0])
    return np.array(rows)


def test_a_tenth_of_a_second_below_threshold_is_that_of_lsoda(x64):
    p, xs = ConductanceLIFParams(), inputs()
    expected = lsoda(p, xs)
    assert -50.5 > expected.max() > -62.0
    record = lambda s, y: s.v[0]  # noqa: E731
    _, v = snn.unroll(conductance_lif(1, p), (), xs, dt=DT, record=record)
    assert np.abs(1e3 * np.asarray(v) - expected).max() < 1e-3


def test_the_error_is_of_second_order(x64):
    xs = np.zeros((64, 3))
    xs[0] = 8.0, 4.0, 3.0

    def end(every):
        """After 51.2 ms in steps of 0.8 ms divided."""
        fine = np.zeros((64 * every, 3))
        fine[0] = xs[0]
        cell = conductance_lif(1, ConductanceLIFParams(v_threshold=0.0))
        return float(snn.unroll(cell, (), fine, dt=0.8e-3 / every)[0].v[0])

    truth = end(64)
    errors = [abs(end(every) - truth) for every in (1, 2, 4)]
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4.0, rtol=0.15)


def test_receptors_stand_side_by_side_and_currents_are_led_to_one():
    cell = conductance_lif(2)
    xs = jnp.zeros((1, 6))
    for k, field in enumerate(("excitatory", "inhibitory", "nmda")):
        x = onto(k, 3, 2).step((), (), jnp.ones((1, 2)), DT)[1]
        np.testing.assert_array_equal(x[0], np.repeat(np.arange(3) == k, 2))
        state, _ = cell.step((), cell.rest(xs[0]), x[0], 1e-9)
        np.testing.assert_allclose(getattr(state, field), 1e-9, rtol=1e-5)
        others = {"excitatory", "inhibitory", "nmda"} - {field}
        assert not any(np.any(getattr(state, other)) for other in others)


def test_several_edges_of_a_graph_add_up():
    edges = {f"{name}->n": onto(k, 3, 2) for k, name in enumerate("ei")}
    net = graph({"n": conductance_lif(2)}, edges, outputs="n.v", inputs=("e", "i"))
    xs = {"e": jnp.ones((300, 2)), "i": jnp.tile(jnp.array([0.0, 20.0]), (300, 1))}
    _, v = snn.unroll(net, net.init(jax.random.key(0)), xs, dt=DT)
    assert v[-1, 0] > v[-1, 1]


def test_a_spike_resets_and_freezes_for_whole_steps():
    p = ConductanceLIFParams(refractory=5e-4)
    xs = jnp.zeros((10, 3)).at[0, 0].set(3e3)
    record = lambda s, y: (s.v[0], y[0])  # noqa: E731
    _, (v, s) = snn.unroll(conductance_lif(1, p), (), xs, dt=DT, record=record)
    np.testing.assert_array_equal(np.flatnonzero(s), [0, 6])
    np.testing.assert_allclose(v[:7], p.v_reset)


def test_gradients_reach_all_receptors():
    xs = jnp.asarray(inputs()[:300], jnp.float32)
    loss = lambda xs: snn.unroll(conductance_lif(1), (), xs, dt=DT)[1].sum()  # noqa: E731
    found = jax.jit(jax.grad(loss))(xs)
    assert np.isfinite(found).all()
    assert (np.abs(found).max(axis=0) > 0).all()


def test_constants_of_no_neuron_are_refused():
    for name, value in (("v_threshold", -75e-3), ("tau_nmda", 0.0), ("magnesium", -1)):
        with pytest.raises(ValueError, match=name):
            conductance_lif(2, ConductanceLIFParams()._replace(**{name: value}))
    with pytest.raises(ValueError, match="k must be at most 2"):
        onto(3, 3, 5)
    with pytest.raises(ValueError, match="expects 6 channels"):
        conductance_lif(2).rest(jnp.zeros(2))
