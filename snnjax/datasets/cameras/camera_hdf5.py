"""HDF5 of event cameras, in the layouts that people use.

Arrays of one number for each event, named

    events/x y t p        DSEC, TUM-VIE, evutils: times [µs] where ms_to_idx is beside,
                          plus t_offset
    raw_events/x y t p    event-vision-library, times [s]
    events/xs ys ts ps    E2VID and event_utils, times [s]
    prophesee/left/x y t p    M3ED, times [µs] where ms_map_idx is beside
    x y t p, xs ys ts ps  at the top

or one array of which an event is a row

    CD/events             Prophesee, fields x, y, p, t [µs]
    davis/left/events     MVSEC, [n, 4] of x, y, t [s], polarity
    events                fields x, y, t, p; or [n, 4], of v2e t [µs], x, y, polarity

(Gehrig et al. 2021, doi:10.1109/LRA.2021.3068942; Zhu et al. 2018,
doi:10.1109/LRA.2018.2800793; docs.prophesee.ai, "HDF5 Event File Format".)
Columns and rows are as stored: event-vision-library has stored x as y and y as x.
"""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from snnjax import check
from snnjax.datasets.cameras.camera_columns import (
    COLUMN_BYTES,
    UNITS,
    Unit,
    columns_of_events,
    microseconds,
    unit_of_times,
    unit_of_word,
)
from snnjax.datasets.cameras.camera_told import (
    ATTRIBUTES,
    told_besides,
    told_size,
)
from snnjax.datasets.cameras.on_sensor import on_sensor
from snnjax.datasets.containers import hdf5
from snnjax.datasets.containers.hdf5_attributes import attribute, check_attributes
from snnjax.datasets.guard.checked import HoldsError, Reading, listed, reading
from snnjax.events import Outside, Recorded
from snnjax.events.columns import OUTSIDE

Camera = Literal["left", "right"]

_MOST = (2**16, 2**16)
_SHORT, _LONG = ("t", "x", "y", "p"), ("ts", "xs", "ys", "ps")
_COLUMNS = (  # of groups, and what arrays in them are called
    *(("raw_events", _SHORT), ("events", _SHORT), ("events", _LONG)),
    *(("prophesee/left", _SHORT), ("prophesee/right", _SHORT)),
    *(("", _SHORT), ("", _LONG)),
)
_ROWS = ("CD/events", "davis/left/events", "davis/right/events", "events")
_INDEXES = ("ms_to_idx", "ms_map_idx")  # of events, by the millisecond


class _Place(NamedTuple):
    """Where the events of a camera lie."""

    group: str  # or the array itself
    names: tuple[str, ...]  # of arrays; none if an event is a row


def read_camera_hdf5(
    path: str | Path,
    *,
    unit: Unit | None = None,
    columns: str | None = None,
    camera: Camera | None = None,
    limit: int | None = None,
    outside: Outside = "error",
) -> Recorded:
    """Reads the events of one camera.

    What times count is told by the layout, or by an attribute ``unit`` or ``units`` of
    them; times that are no whole numbers are seconds. Otherwise ``unit`` is asked for.
    ``source`` of the result says where the events lay, and how times were understood.

    Args:
        path: of the file.
        unit: of times, ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``; as above if omitted.
        columns: which of four columns without names is which, such as ``"x y t p"``; as
            the layout says if omitted.
        camera: ``"left"`` or ``"right"``, where the file has both.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Events in the order of the file; times in whole microseconds.

    Raises:
        ValueError: for another unit, columns or camera.
        ImportError: without h5py, or without hdf5plugin where it is needed.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    check.one_of("outside", outside, OUTSIDE)
    if unit is not None:
        check.one_of("unit", unit, UNITS)
    if camera is not None:
        check.one_of("camera", camera, ("left", "right"))
    order = None if columns is None else _order(columns)
    hdf5.library()
    with (
        reading(path, "HDF5 of an event camera", limit) as file,
        hdf5.opened(file) as (tree, raw),
    ):
        check_attributes(raw, ATTRIBUTES)
        place = _chosen(_places(tree), camera, tree)
        if order and not _array(tree, place.group, 2):
            raise HoldsError(f"columns of {place.group or 'events'} that have names")
        if place.names:
            found, told = _arrays(tree, place, raw, file)
        else:
            found, told = _rows(tree, place, raw, file, order)
        t, x, y, p = (found[name] for name in _SHORT)
        unit = unit or told or unit_of_times(t)
        file.take(COLUMN_BYTES * max(map(len, (t, x, y, p))), "its events")
        source = f"HDF5 {'/'.join([place.group, ','.join(place.names)]).strip('/')}"
        source += f", times of {t.dtype} [{unit}]"
        t, x, y, p = columns_of_events(t, x, y, p, unit)
        if offset := _offset(tree, place, raw, file):
            t, source = t + offset, f"{source}, t_offset of {offset} µs added"
        size = told_size(tree, place.group)
        recorded = Recorded(t, x, y, p, size, "top left", source)
        recorded = recorded._replace(**told_besides(tree, place.group))
        return on_sensor(recorded, _MOST, outside)


def is_camera_hdf5(tree: Any) -> bool:
    """Whether an open HDF5 file has events of a camera in a layout that is read here.

    Args:
        tree: from ``hdf5.opened``.
    """
    return bool(_places(tree))


def _order(columns):
    """Which of four columns is which, as is asked for."""
    names = tuple(columns.split()) if isinstance(columns, str) else ()
    if sorted(names) != sorted(_SHORT):
        raise ValueError(
            f"columns must name t, x, y and p, such as 'x y t p', got {columns!r}."
        )
    return names


def _places(tree):
    found = [
        _Place(group, names)
        for group, names in _COLUMNS
        if all(_array(tree, f"{group}/{name}".strip("/")) for name in names)
    ]
    rows = [_Place(place, ()) for place in _ROWS if _is_rows(tree, place)]
    return found + rows


def _array(tree, place, ndim=1):
    """Whether there is an array of so many axes, no link, in this very file."""
    try:
        node = hdf5.dataset(tree, place)
    except HoldsError:
        return False
    return node is not None and node.shape is not None and len(node.shape) == ndim


def _is_rows(tree, place):
    if _array(tree, place):
        return {*_SHORT} <= {*(tree[place].dtype.names or ())}
    return _array(tree, place, 2) and tree[place].shape[1] == 4


def _chosen(places, camera, tree) -> _Place:
    """The one place there is, or that of the camera asked for."""
    if camera is not None:
        places = [place for place in places if camera in place.group.split("/")]
    if not places:
        wanted = f"events of a {camera} camera" if camera else "events of a camera"
        raise HoldsError(f"{hdf5.names(tree)}, no {wanted} in a layout that is known")
    if len(places) > 1:
        way = "; camera=… picks one" if "left" in places[0].group else ""
        raise HoldsError(f"events in {listed(p.group for p in places)}{way}")
    return places[0]


def _arrays(tree, place, raw, file: Reading) -> tuple[dict[str, np.ndarray], Any]:
    """Columns that lie apart, and the unit that the layout or an attribute tells."""
    found: dict[str, np.ndarray] = {}
    for name in place.names:
        where = f"{place.group}/{name}".strip("/")
        values = hdf5.numbers(tree, where, raw, file, kinds="iufb")
        assert values is not None, where
        found[name[0]] = values
    where = f"{place.group}/{place.names[0]}".strip("/")
    told = _attribute(tree[where])
    beside = (f"{place.group}/{name}".strip("/") for name in _INDEXES)
    if any(_array(tree, where) for where in (*_INDEXES, *beside)):
        told = told or "us"
    return found, told


def _rows(tree, place, raw, file: Reading, order):
    """Columns of an array of which an event is a row, and the unit if it is told."""
    node = hdf5.dataset(tree, place.group)
    told = _attribute(node)
    if node.dtype.names:
        fields = [node.dtype[name] for name in node.dtype.names]
        if any(field.kind not in "iufb" or field.shape for field in fields):
            raise HoldsError(f"{place.group} of type {str(node.dtype)[:200]}")
        rows = hdf5.fetch(node, place.group, raw, file)
        told = told or ("us" if place.group.startswith("CD/") else None)
        return {name: rows[name] for name in _SHORT}, told
    table = hdf5.numbers(tree, place.group, raw, file, kinds="iuf", ndim=2)
    assert table is not None, place
    if place.group.startswith("davis/"):
        order = order or ("x", "y", "t", "p")
    elif table.dtype.kind == "u" and order is None and not _rise_third(table):
        order, told = ("t", "x", "y", "p"), told or "us"  # of v2e
    if order is None:
        raise HoldsError(
            f"four columns of {table.dtype} as {place.group}, that do not say which "
            "they are; columns='t x y p' or another order does"
        )
    return {name: table[:, k] for k, name in enumerate(order)}, told


def _rise_third(table):
    """Whether times seem to be the third column, not the first as v2e has them."""
    rise = [bool((column[1:] >= column[:-1]).all()) for column in table.T]
    return rise[2] and not rise[0]


def _attribute(node) -> Unit | None:
    """The unit that an attribute of an array tells."""
    for name in ("unit", "units"):
        if (word := attribute(node, name)) is not None:
            if not isinstance(word, str) or unit_of_word(word) is None:
                raise HoldsError(
                    f"times in units of {str(word)!r:.40}; unit=… says which"
                )
            return unit_of_word(word)
    return None


def _offset(tree, place, raw, file: Reading) -> int:
    """What DSEC adds to times [µs]."""
    if place.group != "events" or not _array(tree, "t_offset", 0):
        return 0
    found = hdf5.numbers(tree, "t_offset", raw, file, kinds="iu", ndim=0)
    assert found is not None, place
    return int(microseconds(found.reshape(1), "us")[0])
