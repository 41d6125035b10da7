import gzip
import pickle

import numpy as np
import pytest

from snnjax.datasets import DataError, read_braille, read_braille_events
from snnjax.datasets.layouts.braille_pickle import LETTERS


def trial(letter="B", repetition=3, steps=4, **changes):
    felt = np.full((steps, 12), 255.0)
    felt[1, 2] = 17.0
    felt[-1] = np.arange(12)
    return {
        "experiment_name": "braille_letters",
        "letter": letter,
        "repetition": repetition,
        "taxel_data": felt,
        **changes,
    }


def save(path, thing):
    packed = gzip.compress if path.suffix == ".gz" else bytes
    path.write_bytes(packed(pickle.dumps(thing)))
    return path


@pytest.mark.parametrize("name", ["a.pkl", "a.pkl.gz"])
def test_trials_become_arrays_padded_with_their_last_sample(name, tmp_path):
    trials = [trial(), trial("Space", 49, steps=3)]
    found = read_braille(save(tmp_path / name, trials))
    assert (found.x.shape, found.x.dtype) == ((2, 4, 12), np.uint8)
    np.testing.assert_array_equal(found.x[0], trials[0]["taxel_data"])
    np.testing.assert_array_equal(found.x[1, :3], trials[1]["taxel_data"])
    np.testing.assert_array_equal(found.x[1, 3], np.arange(12))
    assert found.lengths.tolist() == [4, 3]
    assert found.labels.tolist() == [2, 0]
    assert found.trial.tolist() == [3, 49]
    assert found.classes == LETTERS


def columns(**changes):
    found = {
        "taxel_data": np.zeros((2, 4, 12), np.uint8),
        "length": np.array([4, 3]),
        "label": np.array([0, 26]),
        "repetition": np.array([7, 8]),
        "letters": np.array(LETTERS),
    }
    return {k: v for k, v in (found | changes).items() if v is not None}


def test_an_npz_of_the_same_arrays_is_read(tmp_path):
    felt = np.arange(96, dtype=np.uint8).reshape(2, 4, 12)
    np.savez(tmp_path / "a.npz", **columns(taxel_data=felt), other=np.zeros(3))
    found = read_braille(tmp_path / "a.npz")
    np.testing.assert_array_equal(found.x, felt)
    assert found.labels.tolist() == [0, 26]
    assert found.trial.tolist() == [7, 8]
    assert found.lengths.tolist() == [4, 3]


def refused(read, path, message):
    with pytest.raises(DataError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def readings(**changes):
    return [trial(), trial(**changes)]


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        ({}, "a dict of nothing, not a list of trials"),
        ([1], "holds a list of a int, not of trials"),
        ([{}], "a list of a dict of nothing, not of trials"),
        (readings(letter="ß"), "trial 1: ValueError 'ß' is no letter"),
        (readings(letter=["A"]), "is no letter"),
        (readings(repetition="x"), "trial 1: ValueError"),
        (readings(repetition=2**31), "trial 1: OverflowError"),
        (readings(taxel_data=[1.0]), "trial 1: .*array of 2 axes was expected"),
        (readings(taxel_data=np.zeros((4, 11))), r"taxel_data is float64 \[4, 11\]"),
        (readings(taxel_data=np.zeros((0, 12))), r"taxel_data is float64 \[0, 12\]"),
        (readings(taxel_data=np.full((4, 12), "a")), "taxel_data is <U1"),
        (readings(taxel_data=np.full((4, 12), 0.5)), "a reading is no whole number"),
        (readings(taxel_data=np.full((4, 12), 256)), "a reading is no whole number"),
        (readings(taxel_data=np.full((4, 12), np.nan)), "a reading is no whole number"),
        (readings(steps=40), "trials of 4 to 40 samples do not fit"),
        (50 * readings(), "the trials hold more than the file"),
    ],
)
def test_a_pickle_that_breaks_the_format_is_refused(thing, message, tmp_path):
    if message.startswith("trials of"):
        thing = [*thing, *(trial() for _ in range(9))]
    refused(read_braille, save(tmp_path / "a.pkl", thing), message)


def test_a_pickle_that_runs_something_is_refused(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    refused(read_braille, tmp_path / "a.pkl", r"byte 0: .* asks for os\.system")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": None}, "it holds arrays taxel_data, length, repetition, letters"),
        (
            {"taxel_data": np.zeros((2, 4, 11), np.uint8)},
            r"uint8 \[2, 4, 11\], not \[N",
        ),
        ({"taxel_data": np.zeros((2, 4, 12))}, "taxel_data is float64"),
        ({"taxel_data": np.zeros((2, 0, 12), np.uint8)}, r"taxel_data is uint8 \[2, 0"),
        ({"letters": np.array(LETTERS[:-1])}, "not Space and A to Z"),
        ({"label": np.array([0.0, 1.0])}, "label is float64"),
        ({"label": np.array([0, 27])}, "labels lie in 0 … 27, expected 0 … 26"),
        ({"label": np.array([0])}, "there are 2 samples, but 1 labels"),
        ({"length": np.array([4, 5])}, "a length is not within 1 … 4"),
        ({"length": np.array([0, 4])}, "a length is not within 1 … 4"),
        ({"repetition": np.zeros((2, 1), int)}, "repetition is int64"),
    ],
)
def test_an_npz_that_breaks_the_format_is_refused(changes, message, tmp_path):
    np.savez(tmp_path / "a.npz", **columns(**changes))
    refused(read_braille, tmp_path / "a.npz", message)


def test_an_npz_with_objects_is_refused(tmp_path):
    objects = np.array([{}, {}], object)
    np.savez(tmp_path / "a.npz", **columns(label=objects), allow_pickle=True)
    refused(read_braille, tmp_path / "a.npz", "it holds objects as label")


def signs(*events):
    """Twelve taxels; events are (taxel, 0 more or 1 less contact, times)."""
    taxels = [[[], []] for _ in range(12)]
    for taxel, sign, times in events:
        taxels[taxel][sign] = times
    return taxels


def test_events_of_the_full_release_are_read(tmp_path):
    trials = np.empty(2, object)
    trials[:] = [signs((3, 0, [0.5, 0.75]), (3, 1, [0.25]), (11, 1, [1.0])), signs()]
    whole = {"letter": np.array(["C", "Space"]), "events": trials, "repetition": [4, 5]}
    found = read_braille_events(save(tmp_path / "a.pkl", whole))
    assert found.times.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert found.units.tolist() == [3 + 12, 3, 3, 11 + 12]
    assert found.offsets.tolist() == [0, 4, 4]
    assert found.labels.tolist() == [3, 0]
    assert found.trial.tolist() == [4, 5]
    assert (found.n_units, found.n_classes) == (24, 27)
    del whole["repetition"]
    assert read_braille_events(save(tmp_path / "a.pkl", whole)).trial.tolist() == [
        -1,
        -1,
    ]


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        ([], "not a dict of letter and events"),
        ({"letter": ["A"]}, "not a dict of letter and events"),
        ({"letter": ["AB"], "events": [signs()]}, "'AB' is no letter"),
        ({"letter": ["A"], "events": [signs()[1:]]}, "trial 0 has 11 taxels"),
        ({"letter": ["A"], "events": [[[[]]] * 12]}, "taxel 0 has 1 signs of change"),
        (
            {"letter": ["A"], "events": [signs((0, 0, ["x"]))]},
            "holds something else",
        ),
        ({"letter": ["A"], "events": [signs((0, 0, [-1.0]))]}, "row 0 has a time"),
        ({"letter": ["A", "B"], "events": [signs()]}, "1 samples have times, but 2"),
    ],
)
def test_events_that_break_the_format_are_refused(whole, message, tmp_path):
    refused(read_braille_events, save(tmp_path / "a.pkl", whole), message)


def test_impossible_events_are_dropped_and_counted_if_asked_for(tmp_path):
    whole = {"letter": ["A"], "events": [signs((0, 0, [-1.0, 0.5]))]}
    with pytest.warns(UserWarning, match="Dropped 1 of 2 events"):
        found = read_braille_events(save(tmp_path / "a.pkl", whole), outside="drop")
    assert found.times.tolist() == [0.5]
