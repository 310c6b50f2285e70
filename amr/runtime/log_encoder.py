"""One step as records of the log: its inputs, what was decided, and views for people's tools."""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

import numpy as np

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.messages import Inputs, Outputs, PlanResult, PlanStatus, Scan
from amr.portable_math import sin_cos
from amr.runtime import log_types as lt
from amr.runtime.digest import RunDigest, Scalar, digest_outputs, request_fields, trajectory_digest
from amr.runtime.log_codec import (
    Geometry,
    encode_geometry,
    encode_message,
    geometry_bits,
    plain_request,
    ros_header,
    ros_request,
    scan_geometry,
    serialize,
    unsigned_stamp,
)
from amr.runtime.log_template import Template
from amr.runtime.log_types import TOPICS, Topic, typestore

TRANSFORMS_EVERY: Final = 5
TRAJECTORY_EVERY: Final = 25
GEOMETRY_EVERY_NS: Final = 1_000_000_000

_CHANNEL: Final = {topic.name: number for number, topic in enumerate(TOPICS)}
_BLOB_HEAD: Final = struct.Struct("<QQ?H")
_RECORD_HEAD: Final = struct.Struct("<BQI")

_types: Final[dict[str, Any]] = dict(typestore().types)
_Step = _types["amr_msgs/msg/Step"]
_Vector3 = _types["geometry_msgs/msg/Vector3"]
_Quaternion = _types["geometry_msgs/msg/Quaternion"]
_Point = _types["geometry_msgs/msg/Point"]
_Pose = _types["geometry_msgs/msg/Pose"]
_PoseStamped = _types["geometry_msgs/msg/PoseStamped"]
_PoseWithCovariance = _types["geometry_msgs/msg/PoseWithCovariance"]
_Twist = _types["geometry_msgs/msg/Twist"]
_TwistWithCovariance = _types["geometry_msgs/msg/TwistWithCovariance"]
_Transform = _types["geometry_msgs/msg/Transform"]
_TransformStamped = _types["geometry_msgs/msg/TransformStamped"]
_Time = _types["builtin_interfaces/msg/Time"]
_Header = _types["std_msgs/msg/Header"]
_Odometry = _types["nav_msgs/msg/Odometry"]
_Path = _types["nav_msgs/msg/Path"]
_TFMessage = _types["tf2_msgs/msg/TFMessage"]
_NO_COVARIANCE: Final = np.zeros(36)


class Record(NamedTuple):
    """One message of the MCAP file. ``channel`` is an index into ``log_types.TOPICS``."""

    channel: int
    publish_time: int
    data: bytes


class StepRecords(NamedTuple):
    """All records of one step."""

    now_ns: int
    step: int
    stopped: bool
    """The wheels were told to rest in this step, and not in the one before."""
    records: list[Record]

    def to_bytes(self) -> bytes:
        """For the way to another process."""
        parts = [_BLOB_HEAD.pack(self.now_ns, self.step, self.stopped, len(self.records))]
        for channel, publish_time, data in self.records:
            parts.append(_RECORD_HEAD.pack(channel, publish_time, len(data)))
            parts.append(data)
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, blob: bytes) -> StepRecords:
        """Inverse of ``to_bytes``; raises ``struct.error`` on other bytes."""
        now_ns, step, stopped, count = _BLOB_HEAD.unpack_from(blob)
        records, offset = [], _BLOB_HEAD.size
        for _ in range(count):
            channel, publish_time, length = _RECORD_HEAD.unpack_from(blob, offset)
            offset += _RECORD_HEAD.size
            records.append(Record(channel, publish_time, blob[offset : offset + length]))
            offset += length
        return cls(now_ns, step, stopped, records)


class StepEncoder:
    """Keeps what is written only on change, and the run's digest."""

    def __init__(self, robot: RobotConfig) -> None:
        self._base_from_lidar = Pose2(robot.lidar.x_m, robot.lidar.y_m, robot.lidar.yaw_rad)
        self._geometry: bytes = b""
        self._geometry_ns = 0
        self._was_stopped = True
        self.digest = RunDigest()
        self.steps = 0

    def encode(self, inputs: Inputs, outputs: Outputs) -> StepRecords:
        """Records of one step. ``inputs.now_ns`` must not be negative."""
        now_ns = inputs.now_ns
        records: list[Record] = []
        for message in inputs.messages:
            if isinstance(message, Scan):
                self._add_geometry(records, scan_geometry(message), now_ns)
            topic, data = encode_message(message)
            records.append(_record(topic, message.stamp_ns, data))
            if isinstance(message, PlanResult) and message.status is PlanStatus.OK:
                records.append(_record(lt.PLAN_VIEW, now_ns, _path(message.path_map, "map", message.stamp_ns)))
        step_digest = digest_outputs(outputs)
        self.digest.add(step_digest)
        self._add_views(records, outputs)
        records.append(_record(lt.STEP, now_ns, _step(inputs, outputs, step_digest)))  # last: it closes the others
        stopped = outputs.wheel.stop is not None
        begins, self._was_stopped = stopped and not self._was_stopped, stopped
        self.steps += 1
        return StepRecords(now_ns, outputs.step, begins, records)

    def _add_geometry(self, records: list[Record], geometry: Geometry, now_ns: int) -> None:
        """On change, and once a second: so a lost record costs at most a second of scans."""
        bits = geometry_bits(geometry)
        if bits != self._geometry or now_ns - self._geometry_ns >= GEOMETRY_EVERY_NS:
            records.append(_record(lt.SCAN_GEOMETRY, now_ns, encode_geometry(geometry)))
            self._geometry, self._geometry_ns = bits, now_ns

    def _add_views(self, records: list[Record], outputs: Outputs) -> None:
        now_ns, telemetry = outputs.now_ns, outputs.telemetry
        records.append(_record(lt.ODOMETRY_VIEW, now_ns, _odometry(outputs)))
        command = _Twist(
            _Vector3(float(telemetry.command.v_mps), 0.0, 0.0),
            _Vector3(0.0, 0.0, float(telemetry.command.w_radps)),
        )
        records.append(_record(lt.COMMAND_VIEW, now_ns, serialize(command, lt.COMMAND_VIEW)))
        if self.steps % TRANSFORMS_EVERY == 0:
            frames = (
                ("map", "odom", telemetry.map_from_odom),
                ("odom", "base", telemetry.odom_from_base),
                ("base", "lidar", self._base_from_lidar),
            )
            transforms = _TFMessage([_transform(now_ns, *frame) for frame in frames])
            records.append(_record(lt.TRANSFORM_VIEW, now_ns, serialize(transforms, lt.TRANSFORM_VIEW)))
        if self.steps % TRAJECTORY_EVERY == 0 and len(telemetry.trajectory_odom):
            data = _path(telemetry.trajectory_odom, "odom", now_ns)
            records.append(_record(lt.TRAJECTORY_VIEW, now_ns, data))


def _record(topic: Topic, stamp_ns: int, data: bytes) -> Record:
    return Record(_CHANNEL[topic.name], unsigned_stamp(stamp_ns), data)


def _step(inputs: Inputs, outputs: Outputs, step_digest: bytes) -> bytes:
    telemetry, wheel = outputs.telemetry, outputs.wheel
    pose, offset = telemetry.odom_from_base, telemetry.map_from_odom
    return serialize(
        _Step(
            outputs.step,
            inputs.now_ns,
            len(inputs.messages),
            np.frombuffer(step_digest, np.uint8),
            wheel.left_mps,
            wheel.right_mps,
            wheel.expiry_ns,
            -1 if wheel.stop is None else int(wheel.stop),
            wheel.arm,
            outputs.stop.reason.value,
            outputs.stop.cause,
            pose.x_m,
            pose.y_m,
            pose.yaw_rad,
            *telemetry.pose_sigma,
            offset.x_m,
            offset.y_m,
            offset.yaw_rad,
            telemetry.twist.v_mps,
            telemetry.twist.w_radps,
            telemetry.wish.v_mps,
            telemetry.wish.w_radps,
            telemetry.command.v_mps,
            telemetry.command.w_radps,
            telemetry.armed,
            telemetry.mission_state,
            telemetry.mission_reason,
            telemetry.goals_reached,
            telemetry.goals_total,
            telemetry.min_range_m,
            telemetry.path_version,
            trajectory_digest(telemetry),
            telemetry.belief.value,
            telemetry.lost_frac,
            [ros_request(request) for request in outputs.requests],
        ),
        lt.STEP,
    )


def step_fields(step: Any) -> dict[str, Scalar]:
    """The logged step in the names of ``digest.flatten_outputs``, so that the two can be compared."""
    return {
        "step": step.step,
        "now_ns": step.now_ns,
        "wheel.left_mps": step.left_mps,
        "wheel.right_mps": step.right_mps,
        "wheel.expiry_ns": step.expiry_ns,
        "wheel.stop": step.stop_category,
        "wheel.arm": step.arm,
        "stop.reason": step.stop_reason,
        "stop.cause": step.stop_cause,
        "telemetry.odom_from_base.x_m": step.x_odom_m,
        "telemetry.odom_from_base.y_m": step.y_odom_m,
        "telemetry.odom_from_base.yaw_rad": step.yaw_odom_rad,
        "telemetry.pose_sigma[0]": step.sigma_x_m,
        "telemetry.pose_sigma[1]": step.sigma_y_m,
        "telemetry.pose_sigma[2]": step.sigma_yaw_rad,
        "telemetry.map_from_odom.x_m": step.map_from_odom_x_m,
        "telemetry.map_from_odom.y_m": step.map_from_odom_y_m,
        "telemetry.map_from_odom.yaw_rad": step.map_from_odom_yaw_rad,
        "telemetry.twist.v_mps": step.v_mps,
        "telemetry.twist.w_radps": step.w_radps,
        "telemetry.wish.v_mps": step.wish_v_mps,
        "telemetry.wish.w_radps": step.wish_w_radps,
        "telemetry.command.v_mps": step.command_v_mps,
        "telemetry.command.w_radps": step.command_w_radps,
        "telemetry.armed": step.armed,
        "telemetry.mission_state": step.mission_state,
        "telemetry.mission_reason": step.mission_reason,
        "telemetry.goals_reached": step.goals_reached,
        "telemetry.goals_total": step.goals_total,
        "telemetry.min_range_m": step.min_range_m,
        "telemetry.path_version": step.path_version,
        "telemetry.trajectory_odom": step.trajectory_digest,
        "telemetry.belief": step.belief,
        "telemetry.lost_frac": step.lost_frac,
        **request_fields(tuple(plain_request(request) for request in step.requests)),
    }


# ---------------------------------------------------------------- views


def _heading(yaw_rad: float) -> Any:
    s, c = sin_cos(0.5 * yaw_rad)
    return _Quaternion(0.0, 0.0, float(s), float(c))


def _odometry_message(
    seconds: int,
    nanoseconds: int,
    x_m: float,
    y_m: float,
    heading_z: float,
    heading_w: float,
    variance_x: float,
    variance_y: float,
    variance_yaw: float,
    v_mps: float,
    w_radps: float,
) -> Any:
    covariance = _NO_COVARIANCE.copy()
    covariance[[0, 7, 35]] = variance_x, variance_y, variance_yaw
    pose = _Pose(_Point(x_m, y_m, 0.0), _Quaternion(0.0, 0.0, heading_z, heading_w))
    twist = _Twist(_Vector3(v_mps, 0.0, 0.0), _Vector3(0.0, 0.0, w_radps))
    return _Odometry(
        _Header(_Time(seconds, nanoseconds), "odom"),
        "base",
        _PoseWithCovariance(pose, covariance),
        _TwistWithCovariance(twist, _NO_COVARIANCE),
    )


_ODOMETRY: Final = Template(lt.ODOMETRY_VIEW, 9, _odometry_message)


def _odometry(outputs: Outputs) -> bytes:
    telemetry, pose = outputs.telemetry, outputs.telemetry.odom_from_base
    heading_z, heading_w = sin_cos(0.5 * pose.yaw_rad)
    variances = (sigma * sigma for sigma in telemetry.pose_sigma)
    twist = telemetry.twist
    return _ODOMETRY.encode(
        outputs.now_ns, pose.x_m, pose.y_m, heading_z, heading_w, *variances, twist.v_mps, twist.w_radps
    )


def _transform(stamp_ns: int, parent: str, child: str, pose: Pose2) -> Any:
    translation = _Vector3(float(pose.x_m), float(pose.y_m), 0.0)
    return _TransformStamped(ros_header(stamp_ns, parent), child, _Transform(translation, _heading(pose.yaw_rad)))


def _path(poses: np.ndarray[Any, Any], frame: str, stamp_ns: int) -> bytes:
    header = ros_header(stamp_ns, frame)
    rows = [_Pose(_Point(x_m, y_m, 0.0), _heading(yaw_rad)) for x_m, y_m, yaw_rad in poses.tolist()]
    return serialize(_Path(header, [_PoseStamped(header, pose) for pose in rows]), lt.PLAN_VIEW)
