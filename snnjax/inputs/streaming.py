"""Batches of events in an order that can be resumed, from more data than memory holds.

    data = ShdFile("ssc_train.h5")  # snnjax.datasets.sources; or any source of samples
    batches = stream(data, batch=64, width=8000, seed=0)

    def loss(weights, events, missing, number):
        events = shift(jax.random.fold_in(key, number), events, reach=40)
        counts = raster(merge(events, 5), steps=100, dt=10e-3).counts
        ...

    step = jax.jit(make_step(loss, optimizer))
    fit(step, state, lambda epoch: prefetch(batches.epoch(epoch)), ...)

What a batch holds depends on its number alone: ``fit`` resumes bit for bit, and a loop
of your own keeps ``get_state()``, plain JSON, beside its weights. All batches have one
shape, so nothing compiles twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike

from snnjax import check
from snnjax.datasets.sources import Sample, Source
from snnjax.events import Outside
from snnjax.events.columns import OUTSIDE
from snnjax.events.samples import single_times
from snnjax.inputs.batches import EventBatch, check_starts


class Batch(NamedTuple):
    """B samples, on the host until somebody takes them further."""

    events: EventBatch  # [B, K]
    missing: np.ndarray  # events of each sample that are not in it, int32, [B]
    number: np.ndarray  # of the batch, from the first epoch on; draws keys, int32


@dataclass(frozen=True)
class Stream:
    """Batches without end; an epoch is the stretch of them that begins in it."""

    batches: Any  # a grain.MapDataset, item k is batch k
    samples: int
    made_of: dict[str, Any]  # what the order depends on

    def epoch(self, number: int) -> "Batches":
        """Batches of one epoch: about ``samples / batch`` of them, all full.

        The last one goes on into the next epoch's order, so that over the epochs every
        sample comes equally often.

        Raises:
            ValueError: for a negative number.
        """
        check.whole("number", number, least=0)
        shard, shards = self.made_of["shard"]
        each = self.made_of["batch"] * shards
        first, last = (-(-k * self.samples // each) for k in (number, number + 1))
        part = self.batches[first * shards + shard : last * shards : shards]
        return Batches(part, self.made_of | {"epoch": number})

    def __iter__(self) -> "Batches":
        """Batches without end, from the first."""
        shard, shards = self.made_of["shard"]
        return Batches(self.batches[shard::shards], self.made_of)


class Batches:
    """An iterator over batches that can stop and go on elsewhere."""

    def __init__(self, batches: Any, made_of: dict[str, Any]):
        self._made_of = made_of
        self._iterator = iter(batches.to_iter_dataset(_grain().ReadOptions(0, 0)))

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        return next(self._iterator)

    def get_state(self) -> dict[str, Any]:
        """How far it has come, as JSON writes it."""
        return {**self._made_of, "grain": self._iterator.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes to where a state was taken, in this process or another.

        Raises:
            ValueError: for a state of other data, another order or another epoch.
        """
        theirs = {name: state.get(name) for name in sorted({*state, *self._made_of})}
        for name, held in theirs.items():
            ours = self._made_of.get(name)
            if name != "grain" and held != ours:
                raise ValueError(
                    f"The state is of batches with {name} {held}, here it is {ours}."
                )
        self._iterator.set_state(theirs["grain"])


def stream(
    source: Source | Sequence[Source],
    *,
    batch: int,
    width: int,
    seed: int = 0,
    outside: Outside = "error",
    shard: tuple[int, int] | None = None,
    start: ArrayLike | Literal["first"] = 0.0,
    resolution: float = 10e-6,
) -> Stream:
    """Shuffles samples into batches of one shape; anew in every epoch.

    Args:
        source: of samples, or several sources with the same units, one after another.
        batch: samples in a batch B, here, on one host.
        width: events that a sample has room for, K.
        seed: of the order.
        outside: what to do with a sample of more than ``width`` events; ``"drop"``
            leaves out the latest ones and counts them as ``missing``.
        shard: which part of how many this host reads; in a ``jax.distributed`` job
            that of this process if omitted, all elsewhere. Every host has as many
            batches as any other, and their numbers differ: together the k-th batches
            of n hosts, ``number // n``, are the k-th of one that reads n times as many.
        start: when samples begin [s], as of ``pad``: times leave the host relative to
            it, in single precision.
        resolution: the largest step that the latest event may have then [s].

    Returns:
        ``Stream``: ``epoch(k)`` for ``fit``, or batches without end.

    Raises:
        ImportError: without grain.
        ValueError: for numbers out of range, sources of different units, or fewer
            samples than are read at once, starts that ``pad`` refuses; while reading,
            for a sample that is long or too late for the resolution, naming it.
    """
    check.whole("batch", batch)
    check.whole("width", width)
    check.whole("seed", seed, least=0)
    check.one_of("outside", outside, OUTSIDE)
    if shard is None:
        joined = jax.distributed.is_initialized()
        shard = (jax.process_index(), jax.process_count()) if joined else (0, 1)
    if not isinstance(shard, tuple | list) or len(shard) != 2:
        raise ValueError(f"shard must be (which, of how many), got {shard!r}.")
    for part in shard:
        check.whole("Each number of shard", part, least=0)
    if not 0 <= shard[0] < shard[1]:
        raise ValueError(f"shard must be (which, of how many), got {shard}.")
    sources: list[Any] = [*source] if isinstance(source, list | tuple) else [source]
    for each in sources:
        check.fields("source", each, "n_units", "__len__", "__getitem__")
    units = sorted({each.n_units for each in sources})
    if len(units) != 1:
        raise ValueError(f"The sources must have the same units, got {units}.")
    samples = sum(map(len, sources))
    if batch * shard[1] > samples:
        raise ValueError(
            f"batch={batch} on each of {shard[1]} hosts is more than the {samples} "
            "samples."
        )

    check_starts(start, samples)
    check.positive("resolution", resolution, " [s]")

    def narrow(row, sample):
        row = row % samples
        begins = start if np.ndim(start) == 0 else np.asarray(start)[row]
        return _padded(sample, width, row, outside, begins, resolution)

    def pack(number, rows):
        times, units_, labels, missing = rows
        events = EventBatch(times, units_, labels, units[0])
        return Batch(events, missing, np.asarray(number, np.int32))

    maps = _grain().MapDataset
    rows = maps.concatenate([maps.source(each) for each in sources])
    order = int(np.random.SeedSequence(seed).generate_state(1)[0])
    rows = rows.map_with_index(narrow).shuffle(order).repeat(2**62 // samples)
    batches = rows.batch(batch).map_with_index(pack)
    made_of = {"samples": samples, "n_units": units[0], "batch": batch, "width": width}
    made_of |= {"seed": seed, "shard": list(shard), "start": np.asarray(start).tolist()}
    return Stream(batches, samples, made_of)


def _padded(
    sample: Sample,
    width: int,
    row: int,
    outside: Outside,
    start: ArrayLike | str,
    resolution: float,
) -> tuple:
    """Events of one sample with room for ``width``."""
    n = len(sample.times)
    if n > width and outside == "error":
        raise ValueError(
            f"row {row} has {n} events, more than the width of {width}. Make it wider, "
            "or leave out the latest with outside='drop'."
        )
    n = min(n, width)
    times = np.full(width, np.inf, np.float32)
    units = np.full(width, -1, np.int32)
    held = sample.times[:n], np.full(n, row)
    times[:n] = single_times(*held, start, resolution)
    units[:n] = sample.units[:n]
    missing = np.int32(sample.missing + len(sample.times) - n)
    return times, units, np.int32(sample.label), missing


def _grain():
    try:
        import grain
    except ImportError as error:
        raise ImportError(
            'A stream of data needs grain: pip install "snnjax[stream]".'
        ) from error
    return grain
