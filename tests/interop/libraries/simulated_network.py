"""The network that BrainPy, Brian2 and NEST run: 40 inputs, 10 leaky neurons, 0.5 s.

τm dv/dt = -v + i    τs di/dt = -i    θ = 1, to rest, silent for 2 ms, dt = 0.1 ms
"""

import sys
from pathlib import Path

import numpy as np

TAU_MEM, TAU_SYN, REFRACTORY, DT = 20.0, 5.0, 2.0, 0.1  # [ms]


def inputs():
    """Spikes ``[5000, 40]`` at about 40 Hz, weights ``[40, 10]``."""
    rng = np.random.default_rng(0)
    return rng.random((5000, 40)) < 0.004, rng.normal(0.5, 0.5, (40, 10))


def keep(name, versions, **spikes):
    """Writes ``NAME.npz`` into the folder that the command line names."""
    folder = Path(sys.argv[1])
    packed = {key: np.packbits(each, axis=0) for key, each in spikes.items()}
    np.savez_compressed(folder / f"{name}.npz", **packed, versions=np.array(versions))
    print(name, {key: int(each.sum()) for key, each in spikes.items()}, versions)
