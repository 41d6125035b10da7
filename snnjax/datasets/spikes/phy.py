"""Sorted spikes in a folder of Kilosort and phy.

"spike_times.npy" counts samples, "spike_clusters.npy" says which cluster fired, and
"spike_templates.npy" the same before anybody sorted by hand; "params.py" says how many
samples a second has, and is read as text, never run; "cluster_group.tsv" or
"cluster_info.tsv" say what somebody called a cluster: good, mua, noise (Rossant et al.
2016, doi:10.1038/nn.4268; Pachitariu et al. 2024, doi:10.1038/s41592-024-02232-7).
"""

import re
from pathlib import Path

import numpy as np

from snnjax import check
from snnjax.datasets.containers.npz import npy
from snnjax.datasets.guard.checked import (
    DataError,
    HoldsError,
    content,
    listed,
    reading,
)
from snnjax.datasets.spikes.spike_columns import numbered
from snnjax.events import RecordedSpikes
from snnjax.files import not_a_file

_CLUSTERS = ("spike_clusters.npy", "spike_templates.npy")
_GROUPS = ("cluster_group.tsv", "cluster_groups.csv", "cluster_info.tsv")
_UNSORTED = "unsorted"  # what phy calls a cluster that nobody called anything
_SPIKE_BYTES, _LINE_BYTES = 60, 400  # of memory for each
_RATE = re.compile(rb"^[ \t]*sample_rate[ \t]*=[ \t]*([^#\r\n]*)", re.M)
_NUMBER = re.compile(r"\d[\d_]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+")


def read_phy(
    path: str | Path,
    *,
    rate: float | None = None,
    population: str | None = None,
    limit: int | None = None,
) -> RecordedSpikes:
    """Reads the spikes of one sorted recording.

    Args:
        path: of the folder.
        rate: of samples [Hz]; what "params.py" says if omitted.
        population: the group whose clusters to read, such as ``"good"``; all if
            omitted.
        limit: most bytes of memory that reading each file may take; 128 MiB and 200
            times the file's size if omitted.

    Returns:
        Spikes in the order of the files, units as clusters are numbered; populations
        are the groups, ``"unsorted"`` that of clusters that no file puts into one.

    Raises:
        ValueError: for a rate that is not positive.
        FileNotFoundError: if there is no such folder.
        DataError: naming the file that is missing or wrong, or that a rate is needed.
    """
    if rate is not None:
        check.positive("rate", rate, " [Hz]")
    folder = Path(path)
    _check_folder(folder)
    samples = _column(folder / "spike_times.npy", limit)
    clusters, called = _clusters(folder, limit)
    if len(samples) != len(clusters):
        raise DataError(
            f"{folder}: spike_times.npy has {len(samples)} spikes, {called} "
            f"{len(clusters)}."
        )
    population_of, names = _groups(folder, clusters, limit)
    times = samples / _rate(folder, rate, limit)
    found = RecordedSpikes(
        *(times, clusters, population_of, names),
        f"phy, samples of spike_times.npy, clusters of {called}",
    )
    return found if population is None else _only(found, population, folder)


def is_phy(folder: Path) -> bool:
    """Whether a folder has times of spikes, and whose they are."""
    there = any((folder / name).is_file() for name in _CLUSTERS)
    return there and (folder / "spike_times.npy").is_file()


def _check_folder(folder):
    if folder.is_dir():
        if not is_phy(folder):
            raise DataError(
                f"{folder} is no folder of phy: it needs spike_times.npy and one of "
                f"{listed(_CLUSTERS)}.",
                sound=True,
            )
        return
    kind = not_a_file(folder) or "a file"  # raises for what is not there
    raise DataError(f"{folder} cannot be read as phy: it is {kind}, not a folder.")


def _column(path, limit):
    """Whole numbers ``[n]`` of an ``.npy`` of shape ``[n]`` or ``[n, 1]``."""
    with reading(path, "a column of phy", limit) as file:
        array = npy(file)
        if array.ndim not in (1, 2) or array.size != len(array):
            raise HoldsError(f"an array {list(array.shape)}, not [n] or [n, 1]")
        if array.dtype.kind not in "iuf":
            raise HoldsError(f"an array of {array.dtype}, not of whole numbers")
        file.take(_SPIKE_BYTES * array.size, "its spikes")
        if array.dtype.kind == "f":
            right = np.isfinite(array) & (np.abs(array) < 2.0**53)
            if not (right & (np.floor(array) == array)).all():
                raise HoldsError("numbers that are not whole, so no samples of a clock")
        return numbered(array.reshape(-1), path.name)


def _clusters(folder, limit):
    """Which cluster each spike belongs to, and the file that says it."""
    name = next(each for each in _CLUSTERS if (folder / each).is_file())
    return _column(folder / name, limit), name


def _rate(folder, given, limit):
    """Samples in a second, as given or as "params.py" says."""
    path, told = folder / "params.py", None
    if path.is_file():
        with reading(path, "parameters of phy", limit) as file:
            lines = {
                hit.decode("utf-8", "replace") for hit in _RATE.findall(content(file))
            }
            words = {line.strip() for line in lines}
            if len(words) > 1 or not all(_NUMBER.fullmatch(word) for word in words):
                raise HoldsError(
                    f"a sample_rate {listed(sorted(words))}, not one number"
                )
            told = next((float(word.replace("_", "")) for word in words), None)
            if told is not None and not 0.0 < told < 1e9:
                raise ValueError(f"its sample_rate is {told} Hz")
    if given is None and told is None:
        raise DataError(
            f"{folder}: times are samples, and no params.py says how many a second "
            "has; rate=… says it [Hz].",
            sound=True,
        )
    if None not in (given, told) and given != told:
        raise DataError(
            f"{path} says {told} samples in a second, rate {given}; leave out rate, or "
            "correct the file."
        )
    return told if given is None else given


def _groups(folder, clusters, limit):
    """The number of the group of each spike, and the names of groups."""
    path = next((folder / n for n in _GROUPS if (folder / n).is_file()), None)
    if path is None:
        return np.zeros(len(clusters), np.int64), ("",)
    group_of = _table(path, limit)
    there, inverse = np.unique(clusters, return_inverse=True)
    groups = [group_of.get(cluster, _UNSORTED) for cluster in there.tolist()]
    names = tuple(sorted({*groups})) or (_UNSORTED,)
    numbers = np.array([names.index(group) for group in groups], np.int64)
    return numbers[inverse], names


def _table(path, limit):
    """The group of each cluster that a table names."""
    with reading(path, "groups of clusters", limit) as file:
        lines = content(file).decode("utf-8-sig").splitlines()
        file.take(_LINE_BYTES * len(lines), "its lines")
        rows = [
            [w.strip(' "') for w in re.split("[\t,]", line)] for line in lines if line
        ]
        head = rows[0] if rows else []
        number = next(
            (k for k, w in enumerate(head) if w in ("cluster_id", "id")), None
        )
        if number is None:
            raise HoldsError(f"columns {listed(head)}, none of them cluster_id")
        if "group" not in head:  # of clusters that nobody looked at
            return {}
        found: dict[int, str] = {}
        for k, row in enumerate(rows[1:], 2):
            if len(row) != len(head) or not re.fullmatch(r"\d{1,18}", row[number]):
                raise ValueError(f"line {k} has {listed(row)} as {listed(head)}")
            group = row[head.index("group")] or _UNSORTED
            if found.setdefault(int(row[number]), group) != group:
                raise ValueError(f"cluster {row[number]} is {group}, and was another")
        return found


def _only(found, population, folder):
    """The spikes of one group."""
    if population not in found.populations:
        raise DataError(
            f"{folder} has groups {listed(found.populations)}, none called "
            f"{population!r}.",
            sound=True,
        )
    here = found.population == found.populations.index(population)
    return found._replace(
        times=found.times[here],
        units=found.units[here],
        population=np.zeros(np.count_nonzero(here), np.int64),
        populations=(population,),
    )
