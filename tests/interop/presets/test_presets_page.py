"""``docs/reference/presets.md`` has every preset, as the library tells it."""

import re
from itertools import groupby
from pathlib import Path
from typing import get_args

from snnjax.interop.presets import Numbers, Rule, described, supported
from snnjax.interop.presets.registry import LIBRARIES
from snnjax.interop.presets.rule import Current
from snnjax.interop.presets.words import _WORDS

PAGE = Path(__file__).parents[3] / "docs/reference/presets.md"


def cell(text):
    return text.replace("|", "\\|")


def row(name):
    """A preset as a row of the page."""
    told = described(name)
    learned = ", ".join(told.learned)
    also = f" Learned: {learned}." if learned else ""
    return f"| `{told.call}` | {cell(told.step)} | {cell(told.differs + also)} |"


def tables():
    """All tables of the page, one a library."""
    for library, names in groupby(sorted(supported()), lambda n: n.partition(".")[0]):
        called, version = LIBRARIES[library]
        yield f"### {called} {version}: `{library}.…`\n"
        yield "| call | one step | what to look out for |\n|---|---|---|"
        for name in names:
            short = name.partition(".")[2]
            yield row(name).replace("| `", f"| **{short}** `", 1)
        yield ""


def test_every_preset_has_its_row_and_there_is_no_other():
    page = PAGE.read_text()
    for line in tables():
        assert line.strip() in page, line
    rows = [line for line in page.splitlines() if line.startswith("| **")]
    assert len(rows) == len(supported())


def test_every_word_and_number_of_the_rule_is_told():
    part = PAGE.read_text().partition("## A neuron that is not here")[2]
    cells = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    told = re.findall("`([a-z_]+)`", " ".join(cells))
    assert {*Rule._fields} <= {*told}
    assert {*Numbers._fields} - {"tau_mem", "tau_syn"} <= {*told}
    for word in (w for choices in _WORDS.values() for w in choices if w):
        assert f'"{word}"' in part or word in get_args(Current), word


if __name__ == "__main__":
    print("\n".join(tables()))
