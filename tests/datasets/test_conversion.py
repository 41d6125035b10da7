import h5py
import numpy as np
import pytest

from snnjax import datasets
from snnjax.__main__ import main
from snnjax.datasets import DataError, convert, write_sonata
from snnjax.datasets.cameras.camera_hdf5_out import write_camera_hdf5
from snnjax.events import Recorded, RecordedSpikes, from_rows

TEXT = b"t,x@4,y@3,on\n5,0,0,1\n9,3,2,0\n7,1,1,1\n"


@pytest.fixture
def text(tmp_path):
    (tmp_path / "a.csv").write_bytes(TEXT)
    return tmp_path / "a.csv"


def test_events_of_a_camera_become_hdf5_exactly(text, tmp_path):
    assert convert(text, tmp_path / "b.h5") == (3, ())
    with h5py.File(tmp_path / "b.h5") as tree:
        columns = {name: node[()].tolist() for name, node in tree["events"].items()}
        told = dict(tree["events"].attrs)
    assert columns == {"t": [5, 9, 7], "x": [0, 3, 1], "y": [0, 2, 1], "p": [1, 0, 1]}
    assert (told["height"], told["width"], told["origin"]) == (3, 4, "top left")
    assert told["source"] == "text of t x y p, times in us"
    found, first = datasets.read(tmp_path / "b.h5"), datasets.read(text)
    for one, other in zip(found, first, strict=True):
        np.testing.assert_equal(one, other)


def test_and_event_stream_once_they_are_in_order(text, tmp_path):
    with pytest.raises(ValueError, match="event 2 lies at 7 µs, before"):
        convert(text, tmp_path / "b.es")
    assert not (tmp_path / "b.es").exists()
    done = convert(text, tmp_path / "b.es", sort=True)
    assert done == (
        3,
        (
            "1 events lay out of order and were moved",
            "times are from 5 µs on",
            "rows are turned, they count from the bottom",
        ),
    )
    found = datasets.read(tmp_path / "b.es")
    assert found.t.tolist() == [0, 2, 4]
    assert found.x.tolist() == [0, 1, 3]
    assert found.y.tolist() == [2, 1, 0]


def test_samples_of_events_become_npz(tmp_path):
    events = from_rows([[0.25, 0.5], []], [[1, 2], []], [0, 1], n_units=70)
    datasets.write_shd(tmp_path / "a.h5", events)
    assert convert(tmp_path / "a.h5", tmp_path / "b.npz").events == 2
    for one, other in zip(datasets.read(tmp_path / "b.npz"), events, strict=True):
        np.testing.assert_array_equal(one, other)


def spikes(**told):
    columns = {
        "times": np.array([0.3, 0.1, 0.2]),
        "units": np.array([7, 7, 0]),
        "population": np.array([0, 1, 0]),
        "populations": ("", "V1"),
    }
    return RecordedSpikes(**(columns | told), source="a test")


def test_spikes_are_written_as_sonata_says(tmp_path):
    assert write_sonata(tmp_path / "a.h5", spikes()) == 3
    with h5py.File(tmp_path / "a.h5") as tree:
        group = tree["spikes/default"]
        np.testing.assert_allclose(group["timestamps"][()], [300.0, 200.0], rtol=1e-15)
        assert group["timestamps"].attrs["units"] == "milliseconds"
        assert group["node_ids"][()].tolist() == [7, 0]
        assert group.attrs["sorting"] == "none"
        assert tree["spikes/V1"].attrs["sorting"] == "by_time"
    found = datasets.read(tmp_path / "a.h5")
    assert {*found.populations} == {"default", "V1"}
    both = [*zip(found.times.tolist(), found.units.tolist(), strict=True)]
    assert sorted(both) == [(0.1, 7), (0.2, 0), (0.3, 7)]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"times": np.array([0.0, np.nan, 1.0])}, "times of recorded"),
        ({"units": np.array([0, -3, 1])}, "must not be negative, got -3"),
        ({"populations": ("a/b", "c")}, "without /, got 'a/b'"),
        ({"populations": ("default", "")}, "called default beside"),
    ],
)
def test_what_sonata_cannot_hold_is_refused(wrong, reason, tmp_path):
    with pytest.raises(ValueError, match=reason):
        write_sonata(tmp_path / "a.h5", spikes(**wrong))
    assert not [*tmp_path.iterdir()]


def test_pieces_of_a_recording_are_written_one_after_the_other(tmp_path):
    def pieces():
        for k in range(5):
            t = np.arange(3) + 10**15 * k
            ones = np.full(3, k, np.uint16)
            made = Recorded(t, ones, ones, ones % 2, None, "bottom left", "a test")
            yield made._replace(skipped={"motion": 2}, zero="2026-01-01")

    assert write_camera_hdf5(tmp_path / "a.h5", pieces()) == 15
    with h5py.File(tmp_path / "a.h5") as tree:
        assert tree["events/t"][()].tolist() == [
            10**15 * k + j for k in range(5) for j in range(3)
        ]
        assert tree["events"].attrs["skipped"] == '{"motion": 10}'
        assert tree["events"].attrs["zero"] == "2026-01-01"
    found = datasets.read(tmp_path / "a.h5")
    assert (found.origin, found.zero) == ("bottom left", "2026-01-01")
    assert found.skipped == {"motion": 10}
    with pytest.raises(ValueError, match="one piece at least"):
        write_camera_hdf5(tmp_path / "b.h5", [])


def test_what_makes_no_sense_is_refused(text, tmp_path):
    with pytest.raises(ValueError, match=r"as \.h5 or \.es, got 'b\.wav'"):
        convert(text, tmp_path / "b.wav")
    with pytest.raises(ValueError, match="written over what is read"):
        convert(text, tmp_path / "." / "a.csv")
    np.save(tmp_path / "a.npy", np.eye(9))
    with pytest.raises(DataError, match="holds no events"):
        convert(tmp_path / "a.npy", tmp_path / "b.h5")


def test_commands_say_what_they_did(text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "convert", "a.csv", "b.es", "--sort"]) == 0
    assert capsys.readouterr().out.endswith("the bottom\n3 events: b.es\n")
    assert main(["data", "show", "b.es"]) == 0
    assert "figure: b.es.png" in capsys.readouterr().out
    assert (tmp_path / "b.es.png").read_bytes()[:4] == b"\x89PNG"
    assert main(["data", "show", "b.es", "--out", "c.png"]) == 0
    assert (tmp_path / "c.png").exists()
    assert main(["data", "convert", "a.csv", "b.es"]) == 1
    assert "event 2 lies at 7 µs" in capsys.readouterr().err
