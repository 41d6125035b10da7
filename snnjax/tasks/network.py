"""What reads the spikes of a task: a network that shows its hidden spikes too.

It reads rasters, ``Network``, or times, ``timed.TimedNetwork``. What is asked of either
is a function here.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from snnjax.cell import Cell, State, Weights, unroll
from snnjax.learning import mean_over_time
from snnjax.saving import to_recipe
from snnjax.tasks.timed import TimedNetwork, timed_run, timed_scores

HIDDEN_AND_OUT = "hidden", "out"  # what the cell of a network puts out


class Network(NamedTuple):
    """A cell with hidden spikes and voltages, and how voltages become scores.

    Example:
        >>> network = snn.tasks.digits_task(hidden=100).network
        >>> weights = network.cell.init(jax.random.key(0))
        >>> xs = jnp.ones((50, 2, 128))
        >>> _, ys = snn.unroll(network.cell, weights, xs, dt=network.dt)
        >>> network.readout(ys["out"]).shape
        (2, 10)
    """

    cell: Cell  # spikes [T, B, *n_in] -> dict of ``HIDDEN_AND_OUT``
    readout: Callable[[jax.Array], jax.Array]  # voltages -> scores [B, classes]; [T, …]
    dt: float  # [s]

    @property
    def reads(self) -> str:
        """What of a ``Part``."""
        return "raster"

    def init(self, key: jax.Array) -> Weights:
        """Draws weights."""
        return self.cell.init(key)


class Activity(NamedTuple):
    """What a network does in response to its inputs."""

    state: State  # at the end
    spikes: jax.Array  # of the hidden layer that is read, [T, B, n]
    v: jax.Array  # output voltages, [T, B, classes]


AnyNetwork = Network | TimedNetwork


def run(network: AnyNetwork, weights: Weights, xs: Any) -> Activity:
    """What the network does with inputs ``[T, B, *n_in]``, from rest.

    Of one that reads times ``[B, n_in]``, a picture in steps.
    """
    if isinstance(network, TimedNetwork):
        return Activity((), *timed_run(network, weights, xs))
    state, ys = unroll(network.cell, weights, xs, dt=network.dt)
    return Activity(state, ys["hidden"], ys["out"])


def scores(network: AnyNetwork, weights: Weights, xs: Any) -> jax.Array:
    """How much speaks for each class, ``[B, classes]``, or so at every step."""
    if isinstance(network, TimedNetwork):
        return timed_scores(network, weights, xs)
    return network.readout(run(network, weights, xs).v)


def mean_voltage(v: jax.Array) -> jax.Array:
    """A readout: the mean over time, in tenths of the threshold, ``[B, classes]``."""
    return 10.0 * mean_over_time(v)


def voltage(v: jax.Array) -> jax.Array:
    """A readout: at every step, in tenths of the threshold, ``[T, B, classes]``."""
    return 10.0 * v


def in_steps(what: str, network: AnyNetwork) -> Network:
    """The network, refused if it has no steps of time.

    Args:
        what: asks for them, for the message.
        network: of a task.

    Raises:
        ValueError: for one that reads times.
    """
    if isinstance(network, TimedNetwork):
        raise ValueError(
            f"{what} needs a network in steps of time; this one reads spike times, "
            "without steps. Train one on the grid: --gradient surrogate."
        )
    return network


def identity_of(network: AnyNetwork) -> dict[str, Any]:
    """What tells a network from another, by name, for what a run is known by."""
    if isinstance(network, TimedNetwork):
        return {"network": network, "readout": "first spike", "dt": network.dt}
    return {"network": network.cell, "readout": network.readout, "dt": network.dt}


def readout_name(network: AnyNetwork) -> str:
    """How scores are made, in a word or two."""
    if isinstance(network, TimedNetwork):
        return "first spike"
    return network.readout.__name__


def storable(network: AnyNetwork) -> Cell | None:
    """Its cell, if a file can hold that one; None if a part has no public name."""
    if isinstance(network, TimedNetwork):
        return None
    try:
        to_recipe(network.cell)
    except ValueError:
        return None
    return network.cell
