# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # An atlas of surrogates
#
# **Before this:** [surrogate gradients](03_surrogate_gradients).
#
# **Question.** Every library has a "fast sigmoid", a "SuperSpike", a "triangle". Are
# they the same function, and do they need the same learning rate?
#
# **Answer.** No. There are about twenty shapes under more than seventy names. One name
# means several functions, one function has several names, and their heights differ more
# than a thousandfold: some peak at 1, some have area 1, some neither. Here each
# shape has one name, h(0) = 1, and a slope that sets its width; `from_library` finds
# the slope and the amplitude that reproduce what another library computes.

# %%
import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from snnjax import plot
from snnjax.surrogate import (
    S2NN,
    Arctan,
    Boxcar,
    EscapeRate,
    Exponential,
    Gaussian,
    Hyperbola,
    InverseRoot,
    LeakyBoxcar,
    LogTail,
    MultiGaussian,
    Periodic,
    PowerLaw,
    Ramp,
    Scaled,
    Sigmoid,
    SquareWave,
    Step,
    StraightThrough,
    SuperSpike,
    Triangle,
    from_library,
    spike,
    supported,
    unsupported,
)

# %% [markdown]
# ## All shapes
#
# Above, bumps that are probability densities once scaled: a neuron whose threshold has
# that noise fires with probability `cdf(v)`, and its expected output has the bump as
# derivative. Below, what else is in use. All are drawn at one width (the densities) or
# at the default of their paper.

# %%
v = jnp.linspace(-2.0, 2.0, 801)
densities = {  # slope at which the bump is half as high at |v| = 0.25
    "SuperSpike": SuperSpike(4 * (2**0.5 - 1)),
    "PowerLaw, p = 1.5": PowerLaw(4 * (2 ** (1 / 1.5) - 1), 1.5),
    "Arctan": Arctan(4.0),
    "InverseRoot": InverseRoot(4 * (2 ** (2 / 3) - 1) ** 0.5),
    "Exponential": Exponential(4 * np.log(2)),
    "Sigmoid": Sigmoid(8 * np.log(1 + 2**0.5)),
    "Gaussian": Gaussian(4 * (2 * np.log(2)) ** 0.5),
    "Triangle": Triangle(2.0),
    "Boxcar": Boxcar(2.0),
}
others = {
    "MultiGaussian": MultiGaussian(),
    "SquareWave, n = 2": SquareWave(8.0, 2.0),
    "Periodic": Periodic(),
    "S2NN": S2NN(),
    "Hyperbola": Hyperbola(3.0),
    "LogTail": LogTail(),
    "EscapeRate (cut here)": EscapeRate(1.0),
    "LeakyBoxcar": LeakyBoxcar(),
    "Ramp": Ramp(),
    "Step": Step(0.1),
    "StraightThrough": StraightThrough(),
}
for shape in densities.values():
    assert abs(float(shape(jnp.zeros(()))) - 1) < 1e-6
    beside = shape(jnp.array([0.2499, 0.2501]))
    assert beside[0] >= 0.499
    assert beside[1] <= 0.501

atlas, axes = plot.figure(2, 10, (13.0, 4.4))
for ax, (name, shape) in zip(axes[0], densities.items(), strict=False):
    ax.fill_between(v, shape(v), color="#0072b2", alpha=0.25)
    ax.plot(v, shape(v), color="#0072b2")
    ax.set_title(f"{name}\narea {float(shape.area):.2f}", fontsize=8)
for ax, (name, shape) in zip([axes[0, 9], *axes[1]], others.items(), strict=True):
    ax.plot(v, shape(v), color="#d55e00")
    ax.set_title(name, fontsize=8)
for ax in axes.flat:
    ax.axvline(0.0, color="0.8", lw=0.7, zorder=0)
    ax.set(ylim=(-0.35, 1.6), xticks=[-2, 0, 2], yticks=[0, 1])
    ax.tick_params(labelsize=7)
    if ax not in axes[:, 0]:
        ax.set_yticklabels([])
atlas.supxlabel("distance to threshold v - θ", fontsize=9)
plot.show(atlas, "13_atlas")

# %% [markdown]
# ## Names
#
# What each library computes at its own defaults: its shape here, the height at
# threshold, the full width at half of that, and the area under it.


# %%
def width(shape: Scaled) -> float:
    """Full width at half of the height at threshold, by looking."""
    u = jnp.concatenate([jnp.zeros(1), jnp.logspace(-4, 3, 4001)])
    low = [shape(side * u) < 0.5 * shape(jnp.zeros(())) for side in (-1.0, 1.0)]
    edges = [u[jnp.argmax(side)] if side.any() else jnp.inf for side in low]
    return float(edges[0] + edges[1])


def area(shape: Scaled) -> float | None:
    return float(shape.area) if hasattr(shape.shape, "area") else None


print(f"{'name':<36}{'here':<66}{'h(0)':>8}{'width':>9}{'area':>8}")
heights = {}
for name in supported():
    shape = from_library(name)
    heights[name] = float(shape(jnp.zeros(())))
    form = jax.tree.map(lambda x: round(float(x), 4), shape.shape)
    here = f"{float(shape.amplitude):.4g} · {form}"
    size = "" if area(shape) is None else f"{area(shape):8.3g}"
    print(f"{name:<36}{here:<66}{heights[name]:8.3g}{width(shape):9.3g}{size:>8}")

positive = [h for h in heights.values() if h > 0]
assert max(positive) / min(positive) > 1e3
assert len(supported()) > 70

# %% [markdown]
# Some names stand for code that does not do what it says, or that is no function of
# the voltage. They are refused, with the reason.

# %%
for name, reason in unsupported().items():
    print(f"{name}: {reason}")

# %% [markdown]
# ## One name, several functions
#
# A "SuperSpike" (or "fast sigmoid") of 10, in three libraries. Two of these are the
# same function. In the others the 10 is a height as well, or a height only; Norse
# 1.1.0 ignores its number, which is why that name is refused.

# %%
ask = {
    "stork.SuperSpike": {"beta": 10.0},
    "stork.SuperSpike_asymptote": {"beta": 10.0},
    "stork.SuperSpike_rescaled": {"beta": 10.0},
    "spikingjelly.SuperSpike": {"alpha": 10.0},
    "snntorch.fast_sigmoid": {"slope": 10.0},
}
found = {name: from_library(name, **numbers) for name, numbers in ask.items()}
for name, shape in found.items():
    peak = float(shape(jnp.zeros(())))
    print(f"{name:<30} h(0) = {peak:6.1f}, width {width(shape):.3f}")
assert np.allclose(found["stork.SuperSpike"](v), found["snntorch.fast_sigmoid"](v))
assert found["spikingjelly.SuperSpike"](jnp.zeros(())) == 10.0

# %% [markdown]
# ## What a height does to a gradient
#
# Every layer that the gradient passes multiplies it by the height. Three layers of one
# network, the same input, the same weights: the same shape in three normalizations, as
# the ratio of the gradient of each layer to that of peak 1.

# %%
dt, slope = 1e-3, 25.0
draw = lambda key, n_in, n_out: snn.fluctuation_driven(  # noqa: E731
    key, n_in, n_out, rate=20.0, xi=1.0, params=snn.LIFParams(), dt=dt
)
inputs = (jax.random.uniform(jax.random.key(0), (100, 16, 50)) < 20.0 * dt) * 1.0


def gradient_norms(shape):
    hidden = {}
    for k in (1, 2, 3):
        hidden[f"to_hidden{k}"] = snn.dense(50, 50, init=draw)
        hidden[f"hidden{k}"] = snn.lif(50, surrogate=shape)
    net = snn.chain(**hidden, readout=snn.dense(50, 2, init=draw), out=snn.li(2))
    weights = net.init(jax.random.key(1))

    def loss(weights):
        _, voltages = snn.unroll(net, weights, inputs, dt=dt)
        return snn.cross_entropy(snn.max_over_time(voltages), jnp.arange(16) % 2)

    grads = jax.jit(jax.grad(loss))(weights)
    return np.array([jnp.linalg.norm(grads[f"to_hidden{k}"].w) for k in (1, 2, 3)])


norms = {
    norm: gradient_norms(from_library("sigmoid", slope=slope, normalize=norm))
    for norm in ("peak", "area")
}
ratio = norms["area"] / norms["peak"]
print("area 1 against peak 1, layers 1 to 3:", ratio.round(2))
np.testing.assert_allclose(ratio, (slope / 4) ** np.array([3, 2, 1]), rtol=1e-3)

# %% [markdown]
# The forward pass is the same for all of them, bit for bit. An optimizer such as Adam
# divides the height out again as long as it is the same for all weights of a layer, so
# that shapes of peak 1 and of area 1 train alike; plain gradient descent does not, and
# gradients that pass a reset or a recurrent connection grow with every step if the peak
# is above 1.

# %%
every = [spike(v, shape) for shape in (*densities.values(), *others.values())]
assert all(np.array_equal(s, every[0]) for s in every)
