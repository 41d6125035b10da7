"""Neurons that adapt over a sequence: by the rule of their layer, and natively.

The oracle is plain differentiation of the steps.
"""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from stepping import DT, B, N, T, by_cell, by_steps, compare, in_motion

import snnjax as snn
from snnjax.cell import Loop
from snnjax.kernels import build
from snnjax.neurons import AdLIFParams, adlif
from snnjax.surrogate import Arctan, Boxcar, ForwardMode, Gaussian, Scaled, Sparse

SPREAD = np.linspace(0.0, 1.0, N)
ALIF = {
    "tau_mem": 4e-3 + 2e-3 * SPREAD,
    "tau_syn": 2e-3,
    "threshold": np.full(N, 0.3),
    "tau_adapt": 20e-3,
    "beta": 0.3 * SPREAD,
}
KINDS = {  # of alif
    "synapse": {},
    "refractory": {"refractory": np.array([0, 1, 2, 3, 5, 8, 2]) * DT},
    "plain": {"tau_syn": None},
    "voltage": {"tau_syn": None, "input": "voltage", "v_reset": -0.2},
    "v_reset": {"v_reset": np.linspace(-0.4, 0.2, N), "refractory": 3e-3},
}
ADLIF = {  # oscillating, critical, overdamped, oscillating with negative a
    "tau_mem": np.array([5e-3, 10e-3, 5e-3, 20e-3, 5e-3, 3e-3, 8e-3]),
    "tau_adapt": np.array([30e-3, 20e-3, 60e-3, 100e-3, 9e-3, 9e-3, 9e-3]),
    "a": np.array([3.0, 0.125, 0.1, -0.5, 1.0, 0.0, 2.0]),
    "b": np.array([0.5, 0.2, 0.0, 0.3, -0.1, 0.2, 0.2]),
    "threshold": 0.3,
}
RESETS = dict.fromkeys(KINDS, ("zero", "subtract", "none"))
RESETS |= {"voltage": ("zero",), "v_reset": ("zero",), "coupled": ("zero",)}
SHAPES = [
    *(snn.SuperSpike(5.0), snn.Sigmoid(4.0), snn.Triangle(2.0)),
    *(Scaled(Arctan(2.0), 0.7), Boxcar(3.0), Sparse(snn.SuperSpike(5.0), 0.05)),
]


def constants(kind):
    """Those with a gradient."""
    if kind == "coupled":
        return ADLIF
    given = {**ALIF, "v_reset": 0.0, **KINDS[kind]}
    fixed = "refractory", "input"
    return {k: v for k, v in given.items() if v is not None and k not in fixed}


def neuron(kind, numbers, backend="xla", reset="zero", surrogate=None, **options):
    options |= {"surrogate": surrogate or SHAPES[0], "backend": backend}
    if kind == "coupled":
        return adlif(N, AdLIFParams(**numbers), **options)
    given = {**KINDS[kind], "tau_syn": None, **numbers}
    input = given.pop("input", "current")
    params = snn.ALIFParams(**given)
    return snn.alif(N, params, reset=reset, input=input, **options)


def drive(kind):
    x = jax.random.normal(jax.random.key(0), (T, B, N))
    strong = kind in ("synapse", "refractory", "v_reset")
    return 0.4 + {"voltage": 0.3}.get(kind, 1.0 if strong else 2.0) * x


def floats(tree):
    leaves = jax.tree.leaves(tree)
    return [x for x in leaves if jnp.issubdtype(x.dtype, jnp.floating)]


def tilted(tree):
    flat = jnp.concatenate([jnp.ravel(leaf) for leaf in floats(tree)])
    return jnp.sum(flat * jnp.cos(1.0 + jnp.arange(flat.size, dtype=flat.dtype)))


def feedback(looped):
    if looped is None:
        return None
    return 0.2 * jax.random.normal(jax.random.key(1), (N, N))


def outcome(kind, make, names=(), looped=None, run=by_cell):
    """Outputs and gradients of the state, currents, r and constants, from motion."""
    numbers = {k: jnp.asarray(v, float) for k, v in constants(kind).items()}
    state, xs, r = in_motion(make(numbers)), drive(kind), feedback(looped)
    spikes = (jax.random.uniform(jax.random.key(4), (B, N)) < 0.3).astype(float)

    def loss(state, xs, spikes, r, numbers):
        cell = make(numbers)
        cell = cell.about.watch(names) if names else cell
        loop = None if r is None else Loop(r, spikes, bool(looped))
        end, ys = run(cell, state, xs, loop)
        return tilted((end, ys)), (end, ys)

    kinds = (0, 1, 4) if r is None else (0, 1, 2, 3, 4)
    graded = jax.value_and_grad(loss, kinds, has_aux=True, allow_int=True)
    (_, made), gradients = jax.jit(graded)(state, xs, spikes, r, numbers)
    return made, floats(gradients)


def rate(made, names):
    ys = made[1][0] if names else made[1]
    return float(ys.mean())


ROWS = [
    (kind, reset, attached, adapts, looped)
    for kind, resets in RESETS.items()
    for reset, attached, adapts, looped in product(
        resets, (False, True), (True, False), (None, True, False)
    )
]
NAMES = [(), ("v", "v_before"), ("v_before",)]
OF_ALIF = [row for row in ROWS if row[0] != "coupled"]
CASES = [
    (*row, NAMES[k // 2 % 3])
    for k, row in enumerate(OF_ALIF[::7] + ROWS[len(OF_ALIF) :: 2])
]
cases = pytest.mark.parametrize(
    ("kind", "reset", "attached", "adapts", "looped", "names"), CASES
)


@cases
def test_values_and_gradients_are_those_of_stepping(
    kind, reset, attached, adapts, looped, names, x64
):
    options = {"reset_gradient": attached, "adaptation_gradient": adapts}
    make = lambda numbers: neuron(kind, numbers, reset=reset, **options)  # noqa: E731
    found, expected = (
        outcome(kind, make, names, looped, run) for run in (by_cell, by_steps)
    )
    compare(found[0], expected[0], 1e-11, 1e-13)
    compare(found[1], expected[1], 1e-9, 1e-11)
    assert 0.02 < rate(found[0], names) < 0.7


@pytest.fixture
def built():
    if why := build.load():
        pytest.skip(f"native kernels: {why}")


@cases
def test_native_code_computes_the_same(
    kind, reset, attached, adapts, looped, names, built
):
    shape = SHAPES[CASES.index((kind, reset, attached, adapts, looped, names)) % 6]
    options = {"reset_gradient": attached, "adaptation_gradient": adapts}
    options |= {"reset": reset, "surrogate": shape}

    def outcome_by(backend):
        make = lambda numbers: neuron(kind, numbers, backend, **options)  # noqa: E731
        return outcome(kind, make, names, looped)

    compare(outcome_by("native"), outcome_by("xla"), 2e-4)


@pytest.mark.parametrize("kind", ["refractory", "coupled"])
@pytest.mark.parametrize("looped", [None, True])
def test_other_fields_and_forward_mode_go_by_steps(kind, looped, x64):
    field = "w" if kind == "coupled" else "a"
    shape = snn.SuperSpike(5.0)
    for names, s in (((field, "v_before"), shape), (("v",), ForwardMode(shape))):
        make = lambda numbers, s=s: neuron(kind, numbers, surrogate=s)  # noqa: E731
        given = kind, make, names, looped
        compare(outcome(*given), outcome(*given, by_steps), 1e-9, 1e-11)


SECOND = [("refractory", True, True), ("synapse", None, False), ("coupled", True, True)]


def slope_of_gradient(kind, attached, looped, backend, run):
    """The gradient of a projection of the gradient."""
    options = {"surrogate": snn.Sigmoid(5.0), "reset_gradient": attached}
    cell = neuron(kind, constants(kind), backend, **options).about.watch(("v_before",))
    state, xs, r = in_motion(cell), drive(kind), feedback(looped)
    which = 0 if r is None else (0, 1)

    def loss(xs, r):
        loop = None if r is None else Loop(r, jnp.zeros((B, N)), True)
        end, (spikes, seen) = run(cell, state, xs, loop)
        return tilted((end, spikes, jnp.sin(seen["v_before"])))

    def along(xs, r):
        slopes = jax.grad(loss, which)(xs, r)
        shade = lambda x: jax.random.normal(jax.random.key(5), x.shape)  # noqa: E731
        return sum(jnp.vdot(x, shade(x)) for x in jax.tree.leaves(slopes))

    return jax.jit(jax.grad(along, which))(xs, r)


@pytest.mark.parametrize(("kind", "looped", "attached"), SECOND)
def test_second_derivatives_are_those_of_stepping(kind, looped, attached, x64):
    given = kind, attached, looped, "xla"
    found, expected = (
        slope_of_gradient(*given, by_cell),
        slope_of_gradient(*given, by_steps),
    )
    assert all(np.abs(leaf).max() > 0.1 for leaf in jax.tree.leaves(expected))
    compare(found, expected, 1e-8, 1e-8)


@pytest.mark.parametrize(("kind", "looped", "attached"), SECOND)
def test_second_derivatives_are_those_of_stepping_natively_too(
    kind, looped, attached, built
):
    found = slope_of_gradient(kind, attached, looped, "native", by_cell)
    expected = slope_of_gradient(kind, attached, looped, "xla", by_steps)
    compare(found, expected, 1e-3)


@pytest.mark.parametrize("make", [snn.alif, adlif])
def test_what_cannot_run_natively_is_refused_with_the_reason(make):
    xs = jnp.zeros((4, 3))
    for options, words in (
        ({"surrogate": Gaussian(), "backend": "native"}, "Gaussian is none of"),
        ({"surrogate": ForwardMode(SHAPES[0]), "backend": "native"}, "forward mode"),
        ({"backend": "fast"}, "one of .*, got 'fast'"),
    ):
        with pytest.raises(ValueError, match=words):
            snn.unroll(make(3, **options), (), xs, dt=DT)


@pytest.mark.parametrize("kind", ["refractory", "coupled"])
def test_a_population_stops_and_continues_natively_as_if_it_had_not(kind, built):
    cell, xs, r = neuron(kind, constants(kind), "native"), drive(kind), feedback(True)
    state, spikes = in_motion(cell), jnp.zeros((B, N))
    end, whole = cell.loop((), state, xs, Loop(r, spikes), DT)
    middle, first = cell.loop((), state, xs[:15], Loop(r, spikes), DT)
    same, second = cell.loop((), middle, xs[15:], Loop(r, first[-1]), DT)
    assert 0.02 < whole.mean() < 0.7
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    jax.tree.map(np.testing.assert_array_equal, same, end)


@pytest.mark.parametrize("kind", ["refractory", "coupled"])
@pytest.mark.parametrize("place", ["input", "state", "feedback"])
def test_what_is_not_finite_spreads_as_it_does_in_xla(kind, place, built):
    def found(backend):
        cell = neuron(kind, constants(kind), backend)
        state, xs, r = in_motion(cell), drive(kind), feedback(True)
        if place == "input":
            xs = xs.at[4, 1, 2].set(jnp.nan)
        if place == "state":
            state = state._replace(v=state.v.at[1, 4].set(jnp.inf))
        if place == "feedback":
            r = r.at[3, 5].set(jnp.nan)

        def loss(xs, r, state):
            loop = Loop(r, jnp.zeros((B, N)))
            end, ys = cell.loop((), state, xs, loop, DT)
            return ys.sum() + end.v.sum(), (end, ys)

        graded = jax.value_and_grad(loss, (0, 1), has_aux=True, allow_int=True)
        return jax.jit(graded)(xs, r, state)

    (_, made), gradients = found("native")
    (_, same), expected = found("xla")
    np.testing.assert_array_equal(made[1], same[1])
    for a, b in zip(*map(floats, ((made, gradients), (same, expected))), strict=True):
        scale = np.max(np.abs(b), initial=0.0, where=np.isfinite(b))
        np.testing.assert_allclose(a, b, 1e-4, 1e-4 * scale + 1e-12)


def test_vmap_over_seeds_and_slopes_is_a_loop(built):
    def gradient(key, slope, tau):
        numbers = {**ADLIF, "tau_mem": tau}
        cell = neuron("coupled", numbers, "native", surrogate=snn.SuperSpike(slope))
        xs = 0.4 + 2.0 * jax.random.normal(key, (T, B, N))
        loss = lambda xs: tilted(cell.run((), in_motion(cell), xs, DT))  # noqa: E731
        return jax.grad(loss)(xs)

    keys, slopes = jax.random.split(jax.random.key(0), 3), jnp.array([1.0, 4.0, 9.0])
    taus = 5e-3 * (1.0 + SPREAD) * np.array([[1.0], [2.0], [3.0]])
    together = jax.jit(jax.vmap(gradient))(keys, slopes, taus)
    one = jax.jit(gradient)
    for k in range(3):
        compare(together[k], one(keys[k], slopes[k], taus[k]), 1e-6)


@pytest.mark.parametrize("backend", ["native", "xla"])
@pytest.mark.parametrize("kind", ["synapse", "coupled"])
def test_a_batch_over_devices_trains_inside_shard_map(kind, backend, built):
    def layer(backend):
        hidden = neuron(kind, constants(kind), backend)
        return snn.recurrent(N, N, hidden)

    xs = 3.0 * jax.random.uniform(jax.random.key(2), (T, 8, N))
    cell, plain = layer(backend), layer("xla")
    weights = cell.init(jax.random.key(0))

    def mean(cell):
        return lambda weights, xs: snn.unroll(cell, weights, xs, dt=DT)[1].mean()

    def loss(weights, xs):
        return jax.lax.pmean(mean(cell)(weights, xs), "data")

    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    mapped = jax.shard_map(
        loss, mesh=mesh, in_specs=(jax.P(), jax.P(None, "data")), out_specs=jax.P()
    )
    found = jax.jit(jax.value_and_grad(mapped))(weights, xs)
    expected = jax.jit(jax.value_and_grad(mean(plain)))(weights, xs)
    assert expected[0] > 0.02
    compare(found, expected, 1e-5)


def test_a_layer_keeps_one_number_for_each_neuron_and_step(built):
    steps, batch, n = 100, 32, 64
    for make in (snn.alif, adlif):
        cell = snn.chain(
            snn.recurrent(20, n, make(n, backend="native")),
            snn.dense(n, 3, backend="native"),
        )
        weights, xs = cell.init(jax.random.key(0)), jnp.ones((steps, batch, 20))

        def loss(weights, cell=cell, xs=xs):
            return (snn.unroll(cell, weights, xs, dt=DT)[1] ** 2).sum()

        compiled = jax.jit(jax.grad(loss)).lower(weights).compile()
        over_time = 4 * steps * batch * n  # distances, spikes, and their gradient
        assert compiled.memory_analysis().temp_size_in_bytes < 3.5 * over_time
