"""``amr calibrate``: programme, fit, and a check of the new robot file by fresh motions; simulated or real."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from amr.calibration.base import CalibrationError
from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.geometry import Pose2
from amr.runtime.calibrate import moves, result, square
from amr.runtime.calibrate.drives import Drives
from amr.runtime.calibrate.fit import Calibration, fit
from amr.runtime.calibrate.places import between
from amr.runtime.calibrate.programme import programme
from amr.runtime.calibrate.result import Item
from amr.runtime.calibrate.session import Pilot, Programme, Session
from amr.runtime.calibrate.settings import careful
from amr.runtime.calibrate.square import Square
from firmware_bridge.base import BridgeBase
from firmware_bridge.link import HostLink, link_config_from_robot
from firmware_bridge.native import NativeFirmware
from sim.lockstep import Mcu
from sim.plant import Plant
from sim.virtual_robot import VirtualRobot
from sim.world import World

CHECK_SIDE_M: Final = 0.8
CLOSING_LIMIT_FRAC: Final = 0.005
"""Of the perimeter: how far the odometry may be off at the end of a square."""
_CHECK_STAND_S: Final = 1.3
_SESSION_LIMIT_S: Final = 900.0


@dataclass(slots=True)
class Check:
    """A square by the new file's odometry: where it says to have come, against where the scans say."""

    left: bool
    perimeter_m: float
    odometry: Pose2
    scans: Pose2

    @property
    def closing_frac(self) -> float:
        """Difference of the two ends over the perimeter."""
        return self.odometry.distance_m(self.scans) / self.perimeter_m

    @property
    def passed(self) -> bool:
        """Within the limit."""
        return self.closing_frac <= CLOSING_LIMIT_FRAC

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "sense": "left" if self.left else "right", "perimeter_m": self.perimeter_m,
            "closing_frac": self.closing_frac, "limit_frac": CLOSING_LIMIT_FRAC, "passed": self.passed,
        }  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """How a calibration ended. ``failure`` '' = the programme came to its end."""

    file: RobotConfig
    failure: str = ""
    duration_s: float = 0.0
    found: Calibration | None = None
    items: list[Item] = field(default_factory=list)
    changes: dict[tuple[str, str], Any] = field(default_factory=dict)
    robot: RobotConfig | None = None
    """The new file's configuration."""
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Everything is known well enough, and the fresh motions agree."""
        known = bool(self.items) and all(item.passed for item in self.items)
        agreed = bool(self.checks) and all(check.passed for check in self.checks)
        return not self.failure and known and agreed

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "passed": self.passed,
            "failure": self.failure or None,
            "duration_s": self.duration_s,
            "wiring": None if self.robot is None else list(self.robot.firmware.wiring),
            "items": [item.to_json() for item in self.items],
            "checks": [check.to_json() for check in self.checks],
            "changes": {f"{section}.{key}": value for (section, key), value in self.changes.items()},
        }


def calibration(pilot: Pilot, outcome: Outcome) -> Programme:
    """Everything that a robot does and that comes of it; fills ``outcome``."""
    drives = Drives(outcome.file)
    yield from programme(pilot, drives)
    pilot.stage = "reckoning"
    yield from moves.rest(pilot, 0.3, arm=False)
    outcome.found = found = fit(pilot.recording, drives)
    outcome.items = result.items(found, outcome.file)
    outcome.changes = result.changes(found, outcome.file)
    outcome.robot = robot = result.changed(outcome.file, outcome.changes)
    pilot.stage = "check: squares by the new robot file"
    gentle = careful(robot)
    pilot.adopt(gentle, link_config_from_robot(gentle))
    yield from moves.connect(pilot)
    yield from moves.straight(pilot, -0.5 * CHECK_SIDE_M, 0.2)
    for left in (True, False):
        way = Square(CHECK_SIDE_M, left)
        yield from square.drive(pilot, way, _CHECK_STAND_S)
        outcome.checks.append(_check(pilot, way, robot))


def _check(pilot: Pilot, way: Square, robot: RobotConfig) -> Check:
    assert way.before is not None
    assert way.after is not None
    scans = [
        [scan for scan, _ in pilot.recording.scans(still.start_ns, still.end_ns)] for still in (way.before, way.after)
    ]
    seen = between(scans[0], scans[1], robot.lidar.range_max_m)
    mounting = Pose2(robot.lidar.x_m, robot.lidar.y_m, robot.lidar.yaw_rad)
    return Check(way.left, way.perimeter_m, way.odometry, mounting @ seen.pose @ mounting.inverse())


# ------------------------------------------------------------ simulated


def simulate(
    file: RobotConfig,
    plant: Plant,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
    mcu: Mcu | None = None,
) -> Outcome:
    """The calibration of the robot of ``plant`` while its file says ``file``. Closes the plant.

    ``mcu``: a board of one's own; None = the native firmware.
    """
    outcome = Outcome(file)
    robot = VirtualRobot(plant, NativeFirmware(boot_id=seed + 1) if mcu is None else mcu)
    try:
        outcome.failure = run_simulated(robot, file, seed, lambda pilot: calibration(pilot, outcome), say)
        outcome.duration_s = robot.plant.time_ns * 1e-9
        if robot.plant.contact is not None and not outcome.failure:
            outcome.failure = "the robot touched something"
    finally:
        robot.close()
    return outcome


def run_simulated(
    robot: VirtualRobot,
    file: RobotConfig,
    seed: int,
    make: Callable[[Pilot], Programme],
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """One programme on a simulated robot, to its end; why it was broken off, '' = it was not."""
    base = BridgeBase(robot.transport, HostLink(link_config_from_robot(file), host_nonce=seed + 77))
    pilot = Pilot(base, file)
    session = Session(pilot, base, robot, make(pilot), say)
    while not session.over:
        robot.drive(session)
        if robot.plant.time_ns > _SESSION_LIMIT_S * 1e9:
            return f"not over after {_SESSION_LIMIT_S:.0f} s"
    return session.failure


def closing_m(file: RobotConfig, truth: RobotConfig, world: World, seed: int, side_m: float, left: bool) -> float:
    """True distance between start and end of a square that the robot ``truth`` drives by the odometry of ``file``.

    It begins at a corner so that the square lies around the origin. Raises ``CalibrationError`` when it is broken off.
    """
    half = 0.5 * side_m
    start = Pose2(-half, -half if left else half, 0.0)
    robot = VirtualRobot(Plant(world, truth, seed + 2, "planar", start), NativeFirmware(boot_id=seed + 2))
    gentle = careful(file)
    places: list[Pose2] = []

    def make(pilot: Pilot) -> Programme:
        pilot.adopt(gentle, link_config_from_robot(gentle))
        yield from moves.connect(pilot)
        yield from moves.stand(pilot, 1.5)
        places.append(robot.truth().pose)
        yield from square.drive(pilot, Square(side_m, left), 0.5)
        places.append(robot.truth().pose)

    try:
        failure = run_simulated(robot, file, seed, make)
        if failure or robot.plant.contact is not None:
            raise CalibrationError(f"square: {failure or 'the robot touched something'}")
    finally:
        robot.close()
    return places[0].distance_m(places[1])


# ------------------------------------------------------------ real


def calibrate_real(file: RobotConfig, base_url: str, lidar_url: str, say: Callable[[str], None]) -> Outcome:
    """The same programme on a real robot, or on anything that speaks like one.

    Raises ``PortError`` when base or lidar cannot be opened, ``ConfigError`` for a base with another firmware.
    """
    from amr.runtime.clock import MonotonicClock
    from amr.runtime.drive import until_signal
    from amr.runtime.loop import RealTimeLoop
    from amr.runtime.ports import make_base, make_lidar
    from amr.runtime.realtime import real_time

    outcome = Outcome(file)
    with ExitStack() as stack:
        base = make_base(base_url, file, int.from_bytes(os.urandom(4), "little"))
        if not isinstance(base, BridgeBase):
            raise ConfigError(f"--base {base_url}: only a board with our firmware (bridge://) can be calibrated")
        lidar = make_lidar(lidar_url, file)
        lidar.open()
        stack.callback(lidar.close)
        base.open()
        stack.callback(base.close)
        pilot = Pilot(base, file)
        session = Session(pilot, base, lidar, calibration(pilot, outcome), say)
        loop = RealTimeLoop(MonotonicClock(), session.poll, session.step)
        session.when_over(loop.stop)
        with until_signal(loop.stop), real_time():
            loop.run(round(_SESSION_LIMIT_S * 1e9))
        outcome.failure = session.failure if session.ended else "broken off"
        outcome.duration_s = pilot.now_ns * 1e-9
    return outcome
