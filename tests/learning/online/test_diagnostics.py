"""How gradients of rules lie to exact ones, told by array of weights."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax.learning.online import (
    alignment,
    along_training,
    factored,
    gradients,
    rtrl,
    stack,
    temp_memory,
    truncated,
)
from snnjax.networks import normal

UPDATES, T, B, M, N, DT = 4, 30, 2, 3, 4, 1e-3
NEURON = snn.lif(N, snn.LIFParams(5e-3, 2e-3, 0.5), reset="subtract", backend="xla")
recurrent = partial(snn.recurrent, M, N, NEURON, init=normal, init_recurrent=normal)
OUTPUT = snn.chain(snn.dense(N, 2, init=normal, backend="xla"), snn.li(2))
CELL = snn.chain(recurrent(), OUTPUT)


def loss(y, target):
    return jnp.mean((y - target) ** 2)


def task(dtype=jnp.float32):
    key_w, key_x, key_t = jax.random.split(jax.random.key(0), 3)
    weights = jax.tree.map(lambda w: w.astype(dtype), CELL.init(key_w))
    xs = 2.0 * jax.random.uniform(key_x, (UPDATES, T, B, M), dtype)
    return weights, xs, jax.random.normal(key_t, (UPDATES, T, B, 2), dtype)


def test_cosine_norm_and_error_of_gradients_that_one_can_see():
    one = {"a": jnp.asarray([[3.0, 0.0]]), "b": jnp.ones(2), "c": jnp.zeros(2)}
    other = {"a": jnp.asarray([[0.0, 4.0]]), "b": -2 * jnp.ones(2), "c": jnp.ones(2)}
    found = alignment(one, other)
    assert found.cosine["a"] == 0.0
    np.testing.assert_allclose(found.norm["a"], 0.75)
    np.testing.assert_allclose(found.error["a"], 1.25)
    np.testing.assert_allclose([found.cosine["b"], found.norm["b"]], [-1.0, 0.5], 1e-6)
    assert found.norm["c"] == 0.0
    assert found.error["c"] == 1.0
    assert np.isnan(found.cosine["c"])
    with pytest.raises(ValueError, match="a tree like expected"):
        alignment(one, {"a": jnp.ones(2)})


def test_training_by_each_rule_against_exact_gradients_on_the_way(x64):
    weights, xs, targets = task(jnp.float64)
    eprop = stack(factored(recurrent(recurrent_gradient=False)), factored(OUTPUT))
    rules = {"all": rtrl(CELL), "e-prop": eprop}
    run = partial(along_training, rules, CELL, optax.sgd(0.1), dt=DT, block=10)
    courses = jax.jit(lambda w, *a: run(w, a[0], loss, a[1]))(weights, xs, targets)
    exact, part = courses["all"].alignment, courses["e-prop"].alignment
    for error in jax.tree.leaves(exact.error):
        assert error.shape == (UPDATES,)
        assert error.max() < 1e-12
    hidden, output = part.cosine
    assert 0.0 < hidden.recurrent.min() <= hidden.recurrent.max() < 0.999
    np.testing.assert_allclose(output[0].w, 1.0, 1e-12)
    assert part.norm[0].input.w.max() < 0.95

    at = weights
    for x, target in zip(xs, targets, strict=True):
        whole = lambda w, x=x, t=target: jnp.sum(  # noqa: E731
            jax.vmap(loss)(snn.unroll(CELL, w, x, dt=DT)[1], t)
        )
        at = jax.tree.map(lambda w, g: w - 0.1 * g, at, jax.grad(whole)(at))
    found = courses["all"].weights
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-9), found, at)
    assert courses["all"].values[-1] != courses["e-prop"].values[-1]


def test_memory_is_that_of_the_compiled_program():
    weights, xs, targets = task()

    def needed(rule, steps, block):
        given = (
            jax.ShapeDtypeStruct((steps, *a.shape[2:]), a.dtype) for a in (xs, targets)
        )
        x, target = given
        return temp_memory(rule, weights, x, loss, target, dt=DT, block=block)

    short, long = (needed(truncated(CELL), steps, steps) for steps in (100, 400))
    assert 3.0 < long / short < 4.5
    online = [needed(rtrl(CELL), steps, 1) for steps in (100, 400)]
    assert online[0] == online[1] < 0.5 * long

    run = jax.jit(lambda w, x, t: gradients(rtrl(CELL), w, x, loss, t, dt=DT)[:2])
    compiled = run.lower(weights, xs[0], targets[0]).compile()
    assert compiled.memory_analysis().temp_size_in_bytes == needed(rtrl(CELL), T, 1)


def test_what_is_no_course_of_training_is_refused():
    weights, xs, targets = task()
    run = partial(along_training, cell=CELL, optimizer=optax.sgd(0.1), dt=DT)
    with pytest.raises(ValueError, match="a rule at least"):
        run({}, weights=weights, xs=xs, loss=loss)
    rules = {"all": rtrl(CELL)}
    with pytest.raises(ValueError, match=r"\[updates, T, \*batch, n_in\]"):
        run(rules, weights=weights, xs=xs[0, 0], loss=loss)
    with pytest.raises(ValueError, match=r"\[updates, T, ...\]"):
        along_training(
            rules, CELL, optax.sgd(0.1), weights, xs, loss, targets[:, :1], dt=DT
        )


def test_where_the_compiler_does_not_tell_there_is_an_error(monkeypatch):
    weights, xs, targets = task()
    monkeypatch.setattr(jax.stages.Compiled, "memory_analysis", lambda self: None)
    with pytest.raises(NotImplementedError, match="XLA does not tell"):
        temp_memory(truncated(CELL), weights, xs[0], loss, targets[0], dt=DT)
