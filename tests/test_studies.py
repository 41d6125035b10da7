"""How studies and benchmarks run, whatever they are about."""

import json
import os
import subprocess
import sys

import jax
import pytest

from benchmarks.catalogue import every
from benchmarks.machine import cores
from benchmarks.report import RESULTS, ROOT
from benchmarks.speed import training_step


def test_every_core_is_a_device_and_no_study_starts_jax_before():
    program = (
        "import jax; from benchmarks import catalogue, study; catalogue.every(); "
        "study.all_cores(); "
        "print(len(jax.devices()), jax.devices()[0].platform)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert told == [str(cores()), "cpu"]


def test_a_profile_is_written_where_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(training_step, "RESULTS", tmp_path)
    work = {
        "tiny": lambda: training_step.run_w2(((5, 2, 4),), (1,)),
        "less": lambda: jax.jit(jax.numpy.sin)(1.0).tolist(),
    }
    monkeypatch.setattr(training_step, "RUNS", work)
    profiled = "less", "--profile", str(tmp_path / "p")
    for given, profiles in ((("tiny",), 0), (profiled, 1)):
        monkeypatch.setattr(sys, "argv", ["training_step.py", *given])
        training_step.main()
        assert (tmp_path / f"training_step_{given[0]}.json").exists()
        assert len([*tmp_path.glob("p/**/*.xplane.pb")]) == profiles


def test_a_workload_that_there_is_not_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["training_step.py", "W9"])
    with pytest.raises(SystemExit):
        training_step.main()
    assert "no workload W9" in capsys.readouterr().err


def test_a_study_that_misses_a_criterion_says_why():
    told = {}
    for study in every():
        kept = RESULTS / f"{study.id}.json"
        rows = json.loads(kept.read_text())["criteria"] if kept.exists() else []
        told[study.id] = all(row["holds"] for row in rows), study.missed == ""
    assert len(told) > 30
    assert [name for name, (holds, silent) in told.items() if holds != silent] == []
