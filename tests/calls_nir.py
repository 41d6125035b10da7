"""Valid calls of what joins networks with NIR."""

import numpy as np
from calls import DT, KEY, call
from calls_cells import run

import snnjax as snn
from snnjax.interop import nir
from snnjax.surrogate import SuperSpike

PARAMS = nir.CircuitParams(20e-3, 5e-3, 2.0, -0.5, 3.0, 1.0, -0.25)


@call(nir.circuit)
def _(n=3):
    return {
        **{"n": n, "params": PARAMS, "surrogate": SuperSpike()},
        **{"reset": "zero", "method": "exact"},
    }


@call(nir.scale, use=run)
def _(n=3):
    return {"shape": (2, n)}


@call(nir.heaviside)
def _(n=3):
    return {"n": n, "threshold": np.full(n, -0.5), "surrogate": SuperSpike()}


@call(nir.relay)
def _():
    return {}


@call(nir.padded_convolution, use=run)
def _(c_in=2, c_out=4):
    return {
        **{"c_in": c_in, "c_out": c_out, "kernel": (3, 2), "stride": (2, 1)},
        **{"pads": ((1, 0), (1, 1)), "dilation": (1, 2), "groups": 2, "bias": True},
        "init": snn.networks.normal,
    }


@call(nir.padded_sum)
def _():
    return {"kernel": (2, 3), "stride": (2, 1), "pads": ((1, 0), (1, 1))}


@call(nir.channels_first)
def _():
    return {"dimensions": 2}


@call(nir.to_nir, named={"network": "cell"}, use=lambda graph: len(graph.nodes))
def _(n=3):
    net = snn.chain(snn.dense(n, 4), snn.lif(4))
    return {
        **{"network": net, "weights": net.init(KEY), "dt": DT, "shape": (n,)},
        **{"method": "exact", "reset": "zero", "metadata": {"": {"by": "me"}}},
    }


@call(nir.from_nir, use=lambda found: found.weights)
def _(n=3):
    net = snn.chain(snn.dense(n, 3), snn.lif(3))
    graph = nir.to_nir(net, net.init(KEY), dt=DT)
    return {
        **{"graph": graph, "dt": DT, "method": "exact", "reset": "zero"},
        **{"surrogate": SuperSpike(), "dtype": "float32"},
    }
