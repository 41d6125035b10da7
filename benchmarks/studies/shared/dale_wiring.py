"""Networks in which every neuron has one sign, and the same ones without that law.

Weights start exponential and in balance under the law, normal without it; ξ = 1.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from benchmarks.studies.shared.manifolds import DT, PARAMS, Manifolds
from snnjax.networks import (
    balance,
    balanced,
    dale_signs,
    poisson_drive,
    project_signs,
    signed_weights,
)

HIDDEN_RATE, ALPHA = 10.0, 0.9  # [Hz]; share of feed-forward input
READOUT = snn.LIFParams(tau_mem=20e-3, tau_syn=5e-3)


class Network(NamedTuple):
    """A network and its law."""

    net: snn.Cell
    project: Callable  # weights -> the nearest weights that obey
    membranes: Callable  # weights -> weights, rates of inputs, constants of each layer


def signs(n):
    """Four of five excite."""
    return dale_signs(n - n // 5, n // 5)


def feed_forward(task: Manifolds, n: int, dale: bool) -> Network:
    """Every input and every hidden neuron has one sign."""
    inputs, classes = task.inputs, task.classes
    names = "input", "readout"
    layers = (inputs, task.input_rate, PARAMS), (n, HIDDEN_RATE, READOUT)

    def init(n_in, rate, params):
        options = {"rate": rate, "xi": 1.0, "params": params, "dt": DT}
        if dale:
            return partial(balanced, signs=signs(n_in), **options)
        return partial(snn.fluctuation_driven, **options)

    def project(weights):
        return jax.tree.map(lambda w: project_signs(w, signs(w.shape[0])), weights)

    def membranes(weights):
        return [
            (weights[name].w, jnp.full(n_in, rate), params)
            for name, (n_in, rate, params) in zip(names, layers, strict=True)
        ]

    first, last = (init(*layer) for layer in layers)
    net = snn.chain(
        input=snn.dense(inputs, n, init=first),
        hidden=snn.lif(n, PARAMS),
        readout=snn.dense(n, classes, init=last),
        out=snn.li(classes, READOUT),
    )
    return Network(net, project, membranes)


def recurrent(task: Manifolds, n: int, dale: bool) -> Network:
    """Inputs excite, hidden neurons have signs; a free readout sees those that excite.

    So is the network of Rossbroich, Gygax & Zenke 2022, doi:10.1088/2634-4386/ac97bb.
    """
    inputs, classes, rate = task.inputs, task.classes, task.input_rate
    kinds, excite = signs(n), n - n // 5

    def normal(rate, share=1.0, params=PARAMS):
        options = {"rate": rate, "xi": 1.0, "params": params, "dt": DT}
        return partial(snn.fluctuation_driven, share=share, **options)

    def exponential():
        kind = partial(poisson_drive, params=PARAMS, dt=DT)
        excitatory = [kind(inputs, rate=rate), kind(excite, rate=HIDDEN_RATE)]
        inhibitory = kind(n // 5, rate=HIDDEN_RATE)
        (below, beside), against = balance(
            excitatory, inhibitory, deviation=1.0, shares=(ALPHA, 1.0 - ALPHA)
        )
        mean = jnp.where(kinds > 0, beside, -against)[:, None]
        draw = partial(signed_weights, mean=below)
        return draw, partial(signed_weights, mean=mean)

    def project(weights):
        hidden = weights["hidden"]
        w = project_signs(hidden.input.w, np.ones(inputs))
        r = project_signs(hidden.recurrent, kinds)
        obeys = hidden._replace(input=hidden.input._replace(w=w), recurrent=r)
        return {**weights, "hidden": obeys}

    def membranes(weights):
        hidden = weights["hidden"]
        w = jnp.concatenate([hidden.input.w, hidden.recurrent])
        rates = jnp.full(inputs, rate), jnp.full(n, HIDDEN_RATE)
        return [(w, jnp.concatenate(rates), PARAMS)]

    if dale:
        first, beside = exponential()
    else:
        first, beside = normal(rate, ALPHA), normal(HIDDEN_RATE, 1.0 - ALPHA)
    neurons = snn.lif(n, PARAMS)
    net = snn.chain(
        hidden=snn.recurrent(inputs, n, neurons, init=first, init_recurrent=beside),
        excitatory=only_first(excite),
        readout=snn.dense(excite, classes, init=normal(HIDDEN_RATE, params=READOUT)),
        out=snn.li(classes, READOUT),
    )
    return Network(net, project, membranes)


def only_first(n: int) -> snn.Cell:
    """Passes on the first ``n`` channels."""

    def pick(weights, state, x, dt):
        return state, x[..., :n]

    return snn.Cell(lambda key: (), lambda x: (), pick, pick)


def wrong_signs(network: Network, weights):
    """How many weights have the wrong sign."""
    obeys = network.project(weights)
    wrong = jax.tree.map(lambda w, o: jnp.sum(w != o), weights, obeys)
    return sum(jax.tree.leaves(wrong))


def watched(network: Network, held: jax.Array | bool = True) -> snn.Cell:
    """The network, which gives NaN where the law is held and broken."""

    def run(weights, state, xs, dt):
        state, ys = network.net.run(weights, state, xs, dt)
        wrong = jnp.logical_and(held, wrong_signs(network, weights) > 0)
        return state, jnp.where(wrong, jnp.nan, ys)

    return network.net._replace(run=run)


NETWORKS = {"feed-forward": feed_forward, "recurrent": recurrent}
