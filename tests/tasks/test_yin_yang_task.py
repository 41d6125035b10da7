import json
from functools import partial

import jax
import numpy as np
import optax
import pytest
import safetensors.numpy

import snnjax as snn
from snnjax.neurons import first_spike_time
from snnjax.tasks import (
    TASKS,
    evaluate,
    job,
    load_run,
    redraw,
    settings,
    sweep_task,
    train,
    transfer,
)
from snnjax.tasks.catalogue import task_of
from snnjax.tasks.fitting import loss
from snnjax.tasks.layers import layers
from snnjax.tasks.network import run, scores
from snnjax.tasks.task import as_read, some
from snnjax.tasks.timed import spike_times_of, timed_step
from snnjax.tasks.yin_yang import END, TAU
from snnjax.training import init_train_state


@pytest.fixture(scope="module")
def ttfs():
    return TASKS["yin-yang"](gradient="ttfs")


@pytest.fixture(scope="module")
def times_of(ttfs):
    """When neurons of its network fire, ``(weights, times) -> (hidden, out)``."""
    return jax.jit(partial(spike_times_of, ttfs.network))


def test_its_points_are_the_published_ones_told_by_times(data_folder, ttfs):
    folder = data_folder("yinyang")
    for split, part in ttfs.parts.items():
        points = np.load(folder / f"{split}_samples.npy")
        labels = np.load(folder / f"{split}_labels.npy")
        np.testing.assert_array_equal(part.labels, labels)
        times = part.times(np.arange(len(labels)), None)
        found = (times[:, :4] / TAU - 0.15) / 1.85
        np.testing.assert_allclose(found, points, atol=1e-6)
        np.testing.assert_allclose(times[:, 4], 0.9 * TAU, rtol=1e-6)


def test_its_raster_has_every_spike_in_the_step_of_its_time():
    part = TASKS["yin-yang"](dt=1e-3).parts["test"]
    rows = np.array([5, 900, 17])
    raster, times = part.raster(rows, None), part.times(rows, None)
    assert raster.shape == (20, 3, 5)
    np.testing.assert_array_equal(raster.sum(axis=0), 1)
    np.testing.assert_array_equal(raster.argmax(axis=0), np.floor(times / 1e-3))
    few = some(part, rows)
    np.testing.assert_array_equal(few.times(np.array([1]), None), times[1:2])
    np.testing.assert_array_equal(few.raster(np.array([1]), None), raster[:, 1:2])


def test_the_output_that_fires_first_has_the_highest_score(ttfs, times_of):
    network = ttfs.network
    weights = network.init(jax.random.key(3))
    times = ttfs.parts["test"].times(np.arange(200), None)
    hidden, out = times_of(weights, times)
    of_layer = jax.jit(partial(first_spike_time, network.params))
    again = of_layer(hidden, weights["out"])
    np.testing.assert_array_equal(out, again)
    some_fires = np.min(out, axis=1) < END
    assert some_fires.mean() > 0.5
    found = np.argmax(scores(network, weights, times), axis=1)
    first = np.argmin(out, axis=1)
    np.testing.assert_array_equal(found[some_fires], first[some_fires])


def test_a_picture_of_a_network_of_times_shows_when_its_neurons_fire(ttfs, times_of):
    network = ttfs.network
    weights = network.init(jax.random.key(0))
    times = ttfs.parts["test"].times(np.arange(40), None)
    hidden, out = (np.asarray(t) for t in times_of(weights, times))
    seen = jax.tree.map(np.asarray, run(network, weights, times))
    steps = round(END / network.dt)
    assert seen.spikes.shape == (steps, 40, 30)
    fires = hidden < END
    np.testing.assert_array_equal(seen.spikes.sum(axis=0), fires)
    step = seen.spikes.argmax(axis=0)[fires]
    assert np.all(np.abs(network.dt * (step + 0.5) - hidden[fires]) < network.dt)
    threshold = seen.v >= 1.0
    reached = np.where(threshold.any(axis=0), threshold.argmax(axis=0), steps)
    fires = out < END
    np.testing.assert_array_equal(reached < steps, fires)
    late = network.dt * (reached[fires] + 1) - out[fires]
    assert np.all((late > -1e-6) & (late < network.dt + 1e-6))
    assert np.all(threshold[-1] == fires)  # and stays there


def test_an_update_raises_weights_of_silent_neurons(ttfs, times_of):
    network, part = ttfs.network, ttfs.parts["train"]
    times, labels = part.times(np.arange(50), None), part.labels[:50]
    weights = {"hidden": np.full((5, 30), 1.0), "out": np.full((30, 3), 0.01)}
    weights["hidden"][:, 7] = 0.1
    weights = jax.tree.map(lambda w: w.astype(np.float32), weights)
    hidden, out = times_of(weights, times)
    assert not np.any(out < np.inf)
    assert np.array_equal(np.all(hidden == np.inf, axis=0), np.arange(30) == 7)
    optimizer = optax.sgd(0.0)
    step = jax.jit(timed_step(network, optimizer))
    state, metrics = step(init_train_state(weights, optimizer), times, labels)
    raised = np.where(np.arange(30) == 7, np.float32(0.1) + np.float32(0.01), 1.0)
    np.testing.assert_array_equal(state.weights["hidden"], np.tile(raised, (5, 1)))
    np.testing.assert_allclose(state.weights["out"], 0.02, rtol=1e-6)
    assert "times" not in metrics
    assert not metrics["silent"]["hidden"]


def test_layers_of_a_network_of_times_are_counted(ttfs, times_of):
    network, part = ttfs.network, some(ttfs.parts["test"], np.arange(100))
    weights = network.init(jax.random.key(1))
    weights["hidden"] = weights["hidden"].at[:, 4].set(-1.0)
    found = layers(network, [weights], part)
    assert found["layers_of_samples"] == 100
    told = found["layers"]
    hidden, out = times_of(weights, part.times(np.arange(100), None))
    spikes = float(np.mean(np.sum(hidden < END, axis=1)))
    assert told["input"]["spikes"] == 5.0
    assert told["hidden"]["spikes"] == pytest.approx(spikes)
    assert told["hidden"]["rate"] == pytest.approx(spikes / 30 / END)
    assert told["hidden"]["silent"] >= 1 / 30
    assert told["hidden"]["operations"] == 5 * 30
    assert told["out"]["operations"] == pytest.approx(3 * spikes)
    assert told["out"]["spikes"] == pytest.approx(np.mean(np.sum(out < END, axis=1)))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"gradient": "ttfs", "surrogate": "SuperSpike(5)"}, "surrogate is of a grid"),
        ({"gradient": "ttfs", "reset": "zero"}, "reset is of a grid"),
        ({"gradient": "ttfs", "dt": 1e-3}, "dt is of a grid"),
        ({"gradient": "exact"}, "gradient"),
        ({"gradient": "eventprop", "surrogate": "SuperSpike"}, "takes the place"),
        ({"hidden": 0}, "hidden"),
        ({"gradient": "ttfs", "hidden": 1.5}, "hidden"),
        ({"dt": 1.0}, "dt"),
    ],
)
def test_what_no_network_has_is_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        TASKS["yin-yang"](**options)


def test_it_takes_no_files():
    with pytest.raises(ValueError, match="take no --data"):
        task_of("yin-yang", "here")


@pytest.mark.parametrize("gradient", ["surrogate", "eventprop", "ttfs"])
def test_it_trains_to_the_end_and_is_read_again(gradient, tmp_path, request):
    if gradient != "ttfs":  # those of networks in steps are drawn elsewhere
        request.getfixturevalue("without_pictures")
    asked = {"gradient": gradient, "hidden": 12}
    task, folder = TASKS["yin-yang"](**asked), tmp_path / "run"
    made = train(task, folder, epochs=1, batch=500, progress=False)
    assert {name: made[name] for name in asked} == asked
    row = json.loads((folder / "seed0/metrics.jsonl").read_text())
    assert np.isfinite(row["loss"])
    assert row["hidden_rate"] > 0.1
    page = (folder / "report.html").read_text()
    assert ("spike_times_of" in page) == (gradient == "ttfs")
    with pytest.MonkeyPatch.context() as patch:  # what is there need not be drawn
        patch.setattr(job, "write_reports", lambda *given: None)
        again = train(task, folder, epochs=1, batch=500, progress=False)
    assert again["resumed_after"] == [1]
    assert again["test_accuracies"] == made["test_accuracies"]
    assert evaluate(folder)["test_accuracies"] == made["test_accuracies"]
    (folder / "report.html").unlink()
    redraw(folder)
    assert (folder / "report.html").read_text() == page
    kept = settings.read(folder)
    assert kept["gradient"] == gradient
    for name in ("task", "seeds", "seed", "epochs", "batch", "learning_rate", "rule"):
        del kept[name]
    assert TASKS["yin-yang"](**kept).options == task.options
    weights = load_run(folder).weights["seed0"]
    file = folder / "seed0/network.safetensors"
    if gradient != "ttfs":
        found = snn.load(file)
        jax.tree.map(np.testing.assert_array_equal, found.weights, weights)
        assert found.notes["readout"] == "early_voltage"
        return
    with pytest.raises(ValueError, match="does not say of which network"):
        snn.load(file)
    arrays = safetensors.numpy.load_file(file)
    assert sorted(array.shape for array in arrays.values()) == [(5, 12), (12, 3)]
    with pytest.raises(ValueError, match="Mismatch of chips needs a network in steps"):
        transfer(folder)
    with pytest.raises(ValueError, match="rule 'eprop' needs a network in steps"):
        train(task, tmp_path / "other", rule="eprop", progress=False)


def test_eventprop_is_the_same_network_with_another_gradient():
    moved, valued = (
        TASKS["yin-yang"](gradient=gradient, hidden=20)
        for gradient in ("eventprop", "surrogate")
    )
    weights = moved.network.init(jax.random.key(1))
    part = moved.parts["train"]
    batch = part.raster(np.arange(50), None), part.labels[:50]

    def of(task):
        cost = partial(loss, task.network)
        (value, _), g = jax.value_and_grad(cost, has_aux=True)(weights, *batch)
        return value, g["hidden"][0].w, g["out"][0].w

    (value, first, last), (same, other, too) = of(moved), of(valued)
    assert value == same
    np.testing.assert_array_equal(last, too)
    cosine = np.sum(first * other) / np.linalg.norm(first) / np.linalg.norm(other)
    assert 0.2 < cosine < 0.99


def test_a_network_of_times_refuses_a_part_that_tells_none(ttfs, digits):
    with pytest.raises(ValueError, match="reads times; the part has none"):
        as_read(digits.parts["test"], ttfs.network)


def test_a_sweep_learns_from_times_as_a_training_alone(tmp_path, without_pictures):
    def make(**own):
        task = TASKS["yin-yang"](gradient="ttfs", **{"hidden": 12} | own)
        return task._replace(schedule=task.schedule._replace(batch=1000, epochs=1))

    rates = {"learning_rate": [1e-3, 1e-2]}
    swept = sweep_task(make, tmp_path / "sweep", rates, progress=False)
    rate = swept["best"]["learning_rate"]
    alone = train(make(), tmp_path / "alone", learning_rate=rate, progress=False)
    tests = swept["best"]["test_accuracies"]
    assert tests == pytest.approx(alone["test_accuracies"], abs=2e-3)
    with pytest.raises(ValueError, match="slope needs a network in steps"):
        sweep_task(make, tmp_path / "slopes", {"slope": [1.0]}, progress=False)
