import numpy as np
import pytest
from scipy.io import wavfile

from snnjax.datasets import (
    DataError,
    fsdd,
    hd_audio,
    read_sound,
    sound_folder,
    speech_commands,
)

SPLITS = ("train", "validation", "test")


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def told(found):
    return [
        (path.name, found.classes[label], group, trial)
        for path, label, group, trial in zip(*found[:4], strict=True)
    ]


@pytest.fixture
def spoken(tmp_path):
    """Two digits by four speakers, nine times each; one has an odd name."""
    speakers = ["ann", "bo", "c_d", "eve"]
    names = [
        f"{d}_{s}_{k}.wav" for d in (0, 7) for s in speakers for k in (*range(8), 11)
    ]
    touch(tmp_path / "recordings", *names)
    return tmp_path


def test_free_spoken_digits_are_parted_by_recording(spoken):
    parts = {s: fsdd(s, spoken) for s in SPLITS}
    trials = {s: sorted(set(part.trial.tolist())) for s, part in parts.items()}
    assert trials == {"train": [7, 11], "validation": [5, 6], "test": [0, 1, 2, 3, 4]}
    assert ("7_c_d_5.wav", "seven", 2, 5) in told(parts["validation"])
    assert parts["train"].speakers == ("ann", "bo", "c_d", "eve")
    assert sum(len(part.paths) for part in parts.values()) == 72


def test_free_spoken_digits_are_parted_by_speaker(spoken):
    parts = {s: fsdd(s, spoken, by="speaker") for s in SPLITS}
    groups = {s: sorted(set(part.group.tolist())) for s, part in parts.items()}
    assert groups == {"train": [0, 1], "validation": [2], "test": [3]}
    assert len(parts["test"].paths) == 18


def test_two_speakers_are_too_few_to_part_by(tmp_path):
    touch(tmp_path / "recordings", "0_ann_0.wav", "0_bo_0.wav")
    with pytest.raises(ValueError, match="at least three; there are ann, bo"):
        fsdd("train", tmp_path, by="speaker")
    assert len(fsdd("test", tmp_path).paths) == 2


@pytest.mark.parametrize("name", ["10_ann_0.wav", "a_ann_0.wav", "1_ann.wav"])
def test_a_recording_of_another_name_is_refused(name, spoken):
    touch(spoken / "recordings", name)
    with pytest.raises(DataError, match=f"{name} is not named"):
        fsdd("train", spoken)


@pytest.fixture
def commands(tmp_path):
    touch(tmp_path, *(f"{w}/{s}_nohash_{k}.wav" for w, s, k in COMMANDS))
    touch(tmp_path, "_background_noise_/hum.wav", "README.md")
    (tmp_path / "validation_list.txt").write_text("yes/b2_nohash_0.wav\n\n")
    (tmp_path / "testing_list.txt").write_text(
        "no/c3_nohash_1.wav\nyes/c3_nohash_0.wav"
    )
    return tmp_path


COMMANDS = [
    *(("yes", "a1", 0), ("yes", "a1", 1), ("yes", "b2", 0), ("yes", "c3", 0)),
    *(("no", "a1", 0), ("no", "c3", 1)),
]


def test_commands_are_parted_by_the_official_lists(commands):
    parts = {s: speech_commands(s, commands) for s in SPLITS}
    assert told(parts["validation"]) == [("b2_nohash_0.wav", "yes", 1, 0)]
    assert told(parts["test"]) == [
        *(("c3_nohash_1.wav", "no", 2, 1), ("c3_nohash_0.wav", "yes", 2, 0))
    ]
    assert [row[1:] for row in told(parts["train"])] == [
        *(("no", 0, 0), ("yes", 0, 0), ("yes", 0, 1))
    ]


def test_commands_that_lists_name_in_vain_are_counted(commands):
    (commands / "no" / "c3_nohash_1.wav").unlink()
    with pytest.raises(DataError, match=r"no/c3_nohash_1\.wav, .* 1 of 2 are missing"):
        speech_commands("train", commands)


def test_a_missing_list_and_a_file_of_another_name_are_refused(commands):
    touch(commands, "yes/mine.wav")
    with pytest.raises(DataError, match=r"mine\.wav is not named"):
        speech_commands("train", commands)
    (commands / "yes" / "mine.wav").unlink()
    (commands / "testing_list.txt").unlink()
    with pytest.raises(DataError, match=r"There is no .*testing_list\.txt"):
        speech_commands("train", commands)


@pytest.mark.parametrize("prefix", ["", "audio/"])
def test_heidelberg_digits_are_parted_by_list_and_by_speaker(prefix, tmp_path):
    name = "lang-{}_speaker-{:02d}_trial-{}_digit-{}.flac".format
    train = [name("english", s, t, 3) for s in range(6) for t in (0, 12)]
    test = [name("german", 6, 0, 3), name("english", 1, 3, 9)]
    touch(
        tmp_path / "audio", *train, *test, "lang-german_speaker-01_trial-7_digit-0.flac"
    )
    for part, names in (("train", train), ("test", test)):
        lines = "".join(f"{prefix}{each}\n" for each in names)
        (tmp_path / f"{part}_filenames.txt").write_text(lines)
    parts = {s: hd_audio(s, tmp_path) for s in SPLITS}
    assert sorted(set(parts["validation"].group.tolist())) == [0, 5]
    assert sorted(set(parts["train"].group.tolist())) == [1, 2, 3, 4]
    assert told(parts["test"]) == [
        (test[1], "nine", 1, 3),
        (test[0], "drei", 6, 0),
    ]
    assert parts["test"].labels.tolist() == [9, 13]
    assert len(parts["train"].paths) == 8  # what no list names is in no part


@pytest.mark.parametrize("read", [fsdd, speech_commands, hd_audio])
def test_missing_folders_and_unknown_parts_are_refused(read, tmp_path):
    with pytest.raises(FileNotFoundError, match="snnjax data get"):
        read("train", tmp_path)
    with pytest.raises(ValueError, match="'valid'"):
        read("valid", tmp_path)


def test_any_folder_of_sounds_is_listed_by_what_its_names_tell(
    spoken, commands, tmp_path
):
    assert len(sound_folder(spoken / "recordings").paths) == 72
    assert sound_folder(spoken / "recordings").classes[7] == "seven"
    for sub in ("recordings",):
        for file in (spoken / sub).glob("*"):
            file.unlink()
    found = sound_folder(commands)
    assert found.classes == ("no", "yes")
    assert found.speakers == ("a1", "b2", "c3")
    touch(tmp_path / "own", "dog/bark 1.WAV", "cat/mi.au.flac", "cat/x.txt")
    found = sound_folder(tmp_path / "own")
    assert told(found) == [("mi.au.flac", "cat", -1, -1), ("bark 1.WAV", "dog", -1, -1)]
    assert found.speakers == ()
    with pytest.raises(DataError, match=r"holds no files \.wav, \.flac, \.ogg"):
        sound_folder(tmp_path / "recordings")
    with pytest.raises(FileNotFoundError, match="No folder"):
        sound_folder(tmp_path / "none")


def test_the_published_digits_are_3000_clips_of_six_speakers(data_folder):
    folder = data_folder("fsdd").parent
    parts = {s: fsdd(s, folder) for s in SPLITS}
    assert [len(part.paths) for part in parts.values()] == [2580, 120, 300]
    for part, each in zip(parts.values(), (43, 2, 5), strict=True):
        cells = 10 * part.group + part.labels
        np.testing.assert_array_equal(np.bincount(cells), np.full(60, each))
    seconds = []
    for path in [*parts["test"].paths, *parts["validation"].paths]:
        rate, wave = wavfile.read(path)
        sound = read_sound(path)
        assert sound.rate == rate == 8000
        np.testing.assert_array_equal(sound.samples, wave / 2**15)
        seconds.append(len(wave) / rate)
    assert 0.14 <= min(seconds) <= np.median(seconds) <= max(seconds) <= 2.28
