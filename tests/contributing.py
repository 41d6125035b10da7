"""The templates of CONTRIBUTING.md, as the modules that they would be."""

import importlib.util
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
BLOCK = re.compile(r"`(\w+/[\w/]+\.py)`(?:(?!\n\n).)*:\n\n```python\n(.*?)```", re.S)
FILES: dict[str, str] = dict(BLOCK.findall(TEXT))  # by the path that stands above each


@cache
def template(path: str) -> ModuleType:
    """Runs a template; others can import it, if its file is a new one."""
    made = ModuleType(path.removesuffix(".py").replace("/", "."))
    if importlib.util.find_spec(made.__name__) is None:
        sys.modules[made.__name__] = made
    exec(compile(FILES[path], path, "exec"), vars(made))
    return made


integrator = template("snnjax/neurons/perfect.py").integrator
one_to_one = template("snnjax/networks/pairs.py").one_to_one
