"""Shapes of what passes through a graph, as NIR has them: channels first, no batch."""

import math

import numpy as np

from snnjax.interop.nir.primitives import Node, Shape, per_axis
from snnjax.interop.nir.structure import Graph


def shapes_of(graph: Graph) -> dict[str, Shape]:
    """What each node puts out, from the inputs on.

    Raises:
        ValueError: by name, for what does not fit what comes in.
    """
    found: dict[str, Shape] = {}
    starts = graph.of("Input")
    for name in starts:
        found[name] = _without_batch(graph, name)
    waiting = [b for name in starts for b in graph.behind(name)]
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        came = _arriving(graph, name, found)
        try:
            found[name] = output_shape(graph.nodes[name], came)
        except ValueError as error:
            raise ValueError(f"Node {name!r}: {error}") from error
        waiting += [b for b in graph.behind(name) if b not in found]
    for name in graph.nodes:  # where a cycle brings more than was known before
        if name not in starts:
            _arriving(graph, name, found)
    return found


def _arriving(graph, name, found):
    """The one shape of all that comes into a node, as far as it is known."""
    first, *others = [a for a in graph.into(name) if a in found]
    for a in others:
        if found[a] != found[first]:
            raise ValueError(
                f"What arrives at {name!r} differs in shape: {found[first]} from "
                f"{first!r}, {found[a]} from {a!r}."
            )
    return found[first]


def _without_batch(graph, name):
    """What an input brings; some write the batch of one that they have tried."""
    told = shape = _told(graph.nodes[name].fields["shape"])
    first = graph.nodes[graph.behind(name)[0]]
    while True:
        try:
            output_shape(first, shape)
        except ValueError:
            if shape[:1] != (1,) or len(shape) == 1:
                return told  # refused by its name there
            shape = shape[1:]
        else:
            return shape


def output_shape(node: Node, given: Shape) -> Shape:
    """What a node puts out.

    Args:
        node: checked.
        given: the shape that comes in.

    Raises:
        ValueError: if it does not fit.
    """
    kind, fields = node.kind, node.fields
    if kind == "Input":
        return _told(fields["shape"])
    if kind == "Output":
        told = _told(fields["shape"])
        batch = told[: len(told) - len(given)]
        if told[len(batch) :] == given and {*batch} <= {1}:
            return given
        return _elementwise(kind, told, given)
    if kind in ("Affine", "Linear"):
        n_out, n_in = fields["weight"].shape
        if given != (n_in,):
            raise ValueError(f"{kind} takes ({n_in},), what comes in is {given}.")
        return (n_out,)
    if kind.startswith("Conv"):
        return _convolved(node, given)
    if kind.endswith("Pool2d"):
        if len(given) != 3:
            raise ValueError(f"{kind} takes maps (c, height, width), got {given}.")
        kernel, stride, pads = (
            per_axis(kind, name, fields[name], 2)
            for name in ("kernel_size", "stride", "padding")
        )
        return (given[0], *_slid(kind, given[1:], kernel, stride, pads))
    if kind == "Flatten":
        return _flattened(node, given)
    largest = max((fields[name].shape for name in fields), key=len)
    return _elementwise(kind, largest, given)


def _told(shape: np.ndarray) -> Shape:
    return tuple(int(size) for size in shape.reshape(-1))


def _elementwise(kind, shape, given):
    """Fields ``[]`` are those of every neuron."""
    if shape == ():
        return given
    if shape != given:
        raise ValueError(f"{kind} is of shape {shape}, what comes in is {given}.")
    return given


def _convolved(node, given):
    kind, fields = node.kind, node.fields
    w, axes = fields["weight"], int(node.kind[-2])
    groups = int(fields["groups"].reshape(-1)[0])
    if len(given) != 1 + axes or given[0] != w.shape[1] * groups:
        raise ValueError(
            f"{kind} takes maps of {w.shape[1] * groups} channels first and {axes} "
            f"axes of space, what comes in is {given}."
        )
    space = fields.get("input_shape")
    if space is not None and per_axis(kind, "input_shape", space, axes) != given[1:]:
        raise ValueError(
            f"{kind} tells input_shape {space.tolist()}, what comes in is {given}."
        )
    stride, dilation = (
        per_axis(kind, name, fields[name], axes) for name in ("stride", "dilation")
    )
    kernel = tuple(d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True))
    pads = fields["padding"]
    if isinstance(pads, str):
        if pads == "same":
            if set(stride) != {1}:
                raise ValueError(f"{kind}: padding 'same' needs a stride of 1.")
            return (w.shape[0], *given[1:])
        pads = np.zeros(1, int)
    pads = per_axis(kind, "padding", pads, axes)
    return (w.shape[0], *_slid(kind, given[1:], kernel, stride, pads))


def _slid(kind, space, kernel, stride, pads):
    sizes = []
    for n, k, s, p in zip(space, kernel, stride, pads, strict=True):
        if n + 2 * p < k:
            raise ValueError(f"{kind}: a map of {space} is smaller than its kernel.")
        sizes.append((n + 2 * p - k) // s + 1)
    return sizes


def _flattened(node, given):
    """All axes as one; what leaves one apart has no layer here that takes it."""
    told, axes = node.fields.get("input_type"), len(given)
    if told is not None and _told(told) != given:
        raise ValueError(
            f"Flatten tells input_type {told.tolist()}, what comes in is {given}."
        )
    start, end = (int(node.fields[name]) for name in ("start_dim", "end_dim"))
    start, end = (k + axes if k < 0 else k for k in (start, end))
    if axes > 1 and (start > 0 or end < axes - 1):
        raise ValueError(
            f"Flatten joins axes {start} to {end} of {given}: only all of them are "
            "read here, start_dim 0 and end_dim -1 (NIR counts no batch)."
        )
    return (math.prod(given),)
