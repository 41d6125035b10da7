import gzip
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnjax.datasets import DataError, Extra, read_shd, read_shd_extra, write_shd
from snnjax.events import Events
from snnjax.events.packing import ROW_BYTES

h5py = pytest.importorskip("h5py")

relaxed = settings(deadline=None, max_examples=150)
NAN, INF = np.nan, np.inf
TIMES = np.array([0.1, 0.25, 0.5, 0.3, 1.3, 0.0, 0.7])


def events(times=TIMES, **changes):
    """Four samples, the second without a spike."""
    given = Events(
        times=np.asarray(times),
        units=np.array([5, 0, 699, 3, 3, 12, 80], np.int32),
        offsets=np.array([0, 3, 3, 5, 7]),
        labels=np.array([2, 0, 1, 2], np.int32),
        group=np.array([4, 4, 0, 7], np.int32),
        trial=np.array([0, 1, 2, 3], np.int32),
        n_units=700,
        n_classes=3,
    )
    return given._replace(**changes)


def same(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shd")


@pytest.fixture(scope="module")
def sound(folder):
    write_shd(folder / "sound.h5", events(), time_dtype=np.float64)
    return (folder / "sound.h5").read_bytes()


@pytest.fixture
def build(tmp_path):
    """Writes a file with h5py alone, some of its columns replaced or left out."""

    def file(edit=None, **columns):
        columns = {"times": [[0.1, 0.2], [0.3]], "units": [[1, 2], [3]], **columns}
        columns = {"labels": np.array([1, 0], np.uint16), **columns}
        path = tmp_path / "made.h5"
        with h5py.File(path, "w") as f:
            for name, dtype in (("times", np.float32), ("units", np.int16)):
                if isinstance(columns[name], list):
                    put_rows(f, name, columns[name], dtype)
                elif columns[name] is not None:
                    f[f"spikes/{name}"] = columns[name]
            for name in set(columns) - {"times", "units"}:
                if columns[name] is not None:
                    f[name] = columns[name]
            if edit is not None:
                edit(f)
        return path

    return file


def put_rows(f, name, rows, dtype, **options):
    kind = h5py.vlen_dtype(np.dtype(dtype))
    f.pop(f"spikes/{name}", None)
    column = f.create_dataset(f"spikes/{name}", (len(rows),), kind, **options)
    for k, row in enumerate(rows):
        column[k] = np.asarray(row, dtype)


def refused(path, message, **options):
    with pytest.raises(DataError, match=message) as caught:
        read_shd(path, **options)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_written_is_read_back(dtype, tmp_path, rng):
    times = rng.random(7).astype(dtype).astype(np.float64)
    times[:3].sort()
    times[3:5].sort()
    times[5:].sort()
    write_shd(tmp_path / "a.h5", events(times), time_dtype=dtype)
    same(read_shd(tmp_path / "a.h5"), events(times))


def test_half_precision_times_are_read_exactly_as_stored(tmp_path, rng):
    rounded = np.sort(rng.uniform(0.0, 2.0, 7)).astype(np.float16)
    write_shd(tmp_path / "a.h5", events(rounded))
    back = read_shd(tmp_path / "a.h5")
    assert back.times.dtype == np.float64
    same(back, events(rounded.astype(np.float64)))


def test_half_precision_is_the_default_and_rounds_by_half_a_millisecond(tmp_path):
    times = np.sort(np.random.default_rng(1).uniform(1.0, 2.0, 7))
    write_shd(tmp_path / "a.h5", events(times))
    with h5py.File(tmp_path / "a.h5") as f:
        assert h5py.check_vlen_dtype(f["spikes/times"].dtype) == np.float16
        assert h5py.check_vlen_dtype(f["spikes/units"].dtype) == np.uint16
    off = np.abs(read_shd(tmp_path / "a.h5").times - times).max()
    assert 0 < off <= 2.0**-11
    assert write_shd(tmp_path / "a.h5", events(times)) == off
    assert write_shd(tmp_path / "a.h5", events(times), time_dtype=np.float64) == 0.0


@pytest.mark.parametrize("n", [0, 1, 3])
def test_samples_without_spikes_and_files_without_samples_survive(n, tmp_path):
    none = np.zeros(0, np.int32)
    silent = Events(
        *(np.zeros(0), none, np.zeros(n + 1, np.int64), np.arange(n)),
        *(np.full(n, -1), np.full(n, -1), 700, n),
    )
    write_shd(tmp_path / "a.h5", silent)
    same(read_shd(tmp_path / "a.h5"), silent)


@pytest.mark.parametrize("known", [[-1, -1, -1, -1], [-1, 3, 0, 70_000]])
def test_speakers_known_in_part_or_not_at_all_survive(known, tmp_path):
    some = events(group=np.array(known), trial=np.array(known)[::-1])
    write_shd(tmp_path / "a.h5", some, time_dtype=np.float64)
    same(read_shd(tmp_path / "a.h5"), some)


def test_events_are_sorted_by_time_within_their_sample(build):
    path = build(times=[[0.5, 0.25, 0.125], []], units=[[1, 2, 3], []])
    back = read_shd(path)
    np.testing.assert_array_equal(back.times, [0.125, 0.25, 0.5])
    np.testing.assert_array_equal(back.units, [3, 2, 1])


@pytest.mark.parametrize("ending", [".h5", ".h5.gz", ".h5.zip"])
def test_packed_files_are_the_file(ending, sound, tmp_path):
    path = tmp_path / f"a{ending}"
    if ending == ".h5.gz":
        path.write_bytes(gzip.compress(sound))
    elif ending == ".h5.zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.txt", "spikes")
            archive.writestr("deep/inside.h5", sound)
    else:
        path.write_bytes(sound)
    same(read_shd(path), events())


@pytest.mark.parametrize("kind", ["<f2", "<f4", "<f8", "<i4", "<u8"])
@pytest.mark.parametrize("unit", ["<u1", "<u2", "<i2", "<i4", "<i8"])
def test_rows_of_any_number_type_are_read(kind, unit, build):
    def edit(f):
        put_rows(f, "times", [[0, 1, 2], [3]], kind)
        put_rows(f, "units", [[7, 8, 9], [1]], unit)

    back = read_shd(build(edit))
    np.testing.assert_array_equal(back.times, [0.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(back.units, [7, 8, 9, 1])


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_rows_in_chunks_are_read(compression, build):
    rows = [list(range(k)) for k in range(7)]
    options = {"chunks": (3,), "maxshape": (None,), "compression": compression}

    def edit(f):
        put_rows(f, "times", rows, np.float16, **options)
        put_rows(f, "units", rows, np.uint16, **options)

    back = read_shd(build(edit, labels=np.arange(7)))
    np.testing.assert_array_equal(back.units, np.concatenate(rows))
    np.testing.assert_array_equal(np.diff(back.offsets), np.arange(7))


WHOLE = {  # the whole official layout, but for what every file has
    "extra/keys": np.array([b"zero", "f\u00fcnf".encode()]),
    "extra/meta_info/gender": np.array([b"m", b"f", b"f"]),
    "extra/meta_info/age": np.array([20, 30, 40]),
    "extra/meta_info/body_height": np.array([170.5, 180.0, 160.0]),
    "extra/speaker": np.array([3, 1], np.uint16),
}
TOLD = Extra(("zero", "f\u00fcnf"), ("m", "f", "f"), (20, 30, 40), (170.5, 180, 160))


def test_the_whole_official_layout_is_read(build):
    path = build(**WHOLE)
    back = read_shd(path)
    np.testing.assert_array_equal(back.group, [3, 1])
    np.testing.assert_array_equal(back.trial, [-1, -1])
    assert read_shd_extra(path) == TOLD


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_words_of_any_length_are_read(encoding, build):
    def edit(f):
        words = ["yes", "no", ""]
        f.create_dataset("extra/keys", data=words, dtype=h5py.string_dtype(encoding))

    assert read_shd_extra(build(edit)).keys == ("yes", "no", "")


def test_a_file_that_tells_no_more_than_spikes_has_no_extra(build):
    assert read_shd_extra(build()) == Extra()


@pytest.mark.parametrize("told", [TOLD, Extra(), Extra(keys=("a", "bcd"))])
def test_what_is_told_of_labels_and_speakers_is_read_back(told, tmp_path):
    write_shd(tmp_path / "a.h5", events(), extra=told)
    assert read_shd_extra(tmp_path / "a.h5") == told
    assert len(read_shd(tmp_path / "a.h5").labels) == 4


@pytest.mark.parametrize("place", ["trial", "fsdd_index"])
def test_recordings_are_numbered_under_either_name(place, build):
    back = read_shd(build(**{f"extra/{place}": np.array([7, 5])}))
    np.testing.assert_array_equal(back.trial, [7, 5])


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("extra/keys", np.array([1, 2]), "extra/keys of type int64"),
        ("extra/keys", np.array(b"zero"), r"extra/keys of type .S4, shape \(\)"),
        ("extra/keys", np.array([b"\xff"]), "UnicodeDecodeError"),
        ("extra/meta_info/age", np.array([b"old"]), "age of type"),
        (
            "extra/meta_info/age",
            np.array([[1, 2]]),
            r"age of type int64, shape \(1, 2\)",
        ),
    ],
)
def test_an_extra_that_breaks_the_format_is_refused(place, value, message, build):
    with pytest.raises(DataError, match=message) as caught:
        read_shd_extra(build(**{place: value}))
    assert "made.h5" in str(caught.value)


def test_an_extra_declared_enormous_is_refused_unread(build):
    def edit(f):
        f.create_dataset("extra/meta_info/age", (10**12,), "f8", chunks=(100,))

    with pytest.raises(DataError, match=r"to read .*/age would take more"):
        read_shd_extra(build(edit))


def test_events_that_cannot_be_are_dropped_and_counted_if_asked_for(build):
    path = build(times=[[0.1, NAN], [0.3]], units=[[1, 2], [700]])
    with pytest.warns(UserWarning, match="Dropped 2 of 3 events"):
        back = read_shd(path, outside="drop")
    assert len(back.labels) == 2
    np.testing.assert_array_equal(back.units, [1])
    np.testing.assert_array_equal(back.offsets, [0, 1, 1])


def test_a_missing_file_is_not_a_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.h5"):
        read_shd(tmp_path / "none.h5")


def test_without_h5py_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"snnjax\[data\]"):
        read_shd(tmp_path / "none.h5")


def pack(sound, ending):
    if ending == ".h5.gz":
        return gzip.compress(sound, mtime=0)
    return sound


@pytest.mark.parametrize("ending", [".h5", ".h5.gz", ".h5.zip"])
def test_a_file_cut_anywhere_is_refused(ending, sound, folder):
    path = folder / f"cut{ending}"
    whole = pack(sound, ending)
    if ending == ".h5.zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.h5", sound)
        whole = path.read_bytes()
    for length in {*range(0, len(whole), len(whole) // 60), len(whole) - 1}:
        path.write_bytes(whole[:length])
        refused(path, "cannot be read as an SHD file.*get it again")


@pytest.mark.parametrize("ending", [".h5", ".h5.gz", ".h5.zip"])
@pytest.mark.parametrize("content", [b"", b"spikes", bytes(5000), b"\x89HDF\r\n\x1a\n"])
def test_other_content_under_the_name_is_refused(ending, content, tmp_path):
    path = tmp_path / f"a{ending}"
    path.write_bytes(content)
    refused(path, "cannot be read")


@pytest.mark.parametrize("ending", [".gz", ".zip"])
def test_a_plain_file_named_as_a_packed_one_is_refused(ending, sound, tmp_path):
    path = tmp_path / f"a.h5{ending}"
    path.write_bytes(sound)
    refused(path, "cannot be read|holds HDF5")
    plain = tmp_path / "b.h5"
    plain.write_bytes(gzip.compress(sound))
    refused(plain, "is sound, .* it holds gzip data")


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "a.h5").mkdir()
    refused(tmp_path / "a.h5", "cannot be read")


@pytest.mark.parametrize("names", [[], ["a.txt"], ["a.h5", "b.h5"]])
def test_a_zip_must_hold_one_file(names, sound, tmp_path):
    path = tmp_path / "a.h5.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, sound)
    refused(path, r"one \.h5 file")


@pytest.mark.parametrize("ending", [".h5", ".h5.gz", ".h5.zip"])
def test_no_file_unpacks_to_more_than_its_limit(ending, sound, tmp_path):
    path = tmp_path / f"a{ending}"
    bomb = bytes(50_000_000)
    if ending == ".h5.zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.h5", bomb)
    else:
        path.write_bytes(pack(bomb, ending))
    del bomb
    tracemalloc.start()
    refused(path, "more than 5000000 bytes; pass limit", limit=5_000_000)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_a_limit_of_what_it_takes_lets_a_file_through(sound, tmp_path):
    path = tmp_path / "a.h5.gz"
    path.write_bytes(gzip.compress(sound))
    least = len(sound) + 2 * 4 * ROW_BYTES + 10_000
    same(read_shd(path, limit=least), events())
    refused(path, "pass limit", limit=len(sound) + 2 * 4 * ROW_BYTES)


def read_or_refuse(path):
    """What a damaged file may do: be refused, or hold what the checks allow."""
    try:
        back = read_shd(path)
    except DataError:
        return False
    assert np.all(np.isfinite(back.times) & (back.times >= 0))
    assert np.all((back.units >= 0) & (back.units < 700))
    assert len(back.times) == len(back.units) == back.offsets[-1]
    assert np.all(np.diff(back.offsets) >= 0)
    n = len(back.offsets) - 1
    assert len(back.labels) == len(back.group) == len(back.trial) == n
    assert np.all((back.labels >= 0) & (back.labels < max(back.n_classes, 1)))
    for k in range(n):
        assert np.all(np.diff(back.times[back.offsets[k] : back.offsets[k + 1]]) >= 0)
    return True


@pytest.fixture(scope="module")
def written_bytes(sound):
    """Where the file is not just padding."""
    return [k for k in range(len(sound)) if any(sound[max(0, k - 8) : k + 9])]


@given(data=st.data())
@settings(relaxed, max_examples=400)
def test_one_flipped_bit_is_refused_or_harmless(data, sound, written_bytes, folder):
    damaged = bytearray(sound)
    damaged[data.draw(st.sampled_from(written_bytes))] ^= 1 << data.draw(
        st.integers(0, 7)
    )
    path = folder / "flipped.h5"
    path.write_bytes(damaged)
    read_or_refuse(path)


@pytest.mark.parametrize("ending", [".h5.gz", ".h5.zip"])
@given(data=st.data())
@relaxed
def test_one_flipped_bit_in_a_packed_file_never_changes_spikes(
    ending, data, sound, folder
):
    path = folder / f"flipped{ending}"
    if ending == ".h5.gz":
        path.write_bytes(gzip.compress(sound, mtime=0))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("a.h5"), sound)
    damaged = bytearray(path.read_bytes())
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(
        st.integers(0, 7)
    )
    path.write_bytes(damaged)
    if read_or_refuse(path):
        same(read_shd(path), events())


def heap(sound):
    return sound.index(b"GCOL")


def free_space(sound):
    """Where the object of index 0 that ends the heap begins."""
    at = heap(sound) + 16
    while index := int.from_bytes(sound[at : at + 2], "little"):
        assert index < 20
        length = int.from_bytes(sound[at + 8 : at + 16], "little")
        at += 16 + -(-length // 8) * 8
    return at


@pytest.mark.parametrize(
    ("where", "bit"),
    [
        (lambda s: free_space(s) + 8, 4),
        (lambda s: free_space(s) + 9, 0),
        (lambda s: free_space(s) + 15, 7),
        (lambda s: heap(s) + 16 + 9, 4),
        (lambda s: heap(s) + 16 + 15, 0),
        (lambda s: heap(s) + 9, 4),
        (lambda s: heap(s) + 15, 7),
        (lambda s: heap(s) + 16, 0),
    ],
)
def test_a_damaged_heap_does_not_hang(where, bit, sound, tmp_path):
    damaged = bytearray(sound)
    damaged[where(sound)] ^= 1 << bit
    (tmp_path / "a.h5").write_bytes(damaged)
    refused(tmp_path / "a.h5", "cannot be read")


@pytest.mark.parametrize("column", ["times", "units"])
def test_a_row_that_claims_gigabytes_is_refused_before_they_are_taken(
    column, sound, folder, tmp_path
):
    with h5py.File(folder / "sound.h5") as f:
        row = f[f"spikes/{column}"].id.get_offset()
    damaged = bytearray(sound)
    damaged[row + 3] ^= 0x20
    (tmp_path / "a.h5").write_bytes(damaged)
    refused(tmp_path / "a.h5", f"{column} claims [0-9]+ bytes")


def test_rows_that_all_point_at_one_big_row_are_refused(build):
    n, big = 500, [0.5] * 20_000
    path = build(times=[big, *[[]] * (n - 1)], units=[[1]] * n, labels=np.zeros(n, int))
    with h5py.File(path) as f:
        start = f["spikes/times"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[start : start + 16 * n] = content[start : start + 16] * n
    path.write_bytes(content)
    refused(path, "times claims 40000000 bytes|would take more")


@pytest.mark.parametrize("column", ["times", "units"])
@pytest.mark.parametrize("bit", [0, 1, 2, 3])
def test_an_unknown_kind_of_row_does_not_crash(column, bit, sound, tmp_path):
    # A row type begins 19 00 00 00 10 00 00 00; the low half of its second byte is
    # the kind: 0 a sequence, 1 a string, and nothing else.
    head = bytes.fromhex("1900000010000000")
    places = [k for k in range(len(sound)) if sound.startswith(head, k)]
    assert len(places) == 2
    damaged = bytearray(sound)
    damaged[places[column == "units"] + 1] ^= 1 << bit
    (tmp_path / "a.h5").write_bytes(damaged)
    refused(tmp_path / "a.h5", f"{column} of type .*, not rows of numbers")


@pytest.mark.parametrize("place", ["labels", "spikes/times", "spikes/units", "spikes"])
def test_a_missing_column_is_named(place, build):
    def edit(f):
        del f[place]

    left = {"labels": "spikes", "spikes": "labels"}.get(place, "labels, spikes")
    refused(build(edit), f"is sound, .* it holds groups or arrays {left}")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"labels": np.array([0.0, 1.0])}, "labels of type float64"),
        ({"labels": np.array([0.0, NAN])}, "labels of type float64"),
        ({"labels": np.array([True, False])}, "labels of type bool"),
        ({"labels": np.array([b"a", b"b"])}, "labels of type"),
        ({"labels": np.array([-1, 0])}, "labels lie in -1"),
        ({"labels": np.array([0, 1000])}, r"labels lie in 0 … 1000"),
        ({"labels": np.array([0, 2**64 - 1], np.uint64)}, "labels lie in -1"),
        ({"labels": np.array([0, 1, 2])}, "times has shape"),
        ({"labels": np.array([[0, 1]])}, "labels of shape"),
        ({"labels": np.array(3)}, "labels of shape"),
        ({"labels": np.array([], int)}, "times has shape"),
        ({"labels": h5py.Empty("u2")}, "labels of shape None"),
        ({"labels": np.dtype("u2")}, "labels as a group"),
        ({"extra/speaker": np.array([1])}, "speaker has shape"),
        ({"extra/speaker": np.array([1.0, 2.0])}, "speaker of type"),
        ({"extra/speaker": np.array([1, 2**40])}, "group lie in 1 … 1099511627776"),
        ({"extra/fsdd_index": np.array([1, -2])}, "trial lie in -2"),
        ({"times": np.zeros((2, 3))}, "times has shape"),
        ({"times": np.zeros(2)}, "times of type float64, not rows"),
        ({"units": np.zeros(2, int)}, "units of type int64, not rows"),
        ({"times": [[0.1, NAN], [0.3]]}, "row 0 has a time"),
        ({"times": [[0.1, 0.2], [INF]]}, "row 1 has a time"),
        ({"times": [[0.1, 0.2], [-0.1]]}, "row 1 has a time"),
        ({"units": [[1, 700], [3]]}, "row 0 has a unit outside 0 … 699"),
        ({"units": [[1, 2], [-1]]}, "row 1 has a unit outside"),
        ({"units": [[1, 2], [3, 4]]}, "row 1 has another number of times"),
        ({"units": [[1, 2]]}, "units has shape"),
    ],
)
def test_a_column_that_breaks_the_format_is_refused(columns, message, build):
    refused(build(**columns), message)


@pytest.mark.parametrize("kind", ["<f4", ">u2", ">i4", "S3"])
def test_units_that_are_not_plain_whole_numbers_are_refused(kind, build):
    refused(
        build(lambda f: put_rows(f, "units", [[1, 2], [3]], kind)),
        "units of type object",
    )


def test_texts_are_not_times(build):
    def edit(f):
        del f["spikes/times"]
        f.create_dataset("spikes/times", (2,), h5py.string_dtype())

    refused(build(edit), "times of type .*, not rows of numbers")


def test_a_file_tells_how_many_units_there_are(tmp_path, build):
    few = events(units=TIMES.astype(np.int32), n_units=70)
    write_shd(tmp_path / "a.h5", few, time_dtype=np.float64)
    same(read_shd(tmp_path / "a.h5"), few)
    same(read_shd(tmp_path / "a.h5", n_units=70), few)
    refused(tmp_path / "a.h5", "holds spikes of 70 units, not of n_units=7", n_units=7)
    for told, message in (
        ([-1], "n_units is -1"),
        ([10**9], "n_units is 10"),
        ([70, 70], "n_units is 70, 70"),
        (np.zeros(0, int), "n_units is nothing"),
        ([70.0], "n_units of type float64"),
        (70, r"n_units of type int64, shape \(\)"),
    ):
        refused(build(**{"extra/n_units": np.array(told)}), message)


def test_the_number_of_units_is_the_readers_to_say_where_the_file_is_silent(build):
    path = build(units=[[1, 800], [3]])
    assert read_shd(path, n_units=801).n_units == 801
    refused(path, "unit outside 0 … 799", n_units=800)


@pytest.mark.parametrize("place", ["labels", "spikes/times"])
def test_an_array_declared_enormous_is_refused_unread(place, build):
    def edit(f):
        kind = f[place].dtype
        del f[place]
        f.create_dataset(place, (10**12,), kind)

    refused(build(edit), "shape|would take more")


def test_many_columns_declared_enormous_together_are_refused_unread(build):
    def edit(f):
        for place in ("labels", "spikes/times", "spikes/units"):
            kind = f[place].dtype
            del f[place]
            f.create_dataset(place, (10**9,), kind)

    refused(build(edit), "to read times would take more")


def test_references_are_not_followed(build):
    def edit(f):
        del f["spikes/times"]
        column = f.create_dataset("spikes/times", (2,), h5py.ref_dtype)
        column[:] = f["labels"].ref

    refused(build(edit), "times of type .*, not rows of numbers")


@pytest.mark.parametrize("place", ["labels", "spikes", "spikes/units", "extra/speaker"])
@pytest.mark.parametrize("link", ["external", "soft to external"])
def test_links_out_of_the_file_are_not_followed(place, link, build, folder, sound):
    outside = h5py.ExternalLink(str(folder / "sound.h5"), place)

    def edit(f):
        f.pop(place, None)
        if link == "external":
            f[place] = outside
        else:
            f["beside"] = outside
            f[place] = h5py.SoftLink("/beside")

    refused(build(edit), "as a link to somewhere else")


def test_bytes_of_other_files_are_not_read(build, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes([1, 2]))

    def edit(f):
        del f["labels"]
        f.create_dataset("labels", (2,), np.uint8, external=[(secret, 0, 2)])

    refused(build(edit), "with data in another file")


def test_virtual_arrays_of_other_files_are_not_read(build, folder, sound):
    def edit(f):
        del f["labels"]
        layout = h5py.VirtualLayout((2,), np.uint16)
        layout[:] = h5py.VirtualSource(folder / "sound.h5", "labels", (4,))[:2]
        f.create_virtual_dataset("labels", layout)

    refused(build(edit), "with data in another file")


def test_an_interrupted_write_leaves_the_file_as_it_was(monkeypatch, tmp_path):
    path = tmp_path / "a.h5"
    write_shd(path, events(), time_dtype=np.float64)
    calls = []

    def interrupt(*args):
        calls.append(args)
        if len(calls) % 3 == 0:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(h5py.Dataset, "__setitem__", interrupt)
        for target in (path, tmp_path / "new.h5"):
            with pytest.raises(KeyboardInterrupt):
                write_shd(target, events(times=TIMES + 1))
    same(read_shd(path), events())
    assert not (tmp_path / "new.h5").exists()
    write_shd(path, events(times=TIMES + 1), time_dtype=np.float64)
    same(read_shd(path), events(times=TIMES + 1))


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"times": TIMES + 65_520}, {}, "times hold 65520.1, which float16 cannot"),
        ({"times": TIMES * NAN}, {}, "times hold nan"),
        ({}, {"time_dtype": np.int32}, "times hold 0.1, which int32 cannot"),
        ({"units": np.full(7, 65_536)}, {}, "units hold 65536, which uint16 cannot"),
        ({"units": np.full(7, -1)}, {}, "units hold -1"),
        ({"labels": np.full(4, 65_536)}, {}, "labels hold 65536"),
        ({"labels": np.full(4, -1)}, {}, "labels hold -1"),
        ({"group": np.full(4, 2**40)}, {}, "speaker hold 1099511627776"),
    ],
)
def test_nothing_is_written_that_could_not_be_read_back(
    changes, options, message, tmp_path
):
    with pytest.raises(ValueError, match=message):
        write_shd(tmp_path / "a.h5", events(**changes), **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.h5.gz", "a.h5.zip"])
def test_writing_does_not_pretend_to_pack(name, tmp_path):
    with pytest.raises(ValueError, match=r"name it \.h5"):
        write_shd(tmp_path / name, events())
