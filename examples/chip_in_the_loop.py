"""A network learns on an emulated analogue chip whose neurons are not alike.

Trained in software first, then in the loop: the chip runs, the model learns from the
spikes and voltages that it showed. A chip of your own is a class with `program` and
`run`; `snnjax.hardware.Device` says what it must do.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax.hardware import ScaledReadout, emulated_chip, in_the_loop
from snnjax.tasks import chip_task
from snnjax.tasks.looped import LARGEST, chip_weights, within_synapses
from snnjax.training import epoch_rows, init_train_state, loop_step, make_step

task = chip_task("digits")  # 64 pixels, 100 hidden neurons, 20 bins of 1.7 µs
net, dt, readout = task.network.cell, task.network.dt, task.network.readout


def software_loss(weights, xs, labels):
    return snn.cross_entropy(
        readout(snn.unroll(net, weights, xs, dt=dt)[1]["out"]), labels
    )


def loop_loss(weights, xs, seen, labels):
    ys = in_the_loop(net, weights, xs, seen, dt=dt)[1]
    return snn.cross_entropy(readout(ys["out"]), labels)


def batches(epochs):
    part = task.parts["train"]
    for epoch in range(epochs):
        for rows in epoch_rows(0, epoch, len(part.labels), 64):
            yield part.raster(rows, None), part.labels[rows]


def accuracy(chip, weights):
    part = task.parts["test"]
    spikes = part.raster(np.arange(len(part.labels)), None)
    handle = chip.program([*map(np.asarray, chip_weights(weights))])
    shown = chip.run(handle, spikes, trial=2**30)
    return float(snn.accuracy(readout(jnp.asarray(shown.seen[-1].v)), part.labels))


def main(epochs=20, looped=4, serial=1, mismatch=0.3):
    optimizer = optax.adam(5e-3)
    state = init_train_state(net.init(jax.random.key(0)), optimizer)
    step = jax.jit(make_step(software_loss, optimizer))
    for batch in batches(epochs):
        state, _ = step(state, *batch)
    made = emulated_chip(task.notes["sizes"], dt=dt, serial=serial, mismatch=mismatch)
    with ScaledReadout(made, LARGEST) as chip:
        before = accuracy(chip, state.weights)
        adam = optax.adam(2e-3)
        update = loop_step(chip, chip_weights, loop_loss, adam, project=within_synapses)
        state = init_train_state(state.weights, adam)
        for batch in batches(looped):
            state, _ = update(state, *batch)
        after = accuracy(chip, state.weights)
    print(f"as programmed {before:.3f}, after {looped} epochs in the loop {after:.3f}")
    return before, after


if __name__ == "__main__":
    main()
