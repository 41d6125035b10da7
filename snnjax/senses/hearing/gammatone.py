"""A light front end: gammatone filters and leaky neurons.

Filters of the form measured in the auditory nerve, evenly spaced on the scale of
equivalent rectangular bandwidths (Glasberg & Moore 1990,
doi:10.1016/0378-5955(90)90170-T):

    g(t) = t³ e^(-2πbt) cos(2πft)     b = 1.019 ERB     ERB = 24.7 Hz + f / 9.26449

Each is a cascade of four sections of second order (Slaney 1993, Apple Technical Report
35), with unit gain at f:

    H(z) = G ∏ₖ T (1 + aₖ/z) / (1 - 2 e^(-B) cos θ /z + e^(-2B) /z²)
    aₖ = -e^(-B) (cos θ ± √(3 ± √8) sin θ)     θ = 2πfT     B = 2πbT

What comes out is rectified and compressed (loudness is a matter of ratios), and is the
current of leaky integrate-and-fire neurons without a synapse. Channel 0 responds to the
highest tones.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.cell import unroll
from snnjax.check import Number
from snnjax.events import Events
from snnjax.exported import exportable
from snnjax.neurons import LIFParams, lif
from snnjax.progress import Progress
from snnjax.senses.hearing.clips import encode_batches, prepare_all, resample

RATE = 16_000  # of the sound that is filtered [Hz]

_WIDTH, _QUALITY = 24.7, 9.26449  # of ERB
_ZEROS = np.array([1.0, -1.0, 1.0, -1.0]) * np.sqrt(
    3.0 + 8.0**0.5 * np.array([1, 1, -1, -1])
)


@exportable
class CompressionParams(NamedTuple):
    """A filter's output y becomes ``gain·[y]₊^power``, each ``[]`` or ``[n]``."""

    gain: Number = 6.0
    power: Number = 0.3


@exportable
class Filters(NamedTuple):
    """Coefficients of a bank of filters."""

    zeros: jax.Array  # aₖ, [4, n]
    first: jax.Array  # -2 e^(-B) cos θ, [n]
    second: jax.Array  # e^(-2B), [n]
    gain: jax.Array  # G T⁴, [n]


def erb_space(low: float, high: float, channels: int) -> np.ndarray:
    """Frequencies at equal steps of bandwidth, the highest first [Hz], ``[channels]``.

    Args:
        low: of the last channel [Hz].
        high: of channel 0 [Hz].
        channels: how many, two at least.

    Raises:
        ValueError: for numbers out of range or in the wrong order.
    """
    for name, value in (("low", low), ("high", high)):
        check.positive(name, value, " [Hz]")
        check.one(name, value)
    check.positive("high - low", high - low, " [Hz]")
    check.whole("channels", channels, least=2)
    corner = _WIDTH * _QUALITY
    return np.geomspace(high + corner, low + corner, channels) - corner


def filters(frequencies: np.ndarray, rate: float) -> Filters:
    """Coefficients of gammatone filters.

    Args:
        frequencies: of the centres [Hz], ``[n]``.
        rate: of the sound [Hz].

    Raises:
        ValueError: for a frequency that is not between 0 and half the rate.
    """
    check.positive("frequencies", frequencies, " [Hz]")
    check.between("rate", rate, 1.0, 1e9)
    check.one("rate", rate)
    f = np.asarray(frequencies, np.float64)
    if f.ndim != 1:
        raise ValueError(f"frequencies must be [n], got shape {f.shape}.")
    check.positive("rate / 2 - frequencies", rate / 2.0 - f, " [Hz]")
    theta = 2.0 * np.pi * f / rate
    keep = np.exp(-2.0 * np.pi * 1.019 * (_WIDTH + f / _QUALITY) / rate)
    zeros = -keep * (np.cos(theta) + _ZEROS[:, None] * np.sin(theta))
    first, second = -2.0 * keep * np.cos(theta), keep**2
    late = np.exp(-1j * theta)  # one sample, at the centre
    poles = 1.0 + first * late + second * late**2
    gain = 1.0 / np.abs(np.prod((1.0 + zeros * late) / poles, axis=0))
    dtype = jnp.result_type(float)
    return Filters(*(jnp.asarray(x, dtype) for x in (zeros, first, second, gain)))


def gammatone(audio: jax.Array, bank: Filters) -> jax.Array:
    """Runs sound through a bank of filters.

    Args:
        audio: ``[T, *batch]``.
        bank: from ``filters``.

    Returns:
        What passes each filter, ``[T, *batch, n]``.

    Raises:
        ValueError: for audio that is not floating point.

    Example:
        >>> from snnjax.senses.hearing import gammatone
        >>> bank = gammatone.filters(np.array([500.0, 1000.0, 2000.0]), 16_000)
        >>> tone = np.sin(2 * np.pi * 1000.0 * np.arange(1600) / 16_000)  # 100 ms
        >>> moved = gammatone.gammatone(tone, bank)
        >>> print(moved.std(axis=0).argmax())  # that of 1000 Hz
        1
    """
    check.floating("audio", audio)
    check.array("audio", audio, "[T, *batch]", finite=True)
    check.fields("bank", bank, *Filters._fields)
    check.array("gain of bank", bank.gain, "[n]", finite=True)
    n = len(bank.gain)
    for name, shape in (("zeros", (4, n)), ("first", (n,)), ("second", (n,))):
        check.array(f"{name} of bank", getattr(bank, name), finite=True)
        check.shape(f"{name} of bank", getattr(bank, name), shape)
    dtype = check.common_dtype(audio.dtype, bank.gain.dtype)
    batch = (audio.ndim - 1) * (1,)
    bank = Filters(*(c.astype(dtype).reshape(*c.shape[:-1], *batch, -1) for c in bank))

    first = audio[0] if len(audio) else audio.sum(axis=0)
    none = jnp.zeros_like(first, dtype)[..., None] + jnp.zeros_like(bank.gain)
    start = [(none, none)] * 4
    return loops.scan(_one_sample, None, bank, start, audio.astype(dtype))[1]


def _one_sample(fixed, bank, delayed, x):
    y, after = x[..., None] * bank.gain, []
    for zero, (one, two) in zip(bank.zeros, delayed, strict=True):
        x, y = y, y + one
        after.append((zero * x - bank.first * y + two, -bank.second * y))
    return after, y


def encode(
    audio: Any,
    rate: int | Sequence[int],
    *,
    channels: int = 70,
    low: float = 100.0,
    high: float = 6000.0,
    compression: CompressionParams = CompressionParams(),
    params: LIFParams = LIFParams(tau_mem=5e-3, tau_syn=None, refractory=1e-3),
    progress: Progress | None = None,
) -> Events:
    """Makes events of clips of sound, which are brought to 16 kHz and an RMS of 0.3.

    Args:
        audio: one clip ``[T]``, or several of any length.
        rate: of all clips, or of each [Hz].
        channels: number of filters, a neuron each.
        low: centre of the last filter [Hz].
        high: centre of filter 0, below 8 kHz [Hz].
        compression: from a filter's output to a current.
        params: constants of the neurons.
        progress: is told how many clips are done, of how many.

    Returns:
        Events of N clips, of one if one came; their labels are left at 0.

    Raises:
        ValueError: for a clip that is silent, not finite or not one channel, saying
            which; frequencies or constants out of range.

    Example:
        >>> from snnjax.senses.hearing import gammatone
        >>> tone = np.sin(2 * np.pi * 1000.0 * np.arange(800) / 8_000)  # 100 ms
        >>> events = gammatone.encode(tone, 8_000, channels=20, high=3_500.0)
        >>> events.n_units, len(events.times) > 0
        (20, True)
    """
    bank = filters(erb_space(low, high, channels), RATE)
    check.fields("compression", compression, *CompressionParams._fields)
    for name in CompressionParams._fields:
        check.positive(name, getattr(compression, name))
        check.per_neuron(name, getattr(compression, name), channels)
    lif(channels, params)  # refuses constants here, where they are no tracers
    clips = prepare_all(audio, rate, partial(resample, to=RATE))

    run = jax.jit(_fire)

    def fire(audio, rows):
        del rows  # nothing is drawn
        return run(audio, bank, compression, params)

    return encode_batches(
        clips, fire, dt=1.0 / RATE, n_units=channels, progress=progress
    )


def _fire(audio, bank, compression, params):
    passed = jnp.maximum(gammatone(audio, bank), 0.0)
    gain, power = (
        jnp.reshape(c, (1, 1, -1)) if jnp.ndim(c) else c for c in compression
    )
    currents = gain * passed**power
    neurons = lif(currents.shape[-1], params)
    return unroll(neurons, (), currents, dt=1.0 / RATE)[1] > 0
