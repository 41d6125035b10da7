"""The tables of the documents, from what ``results`` keeps; no number is typed."""

import json
from math import floor, log10
from pathlib import Path

from benchmarks.catalogue import every
from benchmarks.models import MODELS
from benchmarks.report import RESULTS, ROOT
from benchmarks.speed.environments import OURS

CLAIMS = Path(__file__).parent / "README.md"
README = ROOT / "README.md"
NEURONS = ROOT / "docs" / "neurons.md"
MARK = "<!-- written by: python benchmarks/run.py --table -->"


def renew() -> None:
    """Writes every table anew."""
    for page, text in texts().items():
        before, _, after = page.read_text().split(MARK)
        page.write_text(f"{before}{MARK}\n{text}\n{MARK}{after}")


def texts() -> dict[Path, str]:
    """What belongs between the marks of each page."""
    ours = f"{speeds()}\n\n{balanced()}"
    return {CLAIMS: f"{claims()}\n\n{readers()}", README: ours, NEURONS: neurons()}


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


def readers() -> str:
    """How fast each package reads recordings of cameras, and what memory it takes."""
    kept = json.loads((RESULTS / "event_readers.json").read_text())
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


WORKS = {  # how the kinds of ``rivals.py`` are named in the table
    "training": "training {}",
    "inference": "inference {}",
    "stream": "{} a call, hidden {}",
    "convolution": "convolution, training",
}


def work_named(kind: str, size: str) -> str:
    """The heading of a column."""
    if kind != "stream":
        return WORKS[kind].format(size)
    steps, _, hidden = size.split("/")
    told = "1 step" if steps == "1" else f"{steps} steps"
    return WORKS[kind].format(told, hidden)


def three_digits(value: float) -> str:
    """Three digits that count, at most three behind the point."""
    return f"{value:.{min(3, max(0, 2 - floor(log10(value))))}f}"


def speeds() -> str:
    """The same work in each library, from what ``rivals.py`` and ``limits.py`` kept."""
    kept = json.loads((RESULTS / "rivals.json").read_text())
    limits = json.loads((RESULTS / "limits.json").read_text())
    rows = {((r["kind"], r["size"]), r["side"]): r for r in kept["rows"]}
    works = list(dict.fromkeys(work for work, _ in rows))
    least = {(r["kind"], r["size"]): r["limit_ms"] for r in limits["rows"]}
    lines = ["| ms (firing rate) | " + " | ".join(work_named(*w) for w in works) + " |"]
    lines.append("|---|" + "---|" * len(works))
    for side in dict.fromkeys(row["side"] for row in kept["rows"]):
        cells = []
        for work in works:
            row = rows.get((work, side))
            rate = row and f"{100 * row['hidden_rate']:.0f} %"
            cells.append(f"{three_digits(row['quartile_ms'])} ({rate})" if row else "–")
        lines.append(f"| {side} | " + " | ".join(cells) + " |")
    shown = [three_digits(least[work]) if work in least else "–" for work in works]
    lines.append("| *limit of the machine* | " + " | ".join(shown) + " |")
    ratios = []
    for work in works:
        at = {s: row["quartile_ms"] for (w, s), row in rows.items() if w == work}
        others = [ms for side, ms in at.items() if side not in OURS]
        ours = at.get("snnjax-native")
        ratios.append(f"{min(others) / ours:.1f}" if others and ours else "–")
    lines.append("| *fastest other / snnjax-native* | " + " | ".join(ratios) + " |")
    turns = sorted({row["repeats"] for row in kept["rows"]})
    told = f"{turns[0]} to {turns[-1]}" if len(turns) > 1 else str(turns[0])
    jax = sorted({v["jax"] for r in kept["rows"] if "jax" in (v := r["versions"])})
    lines += [
        "",
        f"Lower quartiles of {told} turns, each a step after others at weights that "
        "are held; in brackets the share of hidden neurons that fire in a step of the "
        f"work that was timed. {kept['cpus']} {kept['processor']} cores, jax "
        f"{' and '.join(jax)}. The limit is that of exact arithmetic at the native "
        "side's firing rate, as `benchmarks/speed/limits.py` measured it: "
        f"{limits['limits']['multiply_add'][-1]:.0f} GFLOP/s in registers, "
        f"{limits['limits']['read_memory'][-1]:.0f} GB/s from memory.",
    ]
    return "\n".join(lines)


def neurons() -> str:
    """Every model and its price, from what ``speed/neurons.py`` kept."""
    kept = json.loads((RESULTS / "neurons.json").read_text())
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


def balanced() -> str:
    """A second of a balanced network in each simulator, from its benchmark."""
    rows = json.loads((RESULTS / "balanced_network.json").read_text())["rows"]
    first, last = rows[0], rows[-1]
    lines = [
        "One second of a balanced network of 12 500 neurons with 1 250 inputs each, in "
        "steps of 0.1 ms, built and compiled before, each turn in a process of its own "
        "on as many cores as threads, `benchmarks/speed/balanced_network.py`:",
        "",
        "| side, threads | s of processors | peak GB | Hz | CV of intervals |",
        "|---|---|---|---|---|",
    ]
    for row in (row for row in rows if row["g"] == first["g"]):
        shown = "{side}, {threads} | {processor_s:.1f} | {peak_gb:.2f}"
        means = "{excitatory_hz:.1f} | {cv:.2f}"
        lines.append(f"| {shown.format(**row)} | {means.format(**row)} |")
    others = ", ".join(
        "{side} {excitatory_hz:.1f} Hz and {cv:.2f} ± {cv_spread:.2f}".format(**row)
        for row in rows
        if row["g"] == last["g"]
    )
    lines += [
        "",
        f"The least of {first['turns']} turns, the peak of all, the mean of rates; "
        f"theory gives {first['theory_hz']:.1f} Hz. The memory of Brian2 is that of "
        f"its C++ alone. At g {last['g']:g}, η {last['eta']:g}, where theory gives "
        f"{last['theory_hz']:.1f} Hz, rate and CV, with its deviation over "
        f"{last['turns']} networks drawn, are: {others}.",
    ]
    return "\n".join(lines)
