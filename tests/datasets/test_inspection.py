import pickle

import numpy as np
import pytest
from scipy.io import wavfile

from snnjax import __main__
from snnjax.datasets import catalogue, write_events, write_shd
from snnjax.datasets.command import is_here
from snnjax.datasets.inspection import check
from snnjax.datasets.published import File
from snnjax.events import from_rows

pytest.importorskip("h5py")


@pytest.fixture
def folder(tmp_path):
    """Two files of events, two sounds, one recording, and a note."""
    events = from_rows([[0.1, 0.2], []], [[1, 2], []], [0, 1], n_units=700)
    write_events(tmp_path / "a.npz", events)
    write_shd(tmp_path / "a.h5", events)
    (tmp_path / "deep" / "3").mkdir(parents=True)
    for k in (1, 2):
        wavfile.write(tmp_path / "deep" / f"{k}.wav", 8000, np.zeros(4000, np.int16))
    (tmp_path / "deep" / "3" / "00001.bin").write_bytes(bytes([1, 2, 128, 0, 9]) * 3)
    (tmp_path / "README").write_text("read me")
    np.savez(tmp_path / "mine.npz", weights=np.zeros(3))
    return tmp_path


def test_all_files_of_known_formats_are_read_and_counted(folder):
    report = check(folder)
    assert {kind: dict(counts) for kind, counts in report.counts.items()} == {
        "events, HDF5": {"files": 1, "samples": 2, "events": 2},
        "events, npz": {"files": 1, "samples": 2, "events": 2},
        "sound": {"files": 2, "sounds": 2, "seconds": 1.0},
        "ATIS, 40 bit": {"files": 1, "events": 3},
    }
    assert report.others == 1
    (line,) = report.unread
    assert "mine.npz is sound, but not" in line
    assert "it holds arrays weights" in line
    assert report.published == report.bad == ()
    assert (
        report.told[0]
        == "a.h5: 2 samples of 2 classes, 700 units, up to 200 ms, 2 events"
    )
    assert report.told[-1].startswith("deep/3/00001.bin: ATIS, 40 bit, ")
    assert check(folder / "a.npz").counts["events, npz"]["files"] == 1


def test_an_array_has_steps(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((40, 12), np.uint8))
    np.save(tmp_path / "b.npy", np.zeros((30, 12), np.uint8))
    report = check(tmp_path)
    assert report.counts == {"array [T, n]": {"files": 2, "steps": 70}}
    assert report.told == (
        "a.npy: uint8 [40, 12], 40 steps of 12 channels",
        "b.npy: uint8 [30, 12], 30 steps of 12 channels",
    )
    assert report.odd == ()


def test_an_array_that_lies_on_its_side_is_told(tmp_path, capsys):
    for k in range(3):
        np.save(tmp_path / f"{k}.npy", np.zeros((40 + k, 12), np.uint8))
    np.save(tmp_path / "turned.npy", np.zeros((12, 40), np.uint8))
    assert __main__.main(["data", "check", str(tmp_path)]) == 0
    (line,) = (x for x in capsys.readouterr().out.splitlines() if x.startswith("odd"))
    assert line.startswith(
        "odd: turned.npy is [12, 40], 12 steps of 40 channels, where"
    )
    assert "looks like [n, T]" in line


def test_damaged_files_are_named_and_the_rest_is_read(folder):
    (folder / "deep" / "1.wav").write_bytes(b"RIFF")
    (folder / "deep" / "3" / "00001.bin").write_bytes(b"1234")
    report = check(folder)
    assert report.counts["sound"]["files"] == 1
    assert [each.split(" ")[0] for each in report.bad] == [
        *(str(folder / "deep" / name) for name in ("1.wav", "3/00001.bin"))
    ]


def test_a_file_named_as_a_published_one_must_be_that(tmp_path, data_folder):
    real = data_folder("ecg-qtdb") / "QTDB_test.mat"
    assert check(real).published == ("qtdb: QTDB_test.mat",)
    (tmp_path / "QTDB_test.mat").write_bytes(b"m" + real.read_bytes()[1:])
    (line,) = check(tmp_path).bad
    assert (
        "916f11e21679a5b61988305bbb7cd1e6df8b34f1ed4a157a7a4e295d400ef232 was" in line
    )


def command(capsys, *args):
    status = __main__.main(["data", *args])
    out, err = capsys.readouterr()
    return status, out, err


def test_check_prints_what_was_found_and_fails_if_anything_is_damaged(folder, capsys):
    status, out, _ = command(capsys, "check", str(folder))
    assert status == 0
    assert "2 x sound: 2 sounds, 1 seconds" in out
    assert "1 of no known format, not looked at" in out
    (folder / "a.npz").write_bytes(b"PK")
    status, out, _ = command(capsys, "check", str(folder))
    assert status == 1
    assert f"bad: {folder / 'a.npz'} cannot be read" in out


def test_list_and_info_print_what_is_known(capsys):
    status, out, _ = command(capsys, "list")
    assert status == 0
    *sets, told = out.splitlines()
    assert [line.split()[0] for line in sets] == [*catalogue.DATA_SETS]
    assert "11.6 MB" in sets[1]
    assert "SNNJAX_DATA" in told
    assert "--data" in told
    status, out, _ = command(capsys, "info", "speech-commands")
    assert status == 0
    for words in ("CC BY 4.0", "arXiv:1804.03209", "2428.9 MB", "sha256:af14739e"):
        assert words in out
    assert "contents are compared" in command(capsys, "info", "fsdd")[1]
    assert "no checksum published" in command(capsys, "info", "hd-audio")[1]


def test_get_says_where_the_set_is_or_why_it_is_not(
    capsys, serve, monkeypatch, tmp_path
):
    with serve() as server:
        file = File("a.bin", server.url)
        known = catalogue.DATA_SETS["qtdb"]._replace(files=(file,))
        monkeypatch.setitem(catalogue.DATA_SETS, "qtdb", known)
        status, out, _ = command(capsys, "get", "qtdb", "--to", str(tmp_path))
        assert (status, out) == (0, f"qtdb is in {tmp_path / 'qtdb'}\n")
    (tmp_path / "qtdb" / "a.bin").unlink()
    status, out, err = command(capsys, "get", "qtdb", "--to", str(tmp_path))
    assert (status, out) == (1, "")
    assert "If this machine is offline, get the file elsewhere" in err


def test_pickles_of_either_kind_are_told_apart(tmp_path):
    taxels = [[[0.5], [0.25]] for _ in range(12)]
    events = {"letter": ["A"], "events": [taxels]}
    (tmp_path / "th_1.pkl").write_bytes(pickle.dumps(events))
    felt = {"letter": "A", "repetition": 0, "taxel_data": np.zeros((3, 12))}
    (tmp_path / "felt.pkl").write_bytes(pickle.dumps([felt]))
    (counts,) = check(tmp_path).counts.values()
    assert dict(counts) == {"files": 2, "samples": 2, "events": 24}


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["info", "sdh"], "No data set 'sdh'. There are: digits, "),
        (["check", "no/where"], "Nothing is at no/where"),
        (["get", "digits"], "digits is not downloaded"),
    ],
)
def test_commands_that_make_no_sense_are_refused(args, reason, capsys):
    status, out, err = command(capsys, *args)
    assert (status, out) == (1, "")
    assert reason in err


def test_what_is_here_is_told_before_it_is_loaded(monkeypatch, tmp_path):
    monkeypatch.setenv("SNNJAX_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def here():
        return [name for name, each in catalogue.DATA_SETS.items() if is_here(each)]

    assert here() == ["digits"]
    for name, each in catalogue.DATA_SETS.items():
        for mark in each.marks[:1]:
            home = (*each.homes, name)[0]
            found = tmp_path / "data" / home / mark.replace("*", "x")
            found.parent.mkdir(parents=True, exist_ok=True)
            found.touch()
            assert name in here()
    assert here() == [*catalogue.DATA_SETS]
