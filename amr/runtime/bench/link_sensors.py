"""``amr bench link --faults sensors``: what the robot makes of broken sensors and motors.

The whole core drives by hand, in turns, through a hall that it does not know; then something breaks. Each fault must be
named, by a stop or by a status of the link, and nothing may be touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.messages import LinkState, LinkStatus, Operator, OperatorAction, StopReason, Teleop
from amr.registry import make_planning_worker
from amr.robot import RobotCore
from amr.units import NS_PER_S
from firmware_bridge.link import HostLink, link_config_from_robot
from firmware_bridge.native import NativeFirmware
from sim.faults import FaultyPlant, LidarFault, SensorFaults
from sim.lockstep import Lockstep
from sim.world import Circle, World, box, wall

FROM_NS: Final = 5 * NS_PER_S
AFTER_S: Final = 6.0
_STAND_NS: Final = 2 * NS_PER_S
_SIZE_M: Final = 14.0


@dataclass(frozen=True, slots=True)
class SensorFault:
    """``words``: one of them stands in the cause, or in a status of the link, that names the fault."""

    name: str
    faults: SensorFaults
    words: tuple[str, ...]
    must_stop: bool = True
    """False: the robot may drive on without the part, and says so."""


@dataclass(frozen=True, slots=True)
class SensorCase:
    """``named_ms``: from the fault until a stop or a status names it; ``stop_ms``: until the robot stands."""

    fault: str
    must_stop: bool
    named_ms: float | None
    stop_ms: float | None
    named: str
    contact: bool
    ok: bool

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {name: getattr(self, name) for name in self.__slots__}


def faults(robot: RobotConfig) -> list[SensorFault]:
    """All of them; the battery falls half a volt below what this robot takes."""

    def of(**values: Any) -> SensorFaults:
        return SensorFaults(FROM_NS, **values)

    turning = ("not_turning",)
    drop_v = robot.motor.supply_v - robot.firmware.battery_min_v + 0.5
    return [
        SensorFault("left encoder broken", of(encoder_gains=(0.0, 1.0)), turning),
        SensorFault("right encoder broken", of(encoder_gains=(1.0, 0.0)), turning),
        SensorFault("encoder turned round", of(encoder_gains=(-1.0, 1.0)), ("wrong_way",)),
        SensorFault("encoders swapped", of(encoders_swapped=True), ("wrong_way", "uncommanded", "not_turning")),
        SensorFault("left encoder slips, half", of(encoder_gains=(0.5, 1.0)), ("encoder", "slip")),
        SensorFault("both encoders slip, half", of(encoder_gains=(0.5, 0.5)), ("encoder", "slip", "scan")),
        # a wheel whose motor is dead stands, or is dragged along by its neighbor
        SensorFault("motor wire off", of(motor_gains=(0.0, 1.0)), ("left_not_turning", "left_uncommanded")),
        SensorFault("battery below its limit", of(battery_drop_v=drop_v), ("battery_low",)),
        SensorFault("IMU frozen", of(imu_frozen=True), ("imu",), must_stop=False),
        SensorFault("lidar dead", of(lidar=LidarFault.DEAD), (StopReason.SCAN_STALE,)),
        SensorFault("lidar blind", of(lidar=LidarFault.BLIND), (StopReason.SCAN_INVALID,)),
        SensorFault("lidar half blind", of(lidar=LidarFault.HALF_BLIND), (StopReason.SCAN_INVALID,)),
        SensorFault("lidar frozen", of(lidar=LidarFault.FROZEN), (StopReason.SCAN_FROZEN,)),
        SensorFault("lidar turned by 30 deg", of(lidar_turned_rad=0.52), ("mount", "lidar")),
        SensorFault("lidar turned by 180 deg", of(lidar_turned_rad=3.14159), ("mount", "lidar")),
    ]


def run_all(robot: RobotConfig, seed: int = 0, only: str = "") -> Iterator[SensorCase]:
    """All cases whose fault's name contains ``only``, one at a time."""
    for fault in faults(robot):
        if only in fault.name:
            yield run_case(robot, fault, seed)


def hall() -> World:
    """A closed hall with pillars and a box."""
    half = 0.5 * _SIZE_M
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    walls = tuple(wall(corners[i], corners[(i + 1) % 4], 0.2) for i in range(4))
    pillars = tuple(Circle(x, y, 0.25) for x in (-3.0, 3.0) for y in (-4.0, 4.0))
    return World("hall", pillars, (*walls, box(4.5, 0.5, 0.8, 1.5)), start=Pose2(-2.0, 0.0, 0.0))


def run_case(robot: RobotConfig, fault: SensorFault, seed: int) -> SensorCase:
    """Drive, break it, and look for ``AFTER_S`` seconds at what follows."""
    world = hall()
    plant = FaultyPlant(world, robot, seed, "planar", world.start, fault.faults)
    link = HostLink(link_config_from_robot(robot), host_nonce=seed + 1)
    core = RobotCore(robot, seed, map_from_odom=world.start)
    worker = make_planning_worker(robot)
    lockstep = Lockstep(core, worker, plant, NativeFirmware(seed + 1), link, robot, time.perf_counter_ns)
    named_ns: int | None = None
    stood_ns: int | None = None
    named, armed, link_up = "", False, False
    end_ns = fault.faults.from_ns + round(AFTER_S * NS_PER_S)
    while plant.time_ns < end_ns:
        done = lockstep.step()
        now_ns = plant.time_ns
        texts = []
        for message in done.inputs.messages:
            if isinstance(message, LinkStatus):
                link_up = message.state is LinkState.UP
                texts.append(message.reason)
        if not armed and link_up and now_ns >= _STAND_NS:
            lockstep.offer(Operator(now_ns, OperatorAction.ARM))
            armed = True
        stop = done.outputs.stop
        texts.append(f"{stop.reason}: {stop.cause}")
        lockstep.offer(_hand(now_ns, robot))
        if now_ns < fault.faults.from_ns:
            continue
        hits = [text for text in texts if any(word in text.lower() for word in fault.words)]
        if hits and named_ns is None:
            named_ns, named = now_ns, hits[0]
        moving = abs(plant.truth().v_mps) > 0.02 or abs(plant.truth().w_radps) > 0.1
        stood_ns = None if moving else (stood_ns or now_ns)
    contact = plant.contact is not None
    plant.close()
    named_ms = None if named_ns is None else (named_ns - fault.faults.from_ns) * 1e-6
    stop_ms = None if stood_ns is None else (stood_ns - fault.faults.from_ns) * 1e-6
    ok = named_ms is not None and not contact and (stop_ms is not None or not fault.must_stop)
    return SensorCase(fault.name, fault.must_stop, named_ms, stop_ms, named, contact, ok)


def _hand(now_ns: int, robot: RobotConfig) -> Teleop:
    """Forward, in turns to either side that change each second."""
    side = 1.0 if now_ns // NS_PER_S % 2 else -1.0
    return Teleop(now_ns, 0.7 * robot.limits.v_max_mps, side * 0.3 * robot.limits.w_max_radps)
