"""Recorded control inputs as plain arrays: for benchmarks and tests that need the real thing without a robot.

Format, version 1 (one ``.npz``; the caller reads and writes the file): one row a cycle in ``cycles`` (structured),
``pending`` and ``movers`` flat with a count a cycle, ``paths`` flat with the rows of each distinct path, distance
fields once each as uint16 in steps of 0.1 mm (a field is shared by the cycles between two scans), unknown cells as
packed bits. Everything but the distances comes back exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.control.base import ControlInput, MotionLimits
from amr.errors import DataError
from amr.geometry import Pose2, Twist2
from amr.grid import DistanceField, GridFrame
from amr.movers import AHEAD_S, Mover

VERSION = 1
_STEP_M = 1e-4

_CYCLE = np.dtype(
    [
        ("now_ns", "i8"),
        ("tick", "i8"),
        ("pose", "f8", 3),
        ("twist", "f8", 2),
        ("delay_s", "f8"),
        ("goal", "f8", 3),
        ("goal_tolerance_m", "f8"),
        ("goal_yaw_matters", "?"),
        ("is_last_goal", "?"),
        ("limits", "f8", 7),
        ("path_version", "i8"),
        ("path", "i4"),
        ("field", "i4"),
        ("pending", "i4"),
        ("movers", "i4"),
    ]
)
_PENDING = np.dtype([("time_ns", "i8"), ("v_mps", "f8"), ("w_radps", "f8")])
_FIELD = np.dtype([("origin", "f8", 2), ("resolution_m", "f8"), ("width", "i4"), ("height", "i4"), ("cap_m", "f8")])
_MOVER = (
    *("x_m", "y_m", "vx_mps", "vy_mps", "radius_m"),
    *("ax_mps2", "ay_mps2", "fade_s", "position_sigma_m", "velocity_sigma_mps"),
)
"""Columns of ``movers``; recordings without accelerations have the first five."""
_COURSE = 3 * len(AHEAD_S)
"""Columns of ``courses``, one row a mover, nan where there is none; recordings from before them have no such array."""
_KEYS = ("version", "cycles", "pending", "movers", "path_rows", "paths", "fields", "distances", "unknown")


def to_arrays(inputs: Sequence[ControlInput]) -> dict[str, NDArray[np.generic]]:
    """The inputs as arrays for ``numpy.savez_compressed``; all fields must have one shape."""
    fields: list[DistanceField] = []
    paths: list[NDArray[np.float64]] = []
    cycles = np.zeros(len(inputs), _CYCLE)
    pending: list[tuple[int, float, float]] = []
    movers: list[tuple[float, ...]] = []
    courses: list[NDArray[np.float64]] = []
    for row, item in zip(cycles, inputs, strict=True):
        if not fields or fields[-1] is not item.field:
            fields.append(item.field)
        if not paths or not np.array_equal(paths[-1], item.path_odom):
            paths.append(item.path_odom)
        row["now_ns"], row["tick"], row["delay_s"] = item.now_ns, item.tick, item.delay_s
        row["pose"] = (item.odom_from_base.x_m, item.odom_from_base.y_m, item.odom_from_base.yaw_rad)
        row["twist"] = (item.twist.v_mps, item.twist.w_radps)
        row["goal"] = (item.goal_odom.x_m, item.goal_odom.y_m, item.goal_odom.yaw_rad)
        row["goal_tolerance_m"], row["goal_yaw_matters"] = item.goal_tolerance_m, item.goal_yaw_matters
        row["is_last_goal"], row["path_version"] = item.is_last_goal, item.path_version
        limits = item.limits
        row["limits"] = tuple(getattr(limits, name) for name in MotionLimits.__slots__)
        row["path"], row["field"] = len(paths) - 1, len(fields) - 1
        row["pending"], row["movers"] = len(item.pending), len(item.obstacles)
        pending += item.pending
        movers += [tuple(getattr(mover, name) for name in _MOVER) for mover in item.obstacles]
        courses += [
            np.array(mover.course).ravel() if mover.course else np.full(_COURSE, np.nan) for mover in item.obstacles
        ]
    return {
        "version": np.array(VERSION),
        "cycles": cycles,
        "pending": np.array(pending, _PENDING),
        "movers": np.array(movers, np.float64).reshape(-1, len(_MOVER)),
        "courses": np.array(courses, np.float64).reshape(-1, _COURSE),
        "path_rows": np.array([len(path) for path in paths], np.int64),
        "paths": np.concatenate(paths) if paths else np.zeros((0, 3)),
        "fields": np.array([_field_row(field) for field in fields], _FIELD),
        "distances": np.stack([_steps(field) for field in fields]) if fields else np.zeros((0, 0, 0), np.uint16),
        "unknown": np.stack([np.packbits(field.unknown) for field in fields]) if fields else np.zeros((0, 0), np.uint8),
    }


def from_arrays(arrays: Mapping[str, NDArray[np.generic]]) -> list[ControlInput]:
    """The inputs back; raises ``DataError`` when the arrays are not a recording of this version."""
    missing = [key for key in _KEYS if key not in arrays]
    if missing:
        raise DataError(f"recording: no array {missing[0]!r}")
    if int(arrays["version"].item()) != VERSION:
        raise DataError(f"recording: version {arrays['version'].item()}, expected {VERSION}")
    if arrays["cycles"].dtype != _CYCLE or arrays["fields"].dtype != _FIELD or arrays["pending"].dtype != _PENDING:
        raise DataError("recording: an array has other columns than this version writes")
    try:
        return _unpack(arrays)
    except (ValueError, IndexError) as error:
        raise DataError(f"recording: arrays do not fit each other ({error})") from error


def _unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[ControlInput]:
    fields = [_field(row, steps, bits) for row, steps, bits in zip(*(arrays[k] for k in _KEYS[6:]), strict=True)]
    paths = np.split(arrays["paths"].astype(np.float64), np.cumsum(arrays["path_rows"])[:-1].astype(np.int64))
    told = arrays.get("courses", np.full((len(arrays["movers"]), _COURSE), np.nan))
    if told.shape != (len(arrays["movers"]), _COURSE):
        raise ValueError("courses are not one a mover")
    courses: list[tuple[tuple[float, float, float], ...]] = [
        () if np.isnan(row[0]) else tuple((x, y, sigma) for x, y, sigma in row.reshape(-1, 3).tolist()) for row in told
    ]
    inputs = []
    pending_at = movers_at = 0
    for row in arrays["cycles"]:
        pending = arrays["pending"][pending_at : pending_at + row["pending"]]
        seen = slice(movers_at, movers_at + int(row["movers"]))
        pending_at, movers_at = pending_at + int(row["pending"]), movers_at + int(row["movers"])
        inputs.append(
            ControlInput(
                now_ns=int(row["now_ns"]),
                tick=int(row["tick"]),
                odom_from_base=Pose2(*row["pose"].tolist()),
                twist=Twist2(*row["twist"].tolist()),
                pending=tuple((int(time_ns), float(v), float(w)) for time_ns, v, w in pending.tolist()),
                delay_s=float(row["delay_s"]),
                field=fields[row["field"]],
                path_odom=np.ascontiguousarray(paths[row["path"]]),
                path_version=int(row["path_version"]),
                goal_odom=Pose2(*row["goal"].tolist()),
                goal_yaw_matters=bool(row["goal_yaw_matters"]),
                goal_tolerance_m=float(row["goal_tolerance_m"]),
                is_last_goal=bool(row["is_last_goal"]),
                limits=MotionLimits(*row["limits"].tolist()),
                obstacles=tuple(map(_mover, arrays["movers"][seen].tolist(), courses[seen])),
            )
        )
    return inputs


def _mover(values: list[float], course: tuple[tuple[float, float, float], ...]) -> Mover:
    known: dict[str, Any] = dict(zip(_MOVER, values, strict=False))
    return Mover(**known, course=course)


def _field_row(field: DistanceField) -> tuple[tuple[float, float], float, int, int, float]:
    frame = field.frame
    return (frame.origin_x_m, frame.origin_y_m), frame.resolution_m, frame.width, frame.height, field.cap_m


def _steps(field: DistanceField) -> NDArray[np.uint16]:
    steps: NDArray[np.uint16] = np.clip(np.rint(field.distance_m / np.float32(_STEP_M)), 0, 65535).astype(np.uint16)
    return steps


def _field(row: np.void, steps: NDArray[np.generic], bits: NDArray[np.generic]) -> DistanceField:
    width, height = int(row["width"]), int(row["height"])
    frame = GridFrame(float(row["origin"][0]), float(row["origin"][1]), float(row["resolution_m"]), width, height)
    distance_m = (steps.astype(np.float64) * _STEP_M).astype(np.float32).reshape(height, width)
    unknown = np.unpackbits(bits.astype(np.uint8), count=width * height).reshape(height, width)
    return DistanceField(frame, distance_m, unknown, float(row["cap_m"]))
