import numpy as np
import pytest

from snnjax.analysis import coincidence_factor, correlation_index, sttc, sttc_pair


def poisson(rng, rate, duration):
    return np.sort(rng.uniform(0, duration, rng.poisson(rate * duration)))


def slow_tiling(a, b, window, duration):
    """By asking every spike, and every millisecond, in turn."""
    clock = np.arange(0, duration, 1e-4) + 0.5e-4
    near = lambda times, train: np.array(  # noqa: E731
        [np.abs(train - t).min() <= window for t in times]
    )
    p_a, p_b = near(a, b).mean(), near(b, a).mean()
    t_a, t_b = near(clock, a).mean(), near(clock, b).mean()
    return 0.5 * ((p_a - t_b) / (1 - p_a * t_b) + (p_b - t_a) / (1 - p_b * t_a))


def test_sttc_is_what_asking_every_moment_gives(rng):
    a, b = poisson(rng, 8, 3.0), poisson(rng, 5, 3.0)
    b = np.sort(np.concatenate([b, a[::3] + 0.004]))
    b = b[b < 3.0]
    found = sttc_pair(a, b, window=0.02, duration=3.0)
    np.testing.assert_allclose(found, slow_tiling(a, b, 0.02, 3.0), atol=2e-3)


def test_sttc_by_hand():
    # P_a = 1/2, P_b = 1, T_a = 4/10, T_b = 2/10.
    found = sttc_pair(np.array([2.0, 7.0]), np.array([2.5]), window=1.0, duration=10.0)
    np.testing.assert_allclose(found, 0.5 * (0.3 / 0.9 + 0.6 / 0.6))
    # Windows that leave the recording or overlap count once.
    found = sttc_pair(np.array([0.5, 1.5]), np.array([9.5]), window=1.0, duration=10.0)
    np.testing.assert_allclose(found, 0.5 * (-0.15 - 0.25))


def test_spikes_exactly_a_window_apart_count_whatever_rounding_does():
    # In units of 10 ms all is whole; in seconds 1.1 + 0.05 and the like round.
    a, b = np.array([110, 2003, 90_001]), np.array([115, 1998, 90_006, 95_000])
    trains, given = [a * 0.01, b * 0.01], {"window": 0.05, "duration": 1000.0}
    index = correlation_index(trains, **given)
    np.testing.assert_allclose(index[0, 1], 3 * 1000 / (3 * 4 * 0.1))
    np.testing.assert_array_equal(index, index.T)
    t_a, t_b = 0.3e-3, 0.4e-3  # windows of 0.1 s in 1000 s
    expected = 0.5 * ((1 - t_b) / (1 - t_b) + (0.75 - t_a) / (1 - 0.75 * t_a))
    np.testing.assert_allclose(sttc(trains, **given)[0, 1], expected)
    apart = [a * 0.01, b * 0.01 + 1e-6 * np.array([1, -1, 1, 0])]
    assert correlation_index(apart, **given)[0, 1] == 0


def test_sttc_is_one_for_itself_zero_for_chance_and_free_of_rates(rng):
    trains = [poisson(rng, rate, 2000.0) for rate in (0.5, 2.0, 8.0)]
    together = sttc(trains, window=0.05, duration=2000.0)
    np.testing.assert_allclose(np.diag(together), 1.0)
    assert np.abs(together[~np.eye(3, dtype=bool)]).max() < 0.03
    np.testing.assert_array_equal(together, together.T)


def test_a_silent_unit_has_no_correlation(rng):
    trains = [poisson(rng, 2, 10.0), np.array([])]
    for matrix in (
        sttc(trains, window=0.1, duration=10.0),
        correlation_index(trains, window=0.1, duration=10.0),
    ):
        assert np.isfinite(matrix[0, 0])
        assert np.isnan(matrix[0, 1])
        assert np.isnan(matrix[1, 1])


def test_the_correlation_index_is_one_for_chance_and_counts_pairs(rng):
    trains = [poisson(rng, 3, 3000.0) for _ in range(2)]
    index = correlation_index(trains, window=0.05, duration=3000.0)
    assert abs(index[0, 1] - 1) < 0.1
    a, b = np.array([1.0, 2.0]), np.array([1.04, 1.96, 5.0])
    index = correlation_index([a, b], window=0.05, duration=10.0)
    np.testing.assert_allclose(index[0, 1], 2 * 10 / (2 * 3 * 0.1))


def test_bad_trains_and_numbers_are_refused():
    train = np.array([1.0, 2.0])
    with pytest.raises(ValueError, match="sorted"):
        sttc_pair(train[::-1], train, window=0.1, duration=5.0)
    with pytest.raises(ValueError, match=r"outside 0 … 1\.5 s"):
        sttc_pair(train, train, window=0.1, duration=1.5)
    with pytest.raises(ValueError, match="window"):
        sttc([train], window=0.0, duration=5.0)
    with pytest.raises(ValueError, match="duration"):
        correlation_index([train], duration=-1.0)


APART = {  # two trains, a spike of b just the window after each of a -> as if nearer
    "sttc": lambda a, b: sttc([a, b], window=2e-3, duration=1.0),
    "sttc_pair": lambda a, b: sttc_pair(a, b, window=2e-3, duration=1.0),
    "correlation_index": lambda a, b: correlation_index(
        [a, b], window=2e-3, duration=1.0
    ),
    "coincidence_factor": lambda a, b: coincidence_factor(
        a, b, window=2e-3, duration=1.0
    ),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("measure", APART)
def test_spikes_just_the_window_apart_count_in_any_precision(measure, dtype):
    a = np.arange(1, 50) / 50
    just, nearer = ((a + by).astype(dtype) for by in (2e-3, 1.99e-3))
    a = a.astype(dtype)
    found, expected = APART[measure](a, just), APART[measure](a, nearer)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
