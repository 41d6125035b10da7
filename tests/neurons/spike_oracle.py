"""Networks of spiking neurons by other means: closed forms, and a loop over events."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import lambertw


def by_formula(times, weights, tau_mem, tau_syn):
    """First spike of one neuron of threshold 1 where it has a formula, or ∞.

    τm = τs by Lambert's W and τm = 2 τs by a logarithm (Göltz et al. 2021), no leak by
    Mostafa (2017): each on the inputs before the spike, which are found by trying.
    """
    order = np.argsort(times, kind="stable")
    t, w = times[order] / tau_syn, weights[order]
    for k in range(1, len(t) + 1):
        end = t[k] if k < len(t) else np.inf
        found = _of_inputs(t[:k], w[:k], tau_mem, tau_syn)
        if t[k - 1] <= found < end:
            return found * tau_syn
    return np.inf


def _of_inputs(t, w, tau_mem, tau_syn):
    begin, t = t[-1], t - t[-1]  # no exponential above 1
    with np.errstate(invalid="ignore", divide="ignore"):
        if tau_mem is None:
            # Σ w (1 - z/z_out) = 1
            found = np.log(np.sum(w * np.exp(t)) / (np.sum(w) - 1.0))
        elif tau_mem == tau_syn:
            a, b = np.sum(w * np.exp(t)), np.sum(w * t * np.exp(t))
            root = lambertw(-np.exp(b / a) / a)
            found = b / a - root.real if root.imag == 0 and a > 0 else np.nan
        else:
            assert tau_mem == 2.0 * tau_syn
            a, b = np.sum(w * np.exp(t)), np.sum(w * np.exp(t / 2.0))
            # with y = e^(-t/2): b y - a y² = 1, at the crossing upwards
            found = 2.0 * np.log(2.0 * a / (b + np.sqrt(b**2 - 4.0 * a)))
    return begin + found if np.isfinite(found) and found >= 0 else np.inf


def by_events(params, times, units, weights, recurrent, delay, until):
    """Spikes of one sample, ``[(t, n)]``, by a loop and brackets of brentq.

    Membranes are sums over all that ever came: no state is carried from event to event.
    """
    tau_mem, tau_syn, theta, _, v_reset = params
    n = weights.shape[1]
    currents = [(t, weights[u]) for t, u in sorted(zip(times, units, strict=True))]
    last, spikes = np.full(n, -np.inf), []

    def voltage(k, t):
        # from the last reset on, with the current that was there then
        since = last[k] if np.isfinite(last[k]) else min(times)
        v = v_reset * decay(t - since) if np.isfinite(last[k]) else 0.0
        for at, jump in currents:
            if at <= since:
                left = jump[k] * np.exp(-(since - at) / tau_syn)
                v += left * response(t - since)
            elif at < t:
                v += jump[k] * response(t - at)
        return v

    def decay(s):
        return 1.0 if tau_mem is None else np.exp(-s / tau_mem)

    def response(s):
        if tau_mem is None:
            return -np.expm1(-s / tau_syn)
        if tau_mem == tau_syn:
            return s / tau_mem * np.exp(-s / tau_mem)
        both = np.exp(-s / tau_syn) - np.exp(-s / tau_mem)
        return tau_syn / (tau_syn - tau_mem) * both

    now = min(times)
    while now < until:
        ahead = min([at for at, _ in currents if at > now], default=until)
        ahead = min(ahead, until)
        grid = np.linspace(now, ahead, 400)
        found = [
            (crossing(lambda t, k=k: voltage(k, t) - theta, grid), k) for k in range(n)
        ]
        t, k = min(found)
        if not np.isfinite(t):
            now = ahead
            continue
        spikes.append((t, k))
        last[k], now = t, t
        if recurrent is not None:
            currents.append((t + (0.0 if delay is None else delay[k]), recurrent[k]))
    return spikes


def crossing(level, grid):
    """First time at which a level rises through zero, between points of a grid."""
    values = [level(t) for t in grid]
    for a, b, low, high in zip(grid, grid[1:], values, values[1:], strict=False):
        if low < 0.0 <= high:
            return brentq(level, a, b, xtol=1e-18, rtol=8.9e-16)
    return np.inf
