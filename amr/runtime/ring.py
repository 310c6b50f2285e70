"""A byte ring in shared memory: one process writes, one reads, neither ever waits for the other.

Why not ``multiprocessing.Queue``: it writes from a second thread of this process, and a second Python thread makes the
control loop 6 to 11 ms late. Why a file descriptor and no name: it vanishes with its last process, also after SIGKILL.
A record carries its CRC-32, so that the order in which another core sees our writes does not matter.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from typing import Final

_U64: Final = struct.Struct("<Q")
_RECORD: Final = struct.Struct("<II")
_HEAD, _TAIL, _DROPPED, _CLOSED = 0, 8, 16, 24
_DATA: Final = 64
PATIENCE: Final = 200


class Ring:
    """Either end. Writer: ``push``, ``close_writing``; reader: ``pop``. Capacity is a power of two."""

    def __init__(self, descriptor: int) -> None:
        """Attach to an existing ring; ``create`` makes one."""
        self.descriptor = descriptor
        size = os.fstat(descriptor).st_size
        self._capacity = size - _DATA
        self._map = mmap.mmap(descriptor, size)
        self._impatience = 0
        self._dropped_at_close: int | None = None
        self.torn = 0
        """Reader: times that unread records were given up because one stayed unreadable."""

    @classmethod
    def create(cls, capacity_bytes: int, name: str = "amr-ring") -> Ring:
        """A new ring in anonymous shared memory."""
        descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
        os.ftruncate(descriptor, _DATA + capacity_bytes)
        return cls(descriptor)

    # ------------------------------------------------------------ writer

    def push(self, data: bytes) -> bool:
        """Append a record; False when there is no room: then it is dropped and counted."""
        head, tail = self._word(_HEAD), self._word(_TAIL)
        needed = _RECORD.size + len(data)
        if needed > self._capacity - (head - tail):
            self._store(_DROPPED, self._word(_DROPPED) + 1)
            return False
        self._put(head, _RECORD.pack(len(data), zlib.crc32(data)))
        self._put(head + _RECORD.size, data)
        self._store(_HEAD, head + needed)
        return True

    @property
    def dropped(self) -> int:
        """Records that found no room; also after ``close``."""
        return self._word(_DROPPED) if self._dropped_at_close is None else self._dropped_at_close

    def close_writing(self) -> None:
        """Tell the reader that nothing more comes."""
        self._store(_CLOSED, 1)

    # ------------------------------------------------------------ reader

    @property
    def closed_by_writer(self) -> bool:
        """True when the writer said so; what is still in the ring can be read."""
        return self._word(_CLOSED) == 1

    def pop(self, most: int | None = None) -> list[bytes]:
        """All records that are there, or the first ``most`` of them."""
        records: list[bytes] = []
        head, tail = self._word(_HEAD), self._word(_TAIL)
        while tail < head and (most is None or len(records) < most):
            length, crc = _RECORD.unpack(self._get(tail, _RECORD.size))
            data = self._get(tail + _RECORD.size, length) if length <= head - tail - _RECORD.size else b""
            if len(data) != length or zlib.crc32(data) != crc:
                self._impatience += 1  # the writer's bytes are not all visible yet
                if self._impatience > PATIENCE:
                    self.torn += 1
                    self._impatience = 0
                    tail = head
                break
            self._impatience = 0
            records.append(data)
            tail += _RECORD.size + length
        self._store(_TAIL, tail)
        return records

    # ------------------------------------------------------------ both

    @property
    def unread_bytes(self) -> int:
        """What the reader has not taken yet."""
        return self._word(_HEAD) - self._word(_TAIL)

    def close(self) -> None:
        """Unmap this end."""
        self._dropped_at_close = self.dropped
        self._map.close()
        os.close(self.descriptor)

    def _word(self, offset: int) -> int:
        word: int = _U64.unpack_from(self._map, offset)[0]
        return word

    def _store(self, offset: int, value: int) -> None:
        _U64.pack_into(self._map, offset, value)

    def _put(self, position: int, data: bytes) -> None:
        start = position % self._capacity
        first = min(len(data), self._capacity - start)
        self._map[_DATA + start : _DATA + start + first] = data[:first]
        if first < len(data):
            self._map[_DATA : _DATA + len(data) - first] = data[first:]

    def _get(self, position: int, length: int) -> bytes:
        start = position % self._capacity
        first = min(length, self._capacity - start)
        data = self._map[_DATA + start : _DATA + start + first]
        return data + self._map[_DATA : _DATA + length - first] if first < length else data
