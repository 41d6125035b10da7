"""Options: words, flags, functions, keys, and what has the fields that are needed."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax.check.values import told


def one_of(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Refuses a word that is not one of the choices.

    Raises:
        ValueError: with the word that came and the choices.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {choices}, got {value!r}.")


def flag(name: str, value: Any) -> None:
    """Refuses what is neither True nor False.

    Raises:
        ValueError: naming the argument and what came.
    """
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {told(value)}.")


def function(name: str, value: Any) -> None:
    """Refuses what cannot be called.

    Raises:
        ValueError: naming the argument and what came.
    """
    if not callable(value):
        raise ValueError(f"{name} must be a function, got {told(value)}.")


def fields(name: str, value: Any, *expected: str) -> None:
    """Refuses what has not the fields that are needed of it.

    Raises:
        ValueError: naming the argument, what came and what was expected.
    """
    missing = [field for field in expected if not hasattr(value, field)]
    if missing:
        raise ValueError(
            f"{name} must have {', '.join(expected)}, got {told(value)} without "
            f"{', '.join(missing)}."
        )


def mapping(name: str, value: Any) -> None:
    """Refuses what is no dict by name.

    Raises:
        ValueError: naming the argument and what came.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be a dict by name, got {told(value)}.")


def key(x: Any, *, several: bool = False) -> None:
    """Refuses what is not a key of ``jax.random.key``.

    Args:
        x: what came.
        several: whether an array of keys will do.

    Raises:
        ValueError: with what came, and how to make a key.
    """
    dtype = getattr(x, "dtype", None)
    typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    if not typed or (x.ndim and not several):
        old = " PRNGKey makes keys of the old style." if _is_old(x) else ""
        raise ValueError(f"A key comes from jax.random.key(seed), got {told(x)}.{old}")


def generator(name: str, value: Any) -> None:
    """Refuses what is no randomness of numpy.

    Raises:
        ValueError: naming the argument and what came, and how to make one.
    """
    if not isinstance(value, np.random.Generator):
        raise ValueError(
            f"{name} must be a numpy.random.Generator, such as "
            f"np.random.default_rng(0), got {told(value)}."
        )


def _is_old(x):
    return getattr(x, "dtype", None) == np.uint32 and x.shape[-1:] == (2,)
