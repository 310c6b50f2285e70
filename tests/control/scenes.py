"""Small hand-made situations for the control tests: a field from circles and boxes, an input, a closed loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from amr.config.robot import RobotConfig
from amr.control.base import ControlInput, Controller, ControlOutput, MotionLimits
from amr.geometry import IDENTITY, STANDSTILL, Pose2, Twist2, integrate_twist
from amr.grid import DistanceField, GridFrame
from amr.runtime.files import load_robot

RESOLUTION_M = 0.04
CELLS = 240
CYCLE_NS = 20_000_000
LIMITS = MotionLimits.from_config(load_robot("jackal").limits)

Occupied = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]


def robot(**control: object) -> RobotConfig:
    """The Jackal, few samples for speed unless asked otherwise; keywords replace keys of ``control``."""
    config = load_robot("jackal")
    data = config.control.model_dump()
    data["samples"] = 400
    for key, value in control.items():
        if isinstance(value, dict):
            data[key].update(value)
        else:
            data[key] = value
    return config.model_copy(update={"control": type(config.control).model_validate(data)})


def nothing(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """An empty floor."""
    return np.zeros(np.broadcast(x, y).shape, bool)


def box(x0: float, x1: float, y0: float, y1: float) -> Occupied:
    """A box."""
    return lambda x, y: (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)


def circle(cx: float, cy: float, radius: float) -> Occupied:
    """A round post."""
    return lambda x, y: (x - cx) ** 2 + (y - cy) ** 2 <= radius**2


def union(*shapes: Occupied) -> Occupied:
    """All of these."""
    return lambda x, y: np.logical_or.reduce([shape(x, y) for shape in shapes])


def field_of(occupied: Occupied, center: tuple[float, float] = (0.0, 0.0), cap_m: float = 1.5) -> DistanceField:
    """The exact distance field of a scene, window centred on ``center``."""
    half = 0.5 * CELLS * RESOLUTION_M
    frame = GridFrame(
        round((center[0] - half) / RESOLUTION_M) * RESOLUTION_M,
        round((center[1] - half) / RESOLUTION_M) * RESOLUTION_M,
        RESOLUTION_M,
        CELLS,
        CELLS,
    )
    centers = (np.arange(CELLS) + 0.5) * RESOLUTION_M
    cells = occupied(frame.origin_x_m + centers[None, :], frame.origin_y_m + centers[:, None])
    distance = np.full((CELLS, CELLS), cap_m)
    if cells.any():
        distance = np.minimum(distance_transform_edt(~cells) * RESOLUTION_M, cap_m)
    return DistanceField(frame, distance.astype(np.float32), np.zeros((CELLS, CELLS), np.uint8), cap_m)


def input_of(
    occupied: Occupied = nothing,
    goal: tuple[float, float] = (4.0, 0.0),
    pose: Pose2 = IDENTITY,
    twist: Twist2 = STANDSTILL,
    path: NDArray[np.float64] | None = None,
    **changes: object,
) -> ControlInput:
    """A first cycle: straight path to the goal unless one is given."""
    if path is None:
        share = np.linspace(0.0, 1.0, 81)[:, None]
        ends = np.array([[pose.x_m, pose.y_m, 0.0], [goal[0], goal[1], 0.0]])
        path = ends[0] * (1.0 - share) + ends[1] * share
    made = ControlInput(
        now_ns=0,
        tick=0,
        odom_from_base=pose,
        twist=twist,
        pending=(),
        delay_s=0.04,
        field=field_of(occupied, (pose.x_m, pose.y_m)),
        path_odom=path,
        path_version=0,
        goal_odom=Pose2(goal[0], goal[1], 0.0),
        goal_yaw_matters=False,
        goal_tolerance_m=0.2,
        is_last_goal=True,
        limits=LIMITS,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


class Drive:
    """A closed loop of a controller and an ideal robot: commands act after ``delay_s``, wheels lag by 50 ms."""

    def __init__(self, controller: Controller, first: ControlInput) -> None:
        self.controller, self.input = controller, first
        self.poses = [first.odom_from_base]
        self.outputs: list[ControlOutput] = []

    def run(self, seconds: float, stop: Callable[[ControlInput, ControlOutput], bool] | None = None) -> Drive:
        """Drive for that long, or until ``stop`` says so."""
        for _ in range(round(seconds * 1e9 / CYCLE_NS)):
            output = self.controller.compute(self.input)
            self.outputs.append(output)
            if stop is not None and stop(self.input, output):
                break
            self._advance(output)
        return self

    def _advance(self, output: ControlOutput) -> None:
        now_ns = self.input.now_ns
        sent = (now_ns + round(self.input.delay_s * 1e9), output.v_mps, output.w_radps)
        pending = (*self.input.pending, sent)
        pose, twist = self.input.odom_from_base, self.input.twist
        for step in range(4):
            time_ns = now_ns + step * CYCLE_NS // 4
            acting = [entry for entry in pending if entry[0] <= time_ns]
            v, w = acting[-1][1:] if acting else (0.0, 0.0)
            gain = 1.0 - math.exp(-0.005 / 0.05)
            after = Twist2(twist.v_mps + gain * (v - twist.v_mps), twist.w_radps + gain * (w - twist.w_radps))
            pose, twist = integrate_twist(pose, after, 0.005), after
        now_ns += CYCLE_NS
        done = [entry for entry in pending if entry[0] <= now_ns]
        kept = [entry for entry in pending if entry[0] > now_ns]
        self.poses.append(pose)
        self.input = replace(
            self.input,
            now_ns=now_ns,
            tick=self.input.tick + 1,
            odom_from_base=pose,
            twist=twist,
            pending=(*done[-1:], *kept),
        )

    def clearances_m(self, occupied: Occupied) -> NDArray[np.float64]:
        """Distance of the Jackal's bounding box (0.458 x 0.416 m) to the scene at each pose; 0 = contact."""
        x, y = np.meshgrid(np.arange(-1.0, 5.0, 0.01), np.arange(-2.5, 2.5, 0.01))
        mask = occupied(x, y)
        points = np.stack((x[mask], y[mask]), axis=1)
        result = []
        for pose in self.poses:
            c, s = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
            dx, dy = points[:, 0] - pose.x_m, points[:, 1] - pose.y_m
            along = np.maximum(np.abs(c * dx + s * dy) - 0.229, 0.0)
            across = np.maximum(np.abs(c * dy - s * dx) - 0.208, 0.0)
            result.append(float(np.hypot(along, across).min()) if len(points) else math.inf)
        return np.array(result)
