"""Messages of the core as records of the log, and back, equal to the bit.

A record's publish time is the message's ``stamp_ns`` modulo 2**64: ROS stamps have 32-bit seconds, ours do not.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.errors import DataError
from amr.geometry import Pose2
from amr.messages import (
    BaseState,
    Belief,
    CloseFrontier,
    Explore,
    ForgetObstacles,
    FrontierRequest,
    FrontierResult,
    Goal,
    Imu,
    InsertScan,
    LinkState,
    LinkStatus,
    LocateScan,
    McuState,
    Message,
    Operator,
    OperatorAction,
    PlanRequest,
    PlanResult,
    PlanStatus,
    PoseFix,
    Request,
    Scan,
    SetMission,
    Teleop,
)
from amr.runtime import log_types as lt
from amr.runtime.log_template import Template, ros_time
from amr.runtime.log_types import Topic, typestore

_GEOMETRY: Final = struct.Struct("<5d")
_WORD: Final = 1 << 64

_store: Final = typestore()
_types: Final[dict[str, Any]] = dict(_store.types)
_Time = _types["builtin_interfaces/msg/Time"]
_Header = _types["std_msgs/msg/Header"]
_Vector3 = _types["geometry_msgs/msg/Vector3"]
_Quaternion = _types["geometry_msgs/msg/Quaternion"]
_LaserScan = _types["sensor_msgs/msg/LaserScan"]
_RosImu = _types["sensor_msgs/msg/Imu"]
_BaseState = _types["amr_msgs/msg/BaseState"]
_LinkStatus = _types["amr_msgs/msg/LinkStatus"]
_Goal = _types["amr_msgs/msg/Goal"]
_SetMission = _types["amr_msgs/msg/SetMission"]
_Explore = _types["amr_msgs/msg/Explore"]
_Operator = _types["amr_msgs/msg/Operator"]
_Teleop = _types["amr_msgs/msg/Teleop"]
_PlanResult = _types["amr_msgs/msg/PlanResult"]
_FrontierResult = _types["amr_msgs/msg/FrontierResult"]
_PoseFix = _types["amr_msgs/msg/PoseFix"]
_ScanGeometry = _types["amr_msgs/msg/ScanGeometry"]
_Request = _types["amr_msgs/msg/Request"]

_NO_GOAL: Final = Goal(0.0, 0.0, None, 0.0)
_NO_INTENSITIES: Final = np.zeros(0, np.float32)
_NO_COVARIANCE: Final = np.zeros(9)
_NO_ORIENTATION: Final = np.array([-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])  # REP 145: -1 = not measured
_LEVEL: Final = _Quaternion(0.0, 0.0, 0.0, 1.0)

Geometry = tuple[float, float, float, float, float]


def serialize(message: Any, topic: Topic) -> bytes:
    """CDR bytes of a ROS value."""
    return bytes(_store.serialize_cdr(message, topic.type_name))


def deserialize(data: bytes, topic: Topic) -> Any:
    """The ROS value of CDR bytes. Raises ``DataError`` when they are none of this version's."""
    try:
        return _store.deserialize_cdr(data, topic.type_name)
    except Exception as error:  # noqa: BLE001 (rosbags lets through whatever foreign bytes make it stumble on)
        raise DataError(f"topic {topic.name}: record cannot be read ({type(error).__name__}: {error})") from None


def ros_header(stamp_ns: int, frame: str) -> Any:
    """A ``std_msgs/Header``; stamps beyond 32-bit seconds are clipped here (the record's publish time is exact)."""
    return _Header(_Time(*ros_time(stamp_ns)), frame)


def unsigned_stamp(stamp_ns: int) -> int:
    """int64 as the uint64 that MCAP has for times."""
    return stamp_ns % _WORD


def signed_stamp(publish_time: int) -> int:
    """Inverse of ``unsigned_stamp``."""
    return publish_time - _WORD if publish_time >= _WORD >> 1 else publish_time


def scan_geometry(scan: Scan) -> Geometry:
    """What ``LaserScan`` has room for only in half width."""
    return (
        scan.angle_min_rad,
        scan.angle_increment_rad,
        scan.range_min_m,
        scan.range_max_m,
        scan.time_increment_s,
    )


def geometry_bits(geometry: Geometry) -> bytes:
    """For comparison to the bit."""
    return _GEOMETRY.pack(*geometry)


def encode_geometry(geometry: Geometry) -> bytes:
    """Record of ``SCAN_GEOMETRY``."""
    return serialize(_ScanGeometry(*geometry), lt.SCAN_GEOMETRY)


def decode_geometry(data: bytes) -> Geometry:
    """Inverse of ``encode_geometry``."""
    value = deserialize(data, lt.SCAN_GEOMETRY)
    return (
        value.angle_min_rad,
        value.angle_increment_rad,
        value.range_min_m,
        value.range_max_m,
        value.time_increment_s,
    )


# ---------------------------------------------------------------- one function a type, each way


def _encode_scan(scan: Scan) -> bytes:
    ranges = scan.ranges_m
    if ranges.dtype != np.float32:
        raise TypeError(f"Scan.ranges_m: must be float32, not {ranges.dtype} (the core sees only what the log holds)")
    geometry = _ros_geometry(len(ranges), scan_geometry(scan))
    message = _LaserScan(ros_header(scan.stamp_ns, "lidar"), *geometry, ranges, _NO_INTENSITIES)
    return serialize(message, lt.SCAN)


@lru_cache(maxsize=16)
def _ros_geometry(beams: int, geometry: Geometry) -> tuple[float, ...]:
    """Numbers of a ``LaserScan`` rounded to single width; beyond its range infinite, where ``struct`` would raise."""
    angle_min_rad, angle_increment_rad, range_min_m, range_max_m, time_increment_s = geometry
    numbers = (
        angle_min_rad,
        angle_min_rad + (beams - 1) * angle_increment_rad,
        angle_increment_rad,
        time_increment_s,
        time_increment_s * beams,
        range_min_m,
        range_max_m,
    )
    with np.errstate(all="ignore"):
        return tuple(float(np.float32(number)) for number in numbers)


def _decode_scan(data: bytes, stamp_ns: int, geometry: Geometry | None) -> Scan:
    if geometry is None:
        raise DataError("a scan comes before any /amr/scan_geometry")
    ranges: NDArray[np.float32] = deserialize(data, lt.SCAN).ranges
    return Scan(stamp_ns, *geometry, np.array(ranges, np.float32))


def _encode_base_state(state: BaseState) -> bytes:
    return serialize(
        _BaseState(
            state.stamp_ns,
            state.boot_id,
            state.left_ticks,
            state.right_ticks,
            state.left_mps,
            state.right_mps,
            state.battery_v,
            state.faults,
            state.last_command_seq,
            int(state.state),
        ),
        lt.BASE_STATE,
    )


def _decode_base_state(data: bytes) -> BaseState:
    value = deserialize(data, lt.BASE_STATE)
    return BaseState(
        value.stamp_ns,
        value.boot_id,
        value.left_ticks,
        value.right_ticks,
        value.left_mps,
        value.right_mps,
        value.battery_v,
        McuState(value.state),
        value.faults,
        value.last_command_seq,
    )


def _imu_message(seconds: int, nanoseconds: int, gyro_z_radps: float, accel_x_mps2: float, accel_y_mps2: float) -> Any:
    return _RosImu(
        _Header(_Time(seconds, nanoseconds), "base"),
        _LEVEL,
        _NO_ORIENTATION,
        _Vector3(0.0, 0.0, gyro_z_radps),
        _NO_COVARIANCE,
        _Vector3(accel_x_mps2, accel_y_mps2, 0.0),
        _NO_COVARIANCE,
    )


_IMU: Final = Template(lt.IMU, 3, _imu_message)


def _encode_imu(imu: Imu) -> bytes:
    return _IMU.encode(imu.stamp_ns, imu.gyro_z_radps, imu.accel_x_mps2, imu.accel_y_mps2)


def _decode_imu(data: bytes, stamp_ns: int) -> Imu:
    value = deserialize(data, lt.IMU)
    acceleration = value.linear_acceleration
    return Imu(stamp_ns, value.angular_velocity.z, acceleration.x, acceleration.y)


def _encode_link_status(status: LinkStatus) -> bytes:
    return serialize(
        _LinkStatus(
            status.stamp_ns,
            status.frames_in,
            status.frames_out,
            status.crc_errors,
            status.lost,
            status.state.value,
            status.reason,
        ),
        lt.LINK_STATUS,
    )


def _decode_link_status(data: bytes) -> LinkStatus:
    value = deserialize(data, lt.LINK_STATUS)
    return LinkStatus(
        value.stamp_ns,
        LinkState(value.state),
        value.reason,
        value.frames_in,
        value.frames_out,
        value.crc_errors,
        value.lost,
    )


def ros_goal(goal: Goal) -> Any:
    """``amr_msgs/Goal``."""
    return _Goal(
        goal.x_m,
        goal.y_m,
        0.0 if goal.yaw_rad is None else goal.yaw_rad,
        goal.tolerance_m,
        goal.yaw_rad is not None,
    )


def _plain_goal(goal: Any) -> Goal:
    return Goal(goal.x_m, goal.y_m, goal.yaw_rad if goal.has_yaw else None, goal.tolerance_m)


def _encode_set_mission(mission: SetMission) -> bytes:
    return serialize(_SetMission(mission.stamp_ns, [ros_goal(goal) for goal in mission.goals]), lt.SET_MISSION)


def _decode_set_mission(data: bytes) -> SetMission:
    value = deserialize(data, lt.SET_MISSION)
    return SetMission(value.stamp_ns, tuple(_plain_goal(goal) for goal in value.goals))


def _encode_explore(explore: Explore) -> bytes:
    home = ros_goal(explore.home or _NO_GOAL)
    return serialize(_Explore(explore.stamp_ns, home, explore.home is not None, explore.max_time_s), lt.EXPLORE)


def _decode_explore(data: bytes) -> Explore:
    value = deserialize(data, lt.EXPLORE)
    return Explore(value.stamp_ns, _plain_goal(value.home) if value.has_home else None, value.max_time_s)


def _encode_frontier_result(result: FrontierResult) -> bytes:
    return serialize(
        _FrontierResult(
            result.stamp_ns,
            result.request_id,
            ros_goal(result.target or _NO_GOAL),
            result.target is not None,
            result.way_m,
            result.gain_m2,
            result.frontiers,
            result.unreachable,
            result.known_m2,
            result.expanded,
            result.map_version,
            result.reason,
        ),
        lt.FRONTIER_RESULT,
    )


def _decode_frontier_result(data: bytes) -> FrontierResult:
    value = deserialize(data, lt.FRONTIER_RESULT)
    return FrontierResult(
        value.stamp_ns,
        value.request_id,
        _plain_goal(value.target) if value.has_target else None,
        value.way_m,
        value.gain_m2,
        value.frontiers,
        value.unreachable,
        value.known_m2,
        value.expanded,
        value.map_version,
        value.reason,
    )


def _encode_operator(operator: Operator) -> bytes:
    return serialize(_Operator(operator.stamp_ns, operator.action.value), lt.OPERATOR)


def _decode_operator(data: bytes) -> Operator:
    value = deserialize(data, lt.OPERATOR)
    return Operator(value.stamp_ns, OperatorAction(value.action))


def _encode_teleop(teleop: Teleop) -> bytes:
    return serialize(_Teleop(teleop.stamp_ns, teleop.v_mps, teleop.w_radps), lt.TELEOP)


def _decode_teleop(data: bytes) -> Teleop:
    value = deserialize(data, lt.TELEOP)
    return Teleop(value.stamp_ns, value.v_mps, value.w_radps)


def _encode_plan_result(result: PlanResult) -> bytes:
    path = np.ascontiguousarray(result.path_map)
    if path.dtype != np.float64 or path.ndim != 2 or path.shape[1] != 3:
        raise TypeError(f"PlanResult.path_map: must be float64 [n, 3], not {path.dtype} {list(path.shape)}")
    speed = np.ascontiguousarray(result.speed_mps)
    if speed.dtype != np.float64 or speed.ndim != 1:
        raise TypeError(f"PlanResult.speed_mps: must be float64 [n], not {speed.dtype} {list(speed.shape)}")
    return serialize(
        _PlanResult(
            result.stamp_ns,
            result.request_id,
            result.status.value,
            result.reason,
            path.reshape(-1),
            result.cost,
            result.expanded,
            result.map_version,
            speed,
        ),
        lt.PLAN_RESULT,
    )


def _decode_plan_result(data: bytes) -> PlanResult:
    value = deserialize(data, lt.PLAN_RESULT)
    return PlanResult(
        value.stamp_ns,
        value.request_id,
        PlanStatus(value.status),
        value.reason,
        np.array(value.path_map, np.float64).reshape(-1, 3),
        value.cost,
        value.expanded,
        value.map_version,
        np.array(value.speed_mps, np.float64),
    )


def _encode_pose_fix(fix: PoseFix) -> bytes:
    offset = fix.map_from_odom
    return serialize(
        _PoseFix(
            fix.stamp_ns,
            fix.request_id,
            fix.scan_stamp_ns,
            offset.x_m,
            offset.y_m,
            offset.yaw_rad,
            *fix.pose_sigma,
            fix.lost_frac,
            fix.belief.value,
            fix.jumped,
            fix.refused,
        ),
        lt.POSE_FIX,
    )


def _decode_pose_fix(data: bytes) -> PoseFix:
    value = deserialize(data, lt.POSE_FIX)
    return PoseFix(
        value.stamp_ns,
        value.request_id,
        value.scan_stamp_ns,
        Pose2(value.map_from_odom_x_m, value.map_from_odom_y_m, value.map_from_odom_yaw_rad),
        (value.sigma_x_m, value.sigma_y_m, value.sigma_yaw_rad),
        value.lost_frac,
        Belief(value.belief),
        value.jumped,
        value.refused,
    )


_ENCODERS: Final[dict[type, tuple[Topic, Callable[[Any], bytes]]]] = {
    Scan: (lt.SCAN, _encode_scan),
    BaseState: (lt.BASE_STATE, _encode_base_state),
    Imu: (lt.IMU, _encode_imu),
    LinkStatus: (lt.LINK_STATUS, _encode_link_status),
    SetMission: (lt.SET_MISSION, _encode_set_mission),
    Explore: (lt.EXPLORE, _encode_explore),
    Operator: (lt.OPERATOR, _encode_operator),
    Teleop: (lt.TELEOP, _encode_teleop),
    PlanResult: (lt.PLAN_RESULT, _encode_plan_result),
    FrontierResult: (lt.FRONTIER_RESULT, _encode_frontier_result),
    PoseFix: (lt.POSE_FIX, _encode_pose_fix),
}

_DECODERS: Final[dict[str, Callable[[bytes, int, Geometry | None], Message]]] = {
    lt.SCAN.name: _decode_scan,
    lt.BASE_STATE.name: lambda data, _stamp_ns, _geometry: _decode_base_state(data),
    lt.IMU.name: lambda data, stamp_ns, _geometry: _decode_imu(data, stamp_ns),
    lt.LINK_STATUS.name: lambda data, _stamp_ns, _geometry: _decode_link_status(data),
    lt.SET_MISSION.name: lambda data, _stamp_ns, _geometry: _decode_set_mission(data),
    lt.EXPLORE.name: lambda data, _stamp_ns, _geometry: _decode_explore(data),
    lt.OPERATOR.name: lambda data, _stamp_ns, _geometry: _decode_operator(data),
    lt.TELEOP.name: lambda data, _stamp_ns, _geometry: _decode_teleop(data),
    lt.PLAN_RESULT.name: lambda data, _stamp_ns, _geometry: _decode_plan_result(data),
    lt.FRONTIER_RESULT.name: lambda data, _stamp_ns, _geometry: _decode_frontier_result(data),
    lt.POSE_FIX.name: lambda data, _stamp_ns, _geometry: _decode_pose_fix(data),
}


def encode_message(message: Message) -> tuple[Topic, bytes]:
    """The record of a message. Raises ``TypeError`` for an array of another type than the message's contract."""
    topic, encode = _ENCODERS[type(message)]
    return topic, encode(message)


def decode_message(topic_name: str, data: bytes, publish_time: int, geometry: Geometry | None) -> Message:
    """Inverse of ``encode_message``. Raises ``DataError`` when the record is not one of this version's."""
    try:
        return _DECODERS[topic_name](data, signed_stamp(publish_time), geometry)
    except ValueError as error:  # an enum's value that this version does not know
        raise DataError(f"topic {topic_name}: {error}") from None


def ros_request(request: Request) -> Any:
    """``amr_msgs/Request`` of a request of the core."""
    from amr.runtime.digest import request_row

    *head, goal, scan_stamp_ns, covariance = request_row(request)
    return _Request(*head, ros_goal(goal), scan_stamp_ns, np.array(covariance))


def plain_request(value: Any) -> Request:
    """Inverse of ``ros_request``."""
    pose = Pose2(value.x_m, value.y_m, value.yaw_rad)
    if value.kind == 0:
        last = _plain_goal(value.goal)
        end = None if last.yaw_rad is None else Pose2(last.x_m, last.y_m, last.yaw_rad)
        return InsertScan(value.stamp_ns, pose, value.map_version, end)
    if value.kind == 1:
        return ForgetObstacles(value.x_m, value.y_m, value.radius_m, value.map_version)
    if value.kind == 7:
        return CloseFrontier(value.x_m, value.y_m, value.radius_m, value.map_version)
    if value.kind in {5, 6}:
        target = _plain_goal(value.goal) if value.goal.tolerance_m > 0.0 else None
        head = (value.request_id, value.stamp_ns, pose, target, value.radius_m, value.map_version)
        return FrontierRequest(*head, afresh=value.kind == 6)
    if value.kind == 4:
        xx, xy, xt, yy, yt, tt = value.covariance.tolist()
        last = _plain_goal(value.goal)
        end = Pose2(last.x_m, last.y_m, last.yaw_rad or 0.0)
        return LocateScan(value.request_id, value.stamp_ns, value.scan_stamp_ns, pose, end, (xx, xy, xt, yy, yt, tt))
    goal, is_exact = _plain_goal(value.goal), value.kind == 3
    return PlanRequest(value.request_id, value.stamp_ns, pose, goal, value.map_version, is_exact)
