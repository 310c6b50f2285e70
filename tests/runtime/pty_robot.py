"""A robot for tests: the native firmware behind a pty, ideal wheels, a lidar that sees walls 6 m away; in real time.

``python pty_robot.py FOLDER``: the port is FOLDER/base (a link to the pty), the lidar scan://FOLDER/lidar.sock.
Commands come a line each: ``pull`` the cable, ``plug`` it in again, ``noise`` instead of the firmware, ``end``. Ten
times a second it prints ``time_s duty speed_mps``; after ``pull`` once ``rest T`` when the wheels stand, T s later.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from pathlib import Path

import numpy as np

from amr.messages import Scan
from amr.runtime.files import load_robot
from amr.runtime.scan_stream import ScanServer
from firmware_bridge.native import NativeFirmware
from firmware_bridge.native_pty import PtyFirmware

TICK_S = 0.005
WHEEL_LAG_S = 0.05
DUTY_TO_MPS = 2.9


class Robot:
    """One drive's counterpart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = load_robot("jackal")
        self._firmware = NativeFirmware(4711)
        self._pty: PtyFirmware | None = None
        self._lidar = ScanServer(f"scan://{folder}/lidar.sock")
        self._rng = np.random.default_rng(1)
        self._noise = False
        self._pulled_s: float | None = None
        self.speed_mps = [0.0, 0.0]
        self._travel_m = [0.0, 0.0]
        self.plug()

    def plug(self) -> None:
        self._pty = PtyFirmware(self._firmware)
        link = self._folder / "base"
        link.unlink(missing_ok=True)
        link.symlink_to(self._pty.slave_path)

    def obey(self, command: str, now_s: float) -> None:
        if command == "pull" and self._pty is not None:
            self._pty.close()
            self._pty = None
            self._pulled_s = now_s
        elif command == "plug":
            self.plug()
        elif command == "noise":
            self._noise = True
        elif command == "end":
            sys.exit(0)

    def tick(self, number: int, now_s: float) -> None:
        now_us = round(now_s * 1e6)
        if self._pty is not None and self._noise:
            with contextlib.suppress(BlockingIOError):
                os.write(self._pty.fileno(), self._rng.bytes(60))
        elif self._pty is not None:
            self._pty.pump(now_us)
        else:
            self._firmware.transmit()
        per_tick_m = self._config.drive.metres_per_tick_m
        left, right = (int(travel / per_tick_m) for travel in self._travel_m)
        yaw_rate = (self.speed_mps[1] - self.speed_mps[0]) / self._config.drive.track_m
        duty = self._firmware.tick(now_us, left, right, yaw_rate, 0.0, 0.0, 24.0, estop=False)
        for side, part in enumerate((duty.left_frac, duty.right_frac)):
            self.speed_mps[side] += (part * DUTY_TO_MPS - self.speed_mps[side]) * TICK_S / WHEEL_LAG_S
            self._travel_m[side] += self.speed_mps[side] * TICK_S
        if number % 10 == 0:
            self._scan(round(now_s * 1e9))
        moving = max(abs(speed) for speed in self.speed_mps) > 0.01
        if self._pulled_s is not None and not moving:
            say(f"rest {now_s - self._pulled_s:.3f}")
            self._pulled_s = None
        if number % 20 == 0:
            say(f"{now_s:.2f} {duty.left_frac:.3f} {self.speed_mps[0]:.3f}")

    def _scan(self, now_ns: int) -> None:
        lidar = self._config.lidar
        ranges = (6.0 + self._rng.normal(0.0, 0.002, lidar.beams)).astype(np.float32)
        scan = Scan(
            now_ns - 20_000_000, lidar.angle_min_rad, lidar.angle_increment_rad, lidar.range_min_m, lidar.range_max_m,
            0.0, ranges,
        )  # fmt: skip
        self._lidar.send(scan, now_ns)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    robot = Robot(Path(sys.argv[1]))
    say("ready")
    origin_s = time.monotonic()
    number = 0
    while True:
        number += 1
        time.sleep(max(0.0, origin_s + number * TICK_S - time.monotonic()))
        now_s = time.monotonic() - origin_s
        if select.select([sys.stdin], [], [], 0)[0]:
            robot.obey(sys.stdin.readline().strip() or "end", now_s)
        robot.tick(number, number * TICK_S)


if __name__ == "__main__":
    main()
