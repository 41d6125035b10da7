"""Called outside ``jit`` again and again, nothing is compiled anew or kept."""

import ast
import gc
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_contract import CELLS, DT, N, every_cell

import snnjax as snn
from benchmarks.speed import soak
from snnjax import check, surrogate

XS = np.ones((3, 2, N), np.float32)


@pytest.mark.walks
@every_cell
def test_a_second_run_outside_jit_compiles_nothing(name, compilations):
    cell = CELLS[name]
    weights = cell.init(jax.random.key(0))

    def total(given, **more):
        ys = snn.unroll(cell, given[0], given[1], dt=DT, **more)[1]
        return sum(jnp.sum(check.wide(y)) for y in jax.tree.leaves(ys))

    def turn():
        total((weights, XS), mask=np.ones((3, 2), bool))
        jax.grad(total)((weights, XS))

    turn()
    compilations.clear()
    turn()
    assert not compilations


@pytest.mark.parametrize("loop", [soak.streaming, soak.control])
def test_memory_stays_what_it_is(loop):
    turn = loop()
    found = (soak.soak(turn, 100) for _ in range(3))  # what leaks does so each time
    assert any(each["end_mb"] - each["start_mb"] < 2.0 for each in found)


def test_what_is_recorded_by_a_function_of_one_call_is_forgotten_with_it():
    cell = snn.chain(snn.lif(N, backend="xla"), snn.li(N))

    def turn():
        keep = lambda state, y: (state, jnp.sum(y))  # noqa: E731
        snn.unroll(cell, ((), ()), XS, dt=DT, record=keep)

    for _ in range(5):
        turn()
    gc.collect()
    before = soak.resident_mb()
    for _ in range(20):
        turn()
    gc.collect()
    assert soak.resident_mb() - before < 10.0


def test_shapes_of_equal_numbers_are_not_taken_for_one_another():
    shapes = [getattr(surrogate, name) for name in surrogate.__all__]
    shapes = [s for s in shapes if getattr(s, "_fields", ()) == ("slope",)]
    assert len(shapes) > 4
    for shape in shapes:
        cell = snn.lif(N, surrogate=shape(2.0), backend="xla", reset_gradient=True)

        def total(xs, cell=cell):
            return snn.unroll(cell, (), xs, dt=DT)[1].sum()

        def alone(xs, cell=cell):
            step = lambda state, x: cell.step((), state, x, DT)  # noqa: E731
            return jax.lax.scan(step, cell.rest(xs[0]), xs)[1].sum()

        expected = jax.jit(jax.grad(alone))(XS)
        np.testing.assert_allclose(jax.grad(total)(XS), expected, 1e-5)


INSIDE = {  # what always runs inside another loop, or inside ``jit``
    *("analysis.jacobian.step", "cell.run", "inputs.patterns.manifold"),
    *("kernels.convolve._a_few_at_a_time", "kernels.windows.by_products"),
    *("kernels.products._from_raster", "learning.online.units.judged"),
    *("kernels.integrator._by_steps", "kernels.integrator._back_by_steps"),
    *("kernels.products._by_rows", "kernels.products._sum_by_rows"),
    "kernels.convolve_native._at_once",
    *("loops.several", "neurons.parallel.decayed_sums"),
    *("senses.hearing.bushy._binomial", "tasks.fitting_many.share"),
    *("tasks.transfers.hits", "training.combinations.share"),
    *("networks.sparse_products._events", "neurons.membrane.search"),
}


def loops_of(path):
    """Where a module calls a loop of jax itself: the names of the functions there."""
    found = set()

    def visit(node, function):
        if isinstance(node, ast.FunctionDef):
            function = node.name
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if re.fullmatch(LOOP, called):
            found.add(function)
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    visit(ast.parse(path.read_text()), "")
    return found


LOOP = r"(jax\.)?lax\.(scan|map|while_loop|fori_loop|associative_scan)"


def test_loops_are_left_to_be_compiled_once_or_forgotten():
    package = Path(snn.__file__).parent
    found = {
        ".".join((*path.relative_to(package).with_suffix("").parts, function))
        for path in package.rglob("*.py")
        for function in loops_of(path)
    }
    assert found - {"loops.loop"} == INSIDE
