"""What stands above spikes in a text: comments, settings, and names of columns."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from snnjax.datasets.guard.checked import HoldsError, Reading, content
from snnjax.datasets.guard.pickles import check_no_pickle
from snnjax.datasets.guard.signatures import kind_by_signature
from snnjax.datasets.spikes.spike_names import Names, named

PIECE = 2**17  # bytes that are worked on at once
_SETTING = re.compile(r"[#%]\s*(\w+)\s*[=:]\s*(.*)")


class Head(NamedTuple):
    """What stands above the spikes."""

    begin: int  # where the first line of them begins [byte]
    line: int  # its number
    names: Names | None
    sign: str  # that parts the names; "" for blanks
    settings: Mapping[str, str]  # of "# key = value"


def text_of(file: Reading) -> bytes:
    """The bytes of a text.

    Raises:
        HoldsError: for what is none.
    """
    raw = content(file)
    check_no_pickle(raw)
    kind = kind_by_signature(raw)
    if kind not in ("", "plain text") or b"\0" in raw:
        raise HoldsError(kind or "bytes that are no text")
    return raw


def head_of(raw: bytes) -> Head:
    """What stands above the first line behind names, or that begins with a number.

    Raises:
        HoldsError: for a line that is neither a comment, names of columns nor numbers.
    """
    begin, line, found = 3 * raw.startswith(b"\xef\xbb\xbf"), 1, None
    settings: dict[str, str] = {}
    sign, named_already = "", False
    while begin < len(raw):
        end = end_of(raw, begin)
        text = raw[begin:end].decode("utf-8", "replace").strip()
        comment = text[:1] in ("#", "%")
        numbers = re.match(r'"?[-+]?[.,]?\d', text) is not None
        if text and not comment and (numbers or named_already):
            break
        if hit := _SETTING.fullmatch(text):
            settings[hit[1]] = hit[2].strip()
        elif text:
            if not comment and "time_step" in text.split():
                raise HoldsError("steps of a recorder of NEST, which read_nest reads")
            new = named(_parted(text.lstrip("#% ")), all_known=comment)
            if not comment and new is None:
                raise HoldsError(
                    f"line {line}, {text[:60]!r}, neither spikes nor names of columns, "
                    "one of a time and one of a unit"
                )
            found, named_already = new or found, not comment
            sign = _sign(text) if new else sign
        begin, line = end, line + 1
    return Head(begin, line, found, sign, settings)


def of_pynn(head: Head) -> bool:
    """Whether settings are those that PyNN writes above spikes.

    Raises:
        HoldsError: if they are of other recordings of PyNN.
    """
    told = head.settings.get("variable", "spikes" * ("first_id" in head.settings))
    if told not in ("", "spikes"):
        raise HoldsError(f"recordings of {told[:20]!r}, not of spikes")
    return told == "spikes"


def known_of(head: Head, units: np.ndarray, file: Reading) -> tuple[np.ndarray] | None:
    """All neurons that a file of PyNN tells of, unless numbers may mean two things."""
    if not of_pynn(head):
        return None
    n, first, last = (
        head.settings.get(key, "") for key in ("n", "first_id", "last_id")
    )
    if not all(re.fullmatch(r"\d{1,9}", each) for each in (n, first, last)):
        return None
    if int(last) - int(first) + 1 != int(n):
        return None
    begins = {int(first), 0}
    least, most = units.min(initial=2**60), units.max(initial=-1)
    fits = [b for b in begins if not len(units) or (b <= least and most < b + int(n))]
    if len(fits) != 1:
        return None
    file.take(16 * int(n), "its neurons")
    return (np.arange(fits[0], fits[0] + int(n)),)


def _parted(text):
    """The words of a line of names."""
    if sign := _sign(text):
        return text.rstrip(sign + " ").split(sign)
    return re.split(r"\s+(?![(\[])", text)


def _sign(text):
    """What parts the names in a line; ``""`` for blanks."""
    return next((sign for sign in ";\t," if sign in text), "")


def line_of(raw: bytes, begin: int) -> str:
    """The line that begins here."""
    return raw[begin : end_of(raw, begin)].decode("utf-8", "replace").strip("\r\n ")


def end_of(raw: bytes, begin: int) -> int:
    """Where the line ends that begins here.

    Raises:
        HoldsError: for a line that is too long.
    """
    end = raw.find(b"\n", begin, begin + PIECE) + 1
    if not end:
        end = len(raw)
        if end - begin > PIECE:
            raise HoldsError(f"a line of more than {PIECE} bytes")
    return end
