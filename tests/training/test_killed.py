import random
import signal
import subprocess
import sys
import time

import pytest

# Trains a small spiking network in a folder and dies where it is told to; if it does
# not, it compares what it found with a run that was never cut.
CHILD = """
import os, signal, sys
import jax, numpy as np, optax
import snnjax as snn
from snnjax import training
from snnjax.training import checkpoint

folder, epochs, death = sys.argv[1], int(sys.argv[2]), sys.argv[3]
net = snn.chain(snn.dense(5, 16), snn.lif(16), snn.dense(16, 2), snn.li(2))
xs = jax.random.normal(jax.random.key(1), (20, 30, 5))
labels = np.arange(30) % 2
optimizer = optax.adam(1e-2)


def loss_fn(weights, xs, labels):
    _, v = snn.unroll(net, weights, xs, dt=1e-3)
    scores = v.mean(axis=0)
    return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()


def batches(epoch):
    for k, rows in enumerate(training.epoch_rows(7, epoch, 30, 8)):
        if (death, epoch, k) == ("in an epoch", 1, 2):
            os.kill(os.getpid(), signal.SIGKILL)
        yield xs[:, rows], labels[rows]


def deadly(function, fatal):
    def call(*args):
        if fatal(*args):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args)

    return call


checkpoint._digest = deadly(
    checkpoint._digest,
    lambda kept: (death, kept.name) == ("before the digest", "3"),
)
step = jax.jit(training.make_step(loss_fn, optimizer))
score = jax.jit(lambda weights: -loss_fn(weights, xs, labels))


def run(folder):
    return training.fit(
        step,
        training.init_train_state(net.init(jax.random.key(0)), optimizer),
        batches,
        epochs=epochs,
        validate=lambda weights: {"accuracy": score(weights)},
        folder=folder,
        save_every=0.0,
        progress=False,
    )


def everything(fit):
    arrays = jax.tree.leaves((fit.state, fit.best_weights))
    history = [row | {"seconds": 0} for row in fit.history]
    return [np.asarray(a).tobytes() for a in arrays], fit.best_epoch, history


print("begins", flush=True)
found = everything(run(folder))
print("the same bits" if found == everything(run(None)) else "other bits")
"""


def child(folder, epochs, death="never"):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(epochs), death],
        stdout=subprocess.PIPE,
        text=True,
    )


def told(folder):
    """How many epochs the metrics tell of."""
    return len((folder / "metrics.jsonl").read_text().splitlines())


def kept(folder):
    return {path.name for path in (folder / "checkpoint").iterdir()}


def test_a_run_killed_twice_ends_with_the_bits_of_one_that_is_not(tmp_path):
    for death, left, epochs in (
        ("in an epoch", {"1"}, 1),
        ("before the digest", {"2", "3"}, 2),
    ):
        killed = child(tmp_path, 4, death)
        killed.communicate()
        assert killed.returncode == -signal.SIGKILL
        assert (kept(tmp_path), told(tmp_path)) == (left, epochs)

    resumed = child(tmp_path, 4)
    assert resumed.communicate()[0].endswith("the same bits\n")
    assert (kept(tmp_path), told(tmp_path)) == ({"3", "4"}, 4)


@pytest.mark.slow
def test_twenty_kills_at_random_moments_change_no_bit(tmp_path):
    begun = time.monotonic()
    child(tmp_path / "alone", 1).communicate()
    usual = time.monotonic() - begun  # for two runs of an epoch, begun anew
    moment, reached, tmp_path = random.Random(2024), [0], tmp_path / "killed"
    for _ in range(20):
        killed = child(tmp_path, 10**6)
        killed.stdout.readline()
        time.sleep(moment.uniform(0.0, usual))
        killed.kill()
        killed.communicate()
        assert killed.returncode == -signal.SIGKILL  # it ran until then
        if (tmp_path / "metrics.jsonl").exists():
            reached.append(told(tmp_path))
    assert reached == sorted(reached)
    assert len(set(reached)) > 5

    last = reached[-1] + 5
    resumed = child(tmp_path, last)
    assert resumed.communicate()[0].endswith("the same bits\n")
    assert (kept(tmp_path), told(tmp_path)) == ({str(last - 1), str(last)}, last)
