"""What a node of NIR is: the primitives, what each is told by, and what is refused.

Version 1.0.8 of the specification (Pedersen et al. 2024,
doi:10.1038/s41467-024-52259-9). Times are in seconds.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

Shape = tuple[int, ...]
LARGEST = 2**31 - 1  # neurons of a node, or pixels of a map


class Node(NamedTuple):
    """One node, checked: fields as arrays, ``"same"`` or ``"valid"`` as they are."""

    kind: str
    fields: dict[str, Any]
    metadata: dict[str, Any]


_LEAKY = ("tau", "r", "v_leak")
_CUBA = ("tau_mem", "tau_syn", "r", "v_leak", "w_in")
_FIRES = ("v_threshold", "v_reset")
_CONV = ("weight", "stride", "padding", "dilation", "groups", "bias", "input_shape")
_POOL = ("kernel_size", "stride", "padding")
FIELDS: dict[str, tuple[str, ...]] = {
    "Input": ("shape",),
    "Output": ("shape",),
    "Affine": ("weight", "bias"),
    "Linear": ("weight",),
    "Scale": ("scale",),
    "Threshold": ("threshold",),
    "Conv1d": _CONV,
    "Conv2d": _CONV,
    "SumPool2d": _POOL,
    "AvgPool2d": _POOL,
    "Flatten": ("start_dim", "end_dim", "input_type"),
    "Delay": ("delay",),
    "I": ("r",),
    "IF": ("r", *_FIRES),
    "LI": _LEAKY,
    "LIF": (*_LEAKY, *_FIRES),
    "CubaLI": _CUBA,
    "CubaLIF": (*_CUBA, *_FIRES),
}
NEURONS = ("I", "IF", "LI", "LIF", "CubaLI", "CubaLIF")
CONNECTIONS = (
    *("Affine", "Linear", "Scale", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d"),
    *("Flatten", "Delay"),
)
_OPTIONAL = {  # fields that older files and hand-made graphs leave out
    "v_reset": 0.0,
    "w_in": 1.0,
    "input_shape": None,
    "input_type": None,
    "start_dim": 1,
    "end_dim": -1,
}
_POSITIVE = ("tau", "tau_mem", "tau_syn")
_WHOLE = {  # whole numbers, and the least of each
    **dict.fromkeys(("shape", "stride", "dilation", "groups", "kernel_size"), 1),
    **dict.fromkeys(("input_shape", "input_type"), 1),
    **dict.fromkeys(("start_dim", "end_dim"), -LARGEST),
    "padding": 0,
}


def node_of(told: Mapping[str, Any]) -> Node:
    """A node of its dict, ``{"type": …, field: value, "metadata": {…}}``.

    Raises:
        ValueError: for an unknown kind, a field that is missing or unknown, values that
            are no numbers, not finite, out of range, or of shapes that do not match.
    """
    kind = told.get("type")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise ValueError(f"is of the type {kind!r:.60}; NIR has {', '.join(FIELDS)}.")
    given = {k: v for k, v in told.items() if k not in ("type", "metadata")}
    odd = [name for name in given if name not in FIELDS[kind]]
    if odd:
        raise ValueError(
            f"{kind} has a field {odd[0]!r:.60}, which NIR 1.0.8 does not know; there "
            f"are {', '.join(FIELDS[kind])}."
        )
    fields: dict[str, Any] = {}
    for name in FIELDS[kind]:
        if given.get(name) is not None:
            fields[name] = _value(kind, name, given[name])
        elif name not in _OPTIONAL:
            raise ValueError(f"{kind} must tell {name}, it is missing.")
        elif _OPTIONAL[name] is not None:
            fields[name] = np.asarray(_OPTIONAL[name])
    if kind in NEURONS:
        _check_neuron(kind, fields)
    elif kind in ("Affine", "Linear"):
        _check_dense(kind, fields)
    elif kind.startswith("Conv"):
        _check_convolution(kind, fields)
    return Node(kind, fields, dict(told.get("metadata") or {}))


def _value(kind, name, value):
    if isinstance(value, str):
        if name == "padding" and value in ("same", "valid"):
            return value
        raise ValueError(f"{kind}: {name} is the text {value!r:.60}, not numbers.")
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{kind}: {name} is of {array.dtype}, not numbers.")
    if not np.isfinite(array).all():
        raise ValueError(f"{kind}: {name} must be finite, it holds NaN or infinity.")
    if name in _POSITIVE and not (array > 0).all():
        raise ValueError(f"{kind}: {name} [s] must be positive, got {array.min():g}.")
    if name == "delay" and not (array >= 0).all():
        raise ValueError(f"{kind}: a delay [s] cannot be negative: {array.min():g}.")
    return _whole(kind, name, array) if name in _WHOLE else array


def _whole(kind, name, array):
    least = _WHOLE[name]
    inside = (array >= least) & (array <= LARGEST) & (array == np.floor(array))
    if not inside.all():
        raise ValueError(
            f"{kind}: {name} must be whole numbers of at least {least}, got "
            f"{array[~inside].reshape(-1)[0]:g}."
        )
    if array.ndim > 1 or array.size > 8:
        raise ValueError(f"{kind}: {name} has the shape {array.shape}.")
    whole = array.astype(np.int64)
    if name in ("shape", "input_type") and np.prod(whole.astype(float)) > LARGEST:
        raise ValueError(f"{kind}: {name} {whole.tolist()} is more than {LARGEST}.")
    return whole


def _check_neuron(kind, fields):
    shapes = {name: array.shape for name, array in fields.items() if array.shape}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"{kind}: all fields must have one shape, got {shapes}.")
    if "v_threshold" not in fields:
        return
    if not (fields["v_reset"] < fields["v_threshold"]).all():
        raise ValueError(
            f"{kind}: v_reset must lie below v_threshold, or a neuron that fired once "
            f"fires for ever; got {_range(fields['v_reset'])} and "
            f"{_range(fields['v_threshold'])}."
        )


def _check_dense(kind, fields):
    w, b = fields["weight"], fields.get("bias")
    if w.ndim != 2 or 0 in w.shape:
        raise ValueError(f"{kind}: weight must be [n_out, n_in], got {w.shape}.")
    if b is not None and b.shape != w.shape[:1]:
        raise ValueError(f"{kind}: bias must be {w.shape[:1]}, got {b.shape}.")


def _check_convolution(kind, fields):
    w, axes = fields["weight"], int(kind[-2])
    if w.ndim != 2 + axes or 0 in w.shape:
        raise ValueError(
            f"{kind}: weight must be [c_out, c_in, *kernel] with {axes} axes of the "
            f"kernel, got {w.shape}."
        )
    if fields["bias"].shape != w.shape[:1]:
        raise ValueError(
            f"{kind}: bias must be {w.shape[:1]}, got {fields['bias'].shape}."
        )
    groups = int(fields["groups"].reshape(-1)[0]) if fields["groups"].size == 1 else 0
    if groups < 1 or w.shape[0] % groups:
        raise ValueError(
            f"{kind}: groups must divide its {w.shape[0]} output channels, got "
            f"{fields['groups'].tolist()}."
        )


def per_axis(kind: str, name: str, value: np.ndarray, axes: int) -> Shape:
    """Whole numbers, one for each axis of space.

    Raises:
        ValueError: for another number of them.
    """
    if value.size not in (1, axes):
        raise ValueError(
            f"{kind}: {name} must be one number or {axes}, got {value.tolist()}."
        )
    numbers = value.reshape(-1).tolist()
    return tuple(numbers if len(numbers) == axes else numbers * axes)


def _range(array):
    low, high = array.min(), array.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def ranges(node: Node) -> str:
    """The fields of a node in one line, arrays by their least and most."""
    told = []
    for name, value in node.fields.items():
        if isinstance(value, str):
            told.append(f"{name} {value}")
        elif value.size == 0:
            told.append(f"{name} empty")
        elif name in _WHOLE:
            told.append(f"{name} {'x'.join(map(str, value.reshape(-1).tolist()))}")
        else:
            told.append(f"{name} {_range(value)}")
    return ", ".join(told)
