"""Rounded weights against plain numpy, and budgets against arithmetic by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax import parts
from snnjax.hardware import Budget, fits, quantize, using, within_range
from snnjax.networks import graph, normal

T, B, DT = 20, 3, 1e-3
FAST = snn.LIFParams(5e-3, 2e-3, 0.3)
KEY = jax.random.key(0)


def rounded(w, bits, step):
    """The same, plainly."""
    most = 2 ** (bits - 1) - 1
    return step * np.clip(np.rint(w / step), -most, most)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_weights_are_rounded_as_numpy_rounds_them(bits, rng):
    w = rng.normal(size=(40, 30)).astype(np.float32)
    most = 2 ** (bits - 1) - 1
    top = np.abs(w).max()
    found = np.asarray(quantize(jnp.asarray(w), bits))
    steps = w / (top / most)
    sure = np.abs(steps - np.floor(steps) - 0.5) > 1e-2  # not half way
    expected = rounded(w, bits, top / most)
    np.testing.assert_allclose(found[sure], expected[sure], 1e-6)
    assert sure.mean() > 0.9
    assert len(np.unique(found)) <= 2**bits - 1
    np.testing.assert_allclose(np.abs(found).max(), top, 1e-6)
    np.testing.assert_array_equal(quantize(jnp.asarray(-w), bits), -found)
    by_neuron = np.asarray(quantize(jnp.asarray(w), bits, axis=0))
    for n in (0, 29):
        alone = quantize(jnp.asarray(w[:, n]), bits)
        np.testing.assert_allclose(by_neuron[:, n], alone, 1e-6)


def test_every_level_is_reached_and_nothing_beyond():
    w = jnp.linspace(-2.0, 2.0, 1001)
    found = np.unique(quantize(w, 4, step=0.125))
    np.testing.assert_array_equal(found, 0.125 * np.arange(-7, 8))
    again = quantize(jnp.asarray(found), 4, step=0.125)
    np.testing.assert_array_equal(again, found)


def test_a_tree_is_rounded_array_by_array_and_keeps_its_dtypes(x64):
    weights = {
        "a": snn.dense(4, 3, bias=True).init(KEY),
        "half": jnp.linspace(-1.0, 1.0, 9).astype(jnp.bfloat16),
        "single": jnp.linspace(-3.0, 1.0, 9).astype(jnp.float32),
        "none": (),
    }
    found = quantize(weights, 4)
    kinds = [jax.tree.map(lambda w: w.dtype, tree) for tree in (weights, found)]
    assert kinds[0] == kinds[1]
    np.testing.assert_array_equal(found["single"], quantize(weights["single"], 4))
    assert not np.any(found["a"].b)  # zeros stay zeros


def test_the_gradient_is_one_as_that_of_the_line_that_levels_lie_on():
    w = jnp.linspace(-2.0, 2.0, 41)
    loss = lambda w: jnp.sum(jnp.sin(quantize(w, 4, step=0.125)))  # noqa: E731
    q = rounded(np.asarray(w), 4, 0.125)
    np.testing.assert_allclose(jax.grad(loss)(w), np.cos(q), 1e-5, 1e-6)
    h = 0.125 / 2**4  # across whole steps the mean slope of the stairs is one
    wide = [quantize(0.3 + k * h * jnp.ones(()), 8, step=0.125) for k in (-128, 128)]
    np.testing.assert_allclose((wide[1] - wide[0]) / (256 * h), 1.0, 1e-6)
    slope = jax.jvp(lambda w: quantize(w, 4), (w,), (jnp.ones_like(w),))[1]
    np.testing.assert_array_equal(slope, np.ones(41))
    by_step = jax.grad(lambda s: jnp.sum(quantize(w, 4, step=s)))(0.125)
    assert by_step == 0.0


def test_under_jit_nan_stays_and_steps_are_data(compilations):
    def stairs(w, step):
        return quantize(w, 4, step=step)

    run = jax.jit(stairs)
    w = jnp.array([0.3, jnp.nan, -9.0])
    np.testing.assert_allclose(run(w, 0.5), [0.5, np.nan, -3.5])
    assert np.isnan(run(w, -0.5)).all()
    assert np.isnan(jax.jit(partial(quantize, bits=4))(w)).all()
    kept = jax.jit(lambda step: within_range(jnp.ones(3), 4, step))
    np.testing.assert_allclose(kept(0.1), 0.7 * np.ones(3), 1e-6)
    assert np.isnan(kept(-0.1)).all()
    assert sum("stairs" in name for name in compilations) == 1


def test_weights_within_range_are_no_larger_and_not_rounded(rng):
    tree = {"w": jnp.asarray(rng.normal(size=(9, 9)), jnp.float32), "b": jnp.zeros(3)}
    found = within_range(tree, 7, 1 / 63)
    np.testing.assert_allclose(found["w"], np.clip(tree["w"], -1.0, 1.0), 1e-6)
    same = quantize(found, 7, step=1 / 63)
    np.testing.assert_array_equal(quantize(tree, 7, step=1 / 63)["w"], same["w"])


def nets(change):
    """Networks with changed connections, and the same without."""

    def made(change):
        dense = lambda *sizes: change(snn.dense(*sizes, init=normal))  # noqa: E731
        hidden = snn.recurrent(snn.lif(5, FAST), dense(5, 5))
        wires = {"input->e": dense(5, 5), "e->e": dense(5, 5), "e->o": dense(5, 2)}
        pair = graph({"e": snn.lif(5, FAST), "o": snn.li(2)}, wires, outputs="o")
        short = snn.recurrent(5, 5, snn.lif(5, FAST), init=normal)
        if change is not plain:
            short = parts.rebuild(
                short, lambda name, leaf: leaf if name == "neuron" else change(leaf)
            )
        return snn.chain(
            first=dense(6, 5), hidden=hidden, short=short, pair=pair, outputs="pair"
        )

    return made(change), made(plain)


def plain(cell):
    return cell


def coarse(weights):
    return quantize(weights, 3)


def test_a_network_of_changed_weights_is_the_network_with_weights_changed(x64):
    net, twin = nets(lambda cell: using(cell, coarse))
    weights = net.init(KEY)
    jax.tree.map(np.testing.assert_array_equal, weights, twin.init(KEY))
    xs = (jax.random.uniform(jax.random.key(1), (T, B, 6)) < 0.3).astype(float)

    def all_of_it(net, weights, record=None):
        def loss(weights):
            _, ys = snn.unroll(net, weights, xs, dt=DT, record=record)
            return jnp.sum(jnp.sin(ys)), ys

        (_, ys), slopes = jax.jit(jax.value_and_grad(loss, has_aux=True))(weights)
        return ys, slopes

    # one scale for each array, as each connection has one
    expected = all_of_it(twin, jax.tree.map(coarse, weights))
    for found in (
        all_of_it(net, weights),
        all_of_it(net, weights, lambda state, y: y),
        all_of_it(using(twin, lambda w: jax.tree.map(coarse, w)), weights),
    ):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, 1e-9, 1e-12), found, expected
        )
    assert all(np.any(leaf) for leaf in jax.tree.leaves(expected[1]["first"]))


def test_its_parts_stay_open():
    net = using(snn.chain(a=snn.dense(6, 5), hidden=snn.lif(5)), coarse)
    weights = net.init(KEY)
    assert list(parts.flat(net, weights).leaves) == ["cell.a", "cell.hidden"]
    assert parts.labels(net, weights)["a"].w == "cell.a"
    rows = parts.summary(net, weights, jnp.ones((T, B, 6)), dt=DT).rows
    assert [row.kind for row in rows] == ["dense", "lif"]
    slow = snn.LIFParams(50e-3)
    other = parts.rebuild(
        net, lambda name, leaf: snn.lif(5, slow) if name == "cell.hidden" else leaf
    )
    x = jnp.ones((T, B, 6))
    expected = parts.rebuild(other.about.parts["cell"], lambda name, leaf: leaf)
    _, ys = snn.unroll(expected, coarse(weights), x, dt=DT)
    np.testing.assert_array_equal(snn.unroll(other, weights, x, dt=DT)[1], ys)
    look = snn.chain(inner=net, out=snn.li(5), outputs=("inner.hidden.v", "inner"))
    seen = snn.unroll(look, {"inner": weights, "out": ()}, x, dt=DT)[1]
    assert seen["inner.hidden.v"].shape == seen["inner"].shape == (T, B, 5)


def test_a_change_of_the_structure_is_refused():
    cell = using(snn.dense(3, 2), lambda w: w._replace(w=w.w.T))
    with pytest.raises(ValueError, match="change must keep structure and shapes"):
        snn.unroll(cell, cell.init(KEY), jnp.ones((T, 3)), dt=DT)


@pytest.mark.parametrize("bits", [1, 25, 4.0, True])
def test_other_bits_are_refused(bits):
    for call in (quantize, partial(within_range, step=0.1)):
        with pytest.raises(ValueError, match="bits must be"):
            call(jnp.ones(3), bits)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: quantize(jnp.array([1.0, jnp.nan]), 4), "w must be finite, 1 of 2"),
        (lambda: quantize(jnp.arange(3), 4), "w must be floating point"),
        (
            lambda: quantize(jnp.ones(3), 4, step=0.0),
            "step must be finite and",
        ),
        (lambda: quantize(jnp.ones(3), 4, axis=1), "axis must be at most 0"),
        (lambda: quantize(jnp.ones(3), 4, axis=0, step=0.1), "a step or an axis"),
        (lambda: within_range({"w": np.arange(3)}, 4, 0.1), "weights must be floating"),
    ],
)
def test_what_cannot_be_rounded_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_network_fits_if_its_circuits_do():
    assert fits(Budget(), (256, 246, 10)) == 512  # 2·246 + 2·10: all of the chip
    with pytest.raises(ValueError, match="take 514 neurons of 256 rows, 2 more than"):
        fits(Budget(), (256, 247, 10))
    assert fits(Budget(), (70 + 186, 186, 20)) == 2 * 186 + 2 * 20  # signed rows full
    assert fits(Budget(neurons=1000), (70 + 187, 186, 20)) == 3 * 186 + 2 * 20
    assert fits(Budget(), (64, 100, 10)) == 110
    assert fits(Budget(signed_pairs=False), (256, 246, 10)) == 256
    assert fits(Budget(8, 2, False), [2, 8]) == 8
    for sizes in ((256,), 256, (256, 0), (256, 2.5), "25"):
        with pytest.raises(ValueError, match="sizes must be"):
            fits(Budget(), sizes)
    with pytest.raises(ValueError, match="rows must be at least 1"):
        fits(Budget(rows=0), (1, 1))
