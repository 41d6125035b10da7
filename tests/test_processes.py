"""How processes become a job, without one; jobs: ``tests/training``."""

import subprocess
import sys
import time
from types import SimpleNamespace

import jax
import pytest

from snnjax import processes

SLURM = dict.fromkeys(
    ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_PROCID", "SLURM_LOCALID"), "0"
)


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        (SLURM | {"SLURM_NTASKS": "4"}, "slurm"),
        (SLURM | {"SLURM_NTASKS": "1"}, None),
        ({"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4"}, None),  # the script, no step
        ({"OMPI_MCA_orte_hnp_uri": "1.0", "OMPI_COMM_WORLD_SIZE": "2"}, "ompi"),
        ({"OMPI_MCA_orte_hnp_uri": "1.0", "OMPI_COMM_WORLD_SIZE": "1"}, None),
        ({"KUBERNETES_SERVICE_HOST": "h", "JOB_COMPLETION_INDEX": "0"}, "k8s"),
        ({"KUBERNETES_SERVICE_HOST": "h"}, None),  # a pod that is no indexed job
    ],
)
def test_a_job_of_a_scheduler_is_known_by_its_environment(environment, found):
    assert processes.cluster(environment) == found


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((None, None, 1), "process_id needs a coordinator"),
        (("here", 2, 0), "coordinator must be HOST:PORT, got 'here'"),
        (("here:0", 2, 0), "must be HOST:PORT"),
        (("here:99", 2, None), "needs processes and process_id"),
        (("here:99", 2, 2), r"process_id must be one of 0 \.\.\. 1, got 2"),
        ((None, 0, None), "processes must be 1 or more, got 0"),
        ((None, 3, None), "3 processes need a coordinator"),
    ],
)
def test_half_of_an_address_is_refused(given, told, monkeypatch):
    for name in SLURM:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=told), processes.job(*given):
        pytest.fail("it joined")


def test_alone_a_block_just_runs(monkeypatch):
    for name in SLURM:
        monkeypatch.delenv(name, raising=False)
    for alone in ((), (None, 1)):
        with processes.job(*alone):
            ran = alone
        assert ran == alone


def test_who_does_not_answer_is_told_in_a_line():
    unheard = "127.0.0.1:9", 2, 1
    with (
        pytest.raises(
            ConnectionError, match="could not join the others at 127"
        ) as told,
        processes.job(*unheard, wait=0),
    ):
        pytest.fail("it joined")
    assert "\n" not in str(told.value)


GLOO = "UNKNOWN: Gloo AllGather failed: pair.cc:547 Connection closed by peer"


def damaged():
    error = ValueError("The checkpoint of epoch 3 cannot be continued: it is damaged")
    error.__cause__ = jax.errors.JaxRuntimeError(GLOO)
    return error


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (jax.errors.JaxRuntimeError(GLOO), True),
        (ValueError(GLOO), True),  # of a call of a jitted function
        (damaged(), True),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"), False),
        (ValueError("Connections must be wired to neurons that there are"), False),
        (ConnectionError("https://a.b could not be had (Connection refused)"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_a_lost_process_is_told_from_other_errors(error, lost):
    assert processes._is_loss(error) == lost


ENDS = {  # programs of two processes: what the launcher ends with, and says
    ("exit 0", "exit 0"): (0, ""),
    ("exec sleep 60", "exit 3"): (3, "snnjax: refused\n"),
    ("exit 3", "exit 0"): (3, ""),  # the first process has told it
    ("kill -ABRT $$", "exit 3"): (3, "snnjax: refused\n"),  # the other one noticed
    ("exit 75", "kill -KILL $$"): (137, "process 1 of 2 was ended by SIGKILL"),
    ("kill -KILL $$", "exec sleep 60"): (137, "process 0 of 2 was ended by SIGKILL"),
    ("exit 0", "exit 75"): (75, "process 1 of 2 was lost, and the others"),
}


@pytest.mark.parametrize("programs", ENDS)
def test_once_a_process_ends_by_an_error_so_do_the_others(
    programs, capsys, monkeypatch
):
    sleeps = "exec sleep 60" in programs
    monkeypatch.setattr(processes, "_END", 0.2 if sleeps else 30.0)
    children = [
        subprocess.Popen(["sh", "-c", each], stdin=subprocess.PIPE) for each in programs
    ]
    began = time.monotonic()
    try:
        found = processes._watched(children, [[], ["working", "snnjax: refused"]])
    finally:
        processes._kill(children)
    assert time.monotonic() - began < 30.0
    status, said = ENDS[programs]
    assert found == status
    err = capsys.readouterr().err
    assert said in err
    assert bool(said) == bool(err)
    assert all(child.returncode is not None for child in children)


def test_a_process_ends_with_the_launcher_that_started_it():
    program = (
        "from snnjax import processes\n"
        "print('up', flush=True)\n"
        "processes._end_with_launcher()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], **pipes) as child:
        assert child.stdout.readline() == b"up\n"
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.2)
        child.stdin.close()
        assert child.wait(60.0) == processes.LOST


def test_processes_are_started_here_unless_they_are_there(monkeypatch):
    asked = SimpleNamespace(processes=2, coordinator=None)
    assert processes.several(asked) == 2
    assert processes.several(SimpleNamespace(processes=1, coordinator=None)) is None
    assert processes.several(SimpleNamespace()) is None
    joins = SimpleNamespace(processes=2, coordinator="here:99")
    assert processes.several(joins) is None
    for name, value in (SLURM | {"SLURM_NTASKS": "2"}).items():
        monkeypatch.setenv(name, value)
    assert processes.several(asked) is None
