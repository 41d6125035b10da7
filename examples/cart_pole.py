"""Reinforcement: a spiking policy balances a pole on a cart.

The four numbers of the state are spread over neurons (population coding), the
network thinks for ten steps of 1 ms, and the readouts are the log odds of pushing left
or right.
REINFORCE with a baseline; the cart is that of Barto, Sutton & Anderson 1983,
doi:10.1109/TSMC.1983.6313077.
"""

from functools import partial

import jax
import jax.numpy as jnp
import optax

import snnjax as snn
from snnjax.inputs import population
from snnjax.learning import mean_over_time
from snnjax.training import init_train_state, make_step

DT, THINK, CODES, HIDDEN = 1e-3, 10, 12, 64
RANGES = jnp.array([2.4, 2.5, 0.21, 2.5])  # position, speed, angle, its speed

net = snn.chain(
    input=snn.dense(4 * CODES, HIDDEN),
    hidden=snn.lif(HIDDEN, snn.LIFParams(tau_mem=10e-3, tau_syn=5e-3)),
    readout=snn.dense(HIDDEN, 2),
    out=snn.li(2, snn.LIParams(tau_mem=10e-3, tau_syn=5e-3)),
)


def policy(weights, seen):
    """Log probabilities of pushing left and right, for carts [B, 4]."""
    bounded = jnp.clip(seen / RANGES, -1.0, 1.0)
    currents = population(bounded, n=CODES, low=-1.0, high=1.0)
    held = jnp.broadcast_to(currents, (THINK, *currents.shape))
    _, voltages = snn.unroll(net, weights, held, dt=DT)
    return jax.nn.log_softmax(4.0 * mean_over_time(voltages))


def pushed(cart, right):
    """The cart after 20 ms of a force of 10 N, by Euler's method."""
    _, speed, angle, turning = cart.T
    force, sin, cos = jnp.where(right, 10.0, -10.0), jnp.sin(angle), jnp.cos(angle)
    thrust = (force + 0.05 * turning**2 * sin) / 1.1
    turn = (9.8 * sin - cos * thrust) / (0.5 * (4 / 3 - 0.1 * cos**2 / 1.1))
    push = thrust - 0.05 * turn * cos / 1.1
    moved = jnp.stack([speed, push, turning, turn], axis=1)
    return cart + 0.02 * moved


@partial(jax.jit, static_argnames=("carts", "steps"))
def played(weights, key, *, carts, steps):
    """Episodes: what was seen, what was done, and which carts still stood."""
    start, key = jax.random.split(key)
    cart = jax.random.uniform(start, (carts, 4), minval=-0.05, maxval=0.05)

    def step(carry, key):
        cart, stands = carry
        right = jax.random.categorical(key, policy(weights, cart))
        after = pushed(cart, right)
        upright = (jnp.abs(after[:, 0]) < 2.4) & (jnp.abs(after[:, 2]) < 0.2095)
        return (after, stands & upright), (cart, right, stands)

    first = cart, jnp.ones(carts, bool)
    return jax.lax.scan(step, first, jax.random.split(key, steps))[1]


def loss(weights, seen, done, stood):
    """REINFORCE: what was followed by more time than usual becomes likelier."""
    discount = lambda later, now: (now + 0.98 * later,) * 2  # noqa: E731
    _, returns = jax.lax.scan(
        discount, jnp.zeros(stood.shape[1]), stood * 1.0, reverse=True
    )
    count = jnp.maximum(jnp.sum(stood, axis=1, keepdims=True), 1.0)
    usual = jnp.sum(returns * stood, axis=1, keepdims=True) / count
    better = (returns - usual) / (jnp.std(returns, where=stood) + 1e-6)
    logs = policy(weights, seen.reshape(-1, 4)).reshape(*seen.shape[:2], 2)
    chosen = jnp.take_along_axis(logs, done[..., None], axis=-1)[..., 0]
    return -jnp.sum(chosen * better * stood) / jnp.sum(stood)


def main(updates=150, carts=32, steps=200):
    optimizer = optax.adam(5e-3)
    state = init_train_state(net.init(jax.random.key(0)), optimizer)
    step = jax.jit(make_step(loss, optimizer))
    for k, key in enumerate(jax.random.split(jax.random.key(1), updates)):
        seen, done, stood = played(state.weights, key, carts=carts, steps=steps)
        state, _ = step(state, seen, done, stood)
        lasted = float(jnp.mean(jnp.sum(stood, axis=0)))
        if k % 25 == 0 or k == updates - 1:
            print(
                f"update {k}: poles stand {0.02 * lasted:.2f} s of {0.02 * steps:.0f}"
            )
    return lasted


if __name__ == "__main__":
    main()
