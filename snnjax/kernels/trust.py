"""Whether a library is what was compiled here, before any of it runs.

What is loaded runs with all rights of the user. So a note with the digest lies beside
the library, and both must be files of the user (or root) that nobody else can write.
"""

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

from snnjax import files


def note_of(library: Path) -> Path:
    """Where the note about a library lies."""
    return library.with_suffix(".json")


def vouch(library: Path, **how: Any) -> None:
    """Writes the note about a library that was just compiled.

    Args:
        library: the file.
        how: it was made, kept in the note.
    """
    with library.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with files.atomic(note_of(library)) as new:
        new.write_text(json.dumps({**how, "sha256": digest}) + "\n", encoding="utf-8")
        new.chmod(0o600)


def noted(library: Path) -> dict[str, Any]:
    """What the note says; nothing if there is none, or it cannot be read."""
    try:
        told = json.loads(note_of(library).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def doubt(library: Path) -> str:
    """Why a library is not to be loaded; nothing if it is what was compiled here."""
    for file in (library, note_of(library)):
        try:
            if why := _anybody_else(file.lstat()):
                return f"{file} {why}"
        except OSError:
            return f"{file} is not there"
    with library.open("rb") as opened:
        came = hashlib.file_digest(opened, "sha256").hexdigest()
    if came != noted(library).get("sha256"):
        return f"{library} is not what was compiled: its digest is another"
    return ""


def _anybody_else(told):
    """Who but the user could have made a file what it is."""
    if not stat.S_ISREG(told.st_mode):
        return "is no file of its own"
    if hasattr(os, "getuid") and told.st_uid not in (os.getuid(), 0):
        return "belongs to another user"
    if os.name == "posix" and told.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "can be written by others"
    return ""
