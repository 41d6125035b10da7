"""Sound that soundfile unpacks; called by ``apart``, in a process of its own."""

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from snnjax.datasets.guard.checked import DamageError, HoldsError

_BLOCK = 2**16  # frames at once
_MOST = 2**62  # frames; more stand for an unknown number


def decode(
    path: str, channel: int | None, least: int, known: bool
) -> Iterator[tuple[str, Any]]:
    """The rate [Hz], the number of channels, and one of them or the mean of all.

    Args:
        path: of the file.
        channel: which one; none, but for their number, if there is none of that number.
        least: how many samples of each channel there must be.
        known: whether soundfile knows how many there are, and does not guess.

    Raises:
        DamageError: if soundfile cannot read it, or it holds less than it tells.
        HoldsError: if soundfile leaves some of it out.
    """
    soundfile = importlib.import_module("soundfile")  # or ``apart`` had told
    try:
        with (
            open(path, "rb") as file,
            soundfile.SoundFile(file.fileno(), closefd=False) as sound,
        ):
            yield from _frames(sound, channel, least, known)
    except soundfile.LibsndfileError as error:
        raise DamageError(error.error_string) from error


def _frames(sound, channel, least, known):
    yield "rate", sound.samplerate
    yield "channels", sound.channels
    if channel is not None and channel >= sound.channels:
        return
    told, count = sound.frames, 0
    if told > _MOST:  # soundfile would look for the end, where it knows of none
        told, sound.seekable = 0, lambda: False
    dtype = "float32" if sound.channels == 1 else "float64"
    while len(block := sound.read(_BLOCK, dtype, always_2d=True)):
        count += len(block)
        if channel is None and sound.channels > 1:
            one = block.mean(axis=1)
        else:
            one = block[:, channel or 0]
        yield "samples", one.astype(np.float32, copy=False)
    if not known and count < least:
        raise HoldsError(
            f"{least} samples or more, of which soundfile reads {count}, as no table "
            "tells how long it is; convert it, as by `ffmpeg -i a.mp3 a.wav`"
        )
    if known and count < max(told, least):
        raise DamageError(f"it tells of {max(told, least)} frames, {count} follow")
    if not count:
        yield "samples", np.zeros(0, np.float32)
