import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.events import from_rows, rasterize
from snnjax.inputs.batches import (
    blend,
    jitter,
    merge,
    pack,
    pad,
    raster,
    shift,
    take,
    unpack,
)

UNITS, STEPS, DT = 12, 20, 10e-3


@pytest.fixture
def events(rng):
    """Eight samples of 0 to 60 events within 0.2 s, some of them in one bin."""
    counts = [0, 5, 60, 20, 1, 33, 48, 10]
    return from_rows(
        [np.sort(rng.uniform(0, STEPS * DT, n)) for n in counts],
        [rng.integers(0, UNITS, n) for n in counts],
        np.arange(8) % 3,
        n_units=UNITS,
    )


def totals(found):
    return np.asarray(found.counts.sum(axis=(0, 2))).astype(int)


def test_rasters_are_those_of_the_host(events):
    rows = np.array([2, 7, 0, 2])
    batch = take(pad(events), rows)
    ours = raster(merge(batch, 3), steps=STEPS, dt=DT)
    theirs = rasterize(events, steps=STEPS, dt=DT, merge=3)[:, rows]
    np.testing.assert_array_equal(ours.counts, theirs)
    np.testing.assert_array_equal(ours.missing, 0)
    np.testing.assert_array_equal(batch.labels, events.labels[rows])


def test_what_is_late_or_early_or_outside_is_counted(events):
    batch, lengths = pad(events), np.diff(events.offsets)
    short = raster(batch, steps=STEPS // 2, dt=DT)
    np.testing.assert_array_equal(totals(short) + short.missing, lengths)
    late = [
        np.sum(events.times[a:b] >= STEPS // 2 * DT)
        for a, b in zip(events.offsets[:-1], events.offsets[1:], strict=True)
    ]
    np.testing.assert_array_equal(short.missing, late)
    moved = jitter(jax.random.key(0), batch, time=0.1, unit=5.0)
    found = raster(moved, steps=STEPS, dt=DT)
    np.testing.assert_array_equal(totals(found) + found.missing, lengths)
    assert found.missing.sum() > 0


def test_edges_open_the_bin_after_them():
    times = [np.array([0.0, 3 * 1e-3, 0.1 + 0.2])]  # 3·dt divides to 2.9999999
    events = from_rows(times, [np.zeros(3, int)], [0], n_units=1)
    found = raster(pad(events), steps=301, dt=1e-3)
    np.testing.assert_array_equal(np.flatnonzero(found.counts), [0, 3, 300])


def test_a_shift_moves_a_whole_sample(events):
    batch = pad(events)
    moved = shift(jax.random.key(1), batch, reach=4)
    by = np.asarray(moved.units - batch.units)
    filled = np.isfinite(batch.times)
    assert not by[~filled].any()
    each = [set(row[f]) for row, f in zip(by, filled, strict=True)]
    assert all(len(moves) <= 1 for moves in each)
    assert len(set.union(*each)) > 2
    assert all(-4 <= m <= 4 for m in set.union(*each))
    np.testing.assert_array_equal(moved.times, batch.times)


def test_what_left_the_units_does_not_come_back(events):
    batch = pad(events)
    away = batch
    for k in range(5):
        away = shift(jax.random.key(k), away, reach=8)
    steps = [raster(c, steps=STEPS, dt=DT) for c in (away, merge(away, 4))]
    np.testing.assert_array_equal(steps[0].missing, steps[1].missing)
    gone = (away.units < 0) | (away.units >= UNITS)
    later = shift(jax.random.key(9), away, reach=8)
    assert np.all((later.units[gone] < 0) | (later.units[gone] >= UNITS))


def test_jitter_has_the_spread_that_was_asked_for():
    times = [np.full(4000, 0.5)]
    events = from_rows(times, [np.full(4000, 50)], [0], n_units=100)
    moved = jitter(jax.random.key(0), pad(events), time=0.02, unit=6.0)
    for found, mean, spread in ((moved.times, 0.5, 0.02), (moved.units, 50, 6.0)):
        found = np.asarray(found, float)
        np.testing.assert_allclose(found.mean(), mean, atol=0.07 * spread)
        np.testing.assert_allclose(found.std(), spread, rtol=0.05)
    still = jitter(jax.random.key(0), pad(events))
    np.testing.assert_array_equal(still.times, pad(events).times)
    np.testing.assert_array_equal(still.units, pad(events).units)


def test_a_blend_has_half_of_either_with_both_middles_at_one_time():
    n = 2001
    first = from_rows(
        [0.1 + np.linspace(0, 0.2, n)], [np.zeros(n, int)], [3], n_units=2
    )
    second = from_rows(
        [0.4 + np.linspace(0, 0.1, n)], [np.ones(n, int)], [3], n_units=2
    )
    mixed = blend(jax.random.key(0), pad(first), pad(second))
    assert mixed.labels[0] == 3
    for unit in (0, 1):
        kept = np.asarray(mixed.times[mixed.units == unit])
        assert abs(len(kept) - n / 2) < 4 * np.sqrt(n / 4)
        np.testing.assert_allclose(np.median(kept), 0.2, atol=0.01)
    spread = [np.ptp(mixed.times[mixed.units == unit]) for unit in (0, 1)]
    np.testing.assert_allclose(spread, [0.2, 0.1], rtol=0.02)


def test_blending_with_silence_keeps_the_times(events):
    batch = pad(events)
    mixed = blend(
        jax.random.key(0), take(batch, jnp.array([2])), take(batch, jnp.array([0]))
    )
    kept = np.sort(mixed.times[np.isfinite(mixed.times)])
    assert np.isin(kept, np.asarray(batch.times[2])).all()
    assert 15 < len(kept) < 45


def test_bytes_hold_up_to_255_and_the_rest_is_missing():
    events = from_rows([np.zeros(300)], [np.zeros(300, int)], [0], n_units=2)
    found = raster(pad(events), steps=2, dt=DT, dtype=jnp.uint8)
    assert found.counts.dtype == jnp.uint8
    assert found.counts[0, 0, 0] == 255
    assert found.missing[0] == 45
    assert raster(pad(events), steps=2, dt=DT).counts[0, 0, 0] == 300
    half = raster(pad(events), steps=2, dt=DT, dtype=jnp.bfloat16)
    assert half.counts.max() == 256  # the next whole number it holds is 258
    assert half.missing[0] == 44


def test_bytes_that_run_over_as_a_whole_are_told(rng):
    """256 events leave zero behind, and many of them a sum of the wrong events."""
    counts = rng.choice([0, 255, 256, 512, 300], (3, 40)).astype(int)
    units = [np.repeat(np.arange(40), row) for row in counts]
    events = from_rows([np.zeros(len(u)) for u in units], units, [0] * 3, n_units=40)
    found = raster(pad(events), steps=1, dt=DT, dtype=jnp.uint8)
    np.testing.assert_array_equal(found.counts[0], np.minimum(counts, 255))
    over = np.maximum(counts - 255, 0).sum(axis=1)
    np.testing.assert_array_equal(found.missing, over)


def test_a_raster_of_more_entries_than_numbers_tell_is_refused(events):
    with pytest.raises(ValueError, match="2³¹ entries or more"):
        raster(pad(events), steps=2**27, dt=DT)


def test_bits_hold_one_spike_and_the_rest_is_missing(events):
    found = raster(merge(pad(events), 3), steps=STEPS, dt=DT, dtype=bool)
    counts = rasterize(events, steps=STEPS, dt=DT, merge=3)
    assert found.counts.dtype == bool
    np.testing.assert_array_equal(found.counts, counts > 0)
    over = np.maximum(counts - 1, 0).sum(axis=(0, 2))
    assert over.sum() > 0
    np.testing.assert_array_equal(found.missing, over)


@pytest.mark.parametrize("units", [1, 7, 8, 9, 700])
def test_eight_units_are_one_byte_and_come_back(units, rng):
    spikes = rng.random((5, 3, units)) < 0.3
    packed = jax.jit(pack)(spikes)
    assert packed.dtype == jnp.uint8
    assert packed.shape == (5, 3, -(-units // 8))
    by_hand = [
        sum(int(bit) << 7 - k for k, bit in enumerate(spikes[2, 1, b : b + 8]))
        for b in range(0, units, 8)
    ]
    assert packed[2, 1].tolist() == by_hand
    again = jax.jit(unpack, static_argnums=1)(packed, units)
    assert again.dtype == bool
    np.testing.assert_array_equal(again, spikes)


def test_a_network_learns_from_packed_rasters_as_from_floats(events):
    net = snn.chain(snn.dense(UNITS, 5), snn.lif(5))
    weights = net.init(jax.random.key(0))
    spikes = raster(pad(events), steps=STEPS, dt=DT, dtype=bool).counts

    def loss(weights, xs):
        return jnp.sum(snn.unroll(net, weights, xs, dt=DT)[0][1].v ** 2)

    bits = jax.grad(lambda w: loss(w, unpack(pack(spikes), UNITS)))(weights)
    floats = jax.grad(lambda w: loss(w, spikes.astype(jnp.float32)))(weights)
    assert np.any(floats[0].w)
    np.testing.assert_allclose(bits[0].w, floats[0].w, rtol=1e-5, atol=1e-6)


def test_counts_and_other_widths_do_not_pass_for_packed_spikes():
    with pytest.raises(ValueError, match=r"Only spikes fit into bits, got float32"):
        pack(jnp.ones((3, 8)))
    for packed in (jnp.zeros((3, 2), jnp.uint8), jnp.zeros((3, 1))):
        with pytest.raises(
            ValueError, match=r"8 units are packed into uint8 \[..., 1\]"
        ):
            unpack(packed, 8)


def test_many_time_steps_are_one_program(events):
    batch, widths = pad(events), jnp.array([5e-3, DT])
    each = jax.vmap(lambda dt: raster(batch, steps=STEPS, dt=dt, dtype=jnp.uint8))(
        widths
    )
    for k, dt in enumerate(widths):
        alone = raster(batch, steps=STEPS, dt=float(dt))
        np.testing.assert_array_equal(each.counts[k], alone.counts)
        np.testing.assert_array_equal(each.missing[k], alone.missing)


def test_a_connection_reads_bytes_as_it_reads_floats(events):
    layer = snn.dense(UNITS, 5)
    weights = layer.init(jax.random.key(0))
    for_floats, for_bytes = (
        snn.unroll(
            layer,
            weights,
            raster(pad(events), steps=STEPS, dt=DT, dtype=d).counts,
            dt=DT,
        )[1]
        for d in (jnp.float32, jnp.uint8)
    )
    np.testing.assert_allclose(for_floats, for_bytes, rtol=1e-5, atol=1e-6)


def test_keyed_batches_are_one_program_and_repeats(events):
    data, traces = pad(events), []

    @jax.jit
    def rasters(key, rows):
        traces.append(1)
        keys = jax.random.split(key, 3)
        batch = shift(keys[0], take(data, rows), reach=2)
        batch = jitter(keys[1], blend(keys[2], batch, take(data, rows)), time=1e-3)
        return raster(merge(batch, 2), steps=STEPS, dt=DT)

    one, again, other = (rasters(jax.random.key(k), jnp.arange(4)) for k in (0, 0, 1))
    rasters(jax.random.key(0), jnp.arange(4, 8))
    assert len(traces) == 1
    np.testing.assert_array_equal(one.counts, again.counts)
    assert np.any(one.counts != other.counts)


def test_bad_numbers_are_refused(events):
    batch, key = pad(events), jax.random.key(0)
    with pytest.raises(ValueError, match="by=5 does not divide 12 units"):
        merge(batch, 5)
    with pytest.raises(ValueError, match="reach"):
        shift(key, batch, reach=-1)
    for bad in ({"time": -1.0}, {"unit": -1.0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            jitter(key, batch, **bad)
    for bad in ({"steps": 0}, {"dt": 0.0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            raster(batch, **({"steps": 3, "dt": DT} | bad))
    with pytest.raises(ValueError, match="do not"):
        blend(key, batch, take(batch, jnp.arange(3)))
    with pytest.raises(ValueError, match="do not"):
        blend(key, batch, merge(batch, 2))


CLOCK = 1.7e9 + np.arange(100) * 10e-3  # POSIX seconds of a camera


@pytest.mark.parametrize("start", ["first", CLOCK[0], [CLOCK[0], CLOCK[0] + 5.0]])
def test_times_of_a_clock_keep_their_distances_from_the_start_on(start):
    events = from_rows(
        [CLOCK, CLOCK + 5.0], [np.zeros(100, int)] * 2, [0, 1], n_units=1
    )
    held = np.asarray(pad(events, start=start).times, np.float64)
    late = 5.0 if np.ndim(start) == 0 and start != "first" else 0.0
    np.testing.assert_allclose(held[0], CLOCK - CLOCK[0], atol=1e-6)
    np.testing.assert_allclose(held[1], CLOCK - CLOCK[0] + late, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, r"row 0 has times up to 1.7e\+09 s .* lie 1.3e\+02 s apart"),
        ({"start": CLOCK[1]}, "row 0 has an event before its start"),
        ({"start": [1.0, 2.0, 3.0]}, r"one for each of 2 samples, got shape \(3,\)"),
        ({"start": "last"}, "start must be one of"),
        ({"start": np.nan}, "start must be finite"),
        ({"start": "first", "resolution": 1e-8}, "resolution above 1e-08"),
        ({"start": "first", "resolution": 0.0}, "resolution"),
    ],
)
def test_times_that_single_precision_cannot_tell_apart_are_refused(options, words):
    events = from_rows([CLOCK, CLOCK], [np.zeros(100, int)] * 2, [0, 1], n_units=1)
    with pytest.raises(ValueError, match=words):
        pad(events, **options)
