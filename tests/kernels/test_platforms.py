"""The device that a program is lowered for decides who runs; no other device is here.

Where the kernels would run, a program that is for another device takes operations of
XLA. These are computed here in their place, and compared with the plain XLA path: by
the tests that come last, since nothing may be left of programs from before.
"""

import re
from collections.abc import Callable
from functools import cache, partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lowered import loops_of

import snnjax as snn
from snnjax import neurons
from snnjax.kernels import build, convolve_native, products
from snnjax.networks import convolution, flatten, normal
from snnjax.replay import replayed
from snnjax.seen import Seen
from snnjax.surrogate import EventProp

T, B, N, DT = 14, 5, 19, 1e-3
LEAKY = snn.LIFParams(5e-3, 2e-3, 0.3)
ADAPTIVE = snn.ALIFParams(5e-3, 2e-3, 0.3, tau_adapt=9e-3, beta=0.2)
OTHERS = "cuda", "rocm", "tpu"


@pytest.fixture(autouse=True)
def built():
    if why := build.load():
        pytest.skip(f"native kernels: {why}")


def looped(neuron: snn.Cell, backend: str) -> snn.Cell:
    """A recurrent layer; its input is native or not as its neurons are."""
    wires = partial(snn.dense, init=normal, backend=backend)
    return snn.chain(wires(N, N), snn.recurrent(neuron, wires(N, N)))


def lif(backend, **options):
    return snn.lif(N, options.pop("params", LEAKY), backend=backend, **options)


def images(backend):
    def step(weights, state, x, dt):
        return state, x.reshape(*x.shape[:-1], N, 1)

    maps = snn.Cell(lambda key: (), lambda x: (), step, step)
    slide = convolution(1, 3, kernel=(4,), stride=2, init=normal, backend=backend)
    return snn.chain(maps, slide, flatten(1))


CELLS: dict[str, Callable[[str], snn.Cell]] = {
    "dense": lambda who: snn.dense(N, 7, bias=True, init=normal, backend=who),
    "li": lambda who: snn.li(N, backend=who),
    "li without synapse": lambda who: snn.li(N, snn.LIParams(5e-3, None), backend=who),
    "lif": lif,
    "lif refractory": partial(
        lif,
        params=LEAKY._replace(refractory=2e-3, tau_syn=None),
        **{"reset": "subtract", "reset_gradient": True},
    ),
    "lif loop": lambda who: looped(lif(who), who),
    "lif detached loop": lambda who: snn.recurrent(
        lif(who),
        snn.dense(N, N, init=normal, backend=who),
        recurrent_gradient=False,
    ),
    "event prop": partial(lif, surrogate=EventProp()),
    "event prop loop": lambda who: looped(lif(who, surrogate=EventProp()), who),
    "alif loop": lambda who: looped(snn.alif(N, ADAPTIVE, backend=who), who),
    "alif refractory": lambda who: snn.alif(
        N, ADAPTIVE._replace(refractory=2e-3), reset_gradient=True, backend=who
    ),
    "adlif loop": lambda who: looped(
        neurons.adlif(N, neurons.AdLIFParams(5e-3, 9e-3, 2.0, 0.3, 0.2), backend=who),
        who,
    ),
    "convolution": images,
}
ONCE = {name for name in CELLS if "event prop" in name}  # differentiated
each_cell = pytest.mark.parametrize("name", CELLS)


def inputs(dtype="float32"):
    drawn = np.random.default_rng(0).random((T, B, N)) < 0.3
    return drawn.astype(dtype)


def tilted(tree):
    """A sum in which every entry counts differently."""
    each = [jnp.ravel(x).astype(float) for x in jax.tree.leaves(tree)]
    flat = jnp.concatenate(each)
    return jnp.sum(flat * jnp.cos(1.0 + jnp.arange(flat.size, dtype=flat.dtype)))


def graded(cell):
    """``(weights, xs)`` -> end, outputs, and gradients of all that is given."""

    def loss(weights, xs):
        end, ys = snn.unroll(cell, weights, xs, dt=DT)
        return tilted((end, ys)), (end, ys)

    return jax.value_and_grad(loss, (0, 1), has_aux=True)


@cache
def weights_of(name):
    draw = jax.jit(lambda: CELLS[name]("xla").init(jax.random.key(1)))
    return jax.tree.map(np.asarray, draw())


def computed(name, backend):
    return jax.jit(graded(CELLS[name](backend)))(weights_of(name), inputs())


by_xla = cache(partial(computed, backend="xla"))


def natively(text):
    return re.findall(r"custom_call @(snnjax_\w+)", text)


def close(found, expected, error=1e-5):
    for a, b in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        np.testing.assert_allclose(a, b, error, error * np.abs(b).max(initial=0.0))


@each_cell
def test_only_a_program_for_cpus_calls_native_code(name):
    traced, forced, plain = (
        jax.jit(graded(CELLS[name](who))).trace(weights_of(name), inputs())
        for who in ("auto", "native", "xla")
    )
    for platform in OTHERS:
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert natively(text) == []
    found, kept = loops_of(text), loops_of(plain.lower().as_text())
    # the surrogate's slope is data there
    assert found.loops <= kept.loops
    assert found.operations <= kept.operations + 1
    calls = natively(forced.lower().as_text())
    assert natively(traced.lower().as_text()) == calls
    assert len(calls) >= 2


@each_cell
def test_a_cpu_computes_what_it_does_where_native_code_is_forced(name):
    found, forced = (computed(name, who) for who in ("auto", "native"))
    jax.tree.map(np.testing.assert_array_equal, found, forced)


def varied(name, backend):
    """Along a line: a slope, and that of the gradient both ways; over a batch of it."""
    cell, weights, xs = CELLS[name](backend), weights_of(name), inputs()
    draw = lambda x: jax.random.normal(jax.random.key(2), x.shape)  # noqa: E731
    line = jax.tree.map(draw, weights), draw(xs)

    def loss(weights, xs):
        end, ys = snn.unroll(cell, weights, xs, dt=DT)
        return tilted((end, jnp.sin(ys)))

    gradient = jax.grad(loss, (0, 1))

    def along(*given):
        slopes = jax.tree.map(jnp.vdot, gradient(*given), line)
        return sum(jax.tree.leaves(slopes))

    def together(scale):
        return gradient(jax.tree.map(lambda w: scale * w, weights), scale * xs)

    twice = () if name in ONCE else (jax.grad(along, (0, 1))(weights, xs),)
    return *twice, jax.vmap(together)(jnp.array([0.5, 1.0, 2.0]))


varied_by_xla = cache(lambda name: jax.jit(partial(varied, name, "xla"))())


@each_cell
def test_second_derivatives_and_vmap_pass_the_choice(name):
    close(jax.jit(partial(varied, name, "auto"))(), varied_by_xla(name), 1e-4)


def learned(backend):
    """Slopes of constants, forwards and backwards, and of these again."""
    xs, first = inputs(), np.array([5e-3, 2e-3], "float32")

    def loss(taus):
        cell = snn.li(N, snn.LIParams(*taus), backend=backend)
        return jnp.sum(jnp.sin(snn.unroll(cell, (), xs, dt=DT)[1]))

    slope = jax.jvp(loss, (first,), (first,))[1]
    return slope, jax.grad(loss)(first), jax.hessian(loss)(first)


learned_by_xla = cache(lambda: jax.jit(partial(learned, "xla"))())


def test_learned_constants_and_forward_mode_pass_the_choice():
    close(jax.jit(partial(learned, "auto"))(), learned_by_xla(), 1e-4)


def measured(part, backend):
    """Value and gradient where voltages were seen."""
    v = jax.random.normal(jax.random.key(0), (T, B, N))
    known = None if part == "all" else inputs(bool)
    cell = snn.li(N, backend=backend)

    def loss(xs):
        seen = Seen(v=v, known=known)
        ys = snn.unroll(replayed(cell), (), (xs, seen), dt=DT)[1]
        return jnp.sum(jnp.sin(ys)), ys

    return jax.value_and_grad(loss, has_aux=True)(inputs())


measured_by_xla = cache(lambda part: jax.jit(partial(measured, part, "xla"))())


@pytest.mark.parametrize("part", ["all", "some"])
def test_voltages_that_were_measured_pass_the_choice(part):
    close(jax.jit(partial(measured, part, "auto"))(), measured_by_xla(part))


def mapped(name, backend):
    """Loss and gradient of a batch over devices, by hand."""
    cell = CELLS[name](backend)

    def loss(weights, xs):
        ys = snn.unroll(cell, weights, xs, dt=DT)[1]
        return jax.lax.pmean(jnp.mean(jnp.sin(ys)), "data")

    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    specs = jax.P(), jax.P(None, "data")
    whole = jax.shard_map(loss, mesh=mesh, in_specs=specs, out_specs=jax.P())
    return jax.jit(jax.value_and_grad(whole))


MAPPED = [
    *product(("lif loop", "dense", "convolution"), ("float32", "uint8", "bool")),
    *(("alif refractory", "float32"), ("event prop", "float32"), ("li", "float32")),
]


@cache
def together(name, dtype):
    """The same of the whole batch, on one device."""
    cell, xs = CELLS[name]("xla"), inputs(dtype)[:, :4]
    mean = lambda w: jnp.mean(jnp.sin(snn.unroll(cell, w, xs, dt=DT)[1]))  # noqa: E731
    return jax.jit(jax.value_and_grad(mean))(weights_of(name))


def is_mapped(name, dtype, backend):
    found = mapped(name, backend)(weights_of(name), inputs(dtype)[:, :4])
    close(found, together(name, dtype))


@pytest.mark.parametrize("backend", ["auto", "xla"])
@pytest.mark.parametrize(("name", "dtype"), MAPPED)
def test_a_batch_over_devices_is_mapped_by_hand(name, dtype, backend):
    is_mapped(name, dtype, backend)


def test_what_is_mapped_by_hand_calls_native_code_on_cpus_only():
    for name in ("lif loop", "alif refractory", "dense", "convolution"):
        traced = mapped(name, "auto").trace(weights_of(name), inputs()[:, :4])
        assert natively(traced.lower(lowering_platforms=("cuda",)).as_text()) == []
        assert natively(traced.lower().as_text())


def test_a_raster_of_no_step_is_mapped_by_hand():
    for backend, dtype in product(("auto", "xla"), ("float32", "uint8")):
        weights, none = weights_of("convolution"), inputs(dtype)[:0, :4]
        _, grads = mapped("convolution", backend)(weights, none)
        assert jax.tree.map(jnp.shape, grads) == jax.tree.map(jnp.shape, weights)


def test_a_program_for_another_device_is_exported_and_one_for_cpus_told_why_not():
    cell, shape = (
        looped(lif("auto"), "auto"),
        jax.ShapeDtypeStruct((T, B, N), "float32"),
    )
    weights = cell.init(jax.random.key(0))
    run = jax.jit(lambda xs: snn.unroll(cell, weights, xs, dt=DT)[1])
    for platform in OTHERS:
        assert jax.export.export(run, platforms=(platform,))(shape).serialize()
    with pytest.raises(ValueError, match="snnjax_forward"):
        jax.export.export(run)(shape)


def test_native_code_is_refused_where_the_device_is_another(monkeypatch):
    cell = snn.lif(N, LEAKY, backend="native")
    forced = lambda: snn.unroll(cell, (), inputs(), dt=DT)[1]  # noqa: E731
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    with pytest.raises(ValueError, match="the device is gpu, not cpu"):
        forced()
    with jax.default_device(jax.devices("cpu")[0]):
        assert np.any(forced())
    monkeypatch.undo()
    assert np.any(forced())


def test_outside_jit_nothing_is_compiled_again(compilations):
    cell, xs = lif("auto"), inputs()
    for _ in range(2):
        compilations.clear()
        graded(cell)((), xs)
    assert not compilations


@pytest.fixture(scope="module")
def elsewhere():
    """Computes here what another device would, from the first test that asks for it."""

    def other(*args, default, **ways):
        return default(*args)

    jax.clear_caches()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax.lax, "platform_dependent", other)
        yield
    jax.clear_caches()


@each_cell
def test_another_device_computes_what_xla_does(name, elsewhere):
    found, expected = computed(name, "auto"), by_xla(name)
    if "loop" in name or "lif" in name:
        np.testing.assert_array_equal(found[0][1][1], expected[0][1][1])
    close(found, expected)


@pytest.mark.parametrize("dtype", [bool, jnp.uint8])
@pytest.mark.parametrize("name", ["dense", "convolution"])
def test_another_device_reads_rasters_of_bytes(name, dtype, elsewhere, monkeypatch):
    monkeypatch.setattr(products, "_ROWS", 16)  # a few at a time, and some are left
    monkeypatch.setattr(convolve_native, "_IMAGES", 16)
    xs, weights = inputs(dtype), weights_of(name)

    def gradients(backend):
        cell = CELLS[name](backend)

        def loss(weights):
            ys = snn.unroll(cell, weights, xs, dt=DT)[1]
            return tilted(ys), ys

        return jax.jit(jax.value_and_grad(loss, has_aux=True))(weights)

    close(gradients("auto"), gradients("xla"))


@each_cell
def test_second_derivatives_and_vmap_pass_the_choice_of_another(name, elsewhere):
    close(jax.jit(partial(varied, name, "auto"))(), varied_by_xla(name), 1e-4)


def test_learned_constants_pass_the_choice_of_another(elsewhere):
    close(jax.jit(partial(learned, "auto"))(), learned_by_xla(), 1e-4)


@pytest.mark.parametrize("part", ["all", "some"])
def test_voltages_that_were_measured_pass_the_choice_of_another(part, elsewhere):
    close(jax.jit(partial(measured, part, "auto"))(), measured_by_xla(part))


@pytest.mark.parametrize(("name", "dtype"), MAPPED)
def test_another_device_has_a_batch_mapped_by_hand(name, dtype, elsewhere):
    is_mapped(name, dtype, "auto")
