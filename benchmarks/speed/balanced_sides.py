"""A balanced network in each simulator; run inside its own environment.

    python balanced_sides.py SIDE JOB      with JOB as JSON, a ``Job`` as a dictionary

One process builds the network, simulates it from rest and tells on its last line what
the simulation took, without building, drawing synapses and compiling, and what the
spikes were. It uses as many cores as threads. All have inputs drawn with replacement,
1.5 ms of delay, and no input while refractory. NEST compares a voltage with threshold
before it decays, the others after that, one step later. Only numpy is needed here.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

DT = 1e-4  # [s]
TAU, REFRACTORY = 20e-3, 2e-3  # of the membrane; after a spike [s]
WEIGHT, RESET = 0.1 / 20.0, 0.5  # 0.1 and 10 mV of the 20 mV from rest to threshold
DELAY = 15  # [steps]


class Size(NamedTuple):
    excitatory: int = 10_000
    inhibitory: int = 2_500
    share: int = 10  # one of so many neurons is an input
    seconds: float = 1.0
    settling: float = 0.2  # [s] that are not counted
    chunk: int = 1000  # steps of one program, of ours

    @property
    def n(self) -> int:
        return self.excitatory + self.inhibitory


class Job(NamedTuple):
    """What a side does."""

    inhibition: float  # g
    eta: float
    seed: int = 0
    threads: int = 1
    folder: str = ""  # for what has to be compiled
    size: Size = Size()


def external_rate(eta: float) -> float:
    """η times the input [Hz] that brings the mean of a membrane to threshold."""
    return eta / (WEIGHT * TAU)


def statistics(times: np.ndarray, units: np.ndarray, size: Size) -> dict[str, Any]:
    """Rates [Hz] of both kinds, and the mean coefficient of variation of intervals.

    Args:
        times: of the spikes [steps].
        units: who fired.
        size: of the network, the excitatory neurons first.
    """
    late = times * DT >= size.settling
    times, units = times[late], units[late]
    counts = np.bincount(units, minlength=size.n) / (size.seconds - size.settling)
    order = np.lexsort((times, units))
    times, units = times[order], units[order]
    same, gaps = units[1:] == units[:-1], np.diff(times).astype(float)
    number = np.bincount(units[1:][same], minlength=size.n)
    mean, square = (
        np.bincount(units[1:][same], gaps[same] ** k, size.n) / np.maximum(number, 1)
        for k in (1, 2)
    )
    many = number >= 5
    variation = np.sqrt(np.maximum(square - mean**2, 0.0))[many] / mean[many]
    return {
        "excitatory_hz": round(float(counts[: size.excitatory].mean()), 2),
        "inhibitory_hz": round(float(counts[size.excitatory :].mean()), 2),
        "cv": round(float(variation.mean()), 3) if len(variation) else None,
    }


def snnjax(job: Job) -> dict[str, Any]:
    from benchmarks.speed.balanced_network import simulate

    return simulate(job.size, job.inhibition, job.eta, job.seed)


def nest(job: Job) -> dict[str, Any]:
    import nest

    size, weight = job.size, 1e3 * WEIGHT
    nest.ResetKernel()
    nest.local_num_threads, nest.resolution = job.threads, 1e3 * DT
    nest.rng_seed = job.seed + 1
    membrane = {"tau_m": 1e3 * TAU, "t_ref": 1e3 * REFRACTORY, "C_m": 1.0}
    higher = 1e3 * np.exp(DT / TAU)
    volts = {"E_L": 0.0, "V_m": 0.0, "V_th": higher, "V_reset": RESET * higher}
    cells = nest.Create("iaf_psc_delta", size.n, params=membrane | volts)
    source = nest.Create("poisson_generator", {"rate": external_rate(job.eta)})
    recorder = nest.Create("spike_recorder")
    for name, w in (("excite", weight), ("inhibit", -job.inhibition * weight)):
        synapse = {"weight": w, "delay": 1e3 * DT * DELAY}
        nest.CopyModel("static_synapse_hom_w", name, synapse)
    nest.Connect(source, cells, syn_spec="excite")
    kinds = (cells[: size.excitatory], "excite"), (cells[size.excitatory :], "inhibit")
    for sources, name in kinds:
        rule = {"rule": "fixed_indegree", "indegree": len(sources) // size.share}
        nest.Connect(sources, cells, rule, name)
    nest.Connect(cells, recorder)
    with nest.RunManager():
        clock = Clock()
        nest.Run(1e3 * size.seconds)
        took = clock.took(size)
    told = recorder.events
    times = np.rint(told["times"] / (1e3 * DT)).astype(int) - 1
    return took | statistics(times, told["senders"] - 1, size)


STAMP = """{{
  std::ofstream file("{path}", std::ios::app);
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  file << std::fixed << double(std::clock()) / CLOCKS_PER_SEC << " "
       << now.tv_sec + 1e-9 * now.tv_nsec;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.substr(0, 6) == "VmHWM:") file << line.substr(6);
  file << std::endl;
}}"""


def brian2(job: Job) -> dict[str, Any]:
    """C++, which stamps its times and its memory, without the Python that wrote it."""
    import brian2 as b

    b.set_device("cpp_standalone", build_on_run=False)
    if job.threads > 1:
        b.prefs.devices.cpp_standalone.openmp_threads = job.threads
    b.seed(job.seed)
    b.defaultclock.dt = DT * b.second
    size, device = job.size, b.get_device()
    network, monitor = brian2_network(b, job)
    path = Path(job.folder) / "stamps"
    path.unlink(missing_ok=True)
    for slot in ("before_network_run", "after_network_run"):
        device.insert_code(slot, STAMP.format(path=path))
    network.run(size.seconds * b.second)
    device.build(str(Path(job.folder) / "built"), run=False, with_output=False)
    device.run(with_output=False)
    rows = [
        line.replace("kB", "").split()
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    begun, ended = np.array(rows, float)
    processor, wall = (ended - begun)[:2] / size.seconds
    took = {"processor_s": round(processor, 2), "wall_s": round(wall, 2)}
    took["peak_gb"] = round(1024 * ended[2] / 1e9, 2)
    times = np.rint(np.asarray(monitor.t) / DT).astype(int)
    return took | statistics(times, np.asarray(monitor.i), size)


def brian2_network(b: Any, job: Job) -> tuple[Any, Any]:
    """The network and the monitor of its spikes."""
    size, rate = job.size, external_rate(job.eta)
    cells = b.NeuronGroup(
        size.n,
        "dv/dt = -v / tau : 1 (unless refractory)",
        threshold="v > 1",
        reset=f"v = {RESET}",
        refractory=REFRACTORY * b.second,
        method="exact",
        namespace={"tau": TAU * b.second},
    )
    held = f"v = v * int(not_refractory) + {RESET} * int(not not_refractory)"
    cells.run_regularly(held, when="end")
    inputs = size.excitatory // size.share
    source = b.PoissonInput(cells, "v", inputs, rate / inputs * b.Hz, weight=WEIGHT)
    monitor = b.SpikeMonitor(cells)
    parts = [cells, source, monitor]
    kinds = (0, size.excitatory, WEIGHT), (size.excitatory, size.n, -WEIGHT)
    for (first, last, w), factor in zip(kinds, (1.0, job.inhibition), strict=True):
        delay = (DELAY - 1) * DT * b.second
        jump = f"v_post += {w * factor}"
        synapses = b.Synapses(cells[first:last], cells, on_pre=jump, delay=delay)
        many = last - first
        synapses.connect(i=f"int(rand() * {many}) for _ in range({many // size.share})")
        parts.append(synapses)
    return b.Network(*parts), monitor


class Clock:
    """Seconds of all threads' processors and on the wall, from when it is made."""

    def __init__(self):
        self.began = time.process_time(), time.perf_counter()

    def took(self, size: Size) -> dict[str, float]:
        """What a second of the network took."""
        processor, wall = self.began
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        return {
            "processor_s": round(processor / size.seconds, 2),
            "wall_s": round(wall / size.seconds, 2),
        }


SIDES = {"snnjax": snnjax, "nest": nest, "brian2": brian2}


def main(side: str, text: str) -> None:
    given = json.loads(text)
    job = Job(**given | {"size": Size(*given["size"])})
    cores = sorted(os.sched_getaffinity(0))[: job.threads]
    os.sched_setaffinity(0, cores)  # before anything asks how many there are
    told = SIDES[side](job)
    print(json.dumps({"peak_gb": round(peak() / 1e9, 2)} | told), flush=True)


def peak() -> float:
    """Bytes of this program at most; what the system counts holds its parent, too."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return 1024.0 * float(line.split()[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
