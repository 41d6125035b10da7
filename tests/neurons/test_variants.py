"""Refractoriness, reset values, delta synapses and watched voltages, over a sequence.

The oracle is plain differentiation of the steps.
"""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from stepping import DT, B, N, T, by_cell, by_steps, compare, in_motion

import snnjax as snn
from snnjax import neurons
from snnjax.cell import Loop
from snnjax.kernels import build
from snnjax.neurons import adlif, smooth_lif, stochastic_lif
from snnjax.surrogate import ForwardMode, Sparse

KINDS = {
    "refractory": {"refractory": np.array([0, 1, 2, 3, 5, 8, 2]) * DT},
    "v_reset": {"v_reset": np.linspace(-0.4, 0.2, N)},
    "voltage": {
        **{"tau_syn": None, "input": "voltage"},
        **{"v_reset": -0.2, "refractory": 3e-3},
    },
    "plain": {},
}
RESETS = [
    (kind, reset, attached)
    for kind, reset, attached in product(
        KINDS, ("zero", "subtract", "none"), (False, True)
    )
    if reset == "zero" or "v_reset" not in KINDS[kind]
]
NUMBERS = {
    "tau_mem": np.linspace(4e-3, 6e-3, N),
    "tau_syn": 2e-3,
    "threshold": np.full(N, 0.3),
}


def neuron(kind, numbers, backend="xla", surrogate=None, **options):
    constants = {**NUMBERS, **KINDS[kind]}
    input = constants.pop("input", "current")
    constants |= {k: v for k, v in numbers.items() if constants.get(k) is not None}
    return snn.lif(
        N,
        snn.LIFParams(**constants),
        surrogate=surrogate or snn.SuperSpike(5.0),
        input=input,
        backend=backend,
        **options,
    )


def drive(kind):
    x = jax.random.normal(jax.random.key(0), (T, B, N))
    return 0.3 + (0.2 if "voltage" in kind else 1.0) * x


def tilted(tree):
    leaves = [jnp.ravel(leaf) for leaf in jax.tree.leaves(tree)]
    flat = jnp.concatenate([leaf.astype(leaves[0].dtype) for leaf in leaves])
    return jnp.sum(flat * jnp.cos(1.0 + jnp.arange(flat.size, dtype=flat.dtype)))


def outcome(kind, make, names, r, recurrent_gradient=True, run=None):
    """Outputs and gradients of the state, currents, r and constants, from motion."""
    numbers = {**NUMBERS, "v_reset": 0.0, **KINDS[kind]}
    numbers = {
        k: jnp.asarray(v, float)
        for k, v in numbers.items()
        if v is not None and k not in ("input", "refractory")
    }
    state, xs = in_motion(make(numbers)), drive(kind)
    spikes = (jax.random.uniform(jax.random.key(4), (B, N)) < 0.3).astype(float)

    def loss(state, xs, spikes, r, numbers):
        cell = make(numbers)
        if names:
            cell = cell.about.watch(names)
        loop = None if r is None else Loop(r, spikes, recurrent_gradient)
        end, ys = (run or by_cell)(cell, state, xs, loop)
        return tilted((end.v, end.i, ys)), (end, ys)

    kinds = (0, 1, 2, 3, 4) if r is not None else (0, 1, 4)
    graded = jax.value_and_grad(loss, kinds, has_aux=True, allow_int=True)
    value, gradients = jax.jit(graded)(state, xs, spikes, r, numbers)
    return value, jax.tree.map(np.asarray, gradients)


def feedback(looped):
    return 0.2 * jax.random.normal(jax.random.key(1), (N, N)) if looped else None


NAMES = [(), ("v", "v_before"), ("v_before",)]
CASES = [
    (*case, looped, NAMES[k % 3])
    for k, (case, looped) in enumerate(product(RESETS, (None, False, True)))
]
cases = pytest.mark.parametrize(("kind", "reset", "attached", "looped", "names"), CASES)


@cases
def test_values_and_gradients_are_those_of_stepping(
    kind, reset, attached, looped, names, x64
):
    def make(numbers):
        return neuron(kind, numbers, reset=reset, reset_gradient=attached)

    given = kind, make, names, feedback(looped is not None), bool(looped)
    found, expected = outcome(*given), outcome(*given, run=by_steps)
    compare(found, expected, 1e-10, 1e-12)
    ys = found[0][1][1]
    assert 0.02 < (ys[0] if names else ys).mean() < 0.7


@cases
def test_native_code_computes_the_same(kind, reset, attached, looped, names):
    if why := build.load():
        pytest.skip(f"native kernels: {why}")
    shape = snn.SuperSpike(5.0) if attached else Sparse(snn.SuperSpike(5.0), 0.05)
    options = {"surrogate": shape, "reset": reset, "reset_gradient": attached}

    def outcome_by(backend):
        make = lambda numbers: neuron(kind, numbers, backend, **options)  # noqa: E731
        return outcome(kind, make, names, feedback(looped is not None), bool(looped))

    compare(outcome_by("native"), outcome_by("xla"), 2e-4)


@pytest.mark.parametrize("names", [("i",), ("v", "i"), ("refractory", "v_before")])
@pytest.mark.parametrize("looped", [False, True])
def test_other_fields_are_watched_by_stepping(names, looped, x64):
    kind = "refractory"
    make = lambda numbers: neuron(kind, numbers)  # noqa: E731
    given = kind, make, names, feedback(looped)
    compare(outcome(*given), outcome(*given, run=by_steps), 1e-10, 1e-12)


def test_forward_mode_watches_and_loops_as_reverse_mode(x64):
    def make(surrogate):
        return lambda numbers: neuron("voltage", numbers, surrogate=surrogate)

    shape = snn.SuperSpike(5.0)
    for names in ((), ("v", "v_before")):
        found, expected = (
            outcome("voltage", make(s), names, feedback(True))
            for s in (ForwardMode(shape), shape)
        )
        compare(found, expected, 1e-10, 1e-12)


WATCHED = {
    "li": (snn.li(N), ("v", "i")),
    "lif": (snn.lif(N, reset="subtract"), ("v", "i", "v_before")),
    "srm": (snn.srm(N), ("v", "free.v", "free.i", "response", "v_before")),
    "alif": (snn.alif(N), ("v", "i", "a", "v_before")),
    "adlif": (adlif(N), ("v", "w", "v_before")),
    "eif": (neurons.eif(N), ("v", "v_before", "since")),
    "adex": (neurons.adex(N), ("v", "w", "v_before", "since")),
    "qif": (neurons.qif(N), ("v", "v_before", "since")),
    "izhikevich": (neurons.izhikevich(N), ("v", "u", "v_before", "since")),
    "hodgkin_huxley": (neurons.hodgkin_huxley(N, substeps=50), ("v", "m", "h", "n")),
    "morris_lecar": (neurons.morris_lecar(N), ("v", "w")),
    "resonate": (neurons.resonate(N), ("v", "u", "q")),
    "reset_free": (neurons.reset_free(N), ("v", "i")),
    "smooth_lif": (smooth_lif(N), ("v", "i", "v_before")),
    "stochastic_lif": (
        stochastic_lif(N, key=jax.random.key(0)),
        ("v", "neuron.v", "neuron.i", "v_before"),
    ),
}


@pytest.mark.parametrize("name", WATCHED)
def test_every_name_can_be_watched_and_others_are_refused(name, optimized):
    cell, names = WATCHED[name]
    xs = 3.0 * drive("plain")
    end, plain = snn.unroll(cell, (), xs, dt=DT)
    same, (ys, seen) = snn.unroll(cell.about.watch(names), (), xs, dt=DT)
    np.testing.assert_array_equal(ys, plain)
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: (a == b).all(), end, same)))
    assert {*seen} == {*names}
    assert all(value.shape == xs.shape for value in seen.values())
    with pytest.raises(ValueError, match=rf"{name} has no 'z' .* v, .*"):
        cell.about.watch(("v", "z"))


def test_the_voltages_of_a_spike_response_neuron_are_those_of_lif(x64):
    params, xs = snn.LIFParams(5e-3, 2e-3, 0.3), drive("plain")
    names = ("v", "v_before")
    cells = snn.lif(N, params, reset="subtract"), snn.srm(N, params)
    found = [snn.unroll(c.about.watch(names), (), xs, dt=DT)[1] for c in cells]
    assert found[0][0].sum() > 20
    compare(*found, 1e-9, 1e-11)


def test_before_the_reset_a_voltage_is_above_threshold_where_it_fires():
    params = snn.LIFParams(5e-3, 2e-3, 0.3, v_reset=-0.2)
    cell = snn.lif(N, params).about.watch(("v", "v_before"))
    _, (spikes, seen) = snn.unroll(cell, (), drive("plain"), dt=DT)
    assert spikes.sum() > 20
    np.testing.assert_array_equal(seen["v_before"] > params.threshold, spikes > 0)
    np.testing.assert_array_equal(seen["v"][spikes > 0], np.float32(-0.2))
    free = spikes == 0
    np.testing.assert_array_equal(seen["v"][free], seen["v_before"][free])


@pytest.mark.parametrize(
    ("kind", "looped", "attached"),
    [
        *(("plain", False, True), ("plain", True, False), ("plain", None, False)),
        *(("refractory", True, True), ("v_reset", False, False)),
    ],
)
def test_second_derivatives_are_those_of_stepping_natively_too(kind, looped, attached):
    if why := build.load():
        pytest.skip(f"native kernels: {why}")
    options = {"surrogate": snn.Sigmoid(5.0), "reset_gradient": attached}
    r, xs = feedback(looped is not None), drive(kind)
    key = jax.random.key(5)

    def of_gradient(backend, run):
        cell = neuron(kind, {}, backend, **options).about.watch(("v_before",))
        state = in_motion(cell)

        def loss(xs, r):
            spikes = jnp.zeros((B, N))
            loop = None if r is None else Loop(r, spikes, bool(looped))
            _, (spikes, seen) = run(cell, state, xs, loop)
            return tilted((spikes, jnp.sin(seen["v_before"])))

        def along(xs, r):
            slopes = jax.grad(loss, (0, 1) if looped is not None else 0)(xs, r)
            shades = jax.tree.map(lambda x: jax.random.normal(key, x.shape), slopes)
            return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, slopes, shades)))

        return jax.jit(jax.grad(along, (0, 1) if looped is not None else 0))(xs, r)

    found, expected = of_gradient("native", by_cell), of_gradient("xla", by_steps)
    assert all(np.abs(leaf).max() > 0.1 for leaf in jax.tree.leaves(expected))
    compare(found, expected, 1e-3)
