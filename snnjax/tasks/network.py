"""What reads the spikes of a task: a network that shows its hidden spikes too."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from snnjax.cell import Cell, State, Weights, unroll
from snnjax.learning import mean_over_time

HIDDEN_AND_OUT = "hidden", "out"  # what the cell of a network puts out


class Network(NamedTuple):
    """A cell with hidden spikes and voltages, and how voltages become scores."""

    cell: Cell  # spikes [T, B, *n_in] -> dict of ``HIDDEN_AND_OUT``
    readout: Callable[[jax.Array], jax.Array]  # voltages -> scores [B, classes]; [T, …]
    dt: float  # [s]


class Activity(NamedTuple):
    """What a network does in response to its inputs."""

    state: State  # at the end
    spikes: jax.Array  # of the hidden layer that is read, [T, B, n]
    v: jax.Array  # output voltages, [T, B, classes]


def run(network: Network, weights: Weights, xs: Any) -> Activity:
    """What the network does with inputs ``[T, B, *n_in]``, from rest."""
    state, ys = unroll(network.cell, weights, xs, dt=network.dt)
    return Activity(state, ys["hidden"], ys["out"])


def scores(network: Network, weights: Weights, xs: Any) -> jax.Array:
    """How much speaks for each class, ``[B, classes]``, or so at every step."""
    return network.readout(run(network, weights, xs).v)


def mean_voltage(v: jax.Array) -> jax.Array:
    """A readout: the mean over time, in tenths of the threshold, ``[B, classes]``."""
    return 10.0 * mean_over_time(v)
