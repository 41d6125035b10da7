"""The command line as its own help tells it."""

import contextlib
import io
import os
import re
from unittest import mock

from snnjax import __main__

HEAD = """\
# The command line

What `./run snnjax COMMAND --help` prints, or `snnjax COMMAND --help` in an environment
of your own, for every command.
"""
PLAIN = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}


def pages():
    """The one page."""
    with mock.patch.dict(os.environ, PLAIN):
        return {"reference/command-line.md": HEAD + "".join(told([]))}


def told(command):
    """A section for a command, and for each of those below it."""
    text = help_of(command)
    if command:
        yield f"\n{'#' * (len(command) + 1)} `snnjax {' '.join(command)}`\n"
    yield f"\n```text\n{text.strip()}\n```\n"
    below = re.match(r"usage: snnjax [\w -]*\[-h\] \{([^}]*)\}", text)
    for name in below.group(1).split(",") if below else ():
        yield from told([*command, name.strip()])


def help_of(command):
    """What a command prints of itself."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        __main__.main([*command, "--help"])
    return out.getvalue()
