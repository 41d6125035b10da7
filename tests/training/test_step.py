import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from snnjax.training import init_train_state, make_step

X = np.random.default_rng(0).normal(size=(4, 3))

Y = np.random.default_rng(1).normal(size=4)


def squares(weights, x, y):
    return jnp.mean((x @ weights["w"] - y) ** 2)


def squares_by_hand(w):
    error = X @ w - Y
    return np.mean(error**2), 2.0 * X.T @ error / len(Y)


def sgd_by_hand(w, grad, memory):
    return w - 0.1 * grad, memory


def adam_by_hand(w, grad, memory):
    m, v, t = memory
    m, v, t = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2, t + 1
    hat_m, hat_v = m / (1 - 0.9**t), v / (1 - 0.999**t)
    return w - 0.1 * hat_m / (np.sqrt(hat_v) + 1e-8), (m, v, t)


def by_hand(rule, steps):
    w, memory, rows = np.full(3, 0.5), (np.zeros(3), np.zeros(3), 0), []
    for _ in range(steps):
        loss, grad = squares_by_hand(w)
        rows.append((loss, np.linalg.norm(grad)))
        w, memory = rule(w, grad, memory)
    return w, np.array(rows)


def begin(optimizer):
    return init_train_state({"w": jnp.full(3, 0.5)}, optimizer)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["plain", "jit"])
@pytest.mark.parametrize(
    ("optimizer", "rule"),
    [(optax.sgd(0.1), sgd_by_hand), (optax.adam(0.1), adam_by_hand)],
    ids=["sgd", "adam"],
)
def test_updates_are_those_worked_out_by_hand(optimizer, rule, wrap, x64):
    step, state, rows = wrap(make_step(squares, optimizer)), begin(optimizer), []
    for _ in range(5):
        state, metrics = step(state, X, Y)
        rows.append((metrics["loss"], metrics["grad_norm"]))
    w, expected = by_hand(rule, 5)
    np.testing.assert_allclose(state.weights["w"], w, rtol=1e-12)
    np.testing.assert_allclose(rows, expected, rtol=1e-12)
    assert state.step == 5


def test_a_scan_over_updates_is_the_same_training(x64):
    step = make_step(squares, optax.adam(0.1))
    state, metrics = jax.lax.scan(
        lambda state, _: step(state, X, Y), begin(optax.adam(0.1)), length=5
    )
    w, rows = by_hand(adam_by_hand, 5)
    np.testing.assert_allclose(state.weights["w"], w, rtol=1e-12)
    np.testing.assert_allclose(metrics["loss"], rows[:, 0], rtol=1e-12)


def test_seeds_trained_side_by_side_equal_seeds_trained_alone(x64):
    optimizer = optax.adam(0.1)
    step = make_step(squares, optimizer)

    def train(key):
        state = init_train_state({"w": jax.random.normal(key, 3)}, optimizer)
        for _ in range(3):
            state, metrics = step(state, X, Y)
        return state, metrics

    keys = jax.random.split(jax.random.key(0), 4)
    together = jax.vmap(train)(keys)
    alone = jax.tree.map(lambda *leaves: np.stack(leaves), *map(train, keys))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-10), together, alone)
    assert len(np.unique(together[1]["loss"])) == 4


def test_metrics_of_the_loss_come_along():
    step = make_step(
        lambda w, x, y: (squares(w, x, y), {"answer": 42}),
        optax.sgd(0.1),
        has_aux=True,
    )
    _, metrics = step(begin(optax.sgd(0.1)), X, Y)
    assert set(metrics) == {"answer", "loss", "grad_norm", "without_gradient"}
    assert metrics["answer"] == 42


def test_a_donated_state_is_the_memory_of_the_next_and_cannot_be_read_again():
    optimizer = optax.adam(0.1)
    step = jax.jit(make_step(squares, optimizer), donate_argnums=0)
    state = begin(optimizer)
    memory = step.lower(state, X, Y).compile().memory_analysis()
    assert memory.alias_size_in_bytes >= 3 * state.weights["w"].nbytes  # and Adam's two
    at = {leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(state)}
    after, _ = step(state, X, Y)
    assert {leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(after)} == at
    with pytest.raises(RuntimeError, match="deleted"):
        np.asarray(state.weights["w"])
    with pytest.raises((ValueError, RuntimeError), match="deleted"):  # as JAX has it
        step(state, X, Y)
    kept, _ = jax.jit(make_step(squares, optimizer))(begin(optimizer), X, Y)
    np.testing.assert_array_equal(after.weights["w"], kept.weights["w"])


REMEMBER = {  # optimizers that keep the weights that they began with
    "prodigy": optax.contrib.prodigy,
    "dog": lambda: optax.contrib.dog(1.0),
    "mechanize": lambda: optax.contrib.mechanize(optax.sgd(0.1)),
    "lbfgs": optax.scale_by_lbfgs,
}


@pytest.mark.parametrize("name", REMEMBER)
def test_the_first_state_of_every_optimizer_can_be_donated(name):
    optimizer = REMEMBER[name]()
    step = make_step(squares, optimizer)
    plain, _ = jax.jit(step)(begin(optimizer), X, Y)
    donated, _ = jax.jit(step, donate_argnums=0)(begin(optimizer), X, Y)
    np.testing.assert_allclose(donated.weights["w"], plain.weights["w"], rtol=1e-6)
