"""Do damaged files end in an error that names them, and in nothing worse?

    python -m benchmarks.fuzz.readers --inputs 100000 --format idx --seconds 280 --keep

Small sound files, and real ones below ``SNNJAX_DATA``, are changed at random: bits
flipped, cut, lengths rewritten, pieces moved or doubled, in packed files also behind
the packing. A worker of limited memory reads each; if it dies, what killed it is known
by its number, and the next worker goes on behind. One JSON line for each format counts
what became of the inputs. Everything but ``refused`` and ``read`` should be zero:

    refused   a ``DataError`` that names the file
    read      a result that looks like one
    wrong     any other error, or a result that no file can have
    code      something was run, opened to write, or connected
    memory    more was taken than the reader says, or than there is
    died      the worker crashed
    hung      no answer within seconds

``grown_MB`` is the most that reading one input took, as a meter of the process shows.
With ``--door`` each input is read by ``datasets.read``, which tells formats itself.
With ``--keep`` the line of a format replaces that in ``results/fuzz.json``.
"""

import argparse
import codecs
import json
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from benchmarks.fuzz.meter import highest, mark
from benchmarks.fuzz.seeds import FORMATS
from benchmarks.report import RESULTS, ROOT, emit, tell
from snnjax.datasets import DataError, read
from snnjax.datasets.guard.checked import allowance
from snnjax.files import write_text

WORKER = (sys.executable, "-m", "benchmarks.fuzz.readers")
MOST = 2**29  # bytes that a worker may ask for, more than it has
PATIENCE = 5.0  # for one input [s]
SUSPECT = (
    *("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen"),
    *("socket.connect", "pickle.find_class", "ctypes.dlopen", "exec", "shutil.rmtree"),
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
EDGES = (
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    256,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
)


def changed(raw: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """One to four changes of a file."""
    work = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        _change(work, rng, others)
    return bytes(work)


def _change(work, rng, others):
    n = len(work)
    at = rng.randrange(n + 1)
    kind = rng.randrange(7)
    if not n or kind == 0:
        del work[at:]
    elif kind in (1, 2):
        for _ in range(rng.choice((1, 1, 2, 8))):
            work[rng.randrange(n)] ^= 1 << rng.randrange(8)
    elif kind == 3:  # a length, large or small end first
        size = rng.choice((1, 2, 4, 8))
        value = rng.choice((*EDGES, n, n - 1, n + 1, 2**63, 2**64 - 1, -1))
        order = rng.choice(("little", "big"))
        work[at : at + size] = (value % 256**size).to_bytes(size, order)
    elif kind == 4:
        del work[at : at + rng.choice((1, 2, 8, 64))]
    elif kind == 5:  # a piece of this or of another file
        source = rng.choice(others)
        begin = rng.randrange(len(source) + 1)
        work[at:at] = source[begin : begin + rng.choice((1, 4, 16, 256))]
    else:
        work[at : at + 8] = struct.pack("<d", rng.choice((float("nan"), 1e300, -1.0)))


def one(name: str, files: list[bytes], seed: int, index: int) -> bytes:
    """The input of a number, always the same."""
    form, rng = FORMATS[name], random.Random(f"{name} {seed} {index}")
    raw = rng.choice(files)
    if form.repack is not None and rng.random() < 0.5:
        return form.repack(raw, lambda inside: changed(inside, rng, files))
    return changed(raw, rng, files)


def sound_files(name: str, folder: Path) -> list[bytes]:
    """The files that are changed: one that is made, and small real ones."""
    form = FORMATS[name]
    files = [form.sound(folder)]
    if form.real and "SNNJAX_DATA" in os.environ:
        real = sorted(Path(os.environ["SNNJAX_DATA"]).glob(form.real))
        real = sorted(real, key=lambda path: path.stat().st_size)[:3]
        files += [path.read_bytes() for path in real]
    return files


def verdict(name: str, path: Path, doings: list[str], door: bool = False) -> str:
    """What becomes of one input, read by its reader or by ``datasets.read``."""
    form = FORMATS[name]
    doings.clear()
    try:
        found = read(path) if door else form.read(path)
    except DataError as error:
        if isinstance(error.__cause__, MemoryError):
            return "memory"
        told = "refused" if str(path) in str(error) else "wrong"
    except MemoryError:
        return "memory"
    except Exception:
        told = "wrong"
    else:
        told = "read" if door or form.believable(found) else "wrong"
    return "code" if doings else told


def work(name: str, seed: int, first: int, last: int, until: float, door: bool) -> None:
    """Reads inputs, a line for each on standard output, within limits."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        files = sound_files(name, Path(folder))
        path = Path(folder) / f"input{FORMATS[name].suffix}"
        doings: list[str] = []
        for codec in ("raw-unicode-escape", "ascii"):  # imported now, not on use
            codecs.lookup(codec)
        for raw in (*files, b""):
            path.write_bytes(raw)
            told = verdict(name, path, doings, door)
            if door and told == "refused":  # what only a person can tell
                continue
            assert told == ("read" if raw else told), f"{name}: a sound file is {told}"
        _limit(doings, path, FORMATS[name].apart)
        most = 0
        for index in range(first, last):
            if time.time() > until:
                break
            path.write_bytes(one(name, files, seed, index))
            before = mark()
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            told = verdict(name, path, doings, door)
            signal.setitimer(signal.ITIMER_REAL, 0)
            grown = highest() - before
            most, told = max(most, grown), _within(told, grown, path)
            print(index, told, flush=True)  # before the next input can kill it
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print("peak", peak, flush=True)
        print("grown", most // 2**20, flush=True)


def _within(told, grown, path):
    """Whether reading took no more than the reader says."""
    allowed = grown <= allowance(path)
    return told if allowed or told not in ("read", "refused") else "memory"


def _memory():
    """A folder in memory, if there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _limit(doings, path, apart):
    used = (
        int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
        * resource.getpagesize()
    )
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST, used + MOST))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # dies of it, even inside a library

    def watch(event, given):
        if event in SUSPECT and not (apart and event == "subprocess.Popen"):
            doings.append(event)
        if event == "open" and (given[2] or 0) & WRITING:
            pipe = isinstance(given[0], int) or given[0] == os.devnull
            if given[0] != str(path) and not (apart and pipe):
                doings.append(f"open {given[0]}")

    sys.addaudithook(watch)


def fuzz(
    name: str,
    *,
    inputs: int,
    seed: int = 0,
    first: int = 0,
    seconds: float,
    door: bool = False,
) -> dict:
    """Runs workers until all inputs are read or time is up; counts what happened."""
    counts: Counter = Counter()
    bad: list[int] = []
    began, at, most = time.time(), first, {"peak": 0, "grown": 0}
    until = began + seconds
    while at < first + inputs and time.time() < until:
        given = name, seed, at, first + inputs, until, int(door)
        worker = subprocess.run(
            [*WORKER, "--worker", *map(str, given)],
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            timeout=seconds + 60,
        )
        lines = [line.split() for line in worker.stdout.splitlines()]
        told = [(int(k), what) for k, what in lines if k not in most]
        for k in most:
            most[k] = max([most[k], *(int(n) for name, n in lines if name == k)])
        counts.update(what for _, what in told)
        bad += [k for k, what in told if what not in ("refused", "read")]
        at = told[-1][0] + 1 if told else at
        if worker.returncode:
            hung = worker.returncode == -signal.SIGALRM
            if worker.returncode > 0:
                raise RuntimeError(worker.stderr)
            counts["hung" if hung else "died"] += 1
            bad.append(at)
            at += 1
    return {
        "format": name,
        "seed": seed,
        "first": first,
        "inputs": counts.total(),
        **{k: counts[k] for k in ("refused", "read")},
        **{k: counts[k] for k in ("wrong", "code", "memory", "died", "hung")},
        "bad": bad[:20],
        **{f"{k}_MB": n for k, n in most.items()},
        "seconds": round(time.time() - began, 1),
    }


def keep(row: dict, path: Path = RESULTS / "fuzz.json") -> None:
    """Puts the counts of a format among those of the others."""
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    rows[row["format"]] = row | {k: version(k) for k in ("numpy", "h5py", "scipy")}
    rows = {name: rows[name] for name in FORMATS if name in rows}
    write_text(path, json.dumps(rows, indent=1) + "\n")


def sentence(rows: dict) -> str:
    """What was found, in words."""
    least = min(row["inputs"] for row in rows.values())
    bad = sum(len(row["bad"]) for row in rows.values())
    refused, read = (sum(row[k] for row in rows.values()) for k in ("refused", "read"))
    return (
        f"{len(rows)} formats, at least {least} inputs each: {refused} refused by "
        f"name, {read} read as something the format can hold, {bad} anything else."
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--format", choices=list(FORMATS), help="default: all")
    parser.add_argument("--inputs", type=int, default=1000, help="for each format")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=280, help="for each format")
    parser.add_argument("--door", action="store_true", help="by datasets.read")
    parser.add_argument("--keep", action="store_true", help="in results/fuzz.json")
    parser.add_argument("--worker", nargs=6, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        name, seed, first, last, until, door = given.worker
        work(name, int(seed), int(first), int(last), float(until), door == "1")
        return
    for name in [given.format] if given.format else FORMATS:
        row = fuzz(
            name,
            inputs=given.inputs,
            seed=given.seed,
            first=given.first,
            seconds=given.seconds,
            door=given.door,
        )
        emit(**row)
        if given.keep and not given.door:
            keep(row)
        tell(f"{name}: {row['inputs']} inputs, {len(row['bad'])} bad")


if __name__ == "__main__":
    main()
