"""What a run starts from, kept in its log's header, and the same core again from that header."""

from __future__ import annotations

import json

from amr.config.robot import RobotConfig
from amr.errors import DataError
from amr.geometry import Pose2
from amr.robot import RobotCore
from amr.runtime.log_header import LogHeader, make_header


def header_of(robot: RobotConfig, scenario: str, seed: int, map_from_odom: Pose2, **extra: str) -> LogHeader:
    """Header for the log of ``RobotCore(robot, seed, map_from_odom)``; ``extra``: further facts for people."""
    place = json.dumps([map_from_odom.x_m, map_from_odom.y_m, map_from_odom.yaw_rad])
    return make_header(robot, scenario, seed, map_from_odom=place, **extra)


def core_of(header: LogHeader) -> RobotCore:
    """The core that made a log, before its first step. Raises ``DataError`` when the header does not tell."""
    try:
        x_m, y_m, yaw_rad = json.loads(header.extra["map_from_odom"])
        map_from_odom = Pose2(float(x_m), float(y_m), float(yaw_rad))
    except (KeyError, ValueError, TypeError):
        raise DataError("log header: map_from_odom: expected [x, y, yaw]") from None
    return RobotCore(header.robot(), header.seed, map_from_odom)
