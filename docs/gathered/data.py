"""The data sets and the file formats that are read, as the catalogues have them."""

from gathered import links
from snnjax.datasets.catalogue import DATA_SETS
from snnjax.datasets.formats.registry import FORMATS

HEAD = """\
# Data sets and formats

`./run snnjax data list` says which data sets there are and which are here,
`./run snnjax data get NAME` downloads one with its checksums, and
`snn.datasets.load(NAME, "train")` opens it. Mind the licences.

## Data sets

| name | what it holds | parts | licence, source |
|---|---|---|---|
"""
MIDDLE = """
## Formats

`snn.datasets.read(FILE)` tells a file by what is in it, not by its name, and refuses
a damaged one with the place and the reason. No pickle is ever executed.

| format | holds | read by |
|---|---|---|
"""


def pages():
    """The one page."""
    sets = (
        f"| `{each.name}` | {each.about} | {each.parts} | {each.licence}; "
        f"{links.to_dois(each.cite)} ([page]({each.home})) |"
        for each in DATA_SETS.values()
    )
    formats = (
        f"| {each.name} | {each.holds} | `{each.read.__name__.lstrip('_')}` |"
        for each in FORMATS
    )
    text = HEAD + "\n".join(sets) + "\n" + MIDDLE + "\n".join(formats) + "\n"
    return {"reference/data.md": text}
