"""What a fingertip of 12 taxels felt of Braille letters: readings, or events.

Published as pickles, which are read without being run; an ``.npz`` of the same arrays
as in the pickle of readings is read as well. A reading is 255 where nothing touches
(Müller-Cleve et al. 2022, doi:10.3389/fnins.2022.951164).
"""

from pathlib import Path
from typing import Any

import numpy as np

from snnjax.datasets.containers.npz import npz
from snnjax.datasets.containers.unpickle import (
    array_of,
    description,
    items_of,
    numbers_of,
    unpickle,
)
from snnjax.datasets.guard.checked import (
    DamageError,
    HoldsError,
    Reading,
    content,
    is_zip,
    listed,
    reading,
)
from snnjax.datasets.guard.signatures import kind_by_signature
from snnjax.datasets.samples import Samples, pack
from snnjax.events import Events, Outside, from_rows
from snnjax.events.packing import EVENT_BYTES

LETTERS = ("Space", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
TAXELS = 12
_TRIAL_BYTES, _SIGN_BYTES = 1000, 400  # of memory for each trial, and its 24 signs
_TRIAL = {"taxel_data", "letter", "repetition"}
_COLUMNS = {"taxel_data", "length", "label", "repetition", "letters"}


def read_braille(path: str | Path, *, limit: int | None = None) -> Samples:
    """Reads what the taxels felt, from ``.pkl``, ``.pkl.gz`` or ``.npz``.

    Args:
        path: of the file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        Readings ``[N, T, 12]``, uint8, a shorter trial padded with its last sample.
        ``trial`` is the repetition.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file, the trial and what is wrong with it.
    """
    with reading(path, "Braille readings", limit) as file:
        if is_zip(file):
            return _from_columns(npz(file, _COLUMNS, _COLUMNS), file)
        trials, size = _unpickled(file)
        if not isinstance(trials, list | tuple):
            raise HoldsError(f"{description(trials)}, not a list of trials")
        return _from_trials(trials, size, file)


def read_braille_events(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> Events:
    """Reads the events of the full release, a ``.pkl`` for each threshold.

    Args:
        path: of the file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events at no time; ``"drop"`` warns how many.

    Returns:
        Events of 24 units: more contact at each taxel, then less. ``trial`` is the
        repetition where the file tells it.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file, the trial and what is wrong with it.
    """
    with reading(path, "Braille events", limit) as file:
        release, _ = _unpickled(file)
        if not isinstance(release, dict) or not {"letter", "events"} <= release.keys():
            raise HoldsError(f"{description(release)}, not a dict of letter and events")
        letters = items_of(release["letter"], file)
        labels = np.array([_label(each) for each in letters], np.int64)
        trials = items_of(release["events"], file)
        rows = [_events(k, each, file) for k, each in enumerate(trials)]
        trial = release.get("repetition")
        if trial is not None:
            trial = numbers_of(trial, file)
        return from_rows(
            *([times for times, _ in rows], [units for _, units in rows], labels),
            n_units=2 * TAXELS,
            trial=trial,
            n_classes=len(LETTERS),
            outside=outside,
        )


def _unpickled(file: Reading) -> tuple[Any, int]:
    """What a pickle holds, and how many bytes it has."""
    raw = content(file)
    file.take(4 * len(raw), "its texts")
    kind = kind_by_signature(raw)
    if kind not in ("", "a pickle", "plain text"):
        raise HoldsError(kind)
    try:
        return unpickle(raw, file), len(raw)
    except DamageError as error:
        if kind == "plain text":  # which a pickle may look like
            raise HoldsError(kind) from error
        raise


def _from_columns(columns, file):
    x, letters = columns["taxel_data"], columns["letters"]
    numbers = sum(column.size for column in columns.values())
    file.take(100 * len(x) + 8 * numbers, "its trials")
    if x.ndim != 3 or x.shape[1] < 1 or x.shape[2] != TAXELS or x.dtype != np.uint8:
        raise ValueError(
            f"taxel_data is {x.dtype} {list(x.shape)}, not [N, T, {TAXELS}]"
        )
    if letters.shape != (len(LETTERS),) or tuple(letters.tolist()) != LETTERS:
        raise ValueError(f"letters are {listed(letters.ravel())}, not Space and A to Z")
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


def _from_trials(trials, left, file):
    """Trials of a list of dicts; ``left`` readings are as many as the file can hold."""
    rows, labels, repetitions = [], [], []
    for k, trial in enumerate(trials):
        if not isinstance(trial, dict) or not trial.keys() >= _TRIAL:
            raise HoldsError(f"a list of {description(trial)}, not of trials")
        file.take(_TRIAL_BYTES, "its trials")
        try:
            rows.append(_readings(trial["taxel_data"], left, file))
            left -= rows[-1].size
            labels.append(_label(trial["letter"]))
            repetitions.append(_repetition(trial["repetition"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"trial {k}: {type(error).__name__} {error}") from error
    lengths = np.array([len(row) for row in rows], np.int64)
    longest = lengths.max(initial=1)
    if len(rows) * longest > 2 * lengths.sum() + longest:
        raise ValueError(f"trials of {lengths.min()} to {longest} samples do not fit")
    file.take(2 * TAXELS * len(rows) * int(longest), "its trials")
    x = np.zeros((len(rows), longest, TAXELS), np.uint8)
    for k, row in enumerate(rows):
        x[k, : len(row)], x[k, len(row) :] = row, row[-1]
    return pack(
        *(x, np.array(labels, np.int64), LETTERS),
        lengths=lengths,
        trial=np.array(repetitions, np.int64),
    )


def _repetition(number):
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"a repetition is {description(number)}")
    return np.int32(number)


def _readings(announced, left, file):
    row = array_of(announced, 2)
    if row.size > left:
        raise ValueError("the trials hold more than the file")
    file.take(3 * row.nbytes + 5 * row.size, "its readings")
    if row.shape[0] < 1 or row.shape[1] != TAXELS or row.dtype.kind not in "iuf":
        raise ValueError(f"taxel_data is {row.dtype} {list(row.shape)}")
    if not np.all((row >= 0) & (row <= 255) & (row == np.floor(row))):
        raise ValueError("a reading is no whole number of 0 to 255")
    return row.astype(np.uint8)


def _label(letter: Any) -> int:
    if not isinstance(letter, str) or letter not in LETTERS:
        told = repr(letter[:20]) if isinstance(letter, str) else description(letter)
        raise ValueError(f"{told} is no letter")
    return LETTERS.index(letter)


def _events(k, trial, file):
    """Times and units of one trial, given as ``[taxel][more or less contact]``."""
    file.take(_TRIAL_BYTES + 2 * TAXELS * _SIGN_BYTES, "its trials")
    taxels = items_of(trial, file)
    if len(taxels) != TAXELS:
        raise ValueError(f"trial {k} has {len(taxels)} taxels, not {TAXELS}")
    times, units = [np.zeros(0)], [np.zeros(0, np.int64)]
    for taxel, signs in enumerate(items_of(each, file) for each in taxels):
        if len(signs) != 2:
            raise ValueError(
                f"trial {k}, taxel {taxel} has {len(signs)} signs of change"
            )
        for sign, announced in enumerate(signs):
            row = numbers_of(announced, file)
            file.take(EVENT_BYTES * len(row), "its events")
            times.append(row.astype(np.float64))
            units.append(np.full(len(row), taxel + TAXELS * sign))
    return np.concatenate(times), np.concatenate(units)
