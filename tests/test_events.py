import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnjax.events import Events, augment, from_rows, late_events, rasterize, select

UNITS = 12
relaxed = settings(deadline=None, max_examples=80)
steps_of_time = st.sampled_from([1e-3, 3e-4, 0.1, 1 / 3, 0.7])


def make(rows, n_units=UNITS):
    """Events of rows of (time, unit)."""
    rows = [sorted(row) for row in rows]
    flat = [event for row in rows for event in row]
    n = len(rows)
    return Events(
        times=np.array([t for t, _ in flat], np.float64),
        units=np.array([u for _, u in flat], np.int32),
        offsets=np.cumsum([0, *map(len, rows)]),
        labels=np.arange(n, dtype=np.int32) % 3,
        group=np.arange(n, dtype=np.int32) + 10,
        trial=np.arange(n, dtype=np.int32) + 20,
        n_units=n_units,
        n_classes=3,
    )


def rows_of(events):
    cuts = zip(events.offsets[:-1], events.offsets[1:], strict=True)
    return [
        list(zip(events.times[a:b].tolist(), events.units[a:b].tolist(), strict=True))
        for a, b in cuts
    ]


def same(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


event = st.tuples(st.floats(0.0, 2.0), st.integers(0, UNITS - 1))
samples = st.lists(st.lists(event, max_size=8), max_size=6)


def slow_raster(rows, steps, dt, merge):
    counts = np.zeros((steps, len(rows), UNITS // merge))
    late = 0
    for k, row in enumerate(rows):
        for t, u in row:
            step = int(t / dt + 1e-6)
            late += step >= steps
            if step < steps:
                counts[step, k, u // merge] += 1
    return counts, late


@given(
    rows=samples,
    dt=steps_of_time,
    steps=st.integers(1, 30),
    merge=st.sampled_from([1, 3, 4, 12]),
)
@relaxed
def test_a_raster_is_what_a_slow_loop_counts(rows, dt, steps, merge):
    events = make(rows)
    expected, late = slow_raster(rows, steps, dt, merge)
    raster = rasterize(events, steps=steps, dt=dt, merge=merge, outside="drop")
    np.testing.assert_array_equal(raster, expected)
    assert raster.dtype == np.float32
    assert raster.sum() + late == len(events.times)
    if late:
        with pytest.raises(ValueError, match=f"^{late} of {len(events.times)} events"):
            rasterize(events, steps=steps, dt=dt, merge=merge)


grid = st.lists(st.integers(0, 40), min_size=1, max_size=30)


@given(bins=grid, dt=steps_of_time, steps=st.integers(1, 40))
@relaxed
def test_what_a_raster_drops_is_what_late_events_counts(bins, dt, steps):
    events = make([[(k * dt, k % UNITS) for k in bins]])
    kept = rasterize(events, steps=steps, dt=dt, outside="drop").sum()
    assert len(bins) - kept == late_events(events, duration=steps * dt)
    assert len(bins) - kept == sum(k >= steps for k in bins)


@pytest.mark.parametrize(("t", "steps", "dt"), [(0.3, 3, 0.1), (0.6, 6, 0.1)])
def test_rounding_makes_no_event_late_for_one_and_early_for_the_other(t, steps, dt):
    assert t < steps * dt
    events = make([[(t, 0)]])
    assert rasterize(events, steps=steps, dt=dt, outside="drop").sum() == 0
    assert late_events(events, duration=steps * dt) == 1


def test_rows_become_samples_sorted_by_time():
    packed = from_rows(
        [[0.5, 0.1], np.float16([]), (0.25,)],
        [np.array([3, 1], np.uint8), [], [2]],
        [1, 0, 4],
        n_units=12,
        group=[10, 11, 12],
        trial=np.array([20, 21, 22]),
        n_classes=6,
    )
    rows = [[(0.5, 3), (0.1, 1)], [], [(0.25, 2)]]
    labels = np.array([1, 0, 4], np.int32)
    same(packed, make(rows)._replace(labels=labels, n_classes=6))
    assert [column.dtype for column in packed[:6]] == [
        column.dtype for column in make(rows)[:6]
    ]


def test_rows_without_group_trial_or_classes_have_unknown_ones():
    packed = from_rows([[0.5], []], [[3], []], [1, 0], n_units=12)
    assert packed.group.tolist() == packed.trial.tolist() == [-1, -1]
    assert packed.n_classes == 2
    assert from_rows([], [], np.zeros(0, int), n_units=3).n_classes == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": [[0.1, 0.2], [-0.3]]}, "row 1 has a time that is negative"),
        ({"times": [[np.nan, 0.2], [0.3]]}, "row 0 has a time"),
        ({"times": [[0.1, 0.2], [np.inf]]}, "row 1 has a time"),
        ({"units": [[1, 2], [12]]}, "row 1 has a unit outside 0 … 11"),
        ({"units": [[-1, 2], [3]]}, "row 0 has a unit outside"),
        ({"units": [[1.0, 2.0], [3]]}, "units must be whole numbers"),
        ({"units": [[1], [3]]}, "row 0 .* times than of units, 2 and 1"),
        ({"units": [[1, 2]]}, "2 samples have times, but 1 have units"),
        ({"labels": [0]}, "but 1 have labels"),
        ({"labels": [0, -1]}, "labels lie in -1 … 0, expected 0"),
        ({"labels": [0.0, 1.0]}, "labels must be whole numbers, got float64"),
        ({"n_classes": 1}, "labels reach 1, but there are 1 classes"),
        ({"group": [1]}, "but 1 have group"),
        ({"trial": [1, 2, 3]}, "but 3 have trial"),
        ({"group": [1, -2]}, "group lie in -2"),
        ({"trial": [1, 2**31]}, "trial lie in 1 … 2147483648"),
    ],
)
def test_rows_that_are_no_samples_are_refused(changes, message):
    sound = {"times": [[0.1, 0.2], [0.3]], "units": [[1, 2], [3]], "labels": [0, 1]}
    with pytest.raises(ValueError, match=message):
        from_rows(**{**sound, "n_units": 12, **changes})


def test_impossible_events_are_dropped_and_counted_if_asked_for():
    rows = [[0.1, -1.0, np.nan], [0.2, 0.3, np.inf, 0.4]]
    units = [[1, 2, 3], [12, 4, -1, 11]]
    with pytest.warns(UserWarning, match="Dropped 4 of 7 events"):
        packed = from_rows(rows, units, [0, 1], n_units=12, outside="drop")
    assert rows_of(packed) == [[(0.1, 1)], [(0.3, 4), (0.4, 11)]]


def test_an_unknown_word_drops_nothing():
    events = from_rows([[0.5]], [[0]], [0], n_units=1)
    with pytest.raises(ValueError, match="outside must be one of"):
        rasterize(events, steps=2, dt=1e-3, outside="keep")
    for times in ([-1.0], [1.0]):
        with pytest.raises(ValueError, match="outside must be one of"):
            from_rows([times], [[0]], [0], n_units=1, outside="keep")


def test_late_events_say_how_late_they_are():
    events = make([[(0.1, 0), (0.5, 1)], [(0.7654, 2)]])
    with pytest.raises(ValueError, match=r"2 of 3 events come after 0.5 s.* 0.765 s"):
        rasterize(events, steps=5, dt=0.1)


def test_times_beyond_any_clock_are_late_and_not_early():
    events = make([[(0.1, 0), (1e300, 1)]])
    assert rasterize(events, steps=5, dt=0.1, outside="drop").sum() == 1


def test_merging_units_is_summing_their_channels(rng):
    units = rng.integers(0, UNITS, 50)
    events = make([list(zip(rng.random(50), units, strict=True))])
    fine = rasterize(events, steps=10, dt=0.1)
    coarse = rasterize(events, steps=10, dt=0.1, merge=4)
    np.testing.assert_array_equal(coarse, fine.reshape(10, 1, 3, 4).sum(-1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"merge": 5}, "merge=5 does not divide 12 units"),
        ({"merge": 0}, "merge must be at least 1"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"steps": 2.0}, "steps must be a whole number"),
        ({"dt": 0.0}, "dt"),
        ({"dt": np.nan}, "dt"),
    ],
)
def test_rasters_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        rasterize(make([[(0.1, 0)]]), **{"steps": 5, "dt": 0.1, **options})


@given(rows=samples.filter(len), data=st.data())
@relaxed
def test_select_keeps_whole_samples_in_any_order_with_repeats(rows, data):
    events = make(rows)
    wanted = data.draw(st.lists(st.integers(-len(rows), len(rows) - 1), max_size=9))
    chosen = select(events, np.array(wanted, int))
    expected = [rows_of(events)[k] for k in wanted]
    assert rows_of(chosen) == expected
    for name in ("labels", "group", "trial"):
        column = getattr(events, name)
        assert getattr(chosen, name).tolist() == [column[k] for k in wanted]
    assert chosen.n_classes == 3


def test_select_takes_a_mask():
    events = make([[(0.1, 1)], [], [(0.2, 2), (0.3, 3)]])
    same(select(events, np.array([True, False, True])), select(events, [0, 2]))


@pytest.mark.parametrize("rows", [[3], [-4], [0.5], [True]])
def test_select_refuses_samples_that_are_not_there(rows):
    with pytest.raises(ValueError, match="rows must be numbers of samples"):
        select(make([[(0.1, 1)], [], []]), np.array(rows))


@given(rows=samples)
@relaxed
def test_no_shift_and_no_jitter_change_nothing(rows):
    events = make(rows)
    same(augment(events, np.random.default_rng(0)), events)


def crowd(n=40, per=50, n_units=700, low=300, high=400):
    rng = np.random.default_rng(5)
    units, times = rng.integers(low, high, (n, per)), rng.uniform(0.4, 0.6, (n, per))
    rows = [zip(*row, strict=True) for row in zip(times, units, strict=True)]
    return make([list(row) for row in rows], n_units)


def test_a_shift_moves_whole_samples_by_one_draw_each():
    events = crowd()
    moved = augment(events, np.random.default_rng(1), shift=20)
    by = (moved.units - events.units).reshape(40, 50)
    assert np.all(by == by[:, :1])
    assert -20 <= by.min() < -10
    assert 10 < by.max() <= 20
    np.testing.assert_array_equal(moved.times, events.times)
    np.testing.assert_array_equal(moved.offsets, events.offsets)


def test_every_shift_within_reach_is_drawn():
    events = crowd(n=400, per=1)
    by = augment(events, np.random.default_rng(1), shift=2).units - events.units
    counts = np.bincount(by + 2, minlength=5)
    assert np.all(np.abs(counts - 80) < 4 * np.sqrt(400 * 0.2 * 0.8))


def test_jitter_has_the_standard_deviation_asked_for():
    alone = make([[(0.5, 0)] * 20_000])
    moved = augment(alone, np.random.default_rng(2), jitter=5e-3)
    assert np.mean(moved.times) == pytest.approx(0.5, abs=4 * 5e-3 / 141)
    assert np.std(moved.times) == pytest.approx(5e-3, rel=4 / np.sqrt(40_000))


def test_jittered_times_still_rise_within_a_sample():
    moved = augment(crowd(), np.random.default_rng(3), jitter=0.05)
    for row in rows_of(moved):
        assert row == sorted(row, key=lambda event: event[0])


def test_jitter_keeps_every_spike_at_its_unit_and_in_its_sample():
    events = crowd()
    moved = augment(events, np.random.default_rng(3), jitter=0.01)
    for before, after in zip(rows_of(events), rows_of(moved), strict=True):
        assert sorted(u for _, u in before) == sorted(u for _, u in after)


def test_only_spikes_that_leave_the_units_are_lost():
    full = make([[(0.1, u) for u in range(UNITS)] for _ in range(200)])
    moved = augment(full, np.random.default_rng(4), shift=5)
    lost = set()
    for row in rows_of(moved):
        units = [u for _, u in row]
        assert units == list(range(min(units), max(units) + 1))
        assert min(units) == 0 or max(units) == UNITS - 1
        lost.add(UNITS - len(units))
    assert lost == {0, 1, 2, 3, 4, 5}
    assert moved.offsets[-1] == len(moved.times) == len(moved.units)
    np.testing.assert_array_equal(moved.labels, full.labels)


def test_only_spikes_that_move_before_the_start_are_lost():
    events = make([[(0.0, u) for u in range(UNITS)] * 500, [(1.0, 0)] * 30])
    moved = augment(events, np.random.default_rng(4), jitter=1e-3)
    kept = np.diff(moved.offsets)
    assert abs(kept[0] - 3000) < 4 * np.sqrt(1500)
    assert kept[1] == 30
    assert moved.times.min() >= 0


def test_augmentation_repeats_with_its_seed_only():
    first, again, other = (
        augment(crowd(), np.random.default_rng(k), shift=5, jitter=1e-3)
        for k in (0, 0, 1)
    )
    same(first, again)
    assert np.any(first.times != other.times)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shift": -1}, "shift must be at least 0"),
        ({"shift": 1.5}, "shift must be a whole number"),
        ({"jitter": -1e-3}, "jitter"),
        ({"jitter": np.nan}, "jitter"),
    ],
)
def test_augmentation_refuses_what_it_cannot_draw(options, message):
    with pytest.raises(ValueError, match=message):
        augment(crowd(), np.random.default_rng(0), **options)


def test_no_sample_at_all_is_a_value():
    for labels in ([], np.zeros(0, int)):
        none = from_rows([], [], labels, n_units=3, group=[], trial=[])
        assert len(none.times) == len(none.labels) == none.n_classes == 0
        assert none.offsets.tolist() == [0]
        assert none.labels.dtype == np.int32
