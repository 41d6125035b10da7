"""Every figure of every study and notebook, with the line that makes it."""

import json
import re
import sys
from pathlib import Path

from gathered import links, notebooks

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/results"
DEMO = RESULTS / "digits.png"


def pages(executed):
    """The page of studies, that of notebooks, and their figures.

    Args:
        executed: notebooks with their outputs, by path.
    """
    return studies() | shown(executed)


def studies():
    """Each study: its claim, what it measured, the command, the figure."""
    sys.path.insert(0, str(ROOT))  # benchmarks are no part of the package
    from benchmarks import catalogue

    made, text = {"explanation/figures/digits.png": DEMO.read_bytes()}, [STUDIES]
    for study in catalogue.every():
        text.append(
            f"## {study.id}\n\n{study.claim}\n\n*{links.to_dois(study.source)}*\n"
        )
        kept = RESULTS / f"{study.id}.json"
        if kept.exists():
            text.append(
                criteria(json.loads(kept.read_text(encoding="utf-8"))["criteria"])
            )
        if study.missed:
            text.append(f"*What misses, and why.* {study.missed}\n")
        text.append(f"```sh\n./run python benchmarks/run.py {study.id}\n```\n")
        figure = RESULTS / f"{study.id}.png"
        if figure.exists():
            name = f"figures/{figure.name}"
            made[f"explanation/{name}"] = figure.read_bytes()
            text.append(f"![What {study.id} measured: {alt(study.claim)}]({name})\n")
    return made | {"explanation/gallery.md": "\n".join(text)}


def criteria(rows):
    """What was asked, and what was seen; a miss is said."""
    lines = ["| criterion | measured | |", "|---|---|---|"]
    for row in rows:
        name = f"{row['name']} {row['bound']}".replace("|", "\\|")
        verdict = "holds" if row["holds"] else "**misses**"
        lines.append(f"| {name} | {row['value']} | {verdict} |")
    return "\n".join(lines) + "\n"


def shown(executed):
    """Each tutorial with its figures."""
    made, text = {}, [NOTEBOOKS]
    for path, notebook in executed.items():
        title = re.search(r"^# (.+)", notebook.cells[0].source, re.M).group(1)
        text.append(f"## {title}\n\n[{title}](../tutorials/{path.stem})\n")
        text.append(f"```sh\n./run python notebooks/{path.name}\n```\n")
        for k, picture in enumerate(notebooks.figures(notebook), 1):
            name = f"figures/{path.stem}_{k}.png"
            made[f"explanation/{name}"] = picture
            text.append(f"![Figure {k} of {alt(title)}]({name})\n")
    return made | {"explanation/gallery-of-tutorials.md": "\n".join(text)}


def alt(words):
    """Words that may stand for a picture."""
    return re.sub(r"[\[\]`]", "", words)


STUDIES = """\
# Gallery of studies

Each study states a claim of the literature, tests it, and says which of its criteria
hold. Bounds were fixed before it ran; what falls short stays as it was measured, with
the cause as far as it is known. [How some of them differ from what was
published](claims.md) stands beside their table.
"""
NOTEBOOKS = """\
# Gallery of tutorials

Every figure that a tutorial draws. As scripts, they save the same figures where you
stand.
"""
