"""What reads the spikes of a task: two halves, so that hidden spikes can be seen."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from snnjax.cell import Cell, State, unroll
from snnjax.learning import mean_over_time


class Network(NamedTuple):
    """A hidden and an output half, and how voltages become scores."""

    hidden: Cell  # spikes [T, B, *n_in] -> spikes [T, B, n]
    output: Cell  # spikes [T, B, n] -> voltages [T, B, classes]
    readout: Callable[[jax.Array], jax.Array]  # voltages -> scores [B, classes]; [T, …]
    dt: float  # [s]


class Activity(NamedTuple):
    """What a network does in response to its inputs."""

    state: dict[str, State]  # of each half, at the end
    spikes: jax.Array  # of the hidden half, [T, B, n]
    v: jax.Array  # voltages of the output half, [T, B, classes]


def init_weights(network: Network, key: jax.Array) -> dict[str, Any]:
    """Draws the weights of both halves."""
    hidden, output = jax.random.split(key)
    return {
        "hidden": network.hidden.init(hidden),
        "output": network.output.init(output),
    }


def run(network: Network, weights: dict[str, Any], xs: Any) -> Activity:
    """What the network does with inputs ``[T, B, *n_in]``, from rest."""
    dt = network.dt
    hidden, spikes = unroll(network.hidden, weights["hidden"], xs, dt=dt)
    output, v = unroll(network.output, weights["output"], spikes, dt=dt)
    return Activity({"hidden": hidden, "output": output}, spikes, v)


def scores(network: Network, weights: dict[str, Any], xs: Any) -> jax.Array:
    """How much speaks for each class, ``[B, classes]``, or so at every step."""
    return network.readout(run(network, weights, xs).v)


def mean_voltage(v: jax.Array) -> jax.Array:
    """A readout: the mean over time, in tenths of the threshold, ``[B, classes]``."""
    return 10.0 * mean_over_time(v)
