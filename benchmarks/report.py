"""Where results go, and who is told what.

JSON lines go to standard output, a table for people to standard error.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"


def emit(**row: Any) -> None:
    """Prints one JSON line on standard output."""
    print(json.dumps(row), flush=True)


def tell(text: str) -> None:
    """Prints a line for people on standard error."""
    print(text, file=sys.stderr, flush=True)
