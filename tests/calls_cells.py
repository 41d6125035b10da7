"""Valid calls of cells, networks, neurons, surrogates, and what is learned."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from calls import DT, KEY, call, raster, signal

import snnjax as snn
from snnjax import learning, networks, neurons, parts, surrogate
from snnjax.networks import Exponential, Membrane, PoissonDrive
from snnjax.neurons import HomeostasisParams
from snnjax.surrogate import SuperSpike

HOT = "on the way of every training step, where values are traced"
PARAMS = snn.LIFParams(20e-3, 5e-3, 1.0, 2e-3, -0.5)
ADAPTIVE = snn.ALIFParams(*PARAMS)
UNUSED = {f"params {k}": "not used" for k in ("threshold", "v_reset")}
NOT_REACHED = {
    f"xs {what}": "the target is not reached, which is said"
    for what in ("another rank: one more", "negative", "zero")
}
PLAIN = snn.LIFParams()


def run(cell):
    """Makes sure that a cell can be drawn."""
    return cell, cell.init(KEY)


def net(B=2, n=4):
    return snn.chain(input=snn.dense(n, n), hidden=snn.lif(n), out=snn.li(n))


@call(snn.chain, named={"*cells": "chain"})
def _(n=3):
    return {"*cells": [snn.dense(n, n), snn.li(n)], "outputs": "0"}


@call(snn.stateless)
def _():
    return {"f": jnp.tanh}


@call(snn.learn, free={"params tau_mem": "what is learned takes its place"})
def _(n=3):
    params = snn.LIParams()
    return {"make": partial(snn.li, n), "params": params, "tau_mem": 20e-3}


@call(snn.unroll, shown={"xs": HOT, "state": HOT})
def _(T=3, B=2, n=4):
    cell = net(B, n)
    return {
        **{"cell": cell, "weights": cell.init(KEY), "xs": raster(T, B, n), "dt": DT},
        **{"state": cell.rest(raster(B, n)), "mask": np.ones((T, B), bool)},
        **{"truncate": 2, "checkpoint": 1},
    }


@call(snn.nonfinite, free={"state ": "looked through for anything"})
def _(n=3):
    return {"state": snn.li(n).rest(signal(n))}


@call(
    snn.reseed,
    free={"state neuron": "kept", "state key": "replaced", "state None": "no key"},
)
def _(n=3):
    return {"state": neurons.stochastic_lif(n, key=KEY).rest(signal(n)), "key": KEY}


@call(snn.li)
def _(n=3):
    given = {"n": n, "params": snn.LIParams(), "input": "current"}
    return given | {"backend": "auto"}


@call(snn.lif)
def _(n=3):
    return {
        **{"n": n, "params": PARAMS, "surrogate": SuperSpike(), "reset": "zero"},
        **{"reset_gradient": False, "input": "current", "backend": "auto"},
    }


@call(snn.alif)
def _(n=3):
    return {
        **{"n": n, "params": ADAPTIVE, "surrogate": SuperSpike(), "reset": "zero"},
        **{"reset_gradient": False, "adaptation_gradient": True, "input": "current"},
        "backend": "auto",
    }


@call(neurons.adlif)
def _(n=3):
    return {
        **{"n": n, "params": neurons.AdLIFParams(), "surrogate": SuperSpike()},
        **{"reset_gradient": False, "adaptation_gradient": True, "backend": "auto"},
    }


@call(neurons.eif)
def _(n=3):
    options = {"surrogate": SuperSpike(), "substeps": 2}
    return {"n": n, "params": neurons.EIFParams(), **options}


@call(neurons.adex)
def _(n=3):
    options = {"surrogate": SuperSpike(), "substeps": 2}
    return {"n": n, "params": neurons.AdExParams(), **options}


@call(neurons.qif)
def _(n=3):
    return {"n": n, "params": neurons.QIFParams(), "surrogate": SuperSpike()}


@call(neurons.izhikevich)
def _(n=3):
    options = {"surrogate": SuperSpike(), "substeps": 2}
    return {"n": n, "params": neurons.IzhikevichParams(), **options}


@call(neurons.hodgkin_huxley)
def _(n=3):
    options = {"surrogate": SuperSpike(), "substeps": 2}
    return {"n": n, "params": neurons.HodgkinHuxleyParams(), **options}


@call(neurons.morris_lecar)
def _(n=3):
    options = {"surrogate": SuperSpike(), "substeps": 2}
    return {"n": n, "params": neurons.MorrisLecarParams(), **options}


@call(neurons.conductance_lif)
def _(n=3):
    params = neurons.ConductanceLIFParams(refractory=2e-3)
    return {"n": n, "params": params, "surrogate": SuperSpike()}


@call(neurons.onto)
def _(n=3, of=2):
    return {"k": 1, "of": of, "n": n}


@call(neurons.resonate)
def _(n=3):
    options = {"surrogate": SuperSpike(), "adaptation_gradient": True}
    return {"n": n, "params": neurons.ResonateParams(), **options}


@call(neurons.reset_free)
def _(n=3):
    options = {"surrogate": SuperSpike(), "scan": "auto"}
    return {"n": n, "params": snn.LIFParams(), **options}


@call(networks.short_term)
def _(n=3):
    return {"n": n, "params": networks.ShortTermParams(tau_facilitation=1.0)}


@call(snn.srm)
def _(n=3):
    return {"n": n, "params": PLAIN, "surrogate": SuperSpike(), "reset_gradient": False}


@call(neurons.smooth_lif)
def _(n=3):
    return {"n": n, "params": PLAIN, "noise": surrogate.Sigmoid(), "reset": "zero"}


@call(neurons.stochastic_lif)
def _(n=3):
    return {
        **{"n": n, "params": PARAMS, "key": KEY, "noise": surrogate.Sigmoid()},
        **{"reset": "zero", "reset_gradient": False},
    }


@call(neurons.homeostatic_lif)
def _(n=3):
    return {
        **{"n": n, "params": PARAMS, "homeostasis": HomeostasisParams()},
        **{"surrogate": SuperSpike(), "reset": "zero", "reset_gradient": False},
    }


@call(neurons.synaptic_scaling)
def _(n=3):
    return {"n": n, "neuron": snn.lif(n), "homeostasis": HomeostasisParams()}


@call(neurons.escape_noise)
def _(B=2, n=3):
    return {"key": KEY, "v": signal(B, n), "noise": surrogate.Sigmoid()}


@call(neurons.psp)
def _(n=3):
    return {"t": signal(n), "tau_mem": 20e-3, "tau_syn": 5e-3}


@call(neurons.psp_peak)
def _():
    return {"tau_mem": 20e-3, "tau_syn": 5e-3}


@call(neurons.spike_response)
def _(n=3):
    return {"t": signal(n), "tau_mem": 20e-3, "threshold": 1.0}


NEVER = "a spike that never comes is at infinity"


def _times(B=2, n_in=3, n=2):
    return {
        **{"params": snn.LIFParams(20e-3, 5e-3, 0.1, None, -0.5)},
        **{"times": 0.01 * signal(B, n_in), "weights": signal(n_in, n)},
        "delay": 1e-3 * signal(n_in, n),
    }


_UNFIRED = {f"params {k}": "not used" for k in ("threshold", "v_reset")}
call(neurons.first_spike_time, infinite=NEVER)(_times)
call(neurons.peak_voltage, free=_UNFIRED)(_times)


@call(neurons.spike_times, infinite=NEVER)
def _(B=2, n_in=3, n=2, count=4):
    return {**_times(B, n_in, n), "count": count, "more": "nan"}


@call(neurons.voltage_at, free=_UNFIRED)
def _(B=2, n_in=3, n=2, T=4):
    return {**_times(B, n_in, n), "at": 0.02 * signal(T)}


@call(neurons.exp_weighted_voltage, free=_UNFIRED)
def _(B=2, n_in=3, n=2):
    return {**_times(B, n_in, n), "tau": 10e-3}


@call(neurons.spike_events, infinite=NEVER)
def _(B=2, m=3, n_in=3, n=2, events=20):
    units = np.zeros((B, m), int)
    network = {**_times(B, n_in, n), "delay": 1e-3 * signal(n)}
    given = {"times": 0.01 * signal(B, m), "units": units, "until": 0.05}
    return {**network, **given, "recurrent": 0.1 * signal(n, n), "events": events}


@call(learning.spike_time_cross_entropy, shown={"times": "NaN comes out as NaN"})
def _(B=3, classes=2):
    return {
        **{"times": 0.01 * signal(B, classes), "labels": np.resize([0, 1], B)},
        **{"tau": 5e-3, "end": 0.02, "alpha": 0.1, "tau_late": 0.02},
        "mask": np.ones(B, bool),
    }


@call(neurons.kernel_integrals, free={"tau_syn None": "no synapse"})
def _():
    return {"tau_mem": 20e-3, "tau_syn": 5e-3, "dt": DT}


@call(networks.dense, use=run)
def _(n_in=3, n_out=2):
    return {
        **{"n_in": n_in, "n_out": n_out, "bias": True, "init": networks.normal},
        **{"mask": np.ones((n_in, n_out), bool), "backend": "auto"},
    }


@call(networks.from_events, use=run)
def _(n_in=3, n_out=2):
    return {"n_in": n_in, "n_out": n_out, "bias": True, "init": networks.normal}


@call(networks.recurrent, use=run)
def _(n_in=3, n=2):
    return {
        **{"n_in": n_in, "n": n, "neuron": snn.lif(n), "bias": True},
        **{"self_connections": False, "recurrent_gradient": True},
        **{"init": networks.normal, "init_recurrent": networks.normal},
        **{"mask": np.ones((n_in, n), bool), "recurrent_mask": np.ones((n, n), bool)},
        **{"outputs": "spikes"},
    }


@call(networks.graph)
def _(n=3):
    return {
        **{"cells": {"a": snn.lif(n)}, "edges": {"input->a": snn.dense(n, n)}},
        **{"outputs": "a", "inputs": ("input",), "at_once": True},
    }


@call(networks.residual)
def _(n=3):
    return {"block": snn.li(n)}


@call(networks.delay)
def _(n=3, longest=4):
    return {"n": n, "by": np.resize([1e-3, 2e-3], n), "longest": longest}


@call(networks.learned_delay, use=run)
def _(n=3, longest=4):
    return {"n": n, "longest": longest}


@call(networks.delayed, use=run, free={"width None": "whole steps"})
def _(n_in=3, n_out=2, longest=4):
    sizes = {"n_in": n_in, "n_out": n_out, "longest": longest}
    return {**sizes, "width": 2.0, "init": networks.normal}


@call(networks.sparse, use=run)
def _(n_in=3, n_out=2, longest=2):
    targets = np.resize(np.arange(n_out), (n_in, longest))
    given = {"targets": targets, "w": signal(n_in, longest), "n_out": n_out}
    return {**given, "cap": min(n_in, 2), "learned": True}


@call(networks.fan_in)
def _(n_in=3, n_out=2, k=2):
    return {"key": KEY, "n_in": n_in, "n_out": n_out, "k": k}


@call(networks.fan_out)
def _(n_in=3, n_out=2, k=2):
    return {"sources": np.resize(np.arange(n_in), (n_out, k)), "n_in": n_in}


@call(networks.low_rank, use=run)
def _(n_in=3, n_out=2, rank=1):
    sizes = {"n_in": n_in, "n_out": n_out, "rank": rank}
    return {**sizes, "init": networks.normal}


@call(networks.layer_norm, use=run)
def _(n=3):
    return {"n": n, "space": 0, "gain": 1.0}


@call(networks.batch_norm, use=run)
def _(n=3):
    return {"n": n}


@call(networks.channel_statistics, shown={"xs": HOT})
def _(T=3, B=2, n=4):
    return {"xs": signal(T, B, n), "mask": np.ones((T, B), bool)}


@call(networks.dropout)
def _(n=3):
    return {"n": n, "rate": 0.3, "key": KEY}


@call(networks.ring)
def _(n=3, steps=4):
    return {"n": n, "steps": steps}


@call(networks.convolution, use=run)
def _(c_in=2, c_out=3, k=2):
    return {
        **{"c_in": c_in, "c_out": c_out, "kernel": (k, 2), "stride": 1},
        **{"padding": "same", "bias": True, "init": networks.normal},
        "backend": "auto",
    }


@call(networks.pool)
def _(k=2):
    return {"by": "sum", "kernel": (k, 2), "stride": 2, "padding": "valid"}


@call(networks.flatten)
def _(dimensions=2):
    return {"dimensions": dimensions}


@call(networks.normal)
def _(n_in=3, n_out=2):
    return {"key": KEY, "n_in": n_in, "n_out": n_out, "gain": 1.0}


@call(networks.spiking)
def _(n_in=3, n_out=2):
    return {"key": KEY, "n_in": n_in, "n_out": n_out, "share": 0.5}


@call(networks.fluctuation_driven)
def _(n_in=3, n_out=2):
    return {
        **{"key": KEY, "n_in": n_in, "n_out": n_out, "rate": 20.0, "xi": 1.0},
        **{"params": PLAIN, "dt": DT, "mean": 0.1, "share": 0.5, "binary": True},
    }


@call(networks.signed_weights)
def _(n_in=3, n_out=2):
    return {
        **{"key": KEY, "n_in": n_in, "n_out": n_out, "mean": 0.1},
        **{"distribution": networks.LogNormal(1.0)},
    }


@call(networks.balanced)
def _(n_in=4, n_out=2):
    return {
        **{"key": KEY, "n_in": n_in, "n_out": n_out, "rate": 20.0, "xi": 1.0},
        **{"signs": np.array([1.0, -1.0]), "params": PLAIN, "dt": DT, "share": 0.5},
        **{"binary": True, "distribution": Exponential()},
    }


DRIVE = PoissonDrive(jnp.asarray(0.5), jnp.asarray(0.2), jnp.asarray(0.1))
MEMBRANE = Membrane(jnp.asarray(0.1), jnp.asarray(0.5), jnp.asarray(0.1))


@call(networks.balance, free={"excitatory number": "no list"})
def _():
    return {
        **{"excitatory": [DRIVE], "inhibitory": DRIVE, "deviation": 1.0},
        **{"shares": (1.0,), "second_moment": 2.0},
    }


@call(networks.dale_signs)
def _(excitatory=3, inhibitory=2):
    return {"excitatory": excitatory, "inhibitory": inhibitory}


@call(networks.project_signs, shown={"w": HOT})
def _(n_in=2, n_out=3):
    return {"w": signal(n_in, n_out), "signs": np.resize([1.0, -1.0], n_in)}


@call(networks.poisson_drive, free=UNUSED)
def _(n_in=3):
    return {"n_in": n_in, "rate": 20.0, "params": PLAIN, "dt": DT, "binary": True}


@call(networks.siegert_rate, free={"params tau_syn": "not used"})
def _(n=3):
    return {"mean": signal(n), "deviation": 0.3, "params": PARAMS}


@call(networks.sparse_network_rate, free={"params tau_syn": "not used"}, slow=True)
def _(excitatory=10, inhibitory=3):
    sizes = {"excitatory": excitatory, "inhibitory": inhibitory, "weight": 0.05}
    return {**sizes, "params": PARAMS, "inhibition": 5.0, "external": 2000.0}


@call(networks.predict_membrane)
def _(n=3):
    return {"inputs": DRIVE, "mean": 0.1, "deviation": signal(n)}


@call(networks.superpose)
def _():
    return {"*parts": [MEMBRANE, MEMBRANE]}


@call(networks.weight_moments)
def _():
    return {"inputs": DRIVE, "xi": 1.0, "threshold": 1.0, "mean": 0.1, "share": 0.5}


@call(networks.scale_to_rates, free=NOT_REACHED, slow=True)
def _(T=6, B=2):
    cell = snn.chain(input=snn.dense(3, 3), hidden=snn.lif(3, backend="xla"))
    weights = jax.tree.map(jnp.ones_like, cell.init(KEY))
    return {
        **{"net": cell, "weights": weights, "xs": jnp.ones((T, B, 3)), "dt": 5e-3},
        **{"targets": {"hidden": 100.0}, "tolerance": 0.9, "sweeps": 1},
    }


@call(learning.homeostatic_pretraining, slow=True)
def _(T=6, B=2, steps=1):
    cell = snn.chain(input=snn.dense(3, 3), hidden=snn.lif(3, backend="xla"))
    return {
        **{"net": cell, "weights": cell.init(KEY), "xs": raster(T, B, 3), "dt": DT},
        **{"layers": "hidden", "lower": 10.0, "upper": 30.0, "steps": steps},
        **{"optimizer": optax.sgd(1e-6), "of": "thresholds"},
    }


@call(snn.accuracy, shown={"scores": HOT})
def _(B=3, classes=4):
    labels = np.zeros(B, np.int32)
    return {
        "scores": signal(B, classes),
        "labels": labels,
        "mask": np.ones(B, bool),
    }


@call(snn.cross_entropy, shown={"scores": HOT})
def _(B=3, classes=4):
    labels = np.zeros(B, np.int32)
    return {
        "scores": signal(B, classes),
        "labels": labels,
        "mask": np.ones(B, bool),
    }


@call(snn.mse, shown={"y": HOT, "target": HOT})
def _(T=3, B=2, n=4):
    mask = np.ones((T, B), bool)
    return {"y": signal(T, B, n), "target": signal(T, B, n), "mask": mask}


def _outputs(T=3, B=2, n=4):
    return {"y": signal(T, B, n), "mask": np.ones((T, B), bool)}


for each in ("max_over_time", "sum_over_time", "mean_over_time"):
    call(getattr(learning, each), shown={"y": HOT})(_outputs)


@call(learning.exp_weighted_over_time, shown={"y": HOT})
def _(T=3, B=2, n=4):
    return {**_outputs(T, B, n), "tau": 10e-3, "dt": DT}


_TIMED = {"times": HOT, "weights": HOT}


@call(learning.raise_silent, shown=_TIMED, infinite=NEVER)
def _(B=3, n_in=2, n=4):
    times = {"times": 0.01 * signal(B, n), "by": 0.01, "most": 0.3}
    return {"weights": signal(n_in, n), **times}


@call(learning.force, shown=_TIMED, infinite=NEVER)
def _(B=3, n_in=2, n=4):
    given = {"times": 0.01 * signal(B, n_in), "weights": signal(n_in, n)}
    return {**given, "at": 0.02, "weight": 5.0}


LAST = {"y NaN": "the last step alone counts"}
call(learning.last, shown={"y": HOT}, free=LAST)(_outputs)


def _spikes(T=3, B=2, n=4):
    return {"spikes": raster(T, B, n), "dt": DT, "mask": np.ones((T, B), bool)}


call(learning.first_spike, shown={"spikes": HOT})(_spikes)
call(learning.firing_rate, shown={"spikes": HOT})(_spikes)


@call(learning.mse_count, shown={"spikes": HOT})
def _(T=3, B=2, n=4):
    return {
        **{"spikes": raster(T, B, n), "labels": np.zeros(B, np.int32)},
        **{"correct": 2.0, "incorrect": 0.5, "mask": np.ones((T, B), bool)},
    }


@call(learning.van_rossum, shown={"spikes": HOT, "target": HOT})
def _(T=3, B=2, n=4):
    return {**_spikes(T, B, n), "target": raster(T, B, n)[::-1], "tau": 5e-3}


def _bounded(T=3, B=2, n=4):
    return {**_spikes(T, B, n), "rate": 20.0, "power": 2, "over": "neuron"}


call(learning.lower_rate_bound, shown={"spikes": HOT})(_bounded)
call(learning.upper_rate_bound, shown={"spikes": HOT})(_bounded)


@call(learning.synaptic_operations, shown={"spikes": HOT})
def _(T=3, B=2, n=4):
    return {**_spikes(T, B, n), "fan_out": np.ones(n)}


@call(learning.fan_out)
def _(n_in=3, n_out=2):
    return {"w": signal(n_in, n_out)}


@call(learning.voltage_band, shown={"v": HOT})
def _(T=3, B=2, n=4):
    return {
        **{"v": signal(T, B, n), "lower": -1.0, "upper": 1.0, "threshold": 1.0},
        **{"power": 2, "mask": np.ones((T, B), bool)},
    }


@call(learning.weight_penalty)
def _(n_in=3, n_out=2):
    return {"weights": {"w": signal(n_in, n_out)}, "power": 2}


@call(learning.running_max)
def _(n=3):
    return {"n": n}


@call(surrogate.spike, free={"v NaN": "reads as no spike, as is said"})
def _(n=3):
    return {"v": signal(n), "shape": SuperSpike()}


@call(surrogate.as_pytree)
def _():
    return {"shape": SuperSpike()}


@call(surrogate.check_shape, named={"shape": "surrogate"}, free={"name": "any text"})
def _(n=3):
    return {"name": "surrogate", "shape": SuperSpike(), "of": (n,)}


@call(surrogate.check_density, free={"name": "any text"})
def _(n=3):
    return {"name": "noise", "noise": SuperSpike(), "of": (n,)}


@call(surrogate.normalized, free={"shape slope zero": "has no area, which is said"})
def _():
    return {"shape": SuperSpike(), "by": "area"}


@call(surrogate.from_library)
def _():
    return {"name": "snntorch.atan", "normalize": "peak", "alpha": 2.0}


@call(surrogate.supported)
def _():
    return {}


@call(surrogate.unsupported)
def _():
    return {}


def _parts():
    cell = net()
    return {"cell": cell, "weights": cell.init(KEY)}


@call(parts.flat)
def _():
    return {**_parts(), "state": net().rest(raster(2, 4))}


@call(parts.labels)
def _():
    return _parts()


@call(parts.rebuild)
def _():
    return {"cell": net(), "change": lambda name, cell: cell}


@call(parts.options_of, free={"name": "any text"})
def _():
    return {"name": "hidden", "cell": snn.lif(3)}


@call(parts.summary, shown={"x": HOT}, free={"x NaN": "rates are told"}, slow=True)
def _(T=3, B=2, n=4):
    cell = net(B, n)
    return {"cell": cell, "weights": cell.init(KEY), "x": raster(T, B, n), "dt": DT}
