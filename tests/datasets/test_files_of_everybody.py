"""Files that lie about in folders of people, and are not what they may be taken for."""

import os
import stat
import zipfile

import numpy as np
import pytest
from scipy.io import savemat, wavfile

from snnjax import datasets
from snnjax.__main__ import main
from snnjax.datasets import DataError, convert
from snnjax.datasets.formats.any_file import format_if_any
from snnjax.datasets.inspection import check
from snnjax.events import RecordedSpikes


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("iris.csv", b"51,35,14,2,0\n49,30,14,2,1\n"),
        ("boxes.txt", b"10 20 30 4\n12 22 31 4\n"),
        ("stock.csv", b"1577923200,324.87,332.14,1\n1577923260,324.8,332.1,0\n"),
        ("x y t p.txt", b"90 3 0 1\n17 4 5 1\n60 4 6 0\n12 9 7 1\n50 9 8 1\n"),
        ("two.txt", b"640 480\n0.000001 1 2\n0.000002 3 4\n"),
        ("days.txt", b"2024-01-01 3.4\n2024-01-02 3.5\n"),
        ("list.md", b"1 apple\n2 banana\n"),
        ("todo.md", b"1. something\n2. something else\n"),
        ("layer_1.bin", np.arange(1000, 0, -1).astype("<f4").tobytes()),
        ("empty_1.bin", bytes(1000)),
        ("._a.wav", b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(60)),
    ],
)
def test_tables_and_notes_of_other_things_are_not_called_damaged(name, raw, tmp_path):
    (tmp_path / name).write_bytes(raw)
    report = check(tmp_path)
    assert (report.bad, report.told) == ((), ())


def test_events_that_matlab_saved_as_text_are_told_by_what_is_in_them(tmp_path):
    rows = [(0.001, 3, 4, 1), (0.002, 299, 6, 0)]
    lines = ["   " + "   ".join(f"{value:.7e}" for value in row) for row in rows]
    (tmp_path / "a.txt").write_text("\n".join(lines) + "\n")
    found = datasets.read(tmp_path / "a.txt")
    assert found.t.tolist() == [1000, 2000]
    assert (found.x.tolist(), found.y.tolist()) == ([3, 299], [4, 6])
    assert found.p.tolist() == [1, 0]


def test_a_first_line_of_width_and_height_is_the_sensor(tmp_path):
    rows = "0.000001 1 2 1\n0.000002 639 479 0\n"
    (tmp_path / "a.txt").write_text("640 480\n" + rows)
    found = datasets.read(tmp_path / "a.txt")
    assert (found.size, found.t.tolist(), found.x.tolist()) == (
        *((480, 640), [1, 2], [1, 639]),
    )
    (tmp_path / "b.txt").write_text("639 480\n" + rows)
    with pytest.raises(DataError, match=r"pixel \(639, 479\).* of 639x480 pixels"):
        datasets.read(tmp_path / "b.txt")
    (tmp_path / "c.txt").write_text("640 480\n640 480\n" + rows)
    with pytest.raises(DataError, match="holds"):
        datasets.read(tmp_path / "c.txt")


def events(step, n=100, width=128):
    k = np.arange(n)
    return np.stack([k % width, k // 2, k % 2, k * step], axis=1)


def test_only_arrays_of_milliseconds_on_its_sensor_are_of_dvs_gesture(tmp_path):
    np.save(tmp_path / "ms.npy", events(60))
    assert datasets.read(tmp_path / "ms.npy").t[-1] == 99 * 60 * 1000
    for name, array in (("us", events(60_000)), ("wide", events(60, 400, 300))):
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(DataError, match=r"a unit that is not told; read_gesture"):
            datasets.read(tmp_path / f"{name}.npy")


def test_arrays_of_records_are_read_as_spikes_or_told(tmp_path):
    spikes = np.array([(0.5, 3), (0.25, 2)], [("time", "<f8"), ("unit", "<u2")])
    np.save(tmp_path / "a.npy", spikes)
    found = datasets.read(tmp_path / "a.npy", unit="s")
    assert (found.times.tolist(), found.units.tolist()) == ([0.5, 0.25], [3, 2])
    np.save(tmp_path / "b.npy", np.zeros(4, [("t", "<i8"), ("x", "<u2")]))
    with pytest.raises(DataError, match=r"an array of \[\('t'.* \[4\]"):
        datasets.read(tmp_path / "b.npy")


def test_columns_of_spikes_that_are_not_read_are_told(tmp_path):
    (tmp_path / "a.csv").write_text(",time_s,unit,trial\n0,0.5,1,0\n1,0.25,1,1\n")
    found = datasets.read(tmp_path / "a.csv")
    assert found.times.tolist() == [0.5, 0.25]
    assert found.skipped == {"column trial": 2}
    columns = {"times_s": found.times, "unit": found.units, "trial": np.arange(2)}
    np.savez(tmp_path / "a.npz", **columns)
    savemat(tmp_path / "a.mat", columns)
    for name in ("a.npz", "a.mat"):
        again = datasets.read(tmp_path / name)
        assert again.times.tolist() == [0.5, 0.25]
        assert again.skipped == {"column trial": 2}


def test_what_matlab_has_besides_arrays_is_not_called_nothing(tmp_path):
    savemat(tmp_path / "a.mat", {"TD": {"x": np.arange(3.0)}})
    with pytest.raises(DataError, match="it holds no array; read_spike_mat reads one"):
        datasets.read(tmp_path / "a.mat")


def test_rows_of_another_order_are_not_taken_for_those_of_v2e(tmp_path):
    h5py = pytest.importorskip("h5py")
    for order, told in (([2, 0, 1, 3], True), ([0, 1, 2, 3], False)):
        x_y_t_p = np.array([[9, 5, 10, 1], [3, 6, 20, 0], [4, 4, 25, 1]], "u4")
        with h5py.File(tmp_path / "a.h5", "w") as tree:
            tree["events"] = x_y_t_p[:, order]
        if told:
            assert datasets.read(tmp_path / "a.h5").t.tolist() == [10, 20, 25]
        else:
            with pytest.raises(DataError, match="do not say which"):
                datasets.read(tmp_path / "a.h5")
            found = datasets.read(tmp_path / "a.h5", columns="x y t p", unit="us")
            assert found.t.tolist() == [10, 20, 25]


def test_files_in_an_archive_are_not_called_arrays(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<a/>")
    with pytest.raises(DataError, match=r"it holds files xl/workbook\.xml"):
        datasets.read(tmp_path / "a.xlsx")


def test_a_large_file_is_not_read_to_see_that_it_is_none(tmp_path, monkeypatch):
    path = tmp_path / "weights.bin"
    with path.open("wb") as file:
        file.write(np.arange(1000, 0, -1).astype("<f4").tobytes())
        file.truncate(5 * 2**28)
    monkeypatch.setattr("snnjax.datasets.formats.registry.content", None)
    assert format_if_any(path) is None


def test_folders_that_links_lead_to_again_are_looked_into_once(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.csv").write_text("time_s,unit\n0.5,1\n")
    for name in ("again", "once more"):
        (tmp_path / "a" / name).symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    report = check(tmp_path)
    assert report.counts["text of spikes"]["files"] == 1
    assert report.unread == (f"{tmp_path / 'gone'} is a link to nothing.",)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root sees all")
def test_a_folder_that_may_not_be_seen_does_not_stop_the_others(tmp_path):
    (tmp_path / "b.csv").write_text("time_s,unit\n0.5,1\n")
    (tmp_path / "a").mkdir(mode=0)
    report = check(tmp_path)
    assert report.counts["text of spikes"]["files"] == 1
    (line,) = report.unread
    assert "Permission denied" in line


def test_a_folder_without_files_is_said_to_have_none(tmp_path, capsys):
    assert main(["data", "check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "no files\n"


def test_a_picture_takes_the_place_of_no_data_and_no_device(tmp_path, capsys):
    data, pipe = tmp_path / "a.csv", tmp_path / "pipe.png"
    data.write_text("time_s,unit\n0.5,1\n")
    os.mkfifo(pipe)
    for out, reason in ((data, "written as .png"), (pipe, "is a pipe")):
        assert main(["data", "show", str(data), "--out", str(out)]) == 1
        assert reason in capsys.readouterr().err
    assert data.read_text() == "time_s,unit\n0.5,1\n"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_parts_of_a_second_are_not_told_as_none(tmp_path, capsys):
    wavfile.write(tmp_path / "a.wav", 8000, np.zeros(1000, np.int16))
    assert main(["data", "check", str(tmp_path)]) == 0
    assert "1 x sound: 1 sounds, 0.125 seconds\n" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
@pytest.mark.parametrize("name", [b"\xff\xfe.csv", b"a $x_{$ b.csv", b"new\nline.csv"])
def test_a_file_of_any_name_is_drawn(name, tmp_path):
    path = tmp_path / os.fsdecode(name)
    try:
        path.write_text("time_s,unit\n0.5,1\n")
    except OSError:
        pytest.skip("no such name on this file system")
    assert main(["data", "show", str(path), "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_as_large_as_memory_is_refused(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("t,x,y,p\n5,65000,64000,1\n6,1,2,0\n")
    out = tmp_path / "a.png"
    assert main(["data", "show", str(tmp_path / "a.csv"), "--out", str(out)]) == 1
    assert "a picture of 65001x64001 pixels" in capsys.readouterr().err


def test_what_lies_outside_is_dropped_of_a_streamed_file_as_well(tmp_path):
    (tmp_path / "a.csv").write_text("t,x@4,y@3,on\n5,0,0,1\n6,4,0,1\n")
    with pytest.warns(UserWarning, match="Dropped 1 of 2 events"):
        done = convert(tmp_path / "a.csv", tmp_path / "b.h5", outside="drop")
    assert done.events == 1
    assert convert(tmp_path / "b.h5", tmp_path / "c.h5", limit=10**8).events == 1
    once, twice = (datasets.read(tmp_path / name) for name in ("b.h5", "c.h5"))
    assert (once.size, once.origin, once.skipped) == ((3, 4), "top left", {})
    assert type(once.origin) is str
    assert twice[4:6] == once[4:6]
    convert(tmp_path / "b.h5", tmp_path / "c.ES")
    with pytest.raises(ValueError, match=r"whose reader takes .*; got unit"):
        convert(tmp_path / "c.ES", tmp_path / "d.h5", unit="ms")


def test_order_of_spikes_is_not_said_to_be_changed(tmp_path):
    (tmp_path / "a.csv").write_text("time_s,unit\n0.5,1\n0.25,1\n")
    with pytest.raises(ValueError, match="sort is of events of a camera"):
        convert(tmp_path / "a.csv", tmp_path / "b.h5", sort=True)
    assert not (tmp_path / "b.h5").exists()


def test_what_sonata_does_not_keep_is_told(tmp_path, monkeypatch):
    known = (np.arange(3),)
    found = RecordedSpikes(
        *(np.array([0.5]), np.array([1]), np.array([0]), ("",), "a test"),
        *(known, (0.0, 2.0), {"column quality": 3}, "2026-01-01"),
    )
    (tmp_path / "a.csv").write_text("time_s,unit\n0.5,1\n")
    monkeypatch.setattr("snnjax.datasets.conversion.read", lambda path: found)
    notes = convert(tmp_path / "a.csv", tmp_path / "b.h5").notes
    assert notes == (
        "times are in milliseconds",
        "not kept: which neurons are silent",
        "not kept: when it began and ended, (0.0, 2.0) s",
        "not kept: the date at time 0, 2026-01-01",
        "not kept: what was skipped, column quality",
    )
