"""snnTorch's neurons, step by step as its tutorials run them."""

import inspect

import snntorch
import torch
from snntorch import surrogate

from tests.interop.libraries.on_torch import driven, loaded
from tests.interop.libraries.recorder import Case
from tests.interop.libraries.recording import NEURONS, on_grid

BETA = [0.9, 0.8, 0.5, 0.95]
ALPHA = [0.7, 0.85, 0.6, 0.75]
THRESHOLD = [1.0, 0.875, 1.25, 1.0]  # in float32 too: its reset is rounded to that
ATAN = {"name": "snntorch.atan", "numbers": {"alpha": 2.0}}
SLOPE = {"name": "snntorch.fast_sigmoid", "numbers": {"slope": 5.0}}
SIGMOID = {"name": "snntorch.sigmoid", "numbers": {"slope": 4.0}}
RECURRENT = (snntorch.RLeaky, snntorch.RSynaptic)
# What has gradients but is no parameter: Alpha cannot be made with learn_alpha.
APART = {"Alpha": ("alpha",), "Lapicque": ("R", "C")}


def made(name, shape):
    """A neuron whose constants are all learned, where the class has the option."""
    of = getattr(snntorch, name)
    learns = [k for k in inspect.signature(of).parameters if k.startswith("learn_")]
    learns = {k for k in learns if "graded" not in k}
    grad = getattr(surrogate, shape["name"].partition(".")[2])(**shape["numbers"])

    def make(options, weights):
        given = {
            k: torch.tensor(v) if isinstance(v, list) else v for k, v in options.items()
        }
        apart = {}
        for constant in APART.get(name, ()):
            if constant in options:
                apart[constant] = torch.tensor(options[constant], requires_grad=True)
        given |= apart
        learned = {
            k: True for k in learns if k[6:] in {*options, "recurrent"} - {*apart}
        }
        neuron = of(**given, **learned, spike_grad=grad)
        loaded(neuron, weights)

        def run(currents):
            states, seen = (), []
            for current in currents:
                out = neuron(current, *states)
                states = out[1:]
                if of in RECURRENT:  # whose product takes no spikes of another dtype
                    states = (out[0].double(), *states)
                seen.append((out[0], out[-1]))
            spikes, v = zip(*seen, strict=True)
            return torch.stack(spikes), torch.stack(v)

        return run, apart | dict(neuron.named_parameters())

    return make


def recurrent(rng):
    """What ``all_to_all`` has: a matrix [out, in] and a bias."""
    return {
        "recurrent.weight": on_grid(rng.normal(-0.2, 0.3, (NEURONS, NEURONS))),
        "recurrent.bias": on_grid(rng.normal(0.0, 0.1, NEURONS)),
    }


def case(name, shape=ATAN, voltage="mem, before the reset", **options):
    """One neuron; the first input brings the first neuron exactly to threshold."""
    wired = "linear_features" in options
    run, gradients = driven(made(name, shape))
    return Case(
        of=f"snntorch.{name}",
        run=run,
        gradients=gradients,
        options=options,
        voltage=voltage,
        surrogate=shape,
        weights=recurrent if wired else lambda rng: {},
        touch=1.0 if name in ("Leaky", "Synaptic") else None,
        rounded=True,
    )


def both(name, **options):
    """A neuron that loses its threshold, or all, in the step after a spike."""
    return {
        f"snntorch.{name}-{reset}": case(
            name, shape, **options, reset_mechanism=reset, threshold=THRESHOLD
        )
        for reset, shape in (("subtract", ATAN), ("zero", SLOPE))
    }


def at_once(name, reset, **options):
    voltage = "mem, after the reset"
    given = {"reset_mechanism": reset, "reset_delay": False, "threshold": THRESHOLD}
    return case(name, ATAN, voltage, **options, **given)


CASES = {
    **both("Leaky", beta=BETA),
    "snntorch.Leaky-none": case(
        "Leaky", SIGMOID, beta=BETA, threshold=THRESHOLD, reset_mechanism="none"
    ),
    "snntorch.Leaky-one_beta": case("Leaky", beta=0.9, threshold=1.0),
    "snntorch.Leaky-beta_above_one": case(
        "Leaky", beta=[1.2, 0.9, 1.0, -0.1], threshold=THRESHOLD
    ),
    "snntorch.Leaky-at_once_subtract": at_once("Leaky", "subtract", beta=BETA),
    "snntorch.Leaky-at_once_zero": at_once("Leaky", "zero", beta=BETA),
    **both("Synaptic", alpha=ALPHA, beta=BETA),
    "snntorch.Synaptic-at_once_subtract": at_once(
        "Synaptic", "subtract", alpha=ALPHA, beta=BETA
    ),
    **both("Alpha", alpha=[0.9, 0.95, 0.8, 0.9], beta=[0.8, 0.7, 0.5, 0.85]),
    **both("Lapicque", beta=0.9),
    **{f"{k}_rc": v for k, v in both("Lapicque", R=5.0, C=1.5, time_step=0.5).items()},
    **both("RLeaky", beta=BETA, linear_features=NEURONS),
    "snntorch.RLeaky-one_to_one": case(
        "RLeaky",
        beta=BETA,
        threshold=THRESHOLD,
        all_to_all=False,
        V=[0.5, -0.5, 0.25, -1.0],
    ),
    **both("RSynaptic", alpha=ALPHA, beta=BETA, linear_features=NEURONS),
}
