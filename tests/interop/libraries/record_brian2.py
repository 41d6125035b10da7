"""Records the network in Brian2.

python record_brian2.py FOLDER
"""

import brian2 as b2
import numpy as np
from simulated_network import DT, REFRACTORY, TAU_MEM, TAU_SYN, inputs, keep

EQUATIONS = """dv/dt = (I - v) / tau_m : 1 (unless refractory)
dI/dt = -I / tau_s : 1"""


def run(method):
    xs, weights = inputs()
    b2.start_scope()
    b2.defaultclock.dt = DT * b2.ms
    steps, units = np.nonzero(xs)
    source = b2.SpikeGeneratorGroup(xs.shape[1], units, steps * DT * b2.ms)
    neurons = b2.NeuronGroup(
        weights.shape[1],
        EQUATIONS,
        threshold="v > 1",
        reset="v = 0",
        refractory=REFRACTORY * b2.ms,
        method=method,
        namespace={"tau_m": TAU_MEM * b2.ms, "tau_s": TAU_SYN * b2.ms},
    )
    synapses = b2.Synapses(source, neurons, "w : 1", on_pre="I += w")
    synapses.connect()
    synapses.w = weights.ravel()  # from each input to all neurons, then the next
    seen = b2.SpikeMonitor(neurons)
    b2.Network(source, neurons, synapses, seen).run(len(xs) * DT * b2.ms)
    spikes = np.zeros((len(xs), weights.shape[1]), bool)
    spikes[np.round(seen.t / b2.ms / DT).astype(int), seen.i] = True
    return spikes


if __name__ == "__main__":
    b2.prefs.codegen.target = "numpy"
    versions = f"brian2 {b2.__version__}"
    keep("brian2", versions, exact=run("exact"), euler=run("euler"))
