import json
import sys

import jax
import numpy as np
import pytest

from snnjax import files
from snnjax.tasks import TASKS, fitting, settings, train
from snnjax.tasks.prediction import Predictions
from snnjax.tasks.report import accuracies, kept_epochs
from snnjax.training import Fit

pytestmark = pytest.mark.usefixtures("without_pages")
SIZES = {"train": 50, "validation": 20, "test": 30}


@pytest.fixture(scope="module")
def finished(digits, shortened, without_pages, tmp_path_factory):
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
    assert [*summary["layers"]] == ["input", "hidden", "out"]
    assert summary["layers_of_samples"] == 30
    hidden = summary["layers"]["hidden"]
    assert hidden["rate"] == pytest.approx(hidden["spikes"] / 512 / 0.05)
    assert hidden["operations"] == pytest.approx(
        512 * summary["layers"]["input"]["spikes"]
    )
    assert summary["layers"]["out"]["operations"] == pytest.approx(
        10 * hidden["spikes"]
    )
    for seed, best in enumerate(summary["chosen_epochs"]):
        lines = (folder / f"seed{seed}" / "metrics.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        assert [row["epoch"] for row in rows] == [1, 2]
        scores = [row["validation_accuracy"] for row in rows]
        assert summary["validation_accuracies"][seed] == max(scores) == scores[best - 1]
        assert (folder / f"seed{seed}" / "checkpoint" / "2").is_dir()
    assert (folder / "report.png").read_bytes().startswith(b"\x89PNG")


def test_of_equal_epochs_the_first_is_kept_and_that_is_told():
    def fitted(*reached, kept):
        row = {"hidden_rate": 1.0}
        history = [row | {"validation_accuracy": each} for each in reached]
        return Fit(None, None, kept, history)

    fits = [fitted(0.5, 0.9, 0.8, 0.9, kept=2), fitted(0.5, 0.6, 0.7, 0.8, kept=4)]
    found = accuracies(fits, [Predictions(np.zeros(2, int), np.zeros(2, int))] * 2)
    assert (found["chosen_epochs"], found["equal_epochs"]) == ([2, 4], [2, 1])
    summary = {**found, "epochs": 4, "epoch": "best"}
    assert kept_epochs(summary) == (
        "kept: epoch 2/4 (first of 2 equal ones), 4/4, best on validation data"
    )
    assert kept_epochs(summary | {"epoch": "last"}) == "kept: epoch 4, the last one"
    del summary["equal_epochs"]  # as earlier runs
    assert "epoch 2/4, 4/4" in kept_epochs(summary)


def test_a_second_call_reads_what_the_first_one_left(finished):
    task, folder, found = finished
    (folder / "report.png").unlink()
    again = train(task, folder, seeds=2, epochs=2, progress=False)
    same = set(found) - {"test_seconds", "resumed_after"}
    assert (found["resumed_after"], again["resumed_after"]) == ([0, 0], [2, 2])
    assert {k: again[k] for k in same} == {k: found[k] for k in same}
    assert (folder / "report.png").exists()


def test_a_cut_run_ends_with_the_same_numbers(shortened, digits, tmp_path, monkeypatch):
    task = shortened(digits, SIZES)
    whole = train(task, tmp_path / "whole", epochs=2, progress=False)
    batches = fitting.training_batches

    def cut(part, batch, seed, epoch):
        if epoch == 1:
            raise KeyboardInterrupt
        return batches(part, batch, seed, epoch)

    monkeypatch.setattr(fitting, "training_batches", cut)
    with pytest.raises(KeyboardInterrupt):
        train(task, tmp_path / "cut", epochs=2, progress=False)
    monkeypatch.setattr(fitting, "training_batches", batches)
    resumed = train(task, tmp_path / "cut", epochs=2, progress=False)

    assert resumed["resumed_after"] == [1]
    same = set(whole) - {"test_seconds", "train_seconds", "resumed_after"}
    assert {k: resumed[k] for k in same} == {k: whole[k] for k in same}
    losses = [
        [json.loads(line)["loss"] for line in path.read_text().splitlines()]
        for path in sorted(tmp_path.glob("*/seed0/metrics.jsonl"))
    ]
    assert losses[0] == losses[1]


def _turned(task):
    parts = {k: p._replace(labels=(p.labels + 1) % 10) for k, p in task.parts.items()}
    return task._replace(parts=parts)


def _scheduled(**change):
    return lambda task: task._replace(schedule=task.schedule._replace(**change))


OTHERS = {  # another run -> what is named
    "name": (lambda task: task._replace(name="turned"), {}, r"task \(digits, now tur"),
    "labels": (_turned, {}, r"data\.train\.labels \("),
    "rate": (
        _scheduled(learning_rate=1e-4),
        {},
        r"rate \(0\.005, now 0\.0001",
    ),
    "batch": (_scheduled(batch=32), {}, r"batch \(16, now 32\)"),
    "epochs": (lambda task: task, {"epochs": 3}, r"epochs \(2, now 3\)"),
    "fewer epochs": (lambda task: task, {"epochs": 1}, r"epochs \(2, now 1\)"),
    "fewer seeds": (
        lambda task: task,
        {"seeds": 1},
        "seed1 too; asked for: seed0",
    ),
    "rule": (lambda task: task, {"rule": "truncated"}, r"rule \(bptt, now truncated\)"),
    "network": (
        lambda task: task._replace(network=task.network._replace(dt=2e-3)),
        {},
        r"dt \(0\.001, now 0\.002\)",
    ),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_run_in_the_folder_is_refused_by_name(other, finished):
    task, folder, _ = finished
    change, options, message = OTHERS[other]
    before = {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    options = {"seeds": 2, "epochs": 2, "progress": False} | options
    with pytest.raises(ValueError, match=message):
        train(change(task), folder, **options)
    assert before == {
        p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_more_seeds_join_those_that_are_there(shortened, digits, tmp_path):
    task = shortened(digits, SIZES)
    one = train(task, tmp_path, epochs=1, progress=False)
    two = train(task, tmp_path, epochs=1, seeds=2, progress=False)
    assert two["resumed_after"] == [1, 0]
    assert two["test_accuracies"][:1] == one["test_accuracies"]


def test_a_summary_without_its_networks_is_not_replaced(digits, tmp_path):
    (tmp_path / "summary.json").write_text("of an earlier run")
    with pytest.raises(ValueError, match=r"holds summary\.json of an earlier run"):
        train(digits, tmp_path, epochs=1, progress=False)
    assert (tmp_path / "summary.json").read_text() == "of an earlier run"
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_a_folder_in_use_is_refused_by_the_name_of_its_holder(digits, tmp_path):
    refused = pytest.raises(BlockingIOError, match=r"in use by process \d+ on")
    with files.lock(tmp_path), refused:
        train(digits, tmp_path, epochs=1, progress=False)


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


@pytest.mark.parametrize(
    ("gradient", "rule", "reason"),
    [
        (None, "eprop", "rule 'eprop' learns in one process, 'bptt' in several, got 2"),
        ("ttfs", "bptt", "in several processes needs a network in steps of time"),
    ],
)
def test_what_one_process_does_alone_is_refused_in_a_job(
    gradient, rule, reason, digits, tmp_path, monkeypatch
):
    task = TASKS["yin-yang"](gradient=gradient) if gradient else digits
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(ValueError, match=reason):
        train(task, tmp_path / "run", rule=rule, progress=False)
    assert not (tmp_path / "run").exists()


def test_missing_matplotlib_is_found_before_the_training(digits, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"snnjax\[plot\]"):
        train(digits, tmp_path, epochs=1)
    assert not list(tmp_path.iterdir())


def test_a_folder_keeps_the_settings_that_make_its_run_again(
    shortened, digits, tmp_path
):
    task = shortened(digits, SIZES)
    asked = {"seed": 3, "epochs": 1, "batch": 5, "learning_rate": 2e-3}
    summary = train(task, tmp_path / "a", **asked, seeds=2, progress=False)
    assert summary["seeds"] == [3, 4]
    assert (tmp_path / "a/seed4/network.safetensors").is_file()
    kept = settings.read(tmp_path / "a")
    told = {"task": "digits", **task.options, "seeds": 2, **asked, "rule": "bptt"}
    assert kept == told
    assert kept == settings.read(tmp_path / "a/settings.json")
    again = train(task, tmp_path / "b", **asked, seeds=2, progress=False)
    assert again["test_accuracies"] == summary["test_accuracies"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100000, "no settings in JSON"),
        ('{"measured": {}}', "no setting"),
        ("{", "no settings in JSON"),
        ("[1]", "by name"),
        ("\xff", "JSON"),
    ],
)
def test_settings_that_are_none_are_refused(text, reason, tmp_path):
    (tmp_path / "settings.json").write_bytes(text.encode("latin1"))
    with pytest.raises(ValueError, match=reason):
        settings.read(tmp_path)
    with pytest.raises(FileNotFoundError, match="no settings"):
        settings.read(tmp_path / "else.json")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("seed", -1),
        ("batch", 0),
        ("batch", 10**6),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("epochs", 0),
    ],
)
def test_a_training_refuses_numbers_that_no_training_has(
    option, value, shortened, digits, tmp_path
):
    task = shortened(digits, SIZES)
    with pytest.raises(ValueError, match=option):
        train(task, tmp_path / "run", **{option: value}, progress=False)
    assert not (tmp_path / "run").exists()
