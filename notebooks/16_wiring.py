# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Wiring: populations, skips, feedback, and a look inside
#
# **Before this:** [a first classifier](06_first_classifier), [recurrence and
# memory](08_recurrence_and_memory).
#
# **Question.** How is a network wired that is no chain, and how does one see what goes
# on in it?
#
# **Answer.** `graph` takes named cells and edges `"a->b"`. An edge down the order
# passes within the step, an edge up carries the step before. `outputs=("out", "e",
# "e.v")` asks for spikes and voltages by name, with gradients. `parts.summary` says
# what a network is made of and what it does.

# %%
import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from snnjax import parts, plot
from snnjax.inputs import poisson
from snnjax.networks import graph

dt = 1e-3
xs = poisson(jax.random.key(0), jnp.full((1, 100), 20.0), steps=500, dt=dt)


def weights_of(sign, size):
    return lambda key, n, m: sign * size * jnp.abs(jax.random.normal(key, (n, m)))


# %% [markdown]
# ## Excitation and inhibition
#
# Two populations: the excitatory one drives both, the inhibitory one holds it back.

# %%
net = graph(
    {"e": snn.lif(80), "i": snn.lif(20)},
    {
        "input->e": snn.dense(100, 80, init=weights_of(1, 0.15)),
        "e->e": snn.dense(80, 80, init=weights_of(1, 0.05)),
        "e->i": snn.dense(80, 20, init=weights_of(1, 0.15)),
        "i->e": snn.dense(20, 80, init=weights_of(-1, 0.6)),
    },
    outputs=("e", "i", "e.v"),
)
weights = net.init(jax.random.key(1))
_, held = snn.unroll(net, weights, xs, dt=dt)
cut = weights | {"i->e": jax.tree.map(jnp.zeros_like, weights["i->e"])}
_, free = snn.unroll(net, cut, xs, dt=dt)

populations, axes = plot.figure(2, 2, (10.0, 5.5))
for ax, ys, title in ((axes[0, 0], free, "without"), (axes[0, 1], held, "with")):
    both = np.concatenate([ys["e"][:, 0], ys["i"][:, 0]], axis=1)
    plot.raster(ax, both, dt=dt, title=f"{title} inhibition (0-79 excite)")
for ax, ys in zip(axes[1], (free, held), strict=True):
    plot.voltages(ax, ys["e.v"][:, 0, :8], dt=dt, bold=0)
assert held["e"].mean() < 0.5 * free["e"].mean()
plot.show(populations, "16_populations")

# %%
print(parts.summary(net, weights, xs, dt=dt))

# %% [markdown]
# ## A skip
#
# The readout sees the hidden layer and, past it, the input itself.

# %%
skip = graph(
    {"hidden": snn.lif(50), "out": snn.li(5)},
    {
        "input->hidden": snn.dense(100, 50),
        "hidden->out": snn.dense(50, 5),
        "input->out": snn.dense(100, 5),
    },
    outputs=("out", "hidden"),
)
weights = skip.init(jax.random.key(2))


def loss(weights, xs):
    return jnp.mean(snn.unroll(skip, weights, xs, dt=dt)[1]["out"] ** 2)


gradient = jax.grad(loss)(weights, xs)
sizes = jax.tree.map(lambda g: float(jnp.abs(g).mean()), gradient)
assert sizes["input->hidden"].w > 0
assert sizes["input->out"].w > 0
sizes

# %% [markdown]
# ## Feedback from a later layer
#
# An edge up the order arrives one step later. Here the third layer holds back the
# first: the louder it is, the quieter the first becomes.


# %%
def looped(strength):
    return graph(
        {"first": snn.lif(40), "second": snn.lif(40), "third": snn.lif(10)},
        {
            "input->first": snn.dense(100, 40, init=weights_of(1, 0.2)),
            "first->second": snn.dense(40, 40, init=weights_of(1, 0.2)),
            "second->third": snn.dense(40, 10, init=weights_of(1, 0.2)),
            "third->first": snn.dense(10, 40, init=weights_of(-1, strength)),
        },
        outputs=("first", "second", "third"),
    )


strengths = np.array([0.0, 0.1, 0.2, 0.5, 1.0, 2.0])
rates = []
for strength in strengths:
    cell = looped(strength)
    _, ys = snn.unroll(cell, cell.init(jax.random.key(3)), xs, dt=dt)
    rates.append([float(spikes.mean() / dt) for spikes in ys.values()])

feedback, axes = plot.figure(1, 1, (6.0, 4.0))
for name, line in zip(("first", "second", "third"), np.transpose(rates), strict=True):
    axes[0, 0].plot(strengths, line, marker="o", label=f"{name} layer")
axes[0, 0].set(xlabel="strength of the feedback", ylabel="rate (Hz)")
axes[0, 0].legend(frameon=False)
assert np.all(np.diff(np.transpose(rates)[0]) < 0)
plot.show(feedback, "16_feedback")
