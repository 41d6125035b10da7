import itertools

import numpy as np
import pytest

from snnjax import datasets
from snnjax.datasets import read_event_stream, write_event_stream
from snnjax.events import Recorded


def recorded(t, *, size=(3, 4), origin="bottom left", **columns):
    t = np.array(t, np.int64)
    rng = np.random.default_rng(0)
    filled = {
        "x": rng.integers(0, size[1], len(t)).astype(np.uint16),
        "y": rng.integers(0, size[0], len(t)).astype(np.uint16),
        "p": rng.integers(0, 2, len(t)).astype(np.uint8),
    }
    return Recorded(t, **(filled | columns), size=size, origin=origin, source="a test")


@pytest.mark.parametrize("name", ["faery_dvs.es", "event_stream_dvs.es"])
def test_files_of_others_come_out_byte_for_byte(name, data_folder, tmp_path):
    file = data_folder("recordings") / "es" / name
    write_event_stream(tmp_path / "a.es", read_event_stream(file))
    assert (tmp_path / "a.es").read_bytes() == file.read_bytes()


def test_the_bytes_are_those_of_the_description(tmp_path):
    one = recorded([0, 300], x=np.array([1, 2]), y=np.array([0, 2]), p=np.array([1, 0]))
    assert write_event_stream(tmp_path / "a.es", one) == 2
    assert (tmp_path / "a.es").read_bytes() == (
        b"Event Stream\2\0\0\1"
        + b"\4\0\3\0"
        + bytes([1, 1, 0, 0, 0])
        # 300 µs are two overflows of 127, and 46
        + bytes([255, 255, 46 << 1, 2, 0, 2, 0])
    )


def test_pieces_are_written_as_if_they_were_one(tmp_path):
    whole = recorded(np.cumsum(np.arange(900) % 400))
    cuts = [0, 1, 5, 5, 700, 900]
    pieces = (
        whole._replace(**{n: getattr(whole, n)[a:b] for n in "txyp"})
        for a, b in itertools.pairwise(cuts)
    )
    assert write_event_stream(tmp_path / "a.es", pieces) == 900
    write_event_stream(tmp_path / "b.es", whole)
    assert (tmp_path / "a.es").read_bytes() == (tmp_path / "b.es").read_bytes()
    found = datasets.read(tmp_path / "a.es")
    for column, other in zip(found[:4], whole[:4], strict=True):
        np.testing.assert_array_equal(column, other)


def test_rows_from_the_top_are_turned_and_times_are_moved_where_asked(tmp_path):
    one = recorded([10**15, 10**15 + 5], origin="top left", y=np.array([0, 2]))
    write_event_stream(tmp_path / "a.es", one, zero=10**15)
    found = read_event_stream(tmp_path / "a.es")
    assert found.t.tolist() == [0, 5]
    assert found.y.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("wrong", "zero", "reason"),
    [
        (
            recorded([5, 4]),
            0,
            "event 1 lies at 4 µs, before zero or the last one, at 5",
        ),
        (recorded([5]), 9, "event 0 lies at 5 µs, before zero"),
        (recorded([10**15]), 0, "more than two minutes; give zero="),
        (recorded([1])._replace(size=None), 0, "must have a size"),
        (recorded([1], y=np.array([3])), 0, "y of recorded must lie in 0 … 2"),
        (recorded([1], p=np.array([2])), 0, "p of recorded must lie in 0 … 1"),
        (recorded([1], x=np.array([1.0])), 0, "x of recorded must be whole numbers"),
        (recorded([1], x=np.array([1, 2])), 0, "x of recorded must have 1 entries"),
        ([], 0, "one piece at least"),
        ([recorded([1]), recorded([2], size=(9, 9))], 0, "must be of one recording"),
    ],
)
def test_what_the_format_cannot_hold_is_refused_and_no_file_is_left(
    wrong, zero, reason, tmp_path
):
    with pytest.raises(ValueError, match=reason):
        write_event_stream(tmp_path / "a.es", wrong, zero=zero)
    assert not [*tmp_path.iterdir()]
