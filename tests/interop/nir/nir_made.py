"""Networks that NIR can tell, and graphs of NIR made by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import nir
import numpy as np

import snnjax as snn
from snnjax.networks import convolution, delay, flatten, graph, pool, ring

DT = 1e-3
FAST = {"tau_mem": 10e-3, "tau_syn": 4e-3, "threshold": 0.8, "v_reset": -0.2}


def strong(key, n_in, n_out):
    return 1.5 * jax.random.normal(key, (n_in, n_out)) / np.sqrt(0.2 * n_in)


def lif(n, **constants):
    return snn.lif(n, snn.LIFParams(**{**FAST, **constants}), backend="xla")


def dense(n_in, n_out, **options):
    return snn.dense(n_in, n_out, init=strong, backend="xla", **options)


def recurrent(n_in, n, **options):
    given = {"init": strong, "init_recurrent": strong}
    return snn.recurrent(n_in, n, lif(n), **given, **options)


def _graph(cells, edges, **options):
    return graph(cells, edges, outputs=("out", *list(cells)[:1]), **options)


def _layers():
    return {"a": lif(8), "b": lif(7), "c": lif(6), "out": snn.li(3)}


def _feedback():
    return {
        **{"input->a": dense(5, 8), "a->b": dense(8, 7, bias=True)},
        **{"b->c": dense(7, 6), "c->a": dense(6, 8), "c->b": dense(6, 7)},
        **{"b->a": snn.chain(delay(7, 2e-3, 2), dense(7, 8)), "c->out": dense(6, 3)},
    }


def _e_i():
    cells = {"e": lif(12), "i": lif(5), "out": snn.li(3)}
    edges = {
        **{"input->e": dense(5, 12), "e->e": dense(12, 12), "e->i": dense(12, 5)},
        **{"i->e": dense(5, 12), "e->out": dense(12, 3)},
    }
    return _graph(cells, edges)


SPREAD = np.linspace(0.0, 4e-3, 6)
NETWORKS = {
    "chain": snn.chain(dense(5, 9), lif(9), dense(9, 3, bias=True), snn.li(3)),
    "named chain with delays": snn.chain(
        **{"input": dense(5, 6), "late": delay(6, SPREAD, 4)},
        **{"hidden": lif(6), "ring": ring(6, 3), "readout": dense(6, 3)},
        out=snn.li(3),
    ),
    "constants of each neuron": snn.chain(
        dense(5, 4),
        lif(
            4,
            tau_mem=np.array([5e-3, 9e-3, 2e-2, 3e-2]),
            threshold=np.array([0.5, 0.7, 0.9, 1.1]),
            v_reset=np.array([0.1, 0.0, -0.1, -0.4]),
        ),
    ),
    "without synapse": snn.chain(dense(5, 6), lif(6, tau_syn=None, threshold=0.2)),
    "one recurrent layer": snn.chain(recurrent(5, 8), dense(8, 3), snn.li(3)),
    "two recurrent layers": snn.chain(
        first=recurrent(5, 8, self_connections=False),
        second=recurrent(8, 6),
        **{"readout": dense(6, 3), "out": snn.li(3)},
    ),
    "closed with a delay": snn.chain(
        input=dense(5, 8),
        hidden=snn.recurrent(lif(8), snn.chain(delay(8, 2e-3, 3), dense(8, 8))),
        **{"readout": dense(8, 3), "out": snn.li(3)},
    ),
    "e and i": _e_i(),
    "three layers of feedback": _graph(_layers(), _feedback()),
    "nothing at once": _graph(_layers(), _feedback(), at_once=False),
    "skip": _graph(
        {"a": lif(6), "b": lif(6), "out": snn.li(6)},
        {"input->a": dense(5, 6), "a->b": dense(6, 6), "b->out": None, "a->out": None},
    ),
    "two inputs": graph(
        {"a": lif(6), "out": snn.li(3)},
        {"x->a": dense(5, 6), "y->a": dense(5, 6), "a->out": dense(6, 3)},
        outputs=("out", "a"),
        inputs=("x", "y"),
    ),
    "masked": snn.chain(
        dense(5, 6, mask=np.arange(30).reshape(5, 6) % 2), lif(6), dense(6, 3)
    ),
    "residual": snn.chain(
        dense(5, 6), snn.networks.residual(snn.chain(lif(6), dense(6, 6))), snn.li(6)
    ),
    "learned": snn.chain(
        dense(5, 6), snn.learn(lambda tau: lif(6, tau_mem=tau), tau=np.full(6, 9e-3))
    ),
    "convolutional": snn.chain(
        convolution(2, 6, kernel=(3, 3), init=strong),
        lif(6, tau_syn=None, threshold=0.3),
        pool("sum", (2, 2)),
        convolution(6, 4, kernel=(2, 3), padding="valid", bias=True, init=strong),
        lif(4, threshold=np.array([0.4, 0.5, 0.6, 0.7])),
    ),
    "convolutional to the end": snn.chain(
        conv=convolution(2, 4, kernel=(3, 3), stride=2, padding="valid", init=strong),
        spikes=lif(4, threshold=0.3),
        mean=pool("mean", (1, 2)),
        flat=flatten(),
        late=delay(24, np.linspace(0.0, 3e-3, 24), 3),
        read=dense(24, 3),
        out=snn.li(3),
    ),
    "lines": snn.chain(
        convolution(2, 4, kernel=(3,), bias=True, init=strong),
        lif(4, threshold=0.4),
        flatten(1),
        dense(36, 3),
        snn.li(3),
    ),
}
SHAPES = {
    "convolutional": (7, 8, 2),
    "convolutional to the end": (7, 9, 2),
    "lines": (9, 2),
}


def inputs(name, batch=2, steps=60):
    """Spikes for a network, as many by name as it has inputs."""
    shape = (steps, batch, *SHAPES.get(name, (5,)))
    fired = jax.random.bernoulli(jax.random.key(7), 0.2, shape)
    x = np.asarray(fired).astype(jnp.result_type(float))
    return {"x": x, "y": x[::-1]} if name == "two inputs" else x


def drawn(name):
    return _drawn(name, jax.config.jax_enable_x64)


@partial(jax.jit, static_argnums=(0, 1))
def _drawn(name, x64):
    return NETWORKS[name].init(jax.random.key(3))


def full(value, n=3, dtype=np.float32):
    return np.full(n, value, dtype)


def row(*nodes, shape=(3,)):
    """A graph of nodes one after another; names are those of their kinds."""
    return nir.NIRGraph.from_list(nir.Input(np.array(shape)), *nodes)


def run(graph, xs, dt=DT, **options):
    """What a graph puts out, channels last."""
    from snnjax.interop import nir as our

    found = our.from_nir(graph, dt=dt, **options)
    return np.asarray(snn.unroll(found.network, found.weights, xs, dt=dt)[1])


def leaky(kind, n=3, dtype=np.float32, **constants):
    """A neuron of NIR, of numbers."""
    usual = {"tau": 10e-3, "tau_mem": 10e-3, "tau_syn": 5e-3, "w_in": 5.0}
    usual |= {"r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
    names = [f for f in getattr(nir, kind).__dataclass_fields__ if f in usual]
    given = {**{name: usual[name] for name in names}, **constants}
    return getattr(nir, kind)(
        **{
            name: value if isinstance(value, np.ndarray) else full(value, n, dtype)
            for name, value in given.items()
        }
    )
