"""Networks in words: told and made again, they are the same; nothing else is made."""

import importlib
import inspect
import json
import pkgutil
from functools import partial

import jax
import numpy as np
import pytest
from test_contract import CELLS, DT, inputs

import snnjax as snn
from snnjax.about import makes_cells
from snnjax.networks import dropout
from snnjax.neurons import AdLIFParams, adlif
from snnjax.saving import from_recipe, public, to_recipe

UNTOLD = {  # and why
    "convolution": r"network.cells\[0\] is hand-written",
    "convolution of images": r"network.cells\[0\] is hand-written",
    "nir convolution": r"network.cells\[0\] is hand-written",
    "layer norm of maps": r"network.cells\[0\] is hand-written",
    "learn": "network.make is <lambda>, which has no public name",
    "integrator": "integrator, which has no public name",
    "one to one": "one_to_one, which has no public name",
    "own neuron": "is hand-written",
    "own connection": "is hand-written",
}


def again(cell):
    recipe, arrays = to_recipe(cell)
    return from_recipe(json.loads(json.dumps(recipe, allow_nan=False)), arrays)


def program(cell):
    """What one step does, in JAX's words, and the constants in it."""
    x = inputs()[0]
    given = cell.init(jax.random.key(0)), cell.rest(x), x, DT
    made = jax.make_jaxpr(cell.step)(*given)
    return str(made.jaxpr), made.consts


@pytest.mark.parametrize("name", CELLS)
def test_a_network_that_was_told_is_made_again(name):
    if name in UNTOLD:
        with pytest.raises(ValueError, match=UNTOLD[name]):
            to_recipe(CELLS[name])
        return
    made = again(CELLS[name])
    assert repr(made) == repr(CELLS[name])
    (words, numbers), (expected, same) = program(made), program(CELLS[name])
    assert words == expected
    jax.tree.map(np.testing.assert_array_equal, numbers, same)


def test_every_public_factory_may_stand_in_a_recipe():
    """Wherever it is defined; those of sound, images and touch are made for senses."""
    defined = {
        value
        for module in pkgutil.walk_packages(snn.__path__, "snnjax.")
        if not module.name.endswith("__main__")
        for value in vars(importlib.import_module(module.name)).values()
        if makes_cells(value)
    }
    named = {public.by_name()[name] for name in public.factories()}
    others = {
        f for f in defined - named if not f.__module__.startswith("snnjax.senses")
    }
    assert not {f for f in others if f.__name__[0] != "_"}
    assert len(named) > 40


def test_numbers_come_back_as_they_were():
    params = snn.LIFParams(np.array([3e-3, 5e-3]), None, 0.7, refractory=2e-3)
    cell = snn.lif(2, params, surrogate=snn.SuperSpike(slope=0.1 + 0.2))
    found = again(cell).about.options.arguments
    assert found["params"].tau_syn is None
    assert found["surrogate"].slope == 0.1 + 0.2
    np.testing.assert_array_equal(found["params"].tau_mem, params.tau_mem)
    assert found["params"].tau_mem.dtype == np.float64
    assert found["reset"] == cell.about.options.arguments["reset"]


def test_constants_that_are_learned_and_keys_come_back_too():
    neurons = partial(adlif, 3, surrogate=snn.SuperSpike(7.0))
    learned = snn.learn(neurons, AdLIFParams(b=0.3), a=np.full(3, 0.5))
    for impl in ("threefry2x32", "rbg"):
        key = jax.random.key(5, impl=impl)
        cell = snn.chain(learned, dropout(3, 0.25, key=key))
        found = again(cell)
        assert repr(found) == repr(cell)
        (words, numbers), (expected, same) = program(found), program(cell)
        assert words == expected
        jax.tree.map(np.testing.assert_array_equal, numbers, same)
        made = found.about.parts[1].about.options.arguments["key"]
        assert made == key
        assert made.dtype == key.dtype


def test_sizes_may_be_numbers_of_numpy():
    cell = snn.lif(np.int64(3), snn.LIFParams(tau_mem=np.float32(0.02)))
    found = again(cell).about.options.arguments
    assert found["n"] == 3
    assert found["params"].tau_mem.dtype == np.float32


def test_what_was_changed_since_it_was_made_is_refused_by_its_place():
    other = lambda weights, state, x, dt: (state, x)  # noqa: E731
    for field in ("init", "rest", "step", "run", "loop"):
        changed = snn.lif(3)._replace(**{field: other})
        net = snn.chain(a=snn.dense(2, 3), b=changed)
        with pytest.raises(ValueError, match=r"network\.named\.b does not do what lif"):
            to_recipe(net)
    surrogate = lambda v: 1.0 / (1.0 + v * v)  # noqa: E731
    with pytest.raises(ValueError, match=r"network\.surrogate is .*<lambda>"):
        to_recipe(snn.lif(3, surrogate=surrogate))
    with pytest.raises(ValueError, match="network does not do what lif"):
        to_recipe(adlif(3)._replace(about=snn.lif(3).about))


HOSTILE = {
    "a function of another library": {"function": "os.system"},
    "a function that writes": {"function": "snnjax.save"},
    "a function that reads": {"partial": "snnjax.load", "args": ["x"], "options": {}},
    "a program": {
        "make": "snnjax.lif",
        "options": {
            "n": 1,
            "surrogate": {
                "partial": "snnjax.hardware.Steady",
                "args": [{"function": "snnjax.hardware.ProcessDevice"}],
                "options": {},
            },
        },
    },
    "a module": {"make": "snnjax.saving", "options": {}},
    "no factory": {"make": "snnjax.unroll", "options": {"cell": 1}},
    "private": {"make": "snnjax.about.factory", "options": {}},
    "a type as a cell": {"make": "snnjax.LIFParams", "options": {}},
    "no type": {"type": "snnjax.lif", "fields": {}},
    "unknown option": {"make": "snnjax.lif", "options": {"n": 3, "shell": "ls"}},
    "missing option": {"make": "snnjax.lif", "options": {}},
    "refused option": {"make": "snnjax.lif", "options": {"n": -3}},
    "options that are none": {"make": "snnjax.lif", "options": [3]},
    "another kind": {"eval": "1 + 1"},
    "more than it should": {"make": "snnjax.lif", "options": {"n": 3}, "and": 1},
    "an array that is not there": {"array": "weights", "numpy": True},
    "a name that is none": {"function": ["snnjax.lif"]},
    "a number that is none": {"number": "12"},
    "a key that is not there": {"key": "weights", "impl": "threefry2x32"},
    "a key of another kind": {"key": "network", "impl": "os.system"},
    "a key of no kind": {"key": "network", "impl": None},
    "a key of too much": {"key": "network", "impl": "rbg"},
    "no cell": {"tuple": [1, 2]},
    "a number": 3,
    "a list for cells": {"make": "snnjax.chain", "options": {"cells": 3}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_to_recipe_does_not_write_is_refused(name):
    with pytest.raises(ValueError, match=r"network|What the recipe makes"):
        from_recipe(HOSTILE[name], {"network": np.zeros(2, np.uint32)})


def test_depth_is_bounded():
    told = {"tuple": []}
    for _ in range(150):
        told = {"tuple": [told]}
    with pytest.raises(ValueError, match="levels deep"):
        from_recipe(told, {})


def test_a_function_with_options_given_is_told_by_both():
    scaled = partial(snn.networks.normal)
    cell = snn.dense(2, 3, init=scaled)
    found = again(cell).about.options.arguments["init"]
    assert inspect.isfunction(found.func)
    assert found.func is snn.networks.normal
