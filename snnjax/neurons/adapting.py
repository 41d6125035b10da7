"""One step of neurons that adapt: linear flow, spike, reset, jump.

Voltage v, adaptation w and synaptic current i flow linearly, one by one or v and w
coupled, about where a current x would let them rest, (v∞, w∞) = (g x, a g x):

    i ← i + x        d ← v⁻ - θ - β w        s ← 1[d > 0]        i ← c i
    v ← reset(v⁻, s)        w ← w⁻ + b s
    one by one    v⁻ ← A_vv v + g i        w⁻ ← A_ww w
    coupled       (v⁻, w⁻) ← A (v - v∞, w - w∞) + (v∞, w∞)

What flows, what the threshold follows and which gradients pass is said by constants
that are there or None, and by ``Adapting``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax.neurons.flows import Matrix
from snnjax.neurons.layer import detached
from snnjax.neurons.leaky import Firing


class Constants(NamedTuple):
    """One step of a neuron that adapts, each ``[]`` or ``[n]``; None: it has none."""

    flow: Matrix  # A, of (v, w); one by one if ab and ba are None
    gain: jax.Array  # g
    slope: jax.Array | None  # a, of w at rest over v at rest; of a coupled flow
    syn: jax.Array | None  # c, what is left of the current
    threshold: jax.Array  # θ
    beta: jax.Array | None  # β, of the threshold in w
    jump: jax.Array | None  # b, of w at a spike; None: 1
    v_reset: jax.Array | None  # where a spike takes the voltage; None: 0
    refractory: jax.Array | None  # whole steps, int32


class Parts(NamedTuple):
    """Of a state, or its gradient, each ``[*batch, n]``."""

    v: jax.Array
    w: jax.Array
    i: jax.Array | None
    refractory: jax.Array | None  # steps left, int32


class Adapting(NamedTuple):
    """How a neuron that adapts fires, fixed while tracing."""

    firing: Firing
    adaptation_gradient: bool
    adaptation: str  # the field of its state that holds w

    def parts(self, state: Any) -> Parts:
        """Of a state of the neuron."""
        has = state._asdict()
        w, i, left = has[self.adaptation], has.get("i"), has.get("refractory")
        return Parts(has["v"], w, i, left)

    def state(self, like: Any, parts: Parts) -> Any:
        """A state of the neuron, of parts."""
        has = {**parts._asdict(), self.adaptation: parts.w}
        return like._replace(**{name: has[name] for name in like._fields})

    def after_spike(self, k: Constants, v: jax.Array, s: jax.Array) -> jax.Array:
        """The voltage that the reset leaves."""
        if k.v_reset is not None:
            return self.firing.after_spike(k, v, s)  # type: ignore[arg-type]
        return (1.0 - detached(s, self.firing.reset_gradient)) * v

    def jumped(self, k: Constants, w: jax.Array, s: jax.Array) -> jax.Array:
        """The adaptation that a spike leaves."""
        s = detached(s, self.adaptation_gradient).astype(w.dtype)
        return w + (s if k.jump is None else k.jump * s)

    def step(
        self,
        k: Constants,
        state: Any,
        x: jax.Array,
        fire: Callable[[jax.Array], jax.Array],
    ) -> tuple[Any, jax.Array, dict[str, Any]]:
        """Takes in a current, flows for one step, fires and resets.

        Args:
            k: constants.
            state: the neuron before.
            x: current, ``[*batch, n]``.
            fire: distance to threshold -> spikes.

        Returns:
            The neuron after the step; its spikes; ``v_before``, the voltage before the
            reset, its ``distance`` to threshold, and which were ``frozen``.
        """
        before, current, i = self.parts(state), x.astype(state.v.dtype), None
        if k.syn is not None and before.i is not None:
            current = before.i + current
            i = k.syn * current
        v, w = flowed(k, before.v, before.w, current)
        left = before.refractory
        frozen = None if left is None else left > 0
        if frozen is not None:
            v = jnp.where(frozen, before.v, v)
        distance = v - k.threshold
        if k.beta is not None:
            distance = distance - k.beta * before.w
        s = fire(distance)
        if left is not None and frozen is not None:
            assert k.refractory is not None
            s = jnp.where(frozen, jnp.zeros_like(s), s)
            fired = jax.lax.stop_gradient(s) > 0
            left = jnp.where(fired, k.refractory, jnp.maximum(left - 1, 0))
        after = Parts(self.after_spike(k, v, s), self.jumped(k, w, s), i, left)
        found = {"v_before": v, "distance": distance, "frozen": frozen}
        return self.state(state, after), s.astype(x.dtype), found


def flowed(
    k: Constants, v: jax.Array, w: jax.Array, current: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Voltage and adaptation after one step without a spike."""
    if k.slope is None:
        return k.flow.aa * v + k.gain * current, k.flow.bb * w
    end_v = k.gain * current  # where it would come to rest
    end_w = k.slope * end_v
    v, w = k.flow.times(v - end_v, w - end_w)
    return v + end_v, w + end_w
