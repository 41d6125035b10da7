"""A table of results that grows on disk: one row for each combination of numbers.

``NAME.csv`` has the columns, the metrics, and ``nonfinite``: which metrics of the row
are no finite numbers. ``NAME.json`` beside it says what made it. Both are replaced as a
whole, so that whoever reads them, or is killed, never sees half a row. Numbers are
written with as many digits as bring back their bits.
"""

import csv
import io
import json
import math
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snnjax import files
from snnjax.training.identity import differences, moved

NONFINITE = "nonfinite"
Types = Mapping[str, np.dtype]  # of columns or metrics, by name
Row = tuple[str, ...]  # numbers as they are written

_MEANING = {
    "update": "what is run (network, data, options; or the native kernels were built "
    "in between)"
}


class Rows:
    """The rows of a table, by the numbers of their columns."""

    batch_size: int | None = None  # by which rows were found so far

    def __init__(self) -> None:
        self._found: dict[Row, Row] = {}

    def __contains__(self, point: Row) -> bool:
        return point in self._found

    def __getitem__(self, point: Row) -> Row:
        return self._found[point]

    def begin(self, batch_size: int) -> None:
        """Takes down by how many rows will be found at once, before the first one."""
        self.batch_size = batch_size

    def add(self, rows: Iterable[tuple[Row, Row]]) -> None:
        """Takes rows, each of the numbers of its columns and of its metrics."""
        self._found.update(rows)

    def plain(self) -> list[Any]:
        """What other processes need to know of it, as JSON has it; see ``of_plain``."""
        return [self.batch_size, [*self._found.items()]]

    @classmethod
    def of_plain(cls, plain: list[Any]) -> "Rows":
        """The same rows, in a process that writes none."""
        rows = cls()
        rows.batch_size, found = plain
        rows.add((tuple(point), tuple(metrics)) for point, metrics in found)
        return rows


class KeptRows(Rows):
    """Rows that are kept on disk.

    Args:
        path: of the table, ``NAME.csv``.
        columns: what is varied.
        metrics: what is found.
        made_by: what made it: ``recipe``, ``update`` and ``environment`` of
            ``identity``.

    Raises:
        ValueError: for a table that is damaged, or that another sweep has made.
    """

    def __init__(
        self,
        path: str | Path,
        columns: Types,
        metrics: Types,
        made_by: Mapping[str, Any],
    ):
        super().__init__()
        self.path = Path(path)
        self._columns, self._metrics = dict(columns), dict(metrics)
        self._note: dict[str, Any] = {
            "columns": _told(columns),
            "metrics": _told(metrics),
            **made_by,
        }
        self._resume()

    def begin(self, batch_size: int) -> None:
        super().begin(batch_size)
        text = json.dumps(self._note | {"batch_size": batch_size}, indent=1)
        files.write_text(self._beside, text + "\n")

    def add(self, rows: Iterable[tuple[Row, Row]]) -> None:
        super().add(rows)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self._header)
        for point, found in self._found.items():
            odd = (n for n, x in zip(self._metrics, found, strict=True) if not _good(x))
            writer.writerow([*point, *found, " ".join(odd)])
        files.write_text(self.path, text.getvalue())

    @property
    def _beside(self):
        return self.path.with_suffix(".json")

    @property
    def _header(self):
        return [*self._columns, *self._metrics, NONFINITE]

    def _resume(self):
        """What was found before, if it is of this sweep."""
        files.remove_leftovers(self.path)
        files.remove_leftovers(self._beside)
        if not self._beside.exists():
            if self.path.exists():
                self._refuse(f"without {self._beside.name}, which says what made it")
            return
        note = self._read_note()
        self._refuse_another(note)
        self.batch_size = note["batch_size"]
        if self.path.exists():
            self._found = self._read()

    def _read_note(self):
        try:
            note = json.loads(self._beside.read_text(encoding="utf-8"))
            known = {*self._note, "batch_size"} <= {*note}
        except (ValueError, TypeError, RecursionError) as error:
            self._refuse(f"but {self._beside.name} cannot be read ({error})")
        if not known or not isinstance(note["batch_size"], int):
            self._refuse(f"but {self._beside.name} does not say what made it")
        return note

    def _refuse_another(self, note):
        odd = [
            f"{name} ({note[name]}, now {self._note[name]})"
            for name in ("columns", "metrics")
            if note[name] != self._note[name]
        ]
        try:
            odd += [] if odd else differences(note, self._note, _MEANING)
            elsewhere = moved(note, self._note)
        except (KeyError, TypeError, AttributeError) as error:
            self._refuse(f"but {self._beside.name} does not say what made it ({error})")
        if odd:
            self._refuse(f"of another sweep. What differs: {'; '.join(odd)}")
        if elsewhere:
            warnings.warn(
                f"{self.path} goes on elsewhere: {'; '.join(elsewhere)}. New rows may "
                "not have the bits that they had there, and whether what is run is "
                "the same cannot be told.",
                stacklevel=5,
            )

    def _read(self):
        """Rows by their columns, all of them numbers of the right kind."""
        try:
            text = self.path.read_text(encoding="utf-8")
            lines = [*csv.reader(io.StringIO(text), strict=True)]
        except (UnicodeDecodeError, csv.Error) as error:
            self._refuse(f"which is damaged ({error})")
        if not lines or lines[0] != self._header:
            came = ",".join(lines[0])[:200] if lines else ""
            expected = ",".join(self._header)
            self._refuse(f"whose first line is {came!r}, not {expected!r}")
        types = [*self._columns.values(), *self._metrics.values()]
        found: dict[Row, Row] = {}
        for number, line in enumerate(lines[1:], 2):
            if len(line) != len(self._header):
                self._refuse(f"whose line {number} has {len(line)} fields")
            try:
                row = tuple(map(_written_again, line, types))
            except (ValueError, OverflowError, KeyError):
                self._refuse(f"whose line {number} is damaged: {','.join(line)[:200]}")
            point, metrics = row[: len(self._columns)], row[len(self._columns) :]
            if point in found:
                self._refuse(f"which has the combination of line {number} twice")
            found[point] = metrics
        return found

    def _refuse(self, what):
        raise ValueError(
            f"{self.path} is a table {what}. Name another one, or remove it and "
            f"{self._beside.name} to begin anew."
        )


def written(value: Any) -> str:
    """A number of numpy as text that brings back its bits, but for those of a NaN."""
    return str(np.asarray(value)[()])


def read(text: str, dtype: np.dtype) -> Any:
    """The number that was written.

    Raises:
        ValueError: for what is no number of that dtype.
    """
    if dtype.kind == "b":
        return np.bool_({"True": True, "False": False}[text])
    if dtype.kind in "iu":
        return dtype.type(int(text))
    with np.errstate(over="ignore"):  # to infinity that is not written there
        number = dtype.type(float(text))
    if np.isinf(number) != math.isinf(float(text)):
        raise ValueError(f"{text} is no {dtype}")
    return number


def _written_again(text, dtype):
    return written(read(text, dtype))


def _good(text):
    return text in ("True", "False") or math.isfinite(float(text))


def _told(types):
    return ", ".join(f"{name} {dtype}" for name, dtype in types.items())
