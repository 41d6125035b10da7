from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.learning import (
    exp_weighted_over_time,
    first_spike,
    last,
    max_over_time,
    mean_over_time,
    sum_over_time,
)
from snnjax.neurons import exp_weighted_voltage

T, B, N = 9, 4, 3
LENGTHS = [9, 1, 4, 7]


def early(y, mask=None):
    return exp_weighted_over_time(y, tau=4e-3, dt=1e-3, mask=mask)


BRUTE = {
    max_over_time: lambda y: y.max(axis=0),
    last: lambda y: y[-1],
    sum_over_time: lambda y: y.sum(axis=0),
    mean_over_time: lambda y: y.sum(axis=0) / len(y),
    early: lambda y: sum(
        0.25 * np.exp(-0.25 * (k + 1)) * row for k, row in enumerate(y)
    ),
}


def outputs(seed=0):
    return np.random.default_rng(seed).normal(size=(T, B, N))


def ragged():
    return np.arange(T)[:, None] < np.array(LENGTHS)


@pytest.mark.parametrize("readout", BRUTE)
def test_a_readout_sees_the_valid_steps_and_no_other(readout, x64):
    y = outputs()
    expected = np.stack([BRUTE[readout](y[:k, b]) for b, k in enumerate(LENGTHS)])
    dirty = np.where(ragged()[..., None], y, np.nan)
    found = readout(jnp.asarray(dirty), jnp.asarray(ragged()))
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    whole = np.stack([BRUTE[readout](y[:, b]) for b in range(B)])
    np.testing.assert_allclose(readout(jnp.asarray(y)), whole, rtol=1e-14)


@pytest.mark.parametrize("readout", BRUTE)
def test_steps_that_are_not_valid_have_no_gradient_even_where_nan(readout, x64):
    dirty = jnp.asarray(np.where(ragged()[..., None], outputs(), np.nan))
    grads = jax.grad(lambda y: readout(y, jnp.asarray(ragged())).sum())(dirty)
    assert np.all(np.isfinite(grads))
    assert not np.any(grads[~ragged()])
    assert np.all(np.any(grads != 0, axis=0))


def test_the_gradient_of_the_maximum_goes_to_the_first_of_the_highest_steps():
    y = jnp.zeros((5, 1, 2)).at[2:4, 0, 0].set(3.0)
    grads = jax.grad(lambda y: (max_over_time(y) @ jnp.array([2.0, 5.0])).sum())(y)
    expected = np.zeros((5, 1, 2))
    expected[2, 0, 0], expected[0, 0, 1] = 2.0, 5.0
    np.testing.assert_array_equal(grads, expected)


def test_the_maximum_and_its_gradient_are_those_of_the_first_highest_step(rng):
    y = rng.integers(0, 5, (12, 3, 40)).astype(np.float32)
    y[:, 0, 3], y[4:, 1, 5], y[:, 2, 7] = -np.inf, np.nan, np.inf
    best, slopes = np.argmax(y, axis=0)[None], np.zeros_like(y)  # the first NaN
    np.put_along_axis(slopes, best, 1.0, axis=0)
    summed = lambda y: (lambda top: (top.sum(), top))(max_over_time(y))  # noqa: E731
    found, top = jax.jit(jax.grad(summed, has_aux=True))(jnp.asarray(y))
    np.testing.assert_array_equal(top, np.take_along_axis(y, best, axis=0)[0])
    np.testing.assert_array_equal(found, slopes)


def test_first_spike_is_the_time_before_the_first_spike(rng, x64):
    spikes = (rng.random((T, B, N)) < 0.2).astype(float)
    mask, dt = ragged(), 2e-3
    found = first_spike(jnp.asarray(spikes), dt=dt, mask=jnp.asarray(mask))
    for b, n in np.ndindex(B, N):
        times = np.flatnonzero(spikes[:, b, n] * mask[:, b])
        silent = times[0] if len(times) else LENGTHS[b]
        np.testing.assert_allclose(found[b, n], dt * silent, rtol=1e-14)


def test_the_gradient_of_the_first_spike_is_what_a_spike_there_would_change(rng, x64):
    spikes = (rng.random((T, 1, 2)) < 0.15).astype(float)
    spikes[:, 0, 1] = 0.0
    time = lambda s: first_spike(jnp.asarray(s), dt=1e-3)[0]  # noqa: E731
    grads = jax.jacobian(time)(spikes)
    for t in range(T):
        for n in range(2):
            if spikes[t, 0, n] == 0:
                more = spikes.copy()
                more[t, 0, n] = 1.0
                change = time(more)[n] - time(spikes)[n]
                np.testing.assert_allclose(grads[n, t, 0, n], change, atol=1e-15)


@pytest.mark.parametrize(
    "readout", [*BRUTE, lambda y, m: first_spike(y, dt=1.0, mask=m)]
)
@pytest.mark.parametrize(
    ("y", "mask", "words"),
    [
        (np.zeros(N), None, r"\[T, \*batch, n\] with T > 0, got shape \(3,\)"),
        (np.zeros((0, B, N)), None, "T > 0"),
        (np.zeros((T, B, N)), np.ones((T, B + 1)), r"\(9, 4\), got \(9, 5\)"),
        (np.zeros((T, B, N)), np.ones((B, T)), "swapped"),
        (np.zeros((T, B, N)), np.zeros((T, B)), "without a single valid step"),
    ],
)
def test_outputs_or_masks_that_do_not_fit_are_refused(readout, y, mask, words):
    with pytest.raises(ValueError, match=words):
        readout(jnp.asarray(y), None if mask is None else jnp.asarray(mask))


def test_a_first_spike_that_moves_has_a_gradient_at_its_step_alone(rng, x64):
    spikes = (rng.random((T, B, N)) < 0.2).astype(float)
    mask, dt, given = ragged(), 2e-3, jnp.asarray(spikes)
    find = partial(first_spike, dt=dt, mask=jnp.asarray(mask))
    moving = partial(find, gradient="move")
    np.testing.assert_array_equal(moving(given), find(given))
    worth = jnp.asarray(rng.normal(size=(B, N)))
    loss = lambda s: jnp.sum(worth * moving(s))  # noqa: E731
    found, expected = jax.grad(loss)(given), np.zeros((T, B, N))
    for b, n in np.ndindex(B, N):
        times = np.flatnonzero(spikes[:, b, n] * mask[:, b])
        if len(times):
            expected[times[0], b, n] = -dt * worth[b, n]
    np.testing.assert_allclose(found, expected, 1e-13)
    with pytest.raises(ValueError, match="gradient must be"):
        first_spike(jnp.asarray(spikes), dt=dt, gradient="none")


def test_first_spike_needs_a_positive_step():
    with pytest.raises(ValueError, match="dt"):
        first_spike(jnp.zeros((T, B, N)), dt=0.0)


def test_early_values_weighted_most_tend_to_the_integral_of_continuous_time(x64):
    tau_mem, tau_syn, tau = 6e-3, 3e-3, 5e-3
    times, w = jnp.array([0.0, 2e-3, 7e-3]), jnp.array([[0.7], [-0.4], [1.3]])
    params = snn.LIParams(tau_mem, tau_syn)
    exact = exp_weighted_voltage(params, times, w, tau=tau)[0] / tau
    errors = []
    for dt in (1e-4, 5e-5):
        steps = round(0.12 / dt)
        spikes = jnp.zeros((steps, 3)).at[
            np.round(times / dt).astype(int), np.arange(3)
        ]
        _, v = snn.unroll(snn.li(1, params), (), spikes.set(1.0) @ w, dt=dt)
        found = exp_weighted_over_time(v, tau=tau, dt=dt)[0]
        errors.append(abs(float(found - exact)))
    assert errors[0] < 2e-2 * abs(float(exact))
    assert 1.8 < errors[0] / errors[1] < 4.4


def test_each_output_may_have_its_own_weight_over_time(x64):
    y = jnp.asarray(outputs())
    taus = np.array([1e-3, 4e-3, 2e-2])
    found = exp_weighted_over_time(y, tau=taus, dt=1e-3)
    each = [
        exp_weighted_over_time(y, tau=tau, dt=1e-3)[:, k] for k, tau in enumerate(taus)
    ]
    np.testing.assert_allclose(found, np.stack(each, 1), rtol=1e-14)


@pytest.mark.parametrize(
    "bad", [{"tau": 0.0}, {"dt": -1e-3}, {"tau": np.ones(2)}, {"tau": np.nan}]
)
def test_weights_over_time_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        exp_weighted_over_time(outputs(), **{"tau": 1e-3, "dt": 1e-3} | bad)
