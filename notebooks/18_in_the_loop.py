# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # In the loop: training on a chip whose neurons are not alike
#
# **Before this:** [a first classifier](06_first_classifier).
#
# **Question.** No two neurons of an analogue chip have the same constants, and nobody
# knows them. How is a network trained on it, and what must be measured?
#
# **Answer.** The chip runs, and the gradient takes what it showed for what the model
# would have computed: spikes, and voltages after the reset. Forty updates then win back
# most of what mismatch took, with the outputs alone nearly as much. What was learned
# holds for that chip: the next one is better taught from software than from it.

# %%

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import plot
from snnjax.hardware import (
    Imperfections,
    ScaledReadout,
    Seen,
    distorted,
    emulated_chip,
    in_the_loop,
    show,
)
from snnjax.tasks import chip_task
from snnjax.tasks.looped import LARGEST, chip_weights, within_synapses
from snnjax.training import init_train_state, loop_step, make_step

task = chip_task("digits")  # 64 pixels, 100 hidden neurons, 20 bins of 1.7 µs
net, dt = task.network.cell, task.network.dt
train, test = task.parts["train"], task.parts["test"]

# %% [markdown]
# ## A hundred neurons hear one spike
#
# The same weights and the same spike. Time constants, threshold and gain of each neuron
# are those of the model times a factor; the spread of the factors is 30 %.

# %%
alone = snn.lif(100, snn.LIFParams(6e-6, 6e-6))
spike = jnp.zeros((20, 100)).at[0].set(2.0)
meant = show(alone, (), spike, dt=dt)["lif"].v[:, 0]
chip_neurons = show(distorted(jax.random.key(0), alone, 0.3), (), spike, dt=dt)["lif"]

figure, axes = plot.figure(1, 1, (6.0, 3.0))
ax, times = axes[0, 0], 1e6 * dt * np.arange(1, 21)
ax.plot(times, chip_neurons.v, color="0.6", lw=0.6, alpha=0.6)
ax.plot(times, meant, color="C0", lw=2, label="as it was meant")
ax.set(xlabel="time after the spike [µs]", ylabel="voltage [θ]")
ax.legend(frameon=False)
plot.show(figure, "18_one_spike")

# %% [markdown]
# ## On an ideal chip, the gradient of software
#
# A network of the library in the role of a chip. In the loop, with any part of what it
# shows, its gradient is that of software; on a chip of unlike neurons it is another.


# %%
def batches(updates, seed=0, size=64):
    """Batches in another order each epoch."""
    rng, rows = np.random.default_rng(seed), np.zeros(0, int)
    for _ in range(updates):
        if len(rows) < size:
            rows = rng.permutation(len(train.labels))
        yield train.raster(rows[:size], None), train.labels[rows[:size]]
        rows = rows[size:]


def loss(ys, labels):
    return snn.cross_entropy(task.network.readout(ys["out"]), labels)


def software_loss(weights, xs, labels):
    return loss(snn.unroll(net, weights, xs, dt=dt)[1], labels)


def loop_loss(weights, xs, seen, labels):
    return loss(in_the_loop(net, weights, xs, seen, dt=dt)[1], labels)


drawn = net.init(jax.random.key(1))
xs, labels = next(batches(1))
exact = jax.jit(jax.grad(software_loss))(drawn, xs, labels)
for spread in (0.0, 0.3):
    chip = distorted(jax.random.key(2), net, spread)
    seen = show(chip, drawn, xs, dt=dt)
    found = jax.jit(jax.grad(loop_loss))(drawn, xs, seen, labels)
    off = optax.tree.norm(optax.tree.sub(found, exact)) / optax.tree.norm(exact)
    print(f"mismatch {spread:.0%}: {float(off):.1e} of the gradient apart")

# %% [markdown]
# ## Trained in software, programmed, trained in the loop
#
# From here on the chip is another process, `emulated_chip`, which knows nothing of the
# model: synapses of 7 bits, voltages of 8, noise in every trial.

# %%
optimizer = optax.adam(optax.cosine_decay_schedule(5e-3, 500))
step = jax.jit(make_step(software_loss, optimizer))
state = init_train_state(drawn, optimizer)
for batch in batches(500):
    state, _ = step(state, *batch)
software = state.weights


def device(serial, mismatch=0.3, **wrong):
    made = emulated_chip(
        task.notes["sizes"],
        dt=dt,
        serial=serial,
        mismatch=mismatch,
        imperfections=Imperfections(**wrong),
    )
    return ScaledReadout(made, LARGEST)


rows = np.arange(len(test.labels))
test_spikes = test.raster(rows, None)


def on(chip, weights, trial=2**30):
    """Test accuracy on a chip."""
    given = [*map(np.asarray, chip_weights(weights))]
    shown = chip.run(chip.program(given), test_spikes, trial=trial)
    scores = task.network.readout(jnp.asarray(shown.seen[-1].v))
    return float(snn.accuracy(scores, test.labels))


class Slot:
    """One chip after another, so that the update is compiled once."""

    chip = None
    shown = staticmethod(lambda p, seen: seen)

    def program(self, weights):
        return self.chip.program(weights)

    def run(self, handle, spikes, *, trial):
        recording = self.chip.run(handle, spikes, trial=trial)
        seen = tuple(self.shown(p, s) for p, s in enumerate(recording.seen))
        return recording._replace(seen=seen)


slot, adam = Slot(), optax.adam(2e-3)
update = loop_step(slot, chip_weights, loop_loss, adam, project=within_synapses)


def looped(chip, start, updates, shown=lambda p, seen: seen, asked=()):
    """Weights after updates in the loop, and accuracies where they were asked for."""
    slot.chip, slot.shown = chip, shown
    state, course = init_train_state(start, adam), {}
    for k, batch in enumerate(batches(updates, seed=7)):
        if k in asked:
            course[k] = on(chip, state.weights)
        state, _ = update(state, *batch)
    course[updates] = on(chip, state.weights)
    return state.weights, course


asked = (0, 2, 5, 10, 20, 40)
figure, axes = plot.figure(1, 1, (6.0, 3.2))
ax, at_home = axes[0, 0], {}
for serial in (1, 2, 3):
    with device(serial) as chip:
        at_home[serial], course = looped(chip, software, 80, asked=asked)
    ax.plot([*map(str, course)], [*course.values()], "o-", label=f"chip {serial}")
with device(1, 0.0) as chip:
    ax.axhline(on(chip, software), color="0.5", ls="--", lw=0.8, label="no mismatch")
ax.set(xlabel="updates in the loop", ylabel="test accuracy")
ax.legend(frameon=False, fontsize=8)
plot.show(figure, "18_updates")

# %% [markdown]
# ## What must be measured
#
# Forty updates each, with a part of what the chip shows. What was not measured is the
# model's.

# %%
half = {"known": np.arange(100) % 2 == 0}
fourth = {"known": (np.arange(20) % 4 == 3)[:, None, None]}
PARTS = {
    "everything": lambda p, seen: seen,
    "half the neurons": lambda p, seen: seen if p else seen._replace(**half),
    "every fourth step": lambda p, seen: seen._replace(**fourth),
    "spikes and outputs": lambda p, seen: seen if p else Seen(seen.spikes),
    "spikes": lambda p, seen: seen._replace(v=None),
    "outputs": lambda p, seen: seen if p else Seen(),
}
simulated = init_train_state(software, adam)
more = jax.jit(make_step(software_loss, adam))
for batch in batches(40, seed=7):
    simulated, _ = more(simulated, *batch)
reached = {}
with device(1) as chip:
    reached["as programmed"] = on(chip, software)
    reached["nothing: software"] = on(chip, simulated.weights)
    for name, part in reversed(PARTS.items()):
        reached[name] = looped(chip, software, 40, part)[1][40]

figure, axes = plot.figure(1, 1, (6.0, 3.0))
ax = axes[0, 0]
ax.barh([*reached], [*reached.values()], color=["C1", "C1", *["C0"] * len(PARTS)])
ax.set(xlim=(0.5, 1.0), xlabel="test accuracy on chip 1")
plot.show(figure, "18_parts")

# %% [markdown]
# ## One chip does not teach another
#
# Weights that were trained in the loop, on the chip where they were trained (diagonal)
# and on others; below, weights from software.

# %%
table = np.zeros((4, 3))
for column, serial in enumerate((1, 2, 3)):
    with device(serial) as chip:
        starts = (*at_home.values(), software)
        table[:, column] = [on(chip, weights) for weights in starts]

figure, axes = plot.figure(1, 1, (4.2, 3.4))
ax = axes[0, 0]
ax.imshow(table, cmap="Blues", vmin=0.4, vmax=1.0)
for (row, column), value in np.ndenumerate(table):
    color = "white" if value > 0.8 else "black"
    ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=color)
ax.set_xticks(range(3), [f"chip {k}" for k in (1, 2, 3)])
ax.set_yticks(range(4), [*(f"of chip {k}" for k in (1, 2, 3)), "software"])
ax.set(xlabel="run on", ylabel="weights")
plot.show(figure, "18_chips")

# %% [markdown]
# ## A chip that drifts
#
# Constants walk at random, by 30 % over 200 trials. Weights that stay fall behind;
# weights that go on learning keep up.

# %%
walk = {"drift": 0.3 / 200**0.5}
courses = {"frozen": [], "learning on": []}
for name, course in courses.items():
    with device(1, **walk) as chip:
        slot.chip, slot.shown = chip, PARTS["everything"]
        state = init_train_state(at_home[1], adam)
        for k, batch in enumerate(batches(201, seed=8)):
            if k % 40 == 0:
                course.append(on(chip, state.weights, trial=k))
            new, _ = update(state, *batch)
            state = new if name == "learning on" else state._replace(step=new.step)

figure, axes = plot.figure(1, 1, (5.0, 3.0))
ax = axes[0, 0]
for name, course in courses.items():
    ax.plot(range(0, 201, 40), course, "o-", label=name)
ax.set(xlabel="trials", ylabel="test accuracy on the chip")
ax.legend(frameon=False)
plot.show(figure, "18_drift")
