"""From a node of NIR to a cell and its weights, or a refusal with the reason.

A leaky circuit of gain k and rest E is a ``lif``: with v = E + k u its threshold is
(v_threshold - E) / k, its reset (v_reset - E) / k, and no weight changes. k is r, and
behind a synapse r w_in dt / τ_syn, as a spike lasts for one step of dt.
"""

import warnings
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax.cell import Cell
from snnjax.interop.nir import cells
from snnjax.interop.nir.circuits import CircuitParams, Method, Reset, circuit
from snnjax.interop.nir.primitives import NEURONS, Node, Shape, per_axis
from snnjax.networks import convolution, delay, dense, flatten, pool
from snnjax.networks.connect import DenseWeights
from snnjax.networks.convolutions import ConvolutionWeights
from snnjax.networks.delays import WHOLE
from snnjax.neurons import LIFParams, LIParams, li, lif
from snnjax.surrogate import Shape as Surrogate

MOST_STEPS = 10**6  # of a delay
_NEAR = WHOLE  # relatively: what is so near is one


class Reading(NamedTuple):
    """How a file is read."""

    dt: float | None
    method: Method
    reset: Reset
    surrogate: Surrogate
    dtype: np.dtype | None  # of weights; as in the file if None


class Made(NamedTuple):
    """A cell and its weights."""

    cell: Cell
    weights: Any


def made_of(node: Node, given: Shape, how: Reading) -> Made:
    """The cell of a node.

    Args:
        node: checked; a ``Flatten`` becomes ``flatten``, in our order.
        given: the shape that comes in, channels first.
        how: dt, method, reset and surrogate.

    Raises:
        ValueError: for what cannot be the same here, with the reason and the way out.
    """
    kind, fields = node.kind, node.fields
    if kind in NEURONS:
        return Made(_neuron(node, given, how), ())
    if kind in ("Affine", "Linear"):
        b = fields.get("bias")
        w = _weights(fields["weight"].T, how)
        cell = dense(*w.shape, bias=b is not None)
        return Made(cell, DenseWeights(w, None if b is None else _weights(b, how)))
    if kind == "Scale":
        s = np.broadcast_to(fields["scale"], given)
        s = _weights(channels_last(s), how)
        return Made(cells.scale(s.shape), cells.ScaleWeights(s))
    if kind == "Threshold":
        theta = by_channel(kind, "threshold", fields["threshold"])
        n = given[0]
        return Made(cells.heaviside(n, theta, surrogate=how.surrogate), ())
    if kind.startswith("Conv"):
        return _convolution(node, how)
    if kind.endswith("Pool2d"):
        return Made(_pool(node), ())
    if kind == "Flatten":
        return Made(flatten(len(given) - 1) if len(given) > 1 else cells.relay(), ())
    if kind == "Delay":
        return Made(
            delay_of(by_channel(kind, "delay", fields["delay"]), given, how), ()
        )
    raise ValueError(f"{kind} is no cell.")


def _neuron(node, given, how):
    kind, n = node.kind, given[0] if given else 1
    names = {"tau": "tau_mem"}
    fields: dict[str, Any] = {"tau_mem": None, "tau_syn": None, "v_threshold": None}
    fields |= {
        names.get(name, name): by_channel(kind, name, value)
        for name, value in node.fields.items()
    }
    params = CircuitParams(**fields)
    if params.tau_syn is not None and how.dt is None:
        raise ValueError(
            f"{kind}: w_in is the gain of a spike that lasts for one step, so a dt is "
            "needed and the file tells none: give dt=…, that of the network."
        )
    if how.method == "euler" or params.tau_mem is None:
        _check_euler(kind, params, how)
        return _circuit(n, params, how)
    _warn_of_long_steps(kind, params, how)
    gain = gain_of(params, how.dt)
    shifted = np.any(np.asarray(params.v_leak) != 0.0)
    if params.v_threshold is None:
        if np.all(gain == 1.0) and not shifted:
            return li(n, LIParams(params.tau_mem, params.tau_syn))
        return _circuit(n, params, how)
    rest = np.asarray(params.v_leak, float)
    if np.any(gain <= 0.0) or np.any(rest >= params.v_threshold):
        return _circuit(n, params, how)
    threshold, v_reset = (
        _plain((np.asarray(level, float) - rest) / gain)
        for level in (params.v_threshold, params.v_reset)
    )
    if how.reset == "subtract" and np.any(np.asarray(v_reset) != 0.0):
        return _circuit(n, params, how)
    constants = LIFParams(params.tau_mem, params.tau_syn, threshold, None, v_reset)
    return lif(n, constants, surrogate=how.surrogate, reset=how.reset)


def _circuit(n, params, how):
    given = {"surrogate": how.surrogate, "reset": how.reset, "method": how.method}
    return circuit(n, params, **given)


def gain_of(params: CircuitParams, dt: float | None) -> Any:
    """k, voltage that an input of one brings in the end."""
    r = np.asarray(params.r, float)
    if params.tau_syn is None or dt is None:
        return r
    jump = np.asarray(params.w_in, float) * dt / np.asarray(params.tau_syn, float)
    return r * np.where(np.abs(jump - 1.0) <= _NEAR, 1.0, jump)


def _check_euler(kind, params, how):
    if how.method != "euler" or how.dt is None:
        return
    for name in ("tau_mem", "tau_syn"):
        tau = getattr(params, name)
        if tau is not None and np.any(np.asarray(tau) < how.dt):
            raise ValueError(
                f"{kind}: a step of Euler, {how.dt:g} s, is longer than {name} "
                f"{np.min(tau):g} s, so it would overshoot. Take a shorter dt."
            )


def _warn_of_long_steps(kind, params, how):
    """Tells of time constants so short that they are probably in another unit."""
    tau = np.min(params.tau_mem)
    if how.dt is not None and tau < how.dt:
        warnings.warn(
            f"{kind}: tau {tau:g} s is shorter than a step, {how.dt:g} s, so that a "
            "neuron remembers nothing. Some libraries write other units: Norse 1.1.0 "
            "writes dt τ, of a dt of 1 ms if none is said.",
            UserWarning,
            stacklevel=2,
        )


def by_channel(kind: str, name: str, value: np.ndarray) -> Any:
    """A constant as a number, or as ``[c]`` where channels differ.

    Raises:
        ValueError: if it differs over space, which no neuron on maps can.
    """
    if value.ndim > 1:
        flat = value.reshape(value.shape[0], -1)
        if flat.size and (flat != flat[:, :1]).any():
            raise ValueError(
                f"{kind}: {name} differs from place to place of a map {value.shape}; "
                "neurons on maps have one constant for each channel. Flatten the map "
                "before them."
            )
        value = flat[:, 0]
    return _plain(value)


def _plain(value):
    """One number where all are the same."""
    value = np.asarray(value)
    if value.size and (value == value.reshape(-1)[0]).all():
        return float(value.reshape(-1)[0])
    return value


def channels_last(value: np.ndarray) -> np.ndarray:
    """``(c, *space)`` as ``(*space, c)``."""
    return np.moveaxis(value, 0, -1) if value.ndim > 1 else value


def delay_of(by: Any, given: Shape, how: Reading) -> Cell:
    """Lines of fixed delays [s].

    Raises:
        ValueError: without dt, or for a delay of too many steps.
    """
    if how.dt is None:
        raise ValueError(
            "Delay: how many steps it is long needs a dt and the file tells none: give "
            "dt=…, that of the network."
        )
    steps = float(np.max(by)) / how.dt
    if steps > MOST_STEPS:
        raise ValueError(
            f"Delay: {float(np.max(by)):g} s are {steps:g} steps of {how.dt:g} s, more "
            f"than {MOST_STEPS}."
        )
    whole = round(steps)
    longest = whole if abs(steps - whole) <= _NEAR * whole else int(np.ceil(steps))
    return delay(given[0] if given else 1, by, max(longest, 1))


def _weights(value, how):
    """Weights in the precision of the file, or in the one asked for."""
    dtype = how.dtype or value.dtype
    if how.dtype is None and value.dtype.kind in "iu":
        dtype = np.dtype(np.float32)
    if jax.dtypes.canonicalize_dtype(dtype) != dtype:
        raise ValueError(
            f"its weights are {dtype}, which JAX would narrow to float32: set "
            'jax_enable_x64, or say dtype="float32".'
        )
    placed = jnp.asarray(value, dtype)
    if value.dtype.kind in "iu" and not np.array_equal(np.asarray(placed), value):
        raise ValueError(f"its weights are {value.dtype}, not all of them as {dtype}.")
    if not np.isfinite(np.asarray(placed)).all():
        raise ValueError(f"its weights are too large for {dtype}.")
    return placed


def _convolution(node, how):
    kind, fields, axes = node.kind, node.fields, int(node.kind[-2])
    w = _weights(np.moveaxis(fields["weight"], (0, 1), (-1, -2)), how)
    b = None if node.metadata.get("without_bias") else _weights(fields["bias"], how)
    if b is None and np.any(fields["bias"]):
        raise ValueError(f"{kind}: metadata say without_bias, but there is a bias.")
    kernel, (c_in, c_out) = tuple(w.shape[:axes]), w.shape[axes:]
    stride, dilation = (
        per_axis(kind, name, fields[name], axes) for name in ("stride", "dilation")
    )
    groups = int(fields["groups"].reshape(-1)[0])
    pads = pads_of(node, kernel, dilation, axes)
    weights = ConvolutionWeights(w, b)
    if groups == 1 and set(dilation) == {1}:
        same = tuple(((k - 1) // 2, k // 2) for k in kernel)
        padding: Any = {(((0, 0),) * axes): "valid"}.get(pads)
        if set(stride) == {1} and pads == same:
            padding = "same"
        if padding is not None:
            given = {"kernel": kernel, "stride": stride, "padding": padding}
            return Made(convolution(c_in, c_out, bias=b is not None, **given), weights)
    given = {"kernel": kernel, "stride": stride, "pads": pads, "dilation": dilation}
    cell = cells.padded_convolution(
        c_in * groups, c_out, groups=groups, bias=b is not None, **given
    )
    return Made(cell, weights)


def pads_of(
    node: Node, kernel: Shape, dilation: Shape, axes: int
) -> tuple[tuple[int, int], ...]:
    """Zeros in front of and behind each axis."""
    pads = node.fields["padding"]
    if isinstance(pads, str):
        wide = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((n // 2, n - n // 2) if pads == "same" else (0, 0) for n in wide)
    return tuple((p, p) for p in per_axis(node.kind, "padding", pads, axes))


def _pool(node):
    kind, fields = node.kind, node.fields
    kernel, stride, padding = (
        per_axis(kind, name, fields[name], 2)
        for name in ("kernel_size", "stride", "padding")
    )
    if set(padding) == {0}:
        return pool("sum" if kind == "SumPool2d" else "mean", kernel, stride=stride)
    if kind == "AvgPool2d":
        raise ValueError(
            "AvgPool2d: NIR does not say whether zeros around the map count in the "
            f"mean, so padding {padding} can be read in two ways. Write padding 0, or "
            "a SumPool2d and a Scale."
        )
    pads = tuple((p, p) for p in padding)
    return cells.padded_sum(kernel, stride=stride, pads=pads)
