import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import snnjax as snn
from snnjax.interop.nnx import Module

DT = 1e-3
CELLS = {
    "chain": snn.chain(snn.dense(4, 6, bias=True), snn.lif(6), snn.dense(6, 2)),
    "recurrent": snn.recurrent(4, 5, snn.lif(5)),
    "learn": snn.learn(
        lambda tau_mem: snn.lif(4, snn.LIFParams(tau_mem)), tau_mem=np.full(4, 9e-3)
    ),
    "no weights": snn.lif(4),
}
every_cell = pytest.mark.parametrize("name", CELLS)


def inputs():
    return 9.0 * jax.random.normal(jax.random.key(1), (20, 3, 4))


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@every_cell
def test_a_module_computes_the_bits_of_the_plain_call(name):
    cell = CELLS[name]
    module = Module(cell, rngs=nnx.Rngs(0))
    plain = snn.unroll(cell, module.weights, inputs(), dt=DT)
    same(module(inputs(), dt=DT), plain)
    same(
        nnx.jit(lambda m, x: m(x, dt=DT))(module, inputs()),
        jax.jit(lambda w, x: snn.unroll(cell, w, x, dt=DT))(module.weights, inputs()),
    )


def test_options_of_a_run_are_those_of_unroll():
    module, cell = Module(CELLS["chain"], rngs=nnx.Rngs(0)), CELLS["chain"]
    options = {"mask": np.arange(20)[:, None] < np.array([20, 3, 7]), "checkpoint": 5}
    plain = snn.unroll(cell, module.weights, inputs(), dt=DT, **options)
    same(module(inputs(), dt=DT, **options), plain)


@every_cell
def test_steps_and_continued_runs_are_those_of_the_cell(name):
    cell = CELLS[name]
    module = Module(cell, rngs=nnx.Rngs(0))
    xs = inputs()
    state, y = module.step(module.rest(xs[0]), xs[0], DT)
    same((state, y), cell.step(module.weights, cell.rest(xs[0]), xs[0], DT))
    middle, first = module(xs[:7], dt=DT)
    _, second = module(xs[7:], dt=DT, state=middle)
    whole = module(xs, dt=DT)
    np.testing.assert_allclose(np.concatenate([first, second]), whole[1], 1e-5, 1e-6)


def test_weights_are_drawn_by_the_cell():
    cell = CELLS["chain"]
    key = nnx.Rngs(params=3).params()
    same(Module(cell, rngs=nnx.Rngs(params=3)).weights, cell.init(key))


def test_every_weight_is_a_param():
    module = Module(CELLS["chain"], rngs=nnx.Rngs(0))
    params = jax.tree.leaves(nnx.state(module, nnx.Param))
    assert sorted(p.shape for p in params) == [(4, 6), (6,), (6, 2)]


def test_training_by_nnx_equals_training_by_hand(promoted):
    cell = snn.chain(CELLS["chain"], snn.li(2))
    labels = jnp.array([0, 1, 1])
    module = Module(cell, rngs=nnx.Rngs(0))
    weights = module.weights
    tx = optax.adam(5e-2)
    optimizer = nnx.Optimizer(module, tx, wrt=nnx.Param)
    opt_state = tx.init(weights)

    def loss_of(voltages):
        return snn.cross_entropy(snn.max_over_time(voltages), labels)

    @nnx.jit
    def nnx_step(module, optimizer):
        loss, grads = nnx.value_and_grad(lambda m: loss_of(m(inputs(), dt=DT)[1]))(
            module
        )
        optimizer.update(module, grads)
        return loss

    @jax.jit
    def plain_step(weights, opt_state):
        def loss(weights):
            return loss_of(snn.unroll(cell, weights, inputs(), dt=DT)[1])

        updates, opt_state = tx.update(jax.grad(loss)(weights), opt_state, weights)
        return optax.apply_updates(weights, updates), opt_state

    losses = []
    for _ in range(20):
        losses.append(float(nnx_step(module, optimizer)))
        weights, opt_state = plain_step(weights, opt_state)
    assert losses[-1] < 0.7 * losses[0]
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-4, 1e-5),
        module.weights,
        weights,
    )


def test_weights_go_in_and_come_out():
    cell = CELLS["recurrent"]
    weights = cell.init(jax.random.key(9))
    module = Module(cell, weights=weights)
    same(module.weights, weights)
    doubled = jax.tree.map(lambda w: 2 * w, weights)
    module.load(doubled)
    same(module(inputs(), dt=DT), snn.unroll(cell, doubled, inputs(), dt=DT))


def test_a_module_splits_and_merges():
    module = Module(CELLS["recurrent"], rngs=nnx.Rngs(0))
    graph, state = nnx.split(module)
    same(nnx.merge(graph, state)(inputs(), dt=DT), module(inputs(), dt=DT))


def test_weights_of_another_cell_are_refused():
    module = Module(CELLS["recurrent"], rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="of another cell"):
        module.load(CELLS["chain"].init(jax.random.key(0)))
    with pytest.raises(ValueError, match="of another cell"):
        module.load(jax.tree.map(lambda w: w[:2], module.weights))


def test_weights_or_rngs_must_be_given():
    with pytest.raises(ValueError, match="either rngs"):
        Module(CELLS["chain"])
