"""Recordings on disk become one file of spikes, in the layout of SHD.

Work is kept in parts beside the file, so that a run that was cut off goes on where it
was. The file appears once all of it is there, and a second run finds it made.
"""

import hashlib
import json
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np

from snnjax import files
from snnjax.datasets import (
    Extra,
    Recordings,
    fsdd,
    fsdd_recordings,
    read_events,
    read_shd,
    read_sound,
    select_recordings,
    write_events,
    write_shd,
)
from snnjax.datasets.containers import hdf5
from snnjax.datasets.guard.checked import content, listed, reading
from snnjax.datasets.samples import Split
from snnjax.events import Events, from_flat, from_rows, select
from snnjax.progress import Progress
from snnjax.senses.hearing.cochlea import encode, fold_in

_PART = 128  # recordings


def encode_recordings(
    recordings: Recordings,
    out: str | Path,
    *,
    seed: int = 0,
    channels: int = 70,
    causal: bool = False,
    progress: Progress | None = None,
) -> Events:
    """Runs recordings through the cochlea, or reads what an earlier call made of them.

    ``OUT.json`` beside the file says how it was made and what the speakers are called;
    the folder ``OUT.parts`` is there until all is done. The spikes of recording k
    depend on its sound, k and the seed alone. Of several at once one encodes; the
    others wait and read what it made.

    Args:
        recordings: for example from ``sound_folder``.
        out: the file to make, ``.h5``; its times are in single precision.
        seed: of the randomness.
        channels: number of places on the membrane.
        causal: whether the membrane moves after the sound, see ``cochlea.encode``.
        progress: is told how many recordings are done, of how many.

    Returns:
        Events of all recordings, in their order; a silent one has none.

    Raises:
        ValueError: for an ``out`` that was made in another way, or parts of one, which
            stay as they are.
    """
    out = Path(out)
    hdf5.library()  # missed now, not when all is encoded
    recipe = _recipe(recordings, channels=channels, causal=causal, seed=seed)
    note = out.with_name(f"{out.name}.json")
    with files.lock(out, waiting=_tell):
        if out.exists():
            _refuse_another(out, note, recipe)
        else:
            parts = out.with_name(f"{out.name}.parts")
            if note.exists():
                _refuse_another(note, note, recipe)
            events = _encode_all(recordings, parts, recipe, progress)
            _write(note, recipe)
            keys = Extra(keys=recordings.classes)
            write_shd(out, events, extra=keys, time_dtype=np.float32)
            shutil.rmtree(parts)
    events = read_shd(out, n_units=channels)
    return events._replace(n_classes=len(recordings.classes))


def encode_cached(
    recordings: Recordings,
    *,
    seed: int = 0,
    channels: int = 70,
    causal: bool = False,
    progress: Progress | None = None,
) -> Events:
    """As ``encode_recordings``, kept in the user's cache under a name of its own.

    Other sounds, another way or other code of the cochlea make another file.

    Args:
        recordings: for example from ``fsdd_recordings``.
        seed: of the randomness.
        channels: number of places on the membrane.
        causal: whether the membrane moves after the sound, see ``cochlea.encode``.
        progress: is told how many recordings are done, of how many.

    Raises:
        DataError: for a recording that cannot be read, by name.
    """
    way: dict[str, Any] = {"channels": channels, "causal": causal, "seed": seed}
    made = {"code": _code(), **_recipe(recordings, **way)}
    name = hashlib.sha256(json.dumps(made).encode()).hexdigest()[:16]
    out = files.cache_folder() / "cochlea" / f"{name}.h5"
    return encode_recordings(recordings, out, **way, progress=progress)


def digits_from_sound(
    split: Split,
    path: str | Path | None = None,
    *,
    by: Literal["recording", "speaker"] = "speaker",
    channels: int = 70,
    progress: Progress | None = None,
) -> Events:
    """Free Spoken Digits through the cochlea: recordings in, spikes out.

    All recordings are encoded at the first call, in about two minutes on two cores at
    70 channels, and read from the user's cache later on.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with ``recordings``; see ``places`` if omitted.
        by: what the parts do not share, see ``fsdd``.
        channels: number of places on the membrane.
        progress: is told how many recordings are done, of how many.

    Raises:
        ValueError: as ``fsdd`` and ``encode_recordings``.
        FileNotFoundError: saying where it looked.
    """
    of_split = set(fsdd(split, path, by=by).paths)
    recordings = fsdd_recordings(path)
    events = encode_cached(recordings, channels=channels, progress=progress)
    return select(events, np.array([each in of_split for each in recordings.paths]))


def _recipe(recordings, *, channels, causal, seed):
    return {
        "front_end": "cochlea",
        "channels": channels,
        "causal": causal,
        "seed": seed,
        "recordings": len(recordings.paths),
        "sha256": _fingerprint(recordings),
        "classes": list(recordings.classes),
        "speakers": list(recordings.speakers),
    }


def _encode_all(recordings, parts, recipe, progress):
    """All parts, those of an earlier run with the same recipe as they are."""
    note = parts / "recipe.json"
    if parts.exists() and any(parts.iterdir()):
        _refuse_another(parts, note, recipe)
    parts.mkdir(parents=True, exist_ok=True)
    _write(note, recipe)
    n = len(recordings.paths)
    sizes = [path.stat().st_size for path in recordings.paths]
    order = np.argsort(sizes, kind="stable")  # alike lengths make full batches
    report = progress or (lambda done, of: None)
    times, units, matrices = [], [], dict[Any, Any]()
    for start in range(0, n, _PART):
        rows, part = order[start : start + _PART], parts / f"{start:07}.npz"
        if part.exists():
            report(start + len(rows), n)
        else:
            some = select_recordings(recordings, rows)
            events = _encode_some(
                some,
                rows,
                recipe,
                lambda done, of, start=start: report(start + done, n),
                matrices,
            )
            write_events(part, events)
        events = read_events(part)
        inner = events.offsets[1:-1]
        times += np.split(events.times, inner)
        units += np.split(events.units, inner)
    back = np.argsort(order)
    return from_rows(
        [times[k] for k in back],
        [units[k] for k in back],
        recordings.labels,
        n_units=recipe["channels"],
        group=recordings.group,
        trial=recordings.trial,
    )


def _refuse_another(there, note, recipe):
    """Refuses what is there already, unless its note says that it is the same."""
    try:
        same = json.loads(note.read_text(encoding="utf-8")) == recipe
    except (FileNotFoundError, ValueError):
        same = False
    if not same:
        raise ValueError(
            f"{there} is there already, made of other sounds or in another way. Name "
            "another file, or remove that one."
        )


def _tell(waiting):
    print(waiting, file=sys.stderr)


def _encode_some(recordings, rows, recipe, progress, matrices):
    """Spikes of some recordings; there are none of a silent one."""
    sounds = [read_sound(path) for path in recordings.paths]
    loud = np.array([sound.samples.any() for sound in sounds], bool)
    counts = np.zeros(len(sounds), np.int64)
    times, units = np.zeros(0), np.zeros(0, np.int32)
    if not loud.all():
        silent = [path.name for path in select_recordings(recordings, ~loud).paths]
        told = f"{len(silent)} of {len(sounds)} sounds are silent and have no spikes"
        warnings.warn(f"{told}: {listed(silent)}", stacklevel=2)
    if loud.any():
        heard = [sound for sound, here in zip(sounds, loud, strict=True) if here]
        events = encode(
            [sound.samples for sound in heard],
            [sound.rate for sound in heard],
            fold_in(jax.random.key(recipe["seed"]), rows[loud]),
            channels=recipe["channels"],
            causal=recipe["causal"],
            progress=progress,
            matrices=matrices,
        )
        times, units, counts[loud] = events.times, events.units, np.diff(events.offsets)
    labels = np.zeros(len(sounds), np.int64)
    return from_flat(times, units, counts, labels, n_units=recipe["channels"])


def _fingerprint(recordings):
    """Of all sounds and all that is said of them."""
    digest = hashlib.sha256()
    for path in recordings.paths:
        with reading(path, "a sound") as file:
            digest.update(hashlib.sha256(content(file)).digest())
    for column in (recordings.labels, recordings.group, recordings.trial):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _code():
    """Of all that a sound goes through."""
    digest = hashlib.sha256()
    for name in ("clips", "cochlea", "basilar", "haircell", "bushy"):
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()


def _write(path, recipe):
    files.write_text(path, json.dumps(recipe, indent=1) + "\n")
