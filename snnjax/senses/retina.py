"""A retina: images and movies become spikes of ON and OFF ganglion params.

A cell weighs the light around its place by a centre less a surround (Rodieck 1965,
doi:10.1016/0042-6989(65)90033-7), follows it in time by a fast less a slow low-pass
filter, and fires at a rate that cannot fall below zero:

    F(x) = G(x; σc) - β G(x; σs)             G: normal density around the cell
    k(t) = e^(-t/τf)/τf - w e^(-t/τd)/τd
    ν(t) = [ν₀ + g (k * ∫F c dx)(t)]₊        with -g for OFF cells

Light comes as contrast c against a background, which is 0 and goes on beyond the
borders of the image. Lengths are in pixels, times in seconds, rates in hertz.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.check import Number
from snnjax.exported import exportable


@exportable
class GanglionParams(NamedTuple):
    """Constants of the ganglion cells of one mosaic, each ``[]``."""

    center: Number = 0.8  # σc [pixels]
    surround: Number = 2.4  # σs [pixels]
    balance: Number = 0.9  # β, weight of the surround; 1: blind to uniform light
    tau_fast: Number = 10e-3  # τf [s]
    tau_slow: Number = 60e-3  # τd [s]
    transience: Number = 0.8  # w, of the slow filter; 1: blind to what stays
    baseline: Number = 5.0  # ν₀ [Hz]
    gain: Number = 200.0  # g [Hz], rate for a contrast of 1 all over the centre


def mosaic(height: int, width: int, *, spacing: float = 1.0) -> np.ndarray:
    """Places of cells on a square lattice in the middle of an image.

    Args:
        height: of the image [pixels].
        width: of the image [pixels].
        spacing: distance between neighbours [pixels].

    Returns:
        Rows and columns ``[n, 2]``, row after row; pixel (0, 0) lies at (0.0, 0.0).

    Raises:
        ValueError: for a size below one or a spacing that is not positive.
    """
    check.positive("spacing", spacing, " [pixels]")
    check.one("spacing", spacing)
    axes = []
    for name, size in (("height", height), ("width", width)):
        check.whole(name, size)
        count = int((size - 1) / spacing + 1e-9) + 1
        first = (size - 1 - (count - 1) * spacing) / 2.0
        axes.append(first + spacing * np.arange(count))
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)


def receptive_fields(
    places: np.ndarray | jax.Array,
    height: int,
    width: int,
    params: GanglionParams = GanglionParams(),
) -> jax.Array:
    """What each pixel weighs for each cell, F integrated over the pixel.

    The sum over an image of contrast 1 is 1 - β for a cell whose surround it covers.

    Args:
        places: of the cells, ``[n, 2]``, as from ``mosaic``.
        height: of the image [pixels].
        width: of the image [pixels].
        params: constants.

    Returns:
        Weights ``[n, height, width]``.

    Raises:
        ValueError: for places of another shape or not finite, a size that is not a
            whole number of pixels, or constants out of range.
    """
    _check(params)
    check.array("places", places)
    check.whole("height", height)
    check.whole("width", width)
    at = check.wide(places)
    if at.ndim != 2 or at.shape[-1] != 2:
        raise ValueError(f"places must be [n, 2], rows and columns, got {at.shape}.")
    check.finite("places", at)

    def share(sigma, size, place):  # of a normal density, on each pixel of a line
        edges = jnp.arange(size + 1, dtype=at.dtype)[None] - 0.5
        edges = (edges - place[:, None]) / jnp.asarray(sigma, at.dtype)
        return jnp.diff(jax.scipy.special.ndtr(edges), axis=1)

    def bell(sigma):
        rows = share(sigma, height, at[:, 0])
        columns = share(sigma, width, at[:, 1])
        return rows[:, :, None] * columns[:, None, :]

    return bell(params.center) - params.balance * bell(params.surround)


def ganglion_rates(
    contrast: jax.Array,
    *,
    dt: Number,
    places: np.ndarray | None = None,
    params: GanglionParams = GanglionParams(),
) -> jax.Array:
    """Firing rates of ON and OFF cells that watch a movie.

    Each frame is shown for ``dt`` and the filters are exact for it; before the first
    frame there was the background. The rate of a step is that at its end.

    Args:
        contrast: of the movie, ``[T, *batch, height, width]``, 0 for the background.
        dt: duration of a frame [s].
        places: of the cells of either kind, ``[n, 2]``; one at each pixel if omitted.
        params: constants.

    Returns:
        Rates ``[T, *batch, 2·n]`` [Hz], the ON cells first, in single precision at
        least.

    Raises:
        ValueError: for a movie without time, height and width or not finite, or
            constants out of range.
    """
    check.dt(dt)
    _check(params)
    check.array("contrast", contrast, "[T, *batch, height, width]", finite=True)
    check.floating("contrast", contrast)
    contrast = check.wide(contrast)
    height, width = contrast.shape[-2:]
    places = mosaic(height, width) if places is None else places
    fields = receptive_fields(places, height, width, params).astype(contrast.dtype)
    seen = jnp.einsum("...hw,nhw->...n", contrast, fields)

    def low_pass(tau):
        decay = jnp.exp(-jnp.asarray(dt / tau, seen.dtype))
        start = jnp.zeros_like(seen.sum(axis=0))
        return loops.scan(_follow, None, decay, start, seen)[1]

    drive = low_pass(params.tau_fast) - params.transience * low_pass(params.tau_slow)
    both = jnp.concatenate([drive, -drive], axis=-1)
    return jnp.maximum(params.baseline + params.gain * both, 0.0).astype(seen.dtype)


def _follow(fixed, decay, y, x):
    y = decay * y + (1.0 - decay) * x
    return y, y


def inhomogeneous_poisson(key: jax.Array, rates: jax.Array, *, dt: Number) -> jax.Array:
    """Spikes at rates that change with time: each step with probability 1 - e^(-ν dt).

    That is the chance of at least one event of a Poisson process in the step.

    Args:
        key: randomness.
        rates: ν [Hz], ``[T, *batch, n]``.
        dt: time step [s].

    Returns:
        Spikes in {0, 1}, as ``rates`` in shape and dtype; NaN where a traced rate is
        negative or NaN.

    Raises:
        ValueError: for a rate that is negative, or not finite and floating point, a
            ``dt`` that is not positive, or a key of another kind.
    """
    check.key(key)
    check.dt(dt)
    check.array("rates", rates, "[T, *batch, n]")
    check.positive("rates", rates, " [Hz]", zero=True)
    rates = jnp.asarray(rates)
    check.floating("rates", rates)
    sure = check.wide(rates)
    chance = -jnp.expm1(-sure * jnp.asarray(dt, sure.dtype))
    spikes = jax.random.bernoulli(key, chance).astype(rates.dtype)
    return jnp.where(chance >= 0, spikes, jnp.nan)


def event_camera(
    intensity: jax.Array,
    *,
    dt: Number,
    threshold: Number,
    refractory: Number = 0.0,
) -> jax.Array:
    """What an event camera reports: changes of log intensity, pixel by pixel.

    A pixel remembers the log intensity L at its last event and fires ON (OFF) once for
    each whole ``threshold`` by which L has risen (fallen), at most once if it has a
    refractory period. While refractory it is blind, and takes L as it then is for new
    (Lichtsteiner, Posch & Delbruck 2008, doi:10.1109/JSSC.2007.914337).

    Args:
        intensity: ``[T, *batch, height, width]``, positive; the first frame is where
            the memory starts.
        dt: duration of a frame [s].
        threshold: change of log intensity for one event.
        refractory: blind time after an event [s], rounded to frames.

    Returns:
        Event counts ``[T, *batch, height, width, 2]``, ON before OFF, in single
        precision at least.

    Raises:
        ValueError: for an intensity that is not positive, or a constant out of range.

    Example:
        >>> frames = jnp.ones((3, 4, 4)).at[1:, 0, 0].set(2.0)  # one gets brighter
        >>> events = snn.senses.event_camera(frames, dt=1e-3, threshold=0.3)
        >>> events.shape
        (3, 4, 4, 2)
        >>> print(events[1, 0, 0])  # ln 2 is two thresholds
        [2. 0.]
    """
    check.dt(dt)
    check.positive("threshold", threshold)
    check.one("threshold", threshold)
    check.positive("refractory", refractory, " [s]", zero=True)
    check.one("refractory", refractory)
    check.array("intensity", intensity, "[T, *batch, height, width]")
    check.positive("intensity", intensity)
    check.floating("intensity", intensity)
    light = jnp.log(check.wide(intensity))
    single = jnp.asarray(refractory, light.dtype) > 0.0

    def step(state, now):
        memory, left = state
        blind = left > 0.5 * dt
        change = (now - memory) / threshold
        count = jnp.trunc(change + 1e-4 * jnp.sign(change))  # forgives rounding
        count = jnp.where(blind, 0.0, jnp.where(single, jnp.sign(count), count))
        memory = jnp.where(blind, now, memory + threshold * count)
        left = jnp.where(count != 0.0, refractory, jnp.maximum(left - dt, 0.0))
        state = memory.astype(now.dtype), left.astype(now.dtype)
        return state, jnp.stack([count, -count], axis=-1).clip(0.0).astype(now.dtype)

    dark = jnp.zeros_like(light.sum(axis=0))
    start = light[0] if len(light) else dark
    return loops.forgotten(partial(jax.lax.scan, step), (start, dark), light)[1]


def _check(params):
    check.fields("params", params, *GanglionParams._fields)
    for name in ("center", "surround", "tau_fast", "tau_slow"):
        check.positive(name, getattr(params, name))
    for name in ("balance", "transience", "baseline", "gain"):
        check.positive(name, getattr(params, name), zero=True)
    for name, value in params._asdict().items():
        if np.ndim(value):
            raise ValueError(f"{name} must be one number, got shape {np.shape(value)}.")
