"""Networks of spike times: times in, times out, without steps of time.

Two layers of neurons that fire once, exactly when they reach threshold. The output that
fires first tells the class, and gradients are those of spike times, without a
surrogate. Silence has no gradient: weights of neurons that are silent too often are
raised a little at each update (``learning.raise_silent``).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from snnjax.learning import accuracy, raise_silent, spike_time_cross_entropy
from snnjax.neurons import LIFParams, first_spike_time, voltage_at
from snnjax.training import TrainState, make_step, silent
from snnjax.training.step import Metrics

Weights = dict[str, jax.Array]  # "hidden" [n_in, n] and "out" [n, classes]


class TimedNetwork(NamedTuple):
    """Neurons that fire once, in continuous time, and how they learn."""

    sizes: tuple[int, int, int]  # inputs, hidden neurons, classes
    params: LIFParams
    end: float  # of a trial [s]; who has not fired then is silent
    tau: float  # by which times are compared in the loss [s]
    wake: float  # by which weights of silent neurons are raised at an update
    dt: float  # between two points of a picture [s]; nothing else has steps

    @property
    def reads(self) -> str:
        """What of a ``Part``."""
        return "times"

    def init(self, key: jax.Array) -> Weights:
        """Draws weights that let most neurons fire."""
        n_in, n, classes = self.sizes
        first, last = jax.random.split(key)
        return {
            "hidden": _drawn(first, n_in, n, 1.0, 0.5),
            "out": _drawn(last, n, classes, 0.6, 0.6),
        }


def _drawn(key, n_in, n, mean, spread):
    """Sums of five inputs have five times the mean, however many there are."""
    noise = jax.random.normal(key, (n_in, n))
    return 5.0 / n_in * mean + (5.0 / n_in) ** 0.5 * spread * noise


def spike_times_of(
    network: TimedNetwork, weights: Weights, times: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """When hidden and output neurons fire first [s], ``[B, n]`` and ``[B, classes]``.

    Args:
        network: of them.
        weights: of it.
        times: of the inputs [s], ``[B, n_in]``; ∞ for none.
    """
    hidden = first_spike_time(network.params, times, weights["hidden"])
    return hidden, first_spike_time(network.params, hidden, weights["out"])


def timed_scores(network: TimedNetwork, weights: Weights, times: jax.Array):
    """The earlier an output fires the higher, in τ of the loss, ``[B, classes]``."""
    _, out = spike_times_of(network, weights, times)
    return _scores(network, out)


def _scores(network, out):
    return -jnp.where(out >= network.end, network.end, out) / network.tau  # NaN stays


def timed_loss(
    network: TimedNetwork, weights: Weights, times: jax.Array, labels: jax.Array
) -> tuple[jax.Array, dict[str, Any]]:
    """Cross entropy of first spikes.

    Args:
        network: what learns.
        weights: of it.
        times: of the inputs [s], ``[B, n_in]``.
        labels: ``[B]``.

    Returns:
        The loss, and metrics, with ``"times"`` of both layers among them.
    """
    hidden, out = spike_times_of(network, weights, times)
    late = network.params.tau_syn
    loss = spike_time_cross_entropy(
        out, labels, tau=network.tau, end=network.end, alpha=3e-3, tau_late=late
    )
    fires = (hidden < network.end).astype(hidden.dtype)
    metrics = {
        "accuracy": accuracy(_scores(network, out), labels),
        "nonfinite": {"hidden": jnp.any(jnp.isnan(hidden))},
        "silent": silent({"hidden": fires}),
        "hidden_rate": jnp.mean(fires) / network.end,
        "times": {"hidden": hidden, "out": out},
    }
    return loss, metrics


def timed_step(
    network: TimedNetwork, optimizer: optax.GradientTransformation
) -> Callable[..., tuple[TrainState, Metrics]]:
    """One update, as of ``training.make_step``, after which silent neurons are woken.

    Args:
        network: what learns.
        optimizer: any optax transformation.
    """
    by_gradient = make_step(partial(timed_loss, network), optimizer, has_aux=True)

    def step(state: TrainState, *batch: Any) -> tuple[TrainState, Metrics]:
        state, metrics = by_gradient(state, *batch)
        times = metrics.pop("times")
        raised = {
            name: raise_silent(w, times[name], by=network.wake)
            for name, w in state.weights.items()
        }
        return state._replace(weights=raised), metrics

    return step


def timed_run(
    network: TimedNetwork, weights: Weights, times: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """A picture of what it does, in steps of ``dt``.

    Args:
        network: what is looked at.
        weights: of it.
        times: of the inputs [s], ``[B, n_in]``.

    Returns:
        Spikes of the hidden layer ``[T, B, n]``, and voltages of the outputs ``[T, B,
        classes]`` on their way to the first spike, from which on they stay at
        threshold.
    """
    hidden, out = spike_times_of(network, weights, times)
    steps = round(network.end / network.dt)
    clock = network.dt * jnp.arange(steps, dtype=hidden.dtype)[:, None, None]
    ends = clock + network.dt
    spikes = (hidden[None] >= clock) & (hidden[None] < ends)
    v = voltage_at(network.params, hidden, weights["out"], ends[:, 0, 0])
    v = jnp.where(out[None] <= ends, network.params.threshold, v)
    return spikes.astype(hidden.dtype), v
