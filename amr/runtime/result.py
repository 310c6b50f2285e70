"""The result of one run as plain values: what ``result.json``, the picture and the report are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.grid import GridFrame


@dataclass(frozen=True, slots=True)
class StopEvent:
    """The safety ring began to stop or slow the robot, or the robot lost its place on the map."""

    t_s: float
    reason: str
    """Value of ``amr.messages.StopReason``, or ``lost``."""
    cause: str
    """Names the beam, rule, frame or fault."""


@dataclass(frozen=True, slots=True)
class LinkCounts:
    """Frames over the wire, from the host's side."""

    frames_in: int = 0
    frames_out: int = 0
    crc_errors: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Distribution of a duration in milliseconds; nan when nothing was measured."""

    p50: float = math.nan
    p99: float = math.nan
    max: float = math.nan

    @classmethod
    def of_ns(cls, durations_ns: NDArray[np.int64]) -> Percentiles:
        """Percentiles of durations in nanoseconds."""
        if durations_ns.size == 0:
            return cls()
        p50, p99 = np.percentile(durations_ns, (50.0, 99.0))
        return cls(float(p50) * 1e-6, float(p99) * 1e-6, float(durations_ns.max()) * 1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class MovingTrack:
    """Where a moving obstacle was: ``track`` float64 [n, 3] (t s, x m, y m), world frame."""

    radius_m: float
    track: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class WorldOutline:
    """The true world, for pictures (world frame)."""

    polygons: tuple[NDArray[np.float64], ...] = ()
    """Each float64 [n, 2], closed by itself."""
    circles: tuple[tuple[float, float, float], ...] = ()
    """(x m, y m, radius m)."""
    moving: tuple[MovingTrack, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PlanRecord:
    """A path as the worker answered it: ``path_map`` float64 [n, 2 or 3]."""

    t_s: float
    path_map: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MapImage:
    """What the robot mapped: ``cells`` uint8 [height, width], 0 free, 100 occupied, 255 unknown; row 0 = smallest y."""

    frame: GridFrame
    cells: NDArray[np.uint8]


def _no_rows() -> NDArray[np.float64]:
    return np.zeros((0, 6))


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """One run of a scenario. The first block is ``result.json``; the rest is for the picture and the report.

    ``world_from_map`` is the identity when the map frame is the world frame (then the picture can show both).
    """

    scenario: str
    seed: int
    success: bool
    outcome: str
    """``success`` or why not: ``timeout``, ``contact``, ``gave_up: ...``."""
    time_s: float
    path_length_m: float
    collisions: int
    min_clearance_m: float
    goals_reached: int
    goals_total: int
    stops: tuple[StopEvent, ...]
    link: LinkCounts
    step_ms: Percentiles
    real_time_factor: float
    steps: int
    digest: str
    log: str | None

    robot: str = ""
    description: str = ""
    backend: str = ""
    firmware: str = ""
    pace: str = ""
    controller: str = ""
    goals: tuple[tuple[float, float, float | None], ...] = ()
    """(x m, y m, yaw rad or None), world frame."""
    start: tuple[float, float, float] = (0.0, 0.0, 0.0)
    outline_m: tuple[tuple[tuple[float, float], ...], ...] = ()
    """The robot's own outline, base frame."""
    truth: NDArray[np.float64] = field(default_factory=_no_rows)
    """float64 [n, 6]: t s, x m, y m, yaw rad (world frame), v m/s, w rad/s."""
    world: WorldOutline = WorldOutline()
    map: MapImage | None = None
    plans: tuple[PlanRecord, ...] = ()
    latency_ms: tuple[tuple[str, Percentiles], ...] = ()
    """Named latencies, such as ("light on the lidar to torque on the wheel", ...)."""
    counters: tuple[tuple[str, int], ...] = ()
    """Further counts that are worth a line in the report, such as log records dropped."""
    pose_error: dict[str, Any] | None = None
    """How far the robot's idea of its place was from the truth (``amr.runtime.pose_error``); None = not compared."""


def result_json(result: RunResult) -> dict[str, Any]:
    """The contract's keys for ``amr sim --json``; non-finite numbers are None."""
    return {
        "scenario": result.scenario,
        "seed": result.seed,
        "success": result.success,
        "outcome": result.outcome,
        "time_s": finite(result.time_s),
        "path_length_m": finite(result.path_length_m),
        "collisions": result.collisions,
        "min_clearance_m": finite(result.min_clearance_m),
        "goals_reached": result.goals_reached,
        "goals_total": result.goals_total,
        "stops": [{"t_s": finite(stop.t_s), "reason": stop.reason, "cause": stop.cause} for stop in result.stops],
        "link": {
            "frames_in": result.link.frames_in,
            "frames_out": result.link.frames_out,
            "crc_errors": result.link.crc_errors,
            "lost": result.link.lost,
        },
        "step_ms": percentiles_json(result.step_ms),
        "real_time_factor": finite(result.real_time_factor),
        "steps": result.steps,
        "digest": result.digest,
        "log": result.log,
        "robot": result.robot,
        "backend": result.backend,
        "firmware": result.firmware,
        "pace": result.pace,
        "controller": result.controller,
        "latency_ms": {name: percentiles_json(value) for name, value in result.latency_ms},
        "counters": dict(result.counters),
        "pose_error": result.pose_error,
    }


def percentiles_json(value: Percentiles) -> dict[str, float | None]:
    """``{"p50", "p99", "max"}`` with None for what was not measured."""
    return {"p50": finite(value.p50), "p99": finite(value.p99), "max": finite(value.max)}


def finite(value: float) -> float | None:
    """The number, or None when JSON cannot carry it."""
    return float(value) if math.isfinite(value) else None
