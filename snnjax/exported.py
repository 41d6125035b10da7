"""Tuples of arrays that ``jax.export`` can write into a program and read again."""

from typing import TypeVar

import jax

Tuple = TypeVar("Tuple", bound=type)


def exportable(kind: Tuple) -> Tuple:
    """Registers a named tuple with JAX, by the name of its class and its module."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    jax.export.register_namedtuple_serialization(kind, serialized_name=name)
    return kind
