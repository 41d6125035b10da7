"""A recording of spontaneous waves of the developing retina, by electrodes.

The HDF5 layout of the retinal wave repository: ``spikes`` of all units one after the
other [s], ``sCount`` of each unit, ``epos`` (where each was recorded, 2 x units [µm]),
perhaps ``names``, and ``meta`` about the animal (Eglen et al. 2014,
doi:10.1186/2047-217X-3-3).
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax.datasets.formats import hdf5
from snnjax.datasets.formats.checked import content, reading
from snnjax.events import Events, from_rows

_ABOUT = ("array", "meta/key", "meta/species", "meta/genotype", "meta/cond", "meta/age")


class WaveRecording(NamedTuple):
    """One retina, listened to for a while."""

    events: Events  # one sample; its clock is the recording's, and may begin late
    positions: np.ndarray  # of each unit, [n_units, 2] [µm]
    names: tuple[str, ...]  # of each unit; none if the file has none
    about: dict[str, str | int]  # array, key, species, genotype, cond, age [days]


def read_waves(path: str | Path) -> WaveRecording:
    """Reads one recording.

    Args:
        path: of the ``.h5`` file.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file, the unit and what is wrong with it.
    """
    hdf5.library()
    with reading(path, "a recording of retinal waves") as path:
        raw = content(path)
        with hdf5.opened(raw) as file:
            spikes = hdf5.numbers(file, "spikes", raw, "f")
            counts = hdf5.numbers(file, "sCount", raw, "iu")
            positions = hdf5.numbers(file, "epos", raw, "f", ndim=2)
            names = hdf5.texts(file, "names", raw)
            about = {place.split("/")[-1]: _one(file, place, raw) for place in _ABOUT}
        columns = {"spikes": spikes, "sCount": counts, "epos": positions}
        absent = [name for name, column in columns.items() if column is None]
        if spikes is None or counts is None or positions is None:
            raise ValueError(f"there is no {', no '.join(absent)}")
        n = len(counts)
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


def _one(file, place, raw):
    """The one text or number at a place; nothing if there is none."""
    node = hdf5.dataset(file, place)
    if node is None:
        return None
    if node.dtype.kind in "iu":
        numbers = hdf5.numbers(file, place, raw)
        values = () if numbers is None else tuple(numbers.tolist())
    else:
        values = hdf5.texts(file, place, raw)
    if len(values) != 1:
        raise ValueError(f"{place} holds {len(values)} values, not one")
    return values[0]
