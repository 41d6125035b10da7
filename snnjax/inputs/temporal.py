"""Sequences to be learned while time runs, with what is lost without learning.

Every function draws inputs and targets ``[T, B, ...]`` from a key. How well one does
who knows nothing, or a part, is told exactly: a rule that learns must do better.
"""

from math import log
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.check import Number
from snnjax.inputs.encode import poisson


class Sequence(NamedTuple):
    """What is shown, and what is asked for, step by step."""

    xs: jax.Array  # [T, B, n_in]
    targets: jax.Array  # [T, B, n_out]


def add(
    key: jax.Array, *, steps: int, batch: int = 1, delays: tuple[int, int] = (6, 10)
) -> Sequence:
    """Sums of two inputs of the past: what happened t₁ and t₂ steps ago.

        x ~ Bernoulli(1/2)      p_t = 1/2 + x_{t-t₁}/2 - x_{t-t₂}/4

    Targets are the probabilities (p, 1-p), for a cross entropy; ``add_floor`` says how
    low it can be. Before the start the input was zero.

    Args:
        key: randomness.
        steps: number of steps T.
        batch: number of sequences B.
        delays: t₁ and t₂, in steps, not the same.

    Returns:
        Inputs ``[T, B, 1]`` in {0, 1} and targets ``[T, B, 2]``.

    Raises:
        ValueError: for numbers of steps, sequences or delays below one, delays that are
            equal, or a key of another kind.

    References:
        Marschall, Cho & Savin (2020), A unified framework of online learning
        algorithms for training recurrent neural networks,
        doi:10.48550/arXiv.1907.02649.
    """
    check.key(key)
    check.whole("steps", steps)
    check.whole("batch", batch)
    first, second = _two("delays", delays)
    xs = jax.random.bernoulli(key, 0.5, (steps, batch, 1)).astype(_dtype())
    before = lambda t: jnp.zeros((t, batch, 1), _dtype())  # noqa: E731
    ago = lambda t: jnp.concatenate([before(t), xs])[:steps]  # noqa: E731
    p = 0.5 + 0.5 * ago(first) - 0.25 * ago(second)
    return Sequence(xs, jnp.concatenate([p, 1.0 - p], axis=-1))


def add_floor(*, first: bool = False, second: bool = False) -> float:
    """The least cross entropy of ``add`` of one who knows one input, both or none.

        H = E[h(E[p | what is known])]      h(p) = -p ln p - (1-p) ln(1-p)

    Args:
        first: whether x_{t-t₁} is known.
        second: whether x_{t-t₂} is known.

    Returns:
        Nats for each step: 0.6616 with neither, 0.6277 with the second alone, 0.5192
        with the first alone, 0.4545 with both.

    Raises:
        ValueError: for what is neither True nor False.
    """
    check.flag("first", first)
    check.flag("second", second)
    p = 0.5 + 0.5 * np.array([[0.0], [1.0]]) - 0.25 * np.array([[0.0, 1.0]])
    for axis, known in enumerate((first, second)):
        p = p if known else np.broadcast_to(p.mean(axis, keepdims=True), p.shape)
    return float(np.mean([_entropy(each) for each in p.ravel()]))


def mimic(
    key: jax.Array,
    *,
    teacher: jax.Array,
    steps: int,
    batch: int = 1,
    n_in: int,
    n: int,
    n_out: int,
) -> Sequence:
    """What another recurrent network makes of random inputs, to be imitated.

        x ~ Bernoulli(1/2)    h ← tanh(h W + x V)    y = h U

    with W orthogonal, V and U normal of variance 1/n_in and 1/n. One who knows nothing
    is off by the variance of the targets.

    Args:
        key: of the inputs.
        teacher: key that draws the other network; the same one for more sequences.
        steps: number of steps T.
        batch: number of sequences B.
        n_in: number of inputs.
        n: number of units of the other network.
        n_out: number of targets.

    Returns:
        Inputs ``[T, B, n_in]`` in {0, 1} and targets ``[T, B, n_out]``.

    Raises:
        ValueError: for numbers below one, or a key of another kind.

    References:
        Marschall, Cho & Savin (2020), doi:10.48550/arXiv.1907.02649.
    """
    check.key(key)
    check.key(teacher)
    sizes = {"steps": steps, "batch": batch, "n_in": n_in, "n": n, "n_out": n_out}
    for name, value in sizes.items():
        check.whole(name, value)
    keys = jax.random.split(teacher, 3)
    normal = lambda key, n, m: jax.random.normal(key, (n, m), _dtype()) / n**0.5  # noqa: E731
    w = jax.random.orthogonal(keys[0], n, dtype=_dtype())
    v, u = normal(keys[1], n_in, n), normal(keys[2], n, n_out)
    xs = jax.random.bernoulli(key, 0.5, (steps, batch, n_in)).astype(_dtype())
    rest = jnp.zeros((batch, n), _dtype())
    _, hs = loops.scan(_imitated, None, w, rest, xs @ v)
    return Sequence(xs, hs @ u)


def _imitated(fixed, w, h, x):
    del fixed
    h = jnp.tanh(h @ w + x)
    return h, h


def pattern_generation(
    key: jax.Array,
    *,
    steps: int,
    n_in: int,
    n_out: int,
    rate: Number,
    periods: tuple[float, ...] = (1.0, 0.5, 0.333, 0.2),
    dt: Number,
) -> Sequence:
    """A curve to be drawn from a pattern of input spikes that is always the same.

        y(t) = Σ_k A_k sin(2π (t/T_k + φ_k))    A ~ U(1/2, 2), φ ~ U(0, 1)

    scaled to Σ_k A_k²/2 = 1, the mean square over whole periods: the loss of silence.

    Args:
        key: randomness.
        steps: number of steps T.
        n_in: number of inputs.
        n_out: number of curves.
        rate: of every input [Hz].
        periods: T_k of each sine [s].
        dt: time step [s].

    Returns:
        Spikes ``[T, 1, n_in]``, and targets ``[T, 1, n_out]``.

    Raises:
        ValueError: for numbers below one, periods that are not positive, or as
            ``poisson``.

    References:
        Bellec et al. (2020), doi:10.1038/s41467-020-17236-y.
    """
    check.key(key)
    check.whole("steps", steps)
    check.whole("n_in", n_in)
    check.whole("n_out", n_out)
    check.one("rate", rate)
    check.dt(dt)
    check.positive("periods", periods, " [s]")
    if np.ndim(periods) != 1 or not len(periods):
        raise ValueError(f"periods must be one or more, in a row, got {periods!r}.")
    key_spikes, key_size, key_phase = jax.random.split(key, 3)
    xs = poisson(key_spikes, _rates(rate, 1, n_in), steps=steps, dt=dt)
    shape = len(periods), n_out
    size = jax.random.uniform(key_size, shape, _dtype(), 0.5, 2.0)
    size = size / jnp.sqrt(jnp.sum(size**2, axis=0, keepdims=True) / 2.0)
    phase = jax.random.uniform(key_phase, shape, _dtype())
    time = jnp.arange(steps, dtype=_dtype()) * jnp.asarray(dt, _dtype())
    turns = time[:, None] / jnp.asarray(periods, _dtype())[None]
    waves = jnp.sin(2.0 * jnp.pi * (turns[..., None] + phase[None]))
    return Sequence(xs, jnp.sum(size[None] * waves, axis=1)[:, None])


def spike_mapping(
    key: jax.Array,
    *,
    steps: int,
    patterns: int = 1,
    n_in: int,
    n_out: int,
    rate: Number,
    rate_out: Number,
    dt: Number,
) -> Sequence:
    """Patterns of spikes that others must follow, spike by spike.

    Both are Poisson, drawn once. A distance of van Rossum compares output and target
    after a filter, such as ``li``; that of silence is the filtered targets' own square.

    Args:
        key: randomness.
        steps: number of steps T.
        patterns: how many, B.
        n_in: number of inputs.
        n_out: number of outputs.
        rate: of every input [Hz].
        rate_out: of every target [Hz].
        dt: time step [s].

    Returns:
        Spikes ``[T, B, n_in]``, and those to be put out, ``[T, B, n_out]``.

    Raises:
        ValueError: for numbers below one, or as ``poisson``.

    References:
        Zenke & Ganguli (2018), doi:10.1162/neco_a_01086.
    """
    check.key(key)
    sizes = {"steps": steps, "patterns": patterns, "n_in": n_in, "n_out": n_out}
    for name, value in sizes.items():
        check.whole(name, value)
    check.one("rate", rate)
    check.one("rate_out", rate_out)
    check.positive("rate_out", rate_out, " [Hz]", zero=True)
    key_in, key_out = jax.random.split(key)
    made = [
        poisson(k, _rates(of, patterns, n), steps=steps, dt=dt)
        for k, of, n in ((key_in, rate, n_in), (key_out, rate_out, n_out))
    ]
    return Sequence(*made)


def _dtype():
    return jnp.result_type(float)


def _rates(rate, *shape):
    check.positive("rate", rate, " [Hz]", zero=True)
    return jnp.full(shape, jnp.asarray(rate, _dtype()))


def _two(name, values):
    if not isinstance(values, tuple | list) or len(values) != 2:
        raise ValueError(f"{name} must be two, got {values!r}.")
    for value in values:
        check.whole(name, value)
    if values[0] == values[1]:
        raise ValueError(f"{name} must not be the same, got {values!r}.")
    return values


def _entropy(p):
    """Of a coin, in nats."""
    return -sum(q * log(q) for q in (p, 1.0 - p) if q > 0.0)
