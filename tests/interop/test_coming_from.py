"""What ``docs/how-to/coming-from`` says of other libraries is so, on both sides."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.interop.libraries import environments

FOLDER = Path(__file__).parents[2] / "docs/how-to/coming-from"
PAGES = "snntorch", "norse", "spikingjelly", "spyx"
BLOCK = re.compile(r"```(python|py|text)\n(.*?)```", re.S)


def blocks(page, *languages):
    text = (FOLDER / f"{page}.md").read_text()
    return [code for language, code in BLOCK.findall(text) if language in languages]


@pytest.mark.parametrize("page", PAGES)
def test_our_side_prints_what_the_page_says(page, capsys, promoted):
    scope = {"__name__": "page"}
    for code in blocks(page, "python"):
        exec(code, scope)
    assert capsys.readouterr().out == "".join(blocks(page, "text"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_their_side_prints_the_same(page):
    python = environments.made(environments.group_of(page))
    if python is None:
        pytest.skip("no environment: ./run python -m tests.interop.libraries --compare")
    data = blocks(page, "python")[0]
    (theirs,) = blocks(page, "py")
    command = [python, "-W", "ignore", "-c", data + theirs]
    done = subprocess.run(
        command,
        env=environments.outside(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == blocks(page, "text")[0]
