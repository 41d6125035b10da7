"""How fast is the cochlea, and how much faster than the program that made SHD?

    python -m benchmarks.speed.cochlea_speed [--words]

One clip by itself and sixteen at once on 70 channels, from numbers to events on the
host. The first call, which compiles and works out the transfer matrix, is timed apart;
processor time beside the wall clock tells whether the machine was busy with other work.
``--words`` encodes all of the Free Spoken Digits of ``SNNJAX_DATA`` as well.

The reference is lauscher 1.0.1 (Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364),
one process on a machine of two cores. It took the clip of 8 kHz as it is, which is a
sixth of the steps of the hair cells, and makes them unstable; we take it to 48 kHz.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import jax
import numpy as np

from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed.timing import interleave
from snnjax.datasets import sound_folder
from snnjax.datasets.places import find
from snnjax.senses.hearing import cochlea
from snnjax.senses.hearing.speech import encode_recordings

CHANNELS = 70
CLIPS = {  # rate [Hz], duration [s], seconds that the reference took
    "0.64 s at 8 kHz": (8000, 0.6435, 10.7),
    "0.80 s at 48 kHz": (48_000, 0.8, 179.0),
}


def vowel(rate, seconds):
    """Harmonics of 120 Hz; what it costs does not depend on what is heard."""
    t = np.arange(int(rate * seconds)) / rate
    return sum(np.sin(2 * np.pi * 120.0 * k * t) / k for k in range(1, 30))


def run(name, count, repeats=7):
    rate, seconds, reference = CLIPS[name]
    clips = [vowel(rate, seconds)] * count
    key = jax.random.key(0)
    began = time.perf_counter()
    events = cochlea.encode(clips, rate, key, channels=CHANNELS)
    first = time.perf_counter() - began
    began = time.process_time()
    found = interleave(
        {"ours": lambda: cochlea.encode(clips, rate, key, channels=CHANNELS)},
        repeats,
        warmup=1,
    )["ours"]
    cpu = 1e3 * (time.process_time() - began) / (repeats + 1)
    each = found["median_ms"] / count
    row = {
        "workload": name,
        "clips": count,
        "channels": CHANNELS,
        **found,
        "first_call_s": round(first, 2),
        "ms_per_clip": round(each, 1),
        "cpu_ms_per_clip": round(cpu / count, 1),
        "ns_per_channel_and_step": round(
            1e6 * each / (seconds / cochlea.DT * CHANNELS), 1
        ),
        "times_real_time": round(1e3 * seconds / each, 1),
        "reference_s": reference,
        "times_the_reference": round(1e3 * reference / each),
        "spikes_per_clip": round(len(events.times) / count),
    }
    emit(**row)
    tell(
        f"     {name}  x{count:<3}{each:8.1f} ms a clip, "
        f"{row['times_the_reference']} times the reference; first {first:.1f} s"
    )
    return row


def run_words():
    """All of the Free Spoken Digits, from files to a file, everything counted."""
    recordings = sound_folder(find("fsdd", "spoken digits", ["recordings"]))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        events = encode_recordings(
            recordings, Path(folder) / "words.h5", channels=CHANNELS
        )
    took = time.perf_counter() - began
    row = {
        "workload": "Free Spoken Digits",
        "clips": len(recordings.paths),
        "channels": CHANNELS,
        "seconds": round(took, 1),
        "ms_per_clip": round(1e3 * took / len(recordings.paths), 1),
        "spikes_per_clip": round(len(events.times) / len(recordings.paths)),
    }
    emit(**row)
    tell(f"     {row['clips']} words in {took:.0f} s")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", action="store_true", help="all spoken digits, too")
    rows = [run(name, count) for name in CLIPS for count in (1, 16)]
    if parser.parse_args().words:
        rows.append(run_words())
    line = {"benchmark": "cochlea_speed", "rows": rows} | machine()
    path = RESULTS / "cochlea_speed.json"
    path.write_text(f"{json.dumps(line, indent=1)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
