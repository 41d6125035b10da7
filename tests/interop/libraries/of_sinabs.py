"""sinabs' neurons, given [batch, time, neurons]."""

import sinabs.activation as act
import sinabs.layers as layers
import torch

from tests.interop.libraries.on_torch import driven, loaded
from tests.interop.libraries.recorder import Case
from tests.interop.libraries.recording import NEURONS, on_grid

SYN = [4.0, 8.0, 2.0, 16.0]  # time constants are kept in float32
TAU = [10.0, 20.0, 5.0, 8.0]
SUBTRACT = ("MembraneSubtract", {})
NEXT = "v_mem of the recordings: of the next step before its reset, at last after it"


def exponential(threshold):
    numbers = {"grad_width": 0.5, "grad_scale": 1.0, "threshold": threshold}
    return {"name": "sinabs.SingleExponential", "numbers": numbers}


def periodic(threshold):
    numbers = {"grad_width": 0.5, "grad_scale": 1.0, "threshold": threshold}
    return {"name": "sinabs.PeriodicExponential", "numbers": numbers}


def gaussian(threshold):
    return {"name": "sinabs.Gaussian", "numbers": {"sigma": 0.5}}


class Double(torch.nn.Linear):
    """A matrix product for spikes, which come in float32."""

    def forward(self, spikes):
        return super().forward(spikes.double())


def made(name, shape):
    """A layer in float64, with gradients for its time constants or its decays."""

    def make(options, weights):
        given = {
            k: torch.tensor(v) if isinstance(v, list) else v for k, v in options.items()
        }
        given = {k: v for k, v in given.items() if not k.startswith("alpha_")}
        leaves = {}
        if "spike_fn" in given:
            numbers = {k: v for k, v in shape["numbers"].items() if k != "threshold"}
            grad = getattr(act, shape["name"].partition(".")[2])(**numbers)
            reset, values = given["reset_fn"]
            given |= {
                "surrogate_grad_fn": grad,
                "reset_fn": getattr(act, reset)(**values),
            }
            spiking = given["spike_fn"]
            if isinstance(spiking, str):
                given["spike_fn"] = getattr(act, spiking)
            else:
                given["spike_fn"] = getattr(act, spiking[0])(**spiking[1])
            given["spike_threshold"] = torch.tensor(given["spike_threshold"])
        if "adapt_scale" in given:
            leaves["adapt_scale"] = given["adapt_scale"].requires_grad_()
        if weights:
            given["rec_connect"] = loaded(Double(NEURONS, NEURONS), weights)
        layer = getattr(layers, name)(**given, record_states=True).double()
        learned = {k: v for k, v in layer.named_parameters() if v.requires_grad}
        leaves |= {k.removeprefix("rec_connect."): v for k, v in learned.items()}

        def run(currents):
            out = layer(currents.transpose(0, 1)).transpose(0, 1)
            if name == "ExpLeak":
                return None, out
            return out, layer.recordings["v_mem"].transpose(0, 1)

        return run, leaves

    return make


def recurrent(rng):
    """A linear module with a bias, [out, in]."""
    return {
        "weight": on_grid(rng.normal(-0.3, 0.5, (NEURONS, NEURONS))),
        "bias": on_grid(rng.normal(0.0, 0.1, NEURONS)),
    }


def case(name, shape=exponential, touch=None, spiking="MultiSpike", **options):
    if name != "ExpLeak":
        options = {"spike_threshold": 1.0, "reset_fn": SUBTRACT} | options
        options = options | {"spike_fn": options.get("spike_fn", spiking)}
    told = shape(options.get("spike_threshold"))
    if options.get("train_alphas"):
        for kind in ("mem", "syn"):
            if f"tau_{kind}" in options:
                options[f"alpha_{kind}"] = alphas(options[f"tau_{kind}"])
    run, gradients = driven(made(name, told))
    late = name not in ("LIF", "IAF", "ExpLeak")
    return Case(
        of=f"sinabs.layers.{name}",
        run=run,
        gradients=gradients,
        options=options,
        voltage=NEXT if late else "v_mem of the recordings, after the reset",
        surrogate=None if name == "ExpLeak" else told,
        weights=recurrent if "Recurrent" in name else lambda rng: {},
        touch=touch,
        rounded=True,
    )


def alphas(tau):
    """What is learned in place of time constants, as float32 has it."""
    return torch.exp(-1.0 / torch.tensor(tau, dtype=torch.float32)).tolist()


LEAKY = {"tau_mem": TAU, "norm_input": False}
ADAPTIVE = {
    "spiking": "SingleSpike",
    "tau_mem": TAU,
    "tau_adapt": [20.0, 10.0, 30.0, 15.0],
    "adapt_scale": [1.5, 2.0, 1.0, 0.5],
}
CASES = {
    "sinabs.LIF": case("LIF", tau_mem=TAU, norm_input=True),
    "sinabs.LIF-gain_one": case("LIF", touch=1.0, **LEAKY),
    "sinabs.LIF-many": case("LIF", periodic, **LEAKY, spike_threshold=0.25),
    "sinabs.LIF-single": case("LIF", spiking="SingleSpike", touch=1.0, **LEAKY),
    "sinabs.LIF-reset": case(
        "LIF", spiking="SingleSpike", **LEAKY, reset_fn=("MembraneReset", {})
    ),
    "sinabs.LIF-reset_value": case(
        "LIF", gaussian, **LEAKY, reset_fn=("MembraneReset", {"reset_value": -0.125})
    ),
    "sinabs.LIF-subtract_value": case(
        "LIF", **LEAKY, reset_fn=("MembraneSubtract", {"subtract_value": 1.5})
    ),
    "sinabs.LIF-synapse": case("LIF", tau_mem=TAU, tau_syn=SYN, norm_input=True),
    "sinabs.LIF-synapse_gain_one": case("LIF", tau_syn=SYN, **LEAKY),
    "sinabs.LIF-floor": case("LIF", gaussian, **LEAKY, min_v_mem=-0.25),
    "sinabs.LIF-train_alphas": case(
        "LIF", tau_mem=TAU, tau_syn=SYN, norm_input=True, train_alphas=True
    ),
    "sinabs.ExpLeak": case("ExpLeak", **LEAKY),
    "sinabs.ExpLeak-normed_floor": case(
        "ExpLeak", tau_mem=TAU, norm_input=True, min_v_mem=-0.25
    ),
    "sinabs.IAF": case("IAF", touch=1.0),
    "sinabs.IAF-single_synapse": case(
        "IAF", spiking="SingleSpike", tau_syn=SYN, spike_threshold=0.75, min_v_mem=-1.0
    ),
    "sinabs.LIF-at_most_two": case(
        "LIF", spiking=("MaxSpike", {"max_num_spikes_per_bin": 2}), **LEAKY
    ),
    "sinabs.ALIF": case("ALIF", gaussian, **ADAPTIVE, norm_input=False),
    "sinabs.ALIF-moving_width": case(
        "ALIF", **ADAPTIVE, norm_input=True, min_v_mem=-0.5
    ),
    "sinabs.ALIF-synapse": case(
        "ALIF", gaussian, **ADAPTIVE, tau_syn=6.0, norm_input=True
    ),
    "sinabs.LIFRecurrent": case("LIFRecurrent", **LEAKY),
    "sinabs.LIFRecurrent-single_synapse": case(
        "LIFRecurrent", spiking="SingleSpike", tau_mem=TAU, tau_syn=SYN, norm_input=True
    ),
    "sinabs.IAFRecurrent": case("IAFRecurrent"),
    "sinabs.ALIFRecurrent": case(
        "ALIFRecurrent", gaussian, **ADAPTIVE, norm_input=False
    ),
}
