"""snnTorch's Alpha: a voltage that is read from two currents instead of integrated.

    e ← α e + x        h ← β h - x        v = τ (e + h)
    R = sg(1[v₋ > θ])        s = 1[v > θ]

R takes away everything (zero), or θ of e, what h became of h, and -h₋ of v (subtract).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.interop.presets.decays import decayed
from snnjax.interop.presets.neuron import ALSO, learning
from snnjax.neurons.population import population, zeros
from snnjax.probes import watched
from snnjax.surrogate import Shape, spike


@exportable
class AlphaState(NamedTuple):
    """What an Alpha neuron remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage
    i: jax.Array  # excitatory current
    j: jax.Array  # inhibitory current


class _Constants(NamedTuple):
    alpha: jax.Array
    beta: jax.Array
    tau: jax.Array
    threshold: jax.Array


def alpha_neuron(
    n: int,
    alpha: Number,
    beta: Number,
    threshold: Number,
    reset: str,
    learned: Sequence[str],
    surrogate: Shape,
) -> Cell:
    """A population of ``n`` of them; ``learned`` are weights, by name."""
    given = {"alpha": alpha, "beta": beta, "threshold": threshold}
    for name, value in given.items():
        check.finite(name, value)
        check.per_neuron(name, value, n)
    _check_order(alpha, beta)
    step = partial(_advance, reset, surrogate)
    rest = partial(_rest, n)

    def cell_of(weights: Any, beside: tuple[str, ...] = ()) -> Cell:
        constants = partial(_constants, {**given, **weights})
        cell = population("Alpha", n, constants, rest, step, ALSO)
        return watched(cell, beside) if beside else cell

    if not learned:
        return cell_of({})

    def init(key):
        del key
        return {
            name: jnp.array(given[name], jnp.result_type(float)) for name in learned
        }

    shapes = {name: jnp.shape(given[name]) for name in learned}
    return learning(init, rest, shapes, cell_of)


def _constants(given, dt, dtype):
    steps: Any = dt  # it counts in steps, and clipping knows no time
    clipped: Any = partial(decayed, "clipped", dt=steps, tau=None, dtype=dtype)
    (alpha, _), (beta, _) = clipped(given["alpha"]), clipped(given["beta"])
    tau = jnp.log(alpha) / (jnp.log(beta) - jnp.log(alpha)) + 1.0
    return _Constants(alpha, beta, tau, jnp.asarray(given["threshold"], dtype))


def _rest(n, x):
    at = zeros("Alpha", n, x)
    return AlphaState(at, *map(jnp.zeros_like, (at, at)))


def _advance(reset, surrogate, c, state, x):
    dtype, x = x.dtype, x.astype(state.v.dtype)
    late = (jax.lax.stop_gradient(state.v) - c.threshold > 0).astype(x.dtype)
    e, h = c.alpha * state.i + x, c.beta * state.j - x
    v = c.tau * (e + h)
    if reset == "zero":
        e, h, v = e - e * late, h - h * late, v - v * late
    elif reset == "subtract":
        e, h, v = e - c.threshold * late, h - h * late, v + state.j * late
    s = spike(v - c.threshold, surrogate)
    return AlphaState(v, e, h), s.astype(dtype), {"recorded": v, "v_before": v}


def _check_order(alpha, beta):
    a, b = map(check.concrete, (alpha, beta))
    if a is None or b is None:
        return
    a, b = np.clip(a, 0.0, 1.0), np.clip(b, 0.0, 1.0)
    if not np.all(a > b) or np.any(b <= 0.0):
        raise ValueError(
            f"alpha must be greater than beta, which must be above 0; got {alpha} and "
            f"{beta}."
        )
