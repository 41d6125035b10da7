"""Downloads that are whole or not there at all.

Bytes go to ``NAME.part``, which a later call goes on with, and get their real name only
once their number and their checksum are right.
"""

import contextlib
import hashlib
import http.client
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from snnjax.datasets.files import DataError
from snnjax.progress import Progress

_BROKEN = (
    *(urllib.error.URLError, http.client.HTTPException),
    *(ssl.SSLError, ConnectionError, TimeoutError),
)
_PIECE = 2**18  # bytes read at once


def fetch(
    url: str,
    path: str | Path,
    *,
    checksum: str = "",
    size: int = 0,
    progress: Progress | None = None,
    attempts: int = 3,
    timeout: float = 30.0,
) -> Path:
    """Gets a file, unless it is there already.

    Args:
        url: its address, ``http`` or ``https``.
        path: where it shall lie.
        checksum: ``"md5:…"`` or ``"sha256:…"``. Without one, a file that was cut off is
            begun anew, since nothing would tell whether its halves fit.
        size: in bytes, if known.
        progress: is told how many bytes are there, of how many.
        attempts: how often to go on after the connection broke.
        timeout: how long to wait for the next bytes [s].

    Returns:
        The path.

    Raises:
        ConnectionError: if the address cannot be reached, saying what to do.
        DataError: if what came is not what was published; nothing is kept of it.
    """
    path = Path(path)
    if path.exists():
        verify(path, checksum, size)
        return path
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"An address begins with http:// or https://, got {url!r}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    if not checksum:
        part.unlink(missing_ok=True)
    told = progress or (lambda done, total: None)
    for left in reversed(range(attempts)):
        try:
            _go_on(url, part, size, told, timeout)
            break
        except _BROKEN as error:
            refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
            if left == 0 or refused:
                raise _unreachable(url, path, error) from error
    try:
        verify(part, checksum, size)
    except DataError:
        part.unlink()
        raise
    part.replace(path)
    return path


def verify(path: str | Path, checksum: str, size: int = 0) -> None:
    """Compares a file with what was published of it; nothing published is no error.

    Args:
        path: of the file.
        checksum: ``"md5:…"``, ``"sha256:…"`` or nothing.
        size: in bytes, or 0 if unknown.

    Raises:
        DataError: with what came and what was expected.
    """
    path = Path(path)
    if size and path.stat().st_size != size:
        raise DataError(
            f"{path} has {path.stat().st_size} bytes, {size} were published. "
            "Delete it and get it again."
        )
    if checksum:
        kind, _, wanted = checksum.partition(":")
        with path.open("rb") as file:
            came = hashlib.file_digest(file, kind).hexdigest()
        if came != wanted:
            raise DataError(
                f"{path} has {kind} {came}, {wanted} was published: it was damaged or "
                "changed. Delete it and get it again."
            )


def _go_on(url, part, size, told, timeout):
    """Fetches what is missing of a part, from where it ends."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "snnjax"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:  # there is nothing beyond: perhaps all is here
            error.close()
            _only_if_whole(part, have, error.headers.get("Content-Range", ""))
            return
        raise
    with answer, contextlib.ExitStack() as stack:
        if have and not _continues(answer, have):
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else 0
        file = stack.enter_context(part.open("ab" if have else "wb"))
        while piece := answer.read(_PIECE):
            file.write(piece)
            have += len(piece)
            told(have, total or size)
            if (total or size) and have > (total or size):
                break
        file.flush()
        os.fsync(file.fileno())
    if total and have < total:
        raise http.client.IncompleteRead(b"", total - have)


def _continues(answer, have):
    begin = answer.headers.get("Content-Range", "").removeprefix("bytes ")
    return answer.status == 206 and begin.split("-")[0] == str(have)


def _only_if_whole(part, have, told):
    """Begins anew at the next attempt if the part is longer than the file."""
    if told != f"bytes */{have}":
        part.unlink()
        raise http.client.IncompleteRead(b"", 0)


def _unreachable(url, path, error):
    reason = getattr(error, "reason", None) or error
    return ConnectionError(
        f"{url} could not be had ({type(error).__name__}: {reason}). If this machine "
        f"is offline, get the file elsewhere and put it at {path}. Otherwise try "
        "again: it goes on where it stopped."
    )
