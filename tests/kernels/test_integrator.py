"""Leaky integrators by native code, against XLA's scan and gradients in float64."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.kernels import build
from snnjax.kernels.integrator import integrate
from snnjax.neurons import LIState
from snnjax.seen import Seen

BOTH = ("native", "xla")
T, B, N, DT = 40, 3, 21, 1e-3
PER_NEURON = np.linspace(4e-3, 30e-3, N)
KINDS = {  # τm, τs, input
    "both": (PER_NEURON, PER_NEURON[::-1] / 2, "current"),
    "one for all": (20e-3, 5e-3, "current"),
    "equal": (10e-3, 10e-3, "current"),
    "no synapse": (PER_NEURON, None, "current"),
    "jumps": (20e-3, None, "voltage"),
}
kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def built():
    if why := build.load():
        pytest.skip(f"native kernels: {why}")


def cell(kind, backend, mem=None, syn=None):
    tau_mem, tau_syn, input = KINDS[kind]
    mem = tau_mem if mem is None else mem
    syn = tau_syn if syn is None else syn
    return snn.li(N, snn.LIParams(mem, syn), input=input, backend=backend)


def given(kind, steps=T, batch=(B,), n=N):
    """Constants, currents and a state in motion."""
    mem, syn, _ = KINDS[kind]
    drawn = np.random.default_rng(0)
    xs, v, i = (
        drawn.normal(size=(*lead, *batch, n)).astype("float32")
        for lead in ((steps,), (), ())
    )
    constants = np.float32(mem), None if syn is None else np.float32(syn)
    return constants, xs, LIState(v, None if syn is None else i)


def run(kind, backend, constants, xs, state, **options):
    made = cell(kind, backend, *constants)
    return snn.unroll(made, (), xs, dt=DT, state=state, **options)


def loss(kind, backend, *arguments, **options):
    """Of outputs and the state at the end, in which every entry counts differently."""
    leaves = jax.tree.leaves(run(kind, backend, *arguments, **options))
    flat = jnp.concatenate([jnp.ravel(leaf) for leaf in leaves])
    tilt = jnp.cos(1.0 + jnp.arange(flat.size, dtype=flat.dtype))
    return jnp.sum(jnp.sin(flat) * tilt)


def gradients(kind, backend, *arguments, **options):
    graded = jax.grad(partial(loss, kind, backend, **options), (0, 1, 2))
    return jax.jit(graded)(*arguments)


def agree(found, expected, rtol=1e-5):
    def close(a, b):
        scale = np.abs(b).max(initial=0.0, where=np.isfinite(b))
        np.testing.assert_allclose(a, b, rtol, rtol * scale)

    jax.tree.map(close, found, expected)


def product_less_itself(backend):
    """A step whose two products cancel: zero, or how one of them was rounded."""
    a = np.full(N, 1.0 + 2.0**-12, "float32")
    step = jax.jit(partial(integrate, backend=backend))
    return np.unique(step(a, None, a, a, None, -a[None])[2])


def fused_alike():
    """Whether native code and XLA fuse the same products with sums (FMA).

    The code of XLA is for the processor that is here, and so is native code, unless
    somebody compiled it with flags for another.
    """
    here, there = (product_less_itself(backend) for backend in BOTH)
    alike = here.tolist() == there.tolist()
    assert alike or build.flags() != build.FLAGS
    return alike


def same_values(found, expected):
    """Bit for bit where sums are fused alike, else to some roundings of the largest.

    Each step is rounded once or twice, and what it was off decays as the voltage does.
    """
    if fused_alike():
        jax.tree.map(np.testing.assert_array_equal, found, expected)
    else:
        agree(found, expected, 4 * np.finfo(np.float32).eps)


@kinds
def test_values_are_those_of_xla_bit_for_bit_where_sums_are_fused_alike(
    kind, optimized
):
    found, expected = (jax.jit(partial(run, kind, b))(*given(kind)) for b in BOTH)
    same_values(found, expected)
    assert np.std(found[1]) > 0.05


@kinds
def test_gradients_of_constants_currents_and_state_are_those_in_float64(kind):
    arguments = given(kind, 400)
    found = gradients(kind, "native", *arguments)
    with jax.enable_x64():
        wide = jax.tree.map(lambda x: np.asarray(x, np.float64), arguments)
        expected = jax.tree.map(np.asarray, gradients(kind, "xla", *wide))
    assert all(np.abs(leaf).max() > 0.1 for leaf in jax.tree.leaves(expected))
    agree(found, expected, 1e-4)


@kinds
def test_forward_mode_and_second_derivatives_are_those_of_xla(kind):
    arguments = given(kind, 12)
    drawn = np.random.default_rng(5)
    noise = lambda x: drawn.normal(size=x.shape).astype("float32")  # noqa: E731
    tangents = jax.tree.map(noise, arguments)

    def derivatives(backend):
        value = partial(loss, kind, backend)

        def along(*arguments):
            slopes = jax.grad(value, (0, 1, 2))(*arguments)
            return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, slopes, tangents)))

        def all_of_them(*arguments):
            slope = jax.jvp(value, arguments, tangents)[1]
            twice = jax.jvp(jax.grad(value, (0, 1, 2)), arguments, tangents)[1]
            return slope, twice, jax.grad(along, (0, 1, 2))(*arguments)

        return jax.jit(all_of_them)(*arguments)

    found, expected = derivatives("native"), derivatives("xla")
    assert all(np.abs(leaf).max() > 0.1 for leaf in jax.tree.leaves(expected))
    agree(found, expected, 1e-4)


@pytest.mark.parametrize("batch", [(), (0,), (1,), (2, 3), (70,)])
@pytest.mark.parametrize("steps", [0, 1, 5])
def test_any_batch_and_number_of_steps_work(batch, steps):
    arguments = given("both", steps, batch)
    for find in (lambda *a: jax.jit(partial(run, *a[:2]))(*a[2:]), gradients):
        found, expected = (find("both", b, *arguments) for b in ("native", "xla"))
        agree(found, expected)


@pytest.mark.parametrize("argument", [1, 2])
def test_what_is_constant_needs_no_gradient(argument):
    arguments = given("both")
    graded = lambda b: jax.jit(jax.grad(partial(loss, "both", b), argument))  # noqa: E731
    agree(graded("native")(*arguments), graded("xla")(*arguments))


def test_a_learned_constant_learns_as_by_xla():
    xs = given("both")[1]

    def graded(backend):
        make = lambda **taus: snn.li(N, snn.LIParams(**taus), backend=backend)  # noqa: E731
        learned = snn.learn(make, tau_mem=PER_NEURON, tau_syn=5e-3)
        value = lambda w: jnp.sum(snn.unroll(learned, w, xs, dt=DT)[1] ** 2)  # noqa: E731
        return jax.jit(jax.value_and_grad(value))(learned.init(jax.random.key(0)))

    agree(graded("native"), graded("xla"))


@pytest.mark.parametrize(
    "options",
    [{"checkpoint": 7}, {"truncate": 10}, {"mask": np.arange(T)[:, None] < [5, T, 0]}],
)
def test_checkpoints_truncation_and_masks_work(options):
    found, expected = (
        gradients("both", backend, *given("both"), **options)
        for backend in ("native", "xla")
    )
    agree(found, expected)


def test_stopping_and_continuing_is_never_having_stopped():
    constants, xs, state = given("both")
    go = jax.jit(partial(run, "both", "native"))
    middle, first = go(constants, xs[:15], state)
    end, second = go(constants, xs[15:], middle)
    whole = go(constants, xs, state)
    found = end, np.concatenate([first, second])
    jax.tree.map(np.testing.assert_array_equal, found, whole)


def test_vmap_over_constants_and_samples_is_a_loop():
    constants, xs, state = given("both")
    several = np.stack([constants[0], 2 * constants[0], constants[0] / 2])

    def each(mem, xs, v):
        arguments = (mem, constants[1]), xs, LIState(v, v)
        return jax.grad(partial(loss, "both", "native"), (0, 1, 2))(*arguments)

    together = jax.jit(jax.vmap(each, (0, 1, 0)))(several, xs, state.v)
    together, one = jax.tree.map(np.asarray, together), jax.jit(each)
    for b in range(B):
        alone = one(several[b], xs[:, b], state.v[b])
        part = jax.tree.map(lambda x, b=b: x[b], together)
        agree(part, alone, 1e-6)


def test_a_batch_over_devices_passes_shard_map_with_all_its_derivatives():
    constants, xs, state = given("both", 12, (8,))
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    specs = jax.P(), jax.P(None, "data"), jax.P("data")

    def derivatives(backend):
        def total(constants, xs, state):
            ys = run("both", backend, constants, xs, state)[1]
            return jax.lax.psum(jnp.sum(jnp.sin(ys)), "data")

        mapped = jax.shard_map(total, mesh=mesh, in_specs=specs, out_specs=jax.P())
        graded = jax.grad(mapped, (0, 1, 2))

        def all_of_them(*arguments):
            tangents = jax.tree.map(jnp.cos, arguments)
            slope = jax.jvp(mapped, arguments, tangents)[1]
            return slope, *jax.jvp(graded, arguments, tangents)

        return jax.jit(all_of_them)(constants, xs, state)

    agree(derivatives("native"), derivatives("xla"), 1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@kinds
def test_what_is_not_finite_spreads_as_it_does_in_xla(kind, bad):
    constants, xs, state = given(kind)
    xs[4, 1, 2] = bad
    for value in (lambda k, b, *a: jax.jit(partial(run, k, b))(*a), gradients):
        found, expected = (
            value(kind, backend, constants, xs, state) for backend in ("native", "xla")
        )
        agree(found, expected)


def test_numbers_do_not_depend_on_how_entries_are_shared_out():
    """Some columns of a wide layer are those of a narrow one."""
    wide = np.random.default_rng(1).normal(size=(300, 5, 700)).astype("float32")
    params = snn.LIParams(np.linspace(4e-3, 30e-3, 700), 5e-3)
    narrow = snn.LIParams(params.tau_mem[600:], 5e-3)
    every, part = (
        snn.li(len(p.tau_mem), p, backend="native") for p in (params, narrow)
    )
    whole = np.asarray(snn.unroll(every, (), wide, dt=DT)[1])
    found = snn.unroll(part, (), wide[..., 600:], dt=DT)[1]
    np.testing.assert_array_equal(found, whole[..., 600:])


def watched(backend, names, xs):
    look = cell("one for all", backend).about.watch(names)
    return snn.unroll(look, (), xs, dt=DT)


def test_voltages_are_watched_natively_and_currents_by_stepping():
    xs = given("one for all")[1]
    for names in (("v",), ("v", "i")):
        found, expected = (
            jax.jit(partial(watched, b, names))(xs) for b in ("native", "xla")
        )
        agree(found, expected)


def test_voltages_take_the_place_of_currents_where_no_constant_is_learned():
    steps, batch, n = 400, 32, 64
    net = snn.chain(snn.dense(20, n, backend="native"), snn.li(n, backend="native"))
    xs = np.zeros((steps, batch, 20), "float32")
    value = lambda w: jnp.sum(snn.unroll(net, w, xs, dt=DT)[1] ** 2)  # noqa: E731
    weights = jax.jit(net.init)(jax.random.key(0))
    compiled = jax.jit(jax.grad(value)).lower(weights).compile()
    over_time = 4 * steps * batch * n
    assert compiled.memory_analysis().temp_size_in_bytes < 2.5 * over_time


@pytest.mark.parametrize(
    ("backend", "words"),
    [("fast", "one of .*, got 'fast'"), ("native", "float64, not float32")],
)
def test_what_cannot_run_natively_is_refused_with_the_reason(backend, words, x64):
    with pytest.raises(ValueError, match=words):
        snn.unroll(snn.li(3, backend=backend), (), np.zeros((4, 3)), dt=DT)


@pytest.mark.usefixtures("optimized")
@pytest.mark.parametrize("seen", ["nothing", "everything", "a part"])
@kinds
def test_what_was_measured_takes_the_place_of_what_is_computed(kind, seen):
    constants, xs, state = given(kind)
    drawn = np.random.default_rng(7)
    v, known = drawn.normal(size=xs.shape).astype("f"), drawn.random(xs.shape) < 0.5
    shown = {"nothing": {}, "everything": {"v": v}, "a part": {"v": v, "known": known}}
    shown = Seen(**shown[seen])

    def replayed(backend, xs, state):
        replay = cell(kind, backend, *constants).replay
        return snn.unroll(replay, (), (xs, shown), dt=DT, state=state)

    def total(backend, *arguments):
        (v_end, i_end), ys = replayed(backend, *arguments)
        weighed = jnp.sum(jnp.sin(ys) * jnp.cos(jnp.arange(ys.size).reshape(ys.shape)))
        return weighed + jnp.sum(v_end**2) + (0 if i_end is None else jnp.sum(i_end**3))

    found, expected = (
        jax.tree.map(np.asarray, jax.jit(partial(replayed, b))(xs, state)) for b in BOTH
    )
    same_values(found, expected)
    measured = {"nothing": found[1], "everything": v, "a part": v}[seen]
    where = known if seen == "a part" else np.ones(xs.shape, bool)
    np.testing.assert_array_equal(found[1][where], measured[where])
    agree(*(jax.jit(jax.grad(partial(total, b), (0, 1)))(xs, state) for b in BOTH))


def test_nothing_is_learned_of_constants_from_a_recording():
    constants, xs, state = given("both")

    def total(constants):
        replay = cell("both", "native", *constants).replay
        return snn.unroll(replay, (), (xs, Seen(v=xs)), dt=DT, state=state)[1].sum()

    with pytest.raises(ValueError, match="says nothing about constants"):
        jax.grad(total)(constants)
