# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Surrogate gradients
#
# **Before this:** [first steps](01_first_steps), [spikes and
# codes](02_spikes_and_codes); what a gradient and an optimizer are.
#
# **Question.** A spike is a step. Its derivative is zero, and gradient descent needs a
# derivative. What can we put in its place, and is it enough to train a hidden layer?
#
# **Answer.** A narrow bump around the threshold. With the true derivative only the
# readout of a 100-4-2 network learns and it stays near chance; with a surrogate the
# hidden layer learns and the network tells random spike patterns apart. The example is
# the first of Neftci, Mostafa & Zenke 2019
# ([doi:10.1109/MSP.2019.2931595](https://doi.org/10.1109/MSP.2019.2931595)).

# %%
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import plot
from snnjax.inputs import frozen_poisson
from snnjax.networks import normal
from snnjax.surrogate import Gaussian, SuperSpike, Triangle, spike
from snnjax.training import init_train_state, make_step

dt = 1e-3

# %% [markdown]
# ## The step and its stand-ins
#
# `spike(v, shape)` is the same step whatever the shape. The shape is used only in the
# backward pass.

# %%
v = jnp.linspace(-1.5, 1.5, 601)
shapes = {
    "SuperSpike(5)": SuperSpike(5.0),
    "Triangle(1)": Triangle(1.0),
    "Gaussian(3)": Gaussian(3.0),
}

step_figure, axes = plot.figure(1, 2, (9.0, 3.2))
axes[0, 0].plot(v, spike(v, SuperSpike()), color="black")
axes[0, 0].set(xlabel="distance to threshold", ylabel="spike", title="forward")
for name, shape in shapes.items():
    assert np.array_equal(spike(v, shape), spike(v, SuperSpike()))
    slope = jax.vmap(jax.grad(lambda v, shape=shape: spike(v, shape)))(v)
    axes[0, 1].plot(v, slope, label=name)
axes[0, 1].set(xlabel="distance to threshold", title="backward: ∂s/∂v, pretended")
axes[0, 1].legend(frameon=False)
plot.show(step_figure, "03_step")

# %% [markdown]
# ## The task
#
# 128 random patterns, each of 100 Poisson trains at 5 Hz for 0.2 s, and for each a
# random label. Nothing but memory can solve it.

# %%
spikes, labels = frozen_poisson(
    jax.random.key(4), patterns=128, steps=200, n=100, rate=5.0, dt=dt
)
pattern_figure, axes = plot.figure(1, 2, (9.0, 3.0))
for k in range(2):
    sample = int(np.flatnonzero(labels == k)[0])
    plot.raster(axes[0, k], spikes[:, sample], dt=dt, title=f"a pattern of class {k}")
plot.show(pattern_figure, "03_patterns")


# %% [markdown]
# ## One network, two derivatives
#
# The shape is the only difference. `zero` is the true derivative almost everywhere.


# %%
def zero(v):
    return jnp.zeros_like(v)


def network(shape, outputs="out"):
    draw = partial(normal, gain=7.0)
    return snn.chain(
        input=snn.dense(100, 4, init=draw),
        hidden=snn.lif(4, snn.LIFParams(10e-3, 5e-3), surrogate=shape),
        readout=snn.dense(4, 2, init=draw),
        out=snn.li(2, snn.LIParams(10e-3, 5e-3)),
        outputs=outputs,
    )


def train(shape, epochs=300):
    net = network(shape)
    weights = net.init(jax.random.key(1))

    def loss(weights):
        _, voltages = snn.unroll(net, weights, spikes, dt=dt)
        scores = snn.max_over_time(voltages)
        return snn.cross_entropy(scores, labels), {"hit": snn.accuracy(scores, labels)}

    optimizer = optax.adam(2e-2)
    step = make_step(loss, optimizer, has_aux=True)
    run = jax.jit(
        lambda state: jax.lax.scan(lambda s, _: step(s), state, length=epochs)
    )
    state, curves = run(init_train_state(weights, optimizer))
    return weights, state.weights, curves


before, with_it, learned = train(SuperSpike(100.0))
_, without, stuck = train(zero)

# %% [markdown]
# Without a surrogate the first layer has not moved, not even by one bit; the readout
# has.

# %%
assert np.array_equal(without["input"].w, before["input"].w)
assert not np.array_equal(without["readout"].w, before["readout"].w)
assert not np.array_equal(with_it["input"].w, before["input"].w)

curve_figure, axes = plot.figure(1, 2, (9.0, 3.2))
for curves, name in ((learned, "surrogate"), (stuck, "true derivative")):
    axes[0, 0].plot(curves["loss"], label=name)
    axes[0, 1].plot(curves["hit"], label=name)
axes[0, 0].set(xlabel="epoch", ylabel="loss (nats)")
axes[0, 1].set(xlabel="epoch", ylabel="training accuracy", ylim=(0.4, 1.0))
axes[0, 1].legend(frameon=False)
print(f"surrogate {learned['hit'][-1]:.2f}, true derivative {stuck['hit'][-1]:.2f}")
assert learned["hit"][-1] > stuck["hit"][-1] + 0.15
plot.show(curve_figure, "03_learning")

# %% [markdown]
# ## What the hidden neurons do
#
# A network puts out what is asked for by name, here the voltages of the hidden layer
# after each reset, and the output.

# %%
net = network(SuperSpike(100.0), outputs=("hidden.v", "out"))
_, ys = snn.unroll(net, with_it, spikes, dt=dt)
hidden, outputs = ys["hidden.v"], ys["out"]
sample = 0
trace_figure, axes = plot.figure(2, 1, (8.0, 5.0))
plot.voltages(axes[0, 0], np.asarray(hidden[:, sample]), dt=dt, title="hidden layer")
axes[0, 0].axhline(1.0, color="0.4", ls=":")
plot.voltages(
    axes[1, 0],
    np.asarray(outputs[:, sample]),
    dt=dt,
    title="outputs",
    bold=int(labels[sample]),
)
plot.show(trace_figure, "03_traces")

# %% [markdown]
# ## Does the slope matter?
#
# A shape is data, so many slopes are one program: `vmap` over the slope. A surrogate
# that is too narrow lets through little gradient, one that is too wide tells little
# about the threshold; in between there is a wide plateau. Study R06
# (`python benchmarks/run.py R06`) measures it on held-out data.

# %%
slopes = jnp.array([1.0, 10.0, 100.0, 1000.0])
results = jax.jit(jax.vmap(lambda k: train(SuperSpike(k), epochs=100)[2]["loss"][-1]))(
    slopes
)
for slope, loss in zip(slopes, results, strict=True):
    print(f"slope {slope:6g}   loss after 100 epochs {loss:.3f}")
