"""All formats that are read here, each told by what is in a file, not by its name.

Where the bytes of a format have no sign at all, the end of the name is asked as well.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from snnjax.datasets.cameras.aedat2 import read_aedat2
from snnjax.datasets.cameras.aedat4 import SIGN, read_aedat4
from snnjax.datasets.cameras.aedat31 import read_aedat31
from snnjax.datasets.cameras.asl_dvs_mat import is_asl_dvs, read_asl_dvs
from snnjax.datasets.cameras.atis_bin import (
    ENTRY,
    SHOWN,
    is_atis_bin,
    read_atis_bin,
)
from snnjax.datasets.cameras.camera_hdf5 import is_camera_hdf5, read_camera_hdf5
from snnjax.datasets.cameras.camera_npz import is_camera_npz, read_camera_npz
from snnjax.datasets.cameras.event_stream import read_event_stream
from snnjax.datasets.cameras.event_text import is_event_text, read_event_text
from snnjax.datasets.cameras.gesture_npy import SIZE, read_gesture_file
from snnjax.datasets.cameras.prophesee_dat import read_prophesee_dat
from snnjax.datasets.cameras.prophesee_evt2 import read_prophesee_evt2
from snnjax.datasets.cameras.prophesee_evt3 import read_prophesee_evt3
from snnjax.datasets.cameras.prophesee_header import kind_of_header, read_header
from snnjax.datasets.cameras.st_mnist_mat import is_st_mnist, read_st_mnist
from snnjax.datasets.containers.unpickle import unpickle
from snnjax.datasets.formats.look import Look
from snnjax.datasets.guard.checked import (
    HoldsError,
    content,
    is_zip,
    reading,
)
from snnjax.datasets.guard.pickles import check_no_pickle
from snnjax.datasets.layouts.array_file import (
    DATA,
    like_events,
    read_array,
    read_arrays,
)
from snnjax.datasets.layouts.braille_pickle import read_braille, read_braille_events
from snnjax.datasets.layouts.events_npz import read_events
from snnjax.datasets.layouts.idx import is_idx, read_idx
from snnjax.datasets.layouts.image import read_image
from snnjax.datasets.layouts.n_tidigits_hdf5 import is_n_tidigits, read_n_tidigits
from snnjax.datasets.layouts.qtdb_mat import read_qtdb
from snnjax.datasets.layouts.shd_hdf5 import read_shd
from snnjax.datasets.layouts.waves_hdf5 import read_waves
from snnjax.datasets.samples import Samples
from snnjax.datasets.sounds.sound import is_sound, read_sound
from snnjax.datasets.spikes.hdf5_spikes import is_nix, is_nwb, is_sonata
from snnjax.datasets.spikes.neo_nix import read_nix
from snnjax.datasets.spikes.nest_ascii import is_nest, read_nest
from snnjax.datasets.spikes.nwb import read_nwb
from snnjax.datasets.spikes.phy import read_phy
from snnjax.datasets.spikes.sonata import read_sonata
from snnjax.datasets.spikes.spike_arrays import is_spike_arrays, read_spike_arrays
from snnjax.datasets.spikes.spike_mat import is_spike_mat, read_spike_mat
from snnjax.datasets.spikes.spike_text import is_spike_text, read_spike_text
from snnjax.events import Events, Outside, Recorded

_LONGEST = 60_000  # ms of a gesture

Holds = Literal["camera", "spikes", "events", "sound", "image", "array", "samples"]


def _never(look, options=None):
    del look, options
    return False


class Format(NamedTuple):
    """A kind of files."""

    name: str
    holds: Holds
    tells: Callable[[Look], bool]  # whether what is seen of a file is of this kind
    read: Callable[..., Any]
    # whether it may be of it, if a person tells this of what the file leaves open
    could: Callable[[Look, Mapping[str, Any]], bool] = _never


def _braille(path: str | Path, *, limit: int | None = None) -> Events | Samples:
    """Reads Braille letters, readings or events."""
    with reading(path, "Braille letters", limit) as file:
        events = False
        if not is_zip(file):
            raw = content(file)
            try:
                events = isinstance(unpickle(raw, file), dict)
            except HoldsError:
                check_no_pickle(raw)  # says how to write it otherwise
                raise
    return (read_braille_events if events else read_braille)(path, limit=limit)


def _gesture(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> Recorded:
    """Reads a recording of DVS Gesture as other cameras' are."""
    times, units = read_gesture_file(path, limit=limit, outside=outside)
    (pixel, p), t = divmod(units, 2), np.rint(times * 1e6).astype(np.int64)
    y, x = (each.astype(np.uint16) for each in divmod(pixel, SIZE[1]))
    return Recorded(t, x, y, p.astype(np.uint8), SIZE, "top left", "DVS Gesture")


def _signed(sign):
    return lambda look: look.begin.startswith(sign)


def _prophesee(*kinds):
    def tells(look):
        begins = look.begin.startswith(b"% ")
        return begins and kind_of_header(read_header(look.begin)) in kinds

    return tells


def _npz_named(is_it):
    return lambda look: look.kind == "a zip archive" and is_it(look.names)


def _npz(*names):
    return _npz_named(lambda there: there >= {*names})


def _matlab(is_it):
    return lambda look: look.kind == "MATLAB 5 data" and is_it(look.matlab)


def _is_spike_mat(look):
    others = any(is_it(look) for is_it in map(_matlab, (is_st_mnist, is_asl_dvs)))
    alone = look.kind == "MATLAB 5 data" and not others
    return alone and is_spike_mat(content(look.file), look.file)


def _hdf5(is_it):
    return lambda look: look.kind == "HDF5 data" and is_it(look.tree)


def _tree(*places):
    return _hdf5(lambda tree: all(place in tree for place in places))


def _text(is_it):
    return lambda look: is_it(look.begin)


def _is_spike_text(look):
    return is_spike_text(look.begin) and not is_nest(look.begin)


def _is_labelled(look):
    arrays = {name for name, node in look.tree.items() if hasattr(node, "shape")}
    names = look.names if look.kind == "a zip archive" else arrays
    return (
        look.kind in ("a zip archive", "HDF5 data")
        and "labels" in names
        and len(names & {*DATA}) == 1
    )


def _is_braille(look):
    return look.kind == "a pickle" or _npz("taxel_data", "letters")(look)


def _is_atis(look):
    """By its name, as the bytes have no sign."""
    if look.kind not in ("", "plain text") or look.path.suffix != ".bin":
        return False
    if re.fullmatch(r"(image_)?\d{4,5}\.bin", look.path.name):  # as published
        return True
    return look.size % ENTRY == 0 and is_atis_bin(look.begin[: SHOWN * ENTRY])


def _is_image(look):
    bmp = look.begin[:6] == b"BM" + look.size.to_bytes(8, "little")[:4]
    return bmp or look.kind in ("a PNG image", "a JPEG image", "a TIFF image")


def _is_gesture(look):
    """Whether an array is like events, its times like milliseconds of a gesture."""
    x = look.array
    if x is None or not like_events(x):
        return False
    on_sensor = x[:, :2].min() >= 0 and x[:, :2].max() < SIZE[0]
    return bool(on_sensor and x[-1, 3] - x[0, 3] < _LONGEST)


def _with_columns(*names):
    """Whether a text has such columns, as a person says."""

    def could(look, options):
        told = options.get("columns")
        words = {*told.split()} if isinstance(told, str) else set()
        return look.kind in ("", "plain text") and words >= {*names}

    return could


def _has(kind, *names):
    """Whether a file is of a kind, and a person says one of these of it."""
    return lambda look, options: look.kind == kind and bool({*names} & {*options})


def _is_times(look):
    """Whether an array is one column of numbers, or has times and neurons by name."""
    x = look.array
    if x is not None and x.dtype.names:
        return is_spike_arrays(x.dtype.names)
    if x is None or x.dtype.kind not in "iuf" or x.size != max(x.shape, default=0):
        return False
    return x.ndim == 1 or bool(x.size > 1 and (np.diff(x, axis=0) >= 0).all())


def _is_array(look):
    x = look.array
    fits = x is not None and x.ndim == 2 and x.dtype.kind in "buif"
    return fits and not like_events(x) and not _is_times(look)


def _is_sound(look):
    cut = look.kind == "RIFF data" and len(look.begin) < 12
    return cut or is_sound(look.begin)


ARRAY = Format("array [T, n]", "array", _is_array, read_array)
TIMES = Format(
    *("spike times, npy", "spikes", _is_times, read_spike_arrays),
    could=_has("a numpy array", "unit", "rate"),
)
FORMATS = (
    Format("DAT", "camera", _prophesee("DAT"), read_prophesee_dat),
    Format("EVT 2", "camera", _prophesee("EVT 2", "EVT 2.1"), read_prophesee_evt2),
    Format("EVT 3", "camera", _prophesee("EVT 3"), read_prophesee_evt3),
    Format("Event Stream", "camera", _signed(b"Event Stream"), read_event_stream),
    Format("AEDAT 2.0", "camera", _signed(b"#!AER-DAT2"), read_aedat2),
    Format("AEDAT 3.1", "camera", _signed(b"#!AER-DAT3"), read_aedat31),
    Format("AEDAT 4", "camera", _signed(SIGN), read_aedat4),
    Format("ATIS, 40 bit", "camera", _is_atis, read_atis_bin),
    Format("camera, HDF5", "camera", _hdf5(is_camera_hdf5), read_camera_hdf5),
    Format("camera, npz", "camera", _npz_named(is_camera_npz), read_camera_npz),
    Format("ST-MNIST", "camera", _matlab(is_st_mnist), read_st_mnist),
    Format("ASL-DVS", "camera", _matlab(is_asl_dvs), read_asl_dvs),
    Format(
        *("text of events", "camera", _text(is_event_text), read_event_text),
        could=_with_columns("t", "x", "y", "p"),
    ),
    Format("DVS Gesture", "camera", _is_gesture, _gesture),
    ARRAY,
    Format(
        *("NEST", "spikes", _text(is_nest), read_nest),
        could=_has("plain text", "resolution"),
    ),
    Format(
        *("text of spikes", "spikes", _is_spike_text, read_spike_text),
        could=_with_columns("time", "unit"),
    ),
    Format("SONATA", "spikes", _hdf5(is_sonata), read_sonata),
    Format("NWB", "spikes", _hdf5(is_nwb), read_nwb),
    Format("NIX", "spikes", _hdf5(is_nix), read_nix),
    Format("phy", "spikes", _never, read_phy),
    Format("spikes, npz", "spikes", _npz_named(is_spike_arrays), read_spike_arrays),
    TIMES,
    Format(
        *("spikes, MATLAB", "spikes", _is_spike_mat, read_spike_mat),
        could=_has("MATLAB 5 data", "unit", "variable"),
    ),
    Format("N-TIDIGITS", "events", _hdf5(is_n_tidigits), read_n_tidigits),
    Format("events, npz", "events", _npz("times", "units", "offsets"), read_events),
    Format("events, HDF5", "events", _tree("spikes/times", "spikes/units"), read_shd),
    Format("retinal waves", "samples", _tree("sCount", "spikes"), read_waves),
    Format("labelled arrays", "samples", _is_labelled, read_arrays),
    Format("Braille letters", "samples", _is_braille, _braille),
    Format("idx", "samples", lambda look: is_idx(look.begin), read_idx),
    Format(
        "QTDB",
        "samples",
        _matlab(lambda there: {*there} >= {"x", "y", "max_i"}),
        read_qtdb,
    ),
    Format("image", "image", _is_image, read_image),
    Format("sound", "sound", _is_sound, read_sound),
)
