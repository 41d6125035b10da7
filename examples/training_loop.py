"""Handwritten digits, with a training loop of one's own: jax, optax, nothing hidden."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax.datasets import digits
from snnjax.inputs import latency
from snnjax.learning import mean_over_time
from snnjax.networks import normal

DT, STEPS = 1e-3, 60  # seconds, steps

net = snn.chain(
    input=snn.dense(64, 128),
    hidden=snn.lif(128),
    readout=snn.dense(128, 10, init=normal),
    out=snn.li(10),
)
optimizer = optax.adam(5e-3)


def spikes_of(samples):
    """One spike for each pixel, the brighter the sooner: [T, N, 64]."""
    bright = samples.x.reshape(-1, 64) / 16.0
    return latency(bright, tau=20e-3, threshold=0.1, steps=STEPS, dt=DT)


def loss(weights, spikes, labels):
    _, voltages = snn.unroll(net, weights, spikes, dt=DT)
    scores = mean_over_time(voltages)
    return snn.cross_entropy(scores, labels), snn.accuracy(scores, labels)


@jax.jit
def step(weights, opt_state, spikes, labels):
    (value, _), grads = jax.value_and_grad(loss, has_aux=True)(weights, spikes, labels)
    updates, opt_state = optimizer.update(grads, opt_state)
    return optax.apply_updates(weights, updates), opt_state, value


def main(epochs=30, batch=64):
    train, test = digits("train"), digits("test")
    xs, labels = spikes_of(train), jnp.asarray(train.labels)
    weights = net.init(jax.random.key(0))
    opt_state, rng = optimizer.init(weights), np.random.default_rng(0)
    for epoch in range(epochs):
        order = rng.permutation(len(labels))
        for rows in np.array_split(order, len(order) // batch):
            weights, opt_state, value = step(
                weights, opt_state, xs[:, rows], labels[rows]
            )
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {value:.3f}")
    _, accuracy = loss(weights, spikes_of(test), jnp.asarray(test.labels))
    print(f"test accuracy {accuracy:.3f}")
    return float(accuracy)


if __name__ == "__main__":
    main()
