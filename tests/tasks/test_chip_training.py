"""Training in the loop as users call it: a folder, a report, failures on the way."""

import html
import json

import jax
import numpy as np
import pytest

from snnjax import __main__
from snnjax.hardware import DeviceError, emulated_chip
from snnjax.tasks import chip_training, load_run, train, train_on_chip, transfer
from snnjax.tasks.chip import chip_task
from snnjax.tasks.looped import LARGEST


@pytest.fixture(scope="module")
def software(without_pages, tmp_path_factory):
    """A network that was trained in software, for long enough."""
    folder = tmp_path_factory.mktemp("software")
    summary = train(chip_task("digits"), folder, epochs=12, progress=False)
    assert summary["test_accuracy"] > 0.85
    return folder


def test_a_chip_is_learned_from_software_and_the_folder_tells_it(software, tmp_path):
    summary = train_on_chip(
        "digits", tmp_path, start=software, epochs=2, progress=False
    )
    assert summary == json.loads((tmp_path / "summary.json").read_text())
    assert (tmp_path / "report.png").stat().st_size > 10_000
    page = html.unescape((tmp_path / "report.html").read_text())
    for words in (
        "chip-digits on chip 1, mismatch 30%",
        f"{summary['test_accuracy_as_programmed_first']:.3f}",
        f"snnjax chip train digits --out {tmp_path} --serial 1 --mismatch 0.3 --seed 0 "
        f"--epochs 2 --start {software}",
    ):
        assert words in page
    gain = summary["test_accuracy"] - summary["test_accuracy_as_programmed_first"]
    assert gain > 0.03
    assert summary["test_accuracy"] > 0.8
    assert summary["chip"]["serial"] == 1
    assert summary["notes"]["lost_in"] == 0.0
    run = load_run(tmp_path)
    assert np.abs(run.weights["seed0"]["hidden"][0].w).max() <= LARGEST * 1.000001
    moved = transfer(tmp_path, tmp_path / "t", mismatch=[0.3], chips=3, samples=50)
    assert moved["mean"][0] < 1.0
    with pytest.raises(ValueError, match="holds seed0, seed 1 was asked for"):
        train_on_chip("digits", tmp_path, seed=1, epochs=2, progress=False)
    with pytest.raises(ValueError, match="it is a file"):
        train_on_chip("digits", tmp_path / "summary.json", epochs=2, progress=False)
    with pytest.raises(ValueError, match=r"chip\.serial"):
        train_on_chip(
            "digits", tmp_path, serial=2, start=software, epochs=2, progress=False
        )


class Failing:
    """A chip that is gone after some runs, and every later one at once."""

    left = 0

    def __init__(self, chip):
        self.chip = chip

    def program(self, weights):
        return self.chip.program(weights)

    def run(self, handle, spikes, *, trial=None):
        Failing.left -= 1
        if Failing.left < 0:
            raise DeviceError("The device has ended.", "out of power")
        return self.chip.run(handle, spikes, trial=trial)

    def close(self):
        self.chip.close()


def test_a_chip_that_fails_is_told_and_the_same_call_goes_on(
    tmp_path, monkeypatch, capsys
):
    asked = ["chip", "train", "digits", "--epochs", "2"]
    whole = tmp_path / "whole"
    with monkeypatch.context() as patch:  # the test above reads such a report
        patch.setattr(chip_training, "write_chip_reports", lambda *given: None)
        assert __main__.main([*asked, "--out", str(whole)]) == 0
    assert "test accuracy on chip 1, mismatch 30%" in capsys.readouterr().out
    broken = [*asked, "--out", str(tmp_path / "broken")]
    with monkeypatch.context() as patch:
        made = lambda *a, **k: Failing(emulated_chip(*a, **k))  # noqa: E731
        patch.setattr(chip_training, "emulated_chip", made)
        Failing.left = 25  # an epoch, its validation, and some of the next
        assert __main__.main(broken) == 1
    said = capsys.readouterr().err
    assert "Gave up after 3 tries: The device has ended." in said
    assert "the same call goes on" in said
    assert said.rstrip().endswith("out of power")
    assert __main__.main(broken) == 0
    assert (tmp_path / "broken" / "report.html").stat().st_size > 10_000
    other = [*asked, "--seed", "1", "--serial", "2", "--out", str(tmp_path / "other")]
    assert __main__.main(other) == 0
    assert "test accuracy on chip 2" in capsys.readouterr().out
    assert [*load_run(tmp_path / "other").weights] == ["seed1"]
    one, other = (load_run(f).weights for f in (whole, tmp_path / "broken"))
    jax.tree.map(np.testing.assert_array_equal, one, other)
    summary = json.loads((tmp_path / "broken" / "summary.json").read_text())
    assert summary["resumed_after"] == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"task": "cifar"}, "task must be"),
        ({"mismatch": -0.1}, "mismatch"),
        ({"serial": -1}, "serial"),
        ({"epochs": 0}, "epochs"),
        ({"seed": 0.5}, "seed"),
        ({"data": "here"}, "take none"),
    ],
)
def test_nonsense_is_refused_before_anything_is_made(wrong, said, tmp_path):
    given = {"task": "digits", "folder": tmp_path / "run", **wrong}
    with pytest.raises(ValueError, match=said):
        train_on_chip(**given)
    assert not (tmp_path / "run").exists()


def test_a_start_that_there_is_not_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run"):
        train_on_chip("digits", tmp_path / "run", start=tmp_path / "nowhere")
