"""Presets of two libraries are one neuron where the libraries are, and only there."""

import jax
import numpy as np
import pytest

from snnjax.cell import unroll
from snnjax.interop.presets import from_library
from tests.interop.libraries import pairs
from tests.interop.libraries.pairs import PAIRS


def fired(name, one):
    """Spikes of a preset under the input of its pair."""
    x, w = pairs.driven(name)
    options = dict(one.options)
    dt = options.pop("dt", 1e-3)
    cell = from_library(one.preset, pairs.NEURONS, **options)
    _, spikes = unroll(cell, cell.init(jax.random.key(0)), x @ w, dt=dt)
    return np.asarray(spikes)


@pytest.mark.parametrize("name", PAIRS)
def test_both_presets_do_what_their_libraries_did(name, x64):
    pair = PAIRS[name]
    a, b = fired(name, pair.a), fired(name, pair.b)
    np.testing.assert_array_equal(a, pairs.read(f"{name}-a")[1])
    np.testing.assert_array_equal(b, pairs.read(f"{name}-b")[1])
    apart = pairs.mismatches(pair, a, b)
    assert apart == 0 if pair.same else apart > 0.1 * a.sum()
