import gzip
import io
import shutil
import sys

import numpy as np
import pytest

from snnjax.inputs import Events, digits, load, names, spoken_digits, write_shd

h5py = pytest.importorskip("h5py")

SPLITS = ["train", "validation", "test"]
SPOKEN = "fsdd-spikes-shd-layout"


@pytest.mark.parametrize(
    ("split", "size"), [("train", 1197), ("validation", 300), ("test", 300)]
)
def test_digits_are_images_in_0_to_1_with_labels(split, size):
    images, labels = digits(split)
    assert images.shape == (size, 64)
    assert images.dtype == np.float32
    assert labels.dtype == np.int32
    assert (images.min(), images.max()) == (0, 1)
    np.testing.assert_array_equal(images * 16, np.round(images * 16))
    assert set(labels) == set(range(10))


def test_the_splits_of_the_digits_are_the_whole_set_once():
    from sklearn.datasets import load_digits

    parts = [digits(split) for split in SPLITS]
    found = np.concatenate([np.column_stack([16 * x, y]) for x, y in parts])
    whole = np.column_stack(load_digits(return_X_y=True))
    assert found.shape == whole.shape
    for rows in (found, whole):
        rows[:] = rows[np.lexsort(rows.T)]
    np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("split", SPLITS)
def test_digits_are_the_same_at_every_call(split):
    for first, again in zip(digits(split), load("digits", split), strict=True):
        np.testing.assert_array_equal(first, again)


def test_digits_are_shuffled():
    _, labels = digits("train")
    assert np.mean(np.diff(labels) == 1) < 0.2


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"snnjax\[data\]"):
        digits("train")


@pytest.mark.parametrize("read", [digits, spoken_digits])
def test_an_unknown_split_is_refused_with_those_that_exist(read):
    with pytest.raises(ValueError, match=r"'valid'.*train, validation, test"):
        read("valid")


def test_an_unknown_name_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match=r"'mnist'.*digits, spoken-digits"):
        load("mnist", "train")
    assert names() == ["digits", "spoken-digits"]


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A home without data, and no other place named."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SNNJAX_DATA", raising=False)
    return tmp_path


def test_missing_data_say_where_they_were_looked_for_and_what_to_do(
    nowhere, monkeypatch
):
    cache = nowhere / "home" / ".cache" / "snnjax"
    with pytest.raises(FileNotFoundError) as caught:
        spoken_digits("train")
    for part in (cache, "train file", "shd_train.h5.gz", "zenkelab.org", "SNNJAX_DATA"):
        assert str(part) in str(caught.value)
    monkeypatch.setenv("SNNJAX_DATA", str(nowhere / "elsewhere"))
    with pytest.raises(FileNotFoundError, match=f"{nowhere / 'elsewhere'}, {cache}"):
        spoken_digits("test")
    with pytest.raises(FileNotFoundError) as caught:
        load("spoken-digits", "test", nowhere / "here")
    assert str(nowhere / "here") in str(caught.value)
    assert str(cache) not in str(caught.value)


def toy(n, first=0, trial=None):
    """One spike for each sample, whose unit is the sample's number."""
    labels = np.arange(n, dtype=np.int32) % 3
    trial = np.full(n, -1) if trial is None else np.asarray(trial)
    times, units = np.full(n, 0.5), np.arange(first, first + n, dtype=np.int32)
    speaker = np.zeros(n, np.int32)
    return Events(times, units, np.arange(n + 1), labels, speaker, trial, 700, 3)


def put(folder, name, events):
    folder.mkdir(parents=True, exist_ok=True)
    write_shd(folder / name, events)


def test_the_path_given_comes_before_the_named_folder_and_the_cache(
    nowhere, monkeypatch
):
    cache = nowhere / "home" / ".cache" / "snnjax"
    put(cache, "shd_test.h5", toy(1))
    assert len(spoken_digits("test").labels) == 1
    put(nowhere / "named", "shd_test.h5", toy(2))
    monkeypatch.setenv("SNNJAX_DATA", str(nowhere / "named"))
    assert len(spoken_digits("test").labels) == 2
    put(nowhere / "given", "fsdd_spikes_test.h5", toy(3))
    assert len(spoken_digits("test", nowhere / "given").labels) == 3


@pytest.mark.parametrize("ending", [".h5", ".h5.gz", ".h5.zip"])
def test_official_names_are_found_packed_or_not(ending, nowhere):
    put(nowhere, "shd_test.h5", toy(4))
    plain = nowhere / "shd_test.h5"
    if ending == ".h5.gz":
        (nowhere / "shd_test.h5.gz").write_bytes(gzip.compress(plain.read_bytes()))
    elif ending == ".h5.zip":
        shutil.make_archive(str(plain), "zip", nowhere, "shd_test.h5")
    if ending != ".h5":
        plain.unlink()
    assert len(load("spoken-digits", "test", nowhere).labels) == 4


def held_out(folder):
    train, validation = (spoken_digits(s, folder) for s in SPLITS[:2])
    assert not set(train.units) & set(validation.units)
    assert len(train.units) + len(validation.units) == 90
    return validation


def test_without_recording_numbers_every_tenth_of_a_label_validates(tmp_path):
    put(tmp_path, "shd_train.h5", toy(90))
    validation = held_out(tmp_path)
    np.testing.assert_array_equal(np.bincount(validation.labels), [3, 3, 3])
    np.testing.assert_array_equal(validation.units, [0, 1, 2, 30, 31, 32, 60, 61, 62])


def test_with_recording_numbers_5_and_6_validate(tmp_path):
    trial = np.arange(90) % 9 + 2
    put(tmp_path, "shd_train.h5", toy(90, trial=trial))
    validation = held_out(tmp_path)
    np.testing.assert_array_equal(validation.units, np.flatnonzero(trial // 2 == 3) - 1)


def plain(folder, part):
    """The columns of a real file, by h5py alone."""
    with gzip.open(folder / f"fsdd_spikes_{part}.h5.gz") as packed:
        content = io.BytesIO(packed.read())
    with h5py.File(content) as f:
        times, units = f["spikes/times"][:], f["spikes/units"][:]
        rest = [f[k][:] for k in ("labels", "extra/speaker", "extra/fsdd_index")]
    return times, units, *rest


@pytest.mark.parametrize(
    ("part", "clips", "least", "mean", "most"),
    [("test", 300, 1390, 4066, 7889), ("train", 1200, 476, 4007, 8028)],
)
def test_spoken_digits_hold_what_their_readme_and_h5py_count(
    part, clips, least, mean, most, data_folder
):
    folder = data_folder(SPOKEN)
    times, units, labels, speaker, index = plain(folder, part)
    splits = ["test"] if part == "test" else ["train", "validation"]
    parts = [spoken_digits(split, folder.parent) for split in splits]
    sizes = np.concatenate([np.diff(p.offsets) for p in parts])
    assert len(sizes) == clips
    assert (sizes.min(), round(sizes.mean()), sizes.max()) == (least, mean, most)
    assert sizes.sum() == sum(map(len, times)) == sum(len(p.times) for p in parts)
    longest = max(p.times.max() for p in parts)
    assert longest == max(row.max() for row in times)
    assert longest < 2.28
    for p, split in zip(parts, splits, strict=True):
        chosen = np.isin(index, (5, 6)) == (split == "validation")
        np.testing.assert_array_equal(p.labels, labels[chosen])
        np.testing.assert_array_equal(p.group, speaker[chosen])
        np.testing.assert_array_equal(p.trial, index[chosen])
        for k in range(0, len(p.labels), 50):
            row = slice(p.offsets[k], p.offsets[k + 1])
            order = np.argsort(times[chosen][k].astype(float), kind="stable")
            np.testing.assert_array_equal(p.times[row], times[chosen][k][order])
            np.testing.assert_array_equal(p.units[row], units[chosen][k][order])


def test_spoken_digits_split_by_recording_alike_for_all(data_folder):
    folder = data_folder(SPOKEN).parent
    found = {split: spoken_digits(split, folder) for split in SPLITS}
    sizes = [len(found[split].labels) for split in SPLITS]
    assert sizes == [1080, 120, 300]
    trials = [set(found[split].trial) for split in SPLITS]
    assert trials == [{*range(7, 25)}, {5, 6}, {*range(5)}]
    for split, each in zip(SPLITS, [18, 2, 5], strict=True):
        cells = 10 * found[split].group + found[split].labels
        np.testing.assert_array_equal(np.bincount(cells), np.full(60, each))
        assert (found[split].n_units, found[split].n_classes) == (700, 10)
