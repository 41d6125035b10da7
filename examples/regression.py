"""A chaotic series is predicted from its past: spikes in, one voltage out.

Mackey & Glass 1977, doi:10.1126/science.267326: dx/dt = 0.2 x(t-τ) / (1 + x(t-τ)^10)
- 0.1 x, which is chaotic for τ = 17.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax.inputs import population
from snnjax.networks import normal
from snnjax.training import init_train_state, make_step

DT, AHEAD, CODES, HIDDEN = 1e-3, 10, 40, 100  # a step of the series is 1 ms

net = snn.chain(
    hidden=snn.recurrent(CODES, HIDDEN, snn.lif(HIDDEN)),
    readout=snn.dense(HIDDEN, 1, bias=True, init=normal),
    out=snn.li(1),
)


def mackey_glass(steps, tau=17, parts=10):
    """The series at whole times, by Euler's method in tenths."""
    delay = tau * parts
    x = np.full(delay + steps * parts, 1.2)
    for t in range(delay, len(x) - 1):
        late = x[t - delay]
        x[t + 1] = x[t] + (0.2 * late / (1 + late**10) - 0.1 * x[t]) / parts
    return x[delay::parts]


def spikes_of(series, key):
    """Forty neurons, each for a range of values, fire as often as they are near."""
    rates = population(jnp.asarray(series)[..., None], n=CODES, low=0.2, high=1.5)
    return jax.random.bernoulli(key, 0.5 * rates).astype(jnp.float32)


def loss(weights, spikes, target):
    _, voltages = snn.unroll(net, weights, spikes, dt=DT)
    return snn.mse(voltages[50:, :, 0], target[50:])  # after the first 50 ms


def main(updates=300, length=300, batch=16):
    series = mackey_glass(6000)
    train, test = series[500:4500], series[4500:]
    center = float(train.mean())
    optimizer = optax.adam(1e-2)
    step = jax.jit(make_step(loss, optimizer))
    state = init_train_state(net.init(jax.random.key(0)), optimizer)
    rng = np.random.default_rng(0)

    def windows(part, starts):
        rows = starts + np.arange(length + AHEAD)[:, None]
        x = part[rows].astype(np.float32)
        return x[:length], jnp.asarray(x[AHEAD:] - center)

    for key in jax.random.split(jax.random.key(1), updates):
        x, target = windows(train, rng.integers(0, len(train) - length - AHEAD, batch))
        state, _ = step(state, spikes_of(x, key), target)
    x, target = windows(test, np.arange(0, len(test) - length - AHEAD, length))
    error = jax.jit(loss)(state.weights, spikes_of(x, jax.random.key(2)), target)
    explained = 1.0 - float(error) / float(jnp.var(target[50:]))
    print(f"{AHEAD} ms ahead: {explained:.1%} of the variance of what comes")
    return explained


if __name__ == "__main__":
    main()
