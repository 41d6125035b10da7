"""What this machine can do at most, measured on pinned threads by ``limits.cc``."""

import ctypes
import re
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks.machine import cores
from benchmarks.speed.roofline import matrix_speed
from snnjax.kernels import build

SOURCE = Path(__file__).with_name("limits.cc")
TABLES = (16, 64, 256, 512, 1024)  # [KB] that random rows are taken from
L2, L3, MEMORY = 1 << 19, 1 << 22, 1 << 27  # bytes for each thread
ROW, NEURONS, CHAIN = 128, 512, 6  # floats, neurons, operations of a round
LEAST, TRIES = 10e-3, 15  # [s] of one try


class Limits(NamedTuple):
    """Rates of one core, then of all; cycles are for 16 floats on one core."""

    cores: int
    ghz: float
    multiply_add: tuple[float, float]  # FLOP in a second, in registers
    product: float  # the same of a large matrix product by XLA, all cores
    read_l2: tuple[float, float]  # bytes in a second
    read_l3: tuple[float, float]
    read_memory: tuple[float, float]
    write_memory: tuple[float, float]
    copy_memory: tuple[float, float]  # each way
    add_rows: dict[int, float]  # cycles, by bytes of the table
    write_rows: dict[int, float]
    neurons: float  # cycles, of a step
    neurons_back: float
    wake: float  # seconds until a thread that sleeps is awake
    cache: int  # bytes of the last one

    def add_cycles(self, table: float) -> float:
        """Cycles for 16 floats of random rows of a table of so many bytes."""
        sizes = sorted(self.add_rows)
        known = [self.add_rows[size] for size in sizes]
        return float(np.interp(np.log(table), np.log(sizes), known))

    def row(self) -> dict[str, Any]:
        """For results: GFLOP/s, GB/s, cycles and microseconds."""
        told = self._asdict()
        giga = ("multiply_add", "product", *(k for k in told if k.endswith("memory")))
        for name in (*giga, "read_l2", "read_l3"):
            told[name] = np.round(np.asarray(told[name]) / 1e9, 1).tolist()
        for name in ("add_rows", "write_rows"):
            told[name] = {
                f"{size >> 10} KB": round(cycles, 2)
                for size, cycles in told[name].items()
            }
        for name in ("ghz", "neurons", "neurons_back"):
            told[name] = round(told[name], 2)
        told["wake"] = round(1e6 * told["wake"], 1)
        return told


@cache
def library() -> ctypes.CDLL:
    """The patterns of work, compiled as the kernels are.

    Raises:
        BuildError: without a compiler, or with what the compiler said.
    """
    tool = build.compiler()
    if tool is None:
        raise build.BuildError("No C++ compiler was found, so nothing can be measured.")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "limits.so"
        include = f"-I{build.SOURCE.parent}", f"-I{jax.ffi.include_dir()}"
        command = [tool, *build.FLAGS, "-pthread", *include, str(SOURCE), "-o", made]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", check=False
        )
        if done.returncode:
            raise build.BuildError(f"{tool} could not compile {SOURCE}: {done.stderr}")
        return ctypes.CDLL(str(made))


def function(name: str) -> Callable[[int, int, int], float]:
    """One pattern of work: threads, bytes, rounds -> seconds."""
    found = getattr(library(), name)
    found.restype = ctypes.c_double
    found.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.c_long]
    return found


def lanes() -> int:
    """Floats of a vector."""
    return int(library().lanes())


def least(name: str, count: int, size: int = 0) -> float:
    """Seconds of one round on so many cores, the least of some tries."""
    call, rounds = function(name), 1
    while call(count, size, rounds) < LEAST:
        rounds *= 2
    return min(call(count, size, rounds) for _ in range(TRIES)) / rounds


def last_cache() -> int:
    """Bytes of the last cache, 32 MB where the system does not say."""
    path = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
    found = (
        re.fullmatch(r"(\d+)K", path.read_text(encoding="utf-8").strip())
        if path.exists()
        else None
    )
    return int(found[1]) << 10 if found else 32 << 20


def measured() -> Limits:
    """All of it, in some seconds."""
    both = 1, cores()
    ghz = CHAIN / least("chain", 1) / 1e9
    flop = 24 * 2 * lanes()

    def rate(name, amount, size=0):
        return tuple(count * amount / least(name, count, size) for count in both)

    def cycles(name, floats, size=0):
        return 16 / floats * least(name, 1, size) * ghz * 1e9

    def rows(name):
        return {kb << 10: cycles(name, ROW, kb << 10) for kb in TABLES}

    return Limits(
        cores=both[1],
        ghz=ghz,
        multiply_add=rate("multiply_add", flop),
        product=max(matrix_speed() for _ in range(2)),
        read_l2=rate("read", L2, L2),
        read_l3=rate("read", L3, L3),
        read_memory=rate("read", MEMORY, MEMORY),
        write_memory=rate("write", MEMORY, MEMORY),
        copy_memory=rate("copy", MEMORY, MEMORY),
        add_rows=rows("add_rows"),
        write_rows=rows("write_rows"),
        neurons=cycles("neurons", NEURONS),
        neurons_back=cycles("neurons_back", NEURONS),
        wake=least("wake", 1) / 2,
        cache=last_cache(),
    )
