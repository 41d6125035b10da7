import jax
import jax.numpy as jnp
import numpy as np
import pytest
from spike_times import by_lsoda, by_quadrature, of_cell

import snnjax as snn
from snnjax.neurons import AdExParams, EIFParams, adex, eif

DT, UNTIL = 1e-4, 0.5
PATTERNS = {  # tonic, bursting, neither adaptation nor burst: each differs in
    "a": np.array([0.0, 4e-9, 0.0]),
    "b": np.array([60e-12, 60e-12, 0.0]),
    "tau_adapt": np.array([30e-3, 100e-3, 100e-3]),
    "v_reset": np.array([-55e-3, -46e-3, -70.6e-3]),
}
CURRENTS = np.array([1.0, 0.8, 0.7])  # nA


def lsoda(p, current, until):
    """In the last microsecond LSODA would go on for ever: 15 Δ above V_T will do."""
    peak = p.v_threshold + 15 * p.sharpness

    def slope(t, y):
        v, w = y[0], y[1]
        onset = p.sharpness * np.exp(min(v - p.v_threshold, 32e-3) / p.sharpness)
        dv = p.conductance * (p.v_rest - v + onset) - w + current
        return [dv / p.capacitance, (p.a * (v - p.v_rest) - w) / p.tau_adapt]

    rest = adex(1, p).rest(jnp.zeros(1))
    start = [float(rest.v[0]), float(rest.w[0])]
    return by_lsoda(slope, start, peak, lambda y: [p.v_reset, y[1] + p.b], until)


def test_three_patterns_spike_when_lsoda_says_for_half_a_second(x64):
    xs = np.tile(CURRENTS, (round(UNTIL / DT), 1))
    found = of_cell(adex(3, AdExParams(**PATTERNS)), xs, DT)
    for k, times in enumerate(found):
        own = AdExParams(**{name: values[k] for name, values in PATTERNS.items()})
        expected = lsoda(own, 1e-9 * CURRENTS[k], UNTIL)
        assert len(times) == len(expected) > 15
        assert np.abs(times - expected).max() < 0.05e-3


def slope_of(current, p=EIFParams()):
    def slope(v):
        onset = p.sharpness * np.exp((v - p.v_threshold) / p.sharpness)
        return (p.conductance * (p.v_rest - v + onset) + current) / p.capacitance

    return slope


def test_without_adaptation_the_rates_are_those_of_quadrature():
    p, currents = EIFParams(), np.array([0.56, 0.6, 0.8, 1.5, 4.0])  # nA
    xs = np.tile(currents, (8_000, 1)).astype(np.float32)
    for times, current in zip(of_cell(eif(5), xs, DT), currents, strict=True):
        interval = by_quadrature(slope_of(1e-9 * current), p.v_reset, -20e-3)
        assert len(times) > 3
        np.testing.assert_allclose(np.diff(times).mean(), interval, 5e-3)
    rheobase = p.conductance * (p.v_threshold - p.v_rest - p.sharpness)
    silent = jnp.full((8_000, 1), 0.995 * rheobase / p.unit)
    assert not snn.unroll(eif(1), (), silent, dt=DT)[1].any()


def test_the_error_is_of_second_order(x64):
    first = by_quadrature(slope_of(0.7e-9), float(eif(1).rest(jnp.zeros(1)).v[0]), 0.0)
    errors = []
    for parts in (1, 2, 4):
        (times,) = of_cell(eif(1, substeps=parts), np.full((300, 1), 0.7), 2e-4)
        errors.append(times[0] - first)
    ratios = np.array(errors[:-1]) / errors[1:]
    np.testing.assert_allclose(ratios, 4.0, rtol=0.1)


def test_the_voltage_is_differentiable_through_spikes(x64):
    xs = 1.0 + 0.3 * np.sin(np.arange(450) / 40.0)[:, None]
    cell = adex(1)

    @jax.jit
    def end(drive):
        state, spikes = snn.unroll(cell, (), drive * xs, dt=DT)
        return state.v[0], spikes.sum()

    (_, spikes), slope = jax.value_and_grad(end, has_aux=True)(1.0)
    assert spikes >= 2
    h = 1e-6
    expected = (end(1.0 + h)[0] - end(1.0 - h)[0]) / (2 * h)
    np.testing.assert_allclose(slope, expected, 1e-6)


def test_surrogate_gradients_are_finite_and_reach_the_input():
    xs = jnp.full((500, 3), 1.0)
    cell = adex(3, AdExParams(**PATTERNS))
    loss = lambda xs: snn.unroll(cell, (), xs, dt=2e-4)[1].sum()  # noqa: E731
    slope = jax.jit(jax.grad(loss))(xs)
    assert np.isfinite(slope).all()
    assert (np.abs(slope).max(0) > 1e-4).all()


@pytest.mark.parametrize("drive", [-1e6, -50.0, 0.0, 200.0, 1e6])
def test_no_input_overflows(drive):
    xs = jnp.full((50, 1), drive)
    state, spikes = snn.unroll(adex(1), (), xs, dt=1e-3)
    assert np.isfinite(state).all()
    assert drive < 0 or spikes.any() == (drive > 0)  # it may rebound


def test_at_rest_nothing_moves():
    still = adex(1), eif(1, EIFParams(v_rest=-55e-3))
    for cell in still:
        rest = cell.rest(jnp.zeros(1))
        state, spikes = snn.unroll(cell, (), jnp.zeros((200, 1)), dt=1e-3)
        np.testing.assert_allclose(state, rest, 1e-5)
        assert not spikes.any()


def test_voltages_out_of_order_are_refused():
    for make, params in ((eif, EIFParams()), (adex, AdExParams())):
        for change in ({"v_rest": -40e-3}, {"v_reset": 30e-3}, {"sharpness": 0.5e-3}):
            with pytest.raises(ValueError, match=next(iter(change))):
                make(2, params._replace(**change))
    with pytest.raises(ValueError, match="a must be above -conductance"):
        adex(2, AdExParams(a=-40e-9))


def test_without_a_resting_potential_it_starts_where_v_changes_least():
    width = np.array([1e-3, 2e-3, 4e-3, 5e-3, 5.1e-3])  # from E to V_T, Δ 5 mV
    p = EIFParams(v_rest=-70e-3, v_threshold=width - 70e-3, sharpness=5e-3)
    v = np.float64(eif(5, p).rest(jnp.zeros(5)).v)
    slope = 5e-3 * np.exp((v - p.v_threshold) / 5e-3) - (v + 70e-3)
    np.testing.assert_allclose(v[:4], p.v_threshold[:4], atol=2e-5)
    np.testing.assert_allclose(slope, np.maximum(5e-3 - width, 0.0), atol=1e-7)
