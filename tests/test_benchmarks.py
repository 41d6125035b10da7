import json

import escape_noise
import hidden_layer
import main_jobs
import manifolds
import pytest
import run
import study
import surrogate_shapes

TASK = manifolds.Manifolds(
    classes=4, inputs=20, samples=80, steps=60, on=30, epochs=20, batch=16
)
TINY = {
    "R01": hidden_layer.Size(patterns=16, steps=60, inputs=60, epochs=60, seeds=2),
    "R03": main_jobs.Size(seeds=1, epochs=3),
    "R06": surrogate_shapes.Size(
        TASK, hidden=40, slopes=(1.0, 30.0), rates=(0.02,), seeds=1
    ),
    "R27": escape_noise.Size(TASK, hidden=40, rates=(0.02,), seeds=1, draws=100_000),
}
FINDINGS = {}


def finding(id):
    """What the tiny version of a study found; each is run once."""
    if id not in FINDINGS:
        FINDINGS[id] = run.STUDIES[id].run(False, TINY[id])
    return FINDINGS[id]


def measured(found, name):
    return {c.name: c for c in found.criteria}[name]


@pytest.mark.parametrize("id", TINY)
def test_a_finding_becomes_a_last_line_and_files(id, tmp_path, capsys):
    found = finding(id)
    made = run.STUDIES[id]._replace(run=lambda full: found)
    study.execute(made, full=False, results=tmp_path)
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["study"] == id
    assert line == json.loads((tmp_path / f"{id}.json").read_text())
    assert {"summary", "criteria"} < line.keys()
    assert all(
        c.keys() == {"name", "value", "bound", "holds"} for c in line["criteria"]
    )
    assert (tmp_path / f"{id}.png").exists() == (found.figure is not None)


def test_only_a_surrogate_moves_the_hidden_layer():
    found = finding("R01")
    assert measured(found, "layer-1 weights moved without surrogate").value == 0
    gap = measured(found, "points lost without surrogate").value
    assert gap > 0
    with_it = found.summary["surrogate"]
    assert min(with_it["layer_1_weights_moved"]) > 0


def test_a_tiny_sweep_of_surrogates_learns_manifolds():
    found = finding("R06")
    assert measured(found, "best test accuracy").value > 0.6  # chance is 0.25
    assert len(found.summary["triangle"]["test_accuracy"]) == 2


def test_a_few_epochs_of_digits_beat_chance():
    assert finding("R03").summary["test_accuracy"] > 0.5


def test_noisy_neurons_agree_alone_differ_in_layers_and_learn():
    found = finding("R27")
    assert found.criteria[0].holds
    assert found.criteria[1].holds
    assert found.summary["stochastic"]["test_accuracy"] > 0.6  # chance is 0.25


def test_studies_are_listed_and_unknown_ones_refused(capsys):
    assert run.main(["--list"]) == 0
    assert all(id in capsys.readouterr().out for id in ["R01"])
    assert run.main(["R99"]) == 2
    assert "R99" in (told := capsys.readouterr().err)
    assert all(id in told for id in run.STUDIES)
    assert run.main([]) == 2


def test_a_failed_criterion_is_an_exit_status(monkeypatch, tmp_path):
    for holds in (True, False):
        found = study.Finding({}, [study.Criterion("c", 1, "== 1", holds)])
        made = run.STUDIES["R01"]._replace(run=lambda full, found=found: found)
        monkeypatch.setitem(run.STUDIES, "R01", made)
        assert run.main(["R01", "--out", str(tmp_path)]) == int(not holds)


def test_the_table_says_what_the_results_say():
    for page, text in ((run.TABLE, run.table()), (run.README, run.speeds())):
        assert page.read_text().split(run.MARK)[1].strip() == text
