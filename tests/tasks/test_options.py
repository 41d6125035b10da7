import inspect
import re

import jax
import numpy as np
import pytest

from snnjax import surrogate
from snnjax.parts import flat
from snnjax.surrogate import Scaled, SuperSpike, Triangle, from_library
from snnjax.tasks import TASKS, digits_task
from snnjax.tasks.options import steps_of, surrogate_of, told

INNER = SuperSpike(3.0)
SHAPES = [
    value
    for name in surrogate.__all__
    if inspect.isclass(value := getattr(surrogate, name)) and hasattr(value, "_fields")
]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("superspike(25)", SuperSpike(25.0)),
        (" SuperSpike ", SuperSpike()),
        ("Scaled(triangle(slope=2), 0.3)", Scaled(Triangle(2.0), 0.3)),
        (
            "snntorch.fast_sigmoid(slope=25)",
            from_library("snntorch.fast_sigmoid", slope=25.0),
        ),
    ],
)
def test_a_surrogate_is_told_by_name_and_numbers(text, shape):
    assert surrogate_of(text) == shape
    assert surrogate_of(shape) is shape


@pytest.mark.parametrize("kind", SHAPES, ids=lambda each: each.__name__)
def test_every_shape_is_found_by_what_it_prints(kind):
    given = inspect.signature(kind).parameters.values()
    needed = [each.name for each in given if each.default is each.empty]
    shape = kind(**{name: INNER if name == "shape" else 0.5 for name in needed})
    assert surrogate_of(repr(shape)) == shape
    assert surrogate_of(told(surrogate=shape)["surrogate"]) == shape


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("superspik(25)", "There is no surrogate 'superspik'; there are Arctan"),
        ("superspike(25", "such as 'SuperSpike(25)'"),
        ("superspike(speed=2)", "unexpected keyword argument 'speed'"),
        ("superspike(True)", "True is no number"),
        ("superspike(1e999)", "inf is not finite"),
        ("superspike(slope=superspike)", "slope must be a number"),
        ("snntorch.fast_sigmoid(slope=superspike)", "slope must be a number"),
        ("superspike('25')", "'25' is no number"),
        ("__import__(1)", "There is no surrogate '__import__'"),
        ("snntorch.fast_sigmoid(25)", "go by name, such as slope=25"),
        ("(" * 500, "such as 'SuperSpike(25)'"),
        ("", "such as 'SuperSpike(25)'"),
    ],
)
def test_a_text_that_names_no_surrogate_is_refused(text, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        surrogate_of(text)


def test_steps_cover_the_duration():
    assert steps_of(50e-3, 1e-3) == 50
    assert steps_of(50e-3, 3e-3) == 17
    assert steps_of(0.7, 5e-3) == 140
    for dt in (0.0, -1e-3, 1.0, 1e-9, float("nan"), np.ones(2)):
        with pytest.raises(ValueError, match="dt"):
            steps_of(50e-3, dt)


def test_a_network_is_as_asked_for_and_says_so():
    task = digits_task(hidden=12, surrogate="triangle(2)", reset="subtract", dt=2e-3)
    options = {
        "hidden": 12,
        "surrogate": "Triangle(slope=2.0)",
        "reset": "subtract",
        "dt": 2e-3,
    }
    assert task.options == options
    assert task.network.dt == 2e-3
    assert task.parts["test"].raster(np.arange(2), None).shape == (25, 2, 128)
    neurons = flat(task.network.cell)[0]["hidden.1"].cell.about.options.arguments
    assert neurons["n"] == 12
    assert neurons["surrogate"] == Triangle(2.0)
    assert neurons["reset"] == "subtract"
    weights = jax.eval_shape(task.network.cell.init, jax.random.key(0))
    assert weights["hidden"][0].w.shape == (128, 12)


@pytest.mark.parametrize(
    ("option", "value"),
    [("hidden", 0), ("surrogate", "step(-1"), ("reset", "never"), ("dt", 1.0)],
)
def test_a_task_refuses_what_no_network_has(option, value):
    with pytest.raises(ValueError, match=option):
        digits_task(**{option: value})


FOLDERS = {
    "n-mnist": "nmnist-small",
    "ecg": "ecg-qtdb",
    "spoken-digits": "fsdd-spikes-shd-layout",
}


def neurons(cell):
    """Options of all neurons that spike."""
    for leaf in flat(cell)[0].values():
        given = leaf.cell.about.options.arguments
        if "surrogate" in given:
            yield given


@pytest.mark.parametrize("name", TASKS)
def test_every_task_gives_its_network_what_was_asked_for(name, request):
    if name.startswith("chip-") or name == "own-data":  # as the chip is; its own tests
        return
    if name != "digits":
        request.getfixturevalue("data_folder")(FOLDERS.get(name, name))
    usual = TASKS[name]()
    asked = {"hidden": 7, "surrogate": "triangle(2)", "reset": "subtract"}
    takes = inspect.signature(TASKS[name]).parameters
    if "dt" in takes:
        asked["dt"] = 2 * usual.network.dt
    task = TASKS[name](**asked)
    made = list(neurons(task.network.cell))
    assert made
    for k, given in enumerate(made):
        assert given["surrogate"] == Triangle(2.0)
        assert given["reset"] == "subtract"
        assert given["n"] == 7 * 2**k  # maps of the second layer
    assert task.network.dt == asked.get("dt", usual.network.dt)
    assert task.options == {
        **usual.options,
        **asked,
        "surrogate": "Triangle(slope=2.0)",
    }


def test_every_task_but_those_of_a_chip_says_how_it_fires():
    for name, make in TASKS.items():
        options = inspect.signature(make).parameters
        if not name.startswith("chip-"):
            assert {"hidden", "surrogate", "reset"} <= {*options}, name
