"""Sides in processes of their own take turns, so that all meet the same machine."""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.report import ROOT, tell
from benchmarks.speed.environments import OURS, python_of

SCRIPT = Path(__file__).with_name("rival_work.py")
WARM = 0.4  # [s] of steps before the one that counts; others' threads spin for 0.2


class Side:
    """A library at work in a process of its own.

    Args:
        name: which, of ``rival_sides.SIDES``.
        python: the interpreter of its environment.
        kind: of work, and
        size: its size, as ``rival_work.py`` names them.
        checkout: another copy of snnjax to import; this one if omitted.
        variables: more environment variables.
    """

    def __init__(
        self,
        name: str,
        python: str,
        kind: str,
        size: str,
        checkout: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ):
        other = [] if checkout is None else [str(checkout)]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        if name in OURS:
            environment["PYTHONPATH"] = str(checkout or ROOT)
        self.process = subprocess.Popen(
            [python, str(SCRIPT), name, kind, size, *other],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment | {**(variables or {})},
        )
        self.told = self.answer()
        self.times: list[float] = []

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            _, complaint = self.process.communicate()
            raise RuntimeError(*complaint.strip().splitlines()[-1:])
        return json.loads(line)

    def ask(self) -> dict:
        """One step."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()

    def turn(self) -> None:
        """Times a step that follows others, as in a loop of training."""
        began, warm = time.perf_counter(), False
        while not warm:
            warm = time.perf_counter() - began > WARM
            told = self.ask()
        if abs(told["rate"] - self.told["rate"]) > 1e-3 * self.told["rate"]:
            rates = f"{self.told['rate']} at first, now {told['rate']}"
            raise RuntimeError(f"Weights are not held: the hidden rate was {rates}.")
        self.times.append(told["ms"])
        self.told["peak_mb"] = told["peak_mb"]

    def close(self) -> None:
        self.process.communicate()


def started(
    name: str, kind: str, size: str, variables: Mapping[str, str] | None = None
) -> Side | None:
    """A side, or None and a line that says why there is none."""
    python = python_of(name)
    if python is None:
        return None
    try:
        return Side(name, python, kind, size, variables=variables)
    except RuntimeError as error:
        tell(f"     {name}: {error}; left out")
        return None


def take_turns(sides: list[Side], repeats: int, seconds: float | None = None) -> None:
    """Times every side so often; who goes first changes, and the first turn is lost.

    No round is begun once it would hardly end within ``seconds``, but the first two.
    """
    began = time.perf_counter()
    for k in range(repeats + 1):
        spent = time.perf_counter() - began
        if seconds is not None and k > 1 and spent * (k + 1) / k > seconds:
            break
        for side in sides if k % 2 else sides[::-1]:
            side.turn()
    for side in sides:
        side.times = side.times[1:]
        side.close()
