from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn

T, B, N_IN, N = 12, 3, 5, 4
DT, TAU, THRESHOLD, SLOPE = 1e-3, 5e-3, 0.2, 4.0


def inputs():
    return np.asarray(jax.random.normal(jax.random.key(0), (T, B, N_IN)))


def drawn(cell, seed=0):
    weights = jax.jit(cell.init)(jax.random.key(seed))
    return jax.tree.map(np.asarray, weights)


def layer(**options):
    neuron = snn.lif(
        N, snn.LIFParams(TAU, None, THRESHOLD), surrogate=snn.SuperSpike(SLOPE)
    )
    return snn.recurrent(N_IN, N, neuron, **options)


def pretended(v):
    """A step whose derivative is that of a smooth function."""
    smooth = v / (1.0 + SLOPE * jnp.abs(v))
    return jax.lax.stop_gradient((v > 0.0).astype(v.dtype) - smooth) + smooth


def looped(weights, xs, through=True, self_connections=True):
    """The same layer, step by step, without snnjax."""
    r = weights.recurrent
    if not self_connections:
        r = r - jnp.diag(jnp.diag(r))
    keep = np.exp(-DT / TAU)
    v, s, out = jnp.zeros((B, N)), jnp.zeros((B, N)), []
    for x in xs:
        before = s if through else jax.lax.stop_gradient(s)
        drive = x @ weights.input.w + before @ r
        if weights.input.b is not None:
            drive = drive + weights.input.b[None]
        v = keep * v + (1.0 - keep) * drive
        s = pretended(v - THRESHOLD)
        v = v * (1.0 - jax.lax.stop_gradient(s))
        out.append(s)
    return jnp.stack(out)


def graded(run, weights, xs):
    tilt = jnp.cos(jnp.arange(T * B * N)).reshape(T, B, N)

    def loss(weights, xs):
        ys = run(weights, xs)
        return jnp.sum(tilt * ys), ys

    return jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(weights, xs)


@pytest.mark.parametrize("bias", [False, True])
def test_dense_is_a_matrix_product(bias, rng):
    cell = snn.dense(N_IN, N, bias=bias)
    weights = drawn(cell)
    assert (weights.b is None) == (not bias)
    if bias:
        assert not np.any(weights.b)
        weights = weights._replace(b=np.arange(4, dtype="float32"))
    _, ys = snn.unroll(cell, weights, inputs(), dt=DT)
    expected = np.einsum("tbi,ij->tbj", inputs(), weights.w)
    np.testing.assert_allclose(
        ys, expected + (np.arange(4.0) if bias else 0), 1e-5, 1e-5
    )


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("through", [False, True])
@pytest.mark.parametrize("self_connections", [False, True])
def test_a_recurrent_layer_is_a_plain_loop(bias, through, self_connections, x64):
    cell = layer(
        bias=bias, recurrent_gradient=through, self_connections=self_connections
    )
    weights = drawn(cell, 1)
    run = lambda w, x: snn.unroll(cell, w, x, dt=DT)[1]  # noqa: E731
    loop = lambda w, x: looped(w, x, through, self_connections)  # noqa: E731
    (_, ys), grads = found = graded(run, weights, inputs())
    expected = graded(loop, weights, inputs())
    assert 0.05 < ys.mean() < 0.6
    assert np.any(grads[0].recurrent)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-10, 1e-12), found, expected
    )


def test_leaving_out_the_recurrent_gradient_changes_it_and_nothing_else(x64):
    with_it, without = layer(), layer(recurrent_gradient=False)
    weights = drawn(with_it, 1)
    one, other = (
        graded(lambda w, x, c=c: snn.unroll(c, w, x, dt=DT)[1], weights, inputs())
        for c in (with_it, without)
    )
    np.testing.assert_array_equal(one[0][1], other[0][1])
    assert np.abs(one[1][0].input.w - other[1][0].input.w).max() > 1e-3


def test_no_neuron_talks_to_itself_without_self_connections():
    cell = layer(self_connections=False)
    weights, xs = drawn(cell, 1), inputs()
    loud = weights._replace(recurrent=weights.recurrent + 1e3 * np.eye(N, dtype="f"))
    run = jax.jit(lambda w: snn.unroll(cell, w, xs, dt=DT)[1])
    np.testing.assert_array_equal(run(weights), run(loud))
    tilt = np.cos(np.arange(N, dtype="f"))[None, None]
    grads = jax.jit(jax.grad(lambda w: jnp.sum(tilt * run(w))))(weights)
    assert not np.any(np.diag(grads.recurrent))


def test_a_recurrent_spike_arrives_one_step_later():
    neuron = snn.lif(2, snn.LIFParams(TAU, None, THRESHOLD))
    cell = snn.recurrent(1, 2, neuron)
    weights = drawn(cell)._replace(
        input=snn.networks.DenseWeights(np.array([[100.0, 0.0]], "f"), None),
        recurrent=np.array([[0.0, 100.0], [0.0, 0.0]], "f"),
    )
    kick = np.array([[0.0], [1.0], [0.0], [0.0], [0.0]], "f")
    _, spikes = snn.unroll(cell, weights, kick, dt=DT)
    assert np.argwhere(spikes).tolist() == [[1, 0], [2, 1]]


def test_neurons_inside_a_recurrent_layer_may_learn(x64):
    make = lambda tau: snn.lif(N, snn.LIFParams(tau, None, THRESHOLD))  # noqa: E731
    cell = snn.recurrent(N_IN, N, snn.learn(make, tau=np.full(N, TAU)))
    weights, xs = drawn(cell, 1), inputs()

    @partial(jax.jit, static_argnums=1)
    @jax.grad
    def gradient(weights, record=None):
        ys = snn.unroll(cell, weights, xs, dt=DT, record=record)[1]
        return jnp.sum(np.cos(np.arange(ys.size)).reshape(ys.shape) * ys)

    fast = gradient(weights)
    slow = gradient(weights, lambda state, y: y)
    assert np.all(fast.neuron.logs["tau"])
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-10, 1e-12), fast, slow
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: snn.dense(0, 3), "n_in must be at least 1, got 0"),
        (lambda: snn.dense(3, 1.5), "n_out must be a whole number, got 1.5"),
        (lambda: snn.recurrent(3, -1, snn.lif(3)), "n must be at least 1, got -1"),
    ],
)
def test_widths_that_make_no_sense_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("cell", [snn.dense(N_IN, N), layer()])
@pytest.mark.parametrize("record", [None, lambda state, y: y])
def test_an_input_of_another_width_is_refused(cell, record):
    weights, xs = drawn(cell), np.zeros((T, B, N_IN + 1), "float32")
    with pytest.raises(ValueError, match=r"5 channels in the last axis.*got shape"):
        snn.unroll(cell, weights, xs, dt=DT, record=record)


def test_a_neuron_of_another_width_is_refused():
    cell = snn.recurrent(N_IN, N, snn.lif(N + 1))
    with pytest.raises(ValueError, match=r"expects 5 channels"):
        snn.unroll(cell, drawn(cell), inputs(), dt=DT)
