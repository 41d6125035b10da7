"""From events to batches of rasters, on the device and inside ``jit``.

A data set goes to the device once, as events (``pad``), which takes a hundredth of the
memory of its rasters. Every step then gathers its samples, changes them at random, and
counts them in bins:

    def rasters(key, rows):
        shifted, jittered = jax.random.split(key)
        batch = take(data, rows)
        batch = shift(shifted, batch, reach=40)
        batch = jitter(jittered, batch, time=5e-3)
        return raster(merge(batch, 5), steps=100, dt=10e-3).counts

All are pure functions; those that draw take a key. Nothing disappears unseen: what a
raster does not hold is counted beside it.

Rasters can be kept as well, a byte for a count (``raster(dtype=uint8)``) or a bit for a
spike (``pack``); connections read bytes and ``unpack`` as they are.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from snnjax import check
from snnjax.check import Number
from snnjax.events import Events
from snnjax.events.columns import check_events
from snnjax.events.rounding import forgiven
from snnjax.events.samples import single_times

__all__ = [
    "EventBatch",
    "Raster",
    "blend",
    "jitter",
    "merge",
    "pack",
    "pad",
    "raster",
    "shift",
    "take",
    "unpack",
]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["times", "units", "labels"],
    meta_fields=["n_units"],
)
@dataclass(frozen=True)
class EventBatch:
    """Events of N samples side by side; the last places of short ones are empty."""

    times: jax.Array  # [s] from its start, float32, +∞ where empty, [N, K]
    units: jax.Array  # int32, -1 where empty, [N, K]
    labels: jax.Array  # int32, [N]
    n_units: int


_FAR = 1e6  # standard deviations beyond this are taken for a mistake


class Raster(NamedTuple):
    """Events counted in bins."""

    counts: jax.Array  # [T, N, n_units]
    missing: jax.Array  # events of each sample that are not in it, int32, [N]


def pad(
    events: Events,
    *,
    start: ArrayLike | Literal["first"] = 0.0,
    resolution: float = 10e-6,
) -> EventBatch:
    """Puts a data set side by side, as wide as its longest sample; nothing is dropped.

    Times leave the host in single precision and relative to the start of each sample.

    Args:
        events: of N samples.
        start: when samples begin [s], one number or ``[N]``, in the time of their
            events; ``"first"``: with their first event. Needed where times are those of
            a clock, such as a camera's.
        resolution: the largest step between numbers in single precision that the latest
            event may have [s]; 10 µs are kept up to 128 s.

    Returns:
        Events of N samples on the device.

    Raises:
        ValueError: naming a sample with an event before its start, or too late for the
            resolution; starts of another number or not finite; what is no ``Events``.

    Example:
        >>> from snnjax.inputs import batches
        >>> times, units = [[1e-3, 3e-3], [2e-3]], [[0, 1], [2]]
        >>> events = snn.events.from_rows(times, units, [0, 1], n_units=3)
        >>> batch = batches.pad(events)
        >>> print(batch.units)
        [[ 0  1]
         [ 2 -1]]
    """
    check_events(events, values=True)
    lengths = np.diff(events.offsets)
    n, k = len(lengths), int(lengths.max(initial=0))
    check_starts(start, n)
    sample = np.repeat(np.arange(n), lengths)
    times = np.full((n, k), np.inf, np.float32)
    units = np.full((n, k), -1, np.int32)
    filled = np.arange(k) < lengths[:, None]
    times[filled] = single_times(events.times, sample, start, resolution)
    units[filled] = events.units
    labels = jnp.asarray(events.labels, jnp.int32)
    return EventBatch(jnp.asarray(times), jnp.asarray(units), labels, events.n_units)


def check_starts(start: Any, n: int) -> None:
    """Refuses starts that are neither a word, one number nor one for each sample.

    Raises:
        ValueError: with the shape that came.
    """
    if not isinstance(start, str) and np.shape(start) not in ((), (n,)):
        raise ValueError(
            f"start must be 'first', one number or one for each of {n} samples, got "
            f"shape {np.shape(start)}."
        )


def take(batch: EventBatch, rows: jax.Array) -> EventBatch:
    """Some samples, ``rows [B]``, in the order asked for.

    Raises:
        ValueError: for rows that there are not, where they are known.

    Example:
        >>> from snnjax.inputs import batches
        >>> times, units = [[1e-3, 3e-3], [2e-3]], [[0, 1], [2]]
        >>> events = snn.events.from_rows(times, units, [0, 1], n_units=3)
        >>> batch = batches.take(batches.pad(events), jnp.array([1, 0, 1]))
        >>> print(batch.labels)
        [1 0 1]
    """
    _check_batch("batch", batch)
    check.array("rows", rows, "[B]")
    known, n = check.concrete(rows), batch.labels.shape[0]
    whole = jnp.issubdtype(rows.dtype, jnp.integer)
    if not whole or (known is not None and not ((known >= -n) & (known < n)).all()):
        raise ValueError(f"rows must be whole numbers, 0 … {n - 1}, got {rows}.")
    return jax.tree.map(lambda part: part[rows], batch)


def shift(key: jax.Array, batch: EventBatch, *, reach: int) -> EventBatch:
    """Moves each sample along the units, by one whole number from -reach to reach.

    Events that leave the units count as ``missing`` in a raster.

    Args:
        key: randomness.
        batch: of N samples.
        reach: the furthest move, in units.

    Raises:
        ValueError: for a negative reach, or a key of another kind.
    """
    check.key(key)
    _check_batch("batch", batch)
    check.whole("reach", reach, least=0, most=2**30)
    n = batch.units.shape[0]
    by = jax.random.randint(key, (n, 1), -reach, reach + 1, jnp.int32)
    return _moved(batch, batch.units + by)


def jitter(
    key: jax.Array, batch: EventBatch, *, time: Number = 0.0, unit: Number = 0.0
) -> EventBatch:
    """Moves every event a little, by normal noise, in time and along the units.

    Along the units it is rounded to whole ones. Events that leave the units or move
    before time 0 count as ``missing`` in a raster.

    Args:
        key: randomness.
        batch: of N samples.
        time: standard deviation [s].
        unit: standard deviation, in units.

    Raises:
        ValueError: for a standard deviation that is negative or above 10⁶, or a key of
            another kind.
    """
    check.key(key)
    _check_batch("batch", batch)
    for name, value in (("time", time), ("unit", unit)):
        check.between(name, value, 0.0, _FAR)
        check.one(name, value)
    key_time, key_unit = jax.random.split(key)
    dtype = batch.times.dtype
    by = unit * jax.random.normal(key_unit, batch.units.shape, dtype)
    late = time * jax.random.normal(key_time, batch.times.shape, dtype)
    moved = _moved(batch, batch.units + jnp.round(by).astype(jnp.int32))
    return replace(moved, times=batch.times + late.astype(dtype))


def merge(batch: EventBatch, by: int) -> EventBatch:
    """Lets ``by`` neighbouring units share one.

    Raises:
        ValueError: for a number that does not divide the units.
    """
    _check_batch("batch", batch)
    check.whole("by", by)
    if batch.n_units % by:
        raise ValueError(f"by={by} does not divide {batch.n_units} units.")
    inside = _inside(batch)
    units = jnp.where(inside, batch.units // by, batch.units)
    beyond = batch.units >= batch.n_units  # stays beyond the fewer units
    return replace(
        batch,
        units=jnp.where(beyond, batch.n_units // by, units),
        n_units=batch.n_units // by,
    )


def blend(key: jax.Array, first: EventBatch, second: EventBatch) -> EventBatch:
    """A new sample of each pair: every event of either stays with probability 1/2.

    Pairs should be of one class; the label is that of the first. The second is moved in
    time so that both have their middle event at one time (Nowotny, Turner & Knight
    2022, doi:10.48550/arXiv.2212.01232).

    Args:
        key: randomness.
        first: of N samples.
        second: of as many.

    Returns:
        N samples, with room for the events of both.

    Raises:
        ValueError: for another number of samples or units.
    """
    check.key(key)
    _check_batch("first", first)
    _check_batch("second", second)
    if first.labels.shape != second.labels.shape or first.n_units != second.n_units:
        raise ValueError(
            f"Batches of {first.labels.shape} samples and {first.n_units} units do not "
            f"blend with {second.labels.shape} and {second.n_units}."
        )
    by = _middle(first) - _middle(second)
    by = jnp.where(jnp.isfinite(by), by, 0.0)
    times = jnp.concatenate([first.times, second.times + by[:, None]], axis=1)
    units = jnp.concatenate([first.units, second.units], axis=1)
    stays = jax.random.bernoulli(key, 0.5, times.shape)
    return replace(
        first, times=jnp.where(stays, times, jnp.inf), units=jnp.where(stays, units, -1)
    )


def raster(
    batch: EventBatch, *, steps: int, dt: Number, dtype: jnp.dtype = jnp.float32
) -> Raster:
    """Counts events in bins of ``dt`` seconds.

    A time on the edge of two bins opens the later one, as by
    ``snnjax.events.rasterize``: a millionth of a bin is forgiven, and the rounding to
    single precision.

    Args:
        batch: of N samples.
        steps: number of bins T.
        dt: width of a bin [s].
        dtype: of the counts. ``uint8`` and ``bool`` take a quarter of the memory, and
            connections read them as they are; a count above 255, or above one, stops
            there and the rest is missing. So it does where a narrow floating-point type
            ends to tell whole numbers apart, ``bfloat16`` at 256.

    Returns:
        Counts ``[T, N, n_units]`` and what is missing: events that come after the last
        bin, before time 0 or outside the units.

    Raises:
        ValueError: for steps or a ``dt`` out of range, or 2³¹ entries or more.

    Example:
        >>> from snnjax.inputs import batches
        >>> times, units = [[1e-3, 3e-3], [2e-3]], [[0, 1], [2]]
        >>> events = snn.events.from_rows(times, units, [0, 1], n_units=3)
        >>> counts, missing = batches.raster(batches.pad(events), steps=3, dt=1e-3)
        >>> counts.shape
        (3, 2, 3)
        >>> print(missing)  # the one at 3 ms
        [1 0]
    """
    _check_batch("batch", batch)
    check.whole("steps", steps)
    check.dt(dt)
    n, width = batch.times.shape[0], batch.n_units
    size = steps * n * width
    if size >= 2**31:
        raise ValueError(
            f"A raster of {steps} steps, {n} samples and {width} units has 2³¹ entries "
            "or more; take fewer samples at once."
        )
    bins = bins_of(batch.times, dt)
    held = (bins >= 0) & (bins < steps) & _inside(batch)
    sample = jnp.arange(n, dtype=jnp.int32)[:, None]
    cell = (jnp.where(held, bins, 0).astype(jnp.int32) * n + sample) * width
    flat = jnp.where(held, cell + batch.units, size)
    counts = jnp.zeros(size, jnp.float32)
    counts = counts.at[flat.ravel()].add(1.0, mode="drop").reshape(steps, n, width)
    missing = jnp.sum(jnp.isfinite(batch.times) & ~held, axis=1, dtype=jnp.int32)
    most = _most(dtype)
    if most < 2**24:
        counts = jax.lax.optimization_barrier(counts)  # fused, it is four times slower
        over = jnp.sum(jnp.maximum(counts - most, 0.0), axis=(0, 2))
        missing, counts = missing + over.astype(jnp.int32), jnp.minimum(counts, most)
    return Raster(counts.astype(dtype), missing)


def bins_of(times: jax.Array, dt: Number) -> jax.Array:
    """Bin ``floor(t/dt)`` of each time, whole numbers in the dtype of the times.

    ``events.time_bins`` on the device, of any time: what an edge opens is the same.
    """
    at = times / jnp.asarray(dt, times.dtype)
    return jnp.floor(at + forgiven(at, float(jnp.finfo(times.dtype).eps)))


def pack(raster: jax.Array) -> jax.Array:
    """Puts eight units of a raster into one byte, a 32nd of the memory of float32.

    Args:
        raster: spikes ``[..., n_units]``, ``bool``, as of ``raster(dtype=bool)``.

    Returns:
        ``[..., n_units / 8]``, rounded up, ``uint8``.

    Raises:
        ValueError: for a raster of counts, which a bit does not hold.
    """
    check.array("raster", raster, "[..., n_units]")
    if raster.dtype != bool:
        raise ValueError(
            f"Only spikes fit into bits, got {raster.dtype}. Take raster(dtype=bool), "
            "which counts what it misses."
        )
    return jnp.packbits(raster, axis=-1)


def unpack(packed: jax.Array, n_units: int) -> jax.Array:
    """The raster of ``pack``, ``[..., n_units]``, ``bool``.

    Raises:
        ValueError: for another type, or another number of units.
    """
    check.whole("n_units", n_units)
    check.array("packed", packed, "[..., bytes]")
    width = -(-n_units // 8)
    if packed.dtype != jnp.uint8 or packed.shape[-1] != width:
        raise ValueError(
            f"n_units={n_units} units are packed into uint8 [..., {width}], got packed "
            f"{packed.dtype} {list(packed.shape)}."
        )
    if packed.size == 0:
        return jnp.zeros((*packed.shape[:-1], n_units), bool)
    return jnp.unpackbits(packed, axis=-1, count=n_units).astype(bool)


def _most(dtype):
    """Up to which whole number a type tells all of them apart."""
    if jnp.issubdtype(dtype, jnp.bool_):
        return 1
    if jnp.issubdtype(dtype, jnp.floating):
        return 2 ** (jnp.finfo(dtype).nmant + 1)
    return jnp.iinfo(dtype).max


def _check_batch(name, batch):
    check.fields(name, batch, "times", "units", "labels", "n_units")


def _inside(batch):
    return (batch.units >= 0) & (batch.units < batch.n_units)


def _moved(batch, units):
    """New units where there is an event; outside they stay outside for good."""
    inside = _inside(batch)
    return replace(batch, units=jnp.where(inside, units, batch.units))


def _middle(batch):
    """Time of the middle event of each sample, ``[N]``; NaN without events."""
    return jnp.nanmedian(
        jnp.where(jnp.isfinite(batch.times), batch.times, jnp.nan), axis=1
    )
