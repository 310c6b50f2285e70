"""Frames: bytes in, frames or faults out. No message is known here, no time, no I/O (``PROTOCOL.md``, section 1)."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from zlib import crc32

from firmware_bridge.faults import Fault, FaultKind

MAX_PAYLOAD = 64
_HEADER = struct.Struct("<BBIH")
_CRC = struct.Struct("<I")
MIN_FRAME = _HEADER.size + _CRC.size
MAX_BLOCK = MIN_FRAME + MAX_PAYLOAD + 1
"""Longest stuffed frame without its delimiter. Under 254 bytes, so that COBS never needs its code 0xFF."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose CRC is right."""

    type: int
    nonce: int
    seq: int
    payload: bytes


def stuff(data: bytes) -> bytes:
    """COBS block of ``data`` (at most 253 bytes), without delimiter. Cheshire and Baker, ToN 7(2), 1999."""
    return b"".join([bytes((len(part) + 1,)) + part for part in data.split(b"\0")])


def unstuff(block: bytes) -> bytes | None:
    """Inverse of ``stuff`` for a block without zeros; None when it is no COBS block."""
    data = bytearray(block)
    end = len(data)
    at = 0
    while at < end:
        code = data[at]
        data[at] = 0
        at += code
    return bytes(data[1:]) if at == end and end > 0 else None


def encode_frame(type: int, nonce: int, seq: int, payload: bytes) -> bytes:
    """The bytes on the line, delimiter included. Raises ``ValueError`` when a number or the payload does not fit."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"payload of {len(payload)} bytes, at most {MAX_PAYLOAD}")
    try:
        body = _HEADER.pack(type, len(payload), nonce, seq) + payload
    except struct.error as error:
        raise ValueError(f"frame type {type}, nonce {nonce}, seq {seq}: {error}") from None
    return stuff(body + _CRC.pack(crc32(body))) + b"\0"


def decode_block(block: bytes) -> Frame | Fault:
    """The frame in one COBS block (at most ``MAX_BLOCK`` bytes, no zero), or what is wrong with it."""
    data = unstuff(block)
    if data is None:
        return Fault(FaultKind.STUFFING, f"{len(block)} bytes")
    end = len(data) - _CRC.size
    if end < _HEADER.size:
        return Fault(FaultKind.LENGTH, f"{len(data)} bytes, at least {MIN_FRAME}")
    type_number, length, nonce, seq = _HEADER.unpack_from(data)
    if length != end - _HEADER.size:
        return Fault(FaultKind.LENGTH, f"payload of {end - _HEADER.size} bytes, length field {length}")
    if crc32(data[:end]) != _CRC.unpack_from(data, end)[0]:
        return Fault(FaultKind.CRC, f"type 0x{type_number:02x}, {length} bytes")
    return Frame(type_number, nonce, seq, data[_HEADER.size : end])


class FrameReader:
    """Cuts a byte stream into frames. Keeps at most ``MAX_BLOCK`` bytes; never raises for any bytes."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False
        self.frames = 0
        """Frames read since construction."""
        self.faults: Counter[FaultKind] = Counter()
        """Faults by kind since construction."""

    def feed(self, data: bytes) -> list[Frame | Fault]:
        """All that the bytes complete, in their order."""
        blocks = (self._rest + data).split(b"\0")
        self._rest = blocks.pop()
        events: list[Frame | Fault] = []
        for block in blocks:
            if self._skipping:
                self._skipping = False  # the rest of what was too long ends here
            elif len(block) > MAX_BLOCK:
                self._append(events, self._oversize())
            elif block:
                self._append(events, decode_block(block))
        if self._skipping:
            self._rest = b""
        elif len(self._rest) > MAX_BLOCK:
            self._rest = b""
            self._skipping = True
            self._append(events, self._oversize())
        return events

    def reset(self) -> None:
        """Forget a half-read frame (the port was opened again); counters stay."""
        self._rest = b""
        self._skipping = False

    def _append(self, events: list[Frame | Fault], event: Frame | Fault) -> None:
        events.append(event)
        if isinstance(event, Fault):
            self.faults[event.kind] += 1
        else:
            self.frames += 1

    @staticmethod
    def _oversize() -> Fault:
        return Fault(FaultKind.OVERSIZE, f"more than {MAX_BLOCK} bytes without a delimiter")
