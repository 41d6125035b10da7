"""Records the network in BrainPy.

    python record_brainpy.py FOLDER

``rounded`` has the refractory time of 2 ms, which its clock rounds to 20 steps or 21;
``spikes`` has 1.95 ms, which are 20 steps of silence with that of the spike.
"""

import brainpy as bp
import brainpy.math as bm
import numpy as np
from simulated_network import DT, REFRACTORY, TAU_MEM, TAU_SYN, inputs, keep


class Net(bp.DynSysGroup):
    def __init__(self, weights, refractory):
        super().__init__()
        n_in, n = weights.shape
        self.neurons = bp.dyn.LifRef(
            n,
            V_rest=0.0,
            V_reset=0.0,
            V_th=1.0,
            tau=TAU_MEM,
            tau_ref=refractory,
            V_initializer=bp.init.ZeroInit(),
        )
        self.synapses = bp.dyn.HalfProjAlignPostMg(
            comm=bp.dnn.AllToAll(n_in, n, weight=bm.asarray(weights)),
            syn=bp.dyn.Expon.desc(n, tau=TAU_SYN),
            out=bp.dyn.CUBA.desc(),
            post=self.neurons,
        )

    def update(self, x):
        self.synapses(x)
        return self.neurons()


def run(refractory):
    xs, weights = inputs()
    net = Net(weights, refractory)

    def step(i, x):
        bp.share.save(i=i, t=i * bm.get_dt(), dt=bm.get_dt())
        return net.update(x)

    return np.asarray(bm.for_loop(step, (bm.arange(len(xs)), bm.asarray(xs * 1.0))))


if __name__ == "__main__":
    bm.enable_x64()
    bm.set_dt(DT)
    versions = f"brainpy {bp.__version__}"
    keep("brainpy", versions, spikes=run(REFRACTORY - DT / 2), rounded=run(REFRACTORY))
