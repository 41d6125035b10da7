"""How processes become a job, without one; jobs: ``tests/training``."""

from types import SimpleNamespace

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
    ],
)
def test_half_of_an_address_is_refused(given, told):
    with pytest.raises(ValueError, match=told), processes.job(*given):
        pytest.fail("it joined")


def test_alone_a_block_just_runs(monkeypatch):
    for name in SLURM:
        monkeypatch.delenv(name, raising=False)
    with processes.job():
        pass


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
