import gc
import weakref
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_contract import CELLS, N, inputs

import snnjax as snn
from snnjax import check
from snnjax.about import told_output
from snnjax.cell import output_like
from snnjax.kept import kinds, once
from snnjax.networks import normal


def counted():
    calls = []
    return calls, lambda: calls.append(0) or len(calls)


def test_a_question_is_answered_once_for_each_function_and_kind():
    calls, find = counted()
    one, other = (lambda: 0), (lambda: 0)
    asked = [
        once(f, ("what", kinds(x)), find)
        for f in (one, other)
        for x in (jnp.ones(2), jnp.zeros(2), jnp.ones(3), jnp.ones(2, int))
    ]
    assert asked == [1, 1, 2, 3, 4, 4, 5, 6]
    assert len(calls) == 6


def test_answers_go_with_the_function_and_what_is_traced_is_found_anew():
    calls, find = counted()

    functions = [lambda: 0]

    @jax.jit
    def traced(x):
        return once(functions[0], "x", lambda: (calls.append(0), x)[1])

    assert [int(traced(jnp.asarray(x))) for x in (1, 2)] == [1, 2]
    assert once(functions[0], "x", find) == len(calls) == 2
    gone = weakref.ref(functions.pop())
    gc.collect()
    assert gone() is None


def test_errors_and_functions_without_a_hash_are_asked_again():
    calls, find = counted()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            once(find, "what", lambda: 1 / 0)

    class Odd:
        __hash__ = None

    assert [once(Odd(), "what", find) for _ in range(2)] == [1, 2]
    assert len(calls) == 2


TOLD = {name: cell for name, cell in CELLS.items() if told_output(cell)}
WHOLE = "uint8", "bool"  # rasters that not every cell takes


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", *WHOLE])
@pytest.mark.parametrize("rows", [(), (0,), (2,)], ids=str)
def test_what_a_cell_tells_of_its_output_is_what_a_step_puts_out(dtype, rows):
    agree(TOLD, dtype, rows)


def test_it_is_so_in_double_precision_and_beside_it(x64):
    for dtype in ("float32", "float64", "uint8"):
        agree(TOLD, dtype, (2,))


def agree(cells, dtype, rows):
    taken = []
    for name, cell in cells.items():
        x = np.zeros((*rows, *inputs().shape[2:]), jnp.dtype(dtype))
        try:
            state = cell.rest(x)
        except ValueError:
            assert dtype in WHOLE, name
            continue
        precise = partial(check.as_precise, dtype=check.precision(x))
        drawn = lambda key, cell=cell, to=precise: to(cell.init(key))  # noqa: E731
        weights = jax.eval_shape(drawn, jax.random.key(0))
        _, y = jax.eval_shape(cell.step, weights, state, x, 1e-3)
        assert kinds(output_like(cell, state, x)) == kinds(y), name
        taken.append(name)
    assert {"dense", "recurrent", "chain"} <= {*taken}
    assert dtype in WHOLE or {"li", "lif"} <= {*taken}


def test_a_cell_that_steps_otherwise_is_asked_not_believed():
    cell = snn.dense(N, N, init=normal)

    def twice(weights, state, x, dt):
        state, y = cell.step(weights, state, x, dt)
        return state, jnp.concatenate([y, y], axis=-1)

    other = cell._replace(step=twice)
    assert told_output(cell)
    assert told_output(other) is None
    assert output_like(other, (), jnp.ones((3, N))).shape == (3, 2 * N)
    net = snn.chain(other, snn.lif(2 * N))
    assert net.rest(jnp.ones((3, N)))[1].v.shape == (3, 2 * N)


def test_the_output_of_a_cell_is_traced_once_as_long_as_it_lives():
    calls = []

    def step(weights, state, x, dt):
        calls.append(0)
        return state, x

    cell = snn.Cell(init=lambda key: (), rest=jnp.zeros_like, step=step)
    net = snn.chain(cell, snn.lif(2))
    for _ in range(3):
        net.rest(jnp.ones((4, 2)))
    assert len(calls) == 1
    net.rest(jnp.ones((5, 2)))
    assert len(calls) == 2
