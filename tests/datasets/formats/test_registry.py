import gzip
import itertools

import numpy as np
import pytest
from seeded import OPTIONS, SEEDS, file_of

from benchmarks.fuzz.seeds import FORMATS as FUZZED
from snnjax import datasets
from snnjax.datasets import DataError
from snnjax.datasets.cameras.camera import camera_events
from snnjax.datasets.formats.any_file import format_if_any, format_of
from snnjax.datasets.formats.registry import FORMATS

PARTLY = {"shd", "shd.gz", "shd.zip", "shd.rows"}  # other readers of the same file


def same(found, expected):
    for one, other in itertools.zip_longest(found, expected):
        np.testing.assert_equal(one, other)


@pytest.mark.parametrize("name", SEEDS)
def test_every_format_is_told_by_what_is_in_a_file(name, tmp_path):
    path = file_of(name, tmp_path)
    found = datasets.read(path, **OPTIONS.get(name, {}))
    expected = FUZZED[name].read(path)
    if type(expected) is tuple and name in PARTLY:
        expected = expected[0]
    if type(expected) is tuple:  # times and units
        t = found.t * 1e-6
        times, units = camera_events(
            found.x, found.y, found.p, t, found.size or (34, 34)
        )
        np.testing.assert_allclose(times, expected[0], rtol=1e-15)
        found = (expected[0], units)
    assert type(found) is type(expected)
    if name not in PARTLY:
        same(found, expected)


def test_every_reader_of_one_file_stands_behind_the_door():
    readers = {name for name in datasets.__all__ if name.startswith("read_")}
    behind = {each.read.__name__ for each in FORMATS}
    beside = {  # what asks several of them, gives it in another form, or has no sign
        *("read_recorded", "read_gesture_file", "read_nmnist_file", "read_aedat1"),
        *("read_shd_extra", "read_braille", "read_braille_events"),
    }
    assert readers - beside <= behind


def test_names_of_formats_differ():
    assert len({each.name for each in FORMATS}) == len(FORMATS)


def test_an_option_that_a_reader_does_not_take_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(FUZZED["prophesee.evt3"].sound(tmp_path))
    assert len(datasets.read(tmp_path / "a", outside="drop").t)
    with pytest.raises(
        ValueError, match="a is EVT 3, whose reader takes decoder, limit, outsi"
    ):
        datasets.read(tmp_path / "a", unit="ms")


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("a.npz", b"PK", "not as a zip archive does"),
        ("a.wav", b"\0\1\2\3" * 20, "not as RIFF data does"),
        ("a.npy", b"\x93NUMPY\x02\0\xff\xff\xff\x7f{", "cannot be read as"),
        ("a.h5", b"", "not as HDF5 data does"),
        ("a.npz", b"<html>Please log in</html>", "a page or XML"),
        ("a.aedat4", b"version https://git-lfs.github.com", "a pointer of Git LFS"),
        ("a.raw", b"% evt 4.0\n% end\n", "EVT 4.0 of Prophesee"),
        ("a.txt", b"These are the notes that I took.", "plain text"),
    ],
)
def test_what_is_of_no_format_is_told(name, raw, reason, tmp_path):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(DataError, match=f"{name} .*{reason}"):
        datasets.read(tmp_path / name)


def test_notes_are_of_no_format_and_not_wrong(tmp_path):
    for name, raw in (("notes.txt", b"These are notes."), ("run.bin", b"\7\0" * 9)):
        (tmp_path / name).write_bytes(raw)
        assert format_if_any(tmp_path / name) is None
    with pytest.raises(FileNotFoundError):
        format_of(tmp_path / "none")
    with pytest.raises(DataError, match="is a folder; labelled_recordings reads"):
        datasets.read(tmp_path)


def test_what_a_person_says_decides_where_a_file_does_not(tmp_path):
    rows = "".join(f"{k % 20} {k % 10} {k % 2} {1000 + 7 * k}\n" for k in range(9))
    (tmp_path / "a.txt").write_text(rows)
    with pytest.raises(DataError, match="plain text"):
        datasets.read(tmp_path / "a.txt")
    camera = datasets.read(tmp_path / "a.txt", columns="x y p t")
    assert camera.t.tolist() == [1000 + 7 * k for k in range(9)]
    said = {"columns": "unit depth side time", "unit": "ms"}
    spikes = datasets.read(tmp_path / "a.txt", **said)
    assert spikes.units.tolist() == [*range(9)]
    np.testing.assert_allclose(spikes.times[[0, 8]], [1.0, 1.056])
    with pytest.raises(DataError, match="plain text"):  # of no reader's columns
        datasets.read(tmp_path / "a.txt", columns="a b c d")
    pairs = np.array([[0.5, 3.0], [0.25, 4.0]])
    np.save(tmp_path / "a.npy", pairs)
    np.testing.assert_array_equal(datasets.read(tmp_path / "a.npy"), pairs)
    assert datasets.read(tmp_path / "a.npy", unit="s").units.tolist() == [3, 4]
    (tmp_path / "a.dat").write_text("1\t10\t0.000\t\n2\t30\t0.000\t\n")
    steps = datasets.read(tmp_path / "a.dat", resolution=1e-4)
    np.testing.assert_allclose(steps.times, [1e-3, 3e-3])


@pytest.mark.parametrize("form", ["%.18e", "%d", ["%.6f", "%d", "%d", "%d"]])
def test_text_of_numpy_is_told_in_every_form(form, tmp_path):
    rows = np.array([[1.25e3, 3, 4, 1], [1.5e3, 0, 2, 0], [1.75e3, 65535, 0, 1]])
    np.savetxt(tmp_path / "a.txt", rows, fmt=form)
    found = datasets.read(tmp_path / "a.txt", unit="us")
    assert found.t.tolist() == [1250, 1500, 1750]
    assert found.x.tolist() == [3, 0, 65535]
    assert format_of(tmp_path / "a.txt").name == "text of events"


def test_what_is_packed_is_looked_into(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"t,x@4,y@3,on\n5,0,0,1\n"))
    assert datasets.read(tmp_path / "a.gz").size == (3, 4)
