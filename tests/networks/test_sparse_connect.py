from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.networks import SparseWeights, delay, fan_in, fan_out, ring, sparse

T, B, N_IN, N_OUT, K, DT = 7, 3, 12, 9, 4, 1e-3
SOURCES = np.asarray(fan_in(jax.random.key(0), N_IN, N_OUT, K))
TARGETS = fan_out(SOURCES, N_IN)


def drawn(shape=TARGETS.shape):
    return jax.random.normal(jax.random.key(1), shape)


def matrix(w, targets=TARGETS, n_out=N_OUT):
    """What the lists mean, as one would do without them."""
    full = np.zeros((N_IN, n_out + 1))
    np.add.at(
        full, (np.arange(N_IN)[:, None], targets), np.broadcast_to(w, targets.shape)
    )
    return full[:, :-1]


def raster(*shape):
    fired = jax.random.bernoulli(jax.random.key(2), 0.4, (*shape, N_IN))
    return fired.astype(jnp.result_type(float))


def test_lists_turned_round_hold_the_same_pairs():
    pairs = sorted((i, j) for j, row in enumerate(SOURCES) for i in row)
    found = [(i, j) for i, row in enumerate(TARGETS) for j in row if j < N_OUT]
    assert sorted(found) == pairs
    assert len(pairs) == N_OUT * K


def test_sources_are_drawn_evenly():
    counts = np.bincount(np.ravel(fan_in(jax.random.key(3), 10, 100, 100)))
    np.testing.assert_allclose(counts, 1000, atol=150)


FEW = np.random.default_rng(0).integers(0, 151, (N_IN, K)).astype(np.int32)


@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize(("targets", "n_out"), [(TARGETS, N_OUT), (FEW, 150)])
def test_values_and_gradients_are_those_of_a_matrix(learned, targets, n_out, x64):
    for w in (drawn(targets.shape), drawn((N_IN,))):
        cell = sparse(targets, w, n_out, learned=learned)
        weights = cell.init(jax.random.key(0))
        full = matrix(w if w.ndim == 2 else w[:, None], targets, n_out)
        for x in (raster(), raster(B), raster(T, B)):
            advance = cell.run if x.ndim == 3 else cell.step

            def total(w, x, advance=advance, weights=weights):
                y = advance(weights._replace(w=w), (), x, DT)[1]
                return jnp.sum(jnp.sin(y)), y

            both = jax.value_and_grad(total, (0, 1), has_aux=True)
            (_, y), grads = jax.jit(both)(w, x)
            np.testing.assert_allclose(y, x @ full, 1e-10, 1e-12)
            slope = np.cos(x @ full)
            np.testing.assert_allclose(grads[1], slope @ full.T, 1e-10, 1e-12)
            dense = np.einsum(
                "bi,bj->ij", x.reshape(-1, N_IN), slope.reshape(-1, n_out)
            )
            each = np.pad(dense, ((0, 0), (0, 1)))[np.arange(N_IN)[:, None], targets]
            expected = each if w.ndim == 2 else each.sum(1)
            np.testing.assert_allclose(grads[0], expected, 1e-10, 1e-12)


def test_a_learned_connection_is_a_matrix_only_where_that_is_faster():
    for targets, n_out, many in ((TARGETS, N_OUT, 1), (FEW, 150, 0)):
        cell = sparse(targets, drawn(targets.shape), n_out)
        program = jax.jit(lambda w, x, cell=cell: cell.run(w, (), x, DT))
        text = program.lower(cell.init(jax.random.key(0)), raster(T, B)).as_text()
        assert text.count("stablehlo.dot_general") == many


def test_more_spikes_than_the_cap_give_nan_never_silence():
    cell = sparse(TARGETS, drawn(), N_OUT, cap=3)
    weights = cell.init(jax.random.key(0))
    for count in range(6):
        x = jnp.zeros(N_IN).at[:count].set(1.0)
        y = jax.jit(cell.step)(weights, (), x, DT)[1]
        if count > 3:
            assert np.isnan(y).all()
        else:
            np.testing.assert_allclose(y, x @ matrix(drawn()), 1e-5, 1e-6)


def test_indices_that_travel_with_the_weights_are_no_constants_of_the_program():
    for learned, few in ((True, False), (False, True)):
        targets = np.resize(np.arange(100), (100, 400))
        cell = sparse(targets, np.ones(100, np.float32), 100, learned=learned)
        weights, x = cell.init(jax.random.key(0)), jnp.ones(100)
        text = jax.jit(lambda w, x, c=cell: c.step(w, (), x, DT)).lower(weights, x)
        assert (len(text.as_text()) < 50_000) == few


def test_a_delayed_sparse_loop_is_the_dense_one(x64):
    w = 0.5 * drawn()
    lif = partial(snn.lif, N_IN, snn.LIFParams(10e-3, None, 0.3), input="voltage")
    square = fan_out(fan_in(jax.random.key(0), N_IN, N_IN, K), N_IN)
    w = 0.5 * drawn(square.shape)
    full = np.zeros((N_IN, N_IN + 1))
    np.add.at(full, (np.arange(N_IN)[:, None], square), w)
    plain = snn.dense(N_IN, N_IN, init=lambda *_: jnp.asarray(full[:, :-1]))
    loops = [
        snn.recurrent(lif(), snn.chain(delay(N_IN, 2 * DT, 2), plain)),
        snn.recurrent(lif(), snn.chain(ring(N_IN, 2), sparse(square, w, N_IN))),
    ]
    xs = raster(30)
    found = [snn.unroll(c, c.init(jax.random.key(0)), xs, dt=DT)[1] for c in loops]
    np.testing.assert_array_equal(*found)
    assert 0.1 < np.mean(found[0]) < 0.9


def test_what_does_not_fit_is_refused():
    for targets in (TARGETS + 1, TARGETS - 1, TARGETS[0], TARGETS.astype(float)):
        with pytest.raises(ValueError, match="targets"):
            sparse(targets, drawn(), N_OUT)
    with pytest.raises(ValueError, match="w must be"):
        sparse(TARGETS, drawn((N_OUT,)), N_OUT)
    with pytest.raises(ValueError, match="cap"):
        sparse(TARGETS, drawn(), N_OUT, cap=N_IN + 1)
    with pytest.raises(ValueError, match="sources"):
        fan_out(SOURCES, N_IN - 3)
    cell = sparse(TARGETS, drawn(), N_OUT, learned=False)
    with pytest.raises(ValueError, match="targets"):
        cell.step(SparseWeights(drawn(), jnp.asarray(TARGETS[1:])), (), raster(), DT)
