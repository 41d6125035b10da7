"""Which array could go where, to be looked at: by name first, else where one fits."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from snnjax import check
from snnjax.cell import Cell
from snnjax.interop.weights.layouts import Layout, theirs
from snnjax.interop.weights.places import Place, places_of, shown
from snnjax.interop.weights.state_dicts import host_arrays

_FIELDS = {  # what others call a field of ours
    "weight": ("w", "gain"),
    "kernel": ("w",),
    "scale": ("gain",),
    "bias": ("b", "bias"),
    "running_mean": ("statistics.mean",),
    "running_var": ("statistics.variance",),
    "mean": ("statistics.mean",),
    "var": ("statistics.variance",),
    "input_weights": ("w",),
    "recurrent_weights": ("w",),
}


class Proposal(NamedTuple):
    """What could go where; ``print`` it, and pass ``names`` on where it is right."""

    names: dict[str, str]  # theirs to ours
    reasons: dict[str, str]  # by name of theirs
    theirs: dict[str, tuple[int, ...]]  # shapes of all
    ours: dict[str, tuple[int, ...]]

    @property
    def open_theirs(self) -> tuple[str, ...]:
        """Names of theirs without a place."""
        return tuple(name for name in self.theirs if name not in self.names)

    @property
    def open_ours(self) -> tuple[str, ...]:
        """Names of ours that nothing was found for."""
        return tuple(name for name in self.ours if name not in self.names.values())

    def __str__(self) -> str:
        table = [("theirs", "", "ours", "", "why")]
        for name in sorted(self.theirs, key=_in_order):
            shape = self.theirs[name]
            place = self.names.get(name)
            to = (place, shown(self.ours[place])) if place else ("?", "")
            why = self.reasons.get(name, "name it, or leave it out")
            table.append((name, shown(shape), *to, why))
        table += [
            ("?", "", name, shown(self.ours[name]), "") for name in self.open_ours
        ]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = (zip(line, widths, strict=True) for line in table)
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in line).rstrip()
            for line in lines
        )


def propose(network: Cell, arrays: Mapping[str, Any], *, layout: Layout) -> Proposal:
    """Proposes which array of theirs goes where; uses nothing.

        proposal = propose(net, arrays, layout="torch")
        print(proposal)
        weights = from_state_dict(net, arrays, proposal.names, layout="torch")

    A module and a leaf of the same name belong together. Otherwise an array is proposed
    for the one place that it fits, if there is only one, and the rest of its module for
    the same leaf; where there are several places, none.

    Args:
        network: of ours.
        arrays: of theirs by name.
        layout: of theirs, as for ``from_state_dict``.

    Returns:
        ``Proposal(names, reasons, theirs, ours)``, which prints as a table.

    Raises:
        ValueError: for what is no cell, arrays that are none, or another layout.
    """
    check.one_of("layout", layout, ("torch", "flax"))
    places, given = places_of(network).places, host_arrays(arrays)
    names: dict[str, str] = {}
    reasons: dict[str, str] = {}
    while found := _next(given, places, names, layout):
        name, names[name], reasons[name] = found
    shapes = {name: place.shape for name, place in places.items()}
    return Proposal(names, reasons, {k: v.shape for k, v in given.items()}, shapes)


def _next(given, places, names, layout):
    """One more array, its place, and why; None if there is no other."""
    taken = set(names.values())
    fits = {
        name: [
            place
            for place in places.values()
            if place.name not in taken and _fits(name, array.shape, place, layout)
        ]
        for name, array in given.items()
        if name not in names
    }
    went = {_module(name): places[place].leaf for name, place in names.items()}
    for near, reason in (
        (_same_module, "same name"),
        (
            lambda name, place: went.get(_module(name)) == place.leaf,
            "where the rest of its module goes: check it",
        ),
    ):
        for name, known in fits.items():
            there = [place for place in known if near(name, place)]
            if len(there) == 1:
                return name, there[0].name, reason
    waiting = [place.name for known in fits.values() for place in known]
    for name, known in fits.items():
        if len(known) == 1 and waiting.count(known[0].name) == 1:
            return name, known[0].name, "the only one that fits: check it"
    return None


def _fits(name: str, shape: tuple[int, ...], place: Place, layout: Layout) -> bool:
    field = name.rpartition(".")[2]
    if place.kind == "other" and layout == "torch":
        return False
    called = _FIELDS.get(field, (field,))
    return place.field in called and theirs(place, layout) == shape


def _same_module(name, place):
    return _module(name) in (place.leaf, place.leaf.rpartition(".")[0])


def _in_order(name):
    """Modules that are numbered, by their numbers."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _module(name):
    return name.rpartition(".")[0]
