"""Builds the site: ``./run docs``, and ``./run docs --open`` to look at it.

Pages are gathered from where they are kept: ``docs/``, ``notebooks/``, the results of
studies, docstrings, and the command's own help. Notebooks are executed; what they gave
is kept until they, or the library, change. A warning is an error, and so is a link
within the site that leads nowhere.
"""

import argparse
import os
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BUILD = ROOT / "build/docs"
ELSEWHERE = {  # pages that have another place in the repository
    "CONTRIBUTING.md": "reference/contributing.md",
    "CHANGELOG.md": "reference/changelog.md",
    "benchmarks/README.md": "explanation/claims.md",
}
sys.path.insert(0, str(DOCS))


def main():
    """Builds, and returns Sphinx's exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", action="store_true", help="show it in a browser")
    parser.add_argument("--out", type=Path, default=BUILD / "html")
    options = parser.parse_args()
    os.environ["MPLBACKEND"] = "agg"
    source = BUILD / "source"
    write(source, gathered_pages())
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-j", "2"]
    command += ["-d", BUILD / "doctrees", source, options.out]
    status = subprocess.run(command, check=False).returncode
    if status == 0:
        start = options.out.resolve() / "index.html"
        print(start)
        if options.open:
            webbrowser.open(start.as_uri())
    return status


def gathered_pages():
    """All that Sphinx reads: path below the site's source -> bytes."""
    import nbformat
    from gathered import (
        api,
        commands,
        data,
        gallery,
        links,
        models,
        notebooks,
        surrogates,
    )

    executed = notebooks.executed(
        BUILD / "executed", sorted((ROOT / "notebooks").glob("*.py"))
    )
    pages = {
        f"tutorials/{path.stem}.ipynb": nbformat.writes(notebook)
        for path, notebook in executed.items()
    }
    pages |= gallery.pages(executed)
    for part in (api, commands, data, models, surrogates):
        pages |= part.pages()
    made = {*pages}
    kept = ELSEWHERE | {name: name.removeprefix("docs/") for name in own()}
    for name, page in kept.items():
        if name.endswith(".md"):
            text = (ROOT / name).read_text(encoding="utf-8")
            pages[page] = links.between_pages(text, name, page, kept, made)
        else:
            pages[page] = (ROOT / name).read_bytes()
    return {p: t.encode() if isinstance(t, str) else t for p, t in pages.items()}


def own():
    """The site's own files, from the root of the repository."""
    for path in sorted(DOCS.rglob("*")):
        inside = path.relative_to(DOCS).parts
        if path.is_file() and inside[0] not in ("gathered", "make.py", "__pycache__"):
            yield path.relative_to(ROOT).as_posix()


def write(source, pages):
    """Makes a folder hold these pages; one that is as it was keeps its date."""
    generated = source / "reference/api/generated"  # Sphinx keeps it
    for path in [p for p in source.rglob("*") if p.is_file()]:
        if str(path.relative_to(source)) not in pages and generated not in path.parents:
            path.unlink()
    shutil.rmtree(generated, ignore_errors=True)
    for name, text in pages.items():
        path = source / name
        if not path.exists() or path.read_bytes() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)


if __name__ == "__main__":
    sys.exit(main())
