"""A base and a lidar of other makers behind ptys, in real time.

``python pty_devices.py FOLDER BASE LIDAR``: the ports are FOLDER/base and FOLDER/lidar. Ten times a second it prints
``time_s left_mps right_mps``.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import tty
from pathlib import Path
from typing import Any

from devices import Create2Model, KobukiModel, ODriveModel, RoboClawModel, RosArduinoModel
from lidar_models import Ld19Model, RpLidarModel

BASES = {
    "ros-arduino": RosArduinoModel,
    "create2": Create2Model,
    "kobuki": KobukiModel,
    "roboclaw": RoboClawModel,
    "odrive": ODriveModel,
}
LIDARS = {"ld19": Ld19Model, "ld06": Ld19Model, "rplidar": RpLidarModel}


class Port:
    """A pty with a device on its master side; what the host does not take in time is lost."""

    def __init__(self, link: Path, device: Any) -> None:
        self.device = device
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        link.symlink_to(os.ttyname(self._slave))

    def receive(self, now_s: float) -> None:
        with contextlib.suppress(BlockingIOError):
            self.device.receive(os.read(self._master, 4096), now_s)

    def send(self, data: bytes) -> None:
        if data:
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, data)


def main() -> None:
    folder, base_name, lidar_name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    base, lidar = Port(folder / "base", BASES[base_name]()), Port(folder / "lidar", LIDARS[lidar_name]())
    origin_s, number = time.monotonic(), 0
    sys.stdout.write("ready\n")
    while True:
        number += 1
        time.sleep(max(0.0, origin_s + number * 0.002 - time.monotonic()))
        now_s = time.monotonic() - origin_s
        base.receive(now_s)
        base.device.tick(now_s)
        base.send(base.device.transmit())
        lidar.receive(now_s)
        lidar.send(lidar.device.transmit(now_s))
        if number % 50 == 0:
            sys.stdout.write(f"{now_s:.2f} {base.device.speeds_mps[0]:.3f} {base.device.speeds_mps[1]:.3f}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
