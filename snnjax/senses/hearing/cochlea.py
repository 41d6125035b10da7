"""An artificial cochlea: sound becomes spikes, as in the Heidelberg digits.

    48 kHz, ramp -> basilar membrane -> hair cells -> auditory nerve -> bushy cells
    [T]             [T/2, n]            chance of     spikes of 40      [T/2, n]
                                        a spike       fibres

The chain of Cramer et al. 2020 (doi:10.1109/TNNLS.2020.3044364), each stage in its own
file. Channel 0 responds to the highest tones. ``encode`` runs all of it, the docstring
of ``snnjax.senses.hearing`` stage by stage.

Every recording is brought to 48 kHz first: hair cells follow Euler steps that overshoot
below 18.2 kHz. Taken as it is, a word recorded at 8 kHz makes thirteen times as many
spikes, and silence makes a bushy cell fire at 30 Hz in place of 1 Hz.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.events import Events
from snnjax.progress import Progress
from snnjax.senses.hearing.basilar import basilar_membrane, transfer_matrix
from snnjax.senses.hearing.bushy import auditory_nerve, bushy_cells
from snnjax.senses.hearing.clips import encode_batches, prepare_all, resample
from snnjax.senses.hearing.haircell import hair_cell

RATE = 48_000  # of the sound that moves the membrane [Hz]
DT = 2.0 / RATE  # time step of all that follows [s]

RINGING = 4800  # zeros behind the sound, 100 ms, into which the membrane may ring


def prepare(audio: Any, rate: int) -> np.ndarray:
    """Brings a clip to 48 kHz and an RMS of 0.3, then fades it in and out.

    The ramp is a Hann window over the whole clip: half of it up, half of it down.

    Args:
        audio: one clip, numbers of any type, ``[T]``.
        rate: of the clip [Hz].

    Returns:
        The clip at 48 kHz, float64.

    Raises:
        ValueError: for a clip that is silent, not finite or not one channel, and for a
            rate that is not a whole number.

    Example:
        >>> from snnjax.senses.hearing import cochlea
        >>> tone = np.sin(2 * np.pi * 1000.0 * np.arange(800) / 8_000)  # 100 ms
        >>> cochlea.prepare(tone, 8_000).shape
        (4800,)
    """
    audio = resample(audio, rate, RATE)
    half = len(audio) // 2
    ramp = np.hanning(2 * half)
    audio[:half] *= ramp[:half]
    audio[-half:] *= ramp[half:]
    return audio


def encode(
    audio: Any,
    rate: int | Sequence[int],
    key: jax.Array,
    *,
    channels: int = 70,
    causal: bool = False,
    progress: Progress | None = None,
    matrices: dict[tuple[int, int, bool], jax.Array] | None = None,
) -> Events:
    """Makes events of clips of sound.

    The spikes of a clip depend on the clip and its key, not on what is beside it; of
    one key, clip k gets ``jax.random.fold_in(key, k)``. Labels are left at 0;
    ``events._replace(labels=…, n_classes=…)`` fills them in.

    Args:
        audio: one clip ``[T]``, or several of any length.
        rate: of all clips, or of each [Hz].
        key: randomness; one key, or one for each clip.
        channels: number of places on the membrane; 700 in the Heidelberg digits.
        causal: whether the membrane moves after the sound; as published it moves
            before (see ``basilar``).
        progress: is told how many clips are done, of how many.
        matrices: holds the last ``transfer_matrix`` from one call to the next, by what
            made it; nothing is kept if omitted.

    Returns:
        Events of N clips, of one if one came.

    Raises:
        ValueError: for a clip that ``prepare`` refuses, saying which; for another
            number of rates or keys than of clips; for a key that is none.

    Example:
        >>> from snnjax.senses.hearing import cochlea
        >>> tone = np.sin(2 * np.pi * 1000.0 * np.arange(800) / 8_000)  # 100 ms
        >>> events = cochlea.encode(tone, 8_000, jax.random.key(0), channels=20)
        >>> frequencies = snn.senses.hearing.best_frequencies(20)
        >>> loudest = np.bincount(events.units, minlength=20).argmax()
        >>> print(frequencies[loudest].round(-2))  # [Hz]
        1000.0
    """
    check.whole("channels", channels, least=2)
    check.key(key, several=True)
    check.flag("causal", causal)
    if matrices is not None:
        check.mapping("matrices", matrices)
    clips = prepare_all(audio, rate, prepare)
    keys = key if key.ndim else fold_in(key, np.arange(len(clips)))
    if len(keys) != len(clips):
        raise ValueError(f"{len(clips)} clips came with {len(keys)} keys.")

    kept, run = {} if matrices is None else matrices, jax.jit(_fire)

    def fire(audio, rows):
        made_by = channels, len(audio) + RINGING, bool(causal)
        if made_by not in kept:
            kept.clear()  # before the next one is there as well
            matrix = transfer_matrix(*made_by[:2], causal=causal)
            kept[made_by] = jnp.asarray(matrix)
        return run(audio, kept[made_by], keys[rows])

    return encode_batches(clips, fire, dt=DT, n_units=channels, progress=progress)


def fold_in(key: jax.Array, numbers: np.ndarray) -> jax.Array:
    """A key for each of the numbers ``[N]``.

    Raises:
        ValueError: for a key of another kind, or numbers that are not whole.
    """
    check.key(key)
    whole = check.concrete(numbers)
    if whole is not None and (whole.ndim != 1 or whole.dtype.kind not in "iu"):
        raise ValueError(f"numbers must be whole ones [N], got {check.told(numbers)}.")
    return jax.vmap(partial(jax.random.fold_in, key))(jnp.asarray(numbers))


def _fire(audio, matrix, keys):
    """All stages for a batch of clips ``[T, B]``: spikes ``[T // 2, B, n]``."""
    longer = jnp.pad(audio, ((0, RINGING), (0, 0)))
    velocity = basilar_membrane(longer, matrix, even=True)[: len(audio) // 2]
    counts = auditory_nerve(keys, hair_cell(velocity, dt=DT), dt=DT)
    return bushy_cells(counts, dt=DT)
