"""From a cell to the node of NIR that says the same, or a refusal with the reason.

A spike of one step is S = 1 for dt seconds in NIR: with w_in = τ_syn / dt it makes the
current jump by one. An input that jumps the voltage itself is a current of the gain
1 / (e^(dt/τ) - 1), at this dt.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.compose import stateless
from snnjax.interop.nir import cells as own
from snnjax.interop.nir.circuits import Method, Reset, circuit
from snnjax.interop.nir.primitives import Node, Shape
from snnjax.networks import (
    convolution,
    delay,
    dense,
    flatten,
    learned_delay,
    low_rank,
    pool,
    residual,
    ring,
    sparse,
)
from snnjax.neurons import li, lif
from snnjax.parts import Leaf, flat, options_of


class Writing(NamedTuple):
    """How a network is written."""

    dt: float
    method: Method
    reset: Reset
    dtype: np.dtype


class Told(NamedTuple):
    """A leaf, what it was made of, and the shape that comes in, as we have it."""

    leaf: Leaf
    options: dict[str, Any]
    given: Shape
    how: Writing


def node_from(leaf: Leaf, options: dict[str, Any], given: Shape, how: Writing) -> Node:
    """The node of a leaf, its neurons still in our order.

    Args:
        leaf: a cell and its weights.
        options: what its factory was given.
        given: the shape that comes in, channels last, without batch.
        how: dt, method, reset, precision.

    Raises:
        ValueError: for what NIR cannot tell, with the reason.
    """
    make = leaf.cell.about.make if leaf.cell.about is not None else None
    teller = _tellers().get(make)
    if teller is None:
        name = getattr(make, "__name__", "a hand-written cell")
        raise ValueError(
            f"NIR has no node for {name}; it has those for "
            f"{', '.join(sorted(each.__name__ for each in _tellers()))}."
        )
    return teller(Told(leaf, options, given, how))


def _tellers() -> dict[Any, Callable[[Told], Node]]:
    return {
        li: _li,
        lif: _lif,
        circuit: _circuit,
        dense: _dense,
        low_rank: _matrix,
        sparse: _sparse,
        convolution: _convolution,
        own.padded_convolution: _convolution,
        pool: _pool,
        own.padded_sum: _pool,
        flatten: _flatten,
        own.channels_first: _flatten,
        delay: lambda t: _delay(t, t.options["by"]),
        ring: lambda t: _delay(t, t.options["steps"] * t.how.dt),
        learned_delay: _learned_delay,
        own.scale: lambda t: _node("Scale", scale=_first(_numbers(t, _w(t).s))),
        own.heaviside: lambda t: _node(
            "Threshold", threshold=_spread(t, t.options["threshold"])
        ),
        own.relay: _relay,
        stateless: _stateless,
    }


def _node(kind, metadata=None, /, **fields):
    return Node(kind, fields, metadata or {})


def _w(told):
    return told.leaf.weights


def _numbers(told, value):
    known = check.concrete(value)
    if known is None:
        raise ValueError("it is traced; write outside of jit.")
    return known.astype(told.how.dtype)


def _first(value):
    """``(*space, c)`` as ``(c, *space)``."""
    return np.moveaxis(value, -1, 0)


def _spread(told, value):
    """A constant for each neuron, channels first."""
    return _first(np.broadcast_to(_numbers(told, value), told.given)).copy()


def _leaky(told, params):
    """τ, r and w_in of a leaky neuron at rest 0."""
    how, tau = told.how, _spread(told, params.tau_mem)
    one, zero = np.ones_like(tau), np.zeros_like(tau)
    if params.tau_syn is None:
        r = one
        if told.options["input"] == "voltage":
            r = (1.0 / np.expm1(how.dt / tau.astype(float))).astype(how.dtype)
        return {"tau": tau, "r": r, "v_leak": zero}
    syn = _spread(told, params.tau_syn)
    w_in = (syn.astype(float) / how.dt).astype(how.dtype)
    both = {"tau_mem": tau, "tau_syn": syn, "w_in": w_in}
    return {**both, "r": one, "v_leak": zero}


def _li(told):
    _check_method(told, "exact")
    params = told.options["params"]
    kind = "LI" if params.tau_syn is None else "CubaLI"
    return _node(kind, **_leaky(told, params))


def _lif(told):
    _check_method(told, "exact")
    params = told.options["params"]
    _check_reset(told, told.options["reset"])
    if params.refractory is not None and np.any(np.asarray(params.refractory) > 0.0):
        raise ValueError(
            "NIR knows no refractory time, so lif(LIFParams(refractory=…)) would fire "
            "too often there. Make the network without it."
        )
    kind = "LIF" if params.tau_syn is None else "CubaLIF"
    levels = {
        "v_threshold": _spread(told, params.threshold),
        "v_reset": _spread(told, params.v_reset),
    }
    return _node(kind, **_leaky(told, params), **levels)


def _check_reset(told, reset):
    if reset == told.how.reset:
        return
    if reset == "none":
        raise ValueError("NIR resets every neuron that fires, reset='none' does not.")
    if reset == "subtract":
        raise ValueError(
            "NIR resets to v_reset; this neuron subtracts its threshold, which is "
            "another model. For readers who subtract (sinabs, Rockpool) say "
            'reset="subtract"; it goes into the metadata.'
        )
    raise ValueError(
        f'With reset="subtract" all neurons must be made so, this one has {reset!r}.'
    )


def _check_method(told, method):
    if method != told.how.method:
        way = "leave method out" if method == "exact" else 'say method="euler"'
        raise ValueError(
            f"this neuron is integrated by {method!r}, the graph is written for "
            f"{told.how.method!r}: for all that are alike, {way}."
        )


def _circuit(told):
    p = told.options["params"]
    if p.tau_mem is not None:
        _check_method(told, told.options["method"])
    if p.v_threshold is not None:
        _check_reset(told, told.options["reset"])
    names = {"r": p.r}
    if p.tau_mem is not None:
        names |= {"tau": p.tau_mem, "v_leak": p.v_leak}
    if p.tau_syn is not None:
        names |= {"tau_mem": names.pop("tau"), "tau_syn": p.tau_syn, "w_in": p.w_in}
    if p.v_threshold is not None:
        names |= {"v_threshold": p.v_threshold, "v_reset": p.v_reset}
    stem = "I" if p.tau_mem is None else "LI" if p.tau_syn is None else "CubaLI"
    kind = stem if p.v_threshold is None else f"{stem}F"
    return _node(kind, **{name: _spread(told, value) for name, value in names.items()})


def _dense(told):
    w, mask = _numbers(told, _w(told).w), told.options["mask"]
    if mask is not None:
        w = np.where(np.asarray(mask).astype(bool), w, np.zeros_like(w))
    if _w(told).b is None:
        return _node("Linear", weight=w.T.copy())
    return _node("Affine", weight=w.T.copy(), bias=_numbers(told, _w(told).b))


def _matrix(told):
    w = told.leaf.cell.about.matrix(_w(told))
    return _node("Linear", weight=_numbers(told, w).T.copy())


def _sparse(told):
    """Each input alone shows its row; nothing is added up."""
    one = jnp.eye(told.given[-1], dtype=jax.tree.leaves(_w(told))[0].dtype)
    cell = told.leaf.cell
    w = cell.step(_w(told), cell.rest(one), one, 1.0)[1]
    return _node("Linear", weight=_numbers(told, w).T.copy())


def _convolution(told):
    options, w = told.options, _numbers(told, _w(told).w)
    axes = w.ndim - 2
    kernel, space = w.shape[:axes], told.given[:-1]
    stride = options["stride"]
    stride = stride if isinstance(stride, tuple) else (stride,) * axes
    dilation = options.get("dilation", (1,) * axes)
    bias = np.zeros(w.shape[-1], w.dtype)
    metadata = {"without_bias": 1} if _w(told).b is None else {}
    if _w(told).b is not None:
        bias = _numbers(told, _w(told).b)
    return _node(
        f"Conv{axes}d",
        metadata,
        weight=np.moveaxis(w, (-1, -2), (0, 1)).copy(),
        bias=bias,
        stride=np.array(stride),
        dilation=np.array(dilation),
        groups=np.array(options.get("groups", 1)),
        padding=_padding(options, kernel, stride, dilation, space),
        input_shape=np.array(space),
    )


def _padding(options, kernel, stride, dilation, space):
    """Zeros on both sides alike, or "same", which NIR has for strides of 1."""
    if "pads" in options:
        pads = options["pads"]
    else:
        name = options["padding"].upper()
        pads = jax.lax.padtype_to_pads(space, kernel, stride, name)
    if all(a == b for a, b in pads):
        return np.array([a for a, _ in pads])
    wide = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    same = [(n // 2, n - n // 2) for n in wide]
    if set(stride) == {1} and [tuple(each) for each in pads] == same:
        return "same"
    raise ValueError(
        f"its map {space} gets {[tuple(map(int, each)) for each in pads]} zeros in "
        "front and behind, and NIR pads both sides alike. Take padding='valid', a "
        "stride of 1, or padded_convolution."
    )


def _pool(told):
    options, space = told.options, told.given[:-1]
    kernel = options["kernel"]
    if len(kernel) != 2:
        raise ValueError("NIR pools images only, SumPool2d and AvgPool2d, no lines.")
    stride = options["stride"] or kernel
    stride = stride if isinstance(stride, tuple) else (stride,) * 2
    by = options.get("by", "sum")
    if by == "max":
        raise ValueError("NIR has no pooling by the maximum; it has sum and mean.")
    padding = _padding(options, kernel, stride, (1, 1), space)
    if isinstance(padding, str) or (by == "mean" and padding.any()):
        raise ValueError(
            "NIR does not say how a window counts that reaches beyond the border. Take "
            "padding='valid'."
        )
    kind = "SumPool2d" if by == "sum" else "AvgPool2d"
    sizes = {"kernel_size": np.array(kernel), "stride": np.array(stride)}
    return _node(kind, **sizes, padding=padding)


def _flatten(told):
    if len(told.given) != told.options["dimensions"] + 1:
        raise ValueError(
            f"it flattens {told.options['dimensions']} axes of space of {told.given}, "
            "NIR all of them."
        )
    shape = (told.given[-1], *told.given[:-1])
    ends = {"start_dim": np.array(0), "end_dim": np.array(-1)}
    return _node("Flatten", **ends, input_type=np.array(shape))


def _delay(told, by):
    return _node("Delay", delay=_spread(told, by))


def _learned_delay(told):
    share = jax.nn.sigmoid(jnp.asarray(_w(told).logit))
    return _delay(told, told.options["longest"] * told.how.dt * np.asarray(share))


def _relay(told):
    return _node("Scale", scale=_spread(told, 1.0))


def _stateless(told):
    """What ``residual`` adds up in is a plain wire; another function has no name."""
    f = told.options["f"]
    leaves = flat(residual(own.relay())).leaves
    if f is options_of("sum", leaves["sum"].cell)["f"]:
        return _relay(told)
    raise ValueError(
        f"NIR has no node for the function {getattr(f, '__name__', f)!r} of stateless."
    )
