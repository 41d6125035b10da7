"""Each thing that a person may say of a file on the command line changes something."""

import numpy as np
import pytest
from scipy.io import savemat

from snnjax.__main__ import main
from snnjax.datasets import write_events
from snnjax.events import from_rows

h5py = pytest.importorskip("h5py")


def shown(capsys, *args):
    status = main(["data", "show", *args, "--out", "a.png"])
    out, err = capsys.readouterr()
    return status, out + err


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def two_cameras(path):
    with h5py.File(path, "w") as file:
        for side, n in (("left", 3), ("right", 5)):
            rows = np.array([[k, k, 1e-3 * k, 1] for k in range(n)])
            file[f"davis/{side}/events"] = rows


def populations(path):
    with h5py.File(path, "w") as file:
        for name, n in (("cortex", 3), ("thalamus", 5)):
            group = file.create_group(f"spikes/{name}")
            stamps = group.create_dataset("timestamps", data=np.arange(n) * 1.0)
            stamps.attrs["units"] = "ms"
            group.create_dataset("node_ids", data=np.arange(n, dtype=np.uint64))


def text(raw):
    return lambda path: path.write_text(raw)


FILES = {  # what a file is, what is said of it, and the result with and without
    "a.csv": (text("time,unit\n5,1\n15,1\n"), ["--unit", "ms"], "10 ms", "unit=…"),
    "a.dat": (
        text("1\t10\t0.000\t\n2\t30\t0.000\t\n"),
        *(["--resolution", "1e-3"], "20 ms", "plain text"),
    ),
    "a.npy": (
        lambda path: np.save(path, np.array([500, 1500])),
        *(["--rate", "1000"], "1 s", "rate=…"),
    ),
    "a.txt": (
        text("".join(f"{k} {k % 4} 1 {1000 + k}\n" for k in range(9))),
        *(["--columns", "x y p t"], "9 events from 1000 µs", "plain text"),
    ),
    "a.h5": (two_cameras, ["--camera", "right"], "5 events", "camera=…"),
    "b.h5": (populations, ["--population", "cortex"], "3 events", "8 events"),
    "a.mat": (
        lambda path: savemat(path, {"early": [1.0, 2.0], "late": [7.0, 8.0, 9.0]}),
        *(["--variable", "late", "--unit", "s"], "3 events from 7 s", "arrays early"),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_said_of_a_file_is_heeded(name, tmp_path, capsys):
    make, said, expected, without = FILES[name]
    make(tmp_path / name)
    assert without in shown(capsys, name)[1]
    status, told = shown(capsys, name, *said)
    assert status == 0, told
    assert expected in told
    spikes = name not in ("a.txt", "a.h5")
    assert main(["data", "convert", name, "out.h5", *said]) == 0
    count = int(expected.split()[0]) if "events" in expected else 2
    assert f"{count} events: out.h5" in capsys.readouterr().out
    with h5py.File(tmp_path / "out.h5") as made:
        assert ("spikes" in made) is spikes


def test_a_camera_may_have_a_number(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("t,x,y,p\n5,0,0,1\n")
    status, told = shown(capsys, "a.csv", "--camera", "1")
    assert status == 1
    assert "whose reader takes columns, unit, limit, outside; got camera" in told


def test_every_file_is_told_on_demand(tmp_path, capsys):
    events = from_rows([[0.5]], [[1]], [0], n_units=2)
    for k in range(25):
        write_events(tmp_path / f"{k:02}.npz", events)
    assert main(["data", "check", "."]) == 0
    out = capsys.readouterr().out
    assert "19.npz" in out
    assert "24.npz" not in out
    assert "of 25 files in all; --each shows them" in out
    assert main(["data", "check", ".", "--each"]) == 0
    out = capsys.readouterr().out
    assert all(f"{k:02}.npz: 1 samples" in out for k in range(25))
    assert "in all" not in out


def test_what_is_neither_a_task_nor_there_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train", "recordngs"])
    assert ended.value.code == 2
    assert "recordngs is no file or folder, and no task: digits" in (
        capsys.readouterr().err
    )
    (tmp_path / "digits").mkdir()
    with pytest.raises(SystemExit):
        main(["train", "digits", "--help"])
    assert "digits is the task of that name; the folder is ./digits" in (
        capsys.readouterr().err
    )
