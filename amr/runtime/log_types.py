"""What a log is made of: topics, ROS 2 message types, our own types, and their schema texts.

ROS types are used where they exist, so that PlotJuggler, Foxglove and ``ros2 bag`` show a log as it is; own types
(``amr_msgs``) where ROS has none or has no room for all bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

_DEFINITIONS: Final = {
    "amr_msgs/msg/BaseState": """
        # Telemetry of the base; ticks are unwrapped counts since the boot named by boot_id.
        int64 stamp_ns
        int64 boot_id
        int64 left_ticks
        int64 right_ticks
        float64 left_mps
        float64 right_mps
        float64 battery_v
        int64 faults
        int64 last_command_seq
        uint8 state
    """,
    "amr_msgs/msg/LinkStatus": """
        int64 stamp_ns
        int64 frames_in
        int64 frames_out
        int64 crc_errors
        int64 lost
        string state
        string reason
    """,
    "amr_msgs/msg/Goal": """
        float64 x_m
        float64 y_m
        float64 yaw_rad  # only when has_yaw
        float64 tolerance_m
        bool has_yaw
    """,
    "amr_msgs/msg/SetMission": """
        int64 stamp_ns
        amr_msgs/Goal[] goals
    """,
    "amr_msgs/msg/Explore": """
        int64 stamp_ns
        amr_msgs/Goal home  # only when has_home
        bool has_home
        float64 max_time_s
    """,
    "amr_msgs/msg/Operator": """
        int64 stamp_ns
        string action
    """,
    "amr_msgs/msg/Teleop": """
        int64 stamp_ns
        float64 v_mps
        float64 w_radps
    """,
    "amr_msgs/msg/PlanResult": """
        int64 stamp_ns
        int64 request_id
        string status
        string reason
        float64[] path_map  # x_m, y_m, yaw_rad of each point in turn
        float64 cost
        int64 expanded
        int64 map_version
        float64[] speed_mps  # at each point at most, negative in reverse; empty = not told
    """,
    "amr_msgs/msg/FrontierResult": """
        int64 stamp_ns
        int64 request_id
        amr_msgs/Goal target  # only when has_target
        bool has_target
        float64 way_m
        float64 gain_m2
        int64 frontiers
        int64 unreachable
        float64 known_m2
        int64 expanded
        int64 map_version
        string reason  # why nothing could be found out
    """,
    "amr_msgs/msg/PoseFix": """
        int64 stamp_ns
        int64 request_id
        int64 scan_stamp_ns
        float64 map_from_odom_x_m
        float64 map_from_odom_y_m
        float64 map_from_odom_yaw_rad
        float64 sigma_x_m
        float64 sigma_y_m
        float64 sigma_yaw_rad
        float64 lost_frac
        string belief
        bool jumped
        string refused  # why there is no fix; empty = there is
    """,
    "amr_msgs/msg/ScanGeometry": """
        # The scans' constants in full width; valid for every LaserScan until the next one of these.
        float64 angle_min_rad
        float64 angle_increment_rad
        float64 range_min_m
        float64 range_max_m
        float64 time_increment_s
    """,
    "amr_msgs/msg/Request": """
        # kind 0 InsertScan (stamp_ns: the scan's; goal: the pose at its last beam), 1 ForgetObstacles, 2 PlanRequest,
        # 3 exact PlanRequest, 4 LocateScan (pose: odometry at the first beam; goal: at the last), 5 FrontierRequest
        # (goal: its target, if that has a tolerance; radius: the tolerance asked for), 6 the first one, 7 CloseFrontier
        uint8 kind
        int64 stamp_ns
        int64 request_id
        int64 map_version
        float64 x_m
        float64 y_m
        float64 yaw_rad
        float64 radius_m
        amr_msgs/Goal goal
        int64 scan_stamp_ns  # LocateScan alone
        float64[6] covariance
    """,
    "amr_msgs/msg/Step": """
        # One step of the core. It closes the messages before it, which are its inputs in their order of arrival.
        uint64 step
        int64 now_ns
        uint32 message_count
        uint8[32] digest  # BLAKE2b of all outputs
        float64 left_mps
        float64 right_mps
        int64 expiry_ns
        int8 stop_category  # -1 none, 0 ramp, 1 brake, 2 coast
        bool arm
        string stop_reason
        string stop_cause
        float64 x_odom_m
        float64 y_odom_m
        float64 yaw_odom_rad
        float64 sigma_x_m
        float64 sigma_y_m
        float64 sigma_yaw_rad
        float64 map_from_odom_x_m
        float64 map_from_odom_y_m
        float64 map_from_odom_yaw_rad
        float64 v_mps
        float64 w_radps
        float64 wish_v_mps
        float64 wish_w_radps
        float64 command_v_mps
        float64 command_w_radps
        bool armed
        string mission_state
        string mission_reason
        int64 goals_reached
        int64 goals_total
        float64 min_range_m
        int64 path_version
        uint64 trajectory_digest
        string belief
        float64 lost_frac
        amr_msgs/Request[] requests
    """,
    "amr_msgs/msg/Snapshot": """
        # State of the core after the step of that number (amr.runtime.snapshot).
        uint64 step
        int64 now_ns
        uint8[] state
    """,
}


@dataclass(frozen=True, slots=True)
class Topic:
    """A stream of the log. Inputs are read back; views are for people's tools only."""

    name: str
    type_name: str
    is_input: bool = False


SCAN: Final = Topic("/scan", "sensor_msgs/msg/LaserScan", is_input=True)
SCAN_GEOMETRY: Final = Topic("/amr/scan_geometry", "amr_msgs/msg/ScanGeometry")
BASE_STATE: Final = Topic("/base_state", "amr_msgs/msg/BaseState", is_input=True)
IMU: Final = Topic("/imu", "sensor_msgs/msg/Imu", is_input=True)
LINK_STATUS: Final = Topic("/link_status", "amr_msgs/msg/LinkStatus", is_input=True)
SET_MISSION: Final = Topic("/set_mission", "amr_msgs/msg/SetMission", is_input=True)
OPERATOR: Final = Topic("/operator", "amr_msgs/msg/Operator", is_input=True)
TELEOP: Final = Topic("/teleop", "amr_msgs/msg/Teleop", is_input=True)
PLAN_RESULT: Final = Topic("/plan_result", "amr_msgs/msg/PlanResult", is_input=True)
POSE_FIX: Final = Topic("/pose_fix", "amr_msgs/msg/PoseFix", is_input=True)
EXPLORE: Final = Topic("/explore", "amr_msgs/msg/Explore", is_input=True)
FRONTIER_RESULT: Final = Topic("/frontier_result", "amr_msgs/msg/FrontierResult", is_input=True)
STEP: Final = Topic("/amr/step", "amr_msgs/msg/Step")
SNAPSHOT: Final = Topic("/amr/snapshot", "amr_msgs/msg/Snapshot")
ODOMETRY_VIEW: Final = Topic("/odom", "nav_msgs/msg/Odometry")
COMMAND_VIEW: Final = Topic("/cmd_vel", "geometry_msgs/msg/Twist")
PLAN_VIEW: Final = Topic("/plan", "nav_msgs/msg/Path")
TRAJECTORY_VIEW: Final = Topic("/trajectory", "nav_msgs/msg/Path")
TRANSFORM_VIEW: Final = Topic("/tf", "tf2_msgs/msg/TFMessage")

TOPICS: Final = (
    SCAN, SCAN_GEOMETRY, BASE_STATE, IMU, LINK_STATUS, SET_MISSION, OPERATOR, TELEOP, PLAN_RESULT, POSE_FIX,
    STEP, SNAPSHOT, ODOMETRY_VIEW, COMMAND_VIEW, PLAN_VIEW, TRAJECTORY_VIEW, TRANSFORM_VIEW, EXPLORE, FRONTIER_RESULT,
)  # fmt: skip
"""Order = channel numbers of every log that this version writes."""


@cache
def typestore() -> Typestore:
    """ROS 2 Humble's types and ours."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    own: dict[str, Any] = {}
    for name, text in _DEFINITIONS.items():
        own.update(get_types_from_msg(text, name))
    store.register(own)
    return store


def schema_text(type_name: str) -> str:
    """The type's definition with all that it needs, as MCAP's ``ros2msg`` encoding wants it."""
    text, _ = typestore().generate_msgdef(type_name, ros_version=2)
    return text
