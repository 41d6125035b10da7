"""The programs of the pages in ``docs/how-to``, by the heading above each."""

import ast
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "docs/how-to"
ELSEWHERE = {"trained-models": "models/test_trained_page.py"}  # run as a whole
PAGES = {
    page.stem: page.read_text()
    for page in sorted(FOLDER.glob("*.md"))
    if page.stem not in ELSEWHERE
}
PROGRAM = re.compile(r"^## ([^\n]*)\n((?:(?!^## ).)*?)```python\n(.*?)```", re.S | re.M)
RECIPES = {
    heading: program
    for page in PAGES.values()
    for heading, _, program in PROGRAM.findall(page)
}


def definitions(heading: str) -> dict[str, Any]:
    """What a program imports and defines; nothing else of it is run."""
    kinds = ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef
    body = [n for n in ast.parse(RECIPES[heading]).body if isinstance(n, kinds)]
    names: dict[str, Any] = {}
    exec(ast.unparse(ast.Module(body, [])), names)
    return names
