"""What is published of a data set: its page, its licence, its files and checksums."""

from collections.abc import Callable
from typing import Any, NamedTuple


class File(NamedTuple):
    """One file to download, as its publisher offers it.

    A checksum is MD5 where the publisher gives that. GitHub packs a repository anew
    when it is asked for, so such an archive has none; ``contents`` tells what is in it
    instead.
    """

    name: str
    url: str
    checksum: str = ""  # "md5:…" or "sha256:…"; empty if none was published
    size: int = 0  # [bytes]; 0 if unknown
    most: int = 2**29  # where the size is unknown, what is not exceeded [bytes]
    unpack: str | None = None  # folder for what it packs; "" is the set's own
    contents: tuple[str, str] = ("", "")  # pattern of names, and ``contents_digest``


class DataSet(NamedTuple):
    """A data set as the catalogue lists it."""

    name: str
    about: str  # in one line
    parts: str  # which samples validate and test
    home: str  # its page
    licence: str
    cite: str
    load: Callable[..., Any] | None  # (split, path) -> Events, Samples or Recordings
    files: tuple[File, ...] = ()  # nothing is downloaded if there are none
    homes: tuple[str, ...] = ()  # subfolders that may hold it, beside one of its name
    marks: tuple[str, ...] = ()  # patterns of what lies there; as ``files`` if none
