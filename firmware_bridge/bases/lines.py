"""Lines out of bytes: ended by CR or LF, bounded in length."""

from __future__ import annotations


class LineReader:
    """What is longer than ``limit`` without an end is thrown away up to the next end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._part = b""
        self._skipping = False
        self.oversize = 0

    def reset(self) -> None:
        """Forget half a line."""
        self._part, self._skipping = b"", False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes end, without their ends; empty ones left out."""
        *whole, rest = (self._part + data).replace(b"\r", b"\n").split(b"\n")
        if whole and self._skipping:
            whole, self._skipping = whole[1:], False
        if len(rest) > self._limit or (self._skipping and not whole):
            self.oversize += not self._skipping
            rest, self._skipping = b"", True
        self._part = rest
        self.oversize += sum(len(line) > self._limit for line in whole)
        return [line for line in whole if 0 < len(line) <= self._limit]
