"""Weights and states of another shape are refused, never read or written beyond their
end and never broadcast: on both backends, whoever runs the cell."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_contract import CELLS as CONTRACT
from test_contract import DT, B, N, T

import snnjax as snn
from snnjax import parts
from snnjax.kernels import build
from snnjax.networks import from_events
from snnjax.neurons import stochastic_lif

HAND_WRITTEN = {"own neuron", "own connection"}  # of docs/how-to; they check nothing
CELLS = {name: cell for name, cell in CONTRACT.items() if name not in HAND_WRITTEN} | {
    "stochastic lif": stochastic_lif(N, key=jax.random.key(1)),
    "recurrent of srm": snn.recurrent(snn.srm(N), snn.dense(N, N)),
    "long chain": snn.chain(
        *(snn.dense(N, N), snn.recurrent(N, N, snn.lif(N)), snn.dense(N, 2), snn.li(2))
    ),
}
WRONG = {
    "transposed": lambda x: x.swapaxes(-1, -2) if x.ndim > 1 else x[:, None],
    "one row": lambda x: x[:1],
    "one column": lambda x: x[..., :1],
    "a row short": lambda x: x[1:],
    "a row long": lambda x: np.concatenate([x, x[:1]]),
    "a column short": lambda x: x[..., 1:],
    "a column long": lambda x: np.concatenate([x, x[..., :1]], -1),
    "an axis more": lambda x: x[None],
    "a number": lambda x: x.ravel()[0],
    "empty": lambda x: x[:0],
    "whole numbers": lambda x: np.zeros(x.shape, np.int8),
}


def chooses(leaf):
    """Whether it has a backend."""
    return leaf.about is not None and "backend" in leaf.about.options.arguments


def natively(cell):
    """The same cell, whose parts ask for the native backend."""

    def change(name, leaf):
        if not chooses(leaf):
            return leaf
        options = {**leaf.about.options.arguments, "backend": "native"}
        return leaf.about.make(**options)

    return cell if cell.about is None else parts.rebuild(cell, change)


def backends(cell):
    """Those that make a difference to a cell."""
    leaves = () if cell.about is None else parts.flat(cell).leaves.values()
    each = any(chooses(leaf.cell) for leaf in leaves)
    return ("native", "xla") if each else ("xla",)


CASES = [(name, backend) for name in CELLS for backend in backends(CELLS[name])]


@cache
def drawn(name):
    return jax.jit(CELLS[name].init)(jax.random.key(0))


def others(tree):
    """Trees with one leaf of another shape or kind: ``(what, tree)``.

    Other precisions are fine: what meets is computed in the one that holds both.
    """
    leaves, structure = jax.tree.flatten(tree)
    for k, leaf in enumerate(leaves):
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            continue
        leaf = np.asarray(leaf)
        for what, wrong in WRONG.items():
            if leaf.ndim == 0 and what not in ("an axis more", "whole numbers"):
                continue
            other = wrong(leaf)
            if (other.shape, other.dtype) != (leaf.shape, leaf.dtype):
                changed = [*leaves[:k], other, *leaves[k + 1 :]]
                yield f"leaf {k} {what}", jax.tree.unflatten(structure, changed)


def taken(advance, weights, state, x, dt=DT):
    """Whether it is, without computing anything."""
    try:
        jax.eval_shape(advance, weights, state, x, dt)
    except (ValueError, TypeError):
        return False
    return True


@pytest.mark.parametrize(("name", "backend"), CASES)
def test_other_weights_and_states_are_refused(name, backend):
    if backend == "native" and (why := build.load()):
        pytest.skip(f"native kernels: {why}")
    cell = CELLS[name] if backend == "xla" else natively(CELLS[name])
    xs = np.ones((T, B, N), "float32")
    weights, state = drawn(name), cell.rest(xs[0])
    ways = {"step": (cell.step, xs[0])}
    ways |= {} if cell.run is None else {"run": (cell.run, xs)}
    found = []
    for way, (advance, x) in ways.items():
        assert taken(advance, weights, state, x)
        for what, other in others(weights):
            if taken(advance, other, state, x):
                found.append(f"{way} weights {what}")
        for what, other in others(state):
            if taken(advance, weights, other, x):
                found.append(f"{way} state {what}")
    assert not found, "\n".join(found)


def test_events_of_other_weights_are_refused():
    cell, x = from_events(5, 3, bias=True), np.zeros((2, 4), "int32")
    weights = jax.jit(cell.init)(jax.random.key(0))
    assert taken(cell.step, weights, (), x)
    assert not [what for what, w in others(weights) if taken(cell.step, w, (), x)]


@pytest.mark.parametrize("name", CONTRACT)
@pytest.mark.slow
def test_cells_run_natively_as_by_xla(name):
    """The rows of the contract, for the sanitizer as well."""
    if why := build.load():
        pytest.skip(f"native kernels: {why}")
    xs = 0.8 * jax.random.normal(jax.random.key(1), (T, B, N))
    weights = CONTRACT[name].init(jax.random.key(0))

    def graded(cell):
        def loss(weights, xs):
            state, ys = snn.unroll(cell, weights, xs, dt=DT)
            return sum(
                jnp.sum(jnp.sin(y))
                for y in jax.tree.leaves((ys, state))
                if jnp.issubdtype(y.dtype, jnp.floating)
            )

        return jax.jit(jax.value_and_grad(loss, (0, 1)))(weights, xs)

    found, expected = graded(natively(CONTRACT[name])), graded(CONTRACT[name])
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(b).max() + 1e-7)
