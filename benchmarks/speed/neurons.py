r"""What does each model of a neuron cost?

    MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=2147483648 \
        python -m benchmarks.speed.neurons

With these glibc keeps what a step frees, as for ``delays``.

Every neuron that ``snnjax.neurons`` exports, on the work of W2: T 100, batch 64, 140
inputs, 256 neurons; behind a dense connection, and in a recurrent layer if it spikes.
Forward alone and a training step (loss and gradients; weights are held), each timed
against ``lif`` by XLA in turns, in processor time. A step of dt costs the same whatever
dt is; neurons in SI units are run at 0.1 ms, the others at 1 ms.
Fixed before it ran: see ``BOUNDS``.
"""

import argparse
import inspect
import json
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from benchmarks.criterion import Criterion, at_most
from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed.timing import Program, interleave
from benchmarks.speed.training_step import BACKENDS, DT
from benchmarks.speed.wiring import Size, connection, same, spikes
from snnjax import neurons

Make = Callable[[int], snn.Cell]
LIF = "lif"
NATIVE: dict[str, Callable[..., snn.Cell]] = {
    "li, native": snn.li,
    "lif, native": snn.lif,
    "alif, native": snn.alif,
    "adlif, native": neurons.adlif,
}
SILENT = ("li", "li, native")  # put out voltages
BOUNDS = {  # of a training step in that of lif
    ("adlif", "recurrent"): 1.5,
    ("adlif", "feed-forward"): 2.5,
    ("resonate", "recurrent"): 2.0,
}


def excited(n: int) -> snn.Cell:
    """Conductances behind currents: all input is excitatory."""
    return snn.chain(neurons.onto(0, 3, n), neurons.conductance_lif(n))


def drawn(n: int) -> snn.Cell:
    return neurons.stochastic_lif(n, key=jax.random.key(0))


def by_xla(n: int) -> snn.Cell:
    return snn.lif(n, backend="xla")


OTHERWISE: dict[str, Make] = {  # what takes more than a number of neurons
    LIF: by_xla,
    "li": lambda n: snn.li(n, backend="xla"),
    "adlif": lambda n: neurons.adlif(n, backend="xla"),
    "alif": lambda n: neurons.alif(n, backend="xla"),
    "conductance_lif": excited,
    "stochastic_lif": drawn,
    "synaptic_scaling": lambda n: neurons.synaptic_scaling(n, by_xla(n)),
}


def exported() -> list[str]:
    """Names of the factories that ``snnjax.neurons`` exports, ``lif`` first."""
    found = []
    for name in neurons.__all__:
        value = getattr(neurons, name)
        if inspect.isfunction(value):
            signature = inspect.signature(value)
            makes = signature.return_annotation is snn.Cell
            if makes and next(iter(signature.parameters)) == "n":
                found.append(name)
    return sorted(found, key=lambda name: (name != LIF, name))


def models() -> dict[str, Make]:
    """How each is made; the native ones too where there is a compiler."""
    made = {k: OTHERWISE.get(k, getattr(neurons, k)) for k in exported()}
    if "native" in BACKENDS:
        for name, make in NATIVE.items():
            made[name] = partial(make, backend="native")
    return made


def wirings(name: str) -> tuple[str, ...]:
    return ("feed-forward",) if name in SILENT else ("feed-forward", "recurrent")


def network(make: Make, wiring: str, size: Size, backend: str = "xla") -> snn.Cell:
    n_in, n = size.inputs, size.neurons
    if wiring == "feed-forward":
        return snn.chain(connection(n_in, n, backend), make(n))
    return snn.recurrent(n_in, n, make(n), init=same, init_recurrent=same)


def step_of(name: str) -> float:
    """The dt at which it is run [s]: constants in SI units have a ``unit``."""
    params = inspect.signature(getattr(neurons, name.split(",")[0])).parameters
    given = params["params"].default if "params" in params else None
    return 0.1 * DT if hasattr(given, "unit") else DT


def work(name: str, make: Make, wiring: str, size: Size) -> tuple[Any, ...]:
    """A loss, and its arguments."""
    backend = "native" if name in NATIVE else "xla"
    net, dt = network(make, wiring, size, backend), step_of(name)

    def loss(weights, xs):
        return jnp.mean(snn.unroll(net, weights, xs, dt=dt)[1] ** 2)

    return loss, net.init(jax.random.key(1)), spikes(size)


def programs(name: str, make: Make, wiring: str, size: Size) -> dict[str, Program]:
    """Forward alone, and with gradients."""
    loss, *given = work(name, make, wiring, size)
    return {
        "forward": Program(loss, *given),
        "training": Program(jax.value_and_grad(loss), *given),
    }


def measure(
    size: Size = Size(),
    seconds: float = 12.0,
    only: Collection[str] = (),
    clock: Callable[[], float] = time.process_time,
) -> list[dict[str, Any]]:
    """A row for each model, wiring, and direction; about so many seconds for each."""
    rows, made = [], models()
    lif = {w: programs(LIF, made[LIF], w, size) for w in wirings(LIF)}
    for name in only or made:
        for wiring in wirings(name):
            found = programs(name, made[name], wiring, size)
            for kind, program in found.items():
                sides = {"lif": lif[wiring][kind], "model": program}
                row = {"model": name, "wiring": wiring, "kind": kind}
                row |= _measured(sides, size.repeats, seconds, clock)
                rows.append(row)
                emit(**row)
                tell(
                    f"     {name:<18}{wiring:<14}{kind:<10}{row['ratio']:7.2f} "
                    f"({row['model_median_ms']:.0f} ms, {row['temp_mb']:.0f} MB)"
                )
    return rows


def _measured(sides, most, seconds, clock):
    began = time.perf_counter()
    for run in sides.values():
        run()
    once = time.perf_counter() - began
    repeats = int(np.clip(seconds / once, min(most, 5), most))
    times = interleave(sides, repeats, warmup=1, clock=clock)
    return {
        "ratio": round(times["model"]["median_ms"] / times["lif"]["median_ms"], 3),
        "least_ratio": round(times["model"]["min_ms"] / times["lif"]["min_ms"], 3),
        **{f"{side}_{key}": ms for side in times for key, ms in times[side].items()},
        "compile_s": round(sides["model"].compile_s, 2),
        "temp_mb": round(sides["model"].temp_mb, 1),
    }


def replaced(
    before: list[dict[str, Any]], now: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rows of before, those of the models that were measured now in their place.

    Each is timed against ``lif`` in turns of its own, so rows of several runs compare.
    """
    again = {row["model"] for row in now}
    return [row for row in before if row["model"] not in again] + now


def criteria(rows: list[dict[str, Any]]) -> list[Criterion]:
    """Whether training steps cost no more than they may."""
    found = {(r["model"], r["wiring"]): r for r in rows if r["kind"] == "training"}
    return [
        at_most(f"{name} / lif, training step, {wiring}", found[key]["ratio"], bound)
        for key, bound in BOUNDS.items()
        for name, wiring in [key]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=Size().repeats)
    parser.add_argument("--seconds", type=float, default=12.0, help="for each row")
    only = "models, in whose place rows are kept; those of the others stay"
    parser.add_argument("--only", nargs="*", default=[], help=only)
    given = parser.parse_args()
    rows = measure(Size(repeats=given.repeats), given.seconds, given.only)
    kept = RESULTS / "neurons.json"
    if given.only:
        rows = replaced(json.loads(kept.read_text(encoding="utf-8"))["rows"], rows)
    line = {"rows": rows, "criteria": [c.row() for c in criteria(rows)], **machine()}
    kept.write_text(f"{json.dumps(line, indent=1)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
