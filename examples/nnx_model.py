"""Spiking layers inside a flax.nnx model, beside ordinary ones."""

import jax
import jax.numpy as jnp
import optax
from flax import nnx

import snnjax as snn
from snnjax.datasets import digits
from snnjax.inputs import poisson
from snnjax.interop.nnx import Module
from snnjax.learning import mean_over_time

DT, STEPS = 1e-3, 50


class Reader(nnx.Module):
    """Spikes, a spiking layer, and a linear readout of its rates."""

    def __init__(self, *, rngs):
        cell = snn.chain(input=snn.dense(64, 128), hidden=snn.lif(128))
        self.spiking = Module(cell, rngs=rngs)
        self.readout = nnx.Linear(128, 10, rngs=rngs)

    def __call__(self, spikes):
        _, hidden = self.spiking(spikes, dt=DT)
        return self.readout(mean_over_time(hidden) / 0.1)


def loss(model, spikes, labels):
    return snn.cross_entropy(model(spikes), labels)


@nnx.jit
def step(model, optimizer, spikes, labels):
    value, grads = nnx.value_and_grad(loss)(model, spikes, labels)
    optimizer.update(model, grads)
    return value


def main(updates=200, batch=64):
    train, test = digits("train"), digits("test")
    model = Reader(rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(3e-3), wrt=nnx.Param)
    x, labels = jnp.asarray(train.x).reshape(-1, 64) / 16.0, jnp.asarray(train.labels)

    def spikes_of(key, x):
        return poisson(key, 200.0 * x, steps=STEPS, dt=DT)

    for key in jax.random.split(jax.random.key(1), updates):
        rows = jax.random.choice(key, len(labels), (batch,), replace=False)
        value = step(model, optimizer, spikes_of(key, x[rows]), labels[rows])
    seen = spikes_of(jax.random.key(2), jnp.asarray(test.x).reshape(-1, 64) / 16.0)
    accuracy = float(snn.accuracy(model(seen), jnp.asarray(test.labels)))
    print(f"loss {value:.3f}, test accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
