"""What a cell tells of itself: how it was made, and what is inside.

Nothing asks a cell what it is by its closures; what is not told here is not known.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from types import FunctionType
from typing import Any, NamedTuple, ParamSpec, TypeVar

import jax
import numpy as np

from snnjax import check
from snnjax.check.elsewhere import option_here

INPUT, OUTPUT = "input->", "->output"  # the outside of a compound cell
_MARK = "makes_cells"  # of a factory


class Edge(NamedTuple):
    """Who feeds whom inside a compound cell."""

    source: Any  # key of a part, ``INPUT``, or "name->" of one of several inputs
    target: Any  # key of a part, or ``OUTPUT``
    before: bool = False  # whether what arrives was put out one step before


@dataclass(frozen=True, eq=False)
class About:
    """How a cell was made, and what is inside.

    ``factory`` fills in ``make`` and ``options``; compound cells tell the rest.

    Attributes:
        make: the factory.
        options: what it was given, with its defaults.
        parts: the cells inside, by key, in the order in which they act; none in a leaf.
        edges: who feeds whom.
        weights: tree of the whole -> tree of each part, by key.
        states: the same for states.
        rebuild: ``(key, part) -> part`` -> the same compound of changed parts.
        watch: names -> the same cell, which puts out ``(y, {name: value})``; None where
            only fields of the state can be seen, by stepping.
        matrix: weights -> ``[n_in, n_out]``, of a connection that is one product.
        row: the step of a cell that is its parts one after another, and nothing else;
            what was given another step since is more.
        uncut: whether the gradient of a spike needs that of the step after it, so that
            one cut in time is wrong in the last step before.
        puts_out: ``(state, x)`` -> arrays, or shapes and dtypes, of what a step puts
            out of weights as precise as ``x``; None where one has to be traced.
        run_to_marks: the run where the next part alone reads the spikes, and takes a
            ``Raster`` of them; None where there is none. Of a cell with ``loop``, it
            takes that as ``loop=``.
        takes_marks: whether ``run`` reads a ``Raster`` as it does spikes.
        functions: what the cell did as it was made; one that does otherwise since is
            not what ``make`` and ``options`` say.
    """

    make: Callable[..., Any] | None = None
    options: inspect.BoundArguments | None = None
    parts: Mapping[Any, Any] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()
    weights: Callable[[Any], Mapping[Any, Any]] = lambda weights: {}
    states: Callable[[Any], Mapping[Any, Any]] = lambda state: {}
    rebuild: Callable[[Callable[[Any, Any], Any]], Any] | None = None
    watch: Callable[[tuple[str, ...]], Any] | None = None
    matrix: Callable[[Any], jax.Array] | None = None
    row: Callable[..., Any] | None = None
    uncut: bool = False
    puts_out: Callable[[Any, Any], Any] | None = None
    run_to_marks: Callable[..., tuple[Any, Any]] | None = None
    takes_marks: bool = False
    functions: tuple[Any, ...] = ()


Options = ParamSpec("Options")
Made = TypeVar("Made")


def factory(make: Callable[Options, Made]) -> Callable[Options, Made]:
    """Lets a function that makes cells keep in ``about`` how each was made."""
    signature = inspect.signature(make)

    @wraps(make)
    def making(*args: Options.args, **kwargs: Options.kwargs) -> Made:
        _check_names(make.__name__, signature, kwargs)
        cell: Any = make(*args, **kwargs)
        options = signature.bind(*args, **kwargs)
        options.apply_defaults()
        about = replace(cell.about or About(), make=making, options=options)
        cell = cell._replace(init=_keyed(cell.init))
        return cell._replace(about=replace(about, functions=functions(cell)))

    vars(making)[_MARK] = True
    return making


def _check_names(maker, signature, given):
    """Says what an option is here, of a named tuple or of another library."""
    kinds = {k: type(each.default) for k, each in signature.parameters.items()}
    fields = {k: getattr(kind, "_fields", ()) for k, kind in kinds.items()}
    known = {*kinds, *(f"{k}.{each}" for k, inner in fields.items() for each in inner)}
    for name in sorted(given.keys() - kinds.keys()):
        for option, inner in fields.items():
            if name in inner:
                raise TypeError(
                    f"{maker}() takes {name} as a part of {option}: "
                    f"{option}={kinds[option].__name__}({name}=…)."
                )
        here = option_here(name, known)
        if here and not _takes_all(signature):
            raise TypeError(
                f"{maker}() takes no {name}; {here}. Neurons of other libraries, by "
                "their own options: snnjax.interop.presets.from_library."
            )


def _takes_all(signature):
    """Whether options of any name are taken."""
    kinds = (each.kind for each in signature.parameters.values())
    return inspect.Parameter.VAR_KEYWORD in kinds


def makes_cells(function: Any) -> bool:
    """Whether this is a function with the decorator ``factory``."""
    return isinstance(function, FunctionType) and _MARK in vars(function)


def functions(cell: Any) -> tuple[Any, ...]:
    """What a cell does."""
    return cell.init, cell.rest, cell.step, cell.run, cell.loop, cell.replay


def told_output(cell: Any) -> Callable[[Any, Any], Any] | None:
    """How a cell tells what it puts out; None if it does not, or steps otherwise."""
    about = cell.about
    known = about is not None and cell.step in about.functions
    return about.puts_out if known else None


def by_marks(cell: Any, reader: Any) -> Callable[..., tuple[Any, Any]] | None:
    """How a cell runs if ``reader`` alone reads its spikes, if there is another way."""
    takes = _runs_as_made(reader) and reader.about.takes_marks
    return run_to_marks(cell) if takes else None


def run_to_marks(cell: Any) -> Callable[..., tuple[Any, Any]] | None:
    """How a cell runs to marks of its spikes, if it can and does as it did."""
    return cell.about.run_to_marks if _runs_as_made(cell) else None


def _runs_as_made(cell):
    """Whether a cell does as it did when it was made; its weights may be drawn anew."""
    return cell.about is not None and functions(cell)[1:] == cell.about.functions[1:]


def _keyed(init):
    """Draws weights, from a key of ``jax.random.key`` alone."""

    @wraps(init)
    def draw(key):
        check.key(key)
        return init(key)

    return draw


def uncut(cell: Any) -> bool:
    """Whether a cell, or one inside, has a gradient that must not be cut in time."""
    about = cell.about
    return about is not None and (about.uncut or any(map(uncut, about.parts.values())))


def check_cut(what: str, cell: Any) -> None:
    """Refuses to cut a gradient in time that is wrong then.

    Raises:
        ValueError: with ``what`` would cut it, and what to do.
    """
    if uncut(cell):
        raise ValueError(
            f"{what} cuts the gradient in time, and {cell!r} has EventProp, whose "
            "spikes in the last step before a cut would have a wrong slope. Take a "
            "surrogate such as SuperSpike(), or leave the gradient whole: unroll(…) "
            "without truncate=, checkpoint= for memory, rtrl and per_unit to learn "
            "online."
        )


def told(about: About) -> str:
    """A cell as one would write it, defaults left out; by its parts if changed."""
    if about.make is None or about.options is None:
        return f"Cell({', '.join(f'{k}={part!r}' for k, part in about.parts.items())})"
    return f"{about.make.__name__}({', '.join(_arguments(about.options))})"


def _arguments(options):
    """What a factory was given, as one writes it; defaults are left out."""
    for name, value in options.arguments.items():
        parameter = options.signature.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            yield from map(_short, value)
        elif parameter.kind is parameter.VAR_KEYWORD:
            yield from (f"{key}={_short(each)}" for key, each in value.items())
        elif _same(value, parameter.default):
            continue
        elif parameter.default is parameter.empty:
            yield _short(value)
        else:
            yield f"{name}={_short(value)}"


def _short(value):
    """An array by its type and shape; anything else as it is."""
    if isinstance(value, jax.Array | np.ndarray):
        return f"{value.dtype}{list(value.shape)}" if value.ndim else f"{value}"
    if isinstance(value, partial):
        options = (f"{k}={_short(v)}" for k, v in value.keywords.items())
        given = [_short(value.func), *map(_short, value.args), *options]
        return f"partial({', '.join(given)})"
    if not hasattr(value, "_fields") or hasattr(value, "about"):
        named = callable(value) and hasattr(value, "__name__")
        return value.__name__ if named else repr(value)
    defaults = type(value)._field_defaults
    fields = zip(value._fields, value, strict=True)
    shown = [
        f"{k}={_short(v)}" for k, v in fields if not _same(v, defaults.get(k, fields))
    ]
    return f"{type(value).__name__}({', '.join(shown)})"


def _same(value, default):
    """Whether one would leave a value out."""
    if value is default or type(value) is not type(default):
        return value is default
    if isinstance(value, tuple):
        return len(value) == len(default) and all(map(_same, value, default))
    return isinstance(value, str | int | float) and value == default
