import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.senses.touch import (
    MechanoreceptorParams,
    directions,
    threshold_crossing,
    whisker_currents,
)

DT = 1e-3
HELD = MechanoreceptorParams(position=2.0, velocity=0.0)
MOVED = MechanoreceptorParams(position=0.0, velocity=0.5)


def bent(angle, steps=1000, size=1.0):
    """A whisker that is held bent towards an angle."""
    return size * jnp.tile(jnp.array([jnp.cos(angle), jnp.sin(angle)]), (steps, 1))


def test_preferred_directions_go_round_evenly(x64):
    np.testing.assert_allclose(np.degrees(directions(4)), [0, 90, 180, 270])


def test_a_held_whisker_is_told_by_a_cosine_that_ends_at_a_right_angle(x64):
    angles = directions(8)
    found = whisker_currents(bent(0.3, 5), angles, dt=DT, params=HELD)
    expected = 2.0 * np.maximum(np.cos(np.asarray(angles) - 0.3), 0.0)
    np.testing.assert_allclose(found, np.tile(expected, (5, 1)), atol=1e-12)
    assert (expected == 0).sum() == 4


def test_a_moving_whisker_is_told_by_its_speed_in_any_time_step(x64):
    for dt in (1e-3, 1e-4):
        ramp = 3.0 * dt * jnp.arange(50.0)[:, None] * jnp.array([[0.0, 1.0]])
        found = whisker_currents(ramp, directions(4), dt=dt, params=MOVED)
        np.testing.assert_allclose(found[1:, 1], 0.5 * 3.0)
        assert not found[:, 3].any()  # it looks the other way
        np.testing.assert_allclose(found[0], 0.0)


def test_both_add_up_cell_by_cell(x64):
    params = MechanoreceptorParams(jnp.array([1.0, 0.0]), jnp.array([0.0, 0.5]))
    ramp = 3.0 * DT * jnp.arange(9.0)[:, None] * jnp.array([[1.0, 0.0]])
    found = whisker_currents(ramp, jnp.zeros(2), dt=DT, params=params)
    np.testing.assert_allclose(found[:, 0], ramp[:, 0])
    np.testing.assert_allclose(found[1:, 1], 1.5)


def test_spikes_of_a_population_point_where_the_whisker_is_bent():
    angles, tilt = directions(16), 2.0
    currents = whisker_currents(bent(tilt, size=1.5), angles, dt=DT)
    neurons = snn.lif(16, snn.LIFParams(tau_mem=10e-3, tau_syn=None))
    _, spikes = snn.unroll(neurons, (), currents, dt=DT)
    counts = np.asarray(spikes.sum(axis=0))
    told = np.angle(np.sum(counts * np.exp(1j * np.asarray(angles))))
    assert abs(told - tilt) < 0.1
    drive = 1.5 * np.cos(np.asarray(angles) - tilt)
    assert not counts[drive <= 1.0].any()
    best = int(np.argmax(drive))
    interval = np.ceil(10 * np.log(drive[best] / (drive[best] - 1)))
    assert abs(counts[best] - 1000 / interval) <= 1


def test_whiskers_side_by_side_are_those_alone(rng):
    movement = jnp.asarray(rng.normal(0, 1, (20, 3, 2)), jnp.float32)
    run = jax.jit(lambda d: whisker_currents(d, directions(5), dt=DT))
    np.testing.assert_allclose(run(movement)[:, 1], run(movement[:, 1]), rtol=1e-6)
    assert run(movement[:0]).shape == (0, 3, 5)


def test_levels_are_told_when_they_are_passed():
    signal = jnp.array([0.0, 0.3, 1.0, 1.0, 0.5, -1.0])[:, None]
    found = threshold_crossing(signal, [0.2, 0.5, 1.0])
    np.testing.assert_array_equal(np.argwhere(found[:, :3]), [[1, 0], [2, 1], [2, 2]])
    down = np.argwhere(found[:, 3:])
    np.testing.assert_array_equal(down, [[4, 2], [5, 0], [5, 1]])


def test_every_level_is_passed_upwards_as_often_as_downwards_and_once_more(rng):
    walk = jnp.asarray(np.cumsum(rng.normal(0, 1, (200, 3, 2)), axis=0), jnp.float32)
    levels = np.linspace(-5, 5, 7)
    found = threshold_crossing(walk, levels).reshape(200, 3, 2, 2, 7)
    net = found[..., 0, :].sum(axis=0) - found[..., 1, :].sum(axis=0)
    above = lambda x: (np.asarray(x)[..., None] >= levels).astype(float)  # noqa: E731
    np.testing.assert_array_equal(net, above(walk[-1]) - above(walk[0]))
    np.testing.assert_array_equal(
        found[:, 1].reshape(200, -1), threshold_crossing(walk[:, 1], levels)
    )


def test_bad_levels_and_signals_are_refused():
    with pytest.raises(ValueError, match="levels must rise"):
        threshold_crossing(jnp.zeros((3, 1)), [1.0, 1.0])
    with pytest.raises(ValueError, match="levels must rise"):
        threshold_crossing(jnp.zeros((3, 1)), [])
    with pytest.raises(ValueError, match="signal must be"):
        threshold_crossing(jnp.zeros(3), [1.0])
    with pytest.raises(ValueError, match="floating"):
        threshold_crossing(jnp.zeros((3, 1), int), [1.0])


def test_bad_input_is_refused():
    good = bent(0.0, 5)
    with pytest.raises(ValueError, match="expects 2 channels"):
        whisker_currents(jnp.zeros((5, 3)), directions(4), dt=DT)
    with pytest.raises(ValueError, match=r"\[T, \*batch, 2\]"):
        whisker_currents(jnp.zeros(2), directions(4), dt=DT)
    with pytest.raises(ValueError, match="floating"):
        whisker_currents(jnp.zeros((5, 2), int), directions(4), dt=DT)
    with pytest.raises(ValueError, match=r"angles must be \[n\]"):
        whisker_currents(good, jnp.zeros((2, 2)), dt=DT)
    with pytest.raises(ValueError, match="velocity"):
        whisker_currents(
            good, directions(4), dt=DT, params=MechanoreceptorParams(1.0, -1.0)
        )
    params = MechanoreceptorParams(jnp.ones(3))
    with pytest.raises(ValueError, match="position must be one number"):
        whisker_currents(good, directions(4), dt=DT, params=params)
    with pytest.raises(ValueError, match="dt"):
        whisker_currents(good, directions(4), dt=0.0)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_what_is_not_finite_would_be_a_false_spike_and_is_refused(odd):
    signal = jnp.array([[2.0], [odd], [2.0]])
    with pytest.raises(ValueError, match="signal must be finite, 1 of 3"):
        threshold_crossing(signal, [1.0])
    with pytest.raises(ValueError, match="levels must be finite"):
        threshold_crossing(jnp.ones((3, 1)), [odd])
    with pytest.raises(ValueError, match="deflection must be finite"):
        whisker_currents(jnp.full((3, 2), odd), directions(4), dt=DT)
    with pytest.raises(ValueError, match="angles must be finite"):
        whisker_currents(jnp.ones((3, 2)), jnp.array([odd]), dt=DT)


def test_one_level_alone_and_no_time_are_refused():
    with pytest.raises(ValueError, match="levels must rise"):
        threshold_crossing(jnp.ones((3, 1)), 1.0)
    with pytest.raises(ValueError, match=r"signal must be \[T, \*batch, n\]"):
        threshold_crossing(jnp.ones((0, 1)), [1.0])


def test_arrays_of_numpy_and_lists_of_angles_are_welcome(rng):
    d = rng.normal(size=(5, 2))
    found = whisker_currents(d, [0.0, 1.0], dt=DT)
    expected = whisker_currents(jnp.asarray(d), jnp.array([0.0, 1.0]), dt=DT)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        threshold_crossing(d, [0.0]), threshold_crossing(jnp.asarray(d), [0.0])
    )
