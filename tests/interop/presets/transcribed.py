"""The steps of libraries without a package, written out in numpy loops.

Each is the equations of its source and nothing of ours: a forward pass, and the adjoint
of it worked out by hand, in the same order. ``forward(x, c)`` gives spikes, what the
library records, and what the backward pass needs; ``backward`` the gradients of
``sum(a * spikes) + sum(b * recorded)`` for the input and the constants.
"""

from typing import NamedTuple

import numpy as np


class Run(NamedTuple):
    """One forward pass."""

    spikes: np.ndarray  # [T, B, n]
    recorded: np.ndarray  # [T, B, n]
    kept: dict  # lists over time, for the backward pass


def summed(gradients, like):
    """Sums what was broadcast: constants are ``[]`` or ``[n]``."""
    return {
        name: g.sum(axis=tuple(range(g.ndim - np.ndim(like[name]))))
        for name, g in gradients.items()
    }


def superspike(u, slope):
    return 1.0 / (1.0 + slope * np.abs(u)) ** 2


def stork(x, c):
    """Decide on v, then i' = αi + x and v' = (βv + g i)(1 - s); SpyTorch has g = 1.

    With ``clamp`` v' is at most 1.01.
    """
    v, i = np.zeros_like(x[0]), np.zeros_like(x[0])
    spikes, after, kept = [], [], {"v": [], "i": [], "s": [], "u": []}
    g = 1.0 - c["beta"] if c["scaled"] else np.ones_like(c["beta"])
    for now in x:
        s = (v - 1.0 > 0).astype(float)
        u = c["beta"] * v + g * i
        for name, value in zip("visu", (v, i, s, u), strict=True):
            kept[name].append(value)
        v = u * (1.0 - s)
        if c["clamp"]:
            v = np.minimum(v, 1.01)
        i = c["alpha"] * i + now
        spikes.append(s)
        after.append(v)
    recorded = after if c["scaled"] else kept["v"]
    return Run(np.stack(spikes), np.stack(recorded), kept)


def stork_adjoint(x, c, run, a, b, h, through=False):
    """``b`` weighs v after the step (stork) or before it (SpyTorch)."""
    d_v, d_i = np.zeros_like(x[0]), np.zeros_like(x[0])
    d_x = np.zeros_like(x)
    d_alpha, d_beta = np.zeros_like(x[0]), np.zeros_like(x[0])
    g = 1.0 - c["beta"] if c["scaled"] else np.ones_like(c["beta"])
    for t in reversed(range(len(x))):
        v, i, s, u = (run.kept[name][t] for name in "visu")
        if c["scaled"]:
            d_v = d_v + b[t]
        if c["clamp"]:
            d_v = d_v * (u * (1.0 - s) < 1.01)
        d_u, d_s = d_v * (1.0 - s), a[t] - (d_v * u if through else 0.0)
        d_x[t] = d_i
        d_alpha += d_i * i
        d_beta += d_u * (v - i if c["scaled"] else v)
        d_v = d_u * c["beta"] + d_s * h(v - 1.0)
        d_i = d_i * c["alpha"] + d_u * g
        if not c["scaled"]:
            d_v = d_v + b[t]
    return d_x, {"alpha": d_alpha, "beta": d_beta}


def hxtorch(x, c):
    """v by the current before, then the current, the spike and a reset to a value."""
    v, i = np.zeros_like(x[0]) + c["leak"], np.zeros_like(x[0])
    spikes, recorded, kept = [], [], {"v": [], "i": [], "u": []}
    for now in x:
        kept["v"].append(v)
        kept["i"].append(i)
        u = c["beta"] * (v - c["leak"]) + c["leak"] + (1.0 - c["beta"]) * i
        i = c["alpha"] * i + now
        s = (u - c["threshold"] > 0).astype(float)
        v = (1.0 - s) * u + s * c["reset"]
        kept["u"].append(u)
        spikes.append(s)
        recorded.append(v)
    return Run(np.stack(spikes), np.stack(recorded), kept)


def hxtorch_adjoint(x, c, run, a, b, h):
    d_v, d_i, d_x = np.zeros_like(x[0]), np.zeros_like(x[0]), np.zeros_like(x)
    names = "alpha", "beta", "leak", "reset", "threshold"
    d = {name: np.zeros_like(x[0]) for name in names}
    for t in reversed(range(len(x))):
        v, i, u = (run.kept[name][t] for name in "viu")
        d_v = d_v + b[t]
        d["reset"] += d_v * run.spikes[t]
        fire = a[t] * h(u - c["threshold"])
        d["threshold"] -= fire
        d_u = d_v * (1.0 - run.spikes[t]) + fire
        d["leak"] += d_u * (1.0 - c["beta"])
        d["beta"] += d_u * (v - c["leak"] - i)
        d["alpha"] += d_i * i
        d_x[t] = d_i
        d_v = d_u * c["beta"]
        d_i = d_i * c["alpha"] + d_u * (1.0 - c["beta"])
    return d_x, d


def slayer(x, c):
    """Whole numbers of Python: two leaky integrators, the second of which resets."""
    one = 1 << 12
    keep = [one - round(one * float(d)) for d in (c["current"], c["voltage"])]
    theta = int(c["threshold"] * 64) * 64
    spikes, recorded = np.zeros_like(x), np.zeros_like(x)
    for place in np.ndindex(x.shape[1:]):
        i = v = 0
        for t in range(len(x)):
            i = toward_zero(i * keep[0]) + int(x[(t, *place)] * one)
            v = toward_zero(v * keep[1]) + i
            recorded[(t, *place)] = v / one
            if v >= theta:
                spikes[(t, *place)], v = 1.0, 0
    return Run(spikes, recorded, {})


def toward_zero(k):
    """k / 4096 in whole numbers, cut off towards zero."""
    return (k >> 12) if k >= 0 else -(-k >> 12)


def slayer_adjoint(x, c, run, a, b, h):
    """That of two leaky integrators which nothing rounds and nothing resets."""
    d_i = d_v = np.zeros_like(x[0])
    d_x = np.zeros_like(x)
    keep = [1 - round(4096 * float(d)) / 4096 for d in (c["current"], c["voltage"])]
    theta = int(c["threshold"] * 64) / 64
    for t in reversed(range(len(x))):
        d_v = keep[1] * d_v + b[t] + a[t] * h(run.recorded[t] - theta)
        d_i = keep[0] * d_i + d_v
        d_x[t] = d_i
    return d_x, {}


def mlgenn(x, c):
    """Spikes arrive, the current is injected and decays; then the neuron, in float."""
    v, i = np.zeros_like(x[0]) + c["v"], np.zeros_like(x[0])
    left = np.zeros_like(x[0])
    spikes, recorded = [], []
    kept = {name: [] for name in ("v", "j", "u", "moved", "may")}
    gain = 1.0 - c["alpha"] if c["scaled"] else 1.0
    for now in x:
        j = i + now
        i = c["decay"] * j
        waits, before = left > 0.0, v
        moved = ~waits if c["frozen"] else np.ones_like(waits)
        u = np.where(moved, c["alpha"] * v + gain * j, v)
        left = np.where(waits, left - 1.0, left)
        may = left <= 0.0
        s = ((u >= c["threshold"]) & may).astype(float)
        if c["relative"]:
            v = u - s * (c["threshold"] - c["reset"])
        else:
            v = np.where(s > 0, c["reset"], u)
        left = np.where(s > 0, c["pause"], left)
        for name, value in zip(kept, (before, j, u, moved, may), strict=True):
            kept[name].append(value)
        spikes.append(s)
        recorded.append(v)
    return Run(np.stack(spikes), np.stack(recorded), kept)


def mlgenn_adjoint(x, c, run, a, b, h):
    d_v, d_i, d_x = np.zeros_like(x[0]), np.zeros_like(x[0]), np.zeros_like(x)
    d = {n: np.zeros_like(x[0]) for n in ("alpha", "decay", "threshold", "reset")}
    gain = 1.0 - c["alpha"] if c["scaled"] else np.ones_like(c["alpha"])
    for t in reversed(range(len(x))):
        v, j, u, moved, may = (run.kept[k][t] for k in ("v", "j", "u", "moved", "may"))
        s = run.spikes[t]
        d_v = d_v + b[t]
        fire = a[t] * may * h(u - c["threshold"])
        d["threshold"] -= fire + (d_v * s if c["relative"] else 0.0)
        d["reset"] += d_v * s
        d_u = d_v * (1.0 if c["relative"] else 1.0 - s) + fire
        charged = d_u * moved
        d["alpha"] += charged * (v - j if c["scaled"] else v)
        d["decay"] += d_i * j
        d_j = d_i * c["decay"] + charged * gain
        d_x[t] = d_i = d_j
        d_v = np.where(moved, d_u * c["alpha"], d_u)
    return d_x, d


def nest(x, c):
    """e-prop neurons: the reset of this step's spike, or of the last step's."""
    v, a, z = np.zeros_like(x[0]), np.zeros_like(x[0]), np.zeros_like(x[0])
    left = np.zeros(x[0].shape, int)
    spikes, recorded = [], []
    kept = {name: [] for name in ("v", "u", "raw", "theta", "may", "a")}
    gain = 1.0 - c["alpha"] if c["scaled"] else 1.0
    for now in x:
        left = np.where(left > 0, left - 1, left)
        raw = c["alpha"] * v + gain * now
        if c["late"]:
            raw = raw - c["threshold"] * z
        u = np.maximum(raw, c["low"])
        a = c["rho"] * a + z  # the spikes before, also where nothing adapts
        theta = c["threshold"] + c["beta"] * a
        may = left == 0
        z = ((u >= theta) & may).astype(float)
        for name, value in zip(kept, (v, u, raw, theta, may, a), strict=True):
            kept[name].append(value)
        v = u if c["late"] else u - c["threshold"] * z
        left = np.where(z > 0, c["pause"], left)
        spikes.append(z)
        recorded.append(v)
    return Run(np.stack(spikes), np.stack(recorded), kept)


def nest_adjoint(x, c, run, a, b, h):
    """No gradient passes through a reset; one does through the adaptation."""
    d_v, d_a, d_x = np.zeros_like(x[0]), np.zeros_like(x[0]), np.zeros_like(x)
    d = {n: np.zeros_like(x[0]) for n in ("alpha", "threshold", "rho", "beta", "low")}
    gain = 1.0 - c["alpha"] if c["scaled"] else np.ones_like(c["alpha"])
    none = np.zeros_like(x[0])
    for t in reversed(range(len(x))):
        names = "v", "u", "raw", "theta", "may", "a"
        v, u, raw, theta, may, adapted = (run.kept[name][t] for name in names)
        before = run.kept["a"][t - 1] if t else none
        d_v = d_v + b[t]
        if not c["late"]:
            d["threshold"] -= d_v * run.spikes[t]
        fire = (a[t] + d_a) * may * h(u - theta)  # d_a: what a spike adds to a later
        d["threshold"] -= fire
        d["beta"] -= fire * adapted
        d_now = -c["beta"] * fire + c["rho"] * d_a  # of a at this step
        d["rho"] += d_now * before
        d_raw = (d_v + fire) * (raw > c["low"])
        d["low"] += (d_v + fire) * (raw <= c["low"])
        if c["late"]:
            d["threshold"] -= d_raw * (run.spikes[t - 1] if t else none)
        d["alpha"] += d_raw * (v - x[t] if c["scaled"] else v)
        d_x[t] = d_raw * gain
        d_v, d_a = d_raw * c["alpha"], d_now
    return d_x, d
