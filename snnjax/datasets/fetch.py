"""Downloads of data sets: checked, unpacked, and whole or not there at all.

Bytes go to ``NAME.part``, which a later call goes on with, and get their real name only
once their number and their checksum are right. One process at a time fetches a file;
another one waits, and finds it made.
"""

import contextlib
import hashlib
import http.client
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

from snnjax.datasets.containers.archives import unpack
from snnjax.datasets.guard.checked import DataError
from snnjax.datasets.published import DataSet
from snnjax.files import atomic, cache_folder, lock, not_a_file
from snnjax.progress import Progress, bar

_BROKEN = (
    *(urllib.error.URLError, http.client.HTTPException),
    *(ssl.SSLError, ConnectionError, TimeoutError),
)
_PIECE = 2**18  # bytes read at once
_MOST = 2**29  # bytes of a file whose size is not published
_MINUTE, _SLOWEST = 60.0, 100  # bytes in a second, over so many seconds


def fetch(
    data_set: DataSet, to: str | Path | None = None, *, progress: bool = True
) -> Path:
    """Downloads the files of a data set and unpacks them; what is there is kept.

    Of several processes that get one set, the first does it and the others wait.

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
    with lock(base / ".downloads" / name, waiting=_tell if progress else _silent):
        for file in data_set.files:
            if file.unpack is None:
                _download(file, base / name / file.name, progress)
            elif not (base / name / file.unpack).exists():
                packed = base / ".downloads" / name / file.name
                _unpack(file, _download(file, packed, progress), base / name)
    return base / name


def download(
    url: str,
    path: str | Path,
    *,
    checksum: str = "",
    size: int = 0,
    most: int = _MOST,
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
        most: bytes to take at most where the size is unknown.
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
    with lock(path, waiting=_tell if progress else _silent):
        if path.exists():  # another process was faster
            verify(path, checksum, size)
            return path
        part = path.with_name(path.name + ".part")
        if not checksum:
            part.unlink(missing_ok=True)
        report = progress or _silent
        for left in reversed(range(attempts)):
            try:
                _go_on(url, part, report, timeout, size=size, most=most)
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
        with atomic(path) as new:
            part.rename(new)
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
    if kind := not_a_file(path):
        raise DataError(f"{path} is {kind}, not a file.")
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
    options = {"checksum": file.checksum, "size": file.size, "most": file.most}
    with bar(file.name, of_bytes=True, shown=shown) as update:
        return download(file.url, path, progress=update, **options)


def _compare(pattern, wanted, folder):
    came = contents_digest(folder, pattern) if wanted else wanted
    if came != wanted:
        raise DataError(
            f"{pattern} has digest {came}, {wanted} was expected: what came was "
            "damaged or changed. Nothing was kept of it."
        )


def _unpack(file, archive, folder):
    """Unpacks what came; without a checksum, it is kept only once that was done."""
    accept = partial(_compare, *file.contents)
    try:
        unpack(archive, folder / file.unpack, accept=accept)
    except DataError:
        if not file.checksum:
            archive.unlink()
        raise
    archive.unlink()


def _go_on(url, part, report, timeout, *, size, most):
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
        total = _length(url, answer, have)
        _check_most(url, part, total, size, most)
        file = stack.enter_context(part.open("ab" if have else "wb"))
        for piece in _pieces(answer):
            file.write(piece)
            have += len(piece)
            report(have, total or size)
            if (total or size) and have > (total or size):
                break
            _check_most(url, part, have, size, most)
        file.flush()
        os.fsync(file.fileno())
    if total and have < total:
        raise http.client.IncompleteRead(b"", total - have)


def _length(url, answer, have):
    """The size of the whole file as the server tells it; 0 if it does not."""
    told = answer.headers.get("Content-Length")
    if told is None:
        return 0
    if not told.isdecimal() or len(told) > 18:
        raise DataError(f"{url} tells a length of {told[:40]!r}, which is no number.")
    return have + int(told)


def _check_most(url, part, came, size, most):
    """Refuses what is larger than anything that could be meant; nothing is kept."""
    if not size and came > most:
        part.unlink(missing_ok=True)
        raise DataError(
            f"{url} sends more than {most} bytes, where no size was published. Nothing "
            "was kept of it; pass most=… if that is right."
        )


def _pieces(answer):
    """The bytes as they come, as long as they come at a bearable pace."""
    began, came = time.monotonic(), 0
    while piece := answer.read1(_PIECE):
        yield piece
        came += len(piece)
        if (passed := time.monotonic() - began) > _MINUTE:
            if came < _SLOWEST * passed:
                raise TimeoutError(f"less than {_SLOWEST} bytes came in a second")
            began, came = time.monotonic(), 0


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


def _tell(text):
    print(text, file=sys.stderr, flush=True)


def _silent(*told):
    """Tells nobody."""
