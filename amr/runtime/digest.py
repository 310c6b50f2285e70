"""Outputs as canonical bytes, their digest, and the name of the first field in which two differ."""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Final

import numpy as np

from amr.geometry import Pose2
from amr.messages import (
    CloseFrontier,
    Covariance,
    ForgetObstacles,
    FrontierRequest,
    Goal,
    Inputs,
    InsertScan,
    LocateScan,
    Outputs,
    PlanRequest,
    Request,
    Stop,
    Telemetry,
    WheelCommand,
)

_FIXED: Final = struct.Struct("<Qqddqb?15d?qqdqdq")
_REQUEST: Final = struct.Struct("<Bqqq4d4d?q6d")
_LENGTH: Final = struct.Struct("<I")
_NO_GOAL: Final = Goal(0.0, 0.0, None, 0.0)
_NO_COVARIANCE: Final = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

Scalar = int | float | str | bool


def digest_outputs(outputs: Outputs) -> bytes:
    """32 bytes that are equal exactly when every field of two ``Outputs`` is, to the bit."""
    telemetry, wheel = outputs.telemetry, outputs.wheel
    pose, offset, twist = telemetry.odom_from_base, telemetry.map_from_odom, telemetry.twist
    wish, command = telemetry.wish, telemetry.command
    trajectory = np.ascontiguousarray(telemetry.trajectory_odom, np.float32)
    digest = blake2b(
        _FIXED.pack(
            outputs.step,
            outputs.now_ns,
            wheel.left_mps,
            wheel.right_mps,
            wheel.expiry_ns,
            -1 if wheel.stop is None else wheel.stop,
            wheel.arm,
            pose.x_m,
            pose.y_m,
            pose.yaw_rad,
            *telemetry.pose_sigma,
            offset.x_m,
            offset.y_m,
            offset.yaw_rad,
            twist.v_mps,
            twist.w_radps,
            wish.v_mps,
            wish.w_radps,
            command.v_mps,
            command.w_radps,
            telemetry.armed,
            telemetry.goals_reached,
            telemetry.goals_total,
            telemetry.min_range_m,
            telemetry.path_version,
            telemetry.lost_frac,
            len(outputs.requests),
        ),
        digest_size=32,
    )
    texts = (outputs.stop.reason.value, outputs.stop.cause, telemetry.mission_state, telemetry.mission_reason)
    for text in (*texts, telemetry.belief.value):
        raw = text.encode("utf-8", "surrogatepass")
        digest.update(_LENGTH.pack(len(raw)))
        digest.update(raw)
    for request in outputs.requests:
        digest.update(pack_request(request))
    digest.update(_LENGTH.pack(len(trajectory)))
    digest.update(trajectory.data if trajectory.size else b"")
    return digest.digest()


def trajectory_digest(telemetry: Telemetry) -> int:
    """64 bits of the predicted motion."""
    trajectory = np.ascontiguousarray(telemetry.trajectory_odom, np.float32)
    return int.from_bytes(blake2b(trajectory.tobytes(), digest_size=8).digest(), "little")


class RunDigest:
    """Hash chain over the steps (a ``StepSink``): equal text = equal run."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = bytes(32)

    def record(self, inputs: Inputs, outputs: Outputs) -> None:  # noqa: ARG002 (a StepSink sees both)
        """Append one step."""
        self.add(digest_outputs(outputs))

    def add(self, step_digest: bytes) -> None:
        """Append one step whose digest is known."""
        self._state = blake2b(self._state + step_digest, digest_size=32).digest()

    def text(self) -> str:
        """All steps so far, in hex."""
        return self._state.hex()


def request_row(
    request: Request,
) -> tuple[int, int, int, int, float, float, float, float, Goal, int, Covariance]:
    """One shape for all requests.

    (kind, stamp_ns, request_id, map_version, x_m, y_m, yaw_rad, radius_m, goal, scan_stamp_ns, covariance). The goal of
    an ``InsertScan`` or a ``LocateScan`` is the pose at its last beam; without a heading there is none. The radius of a
    ``FrontierRequest`` is the tolerance that it asks for; a goal without tolerance is none.
    """
    if isinstance(request, InsertScan):
        pose = request.map_from_lidar
        last = _goal_at(request.map_from_lidar_end)
        row = (0, request.scan_stamp_ns, 0, request.map_version, pose.x_m, pose.y_m, pose.yaw_rad, 0.0, last)
        return (*row, 0, _NO_COVARIANCE)
    if isinstance(request, ForgetObstacles):
        row = (1, 0, 0, request.map_version, request.x_m, request.y_m, 0.0, request.radius_m, _NO_GOAL)
        return (*row, 0, _NO_COVARIANCE)
    if isinstance(request, CloseFrontier):
        row = (7, 0, 0, request.map_version, request.x_m, request.y_m, 0.0, request.radius_m, _NO_GOAL)
        return (*row, 0, _NO_COVARIANCE)
    if isinstance(request, FrontierRequest):
        kind, start = 6 if request.afresh else 5, request.start_map
        head = (kind, request.stamp_ns, request.request_id, request.map_version)
        target = request.target or _NO_GOAL
        return (*head, start.x_m, start.y_m, start.yaw_rad, request.tolerance_m, target, 0, _NO_COVARIANCE)
    if isinstance(request, LocateScan):
        pose, last = request.odom_from_base, _goal_at(request.odom_from_base_end)
        row = (4, request.stamp_ns, request.request_id, 0, pose.x_m, pose.y_m, pose.yaw_rad, 0.0, last)
        return (*row, request.scan_stamp_ns, request.covariance)
    kind, start = 3 if request.exact else 2, request.start_map
    head = (kind, request.stamp_ns, request.request_id, request.map_version)
    return (*head, start.x_m, start.y_m, start.yaw_rad, 0.0, request.goal_map, 0, _NO_COVARIANCE)


def _goal_at(pose: Pose2 | None) -> Goal:
    return _NO_GOAL if pose is None else Goal(pose.x_m, pose.y_m, pose.yaw_rad, 0.0)


def pack_request(request: Request) -> bytes:
    """Canonical bytes of a request."""
    *head, goal, scan_stamp_ns, covariance = request_row(request)
    yaw_goal_rad = 0.0 if goal.yaw_rad is None else goal.yaw_rad
    goal_row = (goal.x_m, goal.y_m, yaw_goal_rad, goal.tolerance_m, goal.yaw_rad is not None)
    return _REQUEST.pack(*head, *goal_row, scan_stamp_ns, *covariance)


def flatten_outputs(outputs: Outputs) -> dict[str, Scalar]:
    """Dotted name of each field of ``Outputs`` and its value, in the order of the class; arrays by their digest."""
    telemetry = outputs.telemetry
    return {
        "step": outputs.step,
        "now_ns": outputs.now_ns,
        **_wheel_fields(outputs.wheel),
        **_stop_fields(outputs.stop),
        "telemetry.odom_from_base.x_m": telemetry.odom_from_base.x_m,
        "telemetry.odom_from_base.y_m": telemetry.odom_from_base.y_m,
        "telemetry.odom_from_base.yaw_rad": telemetry.odom_from_base.yaw_rad,
        "telemetry.pose_sigma[0]": telemetry.pose_sigma[0],
        "telemetry.pose_sigma[1]": telemetry.pose_sigma[1],
        "telemetry.pose_sigma[2]": telemetry.pose_sigma[2],
        "telemetry.map_from_odom.x_m": telemetry.map_from_odom.x_m,
        "telemetry.map_from_odom.y_m": telemetry.map_from_odom.y_m,
        "telemetry.map_from_odom.yaw_rad": telemetry.map_from_odom.yaw_rad,
        "telemetry.twist.v_mps": telemetry.twist.v_mps,
        "telemetry.twist.w_radps": telemetry.twist.w_radps,
        "telemetry.wish.v_mps": telemetry.wish.v_mps,
        "telemetry.wish.w_radps": telemetry.wish.w_radps,
        "telemetry.command.v_mps": telemetry.command.v_mps,
        "telemetry.command.w_radps": telemetry.command.w_radps,
        "telemetry.armed": telemetry.armed,
        "telemetry.mission_state": telemetry.mission_state,
        "telemetry.mission_reason": telemetry.mission_reason,
        "telemetry.goals_reached": telemetry.goals_reached,
        "telemetry.goals_total": telemetry.goals_total,
        "telemetry.min_range_m": telemetry.min_range_m,
        "telemetry.path_version": telemetry.path_version,
        "telemetry.trajectory_odom": trajectory_digest(telemetry),
        "telemetry.belief": telemetry.belief.value,
        "telemetry.lost_frac": telemetry.lost_frac,
        **request_fields(outputs.requests),
    }


def _wheel_fields(wheel: WheelCommand) -> dict[str, Scalar]:
    return {
        "wheel.left_mps": wheel.left_mps,
        "wheel.right_mps": wheel.right_mps,
        "wheel.expiry_ns": wheel.expiry_ns,
        "wheel.stop": -1 if wheel.stop is None else int(wheel.stop),
        "wheel.arm": wheel.arm,
    }


def _stop_fields(stop: Stop) -> dict[str, Scalar]:
    return {"stop.reason": stop.reason.value, "stop.cause": stop.cause}


def request_fields(requests: tuple[Request, ...]) -> dict[str, Scalar]:
    """Number of requests, and each as the hex of its canonical bytes."""
    rows = {f"requests[{i}] ({_KINDS[type(r)]})": pack_request(r).hex() for i, r in enumerate(requests)}
    return {"len(requests)": len(requests), **rows}


_REQUESTS: Final = (InsertScan, ForgetObstacles, PlanRequest, LocateScan, FrontierRequest, CloseFrontier)
_KINDS: Final = {kind: kind.__name__ for kind in _REQUESTS}


def first_difference(logged: dict[str, Scalar], computed: dict[str, Scalar]) -> str | None:
    """Name of the first field whose bits differ, as ``name: logged ..., computed ...``; None when all are equal."""
    for name, value in logged.items():
        other = computed.get(name)
        if other is None or _bits(value) != _bits(other):
            return f"{name}: logged {value!r}, computed {other!r}"
    extra = next((name for name in computed if name not in logged), None)
    return None if extra is None else f"{extra}: not in the log"


def _bits(value: Scalar) -> bytes | Scalar:
    """Floats by their bits: so -0.0 differs from 0.0 and a nan equals itself."""
    return struct.pack("<d", value) if isinstance(value, float) else value
