"""Valid calls of rules of learning while time runs."""

import jax.numpy as jnp
import optax
from calls import DT, KEY, call, raster, signal

import snnjax as snn
from snnjax.learning import online

HOT = "on the way of every training step, where values are traced"


def layer(n=3):
    neuron = snn.lif(n, reset="subtract", backend="xla")
    return snn.chain(snn.dense(n, n, backend="xla"), neuron)


def squared(y):
    return jnp.mean(y**2)


for each in (online.truncated, online.rtrl, online.per_unit, online.factored):
    call(each, named={"cell": "cell"})(lambda n=3: {"cell": layer(n)})


@call(online.window)
def _(n=3, steps=2):
    return {"cell": layer(n), "steps": steps}


@call(online.rank_one)
def _(n=3):
    return {"cell": layer(n), "key": KEY}


@call(online.kronecker)
def _(n=3):
    return {"cell": snn.recurrent(n, n, snn.lif(n)), "key": KEY}


@call(online.stack, named={"*rules": "stack"})
def _(n=3):
    return {
        **{"*rules": [online.factored(layer(n)), online.truncated(layer(n))]},
        **{"every": False, "feedback": [signal(n, n)]},
    }


def _sequence(T=3, B=2, n=3, block=2):
    cell = layer(n)
    return {
        **{"rule": online.truncated(cell), "weights": cell.init(KEY)},
        **{"xs": raster(T, B, n), "loss": squared, "dt": DT, "block": block},
    }


call(online.gradients, shown={"xs": HOT})(_sequence)
SHAPES = {"xs NaN": "only its shape is read"}
call(online.temp_memory, free=SHAPES, slow=True)(_sequence)


@call(online.train, shown={"xs": HOT})
def _(T=3, B=2, n=3, block=2):
    given, optimizer = _sequence(T, B, n, block), optax.sgd(0.1)
    opt_state = optimizer.init(given["weights"])
    return {**given, "optimizer": optimizer, "opt_state": opt_state}


@call(online.alignment, shown={"found": HOT, "expected": HOT}, infinite="0/0 is said")
def _(n=3):
    return {"found": {"w": signal(n)}, "expected": {"w": signal(n)}}


@call(online.along_training, infinite="0/0 is said", slow=True)
def _(updates=2, T=3, B=2, n=3, block=2):
    given = _sequence(T, B, n, block)
    rule = given.pop("rule")
    return {
        **{"rules": {"one": rule}, "cell": layer(n), "optimizer": optax.sgd(0.1)},
        **{**given, "xs": raster(updates, T, B, n)},
    }
