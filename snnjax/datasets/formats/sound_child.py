"""Sound that soundfile unpacks; called by ``apart``, in a process of its own."""

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from snnjax.datasets.formats.checked import DamageError

_BLOCK = 2**16  # frames at once
_MOST = 2**62  # frames; more stand for an unknown number


def decode(path: str, channel: int | None, frames: int) -> Iterator[tuple[str, Any]]:
    """The rate [Hz], the number of channels, and one of them or the mean of all.

    Args:
        path: of the file.
        channel: which one; none, but for their number, if there is none of that number.
        frames: the least that there must be.

    Raises:
        DamageError: if soundfile cannot read it, or it holds less than it tells.
    """
    soundfile = importlib.import_module("soundfile")  # or ``apart`` had told
    try:
        with (
            open(path, "rb") as file,
            soundfile.SoundFile(file.fileno(), closefd=False) as sound,
        ):
            yield from _frames(sound, channel, frames)
    except soundfile.LibsndfileError as error:
        raise DamageError(error.error_string) from error


def _frames(sound, channel, least):
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
    if count < max(told, least):
        raise DamageError(f"it tells of {max(told, least)} frames, {count} follow")
    if not count:
        yield "samples", np.zeros(0, np.float32)
