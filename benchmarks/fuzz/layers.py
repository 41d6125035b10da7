"""Do random layers compute the same natively and by XLA?

    python -m benchmarks.fuzz.layers --layers 2400

Sizes, options, surrogate and the type of the raster are drawn for a program, numbers
(weights, constants, where it starts) for each of ten layers that run by it. One JSON
line counts what became of them:

    equal     the same spikes bit for bit, and the same states and gradients
    rounding  spikes differ from where a voltage lay within rounding of its threshold
    wrong     anything else; should be zero
"""

import argparse
import random
import time
from collections import Counter
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from benchmarks.report import emit, tell
from snnjax.kernels import build
from snnjax.networks import normal
from snnjax.neurons import AdLIFParams, adlif
from snnjax.probes import watched
from snnjax.surrogate import Arctan, Boxcar, Scaled, Sparse

DT = 1e-3
EACH = 10  # layers that run by one program
ROUNDING = 1e-5
TYPICAL = {  # constants; b is what a spike adds to threshold or current
    **{"tau_mem": 5e-3, "tau_syn": 2e-3, "threshold": 0.3},
    **{"tau_adapt": 15e-3, "a": 1.0, "b": 0.2},
}
SHAPES = (
    *(snn.SuperSpike(5.0), snn.Sigmoid(4.0), snn.Triangle(2.0), Boxcar(10.0)),
    *(Scaled(Arctan(2.0), 0.7), Sparse(snn.SuperSpike(5.0), 0.05)),
)


def drawn(rng: random.Random) -> dict[str, Any]:
    """What a program is made of."""
    reset = rng.choice(("zero", "subtract", "none"))
    return {
        "steps": rng.randint(1, 40),
        "batch": rng.choice(((1,), (3,), (8,), (2, 2), (8, 6))),
        "n_in": rng.choice((1, 7, 16, 33, 64)),
        "n": rng.choice((1, 5, 16, 31, 70, 150)),
        "dtype": rng.choice(("float32", "uint8", "bool")),
        "rate": rng.choice((0.0, 0.05, 0.2, 1.0)),
        "loop": rng.random() < 0.7,
        "bias": rng.random() < 0.5,
        "recurrent_gradient": rng.random() < 0.7,
        "synapse": rng.random() < 0.7,
        "refractory": rng.choice((None, None, 2e-3)),
        "resets_to": rng.choice((0.0, -0.5)) if reset == "zero" else 0.0,
        "reset": reset,
        "reset_gradient": rng.random() < 0.5,
        "surrogate": rng.choice(SHAPES),
        "neuron": rng.choice(("lif", "lif", "alif", "adlif")),
        "adaptation_gradient": rng.random() < 0.7,
    }


def layer(made: dict[str, Any], constants: dict[str, Any], backend: str) -> snn.Cell:
    """A layer, or neurons behind a dense connection, that show ``v_before``."""
    n_in, n = made["n_in"], made["n"]
    neuron = neurons(made, constants, backend)
    if made["loop"]:
        options = {k: made[k] for k in ("bias", "recurrent_gradient")}
        draws = {"init": normal, "init_recurrent": normal}
        return snn.recurrent(n_in, n, neuron, **options, **draws)
    dense = snn.dense(n_in, n, bias=made["bias"], init=normal, backend=backend)
    return snn.chain(input=dense, neuron=neuron)


def neurons(made: dict[str, Any], constants: dict[str, Any], backend: str) -> snn.Cell:
    """Those of a layer."""
    names, n = ["surrogate", "reset_gradient"], made["n"]
    names += ["adaptation_gradient"] if made["neuron"] != "lif" else []
    names += ["reset"] if made["neuron"] != "adlif" else []
    options = {k: made[k] for k in names} | {"backend": backend}
    of = {k: constants[k] for k in ("tau_mem", "tau_adapt", "threshold")}
    if made["neuron"] == "adlif":
        return adlif(
            n, AdLIFParams(**of, a=constants["a"], b=constants["b"]), **options
        )
    params = snn.LIFParams(
        constants["tau_mem"],
        constants["tau_syn"] if made["synapse"] else None,
        constants["threshold"],
        made["refractory"],
        made["resets_to"],
    )
    if made["neuron"] == "lif":
        return snn.lif(n, params, **options)
    adapting = snn.ALIFParams(*params, constants["tau_adapt"], constants["b"])
    return snn.alif(n, adapting, **options)


def numbers(made: dict[str, Any], key: jax.Array) -> tuple[dict[str, jax.Array], Any]:
    """Constants of the neurons and weights of a layer."""
    *keys, last = jax.random.split(key, len(TYPICAL) + 1)
    of, n = zip(TYPICAL.items(), keys, strict=True), made["n"]
    constants = {
        k: v * jax.random.uniform(key, (n,), minval=0.8, maxval=1.2)
        for (k, v), key in of
    }
    weights = layer(made, constants, "xla").init(last)
    return constants, jax.tree.map(lambda w: w * 0.5 if w.ndim == 1 else w, weights)


def computed(made, backend, constants, weights, xs):
    """Spikes, end, and gradients of weights, input and where the layer starts."""
    cell = layer(made, constants, backend)

    def loss(weights, state, xs):
        end, ys = snn.unroll(cell, weights, xs, dt=DT, state=state)
        flat = jnp.concatenate([jnp.ravel(x) for x in floats((end, ys))])
        tilt = jnp.cos(1.0 + jnp.arange(flat.size, dtype=flat.dtype))
        return jnp.sum(flat * tilt), (ys, end)

    graded = jax.grad(loss, (0, 1, 2), has_aux=True, allow_int=True)
    grads, (ys, end) = graded(weights, start(cell, xs), xs)
    return ys, end, floats(grads)


def start(cell: snn.Cell, xs: jax.Array) -> Any:
    """A state in motion."""
    moved = lambda v: v + 0.1 if jnp.issubdtype(v.dtype, jnp.floating) else v  # noqa: E731
    return jax.tree.map(moved, cell.rest(xs[0]))


def floats(tree: Any) -> list[jax.Array]:
    leaves = jax.tree.leaves(tree)
    return [x for x in leaves if jnp.issubdtype(x.dtype, jnp.floating)]


def margins(made, constants, weights, xs):
    """How far each voltage lies from its threshold before the reset, by XLA."""
    cell, where = layer(made, constants, "xla"), "" if made["loop"] else "neuron."
    names = [f"{where}v_before"] + [f"{where}a"] * (made["neuron"] == "alif")
    state = start(cell, xs)
    _, (_, seen) = snn.unroll(
        watched(cell, tuple(names)), weights, xs, dt=DT, state=state
    )
    v, *after = (np.asarray(seen[name]) for name in names)
    threshold = np.asarray(constants["threshold"])
    for a in after:  # of alif, whose threshold follows what the step before left
        first = np.asarray(state.neuron.a if made["loop"] else state["neuron"].a)
        earlier = np.concatenate([first[None], a])[:-1]
        threshold = threshold + np.asarray(constants["b"]) * earlier
    return np.abs(v - threshold)


def verdict(found: Any, expected: Any, margin: Any) -> str:
    """What one layer shows; ``margin`` is asked for where spikes differ."""
    same = np.equal(found[0], expected[0])
    if not same.all():
        first = np.argmin(same.reshape(len(same), -1).all(axis=1))
        near = margin()[first][~same[first]]
        return "rounding" if (near < ROUNDING).all() else "wrong"
    for a, b in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        scale = float(np.max(np.abs(np.asarray(b, np.float64)), initial=0.0))
        if not np.allclose(a, b, 1e-4, 1e-4 * scale + 1e-12):
            return "wrong"
    return "equal"


def compare(index: int) -> list[str]:
    """What becomes of the layers of one program."""
    made = drawn(random.Random(f"layer {index}"))
    shape = made["steps"], *made["batch"], made["n_in"]
    runs = {
        backend: jax.jit(partial(computed, made, backend))
        for backend in ("native", "xla")
    }
    told = []
    for key in jax.random.split(jax.random.key(index), EACH):
        key_x, key_w = jax.random.split(key)
        xs = (jax.random.uniform(key_x, shape) < made["rate"]).astype(made["dtype"])
        given = (*numbers(made, key_w), xs)
        found, expected = (runs[b](*given) for b in ("native", "xla"))
        margin = lambda given=given: margins(made, *given)  # noqa: E731
        told.append(verdict(found, expected, margin))
    return told


def main(argv: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="number of the program")
    given = parser.parse_args(argv)
    if why := build.load():
        raise SystemExit(f"native kernels: {why}")
    began, counts, wrong = time.time(), Counter(), []
    for index in range(given.first, given.first + -(-given.layers // EACH)):
        told = compare(index)
        counts.update(told)
        wrong += [index] if "wrong" in told else []
        if index % 10 == 9:
            tell(f"{counts.total()} layers: {dict(counts)}")
    emit(
        layers=counts.total(),
        **{k: counts[k] for k in ("equal", "rounding", "wrong")},
        programs_wrong=wrong,
        seconds=round(time.time() - began, 1),
    )


if __name__ == "__main__":
    main()
