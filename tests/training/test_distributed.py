"""Several processes of one job train together, and one of them writes."""

import json
import socket
import subprocess
import sys

CHILD = """
import sys
rank, port, folder, epochs = sys.argv[1:]
import jax, jax.numpy as jnp, numpy as np, optax
jax.config.update("jax_platforms", "cpu")
jax.distributed.initialize(f"127.0.0.1:{port}", 2, int(rank))
from snnjax.training import fit, init_train_state, make_step

mesh = jax.make_mesh((2,), ("data",))
everywhere = jax.NamedSharding(mesh, jax.P())
spread = jax.NamedSharding(mesh, jax.P("data"))
optimizer = optax.adam(0.1)
ones = np.ones(3, np.float32)
weights = jax.make_array_from_callback((3,), everywhere, lambda part: ones[part])
begin = jax.jit(lambda w: init_train_state(w, optimizer), out_shardings=everywhere)
data = np.arange(24, dtype=np.float32).reshape(8, 3) % 5 - 2
xs = jax.make_array_from_callback((8, 3), spread, lambda part: data[part])
loss = lambda w, x: jnp.mean((x @ w) ** 2)
score = jax.jit(loss)
found = fit(
    jax.jit(make_step(loss, optimizer)),
    begin(weights),
    lambda epoch: [(xs,)],
    epochs=int(epochs),
    validate=lambda w: {"accuracy": -float(score(w, xs))},
    folder=folder,
)
print("found", found.resumed_after, [row["loss"] for row in found.history])
"""


def _port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def _job(folder, epochs):
    port, pipe = _port(), subprocess.PIPE
    both = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(rank), port, str(folder), str(epochs)],
            stdout=pipe,
            stderr=pipe,
            text=True,
        )
        for rank in range(2)
    ]
    ends = [each.communicate(timeout=120) for each in both]
    assert [each.returncode for each in both] == [0, 0], ends[0][1] + ends[1][1]
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
