import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.analysis import membrane_statistics


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
    found = membrane_statistics(v, burn_in=7)
    np.testing.assert_allclose(found.mean, [0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.deviation, [0.5, 0.5], rtol=1e-6)
    assert membrane_statistics(v).population.mean > 1.0


@pytest.mark.parametrize(
    ("shape", "burn_in", "words"),
    [
        ((5,), 0, r"must be \[T, \*batch, n\] .* got shape \(5,\)"),
        ((5, 3), 5, "T > burn_in = 5"),
        ((5, 0), 0, r"got shape \(5, 0\)"),
        ((5, 3), -1, "burn_in must be at least 0"),
    ],
)
def test_membranes_without_time_or_neurons_are_refused(shape, burn_in, words):
    with pytest.raises(ValueError, match=words):
        membrane_statistics(jnp.zeros(shape), burn_in=burn_in)
