"""What libraries mean by the number of a decay, and the numbers of one step.

factor        d = p                    what is left after a step
clipped       d = min(max(p, 0), 1)    the same, and no gradient outside
exponential   d = e^(-dt/p)            p is a time constant
euler         d = 1 - dt/p
logarithm     d = e^(-dt/e^p)
sigmoid       d = σ(p)
leak sigmoid  d = 1 - σ(p)
stretched     d = e^(-dt/(2 τ σ(p)))   p is learned, τ is given
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from snnjax.check import Number
from snnjax.exported import exportable

Decay = Literal[
    "factor",
    "clipped",
    "exponential",
    "euler",
    "logarithm",
    "sigmoid",
    "leak sigmoid",
    "stretched",
]


@exportable
class Numbers(NamedTuple):
    """Constants of a preset, each ``[]`` or ``[n]``; None where there is nothing.

    Example:
        >>> from snnjax.interop import presets
        >>> numbers = presets.Numbers(mem=0.9, threshold=2.0)
        >>> neuron = presets.stepped(1, numbers=numbers)
        >>> _, spikes = snn.unroll(neuron, (), jnp.full((20, 1), 0.5), dt=1e-3)
        >>> print(spikes.sum())
        4.0
    """

    mem: Number | None = 1.0  # decay of the voltage, of a form that the rule says
    syn: Number | None = None  # of the current
    adapt: Number | None = None  # of the adaptation
    gain: Number = 1.0  # of the current at the membrane, on top of the rule's
    threshold: Number = 1.0  # θ
    v_leak: Number | None = None  # None: 0
    v_reset: Number = 0.0
    amount: Number | None = None  # what a subtraction takes; None: the threshold
    jump: Number | None = 1.0  # of the adaptation at a spike; None: 1 - its decay
    scale: Number = 1.0  # how much of the adaptation is threshold
    low: Number | None = None  # least voltage at the end of a step
    high: Number | None = None  # greatest
    shift: Number | None = None  # what every voltage gains after the reset
    refractory: Number | None = None  # time after a spike
    dt: Number | None = 1.0  # a step, in the unit of all times; None: that of the run
    tau_mem: Number | None = None  # τ of a "stretched" decay
    tau_syn: Number | None = None
    v: Number = 0.0  # where it starts
    a: Number = 0.0  # where the adaptation starts


def decayed(
    form: Decay, p: Number, dt: jax.Array, tau: Number | None, dtype: Any
) -> tuple[jax.Array, jax.Array]:
    """What a step leaves, d, and what it takes, 1 - d."""
    p = jnp.asarray(p, dtype)
    if form == "euler":
        return 1.0 - dt / p, dt / p
    if form == "leak sigmoid":
        return 1.0 - jax.nn.sigmoid(p), jax.nn.sigmoid(p)
    if form == "factor":
        d = p
    elif form == "clipped":
        inside = (p > 0.0) & (p < 1.0)  # no gradient passes at the ends either
        d = jnp.where(inside, p, jax.lax.stop_gradient(jnp.clip(p, 0.0, 1.0)))
    elif form == "exponential":
        d = jnp.exp(-dt / p)
    elif form == "logarithm":
        d = jnp.exp(-dt / jnp.exp(p))
    elif form == "sigmoid":
        d = jax.nn.sigmoid(p)
    else:
        d = jnp.exp(-dt / (2.0 * jnp.asarray(tau, dtype) * jax.nn.sigmoid(p)))
    return d, 1.0 - d
