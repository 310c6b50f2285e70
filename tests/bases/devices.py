"""Models of foreign bases, each written from the vendor's document that the tests cite: wheels obey at once."""

from __future__ import annotations

import struct
from typing import ClassVar

from amr.runtime.files import load_robot

_DRIVE = load_robot("reference").drive
METRES_PER_TICK = _DRIVE.metres_per_tick_m
WHEEL_M = METRES_PER_TICK * _DRIVE.ticks_per_wheel_rev


class Wheels:
    """Two wheels whose speed is what was last asked for."""

    def __init__(self) -> None:
        self.speeds_mps = [0.0, 0.0]
        self.travel_m = [0.0, 0.0]
        self.out = b""
        self._at_s = 0.0
        self.commanded_s = 0.0
        self.offset = [0, 0]

    def turn(self, now_s: float) -> None:
        for side in range(2):
            self.travel_m[side] += self.speeds_mps[side] * (now_s - self._at_s)
        self._at_s = now_s

    def counts(self, bits: int, metres_per_tick: float = METRES_PER_TICK) -> list[int]:
        return [
            (int(travel / metres_per_tick) + offset) % (1 << bits)
            for travel, offset in zip(self.travel_m, self.offset, strict=True)
        ]

    def transmit(self) -> bytes:
        data, self.out = self.out, b""
        return data


class RosArduinoModel(Wheels):
    """ROSArduinoBridge.ino: one-letter commands ended by CR, answers ended by CR LF, auto-stop after 2 s."""

    def __init__(self) -> None:
        super().__init__()
        self.line = b""

    def receive(self, data: bytes, now_s: float) -> None:
        for byte in data:
            if byte == 13:
                self.run(self.line.decode(), now_s)
                self.line = b""
            else:
                self.line += bytes((byte,))

    def run(self, line: str, now_s: float) -> None:
        words = line.split(" ")
        if words[0] == "e":
            left, right = (count - (1 << 32) if count >= 1 << 31 else count for count in self.counts(32))
            self.out += f"{left} {right}\r\n".encode()
        elif words[0] == "m" and len(words) == 3:
            self.speeds_mps = [int(word) * 30 * METRES_PER_TICK for word in words[1:]]
            self.commanded_s = now_s
            self.out += b"OK\r\n"
        else:
            self.out += b"Invalid Command\r\n"

    def tick(self, now_s: float) -> None:
        if now_s - self.commanded_s > 2.0:
            self.speeds_mps = [0.0, 0.0]
        self.turn(now_s)


class Create2Model(Wheels):
    """Create 2 Open Interface: modes, drive direct, a stream every 15 ms. Nothing stops it but a command."""

    SIZES: ClassVar = {7: 1, 9: 1, 10: 1, 11: 1, 12: 1, 22: 2, 35: 1, 43: 2, 44: 2}

    def __init__(self, with_header: bool = True) -> None:
        super().__init__()
        self.mode = 0
        self.buffer = b""
        self.stream: list[int] = []
        self.next_s = 0.0
        self.bumps = 0
        self.cliffs = 0
        self.with_header = with_header

    def receive(self, data: bytes, now_s: float) -> None:
        del now_s
        self.buffer += data
        while self.buffer and (length := self._length()) <= len(self.buffer):
            command, self.buffer = self.buffer[:length], self.buffer[length:]
            self.run(command)

    def _length(self) -> int:
        if self.buffer[0] == 145:
            return 5
        if self.buffer[0] == 148:
            return 2 + self.buffer[1] if len(self.buffer) > 1 else 2
        return 1

    def run(self, command: bytes) -> None:
        if command[0] == 128:
            self.mode, self.speeds_mps = 1, [0.0, 0.0]
        elif command[0] == 131 and self.mode:
            self.mode = 2
        elif command[0] == 145 and self.mode >= 2:
            right, left = struct.unpack(">hh", command[1:])
            self.speeds_mps = [max(-500, min(500, speed)) / 1000.0 for speed in (left, right)]
        elif command[0] == 148 and self.mode:
            self.stream = list(command[2:])

    def tick(self, now_s: float) -> None:
        if self.mode == 2 and (self.bumps & 0x0C or self.cliffs):
            self.mode, self.speeds_mps = 1, [0.0, 0.0]
        self.turn(now_s)
        if self.stream and now_s >= self.next_s:
            self.next_s = now_s + 0.015
            left, right = self.counts(16)
            values = {7: self.bumps, 22: 15_123, 35: self.mode, 43: left, 44: right}
            body = b"".join(
                bytes((number,))
                + values.get(number, self.cliffs if number == 9 else 0).to_bytes(self.SIZES[number], "big")
                for number in self.stream
            )
            frame = bytes((19, len(body))) + body
            total = sum(frame if self.with_header else frame[1:])
            self.out += frame + bytes((-total & 0xFF,))


class KobukiModel(Wheels):
    """Kobuki: basic sensor data and the gyro, 50 times a second; base control by speed and radius."""

    def __init__(self) -> None:
        super().__init__()
        self.next_s = 0.0
        self.buffer = b""
        self.bumper = 0

    def receive(self, data: bytes, now_s: float) -> None:
        del now_s
        self.buffer += data
        while len(self.buffer) >= 3 and len(self.buffer) >= self.buffer[2] + 4:
            packet, self.buffer = self.buffer[: self.buffer[2] + 4], self.buffer[self.buffer[2] + 4 :]
            total = 0
            for byte in packet[2:]:
                total ^= byte
            if packet[:2] == b"\xaa\x55" and total == 0 and packet[3:5] == b"\x01\x04":
                speed, radius = struct.unpack("<hh", packet[5:9])
                self.drive(speed / 1000.0, radius / 1000.0)

    def drive(self, speed: float, radius: float) -> None:
        """The table "Base Control" of the protocol's appendix, solved for the wheels; b = 0.23 m."""
        if radius == 0.0:
            self.speeds_mps = [speed, speed]
        elif radius == 0.001:
            self.speeds_mps = [-speed, speed]
        else:
            w = speed / (radius + (0.115 if radius > 0 else -0.115))
            self.speeds_mps = [w * (radius - 0.115), w * (radius + 0.115)]

    def tick(self, now_s: float) -> None:
        self.turn(now_s)
        if now_s >= self.next_s:
            self.next_s = now_s + 0.02
            left, right = self.counts(16)
            rate = round((self.speeds_mps[1] - self.speeds_mps[0]) / 0.23 * 18000 / 3.14159265)
            basic = struct.pack(
                "<HBBBHHbbBBBB",
                (round(now_s * 1000) + 64_000) & 0xFFFF,
                self.bumper,
                0,
                0,
                left,
                right,
                0,
                0,
                0,
                0,
                164,
                0,
            )
            payload = b"\x01\x0f" + basic + b"\x03\x03\0\0\0" + b"\x04\x07" + struct.pack("<hh3x", 0, rate)
            body = bytes((len(payload),)) + payload
            total = 0
            for byte in body:
                total ^= byte
            self.out += b"\xaa\x55" + body + bytes((total,))


def crc16_of_the_manual(packet: bytes) -> int:
    """The manual's own loop, kept apart from the code under test."""
    crc = 0
    for byte in packet:
        crc = crc ^ (byte << 8)
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc


class RoboClawModel(Wheels):
    """RoboClaw packet serial: CRC, 0xFF acknowledges, 10 ms between bytes drop a packet, command 14's time-out."""

    LENGTHS: ClassVar = {14: 5, 15: 2, 24: 2, 37: 12, 78: 2}

    def __init__(self) -> None:
        super().__init__()
        self.buffer = b""
        self.heard_s = 0.0
        self.timeout_s = 0.0

    def receive(self, data: bytes, now_s: float) -> None:
        if data:
            if now_s - self.heard_s > 0.010:
                self.buffer = b""
            self.heard_s = now_s
        self.buffer += data
        while len(self.buffer) >= 2:
            length = self.LENGTHS.get(self.buffer[1])
            if self.buffer[0] != 0x80 or length is None:
                self.buffer = self.buffer[1:]
            elif len(self.buffer) >= length:
                packet, self.buffer = self.buffer[:length], self.buffer[length:]
                self.run(packet)
            else:
                break

    def run(self, packet: bytes) -> None:
        if len(packet) > 2 and crc16_of_the_manual(packet[:-2]) != int.from_bytes(packet[-2:], "big"):
            return
        if packet[1] == 14:
            self.timeout_s = packet[2] / 10
            self.out += b"\xff"
        elif packet[1] == 37:
            self.speeds_mps = [count * METRES_PER_TICK for count in struct.unpack(">ii", packet[2:10])]
            self.out += b"\xff"
        else:
            answer = {
                15: bytes((round(self.timeout_s * 10),)),
                24: (123).to_bytes(2, "big"),
                78: struct.pack(">II", *self.counts(32)),
            }[packet[1]]
            self.out += answer + crc16_of_the_manual(packet + answer).to_bytes(2, "big")

    def tick(self, now_s: float) -> None:
        if self.timeout_s and now_s - self.heard_s > self.timeout_s:
            self.speeds_mps = [0.0, 0.0]
        self.turn(now_s)


class ODriveModel(Wheels):
    """ODrive's ASCII protocol: checksums, axis states, watchdogs fed by ``v`` and ``u``. The right motor is flipped."""

    def __init__(self) -> None:
        super().__init__()
        self.line = b""
        self.values = {"vbus_voltage": 24.087744}
        for axis in range(2):
            self.values |= {f"axis{axis}.current_state": 1, f"axis{axis}.config.enable_watchdog": 0}
            self.values |= {f"axis{axis}.config.watchdog_timeout": 0.0}
        self.turns_per_s = [0.0, 0.0]
        self.fed_s = [0.0, 0.0]

    def receive(self, data: bytes, now_s: float) -> None:
        for byte in data:
            if byte in b"\r\n!":
                self.take(self.line, now_s)
                self.line = b""
            else:
                self.line += bytes((byte,))

    def take(self, line: bytes, now_s: float) -> None:
        command, star, checksum = line.partition(b"*")
        total = 0
        for byte in command:
            total ^= byte
        if not command or (star and int(checksum) != total):
            return
        answer = self.run(command.decode().split(), now_s)
        if answer:
            text = answer.encode()
            total = 0
            for byte in text:
                total ^= byte
            self.out += text + (b"*%d" % total if star else b"") + b"\r\n"

    def run(self, words: list[str], now_s: float) -> str:
        if words[0] == "f":
            axis = int(words[1])
            sign = 1 if axis == 0 else -1
            return f"{sign * self.travel_m[axis] / WHEEL_M:.6f} {sign * self.speeds_mps[axis] / WHEEL_M:.6f}"
        if words[0] in "vu":
            axis = int(words[1])
            self.fed_s[axis] = now_s
            if words[0] == "v":
                self.turns_per_s[axis] = float(words[2])
        elif words[0] == "r":
            return f"{self.values[words[1]]:g}" if words[1] in self.values else "invalid property"
        elif words[0] == "w":
            name = words[1].replace("requested_state", "current_state")
            self.values[name] = float(words[2])
        elif words[0] != "sc":
            return "unknown command"
        return ""

    def tick(self, now_s: float) -> None:
        for axis in range(2):
            late = now_s - self.fed_s[axis] > self.values[f"axis{axis}.config.watchdog_timeout"]
            if self.values[f"axis{axis}.config.enable_watchdog"] and late:
                self.values[f"axis{axis}.current_state"] = 1
            sign = 1 if axis == 0 else -1
            driven = self.values[f"axis{axis}.current_state"] == 8
            self.speeds_mps[axis] = sign * self.turns_per_s[axis] * WHEEL_M if driven else 0.0
        self.turn(now_s)
