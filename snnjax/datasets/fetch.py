"""Downloads of data sets: checked, unpacked, and whole or not there at all.

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
from functools import partial
from pathlib import Path

from snnjax.datasets.formats.archives import unpack
from snnjax.datasets.formats.checked import DataError
from snnjax.datasets.published import DataSet
from snnjax.files import cache_folder
from snnjax.progress import Progress, bar

_BROKEN = (
    *(urllib.error.URLError, http.client.HTTPException),
    *(ssl.SSLError, ConnectionError, TimeoutError),
)
_PIECE = 2**18  # bytes read at once


def fetch(
    data_set: DataSet, to: str | Path | None = None, *, progress: bool = True
) -> Path:
    """Downloads the files of a data set and unpacks them; what is there is kept.

    Args:
        data_set: of the catalogue.
        to: folder of all data sets, which gets a subfolder; the cache if omitted.
        progress: whether to show a bar (lines where there is no terminal) on stderr.

    Returns:
        The folder of the set.

    Raises:
        ValueError: for a set that is not downloaded.
        ConnectionError: if an address cannot be reached.
        DataError: if what came is not what was published; nothing is kept of it.
    """
    name = data_set.name
    if not data_set.files:
        raise ValueError(f"{name} is not downloaded: {data_set.about}.")
    base = cache_folder() if to is None else Path(to)
    for file in data_set.files:
        if file.unpack is None:
            _download(file, base / name / file.name, progress)
        elif not (base / name / file.unpack).exists():
            archive = _download(file, base / ".downloads" / name / file.name, progress)
            accept = partial(_compare, *file.contents)
            unpack(archive, base / name / file.unpack, accept=accept)
            archive.unlink()
    return base / name


def download(
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
    report = progress or (lambda done, total: None)
    for left in reversed(range(attempts)):
        try:
            _go_on(url, part, size, report, timeout)
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


def contents_digest(folder: Path, pattern: str) -> str:
    """SHA-256 of what ``sha256sum`` prints of files of a pattern, sorted by name."""
    listing = hashlib.sha256()
    for file in sorted(folder.glob(pattern), key=lambda each: each.name.encode()):
        each = hashlib.sha256(file.read_bytes()).hexdigest()
        listing.update(f"{each}  {file.name}\n".encode())
    return listing.hexdigest()


def _download(file, path, shown):
    options = {"checksum": file.checksum, "size": file.size}
    with bar(file.name, of_bytes=True, shown=shown) as update:
        return download(file.url, path, progress=update, **options)


def _compare(pattern, wanted, folder):
    came = contents_digest(folder, pattern) if wanted else wanted
    if came != wanted:
        raise DataError(
            f"{pattern} has digest {came}, {wanted} was expected: what came was "
            "damaged or changed. Nothing was kept of it."
        )


def _go_on(url, part, size, report, timeout):
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
            report(have, total or size)
            if (total or size) and have > (total or size):
                break
        file.flush()
        os.fsync(file.fileno())
    if total and have < total:
        raise http.client.IncompleteRead(b"", total - have)


def _continues(answer, have):
    begin = answer.headers.get("Content-Range", "").removeprefix("bytes ")
    return answer.status == 206 and begin.split("-")[0] == str(have)


def _only_if_whole(part, have, content_range):
    """Begins anew at the next attempt if the part is longer than the file."""
    if content_range != f"bytes */{have}":
        part.unlink()
        raise http.client.IncompleteRead(b"", 0)


def _unreachable(url, path, error):
    reason = getattr(error, "reason", None) or error
    return ConnectionError(
        f"{url} could not be had ({type(error).__name__}: {reason}). If this machine "
        f"is offline, get the file elsewhere and put it at {path}. Otherwise try "
        "again: it goes on where it stopped."
    )
