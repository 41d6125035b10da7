"""The tables of the documents, from what ``results`` keeps; no number is typed."""

import json
from pathlib import Path

from benchmarks.catalogue import every
from benchmarks.models import MODELS
from benchmarks.report import RESULTS, ROOT
from benchmarks.speed_tables import (
    balanced,
    fastest,
    parts,
    processes,
    settings,
    single_calls,
    speeds,
)

CLAIMS = Path(__file__).parent / "README.md"
README = ROOT / "README.md"
NEURONS = ROOT / "docs/reference/neurons.md"
BESIDE = ROOT / "docs/explanation/beside-other-libraries.md"
SPEED = ROOT / "docs/explanation/speed.md"
PROCESSES = ROOT / "docs/how-to/processes.md"
MARK = "<!-- written by: python benchmarks/run.py --table -->"


def renew() -> None:
    """Writes every table anew."""
    for page, text in texts().items():
        before, _, after = page.read_text(encoding="utf-8").split(MARK)
        page.write_text(f"{before}{MARK}\n{text}\n{MARK}{after}", encoding="utf-8")


def texts() -> dict[Path, str]:
    """What belongs between the marks of each page."""
    return {
        CLAIMS: f"{claims()}\n\n{readers()}",
        README: fastest(),
        BESIDE: f"{speeds()}\n\n{balanced()}",
        NEURONS: neurons(),
        PROCESSES: processes(),
        SPEED: f"{parts()}\n\n{settings()}\n\n{single_calls()}",
    }


def claims() -> str:
    """Every claim and what was measured last, from the JSON under ``results``."""
    lines = ["| study | claim, source | criterion | measured | min |"]
    lines.append("|---|---|---|---|---|")
    for study in every():
        claim = f"{study.claim}<br>{study.source}"
        path = RESULTS / f"{study.id}.json"
        if not path.exists():
            lines.append(f"| {study.id} | {claim} | | not yet | {study.minutes:g} |")
            continue
        found = json.loads(path.read_text(encoding="utf-8"))
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


def readers() -> str:
    """How fast each package reads recordings of cameras, and what memory it takes."""
    kept = json.loads((RESULTS / "event_readers.json").read_text(encoding="utf-8"))
    speeds = {(row["file"], row["side"]): row for row in kept["rows"]}
    names = list(dict.fromkeys(row["file"] for row in kept["rows"]))
    sides = list(dict.fromkeys(row["side"] for row in kept["rows"]))
    lines = [f"| million events a second | {' | '.join(names)} |"]
    lines.append("|---|" + "---|" * len(names))
    for side in sides:
        cells = []
        for name in names:
            row = speeds.get((name, side))
            told = f"{row['mega_events_per_s']:.0f}" if row else "–"
            cells.append(told if row is None or row["right"] else f"({told})")
        lines.append(f"| {side} | {' | '.join(cells)} |")
    for how, key, digits in (("whole", "bytes_per_event", 0), ("stream", "peak_MB", 0)):
        found = {row["file"]: row for row in kept["memory"] if row["how"] == how}
        size = max((row["bytes"] for row in found.values()), default=0)
        what = "bytes of memory for an event"
        what = what if how == "whole" else f"MB of memory for {size / 1e9:.1f} GB"
        cells = [
            f"{found[name][key]:.{digits}f}" if name in found else "–" for name in names
        ]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    failed = [row["name"] for row in kept["criteria"] if not row["holds"]]
    lines += [
        "",
        f"Least of {kept['rows'][0]['repeats']} readings of files of "
        f"{kept['rows'][0]['bytes'] / 1e6:.0f} MB and more, real recordings repeated, "
        f"in seconds of all processors; {kept['cpus']} cores. In brackets: not the "
        "events that the camera sent. "
        f"Bounds that fail: {'; '.join(failed) or 'none'}.",
    ]
    return "\n".join(lines)


def neurons() -> str:
    """Every model and its price, from what ``speed/neurons.py`` kept."""
    kept = json.loads((RESULTS / "neurons.json").read_text(encoding="utf-8"))
    ratios = {(r["model"], r["wiring"], r["kind"]): r["ratio"] for r in kept["rows"]}
    told = "tested against: largest error seen"
    lines = [f"| neuron | equation | paper | {told} | feed-forward | recurrent |"]
    lines.append("|---|---|---|---|---|---|")
    for name, model in MODELS.items():
        prices = []
        for wiring in ("feed-forward", "recurrent"):
            both = [ratios.get((name, wiring, k)) for k in ("forward", "training")]
            known = [
                f"{ratio:.{0 if ratio >= 10 else 1}f}"
                for ratio in both
                if ratio is not None
            ]
            prices.append(" / ".join(known) or "–")
        paper = f"[{model.source}](https://doi.org/{model.doi})"
        cells = f"`{name}`", model.equation, paper, model.oracle, *prices
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", f"Medians of processor time, in turns, on {kept['cpus']} "]
    lines[-1] += f"{kept['processor']} cores, jax {kept['jax']}."
    return "\n".join(lines)
