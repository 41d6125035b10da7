"""NEST's e-prop neurons, simulated one step a millisecond.

``iaf_psc_exp`` and ``iaf_psc_delta`` are recorded by ``tests/neurons/record_nest.py``.
"""

import nest
import numpy as np

from tests.interop.libraries.recorder import Case
from tests.interop.libraries.recording import BATCH, NEURONS

nest.verbosity = nest.VerbosityLevel.ERROR
DT = 1.0  # ms
BEFORE = 1  # steps that pass before the input, which takes one to arrive
TAU = [10.0, 20.0, 5.0, 8.0]  # ms
THRESHOLD = [1.0, 0.875, 1.25, 1.0]  # mV above rest


def simulated(model, options, currents):
    """Voltages, spikes and surrogate in every step, ``[T, 2, n]``."""
    nest.ResetKernel()
    nest.resolution = DT
    nest.eprop_reset_neurons_on_update = False
    steps = len(currents)
    constants = {k: np.broadcast_to(v, NEURONS) for k, v in options.items()}
    each = [
        {k: v[unit].item() for k, v in constants.items()}
        for _ in range(BATCH)
        for unit in range(NEURONS)
    ]
    cells = nest.Create(model, len(each), params=each)
    for cell, current in zip(cells, currents.reshape(steps, -1).T, strict=True):
        (at,) = np.nonzero(current)
        times = {"spike_times": DT * (at + BEFORE * 1.0), "spike_weights": current[at]}
        source = nest.Create("spike_generator", params=times)
        nest.Connect(source, cell, syn_spec={"weight": 1.0, "delay": DT})
    told = {"record_from": ["V_m", "surrogate_gradient"], "interval": DT}
    meter, recorder = nest.Create("multimeter", told), nest.Create("spike_recorder")
    nest.Connect(meter, cells, syn_spec={"delay": DT})
    nest.Connect(cells, recorder, syn_spec={"delay": DT})
    nest.Simulate(DT * (steps + BEFORE + 2))
    seen, fired = meter.events, recorder.events
    order = np.lexsort((seen["senders"], seen["times"].round(3)))

    def every_step(values):
        values = values[order].reshape(-1, BATCH, NEURONS)
        return values[BEFORE : BEFORE + steps]

    spikes = np.zeros((steps + BEFORE + 2, BATCH * NEURONS))
    at = np.round(fired["times"] / DT).astype(int) - 1
    spikes[at, fired["senders"] - cells[0].global_id] = 1.0
    spikes = spikes[BEFORE : BEFORE + steps].reshape(steps, BATCH, NEURONS)
    return spikes, every_step(seen["V_m"]), every_step(seen["surrogate_gradient"])


def driven(model):
    def run(x, w, options, weights):
        return simulated(model, options, x @ w)[:2]

    def gradients(x, w, options, weights):
        return {"spike": simulated(model, options, x @ w)[2]}

    return run, gradients


def case(model, function, **options):
    run, gradients = driven(model)
    numbers = {"beta": 2.0, "gamma": 0.5}
    return Case(
        of=f"nest.{model}",
        run=run,
        gradients=gradients,
        options={
            "E_L": 0.0,
            "V_m": 0.0,
            "V_th": THRESHOLD,
            "tau_m": TAU,
            "C_m": 1.0,
            "t_ref": 0.0,
            "surrogate_gradient_function": function,
            "surrogate_gradient_width": 1 / numbers["beta"],
            "surrogate_gradient_height": numbers["gamma"],
        }
        | options,
        voltage=(
            "V_m, before the reset, which comes with the next step"
            if model.endswith("2020")
            else "V_m, after the reset"
        ),
        surrogate={"name": f"nest.{function}", "numbers": numbers},
        touch=1.0,
        dt=DT,
    )


LINEAR, FAST = "piecewise_linear", "fast_sigmoid_derivative"
ADAPTIVE = {"adapt_beta": [0.5, 1.0, 0.25, 0.1], "adapt_tau": [50.0, 20.0, 30.0, 100.0]}
OLD, OLD_ADAPTIVE = "eprop_iaf_bsshslm_2020", "eprop_iaf_adapt_bsshslm_2020"
CASES = {
    "nest.eprop_iaf": case("eprop_iaf", LINEAR),
    "nest.eprop_iaf-held": case("eprop_iaf", FAST, t_ref=2.0, V_min=-0.5),
    "nest.eprop_iaf_adapt": case("eprop_iaf_adapt", LINEAR, **ADAPTIVE),
    f"nest.{OLD}": case(OLD, LINEAR, regular_spike_arrival=True),
    f"nest.{OLD}-filtered": case(OLD, FAST, regular_spike_arrival=False),
    f"nest.{OLD}-held": case(OLD, LINEAR, regular_spike_arrival=True, t_ref=3.0),
    f"nest.{OLD_ADAPTIVE}": case(
        OLD_ADAPTIVE, LINEAR, regular_spike_arrival=True, **ADAPTIVE
    ),
}
