"""Slopes, learning rates and seeds as one program, in a table that grows.

Killed at any moment and called again, it goes on where it was; with more values it
trains what is new.
"""

import jax
import matplotlib.pyplot as plt
import numpy as np
import optax

import snnjax as snn
from snnjax.inputs import frozen_poisson
from snnjax.training import init_train_state, make_step, sweep

DT = 1e-3
xs, labels = frozen_poisson(
    jax.random.key(0), patterns=32, steps=50, n=50, rate=20.0, dt=DT
)


def trained(slope, learning_rate, seed, updates=50):
    """Final loss and firing rate [Hz], of numbers alone: what a sweep asks for."""
    net = snn.chain(
        input=snn.dense(50, 32),
        hidden=snn.lif(32, surrogate=snn.SuperSpike(slope)),
        readout=snn.dense(32, 2),
        out=snn.li(2),
        outputs=("out", "hidden"),
    )

    def loss(weights):
        ys = snn.unroll(net, weights, xs, dt=DT)[1]
        scores = snn.max_over_time(ys["out"])
        rate = snn.firing_rate(ys["hidden"], dt=DT).mean()
        return snn.cross_entropy(scores, labels), {"rate": rate}

    optimizer = optax.adam(learning_rate)
    step = make_step(loss, optimizer, has_aux=True)
    state = init_train_state(net.init(jax.random.key(seed)), optimizer)
    _, metrics = jax.lax.scan(lambda s, _: step(s), state, length=updates)
    return {"loss": metrics["loss"][-1], "rate": metrics["rate"][-1]}


def main(table="sweep.csv", slopes=(1.0, 5.0, 25.0, 100.0), seeds=3):
    rates = (1e-3, 1e-2, 1e-1)
    found = sweep(
        trained, table=table, slope=slopes, learning_rate=rates, seed=range(seeds)
    )
    losses = found.grid()["loss"]  # [slope, learning rate, seed]
    for rate, column in zip(rates, losses.mean(axis=2).T, strict=True):
        told = ", ".join(f"{value:.3f}" for value in column)
        print(f"learning rate {rate:g}: {told} for slopes {slopes}")
    figure, axes = plt.subplots()
    axes.errorbar(slopes, losses[:, 1].mean(axis=1), losses[:, 1].std(axis=1))
    axes.set(xscale="log", xlabel="slope", ylabel="loss at a learning rate of 0.01")
    figure.savefig(str(table).replace(".csv", ".png"))
    plt.close(figure)
    return np.asarray(losses)


if __name__ == "__main__":
    main()
