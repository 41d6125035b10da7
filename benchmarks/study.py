"""What every study is made of: a claim, a way to test it, and a verdict.

JSON lines go to standard output, a table for people to standard error; figures and the
last line are kept under ``benchmarks/results``.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from benchmarks.criterion import Criterion
from benchmarks.machine import cores
from benchmarks.report import RESULTS, emit, tell
from snnjax.training import environment


class Finding(NamedTuple):
    """What a study saw."""

    summary: dict[str, Any]
    criteria: list[Criterion]
    figure: Any = None  # of matplotlib


class Study(NamedTuple):
    """A claim of the literature, and the function that tests it."""

    id: str
    claim: str
    source: str
    minutes: float  # of the small version on 2 cores
    run: Callable[[bool], Finding]  # full? -> what was seen
    one_size: bool = False  # never full, as the data has no more
    missed: str = ""  # why criteria do not hold, as far as is known


def all_cores() -> None:
    """Makes every core a device, for sweeps; only before JAX has begun to work."""
    jax.config.update("jax_num_cpu_devices", cores())


def execute(study: Study, *, full: bool, results: Path = RESULTS) -> Finding:
    """Runs a study, prints its verdict and keeps its results."""
    tell(f"\n{study.id}  {study.claim}\n     {study.source}")
    began, busy = time.perf_counter(), time.process_time()
    finding = study.run(full)
    line = {
        "study": study.id,
        "summary": {
            **finding.summary,
            "full": full,
            "minutes": round((time.perf_counter() - began) / 60, 2),
            "cpu_minutes": round((time.process_time() - busy) / 60, 2),
            **environment(),
        },
        "criteria": [criterion.row() for criterion in finding.criteria],
    }
    for row in line["criteria"]:
        verdict = "holds" if row["holds"] else "FAILS"
        tell(f"     {verdict}  {row['name']}: {row['value']} ({row['bound']})")
    stem = study.id + ("_full" if full else "")
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{stem}.json").write_text(
        json.dumps(line, indent=2) + "\n", encoding="utf-8"
    )
    if finding.figure is not None:
        finding.figure.savefig(results / f"{stem}.png", dpi=120)
        tell(f"     figure: {results / f'{stem}.png'}")
    emit(**line)
    return finding
