"""The distance field as kernels take it, and the robot's outline in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body
from amr.control.footprint import cover_discs, reach_m
from amr.geometry import Pose2, Twist2
from amr.grid import DistanceField
from amr.kernels.footprint import clearance_at
from amr.kernels.footprint_arc import arc_sweep, sweep_all
from amr.portable_math import sin_cos


class Outline:
    """The robot's outline as discs; never changes after construction."""

    def __init__(self, body: Body) -> None:
        self.discs = cover_discs(body)
        self.reach_m = reach_m(self.discs)
        self.inner_m = body.inradius_m


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A distance field ready for kernels (C-contiguous, writable), with questions about the outline in it."""

    distance_m: NDArray[np.float32]
    origin_x_m: float
    origin_y_m: float
    cells_per_m: float
    outline: Outline

    @classmethod
    def of(cls, field: DistanceField, outline: Outline) -> Window:
        """The window of a distance field; copies only what kernels would refuse."""
        distance_m = field.distance_m
        if not (distance_m.flags.c_contiguous and distance_m.flags.writeable):
            distance_m = np.array(distance_m, order="C")
        frame = field.frame
        return cls(distance_m, frame.origin_x_m, frame.origin_y_m, 1.0 / frame.resolution_m, outline)

    def clearance_m(self, pose: Pose2) -> float:
        """Clearance of the outline at a pose of the odom frame; below 0 = overlap."""
        sine, cosine = sin_cos(pose.yaw_rad)
        return float(
            clearance_at(
                self.distance_m,
                self.outline.discs,
                np.float32(pose.x_m - self.origin_x_m),
                np.float32(pose.y_m - self.origin_y_m),
                np.float32(cosine),
                np.float32(sine),
                np.float32(self.cells_per_m),
            )
        )

    def free_time_s(self, pose: Pose2, twist: Twist2, horizon_s: float, step_s: float, margin_m: float) -> float:
        """Time for which the robot can drive ``twist`` from ``pose`` keeping ``margin_m``; at most ``horizon_s``."""
        free_s, _ = arc_sweep(
            self.distance_m,
            self.outline.discs,
            pose.x_m - self.origin_x_m,
            pose.y_m - self.origin_y_m,
            pose.yaw_rad,
            twist.v_mps,
            twist.w_radps,
            horizon_s,
            step_s,
            margin_m,
            self.cells_per_m,
        )
        return float(free_s)

    def free_times_s(
        self, pose: Pose2, velocities: NDArray[np.float64], horizon_s: float, step_s: float, margin_m: float
    ) -> NDArray[np.float64]:
        """``free_time_s`` of each of ``velocities`` float64 [n, 2] (v, w); float64 [n]."""
        result = np.empty((velocities.shape[0], 2))
        start = np.array((pose.x_m - self.origin_x_m, pose.y_m - self.origin_y_m, pose.yaw_rad))
        sweep_all(
            self.distance_m,
            self.outline.discs,
            start,
            velocities,
            horizon_s,
            step_s,
            margin_m,
            self.cells_per_m,
            result,
        )
        return result[:, 0]
