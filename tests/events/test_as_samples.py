import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_recordings import SIZE, camera, camera_rows, neurons, relaxed

from snnjax.datasets.cameras.camera import camera_events
from snnjax.events import Numbering, as_events, numbering, slices

TWO = [
    neurons([(0.5, 7, 0), (0.25, 3, 1)], ("thalamus", "cortex")),
    neurons([(2.0, 3, 0), (1.0, 9, 1)], ("cortex", "thalamus")),
]


@given(recordings=st.lists(camera_rows(), min_size=1, max_size=4))
@relaxed
def test_pixels_become_the_units_that_other_data_of_cameras_have(recordings):
    events = as_events([camera(rows) for rows in recordings])
    assert (events.n_units, events.n_classes) == (30, 1)
    for k, rows in enumerate(recordings):
        rows = sorted(rows, key=lambda row: row[0])
        t, x, y, p = np.array(rows, int).reshape(-1, 4).T
        times, units = camera_events(x, y, p, (t - t[:1]) * 1e-6, SIZE)
        mine = slice(events.offsets[k], events.offsets[k + 1])
        np.testing.assert_allclose(events.times[mine], times, rtol=1e-15)
        np.testing.assert_array_equal(events.units[mine], units)


def test_times_are_the_seconds_that_one_would_write():
    t = [0, 1, 3, 300_000, 700_000, 999_999, 86_400_000_000]
    events = as_events(camera([(k, 0, 0, 0) for k in t]), start=0.0)
    assert events.times.tolist() == [0, 1e-6, 3e-6, 0.3, 0.7, 0.999999, 86_400.0]


def test_labels_groups_and_trials_are_those_given():
    two = [camera([(3, 0, 0, 0)]), camera([])]
    events = as_events(two, [2, 0], group=[5, 6], trial=[7, 8], n_classes=4)
    assert events.labels.tolist() == [2, 0]
    assert events.group.tolist() == [5, 6]
    assert events.trial.tolist() == [7, 8]
    assert events.n_classes == 4
    assert events.offsets.tolist() == [0, 1, 1]
    alone = as_events(two[0])
    assert (alone.labels.tolist(), alone.group.tolist()) == ([0], [-1])


def test_pieces_keep_the_time_of_their_windows():
    recorded = camera([(10, 0, 0, 0), (17, 1, 0, 1), (31, 2, 0, 0)])
    pieces = slices(recorded, every=1e-5)
    events = as_events(pieces, start=0.0)
    assert events.times.tolist() == [0.0, 7e-6, 1e-6]
    assert events.offsets.tolist() == [0, 2, 2, 3]


def test_events_before_the_start_are_refused_or_dropped():
    recorded = camera([(10, 0, 0, 0), (17, 1, 0, 1)])
    with pytest.raises(ValueError, match="recording 0 has 1 of 2 events before start"):
        as_events(recorded, start=12e-6)
    with pytest.warns(UserWarning, match="Dropped 1 of 2 events") as told:
        events = as_events(recorded, start=12e-6, outside="drop")
    assert told[0].filename == __file__
    assert events.times.tolist() == [5e-6]


def test_neurons_are_numbered_population_by_population():
    numbered = numbering(TWO)
    assert numbered.populations == ("thalamus", "cortex")
    assert numbered.population.tolist() == [0, 0, 1]
    assert numbered.unit.tolist() == [7, 9, 3]
    events = as_events(TWO, [0, 1])
    assert events.n_units == 3
    assert events.units.tolist() == [2, 0, 1, 2]
    assert events.times.tolist() == [0.25, 0.5, 1.0, 2.0]
    first = as_events(TWO, start="first")
    assert first.times.tolist() == [0.0, 0.25, 0.0, 1.0]
    assert as_events(TWO, start=-1.0).times.tolist() == [1.25, 1.5, 2.0, 3.0]


def test_silent_neurons_count_where_they_are_known():
    known = np.array([1, 7, 3]), np.array([], int)
    one = neurons([(0.5, 7, 0), (0.25, 4, 1)], ("a", "b"), known=known)
    numbered = numbering(one)
    assert numbered.unit.tolist() == [1, 3, 7, 4]
    assert as_events(one).units.tolist() == [3, 2]
    assert as_events(one).n_units == 4


@given(
    rows=st.lists(
        st.tuples(st.integers(-9, 9), st.integers(-3, 9), st.integers(0, 2)),
        max_size=20,
    )
)
@relaxed
def test_the_numbering_leads_back_to_every_neuron(rows):
    rows = [(t / 8, *who) for t, *who in rows]
    recorded = neurons(rows, ("a", "b", "c"))
    numbered = numbering(recorded)
    events = as_events(recorded, start="first")
    back = [(numbered.population[unit], numbered.unit[unit]) for unit in events.units]
    expected = [(p, u) for _, u, p in sorted(rows, key=lambda row: row[0])]
    assert back == expected
    assert events.n_units == len({*expected})
    if rows:
        first = min(t for t, _, _ in rows)
        assert events.times.tolist() == sorted(t - first for t, _, _ in rows)


def test_what_is_tested_has_the_units_of_what_was_trained_on():
    train, test = TWO
    numbered = numbering(train)
    with pytest.raises(ValueError, match="1 of 2 spikes of neurons that are not in nu"):
        as_events(test, numbered=numbered)
    with pytest.warns(UserWarning, match="Dropped 1 of 2 events"):
        events = as_events(test, numbered=numbered, outside="drop")
    assert events.n_units == 2
    assert events.units.tolist() == [1]
    between = neurons([(0.0, 2, 0), (1.0, 3, 0), (2.0, 4, 0)], ("cortex",))
    with pytest.raises(ValueError, match="2 of 3 spikes of neurons"):
        as_events(between, numbered=numbered)
    other = Numbering(numbered.population, numbered.unit, ("x", "y"))
    with pytest.raises(ValueError, match="2 of 2 spikes"):
        as_events(test, numbered=other)


@pytest.mark.parametrize(
    ("recordings", "asked", "told"),
    [
        ([], {}, "one kind, Recorded or RecordedSpikes, got nothing"),
        ([camera([]), TWO[0]], {}, "one kind.* got Recorded, RecordedSpikes"),
        ([camera([]), camera([], (9, 9))], {}, r"one sensor: 0 .*, 1 \(9, 9\)"),
        ([camera([]), camera([], origin="bottom left")], {}, "bottom left"),
        (camera([], None), {}, "size of recorded is not known"),
        (camera([], (2**15, 2**15 + 1)), {}, "size of recorded must be below"),
        (camera([]), {"numbered": numbering(TWO)}, "numbered is of neurons"),
        (camera([]), {"start": "last"}, "start must be one of"),
        (TWO, {"start": "last"}, "start must be one of"),
        (TWO, {"start": [0.0, 1.0]}, "start must be one number"),
        (TWO, {"labels": [1]}, "2 samples have times, but 1 have labels"),
        (TWO, {"numbered": 3}, "numbered must have population"),
        ("abc", {}, "recordings must be recordings"),
        (3.0, {}, "recordings must be recordings"),
    ],
)
def test_what_makes_no_samples_is_refused(recordings, asked, told):
    with pytest.raises(ValueError, match=told):
        as_events(recordings, **asked)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("unit", np.array([0.5]), "unit of numbered must be whole"),
        ("population", np.array([0, 0]), "population of numbered must have 1 entries"),
        ("population", np.array([1]), "population of numbered must lie in 0 … 0"),
        ("populations", "a", "populations must be names"),
    ],
)
def test_what_is_no_numbering_is_refused(field, value, told):
    numbered = Numbering(np.array([0]), np.array([3]), ("cortex",))
    with pytest.raises(ValueError, match=told):
        as_events(TWO, numbered=numbered._replace(**{field: value}))
