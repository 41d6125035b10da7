"""Spyx's neurons, scanned as ``spyx.nn.run`` does, with their states kept."""

import jax.numpy as jnp
from flax import nnx
from spyx import axn, nn

from tests.interop.libraries.on_jax import driven, scanned
from tests.interop.libraries.recorder import Case
from tests.interop.libraries.recording import NEURONS, on_grid

SUPERSPIKE = {"name": "spyx.superspike", "numbers": {"k": 25.0}}
ARCTAN = {"name": "spyx.arctan", "numbers": {"k": 2.0}}
TANH = {"name": "spyx.tanh", "numbers": {"k": 2.0}}
NUMBERS = {
    "beta": [0.9, 0.8, 0.5, 0.95],
    "gamma": [0.9, 0.95, 0.75, 0.85],
    "alpha": [0.7, 0.85, 0.6, 0.75],
}
LEARNED = {
    "LI": ("beta",),
    "IF": (),
    "LIF": ("beta",),
    "ALIF": ("beta", "gamma"),
    "CuBaLIF": ("alpha", "beta"),
    "RIF": (),
    "RLIF": ("beta",),
    "RCuBaLIF": ("alpha", "beta"),
}


def made(name, shape):
    """A neuron with the decays that it would have drawn replaced by ours."""

    def make(options, weights):
        told = {k: v for k, v in options.items() if k not in NUMBERS}
        if name != "LI":
            axon = getattr(axn, shape["name"].partition(".")[2])(**shape["numbers"])
            told["activation"] = axon
        leaves = {k: jnp.asarray(options[k]) for k in LEARNED[name]}
        leaves |= {k: jnp.asarray(v) for k, v in weights.items()}

        def run(leaves, currents):
            neuron = getattr(nn, name)(currents.shape[2:], **told, rngs=nnx.Rngs(0))
            for leaf, value in leaves.items():
                setattr(neuron, leaf, nnx.Param(value))

            def step(state, current):
                out, state = neuron(current, state)
                v = state[..., : currents.shape[2]]
                return state, (None if name == "LI" else out, v)

            return scanned(step, neuron.initial_state(currents.shape[1]), currents)

        return run, leaves

    return make


def recurrent(rng):
    """Recurrent weights [from, to], autapses included."""
    return {"recurrent_w": on_grid(rng.normal(-0.2, 0.4, (NEURONS, NEURONS)))}


def case(name, shape=SUPERSPIKE, touch=None, **options):
    run, gradients = driven(made(name, shape))
    return Case(
        of=f"spyx.nn.{name}",
        run=run,
        gradients=gradients,
        options={k: NUMBERS[k] for k in LEARNED[name]} | options,
        voltage="V after the step, with the input, before what it is compared with",
        surrogate=None if name == "LI" else shape,
        weights=recurrent if name.startswith("R") else lambda rng: {},
        touch=touch,
    )


CASES = {
    "spyx.LI": case("LI"),
    "spyx.IF": case("IF", touch=1.0, threshold=1.0),
    "spyx.LIF": case("LIF", touch=1.0, threshold=1.0),
    "spyx.LIF-arctan": case("LIF", ARCTAN, threshold=0.875),
    "spyx.LIF-beta_beyond": case("LIF", TANH, beta=[1.2, 0.9, -0.1, 0.5]),
    "spyx.ALIF": case("ALIF", threshold=1.0),
    "spyx.ALIF-arctan": case("ALIF", ARCTAN, threshold=0.5),
    "spyx.CuBaLIF": case("CuBaLIF", touch=1.0, threshold=1.0),
    "spyx.CuBaLIF-arctan": case("CuBaLIF", ARCTAN, threshold=0.875),
    "spyx.RIF": case("RIF", threshold=1.0),
    "spyx.RLIF": case("RLIF", ARCTAN, threshold=1.0),
    "spyx.RCuBaLIF": case("RCuBaLIF", threshold=1.0),
}
