"""Neurons of several populations and files get numbers one after the other."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from snnjax import check
from snnjax.events.checked_recordings import check_spikes
from snnjax.events.recorded import RecordedSpikes


class Numbering(NamedTuple):
    """Which neuron unit k is: ``unit[k]`` of ``populations[population[k]]``."""

    population: np.ndarray  # [n_units], which of ``populations``, int64
    unit: np.ndarray  # [n_units], number of the neuron in the files, int64
    populations: tuple[str, ...]  # their names


def numbering(recordings: RecordedSpikes | Sequence[RecordedSpikes]) -> Numbering:
    """Numbers all neurons: population after population, each by its own numbers.

    Populations come in the order in which the recordings name them first; equal names
    are one population. Silent neurons count if the file knows them.

    Args:
        recordings: of neurons, one or several.

    Returns:
        What each unit is, as ``as_events`` takes it.

    Raises:
        ValueError: for what is no recording of neurons.
    """
    if isinstance(recordings, RecordedSpikes):
        recordings = [recordings]
    if not isinstance(recordings, Sequence) or isinstance(recordings, str):
        raise ValueError(
            f"recordings must be recordings of neurons, got {check.told(recordings)}."
        )
    found: dict[str, list[np.ndarray]] = {}
    for each in map(check_spikes, recordings):
        for k, name in enumerate(each.populations):
            units = found.setdefault(name, [])
            units.append(np.unique(each.units[each.population == k]))
            units.extend(() if each.known is None else (each.known[k],))
    unique = [np.unique(np.concatenate(units)) for units in found.values()]
    sizes = [len(units) for units in unique]
    return Numbering(
        np.repeat(np.arange(len(sizes)), sizes),
        np.concatenate([np.zeros(0, np.int64), *unique]).astype(np.int64),
        tuple(found),
    )


def units_of(recorded: RecordedSpikes, numbered: Numbering) -> np.ndarray:
    """Numbers of the units that fired, int64; -1 for one that has none."""
    units = np.full(len(recorded.units), -1, np.int64)
    for k, name in enumerate(recorded.populations):
        if name not in numbered.populations:
            continue
        of = np.flatnonzero(numbered.population == numbered.populations.index(name))
        order = of[np.argsort(numbered.unit[of], kind="stable")]
        here = np.flatnonzero(recorded.population == k)
        if not len(order) or not len(here):
            continue
        asked, known = recorded.units[here], numbered.unit[order]
        place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        units[here] = np.where(known[place] == asked, order[place], -1)
    return units


def check_numbering(numbered: Any) -> None:
    """Refuses what is no numbering.

    Raises:
        ValueError: naming the field that does not fit.
    """
    check.fields("numbered", numbered, *Numbering._fields)
    for name in ("population", "unit"):
        column = getattr(numbered, name)
        kind = getattr(getattr(column, "dtype", None), "kind", "")
        if kind not in ("i", "u") or column.ndim != 1:
            raise ValueError(
                f"{name} of numbered must be whole numbers [n_units], got "
                f"{check.told(column)}."
            )
    n, names = len(numbered.unit), numbered.populations
    if len(numbered.population) != n:
        raise ValueError(
            f"population of numbered must have {n} entries, as unit has, got "
            f"{len(numbered.population)}."
        )
    if not isinstance(names, tuple):
        raise ValueError(f"populations must be names, got {check.told(names)}.")
    least, most = numbered.population.min(initial=0), numbered.population.max(initial=0)
    if n and (least < 0 or most >= len(names)):
        raise ValueError(
            f"population of numbered must lie in 0 … {len(names) - 1}, numbers of "
            f"populations; it lies in {least} … {most}."
        )
