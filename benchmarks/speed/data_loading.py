"""Does loading data ever limit a training step?

    python -m benchmarks.speed.data_loading

The step is W2 of ``training_step.py``: 700 inputs that fire at 50 Hz, 250 steps,
batches of 64, 512 recurrent neurons. Its events come from memory, where they were laid
out once (``pad``, ``take``), or from an HDF5 file through grain (``stream``), read in a
thread before they are needed (``prefetch``); both become rasters inside ``jit``. Every
side runs a number of batches, from the first one read to the last result, in turns with
the others in one run. The file lies in the page cache: no disk is measured.

What is asked of a loader alone, and of a step that it feeds, was fixed before it ran:
see ``criteria``.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from benchmarks.criterion import Criterion, at_most, below
from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed.timing import interleave
from benchmarks.speed.training_step import BACKENDS, DT, speech
from snnjax.datasets import write_shd
from snnjax.datasets.sources import ShdFile
from snnjax.events import Events, from_rows
from snnjax.inputs.batches import pad, raster, take
from snnjax.inputs.prefetching import prefetch
from snnjax.inputs.streaming import stream
from snnjax.training import init_train_state, make_step

UNITS, RATE = 700, 50.0  # inputs, and how fast each fires [Hz]
ALONE = ("memory alone", "file alone")
FED = ("step fed from memory", "step fed from file")


class Size(NamedTuple):
    """How much is loaded."""

    steps: int = 250
    batch: int = 64
    hidden: int = 512
    samples: int = 512
    batches: int = 8  # in one run of a side
    repeats: int = 9


def recordings(size: Size) -> Events:
    """Poisson spikes of every input."""
    rng, seconds = np.random.default_rng(0), size.steps * DT
    counts = rng.poisson(UNITS * RATE * seconds, size.samples)
    times = [np.sort(rng.uniform(0, seconds, n).astype(np.float32)) for n in counts]
    units = [rng.integers(0, UNITS, n) for n in counts]
    return from_rows(times, units, rng.integers(0, 20, size.samples), n_units=UNITS)


def sides(size: Size, dtype: Any, folder: Path) -> dict[str, Callable[[], Any]]:
    """What is timed, each for a number of batches."""
    events = recordings(size)
    write_shd(folder / "a.h5", events, time_dtype=np.float32)
    width = int(np.diff(events.offsets).max())
    source = ShdFile(folder / "a.h5", n_units=UNITS)
    files = stream(source, batch=size.batch, width=width)
    data, rng = pad(events), np.random.default_rng(1)
    counted = partial(raster, steps=size.steps, dt=DT, dtype=dtype)

    def from_file():
        for batch, _, _ in prefetch(islice(files, size.batches)):
            yield (batch,)

    def from_memory():
        for _ in range(size.batches):
            yield data, rng.choice(size.samples, size.batch, replace=False)

    def chosen(batch, rows=None):
        return batch if rows is None else take(batch, rows)

    @jax.jit
    def load(*found):
        counts = counted(chosen(*found)).counts
        return counts, counts[0, 0, 0]

    net, _ = speech(1, size.hidden, BACKENDS[-1])

    def loss(weights, xs, labels):
        state, _ = snn.unroll(net, weights, xs, dt=DT)
        return snn.cross_entropy(state[-1], labels)

    def fed_loss(weights, *found):
        batch = chosen(*found)
        return loss(weights, counted(batch).counts, batch.labels)

    optimizer = optax.adam(1e-3)
    state = init_train_state(net.init(jax.random.key(2)), optimizer)
    step = jax.jit(make_step(loss, optimizer))
    fed = jax.jit(make_step(fed_loss, optimizer))
    batch = take(data, jnp.arange(size.batch))
    xs = jax.block_until_ready(counted(batch).counts)

    def train(function, batches):
        now = state
        for batch in batches():
            now, _ = function(now, *batch)
        jax.block_until_ready(now)

    def only_load(batches):
        for batch in batches():
            jax.block_until_ready(load(*batch))

    still = partial(train, step, lambda: [(xs, batch.labels)] * size.batches)
    found = {"step alone": still}
    for alone, with_step, batches in zip(
        ALONE, FED, (from_memory, from_file), strict=True
    ):
        found[alone] = partial(only_load, batches)
        found[with_step] = partial(train, fed, batches)
    return found


def measure(size: Size, dtype: Any) -> list[dict[str, Any]]:
    """Milliseconds for a batch of every side, and how they compare with the step."""
    with tempfile.TemporaryDirectory() as folder:
        times = interleave(sides(size, dtype, Path(folder)), size.repeats)
    rows = []
    for name, found in times.items():
        row = {"side": name, "raster": jnp.dtype(dtype).name, "repeats": size.repeats}
        for key in ("median_ms", "quartile_ms", "min_ms"):
            row[key] = round(found[key] / size.batches, 2)
        row["samples_per_s"] = round(1e3 * size.batch / row["median_ms"])
        ratio = found["median_ms"] / times["step alone"]["median_ms"]
        row["to_step"] = round(ratio, 3)
        emit(**row)
        tell(f"     {name:<24}{row['median_ms']:>9.1f} ms  {ratio:.3f} steps")
        rows.append(row)
    return rows


def criteria(rows: list[dict[str, Any]]) -> list[Criterion]:
    """Whether each loader keeps up with the step, alone and while it runs."""
    found = []
    for row in rows:
        name = f"{row['side']}, {row['raster']}: time over the step alone"
        if row["side"] in ALONE:
            found.append(below(name, row["to_step"], 1, digits=3))
        if row["side"] in FED:
            found.append(at_most(name, row["to_step"], 1.1, digits=3))
    return found


def sentence(kept: dict[str, Any]) -> str:
    """What was measured, in words."""
    rows = {(row["side"], row["raster"]): row for row in kept["rows"]}

    def told(side):
        found = (rows[side, dtype]["to_step"] for dtype in ("uint8", "float32"))
        return " and ".join(f"{ratio:.2f}" for ratio in found)

    alone, fed = map(told, ALONE), map(told, FED)
    return (
        f"With rasters of uint8 and of float32, loading takes {next(alone)} times as "
        f"long as the step from memory, {next(alone)} from a file; the step fed by it "
        f"takes {next(fed)} times as long as without, {next(fed)} from a file."
    )


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    size, rows = Size(), []
    for dtype in (jnp.uint8, jnp.float32):
        rows += measure(size, dtype)
    line = {"benchmark": "data_loading", **size._asdict(), "backend": BACKENDS[-1]}
    line |= {"rows": rows, "criteria": [c.row() for c in criteria(rows)], **machine()}
    (RESULTS / "data_loading.json").write_text(
        f"{json.dumps(line, indent=1)}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
