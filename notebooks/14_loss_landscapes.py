# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Loss landscapes
#
# **Before this:** [surrogate gradients](03_surrogate_gradients) and
# [backpropagation](04_backpropagation_through_time).
#
# **Question.** A surrogate gives a gradient to a loss that has none. Which landscape is
# it the gradient of?
#
# **Answer.** Of none. The true loss is piecewise constant in the hidden weights. On a
# line from start to minimum the integral of the surrogate gradient falls where the loss
# falls, and that is why training works. But the integral depends on the way: around a
# closed path it is not zero, and further from it the steeper the surrogate, so there is
# no smooth loss behind it. And where layers are stacked, its sign may be wrong.
#
# The network is the two-output example of Neftci, Mostafa & Zenke 2019
# ([doi:10.1109/MSP.2019.2931595](https://doi.org/10.1109/MSP.2019.2931595)); what
# surrogates are not is from Gygax & Zenke 2025
# ([doi:10.1162/neco_a_01752](https://doi.org/10.1162/neco_a_01752)).

# %%
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import plot
from snnjax.analysis import compare_gradients, directions, fields, landscape
from snnjax.inputs import frozen_poisson
from snnjax.networks import normal
from snnjax.neurons import smooth_lif
from snnjax.surrogate import Sigmoid, normalized, spike
from snnjax.training import init_train_state, make_step

jax.config.update("jax_enable_x64", True)  # differences of losses want it
dt = 1e-3

# %% [markdown]
# ## A network that has learned
#
# 48 random patterns with random labels through 100-4-2 neurons. The surrogate has area
# 1, so that it could be the derivative of a step made smooth. We keep the weights of
# every epoch.

# %%
spikes, labels = frozen_poisson(
    jax.random.key(4), patterns=48, steps=150, n=100, rate=5.0, dt=dt
)
spikes = spikes.astype(jnp.uint8)
params = snn.LIFParams(10e-3, 5e-3)


def loss_of(neuron):
    """The same loss for whatever neurons are in the middle."""
    draw = partial(normal, gain=7.0)
    net = snn.chain(
        snn.dense(100, 4, init=draw, backend="xla"),
        neuron,
        snn.dense(4, 2, init=draw, backend="xla"),
        snn.li(2, snn.LIParams(10e-3, 5e-3)),
    )

    def loss(weights):
        _, voltages = snn.unroll(net, weights, spikes, dt=dt)
        return snn.cross_entropy(snn.max_over_time(voltages), labels)

    return net, loss


shape = normalized(snn.SuperSpike(20.0), "area")
net, loss = loss_of(snn.lif(4, params, surrogate=shape))
optimizer = optax.adam(2e-2)
step = make_step(loss, optimizer)


def epoch(state, _):
    state, metrics = step(state)
    return state, (state.weights, metrics["loss"])


run = jax.jit(lambda state: jax.lax.scan(epoch, state, length=300))
state, (trajectory, curve) = run(
    init_train_state(net.init(jax.random.key(1)), optimizer)
)
trained = state.weights
before = jax.tree.map(lambda leaf: leaf[0], trajectory)
print(f"loss {curve[0]:.3f} -> {curve[-1]:.3f}")
assert curve[-1] < 0.5 * curve[0]

# %% [markdown]
# ## The true loss is flat, the surrogate's has a slope
#
# A *path* is a function from a number to weights. This one leads from the first hidden
# weights to the trained ones, with the readout as trained: all that can change is when
# hidden neurons fire.

# %%
path = landscape.line((before[0], *trained[1:]), trained)
at = np.linspace(0.0, 1.0, 201)
near = np.linspace(0.5, 0.502, 401)
field = jax.grad(loss)
losses = jax.jit(partial(landscape.loss_on_path, loss, path, batch_size=8))(at)
stairs = jax.jit(partial(landscape.loss_on_path, loss, path))(near)
pretended = jax.jit(partial(fields.line_integral, field, path, batch_size=8))(at)

flat = np.mean(np.diff(stairs) == 0)
print(f"loss on the way {losses[0]:.3f} -> {losses[-1]:.3f}")
print(f"surrogate integral {pretended.value[-1]:.3f} ± {pretended.error[-1]:.3f}")
print(f"of neighbouring points, {100 * flat:.1f} % have exactly the same loss")
assert flat > 0.9
assert pretended.value[-1] < -10 * pretended.error[-1]
ranks = [np.argsort(np.argsort(x)) for x in (losses, pretended.value)]
assert np.corrcoef(*ranks)[0, 1] > 0.8

# %% [markdown]
# ## No landscape behind the slope
#
# The smallest network that shows it has five weights: g = s(w), h_i = s(v_i g),
# y = s(u₁h₁ + u₂h₂). Were its surrogate gradient the gradient of any function, its
# integral around a closed path would be zero. `fields.loop_integral` computes it, and
# says how far its number can be trusted. Here are the mean sizes around circles in 16
# random planes.


# %%
def output(weights, s):
    w, v, u = weights[0], weights[1:3], weights[3:]
    return s(u @ s(v * s(w)))


def around(key, s):
    plane = directions.orthonormal(*jax.random.normal(key, (2, 5)))
    circle = landscape.circle(landscape.plane(jnp.zeros(5), *plane), 1.8)
    gradient = jax.grad(lambda weights: output(weights, s))
    return fields.loop_integral(gradient, circle, 8_000, batch_size=4_000)


@jax.jit
def loops(slope):
    bump = normalized(Sigmoid(slope), "area")
    steps = (lambda v: spike(v, bump)), bump.cdf
    keys = jax.random.split(jax.random.key(0), 16)
    return [jax.lax.map(partial(around, s=s), keys) for s in steps]


slopes = np.array([1.0, 2.0, 5.0, 10.0, 20.0])
spiking, smooth = zip(*map(loops, slopes), strict=True)
work = np.array([np.abs(loop.value).mean() for loop in spiking])
error = np.array([loop.error.mean() for loop in spiking])
zero = max(np.abs(loop.value).max() for loop in smooth)
print(f"spikes {work.round(4)} ± {error.round(4)}, smooth steps below {zero:.0e}")
assert np.all(work > 5 * error)
assert np.all(np.diff(work) > 0)
assert zero < 1e-10

# %% [markdown]
# ## The wrong way
#
# The same network made smooth, s(x) = σ(100 x), has a true derivative. A flatter
# surrogate for it, in each of the three layers, gets the sign of ∂y/∂w wrong on a part
# of the axis: v = (0.05, 0.1), u = (1, -1), as in the paper.


# %%
@jax.custom_vjp
def smooth_step(x, slope):
    return Sigmoid(100.0).cdf(x)


def backward(kept, g):
    x, bump = kept
    return g * bump(x) / bump.area, None


smooth_step.defvjp(lambda x, k: (smooth_step(x, k), (x, Sigmoid(k))), backward)

w = jnp.linspace(-0.2, 0.2, 4001)
others = jnp.array([0.05, 0.1, 1.0, -1.0])


@partial(jax.jit, static_argnums=0)
def slope_in_w(slope):
    def y(w):
        s = lambda x: smooth_step(x, slope)  # noqa: E731
        return output(jnp.concatenate([w[None], others]), s)

    return jax.vmap(jax.grad(y))(w)


true, rows = slope_in_w(100.0), {k: slope_in_w(k) for k in (15.0, 30.0)}
wrong = {k: float(jnp.mean(jnp.sign(row) != jnp.sign(true))) for k, row in rows.items()}
print({f"slope {k:g}": f"{100 * share:.1f} % wrong" for k, share in wrong.items()})
assert wrong[15.0] > 0.3
assert 0.0 < wrong[30.0] < wrong[15.0]

# %% [markdown]
# ## All of it in one figure
#
# Above: the loss is a staircase when one looks closely (right), and what the surrogate
# pretends (orange) falls with it. Below: the work of surrogates around a circle, and
# the sign of ∂y/∂w.

# %%
figure, axes = plot.figure(2, 2, (10.0, 7.0))
title = "100-4-2 spiking neurons: from start to trained"
plot.loss_line(axes[0, 0], at, losses, losses[0] + pretended.value, title=title)
plot.loss_line(axes[0, 1], near, stairs, title="the same loss, closer")
axes[0, 1].ticklabel_format(useOffset=False)
plot.loop_integrals(axes[1, 0], slopes, work, error, title="five weights: closed paths")
axes[1, 1].plot(w, true / jnp.abs(true).max(), color="black", label="true derivative")
for slope, row in rows.items():
    label = f"surrogate, slope {slope:g}"
    axes[1, 1].plot(w, row / jnp.abs(row).max(), label=label)
axes[1, 1].axhline(0.0, color="0.6", lw=0.8)
axes[1, 1].set(xlabel="w", ylabel="∂y/∂w, scaled", title="five weights: the sign")
axes[1, 1].legend(frameon=False)
plot.show(figure, "14_landscapes")

# %% [markdown]
# ## Where training went
#
# The plane in which the weights moved most, by principal components of all epochs. The
# loss is drawn over it, the way of the weights on top.

# %%
found = directions.principal_directions(trajectory)
through = landscape.plane(trained, *found.directions)
low, high = found.coordinates.min(0), found.coordinates.max(0)
xs, ys = (
    np.linspace(a - 0.3 * (b - a), b + 0.3 * (b - a), 31)
    for a, b in zip(low, high, strict=True)
)
plane_losses = jax.jit(partial(landscape.loss_on_plane, loss, through, batch_size=8))(
    xs, ys
)
print(f"{100 * found.share.sum():.0f} % of the way lies in the plane")
assert found.share.sum() > 0.5

way, axes = plot.figure(1, 1, (5.5, 4.2))
plot.loss_plane(
    axes[0, 0], xs, ys, plane_losses, found.coordinates, "principal directions"
)
plot.show(way, "14_way")

# %% [markdown]
# ## A reference for a gradient
#
# The true gradient of the hidden layer is zero, so it cannot judge a surrogate. That of
# the *smooth twin* can: `smooth_lif` neurons that put out their chance to fire, with
# the same bump as derivative. At the start of training the readouts agree well, the
# hidden layers in part, and in size not at all: the surrogate sees whole spikes, and
# leaves the reset out.

# %%
bump = Sigmoid(10.0)
surrogate, twin = (
    jax.jit(jax.grad(loss_of(neuron)[1]))(before)
    for neuron in (
        snn.lif(4, params, surrogate=normalized(bump, "area")),
        smooth_lif(4, params, noise=bump),
    )
)
layers = compare_gradients(surrogate, twin)
for name, layer in layers.items():
    print(
        f"layer {name}: cosine {layer.cosine:.2f}, relative error "
        f"{layer.relative_error:.2f}, {100 * layer.same_sign:.0f} % of signs the same"
    )
assert 0.2 < layers["0"].cosine < layers["2"].cosine

judged, axes = plot.figure(1, 1, (4.5, 3.2))
plot.gradient_comparison(axes[0, 0], layers, "surrogate against smooth twin")
plot.show(judged, "14_judged")
