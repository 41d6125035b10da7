"""Homeostatic pretraining: firing rates are brought into a band before training.

A network whose weights start too small is silent: no spikes come out, and no gradient
of a loss comes back through layers that do not fire. A penalty on each neuron's firing
rate needs no labels, and a surrogate gives it a gradient even at silence (Rossbroich,
Gygax & Zenke 2022, doi:10.1088/2634-4386/ac97bb).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from snnjax import check
from snnjax.check import Number
from snnjax.learning.regularize import beyond


class Pretrained(NamedTuple):
    """What ``homeostatic_pretraining`` returns."""

    values: Any  # as given, after descent
    rates: jax.Array  # mean of each layer [Hz], [layers]
    inside: jax.Array  # whether each layer is in its band, [layers]
    steps: jax.Array  # updates made, int32


def homeostatic_pretraining(
    rates: Callable[..., Sequence[jax.Array]],
    initial: Any,
    *batch: Any,
    lower: Number,
    upper: Number,
    optimizer: optax.GradientTransformation,
    steps: int,
) -> Pretrained:
    """Descends on firing rates alone until the mean rate of every layer is in its band.

    The penalty is on each neuron, whatever the rates of the others,

        L = Σ_layers mean_n [lower - ν_n]₊² + [ν_n - upper]₊²

    with ν_n the rate of a neuron over time and the whole batch. The bounds in it lie
    inside the band, by a tenth of its width, as descent would converge to its edge
    otherwise. Descent stops at the first step in which all layers are inside.

        def rates(logs, weights, xs):
            first, second = (LIFParams(threshold=jnp.exp(log)) for log in logs)
            cells = dense(20, 64), lif(64, first), dense(64, 64), lif(64, second)
            net = chain(*cells, outputs=("1", "3"))
            _, ys = unroll(net, weights, xs, dt=dt)
            return [firing_rate(spikes, dt=dt) for spikes in ys.values()]

        logs = [jnp.zeros(64), jnp.zeros(64)]
        pretrained = homeostatic_pretraining(
            rates, logs, weights, xs, lower=10.0, upper=30.0,
            optimizer=optax.adam(0.1), steps=100,
        )

    The choice of variables matters. *Thresholds*, one for each neuron, fall until it
    fires, and its selectivity stays; dividing the weights onto a neuron by its
    threshold afterwards gives the same spikes at threshold 1. *Weights* reach the band
    as well, but the gradients of all synapses of a silent neuron have the same sign, so
    that the neurons of a layer come to fire in synchrony whatever the sample, and
    training failed (study R12).

    The membranes of a silent layer are a whole threshold below firing, so the surrogate
    must not vanish there: one of peak 1 and moderate slope, such as ``SuperSpike(10)``,
    is 1/121 there; one that is cut off (triangle, boxcar) or steep has no gradient.
    Only layers whose inputs fire have a gradient, so layers begin to fire one after the
    other.

    Args:
        rates: ``(values, *batch) -> rates`` of each layer, ``[*batch, n]`` [Hz],
            usually by ``firing_rate``.
        initial: the values to descend on, a tree of arrays: logarithms of thresholds,
            or weights. What no rate depends on stays as it is.
        *batch: whatever else ``rates`` takes; the same in every step, so take enough
            samples to tell a rate.
        lower: lowest rate [Hz] of each layer, ``[layers]``, or of all.
        upper: highest rate [Hz] of each layer, ``[layers]``, or of all.
        optimizer: any optax transformation.
        steps: at most so many updates.

    Returns:
        ``Pretrained(values, rates, inside, steps)``; ``inside`` is false for layers
        that did not reach their band. It runs under ``jit``; no gradient passes.

    Raises:
        ValueError: for a band that is empty or negative or has another number of
            layers, no layer at all, or ``steps`` below one.
    """
    check.whole("steps", steps)
    check.positive("lower", lower, " [Hz]", zero=True)
    check.positive("upper", upper, " [Hz]", zero=True)
    low, high = check.concrete(lower), check.concrete(upper)
    if low is not None and high is not None and not np.all(low < high):
        raise ValueError(f"lower must be below upper, got {low} and {high} Hz.")

    def penalty(values):
        each = [r.reshape(-1, r.shape[-1]).mean(axis=0) for r in rates(values, *batch)]
        low, high = _of_each("lower", lower, each), _of_each("upper", upper, each)
        margin = 0.1 * (high - low)
        penalties = [
            jnp.mean(beyond(floor - nu, 2) + beyond(nu - ceiling, 2))
            for nu, floor, ceiling in zip(
                each, low + margin, high - margin, strict=True
            )
        ]
        means = jnp.stack([nu.mean() for nu in each])
        inside = (means >= low) & (means <= high)
        return jnp.sum(jnp.stack(penalties)), (means, inside)

    def unfinished(state):
        now, _, _ = state
        return (now.steps < steps) & ~jnp.all(now.inside)

    def update(state):
        now, opt_state, slope = state
        change, opt_state = optimizer.update(slope, opt_state, now.values)
        values = optax.apply_updates(now.values, change)
        slope, (means, inside) = jax.grad(penalty, has_aux=True)(values)
        return Pretrained(values, means, inside, now.steps + 1), opt_state, slope

    slope, (means, inside) = jax.grad(penalty, has_aux=True)(initial)
    first = Pretrained(initial, means, inside, jnp.zeros((), jnp.int32))
    state = first, optimizer.init(initial), slope
    return jax.lax.while_loop(unfinished, update, state)[0]


def _of_each(name, bound, layers):
    """The bound of each layer, ``[layers]``."""
    if not layers:
        raise ValueError(
            "homeostatic_pretraining expects the rates of at least one layer, got none."
        )
    if jnp.shape(bound) not in ((), (len(layers),)):
        raise ValueError(
            f"{name} must be one rate or one for each of {len(layers)} layers, "
            f"got shape {jnp.shape(bound)}."
        )
    return jnp.broadcast_to(jnp.asarray(bound, layers[0].dtype), len(layers))
