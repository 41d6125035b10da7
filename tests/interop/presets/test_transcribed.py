"""Presets of libraries without a package, against their equations in numpy loops."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import transcribed
from transcribed import stork_adjoint, superspike

import snnjax as snn
from snnjax.cell import run_cell
from snnjax.interop.presets import from_library
from snnjax.networks import ClosedWeights, DenseWeights, delay
from snnjax.probes import watched
from snnjax.surrogate import from_library as surrogate_of

T, LONG, B, K, N = 120, 400, 2, 6, 4
DT = 1e-3
TAU_MEM, TAU_SYN = np.array([10.0, 20.0, 8.0, 15.0]), np.array([5.0, 4.0, 8.0, 3.0])
MEM, SYN = np.exp(-1.0 / TAU_MEM), np.exp(-1.0 / TAU_SYN)


def drawn(seed, scale):
    """Input spikes, weights of whole 1024ths, and what the loss weighs results with."""
    rng = np.random.default_rng(seed)
    x = (rng.random((LONG, B, K)) < 0.3).astype(float)
    w = np.round(scale * rng.normal(0.3, 0.6, (K, N)) * 1024) / 1024
    a, b = rng.uniform(-0.5, 0.5, (2, T, B, N))
    return x, w, a, b


def ours(name, x, w, options, surrogate=None):
    cell = from_library(name, N, surrogate=surrogate, **options)
    look = watched(cell, ("recorded",))
    weights = look.init(jax.random.key(0))
    _, (s, seen) = run_cell(look, weights, look.rest(x[0] @ w), x @ w, DT)
    return s, seen["recorded"]


def compare(name, scale, options, constants, forward, backward, shape, seed=0):
    """Both ways. ``constants(options)`` are the transcription's, traced here for ours.

    A gradient for an option is that for the transcription's constants by the chain.
    """
    x, w, a, b = drawn(seed, scale)
    c = {k: np.asarray(v) for k, v in constants(**options).items()}
    long = forward(x @ w, c)
    share = np.mean(long.spikes > 0)
    assert 0.1 <= share <= 0.3, share
    h = lambda u: np.asarray(surrogate_of(*shape[:1], **shape[1])(u))  # noqa: E731
    found = jax.jit(lambda x, w: ours(name, x, w, options)[0])(x, w)
    np.testing.assert_array_equal(found, long.spikes)

    run = forward(x[:T] @ w, c)
    d_current, d_constants = backward(x[:T] @ w, c, run, a, b, h)
    numbers = {k: jnp.asarray(v) for k, v in options.items() if is_number(v)}
    words = {k: v for k, v in options.items() if k not in numbers}

    @jax.jit
    def graded(x, w, numbers):
        def loss(x, w, numbers):
            s, v = ours(name, x, w, words | numbers)
            return jnp.sum(a * s) + jnp.sum(b * v), v

        return jax.grad(loss, (0, 1, 2), has_aux=True)(x, w, numbers)

    (d_x, d_w, d), v = graded(x[:T], w, numbers)
    np.testing.assert_allclose(v, run.recorded, rtol=0, atol=1e-12)
    near(d_x, d_current @ w.T, "x")
    near(d_w, np.einsum("tbk,tbn->kn", x[:T], d_current), "w")
    of_numbers = jax.jacobian(lambda n: only(constants(**words | n), d_constants))(
        numbers
    )
    for option in numbers:
        expected = sum(
            np.einsum("...,...->", 0.0, 0.0)
            + chained(d_constants[k], of_numbers[k][option], np.shape(numbers[option]))
            for k in d_constants
        )
        near(d[option], expected, option)


def only(constants, names):
    return {k: jnp.asarray(v, float) for k, v in constants.items() if k in names}


def chained(cotangent, jacobian, shape):
    """Of a constant ``[]`` or ``[n]`` that depends on an option ``[]`` or ``[n]``."""
    jacobian = np.asarray(jacobian)
    constant = jacobian.shape[: jacobian.ndim - len(shape)]
    g = cotangent.sum(axis=tuple(range(cotangent.ndim - len(constant))))
    return np.tensordot(g, jacobian, axes=len(constant)) if constant else g * jacobian


def is_number(value):
    return isinstance(value, float | np.ndarray)


def near(found, expected, name):
    scale = max(np.abs(expected).max(), 1e-30)
    np.testing.assert_allclose(found, expected, 1e-10, 1e-10 * scale, err_msg=name)


def of_stork(tau_mem, tau_syn, scaled=True, clamp_mem=False, diff_reset=False):
    return {
        "beta": jnp.exp(-DT / jnp.asarray(tau_mem)),
        "alpha": jnp.exp(-DT / jnp.asarray(tau_syn)),
        "scaled": scaled,
        "clamp": clamp_mem,
    }


TAUS = {"tau_mem": TAU_MEM * 1e-3, "tau_syn": TAU_SYN * 1e-3}
SUPERSPIKE = "stork.SuperSpike", {}


@pytest.mark.parametrize("through", [False, True])
@pytest.mark.parametrize("clamp", [False, True])
def test_stork(through, clamp, x64):
    options = {**TAUS, "clamp_mem": clamp, "diff_reset": through}
    backward = partial(stork_adjoint, through=through)
    given = "stork.LIFGroup", 2.0, options, of_stork, transcribed.stork, backward
    compare(*given, SUPERSPIKE)


def test_spytorch(x64):
    constants = partial(of_stork, scaled=False)
    given = "spytorch.LIF", 0.25, TAUS, constants, transcribed.stork, stork_adjoint
    compare(*given, ("spytorch.SurrGradSpike", {}))


def test_learned_time_scales_of_stork_are_twice_a_share_of_what_is_given(x64):
    x, w, _, _ = drawn(1, 2.0)
    cell = from_library("stork.LIFGroup", N, **TAUS, learn_timescales=True)
    p = {"mem_param": jnp.asarray(0.3), "syn_param": jnp.asarray(-0.2)}
    _, s = run_cell(cell, p, cell.rest(x[0] @ w), x @ w, DT)
    tau = {
        f"tau_{k}": 2 * TAUS[f"tau_{k}"] / (1 + np.exp(-float(p[f"{k}_param"])))
        for k in ("mem", "syn")
    }
    c = {k: np.asarray(v) for k, v in of_stork(**tau).items()}
    np.testing.assert_array_equal(s, transcribed.stork(x @ w, c).spikes)
    drawn_at_first = cell.init(jax.random.key(3))
    assert drawn_at_first["mem_param"] != drawn_at_first["syn_param"]


def of_exp(tau_mem_exp, tau_syn_exp, **others):
    return {"beta": tau_mem_exp, "alpha": tau_syn_exp, **others}


def of_euler(tau_mem, tau_syn, **others):
    beta, alpha = (1.0 - DT / jnp.asarray(tau) for tau in (tau_mem, tau_syn))
    return {"beta": beta, "alpha": alpha, **others}


VOLTS = {"leak": -0.125, "reset": np.array([-0.25, 0.0, 0.25, -0.5]), "threshold": 0.9}


def test_hxtorch(x64):
    options = {"tau_mem_exp": MEM, "tau_syn_exp": SYN, **VOLTS}
    given = "hxtorch.exp_cuba_lif_integration", 1.3, options, of_exp
    steps = transcribed.hxtorch, transcribed.hxtorch_adjoint
    compare(*given, *steps, ("hxtorch.superspike", {}))


def test_hxtorch_by_euler(x64):
    given = "hxtorch.cuba_lif_integration", 1.3, {**TAUS, **VOLTS}, of_euler
    steps = transcribed.hxtorch, transcribed.hxtorch_adjoint
    compare(*given, *steps, ("hxtorch.superspike", {}))


def of_slayer(threshold, current_decay, voltage_decay, tau_grad=1.0, scale_grad=1.0):
    del tau_grad, scale_grad
    return {"threshold": threshold, "current": current_decay, "voltage": voltage_decay}


def test_slayer(x64):
    """In whole numbers: 0.77 is cut off to 49/64, decays are rounded to 4096ths."""
    words = {"threshold": 77, "current_decay": 4, "voltage_decay": 1}
    options = {k: v / (100 if k == "threshold" else 10) for k, v in words.items()}
    x, w, a, b = drawn(4, 0.22)
    c = of_slayer(**options)
    run = transcribed.slayer(x @ w, c)
    assert 0.1 <= run.spikes.mean() <= 0.3
    s, _ = ours("slayer.cuba", x, w, options)
    np.testing.assert_array_equal(s, run.spikes)
    shape = surrogate_of("lava.slayer", tau_rho=49 / 64)

    def loss(x, w):
        s, v = ours("slayer.cuba", x, w, options)
        return jnp.sum(a * s) + jnp.sum(b * v), v

    (d_x, d_w), v = jax.grad(loss, (0, 1), has_aux=True)(jnp.asarray(x[:T]), w)
    run = transcribed.slayer(x[:T] @ w, c)
    np.testing.assert_array_equal(v, run.recorded)
    h = lambda u: np.asarray(shape(u))  # noqa: E731
    d_current, _ = transcribed.slayer_adjoint(x[:T] @ w, c, run, a, b, h)
    near(d_x, d_current @ w.T, "x")
    near(d_w, np.einsum("tbk,tbn->kn", x[:T], d_current), "w")


def of_mlgenn(
    tau_mem,
    v_thresh=1.0,
    v_reset=0.0,
    v=0.0,
    tau_syn=None,
    tau_refrac=None,
    relative_reset=True,
    integrate_during_refrac=True,
    scale_i=False,
):
    tau_syn = 1e-3 if tau_syn is None else tau_syn  # e^-1000 is none
    return {
        "alpha": jnp.exp(-1.0 / jnp.asarray(tau_mem)),
        "decay": jnp.exp(-1.0 / jnp.asarray(tau_syn)),
        "threshold": v_thresh,
        "reset": v_reset,
        "v": v,
        "pause": 0.0 if tau_refrac is None else float(tau_refrac),
        "frozen": not integrate_during_refrac,
        "relative": relative_reset,
        "scaled": scale_i,
    }


MLGENN = {"tau_mem": TAU_MEM, "v_thresh": 0.9, "v_reset": -0.125}
SYNAPSE = {"tau_syn": TAU_SYN}
GENN = {
    "plain": (0.3, {}),
    "scaled": (4.0, {"scale_i": True}),
    "synapse": (0.08, SYNAPSE),
    "synapse scaled": (1.0, {**SYNAPSE, "scale_i": True}),
    "absolute": (0.32, {"relative_reset": False}),
    "refractory": (0.4, {"tau_refrac": 3}),
    "frozen": (0.5, {"tau_refrac": 2, "integrate_during_refrac": False}),
    "all": (
        0.2,
        {
            **SYNAPSE,
            **{"tau_refrac": 2, "integrate_during_refrac": False},
            "relative_reset": False,
        },
    ),
}


@pytest.mark.parametrize("variant", GENN)
def test_mlgenn(variant, x64):
    scale, words = GENN[variant]
    given = "mlgenn.LeakyIntegrateFire", scale, {**MLGENN, **words}, of_mlgenn
    steps = transcribed.mlgenn, transcribed.mlgenn_adjoint
    compare(*given, *steps, ("eprop", {}))


def of_nest(
    tau_m,
    E_L,
    V_th,
    t_ref,
    V_min=None,
    regular_spike_arrival=True,
    adapt_beta=None,
    adapt_tau=10.0,
    late=False,
):
    theta = V_th - E_L
    return {
        "alpha": jnp.exp(-1.0 / jnp.asarray(tau_m)),
        "threshold": theta,
        "low": -np.inf if V_min is None else V_min - E_L,
        "pause": t_ref,
        "rho": jnp.exp(-1.0 / jnp.asarray(adapt_tau)),
        "beta": 0.0 if adapt_beta is None else adapt_beta,
        "late": late,
        "scaled": not regular_spike_arrival,
    }


NEST = {"tau_m": TAU_MEM, "E_L": -0.25, "V_th": 0.5, "t_ref": 2}
ADAPTS = {"adapt_beta": np.array([0.2, 0.1, 0.3, 0.25]), "adapt_tau": TAU_MEM[::-1]}
EPROP = {
    "eprop_iaf_bsshslm_2020": (0.3, {}),
    "eprop_iaf_bsshslm_2020 floor": (0.4, {"V_min": -0.4, "t_ref": 0}),
    "eprop_iaf_bsshslm_2020 scaled": (4.0, {"regular_spike_arrival": False}),
    "eprop_iaf_adapt_bsshslm_2020": (0.4, ADAPTS),
    "eprop_iaf": (0.3, {"V_min": -0.5}),
    "eprop_iaf_adapt": (0.4, {**ADAPTS, "t_ref": 3}),
}


@pytest.mark.parametrize("variant", EPROP)
def test_nest(variant, x64):
    scale, words = EPROP[variant]
    name, late = variant.partition(" ")[0], "bsshslm" in variant
    given = f"nest.{name}", scale, {**NEST, **words}, partial(of_nest, late=late)
    steps = transcribed.nest, transcribed.nest_adjoint
    compare(*given, *steps, ("nest.piecewise_linear", {}))


def test_a_recurrent_layer_of_spytorch_is_its_loop(x64):
    """The product is of the spikes of the step before, as in its tutorial."""
    x, w, _, _ = drawn(5, 0.05)
    r = np.round(np.random.default_rng(6).normal(0, 0.2, (N, N)) * 1024) / 1024
    beta, alpha = MEM, SYN
    v, i, s = np.zeros((B, N)), np.zeros((B, N)), np.zeros((B, N))
    expected = []
    for now in x @ w:
        drive = now + s @ r
        s = (v - 1.0 > 0).astype(float)
        v, i = (beta * v + i) * (1.0 - s), alpha * i + drive
        expected.append(s)
    cell = from_library("spytorch.LIFRecurrent", N, **TAUS)
    weights = ClosedWeights((), DenseWeights(jnp.asarray(r), None))
    _, found = run_cell(cell, weights, cell.rest(x[0] @ w), x @ w, DT)
    assert 0.1 < np.mean(expected) < 0.3
    np.testing.assert_array_equal(found, expected)


def test_layers_of_stork_are_a_step_apart(x64):
    """There all groups act, and connections propagate what they sent after that."""
    rng = np.random.default_rng(9)
    x = (rng.random((T, B, K)) < 0.3).astype(float)
    w = [np.round(1024 * rng.normal(0.6, 1.0, s)) / 1024 for s in ((K, N), (N, N))]
    w[1] *= 8
    v, i, waiting = [np.zeros((3, B, N)) for _ in range(3)]
    expected = []
    for now in x:
        sent = [now]
        for k in range(2):  # forward of every group, by what arrived before
            s = (v[k] - 1.0 > 0).astype(float)
            v[k] = (MEM * v[k] + (1.0 - MEM) * i[k]) * (1.0 - s)
            i[k] = SYN * i[k] + waiting[k]
            sent.append(s)
        for k in range(2):  # propagate
            waiting[k] = sent[k] @ w[k]
        expected.append(sent[2])
    layer = from_library("stork.LIFGroup", N, **TAUS)
    wires = delay(K, DT, 1), snn.dense(K, N), layer, delay(N, DT, 1)
    net = snn.chain(*wires, snn.dense(N, N), layer)
    dense = [DenseWeights(jnp.asarray(each), None) for each in w]
    weights = (), dense[0], (), (), dense[1], ()
    found = snn.unroll(net, weights, jnp.asarray(x), dt=DT)[1]
    assert 0.05 < np.mean(expected) < 0.4
    np.testing.assert_array_equal(found, expected)


def test_readouts_of_spytorch_and_stork_are_their_loops(x64):
    x, w, _, _ = drawn(7, 1.0)
    for name, start, gain in (
        ("spytorch.readout", 0.0, 1.0),
        ("stork.ReadoutGroup", -1e-3, 1.0 - MEM),
    ):
        v, i, expected = np.full((B, N), start), np.zeros((B, N)), []
        for now in x @ w:
            v, i = MEM * v + gain * i, SYN * i + now
            expected.append(v)
        cell = from_library(name, N, **TAUS)
        _, found = run_cell(cell, (), cell.rest(x[0] @ w), x @ w, DT)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_the_hand_written_adjoint_is_that_of_the_loop(x64):
    """Against finite differences where nothing fires, so that all is smooth."""
    x, w, _, b = drawn(8, 0.01)
    c = {k: np.asarray(v) for k, v in of_stork(**TAUS).items()}
    current = x[:T] @ w
    run = transcribed.stork(current, c)
    assert not run.spikes.any()
    nothing = lambda u: np.zeros_like(u)  # noqa: E731
    d_x, d = stork_adjoint(current, c, run, 0 * b, b, nothing)
    step = np.zeros_like(current)
    step[3, 0, 1] = 1e-6
    value = lambda x, c: np.sum(b * transcribed.stork(x, c).recorded)  # noqa: E731
    slope = (value(current + step, c) - value(current - step, c)) / 2e-6
    np.testing.assert_allclose(d_x[3, 0, 1], slope, rtol=1e-6)
    up, down = ({**c, "beta": c["beta"] + k * 1e-7} for k in (1, -1))
    slope = (value(current, up) - value(current, down)) / 2e-7
    np.testing.assert_allclose(d["beta"].sum(), slope, rtol=1e-5)


def test_superspike_of_the_transcriptions_is_ours():
    u = np.linspace(-2, 2, 9)
    shape = surrogate_of("stork.SuperSpike")
    np.testing.assert_allclose(shape(jnp.asarray(u)), superspike(u, 20.0), rtol=1e-5)
