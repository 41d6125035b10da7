import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_recordings import camera, camera_rows, moments, neurons, relaxed, rows_of

from snnjax.datasets import read_recorded, stream_recorded
from snnjax.events import Events, Recorded, from_rows, rasterize, slices
from snnjax.events.windows import not_before

RESTS = st.sampled_from(["keep", "drop"])


def quietly(*args, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return slices(*args, **more)


@given(rows=camera_rows(), every=st.integers(3, 50), rest=RESTS)
@relaxed
def test_each_event_of_a_camera_is_in_the_piece_whose_time_it_is(rows, every, rest):
    recorded = camera(rows)
    pieces = quietly(recorded, every=every * 1e-6, rest=rest)
    if not rows:
        assert pieces == ()
        return
    first = min(row[0] for row in rows)
    span = max(row[0] for row in rows) + 1 - first
    assert len(pieces) == (span // every if rest == "drop" else -(-span // every))
    expected = [[] for _ in range(-(-span // every))]
    for t, *pixel in rows:
        expected[(t - first) // every].append(((t - first) % every, *pixel))
    found = [rows_of(piece) for piece in pieces]
    assert found == expected[: len(pieces)]


@given(rows=camera_rows(most=10**12), every=st.integers(1, 10**6))
@relaxed
def test_with_start_and_stop_silent_pieces_are_there_too(rows, every):
    rows = [(t % (20 * every), *more) for t, *more in rows]
    pieces = slices(camera(rows), every=every / 1e6, start=0.0, stop=20 * every / 1e6)
    assert len(pieces) == 20
    found = [
        (t + k * every, *more)
        for k, piece in enumerate(pieces)
        for t, *more in rows_of(piece)
    ]
    assert found == sorted(rows, key=lambda row: row[0] // every)
    assert all((piece.t < every).all() and (piece.t >= 0).all() for piece in pieces)


def test_pieces_are_those_that_are_read_from_the_file_piece_by_piece(tmp_path):
    rng = np.random.default_rng(0)
    t = np.cumsum(rng.integers(0, 300, 2000)) + rng.integers(0, 2000, 2000)
    lines = [f"{a} {k % 5} {k % 3} {k % 2}\n" for k, a in enumerate(t)]
    (tmp_path / "a.txt").write_text("# t x y p\n" + "".join(lines))
    asked = {"every": 0.01, "start": float(t.min() // 10_000) / 100}
    streamed = [*stream_recorded(tmp_path / "a.txt", **asked)]
    pieces = slices(read_recorded(tmp_path / "a.txt"), **asked)
    assert len(pieces) == len(streamed) > 20
    begin = round(asked["start"] * 1e6)
    for k, (piece, other) in enumerate(zip(pieces, streamed, strict=True)):
        moved = other._replace(t=other.t - begin - k * 10_000)
        assert rows_of(piece) == rows_of(moved)


def test_long_recordings_do_not_drift():
    """A year in pieces of 0.1 s, the last of them: no sum of tenths comes into it."""
    year = 365 * 24 * 3600 * 10**6
    rows = [(year - 100_001, 0, 0, 0), (year - 100_000, 1, 0, 0), (year - 1, 2, 0, 0)]
    last = slices(camera(rows), every=0.1, start=year / 1e6 - 0.3, stop=year / 1e6)
    assert [piece.t.tolist() for piece in last] == [[], [99_999], [0, 99_999]]


def test_pieces_keep_what_the_recording_says_and_move_its_date():
    recorded = camera(
        [(3, 0, 0, 0), (12, 1, 1, 1)], skipped={"frames": 2}, zero="2020-01-31T23:59:59"
    )
    pieces = slices(recorded, every=5e-6)
    assert [piece.zero for piece in pieces] == [
        "2020-01-31T23:59:59.000003",
        "2020-01-31T23:59:59.000008",
    ]
    for piece in pieces:
        assert isinstance(piece, Recorded)
        assert piece[4:8] == recorded[4:8]
    odd = recorded._replace(zero="yesterday")
    assert [piece.zero for piece in slices(odd, every=5e-6)] == [None, None]


def test_a_window_that_is_not_full_is_kept_dropped_or_refused():
    recorded = camera([(t, 0, 0, 0) for t in (0, 4, 5, 10, 11)])
    assert [len(each.t) for each in slices(recorded, every=5e-6)] == [2, 1, 2]
    with pytest.warns(UserWarning, match="Dropped 2 events, of 1 windows") as told:
        pieces = slices(recorded, every=5e-6, rest="drop")
    assert told[0].filename == __file__
    assert [len(each.t) for each in pieces] == [2, 1]
    with pytest.raises(ValueError, match="leaves a last window that is not full"):
        slices(recorded, every=5e-6, rest="error")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for rest in ("keep", "drop", "error"):
            full = slices(recorded, every=5e-6, stop=15e-6, rest=rest)
            assert [len(each.t) for each in full] == [2, 1, 2]


@pytest.mark.parametrize("width", [0.1, 1 / 3, 0.7, 1e-3])
@given(ks=st.lists(st.integers(0, 50), max_size=30))
@relaxed
def test_times_that_rounding_puts_before_a_bound_count_as_at_it(width, ks):
    ks = sorted(ks)
    below = [np.nextafter(k * width, 0.0) for k in ks]
    for times in ([k * width for k in ks], below):
        events = from_rows([times], [[0] * len(ks)], [0], n_units=1)
        pieces = slices(events, every=width, stop=51 * width, rest="error")
        assert np.diff(pieces.offsets).tolist() == [ks.count(k) for k in range(51)]
        assert pieces.times.min(initial=0.0) == 0.0
        assert pieces.times.max(initial=0.0) < 1e-12


def test_an_end_that_is_full_but_for_rounding_is_full():
    assert 3 * 0.7 < 2.1
    last = not_before(3 * 0.7)  # not late, and hardly before the bound
    assert last < not_before(2.1)
    events = from_rows([[0.1, last]], [[0, 0]], [0], n_units=1)
    pieces = slices(events, every=0.7, stop=2.1, rest="error")
    assert pieces.offsets.tolist() == [0, 1, 1, 2]
    spikes = neurons([(0.1, 0, 0), (last, 0, 0)])
    found = slices(spikes, every=0.7, start=0.0, stop=2.1, rest="error")
    assert [len(piece.times) for piece in found] == [1, 0, 1]


spike = st.tuples(st.floats(0.0, 2.0), st.integers(0, 3))
sample = st.lists(spike, max_size=8).map(sorted)


@given(
    rows=st.lists(sample, max_size=5),
    every=st.sampled_from([0.1, 0.25, 1 / 3, 0.7, 5.0]),
    start=st.sampled_from([None, -0.5]),
    rest=RESTS,
)
@relaxed
def test_each_spike_of_samples_is_in_one_piece_of_its_sample(rows, every, start, rest):
    n = len(rows)
    times = [[t for t, _ in row] for row in rows]
    units = [np.array([u for _, u in row], int) for row in rows]
    events = from_rows(
        *(times, units, np.arange(n)), n_units=4, group=10 + np.arange(n), trial=[3] * n
    )
    pieces = quietly(events, every=every, start=start, rest=rest)
    of = pieces.labels  # which sample each is of
    assert isinstance(pieces, Events)
    assert (pieces.group == of + 10).all()
    assert (pieces.trial == 3).all()
    assert (np.diff(of) >= 0).all()
    for k, row in enumerate(rows):
        mine = np.flatnonzero(of == k)
        last = row[-1][0] if row else start or 0.0
        count = int((last - (start or 0.0)) / every + 1e-9) + (rest == "keep")
        assert len(mine) == count
        back = [
            (pieces.times[j] + piece * every + (start or 0.0), pieces.units[j])
            for piece, i in enumerate(mine)
            for j in range(pieces.offsets[i], pieces.offsets[i + 1])
        ]
        if rest == "keep":
            np.testing.assert_allclose(np.array(back), np.array(row), atol=1e-12)
        else:
            assert len(back) <= len(row)


@given(rows=st.lists(sample, min_size=1, max_size=4))
@relaxed
def test_a_raster_of_pieces_is_a_raster_cut_into_pieces(rows):
    rows = [[(round(t * 1000) * 1e-3, u) for t, u in row] for row in rows]
    times = [[t for t, _ in row] for row in rows]
    units = [np.array([u for _, u in row], int) for row in rows]
    events = from_rows(times, units, [0] * len(rows), n_units=4)
    whole = rasterize(events, steps=2100, dt=1e-3)
    pieces = slices(events, every=0.3, stop=2.1, rest="error")
    found = rasterize(pieces, steps=300, dt=1e-3)
    expected = whole.reshape(7, 300, len(rows), 4).transpose(1, 2, 0, 3)
    np.testing.assert_array_equal(found, expected.reshape(300, -1, 4))


def test_pieces_of_samples_of_unknown_group_are_groups_of_their_own():
    events = from_rows([[0.1, 1.1]] * 3, [[0, 0]] * 3, [0, 1, 0], n_units=1)
    events = events._replace(group=np.array([-1, 5, -1], np.int32))
    pieces = slices(events, every=1.0)
    assert pieces.group.tolist() == [6, 6, 5, 5, 7, 7]
    assert pieces.labels.tolist() == [0, 0, 1, 1, 0, 0]


def test_a_sample_that_is_silent_stays_one_piece():
    events = from_rows([[], [0.5]], [[], [0]], [0, 1], n_units=1)
    assert slices(events, every=0.4).labels.tolist() == [0, 1, 1]
    with pytest.warns(UserWarning, match="Dropped 1 events, of 2 windows"):
        pieces = slices(events, every=0.4, rest="drop")
    assert pieces.labels.tolist() == [1]


@given(
    rows=st.lists(st.tuples(moments(40), st.integers(0, 9), st.integers(0, 1))),
    every=st.integers(2, 30),
)
@relaxed
def test_each_spike_of_a_recording_is_in_the_piece_whose_time_it_is(rows, every):
    """In quarters of a second, which are exact."""
    recorded = neurons([(t / 4, u, p) for t, u, p in rows], ("a", "b"))
    pieces = slices(recorded, every=every / 4)
    expected = {}
    first = min([0, *(t for t, _, _ in rows)])  # at 0, unless one comes before
    for t, *who in rows:
        piece, rest = divmod(t - first, every)
        expected.setdefault(piece, []).append((rest / 4, *who))
    assert len(pieces) == (max(expected) + 1 if rows else 0)
    for k, piece in enumerate(pieces):
        assert rows_of(piece) == expected.get(k, [])
        assert piece.populations == ("a", "b")


def test_a_span_says_where_pieces_of_neurons_begin_and_end():
    recorded = neurons([(0.5, 1, 0), (2.25, 2, 0)], span=(0.0, 3.0), zero="2020-01-01")
    pieces = slices(recorded, every=1.0, rest="error")
    assert [rows_of(piece) for piece in pieces] == [[(0.5, 1, 0)], [], [(0.25, 2, 0)]]
    assert [piece.span for piece in pieces] == [(0.0, 1.0)] * 3
    assert pieces[2].zero == "2020-01-01T00:00:02"
    pieces = slices(recorded, every=2.0)
    assert [piece.span for piece in pieces] == [(0.0, 2.0), (0.0, 1.0)]
    at_the_end = neurons([(0.5, 1, 0), (3.0, 2, 0)], span=(0.0, 3.0))
    assert [len(piece.times) for piece in slices(at_the_end, every=1.0)] == [1, 0, 0, 1]
    outside = neurons([(-0.5, 1, 0), (3.5, 2, 0)], span=(0.0, 3.0))
    assert [len(piece.times) for piece in slices(outside, every=2.0)] == [1, 0, 1]


def test_recordings_without_events_have_as_many_pieces_as_their_length_has():
    for silent in (camera([]), neurons([])):
        assert slices(silent, every=0.5) == ()
        assert slices(silent, every=0.5, stop=2.0) == ()
        assert len(slices(silent, every=0.5, start=1.0, stop=2.2)) == 3
    assert len(slices(neurons([], span=(0.0, 2.0)), every=0.5)) == 4


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"every": 0.0}, "every"),
        ({"every": -1.0}, "every"),
        ({"every": 1e-7}, "every must be a whole number of microseconds"),
        ({"every": 0.5, "start": 4e-6}, "1 of 2 events lie before start=4e-06"),
        ({"every": 0.5, "stop": 9e-6}, "1 of 2 events lie .* stop=9e-06"),
        ({"every": 0.5, "start": 2.0, "stop": 1.0}, "stop must not come before"),
        ({"every": 1e-6, "stop": 2.0}, "every=1e-06 s would make 1999997 pieces"),
        ({"every": 0.5, "rest": "pad"}, "rest must be one of"),
        ({"every": [0.5, 0.5]}, "every must be one number"),
    ],
)
def test_what_would_not_be_whole_is_refused(asked, told):
    with pytest.raises(ValueError, match=told):
        slices(camera([(3, 0, 0, 0), (9, 0, 0, 0)]), **asked)


def test_samples_that_would_become_too_many_are_refused():
    events = from_rows([[1e3]], [[0]], [0], n_units=1)
    with pytest.raises(ValueError, match="every=1e-05 s would make 100000001 pieces"):
        slices(events, every=1e-5)
    with pytest.raises(ValueError, match="every=1e-320 s is too short"):
        slices(events, every=1e-320)
    with pytest.raises(ValueError, match="1 of 1 events lie"):
        slices(events, every=1.0, stop=1e3)
