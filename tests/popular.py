"""How often public names are used where one learns them: notebooks, examples, pages.

Benchmarks count as well. A name counts once a file, and is found by what it stands for,
however it was imported.
"""

import ast
import importlib
import re
import sys
from collections import Counter
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from gathered import api  # noqa: E402


@cache
def public():
    """Functions and classes that have a page, by where it stands."""
    homes = {home for names in api.public().values() for home in names.values()}
    values = {home: look_up(home) for home in sorted(homes)}
    return {home: value for home, value in values.items() if is_told(value)}


def look_up(dotted):
    """What a dotted name stands for, as far as modules go."""
    value = importlib.import_module(dotted.split(".")[0])
    for name in dotted.split(".")[1:]:
        if not isinstance(value, ModuleType):
            break
        if not hasattr(value, name):
            importlib.import_module(f"{value.__name__}.{name}")
        value = getattr(value, name)
    return value


def is_told(value):
    """Whether it has a docstring of its own: constants and types' aliases have none."""
    return isinstance(value, type | FunctionType) or hasattr(value, "__wrapped__")


def uses():
    """In how many files each public name is used."""
    homes = {id(value): home for home, value in public().items()}
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for folder in ("notebooks", "examples", "benchmarks"):
        files += (ROOT / folder).rglob("*.py")
    found = Counter()
    for file in files:
        found.update({homes[i] for i in map(id, used(code(file))) if i in homes})
    return found


def code(file):
    """The Python in a file, as trees; what stands for code with … is left out."""
    text = file.read_text()
    blocks = [text]
    if file.suffix == ".md":
        blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    for block in blocks:
        try:
            yield ast.parse(block.replace("…", "..."))
        except SyntaxError:
            assert file.suffix == ".md", file


def used(trees):
    """What names of snnjax stand for, in a file of these trees."""
    known, values = {}, []
    for tree in trees:
        for node in ast.walk(tree):
            known |= imported(node)
        for first, *rest in filter(None, map(dotted, ast.walk(tree))):
            if first in known:
                with suppress(ModuleNotFoundError):  # another library's, of equal name
                    values.append(look_up(".".join([known[first], *rest])))
    return values


def dotted(node):
    """The words of a name such as ``snn.learning.mse``; None for anything else."""
    if isinstance(node, ast.Name):
        return [node.id]
    owner = dotted(node.value) if isinstance(node, ast.Attribute) else None
    return owner and [*owner, node.attr]


def imported(node):
    """What an import calls parts of snnjax: name -> dotted name."""
    if isinstance(node, ast.ImportFrom):
        names = {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    elif isinstance(node, ast.Import):
        whole = [a.name if a.asname else a.name.split(".")[0] for a in node.names]
        names = {a.asname or w: w for a, w in zip(node.names, whole, strict=True)}
    else:
        return {}
    return {k: v for k, v in names.items() if v.split(".")[0] == "snnjax"}
