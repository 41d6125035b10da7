import numpy as np
import pytest

from snnjax.datasets import DataError, read_events, write_events
from snnjax.events import from_rows


def events():
    rows = [[0.1, 0.3], [], [0.2], []]
    units = [[3, 0], [], [11], []]
    return from_rows(
        *(rows, units, [2, 0, 1, 0]),
        n_units=12,
        group=[0, 0, 5, -1],
        trial=[7, 8, 9, 10],
        n_classes=4,
    )


def same(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)
        assert np.asarray(x).dtype == np.asarray(y).dtype


def columns(**changes):
    found = {"times": [0.3, 0.1, 0.2], "units": [1, 2, 3], "offsets": [0, 2, 3]}
    found = {k: v for k, v in (found | changes).items() if v is not None}
    return {k: np.asarray(v) for k, v in found.items()}


def test_what_is_written_is_read_back(tmp_path):
    write_events(tmp_path / "a.npz", events())
    same(read_events(tmp_path / "a.npz"), events())
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["times"], events().times)


@pytest.mark.parametrize("n", [0, 3])
def test_no_samples_and_no_events_are_read_back(n, tmp_path):
    silent = from_rows([[]] * n, [[]] * n, np.zeros(n, int), n_units=5)
    write_events(tmp_path / "a.npz", silent)
    same(read_events(tmp_path / "a.npz"), silent)


def test_what_others_leave_out_has_a_default(tmp_path):
    np.savez(tmp_path / "a.npz", **columns())
    found = read_events(tmp_path / "a.npz")
    assert found.times.tolist() == [0.1, 0.3, 0.2]
    assert found.units.tolist() == [2, 1, 3]
    assert found.labels.tolist() == [0, 0]
    assert found.group.tolist() == found.trial.tolist() == [-1, -1]
    assert (found.n_units, found.n_classes) == (4, 1)
    assert read_events(tmp_path / "a.npz", n_units=9).n_units == 9
    np.savez_compressed(tmp_path / "a.npz", **columns(n_units=7), other=np.zeros(3))
    assert read_events(tmp_path / "a.npz").n_units == 7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": None, "units": None}, "it holds arrays offsets"),
        ({"times": ["a", "b", "c"]}, r"times of type <U1, shape \(3,\)"),
        ({"times": [[0.1], [0.2], [0.3]]}, r"times of type float64, shape \(3, 1\)"),
        ({"times": [0.1, np.nan, 0.3]}, "row 0 has a time"),
        ({"units": [1.0, 2.0, 3.0]}, "units of type float64"),
        ({"units": [1, 2]}, "the number of times, which is that of units, 2"),
        ({"units": [1, 2, -3]}, "row 1 has a unit outside 0 … 2"),
        ({"offsets": [0, 2, 4]}, "offsets must rise from 0 to 3"),
        ({"offsets": [1, 2, 3]}, "offsets must rise from 0 to 3"),
        ({"offsets": [0, 4, 1, 3]}, "offsets must rise from 0 to 3"),
        ({"offsets": np.zeros(0, int)}, "offsets must rise from 0 to 3"),
        ({"labels": [1]}, "2 samples have times, but 1 have labels"),
        ({"labels": [1, -1]}, "labels lie in -1"),
        ({"units": [1, 2, 2**40]}, "n_units must be at most 2147483647, got 1099"),
        ({"n_units": -1}, "n_units is no number of 0"),
        ({"n_units": [3]}, "n_units is no number of 0"),
        ({"n_units": 3}, "row 1 has a unit outside 0 … 2"),
        ({"n_classes": 2.0}, "n_classes is no number of 0"),
        ({"n_classes": 1, "labels": [0, 1]}, "labels reach 1, but there are 1"),
        ({"group": [1]}, "but 1 have group"),
    ],
)
def test_a_file_that_breaks_the_format_is_refused_and_named(changes, message, tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, **columns(**changes))
    with pytest.raises(DataError, match=message) as caught:
        read_events(path)
    assert str(path) in str(caught.value)


def test_objects_and_bombs_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(
        path, **columns() | {"labels": np.array([{}, 1], object)}, allow_pickle=True
    )
    with pytest.raises(DataError, match="it holds objects as labels"):
        read_events(path)
    np.savez_compressed(path, **columns(times=np.zeros(50_000_000)))
    with pytest.raises(DataError, match=r"more than \d+ bytes; pass limit"):
        read_events(path)
    np.savez_compressed(path, **columns())
    with pytest.raises(DataError, match="pass limit"):
        read_events(path, limit=300)


def test_impossible_events_are_dropped_and_counted_if_asked_for(tmp_path):
    np.savez(tmp_path / "a.npz", **columns(times=[0.3, -0.1, 0.2]))
    with pytest.warns(UserWarning, match="Dropped 1 of 3 events"):
        found = read_events(tmp_path / "a.npz", outside="drop")
    assert found.times.tolist() == [0.3, 0.2]
