"""How membranes fluctuate, to be compared with the theory of ``networks``."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.exported import exportable
from snnjax.networks.fluctuations import Membrane


@exportable
class MembraneStatistics(NamedTuple):
    """How membranes fluctuate, in the units of their voltage."""

    mean: jax.Array  # of each neuron, [n]
    deviation: jax.Array  # of each neuron, over time and samples, [n]
    population: Membrane  # of all: what ``networks.predict_membrane`` predicts


def membrane_statistics(voltages: jax.Array, *, burn_in: int = 0) -> MembraneStatistics:
    """Mean and standard deviation of membranes over time.

    A neuron's variance is its own, about its own mean; the population has the mean of
    these variances. Taken over all neurons at once, the variance would contain as well
    how far the neurons' means lie apart; ``population.pooled`` is the root of that.

    Args:
        voltages: ``[T, *batch, n]``, of neurons that do not fire (``li``) where theory
            is to be compared. Time and samples are taken together.
        burn_in: steps to leave out at the start, until the membranes forgot their rest;
            five time constants will do.

    Returns:
        Statistics of each neuron and of the population.

    Raises:
        ValueError: for voltages without time and neurons, or a ``burn_in`` that leaves
            nothing.

    Example:
        >>> rates = jnp.full((4, 100), 10.0)
        >>> spikes = snn.inputs.poisson(jax.random.key(0), rates, steps=1000, dt=1e-3)
        >>> net = snn.chain(snn.dense(100, 20, init=snn.networks.normal), snn.li(20))
        >>> _, v = snn.unroll(net, net.init(jax.random.key(1)), spikes, dt=1e-3)
        >>> statistics = snn.analysis.membrane_statistics(v, burn_in=100)
        >>> statistics.mean.shape, statistics.population.deviation.shape
        ((20,), ())
    """
    check.whole("burn_in", burn_in, least=0)
    check.array("voltages", voltages)
    if voltages.ndim < 2 or voltages.size == 0 or burn_in >= len(voltages):
        raise ValueError(
            f"voltages must be [T, *batch, n] with T > burn_in = {burn_in}, got shape "
            f"{voltages.shape}."
        )
    voltages = check.wide(voltages)
    axes = tuple(range(voltages.ndim - 1))
    mean = jnp.mean(voltages[burn_in:], axes)
    variance = jnp.var(voltages[burn_in:], axes)
    population = Membrane(mean.mean(), jnp.sqrt(variance.mean()), mean.std())
    return MembraneStatistics(mean, jnp.sqrt(variance), population)
