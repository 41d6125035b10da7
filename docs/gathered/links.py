"""Links between files of the repository become links between pages."""

import os
import re
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
DOI = re.compile(r"doi:(10\.[^\s,;)]+)")
LINK = re.compile(r"(!?)\[([^\]\[]*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def to_dois(text, words=r"doi:\1"):
    """``text`` whose dois can be followed; ``words`` are what stands for each."""
    return DOI.sub(rf"[{words}](https://doi.org/\1)", text)


def between_pages(text, kept, page, pages, made=()):
    """``text`` of the file ``kept`` as it reads on ``page``.

    A link to a file that is a page goes to that page, and one to another file of the
    repository becomes its path, as nothing on the site could be opened. A file that is
    not there is an error.

    Args:
        text: Markdown.
        kept: the file's path from the root of the repository.
        page: where the site has it.
        pages: file of the repository -> page, of all.
        made: pages that are made from something else, and have no file.

    Raises:
        FileNotFoundError: for a link to nothing.
    """

    def follow(found):
        image, words, target, anchor = found.groups()
        file = os.path.normpath(PurePosixPath(kept).parent / target)
        if file in pages:
            there = os.path.relpath(pages[file], PurePosixPath(page).parent)
            return f"{image}[{words}]({there}{anchor or ''})"
        there = os.path.normpath(PurePosixPath(page).parent / target)
        if any(f"{there}{end}" in made for end in ("", ".md", ".rst", ".ipynb")):
            return found.group()
        if there.startswith("reference/api/generated/"):  # by Sphinx, which checks
            return found.group()
        if not (ROOT / file).exists():
            raise FileNotFoundError(f"{kept} links to {target}, which is not there.")
        return f"{words} (`{file}`)"

    return LINK.sub(follow, text)
