"""Spiking convolutions learn digits before a moving event camera (N-MNIST).

Needs folders `Train` and `Test` of N-MNIST (`snnjax data info n-mnist` tells where it
comes from) in the folder that the environment variable SNNJAX_DATA names.
"""

import jax
import jax.numpy as jnp
import optax

import snnjax as snn
from snnjax.datasets import n_mnist
from snnjax.inputs.batches import pad, raster, take
from snnjax.learning import mean_over_time
from snnjax.networks import convolution, flatten, pool
from snnjax.training import epoch_rows, fit, init_train_state, make_step

DT, STEPS = 10e-3, 32  # seconds, steps
WIDE, HIGH = 34, 34

params = snn.LIFParams(tau_mem=20e-3, tau_syn=10e-3)
maps = {"params": params, "surrogate": snn.SuperSpike(10.0)}
net = snn.chain(
    first=convolution(2, 12, kernel=(5, 5), stride=2),
    spikes=snn.lif(12, **maps),
    second=convolution(12, 24, kernel=(5, 5), stride=2),
    more=snn.lif(24, **maps),
    pool=pool("sum", (3, 3)),
    flat=flatten(),
    readout=snn.dense(9 * 24, 10),
    out=snn.li(10, snn.LIParams(tau_mem=20e-3, tau_syn=10e-3)),
)


def images(batch):
    """Events of a batch as pictures over time, [T, B, height, width, polarity]."""
    counts = raster(batch, steps=STEPS, dt=DT).counts
    polarities = counts.reshape(STEPS, -1, 2, HIGH, WIDE)
    return jnp.moveaxis(polarities, 2, -1)


def loss(weights, batch):
    scores = mean_over_time(snn.unroll(net, weights, images(batch), dt=DT)[1])
    metrics = {"accuracy": snn.accuracy(scores, batch.labels)}
    return snn.cross_entropy(scores, batch.labels), metrics


def main(epochs=10, batch=32, clips=None):
    train, test = (pad(n_mnist(part)) for part in ("train", "test"))
    if clips is not None:  # a small trial
        train, test = (take(part, jnp.arange(clips)) for part in (train, test))

    def batches(epoch):
        for rows in epoch_rows(0, epoch, len(train.labels), batch):
            yield (take(train, rows),)

    optimizer = optax.adam(3e-3)
    state = init_train_state(net.init(jax.random.key(0)), optimizer)
    step = jax.jit(make_step(loss, optimizer, has_aux=True))
    done = fit(step, state, batches, epochs=epochs, name="digits before a camera")
    accuracy = float(jax.jit(loss)(done.state.weights, test)[1]["accuracy"])
    print(f"test accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
