"""N-TIDIGITS18: spoken digits through a silicon cochlea of 64 channels.

HDF5 with two parts, ``train`` and ``test``: ``<part>_labels`` is a list of keys such as
``bm-a-1`` or ``man-bm-a-1`` (speaker, take, digits); ``<part>_timestamps/<key>`` [s]
and ``<part>_addresses/<key>`` are the spikes of one utterance (Anumula et al. 2018,
doi:10.3389/fnins.2018.00023).
"""

import re
from pathlib import Path
from typing import Any, Literal

import numpy as np

from snnjax import check
from snnjax.datasets.containers import hdf5
from snnjax.datasets.guard.checked import (
    DamageError,
    HoldsError,
    Reading,
    listed,
    reading,
)
from snnjax.events import Events, Outside, from_rows
from snnjax.events.columns import OUTSIDE
from snnjax.events.packing import EVENT_BYTES, ROW_BYTES

_CHANNELS = 64
_DIGITS = "z123456789o"  # as they are numbered
_LONGEST = 7  # digits of an utterance
_KEY = re.compile(r"(?:[a-z]+-)?([a-z]{2})-([a-z])-([oz1-9]{1,7})", re.ASCII)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_KEY_BYTES = 2000  # of memory for each utterance, besides its spikes


def read_n_tidigits(
    path: str | Path,
    *,
    part: Literal["train", "test"] = "train",
    digits: int = 1,
    n_units: int = _CHANNELS,
    limit: int | None = None,
    outside: Outside = "error",
) -> Events:
    """Reads the utterances of one part that are of so many digits.

    Args:
        path: of the ``.hdf5`` file.
        part: ``"train"`` or ``"test"``, which have other speakers.
        digits: how many digits were spoken; utterances of others are left out.
        n_units: number of channels there are.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events at no time or of no unit; ``"drop"`` warns how
            many.

    Returns:
        Events of ``n_units`` units. A label is the number that the digits make in base
        11, "z" being 0 and "o" 10: 11 classes of single digits. ``group`` is the
        speaker, the number that the two letters make in base 26; ``trial`` the take.

    Raises:
        ValueError: for another part, or a number of digits that nobody spoke.
        FileNotFoundError: if there is no such file.
        DataError: naming the file, the utterance and what is wrong with it.
    """
    check.one_of("part", part, ("train", "test"))
    check.whole("digits", digits, least=1)
    check.whole("n_units", n_units, least=1)
    check.one_of("outside", outside, OUTSIDE)
    if digits > _LONGEST:
        raise ValueError(f"digits must be 1 to {_LONGEST}, got {digits}.")
    hdf5.library()
    with (
        reading(path, "N-TIDIGITS", limit) as file,
        hdf5.opened(file) as (tree, raw),
    ):
        if not is_n_tidigits(tree):
            raise HoldsError(hdf5.names(tree))
        keys = hdf5.texts(tree, f"{part}_labels", raw, file)
        spoken = [_spoken(key) for key in keys]
        if len({*keys}) < len(keys):
            raise DamageError(f"{part}_labels holds a key twice")
        chosen = [k for k, each in enumerate(spoken) if len(each[2]) == digits]
        if not chosen:
            lengths = sorted({len(each[2]) for each in spoken})
            raise HoldsError(
                f"utterances of {listed(lengths)} digits, none of {digits}"
            )
        rows = [_spikes(tree, part, keys[k], raw, file) for k in chosen]
        return from_rows(
            *([t for t, _ in rows], [unit for _, unit in rows]),
            np.array([_number(spoken[k][2], _DIGITS) for k in chosen], np.int64),
            n_units=n_units,
            group=np.array([_number(spoken[k][0], _LETTERS) for k in chosen], np.int64),
            trial=np.array([_LETTERS.index(spoken[k][1]) for k in chosen], np.int64),
            n_classes=len(_DIGITS) ** digits,
            outside=outside,
        )


def is_n_tidigits(tree: Any) -> bool:
    """Whether an open HDF5 file has both parts of N-TIDIGITS.

    Args:
        tree: from ``hdf5.opened``.
    """
    names = ("labels", "timestamps", "addresses")
    return {f"{part}_{name}" for part in ("train", "test") for name in names} <= {*tree}


def _spoken(key):
    """Speaker, take and digits of a key."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise HoldsError(f"the key {key[:40]!r}, not <speaker>-<take>-<digits>")
    return match.groups()


def _number(signs, alphabet):
    """The number that some signs make."""
    number = 0
    for sign in signs:
        number = number * len(alphabet) + alphabet.index(sign)
    return number


def _spikes(tree, part, key, raw, file: Reading):
    """Times and channels of an utterance."""
    file.take(_KEY_BYTES + ROW_BYTES, "its utterances")
    found = []
    for name, kinds in (("timestamps", "f"), ("addresses", "iu")):
        place = f"{part}_{name}/{key}"
        values = hdf5.numbers(tree, place, raw, file, kinds=kinds)
        if values is None:
            raise DamageError(f"{part}_labels names {key}, {place} is missing")
        file.take(EVENT_BYTES * len(values), place)
        found.append(values)
    if len(found[0]) != len(found[1]):
        told = f"{len(found[0])} timestamps and {len(found[1])} addresses"
        raise DamageError(f"{key} has {told}")
    return found
