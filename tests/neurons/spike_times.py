"""When neurons spike by other means, and when a cell says that they do."""

import numpy as np
from scipy.integrate import quad, solve_ivp

import snnjax as snn


def by_lsoda(slope, start, peak, after, until):
    """Times at which the first variable passes ``peak``, between which LSODA goes.

    Args:
        slope: ``(t, y) -> dy/dt``.
        start: y at rest.
        peak: of y[0].
        after: what a spike does, y -> y.
        until: how long [s].
    """

    def passes(t, y):
        return y[0] - peak

    passes.terminal, passes.direction = True, 1
    t, y, times = 0.0, start, []
    options = {"method": "LSODA", "rtol": 1e-9, "atol": 1e-13, "events": passes}
    while True:
        found = solve_ivp(slope, (t, until), y, **options)
        if found.status != 1:
            return np.array(times)
        t, y = found.t[-1], after(found.y[:, -1])
        times.append(t)


def by_quadrature(slope, low, high):
    """Time from one voltage to another under a constant current [s]."""
    return quad(
        lambda v: 1.0 / slope(v), low, high, limit=500, epsabs=0.0, epsrel=1e-7
    )[0]


def of_cell(cell, xs, dt, state=None):
    """Times of the spikes of each neuron [s], to a part of a step."""
    watching = cell.about.watch(("since",))
    _, (spikes, seen) = snn.unroll(watching, (), xs, dt=dt, state=state)
    ends = dt * np.arange(1, len(xs) + 1)[:, None]
    times = ends - np.asarray(seen["since"])
    return [t[s > 0] for t, s in zip(times.T, np.asarray(spikes).T, strict=True)]
