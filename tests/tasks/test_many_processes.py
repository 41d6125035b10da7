"""Real processes on this machine train a task, are killed, and go on."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from snnjax.training.checkpoint import best_weights

pytest.importorskip("tyro")
pytest.importorskip("sklearn")
pytestmark = pytest.mark.slow


def start(folder, processes, *more, double=False):
    command = [sys.executable, "-m", "snnjax", "train", "digits", "--hidden", "32"]
    command += ["--out", str(folder), "--processes", str(processes), *more]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"JAX_ENABLE_X64": str(int(double))},
    )


def trained(folder, processes, *more, **options):
    done = start(folder, processes, *more, **options)
    out, told = done.communicate(timeout=600)
    assert done.returncode == 0, told
    return out, told


def history(folder):
    rows = (folder / "seed0" / "metrics.jsonl").read_text().splitlines()
    return [json.loads(row) | {"seconds": 0} for row in rows]


def workers(launcher):
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def names(folder):
    found = {path.relative_to(folder) for path in folder.rglob("*")}
    return {each for each in found if "checkpoint" not in each.parts[:-1]}


def test_two_three_and_four_processes_train_to_the_weights_of_one(tmp_path):
    """Three do not divide the batch of 64."""
    trained(tmp_path / "1", 1, "--epochs", "2", double=True)
    expected = best_weights(tmp_path / "1" / "seed0")
    for n in (2, 3, 4):
        trained(tmp_path / str(n), n, "--epochs", "2", double=True)
        found = best_weights(tmp_path / str(n) / "seed0")
        for name, w in expected.items():
            assert w.dtype == np.float64
            np.testing.assert_allclose(found[name], w, rtol=0, atol=1e-10)
        assert names(tmp_path / str(n)) == names(tmp_path / "1")
        both = history(tmp_path / str(n)), history(tmp_path / "1")
        for row, other in zip(*both, strict=True):
            assert row == pytest.approx(other, rel=1e-9)


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="no /proc here")
def test_twenty_kills_of_any_process_change_no_bit(tmp_path):
    epochs, pick, cut = ("--epochs", "300"), random.Random(7), 0
    for _ in range(20):
        job = start(tmp_path / "killed", 2, *epochs)
        time.sleep(pick.uniform(6.0, 16.0))
        if job.poll() is not None:
            break
        victim = pick.choice(workers(job))
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        _, told = job.communicate(timeout=60)
        assert time.monotonic() - killed < 10
        line = told.splitlines()[-1]
        assert job.returncode == 128 + signal.SIGKILL, told
        assert "of 2 was ended by SIGKILL" in line
        assert "goes on from the last checkpoint" in line
        cut += 1
    assert cut > 3
    trained(tmp_path / "killed", 2, *epochs)
    trained(tmp_path / "whole", 2, *epochs)
    assert history(tmp_path / "killed") == history(tmp_path / "whole")
    nets = [tmp_path / n / "seed0" / "network.safetensors" for n in ("killed", "whole")]
    assert nets[0].read_bytes() == nets[1].read_bytes()


def test_another_number_of_processes_goes_on(tmp_path):
    epochs = "--epochs", "200"
    for n in (2, 1, 3):
        job = start(tmp_path, n, *epochs)
        while not (tmp_path / "seed0" / "metrics.jsonl").exists():
            time.sleep(0.1)
        before = len(history(tmp_path))
        while len(history(tmp_path)) < before + 3:
            time.sleep(0.1)
        os.kill(workers(job)[-1] if n > 1 else job.pid, signal.SIGKILL)
        job.communicate(timeout=60)
    _, told = trained(tmp_path, 1, *epochs)
    assert "goes on elsewhere: devices (2, now 1)" in told  # it began with two
    assert len(history(tmp_path)) == 200


def test_what_a_process_refuses_is_one_line(tmp_path):
    (tmp_path / "out").write_text("a file")
    job = start(tmp_path / "out", 2)
    _, told = job.communicate(timeout=120)
    assert job.returncode == 1
    assert len([line for line in told.splitlines() if "snnjax: " in line]) == 1


FULL = """
import sys
if sys.orig_argv[-2:] == ["--process-id", "1"]:
    import orbax.checkpoint as ocp

    def full(*args, **options):
        raise OSError("no space left for process 1")

    ocp.CheckpointManager.save = full
"""


def test_what_only_the_second_process_cannot_write_is_what_is_told(
    tmp_path, monkeypatch
):
    (tmp_path / "sitecustomize.py").write_text(FULL)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    job = start(tmp_path / "out", 2, "--epochs", "1")
    _, told = job.communicate(timeout=120)
    assert job.returncode == 1
    assert told.splitlines()[-1] == "snnjax: no space left for process 1"
    assert "Gloo" not in told
