import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from snnjax.senses.hearing import bushy
from snnjax.senses.hearing.bushy import BushyParams

DT = 1 / 24_000
KEY = jax.random.key(3)

nerve = jax.jit(bushy.auditory_nerve, static_argnames=("dt", "fibers", "refractory"))
cells = jax.jit(bushy.bushy_cells, static_argnames="dt")


@pytest.fixture
def stored(data_folder):
    """What the reference program made of 0.3 s of speech on 32 channels."""
    return np.load(data_folder("cochlea-oracle") / "fsdd_0_jackson_0.npz")


def test_spike_counts_are_those_of_the_reference(stored):
    chance = jnp.asarray(stored["firing_probability"].T, jnp.float32)
    many = jnp.broadcast_to(chance[:, None], (len(chance), 100, 32))
    found = np.asarray(cells(nerve(KEY, many, dt=DT), dt=DT).sum(axis=0))
    expected = stored["spike_counts_20seeds"]
    for ours, theirs in ((found, expected), (found.sum(1), expected.sum(1))):
        error = np.sqrt(ours.var(axis=0) * (1 / 100 + 1 / 20))
        z = (ours.mean(axis=0) - theirs.mean(axis=0)) / error
        assert np.max(np.abs(z)) < 3.0
    ratio = found.sum(1).std() / expected.sum(1).std()
    assert 0.7 < ratio < 1.4


def one_by_one(rng, chance, dead, repeats):
    """Forty fibres of which each draws and keeps its own spikes."""
    draws = rng.random((len(chance), repeats, 40)) < chance[:, None, None]
    last = np.full((repeats, 40), -dead)
    counts = np.zeros((len(chance), repeats))
    for t, fires in enumerate(draws):
        kept = fires & (t - last >= dead)
        last = np.where(kept, t, last)
        counts[t] = kept.sum(axis=1)
    return counts


def lagged(counts, lag):
    """How counts of a step go with those of a later one, about their means."""
    away = counts - counts.mean(axis=1, keepdims=True)
    return np.mean(away[20:50] * away[20 + lag : 50 + lag])


def test_a_sum_of_fibres_obeys_the_law_of_forty_single_ones(rng):
    repeats, dead = 2000, 5
    chance = 0.15 + 0.1 * np.sin(np.arange(60) / 4.0)
    single = one_by_one(rng, chance, dead, repeats)
    given = jnp.broadcast_to(jnp.asarray(chance, jnp.float32)[:, None], (60, repeats))
    counts = np.asarray(nerve(KEY, given, dt=1e-3, refractory=dead * 1e-3), float)
    error = np.sqrt((single.var(axis=1) + counts.var(axis=1)) / repeats)
    z = (single.mean(axis=1) - counts.mean(axis=1)) / error
    assert np.abs(z).max() < 4.0
    assert 0.7 < z.std() < 1.4
    for lag in range(8):  # not the means alone: what a step says of those after it
        assert abs(lagged(single, lag) - lagged(counts, lag)) < 0.06
    ratio = single.sum(axis=0).var() / counts.sum(axis=0).var()
    assert 0.85 < ratio < 1.18


@pytest.mark.parametrize("chance", [0.003, 0.3, 0.5, 0.75, 0.97])
@pytest.mark.parametrize("fibers", [1, 40, 100])
def test_free_fibres_fire_in_binomial_numbers(chance, fibers):
    n = 40_000
    counts = nerve(KEY, jnp.full((1, n), chance), dt=DT, fibers=fibers)
    seen = np.bincount(counts[0], minlength=fibers + 1)
    expected = n * stats.binom.pmf(np.arange(fibers + 1), fibers, chance)
    error = np.sqrt(expected + 1.0)
    assert (np.abs(seen - expected) < 4.5 * error).all()


def test_chances_in_half_precision_are_drawn_for_in_single():
    chance = jnp.full((1, 50_000), 0.003, jnp.bfloat16)
    expected = 40 * float(chance[0, 0])
    mean = float(nerve(KEY, chance, dt=DT).astype(float).mean())
    assert abs(mean - expected) < 4 * (expected / 50_000) ** 0.5


def test_a_fibre_is_never_early_and_fires_at_the_rate_of_a_renewal_process():
    # A dead time of d steps (the first of them the spike's own), then 1/p on average.
    steps, chance = 20_000, 0.05
    spikes = nerve(KEY, jnp.full((steps, 20), chance), dt=DT, fibers=1)
    assert spikes.max() == 1
    intervals = np.concatenate([np.diff(np.flatnonzero(row)) for row in spikes.T])
    assert intervals.min() == 24
    expected = 23 + 1 / chance
    assert (
        abs(intervals.mean() - expected) < 4 * intervals.std() / len(intervals) ** 0.5
    )
    free = stats.geom.cdf(10, chance)
    assert abs(np.mean(intervals - 23 <= 10) - free) < 4 / len(intervals) ** 0.5


def test_certain_fibres_fire_as_one_and_impossible_ones_never():
    counts = nerve(KEY, jnp.ones((60, 2)), dt=DT)
    np.testing.assert_array_equal(np.flatnonzero(counts[:, 0]), [0, 24, 48])
    assert counts.dtype == jnp.uint8
    assert counts.max() == 40
    assert nerve(KEY, jnp.zeros((60, 2)), dt=DT).sum() == 0


@pytest.mark.parametrize(("refractory", "gap"), [(1e-3, 24), (0.51e-3, 13), (1e-6, 1)])
def test_the_dead_time_is_rounded_up_to_whole_steps(refractory, gap):
    counts = nerve(KEY, jnp.ones((60, 1)), dt=DT, refractory=refractory)
    assert (np.diff(np.flatnonzero(counts)) == gap).all()


def test_no_more_than_all_fibres_fire_within_a_dead_time():
    chance = jnp.full((500, 30), 0.2)
    counts = np.asarray(nerve(KEY, chance, dt=DT), int)
    windows = np.lib.stride_tricks.sliding_window_view(counts, 24, axis=0).sum(axis=-1)
    assert windows.max() == 40


def test_with_a_key_each_a_clip_does_not_see_its_neighbours():
    keys = jax.random.split(KEY, 3)
    chance = jnp.full((50, 3, 4), 0.1)
    together = nerve(keys, chance, dt=DT)
    alone = nerve(keys[1:2], chance[:, 1:2], dt=DT)
    np.testing.assert_array_equal(together[:, 1:2], alone)
    single = nerve(keys[1], chance[:, 1], dt=DT)
    np.testing.assert_array_equal(together[:, 1], single)
    assert (together[:, 0] != together[:, 1]).any()


def slowly(counts, dt, tau_mem, tau_syn, weight, refractory):
    """One bushy cell, one number at a time."""
    v = current = 0.0
    wait, fired = 0, []
    for count in counts:
        current = current * np.exp(-dt / tau_syn) + count
        if wait:
            wait, v = wait - 1, 0.0
        else:
            v = v * np.exp(-dt / tau_mem) + weight * dt * current
        fired.append(v >= 1.0)
        if v >= 1.0:
            v, wait = 0.0, int(np.ceil(refractory / dt - 1e-6))
    return np.array(fired)


@pytest.mark.parametrize(
    "params",
    [
        BushyParams(),
        BushyParams(tau_mem=3e-3, tau_syn=2e-3, weight=100.0, refractory=2e-3),
    ],
)
def test_bushy_cells_follow_their_equations(rng, params, x64):
    counts = rng.poisson(0.6, (1500, 3)).astype(np.uint8)
    spikes = bushy.bushy_cells(jnp.asarray(counts), dt=DT, params=params)
    assert spikes.dtype == bool
    assert spikes.sum() > 30
    for channel in range(3):
        expected = slowly(counts[:, channel], DT, *params)
        np.testing.assert_array_equal(spikes[:, channel], expected)


def test_a_bushy_cell_rests_for_a_millisecond_even_under_the_strongest_drive():
    spikes = cells(jnp.full((500, 2), 40, jnp.uint8), dt=DT)
    gaps = np.diff(np.flatnonzero(spikes[:, 0]))
    assert (gaps == 25).all()  # 24 steps of silence lie between


def test_one_fibre_does_not_fire_a_bushy_cell_and_forty_do():
    volley = jnp.zeros((100, 2), jnp.uint8).at[10].set(jnp.array([1, 40], jnp.uint8))
    spikes = cells(volley, dt=DT)
    np.testing.assert_array_equal(spikes.sum(axis=0) > 0, [False, True])
    assert not spikes[:10].any()


def test_no_time_and_no_batch():
    empty = nerve(KEY, jnp.zeros((0, 2)), dt=DT)
    assert cells(empty, dt=DT).shape == empty.shape == (0, 2)
    assert cells(nerve(KEY, jnp.zeros((5, 0, 2)), dt=DT), dt=DT).shape == (5, 0, 2)


def test_what_makes_no_sense_is_refused():
    chance = jnp.zeros((5, 2))
    for odd, fault in (
        ({"chance": chance + 1.5}, r"chance must lie in 0 … 1, got 1\.5 … 1\.5"),
        ({"chance": chance - 0.5}, r"chance must lie in 0 … 1"),
        ({"chance": chance * np.nan}, r"chance must lie in 0 … 1"),
        ({"chance": chance.astype(int)}, "chance must be floating point"),
        ({"dt": 0.0}, r"dt \[s\] must be finite and positive"),
        ({"fibers": 0}, "fibers must be at least 1"),
        ({"fibers": 101}, "fibers must be at most 100, got 101"),
        ({"refractory": -1e-3}, r"refractory \[s\] must be finite and positive"),
    ):
        given = {"chance": chance, "dt": DT} | odd
        with pytest.raises(ValueError, match=fault):
            bushy.auditory_nerve(KEY, given.pop("chance"), **given)
    counts = jnp.zeros((5, 2), jnp.uint8)
    with pytest.raises(ValueError, match="tau_mem must be finite and positive"):
        bushy.bushy_cells(counts, dt=DT, params=BushyParams(tau_mem=0.0))
    with pytest.raises(ValueError, match=r"dt \[s\] must be finite and positive"):
        bushy.bushy_cells(counts, dt=-1.0)


def test_keys_and_counts_that_make_no_sense_are_refused():
    chance, keys = jnp.full((5, 2, 3), 0.1), jax.random.split(KEY, 3)
    with pytest.raises(ValueError, match="A key comes from"):
        bushy.auditory_nerve(0, chance, dt=DT)
    for wrong in (chance, chance[:, 0]):  # keys for three entries, or without entries
        with pytest.raises(ValueError, match=r"Keys of shape \(3,\) do not fit"):
            bushy.auditory_nerve(keys, wrong, dt=DT)
    for odd in (-1.0, np.nan):
        with pytest.raises(ValueError, match="counts must be zero or more"):
            bushy.bushy_cells(jnp.full((5, 2), odd), dt=DT)
    with pytest.raises(ValueError, match="refractory must be one number"):
        bushy.bushy_cells(
            jnp.ones((5, 2)), dt=DT, params=BushyParams(refractory=np.full(2, 1e-3))
        )


def test_chances_of_numpy_in_double_precision_are_welcome():
    host = bushy.auditory_nerve(KEY, np.full((5, 2), 0.25), dt=DT)
    device = bushy.auditory_nerve(KEY, jnp.full((5, 2), 0.25), dt=DT)
    np.testing.assert_array_equal(host, device)
