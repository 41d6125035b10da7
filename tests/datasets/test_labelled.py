import struct

import numpy as np
import pytest
from scipy.io import wavfile

from benchmarks.fuzz import sound_seeds
from snnjax.datasets import DataError, labelled_recordings, write_events
from snnjax.datasets.layouts.array_file import read_array
from snnjax.datasets.listing import list_folder, numbered
from snnjax.events import from_rows

Image = pytest.importorskip("PIL.Image")


def saved(path, x=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.eye(5, 3) if x is None else x)


def by_class(folder, parts=("",), count=2):
    for part in parts:
        for name in ("b10", "b2"):
            for k in range(count):
                saved(folder / part / name / "deep" / f"s{k}_{part}.npy")


def test_subfolders_are_classes_in_the_order_that_people_count(tmp_path):
    by_class(tmp_path)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "b2" / ".DS_Store").write_text("")
    found, wrong = labelled_recordings(tmp_path, group=r"s(\d)_")
    assert wrong == ()
    assert found.classes == ("b2", "b10")
    assert found.labels.tolist() == [1, 1, 0, 0]
    assert found.names[0] == "b10/deep/s0_.npy"
    assert found.group.tolist() == [0, 1, 0, 1]
    assert found.groups == ("0", "1")
    assert found.parts == ("",) * 4
    assert (found.kind, found.shape, found.data.shape) == ("spikes", (3,), (4, 5, 3))


def test_folders_of_parts_settle_them(tmp_path):
    by_class(tmp_path, ("Train", "val", "testing"))
    found, _ = labelled_recordings(tmp_path)
    assert sorted({*found.parts}) == ["test", "train", "validation"]
    assert found.group.tolist() == [-1] * 12
    saved(tmp_path / "Train" / "loose.npy")
    with pytest.raises(DataError, match=r"must have subfolders, not loose\.npy"):
        labelled_recordings(tmp_path)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_tells_label_group_and_part(mark, tmp_path):
    by_class(tmp_path, count=1)
    rows = [
        ("File", "group", "LABEL", "part"),
        ("b2/deep/s0_.npy", "ann", "yes, it is" if mark != "," else "yes", "train"),
        ("", "", "", ""),
        ("b10/deep/s0_.npy", "bo", "no", "Testing"),
    ]
    text = "\r\n".join(mark.join(row) for row in rows)
    (tmp_path / "labels.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    for path in (tmp_path, tmp_path / "labels.csv"):
        found, _ = labelled_recordings(path)
        assert found.classes[0] == "no"
        assert found.parts == ("train", "test")
        assert found.groups == ("ann", "bo")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("name,label\na.npy,x", "must have the columns file and label"),
        ("file,label\nnone.npy,x", r"line 2: there is no file 'none\.npy'"),
        ("file,label\na.npy,x,y", "line 2: 3 of 2 cells"),
        ("file,label\na.npy,", "line 2: no label"),
        ("file,label,part\na.npy,x,dev", "line 2: part must be one of"),
        ("file,label\na.npy,x\na.npy,y", r"names a\.npy twice"),
        ("file,label\na.npy,x\n./a.npy,y", r"names \./a\.npy twice"),
        ("file,label\nlabels.csv,x", r"of no kind .*: labels\.csv"),
        ("file,label", "names no files"),
        ("", "must have the columns"),
        ('file,label\n"a.npy,x', "cannot be read as a table"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_by_its_line(rows, reason, tmp_path):
    saved(tmp_path / "a.npy")
    (tmp_path / "labels.csv").write_text(rows)
    with pytest.raises(DataError, match=reason):
        labelled_recordings(tmp_path)


def test_folders_of_another_layout_say_what_is_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match="Nothing is at"):
        labelled_recordings(tmp_path / "none")
    with pytest.raises(DataError, match="it has no subfolder"):
        list_folder(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="holds no files"):
        list_folder(tmp_path)
    by_class(tmp_path)
    (tmp_path / "a" / "notes.md").write_text("mine")
    with pytest.raises(DataError, match=r"of no kind .*: a/notes\.md\. Remove"):
        labelled_recordings(tmp_path)
    found, wrong = labelled_recordings(tmp_path, skip_bad=True)
    assert "a/notes.md" not in found.names
    assert wrong == ("a/notes.md is of no kind that samples can be.",)
    (tmp_path / "a" / "notes.md").unlink()
    (tmp_path / "loose.npy").write_text("")
    with pytest.raises(DataError, match=r"beside its subfolders lie loose\.npy"):
        labelled_recordings(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "regular expression"),
        ("s", "one part in brackets"),
        ("(x)", "not fit b10"),
        (r"s\d(x)?", "finds nothing"),
    ],
)
def test_a_group_that_no_name_tells_is_refused(pattern, reason, tmp_path):
    by_class(tmp_path)
    with pytest.raises(ValueError, match=reason):
        labelled_recordings(tmp_path, group=pattern)


def test_hidden_folders_do_not_count_and_links_that_would_be_lost_are_refused(tmp_path):
    by_class(tmp_path / "data")
    saved(tmp_path / "data" / "b2" / ".ipynb_checkpoints" / "s0_-checkpoint.npy")
    saved(tmp_path / "elsewhere" / "s9.npy")
    assert len(list_folder(tmp_path / "data").names) == 4
    for name, to in (("more", "elsewhere"), ("gone.npy", "nothing.npy")):
        for home in ("data/b2", "data"):
            link = tmp_path / home / name
            link.symlink_to(tmp_path / to)
            if (home, name) == ("data", "more"):  # a class
                assert "more" in list_folder(tmp_path / home).labels
            else:
                with pytest.raises(DataError, match=name):
                    list_folder(tmp_path / "data")
            link.unlink()


def test_parts_beside_what_is_none_are_no_classes(tmp_path):
    by_class(tmp_path, ("train", "test", "dev"))
    with pytest.raises(DataError, match="subfolders of parts, and beside them dev"):
        list_folder(tmp_path)


def test_names_of_one_number_have_one_order():
    for names in (["1", "01", "001"], ["001", "01", "1"]):
        assert numbered(names)[1] == ("001", "01", "1")


def test_whole_numbers_below_zero_are_signals(tmp_path):
    for name in "ab":
        saved(tmp_path / name / "x.npy", np.array([[-3], [4]], np.int16))
    assert labelled_recordings(tmp_path)[0].kind == "signals"


@pytest.mark.parametrize("name", ["caf\udce9", "\x1b[31m", " "])
def test_a_class_that_no_page_can_show_is_refused(name, tmp_path):
    saved(tmp_path / "d" / name / "x.npy")
    with pytest.raises(DataError, match="is no text that can be shown"):
        labelled_recordings(tmp_path / "d")


def test_files_of_events_tell_groups(tmp_path):
    for k, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        rows = [np.array([0.1])] * 2, [np.array([0])] * 2, np.zeros(2, int)
        events = from_rows(*rows, n_units=2, group=np.array([k + 3, -1]))
        write_events(tmp_path / name / "x.npz", events)
    found, _ = labelled_recordings(tmp_path)
    assert found.group.tolist() == [0, -1, 1, -1]
    assert found.groups == ("3", "4")


def test_a_file_that_cannot_be_read_is_named_or_left_out_on_demand(tmp_path):
    by_class(tmp_path)
    (tmp_path / "b2" / "bad.npy").write_bytes(b"\x93NUMPY broken")
    with pytest.raises(DataError, match=r"b2/bad\.npy.*\n1 cannot be read"):
        labelled_recordings(tmp_path)
    found, wrong = labelled_recordings(tmp_path, skip_bad=True)
    assert len(found.names) == 4
    assert "bad.npy" in wrong[0]


def test_images_are_grey_or_coloured_of_one_size(tmp_path):
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for name, mode in (("a", "L"), ("b", "RGB"), ("c", "RGBA")):
        (tmp_path / name).mkdir()
        Image.fromarray(grey).convert(mode).save(tmp_path / name / "1.png")
    with pytest.raises(DataError, match=r"of one size: a/1\.png has \[3, 4\], b/1"):
        labelled_recordings(tmp_path)
    (tmp_path / "a" / "1.png").unlink()
    found, _ = labelled_recordings(tmp_path)
    assert (found.kind, found.shape) == ("images", (3, 4, 3))
    np.testing.assert_array_equal(found.data[1, ..., 2], grey)
    see_through = np.zeros((3, 4, 4), np.uint8)
    Image.fromarray(see_through).save(tmp_path / "b" / "2.png")
    Image.fromarray(grey.astype(np.uint16) * 999).save(tmp_path / "c" / "2.png")
    with pytest.raises(DataError, match=r"mode RGBA, or transparent(.|\n)*mode I"):
        labelled_recordings(tmp_path)


def test_events_of_several_samples_are_numbered(tmp_path):
    rows = [np.array([0.1, 0.2])], [np.array([0, 4])], np.zeros(1, int)
    two = [np.array([0.3])] * 2, [np.array([6])] * 2, np.zeros(2, int)
    for name, given, n in (("a", rows, 5), ("b", two, 7)):
        (tmp_path / name).mkdir()
        write_events(tmp_path / name / "x.npz", from_rows(*given, n_units=n))
    found, _ = labelled_recordings(tmp_path)
    assert found.names == ("a/x.npz", "b/x.npz[0]", "b/x.npz[1]")
    assert (found.kind, found.shape, found.data.n_units) == ("events", (7,), 7)
    assert found.data.labels.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(found.data.times, [0.1, 0.2, 0.3, 0.3])


def test_sounds_of_any_kind_and_name_are_one_folder(tmp_path):
    (tmp_path / "yes").mkdir()
    (tmp_path / "no").mkdir()
    (tmp_path / "yes" / "a.WAV").write_bytes(sound_seeds.sphere(tmp_path))
    (tmp_path / "yes" / "b.wav").write_bytes(sound_seeds.piped(tmp_path))
    (tmp_path / "no" / "c.sph").write_bytes(sound_seeds.sphere(tmp_path))
    for suffix in sound_seeds.BY_SOUNDFILE if sound_seeds.IS_INSTALLED else ():
        raw = sound_seeds.by_soundfile(suffix)(tmp_path)
        (tmp_path / "no" / f"x{suffix.upper()}").write_bytes(raw)
    found, wrong = labelled_recordings(tmp_path)
    assert (found.kind, wrong) == ("sounds", ())
    assert len(found.data) == 8 if sound_seeds.IS_INSTALLED else 3
    (tmp_path / "no" / "c.sph").write_bytes(sound_seeds.sphere(tmp_path)[:-1])
    _, wrong = labelled_recordings(tmp_path, skip_bad=True)
    assert len(wrong) == 1
    assert "c.sph" in wrong[0]


def test_recordings_of_several_kinds_are_refused(tmp_path):
    by_class(tmp_path)
    wavfile.write(tmp_path / "b2" / "x.npy", 8000, np.zeros(400, np.int16))
    with pytest.raises(DataError, match=r"of one kind, .* 4 of array \(.*, 1 of sou"):
        labelled_recordings(tmp_path)


def arrays(**changed):
    given = {
        "signals": np.zeros((3, 5, 2), np.float32),
        "labels": np.array(["x", "y", "x"]),
    }
    given |= changed
    return {name: value for name, value in given.items() if value is not None}


def write(path, contents):
    if path.suffix == ".npz":
        np.savez(path, **contents)
        return
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, value in contents.items():
            text = np.asarray(value).dtype.kind == "U"
            file[name] = np.asarray(value).astype("S") if text else value


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_labelled_arrays_are_read_by_name(suffix, tmp_path):
    path = tmp_path / f"x{suffix}"
    beside = {"group": np.array([4, 4, 7]), "dt": 0.01}
    write(path, arrays(**beside, part=np.array(["train", "test", "val"])))
    found, _ = labelled_recordings(path)
    assert (found.kind, found.shape, found.dt) == ("signals", (2,), 0.01)
    assert found.classes == ("x", "y")
    assert found.group.tolist() == [0, 0, 1]
    assert found.parts == ("train", "test", "validation")
    spikes = np.ones((3, 5, 2), np.uint8)
    told = {"labels": np.array([1, 0, 1]), "classes": np.array(["no", "yes"])}
    write(path, arrays(signals=None, spikes=spikes, **told))
    found, _ = labelled_recordings(path)
    assert (found.kind, found.classes, found.dt) == ("spikes", ("no", "yes"), None)
    assert found.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"labels": None}, "labels"),
        ({"signals": None}, "labels and one of spikes, signals, images"),
        ({"spikes": np.ones((3, 5, 2))}, "labels and one of"),
        ({"signals": np.zeros((3, 5))}, r"must be \[N, T, n\]"),
        ({"signals": np.zeros((4, 5, 2))}, "of 3 labels"),
        ({"signals": np.full((3, 5, 2), np.nan)}, "NaN"),
        ({"signals": np.zeros((3, 0, 2))}, "empty"),
        ({"group": np.zeros(2, int)}, r"group must be \[3\]"),
        ({"labels": np.zeros(3)}, "whole numbers or texts"),
        ({"labels": np.array([0, 1, 2]), "classes": np.array(["a"])}, "of classes"),
        ({"part": np.array(["train", "dev", "test"])}, "part must be one of"),
        ({"dt": -1.0}, "one step in seconds"),
        ({"groups": np.zeros(3, int)}, "an array groups, where group may be meant"),
        ({"signals": None, "spikes": np.full((3, 5, 2), 0.5)}, "must be counts"),
        ({"signals": None, "images": np.zeros((3, 5, 2))}, "must be uint8"),
    ],
)
def test_labelled_arrays_that_do_not_fit_are_refused(suffix, changed, reason, tmp_path):
    path = tmp_path / f"x{suffix}"
    write(path, arrays(**changed))
    with pytest.raises(DataError, match=reason) as refusal:
        labelled_recordings(path)
    assert str(path) in str(refusal.value)


def test_a_file_takes_no_group_and_must_be_of_a_kind(tmp_path):
    write(tmp_path / "x.npz", arrays())
    with pytest.raises(ValueError, match="may hold an array group"):
        labelled_recordings(tmp_path / "x.npz", group="(x)")
    (tmp_path / "x.txt").write_text("mine")
    with pytest.raises(DataError, match="must be a folder of recordings"):
        labelled_recordings(tmp_path / "x.txt")


def test_a_list_of_events_is_no_raster(tmp_path):
    rng = np.random.default_rng(0)
    columns = rng.integers(0, 34, (2, 50)), rng.integers(0, 2, (1, 50))
    events = np.concatenate([*columns, np.cumsum(rng.integers(0, 9, (1, 50)))[None]])
    saved(tmp_path / "x.npy", events.T)
    with pytest.raises(DataError, match="looks like events"):
        read_array(tmp_path / "x.npy")
    saved(tmp_path / "x.npy", events.T[:, :3])
    assert read_array(tmp_path / "x.npy").shape == (50, 3)


def test_a_table_of_another_encoding_is_asked_for_in_utf8(tmp_path):
    by_class(tmp_path)
    (tmp_path / "labels.csv").write_bytes("file,label\nb2/\xe4.npy,x".encode("latin1"))
    with pytest.raises(DataError, match="save it as UTF-8"):
        labelled_recordings(tmp_path)


def test_spikes_of_unequal_length_are_silent_in_the_end_and_it_is_told(tmp_path):
    by_class(tmp_path)
    saved(tmp_path / "b2" / "long.npy", np.ones((8, 3), int))
    with pytest.warns(UserWarning, match="4 of 5 recordings are shorter .* of 8 steps"):
        found, _ = labelled_recordings(tmp_path)
    assert found.data.shape == (5, 8, 3)
    assert not found.data[0, 5:].any()


def dat(*events, size=(3, 4)):
    """A recording in the format of DAT 2."""
    head = b"% Version 2\n"
    if size:
        head += b"%% Height %d\n%% Width %d\n" % size
    rows = b"".join(
        struct.pack("<II", t, x | y << 14 | p << 28) for t, x, y, p in events
    )
    return head + b"% end\n\x0c\x08" + rows


def test_recordings_of_a_camera_may_be_of_several_formats(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "1.dat").write_bytes(dat((7000, 3, 2, 1), (9000, 0, 1, 0)))
    (tmp_path / "b" / "1.txt").write_text("t,x@4,y@3,on\n500,1,0,1\n")
    (tmp_path / "b" / "2.dat").write_bytes(dat())
    found, _ = labelled_recordings(tmp_path)
    assert (found.kind, found.shape) == ("events", (3, 4, 2))
    assert found.data.times.tolist() == [7e-3, 9e-3, 5e-4]
    assert found.data.units.tolist() == [(2 * 4 + 3) * 2 + 1, 4 * 2, 3]
    (tmp_path / "a" / "1.dat").write_bytes(dat((1_000_001, 3, 2, 1)))
    with pytest.warns(
        UserWarning, match=r"a/1\.dat begins at 1\.000001 s of its clock"
    ):
        assert not labelled_recordings(tmp_path)[0].data.times.any()
    assert found.data.offsets.tolist() == [0, 2, 3, 3]
    (tmp_path / "b" / "2.dat").write_bytes(dat(size=(5, 4)))
    with pytest.raises(DataError, match=r"of one sensor: a/1\.dat has \(3, 4\), rows"):
        labelled_recordings(tmp_path)


def test_a_sensor_of_unknown_size_holds_all_events_and_it_is_told(tmp_path):
    for k in range(2):
        (tmp_path / str(k)).mkdir()
        (tmp_path / str(k) / "1.dat").write_bytes(dat((5, 9 + k, 2, 1), size=None))
    with pytest.warns(UserWarning, match="11x3 pixels hold all events"):
        found, _ = labelled_recordings(tmp_path)
    assert found.shape == (3, 11, 2)


def test_trials_do_not_lie_on_each_other(tmp_path):
    for name, trials in (("a", ",trial"), ("b", "")):
        (tmp_path / name).mkdir()
        row = "0.5,1,0\n" if trials else "0.5,1\n"
        (tmp_path / name / "1.csv").write_text(f"time_s,unit{trials}\n{row}")
    with pytest.raises(DataError, match=r"a/1\.csv has column trial: its trials would"):
        labelled_recordings(tmp_path)
    (tmp_path / "a" / "1.csv").write_text("time_s,unit\n0.25,7\n")
    found, _ = labelled_recordings(tmp_path)
    assert found.data.times.tolist() == [0.25, 0.5]
    assert found.data.units.tolist() == [7, 1]
    assert found.shape == (8,)
