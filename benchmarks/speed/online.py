"""What does it cost to learn while time runs, against backpropagation through time?

    python -m benchmarks.speed.online [--small]

One training step with Adam on the work of W2: T 1000, 700 inputs, batch 64, a recurrent
layer of 128 LIF neurons that reset by subtraction, 20 leaky readouts, a cross-entropy
of every step. Times are of the processors, so that a busy machine decides less; all
sides take turns in one run. Beside, with T 200, what rules cost that keep a trace for
each synapse, and ``rtrl`` on 32 units. Fixed before it ran: see ``criteria``.
"""

import argparse
import json
import time
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import snnjax as snn
from benchmarks.criterion import Criterion, at_least, at_most
from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed.timing import Program, interleave
from benchmarks.speed.training_step import BACKENDS, DT, PARAMS, draw, raster
from snnjax.learning.online import (
    factored,
    gradients,
    per_unit,
    rtrl,
    stack,
    truncated,
)


class Size(NamedTuple):
    steps: int = 1000
    batch: int = 64
    inputs: int = 700
    neurons: int = 128
    repeats: int = 9


FULL, SMALL = Size(), Size(40, 4, 30, 16, 2)
OUTPUTS = 20


def loss(y, labels):
    picked = jnp.take_along_axis(jax.nn.log_softmax(y), labels[:, None], axis=-1)
    return -jnp.mean(picked)


def layers(size, backend, reset="subtract", **options):
    neuron = snn.lif(size.neurons, PARAMS, reset=reset, backend=backend)
    init = {"init": draw(0.6), "init_recurrent": draw(0.6)}
    hidden = snn.recurrent(size.inputs, size.neurons, neuron, **init, **options)
    output = snn.chain(
        snn.dense(size.neurons, OUTPUTS, init=draw(0.6), backend=backend),
        snn.li(OUTPUTS),
    )
    return hidden, output


def task(size):
    labels = jax.random.randint(jax.random.key(1), (size.batch,), 0, OUTPUTS)
    told = jnp.broadcast_to(labels, (size.steps, size.batch))
    return raster(size.steps, size.batch, size.inputs), told


def step_of(found, cell, size):
    """A training step: value, gradient, and new weights, which are not fed back."""
    weights, optimizer = cell.init(jax.random.key(2)), optax.adam(1e-3)

    def step(weights, opt_state, xs, told):
        value, grads = found(weights, xs, told)
        change, opt_state = optimizer.update(grads, opt_state, weights)
        return value, optax.apply_updates(weights, change), opt_state

    return Program(step, weights, optimizer.init(weights), *task(size))


def through_time(size, backend):
    cell = snn.chain(*layers(size, backend))

    def total(weights, xs, told):
        return jnp.sum(jax.vmap(loss)(snn.unroll(cell, weights, xs, dt=DT)[1], told))

    return step_of(jax.value_and_grad(total), cell, size)


def by_rule(make, block, size, backend, **options):
    """Both layers of a network by the same rule."""
    hidden, output = layers(size, backend, **options)
    rule = stack(make(hidden), make(output))

    def found(weights, xs, told):
        return gradients(rule, weights, xs, loss, told, dt=DT, block=block)[:2]

    return step_of(found, snn.chain(hidden, output), size)


def e_prop(block, size, backend):
    return by_rule(factored, block, size, backend, recurrent_gradient=False)


def block_truncated(block, size, backend):
    return by_rule(truncated, block, size, backend)


def recurrent_alone(size, block=None):
    """``rtrl`` on one recurrent layer, or backpropagation without a block."""
    hidden, _ = layers(size, "xla")

    def of_step(y, told):
        return jnp.mean(y**2) + 0.0 * jnp.sum(told)

    def found(weights, xs, told):
        rule = truncated(hidden) if block is None else rtrl(hidden)
        length = size.steps if block is None else block
        return gradients(rule, weights, xs, of_step, told, dt=DT, block=length)[:2]

    return step_of(found, hidden, size)


def on_w2(size: Size) -> list[dict[str, Any]]:
    """Rules whose traces factor, against backpropagation through time."""
    native = BACKENDS[-1]
    sides = {
        "BPTT": partial(through_time, size, "xla"),
        "factored, c = 1": partial(e_prop, 1, size, "xla"),
        "factored, c = 10": partial(e_prop, 10, size, "xla"),
        "factored, c = 20": partial(e_prop, 20, size, "xla"),
        "truncated, c = 20": partial(block_truncated, 20, size, "xla"),
    }
    if native == "native":
        sides["BPTT, native"] = partial(through_time, size, native)
        sides["factored, c = 10, native"] = partial(e_prop, 10, size, native)
    return _measured("W2", sides, size.repeats)


def by_synapse(size: Size) -> list[dict[str, Any]]:
    """Neurons that reset to zero: a trace for each synapse and sample."""
    without = {"recurrent_gradient": False, "reset": "zero"}
    sides = {"BPTT": partial(through_time, size, "xla")}
    for block in (1, 10, 25):
        make = partial(by_rule, per_unit, block, size, "xla", **without)
        sides[f"per_unit, c = {block}"] = make
    return _measured("by synapse", sides, max(2, size.repeats // 3))


def whole_influence(size: Size) -> list[dict[str, Any]]:
    """``rtrl``, which costs less in blocks."""
    sides = {"BPTT": partial(recurrent_alone, size)}
    for block in (1, 8, 32):
        sides[f"rtrl, c = {block}"] = partial(recurrent_alone, size, block)
    return _measured("rtrl", sides, max(2, size.repeats // 3))


def _measured(work, sides, repeats):
    programs = {name: make() for name, make in sides.items()}
    times = interleave(programs, repeats, warmup=1, clock=time.process_time)
    whole, rows = programs["BPTT"], []
    for name, program in programs.items():
        of_time = times[name]["median_ms"] / times["BPTT"]["median_ms"]
        row = {
            "work": work,
            "side": name,
            "of_time": round(of_time, 3),
            "of_memory": round(program.temp_mb / whole.temp_mb, 4),
            **times[name],
            "compile_s": round(program.compile_s, 2),
            "temp_mb": round(program.temp_mb, 2),
        }
        rows.append(row)
        emit(**row)
        tell(
            f"     {work:<12}{name:<26}{of_time:7.2f} of BPTT's time, "
            f"{row['of_memory']:8.4f} of its memory"
        )
    return rows


def criteria(rows: list[dict[str, Any]]) -> list[Criterion]:
    """Bounds in parts of what backpropagation through time takes."""
    at = {(row["work"], row["side"]): row for row in rows}
    w2 = lambda side, key: at["W2", side][key]  # noqa: E731
    one, ten, twenty = (f"factored, c = {c}" for c in (1, 10, 20))
    held = [
        at_most(f"memory of {one}", w2(one, "of_memory"), 0.01),
        at_most(f"memory of {ten}", w2(ten, "of_memory"), 0.04),
        at_most(f"time of {one}", w2(one, "of_time"), 2.2),
        at_most(f"time of {twenty}", w2(twenty, "of_time"), 1.0),
        at_most(
            f"{twenty} / truncated",
            w2(twenty, "median_ms") / w2("truncated, c = 20", "median_ms"),
            1.2,
        ),
        at_least(
            "rtrl, c = 1 / c = 32",
            at["rtrl", "rtrl, c = 1"]["median_ms"]
            / at["rtrl", "rtrl, c = 32"]["median_ms"],
            8.0,
        ),
    ]
    native = "factored, c = 10, native"
    if ("W2", native) in at:
        held.append(at_most(f"time of {native}", w2(native, "of_time"), 0.5))
    return held


def measure(size: Size) -> list[dict[str, Any]]:
    """All rows."""
    shorter = size._replace(steps=max(25, size.steps // 5))
    few = size._replace(steps=max(32, size.steps // 4), batch=1, neurons=32)
    return [*on_w2(size), *by_synapse(shorter), *whole_influence(few)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="to see that it runs")
    given = parser.parse_args()
    rows = measure(SMALL if given.small else FULL)
    if given.small:
        return
    line = {"rows": rows, "criteria": [c.row() for c in criteria(rows)], **machine()}
    (RESULTS / "online.json").write_text(
        f"{json.dumps(line, indent=1)}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
