"""Recurrent networks in continuous time: events one after another, and their adjoint.

Between events every membrane flows in closed form. The next event is the earliest of
the next input, the next spike that arrives after its delay, and the next crossing of a
threshold, which is searched for exactly (``membrane.py``). Backwards in time, with
a = e^(-Δ/τs) and b = e^(-Δ/τm) of the gap Δ before an event,

    λi ← a λi + ε(Δ) λv      λv ← b λv

and μ = λi/τs - λv/τm is what it is worth to delay a unit of current, so that

    input of unit j      ∂t = w_j · μ                              ∂w_j += λi
    spike of neuron n    λt = ∂t + r_n · μ - λv_n (i_n - v_reset)/τm   ∂r_n += λi
                         λv_n ← -λt / V̇                     V̇ = (i_n - θ)/τm
    arrival, after d     λt = r_n · μ, added to ∂t of the spike that sent it and to ∂d

This is EventProp with delays (Wunderlich & Pehle 2021, doi:10.1038/s41598-021-91786-z;
Mészáros et al. 2025, doi:10.48550/arXiv.2501.07331). What is kept of an event is when,
who, of which kind, i_n and how its crossing depends on the constants: memory is O(K) of
K events, whatever the number of neurons.
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels.products import align
from snnjax.neurons.leaky import LIFParams
from snnjax.neurons.membrane import (
    Constants,
    curvature,
    flow,
    kept,
    moved,
    reached,
    response,
    rising,
    search,
    slope,
    top,
)
from snnjax.neurons.spike_inputs import (
    check_continuous,
    check_inputs,
    delays,
    sound,
    spoiled,
)

NOTHING, INPUT, SPIKE, ARRIVAL = range(4)  # kinds of events


@exportable
class SpikeEvents(NamedTuple):
    """Who fired when, in the order in which it happened, each ``[*batch, events]``."""

    times: jax.Array  # [s]; ∞ behind the last spike
    units: jax.Array  # number of the neuron, int32; -1 behind the last spike


class Given(NamedTuple):
    """A network and what reaches it."""

    params: Constants  # each [] or [n]
    times: jax.Array  # [B, m], in order
    weights: jax.Array  # [n_in, n]
    recurrent: jax.Array | None  # [n, n]
    delay: jax.Array | None  # [n]; None: at once


class Events(NamedTuple):
    """What happened, each ``[K, B]``."""

    t: jax.Array  # [s]
    kind: jax.Array  # NOTHING, INPUT, SPIKE or ARRIVAL
    unit: jax.Array  # who sent the input, or who fires or fired
    source: jax.Array  # which input of the list, or which event sent what arrives
    current: jax.Array  # i_n of a neuron that fires, before what its spike sends
    level: dict[str, jax.Array]  # how its voltage moves with each constant by itself


def spike_events(
    params: LIFParams,
    times: jax.Array,
    units: jax.Array,
    weights: jax.Array,
    *,
    recurrent: jax.Array | None = None,
    delay: Number | None = None,
    until: Number,
    events: int,
) -> SpikeEvents:
    """Who fires when in a network with recurrence, exactly, with the exact gradient.

    For layers without recurrence ``spike_times`` does the same in a tenth of the time.
    Gradients are those of reverse mode (``jax.grad``) of first order, with respect to
    weights, times, delays and constants; JAX refuses ``jvp`` and second derivatives.

    Args:
        params: constants of the neurons, as of ``spike_times``.
        times: of the inputs [s], ``[*batch, m]``, in any order; ∞ for none.
        units: which input each comes from, integers ``[*batch, m]``.
        weights: of the inputs, ``[n_in, n]``.
        recurrent: weights from neuron to neuron, ``[n, n]``; none if omitted.
        delay: from a spike to all the neurons it reaches [s], ``[]`` or ``[n]``; it
            arrives at once if omitted.
        until: what comes later is not looked at [s].
        events: most events of a sample: inputs, spikes and, with delays, arrivals.

    Returns:
        Times and units of the spikes, in order. Everything is NaN, and every gradient,
        if more happens before ``until`` than there is room for, or if an input, a
        weight or a traced constant is NaN, or a traced unit is none.

    Raises:
        ValueError: as ``spike_times``; for units that are not those of inputs,
            recurrent weights of another shape, delays of pairs or without recurrence,
            or a number of events below one.
    """
    given, who, batch, wrong = _checked(params, times, units, weights, recurrent, delay)
    check.finite("until", until)
    check.one("until", until)
    check.whole("events", events)
    end = jnp.asarray(until, given.times.dtype)
    wrong |= ~jnp.isfinite(end)
    found = _in_order(events, given, who, end, wrong)
    return SpikeEvents(*(x.reshape(*batch, events) for x in found))


def _checked(params, times, units, weights, recurrent, delay):
    dtype = check_inputs(times, weights, "[*batch, m]")
    n_in, n = weights.shape
    constants = check_continuous(n, params, dtype, fires=True)
    wrong = ~sound(constants) | ~jnp.all(jnp.isfinite(weights))
    if recurrent is not None:
        check.array("recurrent", recurrent, "[n, n]")
        check.shape("recurrent", recurrent, (n, n))
        check.finite("recurrent", recurrent)
        recurrent = jnp.asarray(recurrent, dtype)
        wrong |= ~jnp.all(jnp.isfinite(recurrent))
    if delay is not None:
        if recurrent is None:
            raise ValueError("delay is that of recurrent spikes: recurrent is missing.")
        if np.ndim(delay) > 1:
            raise ValueError(
                "delay must be one of each neuron that fires, () or "
                f"({n},), got shape {np.shape(delay)}; those of pairs are not known."
            )
        delay = delays("delay", delay, (n, n), dtype)[:, 0]
        wrong |= ~jnp.all(delay >= 0.0)
    units = _units(units, times, n_in)
    rows = math.prod(times.shape[:-1])
    arrive = jnp.asarray(times, dtype).reshape(rows, times.shape[-1])
    who = units.reshape(arrive.shape)
    comes = arrive < jnp.inf
    wrong |= jnp.any(jnp.isnan(arrive) | jnp.isneginf(arrive))
    wrong |= jnp.any(comes & ((who < 0) | (who >= n_in)))
    who = jnp.where(comes, who, 0)
    weights = jnp.asarray(weights, dtype)
    if n_in == 0:  # as if there were one that sends nothing
        weights = jnp.zeros((1, n), dtype)
    given = Given(constants, arrive, weights, recurrent, delay)
    return given, who, times.shape[:-1], wrong


def _units(units, times, n_in):
    check.array("units", units, "[*batch, m]")
    if units.shape != times.shape:
        raise ValueError(
            f"times and units must have one shape, got {times.shape} and {units.shape}."
        )
    if not jnp.issubdtype(units.dtype, jnp.integer):
        raise ValueError(f"units must be integers, got {units.dtype}.")
    known, when = check.concrete(units), check.concrete(times)
    if known is not None and when is not None:
        seen = known[np.isfinite(when)]
        if seen.size and (seen.min() < 0 or seen.max() >= n_in):
            raise ValueError(
                f"units must lie in 0 … {n_in - 1}, got {seen.min()} … {seen.max()}."
            )
    return jnp.asarray(units, jnp.int32)


def _in_order(events, given, who, end, wrong):
    """Spikes alone, in order, and NaN if something was wrong."""
    order = jnp.argsort(given.times, axis=1)
    times = jnp.take_along_axis(given.times, order, axis=1)
    who = jnp.take_along_axis(who, order, axis=1)
    given = given._replace(times=times)
    t, kind, unit, full = queue(events, given, who, end, wrong)
    fired = kind.T == SPIKE
    place = jnp.argsort(~fired, axis=1, stable=True)
    t = jnp.where(fired, t.T, jnp.inf)
    t = spoiled(jnp.take_along_axis(t, place, axis=1), wrong | full)
    unit = jnp.where(fired, unit.T, -1)
    return t, jnp.take_along_axis(unit, place, axis=1)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def queue(
    events: int, given: Given, who: jax.Array, until: jax.Array, wrong: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Times, kinds and units ``[K, B]`` of events, and whether there was no room."""
    del wrong
    happened, full = simulate(events, given, who, until, sensitive=False)
    return happened.t, happened.kind, happened.unit, full


def _forward(events, given, who, until, wrong):
    happened, full = simulate(events, given, who, until, sensitive=True)
    made = happened.t, happened.kind, happened.unit, full
    return made, (given, happened, wrong | full)


def _backward(events, residuals, cotangents):
    del events
    given, happened, wrong = residuals
    back = spoiled(adjoint(given, happened, cotangents[0]), wrong)
    return back, None, None, None


queue.defvjp(_forward, _backward)


class _Now(NamedTuple):
    """A network between two events."""

    t: jax.Array  # [B]
    v: jax.Array  # [B, n]
    i: jax.Array  # [B, n]
    taken: jax.Array  # inputs so far, [B]
    due: jax.Array  # when what each event sent arrives, ∞ if nothing does, [B, K or 0]
    sent_by: jax.Array  # by whom, [B, K or 0]
    moves: dict[str, tuple[jax.Array, jax.Array]]  # (v, i) by constants, times held


def simulate(
    events: int, given: Given, who: jax.Array, until: jax.Array, *, sensitive: bool
) -> tuple[Events, jax.Array]:
    """The events that come, ``[K, B]``, and whether there was no room for all.

    JAX can differentiate this as well, and keeps all voltages then.

    Args:
        events: K.
        given: a network, with inputs in order.
        who: which input each is of, ``[B, m]``.
        until: where to stop [s].
        sensitive: whether it is told how crossings move with the constants.
    """
    batch, n = given.times.shape[0], given.weights.shape[1]
    zero = jnp.zeros((batch, n), given.times.dtype)
    first = jnp.min(given.times, axis=1, initial=jnp.inf)
    never = jnp.full((batch, 1), jnp.inf, zero.dtype)
    given = given._replace(times=jnp.concatenate([given.times, never], axis=1))
    who = jnp.concatenate([who, jnp.zeros((batch, 1), who.dtype)], axis=1)
    room = batch, 0 if given.delay is None else events + 1
    start = _Now(
        jnp.where(first < jnp.inf, first, 0.0),
        *(zero, zero, jnp.zeros(batch, jnp.int32)),
        jnp.full(room, jnp.inf, zero.dtype),
        jnp.zeros(room, jnp.int32),
        dict.fromkeys(_names(given.params), (zero, zero)) if sensitive else {},
    )
    steps = jnp.arange(events + 1, dtype=jnp.int32)
    _, happened = loops.scan(_event, None, (given, who, until), start, steps)
    full = jnp.any(happened.kind[events] != NOTHING)
    return jax.tree.map(lambda x: x[:events], happened), full


def _names(params):
    """Constants that a membrane below its threshold moves with."""
    leak = () if params.tau_mem is None else ("tau_mem",)
    return (*leak, "tau_syn", "v_reset")


def _event(fixed, given, now, k):
    """The next event of each sample."""
    del fixed
    net, who, until = given
    rows = jnp.arange(len(now.t))
    coming, arriving, sent = net.times[rows, now.taken], jnp.inf, 0 * now.taken
    if net.delay is not None:
        sent = jnp.argmin(now.due, axis=1).astype(jnp.int32)
        arriving = now.due[rows, sent]
    ahead = jnp.minimum(coming, arriving)
    within = ahead <= until
    fires, unit, s = _next_crossing(net.params, now, jnp.where(within, ahead, until))
    gap = jnp.where(fires, s, jnp.where(within, jnp.maximum(ahead - now.t, 0.0), 0.0))
    is_input = within & ~fires & (coming <= arriving)
    is_arrival = within & ~fires & ~is_input
    v, i = flow(align(net.params, now.v), now.v, now.i, gap[:, None])
    moves = _moves(net.params, now, gap)
    current, level = i[rows, unit], {c: m[0][rows, unit] for c, m in moves.items()}
    t = now.t + gap
    due, sent_by = now.due, now.sent_by
    if net.delay is not None:
        unit = jnp.where(is_arrival, sent_by[rows, sent], unit)
        due = due.at[rows, sent].set(jnp.where(is_arrival, jnp.inf, arriving))
        due = due.at[:, k].set(jnp.where(fires, t + net.delay[unit], jnp.inf))
        sent_by = sent_by.at[:, k].set(unit)
    unit = jnp.where(is_input, who[rows, now.taken], unit)
    kind = jnp.where(fires, SPIKE, jnp.where(is_input, INPUT, NOTHING))
    kind = jnp.where(is_arrival, ARRIVAL, kind).astype(jnp.int32)
    source = jnp.where(is_input, now.taken, sent)
    happened = Events(t, kind, unit, source, current, level)
    neurons = jnp.arange(v.shape[1], dtype=jnp.int32)
    resets = fires[:, None] & (neurons[None] == unit[:, None])
    v = jnp.where(resets, align(net.params.v_reset, v), v)
    i = i + _sent(net, kind, unit)
    moves = {
        c: (jnp.where(resets, float(c == "v_reset"), m[0]), m[1])
        for c, m in moves.items()
    }
    taken = now.taken + is_input.astype(jnp.int32)
    return _Now(t, v, i, taken, due, sent_by, moves), happened


def _next_crossing(params, now, limit):
    """Whether somebody fires before the limit, who is the first, and when [s]."""
    aligned, rows = align(params, now.v), jnp.arange(len(now.t))
    v, i, t = jax.lax.stop_gradient((now.v, now.i, now.t))
    span = jnp.maximum(jax.lax.stop_gradient(limit) - t, 0.0)
    ahead = top(aligned, v, i, span[:, None])
    crosses = reached(aligned, v, ahead)
    s = jnp.where(crosses, search(aligned, v, i, ahead), jnp.inf)
    unit = jnp.argmin(s, axis=1).astype(jnp.int32)
    fires = s[rows, unit] < jnp.inf
    s = jnp.where(fires, s[rows, unit], 0.0)
    own = _own(params, unit)
    v, i = flow(own, now.v[rows, unit], now.i[rows, unit], s)
    rate = rising(own, v, i)
    s = moved(s, v - own.threshold, rate, curvature(own, rate, i))
    return fires, unit, jnp.where(fires, s, 0.0)


def _own(params, unit):
    """Constants of one neuron of each sample."""
    return jax.tree.map(lambda c: c[unit] if c.ndim else c, params)


def _sent(net, kind, unit):
    """Currents that an event brings, ``[B, n]``."""
    first = jnp.where(kind == INPUT, unit, 0)
    current = jnp.where((kind == INPUT)[:, None], net.weights[first], 0.0)
    if net.recurrent is None:
        return current
    sends = kind == _sender(net)
    return jnp.where(sends[:, None], net.recurrent[jnp.where(sends, unit, 0)], current)


def _sender(net):
    """The kind of event that brings what a spike sends."""
    return SPIKE if net.delay is None else ARRIVAL


def _moves(params, now, gap):
    """How voltage and current move with each constant while all times are held."""
    aligned, s, moves = align(params, now.v), gap[:, None], {}
    for name, (v, i) in now.moves.items():
        along = jax.tree.map(jnp.zeros_like, aligned)
        along = along._replace(**{name: jnp.ones_like(getattr(aligned, name))})
        ahead = lambda params, v, i: flow(params, v, i, s)  # noqa: E731
        moves[name] = jax.jvp(ahead, (aligned, now.v, now.i), (along, v, i))[1]
    return moves


class _Back(NamedTuple):
    """What an adjoint carries to earlier events."""

    v: jax.Array  # λv, [B, n]
    i: jax.Array  # λi, [B, n]
    t: jax.Array  # what the time of each event is worth, [B, K]
    grads: Given


def adjoint(given: Given, happened: Events, t: jax.Array) -> Given:
    """Gradients of a network from what the times of its events are worth.

    Args:
        given: the network.
        happened: from ``simulate``, told how crossings move with the constants.
        t: derivative of the loss by each time, ``[K, B]``; only spikes are looked at.
    """
    first = jnp.min(given.times, axis=1, initial=jnp.inf)
    before = jnp.where(first < jnp.inf, first, 0.0)
    gaps = jnp.diff(happened.t, axis=0, prepend=before[None])
    zero = jnp.zeros((len(before), given.weights.shape[1]), t.dtype)
    spikes = jnp.where(happened.kind == SPIKE, t, 0.0)
    start = _Back(zero, zero, spikes.T, jax.tree.map(jnp.zeros_like, given))
    steps = jnp.arange(len(t), dtype=jnp.int32)
    xs = steps, gaps, happened
    end, _ = loops.scan(_backwards, None, given, start, xs, reverse=True)
    return end.grads


def _backwards(fixed, net, back, x):
    """Over one event and the gap before it."""
    del fixed
    (k, gap, event), rows = x, jnp.arange(len(x[1]))
    params, own = align(net.params, back.v), _own(net.params, event.unit)
    worth = back.i / params.tau_syn + slope(params, back.v, 0.0 * back.v)  # μ
    if net.params.tau_mem is None:
        worth = (back.i - back.v) / params.tau_syn
    pull = jnp.sum(worth * _sent(net, event.kind, event.unit), axis=1)
    is_input, fires = event.kind == INPUT, event.kind == SPIKE
    times = back.t
    if net.delay is not None:
        arrives = jnp.where(event.kind == ARRIVAL, pull, 0.0)
        times = times.at[rows, event.source].add(arrives)
    total = jnp.where(fires, times[:, k], 0.0)
    if net.delay is None:
        total = total + jnp.where(fires, pull, 0.0)
    after = slope(own, jnp.broadcast_to(own.v_reset, total.shape), event.current)
    total = total - jnp.where(fires, back.v[rows, event.unit] * after, 0.0)
    at = jnp.broadcast_to(own.threshold, total.shape)
    crossing = jnp.where(fires, total / rising(own, at, event.current), 0.0)
    grads = _added(net, back, event, jnp.where(is_input, pull, 0.0), crossing)
    if net.delay is not None:
        late = grads.delay.at[event.unit].add(arrives)
        grads = grads._replace(delay=late)
    v = back.v.at[rows, event.unit].set(
        jnp.where(fires, -crossing, back.v[rows, event.unit])
    )
    s = jnp.broadcast_to(gap[:, None], v.shape)
    i = back.i * jnp.exp(-s / params.tau_syn) + v * response(params, s)
    return _Back(v * kept(params, s), i, times, grads), None


def _added(net, back, event, arrival, crossing):
    """Gradients with what one event adds to them."""
    rows, grads = jnp.arange(len(arrival)), back.grads
    is_input = (event.kind == INPUT)[:, None]
    unit = jnp.where(event.kind == INPUT, event.unit, 0)
    grads = grads._replace(
        times=grads.times.at[rows, jnp.where(is_input[:, 0], event.source, 0)].add(
            arrival
        )
        if grads.times.shape[1]
        else grads.times,
        weights=grads.weights.at[unit].add(jnp.where(is_input, back.i, 0.0)),
    )
    if net.recurrent is not None:
        sends = (event.kind == _sender(net))[:, None]
        unit = jnp.where(sends[:, 0], event.unit, 0)
        sent = grads.recurrent.at[unit].add(jnp.where(sends, back.i, 0.0))
        grads = grads._replace(recurrent=sent)
    params = grads.params
    for name, level in {**event.level, "threshold": -1.0}.items():
        by, so_far = -crossing * level, getattr(params, name)
        new = so_far.at[event.unit].add(by) if so_far.ndim else so_far + jnp.sum(by)
        params = params._replace(**{name: new})
    return grads._replace(params=params)
