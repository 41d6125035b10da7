"""Every figure that notebooks show was saved, and shows something."""

import re
import sys
from pathlib import Path

from matplotlib.image import imread


def main(folder, *notebooks):
    """Compares what notebooks show with what lies in a folder."""
    shown = [
        name
        for notebook in notebooks
        for name in re.findall(
            r'plot\.show\(\w+, "(\w+)"\)', Path(notebook).read_text()
        )
    ]
    saved = {path.stem: path for path in Path(folder).glob("*.png")}
    missing = sorted({*shown} ^ {*saved})
    blank = [name for name, path in saved.items() if imread(path)[..., :3].std() < 0.01]
    print(f"{len(saved)} figures of {len(notebooks)} notebooks")
    few = [
        notebook
        for notebook in notebooks
        if not any(name.startswith(Path(notebook).stem[:2]) for name in shown)
    ]
    if missing or blank or few or len(shown) != len({*shown}):
        sys.exit(f"missing: {missing}; blank: {blank}; no figure in: {few}")


if __name__ == "__main__":
    main(*sys.argv[1:])
