"""Hearing: sound becomes spikes of an artificial cochlea."""

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
