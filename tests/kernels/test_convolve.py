"""Native convolutions against XLA; see also ``benchmarks.fuzz.convolutions``."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from benchmarks.fuzz import convolutions
from snnjax.kernels import build
from snnjax.kernels.convolve import convolve
from snnjax.kernels.windows import Window
from snnjax.networks import convolution, flatten, normal, pool
from snnjax.networks.convolutions import ConvolutionWeights

DT = 1e-3
SAME = Window((1, 1), ((1, 1), (1, 1)))


@pytest.fixture(autouse=True)
def built():
    if why := build.load():
        pytest.skip(f"native kernels: {why}")


def raster(*shape, rate=0.2, seed=0):
    drawn = np.random.default_rng(seed).random(shape)
    return jnp.asarray(drawn < rate, jnp.float32)


def kernels(*shape, seed=1):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@partial(jax.jit, static_argnames=("window", "backend"))
def graded(x, w, window, backend):
    """Outputs, and gradients of weights and input."""
    y, back = jax.vjp(lambda w, x: convolve(x, w, window, backend=backend), w, x)
    return y, back(jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))


def exactly(found, expected):
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def nearly(found, expected, rtol=1e-4):
    for a, b in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol, rtol * np.max(np.abs(b), initial=0.0))


@pytest.mark.parametrize("index", range(3))
def test_convolutions_of_one_random_program_are_the_same_by_both_backends(index):
    assert convolutions.compare(index) == convolutions.EACH * ["equal"]


def test_convolutions_that_differ_are_told():
    one = [np.ones((2, 3)), np.array([1.0, np.nan])]
    assert convolutions.equal(one, one)
    assert not convolutions.equal([one[0] + 1e-3, one[1]], one)
    assert not convolutions.equal([one[0], np.ones(2)], one)
    assert not convolutions.equal([one[0][:1], one[1]], one)
    three, spread = [*one, np.ones(2)], [*one, np.array([1.0, np.nan])]
    assert convolutions.equal(spread, three, more=True)
    assert not convolutions.equal(spread, three)
    assert not convolutions.equal(three, spread, more=True)


@pytest.mark.parametrize("c_out", [5, 40, 70])
def test_crowded_images_are_summed_in_the_order_of_sparse_ones(c_out):
    # A last channel of analog numbers with weights of zero makes images crowded.
    x, w = raster(2, 3, 9, 8, 2), kernels(3, 3, 2, c_out)
    noise = jax.random.normal(jax.random.key(0), (2, 3, 9, 8, 16))
    crowd = jnp.concatenate([x, noise], -1)
    wide = jnp.concatenate([w, jnp.zeros((3, 3, 16, c_out))], 2)
    run = partial(graded, window=SAME, backend="native")
    y, (d_w, d_x) = run(x, w)
    y_crowd, (d_wide, d_crowd) = run(crowd, wide)
    exactly((y, d_w, d_x), (y_crowd, d_wide[:, :, :2], d_crowd[..., :2]))


@pytest.mark.parametrize("of", ["spikes", "numbers"])
@pytest.mark.parametrize(
    ("kernel", "stride", "c_out"),
    [
        *(((3, 3), (1, 1), 16), ((3, 3), (2, 2), 5), ((5, 5), (1, 1), 40)),
        *(((4, 2), (1, 3), 17), ((2, 7), (3, 2), 3), ((1, 1), (1, 1), 70)),
        *(((1, 6), (1, 1), 4), ((7, 5), (4, 1), 16)),
    ],
    ids=str,
)
def test_few_events_are_summed_in_the_order_of_a_crowd(kernel, stride, c_out, of):
    x = raster(2, 5, 12, 11, 20, rate=0.02)
    x = x * (1.0 if of == "spikes" else kernels(*x.shape, seed=2))
    w, window = kernels(*kernel, 20, c_out), Window(stride, ((1, 2), (2, 0)))
    noise = jax.random.normal(jax.random.key(0), (*x.shape[:-1], 16))
    crowd = jnp.concatenate([x, noise], -1)
    wide = jnp.concatenate([w, jnp.zeros((*kernel, 16, c_out))], 2)
    slide = jax.jit(partial(convolve, window=window, backend="native"))
    exactly(slide(x, w), slide(crowd, wide))


@pytest.mark.parametrize("dtype", [jnp.uint8, bool])
def test_rasters_of_bytes_give_what_floats_give(dtype):
    x, w = raster(3, 4, 10, 9, 3), kernels(2, 4, 3, 18)
    run = lambda x: jax.vjp(  # noqa: E731
        lambda w: convolve(x, w, SAME, backend="native"), w
    )
    (y, back), (small, of_small) = run(x), run(x.astype(dtype))
    exactly((y, back(y)), (small, of_small(y)))


@pytest.mark.parametrize("c_in", [3, 20])
@pytest.mark.parametrize("kind", ["spikes", "numbers", "crowd"])
def test_gradients_at_once_are_those_one_by_one(c_in, kind):
    x = raster(2, 3, 9, 8, c_in, rate=0.9 if kind == "crowd" else 0.2)
    x, w = (0.5 * x if kind == "numbers" else x), kernels(3, 3, c_in, 20)
    _, both = graded(x, w, SAME, "native")
    slide = partial(convolve, window=SAME, backend="native")
    g = jnp.cos(jnp.arange(2 * 3 * 9 * 8 * 20.0)).reshape(2, 3, 9, 8, 20)
    (d_w,) = jax.jit(lambda w: jax.vjp(lambda w: slide(x, w), w)[1](g))(w)
    (d_x,) = jax.jit(lambda x: jax.vjp(lambda x: slide(x, w), x)[1](g))(x)
    exactly(both, (d_w, d_x))


def test_an_image_does_not_depend_on_the_others_of_its_batch():
    rates = np.array([0.0, 0.01, 0.3, 0.8, 1.0])[:, None, None, None]
    x = jnp.asarray(np.random.default_rng(0).random((2, 5, 12, 11, 16)) < rates, float)
    w = kernels(3, 3, 16, 20)
    y, (_, d_x) = graded(x, w, SAME, "native")
    g = jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)
    for t, b in np.ndindex(2, 5):
        one = x[t : t + 1, b : b + 1]
        alone, back = jax.vjp(lambda x: convolve(x, w, SAME, backend="native"), one)
        exactly(alone[0, 0], y[t, b])
        exactly(back(g[t : t + 1, b : b + 1])[0][0, 0], d_x[t, b])


@pytest.mark.parametrize("where", ["x", "w", "g"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("rate", [0.1, 0.9])
def test_what_is_not_finite_spreads_as_it_does_in_xla(where, bad, rate):
    for space, stride in (((6, 7), (1, 2)), ((9,), (2,))):
        given = {"x": raster(2, 2, *space, 3, rate=rate)}
        given["w"] = kernels(*(3,) * len(space), 3, 17)
        window = Window(stride, ((1, 1),) * len(space))
        given["g"] = jnp.ones_like(convolve(given["x"], given["w"], window))
        corner = (0,) * given[where].ndim
        given[where] = given[where].at[corner].set(bad)

        def run(backend, given=given, window=window):
            slide = lambda w, x: convolve(x, w, window, backend=backend)  # noqa: E731
            y, back = jax.vjp(slide, given["w"], given["x"])
            return [np.isfinite(a) for a in (y, *back(given["g"]))]

        found, expected = run("native"), run("xla")
        exactly(found[:2], expected[:2])
        assert not np.any(found[2] & ~expected[2])
        if where != "w":  # zeros beyond the border count natively
            exactly(found[2], expected[2])
        assert not all(a.all() for a in found)


@pytest.mark.parametrize("shape", [(0, 3, 5, 5, 2), (4, 0, 5, 5, 2), (0, 7, 2)])
def test_no_step_and_no_sample_are_fine(shape):
    axes = len(shape) - 3
    window, w = Window((1,) * axes, ((1, 1),) * axes), kernels(*(3,) * axes, 2, 4)
    y, (d_w, d_x) = graded(jnp.zeros(shape), w, window, True)
    assert y.shape == (*shape[:-1], 4)
    assert d_x.shape == shape
    assert not np.any(d_w)


def network(backend):
    return snn.chain(
        convolution(2, 4, kernel=(3, 3), stride=2, init=normal, backend=backend),
        snn.lif(4, snn.LIFParams(5e-3, 2e-3, 0.3), backend="xla"),
        pool("max", (2, 2)),
        convolution(4, 3, kernel=(2, 2), padding="valid", bias=True, backend=backend),
        flatten(),
    )


def test_forward_mode_and_second_derivatives_pass_native_convolutions():
    cell = snn.chain(
        convolution(2, 3, kernel=(3, 3), init=normal, backend="native"),
        snn.networks.pool("sum", (2, 2)),
        convolution(3, 2, kernel=(2, 1), stride=2, init=normal, backend="native"),
    )
    weights, xs = cell.init(jax.random.key(0)), raster(5, 2, 6, 7, 2)
    draw = lambda w: jax.random.normal(jax.random.key(1), w.shape)  # noqa: E731
    tangents = jax.tree.map(draw, weights)

    def derivatives(record):
        def loss(weights, xs):
            ys = snn.unroll(cell, weights, xs, dt=DT, record=record)[1]
            return jnp.sum(jnp.sin(ys))

        def all_of_them(weights, xs):
            given, along = (weights, xs), (tangents, draw(xs))
            both = jax.grad(loss, (0, 1))
            slope = jax.jvp(loss, given, along)[1]
            twice = jax.jvp(both, given, along)[1]
            tilted = lambda w, x: sum(  # noqa: E731
                jax.tree.leaves(jax.tree.map(jnp.vdot, both(w, x), along))
            )
            return slope, both(*given), twice, jax.grad(tilted, (0, 1))(*given)

        return jax.jit(all_of_them)(weights, xs)

    native, stepped = derivatives(None), derivatives(lambda state, y: y)
    nearly(native, stepped)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(native))


def test_many_kernels_are_a_loop():
    xs, keys = raster(4, 2, 9, 8, 2), jax.random.split(jax.random.key(0), 3)

    def gradient(backend, key):
        cell = network(backend)
        loss = lambda w: jnp.sin(snn.unroll(cell, w, xs, dt=DT)[1]).sum()  # noqa: E731
        return jax.grad(loss)(cell.init(key))

    swept = jax.jit(jax.vmap(partial(gradient, "native")))(keys)
    for k in range(3):
        alone = jax.jit(partial(gradient, "xla"))(keys[k])
        nearly(jax.tree.map(lambda x, k=k: x[k], swept), alone)


def test_a_batch_over_devices_trains_inside_shard_map():
    xs, cell = raster(5, 8, 9, 8, 2), network("native")
    weights = cell.init(jax.random.key(0))

    def loss(cell, weights, xs):
        return jnp.sin(snn.unroll(cell, weights, xs, dt=DT)[1]).mean()

    def mean(weights, xs):
        return jax.lax.pmean(loss(cell, weights, xs), "data")

    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    specs = jax.P(), jax.P(None, "data")
    mapped = jax.shard_map(mean, mesh=mesh, in_specs=specs, out_specs=jax.P())
    found = jax.jit(jax.value_and_grad(mapped, (0, 1)))(weights, xs)
    plain = jax.value_and_grad(partial(loss, network("xla")), (0, 1))
    nearly(found, jax.jit(plain)(weights, xs))


def test_double_precision_goes_by_xla_and_is_refused_where_native_is_forced(x64):
    xs = jnp.zeros((2, 3, 5, 5, 2))
    for backend in ("auto", "xla"):
        cell = convolution(2, 3, kernel=(3, 3), backend=backend)
        ys = snn.unroll(cell, cell.init(jax.random.key(0)), xs, dt=DT)[1]
        assert ys.dtype == jnp.float64
    cell = convolution(2, 3, kernel=(3, 3), backend="native")
    with pytest.raises(ValueError, match="float64, not float32"):
        snn.unroll(cell, cell.init(jax.random.key(0)), xs, dt=DT)


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match=r"one of .*, got 'fast'"):
        convolution(2, 3, kernel=(3, 3), backend="fast")


def test_maps_train_natively_as_they_do_by_xla():
    xs = raster(20, 4, 10, 9, 2)
    weights = network("xla").init(jax.random.key(2))

    def step(backend):
        loss = lambda w: jnp.sin(snn.unroll(network(backend), w, xs, dt=DT)[1]).sum()  # noqa: E731
        return jax.jit(jax.value_and_grad(loss))(weights)

    assert isinstance(weights[0], ConvolutionWeights)
    nearly(step("native"), step("xla"))
