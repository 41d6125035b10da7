"""From a recorded voltage to an exponential integrate-and-fire neuron.

Under a fluctuating current i the slope of the voltage tells what the membrane does,

    dv/dt - i/C = -g/C (v - E) + g Δ/C e^((v - V_T)/Δ) - w/C

on average over all times at which the voltage is v: the dynamic I-V curve (Badel et
al. 2008, doi:10.1152/jn.01107.2007). Without w the right side is an EIF, with

    w = a (v - E) filtered by τw, plus b e^(-t/τw) of each spike

an adaptive one (AdEx). Both are linear in all but Δ and τw: least squares.
"""

from typing import NamedTuple

import numpy as np

from snnjax import check
from snnjax.exported import exportable


@exportable
class ExponentialFit(NamedTuple):
    """Constants of an exponential neuron, in the units of voltage, current and time."""

    capacitance: float  # C
    conductance: float  # of the leak g
    v_rest: float  # its reversal E
    v_threshold: float  # V_T
    sharpness: float  # Δ
    a: float  # how the voltage drives w; 0 without τw
    b: float  # by how much a spike raises it; 0 without τw
    explained: float  # share of the variance of dv/dt


def fit_exponential(
    v: np.ndarray,
    currents: np.ndarray,
    spikes: np.ndarray,
    *,
    dt: float,
    below: float,
    since: float,
    tau_adapt: float | None = None,
) -> ExponentialFit:
    """Fits an exponential integrate-and-fire neuron to what a neuron showed.

    Args:
        v: voltage after each step, ``[T, n]``: n recordings of one neuron.
        currents: in each step, ``[T, n]``.
        spikes: whether it fired in each step, ``[T, n]``.
        dt: time step [s].
        below: only times at which the voltage is below this are looked at, such as a
            few Δ above the threshold: an action potential is no exponential for long.
        since: nor are times nearer to the last spike than this [s].
        tau_adapt: τw of an adaptation current [s]; without, there is none.

    Returns:
        The fit; Δ is the best of 60 between a hundredth and one of the range of v.

    Raises:
        ValueError: for arrays of other shapes, too few times to look at, or a fit that
            is no neuron: where the voltage does not pull back, or not run away.

    Example:
        >>> noise = jax.random.normal(jax.random.key(0), (20_000, 1))
        >>> x = 0.6 + 0.8 * noise  # [nA]
        >>> def voltage_and_spikes(state, spikes):
        ...     return state.v, spikes
        ...
        >>> _, (v, spikes) = snn.unroll(
        ...     snn.neurons.eif(1), (), x, dt=1e-4, record=voltage_and_spikes
        ... )
        >>> given = map(np.asarray, (v, 1e-9 * x, spikes))
        >>> fit = snn.analysis.fit_exponential(
        ...     *given, dt=1e-4, below=-45e-3, since=5e-3
        ... )
        >>> print(f"{1e12 * fit.capacitance:.0f} pF, {1e3 * fit.v_threshold:.0f} mV")
        281 pF, -50 mV
    """
    _check(v, currents, spikes, dt)
    check.finite("below", below)
    check.positive("since", since, " [s]", zero=True)
    if tau_adapt is not None:
        check.positive("tau_adapt", tau_adapt, " [s]")
    for name, x in (("below", below), ("since", since), ("tau_adapt", tau_adapt)):
        check.one(name, x)
    v, currents, spikes = (np.asarray(x, np.float64) for x in (v, currents, spikes))
    looked_at = (v < below) & (_since_spikes(spikes, dt) > since)
    kept = looked_at[1:] & looked_at[:-1]
    if kept.sum() < 100 or np.ptp(v[1:][kept]) == 0.0:
        raise ValueError(
            f"v has {kept.sum()} steps below={below:g} and since={since:g} s after a "
            "spike; at least 100 that differ are needed."
        )
    middle = (v[1:] + v[:-1]) / 2.0
    slope, at = (v[1:] - v[:-1])[kept] / dt, middle[kept]
    columns = [np.ones_like(at), currents[1:][kept], at]
    if tau_adapt is not None:
        middle = np.minimum(middle, below)
        filtered = _filtered(middle, dt, tau_adapt, middle[0])[kept]
        raised = _filtered(spikes, dt, tau_adapt, 0.0)[:-1][kept] * (tau_adapt / dt)
        columns += [filtered, raised]
    widths = np.geomspace(0.01, 1.0, 60) * np.ptp(at)
    with np.errstate(all="ignore"):
        tried = [_solved(columns, at, slope, width) for width in widths]
    best = max(tried, key=lambda fit: fit.explained)
    if not (np.isfinite(best).all() and best.capacitance > 0 and best.conductance > 0):
        raise ValueError(
            f"What v, currents and spikes show is no such neuron: {best}. Give longer "
            "recordings, a higher below, or a current that fluctuates more."
        )
    return best


def _check(v, currents, spikes, dt):
    for name, x in (("v", v), ("currents", currents), ("spikes", spikes)):
        check.array(name, x, "[T, n]", finite=True)
        check.shape(name, x, np.shape(v))
    check.floating("v", v)
    check.floating("currents", currents)
    check.dt(dt)


def _solved(columns, at, slope, sharpness):
    onset = np.exp((at - at.max()) / sharpness)  # at most 1
    given = np.stack([*columns, onset], axis=1)
    found = np.linalg.lstsq(given, slope, rcond=None)[0]
    explained = 1.0 - np.var(slope - given @ found) / np.var(slope)
    constant, gain, pull, *adapting, height = found
    c = 1.0 / gain
    g, (a, b) = -c * pull, [-c * x for x in adapting] or (0.0, 0.0)
    rest = c * constant / (g + a)
    threshold = at.max() - sharpness * np.log(c * height / (g * sharpness))
    found = c, g, rest, threshold, sharpness, a, b, explained
    return ExponentialFit(*map(float, found))


def _since_spikes(spikes, dt):
    """Time since the last spike of each step [s]; infinite before the first."""
    steps = np.arange(len(spikes))[:, None]
    last = np.maximum.accumulate(np.where(spikes > 0, steps, -np.inf), axis=0)
    return (steps - last) * dt


def _filtered(x, dt, tau, now):
    """An exponential mean of what was, from what it is now on."""
    kept, y = np.exp(-dt / tau), np.empty_like(x)
    for k, each in enumerate(x):
        y[k] = now = kept * now + (1.0 - kept) * each
    return y
