"""Outputs by name: what a part of a network puts out, or what its state holds.

    "h"      what the part h puts out
    "h.v"    a field of its state, at the end of the step
    "h.a.v"  the same of a part a inside h

A part that is looked into offers to do so (``About.watch``) or is stepped; all others
go their fastest way.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from snnjax.cell import Cell, run_cell
from snnjax.replay import replayed

Names = str | int | tuple[str | int, ...] | None


def watched(cell: Cell, names: tuple[str, ...]) -> Cell:
    """The same cell, which puts out ``(y, {name: value})``.

    Args:
        cell: what to look into.
        names: fields of its state, dotted where they lie deeper; or what the cell
            itself offers, such as the voltage before the reset.

    Raises:
        ValueError: for a name that there is not, while tracing, with those there are.

    Example:
        >>> neuron = snn.probes.watched(snn.li(2), ("i",))
        >>> _, (v, watched) = snn.unroll(neuron, (), jnp.ones((10, 2)), dt=1e-3)
        >>> watched["i"].shape
        (10, 2)
    """
    if not names:
        return _with_nothing(cell)
    if cell.about is not None and cell.about.watch is not None:
        return cell.about.watch(names)
    return stepped(cell, names)


def stepped(cell: Cell, names: tuple[str, ...]) -> Cell:
    """The same cell, stepped, with fields of its state.

    Args:
        cell: what to look into.
        names: of fields, dotted.

    Example:
        >>> neuron = snn.probes.stepped(snn.li(2), ("i",))
        >>> _, (v, watched) = snn.unroll(neuron, (), jnp.ones((10, 2)), dt=1e-3)
        >>> watched["i"].shape
        (10, 2)
    """

    def record(state, y):
        return y, {k: field_of(cell, state, k) for k in names}

    def step(weights, state, x, dt):
        state, y = cell.step(weights, state, x, dt)
        return state, record(state, y)

    return cell._replace(step=step, run=None, loop=None, replay=None)


def _with_nothing(cell):
    def beside(advance):
        def through(*args):
            state, y = advance(*args)
            return state, (y, {})

        return through

    def run(*args):
        state, ys = run_cell(cell, *args)
        return state, (ys, {})

    loop = None if cell.loop is None else beside(cell.loop)
    return cell._replace(step=beside(cell.step), run=run, loop=loop, replay=None)


def field_of(whose: Any, state: Any, name: str) -> Any:
    """What a state holds under a dotted name.

    Args:
        whose: a cell, or its name, for messages.
        state: of that.
        name: dotted.

    Raises:
        ValueError: for another name, with those there are.
    """
    at = state
    for part in name.split("."):
        fields = _fields(at)
        if part not in fields:
            here = ", ".join(fields) or "nothing by name"
            raise ValueError(f"{whose} has no {name!r} to look at; it holds {here}.")
        at = fields[part]
    return at


def _fields(state):
    if hasattr(state, "_asdict"):
        return {k: v for k, v in state._asdict().items() if v is not None}
    return state if isinstance(state, Mapping) else {}


class Outputs:
    """Names asked for, told apart by the part that has them.

    Args:
        what: the compound, for messages.
        names: dotted names.
        parts: keys of the parts.
        within: the part in which names are looked for that are no part's; what it
            puts out is its ``"spikes"`` as well.

    Raises:
        ValueError: for a name twice, or a part that there is not.
    """

    def __init__(
        self, what: str, names: Names, parts: Iterable[Any], within: Any = None
    ):
        given = () if names is None else names
        listed = (given,) if isinstance(given, str | int) else tuple(given)
        keys = {str(key): key for key in parts}
        self.names = tuple(map(str, listed))
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"outputs of {what} are named once each, got {names!r}.")
        self.places = {}
        for name in self.names:
            head, _, rest = name.partition(".")
            if head not in keys and within is None:
                raise ValueError(
                    f"outputs: {what} has no part {head!r} to put out; there are "
                    f"{', '.join(keys)}.{_name_them(what, keys)}"
                )
            inner = "" if name == "spikes" else name
            self.places[name] = (keys[head], rest) if head in keys else (within, inner)

    def fields(self, key: Any) -> tuple[str, ...]:
        """Names to watch inside one part."""
        return tuple(rest for at, rest in self.places.values() if rest and at == key)

    def values(self, outs: Mapping[Any, Any], seen: Mapping[Any, Any]) -> dict:
        """The values by name, from outputs and watched fields by key."""
        return {
            name: seen[key][rest] if rest else outs[key]
            for name, (key, rest) in self.places.items()
        }


def _name_them(what, keys):
    if what == "chain" and all(key.isdecimal() for key in keys):
        return " Cells may have names: chain(hidden=…, out=…)."
    return ""


class Wanted:
    """What a compound puts out, and what is watched in it beside.

    Args:
        what: the compound, for messages.
        parts: its cells by key.
        outputs: what was asked for; one name gives an array, several a dict.
        default: the name if none was given.
        beside: names to watch; the output becomes ``(y, {name: value})`` with any.
        within: the part in which names are looked for that are no part's.

    Raises:
        ValueError: as ``Outputs``, and for outputs without a name.
    """

    def __init__(
        self,
        what: str,
        parts: Mapping[Any, Cell],
        outputs: Names,
        default: Names,
        beside: tuple[str, ...] = (),
        within: Any = None,
    ):
        asked = default if outputs is None else outputs
        self._asked = Outputs(what, asked, parts, within)
        self._beside = Outputs(what, beside, parts, within)
        self._parts = parts
        if not self._asked.names:
            raise ValueError(f"outputs of {what} needs at least one name, got none.")
        try:
            self.cells = {
                key: watched(cell, self.fields(key)) for key, cell in parts.items()
            }
        except ValueError as error:
            raise ValueError(f"outputs of {what}: {error}") from error

    @cached_property
    def replays(self) -> dict[Any, Cell]:
        """The same cells of inputs ``(x, seen)``."""
        return {
            key: watched(replayed(cell), self.fields(key))
            for key, cell in self._parts.items()
        }

    def given(self, key: Any, x: Any, recorded: Mapping[Any, Any]) -> tuple[Cell, Any]:
        """A cell and its input, with what a device showed of it if it did."""
        if key not in recorded:
            return self.cells[key], x
        return self.replays[key], (x, recorded[key])

    def fields(self, key: Any) -> tuple[str, ...]:
        """Names to watch inside one part."""
        return tuple(dict.fromkeys(self._asked.fields(key) + self._beside.fields(key)))

    @property
    def heads(self) -> tuple[Any, ...]:
        """Keys of the parts that something is put out of."""
        return tuple(dict.fromkeys(key for key, _ in self._asked.places.values()))

    def wants(self, key: Any) -> bool:
        """Whether anything of a part was asked for by name."""
        named = (*self._asked.names, *self._beside.names)
        return any(name.split(".")[0] == str(key) for name in named)

    def __call__(self, outs: Mapping[Any, Any], seen: Mapping[Any, Any]) -> Any:
        """What comes out, from outputs and watched fields by key."""
        values: Any = self._asked.values(outs, seen)
        if len(values) == 1:
            (values,) = values.values()
        if not self._beside.names:
            return values
        return values, self._beside.values(outs, seen)
