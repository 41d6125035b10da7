from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnjax import chain
from snnjax.learning import max_over_time
from snnjax.networks import dense, recurrent
from snnjax.neurons import li, lif
from snnjax.tasks import Part, Schedule, Task, fitting, online, train
from snnjax.tasks.network import HIDDEN_AND_OUT, Network, mean_voltage
from snnjax.tasks.rules import RULES, learner

pytestmark = pytest.mark.usefixtures("without_pages")

STEPS, INPUTS = 40, 12


def small(steps=STEPS, readout=mean_voltage, layer=recurrent):
    """A task of two classes, spikes in one half of the channels or in the other."""
    if layer is recurrent:
        hidden = recurrent(INPUTS, 8, lif(8))
    else:
        hidden = chain(dense(INPUTS, 8), lif(8))
    cell = chain(hidden=hidden, out=chain(dense(8, 2), li(2)), outputs=HIDDEN_AND_OUT)
    labels = np.arange(12) % 2
    rng = np.random.default_rng(0)
    rates = np.where(np.arange(INPUTS) // 6 == labels[:, None], 0.5, 0.1)
    xs = (rng.random((steps, 12, INPUTS)) < rates).astype(np.float32)
    part = Part(lambda rows, rng: xs[:, rows], labels)
    parts = dict.fromkeys(("train", "validation", "test"), part)
    schedule = Schedule(batch=6, epochs=2, learning_rate=1e-2)
    return Task("halves", parts, Network(cell, readout, 1e-3), schedule, {})


def found(loss, task, learns, *draw):
    part = task.parts["train"]
    xs, labels = part.raster(np.arange(6), None), part.labels[:6]
    weights = jax.jit(learns.network.cell.init)(jax.random.key(1))
    return graded(loss)(weights, xs, labels, *draw)


@cache
def graded(loss):
    return jax.jit(jax.value_and_grad(loss, has_aux=True))


def both(task, rule, block):
    """Loss, metrics and gradients: of the rule, and of the network it learns."""
    learns = learner(task, rule, block)
    whole = found(partial(fitting.loss, learns.network), task, learns)
    return found(partial(online.loss, learns), task, learns, np.uint32(0)), whole


@pytest.mark.parametrize(("rule", "block"), [("truncated", STEPS), ("rtrl", 7)])
def test_two_passes_give_the_gradient_of_one(rule, block):
    (one, mine), (other, whole) = both(small(), rule, block)
    assert float(one[1]["hidden_rate"]) > 20.0
    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(close, (one, mine), (other, whole))


def test_eprop_is_per_unit_of_the_same_neurons_and_says_what_it_drops():
    task = small()
    learns = learner(task, "eprop", 7)
    options = learns.network.cell.about.parts["hidden"].about.options.arguments
    assert options["recurrent_gradient"] is False
    assert options["neuron"].about.options.arguments["reset"] == "subtract"
    assert "what spikes do within their own layer" in learns.leaves_out
    same = learner(task._replace(network=learns.network), "per_unit", 7)
    grads = [
        found(partial(online.loss, each), task, each, np.uint32(0))[1]
        for each in (learns, same)
    ]
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), *grads)
    assert learns.kept_bytes < same.kept_bytes


def test_sketches_are_drawn_anew_for_each_update():
    task, draws = small(), (0, 0, 1)
    learns = learner(task, "kronecker", 7)
    loss = partial(online.loss, learns)
    each = [found(loss, task, learns, np.uint32(draw))[1] for draw in draws]
    first, again, other = (tree["hidden"].recurrent for tree in each)
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_memory_does_not_grow_with_the_number_of_steps():
    learns = learner(small(), "eprop", 10)
    weights = learns.network.cell.init(jax.random.key(0))

    def needed(steps):
        given = jnp.zeros((steps, 6, INPUTS)), jnp.zeros(6, int), jnp.uint32(0)
        loss = jax.value_and_grad(partial(online.loss, learns), has_aux=True)
        plan = jax.jit(loss).lower(weights, *given).compile().memory_analysis()
        return plan.temp_size_in_bytes

    np.testing.assert_allclose(needed(2000), needed(200), rtol=0.01)


def test_a_cut_run_by_a_rule_ends_with_the_same_numbers(tmp_path, monkeypatch):
    options = {"rule": "rank_one", "block": 20, "progress": False}
    whole = train(small(), tmp_path / "whole", **options)
    batches = fitting.training_batches

    def cut(part, batch, seed, epoch):
        if epoch == 1:
            raise KeyboardInterrupt
        return batches(part, batch, seed, epoch)

    monkeypatch.setattr(fitting, "training_batches", cut)
    with pytest.raises(KeyboardInterrupt):
        train(small(), tmp_path / "cut", **options)
    monkeypatch.undo()
    resumed = train(small(), tmp_path / "cut", **options)
    assert resumed["resumed_after"] == [1]
    assert (resumed["rule"], resumed["block"]) == ("rank_one", 20)
    losses = [
        [line.split('"seconds"')[0] for line in path.read_text().splitlines()]
        for path in sorted(tmp_path.glob("*/seed0/metrics.jsonl"))
    ]
    assert losses[0] == losses[1]
    assert whole["test_accuracy"] == resumed["test_accuracy"]
    with pytest.raises(ValueError, match=r"block \(20, now 10\)"):
        train(small(), tmp_path / "cut", **options | {"block": 10})


def test_what_much_is_kept_is_told_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr("snnjax.tasks.rules._MUCH", 2**16)
    with pytest.warns(UserWarning, match=r"rtrl keeps .* GiB between blocks"):
        learner(small(), "rtrl")
    learner(small(), "eprop")


REFUSED = {
    "maximum": (small(readout=max_over_time), "eprop", "a sum or a mean"),
    "each step": (small(readout=lambda v: v), "eprop", "labels of each step"),
    "late": (small(readout=lambda v: v[20:].mean(0)), "truncated", "a sum or a mean"),
    "no loop": (small(layer=dense), "kronecker", "needs a recurrent layer"),
    "name": (small(), "hebb", "rule must be one of"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_rule_cannot_learn_is_refused_before_any_training(name, tmp_path):
    task, rule, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        train(task, tmp_path / "run", rule=rule, progress=False)
    assert not (tmp_path / "run").exists()


def test_the_command_line_knows_every_rule():
    from typing import get_args

    from snnjax.training_command import Rule

    assert get_args(Rule) == ("bptt", *RULES)
