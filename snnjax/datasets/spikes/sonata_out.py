"""Spikes of populations of neurons, written in the layout of SONATA."""

from pathlib import Path

import numpy as np

from snnjax.datasets.containers import hdf5
from snnjax.events import RecordedSpikes
from snnjax.events.checked_recordings import check_spikes
from snnjax.files import atomic


def write_sonata(path: str | Path, recorded: RecordedSpikes) -> int:
    """Writes spikes, as ``spikes/POPULATION/timestamps`` [ms] and ``node_ids``.

    The file appears whole or not at all. Spikes keep their order within a population; a
    population without a name is called ``default``.

    Args:
        path: of the file, ``.h5``.
        recorded: the spikes.

    Returns:
        How many spikes were written.

    Raises:
        ImportError: without h5py, saying how to get it.
        ValueError: for numbers of neurons below zero, a time that is not finite, or a
            name of a population that is no name of a group.
    """
    recorded = check_spikes(recorded)
    h5py = hdf5.library()
    times, units = recorded.times, recorded.units
    if units.min(initial=0) < 0:
        raise ValueError(f"units must not be negative, got {units.min()}.")
    names = [name or "default" for name in recorded.populations]
    if odd := [name for name in names if "/" in name or name == "."]:
        raise ValueError(f"populations must be names without /, got {odd[0]!r}.")
    if len({*names}) < len(names):
        raise ValueError(f"populations must not be called default beside {names}.")
    with atomic(path) as new, h5py.File(new, "w") as tree:
        for k, name in enumerate(names):
            here = recorded.population == k
            group = tree.create_group(f"spikes/{name}")
            group.attrs["sorting"] = _sorting(times[here])
            stamps = group.create_dataset("timestamps", data=times[here] * 1e3)
            stamps.attrs["units"] = "milliseconds"
            group.create_dataset("node_ids", data=units[here].astype(np.uint64))
    return len(times)


def _sorting(times):
    return "by_time" if (np.diff(times) >= 0).all() else "none"
