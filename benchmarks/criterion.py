"""One sentence that a measurement can refute: a name, a value and a bound.

A bound is written once, where the criterion is made. The verdict is computed from it,
and so is every text that repeats it, in results and in the tables of the documents.
"""

import operator
from typing import Any, NamedTuple

import numpy as np

RELATIONS = {  # (value, bound) -> does it hold?
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "±": lambda value, bound: abs(value - bound[0]) <= bound[1],
    "in": lambda value, bound: bound[0] <= value <= bound[1],
    "grows with": lambda values, along: bool(np.all(np.diff(values) > 0)),
}


class Criterion(NamedTuple):
    """What is measured, and what the value must be for the claim to hold."""

    name: str
    value: Any  # as measured; rounded only where it is shown
    relation: str  # one of RELATIONS
    bound: Any
    digits: int | None = 2  # of the value, behind the point; None: two that count

    @property
    def holds(self) -> bool:
        """The verdict."""
        return bool(RELATIONS[self.relation](self.value, self.bound))

    @property
    def text(self) -> str:
        """The bound in words, such as ``>= 0.95``."""
        if self.relation == "±":
            return f"{number(self.bound[0])} ± {number(self.bound[1])}"
        if self.relation == "in":
            return f"in [{', '.join(map(number, self.bound))}]"
        return f"{self.relation} {number(self.bound)}"

    def row(self) -> dict[str, Any]:
        """What is kept in results."""
        shown = rounded(np.asarray(self.value).tolist(), self.digits)
        return {
            "name": self.name,
            "value": shown,
            "bound": self.text,
            "holds": self.holds,
        }


def number(bound: Any) -> str:
    """A bound as a person would write it: 0.333, 1e-9."""
    return bound if isinstance(bound, str) else f"{bound:.3g}".replace("e-0", "e-")


def rounded(value: Any, digits: int | None) -> Any:
    """Floats, also in lists, with so many digits behind the point."""
    if isinstance(value, list):
        return [rounded(each, digits) for each in value]
    if not isinstance(value, float):
        return value
    return float(f"{value:.1e}") if digits is None else round(value, digits)


def at_least(name: str, value: Any, bound: float, digits: int | None = 2) -> Criterion:
    return Criterion(name, value, ">=", bound, digits)


def at_most(name: str, value: Any, bound: float, digits: int | None = 2) -> Criterion:
    return Criterion(name, value, "<=", bound, digits)


def above(name: str, value: Any, bound: float, digits: int | None = 2) -> Criterion:
    return Criterion(name, value, ">", bound, digits)


def below(name: str, value: Any, bound: float, digits: int | None = 2) -> Criterion:
    return Criterion(name, value, "<", bound, digits)


def equal(name: str, value: Any, bound: Any, digits: int | None = 2) -> Criterion:
    return Criterion(name, value, "==", bound, digits)


def near(
    name: str, value: Any, target: float, tolerance: float, digits: int | None = 2
) -> Criterion:
    """No further from a target than a tolerance."""
    return Criterion(name, value, "±", (target, tolerance), digits)


def between(
    name: str, value: Any, least: float, most: float, digits: int | None = 2
) -> Criterion:
    return Criterion(name, value, "in", (least, most), digits)


def growing(name: str, values: Any, along: str, digits: int | None = 2) -> Criterion:
    """Each of the values is larger than the one before."""
    return Criterion(name, values, "grows with", along, digits)
