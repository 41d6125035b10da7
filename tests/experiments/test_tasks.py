import json
import sys
from itertools import product

import jax
import numpy as np
import pytest
from scipy.io import wavfile

from snnjax import datasets
from snnjax.experiments import (
    TASKS,
    Task,
    epoch_rows,
    image_tasks,
    job,
    signal_tasks,
    train,
)
from snnjax.experiments.linear import linear_baseline
from snnjax.experiments.task import Part
from snnjax.inputs import digits as read_digits
from snnjax.inputs import from_rows, spoken_digits, write_shd


@pytest.fixture(scope="module")
def digits():
    return TASKS["digits"]()


@pytest.fixture
def spoken(data_folder):
    return TASKS["spoken-digits"](data_folder("fsdd-spikes-shd-layout"))


def shortened(task, sizes, batch=16):
    """The same task with only the first samples of each part."""
    parts = {
        split: part._replace(labels=part.labels[: sizes[split]])
        for split, part in task.parts.items()
    }
    return task._replace(parts=parts, batch=batch)


def toy(raster_of, labels, splits=("train", "validation", "test")):
    """A task with nothing but spikes ``[T, N, n]`` and labels."""
    parts = {
        split: Part(lambda rows, rng, xs=raster_of(split): xs[:, rows], labels[split])
        for split in splits
    }
    return Task("toy", parts, *[None] * (len(Task._fields) - 3), notes={})


SIZES = {"train": 50, "validation": 20, "test": 30}


@pytest.fixture(scope="module")
def finished(digits, tmp_path_factory):
    """A task, the folder of its run, and what that found."""
    task, folder = shortened(digits, SIZES), tmp_path_factory.mktemp("run")
    return task, folder, train(task, folder, seeds=2, epochs=2, progress=False)


def test_a_run_leaves_everything_behind(finished):
    task, folder, found = finished
    summary = json.loads((folder / "summary.json").read_text())
    assert summary == found
    assert len(summary["test_accuracies"]) == 2
    assert summary["test_accuracy"] == np.mean(summary["test_accuracies"])
    assert summary["epochs"] == 2
    assert summary["samples"] == SIZES
    assert summary["train_seconds"] > 0
    assert summary["versions"]["jax"] == jax.__version__
    assert summary["device"].startswith(jax.devices()[0].platform)
    largest_class = np.bincount(task.parts["test"].labels).max()
    assert summary["chance"] == largest_class / 30
    for seed, best in enumerate(summary["chosen_epochs"]):
        lines = (folder / f"seed{seed}" / "metrics.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        assert [row["epoch"] for row in rows] == [0, 1]
        scores = [row["validation_accuracy"] for row in rows]
        assert summary["validation_accuracies"][seed] == max(scores) == scores[best]
        assert (folder / f"seed{seed}" / "checkpoint" / "2").is_dir()
    assert (folder / "report.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_call_reads_what_the_first_one_left(finished):
    task, folder, found = finished
    (folder / "report.png").unlink()
    again = train(task, folder, seeds=2, epochs=2, progress=False)
    same = set(found) - {"test_seconds"}
    assert {k: again[k] for k in same} == {k: found[k] for k in same}
    assert (folder / "report.png").exists()


def test_a_cut_run_ends_with_the_same_numbers(digits, tmp_path, monkeypatch):
    task = shortened(digits, SIZES)
    whole = train(task, tmp_path / "whole", epochs=2, progress=False)
    batches = job._batches

    def cut(task, seed, batch, epoch):
        if epoch == 1:
            raise KeyboardInterrupt
        return batches(task, seed, batch, epoch)

    monkeypatch.setattr(job, "_batches", cut)
    with pytest.raises(KeyboardInterrupt):
        train(task, tmp_path / "cut", epochs=2, progress=False)
    monkeypatch.setattr(job, "_batches", batches)
    resumed = train(task, tmp_path / "cut", epochs=2, progress=False)

    same = set(whole) - {"test_seconds", "train_seconds"}
    assert {k: resumed[k] for k in same} == {k: whole[k] for k in same}
    losses = [
        [json.loads(line)["loss"] for line in path.read_text().splitlines()]
        for path in sorted(tmp_path.glob("*/seed0/metrics.jsonl"))
    ]
    assert losses[0] == losses[1]


def test_a_few_epochs_of_digits_are_far_above_chance(digits, tmp_path):
    found = train(digits, tmp_path, epochs=3, progress=False)
    assert found["test_accuracy"] > 0.6
    assert found["chance"] < 0.15
    assert found["linear_readout_test_accuracy"] > 0.85


@pytest.mark.parametrize("bad", [{"seeds": 0}, {"epochs": 0}, {"seeds": 1.5}])
def test_numbers_that_make_no_sense_are_refused(bad, digits, tmp_path):
    (name,) = bad
    with pytest.raises(ValueError, match=name):
        train(digits, tmp_path, **bad)
    assert not list(tmp_path.iterdir())


def test_missing_matplotlib_is_found_before_the_training(digits, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"snnjax\[plot\]"):
        train(digits, tmp_path, epochs=1)
    assert not list(tmp_path.iterdir())


def test_digits_come_as_single_spikes_of_on_and_off_cells(digits):
    sizes = {split: len(part.labels) for split, part in digits.parts.items()}
    assert sizes == {"train": 1197, "validation": 300, "test": 300}
    rows = np.arange(20)
    spikes = digits.parts["train"].raster(rows, None)
    assert spikes.shape == (50, 20, 128)
    assert spikes.sum(axis=0).max() == 1
    light = read_digits("train")[0][rows]
    on, off = np.split(spikes, 2, axis=2)
    for cells, strongest, never in ((on, 1, 0), (off, 0, 1)):
        time = np.where(cells.any(axis=0), cells.argmax(axis=0), 50)
        assert set(time[light == strongest]) == {2}  # 20 ms ln(1 / 0.9)
        assert set(time[light == never]) == {50}
        order = np.argsort(light if strongest == 0 else -light, axis=None)
        assert np.all(np.diff(time.flat[order]) >= 0)


def test_digits_learn_from_glances_that_tremble_and_lose_a_fifth_of_the_spikes(digits):
    rows = np.arange(500)
    raster = digits.parts["train"].raster
    seen, still = raster(rows, np.random.default_rng(0)), raster(rows, None)
    again = raster(rows, np.random.default_rng(0))
    np.testing.assert_array_equal(seen, again)
    assert 0.7 < seen.sum() / still.sum() < 0.9
    assert np.any(seen.argmax(axis=0) != still.argmax(axis=0))


def test_a_trembling_eye_moves_the_picture_and_keeps_its_light(rng):
    dots = np.zeros((400, 8, 8), np.float32)
    dots[:, 3, 4] = 1.0
    seen = image_tasks._trembling(dots.reshape(-1, 64), rng).reshape(-1, 8, 8)
    np.testing.assert_allclose(seen.sum(axis=(1, 2)), 1.0, rtol=1e-6)
    place = np.arange(8)
    for axis, still in ((2, 3.0), (1, 4.0)):  # the centre of light, down and across
        by = seen.sum(axis=axis) @ place - still
        assert np.all(np.abs(by) <= 0.3 + 1e-6)
        np.testing.assert_allclose(by.std(), 0.3 / np.sqrt(3), rtol=0.1)
        assert abs(by.mean()) < 0.03


@pytest.mark.parametrize("n", [1, 5, 127, 128, 129, 300])
def test_predictions_cover_all_rows_in_batches_of_one_shape(n):
    labels = np.arange(n) % 7
    shapes = set()

    def predict(weights, xs):
        shapes.add(xs.shape)
        return np.eye(7)[xs[0, :, 0]] + weights

    task = toy(lambda split: labels[None, :, None], {"test": labels}, ["test"])
    guesses = job._predictions(task, predict, "test", 0.5)
    np.testing.assert_array_equal(guesses, labels)
    assert shapes == {(1, min(n, 128), 1)}


def test_every_batch_of_every_epoch_and_seed_is_augmented_anew():
    part = Part(lambda rows, rng: rng.random(), np.zeros(6, int))
    task = toy(None, {}, [])._replace(parts={"train": part})
    draws = [
        [draw for draw, _ in job._batches(task, seed, 3, epoch)]
        for seed, epoch in [(0, 0), (0, 1), (1, 0), (0, 0)]
    ]
    assert draws[0] == draws[3]
    assert len(set(np.ravel(draws))) == 6


def toy_labels(rng, classes):
    sizes = {"train": 200, "validation": 80, "test": 200}
    return {split: rng.integers(0, classes, n) for split, n in sizes.items()}


def test_a_linear_readout_solves_what_is_linearly_separable(rng):
    labels = toy_labels(rng, 4)

    def one_neuron_for_each_class(split):
        rates = 0.05 + 0.6 * np.eye(4)[labels[split]].repeat(5, axis=1)
        return rng.random((40, *rates.shape)) < rates

    spikes = toy(one_neuron_for_each_class, labels)
    assert linear_baseline(spikes) == 1.0


def test_a_linear_readout_hears_when_a_spike_came(rng):
    labels = toy_labels(rng, 4)

    def one_spike_at_the_time_of_the_class(split):
        return np.arange(40)[:, None, None] == 10 * labels[split][None, :, None]

    assert linear_baseline(toy(one_spike_at_the_time_of_the_class, labels)) == 1.0


def test_a_linear_readout_of_shuffled_labels_is_at_chance(rng):
    spikes = toy(
        lambda split: rng.random((40, len(labels[split]), 20)) < 0.2,
        labels := toy_labels(rng, 4),
    )
    spread = np.sqrt(0.25 * 0.75 / 200)
    assert abs(linear_baseline(spikes) - 0.25) < 4 * spread


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


def test_spoken_digits_learn_from_moved_clips_that_depend_on_the_epoch(spoken):
    first = lambda seed, epoch: next(job._batches(spoken, seed, 8, epoch))  # noqa: E731
    spikes, labels = first(0, 0)
    np.testing.assert_array_equal(spikes, first(0, 0)[0])
    assert np.any(spikes != first(0, 1)[0])
    assert np.any(spikes != first(1, 0)[0])
    assert labels.shape == (8,)
    rows = epoch_rows(0, 0, len(spoken.parts["train"].labels), 8)[0]
    still = spoken.parts["train"].raster(rows, None)
    assert np.any(spikes != still)
    np.testing.assert_allclose(spikes.sum(), still.sum(), rtol=0.05)


def test_spoken_digits_train_to_the_end(spoken, tmp_path):
    task = shortened(spoken, {"train": 64, "validation": 16, "test": 24}, batch=32)
    found = train(task, tmp_path, epochs=1, progress=False)
    (row,) = (tmp_path / "seed0" / "metrics.jsonl").read_text().splitlines()
    assert np.isfinite(json.loads(row)["loss"])
    assert 1.0 < json.loads(row)["hidden_rate"] < 100.0
    assert found["samples"] == {"train": 64, "validation": 16, "test": 24}


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """A folder of two digits by three speakers, twice each; a home without a cache."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "data" / "recordings"
    folder.mkdir(parents=True)
    t = np.arange(800) / 8000
    for digit, tone in ((0, 400.0), (1, 2500.0)):
        for k, (speaker, trial) in enumerate(product("abc", "05")):
            sound = 9000 * np.sin(2 * np.pi * (tone + 20 * k) * t)
            name = f"{digit}_{speaker}_{trial}.wav"
            wavfile.write(folder / name, 8000, sound.astype(np.int16))
    return folder.parent


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
    found = train(task._replace(batch=4), tmp_path / "run", epochs=1, progress=False)
    assert found["samples"] == {"train": 4, "validation": 4, "test": 4}
    assert found["source"] == "sound"


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


@pytest.mark.parametrize("source", [None, "sound"])
def test_spoken_digits_that_are_nowhere_are_asked_for(source, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        TASKS["spoken-digits"](tmp_path, source=source)
    told = str(caught.value)
    for words in (str(tmp_path), "recordings/*.wav", "snnjax data get fsdd"):
        assert words in told
    assert ("shd_train.h5" in told) == (source is None)


def test_a_linear_readout_of_every_step_remembers_what_was(rng):
    # The label of a step is which channel fired last: a matter of traces.
    spikes, labels = {}, {}
    for split, n in (("train", 40), ("validation", 20), ("test", 20)):
        raster = rng.random((60, n, 3)) < 0.05
        last = np.full((60, n), -1)
        for t in range(60):
            fired = raster[t].argmax(axis=1)
            last[t] = np.where(raster[t].any(axis=1), fired, last[t - 1] if t else -1)
        spikes[split], labels[split] = raster, last.T
    found = linear_baseline(toy(spikes.__getitem__, labels))
    assert 0.8 < found < 1.0
    assert (labels["test"] == -1).any()


@pytest.mark.parametrize(
    ("name", "folder", "shape", "classes"),
    [
        ("braille", "braille", (153, 2, 128), 27),
        ("mnist", "mnist", (40, 2, 784), 10),
        ("n-mnist", "nmnist-small", (32, 2, 34, 34, 2), 10),
        ("ecg", "ecg-qtdb", (1301, 2, 4), 6),
    ],
)
def test_tasks_on_recorded_data_train_to_the_end(
    name, folder, shape, classes, data_folder, tmp_path
):
    data_folder(folder)
    task = TASKS[name]()
    raster = task.parts["train"].raster
    assert raster(np.arange(2), None).shape == shape
    changed = [raster(np.arange(2), np.random.default_rng(k)) for k in (0, 0, 1)]
    np.testing.assert_array_equal(changed[0], changed[1])
    assert np.any(changed[0] != changed[2]) or name == "ecg"
    assert raster(np.arange(2), None).any()
    found = train(
        shortened(task, {"train": 32, "validation": 8, "test": 12}),
        tmp_path,
        epochs=1,
        progress=False,
    )
    row = json.loads((tmp_path / "seed0" / "metrics.jsonl").read_text())
    assert np.isfinite(row["loss"])
    assert row["loss"] < 3 * np.log(classes)
    assert row["hidden_rate"] > 0.1
    assert 0 <= found["test_accuracy"] <= 1


def test_between_two_samples_pressure_changes_steadily():
    x = np.array([[[0.0, 8.0]], [[4.0, 8.0]], [[2.0, 0.0]]])
    twice = signal_tasks._twice_as_fast(x)
    np.testing.assert_array_equal(twice[:, 0], [[0, 8], [2, 8], [4, 8], [3, 4], [2, 0]])


def test_braille_without_recurrence_differs_in_nothing_else(data_folder):
    data_folder("braille")
    tasks = [TASKS["braille"](recurrence=on) for on in (True, False)]
    rows = np.array([3, 500])
    one, other = (task.parts["train"].raster(rows, None) for task in tasks)
    np.testing.assert_array_equal(one, other)
    one, other = (task.hidden.init(jax.random.key(0)) for task in tasks)
    assert one.input.w.shape == other[0].w.shape == (128, 200)
    assert tasks[0]._replace(
        parts=None, hidden=None, output=None, readout=None
    ) == tasks[1]._replace(parts=None, hidden=None, output=None, readout=None)


def test_a_pixel_of_mnist_fires_once_and_the_sooner_the_brighter(data_folder):
    data_folder("mnist")
    rows = np.array([7, 4000])
    spikes = TASKS["mnist"]().parts["test"].raster(rows, None)
    light = datasets.mnist("test").x[rows].reshape(2, 784) / 255.0
    with np.errstate(divide="ignore", invalid="ignore"):
        time = 20.0 * np.log(light / (light - 0.2))  # [ms], of a leak of 20 ms
    fires = (light > 0.2) & (time < 40)
    np.testing.assert_array_equal(spikes.sum(axis=0), fires)
    np.testing.assert_array_equal(
        spikes.argmax(axis=0)[fires], np.floor(time[fires] + 1e-3)
    )


def test_steps_without_a_label_have_no_part_in_a_score(data_folder):
    data_folder("ecg-qtdb")
    task = TASKS["ecg"]()
    part = task.parts["test"]
    assert (part.labels == -1).any()
    wrong = np.where(part.labels == -1, -1, (part.labels + 1) % 6)
    for labels, score in ((part.labels, 1.0), (wrong, 0.0)):

        def guess(weights, xs, labels=labels):
            return np.eye(6)[np.maximum(labels[: xs.shape[1]], 0).T]

        few = shortened(task, {"train": 1, "validation": 1, "test": 5})
        assert job._accuracy(few, guess, "test", None) == {"accuracy": score}
