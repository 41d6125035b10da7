import jax
import jax.numpy as jnp
import numpy as np
import pytest
from spike_times import by_lsoda, by_quadrature, of_cell

import snnjax as snn
from snnjax.neurons import IzhikevichParams, QIFParams, izhikevich, qif

DT, UNTIL = 1e-4, 0.5
TYPES = {  # regular spiking, chattering, fast spiking, low threshold
    "a": np.array([20.0, 20.0, 100.0, 20.0]),
    "b": np.array([200.0, 200.0, 200.0, 250.0]),
    "c": np.array([-65e-3, -50e-3, -65e-3, -65e-3]),
    "d": np.array([8.0, 2.0, 2.0, 2.0]),
}


def lsoda(p, current, until):
    def slope(t, y):
        v, u = y
        dv = 4e4 * v * v + 5e3 * v + 140.0 - u + current
        return [dv, p.a * (p.b * v - u)]

    rest = izhikevich(1, p).rest(jnp.zeros(1))
    start = [float(rest.v[0]), float(rest.u[0])]
    return by_lsoda(slope, start, p.v_peak, lambda y: [p.c, y[1] + p.d], until)


def test_four_types_spike_when_lsoda_says_and_the_error_falls_fourfold(x64):
    xs = np.full((round(UNTIL / DT), 4), 10.0 / 4.0)
    found = [
        of_cell(izhikevich(4, IzhikevichParams(**TYPES), substeps=parts), xs, DT)
        for parts in (4, 8)
    ]
    for k, (four, eight) in enumerate(zip(*found, strict=True)):
        own = IzhikevichParams(**{name: values[k] for name, values in TYPES.items()})
        expected = lsoda(own, 10.0, UNTIL)
        assert len(four) == len(eight) == len(expected) > 10
        error, smaller = (np.abs(times - expected).max() for times in (four, eight))
        assert error < 0.05e-3
        np.testing.assert_allclose(error / smaller, 4.0, rtol=0.1)


@pytest.mark.parametrize("dt", [1e-4, 2e-3])
def test_quadratic_neurons_have_the_rates_of_quadrature_at_any_dt(dt):
    p = QIFParams()
    xs = np.tile(np.array([1.1, 1.5, 4.0, 9.0], np.float32), (round(2.0 / dt), 1))
    for times, x in zip(of_cell(qif(4), xs, dt), xs[0].tolist(), strict=True):

        def slope(v, x=x):
            pull = p.conductance * (v - p.v_rest) * (v - p.v_threshold) / 20e-3
            return (pull + x * p.unit) / p.capacitance

        interval = by_quadrature(slope, p.v_reset, p.v_peak)
        assert len(times) > 3
        np.testing.assert_allclose(np.diff(times), interval, 2e-3)
    silent = jnp.full((2_000, 1), 0.99)
    assert not snn.unroll(qif(1), (), silent, dt=1e-3)[1].any()


def test_the_voltage_is_differentiable_through_spikes(x64):
    for cell in (izhikevich(1), qif(1)):
        xs = 9.0 + np.sin(np.arange(800) / 40.0)[:, None]

        @jax.jit
        def end(drive, xs=xs, cell=cell):
            state, spikes = snn.unroll(cell, (), drive * xs, dt=DT)
            return state.v[0], spikes.sum()

        (_, spikes), slope = jax.value_and_grad(end, has_aux=True)(1.0)
        assert spikes >= 2
        h = 1e-6
        expected = (end(1.0 + h)[0] - end(1.0 - h)[0]) / (2 * h)
        np.testing.assert_allclose(slope, expected, 1e-6)


def test_surrogate_gradients_are_finite_and_reach_the_input():
    xs = jnp.full((500, 4), 3.0)
    for cell in (izhikevich(4, IzhikevichParams(**TYPES)), qif(4)):
        loss = lambda xs, c=cell: snn.unroll(c, (), xs, dt=2e-4)[1].sum()  # noqa: E731
        slope = jax.jit(jax.grad(loss))(xs)
        assert np.isfinite(slope).all()
        assert (np.abs(slope).max(0) > 1e-4).all()


@pytest.mark.parametrize("drive", [-1e6, -50.0, 0.0, 200.0, 1e6])
def test_no_input_overflows(drive):
    for cell in (izhikevich(1), qif(1)):
        state, spikes = snn.unroll(cell, (), jnp.full((50, 1), drive), dt=1e-3)
        assert np.isfinite(state).all()
        assert spikes.any() == (drive > 0)


def test_at_rest_nothing_moves():
    types = IzhikevichParams(**TYPES)
    for cell in (izhikevich(4, types), qif(4)):
        rest = cell.rest(jnp.zeros(4))
        state, spikes = snn.unroll(cell, (), jnp.zeros((200, 4)), dt=1e-3)
        np.testing.assert_allclose(state, rest, 1e-4)
        assert not spikes.any()
    oscillates = izhikevich(1, IzhikevichParams(b=280.0)).rest(jnp.zeros(1))
    np.testing.assert_allclose(oscillates.v, -4720.0 / 8e4, 1e-6)


def test_constants_of_no_neuron_are_refused():
    for name, value in (("c", 40e-3), ("v_peak", -50e-3), ("a", 0.0), ("d", np.nan)):
        with pytest.raises(ValueError, match=name):
            izhikevich(2, IzhikevichParams()._replace(**{name: value}))
    for name, value in (("v_threshold", -80e-3), ("v_reset", 1.0), ("unit", 0.0)):
        with pytest.raises(ValueError, match=name):
            qif(2, QIFParams()._replace(**{name: value}))
