"""Spikes in the layout of SONATA, as bmtk, the Allen Institute and others write them.

``spikes/NAME/timestamps`` and ``spikes/NAME/node_ids`` of each population, in ms unless
the attribute ``units`` says otherwise, in any order (``sorting``); before version 0.1
of the layout, ``spikes/timestamps`` and ``spikes/gids`` of all (Dai et al. 2020,
doi:10.1371/journal.pcbi.1007696).
"""

from pathlib import Path

from snnjax.datasets.containers import hdf5
from snnjax.datasets.containers.hdf5_attributes import at_hand, attribute
from snnjax.datasets.guard.checked import HoldsError, listed, reading
from snnjax.datasets.spikes.hdf5_spikes import sonata_populations, told
from snnjax.datasets.spikes.spike_columns import numbered, seconds, together
from snnjax.datasets.spikes.spike_names import PER_SECOND, UNITS
from snnjax.events import RecordedSpikes


def read_sonata(
    path: str | Path, *, population: str | None = None, limit: int | None = None
) -> RecordedSpikes:
    """Reads the spikes of all populations, or of one.

    Args:
        path: of the ``.h5`` file.
        population: its name; all, one after the other, if omitted.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        Spikes in the order of the file; neurons of two populations may have the same
        number.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it, or what populations it
            has.
    """
    hdf5.library()
    with (
        reading(path, "spikes of SONATA", limit) as file,
        at_hand(file, "units") as (tree, raw),
    ):
        places = sonata_populations(tree)
        if not places:
            raise HoldsError(told(tree))
        if population is not None and population not in places:
            raise HoldsError(
                f"populations {listed(places)}, none called {population!r}"
            )
        parts = {
            name: _read(tree, place, raw, file)
            for name, place in places.items()
            if population in (None, name)
        }
        return together(file, parts, "SONATA")


def _read(tree, place, raw, file):
    """Times [s] and neurons of one population."""
    at = f"{place.rpartition('/')[0]}/timestamps"
    times = hdf5.numbers(tree, at, raw, file)
    units = hdf5.numbers(tree, place, raw, file, "iu")
    if times is None or units is None:
        raise HoldsError(f"no array {at} or {place}")
    unit = attribute(hdf5.dataset(tree, at), "units")
    if unit is not None and unit not in UNITS:
        raise HoldsError(
            f"{at} in {str(unit)[:20]!r}, no unit of time that is known here"
        )
    return seconds(times, PER_SECOND[UNITS[unit or "ms"]], at), numbered(units, place)
