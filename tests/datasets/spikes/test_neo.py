from types import SimpleNamespace

import numpy as np
import pytest

from snnjax.datasets import DataError, from_neo, read_nix
from snnjax.datasets.spikes.hdf5_spikes import is_nix

h5py = pytest.importorskip("h5py")
neo = pytest.importorskip("neo")
pytest.importorskip("nixio")


def train(times, units="s", stop=10.0):
    return neo.SpikeTrain(times, t_stop=stop, units=units)


TRAINS = [
    (np.array([0.5, 2.0]), "s", 10.0),
    (np.array([]), "s", 10.0),
    (np.array([250.0, 1500.0, 3000.5]), "ms", 12_000.0),
    (np.array([7e5]), "us", 1e6),
]
TRUE = [0.5, 2.0, 0.25, 1.5, 3.0005, 0.7]


@pytest.fixture
def block():
    """A block of one segment, beside trains a signal and an event."""
    found = neo.Block()
    found.segments.append(neo.Segment())
    found.segments[0].spiketrains.extend([train(*each) for each in TRAINS])
    signal = neo.AnalogSignal(
        np.zeros((9, 2)), units="mV", sampling_rate=1e3 / train([1.0]).t_stop
    )
    found.segments[0].analogsignals.append(signal)
    return found


@pytest.fixture
def write(tmp_path):
    def written(block):
        io = neo.NixIO(str(tmp_path / "a.nix"), "ow")
        io.write_block(block)
        io.close()
        return tmp_path / "a.nix"

    return written


def check(found):
    np.testing.assert_allclose(found.times, TRUE, rtol=1e-15)
    assert found.units.tolist() == [0, 0, 2, 2, 2, 3]
    assert found.known[0].tolist() == [0, 1, 2, 3]
    assert (found.span, found.populations) == ((0.0, 12.0), ("",))
    assert [each.dtype for each in found[:3]] == ["f8", "i8", "i8"]


def test_what_neo_wrote_is_read_train_by_train(block, write):
    found = read_nix(write(block))
    check(found)
    assert (dict(found.skipped), found.source) == ({"analogsignal": 2}, "NIX of Neo")


def test_many_trains_keep_their_order(write):
    block = neo.Block()
    block.segments.append(neo.Segment())
    block.segments[0].spiketrains.extend([train([k / 9]) for k in range(40)])
    found = read_nix(write(block))
    np.testing.assert_allclose(found.times, np.arange(40) / 9)
    assert found.units.tolist() == [*range(40)]


def test_one_of_several_segments_is_chosen(block, write):
    block.segments.append(neo.Segment())
    block.segments[1].spiketrains.append(train([4.0]))
    path = write(block)
    with pytest.raises(DataError, match="2 segments, each with its clock; segment=…"):
        read_nix(path)
    check(read_nix(path, segment=0))
    assert read_nix(path, segment=1).times.tolist() == [4.0]
    with pytest.raises(DataError, match="2 segments, and none of number 2"):
        read_nix(path, segment=2)
    with pytest.raises(ValueError, match="segment must"):
        read_nix(path, segment=-1)
    with pytest.raises(ValueError, match="2 segments, each with its clock; give one"):
        from_neo(block)
    assert from_neo(block.segments[1]).times.tolist() == [4.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda tag: tag["positions"].attrs.modify("unit", "mV"),
            "'mV', no unit of time",
        ),
        (lambda tag: tag["positions"].attrs.pop("unit"), "'None', no unit of time"),
        (lambda tag: tag["positions"].pop("data"), "no times in .*/positions"),
        (lambda tag: tag["positions/data"].__setitem__(0, np.nan), "spike 0 .* at nan"),
    ],
)
def test_a_train_that_is_wrong_is_refused(change, message, block, write):
    path = write(block)
    with h5py.File(path, "a") as file:
        place = next(iter(file["data"].values()))["groups"]
        tags = next(iter(place.values()))["multi_tags"]
        change(next(iter(tags.values())))
    with pytest.raises(DataError, match=message):
        read_nix(path)


def test_trees_are_told_by_what_they_say_of_themselves(block, write, tmp_path):
    with h5py.File(write(block), "r") as tree:
        assert is_nix(tree)
    with h5py.File(tmp_path / "b.h5", "w") as tree:
        tree["Block_0/segments/Segment_0/spiketrains/x"] = np.zeros(3)
        assert not is_nix(tree)
    with pytest.raises(DataError, match="what NeoHdf5IO of old versions of Neo wrote"):
        read_nix(tmp_path / "b.h5")
    with pytest.raises(DataError, match="NIX without a segment of Neo"):
        read_nix(write(neo.Block()))


def test_trains_in_memory_are_taken_as_they_are(block):
    check(from_neo(block))
    check(from_neo(block.segments[0]))
    check(from_neo(block.segments[0].spiketrains))
    check(from_neo([train(*each) for each in TRAINS]))
    assert from_neo(train([1.0, 3.0], "ms")).times.tolist() == [0.001, 0.003]
    assert from_neo([]).known[0].tolist() == []


def test_what_looks_like_a_train_is_one():
    like = SimpleNamespace(times=[1.0, 3.0], units="ms")
    found = from_neo([like, SimpleNamespace(times=np.array([0.5]), units="s")])
    assert found.times.tolist() == [0.001, 0.003, 0.5]
    assert (found.units.tolist(), found.span) == ([0, 0, 1], None)


@pytest.mark.parametrize(
    ("trains", "message"),
    [
        ([[1.0, 2.0]], r"trains\[0\] must have a unit of time, .* got list"),
        (np.zeros(3), r"trains\[0\] must have a unit of time, .* got float64"),
        ("a.nix", r"trains\[0\] must have a unit of time, .* got str"),
        (3, r"trains\[0\] must have a unit of time, .* got int"),
        ([train([1.0]), train([np.nan])], r"trains\[1\] must be finite times"),
        (
            [SimpleNamespace(times=[1.0], units="mV")],
            r"trains\[0\] must have a unit of time",
        ),
        ([SimpleNamespace(times=[[1.0]], units="s")], r"got shape \(1, 1\)"),
        (SimpleNamespace(segments=[]), "trains has 0 segments"),
    ],
)
def test_what_is_no_train_is_refused(trains, message):
    with pytest.raises(ValueError, match=message):
        from_neo(trains)


def test_a_file_of_others_is_read_as_is_known(data_folder):
    folder = data_folder("recordings")
    path = folder / "neo_nix" / "neo_spiketrains_s.nix"
    found = read_nix(path)
    counts = [np.count_nonzero(found.units == k) for k in range(5)]
    assert counts == [99, 69, 65, 96, 70]
    ends = [found.times.min(), found.times.max()]
    np.testing.assert_allclose(ends, [0.0240091201, 9.98413048], rtol=1e-8)
    io = neo.NixIO(str(path), "ro")  # another way to the same
    other = from_neo(io.read_block())
    io.close()
    np.testing.assert_array_equal(found.times, other.times)
    np.testing.assert_array_equal(found.units, other.units)
    assert found.span == other.span == (0.0, 10.0)
