"""reduction: what of Hodgkin and Huxley's neuron do simpler neurons keep?

Four simpler neurons take its place, each with what it is matched by:

- LIF: τm from the response to a small step of current (the time to 63 % of its peak),
  the threshold from the rheobase, the refractory time from the rate at 10 µA/cm²;
- LIF, fitted: the same τm; threshold and refractory time that predict most spikes;
- EIF: all constants from the dynamic I-V curve under a fluctuating current, and the
  reset that predicts most spikes;
- AdEx: the same with an adaptation current, which is in the same least squares; its τw,
  the reset and the share of b that predict most spikes.

Fitted is on one set of fluctuating currents (an Ornstein-Uhlenbeck process of mean 2,
deviation 4 µA/cm² and 3 ms), judged on others: how many spikes come within 2 ms of
those of the original, beyond chance (Γ), mean and spread over the others. The original
with twice the sub-steps is the ceiling, a neuron under another current the floor.

The squid's axon is of type II: it fires at 50 Hz or not at all, answers a lasting
current below that with one spike or two, and fires when a hyperpolarising one ends.
An EIF begins at any rate and never rebounds, whatever its constants. Criteria were
fixed after a pilot with other currents (seeds), which chose their mean and deviation.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

import snnjax as snn
from benchmarks.criterion import above, at_least, at_most, equal, near
from benchmarks.report import emit
from benchmarks.studies.shared.reduced_neurons import (
    DT,
    UNIT,
    fitted_adex,
    fitted_eif,
    fitted_lif,
    fluctuating,
    gammas,
    made,
    matched_lif,
    respond,
    spike_times,
    time_constant,
)
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.analysis import fit_exponential, rheobase, steady_rates
from snnjax.neurons import hodgkin_huxley

BELOW, SINCE = -45e-3, 8e-3  # what the fits look at [V], [s]
COLORS = ("black", "#0072b2", "#56b4e9", "#d55e00", "#009e73")


class Size(NamedTuple):
    seconds: float = 5.0
    fitted: int = 4  # recordings that are fitted
    judged: int = 10  # others
    tau_adapts: tuple[float, ...] = (6e-3, 8e-3, 10e-3, 12e-3, 15e-3)
    error: float = 2e-4  # of rheobases, as a share
    lasting: float = 2.0  # constant currents [s]; a quarter is left out at the start


def run(full: bool, size: Size | None = None) -> Finding:
    del full
    size = size or Size()
    steps, hh = round(size.seconds / DT), hodgkin_huxley(1)
    xs = fluctuating(0, steps, size.fitted)
    record = lambda state, y: (state.v[..., 0], y[..., 0])  # noqa: E731
    shown = jnp.asarray(xs)[..., None]
    _, (v, spikes) = snn.unroll(hh, (), shown, dt=DT, record=record)
    recorded, v = spike_times(spikes), np.asarray(v)
    looked_at = {"dt": DT, "below": BELOW, "since": SINCE}
    given = v, UNIT * xs, np.asarray(spikes)
    fit = fit_exponential(*given, **looked_at)
    fits = {
        tau: fit_exponential(*given, **looked_at, tau_adapt=tau)
        for tau in size.tau_adapts
    }
    tau = time_constant()
    lasts = {"dt": DT, "seconds": size.lasting, "settling": size.lasting / 4}
    sought = lasts | {"high": 2.0, "error": size.error}
    onset = rheobase(hh, low=0.4, **sought)
    params = {
        "LIF": matched_lif(tau, onset),
        "LIF, fitted": fitted_lif(tau, xs, recorded),
        "EIF": fitted_eif(fit, xs, recorded),
        "AdEx": fitted_adex(fits, xs, recorded),
    }
    cells = {"Hodgkin-Huxley": hh} | {name: made(p) for name, p in params.items()}
    found = predicted(cells, size, steps)
    onsets = {"Hodgkin-Huxley": onset} | {
        name: rheobase(cells[name], low=0.01, **sought) for name in params
    }
    curves, at_onset = {}, {}
    for name, cell in cells.items():
        inputs = jnp.asarray([*INPUTS, 1.001 * onsets[name]])[:, None]
        *curve, at_onset[name] = steady_rates(cell, inputs, **lasts)[:, 0].tolist()
        curves[name] = np.array(curve)
    rebounds = {name: rebound(cell) for name, cell in cells.items()}
    for name, each in found.items():
        emit(neuron=name, gamma=each.round(3).tolist())
    summary = {
        "tau_mem_ms": 1e3 * tau,
        "constants": {
            k: {f: float(x) for f, x in p._asdict().items() if x is not None}
            for k, p in params.items()
        },
        "explained": {"EIF": float(fit.explained)}
        | {f"AdEx, {1e3 * tau:g} ms": float(f.explained) for tau, f in fits.items()},
        "rheobase_uA_cm2": {k: 10.0 * x for k, x in onsets.items()},
        "rate_at_rheobase_hz": at_onset,
        "currents_uA_cm2": (10.0 * INPUTS).round(2).tolist(),
        "rates_hz": {k: hz.round(1).tolist() for k, hz in curves.items()},
        "spikes_after_hyperpolarisation": rebounds,
        "gamma": {k: [float(x.mean()), float(x.std(ddof=1))] for k, x in found.items()},
    }
    return Finding(
        summary,
        criteria(found, onsets, at_onset, rebounds, curves),
        figure(curves, found, given, fit),
    )


INPUTS = np.linspace(0.64, 2.0, 16)  # f-I curves


def predicted(cells, size, steps):
    """Γ of each neuron on currents that were not fitted, [K]; a ceiling and a floor."""
    xs = fluctuating(1, steps, size.judged)
    recorded = spike_times(respond(cells["Hodgkin-Huxley"], 1, xs)[..., 0])
    found = {
        name: gammas(respond(cell, 1, xs)[..., 0], recorded)
        for name, cell in cells.items()
        if name != "Hodgkin-Huxley"
    }
    finer = respond(hodgkin_huxley(1, substeps=20), 1, xs)[..., 0]
    others = respond(cells["AdEx"], 1, fluctuating(2, steps, size.judged))[..., 0]
    return found | {
        "Hodgkin-Huxley, 20 sub-steps": gammas(finer, recorded),
        "AdEx, by chance": gammas(others, recorded),
    }


def rebound(cell) -> int:
    """Spikes after 50 ms of -10 µA/cm² have ended."""
    xs = jnp.zeros((1500, 1)).at[:500].set(-1.0)
    return int(np.asarray(snn.unroll(cell, (), xs, dt=DT)[1])[500:].sum())


def criteria(found, onsets, at_onset, rebounds, curves):
    hh = "Hodgkin-Huxley"
    ahead = found["AdEx"] - found["LIF, fitted"]
    surely = ahead.mean() - 2.0 * ahead.std(ddof=1) / np.sqrt(len(ahead))
    off = 100.0 * np.abs(curves["LIF"] / curves[hh] - 1.0)
    return [
        near("rheobase, µA/cm²", 10.0 * onsets[hh], 6.26, 0.00626, digits=4),
        at_least("rate from there on, Hz", at_onset[hh], 45),
        at_most(
            "EIF: rate 0.1 % above its rheobase, in that",
            at_onset["EIF"] / at_onset[hh],
            0.25,
        ),
        equal("spikes when a hyperpolarising current ends", rebounds[hh], 1),
        equal("LIF and EIF: the same", rebounds["LIF"] + rebounds["EIF"], 0),
        at_most("LIF: f-I curve to 20 µA/cm², largest error, %", off.max(), 15),
        at_least("AdEx: Γ", found["AdEx"].mean(), 0.6),
        above("AdEx ahead of a fitted LIF, Γ less two of its errors", surely, 0.1),
        above("AdEx ahead of EIF, Γ", found["AdEx"].mean() - found["EIF"].mean(), 0.1),
        above(
            "LIF fitted to spikes ahead of one matched by rheobase, Γ",
            found["LIF, fitted"].mean() - found["LIF"].mean(),
            0.1,
        ),
        at_least(
            "ceiling: 20 sub-steps, Γ",
            found["Hodgkin-Huxley, 20 sub-steps"].mean(),
            0.99,
        ),
        at_most(
            "floor: AdEx, currents of others, |Γ|",
            abs(found["AdEx, by chance"].mean()),
            0.05,
        ),
    ]


def figure(curves, found, recording, fit):
    drawn, axes = plot.figure(1, 3, (13.0, 3.8))
    curve_ax, rate_ax, gamma_ax = axes[0]
    dynamic_curve(curve_ax, *recording, fit)
    for color, (name, hz) in zip(COLORS, curves.items(), strict=True):
        rate_ax.plot(10.0 * INPUTS, hz, "o-", ms=3, color=color, label=name)
    rate_ax.set(xlabel="constant current (µA/cm²)", ylabel="firing rate (Hz)")
    rate_ax.set_ylim(0, None)
    rate_ax.legend(frameon=False, fontsize=8)
    names = list(found)
    for k, name in enumerate(names):
        x = np.full(len(found[name]), k) + np.linspace(-0.15, 0.15, len(found[name]))
        gamma_ax.plot(x, found[name], ".", color="0.5", ms=4)
        gamma_ax.plot(k, found[name].mean(), "D", color="#0072b2", ms=6)
    labels = [n.replace(", ", ",\n").replace("-H", "-\nH") for n in names]
    gamma_ax.set_xticks(range(len(names)), labels, fontsize=7)
    gamma_ax.axhline(0.0, color="0.8", lw=0.8)
    gamma_ax.set(ylabel="spikes predicted beyond chance, Γ", ylim=(-0.1, 1.05))
    return drawn


def dynamic_curve(ax, v, currents, spikes, fit):
    """Mean slope of the voltage without the current's share, by voltage."""
    quiet = np.ones(v.shape, bool)
    for k in range(round(SINCE / DT)):
        quiet[k:] &= spikes[: len(spikes) - k] == 0
    kept = quiet[1:] & quiet[:-1] & (v[1:] < BELOW)
    middle = ((v[1:] + v[:-1]) / 2.0)[kept]
    drive = (np.diff(v, axis=0) / DT - currents[1:] / fit.capacitance)[kept]
    bins = np.arange(-78e-3, BELOW, 1.5e-3)
    which = np.digitize(middle, bins)
    rows = [(k, which == k) for k in range(1, len(bins)) if np.sum(which == k) > 30]
    x = [1e3 * (bins[k - 1] + 0.75e-3) for k, _ in rows]
    mean, spread = ([of(drive[row]) for _, row in rows] for of in (np.mean, np.std))
    ax.errorbar(x, mean, spread, fmt="o", color="black", ms=3, lw=0.8, label="measured")
    grid_v = np.linspace(-78e-3, BELOW, 200)
    onset = fit.sharpness * np.exp((grid_v - fit.v_threshold) / fit.sharpness)
    pull = fit.conductance * (fit.v_rest - grid_v + onset) / fit.capacitance
    ax.plot(1e3 * grid_v, pull, color="#d55e00", label="EIF")
    ax.axhline(0.0, color="0.8", lw=0.8)
    ax.set(xlabel="voltage (mV)", ylabel="dv/dt without current (mV/ms)")
    ax.legend(frameon=False, fontsize=8)


STUDY = Study(
    id="reduction",
    claim="An exponential neuron with an adaptation current predicts most spikes of "
    "Hodgkin and Huxley's under a fluctuating current; without, or leaky, fewer.",
    source="methods of Badel et al. 2008, doi:10.1152/jn.01107.2007, and Kistler, "
    "Gerstner & van Hemmen 1997, doi:10.1162/neco.1997.9.5.1015",
    minutes=2,
    run=run,
    one_size=True,
    missed="A refractory time that fits the rate at 10 µA/cm² lets the neuron fire at "
    "76 Hz at most; Hodgkin and Huxley's goes on to 86 Hz at 20.",
)
