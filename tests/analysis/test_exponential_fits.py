"""Fitted to an exponential neuron, the fit is that neuron."""

import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.analysis import fit_exponential
from snnjax.neurons import AdExParams, EIFParams, adex, eif

DT, STEPS, KEPT = 5e-5, 40_000, 0.99


def recording(cell, rng, unit):
    """Voltages, currents and spikes under noise of 5 ms."""
    xs = np.empty((STEPS, 2), np.float32)
    x = np.zeros(2)
    for k, noise in enumerate(rng.normal(size=(STEPS, 2))):
        x = KEPT * x + np.sqrt(1.0 - KEPT**2) * noise
        xs[k] = 0.45 + 0.4 * x
    record = lambda state, y: (state.v[..., 0], y[..., 0])  # noqa: E731
    shown = jnp.asarray(xs)[..., None]
    _, (v, spikes) = snn.unroll(cell, (), shown, dt=DT, record=record)
    return np.asarray(v), unit * xs, np.asarray(spikes)


LOOKED_AT = {"dt": DT, "below": -46e-3, "since": 2e-3}


def test_the_constants_of_an_exponential_neuron_come_back(rng):
    p = EIFParams()
    fit = fit_exponential(*recording(eif(1), rng, p.unit), **LOOKED_AT)
    np.testing.assert_allclose(fit[:2], p[:2], rtol=0.05)
    np.testing.assert_allclose(fit[2:4], p[2:4], atol=0.5e-3)
    np.testing.assert_allclose(fit.sharpness, p.sharpness, rtol=0.15)
    assert fit.a == fit.b == 0.0
    assert fit.explained > 0.95


def test_an_adaptation_current_is_found_by_its_time_constant(rng):
    p = AdExParams(tau_adapt=50e-3, a=20e-9)
    shown = recording(adex(1, p), rng, p.unit)
    fit = fit_exponential(*shown, **LOOKED_AT, tau_adapt=50e-3)
    np.testing.assert_allclose([fit.a, fit.b], [p.a, p.b], rtol=0.15)
    np.testing.assert_allclose(fit.conductance, p.conductance, rtol=0.15)
    without = fit_exponential(*shown, **LOOKED_AT)
    assert without.explained < fit.explained - 0.02


def test_recordings_that_tell_nothing_are_refused(rng):
    v, currents, spikes = recording(eif(1), rng, 1e-9)
    with pytest.raises(ValueError, match="at least 100 that differ"):
        fit_exponential(v, currents, spikes, dt=DT, below=-0.09, since=0.0)
    with pytest.raises(ValueError, match="currents"):
        fit_exponential(v, currents[1:], spikes, **LOOKED_AT)
    with pytest.raises(ValueError, match="is no such neuron"):
        fit_exponential(v, -currents, spikes, **LOOKED_AT)


def test_a_recording_may_begin_with_a_spike(rng):
    p = AdExParams(tau_adapt=50e-3, a=20e-9)
    v, currents, spikes = recording(adex(1, p), rng, p.unit)
    first = int(spikes[:, 0].argmax())
    shown = (x[first : first + 20_000, :1] for x in (v, currents, spikes))
    fit = fit_exponential(*shown, **LOOKED_AT, tau_adapt=50e-3)
    np.testing.assert_allclose(fit.b, p.b, rtol=0.5)  # w was not zero
