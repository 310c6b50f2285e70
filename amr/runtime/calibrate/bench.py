"""``amr bench calibrate``: random robots that differ from their file, each calibrated and compared with what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from amr.calibration.base import CalibrationError
from amr.config.robot import RobotConfig
from amr.geometry import wrap_angle
from amr.runtime.calibrate.run import CLOSING_LIMIT_FRAC, Outcome, closing_m, simulate
from amr.runtime.calibrate.truth import hidden_robot, room
from sim.physics import MotorMode
from sim.plant import Plant
from sim.world import World

SIDE_M: Final = 4.0
LIMITS: Final = {
    "radius": 0.3, "track": 0.5, "yaw": 0.3, "position": 5.0, "latency": 3.0, "brake": 5.0,
    "square": 100.0 * CLOSING_LIMIT_FRAC,
}  # fmt: skip
UNITS: Final = {
    "radius": "%", "track": "%", "yaw": "deg", "position": "mm", "latency": "ms", "brake": "%", "square": "%",
}  # fmt: skip
_RUN_UP_MPS: Final = 0.7
_WINDOW_MPS: Final = (0.15, 0.38)
_BRAKE_PER_MS: Final = 0.03
_AT_REST_RADPS: Final = 0.5


@dataclass(frozen=True, slots=True)
class RobotCase:
    """Errors against the truth, in ``UNITS``: the larger of both wheels, of x and y, of all delays, of both senses."""

    robot: int
    errors: dict[str, float]
    wiring_right: bool
    passed_own: bool
    """By the calibration's own acceptance."""
    failure: str
    duration_s: float

    @property
    def ok(self) -> bool:
        """Every error within its limit, and the wiring found."""
        within = self.errors and all(self.errors[key] <= limit for key, limit in LIMITS.items())
        return not self.failure and self.wiring_right and self.passed_own and bool(within)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {name: getattr(self, name) for name in self.__slots__} | {"ok": self.ok}


def run_all(
    file: RobotConfig, robots: int, seed: int, say: Callable[[str], None] = lambda _: None
) -> Iterator[RobotCase]:
    """One robot after the other."""
    for number in range(robots):
        yield run_case(file, number, seed + number, say)


def run_case(file: RobotConfig, number: int, seed: int, say: Callable[[str], None] = lambda _: None) -> RobotCase:
    """One hidden robot: calibrate, compare, drive the squares with the new file."""
    truth, world = hidden_robot(file, seed), room(seed)
    outcome = simulate(file, Plant(world, truth, seed, "planar"), seed, say)
    errors: dict[str, float] = {}
    failure = outcome.failure
    if not failure:
        errors = errors_of(outcome, truth)
        try:
            errors["square"] = max(_square(outcome, truth, world, seed, left) for left in (True, False))
        except CalibrationError as error:
            failure = str(error)
    wiring = outcome.robot is not None and set(outcome.robot.firmware.wiring) == set(truth.firmware.wiring)
    return RobotCase(number, errors, wiring, outcome.passed, failure, outcome.duration_s)


def errors_of(outcome: Outcome, truth: RobotConfig) -> dict[str, float]:
    """Errors of a calibration that came to its end."""
    found = outcome.found
    assert found is not None
    g, physics, drive = found.geometry.geometry, truth.physics, outcome.file.drive
    left_m = drive.wheel_radius_m * drive.left_radius_scale * physics.left_radius_true_scale
    right_m = drive.wheel_radius_m * drive.right_radius_scale * physics.right_radius_true_scale
    delays = (
        found.to_mcu.least.value - truth.link.host_to_mcu_delay_s,
        found.to_host.least.value - truth.link.mcu_to_host_delay_s,
        found.lidar.least.value - truth.lidar.latency_s,
    )
    brake = true_deceleration_mps2(truth)
    told = found.deceleration.value if found.deceleration is not None else float("nan")
    return {
        "radius": 100.0 * max(abs(g.left_radius_m / left_m - 1.0), abs(g.right_radius_m / right_m - 1.0)),
        "track": 100.0 * abs(g.track_m / (drive.track_m * physics.track_true_scale) - 1.0),
        "yaw": float(np.degrees(abs(wrap_angle(g.lidar_yaw_rad - truth.lidar.yaw_rad)))),
        "position": 1e3 * max(abs(g.lidar_x_m - truth.lidar.x_m), abs(g.lidar_y_m - truth.lidar.y_m)),
        "latency": 1e3 * max(abs(delay) for delay in delays),
        "brake": 100.0 * abs(told / brake - 1.0),
    }


def _square(outcome: Outcome, truth: RobotConfig, world: World, seed: int, left: bool) -> float:
    assert outcome.robot is not None
    return 100.0 * closing_m(outcome.robot, truth, world, seed, SIDE_M, left) / (4.0 * SIDE_M)


def true_deceleration_mps2(truth: RobotConfig) -> float:
    """Of the true body while its wheels are brought to rest with all that motors and drivers give: the smaller of what
    floor and motors hold.

    By the true speed of a robot of its own without firmware, in the second half of the stop. The duty comes in as the
    weight shifts, so that wheels slide only where the motors give more than the floor.
    """
    straight = truth.model_copy(update={"firmware": truth.firmware.model_copy(update={"wiring": ()})})
    plant = Plant(World("floor"), straight, 0, "planar")
    try:
        duty = 0.0
        while plant.truth().v_mps < _RUN_UP_MPS and plant.time_ns < 20_000_000_000:
            duty = min(1.0, duty + 0.0002)
            plant.advance(1_000_000, duty, duty)
        speeds = []
        while plant.truth().v_mps > _WINDOW_MPS[0]:
            duty = max(-1.0, duty - _BRAKE_PER_MS)
            body = plant.truth()
            modes = [
                MotorMode.DRIVE if speed > _AT_REST_RADPS else MotorMode.BRAKE
                for speed in (body.left_wheel_radps, body.right_wheel_radps)
            ]
            plant.advance(1_000_000, duty, duty, *modes)
            speeds.append(plant.truth().v_mps)
    finally:
        plant.close()
    used = np.array([speed for speed in speeds if speed < _WINDOW_MPS[1]])
    return float(-np.polyfit(1e-3 * np.arange(len(used)), used, 1)[0])
