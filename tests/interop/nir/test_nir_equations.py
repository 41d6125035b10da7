"""The equations of NIR, integrated by SciPy as they stand, are what a network gives.

Inputs are held for a step; spikes that meet a synapse are impulses of the area of a
step. No rule of ours is used: LSODA integrates from step to step, and once through.
"""

import jax.numpy as jnp
import numpy as np
import pytest
from nir_made import leaky, row, run
from scipy.integrate import solve_ivp

import snnjax as snn
from snnjax.interop import nir as our

DT, STEPS = 1e-3, 300
EXACT = {"rtol": 1e-10, "atol": 1e-12, "method": "LSODA"}
ODD = {  # nothing of it is zero or one
    **{"r": 2.5, "v_leak": -0.3, "v_threshold": 0.4, "v_reset": -0.55},
    **{"w_in": 3.0, "tau": 13e-3, "tau_mem": 13e-3, "tau_syn": 4e-3},
}
LOW = {**ODD, "v_threshold": -0.4}  # fires at rest
BACKWARDS = {**ODD, "r": -2.5}
MODELS = ("LIF", "CubaLIF", "LI", "CubaLI", "IF", "I")


def drive(kind):
    """Currents, or spikes where there is a synapse."""
    rng = np.random.default_rng(5)
    spikes = rng.random(STEPS) < 0.25
    currents = 0.6 * rng.normal(size=STEPS) + 0.3
    if kind in ("I", "IF"):
        return 40.0 * currents
    return spikes.astype(float) if kind.startswith("Cuba") else currents


def slope(kind, p, held):
    """Right-hand side of (v, i)."""

    def of(t, y):
        v, i = y
        if kind.startswith("Cuba"):
            dv = (p["v_leak"] - v + p["r"] * i) / p["tau_mem"]
            return [dv, -i / p["tau_syn"]]
        if kind in ("I", "IF"):
            return [p["r"] * held, 0.0]
        return [(p["v_leak"] - v + p["r"] * held) / p["tau"], 0.0]

    return of


def integrated(kind, p, x, subtract=False):
    """Spikes, and voltages before the reset, looked at after each step."""
    y = np.array([0.0 if kind in ("I", "IF") else p["v_leak"], 0.0])
    spikes, voltages = [], []
    for held in x:
        if kind.startswith("Cuba"):
            y[1] += p["w_in"] * held * DT / p["tau_syn"]
        y = solve_ivp(slope(kind, p, held), (0.0, DT), y, **EXACT).y[:, -1]
        voltages.append(y[0])
        spikes.append(kind.endswith("F") and y[0] > p["v_threshold"])
        if spikes[-1]:
            gap = p["v_threshold"] - p["v_reset"]
            y[0] = y[0] - gap if subtract else p["v_reset"]
    return np.array(spikes, float), np.array(voltages)


def ours(kind, constants, x, **options):
    named = {k: v for k, v in constants.items() if k in leaky_fields(kind)}
    graph = row(leaky(kind, 1, np.float64, **named), shape=(1,))
    return run(graph, jnp.asarray(x)[:, None], DT, **options)[:, 0]


def leaky_fields(kind):
    import nir

    return getattr(nir, kind).__dataclass_fields__


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("constants", [ODD, LOW, BACKWARDS], ids=["odd", "low", "back"])
def test_each_neuron_follows_its_equation(kind, constants, x64):
    if constants is not ODD and kind in ("I", "IF"):
        pytest.skip("has no rest")
    x = drive(kind)
    spikes, voltages = integrated(kind, constants, x)
    found = ours(kind, constants, x)
    if kind.endswith("F"):
        np.testing.assert_array_equal(found, spikes)
        assert constants is BACKWARDS or 3 < spikes.sum() < STEPS
    else:
        np.testing.assert_allclose(found, voltages, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("kind", ["LIF", "CubaLIF", "IF"])
def test_subtraction_is_done_on_request(kind, x64):
    x = 2.0 * drive(kind)
    subtracted, _ = integrated(kind, ODD, x, subtract=True)
    np.testing.assert_array_equal(ours(kind, ODD, x, reset="subtract"), subtracted)
    to_value, _ = integrated(kind, ODD, x)
    assert (subtracted != to_value).any()


@pytest.mark.parametrize("kind", ["LIF", "CubaLIF"])
def test_the_first_spike_is_within_a_step_of_that_in_continuous_time(kind, x64):
    """And under a current that stays, the next ones drift by a step each at most."""
    fine, steps = 1e-4, 3000
    p = {**ODD, "r": 1.0, "v_leak": 0.0, "v_reset": 0.0, "v_threshold": 0.5}
    x, held, start = np.zeros(steps), 0.0, np.zeros(2)
    if kind == "LIF":
        held = x[:] = 0.9
    else:  # one strong impulse, which fades
        p |= {"tau_syn": 60e-3, "w_in": 3000.0}
        x[0], start[1] = 1.0, p["w_in"] * fine / p["tau_syn"]
    right, y = slope(kind, p, held), start
    crossing = lambda t, y: y[0] - p["v_threshold"]  # noqa: E731
    crossing.terminal, crossing.direction = True, 1.0
    times, now = [], 0.0
    while now < steps * fine:
        part = solve_ivp(right, (now, steps * fine), y, events=crossing, **EXACT)
        now = part.t[-1]
        if part.status != 1:
            break
        times.append(now)
        y = np.array([p["v_reset"], part.y[1, -1]])
    named = {k: v for k, v in p.items() if k in leaky_fields(kind)}
    graph = row(leaky(kind, 1, np.float64, **named), shape=(1,))
    fired = run(graph, jnp.asarray(x)[:, None], fine)[:, 0]
    found = fine * (1 + np.flatnonzero(fired))
    assert len(times) > 3
    assert 0.0 <= found[0] - times[0] <= fine
    late = found[:5] - np.array(times[:5])
    assert (late >= 0.0).all()
    if kind == "LIF":
        assert (late <= fine * np.arange(1, 6)).all()


def by_euler(kind, p, x, subtract=False):
    """Spikes and voltages of the scheme that the docs tell, in plain numbers."""
    v, i = (0.0 if kind in ("I", "IF") else p["v_leak"]), 0.0
    spikes, voltages = [], []
    for held in x:
        current = held
        if kind.startswith("Cuba"):
            current = i + p["w_in"] * held * DT / p["tau_syn"]
            i = current * (1.0 - DT / p["tau_syn"])
        if kind in ("I", "IF"):
            v = v + DT * p["r"] * current
        else:
            v = v + DT / p["tau_mem"] * (p["v_leak"] - v + p["r"] * current)
        voltages.append(v)
        spikes.append(kind.endswith("F") and v > p["v_threshold"])
        if spikes[-1]:
            gap = p["v_threshold"] - p["v_reset"]
            v = v - gap if subtract else p["v_reset"]
    return np.array(spikes, float), np.array(voltages)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_euler_is_euler_and_another_model(kind, reset, x64):
    x = drive(kind)
    spikes, voltages = by_euler(kind, ODD, x, reset == "subtract")
    found = ours(kind, ODD, x, method="euler", reset=reset)
    if kind.endswith("F"):
        np.testing.assert_array_equal(found, spikes)
        assert 3 < spikes.sum() < STEPS
    else:
        np.testing.assert_allclose(found, voltages, rtol=1e-12, atol=1e-13)
        exact = ours(kind, ODD, x)
        assert kind == "I" or np.abs(exact - voltages).max() > 1e-3


@pytest.mark.parametrize("kind", ["LIF", "CubaLIF"])
def test_a_plain_circuit_is_a_lif_of_ours_and_gives_what_the_circuit_does(kind, x64):
    """Gain and rest go into threshold and reset: the fast neuron is the same one."""
    named = {k: v for k, v in ODD.items() if k in leaky_fields(kind)}
    graph = row(leaky(kind, 1, np.float64, **named), shape=(1,))
    found = our.from_nir(graph, dt=DT)
    (cell,) = found.network.about.parts.values()
    assert cell.about.make is snn.lif
    p = {k: v for k, v in named.items() if k != "tau"}
    tau_syn = p.pop("tau_syn", None)
    p["tau_mem"] = ODD["tau_mem"]
    circuit = our.circuit(1, our.CircuitParams(tau_syn=tau_syn, **p))
    xs = jnp.asarray(drive(kind))[:, None]
    np.testing.assert_array_equal(
        snn.unroll(cell, (), xs, dt=DT)[1], snn.unroll(circuit, (), xs, dt=DT)[1]
    )


def test_gradients_pass_through_circuits(x64):
    """By finite differences, without a spike, through r, the weights and the input."""
    from scipy.optimize import check_grad

    def loss(given):
        r, w, *xs = given
        params = our.CircuitParams(9e-3, 4e-3, r, -0.2, w)
        x = jnp.stack(xs)[:, None]
        return jnp.sum(snn.unroll(our.circuit(1, params), (), x, dt=DT)[1] ** 2)

    import jax

    at = np.array([1.5, 2.0, 0.3, 0.7, 0.1])
    error = check_grad(
        lambda given: float(loss(jnp.asarray(given))),
        lambda given: np.asarray(jax.grad(loss)(jnp.asarray(given))),
        at,
    )
    assert error < 1e-5
