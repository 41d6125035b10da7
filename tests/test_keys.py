"""Randomness is a key of ``jax.random.key``; those of the old style are refused."""

import inspect
from importlib import import_module

import jax
import numpy as np
import pytest
from test_contract import CELLS

import snnjax as snn

PACKAGES = "surrogate neurons networks learning hardware inputs inputs.batches senses"
PLACES = *PACKAGES.split(), "analysis", "senses.hearing", "senses.hearing.cochlea"
PLACES += "analysis.directions", "events"
OLD = jax.random.PRNGKey(0), np.zeros(2, np.uint32), 0, None


def with_a_key():
    """Public functions whose first argument is a key."""
    for place in PLACES:
        module = import_module(f"snnjax.{place}")
        for name in getattr(module, "__all__", None) or vars(module):
            function = getattr(module, name)
            if not inspect.isfunction(function) or name[0] == "_":
                continue
            if next(iter(inspect.signature(function).parameters), "") == "key":
                yield pytest.param(function, id=f"{place}.{name}")


@pytest.mark.parametrize("function", [*with_a_key()])
def test_keys_of_the_old_style_are_refused(function):
    required = {
        name: None
        for name, p in inspect.signature(function).parameters.items()
        if p.default is p.empty and name != "key"
    }
    for key in OLD:
        with pytest.raises(ValueError, match="A key comes from jax"):
            function(key=key, **required)


@pytest.mark.parametrize("name", CELLS)
def test_cells_draw_from_no_key_of_the_old_style(name):
    if CELLS[name].about is None or CELLS[name].about.make is None:
        pytest.skip("hand-written")
    for key in OLD:
        with pytest.raises(ValueError, match="A key comes from jax"):
            CELLS[name].init(key)


def test_a_run_and_a_state_take_no_key_of_the_old_style():
    neuron = snn.neurons.stochastic_lif(2, key=jax.random.key(0))
    xs = np.ones((3, 2), np.float32)
    with pytest.raises(ValueError, match="A key comes from"):
        snn.unroll(neuron, (), xs, dt=1e-3, key=OLD[0])
    with pytest.raises(ValueError, match="A key comes from"):
        snn.reseed(neuron.rest(xs[0]), OLD[0])
