"""DVS Gesture: eleven gestures of hands and arms, seen by an event camera of 128x128.

The published conversion has a folder for each user and light, ``user01_led``, with one
``<label>.npy`` for each gesture, an array ``[n, 4]`` of x, y, polarity and time in
milliseconds (Amir et al. 2017, doi:10.1109/CVPR.2017.781).
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax.datasets.camera import camera_events
from snnjax.datasets.files import DataError, array, content, reading
from snnjax.datasets.places import find
from snnjax.datasets.samples import Split, check_split
from snnjax.events import Events, Late, from_rows

SIZE = (128, 128)  # height and width of the sensor [pixels]
GESTURES = (
    *("hand clapping", "right hand wave", "left hand wave"),
    *("right arm clockwise", "right arm counter-clockwise"),
    *("left arm clockwise", "left arm counter-clockwise"),
    *("arm roll", "air drums", "air guitar", "other gestures"),
)


class GestureRecording(NamedTuple):
    """Where one sample lies, and what is known of it before it is read."""

    path: Path
    label: int
    user: int
    light: str


def read_gesture_file(
    path: str | Path, *, bad: Late = "error"
) -> tuple[np.ndarray, np.ndarray]:
    """Reads one recording.

    Args:
        path: of the ``.npy`` file.
        bad: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Times [s], float64, and units ``(y·128 + x)·2 + polarity``, int32.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and the event that is wrong.
    """
    with reading(path, "a DVS Gesture recording") as path:
        found = array(content(path), "the array")
        if found.ndim != 2 or found.shape[1] != 4 or found.dtype.kind not in "iuf":
            raise ValueError(f"it is {found.dtype} {list(found.shape)}, not [n, 4]")
        if found.dtype.kind == "f" and np.any(found[:, :3] != np.floor(found[:, :3])):
            raise ValueError("x, y or polarity is no whole number")
        x, y, polarity, time = (found[:, k].astype(np.float64) for k in range(4))
        return camera_events(x, y, polarity, time * 1e-3, SIZE, bad)


def gesture_recordings(folder: str | Path) -> list[GestureRecording]:
    """Lists the recordings ``user<nn>_<light>/<label>.npy`` of a folder, by user.

    Raises:
        DataError: if there are none, or for a name that is of another kind.
    """
    found = []
    for path in Path(folder).glob("*/*.npy"):
        told = re.fullmatch(
            r"user(\d\d)_(\w+)/(\d|10)", f"{path.parent.name}/{path.stem}"
        )
        if told is None:
            raise DataError(f"{path} is not named user<nn>_<light>/<label>.npy.")
        found.append(GestureRecording(path, int(told[3]), int(told[1]), told[2]))
    if not found:
        raise DataError(f"{folder} holds no user<nn>_<light>/<label>.npy.")
    return sorted(found, key=lambda each: (each.user, each.light, each.label))


def dvs_gesture(split: Split, path: str | Path | None = None) -> Events:
    """Reads a part of DVS Gesture.

    The test part is the official one, of users 24 to 29; of the others, users 20 to 23
    validate.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with ``ibmGestureTrain`` and ``ibmGestureTest``; see ``places`` if
            omitted.

    Returns:
        Events of 32768 units; ``group`` is the user.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    check_split(split)
    part = "ibmGestureTest" if split == "test" else "ibmGestureTrain"
    folder = find("dvs-gesture", "gestures", [part], path, homes=("DVSGesture",))
    found = gesture_recordings(folder)
    if split != "test":
        found = [each for each in found if (each.user >= 20) == (split == "validation")]
    rows = [read_gesture_file(each.path) for each in found]
    return from_rows(
        *([times for times, _ in rows], [units for _, units in rows]),
        np.array([each.label for each in found], np.int64),
        n_units=2 * SIZE[0] * SIZE[1],
        group=np.array([each.user for each in found], np.int64),
        n_classes=len(GESTURES),
    )
