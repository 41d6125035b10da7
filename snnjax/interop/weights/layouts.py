"""How another library lays out an array, and the way here and back.

"torch"   [out, in], [out, in, *kernel], maps [channels, *space] when flattened:
          PyTorch and what stands on it, Equinox
"flax"    [in, out], [*kernel, in, out], maps [*space, channels]: Flax, and ours
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from snnjax import check
from snnjax.interop.weights.places import Place, shown

Layout = Literal["torch", "flax"]
_TURNED = "matrix", "convolution"
Flattened = Mapping[str, tuple[int, ...]]


def theirs(place: Place, layout: Layout) -> tuple[int, ...]:
    """The shape that an array of ours has there.

    Raises:
        ValueError: for one of which no layout there is known.
    """
    shape = place.shape
    if layout == "flax" or place.kind in ("bias", "plain"):
        return shape
    if place.kind == "other":
        raise ValueError(
            f"{place.name} {shown(shape)} is of a connection that has no like there: "
            f"which of its axes is which is not known. Bring theirs into this shape "
            "and say layout='flax', or take it over by hand."
        )
    return shape[:-3:-1] + shape[:-2]


def to_ours(
    array: np.ndarray, place: Place, layout: Layout, flattened: Flattened
) -> Any:
    """An array of theirs, which has the shape that it should have, as ours."""
    if layout == "torch" and place.kind in _TURNED:
        array = np.moveaxis(array, (1, 0), (-2, -1))
    if place.leaf in flattened and _reordered(place):
        maps = flattened[place.leaf]
        rest = array.shape[1:]
        array = np.moveaxis(array.reshape(*maps, *rest), 0, len(maps) - 1)
        array = array.reshape(-1, *rest)
    return np.ascontiguousarray(array).reshape(array.shape)  # also of no axes


def to_theirs(
    array: np.ndarray, place: Place, layout: Layout, flattened: Flattened
) -> Any:
    """The way back."""
    if place.leaf in flattened and _reordered(place):
        channels, *space = flattened[place.leaf]
        rest = array.shape[1:]
        array = np.moveaxis(array.reshape(*space, channels, *rest), len(space), 0)
        array = array.reshape(-1, *rest)
    if layout == "torch" and place.kind in _TURNED:
        array = np.moveaxis(array, (-2, -1), (1, 0))
    return np.ascontiguousarray(array).reshape(array.shape)  # also of no axes


def _reordered(place):
    """Whether the first axis counts what was flattened: of a bias it counts outputs."""
    return place.kind == "matrix" or (place.kind == "plain" and place.shape != ())


def check_flattened(
    places: Mapping[str, Place], layout: Layout, flattened: Any
) -> Flattened:
    """Maps by leaf: all those that must be told, and no others.

    Raises:
        ValueError: for another layout, a leaf that sees a flattened map of which
            nothing is told, or a map that does not have as many entries.
    """
    check.one_of("layout", layout, ("torch", "flax"))
    told = {} if flattened is None else flattened
    check.mapping("flattened", told)
    if told and layout == "flax":
        raise ValueError("flattened is for layout='torch'; flax flattens as we do.")
    leaves = {place.leaf for place in places.values()}
    for leaf in told:
        if leaf not in leaves:
            raise ValueError(
                f"flattened names {leaf!r}, which is none of "
                f"{', '.join(sorted(leaves))}."
            )
    for place in places.values() if layout == "torch" else ():
        if not _reordered(place):
            continue
        if place.behind_flatten and place.leaf not in told:
            raise ValueError(
                f"{place.leaf} reads a flattened map, which is in another order there: "
                f"channels first. Say which, flattened={{{place.leaf!r}: (channels, "
                f"height, width)}}, with {place.shape[0]} entries together."
            )
        if place.leaf in told:
            _check_map(place, told[place.leaf])
    return told


def _check_map(place, shape):
    sizes = isinstance(shape, tuple) and len(shape) in (2, 3)
    if not sizes or not all(isinstance(size, int) and size > 0 for size in shape):
        raise ValueError(
            f"flattened[{place.leaf!r}] must be (channels, height, width) or "
            f"(channels, length), got {shape!r}."
        )
    if place.channels is not None and shape[0] != place.channels:
        raise ValueError(
            f"flattened[{place.leaf!r}] = {shape} has {shape[0]} channels, where the "
            f"convolution before it puts out {place.channels}. Channels come first."
        )
    if math.prod(shape) != place.shape[0]:
        raise ValueError(
            f"flattened[{place.leaf!r}] = {shape} has {math.prod(shape)} entries, "
            f"where {place.name} {shown(place.shape)} has {place.shape[0]}."
        )
