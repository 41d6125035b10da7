"""A recording of spontaneous waves of the developing retina, by electrodes.

The HDF5 layout of the retinal wave repository: ``spikes`` of all units one after the
other [s], ``sCount`` of each unit, ``epos`` (where each was recorded, 2 x units [µm]),
perhaps ``names``, and ``meta`` about the animal (Eglen et al. 2014,
doi:10.1186/2047-217X-3-3).
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax.datasets.containers import hdf5
from snnjax.datasets.guard.checked import HoldsError, reading
from snnjax.events import Events, from_rows
from snnjax.events.packing import EVENT_BYTES

_UNIT_BYTES = 200  # of memory for each unit
_ABOUT = ("array", "meta/key", "meta/species", "meta/genotype", "meta/cond", "meta/age")


class WaveRecording(NamedTuple):
    """One retina, listened to for a while."""

    events: Events  # one sample; its clock is the recording's, and may begin late
    positions: np.ndarray  # of each unit, [n_units, 2] [µm]
    names: tuple[str, ...]  # of each unit; none if the file has none
    about: dict[str, str | int]  # array, key, species, genotype, cond, age [days]


def read_waves(path: str | Path, *, limit: int | None = None) -> WaveRecording:
    """Reads one recording.

    Args:
        path: of the ``.h5`` file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file, the unit and what is wrong with it.
    """
    hdf5.library()
    with reading(path, "a recording of retinal waves", limit) as file:
        with hdf5.opened(file) as (tree, raw):
            spikes = hdf5.numbers(tree, "spikes", raw, file, "f")
            counts = hdf5.numbers(tree, "sCount", raw, file, "iu")
            positions = hdf5.numbers(tree, "epos", raw, file, "f", ndim=2)
            names = hdf5.texts(tree, "names", raw, file)
            about = {
                place.split("/")[-1]: _one(tree, place, raw, file) for place in _ABOUT
            }
            if spikes is None or counts is None or positions is None:
                raise HoldsError(hdf5.names(tree))
        n = len(counts)
        taken = 2 * EVENT_BYTES * len(spikes) + _UNIT_BYTES * (n + positions.size)
        file.take(taken, "its spikes")
        if positions.shape != (2, n) or len(names) not in (0, n):
            raise ValueError(
                f"sCount counts {n} units, epos has shape {positions.shape} and there "
                f"are {len(names)} names"
            )
        if not np.isfinite(positions).all():
            raise ValueError("a position in epos is not finite")
        if (n and counts.min() < 0) or counts.sum(dtype=object) != len(spikes):
            raise ValueError(
                f"sCount adds up to {counts.sum(dtype=object)}, but there are "
                f"{len(spikes)} spikes"
            )
        units = np.repeat(np.arange(n), counts.astype(np.int64))
        wrong = ~np.isfinite(spikes) | (spikes < 0)
        if wrong.any():
            raise ValueError(f"unit {units[wrong][0]} has a time {spikes[wrong][0]}")
        return WaveRecording(
            from_rows([spikes], [units], [0], n_units=n),
            np.ascontiguousarray(positions.T.astype(np.float64)),
            names,
            {name: value for name, value in about.items() if value is not None},
        )


def _one(tree, place, raw, file):
    """The one text or number at a place; nothing if there is none."""
    node = hdf5.dataset(tree, place)
    if node is None:
        return None
    if node.shape != (1,):
        raise HoldsError(f"{place} of shape {node.shape}, not one value")
    if node.dtype.kind in "iu":
        numbers = hdf5.numbers(tree, place, raw, file)
        return None if numbers is None else numbers.tolist()[0]
    return hdf5.texts(tree, place, raw, file)[0]
