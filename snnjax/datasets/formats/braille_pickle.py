"""What a fingertip of 12 taxels felt of Braille letters: readings, or events.

Published as pickles, which are read without being run; an ``.npz`` of the same arrays
as in the pickle of readings is read as well. A reading is 255 where nothing touches
(Müller-Cleve et al. 2022, doi:10.3389/fnins.2022.951164).
"""

from pathlib import Path
from typing import Any

import numpy as np

from snnjax.datasets.formats.checked import arrays, content, reading
from snnjax.datasets.formats.unpickle import array_of, items_of, unpickle
from snnjax.datasets.samples import Samples, pack
from snnjax.events import Events, Outside, from_rows

LETTERS = ("Space", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
TAXELS = 12
_COLUMNS = {"taxel_data", "length", "label", "repetition", "letters"}


def read_braille(path: str | Path, *, limit: int | None = None) -> Samples:
    """Reads what the taxels felt, from ``.pkl``, ``.pkl.gz`` or ``.npz``.

    Args:
        path: of the file.
        limit: most bytes that it may have, unpacked; 64 MiB and 200 times its size if
            omitted.

    Returns:
        Readings ``[N, T, 12]``, uint8, a shorter trial padded with its last sample.
        ``trial`` is the repetition.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file, the trial and what is wrong with it.
    """
    with reading(path, "Braille readings") as path:
        if path.suffix == ".npz":
            return _from_columns(arrays(path, _COLUMNS, limit))
        raw = content(path, limit)
        return _from_trials(unpickle(raw), len(raw))


def read_braille_events(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> Events:
    """Reads the events of the full release, a ``.pkl`` for each threshold.

    Args:
        path: of the file.
        limit: as in ``read_braille``.
        outside: what to do with events at no time; ``"drop"`` warns how many.

    Returns:
        Events of 24 units: more contact at each taxel, then less. ``trial`` is the
        repetition where the file tells it.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file, the trial and what is wrong with it.
    """
    with reading(path, "Braille events") as path:
        raw = content(path, limit)
        release = unpickle(raw)
        if not isinstance(release, dict) or not {"letter", "events"} <= release.keys():
            raise ValueError("it is no dict of letter and events")
        labels = np.array(
            [_label(each) for each in items_of(release["letter"])], np.int64
        )
        rows, left = [], len(raw)
        for k, each in enumerate(items_of(release["events"])):
            rows.append(_events(k, each, left))
            left -= len(rows[-1][0])
        trial = items_of(release["repetition"]) if "repetition" in release else None
        return from_rows(
            *([times for times, _ in rows], [units for _, units in rows], labels),
            n_units=2 * TAXELS,
            trial=trial,
            n_classes=len(LETTERS),
            outside=outside,
        )


def _from_columns(columns):
    missing = _COLUMNS - columns.keys()
    if missing:
        raise ValueError(f"there is no array {', '.join(sorted(missing))}")
    x, letters = columns["taxel_data"], tuple(columns["letters"].tolist())
    if x.ndim != 3 or x.shape[1] < 1 or x.shape[2] != TAXELS or x.dtype != np.uint8:
        raise ValueError(
            f"taxel_data is {x.dtype} {list(x.shape)}, not [N, T, {TAXELS}]"
        )
    if letters != LETTERS:
        raise ValueError(f"letters are {str(letters)[:80]}, not Space and A to Z")
    numbers = {name: columns[name] for name in ("label", "length", "repetition")}
    for name, column in numbers.items():
        if column.ndim != 1 or column.dtype.kind not in "iu":
            raise ValueError(f"{name} is {column.dtype} {list(column.shape)}")
    if np.any((columns["length"] < 1) | (columns["length"] > x.shape[1])):
        raise ValueError(f"a length is not within 1 … {x.shape[1]}")
    return pack(
        *(x, columns["label"], LETTERS),
        lengths=columns["length"],
        trial=columns["repetition"],
    )


def _from_trials(release, left):
    """Trials of a list of dicts; ``left`` readings are as many as the file can hold."""
    trials = items_of(release)
    rows, labels, repetitions = [], [], []
    for k, trial in enumerate(trials):
        try:
            rows.append(_readings(trial["taxel_data"], left))
            left -= rows[-1].size
            labels.append(_label(trial["letter"]))
            repetitions.append(np.int32(trial["repetition"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"trial {k}: {type(error).__name__} {error}") from error
    lengths = np.array([len(row) for row in rows], np.int64)
    longest = lengths.max(initial=1)
    if len(rows) * longest > 2 * lengths.sum() + longest:
        raise ValueError(f"trials of {lengths.min()} to {longest} samples do not fit")
    x = np.zeros((len(rows), longest, TAXELS), np.uint8)
    for k, row in enumerate(rows):
        x[k, : len(row)], x[k, len(row) :] = row, row[-1]
    return pack(
        *(x, np.array(labels, np.int64), LETTERS),
        lengths=lengths,
        trial=np.array(repetitions, np.int64),
    )


def _readings(announced, left):
    row = array_of(announced, 2)
    if row.size > left:
        raise ValueError("the trials hold more than the file")
    if row.shape[0] < 1 or row.shape[1] != TAXELS or row.dtype.kind not in "iuf":
        raise ValueError(f"taxel_data is {row.dtype} {list(row.shape)}")
    if not np.all((row >= 0) & (row <= 255) & (row == np.floor(row))):
        raise ValueError("a reading is no whole number of 0 to 255")
    return row.astype(np.uint8)


def _label(letter: Any) -> int:
    if letter not in LETTERS:
        raise ValueError(f"{str(letter)[:20]!r} is no letter")
    return LETTERS.index(letter)


def _events(k, trial, left):
    """Times and units of one trial, given as ``[taxel][more or less contact]``."""
    taxels = items_of(trial)
    if len(taxels) != TAXELS:
        raise ValueError(f"trial {k} has {len(taxels)} taxels, not {TAXELS}")
    times, units = [np.zeros(0)], [np.zeros(0, np.int64)]
    for taxel, signs in enumerate(items_of(each) for each in taxels):
        if len(signs) != 2:
            raise ValueError(
                f"trial {k}, taxel {taxel} has {len(signs)} signs of change"
            )
        for sign, announced in enumerate(signs):
            items = items_of(announced)
            left -= len(items)
            if left < 0:
                raise ValueError(f"trial {k}: the trials hold more than the file")
            row = np.array(items, np.float64)
            times.append(row)
            units.append(np.full(len(row), taxel + TAXELS * sign))
    return np.concatenate(times), np.concatenate(units)
