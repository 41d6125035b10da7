"""Records what NEST's neurons do; run inside its environment.

    python record_nest.py nest.npz

Keys are ``neuron/what``, in NEST's units: ms, mV, pA, pF, nS. ``V_m`` is the voltage
every ``interval``, ``[time, n]``, the first of it one interval after the beginning.
``counts`` in units of ``weight`` are what arrives at the beginning of each step, and
``currents`` are what is injected in each 50 ms, so that nothing is drawn again.
"""

import sys

import nest
import numpy as np

LINEAR, FINE = 0.1, 0.01  # resolutions [ms]
LEVEL = 500  # steps for which a current stays as it is
EXP = {  # iaf_psc_exp, whose synapse is faster, as fast, or slower than its membrane
    "tau_m": [10.0, 20.0, 10.0, 20.0],
    "tau_syn_ex": [2.0, 5.0, 10.0, 30.0],
    "tau_syn_in": [2.0, 5.0, 10.0, 30.0],
    "C_m": [250.0, 200.0, 250.0, 400.0],
    "t_ref": [2.0, 5.0, 0.5, 1.0],
    "V_th": [-55.0, -52.0, -55.0, -60.0],
    "V_reset": [-70.0, -65.0, -75.0, -70.0],
    "E_L": [-70.0] * 4,
    "weight": [18.0, 3.0, 3.6, 0.7],  # of a count [pA]; a spike has five, or minus four
    "most": [0.5, 0.5, 0.5, 0.5],  # of the currents, in units of the rheobase
}
DELTA = {  # iaf_psc_delta, the last of which is given currents only
    "tau_m": [10.0, 20.0, 15.0],
    "C_m": [250.0, 200.0, 300.0],
    "t_ref": [2.0, 0.5, 3.0],
    "V_th": [-55.0, -52.0, -55.0],
    "V_reset": [-70.0, -65.0, -72.0],
    "E_L": [-70.0] * 3,
    "weight": [0.16, 0.08, 0.0],  # [mV]
    "most": [0.5, 0.5, 2.0],
}
PATTERNS = {  # aeif_psc_exp: tonic, bursting, neither adaptation nor burst
    "I_e": [1000.0, 800.0, 700.0],
    "a": [0.0, 4.0, 0.0],
    "b": [60.0, 60.0, 0.0],
    "tau_w": [30.0, 100.0, 100.0],
    "V_reset": [-55.0, -46.0, -70.6],
    "V_peak": [20.0] * 3,
    "V_m": [-70.6] * 3,
    "w": [0.0] * 3,
}
TYPES = {  # izhikevich: regular spiking, chattering, fast spiking, low threshold
    "I_e": [10.0] * 4,
    "a": [0.02, 0.02, 0.1, 0.02],
    "b": [0.2, 0.2, 0.2, 0.25],
    "c": [-65.0, -50.0, -65.0, -65.0],
    "d": [8.0, 2.0, 2.0, 2.0],
    "V_m": [-70.0] * 4,
    "U_m": [-14.0] * 4,
}


def created(model, resolution, constants):
    """The only neurons that there are, one for each of the constants."""
    nest.ResetKernel()
    nest.resolution = resolution
    known = nest.GetDefaults(model)
    constants = {name: v for name, v in constants.items() if name in known}
    n = len(constants["E_L" if "E_L" in constants else "V_m"])
    each = [{name: v[k] for name, v in constants.items()} for k in range(n)]
    return nest.Create(model, n, params=each)


def watched(cells, interval, until):
    """Voltages and spikes up to a time [ms]."""
    told = {"record_from": ["V_m"], "interval": interval}
    meter, recorder = nest.Create("multimeter", told), nest.Create("spike_recorder")
    nest.Connect(meter, cells)
    nest.Connect(cells, recorder)
    nest.Simulate(until + nest.resolution)  # what is recorded arrives a step late
    seen, fired = meter.events, recorder.events
    order = np.lexsort((seen["senders"], seen["times"].round(6)))
    v = seen["V_m"][order].reshape(-1, len(cells))
    assert len(v) == round(until / interval)
    units = fired["senders"] - cells[0].global_id
    order = np.lexsort((fired["times"], units))
    spikes = {"spikes": fired["times"][order], "units": units[order]}
    return {"V_m": v, "interval": interval, "resolution": nest.resolution, **spikes}


def drives(constants, steps):
    """Poisson input of both signs, and currents that step, from 50 ms on."""
    rng, n = np.random.default_rng(1), len(constants["C_m"])
    excitatory, inhibitory = rng.poisson([[[0.2]], [[0.06]]], (2, steps, n))
    counts = (5 * excitatory - 4 * inhibitory).astype(np.int8)
    c, tau, low, high, most = (
        np.array(constants[name]) for name in ("C_m", "tau_m", "E_L", "V_th", "most")
    )
    levels = (c / tau * (high - low) * most * rng.random((steps // LEVEL, n))).round(1)
    counts[:LEVEL], levels[0] = 0, 0.0
    return counts * (np.array(constants["weight"]) > 0), levels


def linear(model, constants, steps=10_000):
    """Spikes and currents of step k are sent so that they arrive at its beginning."""
    cells = created(model, LINEAR, constants)
    counts, levels = drives(constants, steps)
    first = np.arange(1, len(levels)) * LEVEL
    for k, cell in enumerate(cells):
        (at,) = np.nonzero(counts[:, k])
        times = {"spike_times": (at * LINEAR - LINEAR).round(1)}
        times["spike_weights"] = constants["weight"][k] * counts[at, k]
        changes = {"amplitude_times": (first * LINEAR - LINEAR).round(1)}
        changes["amplitude_values"] = levels[1:, k]
        if len(at):
            source = nest.Create("spike_generator", params=times)
            nest.Connect(source, cell, syn_spec={"weight": 1.0, "delay": LINEAR})
        source = nest.Create("step_current_generator", params=changes)
        nest.Connect(source, cell, syn_spec={"delay": LINEAR})
    seen = watched(cells, 5 * LINEAR, steps * LINEAR)
    return seen | {"counts": counts, "currents": levels} | constants


def squid():
    """hh_psc_alpha, which starts at -65 mV, under 10 µA/cm² on 100 µm by 100 µm."""
    cells = created("hh_psc_alpha", FINE, {"I_e": [1000.0], "V_m": [-65.0]})
    names = ("C_m", "g_Na", "g_K", "g_L", "E_Na", "E_K", "E_L", "I_e")
    start = ("V_m", "Act_m", "Inact_h", "Act_n")
    told = {name: [cells[0].get(name)] for name in names}
    told["start"] = [cells[0].get(name) for name in start]
    return watched(cells, 0.05, 100.0) | told


def exponential():
    """aeif_psc_exp, with all but the patterns as NEST has it."""
    cells = created("aeif_psc_exp", FINE, PATTERNS)
    names = "C_m", "g_L", "E_L", "V_th", "Delta_T", "gsl_error_tol"
    told = {name: [cell.get(name) for cell in cells] for name in names}
    told["start"] = [PATTERNS["V_m"], PATTERNS["w"]]
    return PATTERNS | told | watched(cells, 0.25, 500.0)


def quadratic():
    """izhikevich, in the scheme that NEST calls consistent."""
    cells = created("izhikevich", FINE, TYPES)
    told = {"start": [TYPES["V_m"], TYPES["U_m"]]}
    return TYPES | told | watched(cells, 0.25, 500.0)


def main(path):
    nest.verbosity = nest.VerbosityLevel.ERROR
    found = {
        "iaf_psc_exp": linear("iaf_psc_exp", EXP),
        "iaf_psc_delta": linear("iaf_psc_delta", DELTA),
        "hh_psc_alpha": squid(),
        "aeif_psc_exp": exponential(),
        "izhikevich": quadratic(),
    }
    flat = {
        f"{neuron}/{what}": np.asarray(values)
        for neuron, told in found.items()
        for what, values in told.items()
    }
    np.savez_compressed(path, version=np.array(nest.__version__), **flat)


if __name__ == "__main__":
    main(sys.argv[1])
