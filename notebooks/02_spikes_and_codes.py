# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Spikes and codes
#
# **Before this:** [first steps](01_first_steps): what a spike does to a neuron, and
# `unroll`.
#
# **Question.** A network of spiking neurons reads spikes, and data are numbers. How
# does a number become spikes, what is lost on the way, and how soon can it be read
# again?
#
# **Answer.** By how often a neuron fires (a *rate* code), by when it first fires (a
# *latency* code), by which neuron fires (a *population* code), or by firing when
# something has changed (*level crossing*). A rate is read to 10 % after a hundred
# spikes only, as the error of a count of N is √N. A latency takes one spike. Of digits,
# a plain linear reader names nine of ten from some 20 latencies, all of the first 6 ms;
# of rates up to 200 Hz it needs 100 ms and hundreds of spikes for as many.

# %%
import jax
import jax.numpy as jnp
import numpy as np

from snnjax import plot
from snnjax.datasets import digits
from snnjax.inputs import (
    latency,
    latency_intensity,
    level_crossing,
    level_reconstruction,
    poisson,
    population,
)

dt = 1e-3

# %% [markdown]
# ## A rate, and the noise of counting
#
# `poisson` fires in each step with probability rate · dt. What comes out is a *raster*
# `[T, *batch, n]`: time first, 1 where there is a spike. If you come from PyTorch: a
# function that draws random numbers takes a *key*, and the same key gives the same
# numbers. For other numbers, take another key.
#
# Twenty thousand neurons that fire at 100 Hz, counted for longer and longer:

# %%
rate = 100.0
spikes = poisson(jax.random.key(0), jnp.full(20_000, rate), steps=200, dt=dt)
again = poisson(jax.random.key(0), jnp.full(20_000, rate), steps=200, dt=dt)
assert jnp.array_equal(spikes, again)

seconds = dt * jnp.arange(1, 201)
guesses = jnp.cumsum(spikes, axis=0) / seconds[:, None]
error = jnp.std(guesses, axis=1) / rate
theory = np.sqrt((1 - rate * dt) / (rate * seconds))  # binomial: one spike a step
np.testing.assert_allclose(error, theory, rtol=0.05)
for ms in (10, 50, 200):
    print(f"after {ms:3d} ms a rate of 100 Hz is known to {error[ms - 1]:.0%}")

# %% [markdown]
# ## A latency
#
# `latency` charges a leaky neuron with the number as its current, and the first spike
# tells when it reached the threshold: the stronger, the sooner. What is weaker than the
# threshold never fires. The code can be inverted; one spike gives the number back, to
# within what the number changes in one time step.

# %%
code = {"tau": 20e-3, "threshold": 0.1}
numbers = jnp.linspace(0.11, 1.0, 90)
raster = latency(numbers, steps=60, dt=dt, **code)
when = dt * jnp.argmax(raster, axis=0)
read = latency_intensity(when + dt / 2, **code)  # the middle of the step
print(f"largest error {jnp.max(jnp.abs(read - numbers)):.3f}, from one spike each")
assert np.all(raster.sum(axis=0) == 1)
middle = (numbers > 0.15) & (numbers < 0.6)  # nearer 1, all fire in the same few steps
np.testing.assert_allclose(read[middle], numbers[middle], rtol=0.2)

code_figure, axes = plot.figure(1, 2, (10.0, 3.2))
axes[0, 0].loglog(1e3 * seconds, error, label="20 000 neurons at 100 Hz")
axes[0, 0].loglog(1e3 * seconds, theory, "k:", label="theory, 1/√N")
axes[0, 0].set(xlabel="counted for (ms)", ylabel="relative error", title="a rate")
axes[0, 0].legend(frameon=False)
axes[0, 1].plot(numbers, 1e3 * when, ".")
axes[0, 1].set(xlabel="number", ylabel="first spike (ms)", title="a latency")
plot.show(code_figure, "02_codes")

# %% [markdown]
# ## A population
#
# One neuron can hardly tell 3.1 from 3.2 by its rate. Ten neurons that each prefer
# another number can, by which of them fire most. `population` gives each neuron's
# activation; as rates, these become spikes. The mean of what they prefer, weighted by
# spikes, is the number again.

# %%
value = jnp.array([3.1])
tuning = {"n": 10, "low": 0.0, "high": 9.0}
active = population(value, **tuning)
trains = poisson(jax.random.key(1), 200.0 * active, steps=200, dt=dt)
preferred = jnp.linspace(0.0, 9.0, 10)
counts = trains.sum(axis=0)
told = float(counts @ preferred / counts.sum())
print(f"told {float(value[0]):.2f}, read {told:.2f} from {int(counts.sum())} spikes")
assert abs(told - 3.1) < 0.3

# %% [markdown]
# ## A change
#
# A signal in time need not be told again and again. `level_crossing` sends an event
# whenever it has moved by δ, on one line for up and one for down, and nothing while it
# rests. Adding the events up gives the signal back to within δ.

# %%
t = dt * jnp.arange(600)
signal = jnp.where(t < 0.3, jnp.sin(2 * jnp.pi * 5 * t) * jnp.exp(-t / 0.1), 0.0)
delta = 0.1
events = level_crossing(signal[:, None], delta=delta)
rebuilt = level_reconstruction(events, delta=delta, start=signal[:1])
assert np.max(np.abs(rebuilt[:, 0] - signal)) < delta
late = events[350:].sum()
print(f"{int(events.sum())} events while it moves, {int(late)} while it rests")
assert late == 0

kinds_figure, axes = plot.figure(1, 3, (12.0, 3.2))
plot.raster(axes[0, 0], trains, dt=dt, title=f"population: {float(value[0]):.1f}")
axes[0, 1].plot(1e3 * t, signal, color="0.7", lw=4, label="signal")
axes[0, 1].plot(1e3 * t, rebuilt[:, 0], lw=1, label="from events")
axes[0, 1].set(xlabel="time (ms)", title="level crossing")
axes[0, 1].legend(frameon=False)
for line, color in ((0, "#d55e00"), (1, "#0072b2")):
    hit = np.flatnonzero(events[:, line])
    axes[0, 2].vlines(hit, line - 0.3, line + 0.3, color=color)
axes[0, 2].set(xlabel="time (ms)", yticks=[0, 1], xlim=(0, 600), title="its events")
axes[0, 2].set_yticklabels(["up", "down"])
plot.show(kinds_figure, "02_kinds")

# %% [markdown]
# ## Which code tells a digit sooner?
#
# 1000 digits to learn from and others to be tested on, in both codes. After each time a
# linear reader (least squares, no neuron in it) guesses the digit from what has come by
# then: from the counts so far; or, where a pixel has fired, from how long ago.

# %%
train, test = digits("train"), digits("test")
x = jnp.concatenate([train.x[:1000].reshape(1000, 64), test.x.reshape(-1, 64)]) / 16.0
labels = np.concatenate([train.labels[:1000], test.labels])
often = poisson(jax.random.key(2), 200.0 * x, steps=100, dt=dt)
early = latency(x, steps=100, dt=dt, **code)


def read_at(step, features):
    """Test accuracy of least squares with a little shrinkage."""
    features = np.c_[features, np.ones(len(features))]
    seen, wanted = features[:1000], np.eye(10)[labels[:1000]]
    square = (
        seen.T @ seen + 1e-1 * np.eye(seen.shape[1]) * np.trace(seen.T @ seen) / 1e3
    )
    guess = (features[1000:] @ np.linalg.solve(square, seen.T @ wanted)).argmax(1)
    return np.mean(guess == labels[1000:])


steps = np.array([2, 4, 6, 8, 10, 15, 20, 30, 40, 60, 80, 100])
counts = np.asarray(jnp.cumsum(often, axis=0))
since = np.asarray(
    jnp.cumsum(jnp.cumsum(early, axis=0), axis=0)
)  # steps since it fired
hits = {
    "rates": np.array([read_at(k, counts[k - 1] / k) for k in steps]),
    "latencies": np.array([read_at(k, since[k - 1] / k) for k in steps]),
}
used = {
    "rates": np.array([counts[k - 1].sum(axis=1).mean() for k in steps]),
    "latencies": np.array(
        [np.asarray(early[:k]).sum(axis=(0, 2)).mean() for k in steps]
    ),
}
for name, hit in hits.items():
    at = {k: (hit[steps == k][0], used[name][steps == k][0]) for k in (6, 20, 100)}
    told = ", ".join(f"{k} ms {h:.0%} ({n:.0f} spikes)" for k, (h, n) in at.items())
    print(f"{name:<10}{told}")

assert hits["latencies"][steps == 6] > 0.85
assert hits["rates"][steps == 6] < 0.75
assert hits["rates"][steps == 100] > 0.85
assert used["latencies"][steps == 6] < 0.1 * used["rates"][steps == 100]

race_figure, axes = plot.figure(1, 2, (10.0, 3.4))
for name, hit in hits.items():
    axes[0, 0].plot(steps, hit, "o-", ms=4, label=name)
    axes[0, 1].semilogx(used[name], hit, "o-", ms=4, label=name)
axes[0, 0].set(xlabel="time (ms)", ylabel="test accuracy", ylim=(0, 1))
axes[0, 1].set(xlabel="spikes for each digit", ylim=(0, 1))
axes[0, 0].legend(frameon=False)
plot.show(race_figure, "02_race")
