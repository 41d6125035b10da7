"""A network in words: which public functions made it, of what.

    {"make": "snnjax.chain", "options": {"cells": {"tuple": [
        {"make": "snnjax.dense", "options": {"n_in": 70, "n": 128, …}},
        {"make": "snnjax.lif", "options": {"params": {"type": …, "fields": …}}}]}}}

What JSON knows stands as it is. Arrays are kept beside it, by name, and so are keys of
``jax.random``. Numbers and texts that are defaults are written down, functions that are
defaults are left out.
"""

import inspect
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from snnjax import check
from snnjax.about import functions, makes_cells
from snnjax.cell import Cell, check_cell
from snnjax.saving import public

DEEPEST = 100  # cells within cells
_HELP = (
    "Save the weights alone, without network=, and give the network to load(path, "
    "network=…)."
)


def to_recipe(network: Cell) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Tells how a network is made.

    Args:
        network: of cells that public functions made.

    Returns:
        The recipe, which JSON can write, and the arrays that it names.

    Raises:
        ValueError: by its place, for a hand-written cell, one that does something else
            than its factory made it do, a function or type without a public name, and
            anything that is no number, text, array, key, or collection of such.
    """
    check_cell("network", network)
    arrays: dict[str, np.ndarray] = {}
    return _told(network, "network", arrays), arrays


def _told(value, where, arrays):
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Cell):
        return _cell(value, where, arrays)
    if isinstance(value, int | float) and not isinstance(value, np.generic):
        return value if math.isfinite(value) else {"number": str(value)}
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return _array(value, where, arrays)
    inner = lambda items: {k: _told(v, f"{where}.{k}", arrays) for k, v in items}  # noqa: E731
    if isinstance(value, partial):
        return {
            "partial": _named(value.func, where),
            "args": [
                _told(v, f"{where}[{k}]", arrays) for k, v in enumerate(value.args)
            ],
            "options": inner(value.keywords.items()),
        }
    if public.is_constants(type(value)):
        fields = zip(value._fields, value, strict=True)
        return {"type": _named(type(value), where), "fields": inner(fields)}
    if isinstance(value, tuple | list):
        each = _each(value, where, arrays)
        return each if isinstance(value, list) else {"tuple": each}
    if isinstance(value, Mapping):
        _check_keys(value, where)
        return {"dict": inner(value.items())}
    return {"function": _named(value, where)}


def _each(values, where, arrays):
    return [_told(value, f"{where}[{k}]", arrays) for k, value in enumerate(values)]


def _cell(cell, where, arrays):
    about = cell.about
    if about is None or about.options is None:
        raise ValueError(f"{where} is hand-written and has no recipe. {_HELP}")
    if about.functions != functions(cell):
        raise ValueError(
            f"{where} does not do what {about.make.__name__} made it do. {_HELP}"
        )
    given = {
        name: _told(value, f"{where}.{name}", arrays)
        for name, value in about.options.arguments.items()
        if not (callable(value) and value is _default(about, name))
    }
    return {"make": _named(about.make, where), "options": given}


def _default(about, name):
    return about.options.signature.parameters[name].default


def _array(value, where, arrays):
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        numbers = _array(jax.random.key_data(value), where, arrays)
        return {"key": numbers["array"], "impl": str(jax.random.key_impl(value))}
    known = check.concrete(value)
    if known is None:
        raise ValueError(f"{where} is traced; save outside of jit.")
    if known.dtype.kind not in "biufV" or jax.dtypes.issubdtype(
        value.dtype, jax.dtypes.extended
    ):
        raise ValueError(f"{where} must be numbers, got {check.told(value)}. {_HELP}")
    arrays[where] = np.asarray(known)
    return {"array": where, "numpy": not isinstance(value, jax.Array)}


def _named(value, where):
    name = public.name_of(value)
    if name is None:
        told = getattr(value, "__qualname__", repr(value))
        raise ValueError(f"{where} is {told}, which has no public name. {_HELP}")
    return name


def _check_keys(mapping, where):
    odd = [key for key in mapping if not isinstance(key, str)]
    if odd:
        raise ValueError(f"{where} must have names as keys, got {odd[0]!r}. {_HELP}")


def from_recipe(recipe: Mapping[str, Any], arrays: Mapping[str, Any]) -> Cell:
    """Makes the network that a recipe tells of.

    Only public functions of this library are called, looked up by name: of factories,
    types of constants and initialisers.

    Args:
        recipe: of ``to_recipe``.
        arrays: that it names.

    Returns:
        The network.

    Raises:
        ValueError: by its place, for what ``to_recipe`` does not write, a name that is
            not public here, or options that the function refuses.
    """
    network = _made(recipe, "network", arrays, 0)
    check_cell("What the recipe makes", network)
    return network


def _made(told, where, arrays, depth):
    if told is None or isinstance(told, bool | str | int | float):
        return told
    if depth > DEEPEST:
        raise ValueError(f"{where} lies more than {DEEPEST} levels deep.")

    def inner(value, at):
        return _made(value, f"{where}{at}", arrays, depth + 1)

    if isinstance(told, list):
        return [inner(value, f"[{k}]") for k, value in enumerate(told)]
    kinds = _KINDS.get(frozenset(told)) if isinstance(told, dict) else None
    if kinds is None:
        raise ValueError(f"{where} must be told as by to_recipe, got {told!r:.100}.")
    return kinds(told, where, arrays, inner)


def _number(told, where, arrays, inner):
    if told["number"] not in ("inf", "-inf", "nan"):
        raise ValueError(f"{where} must be inf, -inf or nan, got {told['number']!r}.")
    return float(told["number"])


def _from_array(told, where, arrays, inner):
    name = told["array"]
    if not isinstance(name, str) or name not in arrays:
        raise ValueError(f"{where}: there is no array {name!r:.100}.")
    return np.asarray(arrays[name])[()] if told["numpy"] is True else arrays[name]


def _key(told, where, arrays, inner):
    numbers = _from_array({"array": told["key"], "numpy": True}, where, arrays, inner)
    impl = str(told["impl"])
    return _called(lambda: jax.random.wrap_key_data(numbers, impl=impl), where)


def _tuple(told, where, arrays, inner):
    return tuple(_list(told["tuple"], where, inner))


def _dict(told, where, arrays, inner):
    return _options(told["dict"], where, inner)


def _list(values, where, inner):
    if not isinstance(values, list):
        raise ValueError(f"{where} must be a list, got {values!r:.100}.")
    return [inner(value, f"[{k}]") for k, value in enumerate(values)]


def _options(values, where, inner):
    if not isinstance(values, dict):
        raise ValueError(f"{where} must be named options, got {values!r:.100}.")
    return {key: inner(value, f".{key}") for key, value in values.items()}


def _function(told, where, arrays, inner):
    return _public(told["function"], where)


def _partial(told, where, arrays, inner):
    given = _options(told["options"], where, inner)
    return partial(
        _public(told["partial"], where), *_list(told["args"], where, inner), **given
    )


def _constants(told, where, arrays, inner):
    kind = _public(told["type"], where)
    if not public.is_constants(kind):
        raise ValueError(f"{where}: {told['type']} is no type of constants.")
    fields = _options(told["fields"], where, inner)
    return _called(lambda: kind(**fields), where)


def _from_cell(told, where, arrays, inner):
    make = _public(told["make"], where)
    if not makes_cells(make):
        raise ValueError(f"{where}: {told['make']} does not make cells.")
    given = _options(told["options"], where, inner)
    parameters = inspect.signature(make).parameters
    odd = [name for name in given if name not in parameters]
    if odd:
        raise ValueError(f"{where}: {told['make']} has no option {odd[0]!r}.")
    bound = inspect.BoundArguments(inspect.signature(make), given)
    return _called(lambda: make(*bound.args, **bound.kwargs), where)


def _called(make, where):
    try:
        return make()
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{where}: {error}") from error


def _public(name, where):
    known = public.by_name()
    if not isinstance(name, str) or name not in known:
        raise ValueError(
            f"{where}: {name!r:.100} is nothing that a recipe may name in this version "
            "of snnjax."
        )
    return known[name]


_KINDS = {
    frozenset(keys): made
    for keys, made in (
        (("number",), _number),
        (("array", "numpy"), _from_array),
        (("key", "impl"), _key),
        (("tuple",), _tuple),
        (("dict",), _dict),
        (("function",), _function),
        (("partial", "args", "options"), _partial),
        (("type", "fields"), _constants),
        (("make", "options"), _from_cell),
    )
}
