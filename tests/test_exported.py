"""Named tuples of arrays pass through programs that are written to a file."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
from public import listed
from test_contract import CELLS, inputs

import snnjax as snn
from snnjax.learning import online
from snnjax.saving.public import is_constants

NO_ARRAYS = {  # functions or texts are in them
    *("Cell", "Fit", "Rule", "Pretrained", "Recording", "Imperfections", "Codes"),
    *("Programmed", "Budget", "Table"),
}
ROOMS = (
    *(snn, snn.surrogate, snn.neurons, snn.networks, snn.learning, online),
    *(snn.hardware, snn.analysis, snn.senses, snn.training),
)


def kinds():
    """Public named tuples, and those in weights and states of all cells."""
    found = {
        value
        for room in ROOMS
        for _, value in listed(room)
        if is_constants(value) and value.__name__ not in NO_ARRAYS
    }
    for cell in CELLS.values():
        first = lambda key, x, cell=cell: (cell.init(key), cell.rest(x))  # noqa: E731
        found |= inside(jax.eval_shape(first, jax.random.key(0), inputs()[0]))
    return {kind for kind in found if inspect.getmodule(kind) is not None}


def inside(tree):
    own = {type(tree)} if hasattr(tree, "_fields") else set()
    parts = tree.values() if isinstance(tree, dict) else tree
    if isinstance(tree, dict | tuple | list):
        own = own.union(*map(inside, parts))
    return own


def test_all_kinds_of_tuples_are_known_to_export():
    found = [k for k in kinds() if k.__module__.startswith("snnjax.")]
    templates = "snnjax.neurons.perfect", "snnjax.networks.pairs"
    given = tuple(
        kind(*(jnp.float32(k) for k in range(len(kind._fields))))
        for kind in found
        if kind.__module__ not in templates  # of CONTRIBUTING.md
    )
    assert len(given) > 80
    twice = jax.jit(lambda tree: jax.tree.map(lambda x: 2.0 * x, tree))
    blob = jax.export.export(twice)(given).serialize()
    back = jax.export.deserialize(blob).call(given)
    assert [type(each) for each in back] == [type(each) for each in given]
    jax.tree.map(np.testing.assert_allclose, back, twice(given))
