"""Programs for GPUs and TPUs, as far as a CPU can tell: they are lowered, not run."""

import json
import re

import jax
import pytest
from lowered import KEPT, PLATFORMS, STEP, Loops, loops_of, lowered, traced
from test_contract import CELLS, SLOW

TABLE = json.loads(KEPT.read_text())
# A library of XLA's own; anything else is of this process, or of its Python.
OWN = {"cu_threefry2x32_ffi", "hip_threefry2x32_ffi"}


def each():
    """Presets and what is slow to trace are a stage of the gate."""

    def marks(name):
        walks = name in SLOW or name.startswith("preset ")
        return [pytest.mark.walks] if walks else []

    names = [pytest.param(name, marks=marks(name)) for name in [*CELLS, STEP]]
    return pytest.mark.parametrize("name", names)


@each()
def test_a_step_on_other_devices_takes_no_more_operations_than_it_did(name):
    """And none of them calls back the host."""
    program = traced(name)
    for platform in PLATFORMS:
        text = lowered(program, platform)
        assert {*re.findall(r"custom_call @(\w+)", text)} <= OWN, platform
        if TABLE["jax"] != jax.__version__:
            continue  # another JAX lowers otherwise
        assert name in TABLE, "is it new? ./run python tests/lowered.py"
        found, kept = loops_of(text), Loops(**TABLE[name])
        told = f"{found} on {platform}, {kept} in {KEPT.name}; see lowered.py"
        assert found.loops <= kept.loops, told
        assert found.operations <= kept.operations, told


@each()
def test_no_array_is_of_double_precision_where_nothing_given_is(name, x64):
    assert "xf64>" not in lowered(traced(name), "cuda")


def test_what_a_loop_repeats_is_counted_with_the_functions_that_it_calls():
    def inner(x):
        return jax.jit(lambda x: jax.numpy.sin(x) * x)(x)  # two in a function

    def outer(x):
        twice = jax.lax.fori_loop(0, 3, lambda k, x: inner(inner(x)), x)
        return jax.numpy.cos(twice)

    text = lowered(jax.jit(outer).trace(jax.numpy.ones(3)), "cuda")
    assert loops_of(text) == Loops(1, 2 * 2 + 1)  # and the counter


def test_donated_a_training_state_gives_its_memory_to_the_next():
    program = traced(STEP)
    leaves = len(jax.tree.leaves(program.in_avals[0][0]))
    assert leaves > 9
    for platform in PLATFORMS:
        text = lowered(program, platform)
        assert len(re.findall(r"tf\.aliasing_output", text)) == leaves
