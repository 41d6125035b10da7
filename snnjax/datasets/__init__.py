"""Data sets: official files go in and are checked, events and arrays come out.

- ``load("mnist", "train")`` reads a part of a named set; ``catalogue`` knows where each
  comes from, its licence and its honest parts. ``snnjax data get NAME`` downloads it.
- One module for each format reads a file of it: ``heidelberg`` (SHD, SSC), ``idx``,
  ``nmnist``, ``dvs_gesture``, ``braille``, ``qtdb``, ``waves``, ``sound``,
  ``events_npz``.
- Nothing in a file is believed before it is checked: ``files``, ``hdf5``, ``matlab``
  and ``unpickle`` refuse what is damaged, naming file and place, and run nothing.
"""

from snnjax.datasets.braille import braille, read_braille, read_braille_events
from snnjax.datasets.catalogue import load, names
from snnjax.datasets.digits import digits
from snnjax.datasets.dvs_gesture import (
    dvs_gesture,
    gesture_recordings,
    read_gesture_file,
)
from snnjax.datasets.events_npz import read_events, write_events
from snnjax.datasets.files import DataError
from snnjax.datasets.heidelberg import Extra, read_shd, read_shd_extra, write_shd
from snnjax.datasets.idx import fashion_mnist, mnist, read_idx
from snnjax.datasets.nmnist import n_mnist, nmnist_recordings, read_nmnist_file
from snnjax.datasets.qtdb import qtdb, read_qtdb
from snnjax.datasets.recordings import (
    Recordings,
    choose,
    fsdd,
    fsdd_recordings,
    hd_audio,
    sound_folder,
    speech_commands,
)
from snnjax.datasets.sound import Sound, read_sound
from snnjax.datasets.spoken import shd, spoken_digits, ssc
from snnjax.datasets.waves import WaveRecording, read_waves, retinal_waves

__all__ = [
    "DataError",
    "Extra",
    "Recordings",
    "Sound",
    "WaveRecording",
    "braille",
    "choose",
    "digits",
    "dvs_gesture",
    "fashion_mnist",
    "fsdd",
    "fsdd_recordings",
    "gesture_recordings",
    "hd_audio",
    "load",
    "mnist",
    "n_mnist",
    "names",
    "nmnist_recordings",
    "qtdb",
    "read_braille",
    "read_braille_events",
    "read_events",
    "read_gesture_file",
    "read_idx",
    "read_nmnist_file",
    "read_qtdb",
    "read_shd",
    "read_shd_extra",
    "read_sound",
    "read_waves",
    "retinal_waves",
    "shd",
    "sound_folder",
    "speech_commands",
    "spoken_digits",
    "ssc",
    "write_events",
    "write_shd",
]
