import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.learning import spike_time_cross_entropy

TIMES = jnp.array([[1.0, 2.0, 4.0], [3.0, jnp.inf, 1.5]])
LABELS = jnp.array([0, 1])


def test_it_is_the_sum_that_was_written_down(x64):
    found = spike_time_cross_entropy(
        *(TIMES, LABELS), tau=0.5, end=5.0, alpha=3e-3, tau_late=6.4
    )
    t = np.minimum(np.asarray(TIMES, float), 5.0)
    own = t[[0, 1], [0, 1]]
    each = own / 0.5 + np.log(np.exp(-t / 0.5).sum(1)) + 3e-3 * np.expm1(own / 6.4)
    assert found == pytest.approx(each.mean(), rel=1e-6)


def test_without_the_second_term_moving_all_spikes_changes_nothing(x64):
    f = lambda t: spike_time_cross_entropy(t, LABELS, tau=0.5, end=9.0)  # noqa: E731
    t = jnp.array([[1.0, 2.0, 4.0], [3.0, 2.0, 1.5]])
    assert f(t) == pytest.approx(float(f(t + 2.0)), rel=1e-12)
    assert np.abs(jax.grad(f)(t).sum(axis=1)).max() < 1e-15


def test_without_the_second_term_times_may_be_many_time_constants():
    f = lambda t: spike_time_cross_entropy(t, LABELS, tau=0.01, end=5.0)  # noqa: E731
    value, grad = jax.value_and_grad(f)(TIMES)
    np.testing.assert_allclose(value, (0.0 + (5.0 - 1.5) / 0.01) / 2, 1e-6)
    np.testing.assert_allclose(grad, [[0, 0, 0], [0, 0, -50.0]], 1e-6, 1e-12)


def test_silence_counts_as_the_end_and_has_no_gradient():
    f = lambda t: spike_time_cross_entropy(t, LABELS, tau=0.5, end=5.0, alpha=0.1)  # noqa: E731
    value, grad = jax.value_and_grad(f)(TIMES)
    assert value == f(jnp.minimum(TIMES, 5.0))
    assert np.isfinite(grad).all()
    assert grad[1, 1] == 0.0
    assert grad[1, 0] != 0.0


def test_a_mask_leaves_out_samples_and_nan_stays():
    f = lambda t, mask=None: spike_time_cross_entropy(  # noqa: E731
        t, LABELS, tau=0.5, end=5.0, alpha=0.1, mask=mask
    )
    only = spike_time_cross_entropy(TIMES[:1], LABELS[:1], tau=0.5, end=5.0, alpha=0.1)
    np.testing.assert_allclose(f(TIMES, jnp.array([True, False])), only, 1e-6)
    assert np.isnan(jax.jit(f)(TIMES.at[0, 1].set(jnp.nan)))
