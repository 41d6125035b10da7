"""A network taken apart for NIR: its leaves, what they were made of, what comes in."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax.about import OUTPUT, Edge
from snnjax.cell import Cell, check_cell
from snnjax.compose import learn
from snnjax.interop.nir.primitives import Shape
from snnjax.parts import Flat, Leaf, flat, options_of
from snnjax.probes import Outputs


class Apart(NamedTuple):
    """Leaves by dotted name, in the order in which they act, and edges between them."""

    leaves: dict[str, Leaf]
    edges: tuple[Edge, ...]
    given: dict[str, Shape]  # what comes in, channels last, without batch
    inputs: dict[str, Shape]  # by name; "input" if there is one


def taken_apart(
    network: Cell, weights: Any, shape: Shape | dict[str, Shape] | None
) -> Apart:
    """The leaves of a network, with learned constants in them.

    Args:
        network: any cell.
        weights: of it.
        shape: of its input without batch, or of several by name; found if omitted.

    Raises:
        ValueError: for weights of another network, a compound that does not tell what
            it puts out, an output that is no leaf's, or a shape that is needed.
    """
    check_cell("network", network)
    _check_outputs(network, "")
    whole = _with_learned(network, weights, flat(network, weights))
    starts = [e.source for e in whole.edges if e.source not in whole.leaves]
    names = list(dict.fromkeys(starts))
    inputs = {_input_name(name): _input_shape(name, whole, shape) for name in names}
    given = _shapes(whole, {name: inputs[_input_name(name)] for name in names})
    return Apart(whole.leaves, whole.edges, given, inputs)


def _input_name(source):
    return source.removesuffix("->")


def _check_outputs(cell, where):
    """Refuses a compound that puts out more than its parts do: voltages, fields."""
    about = cell.about
    if about is None or not about.parts:
        return
    name = where.removesuffix(".") or "The network"
    if about.options is None:
        raise ValueError(
            f"{name} does not tell what it puts out, as it was rebuilt. Make it anew "
            "with its factory."
        )
    outputs = about.options.arguments.get("outputs")
    if outputs is not None:
        within = "neuron" if "feedback" in about.parts else None
        asked = Outputs(about.make.__name__, outputs, about.parts, within)
        for told, (part, rest) in asked.places.items():
            if rest or (within and part != within):
                raise ValueError(
                    f"{name} puts out {told!r}, which NIR has no edge for: a node puts "
                    f"out one thing. Put out {part!s}."
                )
    for key, part in about.parts.items():
        _check_outputs(part, f"{where}{key}.")


def _with_learned(network, weights, whole: Flat) -> Flat:
    """Leaves of ``learn`` cells made of the constants that were learned."""
    leaves = dict(whole.leaves)
    for prefix, cell, inner in _learned(network, weights, ""):
        options = options_of(prefix, cell)
        logs = {k: np.exp(np.asarray(log)) for k, log in inner.logs.items()}
        made = options["make"](**logs)
        for name, leaf in flat(made, inner.weights).leaves.items():
            alone = made.about is None or not made.about.parts
            place = f"{prefix}cell" if alone else f"{prefix}cell.{name}"
            leaves[place] = leaf
    return whole._replace(leaves=leaves)


def _learned(cell, weights, prefix):
    about = cell.about
    if about is None or not about.parts:
        return
    if about.make is learn:
        yield prefix, cell, weights
        return
    for key, inner in about.weights(weights).items():
        yield from _learned(about.parts[key], inner, f"{prefix}{key}.")


def _input_shape(source, whole, shape) -> Shape:
    """As it was given, or as the first leaf tells."""
    name = _input_name(source)
    if isinstance(shape, dict):
        if name not in shape:
            raise ValueError(f"shape must tell that of {name!r}, got {list(shape)}.")
        return _checked(shape[name])
    if shape is not None:
        return _checked(shape)
    first = next(edge.target for edge in whole.edges if edge.source == source)
    try:
        options = options_of(first, whole.leaves[first].cell)
    except ValueError:
        options = {}
    width = options.get("n_in", options.get("n"))
    if isinstance(width, int):
        return (width,)
    targets = options.get("targets")
    if targets is not None:
        return (int(np.shape(targets)[0]),)
    raise ValueError(
        f"{first} does not tell the shape of what comes in: give that of one input "
        "without batch, shape=(28, 28, 1) for images with channels last."
    )


def _checked(shape):
    sizes = tuple(shape) if isinstance(shape, tuple | list) else ()
    if not sizes or not all(isinstance(k, int) and k > 0 for k in sizes):
        raise ValueError(
            "shape must be that of one input without batch, (n,) or (height, width, "
            f"channels), got {shape!r}."
        )
    return sizes


def _shapes(whole, inputs) -> dict[str, Shape]:
    """What comes into each leaf, from the inputs on."""
    given: dict[str, Any] = {}
    outs = {name: (shape, jnp.float32) for name, shape in inputs.items()}
    waiting = [edge for edge in whole.edges if edge.target != OUTPUT]
    while waiting:
        ready = [edge for edge in waiting if edge.source in outs]
        if not ready:
            raise ValueError(f"No input reaches {waiting[0].target}.")
        for edge in ready:
            waiting.remove(edge)
            name = edge.target
            if name not in outs:
                given[name] = outs[edge.source][0]
                outs[name] = _output(name, whole.leaves[name], outs[edge.source])
    return given


def _output(name, leaf, came):
    cell, weights = leaf.cell, leaf.weights

    def once(x, dt):
        return cell.step(weights, cell.rest(x), x, dt)[1]

    step = jax.ShapeDtypeStruct((), jnp.float32)
    try:
        y = jax.eval_shape(once, jax.ShapeDtypeStruct(*came), step)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return tuple(y.shape), y.dtype
