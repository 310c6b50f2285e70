"""A serial line in virtual time: bytes take their time at the baud rate, and a fixed delay beyond."""

from __future__ import annotations

from collections import deque

_BITS_PER_BYTE = 10  # start, eight data, stop


class ByteLine:
    """One direction of a serial line. Times are integer nanoseconds of simulated time.

    ``device_paces``: an emulated UART at the other end gives the bytes their time on the wire, so that here only the
    delay passes; the arrival that ``send`` tells includes the wire all the same.
    """

    def __init__(self, baud: int, delay_ns: int, *, device_paces: bool = False) -> None:
        self._device_paces = device_paces
        self._byte_ns = _BITS_PER_BYTE * 1_000_000_000 // baud
        self._delay_ns = delay_ns
        self._free_ns = 0
        self._chunks: deque[tuple[int, bytes]] = deque()

    def send(self, data: bytes, now_ns: int) -> int:
        """Put bytes on the line; the time at which the last one arrives."""
        if not data:
            return now_ns + self._delay_ns
        self._free_ns = max(self._free_ns, now_ns) + len(data) * self._byte_ns
        arrival_ns = self._free_ns + self._delay_ns
        self._chunks.append((now_ns + self._delay_ns if self._device_paces else arrival_ns, data))
        return arrival_ns

    def receive(self, now_ns: int) -> bytes:
        """All that has arrived by ``now_ns``; a chunk arrives with its last byte (at once where the device paces)."""
        arrived = []
        while self._chunks and self._chunks[0][0] <= now_ns:
            arrived.append(self._chunks.popleft()[1])
        return b"".join(arrived)

    def cut(self) -> None:
        """Lose what is on the line."""
        self._chunks.clear()
