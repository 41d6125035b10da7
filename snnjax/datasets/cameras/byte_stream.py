"""The bytes of a file, or of what it packs, one piece after another.

A reader that takes pieces needs no more memory for a file of gigabytes than for a small
one, and pieces that fit into the cache of a processor are worked on faster than a file
as a whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from snnjax.datasets.guard.checked import Reading, unpacked

PIECE = 2**19  # bytes that are worked on at once
BEGIN = 2**22  # bytes in which a header must end


class ByteStream:
    """Bytes that are read once, in their order.

    Args:
        raw: an open file.
        file: whose allowance pays for bytes that were packed; what is read of a plain
            file is not kept.
        packed: whether they were.
    """

    def __init__(self, raw: Any, file: Reading, packed: bool):
        self.file = file
        self.size = None if packed else file.path.stat().st_size
        self._raw, self._packed = raw, packed
        self._held, self._at = bytearray(), 0  # read already, and how far given away
        self._paid = 0  # bytes of the allowance

    def begin(self) -> bytearray:
        """The first bytes, as many as a header may have; they stay to be read."""
        self._held, self._at = self.read(BEGIN), 0
        return self._held

    def rewind(self, at: int) -> None:
        """Goes on at a byte of the file, once more."""
        self._held, self._at = bytearray(), 0
        self._raw.seek(at)
        self.file.left += self._paid
        self._paid = 0

    def read_into(self, room: memoryview) -> int:
        """Fills bytes; how many it were, fewer than all at the end of the file only."""
        done = min(len(room), len(self._held) - self._at)
        if done:
            room[:done] = memoryview(self._held)[self._at : self._at + done]
            self._at += done
            if self._at == len(self._held):
                self._held, self._at = bytearray(), 0
        while done < len(room):
            n = self._raw.readinto(room[done:])
            if not n:
                break
            if self._packed:
                self._paid += n
                self.file.take(n, "it")
            done += n
        return done

    def read(self, size: int) -> bytearray:
        """The next bytes, fewer than asked for at the end of the file only."""
        found = bytearray()
        while len(found) < size:  # never more room than twice what there is
            begin = len(found)
            found += bytes(min(size - begin, max(PIECE, begin)))
            with memoryview(found) as room:
                end = begin + self.read_into(room[begin:])
            if end < len(found):
                del found[end:]
                break
        return found

    def skip(self, size: int) -> int:
        """Leaves out the next bytes; how many it were."""
        left = size
        while left and (n := len(self.read(min(left, PIECE)))):
            left -= n
        return size - left

    def pieces(self, item: int, share: int = 1) -> Iterator[memoryview]:
        """All that follows, in whole items but for the end of the last piece.

        A piece holds until the next one is asked for.

        Args:
            item: bytes that must not be parted.
            share: how many times smaller than others the pieces are.
        """
        room = memoryview(bytearray(max(PIECE // share // item, 1) * item))
        while n := self.read_into(room):
            yield room[:n]

    def grown(self, rest: bytes, halves: int = 1) -> bytes:
        """What is left of the last piece, and so many halves of one behind it."""
        return bytes(rest + self.read(max(halves * PIECE // 2, 1)))


@contextmanager
def opened(file: Reading) -> Iterator[ByteStream]:
    """The bytes of a file, or of what a ``.gz`` or ``.zip`` packs.

    Args:
        file: from ``reading``.
    """
    with unpacked(file) as (raw, packed):
        yield ByteStream(raw, file, packed)
