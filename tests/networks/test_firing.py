"""Weights that nobody chose make default neurons fire, whatever connects them."""

import inspect
import re

import jax
import jax.numpy as jnp
import pytest

import snnjax as snn
from snnjax import networks
from snnjax.networks import convolution, from_events

N = 64
FACTORIES = {  # every connection with an initializer of its own
    name
    for name in networks.__all__
    if "init" in getattr(inspect.signature(getattr(networks, name)), "parameters", ())
}
NETWORKS = {  # by the connection whose default weights they show
    "dense": lambda n: snn.chain(into=snn.dense(n, N), hidden=snn.lif(N)),
    "recurrent": lambda n: snn.chain(hidden=snn.recurrent(n, N, snn.lif(N))),
    "from_events": lambda n: snn.chain(into=from_events(n, N), hidden=snn.lif(N)),
    "delayed": lambda n: snn.chain(
        into=networks.delayed(n, N, 5, width=None), hidden=snn.lif(N)
    ),
    "low_rank": lambda n: snn.chain(
        into=networks.low_rank(n, N, 20), hidden=snn.lif(N)
    ),
    "convolution": lambda n: snn.chain(
        maps=snn.stateless(lambda x: x.reshape(*x.shape[:-1], n // 10, 10)),
        into=convolution(10, 8, kernel=(5,)),
        hidden=snn.lif(8),
    ),
}


def poisson(n, rate, dt, seconds=0.4, batch=4):
    shape = round(seconds / dt), batch, n
    return (jax.random.uniform(jax.random.key(1), shape) < rate * dt).astype(float)


def rate_of(net, xs, dt):
    weights = net.init(jax.random.key(0))
    return (
        float(jax.jit(lambda xs: snn.unroll(net, weights, xs, dt=dt)[1])(xs).mean())
        / dt
    )


def test_every_factory_of_connections_is_shown_here():
    assert set(NETWORKS) == FACTORIES


@pytest.mark.parametrize("name", NETWORKS)
def test_default_weights_make_default_neurons_fire(name):
    for n, rate, dt in ((50, 5.0, 1e-3), (50, 20.0, 5e-3), (300, 5.0, 5e-3)):
        xs = poisson(n, rate, dt)
        if name == "from_events":
            names = jnp.broadcast_to(jnp.arange(n), xs.shape)
            xs = jnp.where(xs > 0, names, -1).astype(jnp.int32)
        assert 1.0 < rate_of(NETWORKS[name](n), xs, dt) < 50.0, (n, rate, dt)


def help_network():
    """The one of ``help(snnjax)``, watched."""
    text = inspect.getdoc(snn)
    found = re.search(r"net = (chain\((?:[^()]|\([^()]*\))*\))", text)
    cells = found[1].removesuffix(")") + ', outputs=("hidden", "out"))'
    return eval(cells, vars(snn).copy())


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 5e-3])
@pytest.mark.parametrize("rate", [5.0, 20.0])
def test_the_network_of_help_fires_and_has_a_gradient(rate, dt):
    net, labels = help_network(), jnp.arange(4)
    xs, weights = poisson(700, rate, dt, 0.2), net.init(jax.random.key(0))

    def loss(weights):
        _, ys = snn.unroll(net, weights, xs, dt=dt)
        return snn.cross_entropy(snn.max_over_time(ys["out"]), labels), ys["hidden"]

    slope, spikes = jax.jit(jax.grad(loss, has_aux=True))(weights)
    assert 1.0 < float(spikes.mean()) / dt < 50.0
    for layer in ("input", "readout"):
        assert float(jnp.linalg.norm(slope[layer].w)) > 1e-3


def test_the_layer_above_fires_too():
    cells = {}
    for k in range(2):
        cells |= {f"to{k}": snn.dense(N, N), f"hidden{k}": snn.lif(N)}
    net = snn.chain(**cells, outputs="hidden1")
    assert 1.0 < rate_of(net, poisson(N, 10.0, 1e-3), 1e-3) < 50.0
