"""A robot file, a slow lidar and a driver for the tests of the safety ring: plain and independent of the kernels."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import Pose2, Twist2, integrate_twist
from amr.kinematics import wheel_speeds_from_twist
from amr.messages import BaseState, Imu, LinkState, McuState, Scan
from amr.movers import Mover
from amr.safety import dead_reckoning, kernel, memory
from amr.safety.base import SafetyInput, SafetyOutput
from amr.safety.dead_reckoning import WheelGeometry
from amr.safety.envelope import EnvelopeSettings
from amr.safety.limits import CommandLimits
from amr.safety.memory import MemoryRules
from amr.safety.ring import SafetyRing
from amr.safety.situation import Foresight, Situation
from amr.units import GRAVITY_MPS2
from amr.wheel_slide import slide

JACKAL = Path(__file__).resolve().parents[2] / "seeds" / "robots" / "jackal.toml"
MS = 1_000_000
STEP_NS = 20 * MS

Circle = tuple[float, float, float]


def robot(lidar: dict[str, Any] | None = None, **safety: Any) -> RobotConfig:
    """The Jackal with other safety settings, and other lidar settings."""
    values = tomllib.loads(JACKAL.read_text(encoding="utf-8"))
    values["safety"] = {**values.get("safety", {}), **safety}
    values["lidar"] = {**values["lidar"], **(lidar or {})}
    return RobotConfig.model_validate(values)


def ranges_of(
    config: RobotConfig, pose: Pose2, circles: Sequence[Circle], seed: int | None = None
) -> NDArray[np.float32]:
    """Ranges that a lidar at ``pose`` measures among circles (x m, y m, radius m); noise only with a seed."""
    lidar = config.lidar
    x_m, y_m = pose.apply(lidar.x_m, lidar.y_m)
    angles = pose.yaw_rad + lidar.yaw_rad + lidar.angle_min_rad + lidar.angle_increment_rad * np.arange(lidar.beams)
    ranges = np.full(lidar.beams, np.inf)
    for cx, cy, radius in circles:
        along = np.cos(angles) * (cx - x_m) + np.sin(angles) * (cy - y_m)
        inside = radius**2 - ((cx - x_m) ** 2 + (cy - y_m) ** 2 - along**2)
        hit = (inside > 0.0) & (along > 0.0)
        ranges[hit] = np.minimum(ranges[hit], along[hit] - np.sqrt(inside[hit]))
    if seed is not None:
        ranges += np.random.default_rng(seed).uniform(-0.001, 0.001, lidar.beams)
    ranges[ranges > lidar.range_max_m] = np.inf
    return ranges.astype(np.float32)


def scan_of(config: RobotConfig, stamp_ns: int, ranges: NDArray[np.float32]) -> Scan:
    """A scan as the robot file describes it."""
    lidar = config.lidar
    return Scan(
        stamp_ns,
        lidar.angle_min_rad,
        lidar.angle_increment_rad,
        lidar.range_min_m,
        lidar.range_max_m,
        1.0 / (lidar.rate_hz * lidar.beams) if lidar.sweep else 0.0,
        ranges,
    )


def wall(x_m: float, half_width_m: float = 0.6) -> list[Circle]:
    """Small circles that stand for a wall across the way; their near side is at ``x_m``."""
    return [(x_m + 0.02, y, 0.02) for y in np.arange(-half_width_m, half_width_m, 0.02).tolist()]


_RADIUS_M = robot().body.circumradius_m

FAR: list[Circle] = [(9.0 * math.cos(a), 9.0 * math.sin(a), 1.0) for a in np.arange(0.0, 6.2, 0.2).tolist()]
"""Something for the lidar to see where nothing is near."""


class Driver:
    """Steps a ring in an ideal world: wheels obey a command when its time has come, telemetry and scans are prompt."""

    def __init__(self, config: RobotConfig, circles: Sequence[Circle] = (), pose: Pose2 | None = None) -> None:
        self.config = config
        self.circles = [*circles, *FAR]
        self.pose = pose or Pose2(0.0, 0.0, 0.0)
        self.ring = SafetyRing(config)
        self.now_ns = 0
        self.twist = Twist2(0.0, 0.0)
        self.left_m = self.right_m = 0.0
        self.pending: tuple[tuple[int, float, float], ...] = ()
        self.yaw_factor = 1.0
        """True turn per turn of the wheels: a skid steer's slip."""
        self.sliding = (0.0, 0.0)
        """True speed of a skid steer over the floor, base frame."""
        self._contacts_m = WheelGeometry.from_config(config).contacts_m
        self.imu: tuple[Imu, ...] = ()
        self.out: SafetyOutput | None = None

    def base(self, **changes: Any) -> BaseState:
        """Telemetry of this moment."""
        wheels = wheel_speeds_from_twist(self.twist, self.config.drive.track_m)
        per_tick = self.config.drive.metres_per_tick_m
        state = BaseState(
            self.now_ns, 7, round(self.left_m / per_tick), round(self.right_m / per_tick),
            wheels.left_mps, wheels.right_mps, 24.0, McuState.DRIVING, 0, 0,
        )  # fmt: skip
        return replace(state, **changes)

    def scan(self) -> Scan:
        """Scan of this moment."""
        return scan_of(self.config, self.now_ns, ranges_of(self.config, self.pose, self.circles, seed=self.now_ns))

    def advance(self) -> None:
        """One step of the world; the command that is due acts at once."""
        samples = []
        for _ in range(4):
            self.now_ns += STEP_NS // 4
            for at_ns, v_mps, w_radps in self.pending:
                if at_ns <= self.now_ns:
                    self.twist = Twist2(v_mps, w_radps)
            step_s = STEP_NS / 4 * 1e-9
            wheels = wheel_speeds_from_twist(self.twist, self.config.drive.track_m)
            self.left_m += wheels.left_mps * step_s
            self.right_m += wheels.right_mps * step_s
            turning = Twist2(self.twist.v_mps, self.yaw_factor * self.twist.w_radps)
            self.pose = self._moved(turning, step_s)
            samples.append(Imu(self.now_ns, turning.w_radps, 0.0, 0.0))
        self.imu = tuple(samples)

    def _moved(self, turning: Twist2, step_s: float) -> Pose2:
        """The pose after this time; a skid steer slides as its floor lets it."""
        if not self._contacts_m.size:
            return integrate_twist(self.pose, turning, step_s)
        wheels = wheel_speeds_from_twist(self.twist, self.config.drive.track_m)
        self.sliding = slide(
            *self.sliding, turning.w_radps, wheels.left_mps, wheels.right_mps, step_s,
            self.config.physics.friction * GRAVITY_MPS2, self.config.estimation.slip_creep_mps, self._contacts_m,
        )  # fmt: skip
        half_rad = 0.5 * turning.w_radps * step_s
        way = Pose2(self.sliding[0] * step_s, self.sliding[1] * step_s, half_rad)
        return self.pose @ Pose2(0.0, 0.0, half_rad) @ way

    def step(self, wish: Twist2 = Twist2(0.0, 0.0), **changes: Any) -> SafetyOutput:  # noqa: B008 - a frozen value
        """Advance, then let the ring decide. ``changes`` replace fields of its input."""
        self.advance()
        values: dict[str, Any] = {
            "now_ns": self.now_ns,
            "wish": wish,
            "wish_stamp_ns": self.now_ns,
            "scan": self.scan(),
            "base": self.base(),
            "link": LinkState.UP,
            "arm_wish": self.now_ns > 2 * STEP_NS,
            "operator": (),
            "pending": self.pending,
            "imu": self.imu,
        }
        values.update(changes)
        self.out = self.ring.step(SafetyInput(**values))
        due_ns = self.now_ns + round(self.config.link.host_to_mcu_delay_s * 1e9)
        acting = [entry for entry in self.pending if entry[0] <= self.now_ns]
        later = [entry for entry in self.pending if entry[0] > self.now_ns]
        command = self.out.command
        self.pending = (*acting[-1:], *later, (due_ns, command.v_mps, command.w_radps))
        return self.out

    def run(self, seconds: float, wish: Twist2 = Twist2(0.0, 0.0), **changes: Any) -> SafetyOutput:  # noqa: B008
        """Many equal steps; the last output."""
        for _ in range(round(seconds * 50)):
            out = self.step(wish, **changes)
        return out

    def clearance_m(self) -> float:
        """True distance of the outline to the nearest circle; 0.2 when none is near."""
        inverse = self.pose.inverse()
        near = [(inverse.apply(x, y), r) for x, y, r in self.circles if (x, y, r) not in FAR]
        near = [(point, r) for point, r in near if math.hypot(*point) - r < 0.5]
        return min((polygons_distance(self.config.body.outline_m, *point) - r for point, r in near), default=0.2)


def situation(
    wheels: Twist2,
    body: tuple[float, float, float],
    told: Twist2 | None = None,
    *,
    late_ms: int = 0,
    at: tuple[float, float, float] = (0.0, 0.0, 0.0),
    movers: tuple[Mover, ...] = (),
    config: RobotConfig | None = None,
) -> Situation:
    """Of a robot that has seen nothing, ``at`` a pose of its odometry: its wheels run by ``wheels``, its body moves by
    ``body`` (vx, vy m/s, w rad/s), ``told`` acts now, and telemetry is ``late_ms`` old."""
    config = config or robot()
    geometry = WheelGeometry.from_config(config)
    speeds = wheel_speeds_from_twist(wheels, geometry.track_m)
    now_ns = 1000 * MS
    stamp_ns = now_ns - late_ms * MS
    base = BaseState(stamp_ns, 1, 0, 0, speeds.left_mps, speeds.right_mps, 25.0, McuState.DRIVING, 0, 1)
    odometer = replace(
        dead_reckoning.start(base), vx_mps=body[0], vy_mps=body[1], yaw_rate_radps=body[2], trail=((stamp_ns, *at),)
    )
    pending = () if told is None else ((now_ns, told.v_mps, told.w_radps),)
    view = SafetyInput(
        now_ns, Twist2(0.0, 0.0), now_ns, None, base, LinkState.UP, arm_wish=True, pending=pending, movers=movers
    )
    foresight = Foresight(config, geometry, EnvelopeSettings.from_config(config))
    seen = memory.empty(MemoryRules.from_config(config, 3.0), config.lidar.beams)
    return foresight.situation(odometer, base, seen, CommandLimits.from_config(config.limits), view)


def unit(twist: tuple[float, float]) -> tuple[float, float]:
    """(v, w) per m/s of the bound on the speed of the Jackal's outline."""
    bound = abs(twist[0]) + abs(twist[1]) * _RADIUS_M
    return twist[0] / bound, twist[1] / bound


def law(twist: tuple[float, float], **values: float) -> NDArray[np.float64]:
    """A stop of the Jackal along a curve, as the ring's kernels take it; ``values``: columns by name."""
    row = np.zeros(kernel.LAW_SIZE)
    row[kernel.V], row[kernel.W] = unit(twist)
    row[kernel.REACH], row[kernel.AGE_MAX_S] = _RADIUS_M, 15.0
    row[kernel.HOLD_S], row[kernel.BRAKE_S_PER_MPS] = 0.05, 0.3
    for name, value in values.items():
        row[getattr(kernel, name)] = value
    return row


def polygons_distance(polygons: Sequence[Sequence[tuple[float, float]]], x: float, y: float) -> float:
    """Slow signed distance of a point to a union of convex polygons: ray casting, and every edge as a segment."""
    return min(_polygon_distance(polygon, x, y) for polygon in polygons)


def _polygon_distance(polygon: Sequence[tuple[float, float]], x: float, y: float) -> float:
    edges = list(zip(polygon, [*polygon[1:], polygon[0]], strict=True))
    inside = False
    nearest = math.inf
    for (ax, ay), (bx, by) in edges:
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            inside = not inside
        part = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)
        part = min(1.0, max(0.0, part))
        nearest = min(nearest, math.hypot(x - ax - part * (bx - ax), y - ay - part * (by - ay)))
    return -nearest if inside else nearest
