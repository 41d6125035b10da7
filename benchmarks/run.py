"""Runs studies by number: ``python benchmarks/run.py R01 R06 [--full]``."""

import argparse
import json
import sys
from pathlib import Path

import activity_cost
import cochlea_check
import dale_network
import deep_initialisation
import escape_noise
import gradient_paths
import hidden_layer
import loss_landscape
import main_jobs
import membrane_fluctuations
import peak_heights
import primed_network
import receptor_fit
import recorded_jobs
import retinal_waves
import sparse_gradients
import speech_recurrence
import surrogate_controls
import surrogate_field
import surrogate_shapes
from study import RESULTS, all_cores, execute, tell

FOUND = (
    activity_cost.STUDY,
    cochlea_check.STUDY,
    dale_network.STUDY,
    deep_initialisation.STUDY,
    escape_noise.STUDY,
    gradient_paths.STUDY,
    hidden_layer.STUDY,
    loss_landscape.STUDY,
    membrane_fluctuations.STUDY,
    peak_heights.STUDY,
    primed_network.STUDY,
    receptor_fit.STUDY,
    retinal_waves.STUDY,
    sparse_gradients.STUDY,
    speech_recurrence.STUDY,
    surrogate_controls.STUDY,
    surrogate_field.STUDY,
    surrogate_shapes.STUDY,
    *main_jobs.STUDIES,
    *recorded_jobs.STUDIES,
)
STUDIES = {study.id: study for study in sorted(FOUND, key=lambda study: study.id)}
TABLE = Path(__file__).parent / "README.md"
README = TABLE.parents[1] / "README.md"
MARK = "<!-- written by: python benchmarks/run.py --table -->"


def main(args: list[str] | None = None) -> int:
    """Exit status 0 if every criterion holds, 1 if one fails, 2 for a wrong call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="such as R01")
    parser.add_argument("--full", action="store_true", help="the published size")
    parser.add_argument("--list", action="store_true", help="what there is")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where results go")
    parser.add_argument(
        "--table", action="store_true", help="renew the tables of results in the docs"
    )
    given = parser.parse_args(args)
    if given.list:
        for study in STUDIES.values():
            print(f"{study.id:<13}  {study.minutes:4g} min  {study.claim}")
        return 0
    if given.table:
        for page, text in ((TABLE, table()), (README, speeds())):
            before, _, after = page.read_text().split(MARK)
            page.write_text(f"{before}{MARK}\n{text}\n{MARK}{after}")
        return 0
    unknown = [id for id in given.ids if id not in STUDIES]
    if unknown or not given.ids:
        named = f"No study {', '.join(unknown)}" if unknown else "No study was named"
        tell(f"{named}. There are: {', '.join(STUDIES)}.")
        return 2
    single = [id for id in given.ids if STUDIES[id].one_size]
    if given.full and single:
        tell(f"There is one size of {', '.join(single)}; leave out --full.")
        return 2
    findings = [
        execute(STUDIES[id], full=given.full, results=given.out) for id in given.ids
    ]
    return int(not all(c.holds for found in findings for c in found.criteria))


def table() -> str:
    """Every claim and what was measured last, from the JSON under ``results``."""
    lines = ["| study | claim, source | criterion | measured | min |"]
    lines.append("|---|---|---|---|---|")
    for study in STUDIES.values():
        claim = f"{study.claim}<br>{study.source}"
        path = RESULTS / f"{study.id}.json"
        if not path.exists():
            lines.append(f"| {study.id} | {claim} | | not yet | {study.minutes:g} |")
            continue
        found = json.loads(path.read_text())
        names = [
            f"{c['name']} {c['bound']}".replace("|", "\\|") for c in found["criteria"]
        ]
        seen = [
            str(c["value"]) if c["holds"] else f"**{c['value']}, fails**"
            for c in found["criteria"]
        ]
        row = "<br>".join(names), "<br>".join(seen), f"{found['summary']['minutes']:g}"
        lines.append(f"| {study.id} | {claim} | {' | '.join(row)} |")
    return "\n".join(lines)


def speeds() -> str:
    """A training step in each library, from what ``rivals.py`` kept."""
    kept = json.loads((RESULTS / "rivals.json").read_text())
    sizes = list(dict.fromkeys(row["size"] for row in kept["rows"]))
    times = {(row["side"], row["size"]): row for row in kept["rows"]}
    lines = ["| ms (times the fastest) | " + " | ".join(sizes) + " |"]
    lines.append("|---|" + "---|" * len(sizes))
    for side in dict.fromkeys(row["side"] for row in kept["rows"]):
        cells = []
        for size in sizes:
            best = min(t["median_ms"] for (_, at), t in times.items() if at == size)
            row = times.get((side, size))
            ratio = row and row["median_ms"] / best
            cells.append(f"{row['median_ms']:.0f} ({ratio:.1f})" if row else "–")
        lines.append(f"| {side} | " + " | ".join(cells) + " |")
    gflops = sorted({row["matrix_gflops"] for row in kept["rows"]})
    lines += [
        "",
        f"Medians of {kept['rows'][0]['repeats']} turns, each a step after others, on "
        f"{kept['cpus']} {kept['processor']} cores ({gflops[0]}–{gflops[-1]} GFLOP/s "
        f"in a large matrix product), jax {kept['jax']}.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    all_cores()
    sys.exit(main())
