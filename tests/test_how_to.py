"""The programs of the how-to pages run as they stand and reach what they say."""

from pathlib import Path

import how_to
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn


def told_to_tensorboard(folder, name="loss"):
    """``(step, value)`` as the file has them: size, 12 bytes of sums, an event."""
    from tensorboardX.proto.event_pb2 import Event

    (path,) = folder.glob("events.*")
    raw, found = path.read_bytes(), []
    while raw:
        end = 12 + int.from_bytes(raw[:8], "little")
        event = Event.FromString(raw[12:end])
        values = [v.simple_value for v in event.summary.value if v.tag == name]
        found += [(event.step, value) for value in values]
        raw = raw[end + 4 :]
    return found


def neuron_goes_where_neurons_go(scope):
    hidden = snn.recurrent(20, 30, scope["cell"])
    net = snn.chain(hidden=hidden, outputs=("hidden", "hidden.told"))
    weights = net.init(jax.random.key(0))
    _, ys = snn.unroll(net, weights, jnp.ones((9, 2, 20)), dt=1e-3)
    return ys["hidden.told"].shape == (9, 2, 30) and bool(ys["hidden"].any())


def connection_goes_where_connections_go(scope):
    net = snn.recurrent(snn.lif(30), scope["falloff"](30, 30))
    weights = net.init(jax.random.key(0))
    snn.save("own.safetensors", weights)
    _, again, _ = snn.load("own.safetensors", network=net)
    xs = jnp.full((20, 30), 9.0)
    run = lambda w: np.asarray(snn.unroll(net, w, xs, dt=1e-3)[1])  # noqa: E731
    return run(weights).any() and np.array_equal(run(again), run(weights))


def an_unlabelled_recording_is_read(scope):
    """As the page says: in a folder named as any class, by what the run measured."""
    Path("new/right").mkdir(parents=True)
    np.save("new/right/who.npy", np.load("mine/left/subject0-0.npy"))
    measured = scope["summary"]["measured"]
    part = scope["own_data_task"]("new", measured=measured).parts["test"]
    same = np.array_equal(part.raster(np.arange(1), None), scope["xs"])
    (found,) = scope["predict_files"]("runs/mine", ["new/right/who.npy"])
    likely = np.asarray(jax.nn.softmax(10.0 * scope["scores"])[0])
    told = [found.probabilities[name] for name in scope["notes"]["classes"]]
    return same and np.allclose(told, likely, rtol=1e-4)


FROZEN = {"input": True, "readout": False}
LONG = {  # to compile
    *("Hidden voltages, and a price on them", "A surrogate", "Speed: what to do first"),
    *("Learning while time runs: e-prop", "A hundred chips", "Synapses of a few bits"),
    *("A folder of recordings", "Arrays in memory", "Inside a model of flax"),
    *("Sequences of unequal length: masks", "Time constants that are learned"),
    *("Memory of long sequences", "In a program of your own"),
}
BOUNDS = {  # by recipe: whether what it made is what the page says
    "Regression of a signal": lambda s: s["metrics"]["loss"] < 0.1,
    "A constant, from the voltage of a neuron that resets": lambda s: (
        abs(s["found"] - 1.3) < 0.005 and abs(s["silent"] - 0.43) < 0.02
    ),
    "An autoencoder of spikes": lambda s: s["metrics"]["loss"] < s["silence"] / 1.5,
    "A training loop of one's own": lambda s: (
        s["loss"](s["weights"], s["xs"], s["labels"]) < 0.3
        and s["notes"] == {"dt": s["dt"]}
    ),
    "Logs for TensorBoard and for Weights & Biases": lambda s: (
        s["done"].history[-1]["loss"] < s["done"].history[0]["loss"]
        and told_to_tensorboard(Path("logs"))
        == [(row["epoch"], pytest.approx(row["loss"])) for row in s["done"].history]
        and len(list(Path("wandb").glob("offline-run-*/*.wandb"))) == 1
    ),
    "Two heads": lambda s: (
        s["after"][0] < 0.3 and s["after"][1] < 0.05 * s["before"][1]
    ),
    "A sweep in a table": lambda s: (
        s["found"].grid()["loss"].shape == (3, 4)
        and s["found"].grid()["loss"].mean() < 0.5
        and Path("slopes.csv").exists()
    ),
    "Frozen layers": lambda s: (
        s["metrics"]["loss"] < 0.4
        and all(
            np.array_equal(s["drawn"][name].w, s["state"].weights[name].w) == same
            for name, same in FROZEN.items()
        )
    ),
    "Step by step, as inputs come": lambda s: s["difference"] < 1e-5,
    "Recordings: reading, cutting, filtering": lambda s: (
        s["hot"][20, 5]
        and s["hot"].sum() == 1
        and all(800 <= len(each.t) <= 860 for each in s["cleaned"])
        and s["raster"].sum() == sum(len(each.t) for each in s["cleaned"])
        and s["raster"].shape == (100, 20, 24 * 32 * 2)
        and s["pieces"].labels.tolist() == [0] * 10 + [1] * 10
    ),
    "Sequences of unequal length: masks": lambda s: (
        s["difference"] < 2e-5 and np.isnan(s["padded"]).any()
    ),
    "Hidden voltages, and a price on them": lambda s: (
        s["found"][0.0]["lowest"] < -6.0
        and s["found"][10.0]["lowest"] > -3.2
        and all(f["wrong"] < 0.2 for f in s["found"].values())
        and all(f["v"] <= 1.0 < f["before"] for f in s["found"].values())
    ),
    "Time constants that are learned": lambda s: np.allclose(
        s["tau_mem"], s["true"], rtol=0.02
    ),
    "Inside a model of flax": lambda s: (
        s["value"] < 0.4
        and set(s["params"]["params"]) == {"spiking", "Dense_0"}
        and s["params"]["params"]["spiking"]["input"].w.shape == (50, 64)
    ),
    "Learning while time runs: e-prop": lambda s: (
        s["values"][:5].mean() > 0.9 and s["values"][-20:].mean() < 0.3
    ),
    "A neuron": lambda s: (
        s["error"] <= 0.1 and bool(s["same"]) and neuron_goes_where_neurons_go(s)
    ),
    "A connection": lambda s: (
        abs(s["height"] - 2.0) < 0.02
        and abs(s["length"] - 0.1) < 0.001
        and connection_goes_where_connections_go(s)
    ),
    "A surrogate": lambda s: (
        np.array_equal(s["grad"], s["Lopsided"]()(s["v"]))
        and (s["losses"] < 0.6).all()
        and len(set(s["losses"].tolist())) == 3
    ),
    "Memory of long sequences": lambda s: (
        s["planned"]["checkpoint"] < 0.2 * s["planned"]["as it is"]
        and s["planned"]["memory"] < 2.2e6
        and np.allclose([*s["norms"].values()], s["norms"]["as it is"], 1e-4)
    ),
    "Speed: what to do first": lambda s: (
        len(s["traced"]) == 1
        and np.allclose(*s["answers"].values(), atol=1e-5)
        and s["metrics"]["loss"] < 0.7
    ),
    "A GPU or a TPU": lambda s: (
        s["voltages"].devices() == {s["device"]}
        and all("func" in program.as_text() for program in s["lowered"].values())
    ),
    "A program for another machine: `jax.export`": lambda s: (
        s["difference"] == 0.0 and set(s["served"].platforms) == {"cpu", "cuda", "tpu"}
    ),
    "A hundred chips": lambda s: (
        0.8 < s["accuracies"]["plain"].mean() < 0.9 < s["accuracies"]["on_chips"].mean()
    ),
    "Synapses of a few bits": lambda s: (
        s["losses"]["while learning"] < s["losses"]["afterwards"] / 1.6
    ),
    "A folder of recordings": lambda s: (
        s["summary"]["test_accuracy"] > 0.8
        and s["summary"]["parted_by"] == "group"
        and s["answer"] == "left"
        and np.allclose(10.0 * s["scores"], s["task"].network.readout(s["ys"]["out"]))
        and Path("runs/mine/report.html").exists()
        and an_unlabelled_recording_is_read(s)
        and next(iter(s["found"].probabilities)) == "right"
    ),
    "Arrays in memory": lambda s: s["done"].best["validation_accuracy"] > 0.7,
    "In a program of your own": lambda s: (
        len(s["done"].history) == 2 and np.isfinite(s["done"].history[-1]["loss"])
    ),
}


def test_every_program_of_every_page_has_its_bound():
    assert set(how_to.RECIPES) == set(BOUNDS)
    fences = sum(page.count("```python") for page in how_to.PAGES.values())
    assert fences == len(BOUNDS)
    for page, test in how_to.ELSEWHERE.items():
        assert f"docs/how-to/{page}.md" in (Path(__file__).parent / test).read_text()


def recipes():
    """All by name; what takes seconds is a stage of the gate."""
    marks = {name: [pytest.mark.walks] for name in LONG}
    return [pytest.param(name, marks=marks.get(name, ())) for name in BOUNDS]


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_reaches_what_it_says(name, tmp_path, monkeypatch, promoted):
    monkeypatch.chdir(tmp_path)
    for each in ("CACHE", "CONFIG", "DATA", "ARTIFACT"):
        monkeypatch.setenv(f"WANDB_{each}_DIR", str(tmp_path / each.lower()))
    scope = {}
    exec(how_to.RECIPES[name], scope)
    assert BOUNDS[name](scope)
