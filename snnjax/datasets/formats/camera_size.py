"""The size of a sensor, as attributes of HDF5 files of event cameras tell it."""

import re
from typing import Any

import numpy as np

from snnjax.datasets.formats.checked import DamageError

_BYTES = 100  # of an attribute that may be a size
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
        if (text := _attribute(node, "geometry")) is not None:
            text = text.decode("latin-1") if isinstance(text, bytes) else str(text)
            match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)
            width, height = match.groups() if match else ("", "")
            return _size("geometry", (height, width), text)
        sides = [_attribute(node, name) for name in ("height", "width")]
        if None not in sides:
            return _size("height and width", sides, sides)
        if (sides := _attribute(node, "sensor_resolution")) is not None:
            return _size("sensor_resolution", np.ravel(sides).tolist()[:2], sides)
    return None


def _attribute(node, name):
    """What an attribute says, if it is short."""
    if name not in node.attrs or node.attrs.get_id(name).get_storage_size() > _BYTES:
        return None
    return node.attrs[name]


def _size(name, sides, told):
    try:
        height, width = (int(np.asarray(side).reshape(())) for side in sides)
    except (TypeError, ValueError):
        height = width = 0
    if not (0 < height <= _MOST and 0 < width <= _MOST):
        raise DamageError(f"its {name} is {told!r:.40}, no size of a sensor")
    return height, width
