"""Models of lidars, written from the vendors' documents: a round room of 3 m, turning at 10 Hz, in real time."""

from __future__ import annotations

import random

RANGE_MM = 3000


class Ld19Model:
    """LD19 Development Manual: packets of twelve points, 4500 points a second, clockwise."""

    def __init__(self) -> None:
        self._rng = random.Random(1)
        self._sent = 0

    def receive(self, data: bytes, now_s: float) -> None:
        del data, now_s

    def transmit(self, now_s: float) -> bytes:
        out = b""
        while self._sent * 12 < now_s * 4500:
            start = self._sent * 12 * 80 % 36000
            body = (3600).to_bytes(2, "little") + start.to_bytes(2, "little")
            for _ in range(12):
                body += (RANGE_MM + self._rng.randrange(-9, 10)).to_bytes(2, "little") + b"\xe4"
            body += ((start + 11 * 80) % 36000).to_bytes(2, "little") + (int(now_s * 1000) % 30000).to_bytes(
                2, "little"
            )
            packet = b"\x54\x2c" + body
            out += packet + bytes((crc8(packet),))
            self._sent += 1
        return out


def crc8(data: bytes) -> int:
    """Bit by bit, apart from the table under test."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x4D) & 0xFF if crc & 0x80 else crc << 1
    return crc


class RpLidarModel:
    """Interface Protocol: silent until it is asked; standard scan of 4000 nodes a second, express of 8000 points."""

    def __init__(self) -> None:
        self._rng = random.Random(2)
        self._request = b""
        self._out = b""
        self._mode = ""
        self._begun_s = 0.0
        self._sent = 0
        self.requests: list[bytes] = []

    def receive(self, data: bytes, now_s: float) -> None:
        self._request += data
        while len(self._request) >= 2:
            length = 2 if not self._request[1] & 0x80 else 4 + (self._request[2] if len(self._request) > 2 else 99)
            if self._request[0] != 0xA5:
                self._request = self._request[1:]
            elif len(self._request) >= length:
                request, self._request = self._request[:length], self._request[length:]
                self.requests.append(request)
                self._answer(request[1], now_s)
            else:
                break

    def _answer(self, command: int, now_s: float) -> None:
        if command == 0x50:
            self._out += bytes.fromhex("A55A1400000004181D0107" + "AB" * 16)
        elif command == 0x52:
            self._out += bytes.fromhex("A55A0300000006000000")
        elif command in (0x20, 0x82):
            self._out += bytes.fromhex("A55A0500004081" if command == 0x20 else "A55A5400004082")
            self._mode = "standard" if command == 0x20 else "express"
            self._begun_s, self._sent = now_s, 0
        elif command == 0x25:
            self._mode = ""

    def transmit(self, now_s: float) -> bytes:
        elapsed_s = now_s - self._begun_s
        while self._mode == "standard" and self._sent < elapsed_s * 4000:
            angle_q6 = self._sent % 400 * 360 * 64 // 400
            sync = 0x3D if self._sent % 400 == 0 else 0x3E
            distance_q2 = 4 * (RANGE_MM + self._rng.randrange(-9, 10))
            self._out += bytes((sync,)) + (angle_q6 << 1 | 1).to_bytes(2, "little") + distance_q2.to_bytes(2, "little")
            self._sent += 1
        while self._mode == "express" and self._sent < elapsed_s * 8000:
            angle_q6 = self._sent % 800 * 360 * 64 // 800
            body = (angle_q6 | (0x8000 if self._sent == 0 else 0)).to_bytes(2, "little")
            for _ in range(16):
                for _half in range(2):
                    body += ((RANGE_MM + self._rng.randrange(-9, 10)) << 2).to_bytes(2, "little")
                body += b"\0"
            total = 0
            for byte in body:
                total ^= byte
            self._out += bytes((0xA0 | total & 0xF, 0x50 | total >> 4)) + body
            self._sent += 32
        data, self._out = self._out, b""
        return data
