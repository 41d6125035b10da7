"""Arrays of another library become weights of ours, and the way back, by name."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.cell import Cell, Weights
from snnjax.interop.weights.constants import check_constant
from snnjax.interop.weights.layouts import (
    Layout,
    check_flattened,
    theirs,
    to_ours,
    to_theirs,
)
from snnjax.interop.weights.places import check_names, meant, places_of, shown
from snnjax.interop.weights.state_dicts import host_arrays

_GATES = re.compile(r"(weight|bias)_(ih|hh)(_l\d+)?(_reverse)?$")


def from_state_dict(
    network: Cell,
    arrays: Mapping[str, Any],
    names: Mapping[str, str],
    *,
    layout: Layout,
    leave_out: Collection[str] = (),
    constants: Mapping[str, str] | None = None,
    flattened: Mapping[str, tuple[int, ...]] | None = None,
    keep: Collection[str] = (),
    start: Weights | None = None,
    dtype: Any = None,
) -> Weights:
    """Makes weights of ours from another library's arrays.

        net = chain(fc=dense(64, 10, bias=True), lif=lif(10, LIFParams(threshold=0.5)))
        names = {"fc.weight": "fc.w", "fc.bias": "fc.b"}
        same = {"lif.threshold": "lif.params.threshold"}  # is checked
        weights = from_state_dict(net, arrays, names, constants=same, layout="torch")

    Every array of theirs must be named in ``names``, ``constants`` or ``leave_out``,
    and every one of ours in ``names`` or ``keep``.

    Args:
        network: of ours, wired as theirs.
        arrays: of theirs by name, as ``read_state_dict`` reads them.
        names: theirs to ours; ours is the dotted name of a leaf (``parts.flat``) and
            the field of its weights.
        layout: of theirs, ``"torch"``, [out, in], or ``"flax"``, [in, out].
        leave_out: names of theirs that are not wanted.
        constants: names of theirs that are no weights here, with the option of the leaf
            that has them; that they are equal, as precise as theirs, is checked.
        flattened: leaves that read a flattened map, with its shape there, ``(channels,
            height, width)``: needed with layout ``"torch"``.
        keep: names of ours that stay as they are in ``start``.
        start: weights of the network, for ``keep``.
        dtype: that floating-point numbers are rounded to; theirs if omitted.

    Returns:
        Weights as ``network.init`` draws them.

    Raises:
        ValueError: by name: for an array that is not accounted for on either side, one
            of another shape, with the probable reason, of whole numbers, or not finite,
            a constant that differs, or a precision that JAX would not keep.
    """
    ours = places_of(network)
    maps = check_flattened(ours.places, layout, flattened)
    given = host_arrays(arrays)
    constants = {} if constants is None else constants
    for name, value in (("names", names), ("constants", constants)):
        check.mapping(name, value)
    kept = check_names("keep", keep)
    _check_theirs(given, names, constants, check_names("leave_out", leave_out))
    _check_ours(ours.places, names, kept)
    for name, place in constants.items():
        check_constant(network, name, given[name], place)
    before = _as_they_are(ours, kept, start)
    found = {
        place: _placed(name, given[name], ours.places[place], layout, maps, dtype)
        for name, place in names.items()
    }
    leaves = [found[name] if name in found else before[name] for name in ours.places]
    return jax.tree.unflatten(ours.tree, leaves)


def to_state_dict(
    network: Cell,
    weights: Weights,
    names: Mapping[str, str],
    *,
    layout: Layout,
    leave_out: Collection[str] = (),
    flattened: Mapping[str, tuple[int, ...]] | None = None,
) -> dict[str, np.ndarray]:
    """The way back: weights of ours by the names of another library, in its layout.

        {**arrays, **to_state_dict(net, weights, names, layout="torch")}

    is what was read, with what was learned since. What was taken over comes back bit
    for bit.

    Args:
        network: of ours.
        weights: of it.
        names: theirs to ours, as for ``from_state_dict``.
        layout: of theirs.
        leave_out: names of ours that theirs does not have.
        flattened: as for ``from_state_dict``.

    Returns:
        Arrays on the host, by the names there.

    Raises:
        ValueError: for weights of another network, or an array of ours that is neither
            in ``names`` nor in ``leave_out``.
    """
    ours = places_of(network)
    maps = check_flattened(ours.places, layout, flattened)
    check.mapping("names", names)
    arrays = _as_they_are(ours, tuple(ours.places), weights)
    _check_ours(ours.places, names, check_names("leave_out", leave_out))
    host = host_arrays({name: arrays[place] for name, place in names.items()})
    for place in names.values():
        theirs(ours.places[place], layout)  # refuses what has no like there
    return {
        name: to_theirs(host[name], ours.places[place], layout, maps)
        for name, place in names.items()
    }


def _check_theirs(given, names, constants, leave_out):
    """Every name of theirs in exactly one of three."""
    groups = {"names": names, "constants": constants, "leave_out": leave_out}
    seen: dict[str, str] = {}
    for group, members in groups.items():
        for name in members:
            if name not in given:
                raise ValueError(
                    f"{group} has {name!r}, which is not among theirs."
                    f"{meant(str(name), given)}"
                )
            if name in seen:
                raise ValueError(f"{name!r} is both in {seen[name]} and in {group}.")
            seen[name] = group
    missing = [name for name in given if name not in seen]
    if missing:
        listed = "; ".join(f"{k} {check.told(given[k])}{_hint(k)}" for k in missing[:8])
        more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
        raise ValueError(
            f"Of theirs {listed}{more} would be lost. Say where each belongs (names, "
            "constants), or that it is not wanted (leave_out)."
        )


def _hint(name):
    if name.endswith("num_batches_tracked"):
        return " (counts batches of training; leave it out)"
    return (
        " (of a recurrent net with gates if its rows are 3 or 4 times the neurons; "
        "there is no such cell here)"
        if _GATES.search(name)
        else ""
    )


def _check_ours(places, names, others):
    """Every name of ours once."""
    seen: set[str] = set()
    for place in [*names.values(), *others]:
        if place not in places:
            raise ValueError(
                f"{place!r} is not among the weights of the network: "
                f"{', '.join(places) or 'it has none'}.{meant(str(place), places)}"
            )
        if place in seen:
            raise ValueError(f"{place!r} is named twice.")
        seen.add(place)
    missing = [f"{k} {shown(p.shape)}" for k, p in places.items() if k not in seen]
    if missing:
        raise ValueError(
            f"Nothing is said of {', '.join(missing)} of the network's weights. Name "
            "what they are there, make the network without them (bias=False), or name "
            "them in keep (to_state_dict: leave_out)."
        )


def _as_they_are(ours, names, start):
    """Arrays of weights that exist, by name."""
    if not names and start is None:
        return {}
    if start is None:
        raise ValueError("keep needs start=…, the weights of the network to keep from.")
    leaves, tree = jax.tree.flatten(start)
    if tree != ours.tree:
        raise ValueError(
            f"weights must be those of the network, {ours.tree}, got {tree}."
        )
    for leaf, place in zip(leaves, ours.places.values(), strict=True):
        check.shape(f"The weights {place.name}", leaf, place.shape)
    return dict(zip(ours.places, leaves, strict=True))


def _placed(name, array, place, layout, maps, dtype):
    """One array of theirs as ours, refused unless it fits."""
    expected = theirs(place, layout)
    if array.shape != expected:
        raise ValueError(
            f"{name} is {shown(array.shape)}, where {place.name} {shown(place.shape)} "
            f"needs {shown(expected)} in layout {layout!r}."
            f"{_why(name, array, expected)}"
        )
    real = jnp.issubdtype(array.dtype, jnp.floating)
    if real != jnp.issubdtype(place.dtype, jnp.floating):
        raise ValueError(
            f"{name} is {array.dtype}, where {place.name} is {place.dtype}: it holds "
            "something else, or was quantised."
        )
    if real and not np.isfinite(array.astype(np.float64)).all():
        odd = int((~np.isfinite(array.astype(np.float64))).sum())
        raise ValueError(f"{name} has {odd} numbers that are not finite.")
    if real and dtype is not None:
        with np.errstate(over="ignore"):  # refused below
            array = array.astype(_float(dtype))
        if not np.isfinite(array.astype(np.float64)).all():
            raise ValueError(f"{name} has numbers too large for {array.dtype}.")
    placed = jnp.asarray(to_ours(array, place, layout, maps))
    if placed.dtype != array.dtype:
        raise ValueError(
            f"{name} is {array.dtype}, which JAX would narrow to {placed.dtype}; set "
            "jax_enable_x64, or say dtype='float32'."
        )
    return placed


def _float(dtype):
    try:
        wanted = jnp.dtype(dtype)
    except TypeError:
        wanted = None
    if wanted is None or not jnp.issubdtype(wanted, jnp.floating):
        raise ValueError(f"dtype must be of floating point, got {dtype!r}.")
    return wanted


def _why(name, array, expected):
    """The probable reason for another shape."""
    if array.ndim and _GATES.search(name) and expected:
        return (
            " It holds the gates of an LSTM or GRU; there is no cell with gates here."
        )
    if array.shape == expected[::-1] != expected:
        return " It is transposed: is the layout the other one?"
    if sorted(array.shape) == sorted(expected) and array.ndim > 1:
        return " Its axes are in another order: is the layout the other one?"
    if array.shape == () and len(expected) == 1:
        return " One number for all is no number for each: make ours with one."
    if array.size == np.prod(expected):
        return " It has as many numbers: reshape it, if you know how they are ordered."
    return " Is it another layer, or a network of other sizes?"
