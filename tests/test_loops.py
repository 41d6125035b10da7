"""Called outside ``jit`` again and again, nothing is compiled anew or kept."""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_contract import CELLS, DT, N

import snnjax as snn
from benchmarks.speed import soak

XS = np.ones((3, 2, N), np.float32)


@pytest.fixture
def compiled():
    """How many programs were compiled so far."""
    names = []

    def listen(name, seconds, **more):
        if name.endswith("backend_compile_duration"):
            names.append(name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield lambda: len(names)
    jax.monitoring.clear_event_listeners()


@pytest.mark.parametrize("name", CELLS)
def test_a_second_run_outside_jit_compiles_nothing(name, compiled):
    cell = CELLS[name]
    weights = cell.init(jax.random.key(0))

    def turn():
        snn.unroll(cell, weights, XS, dt=DT)
        snn.unroll(cell, weights, XS, dt=DT, mask=np.ones((3, 2), bool))

    turn()
    before = compiled()
    turn()
    assert compiled() == before


@pytest.mark.parametrize("loop", [soak.streaming, soak.control])
def test_memory_stays_what_it_is(loop):
    turn = loop()
    soak.soak(turn, 50)
    found = soak.soak(turn, 300)
    assert found["end_mb"] - found["start_mb"] < 3.0


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
