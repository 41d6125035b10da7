"""How fast are folders of sounds read, beside soundfile in the same process?

    python -m benchmarks.speed.sounds

Spoken digits (half a second at 8 kHz), sentences (three seconds at 48 kHz) and one
lecture (ten minutes at 48 kHz) are made up and written in formats that are read by own
means and in formats that ``read_sound`` leaves to soundfile in a process of its own,
which may crash. Both sides read every file of a folder to float32, in turns. ``ratio``
is the speed of ours over that of soundfile alone, by the lower quartiles.
"""

import argparse
import importlib
import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed.timing import interleave
from snnjax.datasets import read_sound

FORMATS = {  # of soundfile, by how the files are called
    ".wav": ("WAV", "PCM_16"),
    ".sph": ("NIST", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
}
_BLOCK = 2**16  # samples


class Folder(NamedTuple):
    """Sounds of one length."""

    name: str
    files: int
    seconds: float
    rate: int  # [Hz]


FOLDERS = (
    Folder("digits", 400, 0.5, 8000),
    Folder("sentences", 50, 3.0, 48_000),
    Folder("lecture", 1, 600.0, 48_000),
)


def write(folder: Folder, suffix: str, home: Path) -> list[Path]:
    """Noise that changes slowly, as speech does, in every file of a folder."""
    soundfile = importlib.import_module("soundfile")
    rng, kind = np.random.default_rng(0), FORMATS[suffix]
    wave = np.cumsum(rng.normal(size=round(folder.seconds * folder.rate)))
    wave -= np.linspace(wave[0], wave[-1], len(wave))
    wave *= 0.9 / np.abs(wave).max()
    paths = [home / f"{folder.name}{k}{suffix}" for k in range(folder.files)]
    for path in paths:
        form = {"format": kind[0], "subtype": kind[1]}
        with soundfile.SoundFile(path, "w", folder.rate, 1, **form) as file:
            for begin in range(0, len(wave), _BLOCK):  # more at once crash libsndfile
                file.write(wave[begin : begin + _BLOCK])
    return paths


def compare(folder: Folder, suffix: str, home: Path, repeats: int) -> dict[str, Any]:
    """Milliseconds a file on both sides, and whether they read the same."""
    soundfile, paths = importlib.import_module("soundfile"), write(folder, suffix, home)
    expected = soundfile.read(paths[0], dtype="float32")[0]
    np.testing.assert_allclose(read_sound(paths[0]).samples, expected, atol=1e-6)

    def ours():
        for path in paths:
            read_sound(path)

    def theirs():
        for path in paths:
            soundfile.read(path, dtype="float32")

    times = interleave({"ours": ours, "soundfile": theirs}, repeats)
    row: dict[str, Any] = {"folder": folder.name, "suffix": suffix}
    row |= {"files": folder.files, "bytes": paths[0].stat().st_size}
    for side, found in times.items():
        row[f"{side}_ms"] = round(found["quartile_ms"] / folder.files, 3)
    row["ratio"] = round(row["soundfile_ms"] / row["ours_ms"], 2)
    return row


def sentence(kept: dict[str, Any]) -> str:
    """What was measured, in words."""
    rows = {(row["folder"], row["suffix"]): row for row in kept["rows"]}
    told = []
    for folder in FOLDERS:
        found = ", ".join(f"{s} {rows[folder.name, s]['ratio']:.2f}" for s in FORMATS)
        told.append(f"{folder.name}: {found}")
    return (
        f"Speed of reading over that of soundfile in this process: {'; '.join(told)}."
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    given, rows = parser.parse_args(), []
    for folder in FOLDERS:
        for suffix in FORMATS:
            with tempfile.TemporaryDirectory() as home:
                row = compare(folder, suffix, Path(home), given.repeats)
            emit(**row)
            tell(f"{folder.name:<12}{suffix:<8}{row['ours_ms']:>9.3f} ms a file")
            rows.append(row)
    line = {"benchmark": "sounds", "rows": rows, **machine()}
    (RESULTS / "sounds.json").write_text(
        f"{json.dumps(line, indent=1)}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
