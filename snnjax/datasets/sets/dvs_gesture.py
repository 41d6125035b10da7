"""DVS Gesture: eleven gestures of hands and arms, seen by an event camera of 128x128.

As released, each user and light have one recording ``user01_led.aedat`` with its trials
``user01_led_labels.csv``; ``trials_to_train.txt`` and ``trials_to_test.txt`` name those
of a part. A published conversion has a folder for each user and light, ``user01_led``,
with one ``<label>.npy`` for each gesture. Both are read, and give the same (Amir et al.
2017, doi:10.1109/CVPR.2017.781).
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax.datasets.cameras.gesture_aedat import (
    Trial,
    read_gesture_trials,
    read_trials,
)
from snnjax.datasets.cameras.gesture_npy import SIZE, read_gesture_file
from snnjax.datasets.guard.checked import DataError, listed, read_all
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
    begin: int | None = None  # [µs], where it is a part of a recording
    end: int | None = None  # [µs], the first that is none of it


def gesture_recordings(folder: str | Path) -> list[GestureRecording]:
    """Lists the gestures of a folder, by user, light and label.

    They are files ``user<nn>_<light>/<label>.npy``, or where there are none what lies
    in recordings ``user<nn>_<light>.aedat`` with their ``_labels.csv``.

    Raises:
        DataError: if there are none, for a name that is of another kind, or for trials
            that are missing or damaged.
    """
    folder = Path(folder)
    recordings = [_converted(path) for path in folder.glob("*/*.npy")]
    if not recordings:
        for path in folder.glob("*.aedat"):
            recordings += _released(path)
    if not recordings:
        raise DataError(
            f"{folder} holds no user<nn>_<light>/<label>.npy, nor any "
            "user<nn>_<light>.aedat."
        )
    return sorted(recordings, key=_place)


def dvs_gesture(
    split: Split, path: str | Path | None = None, *, skip_bad: bool = False
) -> Events:
    """Reads a part of DVS Gesture.

    The test part is the official one, of users 24 to 29; of the others, users 20 to 23
    validate.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with ``ibmGestureTrain`` and ``ibmGestureTest``, or of the release;
            see ``places`` if omitted.
        skip_bad: whether to leave out files that cannot be read; a warning names them.

    Returns:
        Events of 32768 units; ``group`` is the user.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    check_split(split)
    part = "ibmGestureTest" if split == "test" else "ibmGestureTrain"
    trials = "trials_to_test.txt" if split == "test" else "trials_to_train.txt"
    place = find("dvs-gesture", "gestures", [part, trials], path, homes=DATA_SET.homes)
    if place.name == trials:
        recordings = _listed(place, skip_bad)
    else:
        recordings = gesture_recordings(place)
    if split != "test":
        validates = split == "validation"
        recordings = [each for each in recordings if (each.user >= 20) == validates]
    recordings, rows = _read(recordings, skip_bad)
    return from_rows(
        *([times for times, _ in rows], [units for _, units in rows]),
        np.array([each.label for each in recordings], np.int64),
        n_units=2 * SIZE[0] * SIZE[1],
        group=np.array([each.user for each in recordings], np.int64),
        n_classes=len(GESTURES),
    )


def _converted(path):
    """The one gesture of a file of the conversion."""
    match = re.fullmatch(r"user(\d\d)_(\w+)/(\d|10)", f"{path.parent.name}/{path.stem}")
    if match is None:
        raise DataError(f"{path} is not named user<nn>_<light>/<label>.npy.")
    return GestureRecording(path, int(match[3]), int(match[1]), match[2])


def _released(path):
    """All gestures of a recording of the release."""
    match = re.fullmatch(r"user(\d\d)_(\w+)", path.stem)
    if match is None:
        raise DataError(f"{path} is not named user<nn>_<light>.aedat.")
    labels = path.with_name(f"{path.stem}_labels.csv")
    if not labels.is_file():
        raise DataError(f"{path} has no {labels.name} beside it.")
    return [
        GestureRecording(path, label, int(match[1]), match[2], begin, end)
        for label, begin, end in read_trials(labels)
    ]


def _listed(trials: Path, skip_bad: bool) -> list[GestureRecording]:
    """The gestures of the recordings that the list of a part names."""
    lines = trials.read_text("ascii", "replace").splitlines()
    paths = [trials.parent / line.strip() for line in lines if line.strip()]
    missing = [path.name for path in paths if not path.is_file()]
    if missing or not paths:
        raise DataError(f"{trials} names {listed(missing)}, which is missing.")
    found = read_all(_released, paths, skip_bad=skip_bad)
    return sorted((each for some in found.values() for each in some), key=_place)


def _place(recording):
    """By what recordings are sorted."""
    return recording.user, recording.light, recording.label, recording.begin or 0


def _read(
    recordings: Sequence[GestureRecording], skip_bad: bool
) -> tuple[list[GestureRecording], list[tuple[np.ndarray, np.ndarray]]]:
    """Gestures that can be read, and their events; no file is read twice."""
    inside: dict[Path, list[int]] = {}
    for k, each in enumerate(recordings):
        inside.setdefault(each.path, []).append(k)
    paths = [*inside]

    def read(path):
        some = [recordings[k] for k in inside[path]]
        trials = [
            Trial(each.label, each.begin, each.end)
            for each in some
            if each.begin is not None and each.end is not None
        ]
        if trials:
            return read_gesture_trials(path, trials)
        return [read_gesture_file(path)]

    found = read_all(read, paths, skip_bad=skip_bad)
    rows = {
        k: row
        for at, each in found.items()
        for k, row in zip(inside[paths[at]], each, strict=True)
    }
    return [recordings[k] for k in sorted(rows)], [rows[k] for k in sorted(rows)]


DATA_SET = DataSet(
    name="dvs-gesture",
    about="eleven gestures of hands and arms, seen by an event camera of 128x128 "
    "pixels",
    parts="users 20 to 23 validate; the official test, users 24 to 29",
    home="https://research.ibm.com/interactive/dvsgesture",
    licence="CC BY 4.0",
    cite="Amir et al. 2017, doi:10.1109/CVPR.2017.781",
    load=dvs_gesture,
    homes=("DVSGesture", "DvsGesture"),
    marks=("ibmGestureTrain", "trials_to_train.txt"),
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
