import numpy as np
import pytest

from snnjax.datasets import DataError, read_n_tidigits
from snnjax.datasets.containers import hdf5
from snnjax.datasets.guard.checked import reading
from snnjax.datasets.layouts.n_tidigits_hdf5 import is_n_tidigits

h5py = pytest.importorskip("h5py")

TRAIN = {
    "bm-a-1": ([0.25, 0.5], [0, 63]),
    "ek-b-o2": ([0.125], [4]),
    "man-ae-b-o": ([0.75, 0.5, 1.5], [7, 8, 9]),
    "aa-a-z": ([], []),
}
TEST = {"zz-a-9": ([0.1], [1])}


@pytest.fixture
def file(tmp_path):
    def write(train=TRAIN, labels=None, **packed):
        with h5py.File(tmp_path / "a.hdf5", "w") as opened:
            for part, utterances in (("train", train), ("test", TEST)):
                told = labels if labels is not None and part == "train" else utterances
                words = [key.encode() for key in told]
                opened[f"{part}_labels"] = np.array(words, "S12")
                for key, (times, channels) in utterances.items():
                    place = f"{part}_timestamps/{key}"
                    opened.create_dataset(place, data=np.array(times, float), **packed)
                    opened[f"{part}_addresses/{key}"] = np.array(channels, int)
        return tmp_path / "a.hdf5"

    return write


def test_single_digits_are_labelled_by_what_was_said(file):
    events = read_n_tidigits(file())
    assert events.labels.tolist() == [1, 10, 0]  # one, oh, zero
    assert events.offsets.tolist() == [0, 2, 5, 5]
    assert events.times.tolist() == [0.25, 0.5, 0.5, 0.75, 1.5]
    assert events.units.tolist() == [0, 63, 8, 7, 9]
    assert events.group.tolist() == [1 * 26 + 12, 4, 0]  # bm, ae, aa
    assert events.trial.tolist() == [0, 1, 0]
    assert (events.n_units, events.n_classes) == (64, 11)


def test_each_part_is_read_by_its_name(file):
    events = read_n_tidigits(file(), part="test")
    assert (events.labels.tolist(), events.group.tolist()) == ([9], [675])


def test_several_digits_make_one_number(file):
    events = read_n_tidigits(file(), digits=2)
    assert (events.labels.tolist(), events.n_classes) == ([10 * 11 + 2], 121)
    with pytest.raises(DataError, match="utterances of 1, 2 digits, none of 3"):
        read_n_tidigits(file(), digits=3)


def test_compressed_times_are_read(file):
    train = {k: v for k, v in TRAIN.items() if v[0]}
    events = read_n_tidigits(file(train, compression="gzip"))
    assert events.times.tolist() == [0.25, 0.5, 0.5, 0.75, 1.5]


def test_channels_beyond_those_there_are_are_refused_or_dropped(file):
    path = file({"bm-a-1": ([0.5, 0.25], [64, 5])})
    with pytest.raises(DataError, match="a unit outside 0 … 63"):
        read_n_tidigits(path)
    assert read_n_tidigits(path, n_units=128).units.tolist() == [5, 64]
    with pytest.warns(UserWarning, match="Dropped 1 of 2 events"):
        assert read_n_tidigits(path, outside="drop").units.tolist() == [5]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"train": {"bm-a-1": ([0.5], [1, 2])}}, "bm-a-1 has 1 timestamps and 2 addr"),
        ({"labels": ["bm-a-1", "bm-b-2"]}, r"names bm-b-2, train_timestamps/bm-b-2 is"),
        ({"labels": ["bm-a-1", "bm-a-1"]}, "train_labels holds a key twice"),
        ({"labels": ["bm-a"]}, "is sound, .*the key 'bm-a', not <speaker>-<take>"),
        ({"labels": ["bm-a-0"]}, "is sound, .*the key 'bm-a-0'"),
        ({"train": {"bm-a-1": ([-0.5], [1])}}, "a time that is negative"),
    ],
)
def test_what_is_damaged_or_another_is_refused_and_named(given, message, file):
    path = file(**given)
    with pytest.raises(DataError, match=message) as caught:
        read_n_tidigits(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"part": "valid"}, "part"),
        ({"digits": 0}, "digits"),
        ({"digits": 8}, "digits"),
        ({"n_units": 0}, "n_units"),
        ({"outside": "keep"}, "outside"),
    ],
)
def test_wrong_options_are_refused_by_name(wrong, name, file):
    with pytest.raises(ValueError, match=name):
        read_n_tidigits(file(), **wrong)


def test_groups_tell_whether_it_is_one(file, tmp_path):
    with h5py.File(tmp_path / "b.h5", "w") as opened:
        opened["train_labels"] = np.zeros(3)
    for path, whole in ((file(), True), (tmp_path / "b.h5", False)):
        with reading(path, "a test") as opened, hdf5.opened(opened) as (tree, _):
            assert is_n_tidigits(tree) == whole
    with pytest.raises(DataError, match=r"is sound, .*groups or arrays train_labels"):
        read_n_tidigits(tmp_path / "b.h5")


def test_a_file_in_its_layout_holds_what_was_written(data_folder):
    path = data_folder("recordings") / "ntidigits/ntidigits_layout.hdf5"
    with h5py.File(path) as opened:
        for part in ("train", "test"):
            events = read_n_tidigits(path, part=part)
            assert events.labels.tolist() == [1, 10]
            assert np.diff(events.offsets).tolist() == [300, 350]
            times = opened[f"{part}_timestamps/ek-b-o"][()]
            order = np.argsort(times, kind="stable")
            np.testing.assert_array_equal(events.times[300:], times[order])
            channels = opened[f"{part}_addresses/ek-b-o"][()][order]
            np.testing.assert_array_equal(events.units[300:], channels)
    assert np.diff(read_n_tidigits(path, digits=3).offsets).tolist() == [400]
