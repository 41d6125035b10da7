"""What a recipe may name: public functions and types, by the name one imports.

Of functions these are factories, and what computes: nothing that opens files, runs
programs or talks to devices.
"""

import inspect
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from snnjax.about import makes_cells

ROOMS = (
    "snnjax",
    *(
        f"snnjax.{room}"
        for room in ("surrogate", "neurons", "networks", "learning", "hardware")
    ),
    "snnjax.interop.nir",
    "snnjax.interop.presets",
)
_COMPUTING = (
    *(f"snnjax.{room}." for room in ("surrogate", "neurons", "networks")),
    *(f"snnjax.hardware.{file}" for file in ("mismatch", "rounding")),
)


@cache
def by_name() -> dict[str, Any]:
    """Factories, types of constants and shapes, and functions, by public name."""
    found: dict[int, str] = {}
    values = {}
    for room in ROOMS:
        module = import_module(room)
        for name in module.__all__:
            value = getattr(module, name)
            if _may_be_named(value) and id(value) not in found:
                found[id(value)] = f"{room}.{name}"
                values[f"{room}.{name}"] = value
    return values


def _may_be_named(value):
    if not callable(value):
        return False
    computes = getattr(value, "__module__", "").startswith(_COMPUTING)
    return computes or is_constants(value) or makes_cells(value)


@cache
def _names() -> dict[Any, str]:
    return {value: name for name, value in by_name().items()}


def name_of(value: Any) -> str | None:
    """The public name of a function or a type, or None."""
    try:
        return _names().get(value)
    except TypeError:  # not hashable, so neither
        return None


def factories() -> Iterator[str]:
    """Public functions that make cells."""
    return (name for name, value in by_name().items() if makes_cells(value))


def is_constants(value: Any) -> bool:
    """Whether this is a public type of named constants, such as ``LIFParams``."""
    return inspect.isclass(value) and hasattr(value, "_fields")
