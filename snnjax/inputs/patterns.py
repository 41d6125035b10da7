"""Patterns made to order: inputs whose difficulty is known."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.check import Number
from snnjax.inputs.encode import one_hot, poisson


def random_manifold(
    key: jax.Array,
    *,
    classes: int,
    neurons: int,
    samples: int,
    dims: int = 1,
    alpha: Number = 1.0,
    cutoff: int = 1000,
) -> tuple[jax.Array, jax.Array]:
    """Spike times on smooth random manifolds, one manifold for each class (Randman).

        t_i(x) = Π_j Σ_k k^-α A_k sin(2π (k x_j B_k + C_k))      x ~ U(0, 1)^dims

    with A, B, C drawn once for each class, neuron and dimension, then scaled to 0 … 1
    over the samples. A larger α makes a smoother manifold and an easier task.

    Args:
        key: randomness.
        classes: number of manifolds.
        neurons: number of inputs, each of which fires once in a sample.
        samples: number of samples of each class, at least 2.
        dims: intrinsic dimension of a manifold.
        alpha: smoothness α.
        cutoff: number of harmonics.

    Returns:
        Times in 0 to 1 ``[classes·samples, neurons]``, class after class, in the usual
        floating-point type of jax, and labels, int32.

    References:
        Zenke & Vogels (2021), doi:10.1162/neco_a_01367.
    """
    check.key(key)
    for name, value in (("classes", classes), ("neurons", neurons), ("dims", dims)):
        check.whole(name, value)
    check.whole("samples", samples, least=2)
    check.whole("cutoff", cutoff)
    dtype = jnp.result_type(float)
    harmonics = jnp.arange(1, cutoff + 1, dtype=dtype)[None]

    def coordinate(key, x):  # one neuron's spike time along the manifold, [samples]
        a, b, c = jax.random.uniform(key, (3, dims, cutoff), dtype)
        weight = harmonics ** -jnp.asarray(alpha, dtype)
        waves = jnp.sin(
            2 * jnp.pi * (x[:, :, None] * harmonics[None] * b[None] + c[None])
        )
        f = jnp.prod(jnp.sum((weight * a)[None] * waves, axis=-1), axis=-1)
        return (f - f.min()) / (f.max() - f.min())

    def manifold(key):
        key_x, key_f = jax.random.split(key)
        x = jax.random.uniform(key_x, (samples, dims), dtype)
        return jax.lax.map(
            lambda k: coordinate(k, x), jax.random.split(key_f, neurons)
        ).T

    draw = partial(jax.lax.map, manifold)
    times = loops.forgotten(draw, jax.random.split(key, classes))
    labels = jnp.repeat(jnp.arange(classes, dtype=jnp.int32), samples)
    return times.reshape(-1, neurons), labels


def one_spike_raster(times: jax.Array, steps: int) -> jax.Array:
    """Exactly one spike for each neuron and sample.

    Args:
        times: in 0 to 1, ``[B, n]``; 1 falls into the last step.
        steps: number of steps T.

    Returns:
        Spikes ``[T, B, n]``, as precise as the times, at least float32. NaN throughout
        for a neuron whose traced time lies outside 0 to 1.

    Raises:
        ValueError: for a time outside 0 to 1.
    """
    check.whole("steps", steps)
    times = check.wide(times)
    known = check.concrete(times)
    if known is not None and not np.all((known >= 0) & (known <= 1)):
        raise ValueError("Spike times of a manifold must lie in 0 … 1.")
    inside = jnp.where((times >= 0) & (times <= 1), times, jnp.nan)
    return one_hot(jnp.minimum(jnp.floor(inside * steps), steps - 1), steps)


def frozen_poisson(
    key: jax.Array,
    *,
    patterns: int,
    steps: int,
    n: int,
    rate: Number,
    dt: Number,
    classes: int = 2,
) -> tuple[jax.Array, jax.Array]:
    """Random spike patterns, each with a random label that only memory can tell.

    Neftci, Mostafa & Zenke 2019, doi:10.1109/MSP.2019.2931595.

    Args:
        key: randomness.
        patterns: how many.
        steps: number of steps T.
        n: number of channels.
        rate: of every channel [Hz].
        dt: time step [s].
        classes: number of labels.

    Returns:
        Spikes ``[T, patterns, n]`` of ``poisson``, and labels ``[patterns]``, int32.
    """
    check.key(key)
    key_spikes, key_labels = jax.random.split(key)
    rates = jnp.full((patterns, n), check.wide(rate))
    labels = jax.random.randint(key_labels, (patterns,), 0, classes, jnp.int32)
    return poisson(key_spikes, rates, steps=steps, dt=dt), labels


def yin_yang(
    size: int, seed: int, *, r_small: float = 0.1, r_big: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Points on a yin-yang symbol: yin (0), yang (1) or one of its dots (2).

    A class is drawn first, then points until one is of that class, so that classes are
    balanced. The published sets are seeds 42 (5000 to train), 41 and 40 (1000 each to
    validate and test), bit for bit (Kriener, Göltz & Petrovici 2022,
    doi:10.1145/3517343.3517380).

    Args:
        size: number of points.
        seed: of numpy's ``RandomState``.
        r_small: radius of the dots.
        r_big: radius of the symbol.

    Returns:
        Samples ``(x, y, 1-x, 1-y)`` ``[size, 4]``, float64, and labels ``[size]``.
    """
    check.whole("size", size, least=0)
    check.positive("r_small", r_small)
    check.positive("r_big / 2 - r_small", r_big / 2.0 - r_small, zero=True)
    rng = np.random.RandomState(seed)
    samples, labels = np.zeros((size, 4)), np.zeros(size, np.int64)
    for k in range(size):
        goal = rng.randint(3)
        while True:
            x, y = rng.rand(2) * 2.0 * r_big
            inside = np.sqrt((x - r_big) ** 2 + (y - r_big) ** 2) <= r_big
            if inside and yin_yang_class(x, y, r_small, r_big) == goal:
                break
        samples[k], labels[k] = (x, y, 1.0 - x, 1.0 - y), goal
    return samples, labels


def yin_yang_class(x: float, y: float, r_small: float = 0.1, r_big: float = 0.5) -> int:
    """Which part of the symbol a point lies in: yin 0, yang 1, dot 2."""
    right = np.sqrt((x - 1.5 * r_big) ** 2 + (y - r_big) ** 2)
    left = np.sqrt((x - 0.5 * r_big) ** 2 + (y - r_big) ** 2)
    if min(right, left) < r_small:
        return 2
    in_left_head = r_small < left <= 0.5 * r_big
    in_right_body = y > r_big and right > 0.5 * r_big
    return int(right <= r_small or in_left_head or in_right_body)
