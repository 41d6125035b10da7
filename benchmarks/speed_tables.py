"""Tables of what ``benchmarks/speed`` measured, from what ``results`` keeps."""

import json
from math import floor, log10

from benchmarks.report import RESULTS
from benchmarks.speed.environments import OURS

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
    kept = json.loads((RESULTS / "rivals.json").read_text(encoding="utf-8"))
    limits = json.loads((RESULTS / "limits.json").read_text(encoding="utf-8"))
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


SHORT = {  # the rows of the README: kind and size -> in words
    (
        "training",
        "100/64/256",
    ): "training step, 700-256-20, recurrent, 100 steps, batch 64",
    ("inference", "100/64/256"): "inference, the same network",
    ("convolution", "50/16/16"): "training step, two layers of spiking convolutions",
}


def fastest() -> str:
    """Three rows: here, and in the fastest other library."""
    kept = json.loads((RESULTS / "rivals.json").read_text(encoding="utf-8"))
    lines = ["| | snnjax | fastest other | |", "|---|---|---|---|"]
    for (kind, size), words in SHORT.items():
        rows = [r for r in kept["rows"] if (r["kind"], r["size"]) == (kind, size)]
        (here,) = [r["quartile_ms"] for r in rows if r["side"] == "snnjax-native"]
        others = {r["quartile_ms"]: r["side"] for r in rows if r["side"] not in OURS}
        other = min(others)
        lines.append(
            f"| {words} | {three_digits(here)} ms | {three_digits(other)} ms, "
            f"{others[other]} | {other / here:.1f} × as fast |"
        )
    return "\n".join([*lines, "", f"{kept['cpus']} {kept['processor']} cores."])


def parts() -> str:
    """Where a training step's time goes, from what ``limits.py`` kept."""
    kept = json.loads((RESULTS / "limits.json").read_text(encoding="utf-8"))
    rows = [row for row in kept["rows"] if row["kind"] == "training"]
    sizes = [row["size"] for row in rows]
    lines = ["| ms (limit) | " + " | ".join(sizes) + " |"]
    lines.append("|---|" + "---|" * len(sizes))
    tables = [{p["part"]: p for p in row["parts"]} for row in rows]
    for name in dict.fromkeys(name for table in tables for name in table):
        cells = []
        for table in tables:
            part = table.get(name)
            shown = part and f"{part['ms']:.1f} ({part['limit_ms']:.1f})"
            cells.append(shown or "–")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    between = [f"{row['between_ms']:.1f}" for row in rows]
    lines.append("| between them, and the trace | " + " | ".join(between) + " |")
    whole = [f"**{row['step_ms']:.1f}** ({row['limit_ms']:.1f})" for row in rows]
    lines.append("| step, not traced | " + " | ".join(whole) + " |")
    ratio = [f"{row['to_limit']:.2f}" for row in rows]
    lines.append("| times the limit | " + " | ".join(ratio) + " |")
    told = kept["limits"]
    rates = ", ".join(f"{100 * row['hidden_rate']:.0f}" for row in rows)
    adds = ", ".join(f"{size} {cycles}" for size, cycles in told["add_rows"].items())
    lines += [
        "",
        f"Means of the fastest third of the steps; {rates} % of the hidden neurons "
        f"fire in a step. One core and {told['cores']}: multiply-add in registers "
        f"{both(told['multiply_add'])} GFLOP/s; reading L2 {both(told['read_l2'])}, L3 "
        f"{both(told['read_l3'])}, memory {both(told['read_memory'])}, writing it "
        f"{both(told['write_memory'])}, copying {both(told['copy_memory'])} GB/s. "
        f"Cycles ({told['ghz']:.1f} GHz) for 16 floats of a random row of a table: "
        f"{adds}; of neurons {told['neurons']} forward and {told['neurons_back']} "
        f"backward. A thread that sleeps is awake after {told['wake']:.0f} µs.",
    ]
    return "\n".join(lines)


def single_calls() -> str:
    """What calls of a few steps take, from what ``rivals.py`` kept."""
    kept = json.loads((RESULTS / "rivals.json").read_text(encoding="utf-8"))["rows"]
    told = []
    for row in kept:
        if row["kind"] == "stream" and row["side"] == "snnjax-native":
            steps, batch, hidden = row["size"].split("/")
            many = "step takes" if steps == "1" else "steps takes"
            told.append(f"one of {steps} {many} {1e3 * row['quartile_ms']:.0f} µs")
    return (
        f"Of calls whose state is handed on, with {hidden} neurons and a batch of "
        f"{batch}, {' and '.join(told)}."
    )


def both(rates: list[float]) -> str:
    """Of one core and of all."""
    return " and ".join(f"{rate:.0f}" for rate in rates)


def settings() -> str:
    """A step under several settings, from what ``settings.py`` kept."""
    kept = json.loads((RESULTS / "settings.json").read_text(encoding="utf-8"))
    rows = {(row["setting"], row["size"]): row for row in kept["rows"]}
    sizes = list(dict.fromkeys(size for _, size in rows))
    lines = ["| ms: quartile, least; peak MB | " + " | ".join(sizes) + " |"]
    lines.append("|---|" + "---|" * len(sizes))
    for name in dict.fromkeys(name for name, _ in rows):
        cells = []
        for size in sizes:
            row = rows.get((name, size))
            told = row and f"{row['quartile_ms']:.1f}, {row['min_ms']:.1f}; "
            cells.append(f"{told}{row['peak_mb']}" if row else "–")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    turns = sorted({row["repeats"] for row in kept["rows"]})
    lines += ["", f"{turns[0]} to {turns[-1]} turns, side by side, jax {kept['jax']}."]
    return "\n".join(lines)


def processes() -> str:
    """A step in one process and in several, from what ``processes.py`` kept."""
    kept = json.loads((RESULTS / "processes.json").read_text(encoding="utf-8"))
    sides = "one core", "all cores, one process", "a process for each core"
    sizes = kept["sizes"]
    lines = ["| ms; peak MB of a process | " + " | ".join(sizes) + " |"]
    lines.append("|---|" + "---|" * len(sizes))
    for side in sides:
        cells = [
            f"{row[side]['quartile_ms']:.1f}; {row[side]['peak_mb']:.0f}"
            for row in sizes.values()
        ]
        lines.append(f"| {side} | " + " | ".join(cells) + " |")
    gains = " | ".join(f"{row['gain']:.2f}" for row in sizes.values())
    lines.append(f"| *throughput of these, of one core's* | {gains} |")
    lines += ["", f"Lower quartiles; {kept['cpus']} cores, jax {kept['jax']}."]
    return "\n".join(lines)


def balanced() -> str:
    """A second of a balanced network in each simulator, from its benchmark."""
    rows = json.loads((RESULTS / "balanced_network.json").read_text(encoding="utf-8"))[
        "rows"
    ]
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
