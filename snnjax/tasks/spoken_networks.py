"""Layers that read speech: recurrent and leaky, recurrent and adaptive, or with delays.

Time constants of tens of milliseconds forget a syllable before the word ends. A
recurrent layer may keep it in its loops, neurons that adapt in a slow current (Bittar &
Garner 2022, doi:10.3389/fnins.2022.865897), and delays bring what was early and what
is late to a neuron at once (Hammouamri et al. 2024, doi:10.48550/arXiv.2306.17670).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.compose import chain, learn
from snnjax.networks import (
    delayed,
    dense,
    dropout,
    fluctuation_driven,
    normal,
    recurrent,
)
from snnjax.neurons import AdLIFParams, LIFParams, LIParams, adlif, li, lif
from snnjax.neurons.leaky import Reset
from snnjax.surrogate import Shape, SuperSpike
from snnjax.tasks.network import HIDDEN_AND_OUT, Network, mean_voltage
from snnjax.tasks.task import Learning

LEAKY = LIFParams(tau_mem=20e-3, tau_syn=10e-3)
# As validation chose them, benchmarks/studies/R28_delays_adaptation.py
ADAPTIVE = AdLIFParams(tau_mem=20e-3, tau_adapt=300e-3, a=0.5, b=0.2)
COINCIDENT = LIFParams(tau_mem=20e-3, tau_syn=None)
DROPPED = 0.3  # share of hidden neurons that are silent, for a trial while learning
WIDE = 2.5  # a synapse spread over lags averages: its weight is so much larger
_TESTED = 0  # randomness of a dropout that drops nothing


class Size(NamedTuple):
    """What a network reads, and with how many neurons."""

    channels: int
    classes: int
    rate: float  # of a channel, on average [Hz]
    dt: float  # [s]
    hidden: int
    surrogate: Shape = SuperSpike()
    reset: Reset = "zero"
    readout: LIParams = LIParams(100e-3, 10e-3)


class Reader(NamedTuple):
    """A network as it is tested, and as it is while it learns."""

    network: Network
    learning: Learning | None  # None: the same


def feedforward_reader(size: Size, params: LIFParams = LEAKY) -> Reader:
    """Leaky neurons that hear their inputs alone.

    Args:
        size: of the network.
        params: constants of the neurons.
    """
    draw = partial(_draw(size, params), rate=size.rate)
    neurons = lif(size.hidden, params, surrogate=size.surrogate, reset=size.reset)
    layer = chain(dense(size.channels, size.hidden, init=draw), neurons)
    return Reader(_network(size, layer), None)


def lif_reader(
    size: Size, params: LIFParams = LEAKY, *, dropped: float | None = None
) -> Reader:
    """Leaky neurons that see each other's spikes.

    Args:
        size: of the network.
        params: constants of the neurons.
        dropped: share of them that are silent for a trial while learning, if any.
    """
    neurons = lif(size.hidden, params, surrogate=size.surrogate, reset=size.reset)
    layer = _looped(size, neurons, params)
    if dropped is None:
        return Reader(_network(size, layer), None)
    return _dropping(partial(_network, size, layer), dropped)


def adlif_reader(size: Size, params: AdLIFParams = ADAPTIVE) -> Reader:
    """Adaptive neurons that see each other's spikes and learn their constants.

    Args:
        size: of the network.
        params: where the constants start: time constants, a and b are learned, of each
            neuron.

    Raises:
        ValueError: for a reset that is not to zero, as these neurons have it.
    """
    if size.reset != "zero":
        raise ValueError(
            f"reset must be 'zero' for adlif, as its paper has it, got {size.reset!r}."
        )
    neurons = partial(adlif, size.hidden, surrogate=size.surrogate)
    start = params._asdict()
    del start["threshold"]
    each = {name: jnp.full(size.hidden, value) for name, value in start.items()}
    without = LIFParams(params.tau_mem, None, params.threshold)  # between spikes
    layer = _looped(size, learn(neurons, params, **each), without)
    return _dropping(partial(_network, size, layer), DROPPED)


def delays_reader(
    size: Size,
    params: LIFParams = COINCIDENT,
    *,
    longest: int = 25,
    widths: tuple[float, float] = (10.0, 0.25),
) -> Reader:
    """Leaky neurons whose synapses learn delays, without recurrence.

    Args:
        size: of the network.
        params: constants of the neurons.
        longest: the longest delay [steps].
        widths: σ of a synapse over lags [steps], at first and in the end; it falls
            geometrically. When tested, delays are whole steps, exactly.
    """
    first, last = widths
    made = partial(delays_network, size, params, longest)

    def learning(key, done):
        return made(first * (last / first) ** done, dropped=DROPPED, key=key)

    return Reader(made(None), learning)


def delays_network(
    size: Size,
    params: LIFParams,
    longest: int,
    width: Number | None,
    *,
    dropped: Number = 0.0,
    key: Any = None,
) -> Network:
    """The network of ``delays_reader`` with synapses of a width, None: rounded."""

    def draw(key, n_in, n_out):
        return WIDE * _draw(size, params)(key, n_in, n_out, rate=size.rate)

    synapses = delayed(size.channels, size.hidden, longest, width=width, init=draw)
    neurons = lif(size.hidden, params, surrogate=size.surrogate, reset=size.reset)
    layer = chain(synapses, neurons)
    return _network(size, layer, dropped, _key() if key is None else key)


def _looped(size, neurons: Cell, params) -> Cell:
    draw = _draw(size, params)
    return recurrent(
        size.channels,
        size.hidden,
        neurons,
        init=partial(draw, rate=size.rate, share=0.9),
        init_recurrent=partial(draw, rate=10.0, share=0.1),
    )


def _draw(size, params):
    return partial(fluctuation_driven, xi=1.0, params=params, dt=size.dt)


def _dropping(made: Callable[..., Network], share: float) -> Reader:
    return Reader(made(0.0, _key()), lambda key, done: made(share, key))


def _key():
    return jax.random.key(_TESTED)


def _network(size, layer: Cell, rate: Number | None = None, key: Any = None) -> Network:
    """A layer with a readout, and a dropout in between unless its rate is None."""
    drop = () if rate is None else (dropout(size.hidden, rate, key=key),)
    out = (
        dense(size.hidden, size.classes, init=normal),
        li(size.classes, size.readout),
    )
    return Network(
        cell=chain(hidden=layer, out=chain(*drop, *out), outputs=HIDDEN_AND_OUT),
        readout=mean_voltage,
        dt=size.dt,
    )
