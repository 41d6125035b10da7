"""Trials in which what was seen must be held until it is asked for.

Channels come in four groups, each of which fires at its rate while it has something to
say. The answer is asked for late, in the steps of ``mask``; how often one is wrong who
saw nothing, or a part, is told exactly.
"""

from math import comb
from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.check import Number
from snnjax.inputs.encode import poisson


class Trials(NamedTuple):
    """What is shown, and what is to be answered when."""

    xs: jax.Array  # spikes [T, B, 4 · per_group]
    labels: jax.Array  # [B], 0 or 1
    mask: jax.Array  # when the answer counts, [T, B]


def evidence(
    key: jax.Array,
    *,
    batch: int,
    cues: int = 7,
    weak: Number = 0.3,
    cue: float = 100e-3,
    gap: float = 50e-3,
    delay: float = 1.05,
    recall: float = 150e-3,
    per_group: int = 10,
    rate: Number = 40.0,
    dt: float,
) -> Trials:
    """Cues from left and right, and later the question which were more.

    In each trial one side, either with the same chance, gives each cue with a
    probability ``weak``, the other the rest. Groups of channels: left, right, the
    question, and noise throughout at a quarter of the rate.

    Args:
        key: randomness.
        batch: number of trials B.
        cues: how many; odd, so that there is a majority.
        weak: probability of a cue from the weaker side, 0 to 1/2.
        cue: how long a cue is [s].
        gap: silence after each [s].
        delay: from the last gap to the question [s].
        recall: how long the question is, and the answer counts [s].
        per_group: channels of each group.
        rate: of a group while it is active [Hz].
        dt: time step [s].

    Returns:
        Spikes ``[T, B, 4·per_group]``; labels, 0 where most cues were left; the steps
        of the question.

    Raises:
        ValueError: for numbers below one, an even number of cues, a weak above 1/2,
            times that are negative (cue and recall: shorter than a step), or as
            ``poisson``.

    References:
        Bellec et al. (2020), doi:10.1038/s41467-020-17236-y.
    """
    check.key(key)
    _check_group(batch, per_group, rate)
    _check_cues(cues, weak)
    check.one("weak", weak)
    on, off = _steps("cue", cue, dt), _steps("gap", gap, dt, 0)
    late, asked = _steps("delay", delay, dt, 0), _steps("recall", recall, dt)
    key_side, key_cues, key_spikes = jax.random.split(key, 3)
    strong = jax.random.bernoulli(key_side, 0.5, (batch, 1))
    p = jnp.asarray(weak, _dtype())
    chance = jnp.where(strong, 1.0 - p, p)  # of the right
    right = jax.random.bernoulli(key_cues, jnp.broadcast_to(chance, (batch, cues)))
    labels = (jnp.sum(right, axis=1) > cues // 2).astype(jnp.int32)

    sides = jnp.stack([~right, right], axis=-1).swapaxes(0, 1)  # [cues, B, 2]
    shown = jnp.repeat(sides, on + off, axis=0)
    during = jnp.arange(len(shown)) % (on + off) < on
    shown = jnp.pad(shown & during[:, None, None], ((0, late + asked), (0, 0), (0, 0)))
    mask = _late(len(shown), asked, batch)
    active = jnp.concatenate([shown, mask[..., None]], axis=-1).astype(_dtype())
    noise = jnp.full_like(active[..., :1], 0.25)
    active = jnp.concatenate([active, noise], axis=-1)
    return Trials(_spikes(key_spikes, active, per_group, rate, dt), labels, mask)


def evidence_error(cues: int, weak: float, *, seen: int = 0) -> float:
    """How often the best guess at ``evidence`` is wrong of one who saw a few cues.

    Args:
        cues: how many there are, an odd number.
        weak: probability of a cue from the weaker side.
        seen: how many were seen.

    Returns:
        1/2 for none, 0 for all of them.

    Raises:
        ValueError: for an even number of cues, a weak above 1/2, or more seen than
            there are.
    """
    check.whole("seen", seen, least=0, most=2**31 - 1)
    _check_cues(cues, weak)
    check.one("weak", weak)
    if seen > cues:
        raise ValueError(f"seen must be at most the cues, {cues}, got {seen}.")
    unseen, wrong = cues - seen, 0.0
    for k in range(seen + 1):  # seen from the right
        least = cues // 2 + 1 - k  # of the others, for a majority on the right
        both = [0.0, 0.0]
        for p in (weak, 1.0 - weak):
            here = 0.5 * _binomial(seen, k, p)
            right = sum(_binomial(unseen, j, p) for j in range(max(least, 0), cues + 1))
            both = [both[0] + here * right, both[1] + here * (1.0 - right)]
        wrong += min(both)
    return wrong


def store_recall(
    key: jax.Array,
    *,
    batch: int,
    periods: int = 8,
    period: float = 100e-3,
    per_group: int = 10,
    rate: Number = 50.0,
    dt: float,
) -> Trials:
    """A bit to be stored at a signal, and to be recalled at another.

    Each period shows a bit, by one of two groups of channels. In one of them a third
    group says that it is to be stored; in a later one, in which no bit is shown, a
    fourth asks for it. Both are drawn anew in each trial, so that they lie from one to
    ``periods - 1`` periods apart. One who has not stored it is wrong half of the time.

    Args:
        key: randomness.
        batch: number of trials B.
        periods: how many, at least 2.
        period: length of each [s].
        per_group: channels of each group.
        rate: of a group while it is active [Hz].
        dt: time step [s].

    Returns:
        Spikes ``[T, B, 4·per_group]``; the bits stored; and the steps of the question.

    Raises:
        ValueError: for numbers below one, fewer than two periods, a period shorter than
            a step, or as ``poisson``.

    References:
        Bellec et al. (2018), doi:10.48550/arXiv.1803.09574.
    """
    check.key(key)
    _check_group(batch, per_group, rate)
    check.whole("periods", periods, least=2)
    on = _steps("period", period, dt)
    key_bits, key_store, key_recall, key_spikes = jax.random.split(key, 4)
    bits = jax.random.bernoulli(key_bits, 0.5, (periods, batch))
    store = jax.random.randint(key_store, (batch,), 0, periods - 1)
    recall = jax.random.randint(key_recall, (batch,), store + 1, periods)
    at = jnp.arange(periods)[:, None]
    stored, asked = at == store[None], at == recall[None]
    active = jnp.stack([~bits & ~asked, bits & ~asked, stored, asked], axis=-1)
    labels = jnp.sum(bits & stored, axis=0).astype(jnp.int32)
    active = jnp.repeat(active.astype(_dtype()), on, axis=0)
    xs = _spikes(key_spikes, active, per_group, rate, dt)
    return Trials(xs, labels, jnp.repeat(asked, on, axis=0))


def _check_group(batch, per_group, rate):
    check.whole("batch", batch)
    check.whole("per_group", per_group)
    check.positive("rate", rate, " [Hz]", zero=True)
    check.one("rate", rate)


def _check_cues(cues, weak):
    check.whole("cues", cues)
    if cues % 2 == 0:
        raise ValueError(f"cues must be odd, so that there is a majority, got {cues}.")
    check.between("weak", weak, 0.0, 0.5)


def _steps(name, time, dt, least=1):
    """A time [s] in whole steps."""
    check.dt(dt)
    check.positive(name, time, " [s]", zero=True)
    check.one(name, time)
    steps = round(float(time) / float(dt))
    if not least <= steps <= 2**24:
        raise ValueError(
            f"{name} must be {least} to 2^24 steps of {dt} s, got {time} s."
        )
    return steps


def _late(steps, last, batch):
    """The last steps, ``[T, B]``."""
    return jnp.broadcast_to(
        (jnp.arange(steps) >= steps - last)[:, None], (steps, batch)
    )


def _spikes(key, active, per_group, rate, dt):
    """Poisson spikes of groups of channels, by how active each is, ``[T, B, 4]``."""
    each = jnp.repeat(active, per_group, axis=-1) * jnp.asarray(rate, _dtype())
    return poisson(key, each, steps=1, dt=dt)[0]


def _dtype():
    return jnp.result_type(float)


def _binomial(n, k, p):
    return comb(n, k) * p**k * (1.0 - p) ** (n - k) if 0 <= k <= n else 0.0
