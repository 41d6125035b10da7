# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # First steps
#
# **Before this:** Python and numpy. Nothing of JAX, nothing of neurons.
#
# **Question.** How does an image become spikes, what does one spike do to a neuron, and
# how do many neurons run at once?
#
# **Answer.** Bright pixels fire early. One input spike makes a postsynaptic potential
# (PSP), exactly the closed form, whatever the time step. A neuron that sums enough PSPs
# fires, resets and starts again. A layer of them is one function, run over time by
# `unroll`. All times are in seconds; rasters have time first, `[T, *batch, n]`.

# %%
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from snnjax import plot
from snnjax.datasets import digits
from snnjax.inputs import latency, poisson
from snnjax.networks import normal
from snnjax.neurons import psp, psp_peak

dt = 1e-3

# %% [markdown]
# ## A digit becomes spikes
#
# Two codes for the same picture. Latency: one spike for each pixel, the brighter the
# sooner. Poisson: many spikes, the brighter the more.

# %%
samples = digits("train")
image = samples.x[0].ravel() / 16.0
early = latency(image, tau=20e-3, threshold=0.1, steps=100, dt=dt)
often = poisson(jax.random.key(0), 200.0 * image, steps=100, dt=dt)

code_figure, axes = plot.figure(1, 3, (10.0, 3.0))
axes[0, 0].imshow(image.reshape(8, 8), cmap="gray_r")
axes[0, 0].set(title=f"a {samples.labels[0]}", xticks=[], yticks=[])
plot.raster(axes[0, 1], early, dt=dt, title="latency code")
plot.raster(axes[0, 2], often, dt=dt, title="Poisson code")
assert np.array_equal(early.sum(axis=0), image > 0.1)
plot.show(code_figure, "01_code")

# %% [markdown]
# ## What one spike does
#
# A spike jumps the synaptic current, the current charges the membrane, both leak:
# `τm dv/dt = -v + i`, `τs di/dt = -i`. The integration is exact, so the time step
# changes where we look and not what we see.

# %%
params = snn.LIParams(tau_mem=20e-3, tau_syn=5e-3)
psp_figure, axes = plot.figure(1, 1, (6.0, 3.2))
fine = np.linspace(0.0, 0.1, 400)
axes[0, 0].plot(fine * 1e3, psp(fine, 20e-3, 5e-3), color="0.7", lw=4, label="exact")
for step, marker in ((1e-3, "."), (10e-3, "o")):
    one_spike = jnp.zeros((round(0.1 / step), 1)).at[0].set(1.0)
    _, v = snn.unroll(snn.li(1, params), (), one_spike, dt=step)
    times = (np.arange(len(v)) + 1) * step
    axes[0, 0].plot(times * 1e3, v, marker, label=f"simulated, dt = {step * 1e3:g} ms")
    np.testing.assert_allclose(v[:, 0], psp(times, 20e-3, 5e-3), rtol=1e-5, atol=1e-6)
axes[0, 0].set(xlabel="time (ms)", ylabel="voltage", title="one PSP")
axes[0, 0].legend(frameon=False)
peak, height = psp_peak(20e-3, 5e-3)
print(f"the PSP peaks after {float(peak) * 1e3:.2f} ms at {float(height):.3f}")
plot.show(psp_figure, "01_potentials")

# %% [markdown]
# ## One neuron that fires
#
# `lif` adds a threshold and a reset. `record` says what to keep of each step; the state
# that comes out is the voltage after the reset.

# %%
neuron = snn.lif(1, snn.LIFParams(tau_mem=20e-3, tau_syn=5e-3))
drive = 6.0 * poisson(jax.random.key(2), jnp.full(1, 60.0), steps=300, dt=dt)
_, (v, spikes) = snn.unroll(
    neuron, (), drive, dt=dt, record=lambda state, s: (state.v, s)
)
neuron_figure, axes = plot.figure(2, 1, (8.0, 4.5))
plot.raster(axes[0, 0], jnp.concatenate([drive > 0, spikes], axis=1), dt=dt)
axes[0, 0].set(yticks=[0, 1], yticklabels=["in", "out"], ylabel="")
plot.voltages(axes[1, 0], np.asarray(v), dt=dt)
axes[1, 0].axhline(1.0, color="0.4", ls=":")
assert v.max() <= 1.0
plot.show(neuron_figure, "01_neuron")

# %% [markdown]
# ## Current in, rate out
#
# For a constant current the firing rate is known: 1 / (τm ln(i / (i - θ))) above
# threshold, nothing below, and never more than one spike in a step. All currents run at
# once, as a batch.

# %%
currents = jnp.linspace(0.0, 4.0, 81)
without_synapse = snn.LIFParams(tau_mem=20e-3, tau_syn=None)
step = 1e-4
held = jnp.broadcast_to(currents[:, None], (10_000, 81, 1))
_, spikes = snn.unroll(snn.lif(1, without_synapse), (), held, dt=step)
rates = snn.firing_rate(spikes, dt=step)[:, 0]

above = currents > 1.0
theory = np.zeros(81)
theory[above] = 1.0 / (20e-3 * np.log(currents[above] / (currents[above] - 1.0)))
fi_figure, axes = plot.figure(1, 1, (6.0, 3.2))
axes[0, 0].plot(currents, theory, color="0.7", lw=4, label="closed form")
axes[0, 0].plot(currents, rates, ".", label="simulated")
axes[0, 0].set(xlabel="current (θ)", ylabel="rate (Hz)", title="f-I curve")
axes[0, 0].legend(frameon=False)
assert np.all(np.abs(rates - theory) <= 1.0 + step * theory**2)  # one spike, one step
plot.show(fi_figure, "01_rates")

# %% [markdown]
# ## A population
#
# A network is a chain of cells. Weights drawn by `fluctuation_driven` let random input
# alone carry the neurons to threshold now and then; that is where they learn well. What
# the network puts out is asked for by name.

# %%
draw = partial(snn.fluctuation_driven, rate=20.0, xi=1.5, params=snn.LIFParams(), dt=dt)
net = snn.chain(
    hidden=snn.chain(snn.dense(100, 50, init=draw), snn.lif(50)),  # chains nest
    out=snn.chain(snn.dense(50, 3, init=normal), snn.li(3)),
    outputs=("hidden", "out"),
)
weights = net.init(jax.random.key(3))
noise = poisson(jax.random.key(4), jnp.full((1, 100), 20.0), steps=300, dt=dt)

_, ys = snn.unroll(net, weights, noise, dt=dt)
spikes, outputs = ys["hidden"], ys["out"]
population_figure, axes = plot.figure(3, 1, (8.0, 7.0))
plot.raster(axes[0, 0], noise[:, 0], dt=dt, title="input")
plot.raster(axes[1, 0], spikes[:, 0], dt=dt, title="hidden layer")
plot.voltages(axes[2, 0], np.asarray(outputs[:, 0]), dt=dt, title="outputs")
print(f"mean hidden rate {float(snn.firing_rate(spikes, dt=dt).mean()):.1f} Hz")
plot.show(population_figure, "01_population")
