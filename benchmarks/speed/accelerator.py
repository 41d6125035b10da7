"""What does a training step cost on the accelerator that is here?

    python -m benchmarks.speed.accelerator [--minutes 8] [--sizes W2/100/64/256 …]

W1: a dense layer of leaky neurons, all spikes summed. W2: 700 inputs, a recurrent
layer, 20 readouts. Sizes are T/batch/hidden; the input of W1 is as wide as the layer. A
step is loss, gradients and Adam's new weights, from the same weights at each repeat:

  by hand, by hand x8   ``lax.scan`` of plain code, 1 or 8 steps a turn of its loop
  xla                   the library's rule for a layer
  native                the C++ kernels, on CPUs

All take turns on the same data. Of one more call of each a profile is read: how many
kernels it starts, for how long none of them runs (``launching``, the share of a step
that launching and waiting take), and which take longest; ``--profile`` keeps what
TensorBoard and Perfetto open. A CPU starts no kernels: these are null. ``off`` is how
far gradients are from those by hand, in units of their largest. A GPU multiplies
float32 in TensorFloat-32 unless told otherwise (``JAX_DEFAULT_MATMUL_PRECISION``): sums
differ in the fourth digit, and a voltage at threshold may fall on its other side.

The most telling sizes come first, and each is kept as it is done. One that would not
fit into the minutes is left out, which is said; when they are over the process ends.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed import hand_written
from benchmarks.speed.hand_written import DT, Weights
from benchmarks.speed.timing import Program, interleave
from snnjax.files import atomic
from snnjax.kernels import build
from snnjax.learning import running_max
from snnjax.networks import ClosedWeights, DenseWeights

SIZES = (
    *("W2/100/64/256", "W2/250/64/512", "W1/500/16/1024", "W2/1000/64/256"),
    *("W2/250/64/1024", "W1/500/16/4096", "W2/250/64/2048", "W2/1000/64/4096"),
)
BY_HAND = {"by hand": 1, "by hand x8": 8}
PARAMS = snn.LIFParams(hand_written.TAU_MEM, hand_written.TAU_SYN)
OPTIMIZER = optax.adam(1e-3)
CLASSES = 20
Loss = Callable[[Weights, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


class Size(NamedTuple):
    """A workload."""

    work: str
    steps: int
    batch: int
    hidden: int

    @property
    def inputs(self) -> int:
        return self.hidden if self.work == "W1" else 700

    def __str__(self) -> str:
        return "/".join(map(str, self))


def read(text: str) -> Size:
    """A size as it is written, ``W2/100/64/256``.

    Raises:
        ValueError: for another workload, or numbers that are none above zero.
    """
    work, *numbers = text.split("/")
    whole = all(number.isdecimal() and int(number) > 0 for number in numbers)
    if work not in ("W1", "W2") or len(numbers) != 3 or not whole:
        raise ValueError(f"a size is W1/T/batch/hidden or W2/…, got {text!r}")
    return Size(work, *map(int, numbers))


def drawn(size: Size) -> tuple[Weights, jax.Array, jax.Array]:
    """Weights that make neurons fire, input spikes and labels."""
    keys = jax.random.split(jax.random.key(0), 5)
    draw = lambda key, n, m, by: by * jax.random.normal(key, (n, m)) / n**0.5  # noqa: E731
    w = draw(keys[0], size.inputs, size.hidden, 5.0)
    r = draw(keys[1], size.hidden, size.hidden, 1.0)
    out = draw(keys[2], size.hidden, CLASSES, 1.0)
    shape = size.steps, size.batch, size.inputs
    xs = (jax.random.uniform(keys[3], shape) < 0.05).astype(jnp.float32)
    labels = jax.random.randint(keys[4], (size.batch,), 0, CLASSES)
    return Weights(w) if size.work == "W1" else Weights(w, r, out), xs, labels


def by_library(size: Size, backend: Any) -> Loss:
    """The loss, and which share of neurons fires, by a backend."""
    n = size.hidden
    dense = lambda n_in, n: snn.dense(n_in, n, backend=backend)  # noqa: E731
    neuron, below = snn.lif(n, PARAMS, backend=backend), dense(size.inputs, n)
    looped = snn.recurrent(neuron, dense(n, n))
    readout = snn.li(CLASSES, backend=backend), running_max(CLASSES)
    out = snn.chain(dense(n, CLASSES), *readout)
    wired = lambda w: DenseWeights(w, None)  # noqa: E731

    def loss(weights, xs, labels):
        _, currents = snn.unroll(below, wired(weights.w), xs, dt=DT)
        if weights.r is None:
            _, spikes = snn.unroll(neuron, (), currents, dt=DT)
            return spikes.sum(), spikes.mean()
        inside = ClosedWeights((), wired(weights.r))
        _, spikes = snn.unroll(looped, inside, currents, dt=DT)
        state, _ = snn.unroll(out, (wired(weights.out), (), ()), spikes, dt=DT)
        return snn.cross_entropy(state[-1], labels), spikes.mean()

    return loss


def sides(size: Size, backends: Sequence[str]) -> dict[str, Loss]:
    """The loss of each side."""
    found: dict[str, Loss] = {
        name: lambda w, x, y, k=k: hand_written.loss(w, x, y, unroll=k)
        for name, k in BY_HAND.items()
    }
    return found | {each: by_library(size, each) for each in backends}


class Stepped(NamedTuple):
    """What a step computes."""

    weights: Weights
    opt_state: Any
    grads: Weights
    loss: jax.Array
    rate: jax.Array


def step_of(loss: Loss) -> Callable[..., Stepped]:
    """An update by Adam."""

    def step(weights, opt_state, xs, labels):
        graded = jax.value_and_grad(loss, has_aux=True)
        (value, rate), grads = graded(weights, xs, labels)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes counts with floats
            updates, opt_state = OPTIMIZER.update(grads, opt_state, weights)
        weights = optax.apply_updates(weights, updates)
        return Stepped(weights, opt_state, grads, value, rate)

    return step


def off(found: Weights, wanted: Weights) -> float:
    """How far gradients are from others, in units of the largest; NaN stays."""
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True)
    return float(np.max([abs(a - b).max() / abs(b).max() for a, b in pairs]))


class Profile(NamedTuple):
    """Of one call on an accelerator."""

    kernels: int
    busy_ms: float  # while at least one of them runs
    longest: dict[str, float]  # milliseconds of the kernels that take most, by name


def profiled(run: Callable[[], Any], folder: Path) -> Profile | None:
    """What a device did; None if it has no kernels to start, as a CPU."""
    with jax.profiler.trace(str(folder)):
        run()
    path = max(folder.rglob("*.xplane.pb"), key=lambda each: each.stat().st_mtime)
    planes = jax.profiler.ProfileData.from_file(str(path)).planes
    return summed([*kernels(planes)])


def kernels(planes: Any) -> Iterator[tuple[str, float, float]]:
    """Name, begin and end [ns] of each kernel in what the profiler recorded."""
    for plane in planes:
        if not plane.name.startswith("/device:"):
            continue
        for line in plane.lines:
            if line.name.startswith(("Stream", "XLA Ops")):
                for event in line.events:
                    yield event.name, event.start_ns, event.start_ns + event.duration_ns


def summed(found: Sequence[tuple[str, float, float]]) -> Profile | None:
    """Kernels together."""
    if not found:
        return None
    each: Counter[str] = Counter()
    for name, begin, end in found:
        each[name] += end - begin
    longest = {name: round(ns / 1e6, 3) for name, ns in each.most_common(5)}
    busy = covered([(begin, end) for _, begin, end in found])
    return Profile(len(found), busy / 1e6, longest)


def covered(spans: Sequence[tuple[float, float]]) -> float:
    """Length of what some spans cover together."""
    total, reached = 0.0, -np.inf
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def measure(
    size: Size, backends: Sequence[str], repeats: int, folder: Path
) -> list[dict[str, Any]]:
    """A row for each side."""
    weights, xs, labels = drawn(size)
    given = weights, OPTIMIZER.init(weights), xs, labels
    losses = sides(size, backends)
    programs = {name: Program(step_of(loss), *given) for name, loss in losses.items()}
    times, rows = interleave(programs, repeats), []
    wanted = programs["by hand"]().grads
    for name, program in programs.items():
        found = program()
        row = {"size": str(size), "side": name, **times[name]}
        row["us_a_step"] = round(1e3 * row["min_ms"] / size.steps, 2)
        for key in ("min_ms", "quartile_ms"):
            row[f"by_hand_{key}"] = round(times["by hand"][key] / row[key], 2)
        row |= launches(profiled(program, folder / f"{size}/{name}"), row["min_ms"])
        row["compile_s"] = round(program.compile_s, 2)
        row["temp_mb"] = round(program.temp_mb, 1)
        row |= {"loss": float(found.loss), "rate": float(found.rate)}
        row["off"] = off(found.grads, wanted)
        emit(**row)
        tell(line_of(row))
        rows.append(row)
    return rows


def launches(found: Profile | None, ms: float) -> dict[str, Any]:
    """What a profile says of a step of so many milliseconds."""
    if found is None:
        return {"kernels": None, "launching": None, "longest_ms": None}
    waits = round(max(0.0, 1.0 - found.busy_ms / ms), 3)
    return {"kernels": found.kernels, "launching": waits, "longest_ms": found.longest}


def line_of(row: dict[str, Any]) -> str:
    """A row for people."""
    waits = "–" if row["launching"] is None else f"{row['launching']:.0%}"
    started = "–" if row["kernels"] is None else row["kernels"]
    return (
        f"{row['size']:<18}{row['side']:<12}{row['min_ms']:>10.2f} ms"
        f"{row['us_a_step']:>9.1f} us a step{row['by_hand_min_ms']:>7.2f} x by hand"
        f"{started:>8} kernels, launching {waits:>4}  off {row['off']:.0e}"
    )


def here() -> list[str]:
    """Backends of this machine."""
    native = jax.default_backend() == "cpu" and not build.load()
    return ["xla", *(["native"] if native else [])]


@contextmanager
def at_most(minutes: float) -> Iterator[None]:
    """Ends the process, whatever it does, when the minutes are over."""

    def end():
        tell(f"{minutes:g} minutes are over; what was measured is kept")
        os._exit(0)

    watch = threading.Timer(60.0 * minutes, end)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def run(
    sizes: Sequence[Size],
    backends: Sequence[str],
    *,
    repeats: int,
    minutes: float,
    out: Path,
    profiles: Path,
) -> list[dict[str, Any]]:
    """Measures sizes while there is time, and keeps the rows of each at once."""
    began, longest, rows = time.monotonic(), 0.0, []
    left_out: list[str] = []
    for size in sizes:
        spent = time.monotonic() - began
        if spent + 1.5 * longest > 60.0 * minutes:
            left_out.append(str(size))
            continue
        rows += measure(size, backends, repeats, profiles)
        longest = max(longest, time.monotonic() - began - spent)
        kept = {"benchmark": "accelerator", "rows": rows, **machine()}
        with atomic(out) as new:
            new.write_text(f"{json.dumps(kept, indent=1)}\n", encoding="utf-8")
    if left_out:
        tell(f"left out for want of time: {', '.join(left_out)}")
    return rows


def main(args: list[str] | None = None) -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = {"nargs": "+", "type": read, "metavar": "W/T/BATCH/HIDDEN"}
    parser.add_argument("--sizes", default=[*map(read, SIZES)], **sizes)
    parser.add_argument("--backends", nargs="+", choices=("xla", "native"))
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--out", type=Path, default=RESULTS / "accelerator.json")
    parser.add_argument("--profile", type=Path, metavar="FOLDER", help="is kept there")
    given = parser.parse_args(args)
    with at_most(given.minutes), tempfile.TemporaryDirectory() as folder:
        run(
            given.sizes,
            here() if given.backends is None else given.backends,
            repeats=given.repeats,
            minutes=given.minutes,
            out=given.out,
            profiles=given.profile or Path(folder),
        )


if __name__ == "__main__":
    main()
