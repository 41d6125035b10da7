"""What one may ask of a task's network: how it fires, and in which steps of time."""

import ast
import inspect
import math
from functools import partial
from typing import Any, get_args

from snnjax import check, surrogate
from snnjax.neurons.leaky import Reset
from snnjax.surrogate import Shape, from_library

_MOST = 100_000  # steps of a sample; more are a dt in the wrong unit


def steps_of(duration: float, dt: float) -> int:
    """How many steps of ``dt`` seconds cover a duration [s].

    Raises:
        ValueError: for a dt that is not positive, longer than that, or very short.
    """
    check.positive("dt", dt, " [s]")
    check.one("dt", dt)
    if dt > duration or duration / dt > _MOST:
        raise ValueError(
            f"dt must be a step in seconds, at most the {duration:g} s of a sample and "
            f"no less than {duration / _MOST:g} s, got {dt:g}."
        )
    return math.ceil(duration / dt - 1e-6)


def surrogate_of(told: Shape | str) -> Shape:
    """A shape by its name and numbers, such as ``"SuperSpike(25)"``.

    Args:
        told: a shape, or a text: a name of ``snnjax.surrogate`` in letters of any size,
            alone or with its numbers, ``"Scaled(triangle(slope=2), 0.3)"``; or a name
            of ``from_library``, ``"snntorch.fast_sigmoid(slope=25)"``.

    Raises:
        ValueError: for a text that names no shape, or numbers that it does not take.
    """
    if not isinstance(told, str):
        return told
    try:
        return _shape(ast.parse(told.strip(), mode="eval").body)
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(
            f"surrogate must be a name with numbers, such as 'SuperSpike(25)', got "
            f"{told!r:.100}: {error}."
        ) from None


def firing(surrogate: Shape | str, reset: Reset) -> dict[str, Any]:
    """How neurons fire, as options of ``lif`` and its like.

    Args:
        surrogate: as ``surrogate_of``.
        reset: of the voltage after a spike.

    Raises:
        ValueError: as ``surrogate_of``, or for another reset.
    """
    check.one_of("reset", reset, get_args(Reset))
    return {"surrogate": surrogate_of(surrogate), "reset": reset}


def told(**options: Any) -> dict[str, Any]:
    """Options as JSON keeps them, but for None: shapes by name and numbers."""
    return {
        name: value if isinstance(value, str | int | float) else repr(value)
        for name, value in options.items()
        if value is not None
    }


def _shape(node):
    if isinstance(node, ast.Call):
        args = [_value(each) for each in node.args]
        numbers = {str(each.arg): _value(each.value) for each in node.keywords}
        return _with_numbers(_named(node.func)(*args, **numbers))
    return _named(node)()


def _with_numbers(made):
    """A shape, none of whose numbers is a shape itself."""
    for name, value in zip(made._fields, made, strict=True):
        if name != "shape" and hasattr(value, "_fields"):
            raise TypeError(f"{name} must be a number, got {value!r:.60}")
    return made


def _value(node):
    if isinstance(node, ast.Call | ast.Name | ast.Attribute):
        return _shape(node)
    value = ast.literal_eval(node)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    if not math.isfinite(value):
        raise TypeError(f"{value!r} is not finite")
    return float(value) if isinstance(value, int) else value


def _of_library(name, *args, **numbers):
    if args:
        raise TypeError(f"the numbers of {name} go by name, such as slope=25")
    for each, value in numbers.items():
        if not isinstance(value, float):
            raise TypeError(f"{each} must be a number, got {value!r:.60}")
    return from_library(name, **numbers)


def _named(node):
    """The type of a shape, or the one of another library, by name."""
    name = ast.unparse(node)
    shapes = {
        each.lower(): getattr(surrogate, each)
        for each in surrogate.__all__
        if inspect.isclass(getattr(surrogate, each))
        and hasattr(getattr(surrogate, each), "_fields")
    }
    if name.lower() in shapes:
        return shapes[name.lower()]
    if isinstance(node, ast.Attribute):
        return partial(_of_library, name)
    listed = ", ".join(sorted(each.__name__ for each in shapes.values()))
    raise ValueError(
        f"There is no surrogate {name!r:.60}; there are {listed}, and those of other "
        "libraries, such as snntorch.fast_sigmoid."
    )
