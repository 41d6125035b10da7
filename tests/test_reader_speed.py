"""Large files to time readers with are what they are said to be."""

import numpy as np
import pytest

from benchmarks.speed import event_readers
from benchmarks.speed.event_files import FILES, write
from snnjax.datasets import read_recorded


@pytest.mark.parametrize("name", FILES)
def test_a_repeated_recording_has_the_same_events_later(name, data_folder, tmp_path):
    found = read_recorded(write(name, data_folder("recordings"), tmp_path, 1))
    n, rest = divmod(len(found.t), 2)
    assert not rest
    assert len({*(found.t[n:] - found.t[:n]).tolist()}) == 1
    assert found.t[n:].min() >= found.t[:n].max()
    for column in found[1:4]:
        np.testing.assert_array_equal(column[n:], column[:n])


def test_other_events_are_not_right_and_rows_may_count_from_either_side():
    ours = tuple(np.array(c) for c in ([1, 2], [3, 4], [0, 9], [1, 0]))
    assert event_readers.is_right(ours, ours, None)
    turned = ours[0], ours[1], np.array([9, 0], "u2"), ours[3].astype(bool)
    assert event_readers.is_right(turned, ours, 10)
    assert not event_readers.is_right(turned, ours, None)
    for k in range(4):
        other = [*ours]
        other[k] = ours[k] + 1
        assert not event_readers.is_right(tuple(other), ours, 10)
    assert not event_readers.is_right(tuple(c[:1] for c in ours), ours, 10)


def test_only_what_is_right_is_compared_with_and_bounds_may_fail():
    def row(side, speed, right=True):
        ratio = speed / 100
        told = {"file": "DAT", "side": side, "right": right, "to_fastest": ratio}
        return told | {"mega_events_per_s": speed}

    memory = {"file": "DAT", "bytes": 2e9, "peak_MB": 201.0, "bytes_per_event": 56.0}
    peaks = [memory | {"how": how} for how in ("whole", "stream")]
    rows = [row("snnjax", 50.0), row("expelliarmus", 100.0)]
    found = event_readers.criteria(rows, peaks)
    assert [criterion.holds for criterion in found] == [True, True, False]
    assert event_readers.criteria([row("snnjax", 1.0)], []) == []
    rows = [row("snnjax", 49.0), row("expelliarmus", 100.0), row("faery", 900, False)]
    assert [criterion.holds for criterion in event_readers.criteria(rows, [])] == [
        False
    ]
    assert event_readers.criteria([rows[0], rows[2]], []) == []


def test_without_recordings_it_says_so(monkeypatch, capsys):
    monkeypatch.delenv("SNNJAX_DATA", raising=False)
    assert event_readers.main(["--stream", "0"]) == 2
    assert "SNNJAX_DATA" in capsys.readouterr().err
