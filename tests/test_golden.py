"""Draws, outputs and gradients of cells are those of the first prototype, in float64.

``golden.npz`` was written before networks were opened: for each cell of the contract
test its weights from seed 0, what it puts out, and the gradients of a tilted loss.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_contract import CELLS, DT, inputs

import snnjax as snn

GOLDEN = np.load(Path(__file__).with_name("golden.npz"))
NAMES = sorted({key.split("|")[0] for key in GOLDEN})


def golden(name, kind):
    keys = [key for key in GOLDEN if key.startswith(f"{name}|{kind}")]
    return [GOLDEN[key] for key in keys]


def value_and_gradients(cell, weights, xs):
    def loss(weights, xs):
        state, ys = snn.unroll(cell, weights, xs, dt=DT)
        shades = 1.0 + jnp.arange(ys.size, dtype=ys.dtype).reshape(ys.shape) / ys.size
        ends = [leaf.sum().astype(ys.dtype) for leaf in jax.tree.leaves(state)]
        return jnp.sum(shades * ys) + sum(ends, jnp.zeros((), ys.dtype)), ys

    return jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(weights, xs)


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_computes_what_it_always_did(name, x64):
    cell = CELLS[name]
    weights = jax.jit(cell.init)(jax.random.key(0))
    (_, ys), grads = value_and_gradients(cell, weights, inputs())
    for kind, tree in (("w", weights), ("y", ys), ("g", grads)):
        leaves, expected = jax.tree.leaves(tree), golden(name, kind)
        assert len(leaves) == len(expected)
        for leaf, known in zip(leaves, expected, strict=True):
            assert leaf.dtype == known.dtype
            np.testing.assert_allclose(leaf, known, rtol=1e-9, atol=1e-12)
