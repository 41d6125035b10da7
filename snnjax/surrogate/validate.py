"""What is no shape is refused where it is given, not later in the backward pass."""

import difflib
import inspect
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.surrogate import shapes, signed, unbounded
from snnjax.surrogate.aliases import supported
from snnjax.surrogate.derivative import (
    Learnable,
    check_numbers,
    check_result,
    integral,
    learned_of,
)
from snnjax.surrogate.event_prop import no_event_prop


def check_shape(name: str, shape: Any, of: tuple[int, ...]) -> None:
    """Refuses what is no pseudo-derivative v -> h(v).

    Its numbers may be traced: h is evaluated abstractly, without computing anything.

    Args:
        name: what the argument is called.
        shape: what was given.
        of: shape of v, ``(n,)`` for a population.

    Raises:
        ValueError: for a word, a class, what cannot be called, or a function that does
            not return one number for each of v; numbers of its own that are not finite,
            or a slope below zero; for a ``Learnable`` without integral, or of a
            function.
    """
    no_event_prop(name, shape)
    if isinstance(shape, str):
        raise ValueError(
            f"{name} must be a shape such as SuperSpike(), got the word {shape!r}."
            + _suggestion(shape)
        )
    if inspect.isclass(shape):
        raise ValueError(
            f"{name} must be an instance: {shape.__name__}(), got the class itself."
        )
    if not callable(shape):
        raise ValueError(
            f"{name} must be a function v -> h(v), such as SuperSpike(), got {shape!r}."
        )
    check_numbers(name, shape)
    if not isinstance(of, tuple):
        raise ValueError(f"of must be a shape, such as (3,), got {check.told(of)}.")
    for size in of:
        check.whole("Each size of of", size, least=0)
    _check_result(f"{name}(v)", shape, of)
    if isinstance(shape, Learnable):
        inner = learned_of(shape)
        _check_result(f"The integral of {name}", partial(integral, inner), of)


def check_density(name: str, noise: Any, of: tuple[int, ...]) -> None:
    """Refuses what is no noise: a shape with ``cdf``; see ``check_shape``.

    Raises:
        ValueError: as ``check_shape``, and for a shape without ``cdf``.
    """
    check_shape(name, noise, of)
    if not hasattr(noise, "cdf"):
        raise ValueError(
            f"{type(noise).__name__} is no density, so no noise has it: take a shape "
            "with a cdf, such as Sigmoid or Gaussian."
        )
    _check_result(f"{name}.cdf(v)", noise.cdf, of)


def _check_result(what, function, of):
    v = jax.ShapeDtypeStruct(of, jnp.result_type(float))
    try:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            result = jax.eval_shape(lambda v: function(v), v)
    except Exception as error:
        raise ValueError(
            f"{what} fails for v of shape {of}: {type(error).__name__}: {error}"
        ) from error
    check_result(what, result, of)


def _suggestion(word):
    """The class, or the name in another library, that a word may stand for."""
    ours = {
        _letters(name): f"{name}()"
        for module in (shapes, signed, unbounded)
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }
    theirs = {name: f'from_library("{name}")' for name in supported()}
    known = {_letters(name): call for name, call in theirs.items()} | ours
    near = difflib.get_close_matches(_letters(word), known, n=1, cutoff=0.7)
    same = [call for name, call in theirs.items() if name.endswith(f".{word}")]
    if _letters(word) in known or not same:
        same = [known[each] for each in near]
    return f" Did you mean {' or '.join(same)}?" if same else ""


def _letters(name):
    return name.replace("_", "").replace("-", "").lower()
