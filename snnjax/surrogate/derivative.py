"""The spike: a step function with a surrogate derivative.

Its true derivative is zero almost everywhere. The backward pass uses a *shape* h(v)
instead, where v is the distance to threshold. A shape is a callable pytree: its numbers
are data, so they can be swept with ``vmap`` and changed without recompiling.

Of your own: any function ``v -> h(v)`` will do. Make it a ``NamedTuple`` with
``__call__``, as those in ``shapes.py``, if its numbers are to be swept or traced.
"""

from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from snnjax import check
from snnjax.exported import exportable
from snnjax.surrogate.event_prop import no_event_prop


class Shape(Protocol):
    """A pseudo-derivative, ``v -> h(v)`` with v the distance to threshold.

    Example:
        >>> def cauchy(v):
        ...     return 1.0 / (1.0 + v**2)
        ...
        >>> neuron = snn.lif(3, surrogate=cauchy)
        >>> v = jnp.array([0.0, 1.0])
        >>> print(jax.grad(lambda v: snn.spike(v, cauchy).sum())(v))
        [1.  0.5]
    """

    def __call__(self, v: jax.Array, /) -> jax.Array: ...


def spike(v: jax.Array, shape: Shape) -> jax.Array:
    """Fires wherever the membrane is above threshold.

        forward    s = 1[v > 0]
        backward   ∂s/∂v := shape(v)

    The forward pass is the same, bit for bit, whatever the shape.

    Args:
        v: distance to threshold, ``[...]``. Exactly at threshold is silent, and so
            is NaN.
        shape: the pseudo-derivative, for example ``SuperSpike(slope=10.0)``. Wrap it
            in ``ForwardMode`` to differentiate with ``jvp`` or ``jacfwd``, in
            ``Learnable`` to give its numbers a gradient as well.

    Returns:
        Spikes in {0, 1}, with the shape and dtype of ``v``.

    Raises:
        ValueError: if ``v`` is not floating point, or as ``as_pytree``; by the
            derivative, for a shape that does not return one number for each of v.

    Example:
        >>> v = jnp.array([-0.1, 0.0, 0.1])
        >>> shape = snn.SuperSpike(slope=10.0)
        >>> print(snn.spike(v, shape))
        [0. 0. 1.]
        >>> print(jax.grad(lambda v: snn.spike(v, shape).sum())(v))
        [0.25 1.   0.25]
    """
    check.floating("v, the distance to threshold,", v)
    v = jnp.asarray(v)
    if isinstance(shape, ForwardMode):
        return _spike_forward_mode(v, as_pytree(shape.shape))
    if isinstance(shape, Learnable):
        return _spike_learnable(v, learned_of(shape))
    return _spike(v, as_pytree(shape))


def _fire(v, shape):
    del shape  # used in the backward pass only
    return (v > 0).astype(v.dtype)


def _spiking(backward):
    fire = jax.custom_vjp(_fire)
    fire.defvjp(lambda v, shape: (fire(v, shape), (v, shape)), backward)
    return fire


def applied(function: Any, v: jax.Array) -> jax.Array:
    """``function(v)`` in the dtype of v, of a shape whose numbers may be ``[n]``.

    They are promoted to rank and dtype of v, whatever is asked for elsewhere.

    Raises:
        ValueError: for what does not return one number for each of v.
    """
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        result = function(v)
    check_result("shape(v)", result, v.shape)
    return result.astype(v.dtype)


def check_result(what: str, result: Any, of: tuple[int, ...]) -> None:
    """Refuses what a shape must not return for v of shape ``of``.

    Raises:
        ValueError: with what came and what was expected.
    """
    size = getattr(result, "shape", None)
    if size != of:
        came = f"a {type(result).__name__}" if size is None else f"shape {size}"
        raise ValueError(
            f"{what} must have the shape of v, {of}, got {came}. The numbers of a "
            "shape are [] or, one for each neuron, [n]."
        )


def _backward(residuals, g):
    v, shape = residuals
    none = None  # the shape never touches the output
    return g * applied(shape, v), none


def _backward_learnable(residuals, g):
    v, shape = residuals
    _, pull = jax.vjp(lambda shape: applied(partial(integral, shape), v), shape)
    return g * applied(shape, v), pull(g)[0]


def integral(shape: Any, v: jax.Array) -> jax.Array:
    """∫ h from threshold to v, of a shape with ``area`` and ``cdf``."""
    return shape.area * (shape.cdf(v) - 0.5)


_spike = _spiking(_backward)
_spike_learnable = _spiking(_backward_learnable)
_spike_forward_mode = jax.custom_jvp(_fire)


@_spike_forward_mode.defjvp
def _spike_jvp(primals, tangents):
    v, shape = primals
    s = _fire(v, shape) + _rising(v, shape)
    return s, tangents[0] * applied(shape, v)


def _rising(v, shape):
    """Zero, with derivative h and second derivative h'.

    In derivatives of derivatives of a scan JAX forgets the rule of ``custom_jvp`` and
    differentiates the value that it gave.
    """
    at = jax.lax.stop_gradient(v)
    h, slope = jax.jvp(lambda v: applied(shape, v), (at,), (jnp.ones_like(at),))
    h, slope = (jnp.where(jnp.isfinite(x), x, jnp.zeros_like(x)) for x in (h, slope))
    d = v - at
    return d * jax.lax.stop_gradient(h) + 0.5 * d * d * jax.lax.stop_gradient(slope)


def as_pytree(shape: Shape) -> Any:
    """A bare function is no pytree; ``Partial`` makes it one without leaves.

    Raises:
        ValueError: for what cannot be called, or a number that no shape can have.
    """
    check_numbers("shape", shape)
    leaves = jax.tree.leaves(shape)
    return Partial(shape) if any(callable(leaf) for leaf in leaves) else shape


def learned_of(shape: "Learnable") -> Any:
    """The shape whose numbers are learned.

    Raises:
        ValueError: as ``as_pytree``, and for a function, whose numbers JAX cannot see.
    """
    inner = as_pytree(shape.shape)
    if isinstance(inner, Partial):
        raise ValueError(
            "Learnable expects a shape whose numbers JAX can see, a NamedTuple with "
            f"area and cdf, got {check.told(shape.shape)}."
        )
    return inner


def check_numbers(name: str, shape: Any) -> None:
    """Refuses what is no function, and numbers that no pseudo-derivative can have.

    Args:
        name: what the argument is called.
        shape: what was given; traced numbers pass.

    Raises:
        ValueError: naming the number: not finite, a slope below zero, or a width,
            period or threshold that is not positive.
    """
    no_event_prop(name, shape)
    check.function(name, shape)
    if isinstance(shape, type):
        kind = shape.__name__
        raise ValueError(f"{name} must be an instance, {kind}(), got a {kind} class.")
    for field in getattr(shape, "_fields", ()):
        value, told = getattr(shape, field), f"{name}.{field}"
        no_event_prop(told, value)
        if callable(value):
            check_numbers(told, value)
        elif field in ("width", "period", "harmonics", "threshold"):
            check.positive(told, value)
        elif field == "slope":
            check.positive(told, value, zero=True)
        else:
            check.finite(told, value)


@exportable
class ForwardMode(NamedTuple):
    """A shape for forward mode: the same derivative through ``jvp``.

    ``custom_vjp`` knows reverse mode only. With ``surrogate=ForwardMode(shape)`` a
    network can be differentiated with ``jax.jvp``, ``jax.jacfwd`` and
    ``jax.hessian`` as well; ``jax.grad`` gives what the bare shape gives.

    Example:
        >>> shape = snn.ForwardMode(snn.SuperSpike(slope=10.0))
        >>> v, direction = jnp.array([-0.1, 0.0, 0.1]), jnp.ones(3)
        >>> spikes, tangent = jax.jvp(lambda v: snn.spike(v, shape), (v,), (direction,))
        >>> print(spikes, tangent)
        [0. 0. 1.] [0.25 1.   0.25]
    """

    shape: Shape

    def __call__(self, v: jax.Array) -> jax.Array:
        return self.shape(v)


@exportable
class Learnable(NamedTuple):
    """A shape whose own numbers are learned with the weights.

    The output does not depend on the shape, so its gradient is zero, unless the step
    is taken for the smooth function H that has the shape as its derivative:

        ∂s/∂k := ∂H/∂k      H(v) = ∫₀ᵛ h(u; k) du

    Needs a shape with ``area`` and ``cdf``. To learn the slope of a population:

        learn(lambda slope: lif(100, surrogate=Learnable(SuperSpike(slope))), slope=10.)
    """

    shape: Any

    def __call__(self, v: jax.Array) -> jax.Array:
        return self.shape(v)
