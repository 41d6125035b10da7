"""Norse's neurons, as modules that run over time where there are such."""

import torch
from norse.torch import (
    LI,
    LIF,
    LSNN,
    IAFCell,
    LIFBoxCell,
    LIFBoxParameters,
    LIFParameters,
    LIFRecurrent,
    LIParameters,
    LSNNParameters,
    LSNNRecurrent,
)
from norse.torch.functional.iaf import IAFParameters
from norse.torch.functional.reset import reset_subtract, reset_value

from tests.interop.libraries.on_torch import driven
from tests.interop.libraries.recorder import Case
from tests.interop.libraries.recording import NEURONS, on_grid

OF = {
    "IAF": (IAFCell, IAFParameters),
    "LI": (LI, LIParameters),
    "LIF": (LIF, LIFParameters),
    "LIFBox": (LIFBoxCell, LIFBoxParameters),
    "LIFRecurrent": (LIFRecurrent, LIFParameters),
    "LSNN": (LSNN, LSNNParameters),
    "LSNNRecurrent": (LSNNRecurrent, LSNNParameters),
}
RESETS = {"reset_value": reset_value, "reset_subtract": reset_subtract}
TAU = {  # 1/s: per neuron; dt times the first is exactly 1/8
    "tau_syn_inv": [200.0, 150.0, 250.0, 100.0],
    "tau_mem_inv": [125.0, 100.0, 80.0, 150.0],
}
VALUES = {"v_leak": -0.125, "v_th": 0.875, "v_reset": -0.25}
ADAPTED = {"tau_adapt_inv": [20.0, 30.0, 50.0, 10.0], "beta": [0.5, 0.25, 1.0, 0.75]}
DT = 1e-3


def made(name):
    """A neuron all of whose numbers have gradients."""
    module, parameters = OF[name]

    def make(options, weights):
        numbers = {k: v for k, v in options.items() if k in parameters._fields}
        words = {k: numbers.pop(k) for k in ("method", "alpha") if k in numbers}
        if "reset_method" in numbers:
            words["reset_method"] = RESETS[numbers.pop("reset_method")]
        leaves = {k: torch.tensor(v, requires_grad=True) for k, v in numbers.items()}
        p = parameters(**leaves, **words)
        if name in ("IAF", "LIFBox"):
            return boxes(module(p, dt=options["dt"])), leaves
        told = {"p": p, "dt": options["dt"], "record_states": True}
        if weights:
            recurrent = torch.tensor(weights["recurrent_weights"], requires_grad=True)
            told |= {k: options[k] for k in ("autapses",) if k in options}
            told |= {"input_weights": torch.eye(NEURONS)}
            told |= {"recurrent_weights": recurrent}
            leaves = leaves | {"recurrent_weights": recurrent}
            neuron = module(NEURONS, NEURONS, **told)
        else:
            neuron = module(**told)

        def run(currents):
            spikes, states = neuron(currents)
            return (None, spikes) if name == "LI" else (spikes, states.v)

        return run, leaves

    return make


def boxes(cell):
    """A cell, step by step."""

    def run(currents):
        state, seen = None, []
        for current in currents:
            spikes, state = cell(current, state)
            seen.append((spikes, state.v))
        return tuple(torch.stack(each) for each in zip(*seen, strict=True))

    return run


def shape(method, alpha):
    """Its surrogate; of "super" the slope is 1, whatever alpha is."""
    if method == "super":
        return {"name": "superspike", "numbers": {"slope": 1.0}}
    name = {"heavi_erfc": "heavi_erfc", "heavi_tanh": "tanh"}.get(method, method)
    return {"name": f"norse.{name}", "numbers": {"alpha": alpha}}


def recurrent(rng):
    """Recurrent weights with a diagonal, which is emptied unless there are autapses."""
    return {"recurrent_weights": on_grid(rng.normal(-0.5, 1.0, (NEURONS, NEURONS)))}


def case(name, method="super", alpha=100.0, touch=None, **options):
    run, gradients = driven(made(name))
    spiking = {} if name == "LI" else {"method": method, "alpha": alpha}
    return Case(
        of=f"norse.torch.{OF[name][0].__name__}",
        run=run,
        gradients=gradients,
        options={"dt": DT} | options | spiking,
        voltage="v of the state, after the reset",
        surrogate=shape(method, alpha) if spiking else None,
        weights=recurrent if name.endswith("Recurrent") else lambda rng: {},
        touch=touch,
        rounded="v_leak" in options and name in ("LIF", "LIFRecurrent"),
        dt=DT,
    )


CASES = {
    "norse.IAF": case("IAF", touch=1.0, v_th=1.0),
    "norse.IAF-values": case("IAF", "tanh", 2.0, v_th=0.875, v_reset=-0.25),
    "norse.LI": case("LI", **TAU, v_leak=-0.125),
    "norse.LIF": case("LIF", touch=8.0, **TAU),
    "norse.LIF-values": case("LIF", "tanh", 2.0, **TAU, **VALUES),
    "norse.LIFBox": case("LIFBox", touch=8.0, tau_mem_inv=TAU["tau_mem_inv"]),
    "norse.LIFBox-values": case(
        "LIFBox", "circ", 0.5, tau_mem_inv=TAU["tau_mem_inv"], **VALUES
    ),
    "norse.LIFBox-subtract": case(
        "LIFBox", tau_mem_inv=TAU["tau_mem_inv"], reset_method="reset_subtract"
    ),
    "norse.LIFRecurrent": case("LIFRecurrent", **TAU),
    "norse.LIFRecurrent-values": case("LIFRecurrent", "tanh", 2.0, **TAU, **VALUES),
    "norse.LIFRecurrent-autapses": case("LIFRecurrent", **TAU, autapses=True),
    "norse.LSNN": case("LSNN", **TAU, **ADAPTED),
    "norse.LSNN-values": case("LSNN", "tanh", 2.0, **TAU, **ADAPTED, **VALUES),
    "norse.LSNNRecurrent": case("LSNNRecurrent", **TAU, **ADAPTED),
    "norse.LSNNRecurrent-values": case(
        "LSNNRecurrent", "tanh", 2.0, **TAU, **ADAPTED, **VALUES, autapses=True
    ),
}
