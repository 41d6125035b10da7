"""A chip with a fault: the program of the emulated one, which at some run goes wrong.

``settings["fault"]`` says how, ``settings["after"]`` after how many sound runs.
"""

import importlib.util
import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

HERE = importlib.util.find_spec("snnjax").origin  # wherever it is installed
PROGRAM = Path(HERE).parent / "hardware" / "chip.py"


def frame(sink, number, notes, heads, raw=b""):
    head = {"number": number, "notes": notes, "arrays": heads}
    sink.write(json.dumps(head).encode() + b"\n" + raw)
    sink.flush()


def die(sink, number, notes, arrays):
    print("the magic smoke is out", file=sys.stderr, flush=True)
    os._exit(3)


def killed(sink, number, notes, arrays):
    os.kill(os.getpid(), signal.SIGKILL)


def hang(sink, number, notes, arrays):
    time.sleep(60)


def mute(sink, number, notes, arrays):
    os.close(1)
    time.sleep(60)


def half(sink, number, notes, arrays):
    frame(sink, number, notes, [[a.dtype.str, a.shape] for a in arrays], b"\0" * 99)
    os._exit(0)


def drip(sink, number, notes, arrays):
    for _ in range(600):
        sink.write(b" ")
        sink.flush()
        time.sleep(0.1)


def flood(sink, number, notes, arrays):
    while True:
        sink.write(bytes(4096) + b"x")


def garbage(sink, number, notes, arrays):
    sink.write(b"\x00\xffgarbage\n")
    sink.flush()


def nested(sink, number, notes, arrays):
    sink.write(b"[" * 50_000 + b"\n")
    sink.flush()


def other(sink, number, notes, arrays):
    good(sink, number - 1, notes, arrays)


def more(sink, number, notes, arrays):
    heads = [[a.dtype.str, a.shape] for a in arrays]
    frame(sink, number, notes, heads, b"".join(a.tobytes() for a in arrays) + b"more")


def nan(sink, number, notes, arrays):
    arrays[-1][0, 0, 0] = np.nan
    good(sink, number, notes, arrays)


def shape(sink, number, notes, arrays):
    good(sink, number, notes, [arrays[0][:, :, :1], *arrays[1:]])


def wide(sink, number, notes, arrays):
    good(sink, number, notes, [*arrays[:-1], arrays[-1].astype(np.float64)])


def few(sink, number, notes, arrays):
    good(sink, number, notes, arrays[:-1])


def huge(sink, number, notes, arrays):
    frame(sink, number, notes, [["|u1", [10**15]]] * len(arrays))


def objects(sink, number, notes, arrays):
    frame(sink, number, notes, [["|O", a.shape] for a in arrays])


def drops(sink, number, notes, arrays):
    good(sink, number, {**notes, "lost_in": 0.4 * notes["events_in"]}, arrays)


def odd_notes(sink, number, notes, arrays):
    good(sink, number, {**notes, "seconds_on_chip": float("nan")}, arrays)


def sound(sink, number, notes, arrays):
    good(sink, number, notes, arrays)


def watched(answer, count, settings):
    """Answers of a run go wrong once there were enough."""

    def now(sink, number, notes=None, arrays=()):
        if arrays and next(count) >= settings["after"]:
            return globals()[settings["fault"]](sink, number, notes, arrays)
        answer(sink, number, notes, arrays)
        if settings["fault"] == "deaf" and number == 2:  # start, program
            time.sleep(60)

    return now


if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("chip", PROGRAM)
    chip = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(chip)
    good, started = chip.answer, chip.Chip

    def start(settings):
        if "fault" in settings:
            chip.answer = watched(good, itertools.count(), settings)
        return started(settings)

    chip.Chip = start
    chip.serve(sys.stdin.buffer, sys.stdout.buffer)
