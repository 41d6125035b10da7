import gzip
import json

import numpy as np
import pytest

from benchmarks.fuzz.meter import peak_of
from benchmarks.fuzz.seeds import FORMATS
from snnjax.datasets import DataError, read_recorded, stream_recorded
from snnjax.datasets.cameras import recut

NAMES = (
    *("aedat2", "aedat31", "event.txt", "event.csv", "prophesee.dat"),
    *("prophesee.evt2", "prophesee.evt21", "prophesee.evt3", "dvs.es", "atis.es"),
)
PIECE = "snnjax.datasets.cameras.byte_stream.PIECE"


def put_together(pieces):
    """Columns and counts of all pieces, and what is the same of each."""
    pieces = list(pieces)
    t, x, y, p = (np.concatenate(c) for c in zip(*(k[:4] for k in pieces), strict=True))
    skipped: dict[str, int] = {}
    for piece in pieces:
        for name, n in piece.skipped.items():
            skipped[name] = skipped.get(name, 0) + n
    (told,) = {(k.size, k.origin, k.source, k.zero) for k in pieces}
    return (t, x, y, p), skipped, told


def assert_same(pieces, whole):
    columns, skipped, told = put_together(pieces)
    for column, other in zip(columns, whole[:4], strict=True):
        assert column.dtype == other.dtype
        np.testing.assert_array_equal(column, other)
    assert skipped == whole.skipped
    assert told == (whole.size, whole.origin, whole.source, whole.zero)


@pytest.fixture(params=NAMES)
def path(request, tmp_path):
    form = FORMATS[request.param]
    path = tmp_path / f"a{form.suffix}"
    path.write_bytes(form.sound(tmp_path))
    return path


@pytest.mark.parametrize("size", [1, 3, 8, 61, 512, 2**18])
def test_pieces_are_what_the_whole_is_wherever_bytes_are_cut(size, path, monkeypatch):
    whole = read_recorded(path)
    assert len(whole.t) >= 30
    monkeypatch.setattr(PIECE, size)
    assert_same([read_recorded(path)], whole)
    for n in (1, 7, len(whole.t), 10**6):
        pieces = list(stream_recorded(path, events=n))
        assert_same(pieces, whole)
        lengths = [len(piece.t) for piece in pieces if len(piece.t)]
        assert all(length == n for length in lengths[:-1])
        assert lengths[-1] <= n


def test_what_is_packed_is_streamed_as_well(path):
    whole = read_recorded(path)
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert_same(stream_recorded(packed, events=9), whole)


def test_files_of_others_are_the_same_in_pieces_of_any_size(data_folder, monkeypatch):
    folder, rng, seen = data_folder("recordings"), np.random.default_rng(0), 0
    for entry in json.loads((folder / "truth.json").read_text()):
        path = folder / entry["path"]
        try:
            whole = read_recorded(path)
            pieces = stream_recorded(path)
        except DataError:
            continue
        assert_same(pieces, whole)
        for size in rng.integers(len(whole.t) // 40 + 1, 2**18, 3):
            with monkeypatch.context() as patched:
                patched.setattr(PIECE, int(size))
                pieces = stream_recorded(path, events=int(rng.integers(500, 10**5)))
                assert_same(pieces, whole)
        seen += 1
    assert seen >= 40


def dat(tmp_path, times, tail=b""):
    words = np.array([(t, k % 64 | 1 << 28) for k, t in enumerate(times)], "<u4")
    path = tmp_path / "a.dat"
    head = b"% Version 2\n% Width 64\n% Height 48\n\x0c\x08"
    path.write_bytes(head + words.tobytes() + tail)
    return path


def test_a_piece_in_time_has_its_begin_and_not_its_end(tmp_path):
    path = dat(tmp_path, [100, 199, 200, 499, 500, 501])
    times = [piece.t.tolist() for piece in stream_recorded(path, every=100e-6)]
    assert times == [[100, 199], [200], [], [499], [500, 501]]
    times = [p.t.tolist() for p in stream_recorded(path, every=200e-6, start=0.0)]
    assert times == [[100, 199], [200], [499, 500, 501]]
    (piece,) = stream_recorded(path, every=3.0, start=-1.0)
    assert piece.t.tolist() == [100, 199, 200, 499, 500, 501]


@pytest.mark.parametrize("size", [800, 2**18])
@pytest.mark.parametrize("every", [1e-6, 17e-6, 5e-3, 1.0])
def test_pieces_in_time_are_what_a_mask_of_the_whole_gives(
    every, size, tmp_path, rng, monkeypatch
):
    monkeypatch.setattr(PIECE, size)
    # rising times, of which some step back by up to 11 µs as those of a camera do
    times = np.cumsum(rng.integers(0, 25, 1000)) + rng.integers(0, 12, 1000)
    path = dat(tmp_path, times.tolist(), tail=b"12")
    whole, width = read_recorded(path), round(every * 1e6)
    begin, pieces = int(times.min()), list(stream_recorded(path, every=every))
    assert len(pieces) == (times.max() - begin) // width + 1
    for k, piece in enumerate(pieces):
        inside = (times >= begin + k * width) & (times < begin + (k + 1) * width)
        for column, other in zip(piece[:4], whole[:4], strict=True):
            np.testing.assert_array_equal(column, other[inside])
    assert sum(piece.skipped.get("bytes at the end", 0) for piece in pieces) == 2


@pytest.mark.parametrize("size", [8, 2**18])
def test_an_event_of_a_time_that_was_given_is_refused_and_so_is_one_before(
    size, tmp_path, monkeypatch
):
    monkeypatch.setattr(PIECE, size)
    path = dat(tmp_path, [0, 100_000, 200_000, 50_000])
    pieces = stream_recorded(path, every=1e-3)
    with pytest.raises(DataError, match=r"event at 0\.05 s comes behind one at 0\.2 s"):
        list(pieces)
    assert_same(stream_recorded(path, events=3), read_recorded(path))
    path = dat(tmp_path, [0, 20_000, 10_000, 30_000])
    assert len(list(stream_recorded(path, every=1e-3))) == 31
    for times in ([1000, 2000], [2000, 1000]):
        path = dat(tmp_path, times)
        with pytest.raises(DataError, match=r"lies at 0\.001 s, before start=0\.0015"):
            list(stream_recorded(path, every=1e-3, start=1.5e-3))


def test_a_silence_of_very_many_pieces_is_refused(tmp_path, monkeypatch):
    path = dat(tmp_path, [0, 2_000_000])
    silent = r"between 0\.0 s and 2\.0 s nothing happens"
    with pytest.raises(DataError, match=silent):
        list(stream_recorded(path, every=1e-6))
    pieces = stream_recorded(path, every=2e-6)  # a million of them
    assert len(next(pieces).t) == 1
    monkeypatch.setattr(recut, "_SILENT", 1000)
    with pytest.raises(DataError, match=silent):
        list(stream_recorded(path, every=1.9e-3))
    assert sum(1 for _ in stream_recorded(path, every=2e-3)) == 1000 + 1


def test_a_recording_without_events_is_one_empty_piece(tmp_path):
    path = dat(tmp_path, [], tail=b"123")
    for given in ({"events": 5}, {"every": 1e-3}):
        (piece,) = stream_recorded(path, **given)
        assert (len(piece.t), piece.size) == (0, (48, 64))
        assert piece.skipped == {"bytes at the end": 3}


def test_what_lies_outside_of_the_sensor_is_told_by_its_place_in_the_file(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(PIECE, 16)
    times = list(range(70))
    path = dat(tmp_path, times)
    raw = bytearray(path.read_bytes())
    raw[-4] = 64  # the column of the last one
    path.write_bytes(raw)
    pieces = stream_recorded(path, events=20)
    assert [len(next(pieces).t) for _ in range(3)] == [20, 20, 20]
    with pytest.raises(DataError, match=r"event 69 lies at pixel \(64, 0\)"):
        next(pieces)
    with pytest.warns(UserWarning, match="Dropped 1 of 2 events; the first, event 69"):
        (t, *_), _, _ = put_together(stream_recorded(path, outside="drop"))
    assert t.tolist() == times[:-1]


def test_a_file_is_refused_at_once_by_its_begin_and_later_by_its_end(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    with pytest.raises(DataError, match="holds image, which is read as a whole"):
        stream_recorded(tmp_path / "a.png")
    (tmp_path / "a.aedat4").write_bytes(b"#!AER-DAT4.0\r\n" + bytes(20))
    with pytest.raises(DataError, match=r"AEDAT 4, .* a whole, by read_aedat4"):
        stream_recorded(tmp_path / "a.aedat4")
    with pytest.raises(FileNotFoundError, match="No file"):
        stream_recorded(tmp_path / "none.raw")
    (tmp_path / "a.raw").write_bytes(b"% evt 2.0\n% height 99999\n% width 2\n% end\n")
    with pytest.raises(DataError, match="its height is '99999'"):
        stream_recorded(tmp_path / "a.raw")
    path = tmp_path / "a.aedat"
    path.write_bytes(FORMATS["aedat2"].sound(tmp_path) + b"1")
    pieces = stream_recorded(path, events=1)
    with pytest.raises(DataError, match="64 records of 8 bytes leave 1"):
        list(pieces)


def test_options_are_those_of_the_format(tmp_path):
    (tmp_path / "a.txt").write_text("1 2 0 100\n3 4 1 200\n")
    options = {"columns": "x y p t", "unit": "ms"}
    (piece,) = stream_recorded(tmp_path / "a.txt", options=options)
    assert piece.t.tolist() == [100_000, 200_000]
    with pytest.raises(
        ValueError, match="options of read_event_text are columns, unit"
    ):
        stream_recorded(tmp_path / "a.txt", options={**options, "layout": "davis"})
    with pytest.raises(ValueError, match="unit must be one of"):
        stream_recorded(tmp_path / "a.txt", options={**options, "unit": "h"})
    with pytest.raises(ValueError, match="options of read_prophesee_dat are none"):
        stream_recorded(dat(tmp_path, [1]), options={"camera": 1})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"events": 5, "every": 0.1}, "not both"),
        ({"events": 0}, "events must be"),
        ({"events": 1.5}, "events must be"),
        ({"every": 0.0}, "every must be 1e-6 s at least"),
        ({"every": 1.5e-6}, "every must be a whole number of micros"),
        ({"every": float("nan")}, "every must be"),
        ({"every": "1"}, "every must be"),
        ({"start": 0.5}, "every= is missing"),
        ({"every": 1.0, "start": float("inf")}, "start must be"),
        ({"outside": "clip"}, "outside must be one of"),
    ],
)
def test_what_is_no_piece_is_refused(given, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        stream_recorded(dat(tmp_path, [1]), **given)


def test_memory_is_that_of_a_piece(tmp_path):
    n = 2_000_000
    words = np.zeros((n, 2), "<u4")
    words[:, 0] = np.arange(n)
    path = tmp_path / "a.dat"
    path.write_bytes(b"% Version 2\n\x0c\x08" + words.tobytes())
    del words

    def pieces():
        return sum(len(piece.t) for piece in stream_recorded(path, events=50_000))

    def windows():
        return sum(len(piece.t) for piece in stream_recorded(path, every=0.05))

    for call in (pieces, windows):
        call()
        found, peak = peak_of(call)
        assert found == n
        assert peak < 14 * n / 2, peak
