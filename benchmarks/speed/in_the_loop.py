"""What does training in the loop cost, and how long takes a chip?

    python -m benchmarks.speed.in_the_loop [--small]

Gradient steps with Adam of ``tasks.chip_task``'s network for MNIST (256-246-10, 20
bins, batch 100) from a recording, beside those of software; the same for a recurrent
layer (T 100, batch 64, 256 neurons). Then a hundred chips of distorted neurons, one
after another (``lax.map``) and at once (``vmap``); sixteen chips of the size of digits
(64-100-10, batch 64) trained in the loop in one program; and the emulated chip, by the
clock, since it is another process. Sides of one kind take turns in one run; what is
compared are times of the processors.
"""

import argparse
import json
import time
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from benchmarks.criterion import Criterion, at_most
from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed import training_step
from benchmarks.speed.timing import Program, interleave
from snnjax.hardware import distorted, emulated_chip, in_the_loop, show
from snnjax.networks import normal
from snnjax.tasks.chip import DT, STEPS
from snnjax.tasks.looped import chip_weights

TAU = 6e-6
BACKENDS = [each for each in training_step.BACKENDS if each != "scan"]  # XLA first


class Size(NamedTuple):
    inputs: int = 256
    hidden: int = 246
    batch: int = 100
    chips: int = 100
    trained: int = 16
    steps: int = 100  # of the recurrent layer
    neurons: int = 256
    repeats: int = 15


FULL, SMALL = Size(), Size(20, 16, 8, 4, 3, 12, 16, 2)
CLASSES = 10
TRAINED = "64-100-10, trained at once"


def layers(size: Size, backend: Any, recurrent: bool = False) -> snn.Cell:
    neurons = snn.LIFParams(TAU, TAU)
    n_in = size.neurons if recurrent else size.inputs
    n = size.neurons if recurrent else size.hidden
    hidden = snn.lif(n, neurons, backend=backend)
    draw = partial(normal, gain=2.0)
    if recurrent:
        layer = snn.recurrent(n_in, n, hidden, init=draw)
    else:
        layer = snn.chain(snn.dense(n_in, n, init=draw, backend=backend), hidden)
    out = snn.dense(n, CLASSES, init=partial(normal, gain=0.3), backend=backend)
    readout = snn.chain(out, snn.li(CLASSES, snn.LIParams(TAU, TAU)))
    return snn.chain(hidden=layer, out=readout)


def given(size: Size, recurrent: bool) -> tuple[jax.Array, jax.Array]:
    """Spikes and labels."""
    steps = size.steps if recurrent else STEPS
    n_in = size.neurons if recurrent else size.inputs
    shape = steps, size.batch, n_in
    spikes = jax.random.bernoulli(jax.random.key(1), 1.0 / steps, shape)
    labels = jax.random.randint(jax.random.key(2), shape[1:2], 0, CLASSES)
    return spikes.astype(jnp.float32), labels


def loss(ys: jax.Array, labels: jax.Array) -> jax.Array:
    return snn.cross_entropy(10.0 * snn.max_over_time(ys), labels)


def step_of(size: Size, backend: Any, *, recurrent: bool, looped: bool) -> Program:
    """A training step, in software or from a recording."""
    cell = layers(size, backend, recurrent)
    xs, labels = given(size, recurrent)
    weights, optimizer = cell.init(jax.random.key(0)), optax.adam(1e-3)
    chip = distorted(jax.random.key(3), layers(size, "xla", recurrent), 0.3)
    seen = jax.jit(partial(show, chip, dt=DT))(weights, xs) if looped else None

    def found(weights, xs, labels, seen):
        if seen is None:
            return loss(snn.unroll(cell, weights, xs, dt=DT)[1], labels)
        return loss(in_the_loop(cell, weights, xs, seen, dt=DT)[1], labels)

    def step(weights, opt_state, *batch):
        value, grads = jax.value_and_grad(found)(weights, *batch)
        change, opt_state = optimizer.update(grads, opt_state, weights)
        return value, optax.apply_updates(weights, change), opt_state

    return Program(step, weights, optimizer.init(weights), xs, labels, seen)


def training(size: Size) -> list[dict[str, Any]]:
    """From a recording against software, by who computes and how it is wired."""
    rows = []
    for recurrent in (False, True):
        work = "recurrent" if recurrent else "feed-forward"
        sides = {
            f"{name}, {backend}": partial(
                step_of, size, backend, recurrent=recurrent, looped=name != "software"
            )
            for backend in BACKENDS
            for name in ("software", "in the loop")
        }
        rows += _measured(work, sides, size.repeats, f"software, {BACKENDS[0]}")
    return rows


def on_chips(size: Size) -> list[dict[str, Any]]:
    """Accuracy on many chips, and many chips trained in the loop."""
    xs, labels = given(size, recurrent=False)

    def evaluate(backend, over, weights, keys, spread):
        cell = layers(size, backend)

        def hits(key):
            _, ys = snn.unroll(distorted(key, cell, spread), weights, xs, dt=DT)
            return snn.accuracy(snn.max_over_time(ys), labels)

        return over(hits, keys)

    def vmapped(hits, keys):
        return jax.vmap(hits)(keys)

    cell = layers(size, "xla")
    weights = cell.init(jax.random.key(0))
    keys = jax.random.split(jax.random.key(4), size.chips)
    sides = {
        f"{name}, {backend}": partial(
            Program, partial(evaluate, backend, over), weights, keys, 0.3
        )
        for name, over, backends in (
            ("one by one", jax.lax.map, BACKENDS),
            ("at once", vmapped, BACKENDS[:1]),
        )
        for backend in backends
    }
    rows = _measured("chips", sides, size.repeats, f"at once, {BACKENDS[0]}")
    digits = size._replace(
        inputs=min(64, size.inputs), hidden=min(100, size.hidden), batch=64
    )
    cell, (xs, labels) = layers(digits, "xla"), given(digits, recurrent=False)
    few = partial(_update_all, cell, xs, labels), cell.init(jax.random.key(0))
    trained = {TRAINED: partial(Program, *few, keys[: size.trained], 0.3)}
    return rows + _measured("chips", trained, size.repeats, TRAINED)


def _update_all(cell, xs, labels, weights, keys, spread):
    """Gradients in the loop of many chips."""

    def one(key):
        seen = show(distorted(key, cell, spread), weights, xs, dt=DT)

        def found(w):
            return loss(in_the_loop(cell, w, xs, seen, dt=DT)[1], labels)

        return jax.value_and_grad(found)(weights)

    return jax.vmap(one)(keys)


def emulator(size: Size) -> dict[str, Any]:
    """A batch on the emulated chip, with its way there and back."""
    xs = np.asarray(given(size, recurrent=False)[0], np.uint8)
    cell = layers(size, "xla")
    weights = [*map(np.asarray, chip_weights(cell.init(jax.random.key(0))))]
    sizes = size.inputs, size.hidden, CLASSES
    began = time.perf_counter()
    with emulated_chip(sizes, dt=DT) as chip:
        handle = chip.program(weights)
        start = time.perf_counter() - began
        inside = []

        def run():
            inside.append(chip.run(handle, xs, trial=0).notes["seconds_on_chip"])

        clock = interleave({"batch": run}, size.repeats)["batch"]
        host = interleave({"batch": run}, size.repeats, clock=time.process_time)
    row = {
        **{"work": "emulated chip", "start_s": round(start, 2), **clock},
        "host_ms": host["batch"]["median_ms"],
        "inside_ms": round(1e3 * float(np.median(inside)), 2),
    }
    emit(**row)
    tell(
        f"     emulated chip: {row['median_ms']} ms a batch by the clock, "
        f"{row['inside_ms']} of it inside, {row['host_ms']} of the host's processors"
    )
    return row


def _measured(work, sides, repeats, reference):
    programs = {name: make() for name, make in sides.items()}
    times = interleave(programs, repeats, clock=time.process_time)
    rows = []
    for name, program in programs.items():
        ratio = times[name]["median_ms"] / times[reference]["median_ms"]
        row = {
            **{"work": work, "side": name, "ratio": round(ratio, 3), **times[name]},
            "compile_s": round(program.compile_s, 2),
            "temp_mb": round(program.temp_mb, 2),
        }
        rows.append(row)
        emit(**row)
        tell(
            f"     {work:<14}{name:<24}{ratio:6.2f} of {reference}, "
            f"{row['temp_mb']:.1f} MiB, compiled in {row['compile_s']} s"
        )
    return rows


def criteria(rows: list[dict[str, Any]]) -> list[Criterion]:
    """Bounds, fixed before it ran."""
    at = {(row["work"], row.get("side")): row for row in rows}
    ours = at["feed-forward", f"in the loop, {BACKENDS[0]}"]["ratio"]
    held = [at_most("in the loop / software, feed-forward, XLA", ours, 1.3)]
    sixteen = at["chips", TRAINED]
    seconds = sixteen["compile_s"] + 88 * 1e-3 * sixteen["median_ms"]
    held.append(at_most("88 updates of sixteen chips, with compiling [s]", seconds, 20))
    return held


def measure(size: Size) -> list[dict[str, Any]]:
    """All rows."""
    return [*training(size), *on_chips(size), emulator(size)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="to see that it runs")
    small = parser.parse_args().small
    rows = measure(SMALL if small else FULL)
    if small:
        return
    line = {"rows": rows, "criteria": [c.row() for c in criteria(rows)], **machine()}
    (RESULTS / "in_the_loop.json").write_text(
        f"{json.dumps(line, indent=1)}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
