"""A robot file as one value."""

from __future__ import annotations

from amr.config.base import Section
from amr.config.control import Control
from amr.config.estimation import Estimation
from amr.config.exploration import Exploration
from amr.config.hardware import Body, Drive, Firmware, ImuModel, Lidar, Limits, Link, Motor, Physics
from amr.config.localization import Localization
from amr.config.mapping import Mapping
from amr.config.mission import Mission
from amr.config.planning import Planning
from amr.config.safety import Safety
from amr.config.tracking import Tracking
from amr.config.zones import Zones


class RobotConfig(Section):
    """``seeds/robots/*.toml``: hardware tables are required, the mind's tables have defaults that work."""

    name: str
    description: str = ""
    body: Body
    drive: Drive
    motor: Motor
    limits: Limits
    lidar: Lidar
    imu: ImuModel
    link: Link
    firmware: Firmware
    physics: Physics
    estimation: Estimation = Estimation()
    mapping: Mapping = Mapping()
    tracking: Tracking = Tracking()
    localization: Localization = Localization()
    planning: Planning = Planning()
    control: Control = Control()
    mission: Mission = Mission()
    exploration: Exploration = Exploration()
    safety: Safety = Safety()
    zones: Zones = Zones()
    """Of the place, not of the robot: from a file beside the map."""
