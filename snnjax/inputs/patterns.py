"""Patterns made to order: inputs whose difficulty is known."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.check import Number
from snnjax.events.rounding import forgiven
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

    Raises:
        ValueError: for numbers below one, fewer than two samples, an α that is negative
            or above 100, or a key of another kind.

    References:
        Zenke & Vogels (2021), doi:10.1162/neco_a_01367.

    Example:
        >>> times, labels = snn.inputs.random_manifold(
        ...     jax.random.key(0), classes=2, neurons=10, samples=3
        ... )
        >>> times.shape
        (6, 10)
        >>> print(labels)
        [0 0 0 1 1 1]
        >>> xs = snn.inputs.one_spike_raster(times, steps=100)  # [T, B, n]
    """
    check.key(key)
    for name, value in (("classes", classes), ("neurons", neurons), ("dims", dims)):
        check.whole(name, value)
    check.whole("samples", samples, least=2)
    check.whole("cutoff", cutoff)
    check.between("alpha", alpha, 0.0, 100.0)
    check.one("alpha", alpha)
    dtype = jnp.result_type(float)
    harmonics = jnp.arange(1, cutoff + 1, dtype=dtype)[None]

    def coordinate(key, x):  # one neuron's spike time along the manifold, [samples]
        a, b, c = jax.random.uniform(key, (3, dims, cutoff), dtype)
        weight = harmonics ** -jnp.asarray(alpha, dtype)
        waves = jnp.sin(
            2 * jnp.pi * (x[:, :, None] * harmonics[None] * b[None] + c[None])
        )
        f = jnp.prod(jnp.sum((weight * a)[None] * waves, axis=-1), axis=-1)
        width = f.max() - f.min()
        return jnp.where(width > 0.0, (f - f.min()) / jnp.where(width > 0, width, 1), 0)

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


def one_spike_raster(times: jax.Array, *, steps: int) -> jax.Array:
    """Exactly one spike for each neuron and sample.

    Args:
        times: in 0 to 1, ``[B, n]``; 1 falls into the last step.
        steps: number of steps T.

    Returns:
        Spikes ``[T, B, n]``, as precise as the times, at least float32. NaN throughout
        for a neuron whose traced time lies outside 0 to 1.

    Raises:
        ValueError: for a time outside 0 to 1.

    Example:
        >>> spikes = snn.inputs.one_spike_raster(jnp.array([[0.0, 0.5, 1.0]]), steps=10)
        >>> spikes.shape
        (10, 1, 3)
        >>> print(spikes.argmax(axis=0))
        [[0 5 9]]
    """
    check.whole("steps", steps)
    check.array("times", times, "[B, n]")
    times = check.wide(times)
    known = check.concrete(times)
    if known is not None and not np.all((known >= 0) & (known <= 1)):
        raise ValueError("Spike times of a manifold must lie in 0 … 1.")
    inside = jnp.where((times >= 0) & (times <= 1), times, jnp.nan)
    at = inside * steps
    bins = jnp.floor(at + forgiven(at, float(jnp.finfo(at.dtype).eps)))
    return one_hot(jnp.minimum(bins, steps - 1), steps)


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

    Raises:
        ValueError: for a negative number, no class, or as ``poisson``.

    Example:
        >>> spikes, labels = snn.inputs.frozen_poisson(
        ...     jax.random.key(0), patterns=4, steps=100, n=20, rate=10.0, dt=1e-3
        ... )
        >>> spikes.shape, labels.shape
        ((100, 4, 20), (4,))
    """
    check.key(key)
    check.whole("patterns", patterns, least=0)
    check.whole("n", n, least=0)
    check.whole("classes", classes)
    check.positive("rate", rate, " [Hz]", zero=True)
    check.one("rate", rate)
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
        r_small: radius of the dots, at least a fiftieth of ``r_big``: points of a class
            are drawn until one falls into a dot.
        r_big: radius of the symbol.

    Returns:
        Samples ``(x, y, 1-x, 1-y)`` ``[size, 4]``, float64, and labels ``[size]``.

    Raises:
        ValueError: for a negative size or seed, or radii out of range.

    Example:
        >>> points, labels = snn.inputs.yin_yang(1000, seed=41)
        >>> points.shape, np.bincount(labels).tolist()
        ((1000, 4), [316, 336, 348])
    """
    check.whole("size", size, least=0)
    check.whole("seed", seed, least=0, most=2**32 - 1)
    _check_radii(r_small, r_big)
    if r_small < 0.02 * r_big:
        raise ValueError(
            f"r_small={r_small} is less than a fiftieth of r_big={r_big}: drawing "
            "points until one falls into a dot would take very long."
        )
    rng = np.random.RandomState(seed)
    samples, labels = np.zeros((size, 4)), np.zeros(size, np.int64)
    for k in range(size):
        goal = rng.randint(3)
        while True:
            x, y = (rng.rand(2) * 2.0 * r_big).tolist()  # quicker than numpy's own
            inside = math.sqrt((x - r_big) ** 2 + (y - r_big) ** 2) <= r_big
            if inside and _class_of(x, y, r_small, r_big) == goal:
                break
        samples[k], labels[k] = (x, y, 1.0 - x, 1.0 - y), goal
    return samples, labels


def yin_yang_class(x: float, y: float, r_small: float = 0.1, r_big: float = 0.5) -> int:
    """Which part of the symbol a point lies in: yin 0, yang 1, dot 2.

    Raises:
        ValueError: for a point that is not finite, or radii out of range.
    """
    for name, value in (("x", x), ("y", y)):
        check.finite(name, value)
        check.one(name, value)
    _check_radii(r_small, r_big)
    return _class_of(x, y, r_small, r_big)


def _check_radii(r_small, r_big):
    for name, value in (("r_small", r_small), ("r_big", r_big)):
        check.positive(name, value)
        check.one(name, value)
    check.positive("r_big / 2 - r_small", r_big / 2.0 - r_small, zero=True)


def _class_of(x, y, r_small, r_big):
    right = math.sqrt((x - 1.5 * r_big) ** 2 + (y - r_big) ** 2)
    left = math.sqrt((x - 0.5 * r_big) ** 2 + (y - r_big) ** 2)
    if min(right, left) < r_small:
        return 2
    in_left_head = r_small < left <= 0.5 * r_big
    in_right_body = y > r_big and right > 0.5 * r_big
    return int(right <= r_small or in_left_head or in_right_body)
