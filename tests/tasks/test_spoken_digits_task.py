import json
import shutil
from functools import partial
from itertools import product

import jax
import numpy as np
import pytest
from scipy.io import wavfile

from snnjax.__main__ import main
from snnjax.datasets import spoken_digits, write_shd
from snnjax.events import from_rows
from snnjax.tasks import TASKS, load_run, train
from snnjax.tasks import spoken_digits as spoken_task
from snnjax.tasks.fitting import training_batches
from snnjax.tasks.network import scores
from snnjax.tasks.prediction import predict
from snnjax.tasks.rules import learner
from snnjax.training import epoch_rows


@pytest.fixture
def spoken(data_folder):
    return TASKS["spoken-digits"](data_folder("fsdd-spikes-shd-layout"))


def test_spoken_digits_are_made_of_the_clips(spoken, data_folder):
    events = spoken_digits("train", data_folder("fsdd-spikes-shd-layout"))
    part = spoken.parts["train"]
    np.testing.assert_array_equal(part.labels, events.labels)
    rows = np.arange(40)
    raster = part.raster(rows, None)
    assert raster.shape == (140, 40, 700)
    inside = [
        np.sum(events.times[events.offsets[k] : events.offsets[k + 1]] < 0.7)
        for k in rows
    ]
    np.testing.assert_array_equal(raster.sum(axis=(0, 2)), inside)
    late = np.mean(events.times >= 0.7)
    dropped = spoken.notes["share_of_events_after_the_end"]
    np.testing.assert_allclose(dropped["train"], late, rtol=1e-6)
    assert max(dropped.values()) < 0.01
    assert spoken.classes[:3] == ("zero", "one", "two")


def test_spoken_digits_learn_from_moved_clips_that_depend_on_the_epoch(spoken):
    part = spoken.parts["train"]

    def first(seed, epoch):
        return next(training_batches(part, 8, seed, epoch))

    spikes, labels = first(0, 0)
    np.testing.assert_array_equal(spikes, first(0, 0)[0])
    assert np.any(spikes != first(0, 1)[0])
    assert np.any(spikes != first(1, 0)[0])
    assert labels.shape == (8,)
    rows = epoch_rows(0, 0, len(part.labels), 8)[0]
    still = part.raster(rows, None)
    assert np.any(spikes != still)
    np.testing.assert_allclose(spikes.sum(), still.sum(), rtol=0.05)


def test_spoken_digits_train_to_the_end(shortened, spoken, tmp_path):
    task = shortened(spoken, {"train": 64, "validation": 16, "test": 24}, batch=32)
    found = train(task, tmp_path, epochs=1, progress=False)
    (row,) = (tmp_path / "seed0" / "metrics.jsonl").read_text().splitlines()
    assert np.isfinite(json.loads(row)["loss"])
    assert 1.0 < json.loads(row)["hidden_rate"] < 100.0
    assert found["samples"] == {"train": 64, "validation": 16, "test": 24}


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """A folder of two digits by three speakers, twice each; a home without a cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "data" / "recordings"
    folder.mkdir(parents=True)
    t = np.arange(800) / 8000
    for digit, tone in ((0, 400.0), (1, 2500.0)):
        for k, (speaker, trial) in enumerate(product("abc", "05")):
            sound = 9000 * np.sin(2 * np.pi * (tone + 20 * k) * t)
            name = f"{digit}_{speaker}_{trial}.wav"
            wavfile.write(folder / name, 8000, sound.astype(np.int16))
    return folder.parent


@pytest.mark.usefixtures("without_pictures")
def test_spoken_digits_are_heard_where_there_are_recordings_alone(recordings, tmp_path):
    told = []
    task = TASKS["spoken-digits"](recordings, progress=lambda *now: told.append(now))
    assert told[-1] == (12, 12)
    assert task.notes["source"] == "sound"
    for part in task.parts.values():
        assert sorted(part.labels) == [0, 0, 1, 1]
        raster = part.raster(np.arange(4), None)
        assert raster.shape == (140, 4, 70)
        low, high = (raster[:, part.labels == k].sum(axis=(0, 1)) for k in (0, 1))
        assert low[35:].sum() > high[35:].sum()  # channel 0 hears the highest tones
        assert high[:35].sum() > low[:35].sum()
    again = TASKS["spoken-digits"](recordings, progress=lambda *now: told.append(now))
    assert len(told) == 1  # from the cache
    np.testing.assert_array_equal(
        again.parts["test"].raster(np.arange(4), None),
        task.parts["test"].raster(np.arange(4), None),
    )
    small = task._replace(schedule=task.schedule._replace(batch=4))
    found = train(small, tmp_path / "run", epochs=1, progress=False)
    assert found["samples"] == {"train": 4, "validation": 4, "test": 4}
    assert found["source"] == "sound"


def test_what_was_encoded_is_read_in_its_own_channels(
    recordings, tmp_path, monkeypatch
):
    made = tmp_path / "made"
    made.mkdir()
    sounds, out = str(recordings / "recordings"), made / "shd_train.h5"
    assert main(["encode", "audio", sounds, str(out)]) == 0
    shutil.copy(out, made / "shd_test.h5")
    task = TASKS["spoken-digits"](made)
    assert task.notes["channels"] == 70
    part = task.parts["train"]
    assert part.raster(np.arange(2), None).shape == (140, 2, 70)
    moved = []
    monkeypatch.setattr(
        spoken_task, "augment", lambda some, rng, **by: moved.append(by) or some
    )
    part.raster(np.arange(2), np.random.default_rng(0))
    assert [by["shift"] for by in moved] == [2]  # 20 of 700


def test_parts_of_other_numbers_of_channels_are_refused(spikes_too):
    one = from_rows([[0.1]], [[1]], [0], n_units=70)
    write_shd(spikes_too / "shd_test.h5", one)
    with pytest.raises(ValueError, match=r"other numbers of units.*'test': 70"):
        TASKS["spoken-digits"](spikes_too)


def test_spikes_are_taken_before_recordings_unless_these_are_asked_for(
    recordings, spikes_too
):
    task = TASKS["spoken-digits"]
    assert task(spikes_too).notes["source"] == "spikes"
    assert task(spikes_too, source="spikes").notes["channels"] == 700
    assert task(spikes_too, source="sound").notes["channels"] == 70
    (spikes_too / "shd_test.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"\(test file\)"):
        task(spikes_too)
    with pytest.raises(ValueError, match="'spikes' or 'sound', got 'wav'"):
        task(spikes_too, source="wav")


@pytest.fixture
def spikes_too(recordings):
    """Ten spikes of each of ten samples, beside the recordings."""
    rows = np.arange(100).reshape(10, 10)
    events = from_rows(rows / 200, rows, np.arange(10) % 2, n_units=700)
    for part in ("train", "test"):
        write_shd(recordings / f"shd_{part}.h5", events)
    return recordings


@pytest.mark.parametrize("model", ["adlif", "delays"])
def test_coarse_models_read_140_channels_each_10_ms(model, spikes_too):
    task = TASKS["spoken-digits"](spikes_too, model=model)
    fine = TASKS["spoken-digits"](spikes_too)
    rows = np.arange(len(task.parts["train"].labels))
    coarse, every = (t.parts["train"].raster(rows, None) for t in (task, fine))
    assert coarse.shape == (80, len(rows), 140)
    inside = every.reshape(70, 2, len(rows), 140, 5).sum(axis=(1, 4))  # 0.7 s
    np.testing.assert_array_equal(coarse[:70], inside)
    assert task.options == {
        "source": "spikes",
        "model": model,
        "hidden": 256,
        "surrogate": "SuperSpike(slope=10.0)",
        "reset": "zero",
        "dt": 10e-3,
    }
    with pytest.raises(ValueError, match="model must be"):
        TASKS["spoken-digits"](spikes_too, model="gru")


@pytest.mark.usefixtures("without_pictures")
def test_a_run_keeps_its_model_and_its_last_epoch(spikes_too, tmp_path):
    task = TASKS["spoken-digits"](spikes_too, model="delays")
    task = task._replace(schedule=task.schedule._replace(batch=4))
    out = tmp_path / "run"
    found = train(task, out, epochs=2, progress=False)
    assert found["model"] == "delays"
    assert found["epoch"] == "last"
    assert found["chosen_epochs"] == [2]
    assert train(task, out, epochs=2, progress=False)["resumed_after"] == [2]
    run = load_run(out, spikes_too)
    assert run.task.options["model"] == "delays"
    best = scores_of(run.task, run.weights["seed0"])
    assert best == found["test_accuracy"]
    other = TASKS["spoken-digits"](spikes_too, model="adlif")
    with pytest.raises(ValueError, match=r"options\.model \(delays, now adlif\)"):
        train(other, out, epochs=2, progress=False)


def scores_of(task, weights):
    compiled = jax.jit(partial(scores, task.network))
    return predict(compiled, weights, task.parts["test"]).accuracy


def test_a_network_that_changes_is_learned_by_no_other_rule(spikes_too):
    task = TASKS["spoken-digits"](spikes_too, model="adlif")
    with pytest.raises(ValueError, match=r"'eprop' learns a network that stays the"):
        learner(task, "eprop")


@pytest.mark.parametrize("source", [None, "sound"])
def test_spoken_digits_that_are_nowhere_are_asked_for(source, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        TASKS["spoken-digits"](tmp_path, source=source)
    told = str(caught.value)
    for words in (str(tmp_path), "recordings/*.wav", "snnjax data get fsdd"):
        assert words in told
    assert ("shd_train.h5" in told) == (source is None)
