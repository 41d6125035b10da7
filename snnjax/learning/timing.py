"""A loss of spike times: the neuron of the label is to fire first."""

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.check import Number
from snnjax.learning.losses import cross_entropy


def spike_time_cross_entropy(
    times: jax.Array,
    labels: jax.Array,
    *,
    tau: Number,
    end: Number,
    alpha: Number = 0.0,
    tau_late: Number | None = None,
    mask: jax.Array | None = None,
) -> jax.Array:
    """Mean cross entropy of first spikes, the earlier the likelier.

        L = -ln(e^(-t_y/τ) / Σ_k e^(-t_k/τ)) + α (e^(t_y/τ₁) - 1)

    of the label y. The first term does not change if all spikes move together; the
    second draws them to the start (Göltz et al. 2021, doi:10.1038/s42256-021-00388-x;
    Wunderlich & Pehle 2021, doi:10.1038/s41598-021-91786-z). A neuron that fires at
    ``end`` or later, or never, counts as one that fires at ``end``, and has gradient
    zero: nothing here makes it fire.

    Args:
        times: of the first spike of one neuron a class [s], ``[*batch, n]``, from
            ``first_spike_time``; ∞ for none.
        labels: ``[*batch]``, integers in 0 … n-1.
        tau: τ [s].
        end: of the trial [s].
        alpha: α, none if omitted.
        tau_late: τ₁ [s]; as τ if omitted.
        mask: which labels count, ``[*batch]``.

    Returns:
        ``[]``, in nats. NaN where a time is, and under ``jit`` as ``cross_entropy``.

    Raises:
        ValueError: as ``cross_entropy``; for a τ that is not positive, an α below zero,
            or an end that is not finite.

    Example:
        >>> times = jnp.array([[5e-3, 8e-3]])  # the right one is 3 ms ahead
        >>> labels = jnp.array([0])
        >>> loss = snn.learning.spike_time_cross_entropy(
        ...     times, labels, tau=2e-3, end=50e-3
        ... )
        >>> print(f"{loss:.1f}")
        0.2
    """
    check.array("times", times, "[*batch, n]")
    check.array("labels", labels)
    if labels.shape != times.shape[:-1]:
        raise ValueError(
            "times must be [*batch, n] and labels [*batch], got "
            f"{times.shape} and {labels.shape}."
        )
    check.positive("tau", tau, " [s]")
    check.positive("alpha", alpha, zero=True)
    check.finite("end", end)
    late = tau if tau_late is None else tau_late
    check.positive("tau_late", late, " [s]")
    constants = {"tau": tau, "end": end, "alpha": alpha, "tau_late": late}
    for name, value in constants.items():
        check.one(name, value)
    drawn = check.concrete(alpha) != 0.0
    times = check.wide(times)
    tau, end, alpha, late = (
        jnp.asarray(x, times.dtype) for x in (tau, end, alpha, late)
    )
    seen = jnp.where(times >= end, end, times)  # NaN stays
    loss = cross_entropy(-seen / tau, labels, mask)
    if not drawn:  # nor may e^(t/τ₁) overflow
        return loss
    first = jnp.clip(labels, 0, times.shape[-1] - 1).astype(jnp.int32)
    own = jnp.take_along_axis(seen, first[..., None], axis=-1)[..., 0]
    counts = None if mask is None else check.truth("A mask", mask)
    own = own if counts is None else jnp.where(counts, own, 0.0)
    return loss + alpha * jnp.mean(jnp.expm1(own / late), where=counts)
