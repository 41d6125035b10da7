"""What does a training step gain from processes on cores of their own?

    python -m benchmarks.speed.processes [--sizes 250/64/512 …] [--seconds 10]

A step of a recurrent speech network (T / batch / hidden neurons, 700 inputs, 20
readouts) natively: in one process on one core, in one on all of them, and in as many
processes as there are cores, each on one, with a share of the batch. Sides take turns,
each in processes of its own; memory is the peak of a process.
"""

import argparse
import json
import operator
import os
import resource
import socket
import subprocess
import sys
from functools import partial

from benchmarks.machine import machine
from benchmarks.report import RESULTS, ROOT, emit, tell

KEPT = RESULTS / "processes.json"
SIZES = ("100/64/256", "250/64/512", "250/256/512")


def measure(size: str, seconds: float, processes: int, rank: int, port: str) -> None:
    """Prints times of steps, as one process of a job."""
    import time

    import jax
    import numpy as np
    import optax

    import snnjax as snn
    from benchmarks.speed.timing import spread
    from snnjax.training import init_train_state, make_step, parallel

    if processes > 1:
        jax.distributed.initialize(f"127.0.0.1:{port}", processes, rank)
    steps, batch, hidden = map(int, size.split("/"))
    draw = lambda key, n_in, n: (2 / n_in**0.5) * jax.random.normal(key, (n_in, n))  # noqa: E731
    net = snn.chain(
        snn.recurrent(700, hidden, snn.lif(hidden), init=draw),
        snn.dense(hidden, 20, init=draw),
        snn.li(20),
    )
    rng = np.random.default_rng(0)
    xs = (rng.random((steps, batch, 700)) < 0.01).astype(np.float32)
    labels = np.arange(batch) % 20
    mesh = parallel.make_mesh()
    run = parallel.spread(lambda w, xs: snn.unroll(net, w, xs, dt=1e-3)[1], mesh, 1)

    def loss(weights, xs, labels):
        scores = snn.learning.mean_over_time(run(weights, xs, batch))
        return snn.cross_entropy(scores, labels)

    optimizer = optax.adam(1e-4)
    state = parallel.place(
        init_train_state(net.init(jax.random.key(0)), optimizer), mesh
    )
    data = parallel.scatter((xs, labels), mesh, (1, None))
    step = jax.jit(make_step(loss, optimizer), donate_argnums=0)
    times: list[float] = []
    until = float("inf")
    while parallel.first(partial(operator.lt, time.perf_counter(), until)):
        for _ in range(10):
            began = time.perf_counter()
            state, metrics = step(state, *data)
            jax.block_until_ready(state)
            times.append(1e3 * (time.perf_counter() - began))
        if until == float("inf"):  # compiled and warm
            times, until = [], time.perf_counter() + seconds
    if rank == 0:
        row = spread(times) | {"loss": float(metrics["loss"]), "steps": len(times)}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        print(json.dumps(row | {"peak_mb": peak}))


def job(size: str, seconds: float, cores: list[set[int]]) -> dict[str, float]:
    """A job of a process for each set of cores; what the first one has measured."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    started = []
    for rank, own in enumerate(cores):
        more = [size, str(seconds), str(len(cores)), str(rank), port]
        command = [sys.executable, "-m", "benchmarks.speed.processes", "--part", *more]
        each = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8"
        )
        os.sched_setaffinity(each.pid, own)
        started.append(each)
    outs = [each.communicate()[0] for each in started]
    if any(each.returncode for each in started):
        raise ChildProcessError(f"a process of {size} failed: {outs}")
    return json.loads(outs[0].splitlines()[-1])


def main(sizes: tuple[str, ...] = SIZES, seconds: float = 10.0, turns: int = 2) -> dict:
    """Measures, and returns what there is to keep."""
    cores = sorted(os.sched_getaffinity(0))
    sides = {
        "one core": [{cores[0]}],
        "all cores, one process": [{*cores}],
        "a process for each core": [{core} for core in cores],
    }
    found: dict[str, dict] = {}
    for size in sizes:
        rows = {name: [] for name in sides}
        for _ in range(turns):
            for name, own in sides.items():
                rows[name].append(job(size, seconds / turns, own))
        best = {
            name: min(r, key=lambda row: row["quartile_ms"]) for name, r in rows.items()
        }
        alone, many = best["one core"], best["a process for each core"]
        gain = alone["quartile_ms"] / many["quartile_ms"]
        found[size] = best | {"gain": gain, "processes": len(cores)}
        emit(size=size, **found[size])
    return {"sizes": found, **machine()}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        size, seconds, processes, rank, port = sys.argv[2:]
        measure(size, float(seconds), int(processes), int(rank), port)
    else:
        parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
        parser.add_argument("--sizes", nargs="+", default=SIZES)
        parser.add_argument("--seconds", type=float, default=10.0)
        given = parser.parse_args()
        tell("processes ...")
        KEPT.write_text(
            json.dumps(main(given.sizes, given.seconds), indent=1) + "\n",
            encoding="utf-8",
        )
