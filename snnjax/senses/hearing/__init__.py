"""Hearing: sound becomes spikes of an artificial cochlea.

The way of a sound from its file to the loss, with ``n`` channels:

    sound = read_sound(path)  # [T] at any rate
    audio = cochlea.prepare(sound.samples, sound.rate)  # 48 kHz, RMS 0.3
    x = jnp.pad(audio, (0, cochlea.RINGING))  # the membrane rings on
    v = basilar_membrane(x, transfer_matrix(n, len(x)), even=True)[: len(audio) // 2]
    chance = hair_cell(v, dt=cochlea.DT)  # of a spike of a fibre in a step, [T / 2, n]
    nerve = auditory_nerve(key, chance, dt=cochlea.DT)  # how many of 40 fibres fire
    step, unit = np.nonzero(np.asarray(bushy_cells(nerve, dt=cochlea.DT)))
    events = from_rows([step * cochlea.DT], [unit], [label], n_units=n)
    x = raster(pad(events), steps=100, dt=10e-3).counts  # [100, 1, n]
    loss = cross_entropy(max_over_time(unroll(net, w, x, dt=10e-3)[1]), events.labels)

``read_sound`` lies in ``snnjax.datasets``, ``from_rows`` in ``snnjax.events``, ``pad``
and ``raster`` in ``snnjax.inputs.batches``, what the last line calls in ``snnjax``.

- ``cochlea.encode`` does lines 2 to 8 for many clips at once; ``gammatone.encode`` is
  a lighter front end.
- ``encode_recordings`` makes a file of spikes from files of sound, ``encode_cached``
  keeps it in the user's cache, ``digits_from_sound`` gives Free Spoken Digits.
"""

from snnjax.senses.hearing import cochlea, gammatone
from snnjax.senses.hearing.basilar import (
    basilar_membrane,
    best_frequencies,
    transfer_matrix,
)
from snnjax.senses.hearing.bushy import BushyParams, auditory_nerve, bushy_cells
from snnjax.senses.hearing.haircell import HairCellParams, hair_cell
from snnjax.senses.hearing.speech import (
    digits_from_sound,
    encode_cached,
    encode_recordings,
)

__all__ = [
    "BushyParams",
    "HairCellParams",
    "auditory_nerve",
    "basilar_membrane",
    "best_frequencies",
    "bushy_cells",
    "cochlea",
    "digits_from_sound",
    "encode_cached",
    "encode_recordings",
    "gammatone",
    "hair_cell",
    "transfer_matrix",
]
