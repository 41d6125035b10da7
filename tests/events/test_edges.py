"""Times at the edges of bins and windows, in the precision in which they are kept."""

import jax.numpy as jnp
import numpy as np
import pytest
from made_recordings import neurons

from snnjax import events as ev
from snnjax.inputs import batches, one_spike_raster, to_raster

STEPS = 2000  # more than half of which divide to less in single precision
FEW = 99


def packed(times):
    return ev.from_rows([times], [np.zeros(len(times), int)], [0], n_units=1)


def train(times):
    return neurons([(t, 0, 0) for t in times], ("a",))


def on_device(times, dt):
    return batches.raster(batches.pad(packed(times)), steps=STEPS, dt=dt).counts


def late(times, dt):
    """How many more are late, each bin sooner."""
    counts = [ev.late_events(packed(times), duration=k * dt) for k in range(FEW)]
    return -np.diff(counts)


def windows(times, dt):
    cut = [ev.window(packed(times), k * dt, (k + 1) * dt) for k in range(FEW)]
    return [len(each.times) for each in cut]


def from_a_spike(times, dt):
    """Whether the first of those left counts from the time of its own bin."""
    cut = [ev.window(train(times), k * dt) for k in range(FEW)]
    samples = [ev.as_events(each, start=k * dt) for k, each in enumerate(cut)]
    return [np.count_nonzero(each.times < 0.5 * dt) for each in samples]


WAYS = {  # times, dt -> how many events each bin has
    "time_bins": lambda t, dt: np.bincount(ev.time_bins(t, dt=dt)),
    "late_events": late,
    "rasterize": lambda t, dt: ev.rasterize(packed(t), steps=STEPS, dt=dt),
    "to_raster": lambda t, dt: to_raster(t, 0 * t, steps=STEPS, n=1, dt=dt),
    "batches.raster": on_device,
    "window": windows,
    "slices": lambda t, dt: np.diff(ev.slices(packed(t), every=dt).offsets),
    "slices of neurons": lambda t, dt: [
        len(cut.times) for cut in ev.slices(train(t), every=dt)
    ],
    "as_events": from_a_spike,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dt", [1e-4, 1e-3, 2e-3, 4e-3, 10e-3])
@pytest.mark.parametrize("way", WAYS)
def test_a_time_on_the_edge_of_two_bins_is_in_the_later_one(way, dt, dtype):
    times = (np.arange(STEPS) * dt).astype(dtype)
    found = np.ravel(WAYS[way](times, dt))
    np.testing.assert_array_equal(found, np.ones_like(found))


@pytest.mark.parametrize("steps", [49, 100, 1000, 3000])
def test_a_spike_that_each_step_begins_with_is_in_that_step(steps):
    times = jnp.arange(steps, dtype=jnp.float32) / steps
    np.testing.assert_array_equal(
        one_spike_raster(times[None], steps=steps).argmax(axis=0)[0], np.arange(steps)
    )


def test_a_time_well_before_an_edge_stays_before_it():
    dt, edges = 1e-3, np.arange(1, STEPS)
    times = (edges - 1e-3) * dt  # 1 µs before
    for way in ("time_bins", "rasterize", "batches.raster"):
        found = np.ravel(WAYS[way](times, dt))[: len(edges)]
        np.testing.assert_array_equal(found, np.ones(len(edges)))
