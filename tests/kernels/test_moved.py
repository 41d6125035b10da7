"""Gradients of spikes that move by native code, against XLA's scan in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import snnjax as snn
from snnjax.kernels import build
from snnjax.neurons import LIFState, event_prop_layer, leaky
from snnjax.neurons.layer import Carry
from snnjax.surrogate import EventProp

T, B, N, DT = 30, 5, 37, 1e-3
PER_NEURON = np.linspace(4e-3, 30e-3, N)
KINDS = {  # τm, τs, slowest
    "each its own": (PER_NEURON, PER_NEURON[::-1] / 2, np.linspace(0.01, 2.0, N)),
    "one for all": (20e-3, 5e-3, 0.1),  # spikes fed back go by events, if few fire
    "equal": (10e-3, 10e-3, 0.5),
}


@pytest.fixture(autouse=True)
def built():
    if why := build.load():
        pytest.skip(f"native kernels: {why}")


def given(kind, reset, rate, looped, watched, rng):
    """Gradients of the end and of what came out, voltages, constants; in float32."""
    tau_mem, tau_syn, slowest = KINDS[kind]
    v_reset = -0.2 if reset == "zero" else 0.0
    params = snn.LIFParams(tau_mem, tau_syn, 0.7, None, v_reset)
    step = leaky.constants_of(params, "current", DT, jnp.float64)
    paces = DT / jnp.asarray(tau_mem, float), jnp.asarray(slowest, float)
    constants = event_prop_layer.Constants(step, *paces)
    noise = lambda *shape: jnp.asarray(rng.normal(size=shape))  # noqa: E731
    fired = rng.random((T, B, N)) < rate
    vs = jnp.where(fired, 0.71, 0.0) + 0.6 * jnp.asarray(rng.random((T, B, N)))
    spikes = noise(B, N) if looped else None
    end = Carry(LIFState(noise(B, N), noise(B, N), None, noise(B, N)), spikes)
    r = 0.1 * noise(N, N) if looped else None
    g_vs = noise(T, B, N) if watched else None
    first = 0.6 * jnp.asarray(rng.random((B, N)))
    made = constants, first, r, end, (noise(T, B, N), g_vs, vs)
    return jax.tree.map(lambda x: x.astype(jnp.float32), made)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reset", ["zero", "subtract"])
@pytest.mark.parametrize("rate", [0.01, 0.5])
@pytest.mark.parametrize("looped", [False, True])
@pytest.mark.parametrize("watched", [False, True])
def test_gradients_are_those_of_the_scan(kind, reset, rate, looped, watched, rng, x64):
    single = given(kind, reset, rate, looped, watched, rng)
    double = jax.tree.map(lambda x: x.astype(float), single)
    firing = leaky.Firing(reset)
    ours = event_prop_layer._back_natively(firing, *single)
    theirs = event_prop_layer._by_xla(firing, *double)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, 1e-4, 2e-5 * np.abs(b).max())


@pytest.mark.parametrize("batch", [(), (0,), (2, 3)])
@pytest.mark.parametrize("steps", [0, 1, 9])
def test_any_batch_and_length_has_the_gradient_of_xla(batch, steps, rng):
    xs = jnp.asarray(rng.normal(0.5, 1.0, (steps, *batch, 4)), jnp.float32)
    weights = jnp.asarray(rng.normal(0.0, 0.2, (4, 4)), jnp.float32)
    params = snn.LIFParams(5e-3, 2e-3, 0.3)

    def gradients(backend):
        neurons = snn.lif(4, params, surrogate=EventProp(), backend=backend)
        net = snn.recurrent(neurons, snn.dense(4, 4, backend=backend))
        given = net.init(jax.random.key(0))
        given = given._replace(feedback=given.feedback._replace(w=weights))

        def loss(weights, xs):
            end, ys = snn.unroll(net, weights, xs, dt=DT)
            tilt = jnp.cos(jnp.arange(ys.size, dtype=ys.dtype)).reshape(ys.shape)
            return jnp.sum(tilt * ys) + jnp.sum(end.neuron.v), ys

        return jax.jit(jax.grad(loss, (0, 1), has_aux=True))(given, xs)

    (ours, spikes), (theirs, expected) = map(gradients, ("native", "xla"))
    np.testing.assert_array_equal(spikes, expected)
    ours, theirs = (ravel_pytree(tree)[0] for tree in (ours, theirs))
    size = np.abs(theirs).max(initial=0.0)
    np.testing.assert_allclose(ours, theirs, 0, 2e-6 * size)


def test_constants_learn_the_same(rng):
    xs = jnp.asarray(rng.normal(0.5, 1.0, (T, B, 4)), jnp.float32)

    def gradient(backend):
        def loss(tau_mem, tau_syn, threshold):
            params = snn.LIFParams(tau_mem, tau_syn, threshold)
            cell = snn.lif(4, params, surrogate=EventProp(), backend=backend)
            ys = snn.unroll(cell, (), xs, dt=DT)[1]
            return jnp.sum(jnp.cos(jnp.arange(1.0 * ys.size).reshape(ys.shape)) * ys)

        return jax.grad(loss, (0, 1, 2))(5e-3, 2e-3, 0.3)

    ours, theirs = map(gradient, ("native", "xla"))
    assert all(abs(g) > 0 for g in theirs)
    np.testing.assert_allclose(ours, theirs, 1e-4)
