"""Data sets: official files go in and are checked, events and arrays come out.

- ``load("mnist", "train")`` reads a part of a named set; ``catalogue`` knows where each
  comes from, its licence and its honest parts. ``snnjax data get NAME`` downloads it.
- ``sets`` has one file for each data set, which knows how it is split and labelled.
- ``formats`` has one file for each layout. Nothing in a file is believed before it is
  checked: what is damaged is refused, naming file and place, and nothing is run.
"""

from snnjax.datasets.cameras.aedat1 import read_aedat1
from snnjax.datasets.cameras.aedat2 import read_aedat2
from snnjax.datasets.cameras.aedat4 import read_aedat4
from snnjax.datasets.cameras.aedat31 import read_aedat31
from snnjax.datasets.cameras.asl_dvs_mat import read_asl_dvs
from snnjax.datasets.cameras.atis_bin import read_atis_bin
from snnjax.datasets.cameras.camera_hdf5 import read_camera_hdf5
from snnjax.datasets.cameras.camera_hdf5_out import write_camera_hdf5
from snnjax.datasets.cameras.camera_npz import read_camera_npz
from snnjax.datasets.cameras.event_stream import read_event_stream
from snnjax.datasets.cameras.event_stream_out import write_event_stream
from snnjax.datasets.cameras.event_text import read_event_text
from snnjax.datasets.cameras.gesture_npy import read_gesture_file
from snnjax.datasets.cameras.nmnist_bin import read_nmnist_file
from snnjax.datasets.cameras.prophesee_dat import read_prophesee_dat
from snnjax.datasets.cameras.prophesee_evt2 import read_prophesee_evt2
from snnjax.datasets.cameras.prophesee_evt3 import read_prophesee_evt3
from snnjax.datasets.cameras.st_mnist_mat import read_st_mnist
from snnjax.datasets.catalogue import load, names
from snnjax.datasets.conversion import convert
from snnjax.datasets.formats.any_file import read, read_recorded
from snnjax.datasets.formats.streaming import stream_recorded
from snnjax.datasets.guard.checked import DataError
from snnjax.datasets.labelled import labelled_recordings
from snnjax.datasets.layouts.braille_pickle import read_braille, read_braille_events
from snnjax.datasets.layouts.events_npz import read_events, write_events
from snnjax.datasets.layouts.idx import read_idx
from snnjax.datasets.layouts.n_tidigits_hdf5 import read_n_tidigits
from snnjax.datasets.layouts.qtdb_mat import read_qtdb
from snnjax.datasets.layouts.shd_hdf5 import (
    Extra,
    read_shd,
    read_shd_extra,
    write_shd,
)
from snnjax.datasets.layouts.waves_hdf5 import WaveRecording, read_waves
from snnjax.datasets.parting import part_samples
from snnjax.datasets.recordings import (
    Recordings,
    readable_recordings,
    select_recordings,
)
from snnjax.datasets.samples import Samples, select_samples
from snnjax.datasets.samples_by_name import Labelled
from snnjax.datasets.sets.braille import braille
from snnjax.datasets.sets.digits import digits
from snnjax.datasets.sets.dvs_gesture import dvs_gesture, gesture_recordings
from snnjax.datasets.sets.fashion_mnist import fashion_mnist
from snnjax.datasets.sets.fsdd import fsdd, fsdd_recordings
from snnjax.datasets.sets.hd_audio import hd_audio
from snnjax.datasets.sets.mnist import mnist
from snnjax.datasets.sets.n_mnist import n_mnist, nmnist_recordings
from snnjax.datasets.sets.qtdb import qtdb
from snnjax.datasets.sets.retinal_waves import retinal_waves
from snnjax.datasets.sets.shd import shd
from snnjax.datasets.sets.sound_folder import sound_folder
from snnjax.datasets.sets.speech_commands import speech_commands
from snnjax.datasets.sets.spoken_digits import spoken_digits
from snnjax.datasets.sets.ssc import ssc
from snnjax.datasets.sounds.sound import Sound, read_sound
from snnjax.datasets.spikes.neo_nix import read_nix
from snnjax.datasets.spikes.neo_trains import from_neo
from snnjax.datasets.spikes.nest_ascii import read_nest
from snnjax.datasets.spikes.nwb import read_nwb
from snnjax.datasets.spikes.phy import read_phy
from snnjax.datasets.spikes.sonata import read_sonata
from snnjax.datasets.spikes.sonata_out import write_sonata
from snnjax.datasets.spikes.spike_arrays import read_spike_arrays
from snnjax.datasets.spikes.spike_mat import read_spike_mat
from snnjax.datasets.spikes.spike_text import read_spike_text
from snnjax.events import Recorded, RecordedSpikes

__all__ = [
    "DataError",
    "Extra",
    "Labelled",
    "Recorded",
    "RecordedSpikes",
    "Recordings",
    "Samples",
    "Sound",
    "WaveRecording",
    "braille",
    "convert",
    "digits",
    "dvs_gesture",
    "fashion_mnist",
    "from_neo",
    "fsdd",
    "fsdd_recordings",
    "gesture_recordings",
    "hd_audio",
    "labelled_recordings",
    "load",
    "mnist",
    "n_mnist",
    "names",
    "nmnist_recordings",
    "part_samples",
    "qtdb",
    "read",
    "read_aedat1",
    "read_aedat2",
    "read_aedat4",
    "read_aedat31",
    "read_asl_dvs",
    "read_atis_bin",
    "read_braille",
    "read_braille_events",
    "read_camera_hdf5",
    "read_camera_npz",
    "read_event_stream",
    "read_event_text",
    "read_events",
    "read_gesture_file",
    "read_idx",
    "read_n_tidigits",
    "read_nest",
    "read_nix",
    "read_nmnist_file",
    "read_nwb",
    "read_phy",
    "read_prophesee_dat",
    "read_prophesee_evt2",
    "read_prophesee_evt3",
    "read_qtdb",
    "read_recorded",
    "read_shd",
    "read_shd_extra",
    "read_sonata",
    "read_sound",
    "read_spike_arrays",
    "read_spike_mat",
    "read_spike_text",
    "read_st_mnist",
    "read_waves",
    "readable_recordings",
    "retinal_waves",
    "select_recordings",
    "select_samples",
    "shd",
    "sound_folder",
    "speech_commands",
    "spoken_digits",
    "ssc",
    "stream_recorded",
    "write_camera_hdf5",
    "write_event_stream",
    "write_events",
    "write_shd",
    "write_sonata",
]
