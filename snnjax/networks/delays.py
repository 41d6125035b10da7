"""Delays: what comes in goes out later, line by line.

    y_t = (1 - f) x_{t-k} + f x_{t-k-1}      d = k + f steps, k whole

Between whole steps two neighbours share, so that a delay has a derivative. Past inputs
wait in a buffer; its length in steps sizes an array and is fixed, the delay is data. In
a graph an edge up or to itself waits one step already: a total of D steps is a delay of
D - 1 there, and of D on an edge down.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels.products import align
from snnjax.neurons.checks import state_check

WHOLE = 4.0 * float(np.finfo(np.float32).eps)  # so near, relatively, a step is whole


@exportable
class DelayState(NamedTuple):
    """What is on its way."""

    past: jax.Array  # the last inputs, the newest last, [*batch, longest, n]


@exportable
class LearnedDelayWeights(NamedTuple):
    """Weights of ``learned_delay``."""

    logit: jax.Array  # of the delay as a part of the longest, [n]


@exportable
class RingState(NamedTuple):
    """What is on its way round."""

    past: jax.Array  # the last inputs, [*batch, steps, n]
    at: jax.Array  # which of them is the oldest, [*batch], int32


@factory
def delay(n: int, by: Number, longest: int) -> Cell:
    """Lines with fixed delays, ``y(t) = x(t - by)``.

    Whole steps shift a raster bit for bit; in between two neighbours share, as above.

    Args:
        n: number of lines.
        by: the delay [s], ``[]`` or ``[n]``; data, so it may be traced.
        longest: length of the buffer [steps]; ``by / dt`` must fit into it.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of state ``DelayState``.
        Its output is in single precision at least.

    Raises:
        ValueError: for a delay that is negative, not finite or of another shape, an
            input of another width, and, where ``by`` and ``dt`` are known, a delay
            longer than the buffer. One that is traced and does not fit gives NaN.
    """
    check.whole("n", n)
    check.whole("longest", longest)
    check.positive("by", by, " [s]", zero=True)
    check.per_neuron("by", by, n)

    def steps(weights, dt, dtype):
        del weights
        known = _check_fits(by, dt, longest)
        d = jnp.asarray(by, dtype) / jnp.asarray(dt, dtype)
        whole = jnp.round(d)
        near = jnp.where(jnp.abs(d - whole) <= WHOLE * whole, whole - d, 0.0)
        d = d + jax.lax.stop_gradient(near)
        return d if known else check.or_nan(d, (d >= 0.0) & (d <= longest))

    return _lines("delay", n, longest, lambda key: (), steps)


def _check_fits(by, dt, longest):
    """Whether a delay is known, and refusal of one that is too long."""
    time, step = check.concrete(by), check.concrete(dt)
    if time is None or step is None:
        return False
    most = float(np.max(time)) / float(step)
    if most > longest * (1.0 + WHOLE):
        raise ValueError(
            f"by: a delay of {float(np.max(time)):g} s is {most:g} steps of "
            f"{float(step):g} s and does not fit into longest={longest}. Take a longer "
            "buffer."
        )
    return True


@factory
def learned_delay(n: int, longest: int) -> Cell:
    """Lines that learn their delays, ``d = longest · sigmoid(logit)`` steps.

    A logit has no dead zone and needs no clamping after an update; one rate of Adam
    serves weights and delays. Delays are drawn evenly from 0 to ``longest``.

    Args:
        n: number of lines.
        longest: the longest delay [steps], and the length of the buffer.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` with ``LearnedDelayWeights``, of state
        ``DelayState``. Its output is in single precision at least.

    Raises:
        ValueError: for sizes below one, an input of another width, or weights of
            another cell.

    References:
        Hammouamri, Khalfaoui-Hassani & Masquelier (2024), Learning delays in spiking
        neural networks using dilated convolutions with learnable spacings,
        doi:10.48550/arXiv.2306.17670; there of each synapse, see ``delayed``.
    """
    check.whole("n", n)
    check.whole("longest", longest)

    def draw(key):
        return LearnedDelayWeights(jax.random.logistic(key, (n,)))

    def steps(weights, dt, dtype):
        del dt  # delays are in steps
        check.weights("learned_delay", weights, LearnedDelayWeights, {"logit": (n,)})
        return longest * jax.nn.sigmoid(weights.logit.astype(dtype))

    return _lines("learned_delay", n, longest, draw, steps)


def _lines(name, n, longest, draw, steps):
    """Lines whose delays are ``steps(weights, dt, dtype)``."""

    def rest(x):
        check.width(name, x, n)
        check.raster(f"The input of {name}", x)
        return DelayState(nothing_before(x, longest))

    refuse = state_check(name, n, rest)

    def run(weights, state, xs, dt):
        refuse(state, xs, lead=1)
        dtype = check.precision(state, weights)
        heard = with_past(state.past, xs, silent=1).astype(dtype)
        ys = between(heard, steps(weights, dt, dtype), longest)
        return DelayState(past_of(heard, longest, state.past)), ys

    return Cell(init=draw, rest=rest, step=one_step(run), run=run)


def one_step(run: Callable[..., Any]) -> Callable[..., Any]:
    """A step as a sequence of one."""

    def step(weights, state, x, dt):
        state, ys = run(weights, state, jnp.asarray(x)[None], dt)
        return state, ys[0]

    return step


def nothing_before(x: jax.Array, longest: int) -> jax.Array:
    """A silent past ``[*batch, longest, n]`` of inputs ``[*batch, n]``."""
    silence = jnp.zeros_like(check.wide(x))[..., None, :]
    return jnp.repeat(silence, longest, axis=-2)


def with_past(past: jax.Array, xs: jax.Array, silent: int = 0) -> jax.Array:
    """What was and is, ``[silent + longest + T, *batch, n]``, in the past's dtype."""
    was, xs = jnp.moveaxis(past, -2, 0), jnp.asarray(xs, past.dtype)
    return jnp.concatenate([*[jnp.zeros_like(was[:1])] * silent, was, xs])


def past_of(heard: jax.Array, longest: int, like: jax.Array) -> jax.Array:
    """The end of what was heard, as a state ``[*batch, longest, n]`` keeps it."""
    return jnp.moveaxis(heard[len(heard) - longest :], 0, -2).astype(like.dtype)


def between(heard: jax.Array, d: jax.Array, longest: int) -> jax.Array:
    """What was heard ``d`` steps ago, ``[T, *batch, n]``, of two neighbours.

    Args:
        heard: one step of silence and then, ``[1 + longest + T, *batch, n]``.
        d: delays [steps], ``[]`` or ``[n]``, from 0 to ``longest``.
        longest: of all delays.
    """
    whole = jnp.floor(d)

    def line(heard, first):
        return jax.lax.dynamic_slice_in_dim(heard, first, len(heard) - longest)

    each = line if d.ndim == 0 else jax.vmap(line, (-1, 0), -1)
    late = each(heard, longest - whole.astype(jnp.int32))
    return late[1:] + align(d - whole, late) * (late[:-1] - late[1:])


@factory
def ring(n: int, steps: int) -> Cell:
    """The same whole delay for every line, for large networks: y_t = x_{t-steps}.

    A step writes one row of a buffer and reads one, while ``delay`` moves all of it.

    Args:
        n: number of lines.
        steps: the delay [steps].

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of state ``RingState``.
        Its output is in single precision at least.

    Raises:
        ValueError: for sizes below one, or an input of another width.
    """
    check.whole("n", n)
    check.whole("steps", steps)

    def rest(x):
        check.width("ring", x, n)
        check.raster("The input of ring", x)
        return RingState(nothing_before(x, steps), jnp.zeros_like(x[..., 0], jnp.int32))

    refuse = state_check("ring", n, rest)

    def step(weights, state, x, dt):
        del weights, dt
        refuse(state, x)
        past, y = _exchanged(state, jnp.asarray(x, state.past.dtype))
        return RingState(past, (state.at + 1) % steps), y

    def run(weights, state, xs, dt):
        del weights, dt
        refuse(state, xs, lead=1)
        heard = with_past(_rolled(state.past, -state.at % steps), xs)
        past, at = past_of(heard, steps, state.past), (state.at + len(xs)) % steps
        return RingState(_rolled(past, at), at), heard[: len(xs)]

    return Cell(init=lambda key: (), rest=rest, step=step, run=run)


def _exchanged(state, x):
    """The buffer with ``x`` in place of the oldest row, and that row."""
    if x.ndim == 1:
        y = jax.lax.dynamic_index_in_dim(state.past, state.at, keepdims=False)
        past = jax.lax.dynamic_update_index_in_dim(state.past, x, state.at, 0)
        return past, y
    rows = align(jnp.arange(state.past.shape[-2], dtype=jnp.int32)[:, None], state.past)
    here = rows == state.at[..., None, None]
    oldest = jnp.where(here, state.past, jnp.zeros_like(state.past))
    y = jnp.sum(oldest, axis=-2, dtype=x.dtype)
    return jnp.where(here, x[..., None, :], state.past), y


def _rolled(past, by):
    """Rows ``by`` further on, each sample's own, bit by bit."""
    by = by[..., None, None]
    for bit in range(past.shape[-2].bit_length()):
        past = jnp.where((by >> bit) & 1 > 0, jnp.roll(past, 2**bit, axis=-2), past)
    return past
