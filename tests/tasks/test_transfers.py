import json
import shutil

import jax
import numpy as np
import pytest

import snnjax as snn
from snnjax import __main__
from snnjax.hardware import distorted
from snnjax.parts import options_of
from snnjax.tasks import (
    TASKS,
    Network,
    Schedule,
    Task,
    chip_task,
    evaluate,
    load_run,
    train,
    transfer,
)
from snnjax.tasks.fitting import adam
from snnjax.tasks.network import HIDDEN_AND_OUT, mean_voltage, scores
from snnjax.tasks.recipe import recipe
from snnjax.tasks.rules import learner
from snnjax.training import checkpoint, init_train_state
from snnjax.training.identity import plain

SMALL = {"chips": 3, "samples": 40, "mismatch": (0.5, 0.0)}


@pytest.fixture(scope="module")
def trained(without_pages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    train(chip_task("digits"), folder, seeds=2, epochs=3, progress=False)
    return folder


@pytest.fixture(scope="module")
def tested(trained):
    return transfer(trained, **SMALL)


@pytest.fixture
def changed(trained, tmp_path):
    """A copy of the run whose run.json says something else."""

    def change(**recipe):
        folder = shutil.copytree(trained, tmp_path / "copy")
        shutil.rmtree(folder / "transfer", ignore_errors=True)
        path = folder / "seed0" / "run.json"
        told = json.loads(path.read_text())
        told["recipe"].update(recipe)
        path.write_text(json.dumps(told))
        return folder

    return change


def test_a_run_is_tested_again_with_the_same_result(trained, capsys):
    summary = json.loads((trained / "summary.json").read_text())
    found = evaluate(trained)
    for name in ("test_accuracies", "test_accuracy", "chance"):
        assert found[name] == summary[name]
    assert found["samples"] == summary["samples"]["test"]
    labels = chip_task("digits").parts["test"].labels
    share = np.bincount(labels) / len(labels)
    np.testing.assert_allclose(np.dot(found["recall"], share), found["test_accuracy"])
    assert found["classes"] == summary["classes"] == list("0123456789")
    assert __main__.main(["evaluate", str(trained)]) == 0
    out = capsys.readouterr().out
    assert f"test accuracy {summary['test_accuracy']:.3f}" in out
    assert f"found of each class: 0 {found['recall'][0]:.2f}  1 " in out


def test_networks_of_a_run_open_without_their_task(trained):
    run = load_run(trained)
    for seed, weights in run.weights.items():
        net, found, notes = snn.load(trained / seed / "network.safetensors")
        jax.tree.map(np.testing.assert_array_equal, found, weights)
        assert repr(net) == repr(run.task.network.cell)
        assert notes["task"] == "chip-digits"
        assert notes["dt"] == run.task.network.dt


def test_a_task_for_a_chip_trains_as_any_other(trained):
    summary = json.loads((trained / "summary.json").read_text())
    assert summary["task"] == "chip-digits"
    assert min(summary["test_accuracies"]) > 0.5
    assert min(summary["hidden_rates"]) > 0


def test_without_mismatch_every_chip_has_the_accuracy_of_the_network(tested):
    assert tested["mismatch"] == [0.0, 0.5]
    found = np.array(tested["accuracies"])
    assert found.shape == (2, 2, 3)  # networks, mismatches, chips
    for each, start in zip(found, tested["accuracy_without_mismatch"], strict=True):
        np.testing.assert_array_equal(each[0], np.full(3, start))
    assert tested["mean"][1] < tested["mean"][0]
    assert tested["worst"][1] < tested["best"][1]
    np.testing.assert_allclose(tested["mean"], found.mean(axis=(0, 2)), atol=1e-5)


def test_a_chip_is_the_network_distorted_and_read_by_hand(trained, tested):
    run = load_run(trained)
    assert list(run.weights) == tested["networks"] == ["seed0", "seed1"]
    network, part = run.task.network, run.task.parts["test"]
    rows = np.linspace(0, 299, 40).round().astype(int)
    xs = part.raster(rows, None)
    plain = np.argmax(scores(network, run.weights["seed1"], xs), axis=-1)
    hits = np.mean(plain == part.labels[rows])
    np.testing.assert_allclose(tested["accuracy_without_mismatch"][1], hits, atol=1e-6)
    key = jax.random.split(jax.random.key(0), 3)[2]
    chip = network._replace(cell=distorted(key, network.cell, 0.5))
    guesses = np.argmax(scores(chip, run.weights["seed1"], xs), axis=-1)
    hits = np.mean(guesses == part.labels[rows])
    np.testing.assert_allclose(tested["accuracies"][1][1][2], hits, atol=0.026)


def test_a_folder_has_report_and_summary_and_is_not_lost_to_other_questions(
    trained, tested
):
    folder = trained / "transfer"
    assert json.loads((folder / "summary.json").read_text()) == tested
    assert (folder / "report.png").stat().st_size > 5000
    again = transfer(trained, **SMALL)
    assert again["accuracies"] == tested["accuracies"]
    with pytest.raises(ValueError, match="holds the summary of something else"):
        transfer(trained, **SMALL | {"chips": 2})
    assert json.loads((folder / "summary.json").read_text()) == again


def test_the_command_prints_a_table(trained, capsys, tmp_path):
    options = "--mismatch", "0.3", "0.1", "--chips", "2", "--samples", "20"
    args = "chip", "transfer", str(trained), *options, "--out", str(tmp_path / "out")
    assert __main__.main([*args]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["0", "%"],
        ["10", "%"],
        ["30", "%"],
    ]
    assert lines[-1] == f"report: {tmp_path / 'out' / 'report.png'}"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"chips": 0}, "chips must be at least 1, got 0"),
        ({"samples": 0}, "samples must be at least 1"),
        ({"mismatch": (0.1, -0.2)}, "mismatch is a fraction, 0.3 for 30 %"),
        ({"mismatch": 0.2}, "mismatch must be spreads"),
        ({"mismatch": (30,)}, "from 0 to 3; got 30"),
        ({"mismatch": ()}, "mismatch must be one number or more"),
        ({"data": "somewhere"}, "come with scikit-learn"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options, words, trained, tmp_path):
    with pytest.raises(ValueError, match=words):
        transfer(trained, tmp_path / "out", **{**SMALL, **options})
    assert not (tmp_path / "out").exists()


def test_what_is_no_finished_run_is_refused(tmp_path, changed):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        transfer(tmp_path / "nothing", **SMALL)
    with pytest.raises(ValueError, match="not the folder of a finished training"):
        transfer(tmp_path, **SMALL)
    folder = changed(network="chain(dense(64, 99))")
    with pytest.raises(
        ValueError, match=r"What differs: network \(chain\(dense\(64, 99"
    ):
        transfer(folder, **SMALL)
    (folder / "seed0" / "run.json").write_text('{"recipe": {"task": "mine"}}')
    with pytest.raises(ValueError, match="of another kind of run: it says nothing of"):
        transfer(folder, **SMALL)
    (folder / "seed0" / "run.json").write_text("[]")
    with pytest.raises(ValueError, match="does not say what made the run"):
        transfer(folder, **SMALL)
    assert not (folder / "transfer").exists()


def test_a_run_of_another_task_is_refused(changed):
    with pytest.raises(ValueError, match="There is no task 'mine'; there are digits"):
        load_run(changed(task="mine"))


def kept(task, folder, rule, block):
    """What a training leaves, without it."""
    weights = task.network.cell.init(jax.random.key(0))
    state = init_train_state(weights, adam(task.schedule, 1))
    checkpoint.save(folder / "seed0", 1, (state, weights), {})
    learned = task._replace(network=learner(task, rule, block).network)
    made_by = {k: plain(v) for k, v in recipe(learned, rule, block).items()}
    (folder / "seed0" / "run.json").write_text(json.dumps({"recipe": made_by}))
    (folder / "summary.json").write_text("{}")


def test_what_a_rule_changed_in_a_network_is_there_again(toy, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    labels = {part: np.arange(12) % 3 for part in ("train", "validation", "test")}
    spikes = (rng.random((6, 12, 5)) < 0.5).astype(np.float32)
    cell = snn.chain(
        hidden=snn.chain(snn.dense(5, 4), snn.lif(4)),
        out=snn.chain(snn.dense(4, 3), snn.li(3)),
        outputs=HIDDEN_AND_OUT,
    )
    network = Network(cell, mean_voltage, 1e-3)
    parts = toy(lambda split: spikes, labels)
    task = Task("toy", parts, network, Schedule(4, 1, 1e-2), {})
    monkeypatch.setitem(TASKS, "toy", lambda: task)
    kept(task, tmp_path, "eprop", 10)
    hidden = load_run(tmp_path).task.network.cell.about.parts["hidden"]
    assert options_of("", hidden.about.parts[1])["reset"] == "subtract"
    assert transfer(tmp_path, **SMALL)["samples"] == 12
