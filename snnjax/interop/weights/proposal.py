"""Which array could go where, to be looked at: by name first, else where one fits."""

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
        for name, shape in self.theirs.items():
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
    for the one place that it fits, if there is only one; where there are several, none.

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
    for by_name in (True, False):
        changed = True
        while changed:
            changed = False
            for name, array in given.items():
                free = [p for p in places.values() if p.name not in names.values()]
                fits = [p for p in free if _fits(name, array.shape, p, layout)]
                fits = [p for p in fits if _same_module(name, p)] if by_name else fits
                if (
                    name not in names
                    and len(fits) == 1
                    and _alone(*(name, fits[0], given, names, layout), by_name=by_name)
                ):
                    names[name] = fits[0].name
                    reasons[name] = (
                        "same name" if by_name else "the only one that fits: check it"
                    )
                    changed = True
    shapes = {name: place.shape for name, place in places.items()}
    return Proposal(names, reasons, {k: v.shape for k, v in given.items()}, shapes)


def _alone(name, place, given, names, layout, *, by_name):
    """Whether no other array of theirs fits as well."""
    return by_name or not any(
        other not in names and other != name and _fits(other, each.shape, place, layout)
        for other, each in given.items()
    )


def _fits(name: str, shape: tuple[int, ...], place: Place, layout: Layout) -> bool:
    field = name.rpartition(".")[2]
    if place.kind == "other" and layout == "torch":
        return False
    called = _FIELDS.get(field, (field,))
    return place.field in called and theirs(place, layout) == shape


def _same_module(name, place):
    return name.rpartition(".")[0] in (place.leaf, place.leaf.rpartition(".")[0])
