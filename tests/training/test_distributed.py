"""Several processes of one job train together, and one of them writes."""

import json
import socket
import subprocess
import sys

import pytest

from snnjax import processes

pytest.importorskip("grain")

CHILD = """
import sys
rank, port, folder, epochs = sys.argv[1:]
import jax, jax.numpy as jnp, numpy as np, optax
jax.config.update("jax_platforms", "cpu")
jax.distributed.initialize(f"127.0.0.1:{port}", 2, int(rank))
from snnjax.datasets.sources import Sample
from snnjax.inputs import prefetch, stream
from snnjax.training import fit, init_train_state, make_step, parallel

mesh = parallel.make_mesh()
optimizer = optax.adam(0.1)
data = np.arange(24, dtype=np.float32).reshape(8, 3) % 5 - 2
loss = lambda w, x: jnp.mean((x @ w) ** 2)
score = jax.jit(loss)
assert parallel.first(lambda: int(rank)) == 0
def refuse():
    raise FileExistsError(f"of {rank}")
try:
    parallel.first(refuse)
except FileExistsError as error:
    assert str(error) == "of 0"
own = parallel.assemble(data[4 * int(rank) :][:4], mesh, 0)
assert (parallel.whole(own) == data).all()
state = init_train_state(np.ones(3, np.float32), optimizer)
try:
    fit(lambda *batch: None, state, lambda epoch: [], epochs=1)
except ValueError as error:
    assert "must be placed on all processes" in str(error)
else:
    raise AssertionError("a state of one process was taken")
class Source:
    n_units = 1
    __len__ = lambda self: 8
    __getitem__ = lambda self, k: Sample(np.zeros(1), np.zeros(1, int), k, 0)
read = [*stream(Source(), batch=2, width=1).epoch(0)]
assert [int(batch.number) for batch in read] == [int(rank), 2 + int(rank)]
ahead = prefetch(parallel.assemble(b.events.labels, mesh, 0) for b in read)
labels = [parallel.whole(batch) for batch in ahead]
assert sorted(np.concatenate(labels).tolist()) == [*range(8)]
xs = parallel.scatter(data, mesh, 0)
found = fit(
    jax.jit(make_step(loss, optimizer)),
    parallel.place(state, mesh),
    lambda epoch: [(xs,)],
    epochs=int(epochs),
    validate=lambda w: {"accuracy": -float(score(w, xs))},
    folder=folder,
    save_every=0.0,
)
print("found", found.resumed_after, [row["loss"] for row in found.history])
"""


LEFT = """
import sys
rank, port = sys.argv[1:]
import jax
jax.config.update("jax_platforms", "cpu")
from snnjax import processes
from snnjax.training import parallel
with processes.job(f"127.0.0.1:{port}", 2, int(rank)):
    assert parallel.first(lambda: rank) == "0"
    if rank == "1":
        raise OSError("no space left")
    while True:
        parallel.first(lambda: rank)
"""


def _port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def _both(program, *args):
    """Statuses of two processes of a program, and what they said."""
    port, pipe = _port(), subprocess.PIPE
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(rank), port, *map(str, args)],
            stdout=pipe,
            stderr=pipe,
            text=True,
        )
        for rank in range(2)
    ]
    ends = [each.communicate(timeout=120) for each in both]
    return [each.returncode for each in both], ends


def _job(folder, epochs):
    statuses, ends = _both(CHILD, folder, epochs)
    assert statuses == [0, 0], ends[0][1] + ends[1][1]
    return [out.splitlines()[-1] for out, _ in ends], [err for _, err in ends]


def test_a_job_of_two_processes_writes_once_and_goes_on(tmp_path):
    told, _ = _job(tmp_path, 1)
    assert told[0] == told[1]
    told, said = _job(tmp_path, 2)
    rows = (tmp_path / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(row)["loss"] for row in rows]
    assert told == [f"found 1 {losses}"] * 2
    assert ["goes on after epoch 1 of 2" in each for each in said] == [True, False]
    assert {p.name for p in tmp_path.iterdir()} == {
        *("checkpoint", "metrics.jsonl", "run.json"),
    }


def test_who_fails_says_why_and_waits_for_nobody_and_the_other_says_what_to_do():
    statuses, ((_, first), (_, second)) = _both(LEFT)
    assert statuses == [processes.LOST, 1]
    assert second.splitlines()[-1] == "OSError: no space left"
    line = first.splitlines()[-1]
    assert line.startswith("ConnectionError: another process of the job was lost (")
    assert line.endswith("in all processes, goes on from the last checkpoint.")
