import json
import sys
import threading
import wave

import numpy as np
import pytest

from snnjax import __main__
from snnjax.datasets import (
    read_shd,
    read_shd_extra,
    read_sound,
    select_recordings,
    sound_folder,
)
from snnjax.senses.hearing import cochlea, digits_from_sound, encode_cached, speech
from snnjax.senses.hearing.speech import encode_recordings


def write_wav(path, samples, rate):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(np.asarray(samples, "<i2").tobytes())


@pytest.fixture
def folder(tmp_path):
    """Three digits of two speakers, two rates and two lengths."""
    home = tmp_path / "sounds"
    rng = np.random.default_rng(1)
    for name, seconds, rate in (
        ("0_ann_0", 0.12, 8000),
        ("1_bob_3", 0.1, 8000),
        ("1_ann_7", 0.15, 16_000),
    ):
        envelope = np.hanning(int(seconds * rate))
        noise = np.convolve(rng.normal(size=len(envelope)), np.ones(8), "same")
        write_wav(home / f"{name}.wav", 4000 * envelope * noise, rate)
    return home


@pytest.fixture
def small(monkeypatch):
    """Parts of two recordings, and a count of how many were encoded."""
    encoded, real = [], speech.encode

    def counted(audio, *args, **options):
        encoded.append(len(audio))
        return real(audio, *args, **options)

    monkeypatch.setattr(speech, "_PART", 2)
    monkeypatch.setattr(speech, "encode", counted)
    return encoded


def interrupt(done, of):
    """Cuts a run off in its second part."""
    if done == 3:
        raise KeyboardInterrupt


def same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_folder_becomes_a_file_that_tells_who_said_what(folder, small, tmp_path):
    out, told = tmp_path / "spikes.h5", []
    recordings = sound_folder(folder)
    events = encode_recordings(
        recordings, out, channels=6, progress=lambda *now: told.append(now)
    )
    assert told == [(2, 3), (3, 3)]
    assert events.labels.tolist() == [0, 1, 1]
    assert events.group.tolist() == [0, 0, 1]
    assert events.trial.tolist() == [0, 7, 3]
    assert (events.n_units, events.n_classes) == (6, 10)
    same(read_shd(out, n_units=6)[:6], events[:6])
    assert read_shd_extra(out).keys[:2] == ("zero", "one")
    note = json.loads((tmp_path / "spikes.h5.json").read_text())
    assert note["speakers"] == ["ann", "bob"]
    assert note["channels"] == 6
    assert {f.name for f in tmp_path.iterdir()} == {
        "sounds",
        "spikes.h5",
        "spikes.h5.json",
    }
    # Recording k is what encode makes of it under the k-th key, to single precision.
    sounds = [read_sound(path) for path in recordings.paths]
    expected = cochlea.encode(
        [s.samples for s in sounds],
        [s.rate for s in sounds],
        cochlea.fold_in(speech.jax.random.key(0), np.arange(3)),
        channels=6,
    )
    np.testing.assert_allclose(events.times, expected.times, atol=1e-7)
    np.testing.assert_array_equal(events.units, expected.units)
    np.testing.assert_array_equal(events.offsets, expected.offsets)


def test_a_second_call_reads_what_the_first_one_made(folder, small, tmp_path):
    out = tmp_path / "spikes.h5"
    first = encode_recordings(sound_folder(folder), out, channels=6)
    assert sum(small) == 3
    same(encode_recordings(sound_folder(folder), out, channels=6), first)
    assert sum(small) == 3


def test_an_interrupted_run_goes_on_and_ends_with_the_same(folder, small, tmp_path):
    whole = encode_recordings(sound_folder(folder), tmp_path / "whole.h5", channels=6)
    small.clear()
    out = tmp_path / "spikes.h5"

    with pytest.raises(KeyboardInterrupt):
        encode_recordings(sound_folder(folder), out, channels=6, progress=interrupt)
    assert small == [2, 1]
    assert not out.exists()
    told = []
    found = encode_recordings(
        sound_folder(folder), out, channels=6, progress=lambda *now: told.append(now)
    )
    same(found, whole)
    assert small == [2, 1, 1]
    assert told == [(2, 3), (3, 3)]
    assert not (tmp_path / "spikes.h5.parts").exists()


@pytest.mark.parametrize("when", ["write_events", "write_shd"])
def test_a_full_disk_leaves_nothing_under_the_name(
    when, folder, small, tmp_path, monkeypatch
):
    def full(path, *args, **options):
        path.with_name(path.name + ".part").write_bytes(b"half")
        raise OSError("no space left")

    out = tmp_path / "spikes.h5"
    with monkeypatch.context() as patched:
        patched.setattr(speech, when, full)
        with pytest.raises(OSError, match="no space"):
            encode_recordings(sound_folder(folder), out, channels=6)
    assert not out.exists()
    events = encode_recordings(sound_folder(folder), out, channels=6)
    assert len(events.labels) == 3


def test_parts_of_another_way_are_neither_taken_up_nor_lost(folder, small, tmp_path):
    out, recordings = tmp_path / "spikes.h5", sound_folder(folder)

    with pytest.raises(KeyboardInterrupt):
        encode_recordings(recordings, out, channels=6, progress=interrupt)
    with pytest.raises(ValueError, match=r"h5\.parts is there already, made of other"):
        encode_recordings(recordings, out, channels=6, seed=1)
    encode_recordings(recordings, out, channels=6)
    assert small == [2, 1, 1]


@pytest.mark.parametrize("mine", ["spikes.h5.json", "spikes.h5.parts/mine.txt"])
def test_files_of_others_are_not_replaced(mine, folder, tmp_path):
    (tmp_path / mine).parent.mkdir(exist_ok=True)
    (tmp_path / mine).write_text("mine")
    with pytest.raises(ValueError, match="is there already"):
        encode_recordings(sound_folder(folder), tmp_path / "spikes.h5", channels=6)
    assert (tmp_path / mine).read_text() == "mine"


@pytest.mark.parametrize("change", ["seed", "channels", "causal", "sound", "rows"])
def test_a_file_made_otherwise_is_left_alone(change, folder, small, tmp_path):
    out = tmp_path / "spikes.h5"
    encode_recordings(sound_folder(folder), out, channels=6)
    before = out.read_bytes()
    given = {"channels": 6, "seed": 0, "causal": False}
    recordings = sound_folder(folder)
    if change == "sound":
        write_wav(recordings.paths[0], 100 * np.ones(800), 8000)
    elif change == "rows":
        recordings = select_recordings(recordings, np.array([0, 1]))
    else:
        given[change] = 7 if change == "channels" else 1
    with pytest.raises(ValueError, match=r"spikes\.h5 is there already, made of other"):
        encode_recordings(recordings, out, **given)
    assert out.read_bytes() == before


def test_a_file_of_unknown_origin_is_left_alone(folder, tmp_path):
    out = tmp_path / "spikes.h5"
    out.write_text("mine")
    with pytest.raises(ValueError, match="Name another file"):
        encode_recordings(sound_folder(folder), out)
    assert out.read_text() == "mine"


@pytest.mark.parametrize("samples", [0, 800])
def test_a_silent_recording_is_named_and_has_no_spikes(samples, folder, tmp_path):
    recordings = sound_folder(folder)
    expected = encode_recordings(recordings, tmp_path / "loud.h5", channels=6)
    write_wav(folder / "2_ann_0.wav", np.zeros(samples), 8000)
    with pytest.warns(UserWarning, match=r"1 of 4 sounds are silent .*: 2_ann_0\.wav"):
        events = encode_recordings(
            sound_folder(folder), tmp_path / "spikes.h5", channels=6
        )
    assert events.labels.tolist() == [0, 1, 1, 2]
    same(events.offsets[:4], expected.offsets)
    assert events.offsets[4] == events.offsets[3]
    np.testing.assert_array_equal(events.units, expected.units)


def test_a_folder_of_silence_has_no_spikes(tmp_path):
    write_wav(tmp_path / "sounds" / "2_ann_0.wav", np.zeros(80), 8000)
    with pytest.warns(UserWarning, match="1 of 1 sounds are silent"):
        events = encode_recordings(
            sound_folder(tmp_path / "sounds"), tmp_path / "spikes.h5", channels=6
        )
    assert events.offsets.tolist() == [0, 0]


def test_files_that_cannot_be_read_are_named_and_left_out_if_asked_for(
    folder, tmp_path, capsys
):
    for name in ("2_ann_0", "3_bob_1"):
        (folder / f"{name}.wav").write_bytes(b"RIFF")
    out = tmp_path / "spikes.h5"
    command = ["encode", "audio", str(folder), str(out), "--channels", "6"]
    assert __main__.main(command) == 1
    told = capsys.readouterr().err
    assert "2_ann_0.wav cannot be read" in told
    assert "3_bob_1.wav cannot be read" in told
    assert "2 cannot be read; see --skip-bad" in told
    assert not out.exists()
    assert __main__.main([*command, "--skip-bad"]) == 0
    shown, told = capsys.readouterr()
    assert "left out: " in told
    assert "2 files were left out" in shown
    assert len(read_shd(out, n_units=6).labels) == 3


def test_the_command_encodes_and_says_what_it_made(folder, small, tmp_path, capsys):
    out = tmp_path / "spikes.h5"
    command = ["encode", "audio", str(folder), str(out), "--channels", "6"]
    assert __main__.main(command) == 0
    shown, told = capsys.readouterr()
    assert told == "encoding  2/3\nencoding  3/3\n"
    spikes = len(read_shd(out, n_units=6).times)
    assert shown == f"3 sounds of 10 classes, {spikes} spikes on 6 channels: {out}\n"
    assert __main__.main([*command, "--seed", "1"]) == 1
    assert "is there already" in capsys.readouterr().err
    assert __main__.main([*command, "--causal"]) == 1
    assert __main__.main(["encode", "audio", str(tmp_path / "no"), str(out)]) == 1
    assert f"No folder {tmp_path / 'no'}" in capsys.readouterr().err


def test_a_cache_keeps_what_was_made_under_a_name_of_its_own(
    folder, small, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    recordings = sound_folder(folder)
    first = encode_cached(recordings, channels=6)
    same(encode_cached(recordings, channels=6), first)
    assert sum(small) == 3
    for other in ({"channels": 5}, {"channels": 6, "seed": 1}):
        assert encode_cached(recordings, **other).n_units == other["channels"]
    encode_cached(select_recordings(recordings, np.array([0])), channels=6)
    assert sum(small) == 3 + 3 + 3 + 1
    monkeypatch.setattr(speech, "_code", lambda: "another cochlea")
    same(encode_cached(recordings, channels=6), first)
    assert sum(small) == 13
    files = {file.name for file in (tmp_path / "snnjax" / "cochlea").iterdir()}
    assert len([name for name in files if name.endswith(".h5")]) == 5
    assert len(files) == 10  # a note beside each, and no part left over


def test_digits_from_sound_share_no_speaker(folder, small, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (folder / "1_ann_7.wav").rename(folder / "1_cy_7.wav")
    home = folder.rename(folder.with_name("recordings")).parent
    parts = {
        split: digits_from_sound(split, home, channels=6)
        for split in ("train", "validation", "test")
    }
    assert small == [2, 1]
    whole = encode_cached(sound_folder(home / "recordings"), channels=6)
    for k, (part, label) in enumerate(zip(parts.values(), (0, 1, 1), strict=True)):
        assert part.group.tolist() == [k]
        assert part.labels.tolist() == [label]
        assert part.n_classes == 10
        row = np.flatnonzero(whole.group == k)
        same(part[:2], speech.select(whole, row)[:2])


def test_without_h5py_nothing_is_encoded(folder, small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"snnjax\["):
        encode_recordings(sound_folder(folder), tmp_path / "spikes.h5", channels=6)
    assert small == []


def test_of_two_that_encode_one_file_one_does_and_the_other_reads(
    folder, small, tmp_path, capsys
):
    out, found = tmp_path / "spikes.h5", []
    recordings = sound_folder(folder)

    def work():
        found.append(encode_recordings(recordings, out, channels=6))

    both = [threading.Thread(target=work) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert sum(small) == 3
    same(*found)
    assert f"{out} is in use by process" in capsys.readouterr().err
    assert {f.name for f in tmp_path.iterdir()} == {
        "sounds",
        out.name,
        f"{out.name}.json",
    }
