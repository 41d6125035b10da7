"""Presets against recordings of the libraries themselves.

Each recording is one neuron of another library in float64 under one input; see
``tests/interop/recorded/README.md``.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.cell import run_cell
from snnjax.interop.presets import (
    ItselfWeights,
    RelativeExponential,
    from_library,
    supported,
)
from snnjax.interop.presets.registry import PRESETS
from snnjax.networks import ClosedWeights, DenseWeights, RecurrentWeights
from snnjax.probes import watched
from snnjax.surrogate import from_library as surrogate_of
from tests.interop.libraries import recording

CASES = recording.cases()
NEST = [case for case in CASES if case.startswith("nest")]
APART = {  # told, but no parameter here: a step, a start at rest, a capacity of 1
    *("dt", "alpha_mem", "alpha_syn", "V_m", "C_m", "decay"),
}
ROUNDED = {("norse.LI", "v_leak"): 1e-8}  # it starts in float32, whatever comes
LATE = "v_mem of the recordings: of the next step before its reset, at last after it"


def shape(found):
    """As the recording had it; Norse and NEST find their own by their options."""
    told = found.about["surrogate"]
    if told is None or found.about["library"] in ("norse", "nest"):
        return None
    if (found.about["preset"], told["name"]) == (
        "sinabs.ALIF",
        "sinabs.SingleExponential",
    ):  # as wide as the threshold of the moment
        given = {k: v for k, v in told["numbers"].items() if k != "threshold"}
        return RelativeExponential(**given)
    return surrogate_of(told["name"], **told["numbers"])


def options(found):
    """What a preset is given, with every constant learned that its class can learn."""
    preset = PRESETS[found.about["preset"]]
    given = {
        key: value_of(v)
        for key, v in found.about["options"].items()
        if key not in APART - {*preset.parameters} and "." not in key
    }
    learns = {f"learn_{name}" for name in found.gradients} & {*preset.parameters}
    if "params.decay" in found.gradients:
        learns = {"learn_tau"}
    if "input_size" in preset.parameters:
        given["input_size"] = recording.INPUTS
    return given | dict.fromkeys(learns, True)


def value_of(value):
    """Lists are numbers for each neuron, or a class and what it is given."""
    if isinstance(value, list) and not isinstance(value[0], str):
        return np.array(value)
    return value


def short(name):
    """Of a weight, without what it is a part of."""
    return name.removeprefix("neuron.").removeprefix("params.")


def values_of(found):
    """Weights and constants that the library gave a gradient, by our names."""
    told = found.about["options"] | found.weights
    cell = from_library(
        found.about["preset"], 4, surrogate=shape(found), **options(found)
    )
    own = neuron_of(cell.init(jax.random.key(0)))
    names = {name for name in found.gradients if name not in ("x", "w", "spike")}
    return {
        short(name): jnp.asarray(told[name] if name in told else own[short(name)])
        for name in names
        if name in told or short(name) in own
    }


def neuron_of(weights):
    """What the neuron of a network learns."""
    if isinstance(weights, dict):
        return weights.get("neuron", weights)
    return dict(getattr(weights, "neuron", ()))


def made(found, values):
    """The cell and its weights, of values by the library's names."""
    given, name = options(found), found.about["preset"]
    start = from_library(name, 4, surrogate=shape(found), **given)
    weights = start.init(jax.random.key(0))
    own = neuron_of(weights)
    learned = {k: v for k, v in values.items() if k in own} or own
    fixed = {k: v for k, v in values.items() if k in given and k not in own}
    fixed.pop("V", None)  # where it starts
    cell = from_library(name, 4, surrogate=shape(found), **given | fixed)
    return cell, wired(weights, learned or (), values)


def wired(weights, neuron, values):
    """Weights of the whole, with those of connections in our layout."""
    if isinstance(weights, ClosedWeights):
        if isinstance(weights.feedback, ItselfWeights):
            return ClosedWeights(neuron, ItselfWeights(values["V"]))
        if "recurrent" in values:
            return ClosedWeights(neuron, DenseWeights(values["recurrent"], None))
        w, b = (values[f"recurrent.{k}"] for k in ("weight", "bias"))
        return ClosedWeights(neuron, DenseWeights(w.T, b))
    if isinstance(weights, RecurrentWeights):
        return weights._replace(recurrent=values["recurrent_weights"].T)
    if isinstance(weights, dict) and "neuron->sent" in weights:
        feedback = DenseWeights(values["weight"].T, values["bias"])
        return weights | {"neuron": neuron, "neuron->sent": feedback}
    return neuron


def run(found, x, w, values, *also):
    """Spikes, voltages as the library records them, and what else is asked for."""
    cell, weights = made(found, values)
    if isinstance(weights, RecurrentWeights):
        weights = weights._replace(input=DenseWeights(w, None))
    else:
        x = x @ w
    within = "neuron." if isinstance(weights, dict) and "sent" in weights else ""
    names = f"{within}recorded", f"{within}v_before", *also
    look = watched(cell, names)
    dt = 1e-3 if found.about["dt"] is None else found.about["dt"]
    dt = 1e-3 * dt if found.about["library"] == "nest" else dt  # in ms
    _, (spikes, seen) = run_cell(look, weights, look.rest(x[0]), x, dt)
    v, before, *others = (seen[name] for name in names)
    if found.about["surrogate"] is None:
        return None, spikes  # a readout, whose voltage is its output
    if found.about["voltage"] == LATE:
        v = jnp.concatenate([before[1:], v[-1:]])
    return spikes, v, before, *others


@pytest.mark.parametrize("case", CASES)
def test_spikes_voltages_and_gradients_are_those_of_the_library(case, x64):
    found = recording.read(case)
    x, w, values = jnp.asarray(found.x), jnp.asarray(found.w), values_of(found)
    a, b = recording.cotangents()

    @jax.jit
    def long(x, w, values):
        return run(found, x, w, values)[0]

    @jax.jit
    def graded(x, w, values):
        def loss(x, w, values):
            spikes, v, *_ = run(found, x, w, values)
            fired = 0.0 if spikes is None else jnp.sum(a * spikes)
            return fired + jnp.sum(b * v), v

        return jax.grad(loss, (0, 1, 2), has_aux=True)(x, w, values)

    if found.spikes is not None:
        np.testing.assert_array_equal(long(x, w, values), found.spikes)
    (d_x, d_w, d), v = graded(x[: recording.STEPS], w, values)
    np.testing.assert_allclose(v, found.v, rtol=0, atol=1e-12)
    near = 1e-6 if found.about["rounded"] else 1e-10
    for name, expected in found.gradients.items():
        if name == "spike" or (case, name) == ("sparx.IF", "decay"):
            continue  # below; what an IF has not here
        value = {"x": d_x[:60], "w": d_w}.get(name)
        value = d[short(name)] if value is None else value
        scale, at = np.abs(expected).max(), ROUNDED.get((case, name), near)
        np.testing.assert_allclose(value, expected, at, at * scale, err_msg=name)


@pytest.mark.parametrize("case", NEST)
def test_surrogates_of_nest_are_those_that_it_records(case, x64):
    """Of the voltage that is compared, and zero where a neuron may not fire."""
    found = recording.read(case)
    x, w = jnp.asarray(found.x[: recording.STEPS]), jnp.asarray(found.w)
    adapts = "adapt" in case
    names = ("refractory", "a") if adapts else ("refractory",)
    _, _, *seen = run(found, x, w, {}, *names)
    before, left, *a = map(np.asarray, seen)
    told = found.about["options"]
    theta = np.array(told["V_th"]) - told["E_L"]
    if adapts:
        earlier = np.concatenate([np.zeros_like(a[0][:1]), a[0][:-1]])
        theta = theta + np.array(told["adapt_beta"]) * earlier
    left = np.concatenate([np.zeros_like(left[:1]), left[:-1]])
    shape = surrogate_of(
        found.about["surrogate"]["name"], **found.about["surrogate"]["numbers"]
    )
    expected = np.where(left > 1, 0.0, shape(jnp.asarray(before - theta)))
    np.testing.assert_allclose(expected, found.gradients["spike"], rtol=0, atol=1e-12)


def test_recordings_are_of_presets():
    assert {case.partition("-")[0] for case in CASES} <= {*supported()}


def test_every_preset_with_a_package_is_recorded():
    """The others are transcribed; hxtorch needs hardware, mlGeNN a compiler."""
    others = "stork", "spytorch", "hxtorch", "slayer", "mlgenn"
    recorded = {case.partition("-")[0] for case in CASES}
    missing = {name for name in supported() if name.partition(".")[0] not in others}
    assert missing <= recorded
