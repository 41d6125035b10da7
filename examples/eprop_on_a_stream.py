"""E-prop: weights change while a stream goes on, in memory that does not grow with it.

A hidden recurrent layer says at each step which of three groups of inputs is loud.
"""

import jax
import jax.numpy as jnp
import optax

import snnjax as snn
from snnjax.learning.online import factored, stack, train
from snnjax.networks import normal

DT, BATCH, GROUPS, N_IN, N, BLOCK = 1e-3, 8, 3, 30, 60, 10

readout = snn.chain(snn.dense(N, GROUPS, init=normal), snn.li(GROUPS))
hidden = snn.recurrent(N_IN, N, snn.lif(N, reset="subtract"), recurrent_gradient=False)
net = snn.chain(hidden=hidden, out=readout)
rule = stack(hidden=factored(hidden), out=factored(readout))
optimizer = optax.adam(5e-3)


def piece(key, steps):
    """The next piece of the stream: groups change every 200 ms or so."""
    key_label, key_spike = jax.random.split(key)
    label = jax.random.randint(key_label, (-(-steps // 200), BATCH), 0, GROUPS)
    label = jnp.repeat(label, 200, axis=0)[:steps]
    group = jnp.arange(N_IN) % GROUPS
    rates = jnp.where(group == label[..., None], 60.0, 30.0)
    return jax.random.bernoulli(key_spike, DT * rates).astype(jnp.float32), label


def loss(voltages, label):
    return snn.cross_entropy(voltages, label)


@jax.jit
def learn(weights, opt_state, carry, xs, label):
    """One piece, with an update of the weights every ten steps."""
    return train(
        rule, optimizer, weights, opt_state, xs, loss, label,
        dt=DT, block=BLOCK, carry=carry,
    )  # fmt: skip


def main(pieces=20, steps=1000):
    weights = net.init(jax.random.key(0))
    opt_state, carry, course = optimizer.init(weights), None, []
    for key in jax.random.split(jax.random.key(1), pieces):
        done = learn(weights, opt_state, carry, *piece(key, steps))
        weights, opt_state, carry = done.weights, done.opt_state, done.carry
        course.append(float(jnp.mean(done.values)) / BLOCK)
    print(f"cross entropy at first {course[0]:.2f}, in the end {course[-1]:.2f}")
    print(f"chance is {jnp.log(GROUPS):.2f}; one program, called again and again")
    return course


if __name__ == "__main__":
    main()
