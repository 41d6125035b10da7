"""Spoken digits as spikes of a cochlea, learned by a recurrent layer.

Needs `shd_train.h5` and `shd_test.h5` (`snnjax data get shd`) in the folder that the
environment variable SNNJAX_DATA names.
"""

import jax
import optax

import snnjax as snn
from snnjax.datasets import spoken_digits
from snnjax.inputs.batches import pad, raster, shift, take
from snnjax.learning import mean_over_time
from snnjax.training import epoch_rows, fit, init_train_state, make_step

DT, STEPS = 5e-3, 140  # seconds, steps

params = snn.LIFParams(tau_mem=20e-3, tau_syn=10e-3)
net = snn.chain(
    hidden=snn.recurrent(700, 128, snn.lif(128, params)),
    readout=snn.dense(128, 20),
    out=snn.li(20, snn.LIParams(tau_mem=20e-3, tau_syn=10e-3)),
)


def scores(weights, spikes):
    return mean_over_time(snn.unroll(net, weights, spikes, dt=DT)[1])


def loss(weights, batch, key):
    """Each clip is moved along the channels, so that voices differ more."""
    spikes = raster(shift(key, batch, reach=20), steps=STEPS, dt=DT).counts
    given = scores(weights, spikes)
    metrics = {"accuracy": snn.accuracy(given, batch.labels)}
    return snn.cross_entropy(given, batch.labels), metrics


def main(epochs=20, batch=64, clips=None):
    train, test = (pad(spoken_digits(part)) for part in ("train", "test"))
    if clips is not None:  # a small trial
        train, test = (take(part, jax.numpy.arange(clips)) for part in (train, test))

    def batches(epoch):
        for k, rows in enumerate(epoch_rows(0, epoch, len(train.labels), batch)):
            yield take(train, rows), jax.random.fold_in(jax.random.key(epoch), k)

    @jax.jit
    def accuracy(weights):
        spikes = raster(test, steps=STEPS, dt=DT).counts
        return {"accuracy": snn.accuracy(scores(weights, spikes), test.labels)}

    optimizer = optax.adam(5e-3)
    state = init_train_state(net.init(jax.random.key(0)), optimizer)
    step = jax.jit(make_step(loss, optimizer, has_aux=True))
    done = fit(step, state, batches, epochs=epochs, name="spoken digits")
    found = float(accuracy(done.state.weights)["accuracy"])
    print(f"test accuracy {found:.3f}, of clips by the speakers of the test")
    return found


if __name__ == "__main__":
    main()
