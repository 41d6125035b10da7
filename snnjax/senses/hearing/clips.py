"""Clips of sound: brought to one rate and level, padded and encoded in batches."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.events import Events, from_rows
from snnjax.progress import Progress

_RMS = 0.3
_FASTEST = 1_000_000_000  # rate [Hz]
_SHORTEST = 6000  # samples of the shortest padded clip
_SILENCE = "A clip of audio that is silence has no level to scale; leave it out."
_MANY = 2**24  # samples times units in a batch, to a factor of two


def resample(audio: Any, rate: int, to: int) -> np.ndarray:
    """Brings a clip to another sample rate (polyphase filter), and to an RMS of 0.3.

    Args:
        audio: one clip, numbers of any type, ``[T]``.
        rate: of the clip [Hz].
        to: rate wanted [Hz].

    Returns:
        The clip, ``⌈T·to/rate⌉`` samples, float64.

    Raises:
        ValueError: for anything but one channel of finite numbers, two at least at the
            rate wanted, an audible clip, and a rate that is a whole number.
    """
    from scipy.signal import resample_poly

    check.whole("rate", rate, most=_FASTEST)
    audio = np.asarray(audio)
    if audio.ndim != 1 or len(audio) < 2 or audio.dtype.kind not in "fiu":
        raise ValueError(
            f"A clip of audio must be two numbers [T] or more, got {audio.dtype} "
            f"{audio.shape}. Of a stereo recording take one channel, or the mean of "
            "both."
        )
    if not np.isfinite(audio).all():
        raise ValueError("A clip of audio must be finite, not NaN or infinity.")
    if len(audio) * to <= rate:
        raise ValueError(
            f"A clip of {len(audio)} samples at rate={rate} Hz is too short."
        )
    loud = resample_poly(_loud(audio.astype(np.float64)), to, rate)
    rms = np.sqrt(np.mean(np.square(loud)))
    if rms == 0.0:
        raise ValueError(_SILENCE)
    return loud * (_RMS / rms)


def _loud(audio):
    """Times a power of two, which rounds nothing: a peak from 0.5 to 1."""
    peak = np.abs(audio).max()
    if peak == 0.0:
        raise ValueError(_SILENCE)
    return np.ldexp(audio, -np.frexp(peak)[1])


def prepare_all(
    audio: Any, rate: Any, prepare: Callable[[Any, int], np.ndarray]
) -> list[np.ndarray]:
    """Prepares one clip ``[T]`` or several, of one rate or of a rate each.

    Args:
        audio: one clip, or a sequence of clips of any length. An array ``[N, T]`` is N
            clips; one of eight columns or less is taken for a recording ``[T, C]``,
            and refused.
        rate: of all clips, or of each [Hz].
        prepare: ``(clip, rate) -> samples``.

    Returns:
        The clips, in the usual floating-point type of jax.

    Raises:
        ValueError: for what ``prepare`` refuses, saying which clip it is; for another
            number of rates than of clips; for a recording of several channels.
    """
    audio = _several(audio)
    rates = [rate] * len(audio) if np.ndim(rate) == 0 else rate
    if len(rates) != len(audio):
        raise ValueError(f"{len(audio)} clips came with {len(rates)} rates.")
    clips = []
    for number, (clip, each) in enumerate(zip(audio, rates, strict=True)):
        try:
            clips.append(prepare(clip, each).astype(jnp.result_type(float)))
        except ValueError as error:
            raise ValueError(f"clip {number}: {error}") from error
    return clips


def _several(audio):
    """One clip or several, as several; what is neither is refused."""
    array = hasattr(audio, "shape")
    if not array and not isinstance(audio, Sequence):
        raise ValueError(f"audio must be clips [T], got {type(audio).__name__}.")
    if array and (audio.ndim not in (1, 2) or (audio.ndim == 2 and len(audio.T) <= 8)):
        raise ValueError(
            f"audio must be a clip [T] or clips [N, T], got shape {audio.shape}. Of a "
            "recording [T, channels] take one channel, or the mean of all."
        )
    numbers = array and audio.ndim == 1 and audio.dtype != object
    one = numbers or (len(audio) > 0 and np.ndim(audio[0]) == 0)
    return [audio] if one else audio


def padded_length(samples: int) -> int:
    """The least of 6000, 9000, 12000, 18000, 24000, 36000, … that is long enough."""
    double = 2 * _SHORTEST
    while double < samples:
        double *= 2
    return next(n for n in (double // 2, double // 4 * 3, double) if samples <= n)


def encode_batches(
    clips: Sequence[np.ndarray],
    fire: Callable[[jax.Array, np.ndarray], jax.Array],
    *,
    dt: float,
    n_units: int,
    progress: Progress | None = None,
) -> Events:
    """Runs clips through a front end and collects the spikes that fall within them.

    Clips that pad to the same length go together, the shortest first, in batches of one
    size, a power of two; the last is filled up. So ``fire`` meets few shapes.

    Args:
        clips: each ``[T_k]``, of one rate.
        fire: ``(audio [T, B], rows [B]) -> spikes [T', B, n_units]``, both of the same
            duration; rows say which clips these are.
        dt: time step of the spikes [s].
        n_units: number of units.
        progress: is told how many clips are done, of how many.

    Returns:
        Events of the clips, in their order.
    """
    lengths = np.array([padded_length(len(clip)) for clip in clips], int)
    times: list[Any] = [None] * len(clips)
    units: list[Any] = [None] * len(clips)
    done = 0
    for length in np.unique(lengths):
        alike = np.flatnonzero(lengths == length)
        size = _power_of_two(min(_MANY // (length * n_units), len(alike)))
        for rows in np.split(alike, range(size, len(alike), size)):
            filled = np.resize(rows, size)
            audio = np.zeros((length, size), clips[0].dtype)
            for column, row in enumerate(filled):
                audio[: len(clips[row]), column] = clips[row]
            spikes = np.asarray(fire(jnp.asarray(audio), filled))
            for column, row in enumerate(rows):
                steps = -(-len(clips[row]) * len(spikes) // length)
                step, units[row] = np.nonzero(spikes[:steps, column])
                times[row] = step * dt
            done += len(rows)
            if progress is not None:
                progress(done, len(clips))
    return from_rows(times, units, np.zeros(len(clips), int), n_units=n_units)


def _power_of_two(n):
    """The least power of two from ``n`` up."""
    return 1 << max(int(n) - 1, 0).bit_length()
