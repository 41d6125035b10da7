"""What layout of spikes an HDF5 file has, told by its groups and never by its name."""

from collections.abc import Iterator
from typing import Any

from snnjax.datasets.containers import hdf5
from snnjax.datasets.guard.checked import HoldsError

_LOOKED_AT = 1000  # members of a group
_POPULATIONS = 100_000


def is_sonata(tree: Any) -> bool:
    """Whether a tree has spikes of SONATA: times and neurons of each population."""
    return bool(sonata_populations(tree))


def sonata_populations(tree: Any) -> dict[str, str]:
    """Where the neurons of each population lie, by its name; none in other files."""
    spikes = _group(tree, "spikes")
    if spikes is None:
        return {}
    for called in ("node_ids", "gids"):  # without populations before SONATA 0.1
        if "timestamps" in spikes and called in spikes:
            return {"": f"spikes/{called}"}
    if len(spikes) > _POPULATIONS:
        raise HoldsError(f"{len(spikes)} populations")
    return {
        name: f"spikes/{name}/node_ids"
        for name, each in _groups(spikes, _POPULATIONS)
        if "timestamps" in each and "node_ids" in each
    }


def is_nwb(tree: Any) -> bool:
    """Whether a tree is of NWB: by what it says of itself, or its table of units."""
    units = _group(tree, "units")
    if units is not None and "spike_times" in units:
        return True
    return "nwb_version" in tree.attrs or "nwb_version" in tree


def clusterings(tree: Any) -> list[str]:
    """Where an NWB file has spikes as they were kept before there were units."""
    found = []
    for top in ("acquisition", "processing", "analysis"):
        inside = _group(tree, top)
        for name, each in _groups(inside) if inside is not None else ():
            some = [(f"{top}/{name}", each)]
            some += [(f"{top}/{name}/{inner}", it) for inner, it in _groups(each)]
            found += [place for place, it in some if "times" in it and "num" in it]
    return found


def is_nix(tree: Any) -> bool:
    """Whether a tree is of NIX, by its groups and what it says of itself."""
    groups = _group(tree, "data"), _group(tree, "metadata")
    return None not in groups and {"format", "version", "created_at"} <= {*tree.attrs}


def is_old_neo(tree: Any) -> bool:
    """Whether a tree was written by what Neo called NeoHdf5IO."""
    return any(_group(each, "segments") is not None for _, each in _groups(tree))


def told(tree: Any) -> str:
    """What a file of another layout holds, and who reads it."""
    if is_sonata(tree):
        return "spikes of SONATA, which read_sonata reads"
    if is_nwb(tree):
        return "NWB, which read_nwb reads"
    if is_nix(tree):
        return "NIX, which read_nix reads"
    if is_old_neo(tree):
        return (
            "what NeoHdf5IO of old versions of Neo wrote (Block_0/segments/…), which "
            "Neo itself gave up; a Neo that still has it can write it by NixIO"
        )
    return hdf5.names(tree)


def _group(tree, place):
    try:
        return hdf5.group(tree, place)
    except HoldsError:
        return None


def _groups(tree: Any, most: int = _LOOKED_AT) -> Iterator[tuple[str, Any]]:
    """The first of the groups within a group."""
    for k, name in enumerate(tree):
        if k >= most:
            return
        if (found := _group(tree, name)) is not None:
            yield name, found
