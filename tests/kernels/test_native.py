import threading
from functools import cache, partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from benchmarks.fuzz import layers
from snnjax.kernels import build, native
from snnjax.networks import from_events, normal
from snnjax.surrogate import Arctan, Boxcar, Gaussian, Scaled, Sparse

DT = 1e-3
SHAPES = [
    snn.SuperSpike(5.0),
    snn.Sigmoid(4.0),
    snn.Triangle(2.0),
    Scaled(Arctan(2.0), 0.7),
    Boxcar(3.0),
]
# Zero but near threshold, so that the backward pass goes by events.
NARROW = [
    snn.Triangle(20.0),
    Boxcar(10.0),
    Sparse(snn.SuperSpike(5.0), 0.05),
    Scaled(Sparse(Arctan(2.0), 0.08), 0.7),
    Sparse(Scaled(Sparse(snn.Sigmoid(4.0), 0.3), 2.0), 0.06),
]


@pytest.fixture(autouse=True)
def built():
    if why := build.load():
        pytest.skip(f"native kernels: {why}")


def raster(steps, batch, n, rate=0.2, seed=0):
    drawn = np.random.default_rng(seed).random((steps, *batch, n))
    return jnp.asarray(drawn < rate, float)


def layer(backend, n_in, n, synapse=True, surrogate=None, loop=None, **options):
    params = snn.LIFParams(5e-3, 2e-3 if synapse else None, 0.3)
    neuron = snn.lif(
        n,
        params,
        surrogate=surrogate or snn.SuperSpike(5.0),
        backend=backend,
        **options,
    )
    draws = {"init": normal, "init_recurrent": normal}
    return snn.recurrent(n_in, n, neuron, bias=True, **draws, **(loop or {}))


def outcome(make, xs, backend, scale=1.0):
    """Spikes, final state and all gradients of a layer, from a state in motion."""
    cell = make(backend)
    weights = jax.jit(make("xla").init)(jax.random.key(1))
    weights = jax.tree.map(lambda w: scale * w, weights)
    rest = jax.eval_shape(cell.rest, jax.ShapeDtypeStruct(xs.shape[1:], xs.dtype))
    state = jax.tree.map(lambda x: jnp.asarray(np.full(x.shape, 0.1, x.dtype)), rest)

    def loss(weights, state, xs):
        end, ys = snn.unroll(cell, weights, xs, dt=DT, state=state)
        flat = jnp.concatenate([jnp.ravel(x) for x in jax.tree.leaves((end, ys))])
        tilt = jnp.cos(1.0 + jnp.arange(flat.size, dtype=flat.dtype))
        return jnp.sum(flat * tilt), (ys, end)

    kinds = (0, 1, 2) if jnp.issubdtype(xs.dtype, jnp.floating) else (0, 1)
    graded = jax.value_and_grad(loss, kinds, has_aux=True)
    return jax.jit(graded)(weights, state, xs)


def agree(one, other, rtol=1e-4):
    def close(a, b):
        scale = np.max(np.abs(b), initial=0.0, where=np.isfinite(b))
        np.testing.assert_allclose(a, b, rtol, rtol * scale + 1e-12)

    jax.tree.map(close, one, other)


@pytest.mark.parametrize(
    ("k", "options"),
    list(enumerate(product(["zero", "subtract", "none"], *[[False, True]] * 3))),
)
def test_it_computes_what_xla_computes(k, options):
    reset, reset_gradient, recurrent_gradient, synapse = options

    def make(backend):
        return layer(
            backend,
            *(
                37,
                51,
                synapse,
                SHAPES[k % len(SHAPES)],
                {"recurrent_gradient": recurrent_gradient},
            ),
            reset=reset,
            reset_gradient=reset_gradient,
        )

    xs = raster(40, (5,), 37)
    (_, (spikes, _)), _ = native_found = outcome(make, xs, "native")
    (_, (expected, _)), _ = xla_found = outcome(make, xs, "xla")
    assert 0.02 < expected.mean() < 0.6
    np.testing.assert_array_equal(spikes, expected)
    agree(native_found, xla_found)


@pytest.mark.parametrize(
    ("k", "options"),
    list(enumerate(product(NARROW, ["zero", "subtract", "none"], [False, True]))),
)
def test_a_narrow_surrogate_has_the_gradient_of_plain_differentiation(k, options):
    surrogate, reset, synapse = options
    xs = raster(40, (5,), 37)

    def make(backend):
        cell = layer(
            backend,
            *(37, 51, synapse, surrogate),
            reset=reset,
            reset_gradient=k % 4 < 2,
        )
        scanned = cell._replace(run=None)
        return cell if backend == "native" else scanned

    (_, (spikes, _)), _ = found = outcome(make, xs, "native")
    (_, (expected, _)), _ = plain = outcome(make, xs, "xla")
    assert 0.01 < expected.mean() < (0.4 if reset == "none" else 0.2)
    np.testing.assert_array_equal(spikes, expected)
    agree(found, plain)


def test_the_gradient_of_a_narrow_surrogate_stays_exact_for_long():
    xs = raster(1500, (3,), 30)

    def make(backend):
        return layer(backend, 30, 40, surrogate=Sparse(snn.SuperSpike(5.0), 0.05))

    weights = make("xla").init(jax.random.key(1))

    def gradient(backend, where):
        def loss(weights):
            ys = snn.unroll(make(backend), weights, xs, dt=DT)[1]
            return jnp.sum(ys * where), ys

        return jax.jit(jax.grad(loss, has_aux=True))(weights)

    all_along = jax.random.normal(jax.random.key(2), (1500, 3, 40))
    at_the_end = jnp.zeros((1500, 3, 40)).at[-30:].set(1.0)
    for where in (all_along, at_the_end):
        expected, ys = gradient("xla", where)
        assert 0.01 < ys.mean() < 0.2
        agree(gradient("native", where), (expected, ys))


@pytest.mark.parametrize("batch", [(), (0,), (1,), (9,), (2, 3)])
@pytest.mark.parametrize(("n_in", "n"), [(1, 1), (17, 7), (16, 16), (40, 130)])
def test_any_width_and_batch_work(n_in, n, batch):
    xs = raster(6, batch, n_in)
    make = lambda backend: layer(backend, n_in, n)  # noqa: E731
    agree(outcome(make, xs, "native"), outcome(make, xs, "xla"))


@pytest.mark.parametrize("steps", [0, 1])
def test_no_step_and_one_step_work(steps):
    xs = raster(steps, (3,), 8)
    make = lambda backend: layer(backend, 8, 5)  # noqa: E731
    agree(outcome(make, xs, "native"), outcome(make, xs, "xla"))


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.6, 1.0])
@pytest.mark.parametrize("n", [3, 20, 48, 131])
def test_a_product_is_the_same_however_many_entries_are_zero(rate, n):
    shades = np.random.default_rng(2).normal(size=(9, 11, 53))
    xs = raster(9, (11,), 53, rate) * jnp.asarray(shades, float)
    agree(graded_product("native", n)(xs), graded_product("xla", n)(xs), 3e-5)


@cache
def graded_product(backend, n):
    cell = snn.dense(53, n, backend=backend, bias=True)

    def loss(weights, xs):
        ys = snn.unroll(cell, weights, xs, dt=DT)[1]
        return jnp.sum(jnp.sin(ys) ** 2), ys

    graded = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))
    return partial(graded, cell.init(jax.random.key(0)))


@pytest.mark.parametrize("dtype", [jnp.uint8, bool])
@pytest.mark.parametrize("backend", ["native", "xla"])
def test_a_small_raster_gives_what_a_dense_one_gives(backend, dtype):
    xs = raster(40, (5,), 37)
    make = lambda backend: layer(backend, 37, 20)  # noqa: E731
    (_, small), small_grads = outcome(make, xs.astype(dtype), backend)
    (_, dense), dense_grads = outcome(make, xs, backend)
    agree((small, small_grads[:2]), (dense, dense_grads[:2]))


def test_a_raster_of_counts_and_one_of_ones_are_told_apart():
    ones = raster(40, (5,), 37)
    make = lambda backend: layer(backend, 37, 20)  # noqa: E731
    for xs in (ones, ones.at[17, 2].mul(2.0), (3.0 * ones).astype(jnp.uint8)):
        agree(outcome(make, xs, "native"), outcome(make, xs, "xla"))


def test_voltages_take_the_place_of_currents_and_nothing_is_copied():
    steps, batch, n = 100, 32, 64
    cell = snn.chain(layer("native", 20, n), snn.dense(n, 3, backend="native"))
    weights = cell.init(jax.random.key(0))
    xs = raster(steps, (batch,), 20)

    def loss(weights):
        return (snn.unroll(cell, weights, xs, dt=DT)[1] ** 2).sum()

    compiled = jax.jit(jax.grad(loss)).lower(weights).compile()
    over_time = 4 * steps * batch * n  # voltages, spikes, and their gradient
    assert compiled.memory_analysis().temp_size_in_bytes < 3.5 * over_time


def test_indices_give_what_a_raster_gives(rng):
    events = np.where(rng.random((7, 4, 5)) < 0.6, rng.integers(0, 30, (7, 4, 5)), -1)
    xs = np.zeros((7, 4, 30), np.float32)
    for t, b, k in np.argwhere(events >= 0):
        xs[t, b, events[t, b, k]] += 1.0

    def graded(connection, xs):
        cell = snn.chain(connection, snn.lif(6))
        weights = cell.init(jax.random.key(0))
        run = lambda w: snn.unroll(cell, w, xs, dt=DT)[0][1].v.sum()  # noqa: E731
        return jax.jit(jax.value_and_grad(run))(weights)

    for bias in (False, True):
        found = graded(from_events(30, 6, bias=bias), jnp.asarray(events, jnp.int32))
        agree(found, graded(snn.dense(30, 6, bias=bias), jnp.asarray(xs)), 1e-5)


@pytest.mark.parametrize("where", ["input", "weights", "recurrent", "state"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("surrogate", [snn.SuperSpike(5.0), NARROW[2]], ids=str)
def test_what_is_not_finite_spreads_as_it_does_in_xla(where, bad, surrogate):
    xs = raster(12, (3,), 9)
    cell = layer("xla", 9, 20)
    weights, state = cell.init(jax.random.key(1)), cell.rest(xs[0])
    if where == "input":
        xs = xs.at[4, 1, 2].set(bad)
    if where == "weights":
        weights = weights._replace(
            input=weights.input._replace(w=weights.input.w.at[3, 5].set(bad))
        )
    if where == "recurrent":
        weights = weights._replace(recurrent=weights.recurrent.at[3, 5].set(bad))
    if where == "state":
        state = state._replace(
            neuron=state.neuron._replace(v=state.neuron.v.at[1, 4].set(bad))
        )
    native, plain = (graded_layer(b, surrogate) for b in ("native", "xla"))
    agree(native(weights, xs, state), plain(weights, xs, state))


@cache
def graded_layer(backend, surrogate):
    cell = layer(backend, 9, 20, surrogate=surrogate)

    def loss(weights, xs, state):
        end, ys = snn.unroll(cell, weights, xs, dt=DT, state=state)
        return ys.sum() + end.neuron.v.sum(), (end, ys)

    return jax.jit(jax.value_and_grad(loss, has_aux=True))


def test_calls_are_the_same_bit_for_bit_whatever_else_runs():
    xs = raster(60, (16,), 40)
    run = lambda: outcome(lambda backend: layer(backend, 40, 96), xs, "native")  # noqa: E731
    expected, found = run(), [None] * 4

    def work(k):
        found[k] = run()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in found:
        jax.tree.map(np.testing.assert_array_equal, each, expected)


@pytest.mark.parametrize(
    "shape", [snn.SuperSpike, lambda k: Sparse(snn.SuperSpike(k), 0.2 / k)]
)
def test_vmap_over_seeds_and_slopes_is_a_loop(shape):
    xs = raster(30, (4,), 12)

    def gradient(key, slope):
        cell = layer("native", 12, 20, surrogate=shape(slope))
        weights = cell.init(key)
        return jax.grad(lambda w: snn.unroll(cell, w, xs, dt=DT)[1].sum())(weights)

    one = jax.jit(gradient)
    keys, slopes = jax.random.split(jax.random.key(0), 3), jnp.array([1.0, 4.0, 9.0])
    together = jax.jit(jax.vmap(gradient))(keys, slopes)
    for k in range(3):
        alone = one(keys[k], slopes[k])
        agree(jax.tree.map(lambda x, k=k: x[k], together), alone, 1e-6)


@pytest.mark.parametrize("kind", ["feed-forward", "recurrent"])
def test_forward_mode_and_second_derivatives_pass_native_products(kind):
    params = snn.LIFParams(5e-3, 2e-3, 0.3)
    neurons = snn.lif(8, params, surrogate=snn.ForwardMode(snn.Sigmoid(5.0)))
    below = snn.dense(12, 8, backend="native"), neurons
    first = below if kind == "feed-forward" else (snn.recurrent(12, 8, neurons),)
    net = snn.chain(*first, snn.dense(8, 2, backend="native"), snn.li(2))
    weights, xs = net.init(jax.random.key(0)), raster(30, (4,), 12)
    tangents = jax.tree.map(
        lambda w: jax.random.normal(jax.random.key(1), w.shape), weights
    )

    def derivatives(record):
        def loss(weights):
            ys = snn.unroll(net, weights, xs, dt=DT, record=record)[1]
            return jnp.sum(jnp.sin(ys))

        def along(weights):
            slopes = jax.tree.map(jnp.vdot, jax.grad(loss)(weights), tangents)
            return sum(jax.tree.leaves(slopes))

        def all_of_them(weights):
            slope = jax.jvp(loss, (weights,), (tangents,))[1]
            twice = jax.jvp(jax.grad(loss), (weights,), (tangents,))[1]
            return slope, jax.grad(loss)(weights), twice, jax.grad(along)(weights)

        return jax.jit(all_of_them)(weights)

    native, stepped = derivatives(None), derivatives(lambda state, y: y)
    for a, b in zip(jax.tree.leaves(native), jax.tree.leaves(stepped), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max())
        assert np.any(b)


@pytest.mark.parametrize("backend", ["native", "xla"])
def test_a_batch_over_devices_trains_inside_shard_map(backend):
    xs = raster(20, (8,), 12)
    cell = layer(backend, 12, 20)
    weights = cell.init(jax.random.key(0))

    def loss(weights, xs):
        return jax.lax.pmean(snn.unroll(cell, weights, xs, dt=DT)[1].mean(), "data")

    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    mapped = jax.shard_map(
        loss, mesh=mesh, in_specs=(jax.P(), jax.P(None, "data")), out_specs=jax.P()
    )
    found = jax.jit(jax.value_and_grad(mapped))(weights, xs)
    plain = layer("xla", 12, 20)
    mean = lambda w: snn.unroll(plain, w, xs, dt=DT)[1].mean()  # noqa: E731
    agree(found, jax.jit(jax.value_and_grad(mean))(weights), 1e-5)


def test_checkpoints_truncation_and_continuing_work():
    xs = raster(40, (3,), 12)
    cell, plain = layer("native", 12, 20), layer("xla", 12, 20)
    weights = cell.init(jax.random.key(0))
    for options in ({"checkpoint": 8}, {"truncate": 10}, {"memory": 2e4}):
        graded = lambda c, o=options: jax.jit(  # noqa: E731
            jax.value_and_grad(lambda w: snn.unroll(c, w, xs, dt=DT, **o)[1].sum())
        )(weights)
        agree(graded(cell), graded(plain))
    middle, first = snn.unroll(cell, weights, xs[:15], dt=DT)
    _, second = snn.unroll(cell, weights, xs[15:], dt=DT, state=middle)
    whole = snn.unroll(plain, weights, xs, dt=DT)[1]
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)


def test_spikes_part_from_those_of_xla_at_a_tie_if_at_all():
    xs = raster(2000, (16,), 50, 0.1)
    weights = layer("xla", 50, 128).init(jax.random.key(3))
    ys = {
        p: snn.unroll(layer(p, 50, 128), weights, xs, dt=DT)[1]
        for p in ("native", "xla")
    }
    apart = np.asarray(ys["native"] != ys["xla"])
    for b in np.flatnonzero(apart.any((0, 2))):
        t = apart[:, b].any(1).argmax()
        state, _ = snn.unroll(layer("xla", 50, 128), weights, xs[:t], dt=DT)
        free = layer("xla", 50, 128, reset="none")
        after, _ = snn.unroll(free, weights, xs[t : t + 1], dt=DT, state=state)
        gap = np.abs(after.neuron.v[b, apart[t, b]] - 0.3).max()
        print(f"sample {b} parts at step {t}, {gap:.1e} from threshold")
        assert gap < 1e-5
    assert ys["xla"].mean() > 0.02


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: snn.lif(3, surrogate=Gaussian(), backend="native"),
            "Gaussian is none of",
        ),
        (
            lambda: snn.lif(
                3, surrogate=snn.ForwardMode(snn.SuperSpike()), backend="native"
            ),
            "forward mode",
        ),
        (lambda: snn.lif(3, backend="fast"), "one of .*, got 'fast'"),
        (lambda: snn.dense(3, 3, backend="gpu"), "one of .*, got 'gpu'"),
    ],
)
def test_what_cannot_run_natively_is_refused_with_the_reason(make, words):
    with pytest.raises(ValueError, match=words):
        snn.unroll(make(), (), jnp.zeros((4, 3)), dt=DT)


def test_double_precision_is_refused_where_native_is_forced(x64):
    with pytest.raises(ValueError, match="float64, not float32"):
        snn.unroll(snn.lif(3, backend="native"), (), jnp.zeros((4, 3)), dt=DT)
    assert not native.available(jnp.zeros(3)).works


def test_without_a_library_auto_goes_on_and_native_says_what_to_do(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "load", build.load.__wrapped__)
    assert "snnjax kernels build" in native.available().why
    snn.unroll(snn.lif(3), (), jnp.zeros((4, 3)), dt=DT)
    with pytest.raises(ValueError, match="snnjax kernels build"):
        snn.unroll(snn.lif(3, backend="native"), (), jnp.zeros((4, 3)), dt=DT)


def test_a_damaged_library_is_told_and_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    build.library().parent.mkdir()
    build.library().write_bytes(b"\x7fELF truncated")
    assert "snnjax kernels build" in build.load.__wrapped__()


def test_a_failed_build_says_what_the_compiler_said_and_leaves_nothing(
    monkeypatch, tmp_path
):
    broken = tmp_path / "broken.cc"
    broken.write_text("int main( {")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "SOURCE", broken)
    with pytest.raises(build.BuildError, match=r"(?s)could not compile.*error"):
        build.build()
    assert not list((tmp_path / "cache" / "snnjax").iterdir())
    monkeypatch.setattr(build, "compiler", lambda: None)
    with pytest.raises(build.BuildError, match="No C\\+\\+ compiler"):
        build.build()


def test_layers_of_one_random_program_are_the_same_by_both_backends():
    assert layers.compare(2) == layers.EACH * ["equal"]


def test_layers_that_differ_are_told():
    spikes, near = np.zeros((3, 1, 2), np.float32), np.full((3, 1, 2), 0.1)
    fired = spikes.copy()
    fired[1, 0, 1] = 1.0
    gradients = [np.ones(3)]
    same = (spikes, (), gradients)
    assert layers.verdict((fired, (), gradients), same, lambda: near) == "wrong"
    near[1, 0, 1] = 1e-7
    assert layers.verdict((fired, (), gradients), same, lambda: near) == "rounding"
    assert layers.verdict((spikes, (), [np.zeros(3)]), same, lambda: near) == "wrong"
    assert layers.verdict(same, same, lambda: near) == "equal"
