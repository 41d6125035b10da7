# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # From the action potential to the leaky integrate-and-fire neuron
#
# **Before this:** [first steps](01_first_steps); what a differential equation is.
#
# **Question.** Networks are made of neurons that leak, reach a threshold and are reset.
# What was left out on the way there from the action potential, and what does it cost?
#
# **Answer.** First the course of the spike, which is always the same: its onset is an
# exponential, and what follows is a reset. Then the adaptation current, which tells
# *when* the next spike may come; with it two thirds of the spikes of a squid's axon
# under a fluctuating current are predicted beyond chance, without it less than half.
# In return a training step becomes tens of times cheaper.

# %%
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np

import snnjax as snn
from snnjax import plot
from snnjax.analysis import (
    coincidence_factor,
    fit_exponential,
    rheobase,
    steady_rates,
)
from snnjax.neurons import (
    AdExParams,
    EIFParams,
    IzhikevichParams,
    MorrisLecarParams,
    QIFParams,
    adex,
    eif,
    hodgkin_huxley,
    izhikevich,
    morris_lecar,
    qif,
)

dt = 1e-4  # [s]


def shown(cell, xs):
    """States and spikes after each step."""
    return snn.unroll(cell, (), xs, dt=dt, record=lambda state, y: (state, y))[1]


def steps(milliseconds, n=1):
    return jnp.zeros((round(1e-3 * milliseconds / dt), n))


def clock(xs):
    """Time after each step [ms]."""
    return 1e3 * dt * np.arange(1, len(xs) + 1)


# %% [markdown]
# ## An action potential
#
# Sodium rushes in (m, fast), then its gate closes (h) while potassium flows out (n,
# both slower). For some milliseconds h is low and n is high: the axon is refractory.

# %%
xs = steps(40).at[50:].set(1.0)  # 1 is 10 µA/cm²
state, _ = shown(hodgkin_huxley(1), xs)
figure, axes = plot.figure(2, 1, (7.0, 4.4))
axes[0, 0].plot(clock(xs), 1e3 * state.v, color="black")
axes[0, 0].set(ylabel="voltage [mV]")
for gate, color in zip("mhn", ("C3", "C0", "C2"), strict=True):
    axes[1, 0].plot(clock(xs), getattr(state, gate), color=color, label=gate)
axes[1, 0].set(xlabel="time [ms]", ylabel="share of open gates")
axes[1, 0].legend(frameon=False, loc="upper right", ncols=3)
axes[1, 0].set_ylim(0.0, 1.25)
plot.show(figure, "19_action_potential")

# %% [markdown]
# ## Two variables: a plane
#
# Morris and Lecar's fibre has a fast voltage and one slow gate w. A spike is a turn in
# their plane, around the place where both lines of no change cross. How they cross
# says how firing begins: at a rate of its own (type II, as the squid) or at any (type
# I).

# %%
second = MorrisLecarParams()
first = second._replace(v_3=12e-3, v_4=17.4e-3, g_calcium=40.0, phi=67.0)
types = {"type II": (second, 1.0, np.linspace(0.85, 1.4, 12))}
types["type I"] = (first, 0.5, np.linspace(0.36, 0.9, 12))


def no_change(p, x, v):
    """Where v stands still and where w does, as w over v."""
    active = lambda at, over: (1.0 + np.tanh((v - at) / over)) / 2.0  # noqa: E731
    calcium = p.g_calcium * active(p.v_1, p.v_2) * (v - p.e_calcium)
    inward = p.unit * x - calcium - p.g_leak * (v - p.e_leak)
    return inward / (p.g_potassium * (v - p.e_potassium)), active(p.v_3, p.v_4)


figure, axes = plot.figure(1, 3, (11.0, 3.4))
v = np.linspace(-70e-3, 50e-3, 200)
for ax, (name, (p, x, inputs)) in zip(axes[0], types.items(), strict=False):
    cell = morris_lecar(1, p)
    state, _ = shown(cell, jnp.full_like(steps(300), x))
    of_v, of_w = no_change(p, x, v)
    ax.plot(1e3 * v, of_v, "--", color="C3", label="dv/dt = 0")
    ax.plot(1e3 * v, of_w, "--", color="C0", label="dw/dt = 0")
    ax.plot(1e3 * state.v, state.w, color="black", lw=1)
    ax.set(xlabel="voltage [mV]", ylim=(-0.05, 0.8), title=f"{name}, x = {x}")
    hz = steady_rates(cell, jnp.asarray(inputs)[:, None], dt=dt, seconds=1.5)
    axes[0, 2].plot(100.0 * inputs, hz, "o-", ms=3, label=name)
axes[0, 0].set_ylabel("potassium gate w")
axes[0, 1].legend(frameon=False, fontsize=8, loc="upper center")
axes[0, 2].set(xlabel="current [µA/cm²]", ylabel="firing rate [Hz]")
axes[0, 2].legend(frameon=False)
plot.show(figure, "19_phase_plane")

# %% [markdown]
# ## One variable: the onset is an exponential
#
# Under a fluctuating current, what the membrane of the axon does of its own accord is a
# function of its voltage, give or take its gates: it leaks back below about -60 mV and
# runs away above. A leak and an exponential describe that (dots: means, bars: standard
# deviations). So the spike need not be computed: it is enough to know when it begins.

# %%
rng = np.random.default_rng(0)


def fluctuating(seconds, n):
    """Currents of mean 2 and deviation 4 µA/cm², forgotten in 3 ms."""
    kept, x = np.exp(-dt / 3e-3), rng.normal(size=n)
    rows = np.empty((round(seconds / dt), n), np.float32)
    for k in range(len(rows)):
        x = kept * x + np.sqrt(1.0 - kept**2) * rng.normal(size=n)
        rows[k] = 0.2 + 0.4 * x
    return rows


axon, xs = hodgkin_huxley(1), fluctuating(4.0, 3)
state, spikes = shown(axon, jnp.asarray(xs)[..., None])
v, spikes = np.asarray(state.v)[..., 0], np.asarray(spikes)[..., 0]
looked_at = {"dt": dt, "below": -45e-3, "since": 8e-3}
fit = fit_exponential(v, 0.1 * xs, spikes, **looked_at)
adapting = fit_exponential(v, 0.1 * xs, spikes, **looked_at, tau_adapt=12e-3)
print(f"EIF explains {fit.explained:.0%} of dv/dt, AdEx {adapting.explained:.0%}")

quiet = np.ones(v.shape, bool)
for k in range(80):
    quiet[k:] &= spikes[: len(spikes) - k] == 0
kept = quiet[1:] & quiet[:-1] & (v[1:] < -45e-3)
middle = ((v[1:] + v[:-1]) / 2.0)[kept]
drive = (np.diff(v, axis=0) / dt - 0.1 * xs[1:] / fit.capacitance)[kept]
edges = np.arange(-78e-3, -46e-3, 2e-3)
bins = [drive[(middle >= low) & (middle < low + 2e-3)] for low in edges]

figure, axes = plot.figure(1, 2, (9.5, 3.4))
ax, at = axes[0, 0], np.linspace(-78e-3, -45e-3, 100)
mean, spread = ([of(each) for each in bins] for of in (np.mean, np.std))
ax.errorbar(1e3 * edges + 1.0, mean, spread, fmt="o", color="black", ms=3, lw=0.8)
onset = fit.sharpness * np.exp((at - fit.v_threshold) / fit.sharpness)
own = fit.conductance * (fit.v_rest - at + onset) / fit.capacitance
ax.plot(1e3 * at, own, color="C1", label="leak and exponential")
ax.axhline(0.0, color="0.8", lw=0.8)
ax.set(xlabel="voltage [mV]", ylabel="dv/dt without the current [mV/ms]")
ax.legend(frameon=False)

# %% [markdown]
# Close to its onset any type I neuron is a parabola, the QIF: its rate grows with the
# root of what the current is above the rheobase.

# %%
ax, p = axes[0, 1], QIFParams(v_reset=-90e-3)
above = np.geomspace(1e-3, 1.0, 12)
for name, cell, least in (
    ("QIF", qif(1, p), p.conductance * (p.v_threshold - p.v_rest) / 4.0 / p.unit),
    ("EIF", eif(1), rheobase(eif(1), low=0.1, high=1.0, dt=dt, error=1e-4, seconds=2)),
):
    inputs = jnp.asarray(least * (1.0 + above))[:, None]
    hz = steady_rates(cell, inputs, dt=dt, seconds=6.0)[:, 0]
    ax.loglog(above[hz > 0], hz[hz > 0], "o-", ms=3, label=name)
ax.loglog(above, 30.0 * above**0.5, ":", color="0.5", label="square root")
ax.set(xlabel="current above the rheobase, as a share", ylabel="firing rate [Hz]")
ax.legend(frameon=False)
plot.show(figure, "19_reduction")

# %% [markdown]
# ## A second variable back: patterns
#
# An adaptation current is pulled up by the voltage (a) and by each spike (b). With the
# reset it makes the patterns of cortical neurons, in the AdEx as in Izhikevich's.

# %%
patterns = {
    "tonic": (0.0, 60e-12, 30e-3, -55e-3, 1.0),
    "adapting": (0.0, 60e-12, 150e-3, -70.6e-3, 1.0),
    "bursting": (4e-9, 60e-12, 100e-3, -46e-3, 0.8),
}
a, b, tau, reset, current = map(np.array, zip(*patterns.values(), strict=True))
xs = steps(300, 3).at[300:].set(current)
exponential = shown(adex(3, AdExParams(v_reset=reset, tau_adapt=tau, a=a, b=b)), xs)
kinds = {
    "regular spiking": (20.0, 200.0, -65e-3, 8.0),
    "chattering": (20.0, 200.0, -50e-3, 2.0),
    "fast spiking": (100.0, 200.0, -65e-3, 2.0),
}
given = map(np.array, zip(*kinds.values(), strict=True))
quadratic = shown(
    izhikevich(3, IzhikevichParams(*given)), steps(300, 3).at[300:].set(2.5)
)
figure, axes = plot.figure(3, 2, (10.0, 5.0))
for column, (names, found) in enumerate(((patterns, exponential), (kinds, quadratic))):
    state, fired = found
    v_drawn = np.where(fired > 0, 30.0, 1e3 * state.v)  # the reset is in the same step
    for row, name in enumerate(names):
        ax = axes[row, column]
        ax.plot(clock(xs), v_drawn[:, row], color="black", lw=0.8)
        ax.set_title(f"{('AdEx', 'Izhikevich')[column]}: {name}", fontsize=9)
        ax.set_ylim(-85, 40)
    axes[2, column].set_xlabel("time [ms]")
for row in axes:
    row[0].set_ylabel("voltage [mV]")
plot.show(figure, "19_patterns")

# %% [markdown]
# ## The leaky integrate-and-fire neuron, and what was lost
#
# The LIF has the axon's time constant, its rheobase as the threshold, and a refractory
# time that gives it the rate at 10 µA/cm². The others come from the fit above. Γ is the
# share of spikes predicted within 2 ms, beyond chance; the current was not fitted.

# %%
least = rheobase(axon, low=0.4, high=1.0, dt=dt)
(rate,) = steady_rates(axon, jnp.ones(1), dt=dt)
tau = 1.5e-3  # a small step of current brings the axon to 63 % of its peak in that
wait = 1.0 / rate - tau * np.log(1.0 / (1.0 - least))
neurons = {
    "Hodgkin-Huxley": axon,
    "AdEx": adex(
        1,
        AdExParams(
            *adapting[:5], 0.0, -65e-3, 0.1, 12e-3, adapting.a, 0.75 * adapting.b
        ),
    ),
    "EIF": eif(1, EIFParams(*fit[:5], 0.0, -75e-3, 0.1)),
    "LIF": snn.lif(1, snn.LIFParams(tau, None, least, round(wait / dt) * dt)),
}
new = fluctuating(4.0, 1)
trains = {
    name: dt * np.flatnonzero(snn.unroll(cell, (), jnp.asarray(new), dt=dt)[1])
    for name, cell in neurons.items()
}
figure, axes = plot.figure(1, 2, (11.0, 3.2))
ax = axes[0, 0]
for k, (name, train) in enumerate(trains.items()):
    gamma = coincidence_factor(
        train, trains["Hodgkin-Huxley"], window=2e-3, duration=4.0
    )
    print(f"{name:<15}{len(train) / 4.0:6.1f} Hz   Γ {gamma:.2f}")
    ax.eventplot(1e3 * train, lineoffsets=-k, linelengths=0.7, color=f"C{k}")
ax.set_yticks([0, -1, -2, -3], [*neurons])
ax.set(xlim=(0, 500), xlabel="time [ms]")
inputs = np.linspace(0.05, 2.0, 40)
for k, (name, cell) in enumerate(neurons.items()):
    hz = steady_rates(cell, jnp.asarray(inputs)[:, None], dt=dt)
    axes[0, 1].plot(10.0 * inputs, hz, color=f"C{k}", label=name)
axes[0, 1].set(xlabel="constant current [µA/cm²]", ylabel="firing rate [Hz]")
axes[0, 1].set_ylim(0, 200)
axes[0, 1].legend(frameon=False, fontsize=8, loc="lower right")
plot.show(figure, "19_leaky")

# %% [markdown]
# One neuron cannot have all of it. The LIF begins where the axon does and misses what
# brief currents do below its rheobase; the exponential ones see these and fire on where
# the axon falls silent. Which of the two matters is a question about the network. The
# study `reduction` in `benchmarks` has these numbers with their spread.
#
# The axon also fires when a current that held it down ends; of the others only the one
# whose adaptation current remembers that does so too.

# %%
held_down = steps(150).at[:500].set(-1.0)
for name, cell in neurons.items():
    _, fired = snn.unroll(cell, (), held_down, dt=dt)
    print(f"{name:<15}{int(fired[500:].sum())} spikes after -10 µA/cm²")

# %% [markdown]
# ## What it costs
#
# A step of 256 neurons behind 140 inputs, 64 samples at a time, in that of the LIF by
# XLA, as `benchmarks/speed/neurons.py` measured it last. Circles: in a recurrent layer,
# where products cost the same for all. It is not biology that costs most: the
# exponential and quadratic neurons put each spike at its time inside the step.
# `docs/reference/neurons.md` has the numbers, and what each neuron is tested against.

# %%
here = Path(globals().get("__file__", Path.cwd() / "notebook")).resolve().parent
root = next(p for p in (here, *here.parents) if (p / "benchmarks").is_dir())
rows = json.loads((root / "benchmarks/results/neurons.json").read_text())["rows"]
cost = {(r["model"], r["wiring"], r["kind"]): r["ratio"] for r in rows}
order = [name for name, *rest in cost if rest == ["feed-forward", "training"]]
order.sort(key=lambda name: cost[name, "feed-forward", "training"])
figure, axes = plot.figure(1, 2, (10.0, 4.6))
for ax, kind in zip(axes[0], ("forward", "training"), strict=True):
    alone = [cost[name, "feed-forward", kind] for name in order]
    loop = [cost.get((name, "recurrent", kind), np.nan) for name in order]
    ax.barh(order, alone, height=0.6, color="C0", label="feed-forward")
    ax.plot(loop, order, "o", color="black", mfc="white", label="recurrent")
    ax.axvline(1.0, color="0.6", lw=0.8)
    ax.set(xscale="log", xlabel=f"{kind}, time in that of LIF")
axes[0, 1].tick_params(labelleft=False)
axes[0, 0].legend(frameon=False, fontsize=8, loc="lower right")
plot.show(figure, "19_cost")
