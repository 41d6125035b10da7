import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.learning import force, raise_silent
from snnjax.neurons import first_spike_time

INF = np.inf


def test_weights_of_neurons_that_are_silent_too_often_are_raised_and_no_others():
    times = np.array([[INF, 1.0, INF], [INF, 2.0, 0.0], [3.0, 3.0, 1.0]])
    weights = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    found = raise_silent(weights, times, by=0.5, most=0.34)
    np.testing.assert_array_equal(found - weights, [[0.5, 0, 0], [0.5, 0, 0]])
    found = raise_silent(weights, times, by=0.5, most=0.3)
    np.testing.assert_array_equal(found - weights, [[0.5, 0, 0.5], [0.5, 0, 0.5]])
    found = raise_silent(weights, times[None], by=0.5, most=0.7)
    np.testing.assert_array_equal(found, weights)
    times[1, 1] = np.nan
    found = raise_silent(weights, times, by=0.5)
    np.testing.assert_array_equal(np.isnan(found), [[False, True, False]] * 2)


def test_with_a_forcing_input_everybody_fires_and_what_came_before_is_as_it_was(x64):
    rng = np.random.default_rng(0)
    params = snn.LIFParams(5e-3, 5e-3)
    times = jnp.asarray(rng.uniform(0.0, 10e-3, (50, 6)))
    weights = jnp.asarray(rng.normal(0.4, 0.8, (6, 40)))
    plain = first_spike_time(params, times, weights)
    forced = first_spike_time(params, *force(times, weights, at=15e-3, weight=20.0))
    early = plain < 15e-3
    assert 0.2 < np.mean(early) < 0.8
    np.testing.assert_array_equal(forced[early], plain[early])
    assert np.all(forced[~early] > 15e-3)
    assert np.all(forced < 20e-3)


def test_a_spike_that_came_by_force_has_a_gradient(x64):
    params = snn.LIFParams(5e-3, 5e-3)
    times, weights = jnp.array([[1e-3, 2e-3]]), jnp.array([[0.4], [0.7]])

    def fires(weights):
        given = force(times, weights, at=10e-3, weight=6.0)
        return first_spike_time(params, *given)[0, 0]

    assert np.all(first_spike_time(params, times, weights) == np.inf)
    grads = jax.grad(fires)(weights)
    for k in range(2):
        step = jnp.zeros((2, 1)).at[k].set(1e-6)
        slope = (fires(weights + step) - fires(weights - step)) / 2e-6
        np.testing.assert_allclose(grads[k, 0], slope, rtol=1e-6)
    assert np.all(grads < 0)


@pytest.mark.parametrize("kind", [int, jnp.bfloat16])
def test_times_of_steps_are_taken_in_single_precision(kind):
    given = force(np.arange(3).astype(kind), np.ones((3, 2)), at=0.1, weight=0.5)
    assert given.times.dtype == jnp.float32
    np.testing.assert_array_equal(given.times, np.float32([0, 1, 2, 0.1]))


@pytest.mark.parametrize(
    ("function", "bad", "reason"),
    [
        (raise_silent, {"by": -1.0}, "by"),
        (raise_silent, {"by": 1.0, "most": 1.5}, "most is a share"),
        (raise_silent, {"by": 1.0, "times": np.zeros((4, 2))}, "times"),
        (raise_silent, {"by": 1.0, "times": np.zeros((0, 3))}, "a sample at least"),
        (raise_silent, {"by": 0.5, "weights": np.ones((3, 3), int)}, "floating point"),
        (force, {"at": 0.0, "weight": 1.0}, "at"),
        (
            force,
            {"at": 1.0, "weight": 0.5, "weights": np.ones((3, 3), int)},
            "weights must be floating point",
        ),
        (force, {"at": 1.0, "weight": np.ones(3)}, "weight"),
        (force, {"at": 1.0, "weight": 1.0, "weights": np.ones((4, 2))}, "times"),
    ],
)
def test_what_cannot_wake_is_refused(function, bad, reason):
    given = {"times": np.zeros((4, 3)), "weights": np.ones((3, 3))}
    with pytest.raises(ValueError, match=reason):
        function(**given | bad)
