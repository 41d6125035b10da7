"""Samples beside and after others natively, against each alone, in every bit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.kernels import build

T, DT = 12, 1e-3
BATCH = 8, 12
SIZES = 16, 1040  # side by side; so many that a thread takes its samples in turns


def params(n, **more):
    tau = np.linspace(4e-3, 30e-3, n)
    return snn.LIFParams(tau, tau[::-1] / 2, np.linspace(0.2, 0.4, n), **more)


def paused(n):
    return params(n, refractory=np.linspace(0.0, 4e-3, n))


CELLS = {
    "lif": lambda n: snn.lif(n, params(n), backend="native"),
    "refractory": lambda n: snn.lif(n, paused(n), reset="subtract", backend="native"),
    "through the reset": lambda n: snn.lif(
        *(n, params(n)),
        surrogate=snn.Triangle(2.0),
        reset_gradient=True,
        backend="native",
    ),
    "alif": lambda n: snn.alif(
        n, snn.ALIFParams(*params(n)[:2], threshold=0.3), backend="native"
    ),
}


@pytest.fixture(autouse=True)
def built():
    if why := build.load():
        pytest.skip(f"native kernels: {why}")


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", CELLS)
def test_a_sample_is_what_it_is_alone(name, n, rng):
    cell = CELLS[name](n)
    xs = jnp.asarray(rng.normal(0.8, 2.0, (T, *BATCH, n)), jnp.float32)
    weigh = jnp.asarray(rng.normal(size=xs.shape), jnp.float32)

    @jax.jit
    def run(xs, weigh):
        def loss(xs):
            end, ys = snn.unroll(cell, (), xs, dt=DT)
            return jnp.sum(weigh * ys) + jnp.sum(end.v), (end, ys)

        return jax.grad(loss, has_aux=True)(xs)

    whole = run(xs, weigh)
    spikes = whole[1][1]
    assert 0.02 < spikes.mean() < 0.6
    for b in ((0, 0), (3, 7), (7, 11)):
        alone = run(xs[:, *b], weigh[:, *b])
        g, (end, ys) = whole
        part = g[:, *b], (jax.tree.map(lambda x, b=b: x[b], end), ys[:, *b])
        jax.tree.map(np.testing.assert_array_equal, alone, part)
