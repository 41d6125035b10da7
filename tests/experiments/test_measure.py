import json
import platform

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.experiments import (
    confusion,
    describe,
    interspike_intervals,
    membrane_statistics,
)


def confusion_by_loop(labels, guesses, classes):
    counts = np.zeros((classes, classes), int)
    for label, guess in zip(labels, guesses, strict=True):
        counts[label, guess] += 1
    return counts


@pytest.mark.parametrize("n", [1, 7, 500])
def test_confusion_counts_guesses_by_label(n, rng):
    labels, guesses = rng.integers(0, 5, (2, n))
    expected = confusion_by_loop(labels, guesses, 6)
    np.testing.assert_array_equal(confusion(labels, guesses, 6), expected)


def test_confusion_of_nothing_is_zero():
    nothing = np.zeros(0, int)
    np.testing.assert_array_equal(confusion(nothing, nothing, 3), np.zeros((3, 3)))


def test_confusion_takes_jax_arrays_and_small_integers():
    labels = np.array([15, 15, 0], np.uint8)  # 15 * 20 does not fit into eight bits
    counts = confusion(labels, jnp.array([3, 3, 1], jnp.uint8), 20)
    assert counts[15, 3] == 2
    assert counts[0, 1] == 1
    assert counts.sum() == 3


@pytest.mark.parametrize(
    ("labels", "guesses", "message"),
    [
        ([0, 1], [0], "differ"),
        ([[0, 1]], [[0, 1]], "differ"),
        ([0, 3], [0, 1], r"0 … 2"),
        ([0, 1], [-1, 1], r"0 … 2"),
    ],
)
def test_confusion_refuses_what_it_cannot_count(labels, guesses, message):
    with pytest.raises(ValueError, match=message):
        confusion(np.array(labels), np.array(guesses), 3)


def test_intervals_of_a_known_train_are_the_known_ones():
    spikes = np.zeros((40, 4))
    spikes[[2, 5, 11], 0] = 1
    spikes[[7], 1] = 1
    spikes[::10, 3] = 1
    expected = np.array([3, 6, 10, 10, 10]) * 0.5e-3
    np.testing.assert_allclose(interspike_intervals(spikes, dt=0.5e-3), expected)


@pytest.mark.parametrize("steps", [0, 1, 9])
def test_silence_has_no_intervals(steps):
    assert interspike_intervals(jnp.zeros((steps, 3)), dt=1e-3).shape == (0,)


def test_intervals_of_a_poisson_train_are_exponential(rng):
    spikes = rng.random((100_000, 5)) < 0.02
    intervals = interspike_intervals(spikes, dt=1e-3)
    np.testing.assert_allclose(intervals.mean(), 50e-3, rtol=0.05)
    np.testing.assert_allclose(intervals.std() / intervals.mean(), 1.0, atol=0.05)


def test_the_machine_is_described_in_words_that_json_can_keep():
    found = json.loads(json.dumps(describe()))
    assert found["versions"]["jax"] == jax.__version__
    assert found["versions"]["python"] == platform.python_version()
    assert found["device"].startswith(jax.devices()[0].platform)


def test_membranes_are_described_each_by_itself_and_together(rng):
    noise = rng.normal(size=(4000, 3, 50)) * rng.uniform(0.5, 2.0, 50)
    means = rng.normal(size=50)
    v = jnp.asarray(noise + means)
    found = membrane_statistics(v)
    flat = np.asarray(v, np.float64).reshape(-1, 50)
    np.testing.assert_allclose(found.mean, flat.mean(axis=0), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.deviation, flat.std(axis=0), rtol=1e-4)
    together = found.population
    np.testing.assert_allclose(together.mean, flat.mean(), rtol=1e-3, atol=1e-4)
    expected = np.sqrt(flat.var(axis=0).mean())
    np.testing.assert_allclose(together.deviation, expected, rtol=1e-4)
    np.testing.assert_allclose(together.spread, flat.mean(axis=0).std(), rtol=1e-4)
    np.testing.assert_allclose(together.pooled, flat.std(), rtol=1e-4)
    assert together.pooled > 1.2 * together.deviation
    np.testing.assert_allclose(
        together.xi(3.0), (3.0 - flat.mean()) / expected, rtol=1e-3
    )


def test_the_start_of_a_membrane_may_be_left_out():
    v = jnp.concatenate([jnp.full((7, 2), 9.0), jnp.tile(jnp.eye(2), (10, 1))])
    found = membrane_statistics(v, skip=7)
    np.testing.assert_allclose(found.mean, [0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.deviation, [0.5, 0.5], rtol=1e-6)
    assert membrane_statistics(v).population.mean > 1.0


@pytest.mark.parametrize(
    ("shape", "skip", "words"),
    [
        ((5,), 0, r"must be \[T, \*batch, n\] .* got shape \(5,\)"),
        ((5, 3), 5, "T > skip = 5"),
        ((5, 0), 0, r"got shape \(5, 0\)"),
        ((5, 3), -1, "skip must be at least 0"),
    ],
)
def test_membranes_without_time_or_neurons_are_refused(shape, skip, words):
    with pytest.raises(ValueError, match=words):
        membrane_statistics(jnp.zeros(shape), skip=skip)
