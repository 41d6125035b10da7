"""SpikingJelly's neurons, run over time with their voltages stored."""

import itertools

import torch
from spikingjelly.activation_based import neuron as neurons
from spikingjelly.activation_based import surrogate

from tests.interop.libraries.on_torch import driven
from tests.interop.libraries.recorder import Case

OF = {
    "IF": neurons.IFNode,
    "LIF": neurons.LIFNode,
    "PLIF": neurons.ParametricLIFNode,
    "CUBA": neurons.CUBALIFNode,
    "LI": neurons.NonSpikingLIFNode,
}
SIGMOID = {"name": "spikingjelly.Sigmoid", "numbers": {"alpha": 4.0}}
ATAN = {"name": "spikingjelly.ATan", "numbers": {"alpha": 2.0}}
SOFT = {"name": "spikingjelly.SoftSign", "numbers": {"alpha": 2.0}}


def made(name, shape):
    """A neuron with gradients for what it learns, and for what may be a tensor.

    Floats are demanded where it is made, not where it runs.
    """
    of = OF[name]

    def make(options, weights):
        if name == "LI":
            return leaky(of(**options)), {}
        spiking = getattr(surrogate, shape["name"].partition(".")[2])
        told = dict(options)
        detached = told.pop("detach_reset", None) if name == "CUBA" else None
        neuron = of(**told, surrogate_function=spiking(**shape["numbers"]))
        if detached is not None:
            neuron.detach_reset = detached
        neuron.step_mode, neuron.store_v_seq = "m", True
        leaves = {f"neuron.{k}": v for k, v in neuron.named_parameters()}
        for constant in ("v_threshold", "v_reset", "tau", "c_decay", "v_decay"):
            value = options.get(constant)
            if isinstance(value, float):
                leaves[constant] = torch.tensor(value, requires_grad=True)
                setattr(neuron, constant, leaves[constant])

        def run(currents):
            return neuron(currents), neuron.v_seq

        return run, leaves

    return make


def leaky(neuron):
    def run(currents):
        return None, torch.stack(neuron(currents))

    return run


def case(name, shape=SIGMOID, touch=None, **options):
    run, gradients = driven(made(name, shape))
    return Case(
        of=f"spikingjelly.activation_based.neuron.{OF[name].__name__}",
        run=run,
        gradients=gradients,
        options=options,
        voltage="v_seq, after the reset" if name != "LI" else "v",
        surrogate=shape if name != "LI" else None,
        touch=touch,
    )


HARD, SOFTLY = {"v_reset": 0.0}, {"v_reset": None}


def leaky_integrate_and_fire():
    """Both resets, each with the input decayed or full, detached or not."""
    resets = {"hard": HARD, "soft": SOFTLY}
    for reset, decay, detach in itertools.product(resets, (True, False), (True, False)):
        variant = reset + "_full_input" * (not decay) + "_detached" * detach
        yield (
            f"spikingjelly.LIF-{variant}",
            case(
                "LIF",
                ATAN if detach else SIGMOID,
                touch=8.0 if decay else 1.0,
                v_threshold=1.0,
                tau=8.0,
                **resets[reset],
                decay_input=decay,
                detach_reset=detach,
            ),
        )


CASES = {
    "spikingjelly.IF-hard": case("IF", touch=1.0, v_threshold=1.0, **HARD),
    "spikingjelly.IF-soft": case("IF", ATAN, touch=0.75, v_threshold=0.75, **SOFTLY),
    "spikingjelly.IF-value": case("IF", ATAN, v_threshold=0.75, v_reset=-0.5),
    **dict(leaky_integrate_and_fire()),
    "spikingjelly.LIF-value": case(
        "LIF", SOFT, v_threshold=0.9, tau=5.3, v_reset=-0.3, decay_input=True
    ),
    "spikingjelly.LIF-value_full_input": case(
        "LIF", SOFT, v_threshold=0.9, tau=5.3, v_reset=0.2, decay_input=False
    ),
    "spikingjelly.PLIF-hard": case(
        "PLIF", v_threshold=1.0, init_tau=6.0, v_reset=0.0, decay_input=True
    ),
    "spikingjelly.PLIF-soft": case(
        "PLIF", ATAN, v_threshold=1.0, init_tau=3.0, v_reset=None, decay_input=False
    ),
    "spikingjelly.CUBA-hard": case(
        "CUBA", c_decay=0.5, v_decay=0.75, v_threshold=0.5, v_reset=0.0
    ),
    "spikingjelly.CUBA-soft": case(
        "CUBA",
        ATAN,
        touch=1.0,
        c_decay=0.625,
        v_decay=0.875,
        v_threshold=1.0,
        v_reset=None,
        detach_reset=True,
    ),
    "spikingjelly.LI": case("LI", tau=8.0),
}
