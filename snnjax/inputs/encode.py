"""Encoders: numbers become spikes.

Rasters have time first, ``[T, *batch, n]``. Times are in seconds, rates in hertz.
"""

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.check import Number
from snnjax.events import Outside, time_bins
from snnjax.events.columns import OUTSIDE, event_arrays
from snnjax.inputs.batches import bins_of

_MOST_EVENTS = 2**31  # in a bin


def poisson(key: jax.Array, rates: Number, *, steps: int, dt: Number) -> jax.Array:
    """Fires at random, each step with probability ν·dt.

    Args:
        key: randomness.
        rates: ν of each channel [Hz], ``[*batch, n]``.
        steps: number of steps T.
        dt: time step [s].

    Returns:
        Spikes ``[T, *batch, n]`` in {0, 1}, as precise as the rates, at least float32.
        Under ``jit``, where rates are not known, a channel whose rate cannot be (above
        1/dt, negative, NaN) is NaN throughout.

    Raises:
        ValueError: for a rate that is negative, not finite, or above 1/dt, a time step
            that is not positive, or a key of another kind.

    Example:
        >>> rates = jnp.full((8, 70), 20.0)  # of samples and channels [Hz]
        >>> spikes = snn.inputs.poisson(jax.random.key(0), rates, steps=1000, dt=1e-3)
        >>> spikes.shape
        (1000, 8, 70)
        >>> print(f"{spikes.mean() / 1e-3:.0f} Hz")
        20 Hz
    """
    check.key(key)
    check.whole("steps", steps, least=0)
    check.dt(dt)
    check.positive("rates", rates, " [Hz]", zero=True)
    rates = check.wide(rates)
    chance = rates * jnp.asarray(dt, rates.dtype)
    known = check.concrete(chance)
    if known is not None and np.any(known > 1 + 1e-6):
        raise ValueError(
            f"rates up to {known.max() / float(dt):.4g} Hz need more than one spike "
            f"in a step of {dt} s. Take a dt below {float(dt) / known.max():.3g} s."
        )
    spikes = jax.random.bernoulli(key, chance[None], (steps, *chance.shape))
    possible = (chance >= 0) & (chance <= 1 + 1e-6)
    return jnp.where(possible[None], spikes.astype(chance.dtype), jnp.nan)


def latency_times(x: Number, *, tau: Number, threshold: Number) -> jax.Array:
    """The stronger, the sooner: when a constant current charges a neuron to threshold.

        t = τ ln(x / (x - θ))   for x > θ, else never (+∞)

    Neftci, Mostafa & Zenke 2019, doi:10.1109/MSP.2019.2931595.

    Args:
        x: intensities, ``[...]``.
        tau: membrane time constant τ of the encoder [s].
        threshold: θ.

    Returns:
        Times [s], ``[...]``, in single precision at least; NaN where a traced intensity
        is NaN.

    Raises:
        ValueError: for a τ or θ that is not positive, or an intensity that is NaN.
    """
    check.positive("tau", tau, " [s]")
    check.positive("threshold", threshold)
    check.finite("x, intensities,", x, infinity=True)
    check.fits("tau", tau, np.shape(x))
    check.fits("threshold", threshold, np.shape(x))
    x = check.wide(x)
    tau, threshold = jnp.asarray(tau, x.dtype), jnp.asarray(threshold, x.dtype)
    fires = x > threshold
    safe = jnp.where(fires, x, 2.0 * threshold)
    times = jnp.where(fires, -tau * jnp.log1p(-threshold / safe), jnp.inf)
    return jnp.where(jnp.isnan(x), jnp.nan, times)


def latency_intensity(t: Number, *, tau: Number, threshold: Number) -> jax.Array:
    """The intensity that fires at ``t`` [s]: the inverse of ``latency_times``.

    A time of +∞ gives θ, the strongest intensity that never fires; a traced time that
    is negative or NaN gives NaN.

    Raises:
        ValueError: for a τ or θ that is not positive, or a time that is negative or
            NaN.
    """
    check.positive("tau", tau, " [s]")
    check.positive("threshold", threshold)
    check.finite("t", t, infinity=True)
    check.fits("tau", tau, np.shape(t))
    check.fits("threshold", threshold, np.shape(t))
    known = check.concrete(t)
    if known is not None and not np.all(known >= 0):
        raise ValueError(f"Times t [s] must not be negative or NaN, got {known}.")
    t = check.wide(t)
    tau, threshold = jnp.asarray(tau, t.dtype), jnp.asarray(threshold, t.dtype)
    return jnp.where(t >= 0, -threshold / jnp.expm1(-t / tau), jnp.nan)


def latency(
    x: Number,
    *,
    tau: float,
    threshold: float,
    steps: int,
    dt: float,
    outside: Outside = "error",
) -> jax.Array:
    """One spike for each channel above threshold, at its ``latency_times``.

    Args:
        x: intensities ``[*batch, n]``.
        tau: membrane time constant of the encoder [s].
        threshold: intensities up to this one never fire.
        steps: number of steps T.
        dt: time step [s].
        outside: what to do with spikes at ``steps·dt`` or later. Inside ``jit`` they
            cannot be counted, so there it must be ``"drop"``.

    Returns:
        Spikes ``[T, *batch, n]`` in {0, 1}, as precise as ``x``, at least float32; NaN
        throughout for a channel whose traced intensity is NaN.

    Raises:
        ValueError: for a late spike, unless late spikes are to be dropped; as
            ``latency_times``.

    Example:
        >>> x = jnp.array([0.5, 2.0, 4.0])
        >>> spikes = snn.inputs.latency(x, tau=20e-3, threshold=1.0, steps=50, dt=1e-3)
        >>> print(spikes.sum(axis=0), spikes.argmax(axis=0))  # the brighter, the sooner
        [0. 1. 1.] [ 0 13  5]
    """
    check.one_of("outside", outside, OUTSIDE)
    check.whole("steps", steps)
    check.dt(dt)
    times = latency_times(x, tau=tau, threshold=threshold)
    bins = bins_of(times, dt)
    known = check.concrete(bins)
    if outside == "error":
        if known is None:
            raise ValueError("Under jit or vmap, latency needs outside='drop'.")
        over = np.isfinite(known) & (known >= steps)
        if over.any():
            raise ValueError(
                f"{over.sum()} spikes come after {steps * dt} s, the last in step "
                f"{known[over].max():.0f}. Take more steps, or outside='drop'."
            )
    return one_hot(bins, steps)


def one_hot(bins: jax.Array, steps: int) -> jax.Array:
    """A one in the step that each entry names, ``[T, ...]``; NaN for an entry NaN."""
    clock = jnp.arange(steps, dtype=bins.dtype).reshape(-1, *(1,) * bins.ndim)
    spikes = (bins[None] == clock).astype(bins.dtype)
    return jnp.where(jnp.isnan(bins)[None], jnp.nan, spikes)


def level_crossing(signal: jax.Array, *, delta: Number) -> jax.Array:
    """Sends an event whenever a signal has moved by δ since the last one.

    Args:
        signal: ``[T, *batch, n]``; its first value is where counting starts.
        delta: distance δ between levels.

    Returns:
        Events up, then events down, ``[T, *batch, 2n]``, in single precision at least;
        several levels crossed in one step make a count, so that no movement is lost.
        NaN from where a traced signal is NaN.

    Raises:
        ValueError: for a δ that is not positive, or a signal without time, not floating
            point or not finite.

    Example:
        >>> signal = jnp.array([0.0, 0.6, 1.3, 0.2])[:, None]
        >>> print(snn.inputs.level_crossing(signal, delta=0.5))  # up, down
        [[0. 0.]
         [1. 0.]
         [1. 0.]
         [0. 1.]]
    """
    check.positive("delta", delta)
    check.one("delta", delta)
    check.array("signal", signal)
    if signal.ndim < 2 or len(signal) == 0:
        raise ValueError(f"signal must be [T, *batch, n], got shape {signal.shape}.")
    check.floating("signal", signal)
    check.finite("signal", signal)
    signal = check.wide(signal)
    delta = jnp.asarray(delta, signal.dtype)
    return loops.scan(_crossings, None, delta, signal[0], signal)[1]


def _crossings(fixed, delta, level, value):
    del fixed
    crossed = jnp.trunc((value - level) / delta)
    up, down = jnp.maximum(crossed, 0.0), jnp.maximum(-crossed, 0.0)
    return level + delta * crossed, jnp.concatenate([up, down], axis=-1)


def level_reconstruction(
    events: jax.Array, *, delta: Number, start: jax.Array
) -> jax.Array:
    """The signal behind events, to within δ: the inverse of ``level_crossing``.

    Args:
        events: ``[T, *batch, 2n]``, up then down.
        delta: distance between levels.
        start: first value of the signal, ``[*batch, n]``.

    Returns:
        ``[T, *batch, n]``.

    Raises:
        ValueError: for a δ that is not positive, or shapes that do not fit.

    Example:
        >>> signal = jnp.array([0.0, 0.6, 1.3, 0.2])[:, None]
        >>> events = snn.inputs.level_crossing(signal, delta=0.5)
        >>> again = snn.inputs.level_reconstruction(events, delta=0.5, start=signal[0])
        >>> print(again[:, 0])
        [0.  0.5 1.  0.5]
    """
    check.positive("delta", delta)
    check.one("delta", delta)
    check.array("events", events, "[T, *batch, n]", finite=True)
    check.array("start", start, finite=True)
    first = (*events.shape[1:-1], events.shape[-1] // 2)
    if events.shape[-1] % 2 or np.shape(start) != first:
        raise ValueError(
            f"events must be [T, *batch, 2n] and start [*batch, n], got {events.shape} "
            f"and {np.shape(start)}."
        )
    up, down = jnp.split(check.wide(events), 2, axis=-1)
    moved = jnp.asarray(delta, up.dtype) * jnp.cumsum(up - down, axis=0)
    dtype = check.precision(jnp.asarray(start), moved)
    return jnp.asarray(start, dtype)[None] + moved.astype(dtype)


def population(
    x: jax.Array, *, n: int, low: Number, high: Number, width: Number | None = None
) -> jax.Array:
    """Spreads each value over ``n`` neurons with Gaussian tuning curves.

        a_k = exp(-(x - c_k)² / 2w²)   with centres c evenly from low to high

    Args:
        x: values ``[*batch, m]`` between ``low`` and ``high``.
        n: neurons for each value, at least 2.
        low: first centre.
        high: last centre.
        width: standard deviation w; the distance between centres if omitted.

    Returns:
        Activations in 0 to 1, ``[*batch, m·n]``, in single precision at least, those of
        one value side by side; NaN for a traced value outside.

    Raises:
        ValueError: for a value outside, or an empty range.

    Example:
        >>> x = jnp.array([[0.25]])
        >>> activations = snn.inputs.population(x, n=3, low=0.0, high=1.0)
        >>> print(np.asarray(activations).round(2))
        [[0.88 0.88 0.32]]
    """
    check.whole("n", n, least=2)
    for name, bound in (("low", low), ("high", high)):
        check.finite(name, bound)
        check.one(name, bound)
    check.positive("high - low", high - low)
    check.floating("x", x)
    check.array("x", x, "[*batch, m]")
    x = check.wide(x)
    known = check.concrete(x)
    if known is not None and not np.all((known >= low) & (known <= high)):
        raise ValueError(f"Values x must lie in low … high, {low} … {high}.")
    centres = jnp.linspace(low, high, n, dtype=x.dtype).reshape(*x.ndim * (1,), n)
    width = (high - low) / (n - 1) if width is None else width
    check.positive("width", width)
    check.one("width", width)
    x = jnp.where((x >= low) & (x <= high), x, jnp.nan)
    distance = (x[..., None] - centres) / jnp.asarray(width, x.dtype)
    activity = jnp.exp(-(distance**2) / 2.0)
    return activity.reshape(*x.shape[:-1], x.shape[-1] * n)


def to_raster(
    times: np.ndarray,
    units: np.ndarray,
    *,
    steps: int,
    n: int,
    dt: float,
    outside: Outside = "error",
) -> np.ndarray:
    """Counts the events of one sample in bins of ``dt``, on the host.

    Args:
        times: of the events [s], ``[K]``.
        units: which channel, ``[K]``.
        steps: number of steps T.
        n: number of channels.
        dt: time step [s].
        outside: what to do with events at ``steps·dt`` or later.

    Returns:
        Counts ``[T, n]``, float32.

    Raises:
        ValueError: for times that are negative or not finite, channels out of range,
            or late events unless they are to be dropped.
    """
    check.one_of("outside", outside, OUTSIDE)
    check.whole("steps", steps, least=0)
    check.whole("n", n, least=0)
    check.dt(dt)
    times, units = event_arrays(times, units)
    if times.shape != units.shape or times.ndim != 1:
        raise ValueError(f"times and units differ: {times.shape}, {units.shape}.")
    if not np.all(np.isfinite(times) & (times >= 0)):
        raise ValueError("Event times must be finite and not negative.")
    wrong = (units < 0) | (units >= n) | (units != np.floor(units))
    if wrong.any():
        raise ValueError(
            f"units, channels, must be 0 … {n - 1}, got {units[wrong][0]}: n is {n}."
        )
    bins = time_bins(times, dt=dt)
    inside = bins < steps
    if outside == "error" and not inside.all():
        raise ValueError(
            f"{np.sum(~inside)} events come after {steps * dt} s. Take more steps, or "
            "outside='drop'."
        )
    flat = bins[inside] * n + units[inside].astype(np.int64)
    counts = np.bincount(flat, minlength=steps * n)
    return counts.reshape(steps, n).astype(np.float32)


def to_events(raster: np.ndarray, *, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Lists the events of a raster ``[T, n]``: times at bin centres [s], and channels.

    A count of two makes two events; ``to_raster`` gives the raster back.

    Raises:
        ValueError: for what is no raster of counts, or a ``dt`` that is not positive.
    """
    check.dt(dt)
    counts = np.asarray(raster)
    check.array("raster", counts)
    if counts.ndim != 2:
        raise ValueError(f"A raster is counts [T, n], got shape {counts.shape}.")
    wide = counts.astype(np.float64)
    whole = np.isfinite(wide) & (wide >= 0) & (wide < _MOST_EVENTS)
    if not whole.all() or np.any(wide != np.floor(wide)):
        raise ValueError("A raster is counts: whole numbers, zero or more.")
    step, unit = np.nonzero(counts)
    repeats = counts[step, unit].astype(np.int64)
    return np.repeat((step + 0.5) * dt, repeats), np.repeat(unit, repeats)
