"""Recordings of DVS Gesture as they were released: AEDAT 3.1, and a list of trials.

``user01_led.aedat`` holds all gestures of a user in one light, one after the other.
``user01_led_labels.csv`` says which lies where, one line for each trial:

    class,startTime_usec,endTime_usec
    1,80048239,85092709

Classes count from 1, times are those of the recording (Amir et al. 2017,
doi:10.1109/CVPR.2017.781).
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax.datasets.cameras.aedat31 import read_aedat31
from snnjax.datasets.cameras.camera import camera_events
from snnjax.datasets.cameras.gesture_npy import SIZE
from snnjax.datasets.guard.checked import DataError, HoldsError, content, reading
from snnjax.datasets.guard.signatures import kind_by_signature

_HEAD = "class,startTime_usec,endTime_usec"
_CLASSES = 11
_LINE = re.compile(r"(\d{1,2}),(\d{1,15}),(\d{1,15})", re.ASCII)
_LINE_BYTES = 500  # of memory for each line


class Trial(NamedTuple):
    """Where one gesture lies in a recording."""

    label: int  # from 0
    begin: int  # [µs]
    end: int  # [µs], the first that is none of it


def read_trials(path: str | Path, *, limit: int | None = None) -> list[Trial]:
    """Reads which gestures a recording holds, and where.

    Args:
        path: of the ``_labels.csv`` file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and the line that is wrong.
    """
    with reading(path, "trials of DVS Gesture", limit) as file:
        raw = content(file)
        file.take(_LINE_BYTES * (raw.count(b"\n") + 1), "its lines")
        lines = raw.decode("utf-8-sig").splitlines()
        if not lines or lines[0].strip() != _HEAD:
            kind = kind_by_signature(raw) or "bytes"
            raise HoldsError(f"{kind} that do not begin with {_HEAD!r}")
        return [
            _trial(line.strip(), k)
            for k, line in enumerate(lines[1:], start=2)
            if line.strip()
        ]


def read_gesture_trials(
    path: str | Path, trials: Sequence[Trial]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Reads gestures out of one recording, as ``read_gesture_file`` gives them.

    Args:
        path: of the ``.aedat`` file.
        trials: from ``read_trials``.

    Returns:
        Of each trial the times since its begin [s], float64, and units
        ``(y·128 + x)·2 + polarity``, int32.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it, such as a trial without
            any event.
    """
    recorded = read_aedat31(path)
    found = []
    for label, begin, end in trials:
        fits = (recorded.t >= begin) & (recorded.t < end)
        if not fits.any():
            raise DataError(
                f"{path} has no event of gesture {label}, at {begin} to {end} µs of "
                f"{recorded.t.min(initial=2**62)} to {recorded.t.max(initial=0)}; do "
                "its trials belong to it?"
            )
        t, x, y, p = (column[fits] for column in recorded[:4])
        milliseconds = (t - begin) / 1e3  # as the conversion to .npy has them
        found.append(camera_events(x, y, p, milliseconds * 1e-3, SIZE))
    return found


def _trial(line, number):
    match = _LINE.fullmatch(line)
    label, begin, end = (int(each) for each in match.groups()) if match else (0, 0, 0)
    if not 1 <= label <= _CLASSES or not begin < end:
        raise ValueError(
            f"line {number} is {line[:60]!r}, not a class of 1 to {_CLASSES}, and a "
            "time before another"
        )
    return Trial(label - 1, begin, end)
