"""Recurrence within a step: spikes decided at entry come back before it ends.

    s = 1[v > θ]        x ← x + s W        then as ``rule``

This is no ``recurrent``, whose spikes come back in the next step.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from snnjax.cell import Cell
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.neuron import (
    ALSO,
    Draw,
    constants_of,
    learning,
    stepped,
)
from snnjax.interop.presets.rule import Rule, advance
from snnjax.neurons.population import population
from snnjax.probes import watched
from snnjax.surrogate import Shape


def entry_loop(
    n: int,
    rule: Rule,
    numbers: Numbers,
    *,
    learned: Mapping[str, str] | None = None,
    draw: Mapping[str, Draw] | None = None,
    surrogate: Shape,
) -> Cell:
    """As ``stepped``, with the weights ``"recurrent_w"`` ``[n, n]`` beside others."""
    names = dict(learned or {})
    alone = stepped(n, rule, numbers, learned=learned, draw=draw, surrogate=surrogate)
    step = partial(_advance, rule, surrogate)

    def cell_of(weights: Mapping[str, Any], beside: tuple[str, ...] = ()) -> Cell:
        own = {names[name]: weights[name] for name in names}
        given = partial(_constants, rule, numbers._replace(**own), weights[_W])
        cell = population("entry_loop", n, given, alone.rest, step, ALSO)
        return watched(cell, beside) if beside else cell

    def init(key):
        first, second = jax.random.split(key)
        w = 0.01 * jax.random.truncated_normal(second, -2.0, 2.0, (n, n))
        return {**(alone.init(first) or {}), _W: w}

    shapes = jax.tree.map(jnp.shape, jax.eval_shape(alone.init, jax.random.key(0)))
    return learning(init, alone.rest, {**(shapes or {}), _W: (n, n)}, cell_of)


_W = "recurrent_w"


def _constants(rule, numbers, w, dt, dtype):
    return constants_of(rule, numbers, dt, dtype), jnp.asarray(w, dtype)


def _advance(rule, surrogate, given, state, x):
    constants, w = given
    w = w.reshape(w.shape[-2:])
    back = lambda s: s @ w  # noqa: E731
    state, s, seen = advance(rule, constants, state, x, surrogate, back)
    return state, s.astype(x.dtype), seen
