"""One step that other libraries' neurons have in common, and where they differ.

With v, i and a at the end of the step before, and x the input of this one,

    current      c and i of i and x, in one of four orders (``current``)
    voltage      v ← v_leak + d (v - v_leak) + g c
    spike        s = 1[v > ϑ], or ≥, or how many times ϑ fits into v
    reset        v ← v - s ϑ, or v ← (1-s) v + s v_reset, or v ← v
    threshold    ϑ = θ + k a        a ← ρ a + j s

and each library decides otherwise which v is compared, when the reset comes and what a
gradient passes through. What is said with words is fixed while tracing (``Rule``), what
is a number is data (``Numbers``, as one step ``Constants``).
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from snnjax.exported import exportable
from snnjax.interop.presets.decays import Decay
from snnjax.replay import splice
from snnjax.surrogate import ForwardMode, Learnable, spike

Current = Literal[
    "decay jump read", "jump decay read", "jump read decay", "read decay jump"
]


@exportable
class Rule(NamedTuple):
    """What a step does, in words; each is a difference between libraries.

    Example:
        >>> from snnjax.interop import presets
        >>> rule = presets.Rule(most=0, reset="none")  # it puts out its voltage
        >>> neuron = presets.stepped(1, rule, presets.Numbers(mem=0.9))
        >>> _, v = snn.unroll(neuron, (), jnp.ones((2, 1)), dt=1e-3)
        >>> print(f"{v[-1, 0]:.1f}")
        1.9
    """

    decay: Decay = "factor"  # what the numbers of decays are
    current: Current | None = None  # order within the current; None: x itself
    gain: Literal["one", "rest", "kept rest"] = "one"  # 1, or 1-d; "kept": of i itself
    compare: Literal[">", ">="] = ">"
    decide: Literal["updated", "entry"] = "updated"  # which v is compared
    most: int | None = 1  # spikes in a step; None: any number; 0: it puts out v
    reset: Literal["subtract", "value", "none"] = "subtract"
    delayed: Literal["inside", "outside"] | None = None  # in the next step's decay, or
    # after it, whether or not it is done at once as well
    at_once: bool = True
    reset_gradient: Literal["through", "detached", "ignored"] = "through"
    adapt: Literal["read decay jump", "relax read jump"] | None = None
    adaptation_gradient: bool = True  # whether it passes through the jump of a
    threshold_gradient: bool = True  # whether it reaches ϑ where v is compared to it
    refractory: Literal["frozen", "integrating"] | None = None
    clamp: Literal["end", "before"] = "end"  # of the step, or before the comparison
    integer: bool = False  # v and i are whole multiples of 1/4096, decays cut off
    recorded: Literal["entry", "compared", "end"] = "end"  # which v is the membrane's


@exportable
class Constants(NamedTuple):
    """One step in numbers, each ``[]`` or ``[n]``; None where there is nothing."""

    mem: jax.Array  # d, what is left of the voltage
    rest: jax.Array  # 1 - d
    syn: jax.Array | None  # what is left of the current
    gain: jax.Array  # g
    threshold: jax.Array  # θ
    v_leak: jax.Array | None  # None: 0
    v_reset: jax.Array
    amount: jax.Array | None  # what a subtraction takes; None: ϑ
    keep: jax.Array | None  # ρ
    jump: jax.Array | None  # j; None: 1 - ρ
    scale: jax.Array | None  # k
    low: jax.Array | None  # least voltage at the end of a step
    high: jax.Array | None  # greatest
    shift: jax.Array | None  # what every voltage gains after the reset
    pause: jax.Array | None  # refractory steps, int32


@exportable
class PresetState(NamedTuple):
    """What a preset remembers, each ``[*batch, n]``; None where it has no such."""

    v: jax.Array  # membrane voltage, as the library keeps it
    i: jax.Array | None = None  # synaptic current
    a: jax.Array | None = None  # adaptation of the threshold
    refractory: jax.Array | None = None  # steps left, int32
    spikes: jax.Array | None = None  # of the step before, whose reset is still to come


def remembers(rule: Rule) -> bool:
    """Whether the spikes of the step before are kept, as no voltage tells them."""
    late = rule.delayed is not None and rule.decide == "updated"
    return late and (rule.refractory is not None or rule.adapt is not None)


def decided(
    rule: Rule, c: Constants, v: jax.Array, theta: jax.Array, shape: Any
) -> jax.Array:
    """Spikes of a voltage: exactly the library's comparison, and our derivative."""
    compared = theta if rule.threshold_gradient else jax.lax.stop_gradient(theta)
    u = v - compared
    s = spike(u, shape_at(shape, theta))
    if rule.most == 1:
        return splice(s, (u >= 0).astype(u.dtype)) if rule.compare == ">=" else s
    count = jnp.where(v > 0, jnp.trunc(v / theta), jnp.zeros_like(v))
    if rule.most is not None:
        count = jnp.minimum(count, rule.most)
    return splice(s, count.astype(u.dtype))


def shape_at(shape: Any, theta: jax.Array) -> Any:
    """A shape for a threshold, where its numbers are shares of that."""
    if isinstance(shape, ForwardMode | Learnable):
        return type(shape)(shape_at(shape.shape, theta))
    at = getattr(shape, "at", None)
    return shape if at is None else at(jax.lax.stop_gradient(theta))


def advance(
    rule: Rule,
    c: Constants,
    state: PresetState,
    x: jax.Array,
    shape: Any,
    feedback: Any = None,
) -> tuple[PresetState, jax.Array, dict[str, jax.Array]]:
    """Makes one step.

    Args:
        rule: what it does.
        c: in numbers.
        state: before.
        x: input, ``[*batch, n]``.
        shape: pseudo-derivative of the spike.
        feedback: spikes -> what they add to ``x`` in this very step, where spikes are
            decided at entry.

    Returns:
        The state after, spikes, and what can be watched beside the state.
    """
    entry, x = state.v, x.astype(state.v.dtype)
    theta, a = _threshold(rule, c, state.a)
    before = _before(rule, c, state, theta, shape)
    if feedback is not None:
        x = x + feedback(before)
    read, i = _current(rule, c, state.i, x)
    late = _late(rule, before)
    v = _reset(rule, c, entry, late, theta) if rule.delayed == "inside" else entry
    v = _charged(rule, c, v, read)
    if rule.delayed == "outside":
        v = _reset(rule, c, v, late, theta)
    if rule.clamp == "before":
        v = _clamped(c, v)
    left: Any = state.refractory
    if rule.refractory == "frozen":
        v = jnp.where(left > 0, entry, v)
    if rule.most == 0:
        end = _clamped(c, v)
        return PresetState(end, i), v, {"recorded": end, "v_before": v}
    s = before if rule.decide == "entry" else decided(rule, c, v, theta, shape)
    if left is not None:
        left = jnp.maximum(left - 1, 0)
        s = jnp.where(left > 0, jnp.zeros_like(s), s)
        pause: Any = c.pause
        left = jnp.where(jax.lax.stop_gradient(s) > 0, pause, left)
    end = _at_once(rule, c, v, s, late, theta) if rule.at_once else v
    end = end if c.shift is None else end + c.shift
    end = _clamped(c, end) if rule.clamp == "end" else end
    told = {"entry": entry, "compared": v, "end": end}
    seen = {"recorded": told[rule.recorded], "v_before": v}
    if a is not None:
        jump = s if rule.adaptation_gradient else jax.lax.stop_gradient(s)
        keep: Any = c.keep
        a = a + (1.0 - keep if c.jump is None else c.jump) * jump
    kept = s if remembers(rule) else None
    return PresetState(end, i, a, left, kept), s, seen


def _threshold(rule, c, a):
    """ϑ of this step, and a before the jump of a spike."""
    if rule.adapt is None:
        return c.threshold, None
    if rule.adapt == "relax read jump":
        a = a + (1.0 - c.keep) * (c.threshold - a)
        return a, a
    return c.threshold + c.scale * a, c.keep * a


def _before(rule, c, state, theta, shape):
    """Spikes decided at entry, or those of the step before."""
    if rule.decide == "entry":
        return decided(rule, c, state.v, theta, shape)
    if rule.delayed is None:
        return None
    if state.spikes is not None:
        return state.spikes
    return decided(rule, c, jax.lax.stop_gradient(state.v), theta, shape)


def _late(rule, before):
    """What a reset of the spikes before is made of."""
    if before is None or rule.delayed is None:
        return None
    through = rule.decide == "entry" and rule.reset_gradient == "through"
    return before if through else jax.lax.stop_gradient(before)


def _current(rule, c, i, x):
    """What reaches the voltage, and what the current is after the step."""
    if rule.current is None:
        return x, None
    if rule.current == "read decay jump":
        return i, _faded(rule, i, c.syn) + _whole(rule, x)
    if rule.current == "decay jump read":
        i = _faded(rule, i, c.syn) + _whole(rule, x)
    elif rule.current == "jump decay read":
        i = c.syn * (i + x)
        i = c.rest * i if rule.gain == "kept rest" else i
    else:
        return i + x, c.syn * (i + x)
    return i, i


def _charged(rule, c, v, read):
    """The voltage after the leak and the current."""
    if rule.integer:
        return _faded(rule, v, c.mem) + _whole(rule, read)
    if rule.decay == "euler":
        pull = -v if c.v_leak is None else c.v_leak - v
        return v + c.rest * pull + c.gain * read
    if c.v_leak is None:
        return c.mem * v + c.gain * read
    return c.mem * (v - c.v_leak) + c.v_leak + c.gain * read


def _faded(rule, value, factor):
    """What a decay leaves; in whole 4096ths, cut off towards zero, if so."""
    left = factor * value
    if not rule.integer:
        return left
    steps = jnp.round(value * _UNIT).astype(jnp.int32)
    parts, size = jnp.round(factor * _UNIT).astype(jnp.int32), jnp.abs(steps)
    cut = (size >> _BITS) * parts + (((size & (2**_BITS - 1)) * parts) >> _BITS)
    return splice(left, (jnp.sign(steps) * cut).astype(value.dtype) / _UNIT)


def _whole(rule, x):
    """An input; in whole 4096ths, cut off towards zero, if so."""
    if not rule.integer:
        return x
    return splice(x, jnp.trunc(x * _UNIT) / _UNIT)


_BITS, _UNIT = 12, 4096.0  # of decays on a chip, and of states there


def _reset(rule, c, v, cut, theta):
    if rule.reset == "subtract":
        return v - cut * (theta if c.amount is None else c.amount)
    if rule.reset == "none":
        return v
    if rule.most != 1:
        cut = jnp.minimum(cut, 1.0)
    return (1.0 - cut) * v + cut * c.v_reset


def _at_once(rule, c, v, s, late, theta):
    """The voltage after the reset of a spike of this step."""
    cut = s if rule.reset_gradient == "through" else jax.lax.stop_gradient(s)
    cut = cut if late is None else cut - late
    after = _reset(rule, c, v, cut, theta)
    return splice(v, after) if rule.reset_gradient == "ignored" else after


def _clamped(c, v):
    if c.low is not None:
        v = jnp.where(v > c.low, v - c.low, 0.0) + c.low
    if c.high is not None:
        v = jnp.where(v >= c.high, c.high, v)
    return v
