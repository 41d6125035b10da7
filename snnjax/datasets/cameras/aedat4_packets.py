"""The packets of an AEDAT 4 file, as the package aedat decodes them, in ``apart``.

This module runs in a child process and imports nothing of the library. What it needs
is imported before memory is bounded.
"""

from collections.abc import Iterator
from typing import Any


class HoldsError(Exception):
    """Told as the library's own, which is not imported here."""


def decoded(path: str, camera: int | None) -> Iterator[tuple[str, Any]]:
    """Streams, columns of the events of one camera, and how many others there are.

    Args:
        path: of the file.
        camera: number of its stream; the one there is if ``None``.

    Raises:
        ImportError: without aedat.
        HoldsError: if there is no such stream, or several and none is picked.
    """
    try:
        import aedat
    except ImportError as error:
        raise ImportError(
            'Reading AEDAT 4 needs aedat: pip install "snnjax[cameras]".'
        ) from error
    decoder = aedat.Decoder(path)
    streams = decoder.id_to_stream()
    chosen = _chosen(streams, camera)
    yield "size", [streams[chosen]["height"], streams[chosen]["width"]]
    others: dict[str, int] = {}
    for packet in decoder:
        if packet["stream_id"] == chosen:
            yield "events", packet["events"]
        else:
            for name, n in _counts(packet):
                others[name] = others.get(name, 0) + n
    yield "others", others


def _chosen(streams, camera):
    """The stream of the camera."""
    cameras = sorted(k for k, each in streams.items() if each["type"] == "events")
    kinds = ", ".join(sorted(each["type"] for each in streams.values())) or "nothing"
    if camera is not None and camera not in cameras:
        raise HoldsError(f"events of streams {cameras}, none of camera {camera}")
    if not cameras:
        raise HoldsError(f"streams of {kinds}, none of events")
    if len(cameras) > 1 and camera is None:
        raise HoldsError(f"events of streams {cameras}; camera=… picks one")
    return cameras[0] if camera is None else camera


def _counts(packet):
    """What a packet holds that is no event of the camera, and how many."""
    for name in ("events", "imus", "triggers"):
        if name in packet:
            yield name, len(packet[name])
    if "frame" in packet:
        yield "frame", 1
