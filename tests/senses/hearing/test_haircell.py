import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.senses.hearing import haircell
from snnjax.senses.hearing.haircell import HairCellParams

DT = 1 / 24_000


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-6), ("float32", 1e-3)])
def test_chances_are_those_of_the_reference(data_folder, x64, dtype, bound):
    stored = np.load(data_folder("cochlea-oracle") / "fsdd_0_jackson_0.npz")
    velocity = jnp.asarray(stored["bm_velocity"].T, dtype)
    chance = jax.jit(lambda v: haircell.hair_cell(v, dt=DT))(velocity)
    assert chance.dtype == dtype
    np.testing.assert_allclose(chance, stored["firing_probability"].T, rtol=bound)


def test_silence_is_a_balance_of_64_8_spikes_a_second(x64):
    chance = haircell.hair_cell(jnp.zeros((2000, 1)), dt=DT)
    np.testing.assert_allclose(chance, np.broadcast_to(chance[0], (2000, 1)))
    np.testing.assert_allclose(chance / DT, 64.8, rtol=1e-3)


def slowly(velocity, dt, y, g, l, r, x, A, B, h, M):
    """The same equations, one number at a time."""
    k = g * A / (A + B)
    c = M * y * k / (l * k + y * (l + r))
    q, w, chances = c * (l + r) / k, c * r / x, []
    for v in velocity:
        k = g * (v + A) / (v + A + B) if v + A > 0 else 0.0
        dq = (y * (M - q) if q < M else 0.0) - k * q + x * w
        dc, dw = k * q - (l + r) * c, r * c - x * w
        q, c, w = (max(z + dt * dz, 0.0) for z, dz in ((q, dq), (c, dc), (w, dw)))
        chances.append(h * dt * c)
    return np.array(chances)


def test_every_constant_counts(rng, x64):
    velocity = np.cumsum(rng.normal(size=500)) * 30.0
    constants = 7.0, 1500.0, 2000.0, 5000.0, 90.0, 9.0, 200.0, 4e4, 1.3
    chance = haircell.hair_cell(
        jnp.asarray(velocity)[:, None], dt=5e-5, params=HairCellParams(*constants)
    )
    expected = slowly(velocity, 5e-5, *constants)
    np.testing.assert_allclose(chance[:, 0], expected, rtol=1e-9)
    assert (velocity + 9.0 < 0).any()  # some of it closed the channels
    assert np.ptp(expected) > 0.005


def test_an_overfull_pool_is_left_alone(x64):
    # Quick refill keeps the pool full while the store fills; the store then overfills
    # it. Half of such an excess would be taken away without the clip.
    params = HairCellParams(refill=500.0, reprocess=20.0)
    velocity = np.repeat([300.0, -10.0, 300.0], [3000, 1000, 50])
    chance = haircell.hair_cell(jnp.asarray(velocity)[:, None], dt=DT, params=params)
    expected = slowly(velocity, DT, *params)
    np.testing.assert_allclose(chance[:, 0], expected, rtol=1e-7, atol=1e-12)
    first, second = chance[:50, 0].max(), chance[4000:, 0].max()
    assert second > 1.05 * first  # more was there than a full pool


@pytest.mark.parametrize("rate", [4000, 8000, 9000])
def test_unstable_steps_are_refused_and_resampling_advised(rate):
    with pytest.raises(ValueError, match=r"must stay below 1.*resample that to 48 kHz"):
        haircell.hair_cell(jnp.zeros((5, 2)), dt=1 / rate)


def test_a_step_just_stable_passes_and_a_traced_one_that_is_not_makes_nan():
    haircell.hair_cell(jnp.zeros((5, 2)), dt=1 / 9100)
    run = jax.jit(lambda v, dt: haircell.hair_cell(v, dt=dt))
    assert np.isfinite(run(jnp.zeros((5, 2)), 1 / 9100)).all()
    assert np.isnan(run(jnp.zeros((5, 2)), 1 / 4000)).all()


def test_half_precision_keeps_single_precision_within(rng):
    velocity = jnp.asarray(rng.normal(size=(300, 2)) * 40, jnp.bfloat16)
    chance = haircell.hair_cell(velocity, dt=DT)
    expected = haircell.hair_cell(velocity.astype(jnp.float32), dt=DT)
    assert chance.dtype == jnp.float32
    np.testing.assert_array_equal(chance, expected)


def test_no_time_is_no_chance():
    assert haircell.hair_cell(jnp.zeros((0, 3, 2)), dt=DT).shape == (0, 3, 2)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="velocity must be floating point"):
        haircell.hair_cell(jnp.zeros((5, 2), jnp.int32), dt=DT)
    with pytest.raises(ValueError, match=r"dt \[s\] must be finite and positive"):
        haircell.hair_cell(jnp.zeros((5, 2)), dt=-DT)
    with pytest.raises(ValueError, match="loss must be finite and positive"):
        haircell.hair_cell(jnp.zeros((5, 2)), dt=DT, params=HairCellParams(loss=-1.0))


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_velocity_that_is_not_finite_is_refused(odd):
    with pytest.raises(ValueError, match="1 of 6 are not"):
        haircell.hair_cell(jnp.zeros((3, 2)).at[1, 0].set(odd), dt=DT)


@pytest.mark.parametrize("name", ["release", "reprocess", "refill"])
def test_constants_that_would_make_transmitter_of_nothing_are_refused(name):
    fast = HairCellParams()._replace(**{name: 1.01 / DT})
    with pytest.raises(
        ValueError, match=f"{name} times dt must stay below 1, got 1.01"
    ):
        haircell.hair_cell(jnp.zeros((3, 2)), dt=DT, params=fast)


def test_velocities_of_another_shape_or_type():
    with pytest.raises(ValueError, match=r"\[T, \*batch, n\], got \(3,\)"):
        haircell.hair_cell(jnp.zeros(3), dt=DT)
    with pytest.raises(ValueError, match="gain must be one number or one per neuron"):
        haircell.hair_cell(
            jnp.zeros((3, 2)), dt=DT, params=HairCellParams(gain=jnp.ones(3))
        )
    host = haircell.hair_cell(np.ones((3, 2)), dt=DT)  # double precision, from numpy
    np.testing.assert_array_equal(host, haircell.hair_cell(jnp.ones((3, 2)), dt=DT))
