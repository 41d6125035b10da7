"""A population over a sequence, by its own way and one step after the other."""

import jax
import jax.numpy as jnp
import numpy as np

T, B, N, DT = 40, 3, 7, 1e-3


def in_motion(cell):
    """A state in which nothing is at rest."""

    def moved(x):
        if jnp.issubdtype(x.dtype, jnp.integer):
            return x + jnp.arange(N, dtype=x.dtype)[None] % 3
        return x + 0.1 * jax.random.normal(jax.random.key(3), x.shape, x.dtype)

    return jax.tree.map(moved, cell.rest(jnp.zeros((B, N))))


def by_cell(cell, state, xs, loop):
    if loop is None:
        return cell.run((), state, xs, DT)
    return cell.loop((), state, xs, loop, DT)


def by_steps(cell, state, xs, loop):
    """The same, one step after the other."""

    def step(carry, x):
        state, spikes = carry
        if loop is not None:
            seen = spikes if loop.recurrent_gradient else jax.lax.stop_gradient(spikes)
            x = x + seen @ loop.r
        state, y = cell.step((), state, x, DT)
        return (state, y[0] if isinstance(y, tuple) else y), y

    first = xs[0] if loop is None else loop.spikes
    (state, _), ys = jax.lax.scan(step, (state, first), xs)
    return state, ys


def compare(found, expected, rtol, atol=None):
    """Without ``atol`` it is ``rtol`` of the largest entry; integers have no slope."""

    def close(a, b):
        if np.asarray(a).dtype != jax.dtypes.float0:
            scale = np.abs(b).max(initial=0.0) if atol is None else 1.0
            np.testing.assert_allclose(a, b, rtol, (atol or rtol) * scale + 1e-12)

    jax.tree.map(close, found, expected)
