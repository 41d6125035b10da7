"""Notebooks, executed: what came out is kept until they, or the library, change."""

import asyncio
import base64
import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
import nbformat
from matplotlib.image import imread
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
QUIET = ["--IPKernelApp.log_level=ERROR"]  # not that it listens to this machine
LANGUAGE = {"name": "python", "pygments_lexer": "ipython3"}


def executed(kept, paths):
    """Each notebook with its outputs, two at a time: path -> notebook.

    Args:
        kept: folder of what was executed before, by content.
        paths: notebooks as plain Python files.

    Raises:
        CellExecutionError: with the cell, where one fails.
        ValueError: where one shows no figure, or a blank one.
    """
    kept.mkdir(parents=True, exist_ok=True)
    library = digest_of_library()
    files = {
        path: kept / f"{hashlib.sha256(library + path.read_bytes()).hexdigest()}.ipynb"
        for path in paths
    }
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(execute, files, files.values()))
    for old in {*kept.glob("*.ipynb")} - {*files.values()}:
        old.unlink()
    done = {path: nbformat.read(file, 4) for path, file in files.items()}
    for path, notebook in done.items():
        check_figures(path, notebook)
    return done


def execute(path, file):
    """Runs one, unless it was run before, into a file of its own."""
    if file.exists():
        return
    print(f"executing {path.name} ...", flush=True)
    notebook = jupytext.read(path)
    notebook.metadata = nbformat.from_dict({"language_info": LANGUAGE})
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", extra_arguments=QUIET
    )
    asyncio.run(client.async_execute(env=os.environ | {"PYTHONWARNINGS": "ignore"}))
    part = file.with_suffix(".part")
    nbformat.write(notebook, part)
    part.replace(file)


def digest_of_library():
    """What outputs depend on besides the notebook."""
    found = hashlib.sha256((ROOT / "requirements.lock").read_bytes())
    for path in sorted((ROOT / "snnjax").rglob("*")):
        if path.suffix in (".py", ".h", ".cc"):
            found.update(path.read_bytes())
    return found.digest()


def figures(notebook):
    """The pictures that a notebook shows, as PNG, in their order."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            picture = output.get("data", {}).get("image/png")
            if picture:
                yield base64.b64decode(picture)


def check_figures(path, notebook):
    """Refuses a notebook that shows nothing, or a blank figure."""
    shown = [imread(io.BytesIO(picture), format="png") for picture in figures(notebook)]
    if not shown or any(pixels[..., :3].std() < 0.01 for pixels in shown):
        raise ValueError(
            f"{path.name} shows {len(shown)} figures, none or a blank one."
        )
