"""The recipes of the page run as they stand and reach what they say."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest

PAGE = (Path(__file__).parents[2] / "docs/how-to/recipes.md").read_text()
RECIPES = dict(re.findall(r"^## (.*?)\n.*?```python\n(.*?)```", PAGE, re.S | re.M))


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


FROZEN = {"input": True, "readout": False}
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
}


def test_every_recipe_has_its_bound():
    assert set(RECIPES) == set(BOUNDS)
    assert len(re.findall("```python", PAGE)) == len(BOUNDS)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_recipe_reaches_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for each in ("CACHE", "CONFIG", "DATA", "ARTIFACT"):
        monkeypatch.setenv(f"WANDB_{each}_DIR", str(tmp_path / each.lower()))
    scope = {}
    with (
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        exec(RECIPES[name], scope)
    assert BOUNDS[name](scope)
