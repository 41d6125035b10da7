"""Every cell of the contract learns online as by backpropagation through time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_contract import CELLS, DT, SLOW, N

import snnjax as snn
from snnjax.learning.online import gradients, per_unit, rtrl
from snnjax.networks import normal


def kinds():
    """One cell of each function of ``snnjax.neurons``; the others are slow tests."""
    seen = {}
    for name, cell in CELLS.items():
        made = cell.about and cell.about.make.__module__
        if made and made.startswith("snnjax.neurons") and name not in {*SLOW, "eif"}:
            seen.setdefault(cell.about.make, name)
    return set(seen.values())


QUICK = kinds()


def loss(y, worth):
    return jnp.sum(y.astype(worth.dtype) * worth)


def test_neurons_of_all_kinds_are_walked():
    assert {"lif", "alif", "adlif", "resonate", "conductance lif"} <= QUICK
    assert len(QUICK) >= 12


@pytest.mark.parametrize(
    "name",
    [k if k in QUICK else pytest.param(k, marks=pytest.mark.slow) for k in CELLS],
)
def test_rules_that_keep_all_equal_backpropagation_through_time(name, x64):
    cell = snn.chain(snn.dense(N, N, init=normal, backend="xla"), CELLS[name])
    key_w, key_x, key_y = jax.random.split(jax.random.key(1), 3)
    weights = jax.jit(cell.init)(key_w)
    xs = 0.8 * jax.random.normal(key_x, (8, 2, N))
    run = lambda weights: snn.unroll(cell, weights, xs, dt=DT)[1]  # noqa: E731
    worth = jax.random.normal(key_y, jax.eval_shape(run, weights).shape)
    rules = [rtrl(cell)]
    if name in QUICK - {"conductance lif"}:  # of three receptors a unit
        rules.append(per_unit(cell))

    @jax.jit
    def all_of_them(weights):
        exact = jax.grad(lambda w: loss(run(w), worth))(weights)
        given = weights, xs, loss, worth
        return exact, [gradients(r, *given, dt=DT, block=2)[1] for r in rules]

    expected, found = all_of_them(weights)
    for each in found:
        close(each, expected)


def close(found, expected):
    def each(a, b):
        np.testing.assert_allclose(a, b, 1e-11, 1e-12 * float(jnp.max(jnp.abs(b))))

    jax.tree.map(each, found, expected)
