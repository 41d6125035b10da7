"""DVS Gesture: eleven gestures of hands and arms, seen by an event camera of 128x128.

The published conversion has a folder for each user and light, ``user01_led``, with one
``<label>.npy`` for each gesture (Amir et al. 2017, doi:10.1109/CVPR.2017.781).
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax.datasets.formats.checked import DataError, read_all
from snnjax.datasets.formats.gesture_npy import SIZE, read_gesture_file
from snnjax.datasets.places import find
from snnjax.datasets.published import DataSet, File
from snnjax.datasets.samples import Split, check_split
from snnjax.events import Events, from_rows

_URL = "https://figshare.com/ndownloader/files"
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


def gesture_recordings(folder: str | Path) -> list[GestureRecording]:
    """Lists the recordings ``user<nn>_<light>/<label>.npy`` of a folder, by user.

    Raises:
        DataError: if there are none, or for a name that is of another kind.
    """
    recordings = []
    for path in Path(folder).glob("*/*.npy"):
        match = re.fullmatch(
            r"user(\d\d)_(\w+)/(\d|10)", f"{path.parent.name}/{path.stem}"
        )
        if match is None:
            raise DataError(f"{path} is not named user<nn>_<light>/<label>.npy.")
        recordings.append(
            GestureRecording(path, int(match[3]), int(match[1]), match[2])
        )
    if not recordings:
        raise DataError(f"{folder} holds no user<nn>_<light>/<label>.npy.")
    return sorted(recordings, key=lambda each: (each.user, each.light, each.label))


def dvs_gesture(
    split: Split, path: str | Path | None = None, *, skip_bad: bool = False
) -> Events:
    """Reads a part of DVS Gesture.

    The test part is the official one, of users 24 to 29; of the others, users 20 to 23
    validate.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with ``ibmGestureTrain`` and ``ibmGestureTest``; see ``places`` if
            omitted.
        skip_bad: whether to leave out files that cannot be read; a warning names them.

    Returns:
        Events of 32768 units; ``group`` is the user.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    check_split(split)
    part = "ibmGestureTest" if split == "test" else "ibmGestureTrain"
    folder = find("dvs-gesture", "gestures", [part], path, homes=DATA_SET.homes)
    recordings = gesture_recordings(folder)
    if split != "test":
        validates = split == "validation"
        recordings = [each for each in recordings if (each.user >= 20) == validates]
    paths = [each.path for each in recordings]
    found = read_all(read_gesture_file, paths, skip_bad=skip_bad)
    recordings, rows = [recordings[k] for k in found], [*found.values()]
    return from_rows(
        *([times for times, _ in rows], [units for _, units in rows]),
        np.array([each.label for each in recordings], np.int64),
        n_units=2 * SIZE[0] * SIZE[1],
        group=np.array([each.user for each in recordings], np.int64),
        n_classes=len(GESTURES),
    )


DATA_SET = DataSet(
    name="dvs-gesture",
    about="eleven gestures of hands and arms, seen by an event camera of 128x128 "
    "pixels",
    parts="users 20 to 23 validate; the official test, users 24 to 29",
    home="https://research.ibm.com/interactive/dvsgesture",
    licence="CC BY 4.0",
    cite="Amir et al. 2017, doi:10.1109/CVPR.2017.781",
    load=dvs_gesture,
    homes=("DVSGesture",),
    marks=("ibmGestureTrain",),
    files=(
        File(
            "ibmGestureTrain.tar.gz",
            f"{_URL}/38022171",
            "md5:3a8f0d4120a166bac7591f77409cb105",
            most=2**32,
            unpack="ibmGestureTrain",
        ),
        File(
            "ibmGestureTest.tar.gz",
            f"{_URL}/38020584",
            "md5:56070e45dadaa85fff82e0fbfbc06de5",
            most=2**32,
            unpack="ibmGestureTest",
        ),
    ),
)
