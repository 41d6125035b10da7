"""Constants of theirs are those that a leaf of ours was given, or refused."""

from typing import Any

import numpy as np

from snnjax import check, parts
from snnjax.cell import Cell
from snnjax.interop.presets import from_library
from snnjax.interop.presets.registry import PRESETS


def check_constant(network: Cell, name: str, array: np.ndarray, where: str) -> None:
    """Refuses a constant of theirs that is another one here.

    Args:
        network: of ours.
        name: of theirs, for the message.
        array: of theirs.
        where: the leaf and its option, as ``"lif.params.threshold"``.

    Raises:
        ValueError: if there is no such leaf or option, or it is another number.
    """
    leaf, _, path = str(where).rpartition(".")
    leaves = parts.flat(network).leaves
    while leaf and leaf not in leaves:
        leaf, _, more = leaf.rpartition(".")
        path = f"{more}.{path}"
    if not leaf:
        raise ValueError(
            f"constants[{name!r}] = {where!r} must be a leaf of the network and its "
            f"option, such as {next(iter(leaves))}.threshold."
        )
    value: Any = _options(leaf, leaves[leaf].cell)
    for key in path.split("."):
        at = value.get(key) if isinstance(value, dict) else getattr(value, key, None)
        if at is None:
            raise ValueError(
                f"constants[{name!r}]: {leaf} was not given {path!r}, so that it "
                f"cannot be compared with theirs, {_some(array)}. Give it to {leaf}."
            )
        value = at
    known = check.concrete(value)
    if known is None or known.dtype == object:
        raise ValueError(f"constants[{name!r}]: {where} is no number that is known.")
    if not _same(known, array):
        raise ValueError(
            f"constants[{name!r}] is {_some(array)} there, and {_some(known)} here, as "
            f"{where}."
        )


def _options(leaf, cell):
    """What a leaf was given; what a preset was not, as its library has it."""
    given = parts.options_of(leaf, cell)
    if cell.about.make is not from_library:
        return given
    known = PRESETS[given["name"]].parameters
    defaults = {key: p.default for key, p in known.items() if p.default is not p.empty}
    return defaults | given


def _same(known, array):
    """Whether numbers of ours are theirs, as exactly as theirs are told."""
    if array.size == 0 or array.dtype.kind not in "iufV":
        return False
    if array.ndim and known.ndim and known.shape != array.shape:
        return False
    whole = array.dtype.kind in "iu"
    return bool(np.all((known if whole else known.astype(array.dtype)) == array))


def _some(array):
    """A number, or a few of many."""
    if array.ndim == 0:
        return f"{array}"
    return f"{np.array2string(array, threshold=4, precision=4)}"
