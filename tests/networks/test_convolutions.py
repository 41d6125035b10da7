from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

import snnjax as snn
from snnjax.kernels.windows import Window, by_convolution, by_products
from snnjax.networks import DenseWeights, convolution, flatten, pool
from snnjax.networks.convolutions import ConvolutionWeights

T, B, C_IN, C_OUT, DT = 4, 3, 2, 3, 1e-3
WINDOWS = [  # space, kernel, stride, padding
    ((7,), (4,), 2, "same"),
    ((8,), (3,), 3, "valid"),
    ((5, 6), (3, 2), 1, "same"),
    ((5, 6), (3, 2), (1, 2), "valid"),
    ((6, 5), (1, 4), (3, 2), "same"),
    ((2, 3), (5, 5), 2, "same"),
    ((7, 5), (3, 2), (3, 2), "same"),
]
every_window = pytest.mark.parametrize(
    ("space", "kernel", "stride", "padding"), WINDOWS
)


def maps(space, batch=(B,), channels=C_IN, seed=0):
    shape = (T, *batch, *space, channels)
    return np.asarray(jax.random.normal(jax.random.key(seed), shape))


def drawn(cell, seed=0):
    weights = jax.jit(cell.init)(jax.random.key(seed))
    return jax.tree.map(np.asarray, weights)


def along_one_axis(n, kernel, stride, padding):
    """Which input each tap sees at each place; -1 is beyond the border."""
    places = -(-n // stride) if padding == "same" else (n - kernel) // stride + 1
    before = max((places - 1) * stride + kernel - n, 0) // 2 if padding == "same" else 0
    seen = stride * np.arange(places)[:, None] + np.arange(kernel) - before
    return np.where((seen >= 0) & (seen < n), seen, -1)


def seen_by(space, kernel, stride, padding):
    """``[places, taps]``, inputs and places counted row by row."""
    stride = stride if isinstance(stride, tuple) else (stride,) * len(space)
    axes = [
        along_one_axis(*each, padding)
        for each in zip(space, kernel, stride, strict=True)
    ]
    if len(axes) == 1:
        return axes[0]
    rows, columns = axes
    both = rows[:, None, :, None] * space[1] + columns[None, :, None, :]
    both = np.where(
        (rows[:, None, :, None] < 0) | (columns[None, :, None] < 0), -1, both
    )
    return both.reshape(len(rows) * len(columns), -1)


def as_matrix(w, space, seen):
    """The matrix ``[n_in, n_out]`` that is the convolution."""
    places, taps = seen.shape
    *_, c_in, c_out = w.shape
    pick = (seen[None] == np.arange(np.prod(space))[:, None, None]).astype(w.dtype)
    w = w.reshape(taps, c_in, c_out)
    return jnp.einsum("xpk,kio->xipo", pick, w).reshape(-1, places * c_out)


def run(cell, weights, xs):
    return snn.unroll(cell, weights, xs, dt=DT)[1]


def tilted(ys):
    shades = jnp.cos(1.0 + jnp.arange(ys.size, dtype=ys.dtype))
    return jnp.sum(ys * shades.reshape(ys.shape))


def close(a, b, rtol=1e-10, atol=1e-12):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol, atol), a, b)


@every_window
def test_a_convolution_is_dense_with_a_toeplitz_matrix(
    space, kernel, stride, padding, x64
):
    cell = convolution(C_IN, C_OUT, kernel=kernel, stride=stride, padding=padding)
    weights, xs = drawn(cell), maps(space)
    seen = seen_by(space, kernel, stride, padding)
    flat = xs.reshape(T, B, -1)
    wide = snn.dense(flat.shape[-1], len(seen) * C_OUT)

    def slid(weights, xs):
        return run(cell, weights, xs).reshape(T, B, -1)

    def multiplied(weights, xs):
        matrix = DenseWeights(as_matrix(weights.w, space, seen), None)
        return run(wide, matrix, xs.reshape(flat.shape))

    def graded(run):
        value = run(weights, xs)
        return value, jax.grad(lambda w, x: tilted(run(w, x)), (0, 1))(weights, xs)

    close(*jax.jit(lambda: (graded(slid), graded(multiplied)))())


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_convolution_is_the_correlation_of_scipy(padding, x64):
    cell = convolution(C_IN, C_OUT, kernel=(3, 5), padding=padding, bias=True)
    weights = drawn(cell)
    assert not np.any(weights.b)
    weights = weights._replace(b=np.arange(3.0))
    xs = maps((6, 7))
    ys = np.asarray(run(cell, weights, xs))
    for t, b, o in product(range(T), range(B), range(C_OUT)):
        expected = sum(
            signal.correlate2d(xs[t, b, :, :, i], weights.w[:, :, i, o], padding)
            for i in range(C_IN)
        )
        close(ys[t, b, :, :, o], expected + o)


def test_a_kernel_of_one_pixel_is_dense_at_each_pixel(x64):
    xs, pixel = maps((5, 6)), convolution(C_IN, C_OUT, kernel=(1, 1), bias=True)
    slid = drawn(pixel)._replace(b=np.arange(3.0))
    dense, same = snn.dense(C_IN, C_OUT, bias=True), DenseWeights(slid.w[0, 0], slid.b)
    close(run(pixel, slid, xs), run(dense, same, xs))

    @partial(jax.jit, static_argnums=1)
    @jax.grad
    def gradient(weights, cell):
        return tilted(run(cell, weights, xs))

    found, expected = gradient(slid, pixel), gradient(same, dense)
    close((np.asarray(found.w)[0, 0], found.b), tuple(expected))


@pytest.mark.parametrize("batch", [(0,), (2, 3)])
def test_a_network_of_maps_is_its_steps_for_any_batch(batch, x64):
    cell = snn.chain(
        convolution(C_IN, 4, kernel=(3, 3), stride=2, bias=True),
        snn.lif(4, snn.LIFParams(5e-3, 2e-3, np.array([0.1, 0.2, 0.1, 0.05]))),
        pool("max", (2, 2), stride=1),
        convolution(4, C_OUT, kernel=(2, 2), padding="valid"),
        snn.lif(C_OUT, snn.LIFParams(5e-3, None, 0.02)),
        pool("mean", (2, 2), padding="same"),
        flatten(),
    )
    weights, xs = drawn(cell), 5.0 * maps((8, 7), batch)

    def graded(record):
        def loss(weights, xs):
            end, ys = snn.unroll(cell, weights, xs, dt=DT, record=record)
            return tilted(ys) + sum(map(jnp.sum, jax.tree.leaves(end))), (end, ys)

        return jax.jit(jax.grad(loss, (0, 1), has_aux=True))(weights, xs)

    grads, (end, ys) = found = graded(None)
    assert ys.shape == (T, *batch, C_OUT)
    assert end[1].v.shape == (*batch, 4, 4, 4)
    if ys.size:
        assert 0.1 < ys.mean() < 0.9
        assert all(np.any(leaf) for leaf in jax.tree.leaves(grads))
    close(found, graded(lambda state, y: y))


def test_neurons_of_a_map_are_neurons_side_by_side():
    params = snn.LIFParams(5e-3, 2e-3, np.array([0.2, 0.4]))
    xs = 2.0 * maps((3, 4))
    spikes = np.asarray(run(snn.lif(2, params), (), xs))
    assert 0.1 < spikes.mean() < 0.9
    beside = snn.LIFParams(5e-3, 2e-3, np.tile(params.threshold, 12))
    np.testing.assert_array_equal(
        spikes.reshape(T, B, 24), run(snn.lif(24, beside), (), xs.reshape(T, B, 24))
    )


def test_a_moved_image_gives_moved_spikes():
    net = snn.chain(convolution(C_IN, 4, kernel=(3, 3)), snn.lif(4, backend="xla"))
    slid = jax.jit(partial(run, net, drawn(net)))
    image = np.zeros((T, B, 12, 14, C_IN), "float32")
    image[:, :, 3:6, 3:8] = 20 * maps((3, 5))
    spikes = np.asarray(slid(image))
    assert 0.01 < spikes.mean() < 0.5
    moved = partial(np.roll, shift=(4, -2), axis=(2, 3))
    np.testing.assert_array_equal(slid(moved(image)), moved(spikes))


@every_window
@pytest.mark.parametrize("by", ["sum", "mean", "max"])
def test_a_pool_is_what_its_name_says_of_each_window(
    by, space, kernel, stride, padding, x64
):
    cell, xs = pool(by, kernel, stride=stride, padding=padding), maps(space)
    seen = seen_by(space, kernel, stride, padding)

    def looked_up(xs):
        pixels = xs.reshape(T, B, -1, C_IN)[:, :, seen]
        inside = (seen >= 0)[..., None]
        if by == "max":
            return jnp.max(jnp.where(inside, pixels, -jnp.inf), axis=3)
        of = jnp.sum if by == "sum" else jnp.mean
        return of(pixels, axis=3, where=inside)

    def graded(value):
        return value(xs), jax.grad(lambda xs: tilted(value(xs)))(xs)

    slid = lambda xs: run(cell, (), xs).reshape(T, B, -1, C_IN)  # noqa: E731
    close(*jax.jit(lambda: (graded(slid), graded(looked_up)))())


def test_windows_of_a_pool_lie_side_by_side_unless_told():
    ramp = np.arange(36, dtype="float32").reshape(1, 6, 6, 1)
    slide = lambda by: np.asarray(run(pool(by, (3, 2)), (), ramp))  # noqa: E731
    found = {by: slide(by).squeeze() for by in ("sum", "max")}
    corner = 6 * 3 * np.arange(2)[:, None] + 2 * np.arange(3)
    np.testing.assert_array_equal(found["max"], corner + 13)
    np.testing.assert_array_equal(found["sum"], 6 * corner + 2 * (0 + 6 + 12) + 3)


def test_what_goes_back_to_windows_side_by_side_is_theirs_and_nothing_beyond():
    xs, g = maps((7, 5)), maps((2, 2), seed=3)
    slid = lambda xs: run(pool("sum", (3, 2)), (), xs)  # noqa: E731
    pulled = jax.jit(lambda: jax.vjp(slid, xs)[1](g)[0])()
    expected = np.zeros_like(xs)
    expected[:, :, :6, :4] = g.repeat(3, axis=2).repeat(2, axis=3)
    np.testing.assert_array_equal(pulled, expected)


def test_the_gradient_of_a_maximum_goes_to_the_first_of_equal_pixels():
    xs = np.array([[0, 1, 1], [1, 1, 0], [1, 0, 1]], "float32")[None, :, :, None]
    top = jax.jit(jax.grad(lambda xs: run(pool("max", (3, 3)), (), xs).sum()))
    grads = np.asarray(top(xs))
    assert np.argwhere(grads.squeeze()).tolist() == [[0, 1]]
    assert grads.sum() == 1


@pytest.mark.parametrize("where", [0, 1, 3])
def test_a_maximum_does_not_hide_a_pixel_that_is_no_number(where):
    xs = np.where(np.arange(4) == where, np.nan, np.arange(4.0))
    xs = xs.astype("float32").reshape(1, 2, 2, 1)
    largest = jax.jit(lambda xs: run(pool("max", (2, 2)), (), xs))
    assert np.isnan(largest(xs)).all()
    with pytest.raises(ValueError, match="must be finite, 1 of 4"):
        largest.__wrapped__(xs)


@pytest.mark.parametrize("dtype", [jnp.uint8, bool])
@pytest.mark.parametrize("record", [None, lambda state, y: y])
def test_a_small_raster_of_maps_gives_what_a_dense_one_gives(dtype, record):
    raster = maps((6, 5), (18,)) > 1.0
    slide = convolution(C_IN, C_OUT, kernel=(3, 3))
    weights = drawn(slide)
    for cell in (slide, *(pool(by, (2, 2)) for by in ("sum", "mean", "max"))):

        def graded(xs, cell=cell):
            def loss(weights):
                ys = snn.unroll(cell, weights, xs, dt=DT, record=record)[1]
                return tilted(ys), ys

            given = weights if cell is slide else ()
            return jax.jit(jax.grad(loss, has_aux=True))(given)

        close(graded(raster.astype(dtype)), graded(raster.astype(float)), 1e-5, 1e-5)
    flat = snn.unroll(flatten(), (), raster.astype(dtype), dt=DT, record=record)[1]
    np.testing.assert_array_equal(flat, raster.reshape(T, 18, -1))


def test_a_small_raster_of_maps_is_never_a_dense_one_in_floating_point():
    raster = np.zeros((300, 4, 16, 16, 2), "uint8")
    cell = convolution(2, 1, kernel=(3, 3), stride=8)
    gradient = jax.jit(jax.grad(lambda w: jnp.sin(run(cell, w, raster)).sum()))
    compiled = gradient.lower(drawn(cell)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 4 * raster.size / 2


@every_window
def test_both_gradients_of_the_weights_are_the_same(
    space, kernel, stride, padding, x64
):
    cell = convolution(C_IN, C_OUT, kernel=kernel, stride=stride, padding=padding)
    w, xs = drawn(cell).w, maps(space)
    g = np.cos(run(cell, ConvolutionWeights(w, None), xs))
    stride = stride if isinstance(stride, tuple) else (stride,) * len(space)
    pads = jax.lax.padtype_to_pads(space, kernel, stride, padding.upper())
    window = Window(stride, tuple(pads))
    both = jax.jit(lambda: [f(window, xs, w, g) for f in (by_products, by_convolution)])
    close(*both())


def test_many_kernels_are_one_program():
    cell, xs = convolution(C_IN, C_OUT, kernel=(3,)), maps((7,))
    keys = jax.random.split(jax.random.key(0), 3)

    @jax.jit
    @jax.grad
    def gradient(weights):
        return jnp.sin(run(cell, weights, xs)).sum()

    weights = jax.jit(jax.vmap(cell.init))(keys)
    one = jax.tree.map(lambda w: np.asarray(w)[1], weights)
    swept = jax.vmap(gradient)(weights)
    close(np.asarray(swept.w)[1], gradient(one).w, 1e-5, 1e-5)


def test_steps_can_be_differentiated_forwards():
    cell, xs = convolution(C_IN, C_OUT, kernel=(3,)), maps((7,))
    weights = drawn(cell)

    def stepped(weights):
        return snn.unroll(cell, weights, xs, dt=DT, record=lambda state, y: y)[1]

    ys, along = jax.jit(lambda: jax.jvp(stepped, (weights,), (weights,)))()
    close(along, ys, 1e-5, 1e-5)  # it is linear


def test_fluctuation_driven_kernels_shake_the_membrane_as_the_theory_says():
    params, rate, xi, steps = snn.LIFParams(10e-3, 5e-3), 20.0, 2.0, 4000
    draw = partial(snn.fluctuation_driven, rate=rate, xi=xi, params=params, dt=DT)
    slide = convolution(8, 300, kernel=(4, 3), padding="valid", init=draw)
    net = snn.chain(slide, snn.li(300, params))
    drawn_at = jax.random.uniform(jax.random.key(1), (steps, 4, 3, 8))
    spikes = (np.asarray(drawn_at) < rate * DT).astype("float32")
    v = np.asarray(run(net, drawn(net), spikes))
    assert v.shape == (steps, 1, 1, 300)
    deviation = np.sqrt(np.var(v[500:], axis=0).mean() / (1 - rate * DT))
    assert deviation == pytest.approx(1 / xi, rel=0.05)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: slide(c_in=0), "c_in must be at least 1, got 0"),
        (lambda: slide(c_out=1.5), "c_out must be a whole number, got 1.5"),
        (lambda: slide(kernel=3), r"\(length,\) or \(height, width\), got 3"),
        (lambda: slide(kernel=(3, 3, 3)), r"kernel must be .* got \(3, 3, 3\)"),
        (lambda: slide(kernel=(3, 0)), "Each size of kernel must be at least 1, got 0"),
        (lambda: slide(stride=0), "Each size of stride must be at least 1, got 0"),
        (lambda: slide(stride=(1, 1, 1)), r"each of the 2 axes .* got \(1, 1, 1\)"),
        (lambda: slide(padding="full"), "must be 'same' or 'valid', got 'full'"),
        (lambda: pool("min", (2, 2)), "by must be one of .* got 'min'"),
        (lambda: pool("max", (2, 2), stride=-1), "Each size of stride .* got -1"),
        (lambda: pool("sum", (2,), padding="SAME"), "'same' or 'valid', got 'SAME'"),
        (lambda: flatten(0), "dimensions must be at least 1, got 0"),
        (lambda: flatten(3), "flatten .* 1 for lines or 2 for images, got 3"),
    ],
)
def test_windows_that_make_no_sense_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def slide(c_in=C_IN, c_out=C_OUT, kernel=(3, 3), **options):
    return convolution(c_in, c_out, kernel=kernel, **options)


@pytest.mark.parametrize("record", [None, lambda state, y: y])
@pytest.mark.parametrize(
    ("cell", "shape", "words"),
    [
        (slide(), (T, B, C_IN), r"height, width, channels\], got shape \(3, 2\)"),
        (slide(kernel=(3,)), (T, C_IN), r"\*batch, length, channels\], got shape"),
        (slide(), (T, 5, 5, 3), "2 channels in the last axis"),
        (slide(padding="valid"), (T, 5, 2, 2), r"kernel \(3, 3\), got \(5, 2\)"),
        (pool("max", (3, 3)), (T, 2, 3, 1), r"pool .* kernel \(3, 3\), got \(2, 3\)"),
        (pool("max", (3, 3)), (T, 3, 1), r"pool expects maps .* got shape \(3, 1\)"),
        (flatten(), (T, 3, 1), r"flatten expects maps .* got shape \(3, 1\)"),
    ],
)
def test_maps_that_do_not_fit_are_refused(cell, shape, words, record):
    weights = drawn(cell)
    with pytest.raises(ValueError, match=words):
        snn.unroll(cell, weights, np.zeros(shape, "float32"), dt=DT, record=record)


@pytest.mark.parametrize("cell", [slide(), pool("sum", (2, 2))])
def test_maps_of_integers_are_refused(cell):
    xs = np.zeros((T, 5, 5, C_IN), "int32")
    with pytest.raises(ValueError, match="must be floating point, got int32"):
        snn.unroll(cell, drawn(cell), xs, dt=DT)


@pytest.mark.parametrize("record", [None, lambda state, y: y])
@pytest.mark.parametrize(
    "change",
    [
        lambda weights: weights._replace(w=weights.w.swapaxes(-1, -2)),
        lambda weights: weights._replace(w=weights.w[:2]),
        lambda weights: weights._replace(b=None),
        lambda weights: weights._replace(b=weights.b[:1]),
        lambda weights: weights._replace(b=weights.b[:, None]),
        tuple,
    ],
)
def test_weights_of_another_kernel_are_refused(change, record):
    cell = slide(bias=True)
    weights, xs = change(drawn(cell)), np.zeros((T, 5, 5, C_IN), "float32")
    with pytest.raises(ValueError, match="convolution expects weights"):
        snn.unroll(cell, weights, xs, dt=DT, record=record)
