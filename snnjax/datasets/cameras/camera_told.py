"""What attributes of HDF5 files of event cameras tell of the sensor and the file."""

import json
import re
from typing import Any

import numpy as np

from snnjax.datasets.containers.hdf5_attributes import attribute
from snnjax.datasets.guard.checked import DamageError

_BESIDES = ("origin", "skipped", "source", "zero")
_SIDES, _SIDES_BYTES = "sensor_resolution", 100
_OF_SIZE = ("geometry", "height", "width", _SIDES)
ATTRIBUTES = ("unit", "units", *_OF_SIZE, *_BESIDES)
_MOST = 2**16  # pixels of a side


def told_size(tree: Any, group: str) -> tuple[int, int] | None:
    """Height and width of a sensor, if attributes tell them.

    These are ``geometry``, text such as ``1280x720``; ``width`` and ``height``; or
    ``sensor_resolution``, height and width: of the file, or of the group of events.

    Args:
        tree: the open file.
        group: where the events lie.

    Raises:
        DamageError: for what is no size.
    """
    for node in (tree, tree[group] if group else tree):
        if (text := attribute(node, "geometry")) is not None:
            match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", str(text))
            width, height = match.groups() if match else ("", "")
            return _size("geometry", (height, width), text)
        sides = [attribute(node, name) for name in ("height", "width")]
        if None not in sides:
            return _size("height and width", sides, sides)
        if (sides := _sides(node)) is not None:
            return _size(_SIDES, np.ravel(sides).tolist()[:2], sides)
    return None


def told_besides(tree: Any, group: str) -> dict[str, Any]:
    """Fields of ``Recorded`` that ``write_camera_hdf5`` attached to the events.

    Args:
        tree: the open file.
        group: where the events lie.

    Raises:
        DamageError: for another origin, or what does not count what was skipped.
    """
    node = tree[group] if group else tree
    found = {name: attribute(node, name) for name in _BESIDES}
    if not isinstance(found["skipped"], str) or found["origin"] is None:
        return {}  # written by others
    if found["origin"] not in ("top left", "bottom left"):
        raise DamageError(f"its origin is {found['origin']!r:.40}")
    skipped = json.loads(found["skipped"])
    counted = isinstance(skipped, dict) and all(
        type(n) is int for n in skipped.values()
    )
    if not counted:
        raise DamageError(f"what was skipped is {found['skipped']!r:.60}")
    texts = {name: str(found[name]) for name in ("source", "zero") if found[name]}
    return {"origin": str(found["origin"]), "skipped": skipped, **texts}


def _sides(node):
    """Height and width in one attribute, if it is short."""
    if _SIDES not in node.attrs:
        return None
    found = node.attrs.get_id(_SIDES)
    if found.get_storage_size() > _SIDES_BYTES or found.dtype.kind not in "iuf":
        raise DamageError(f"its {_SIDES} is {found.dtype}, no size of a sensor")
    return node.attrs[_SIDES]


def _size(name, sides, told):
    try:
        height, width = (int(np.asarray(side).reshape(())) for side in sides)
    except (TypeError, ValueError):
        height = width = 0
    if not (0 < height <= _MOST and 0 < width <= _MOST):
        raise DamageError(f"its {name} is {told!r:.40}, no size of a sensor")
    return height, width
