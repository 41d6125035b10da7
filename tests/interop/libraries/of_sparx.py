"""sparx's cells, scanned, with their states kept."""

import jax.numpy as jnp
from sparx import nn, surrogate
from sparx.dynamics import (
    ALIFCell,
    Dense,
    LICell,
    LIFCell,
    RecurrentCell,
    Serial,
    SynapticInput,
)

from tests.interop.libraries.on_jax import driven, scanned
from tests.interop.libraries.recorder import Case
from tests.interop.libraries.recording import NEURONS, on_grid

ATAN = {"name": "sparx.ATan", "numbers": {"alpha": 2.0}}
FAST = {"name": "sparx.FastSigmoid", "numbers": {"slope": 25.0}}
SIGMOID = {"name": "sparx.Sigmoid", "numbers": {"alpha": 4.0}}
DECAY = [0.9, 0.8, 0.5, 0.95]
THRESHOLD = [1.0, 0.9, 1.25, 1.0]
WORDS = ("reset", "detach_reset", "refractory")


def li(numbers, words):
    return LICell(numbers["decay"])


def lif(numbers, words):
    return LIFCell(numbers["decay"], numbers["threshold"], **words)


def learned(numbers, words):
    """The cell that ``nn.LIF(learn_tau=True)`` makes of its parameter, a logit."""
    layer = nn.LIF(threshold=numbers["threshold"], learn_tau=True, **words)
    given = {"params": {"decay": numbers["params.decay"]}}
    return layer.apply(given, jnp.zeros((1, NEURONS)), method="model")


def alif(numbers, words):
    return ALIFCell(**numbers, **words)


def synaptic(numbers, words):
    membrane = LIFCell(numbers["decay"], numbers["threshold"], **words)
    return Serial(LICell(numbers["synapse_decay"]), membrane)


def recurrent(numbers, words):
    inner = LIFCell(numbers["decay"], numbers["threshold"], **words)
    return RecurrentCell(inner, Dense(numbers["recurrent"]), None)


OF = {
    "LI": (li, "LICell", lambda state: state.v),
    "LIF": (lif, "LIFCell", lambda state: state.v),
    "LIFLearned": (learned, "LIFCell", lambda state: state.v),
    "ALIF": (alif, "ALIFCell", lambda state: state.v),
    "Synaptic": (synaptic, "Serial(LICell, LIFCell)", lambda state: state[1].v),
    "LIFRecurrent": (recurrent, "RecurrentCell(LIFCell)", lambda state: state[0].v),
}


def made(name, shape):
    """A cell all of whose numbers are leaves."""
    build, _, voltage = OF[name]

    def make(options, weights):
        words = {k: options[k] for k in WORDS if k in options}
        if shape is not None:
            of = getattr(surrogate, shape["name"].partition(".")[2])
            words["surrogate"] = of(**shape["numbers"])
        leaves = {k: jnp.asarray(v) for k, v in options.items() if k not in WORDS}
        leaves |= {k: jnp.asarray(v) for k, v in weights.items()}

        def run(leaves, currents):
            cell = build(leaves, words)

            def step(state, current):
                state, out = cell.step(state, SynapticInput(jump=current), 1.0)
                return state, (None if shape is None else out.value, voltage(state))

            rest = cell.init_state(currents.shape[1:], jnp.float64)
            return scanned(step, rest, currents)

        return run, leaves

    return make


def wires(rng):
    """Recurrent weights [from, to], autapses included."""
    return {"recurrent": on_grid(rng.normal(-0.2, 0.4, (NEURONS, NEURONS)))}


def case(name, shape=ATAN, touch=None, **options):
    run, gradients = driven(made(name, shape))
    return Case(
        of=f"sparx.dynamics.{OF[name][1]}",
        run=run,
        gradients=gradients,
        options=options if "params.decay" in options else {"decay": DECAY} | options,
        voltage="v of the state, after the reset",
        surrogate=shape,
        weights=wires if name == "LIFRecurrent" else lambda rng: {},
        touch=touch,
    )


LEAKY = {"threshold": THRESHOLD}
ADAPTIVE = LEAKY | {"adapt_decay": [0.95, 0.9, 0.8, 0.98], "beta": [0.5, 1.8, 1.0, 0.2]}
CASES = {
    "sparx.LI": case("LI", None),
    "sparx.LIF": case("LIF", touch=1.0, **LEAKY),
    "sparx.LIF-zero": case("LIF", SIGMOID, touch=1.0, **LEAKY, reset="zero"),
    "sparx.LIF-none": case("LIF", SIGMOID, **LEAKY, reset="none"),
    "sparx.LIF-detached": case("LIF", FAST, **LEAKY, detach_reset=True),
    "sparx.LIF-zero_detached": case(
        "LIF", FAST, **LEAKY, reset="zero", detach_reset=True
    ),
    "sparx.LIF-learn_tau": case(
        "LIFLearned", FAST, **LEAKY, **{"params.decay": [2.0, 1.5, -0.5, 3.0]}
    ),
    "sparx.IF": case("LIF", touch=1.0, decay=1.0, **LEAKY),
    "sparx.ALIF": case("ALIF", **ADAPTIVE),
    "sparx.ALIF-zero_refractory": case(
        "ALIF", FAST, **ADAPTIVE, reset="zero", refractory=3.0
    ),
    "sparx.Synaptic": case("Synaptic", **LEAKY, synapse_decay=[0.7, 0.85, 0.6, 0.75]),
    "sparx.LIFRecurrent": case("LIFRecurrent", **LEAKY),
}
