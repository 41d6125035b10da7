"""A state of another cell, batch or width is refused where it enters a neuron."""

import jax
import jax.numpy as jnp
import pytest

import snnjax as snn
from snnjax.cell import Loop
from snnjax.kernels import build
from snnjax.neurons import (
    adlif,
    homeostatic_lif,
    smooth_lif,
    stochastic_lif,
    synaptic_scaling,
)

B, N, DT = 2, 5, 1e-3
NEURONS = {
    "li": snn.li(N),
    "lif": snn.lif(N, backend="xla"),
    "native lif": snn.lif(N),
    "lif refractory": snn.lif(N, snn.LIFParams(refractory=2e-3)),
    "srm": snn.srm(N),
    "alif": snn.alif(N),
    "adlif": adlif(N),
    "smooth_lif": smooth_lif(N),
    "stochastic_lif": stochastic_lif(N, key=jax.random.key(0)),
    "homeostatic_lif": homeostatic_lif(N),
    "synaptic_scaling": synaptic_scaling(N, snn.lif(N)),
}
OTHER = {
    "of another batch": lambda cell: cell.rest(jnp.zeros((B + 1, N))),
    "of one sample": lambda cell: cell.rest(jnp.zeros((1, N))),
    "without a batch": lambda cell: cell.rest(jnp.zeros(N)),
    "of another rank": lambda cell: cell.rest(jnp.zeros((1, B, N))),
    "wider": lambda cell: wider(cell, lambda x: jnp.concatenate([x, x], -1)),
    "of one neuron": lambda cell: wider(cell, lambda x: x[:, :1]),
    "transposed": lambda cell: wider(cell, jnp.transpose),
    "of integers": lambda cell: wider(cell, lambda x: x.astype(int)),
    "in half precision": lambda cell: wider(cell, lambda x: x.astype(jnp.bfloat16)),
    "a tuple": lambda cell: tuple(cell.rest(jnp.zeros((B, N)))),
    "nothing": lambda cell: (),
    "one array": lambda cell: jnp.zeros((B, N)),
}


def wider(cell, change):
    state = cell.rest(jnp.zeros((B, N)))
    return jax.tree.map(lambda x: change(x) if x.ndim else x, state)


def refused(name):
    return pytest.raises(ValueError, match=f"(?s){name.split()[-1]}: got .*expected")


@pytest.mark.parametrize("name", NEURONS)
@pytest.mark.parametrize("other", OTHER)
def test_another_state_is_refused_by_step_run_and_loop(name, other):
    cell = NEURONS[name]
    if name == "native lif" and build.load():
        pytest.skip("no native kernels")
    state = OTHER[other](cell)
    word = "lif" if name == "lif refractory" else name
    with refused(word):
        cell.step((), state, jnp.ones((B, N)), DT)
    run = cell.run or (lambda w, s, xs, dt: cell.step(w, s, xs[0], dt))
    with refused(word):
        run((), state, jnp.ones((20, B, N)), DT)
    if cell.loop is not None:
        loop = Loop(jnp.ones((N, N)), jnp.zeros((B, N)))
        with refused(word):
            cell.loop((), state, jnp.ones((20, B, N)), loop, DT)


@pytest.mark.parametrize("name", NEURONS)
def test_the_state_of_the_same_cell_is_taken(name, x64):
    cell = NEURONS[name]
    for dtype in (jnp.float32, jnp.float64):
        state = cell.rest(jnp.zeros((B, N), dtype))
        for x in (jnp.ones((B, N)), jnp.ones((B, N), jnp.bfloat16)):
            end, _ = cell.step((), state, x, DT)
            assert jax.tree.structure(end) == jax.tree.structure(state)


@pytest.mark.parametrize("backend", ["auto", "xla"])
@pytest.mark.parametrize("shape", [(N, 1), (1, N), (N,), (2, 2), (N, N + 3)])
def test_recurrent_weights_of_another_shape_are_refused(backend, shape):
    cell = snn.lif(N, backend=backend)
    state, xs = cell.rest(jnp.zeros((B, N))), jnp.ones((20, B, N))
    with pytest.raises(ValueError, match=r"recurrent weights of lif .* \(5, 5\), got"):
        cell.loop((), state, xs, Loop(jnp.ones(shape), jnp.zeros((B, N))), DT)
    with pytest.raises(ValueError, match=r"spikes before a loop of lif .* \(2, 5\)"):
        cell.loop((), state, xs, Loop(jnp.ones((N, N)), jnp.zeros((1, N))), DT)
