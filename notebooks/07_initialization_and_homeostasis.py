# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Where weights start, and how rates are kept
#
# **Before this:** [a first classifier](06_first_classifier), and where gradients come
# from ([backpropagation](04_backpropagation_through_time)).
#
# **Question.** A deep spiking network whose weights start too small never fires, and
# what never fires has no gradient. How large should weights be at the start? And if
# they were too small: what makes a silent network fire?
#
# **Answer.** Large enough for input noise alone to lift membranes to the threshold now
# and then: a standard deviation σ_U of about one threshold. Theory says which weights
# that takes, to a few per cent. A silent network learns after *homeostatic
# pretraining*, descent on firing rates alone, if it descends on thresholds and not on
# weights; and a neuron keeps its rate if its threshold drifts (homeostatic plasticity).
# The theory is that of Rossbroich, Gygax & Zenke 2022
# ([doi:10.1088/2634-4386/ac97bb](https://doi.org/10.1088/2634-4386/ac97bb)).

# %%
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import plot
from snnjax.analysis import membrane_statistics
from snnjax.inputs import one_spike_raster, random_manifold
from snnjax.learning import homeostatic_pretraining
from snnjax.networks import normal, poisson_drive, predict_membrane
from snnjax.neurons import HomeostasisParams, homeostatic_lif
from snnjax.probes import watched
from snnjax.training import init_train_state, make_step

dt = 1e-3
params = snn.LIFParams(tau_mem=10e-3, tau_syn=5e-3)

# %% [markdown]
# ## Theory against measurement
#
# 100 Poisson inputs at 20 Hz reach 200 membranes that do not fire. Weights were drawn
# for σ_U = 1. A membrane's variance is that over *time*; pooled over neurons as well,
# it contains how far their means lie apart, and is larger.

# %%
n_in, rate = 100, 20.0
w = snn.fluctuation_driven(
    jax.random.key(0), n_in, 200, rate=rate, xi=1.0, params=params, dt=dt
)
noise = jax.random.poisson(jax.random.key(1), rate * dt, (20_000, n_in)).astype(float)
membranes = snn.li(200, snn.LIParams(params.tau_mem, params.tau_syn))
_, v = snn.unroll(membranes, (), noise @ w, dt=dt)

measured = membrane_statistics(v, burn_in=100).population
inputs = poisson_drive(n_in, rate=rate, params=params, dt=dt)
expected = predict_membrane(inputs, w.mean(axis=0), w.std(axis=0))
print(
    f"σ_U    measured {measured.deviation:.3f}, theory for these weights "
    f"{np.sqrt(np.mean(expected.deviation**2)):.3f}, asked for 1"
)
print(f"pooled measured {np.std(v[100:]):.3f}")
assert abs(measured.deviation - 1.0) < 0.03
assert np.std(v[100:]) > 1.1 * measured.deviation

# %% [markdown]
# ## Four layers, two starts
#
# Ten classes of random manifolds: 20 inputs, each fires once within 50 ms. The same
# random numbers, times two sizes of weights. Hidden layers are drawn for inputs at
# 30 Hz: their spikes come in volleys and count for more than Poisson spikes.

# %%
depth, width, classes = 4, 64, 10
times, labels = random_manifold(
    jax.random.key(2), classes=classes, neurons=20, samples=60
)
order = jax.random.permutation(jax.random.key(3), len(labels))
times, labels = times[order], labels[order]
xs = jnp.concatenate([one_spike_raster(times, steps=50), jnp.zeros((50, *times.shape))])


layers = tuple(f"hidden{k + 1}" for k in range(depth))


def network(draw):
    cells, below, rate = {}, 20, 20.0
    for name in layers:
        cells[f"to_{name}"] = snn.dense(below, width, init=draw(rate))
        cells[name] = snn.lif(width, params)
        below, rate = width, 30.0
    readout = partial(snn.fluctuation_driven, rate=10.0, xi=1.0, params=params, dt=dt)
    cells["readout"] = snn.dense(width, classes, init=readout)
    return snn.chain(**cells, out=snn.li(classes), outputs=("out", *layers))


def fluctuating(sigma):
    return lambda rate: partial(
        snn.fluctuation_driven, rate=rate, xi=1 / sigma, params=params, dt=dt
    )


net = network(fluctuating(1.0))
starts = {
    f"σ_U = {sigma:g}": network(fluctuating(sigma)).init(jax.random.key(4))
    for sigma in (0.1, 1.0)
}
kaiming = network(lambda rate: partial(normal, gain=2**0.5)).init(jax.random.key(4))


def rates(weights, xs):
    _, ys = snn.unroll(net, weights, xs, dt=dt)
    return [snn.firing_rate(ys[name], dt=dt) for name in layers]


# %% [markdown]
# ## Homeostatic pretraining
#
# `homeostatic_pretraining` descends on the rates of all neurons, without labels, until
# every layer is in a band, here 10 to 30 Hz: on thresholds, one for each neuron, which
# are then divided out of the weights; and, for comparison, on the weights themselves.

# %%
silent, some = starts["σ_U = 0.1"], xs[:, :200]
band = {"lower": 10.0, "upper": 30.0, "steps": 100}
pretrain = partial(homeostatic_pretraining, net, dt=dt, layers=layers, **band)
by_thresholds = jax.jit(partial(pretrain, optimizer=optax.adam(0.1)))(silent, some)
by_weights = partial(pretrain, of="weights", optimizer=optax.adam(1e-2))
by_weights = jax.jit(by_weights)(silent, some)
for found in (by_thresholds, by_weights):
    print(f"in the band after {found.steps} steps: {found.inside}")
    assert found.inside.all()

starts |= {
    "thresholds pretrained": by_thresholds.weights,
    "weights pretrained": by_weights.weights,
}

# %% [markdown]
# ## What becomes of them
#
# Each start is trained for a few epochs. Silence does not learn: without spikes no
# weight above the first layer has a gradient, and the first layer next to none.


# %%
def loss(weights, xs, labels):
    voltages = snn.unroll(net, weights, xs, dt=dt)[1]["out"]
    return snn.cross_entropy(snn.max_over_time(voltages), labels)


def train(weights, epochs=12, batch=20):
    optimizer = optax.adam(5e-3)
    update = make_step(loss, optimizer)

    def step(state, rows):
        state, metrics = update(state, xs[:, rows], labels[rows])
        return state, metrics["loss"]

    def epoch(state, key):
        rows = jax.random.permutation(key, len(labels)).reshape(-1, batch)
        state, losses = jax.lax.scan(step, state, rows)
        return state, losses.mean()

    keys = jax.random.split(jax.random.key(5), epochs)
    return jax.lax.scan(epoch, init_train_state(weights, optimizer), keys)[1]


slope = jax.jit(jax.grad(loss))(silent, some, labels[:200])
first, *others = (f"to_{name}" for name in layers)
assert np.abs(slope[first].w).max() < 1e-3
assert not any(np.any(slope[name].w) for name in (*others, "readout"))

train, layer_rates = jax.jit(train), jax.jit(rates)
curves = {name: np.asarray(train(weights)) for name, weights in starts.items()}
at_start = {
    name: np.array([each.mean() for each in layer_rates(weights, xs)])
    for name, weights in (starts | {"Kaiming": kaiming}).items()
}
for name, hertz in at_start.items():
    end = f"loss {curves[name][-1]:.2f}" if name in curves else ""
    print(f"{name:<21} {hertz.round(1)} Hz  {end}")
assert at_start["Kaiming"][2:].max() == 0
assert at_start["σ_U = 0.1"].max() == 0
assert at_start["σ_U = 1"].min() > 3
assert curves["σ_U = 0.1"][-1] > 2.25  # ln 10 = 2.30: chance
for name in ("σ_U = 1", "thresholds pretrained"):
    assert curves[name][-1] < curves["weights pretrained"][-1] - 0.3

# %% [markdown]
# ## A threshold that keeps a rate
#
# Homeostasis need not be an optimizer. A neuron that estimates its rate and lets its
# threshold drift keeps its target under a current that jumps to three times its value,
# with the threshold that the inverted rate curve, θ = i (1 - exp(-1/(τm ν*))), demands.

# %%
target, drives = 20.0, (2.0, 6.0)
held = snn.LIFParams(tau_mem=20e-3, tau_syn=None)
keeper = homeostatic_lif(1, held, HomeostasisParams(target, tau_rate=0.5, speed=0.1))
current = jnp.repeat(jnp.array(drives), 40_000)[:, None]
_, (drift, rate) = jax.jit(
    lambda xs: snn.unroll(
        keeper, (), xs, dt=dt, record=lambda s, y: (s.drift[0], s.rate[0])
    )
)(current)
theory = np.array(drives) * -np.expm1(-1 / (20e-3 * target))
ends = np.exp(drift[np.array([39_999, 79_999])])
print(f"thresholds {ends.round(3)}, theory {theory.round(3)}; rate {rate[-1]:.1f} Hz")
np.testing.assert_allclose(ends, theory, rtol=0.02)
np.testing.assert_allclose(rate[-2000:].mean(), target, rtol=0.05)

# %% [markdown]
# ## The figure
#
# Top: membranes of the third hidden layer on one sample, from both starts. Bottom: how
# fast layers fire at the start, what training makes of it, and the neuron that keeps
# its rate.

# %%
figure, axes = plot.figure(2, 3, (12.0, 6.4))
look = watched(net, ("hidden3.v",))
for ax, name in zip(
    axes[0], ("σ_U = 0.1", "σ_U = 1", "thresholds pretrained"), strict=True
):
    _, (_, seen) = snn.unroll(look, starts[name], xs[:, :1], dt=dt)
    v = np.asarray(seen["hidden3.v"][:, 0, :12])
    plot.voltages(ax, v, dt=dt, title=f"layer 3, {name}")
    ax.axhline(1.0, color="0.3", ls=":")
    ax.set_ylim(-5.0, 1.5)

colors = {
    "σ_U = 0.1": "0.6",
    "σ_U = 1": "#0072b2",
    "thresholds pretrained": "#d55e00",
    "weights pretrained": "#e69f00",
    "Kaiming": "black",
}
numbers = np.arange(1, depth + 1)
for name, hertz in at_start.items():
    style = "--" if name == "Kaiming" else "o-"
    axes[1, 0].plot(numbers, hertz, style, color=colors[name], label=name)
axes[1, 0].set(xticks=numbers, xlabel="layer", ylabel="rate at the start (Hz)")
axes[1, 0].set_ylim(-1, 48)
axes[1, 0].legend(frameon=False, fontsize=8)
for name, curve in curves.items():
    axes[1, 1].plot(np.arange(1, len(curve) + 1), curve, color=colors[name], label=name)
axes[1, 1].set(xlabel="epoch", ylabel="training loss (nats)", ylim=(0, 2.5))
seconds = dt * np.arange(1, len(drift) + 1)
axes[1, 2].plot(seconds, np.exp(drift), color="#d55e00", label="threshold (θ₀)")
for k, value in enumerate(theory):
    axes[1, 2].hlines(value, 40 * k, 40 * (k + 1), color="0.3", ls=":")
axes[1, 2].set(xlabel="time (s)", ylabel="threshold (θ₀), orange")
other = axes[1, 2].twinx()
other.plot(seconds, rate, color="#0072b2", lw=0.8)
other.set(ylabel="rate (Hz), blue", ylim=(0, 100))
plot.show(figure, "07_initialization")
