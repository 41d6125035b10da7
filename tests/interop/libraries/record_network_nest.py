"""Records the network in NEST, of iaf_psc_exp.

python record_network_nest.py FOLDER
"""

import nest
import numpy as np
from simulated_network import DT, REFRACTORY, TAU_MEM, TAU_SYN, inputs, keep


def run():
    xs, weights = inputs()
    nest.ResetKernel()
    nest.SetKernelStatus({"resolution": DT, "print_time": False})
    times = [DT * (1 + np.flatnonzero(each)) for each in xs.T]  # none may be at 0
    source = nest.Create("spike_generator", len(times))
    for generator, each in zip(source, times, strict=True):
        generator.spike_times = np.round(each, 1)
    neurons = nest.Create(
        "iaf_psc_exp",
        weights.shape[1],
        {
            "tau_m": TAU_MEM,
            "C_m": TAU_MEM,  # so that a current of 1 pA holds 1 mV
            "tau_syn_ex": TAU_SYN,
            "tau_syn_in": TAU_SYN,
            "t_ref": REFRACTORY,
            "V_th": 1.0,
            "E_L": 0.0,
            "V_reset": 0.0,
            "V_m": 0.0,
        },
    )
    nest.Connect(source, neurons, syn_spec={"weight": weights.T, "delay": DT})
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    nest.Simulate((len(xs) + 4) * DT)
    spikes = np.zeros((len(xs) + 5, weights.shape[1]), bool)
    events = recorder.events
    first = min(neurons.tolist())
    spikes[np.round(events["times"] / DT).astype(int), events["senders"] - first] = True
    return spikes[
        3 : 3 + len(xs)
    ]  # one of the times, one of the delay, one of the flow


if __name__ == "__main__":
    nest.set_verbosity("M_ERROR")
    keep("nest", f"nest {nest.__version__}", spikes=run())
