"""Several processes do one training: started here, or by who runs a cluster.

JAX's own runtime (``jax.distributed``) does the work. Here is how a process joins a
job, how one machine runs all of a job, and how a job ends if one of its processes does.
"""

import atexit
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LOST = 75  # exit status of a process that has lost another one (EX_TEMPFAIL)
_LAUNCHED = "SNNJAX_LAUNCHED"  # set where a launcher watches, who tells who has ended
_WAIT = 300  # for the others at the start, as jax.distributed has it [s]
_SILENT = 100  # how long before a process counts as lost, too [s]
_END = 3.0  # for the others to end by themselves once one has [s]
_GONE = "Gloo", "Connection", "connection", "UNAVAILABLE", "heartbeat", "task died"
_STATUS = re.compile(r"[A-Z_]+: ")  # with which errors of XLA begin


def cluster(environment: Mapping[str, str]) -> str | None:
    """Which scheduler started this process among others, if one did.

    As ``jax.distributed.initialize()`` finds it: a step of Slurm, Open MPI, or an
    indexed job of Kubernetes. One process alone is no job of several.
    """
    slurm = "SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_PROCID", "SLURM_LOCALID"
    if all(name in environment for name in slurm):
        return "slurm" if int(environment.get("SLURM_NTASKS", "1")) > 1 else None
    if "OMPI_MCA_orte_hnp_uri" in environment:
        several = int(environment.get("OMPI_COMM_WORLD_SIZE", "1")) > 1
        return "ompi" if several else None
    indexed = "KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX"
    return "k8s" if all(name in environment for name in indexed) else None


@contextlib.contextmanager
def job(
    coordinator: str | None = None,
    processes: int | None = None,
    process_id: int | None = None,
    *,
    wait: int = _WAIT,
) -> Iterator[None]:
    """Joins the processes of a job while its block runs.

    A process whose block ends by an error does not wait for the others when it exits.

    Args:
        coordinator: ``"HOST:PORT"`` of the first process. Omitted, a cluster that JAX
            knows tells it; without one this process is alone.
        processes: how many there are.
        process_id: number of this one, from 0.
        wait: for the others at the start [s].

    Raises:
        ValueError: for a coordinator without both numbers, or what is none.
        ConnectionError: in a line, if the others cannot be reached, or one is lost.
    """
    _check(coordinator, processes, process_id)
    if coordinator is None and cluster(os.environ) is None:
        yield
        return
    _join(coordinator, processes, process_id, wait)
    try:
        yield
    except BaseException as error:
        lost = _is_loss(error)
        atexit.register(_exit, LOST if lost else 1)  # before jax waits for the others
        if lost and _LAUNCHED in os.environ:
            _exit(LOST)
        if lost:
            why = " ".join(str(error).split())[:200]
            raise ConnectionError(
                f"another process of the job was lost ({why}). The same call, in all "
                "processes, goes on from the last checkpoint."
            ) from error
        raise


def _is_loss(error):
    """Whether JAX does not hear another process; it says so in errors of two kinds."""
    import jax

    while error is not None:  # orbax and checkpoints tell what they come from
        told = str(error)
        of_jax = isinstance(error, jax.errors.JaxRuntimeError | ValueError)
        if of_jax and _STATUS.match(told) and any(word in told for word in _GONE):
            return True
        error = error.__cause__
    return False


def _check(coordinator, processes, process_id):
    if processes is not None and processes < 1:
        raise ValueError(f"processes must be 1 or more, got {processes}.")
    if coordinator is None:
        if process_id is not None:
            raise ValueError("process_id needs a coordinator, HOST:PORT.")
        if processes not in (None, 1) and cluster(os.environ) is None:
            raise ValueError(f"{processes} processes need a coordinator, HOST:PORT.")
        return
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError(f"coordinator must be HOST:PORT, got {coordinator!r}.")
    if processes is None or process_id is None:
        raise ValueError("A coordinator needs processes and process_id as well.")
    if not 0 <= process_id < processes:
        raise ValueError(
            f"process_id must be one of 0 ... {processes - 1}, got {process_id}."
        )


def _join(coordinator, processes, process_id, wait):
    import jax
    from jax.experimental import multihost_utils

    launched = _LAUNCHED in os.environ
    if launched:
        threading.Thread(target=_end_with_launcher, daemon=True).start()
    where = coordinator or f"the job of {cluster(os.environ)}"
    try:
        if process_id:  # JAX ends a process that does not find its coordinator
            _reach(coordinator, wait)
        jax.distributed.initialize(
            coordinator,
            processes,
            process_id,
            local_device_ids=[process_id] if launched else None,
            initialization_timeout=wait,
            heartbeat_timeout_seconds=24 * 3600 if launched else _SILENT,
        )
        with _unheard():  # gloo tells what it does
            multihost_utils.sync_global_devices("snnjax")
    except Exception as error:
        why = " ".join(str(error).split())[:300]
        if jax.distributed.is_initialized() or not process_id:
            atexit.register(_exit, 1)  # before jax waits for the others
        raise ConnectionError(
            f"process {process_id or 0} could not join the others at {where} within "
            f"{wait} s: {why}. Is the first process up, and its port open?"
        ) from error


@contextlib.contextmanager
def _unheard():
    """Nothing is written to standard output, not by C++ either."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _reach(coordinator, wait):
    """Waits until somebody listens."""
    host, _, port = coordinator.rpartition(":")
    until = time.monotonic() + wait
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), 5.0).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def _end_with_launcher():
    """A launcher that is killed takes its processes with it: its pipe ends."""
    os.read(0, 1)  # nothing is ever written there
    os._exit(LOST)


def _exit(status):
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def launch(args: Sequence[str], processes: int) -> int:
    """Runs ``snnjax ARGS`` in so many processes of this machine, as one job.

    Each has its share of the cores. The first one prints; once one ends by an error,
    the others are ended within four seconds, and it is said who was first.

    Args:
        args: of the command line.
        processes: how many.

    Returns:
        The exit status: that of the one that failed, 0 if none did.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    children: list[subprocess.Popen] = []
    said: list[deque[str]] = []  # by each but the first
    try:
        for k in range(processes):
            more = ["--coordinator", coordinator, "--process-id", str(k)]
            children.append(
                subprocess.Popen(
                    [sys.executable, "-m", "snnjax", *args, *more],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE if k else None,
                    stderr=subprocess.STDOUT if k else None,
                    env=os.environ | {_LAUNCHED: "1"},
                )
            )
            _share(children[k].pid, k, processes)
            said.append(deque(maxlen=100))
            if k:
                given = children[k].stdout, said[k]
                threading.Thread(target=_listen, args=given, daemon=True).start()
        return _watched(children, said)
    finally:
        _kill(children)


def _listen(stream, lines):
    for line in stream:
        lines.append(line.decode(errors="replace").rstrip())


def _share(pid, k, processes):
    """Gives a process its part of the cores, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    own = cores[k % len(cores) :: processes] if processes < len(cores) else ()
    with contextlib.suppress(OSError):
        os.sched_setaffinity(pid, own or {cores[k % len(cores)]})


def _watched(children, said):
    while True:
        ends = [child.poll() for child in children]
        if all(end == 0 for end in ends):
            return 0
        if any(ends):
            break
        time.sleep(0.05)
    until = time.monotonic() + _END  # who lost another one ends, too, and says so
    while None in [child.poll() for child in children] and time.monotonic() < until:
        time.sleep(0.05)
    ends = [child.poll() for child in children]
    _kill(children)
    k = min(range(len(ends)), key=lambda k: (_consequence(ends[k]), k))
    if k and ends[k] > 0:  # the first process has told its own error
        time.sleep(0.1)  # until it is heard
        told = [line for line in said[k] if line.startswith("snnjax: ")]
        print("\n".join(told or list(said[k])[-1:]), file=sys.stderr)
    if ends[k] < 0 or ends[k] == LOST:
        print(
            f"snnjax: process {k} of {len(children)} {_told(ends[k])}, and the others "
            "were ended. The same call goes on from the last checkpoint.",
            file=sys.stderr,
        )
    return ends[k] if ends[k] > 0 else 128 - ends[k]


def _consequence(end):
    """How likely it is that a process ended because of another: the least is first."""
    if end is None or end == 0:
        return 3
    return 2 if end == LOST else 1 if end == -signal.SIGABRT else 0


def _told(end):
    return f"was ended by {signal.Signals(-end).name}" if end < 0 else "was lost"


def _kill(children):
    for child in children:
        if child.poll() is None:
            child.kill()
    for child in children:
        child.wait()
        child.stdin.close()


def several(command: Any) -> int | None:
    """How many processes a command asks this one to start; none if it is one itself."""
    asked = getattr(command, "processes", None) or 1
    joins = getattr(command, "coordinator", None) or cluster(os.environ)
    return asked if asked > 1 and not joins else None
