"""What a neuron answers a constant input with: nothing, or a firing rate.

From the rheobase on a neuron fires for ever. There it begins at any rate (type I) or at
a rate of its own (type II; Hodgkin 1948, doi:10.1113/jphysiol.1948.sp004260).
"""

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.cell import Cell, check_cell, unroll

_AT_ONCE = 17  # inputs that are tried at the same time


def steady_rates(
    neuron: Cell,
    inputs: jax.Array,
    *,
    dt: float,
    seconds: float = 1.0,
    settling: float = 0.5,
) -> np.ndarray:
    """Firing rates under constant inputs: the f-I curve.

    Args:
        neuron: a cell ``[*batch, n] -> [*batch, n]`` without weights, of spikes.
        inputs: held all the time, ``[*batch, n]``; many inputs of one neuron are a
            batch, ``[K, 1]``.
        dt: time step [s].
        seconds: how long each runs [s].
        settling: how much of that is left out at the start [s].

    Returns:
        One over the mean interval between the spikes that were left [Hz], in the shape
        of ``inputs``; 0 where there are fewer than two.

    Raises:
        ValueError: for what is no cell, inputs that are not finite or do not fit it, a
            time that leaves no step, and for a neuron that puts out no spikes, or ends
            in what is not finite.

    Example:
        >>> neuron = snn.lif(1, snn.LIFParams(tau_syn=None))
        >>> currents = jnp.array([[0.5], [2.0], [4.0]])
        >>> print(snn.analysis.steady_rates(neuron, currents, dt=1e-3).round())  # [Hz]
        [[  0.]
         [ 71.]
         [167.]]
    """
    check_cell("neuron", neuron)
    check.array("inputs", inputs, "[*batch, n]", finite=True)
    check.dt(dt)
    steps, start = _steps(seconds, settling, dt)
    x = check.wide(inputs)
    state, ys = unroll(neuron, (), jnp.broadcast_to(x, (steps, *x.shape)), dt=dt)
    _check_run(state, ys)
    fired = np.asarray(ys[start:]) > 0
    first, after_last = fired.argmax(0), len(fired) - fired[::-1].argmax(0)
    intervals = fired.sum(0) - 1
    apart = np.where(intervals > 0, after_last - 1 - first, 1)
    return np.maximum(intervals, 0) / (apart * dt)


def _check_run(state, ys):
    if not jnp.all((ys == 0) | (ys == 1)):
        raise ValueError("neuron must put out spikes, 0 or 1; it puts out others.")
    for leaf in jax.tree.leaves(state):
        if jnp.issubdtype(leaf.dtype, jnp.floating):
            check.finite("The state in which neuron ends", leaf)


def _steps(seconds, settling, dt):
    for name, time in (("seconds", seconds), ("settling", settling)):
        check.positive(name, time, " [s]", zero=True)
        check.one(name, time)
    steps, start = float(seconds) / dt, float(settling) / dt
    if not start + 0.5 < steps < 1e9:
        raise ValueError(
            f"seconds={seconds:g} must be at least a step of {dt:g} s longer than "
            f"settling={settling:g}, and less than 1e9 steps."
        )
    return round(steps), round(start)


def rheobase(
    neuron: Cell,
    *,
    low: float,
    high: float,
    dt: float,
    error: float = 1e-3,
    seconds: float = 1.0,
    settling: float = 0.5,
) -> float:
    """The least constant input under which one neuron goes on firing.

    Args:
        neuron: a cell ``[*batch, 1] -> [*batch, 1]``, as of ``steady_rates``.
        low: an input under which it does not.
        high: one under which it does.
        dt: time step [s].
        error: of the result, as a share of it.
        seconds: how long it runs under each input [s].
        settling: spikes before this do not count [s].

    Returns:
        The least of the inputs tried under which it fired at least twice after
        ``settling``; all those tried below it were less.

    Raises:
        ValueError: as ``steady_rates``; and if it fires at ``low``, or not at ``high``.

    Example:
        >>> neuron = snn.lif(1, snn.LIFParams(tau_syn=None))
        >>> least = snn.analysis.rheobase(neuron, low=0.5, high=2.0, dt=1e-3)
        >>> print(f"{least:.2f}")
        1.00
    """
    for name, x in (("low", low), ("high", high)):
        check.finite(name, x)
        check.one(name, x)
    check.between("error", error, 1e-6, 1.0)
    check.one("error", error)
    if not low < high:
        raise ValueError(f"low must be below high, got {low} and {high}.")
    while True:
        tried = np.linspace(low, high, _AT_ONCE)
        given = {"dt": dt, "seconds": seconds, "settling": settling}
        fires = steady_rates(neuron, jnp.asarray(tried)[:, None], **given)[:, 0] > 0
        if fires[0] or not fires[-1]:
            raise ValueError(
                f"It must be silent at low={low:g} and fire at high={high:g}, but "
                f"{'fires at low' if fires[0] else 'is silent at high'}. Take another."
            )
        k = int(fires.argmax())
        low, high = float(tried[k - 1]), float(tried[k])
        if high - low <= error * abs(high):
            return high
