# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Learning while time runs: what crosses from block to block
#
# **Before this:** [backpropagation through time](04_backpropagation_through_time),
# [recurrence and memory](08_recurrence_and_memory).
#
# **Question.** What does a network lose that learns as time goes by, and never looks
# back over all of it?
#
# **Answer.** Time comes in blocks of c steps. Inside a block the gradient is exact, and
# a rule is what it lets across the start of one. The dial c goes from learning online
# (1) to backpropagation through time (T), and trades memory against the accuracy of the
# gradient; with Adam, which divides by the length of gradients, the network learns as
# well at each c here. Behind a readout with a synapse, e-prop at c = 1 keeps the
# direction and a hundredth of the length; filtering before weighting cures that.

# %%
import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import plot
from snnjax.learning.online import (
    Alignment,
    alignment,
    along_training,
    factored,
    gradients,
    per_unit,
    stack,
    temp_memory,
    truncated,
)

dt, steps, batch, n_in, n, n_out = 1e-3, 100, 8, 20, 30, 3
BLOCKS = {"c = 1": 1, "c = 10": 10, "c = T": steps}

# %% [markdown]
# ## The frame
#
# States run on from block to block. Credit goes back exactly to the start of its block;
# there it meets what the rule has kept of the past.

# %%
frame, axes = plot.figure(1, 1, (9.0, 2.6))
ax = axes[0, 0]
for k in range(3):
    ax.fill_between([3 * k, 3 * k + 2.2], 0, 1, color="0.92")
    ax.text(
        3 * k + 1.1, 0.5, f"block {k + 1}\nc steps, exact", ha="center", va="center"
    )
    back = {"xytext": (3 * k + 2.1, -0.2), "xy": (3 * k + 0.1, -0.2)}
    ax.annotate("", **back, arrowprops={"arrowstyle": "->", "color": "C3"})
    ax.text(3 * k + 1.1, -0.5, "credit", color="C3", ha="center")
    if k:
        for height, color, word in ((0.75, "0.2", "state"), (0.25, "C0", "past")):
            across = {"xytext": (3 * k - 0.75, height), "xy": (3 * k - 0.05, height)}
            ax.annotate("", **across, arrowprops={"arrowstyle": "->", "color": color})
            ax.text(3 * k - 0.4, height + 0.06, word, color=color, ha="center")
ax.text(4.1, 1.15, "past = what a rule lets across", color="C0", ha="center")
ax.set(xlim=(-0.2, 8.4), ylim=(-0.7, 1.4))
ax.axis("off")
plot.show(frame, "17_frame")

# %% [markdown]
# ## Along training
#
# A recurrent layer learns to say, at each step, which of three groups of inputs is the
# loud one. Every gradient of e-prop is compared with the exact one, that of the whole
# network with its recurrent gradient, at the weights that e-prop has reached. That it
# points elsewhere comes of the recurrent gradient, which is left out at any c; how long
# it is depends on c.


# %%
def hidden(recurrent_gradient):
    neuron = snn.lif(n, reset="subtract")
    options = {"recurrent_gradient": recurrent_gradient}
    return snn.recurrent(n_in, n, neuron, **options)


readout = snn.chain(snn.dense(n, n_out), snn.li(n_out))
exact = snn.chain(hidden=hidden(True), out=readout)
eprop = stack(hidden=factored(hidden(False)), out=factored(readout))


def batches(key, updates):
    key_labels, key_spikes = jax.random.split(key)
    labels = jax.random.randint(key_labels, (updates, batch), 0, n_out)
    group = jnp.arange(n_in) % n_out
    rates = jnp.where(group == labels[..., None], 60.0, 30.0)
    shape = (updates, steps, batch, n_in)
    spikes = jax.random.uniform(key_spikes, shape) < dt * rates[:, None]
    told = jnp.broadcast_to(labels[:, None], (updates, steps, batch))
    return spikes.astype(jnp.float32), told


def loss(v, labels):
    return snn.cross_entropy(10.0 * v, labels) / steps


@jax.jit
def accuracy(weights):
    xs, labels = batches(jax.random.key(9), 40)
    run = jax.vmap(lambda x: jnp.mean(snn.unroll(exact, weights, x, dt=dt)[1], 0))
    return jnp.mean(jnp.argmax(run(xs), -1) == labels[:, 0])


weights = exact.init(jax.random.key(0))
xs, labels = batches(jax.random.key(1), 40)
courses = {}
for name, c in BLOCKS.items():
    given = {"e-prop": eprop}, exact, optax.adam(1e-2), weights, xs, loss, labels
    courses[name] = along_training(*given, dt=dt, block=c)["e-prop"]

LAYERS = {
    "input of the hidden layer": lambda tree: tree["hidden"].input.w,
    "within the hidden layer": lambda tree: tree["hidden"].recurrent,
    "readout": lambda tree: tree["out"][0].w,
}
along, axes = plot.figure(2, 3, (11.0, 5.5))
for column, (layer, pick) in enumerate(LAYERS.items()):
    for name, course in courses.items():
        axes[0, column].plot(pick(course.alignment.cosine), label=name)
        axes[1, column].plot(pick(course.alignment.norm), label=name)
    axes[0, column].set(title=layer, ylim=(-0.1, 1.05), ylabel="cosine")
    axes[1, column].set(xlabel="update", yscale="log", ylim=(1e-3, 3.0))
    axes[1, column].set_ylabel("ratio of norms")
axes[0, 0].legend(frameon=False)
plot.show(along, "17_traces")

# %% [markdown]
# ## Memory against accuracy
#
# What XLA plans for one gradient of a sequence ten times as long, beside its input;
# how well the trained network does on new samples; and how far the gradient of the
# hidden layer was from the exact one, on average over training.

# %%
dial, axes = plot.figure(1, 2, (9.0, 3.6))
long = jnp.zeros((10 * steps, batch, n_in)), jnp.zeros((10 * steps, batch), int)
memory, reached = {}, {}
for name, c in BLOCKS.items():
    c = len(long[0]) if c == steps else c
    memory[name] = temp_memory(eprop, weights, long[0], loss, long[1], dt=dt, block=c)
    reached[name] = float(accuracy(courses[name].weights))
    error = float(jnp.mean(courses[name].alignment.error["hidden"].input.w))
    for ax, y in zip(axes[0], (reached[name], error), strict=True):
        ax.semilogx(memory[name] / 2**10, y, "o", label=name)
untrained = float(accuracy(weights))
axes[0, 0].axhline(untrained, color="0.6", linestyle=":", label="untrained")
for ax, told in zip(axes[0], ("accuracy", "error of the gradient"), strict=True):
    ax.set(xlabel="memory of a gradient (KiB)", ylabel=told, ylim=(0.0, 1.1))
axes[0, 0].legend(frameon=False)
assert memory["c = 1"] < memory["c = 10"] < memory["c = T"]
assert min(reached.values()) > untrained + 0.2
print({name: f"{memory[name] / 2**10:.0f} KiB, {reached[name]:.2f}" for name in BLOCKS})
plot.show(dial, "17_blocks")

# %% [markdown]
# ## Behind a readout with a synapse
#
# What the hidden layer fires now reaches the voltage of the readout later, when its
# block is over. At c = 1 next to nothing of the credit arrives. Filtered first, then
# weighted, the same readout is exact at every c: the filter belongs to the layer below,
# whose traces see it.

# %%
first = snn.chain(hidden(False), snn.li(n))
cells = {
    "weights first": (hidden(False), readout),
    "filter first": (first, snn.dense(n, n_out)),
}
rules = {
    "weights first": stack(*map(factored, cells["weights first"])),
    "filter first": stack(per_unit(first), truncated(cells["filter first"][1])),
}
sizes = [1, 10, 100]
cure, axes = plot.figure(1, 2, (9.0, 3.6))
found: dict[str, list[Alignment]] = {}


def gradient(rule, c, weights):
    @jax.jit
    def of(weights):
        return gradients(rule, weights, xs[0], loss, labels[0], dt=dt, block=c)[1]

    return of(weights)


for name, rule in rules.items():
    net = snn.chain(*cells[name])
    drawn = net.init(jax.random.key(0))
    whole = gradient(truncated(net), steps, drawn)
    found[name] = [alignment(gradient(rule, c, drawn), whole) for c in sizes]
    for ax, what in zip(axes[0], ("cosine", "norm"), strict=True):
        line = [jax.tree.leaves(getattr(each, what)[0])[0] for each in found[name]]
        ax.semilogx(sizes, line, marker="o", label=name)
        ax.set(xlabel="c (steps)", ylim=(0.0, 1.1))
axes[0, 0].set_ylabel("cosine, input of the hidden layer")
axes[0, 1].set_ylabel("ratio of norms")
axes[0, 1].legend(frameon=False)
at_one = {name: float(jax.tree.leaves(f[0].norm[0])[0]) for name, f in found.items()}
assert at_one["weights first"] < 0.2
np.testing.assert_allclose(at_one["filter first"], 1.0, rtol=1e-3)
print(at_one)
plot.show(cure, "17_cure")
