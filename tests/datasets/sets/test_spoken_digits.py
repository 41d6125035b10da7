import gzip
import io
import shutil

import numpy as np
import pytest

from snnjax.datasets import load, shd, spoken_digits, ssc, write_shd
from snnjax.events import Events

h5py = pytest.importorskip("h5py")

SPLITS = ["train", "validation", "test"]
SPOKEN = "fsdd-spikes-shd-layout"


@pytest.mark.parametrize("read", [spoken_digits, shd, ssc])
def test_an_unknown_split_is_refused_with_those_that_exist(read):
    with pytest.raises(ValueError, match=r"'valid'.*train, validation, test"):
        read("valid")


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A home without data, and no other place named."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SNNJAX_DATA", raising=False)
    return tmp_path


def test_missing_data_say_where_they_were_looked_for_and_what_to_do(
    nowhere, monkeypatch
):
    cache = nowhere / "cache" / "snnjax"
    with pytest.raises(FileNotFoundError) as caught:
        spoken_digits("train")
    for part in (cache, "train file", "snnjax data get shd", "SNNJAX_DATA"):
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
    cache = nowhere / "cache" / "snnjax"
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


def speakers(n, known):
    return toy(n)._replace(group=np.array([known[k % len(known)] for k in range(n)]))


@pytest.mark.parametrize("read", [shd, spoken_digits])
def test_of_five_speakers_or_more_every_fifth_validates(read, tmp_path):
    known = [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]  # those of the official training file
    put(tmp_path, "shd_train.h5", speakers(90, known))
    put(tmp_path, "shd_test.h5", speakers(12, [4, 5]))
    parts = {split: read(split, tmp_path) for split in SPLITS}
    groups = {split: sorted(set(part.group.tolist())) for split, part in parts.items()}
    assert groups == {
        "train": [1, 2, 3, 6, 8, 9, 10, 11],
        "validation": [0, 7],
        "test": [4, 5],
    }
    assert sum(len(part.labels) for part in parts.values()) == 102


def test_commands_have_a_file_for_each_part(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNJAX_DATA", str(tmp_path))
    for k, part in enumerate(("train", "valid", "test")):
        put(tmp_path / "ssc", f"ssc_{part}.h5", toy(k + 1))
    assert [len(ssc(split).labels) for split in SPLITS] == [1, 2, 3]
    with pytest.raises(FileNotFoundError, match=r"ssc_valid\.h5\).*data get ssc"):
        ssc("validation", tmp_path / "none")


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
