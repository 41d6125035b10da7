"""Valid calls of what puts networks on chips."""

import numpy as np
from calls import DT, KEY, call, raster, signal

import snnjax as snn
from snnjax import hardware
from snnjax.hardware import Budget, LogNormal

HOT = "on the way of every training step, where values are traced"
IMPERFECT = hardware.Imperfections(*4 * (0.1,), v_reset=0.1, events_in=5, events_out=5)
PARAMS = snn.LIFParams(20e-3, 5e-3, 1.0, 2e-3, -0.5)


@call(hardware.vary)
def _(n=3):
    how = LogNormal(0.3)
    return {"key": KEY, "constants": PARAMS, "n": n, "tau_mem": how}


@call(hardware.vary_weights)
def _(n_in=3, n_out=2):
    how = LogNormal(0.3)
    return {"key": KEY, "weights": signal(n_in, n_out), "how": how, "broken": 0.1}


@call(hardware.distorted)
def _(n=3):
    return {"key": KEY, "cell": snn.lif(n), "mismatch": 0.3}


@call(hardware.amplified, named={"neuron": "neuron"})
def _(n=3):
    return {"neuron": snn.lif(n), "gain": np.ones(n)}


@call(hardware.faulty)
def _(n=3):
    return {"n": n, "alive": np.ones(n), "stuck": 0.5}


@call(hardware.quantize)
def _(n_in=3, n_out=2):
    return {"w": signal(n_in, n_out), "bits": 4, "axis": 0}


@call(hardware.within_range)
def _(n=3):
    return {"weights": signal(n), "bits": 4, "step": 0.1}


@call(hardware.using)
def _(n=3):
    return {"cell": snn.dense(n, n), "change": lambda weights: weights}


@call(hardware.fits, named={"budget neurons": "neurons"})
def _(n=3):
    return {"budget": Budget(), "sizes": (n, n)}


@call(hardware.emulated_chip, named={"budget neurons": "neurons"})
def _(n_in=4, n=3, n_out=2):
    return {
        **{"sizes": (n_in, n, n_out), "dt": DT, "serial": 1, "mismatch": 0.2},
        **{"imperfections": IMPERFECT, "tau_mem": 6e-3, "tau_syn": 5e-3},
        **{"reset": "zero", "recurrent": (True, False), "budget": Budget()},
        **{"timeout": 10.0, "most_lost": 0.5},
    }


def _network(n=3, T=4, B=2):
    cell = snn.chain(snn.dense(n, n, backend="xla"), snn.lif(n, backend="xla"))
    weights, xs = cell.init(KEY), raster(T, B, n)
    return {"cell": cell, "weights": weights, "xs": xs, "dt": DT}


call(hardware.show, shown={"xs": HOT})(_network)


@call(hardware.in_the_loop, shown={"xs": HOT, "state": HOT})
def _(n=3, T=4, B=2):
    given = _network(n, T, B)
    seen = hardware.show(**given)
    return {
        **{**given, "seen": seen, "state": given["cell"].rest(raster(B, n))},
        **{"mask": np.ones((T, B), bool), "checkpoint": 2},
    }


@call(hardware.populations)
def _(n=3):
    return {"cell": _network(n)["cell"]}


@call(hardware.coverage)
def _(n=3):
    given = _network(n)
    return {"cell": given["cell"], "seen": hardware.show(**given)}


@call(
    hardware.splice,
    shown=dict.fromkeys(("model", "measured"), "on the way of every training step"),
    infinite="so is the value",
)
def _(n=3):
    return {"model": signal(n), "measured": raster(n)}
