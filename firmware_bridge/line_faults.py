"""What a serial line can do to bytes between host and MCU: seeded, deterministic, one object a direction.

A fault stands at the receiving end and is asked in every step of virtual time: ``pass_on`` takes what came off the line
since the step before (often nothing) and gives what the receiver gets. When the fault ends, ``release`` gives what it
still held. ``faults.py`` names what the receiver makes of it.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Protocol

_BUFFER_BYTES = 4096
"""What a driver's buffer keeps; more is lost, the oldest stays."""
_LINE_BYTES_PER_MS = 11
"""What a busy line of 115200 baud delivers."""
_MS_NS = 1_000_000


class LineFault(Protocol):
    """One direction's fault."""

    def pass_on(self, data: bytes, now_ns: int) -> bytes:
        """What the receiver gets now."""
        ...

    def release(self) -> bytes:
        """What is still held when the fault ends."""
        ...


class _Holding:
    """Base of the faults: nothing is held."""

    def release(self) -> bytes:
        """See ``LineFault``."""
        return b""


class Drop(_Holding):
    """Frames vanish: each with probability ``share``; 1 = the line is dead."""

    def __init__(self, share: float, seed: int) -> None:
        self._share, self._random = share, random.Random(seed)
        self._frames = _FrameCutter()

    def pass_on(self, data: bytes, now_ns: int) -> bytes:  # noqa: ARG002
        """See ``LineFault``."""
        if self._share >= 1.0:
            return b""
        return b"".join(frame for frame in self._frames.cut(data) if self._random.random() >= self._share)


class Corrupt(_Holding):
    """One bit of a byte turns over, in a ``share`` of all bytes."""

    def __init__(self, share: float, seed: int) -> None:
        self._share, self._random = share, random.Random(seed)

    def pass_on(self, data: bytes, now_ns: int) -> bytes:  # noqa: ARG002
        """See ``LineFault``."""
        chance, bit = self._random.random, self._random.randrange
        return bytes(byte ^ (1 << bit(8)) if chance() < self._share else byte for byte in data)


class Duplicate(_Holding):
    """Every frame comes twice."""

    def __init__(self) -> None:
        self._frames = _FrameCutter()

    def pass_on(self, data: bytes, now_ns: int) -> bytes:  # noqa: ARG002
        """See ``LineFault``."""
        return b"".join(2 * frame for frame in self._frames.cut(data))


class Truncate(_Holding):
    """Every frame loses its second half, delimiter included."""

    def __init__(self) -> None:
        self._frames = _FrameCutter()

    def pass_on(self, data: bytes, now_ns: int) -> bytes:  # noqa: ARG002
        """See ``LineFault``."""
        return b"".join(frame[: len(frame) // 2] for frame in self._frames.cut(data))


class Split:
    """Frames arrive in pieces of any size, some of them a step late. Nothing is lost."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._held = b""

    def pass_on(self, data: bytes, now_ns: int) -> bytes:  # noqa: ARG002
        """See ``LineFault``."""
        ready = len(self._held) + self._random.randrange(len(data) + 1)
        self._held += data
        passed, self._held = self._held[:ready], self._held[ready:]
        return passed

    def release(self) -> bytes:
        """See ``LineFault``."""
        return self._held


class Delay:
    """Every byte comes ``delay_ns`` later."""

    def __init__(self, delay_ns: int) -> None:
        self._delay_ns = delay_ns
        self._held: deque[tuple[int, bytes]] = deque()

    def pass_on(self, data: bytes, now_ns: int) -> bytes:
        """See ``LineFault``."""
        if data:
            self._held.append((now_ns + self._delay_ns, data))
        passed = []
        while self._held and self._held[0][0] <= now_ns:
            passed.append(self._held.popleft()[1])
        return b"".join(passed)

    def release(self) -> bytes:
        """See ``LineFault``."""
        return b"".join(data for _, data in self._held)


class Throttle:
    """A reader that takes at most ``bytes_per_ms``; behind it a driver's buffer fills. 0 = nothing until it ends."""

    def __init__(self, bytes_per_ms: int) -> None:
        self._bytes_per_ms = bytes_per_ms
        self._held = b""
        self._before_ns: int | None = None

    def pass_on(self, data: bytes, now_ns: int) -> bytes:
        """See ``LineFault``."""
        elapsed_ns = 0 if self._before_ns is None else now_ns - self._before_ns
        self._before_ns = now_ns
        self._held = (self._held + data)[:_BUFFER_BYTES]
        ready = self._bytes_per_ms * elapsed_ns // _MS_NS
        passed, self._held = self._held[:ready], self._held[ready:]
        return passed

    def release(self) -> bytes:
        """See ``LineFault``."""
        return self._held


class Flood(_Holding):
    """A busy line without a word on it: ``byte`` over and over, or noise for None."""

    def __init__(self, byte: int | None, seed: int) -> None:
        self._byte, self._random = byte, random.Random(seed)
        self._before_ns: int | None = None

    def pass_on(self, data: bytes, now_ns: int) -> bytes:  # noqa: ARG002
        """See ``LineFault``."""
        elapsed_ns = _MS_NS if self._before_ns is None else now_ns - self._before_ns
        self._before_ns = now_ns
        count = _LINE_BYTES_PER_MS * elapsed_ns // _MS_NS
        return self._random.randbytes(count) if self._byte is None else bytes((self._byte,)) * count


class WrongBaud(_Holding):
    """The receiver samples ``ratio`` times as fast as the sender sends: what a wrong baud rate makes of each chunk."""

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio

    def pass_on(self, data: bytes, now_ns: int) -> bytes:  # noqa: ARG002
        """See ``LineFault``."""
        levels = [level for byte in data for level in _levels(byte)]
        heard = bytearray()
        at, last = 0.0, float(len(levels))
        while (start := _falling_edge(levels, at)) is not None:
            samples = [start + (0.5 + bit) / self._ratio for bit in range(10)]
            if samples[-1] >= last:
                break
            bits = [levels[int(sample)] for sample in samples]
            heard.append(sum(bit << place for place, bit in enumerate(bits[1:9])))
            at = samples[-1]
        return bytes(heard)


class _FrameCutter:
    """Cuts a stream behind its delimiters, and keeps what is not yet whole."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, data: bytes) -> list[bytes]:
        """All frames that are whole now, each with its delimiter."""
        *whole, self._rest = (self._rest + data).split(b"\0")
        return [block + b"\0" for block in whole]


def _levels(byte: int) -> list[int]:
    """A byte on the wire, a level a bit: start, eight data from the lowest, stop."""
    return [0, *(byte >> place & 1 for place in range(8)), 1]


def _falling_edge(levels: list[int], at: float) -> float | None:
    """Where the next start bit begins, from ``at`` on; the line before the first byte is high."""
    for index in range(int(at), len(levels)):
        if levels[index] == 0 and (index == 0 or levels[index - 1] == 1):
            return float(index)
    return None
