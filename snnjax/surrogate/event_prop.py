"""EventProp: no pseudo-derivative, but how fast the time of a spike moves."""

from typing import Any, NamedTuple

from snnjax.check import Number
from snnjax.exported import exportable


@exportable
class EventProp(NamedTuple):
    """The gradient through times of spikes, of leaky neurons on a grid of time steps.

    The forward pass is that of any surrogate, bit for bit. Backwards, what counts is
    not what a spike is worth, ḡ_k the gradient of the raster at step k, but what it is
    worth to move it by a step:

        spike      v̄⁻ = -(ḡ_{k+1} - ḡ_k) / D + v̄ (1 + (θ - v_reset) dt / (τm D))
        no spike   v̄⁻ = v̄                           D = v⁻_k - v_{k-1}, V̇ dt

    As ``dt`` goes to zero this is the exact gradient, in first order (Wunderlich &
    Pehle 2021, doi:10.1038/s41598-021-91786-z). Numbers of spikes have gradient zero,
    and so have losses and penalties of firing rates; which losses have a gradient, and
    which need more, is told in ``docs/explanation/exact-gradients.md``.

    For ``lif(…, surrogate=EventProp())`` with a synapse, without refractory time, of
    reset ``"zero"`` or ``"subtract"``; everything else refuses it.

    Example:
        >>> neuron = snn.lif(1, surrogate=snn.surrogate.EventProp())
        >>> def time_of_spike(weight):
        ...     xs = jnp.zeros((50, 1)).at[0].set(weight)
        ...     _, spikes = snn.unroll(neuron, (), xs, dt=1e-3)
        ...     return snn.learning.first_spike(spikes, dt=1e-3, gradient="move")[0]
        ...
        >>> time, slope = jax.value_and_grad(time_of_spike)(10.0)
        >>> print(f"{1e3 * time:.0f} ms", slope < 0.0)  # the stronger, the earlier
        2 ms True
    """

    slowest: Number = 0.1  # V̇ counts as this share of θ/τm at least


def no_event_prop(name: str, shape: Any) -> None:
    """Refuses it where there is no rule for it.

    Raises:
        ValueError: with what to do.
    """
    if isinstance(shape, EventProp):
        raise ValueError(
            f"{name} is EventProp, which is no function of v - θ and is derived for "
            "lif(…, surrogate=EventProp()) alone, with nothing around it. Take a shape "
            "such as SuperSpike()."
        )
