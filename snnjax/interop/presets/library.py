"""Neurons as other libraries compute them, by their own names and numbers."""

import difflib
import inspect
from typing import Any

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.interop.presets import (  # noqa: F401  each lists its presets
    of_chips,
    of_jaxpike,
    of_norse,
    of_simulators,
    of_sinabs,
    of_sinabs_adaptive,
    of_snntorch,
    of_sparx,
    of_spikingjelly,
    of_spyx,
    of_zenke,
)
from snnjax.interop.presets.registry import LIBRARIES, PRESETS, Described, Preset
from snnjax.surrogate import Shape, check_shape
from snnjax.surrogate import supported as surrogates


@factory
def from_library(
    name: str, n: int, *, surrogate: Shape | None = None, **options: Any
) -> Cell:
    """Makes a neuron that does, step by step, what one of another library does.

        from_library("snntorch.Leaky", 100, beta=0.9, reset_mechanism="zero")
        from_library("norse.LIF", 100, tau_mem_inv=1 / 20e-3)

    Spikes, voltages and gradients are those of that library: its decay, its order, its
    comparison, its reset and what a gradient passes through, which differ from those of
    our own neurons and from each other. ``described(name)`` says how.

    Libraries that count in steps (``described(name).clock``) do not know a time step:
    ``dt`` of a run is then not used, and changes nothing. Where they count in seconds,
    it is their ``dt``. Time constants are in the unit that the library has.

    Args:
        name: one of ``supported()``, as ``"library.class"``.
        n: number of neurons.
        surrogate: pseudo-derivative of the spike; that library's own if omitted.
        **options: the parameters there, by the names there; defaults as there.
            Numbers are ``[]`` or ``[n]``, and may be traced.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]``. Its state has ``v``, and ``i`` and others
        where there are such; ``"recorded"`` can be watched, the voltage that the
        library records. Its weights are a dict of what the library learns, ``()`` if it
        learns nothing. A recurrent one is a compound of ``neuron`` and connection.

    Raises:
        ValueError: for an unknown name, a parameter that the class there does not have
            or that has no meaning here, with the reason, or one that it cannot have.

    Example:
        >>> from snnjax.interop import presets
        >>> neuron = presets.from_library("snntorch.Leaky", 3, beta=0.9)
        >>> _, spikes = snn.unroll(neuron, (), jnp.full((20, 3), 0.3), dt=1e-3)
        >>> print(spikes.sum(axis=0))
        [4. 4. 4.]
    """
    found = _found(name)
    check.whole("n", n)
    if isinstance(surrogate, str):
        raise ValueError(
            f"surrogate must be a shape, got {surrogate!r}. By a library's name it is "
            f"snnjax.surrogate.from_library({_of_library(name, surrogate)!r})."
        )
    if surrogate is not None:
        check_shape("surrogate", surrogate, (n,))
        if found.told.surrogate.startswith("none"):
            raise ValueError(f"{name} does not fire: leave surrogate out.")
    _check_options(found, n, options)
    options = {key: v for key, v in options.items() if key not in found.sizes}
    try:
        return found.make(n, found.surrogate(surrogate), **options)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def supported() -> tuple[str, ...]:
    """All names that ``from_library`` takes."""
    return tuple(PRESETS)


def described(name: str) -> Described:
    """Tells what a preset stands for: library, class, call, and its step in symbols.

        print(described("snntorch.Leaky"))

    Args:
        name: one of ``supported()``.

    Raises:
        ValueError: for an unknown name.
    """
    return _found(name).told


def _found(name: str) -> Preset:
    if not isinstance(name, str):
        raise ValueError(
            f"name must be one of presets.supported(), got {check.told(name)}."
        )
    if name not in PRESETS:
        raise ValueError(f"Unknown preset name {name!r}. {_instead(name)}")
    return PRESETS[name]


def _instead(name):
    """What there is in place of a name: of that library, if one is named."""
    library = name.partition(".")[0].lower()
    if library not in LIBRARIES:
        near = _meant(name, PRESETS) if "." not in name else ""
        return (
            f"{near}There are presets of {', '.join(LIBRARIES)}, as "
            "'snntorch.Leaky'; presets.supported() lists all. A neuron of another "
            "library is made by presets.stepped."
        )
    there = [each for each in PRESETS if each.startswith(f"{library}.")]
    classes = {PRESETS[each].told.of.rpartition(".")[2]: each for each in there}
    if name.rpartition(".")[2] in classes:
        return f"That class is the preset {classes[name.rpartition('.')[2]]!r} here."
    return f"{_meant(name, there)}Of {library} there are {', '.join(there)}."


def _of_library(name, word):
    """A surrogate by the library of a preset, where that has it; else its own."""
    library = name.partition(".")[0]
    there = {
        each.rpartition(".")[2].lower(): each
        for each in surrogates()
        if each.startswith(f"{library}.")
    }
    near = difflib.get_close_matches(word.lower(), there, n=1, cutoff=0.5)
    return there[near[0]] if near else PRESETS[name].told.surrogate


def _check_options(found, n, options):
    known, called = found.parameters, found.told.name
    for option, value in options.items():
        if option in found.unused:
            raise ValueError(f"{called} takes no {option}: {found.unused[option]}.")
        if option in found.sizes:
            if value != n:
                raise ValueError(f"{called}: {option} must be n={n}, got {value!r}.")
        elif option not in known:
            raise ValueError(
                f"{called} has no parameter {option!r}. {_meant(option, known)}It "
                f"takes {', '.join(known)}."
            )
        elif _is_number(found, option, value):
            check.finite(f"{called}: {option}", value)
            check.per_neuron(f"{called}: {option}", value, n)
    missing = [
        key for key, p in known.items() if p.default is p.empty and key not in options
    ]
    if missing:
        raise ValueError(f"{called} needs {', '.join(missing)}, as {found.told.call}.")


def _is_number(found, option, value):
    """Whether it must be a number, or one for each neuron; None may be left out."""
    default = found.parameters[option].default
    if option in found.optional:
        return value is not default and value is not None
    number = isinstance(default, int | float) and not isinstance(default, bool)
    return number or default is inspect.Parameter.empty


def _meant(word, known):
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}? " if near else ""
