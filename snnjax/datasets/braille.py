"""Braille letters read by a robot's fingertip of 12 taxels.

A trial is what the taxels felt while the finger slid over one letter, 76 or 77 samples
at 40 Hz, 255 where nothing touches (Müller-Cleve et al. 2022,
doi:10.3389/fnins.2022.951164). Published as pickles, which are read without being run;
an ``.npz`` of the same arrays is read as well.
"""

from pathlib import Path
from typing import Any

import numpy as np

from snnjax.datasets.files import arrays, content, reading
from snnjax.datasets.places import find
from snnjax.datasets.samples import Samples, Split, check_split, pack, take
from snnjax.datasets.unpickle import array_of, items_of, unpickle
from snnjax.events import Events, Late, from_rows

LETTERS = ("Space", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
TAXELS = 12
_FILES = (
    "tutorial5_braille_spiking_data.pkl.gz",
    "tutorial5_braille_spiking_data.pkl",
    "braille_letters_27x50_raw_taxels.npz",
)
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
    path: str | Path, *, limit: int | None = None, bad: Late = "error"
) -> Events:
    """Reads the events of the full release, a ``.pkl`` for each threshold.

    Args:
        path: of the file.
        limit: as in ``read_braille``.
        bad: what to do with events at no time; ``"drop"`` warns how many.

    Returns:
        Events of 24 units: more contact at each taxel, then less. ``trial`` is the
        repetition where the file tells it.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file, the trial and what is wrong with it.
    """
    with reading(path, "Braille events") as path:
        raw = content(path, limit)
        found = unpickle(raw)
        if not isinstance(found, dict) or not {"letter", "events"} <= found.keys():
            raise ValueError("it is no dict of letter and events")
        labels = np.array(
            [_label(each) for each in items_of(found["letter"])], np.int64
        )
        rows, left = [], len(raw)
        for k, each in enumerate(items_of(found["events"])):
            rows.append(_events(k, each, left))
            left -= len(rows[-1][0])
        trial = items_of(found["repetition"]) if "repetition" in found else None
        return from_rows(
            *([times for times, _ in rows], [units for _, units in rows], labels),
            n_units=2 * TAXELS,
            trial=trial,
            n_classes=len(LETTERS),
            bad=bad,
        )


def braille(split: Split, path: str | Path | None = None) -> Samples:
    """27 letters read 50 times; repetitions 35 to 39 validate, 40 to 49 test.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with the file; see ``places`` if omitted.

    Returns:
        As ``read_braille`` does: 945, 135 or 270 trials.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    check_split(split)
    found = read_braille(find("braille", "Braille letters", _FILES, path))
    part = np.digitize(found.trial, [35, 40])
    return take(found, part == ("train", "validation", "test").index(split))


def _from_columns(found):
    missing = _COLUMNS - found.keys()
    if missing:
        raise ValueError(f"there is no array {', '.join(sorted(missing))}")
    x, letters = found["taxel_data"], tuple(found["letters"].tolist())
    if x.ndim != 3 or x.shape[1] < 1 or x.shape[2] != TAXELS or x.dtype != np.uint8:
        raise ValueError(
            f"taxel_data is {x.dtype} {list(x.shape)}, not [N, T, {TAXELS}]"
        )
    if letters != LETTERS:
        raise ValueError(f"letters are {str(letters)[:80]}, not Space and A to Z")
    columns = {name: found[name] for name in ("label", "length", "repetition")}
    for name, column in columns.items():
        if column.ndim != 1 or column.dtype.kind not in "iu":
            raise ValueError(f"{name} is {column.dtype} {list(column.shape)}")
    if np.any((columns["length"] < 1) | (columns["length"] > x.shape[1])):
        raise ValueError(f"a length is not within 1 … {x.shape[1]}")
    return pack(
        *(x, columns["label"], LETTERS),
        lengths=columns["length"],
        trial=columns["repetition"],
    )


def _from_trials(found, left):
    """Trials of a list of dicts; ``left`` readings are as many as the file can hold."""
    trials = items_of(found)
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


def _readings(found, left):
    row = array_of(found, 2)
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
        for sign, found in enumerate(signs):
            items = items_of(found)
            left -= len(items)
            if left < 0:
                raise ValueError(f"trial {k}: the trials hold more than the file")
            row = np.array(items, np.float64)
            times.append(row)
            units.append(np.full(len(row), taxel + TAXELS * sign))
    return np.concatenate(times), np.concatenate(units)
