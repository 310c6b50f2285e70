"""What the ring remembers of the world: the newest scan's points, older points out of view, and space seen free.

A lidar that does not look around leaves sides and rear that are neither "free" nor "never": a point that left the
view stays until a newer scan sees past it, it grows too old, or wheel odometry has drifted too far since. A point that
a turn in place could touch does not grow old: while nobody can see it, time alone tells nothing. Space that was seen
(or that the robot's own body covered) counts as free by age and drift, everything else as *unseen*.
Beyond the assumed obstacle speed nothing is claimed about what moves in where nobody looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.messages import Scan
from amr.safety import kernel_memory as kernel
from amr.safety.dead_reckoning import Odometer, pose_at
from amr.safety.outline import Outline
from amr.safety.scan_check import oldest_light_ns
from amr.units import ns_from_s

CAPACITY: Final = 2048
_CELL_M: Final = 0.05
_CELLS_MAX: Final = 64
_FREE_S: Final = 0.5
"""How long a place that was seen free is taken for free where obstacles move; every place is judged more often."""
_UPDATES_HZ: Final = 6.0
"""Every cell around the robot is judged at least about so often; a faster lidar takes turns with the rows."""


@dataclass(frozen=True, slots=True)
class MemoryRules:
    """Limits and sizes, from the robot file."""

    age_ns: int
    free_age_ns: int
    """A place that was seen free so long ago counts as unseen: something may have come there."""
    drift_m: float
    radius_m: float
    beside_m: float
    cell_m: float
    cells: int
    phases: int
    lidar_x_m: float
    lidar_y_m: float
    lidar_yaw_rad: float
    armed_clear_m: float

    @classmethod
    def from_config(cls, config: RobotConfig, reach_m: float) -> MemoryRules:
        """``reach_m``: how far from the base the stop from full speed can matter; the memory spans 0.5 m more."""
        radius_m = reach_m + 0.5
        cells = min(_CELLS_MAX, 2 * math.ceil(radius_m / _CELL_M))
        safety = config.safety
        free_s = safety.memory_s if safety.obstacle_speed_mps == 0.0 else min(safety.memory_s, _FREE_S)
        return cls(
            ns_from_s(safety.memory_s),
            ns_from_s(free_s),
            safety.memory_drift_m,
            radius_m,
            config.body.circumradius_m + config.safety.armed_clear_m,
            2.0 * radius_m / cells,
            cells,
            max(1, min(8, int(config.lidar.rate_hz / _UPDATES_HZ))),
            config.lidar.x_m,
            config.lidar.y_m,
            config.lidar.yaw_rad,
            config.safety.armed_clear_m,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """State. The arrays are written in place by the kernels."""

    points: NDArray[np.float64]
    """float64 [CAPACITY, 4]: (x m, y m, drift clock m, stamp ns), odom frame; the first ``count`` count."""
    count: int
    fresh: NDArray[np.float64]
    """float64 [beams, 2]: returns of the newest scan (x m, y m), odom frame; the first ``fresh_count`` count."""
    fresh_beams: NDArray[np.int32]
    fresh_count: int
    fresh_drift_m: float
    fresh_stamp_ns: int
    owners: NDArray[np.int64]
    """int64 [cells, cells, 3]: (column, row, stamp ns of being seen) of the cell that each slot holds."""
    drifts: NDArray[np.float64]
    """float64 [cells, cells]: drift clock at that time, m."""
    phase: int


def empty(rules: MemoryRules, beams: int) -> Memory:
    """Nothing seen yet."""
    owners = np.zeros((rules.cells, rules.cells, 3), np.int64)
    owners[:, :, 2] = kernel.NEVER_NS
    return Memory(
        np.zeros((CAPACITY, 4)), 0, np.zeros((beams, 2)), np.zeros(beams, np.int32), 0, 0.0, 0, owners,
        np.zeros((rules.cells, rules.cells)), 0,
    )  # fmt: skip


def scan_geometry(scan: Scan, odometer: Odometer, rules: MemoryRules) -> NDArray[np.float64] | None:
    """The scan's geometry as the kernels want it, None when odometry cannot place all of its beams (yet)."""
    sweep_ns = round(scan.time_increment_s * (len(scan.ranges_m) - 1) * 1e9)
    first = pose_at(odometer, scan.stamp_ns)
    last = pose_at(odometer, scan.stamp_ns + sweep_ns)
    if first is None or last is None:
        return None
    return np.array(
        (
            scan.angle_min_rad, scan.angle_increment_rad, scan.range_min_m, scan.range_max_m,
            rules.lidar_x_m, rules.lidar_y_m, rules.lidar_yaw_rad,
            first[0], first[1], first[2], last[0] - first[0], last[1] - first[1], last[2] - first[2],
        )
    )  # fmt: skip


def insert(
    memory: Memory, scan: Scan, geometry: NDArray[np.float64], odometer: Odometer, rules: MemoryRules, outline: Outline
) -> Memory:
    """The memory after a valid scan: old points judged by it, its own points fresh, the cells that it saw marked."""
    ranges, light_ns = np.array(scan.ranges_m), oldest_light_ns(scan)
    _, x_m, y_m, yaw_rad = odometer.trail[-1]
    count = kernel.refresh_memory(
        memory.points, memory.count, memory.fresh, memory.fresh_count, memory.fresh_drift_m,
        float(memory.fresh_stamp_ns), odometer.drift_m, rules.drift_m, float(scan.stamp_ns - rules.age_ns),
        x_m, y_m, rules.radius_m, rules.beside_m, ranges, geometry, rules.cell_m, memory.owners,
    )  # fmt: skip
    fresh_count = kernel.place_scan(ranges, geometry, memory.fresh, memory.fresh_beams)
    kernel.mark_seen(
        x_m, y_m, yaw_rad, light_ns, odometer.drift_m, memory.phase, rules.phases, ranges, geometry,
        rules.cell_m, memory.owners, memory.drifts, *outline.hull.arrays,
    )  # fmt: skip
    return replace(
        memory,
        count=count,
        fresh_count=fresh_count,
        fresh_drift_m=odometer.drift_m,
        fresh_stamp_ns=light_ns,
        phase=(memory.phase + 1) % rules.phases,
    )


def vouch(memory: Memory, odometer: Odometer, now_ns: int, rules: MemoryRules, outline: Outline) -> None:
    """Mark the space close around the robot as seen, on the word of whoever armed it."""
    _, x_m, y_m, yaw_rad = odometer.trail[-1]
    kernel.mark_around(
        x_m, y_m, yaw_rad, rules.armed_clear_m, now_ns, odometer.drift_m, rules.cell_m, memory.owners, memory.drifts,
        *outline.hull.arrays,
    )  # fmt: skip


def points_near(
    memory: Memory, odometer: Odometer, pose: tuple[float, float, float], reach_m: float, now_ns: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """(points, sources, count) within reach of a base pose and in its frame; see ``kernel.gather_points``."""
    points = np.empty((memory.count + memory.fresh_count, 4))
    sources = np.empty(len(points), np.int64)
    count = kernel.gather_points(
        memory.points, memory.count, odometer.drift_m, memory.fresh, memory.fresh_count,
        (now_ns - memory.fresh_stamp_ns) * 1e-9, float(now_ns), *pose, reach_m, points, sources,
    )  # fmt: skip
    return points, sources, count


def unseen_near(
    memory: Memory,
    odometer: Odometer,
    pose: tuple[float, float, float],
    reach_m: float,
    now_ns: int,
    rules: MemoryRules,
) -> tuple[NDArray[np.float64], int]:
    """(points, count): centres of the unseen cells within reach of a base pose and in its frame."""
    points = np.empty((rules.cells * rules.cells, 4))
    count = kernel.gather_unseen(
        *pose, min(reach_m, rules.radius_m), rules.drift_m, now_ns - rules.free_age_ns,
        odometer.drift_m, rules.cell_m, memory.owners, memory.drifts, points,
    )  # fmt: skip
    return points, count


def nearest_m(memory: Memory, pose: tuple[float, float, float], outline: Outline) -> float:
    """Smallest distance of the newest scan's points to the outline at a base pose; +inf when there is none."""
    return float(kernel.smallest_clearance(memory.fresh, memory.fresh_count, *pose, *outline.parts.arrays))


def describe(memory: Memory, source: int, point: NDArray[np.float64], ahead_m: float = 0.0) -> str:
    """Names a point for a person: the beam that measured it, or its age; and where it lies from the base.

    ``ahead_m``: x in the base frame of the origin that the point is given from.
    """
    where = f"at ({point[0] + ahead_m:.2f}, {point[1]:.2f}) m from the base"
    if source >= 0:
        return f"beam {int(memory.fresh_beams[source])} sees an obstacle {where}"
    return f"remembered obstacle {where}, last seen {point[3]:.1f} s ago, known within {point[2]:.3f} m"
