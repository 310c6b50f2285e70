"""Everything that enters and leaves ``RobotCore.step``: plain frozen values, logged as they are.

Times are integer nanoseconds of robot time; ``stamp_ns`` is the time of *measurement*. Every float carries its unit
in its name; every field says its frame, range and what marks it as invalid where there is such a mark.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2, Twist2


class McuState(IntEnum):
    """State of the microcontroller as it reports it (values are the wire's)."""

    BOOT = 0
    IDLE = 1
    ARMED = 2
    DRIVING = 3
    STOPPING = 4
    ESTOP = 5
    FAULT = 6


class LinkState(StrEnum):
    """State of the serial link as the host sees it."""

    DOWN = "down"
    CONNECTING = "connecting"
    UP = "up"


class StopCategory(IntEnum):
    """How the wheels come to rest (values are the wire's)."""

    RAMP = 0
    BRAKE = 1
    COAST = 2


class StopReason(StrEnum):
    """Why the safety ring stopped or slowed the robot; ``Stop.cause`` names the beam, rule, frame or fault."""

    NONE = "none"
    NOT_ARMED = "not_armed"
    ESTOP = "estop"
    LINK_DOWN = "link_down"
    BASE_STALE = "base_stale"
    BASE_FAULT = "base_fault"
    SENSORS_DISAGREE = "sensors_disagree"
    SCAN_MISSING = "scan_missing"
    SCAN_STALE = "scan_stale"
    SCAN_FROZEN = "scan_frozen"
    SCAN_INVALID = "scan_invalid"
    COMMAND_NOT_FINITE = "command_not_finite"
    COMMAND_STALE = "command_stale"
    OBSTACLE = "obstacle"
    OBSTACLE_SLOW = "obstacle_slow"
    UNSEEN_SLOW = "unseen_slow"
    KEEP_OUT = "keep_out"
    SPEED_ZONE = "speed_zone"
    LIMIT = "limit"


# ---------------------------------------------------------------- inputs


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One turn of a 2D lidar (ROS ``LaserScan``).

    Beam i points to ``angle_min_rad + i * angle_increment_rad`` in the lidar frame.

    ``ranges_m`` float32 [n]: +inf = no return within ``range_max_m``; nan = the sensor marks the beam invalid;
    below ``range_min_m`` = too close to measure (counts as an obstacle at that range).
    ``stamp_ns`` is the time of the first beam; beam i was measured ``i * time_increment_s`` later. A lidar that turns
    clockwise has a negative increment: beam 0 is its newest.
    """

    stamp_ns: int
    angle_min_rad: float
    angle_increment_rad: float
    range_min_m: float
    range_max_m: float
    time_increment_s: float
    ranges_m: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BaseState:
    """Telemetry of the base at ``stamp_ns`` (the MCU's clock mapped to robot time by the link).

    Ticks are running counts since the MCU's boot, unwrapped by the link; ``boot_id`` changes when the MCU restarted,
    and then ticks must not be differenced across it. Wheel speeds are surface speeds as measured by the MCU.
    """

    stamp_ns: int
    boot_id: int
    left_ticks: int
    right_ticks: int
    left_mps: float
    right_mps: float
    battery_v: float
    """nan = not measured."""
    state: McuState
    faults: int
    """Bit mask of ``firmware_bridge.wire.FaultBit``; 0 = none."""
    last_command_seq: int


@dataclass(frozen=True, slots=True)
class Imu:
    """Inertial measurement in the base frame; an acceleration that is not measured is nan."""

    stamp_ns: int
    gyro_z_radps: float
    accel_x_mps2: float
    accel_y_mps2: float


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """The link as the host sees it; sent on each change and at least every 0.5 s."""

    stamp_ns: int
    state: LinkState
    reason: str
    frames_in: int
    frames_out: int
    crc_errors: int
    lost: int


@dataclass(frozen=True, slots=True)
class Goal:
    """A place to reach, in the map frame; ``yaw_rad`` None = any heading."""

    x_m: float
    y_m: float
    yaw_rad: float | None
    tolerance_m: float


@dataclass(frozen=True, slots=True)
class SetMission:
    """Drive to these goals in order; replaces the mission that runs. An empty tuple cancels it."""

    stamp_ns: int
    goals: tuple[Goal, ...]


@dataclass(frozen=True, slots=True)
class Explore:
    """Drive to where the map ends until nothing more can be reached, then home; replaces the mission that runs."""

    stamp_ns: int
    home: Goal | None
    """Map frame; None = where the robot stands now."""
    max_time_s: float
    """After this time it turns for home, whatever is left; +inf = no such time."""


class OperatorAction(StrEnum):
    """What a person asks for besides goals."""

    ARM = "arm"
    DISARM = "disarm"
    ESTOP = "estop"
    RESET_ESTOP = "reset_estop"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Operator:
    """One press of a button."""

    stamp_ns: int
    action: OperatorAction


@dataclass(frozen=True, slots=True)
class Teleop:
    """A velocity wished by a person; it counts as released when no newer one came for the dead-man time."""

    stamp_ns: int
    v_mps: float
    w_radps: float


class PlanStatus(StrEnum):
    """How a plan request ended."""

    OK = "ok"
    NO_PATH = "no_path"
    START_BLOCKED = "start_blocked"
    GOAL_BLOCKED = "goal_blocked"
    OUTSIDE_MAP = "outside_map"


@dataclass(frozen=True, slots=True, eq=False)
class PlanResult:
    """A worker's answer.

    ``path_map`` float64 [n, 3] (x m, y m, yaw rad), map frame; n >= 2 when status is OK, else [0, 3].
    ``speed_mps`` float64 [n]: how fast the robot may be at each point at most; negative in reverse, 0 where it rests or
    turns in place. [0] = not told.
    """

    stamp_ns: int
    """Time at which the answer enters (request time plus the latency that was modelled or measured)."""
    request_id: int
    status: PlanStatus
    reason: str
    path_map: NDArray[np.float64]
    cost: float
    expanded: int
    map_version: int
    speed_mps: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class FrontierResult:
    """The planning worker's answer to a ``FrontierRequest``: where the map ends, and where to look next."""

    stamp_ns: int
    """Time at which the answer enters (request time plus the latency that was modelled or measured)."""
    request_id: int
    target: Goal | None
    """Map frame; None = no frontier that can be reached is left (or ``reason``)."""
    way_m: float
    """Cost in metres of the way to it."""
    gain_m2: float
    """Unseen area that a look from there would show at most."""
    frontiers: int
    """Worth a visit and within reach, the target among them."""
    unreachable: int
    """To which nothing leads."""
    known_m2: float
    """Area seen so far."""
    expanded: int
    map_version: int
    reason: str = ""
    """Why nothing could be found out; empty when it was."""


class Belief(StrEnum):
    """What the robot shall think of its pose on a saved map."""

    SURE = "sure"
    DOUBTFUL = "doubtful"
    """Perhaps lost: slow down."""
    LOST = "lost"
    """Stop, and find out (the pose is the last guess)."""


@dataclass(frozen=True, slots=True)
class PoseFix:
    """The localizer's answer to one ``LocateScan``.

    ``pose_sigma``: standard deviations (x m, y m, yaw rad; map axes) of the pose at the scan, given that it is not
    lost; ``lost_frac``: probability that it is.
    """

    stamp_ns: int
    """Time at which the answer enters (request time plus the latency that was modelled or measured)."""
    request_id: int
    scan_stamp_ns: int
    map_from_odom: Pose2
    pose_sigma: tuple[float, float, float]
    lost_frac: float
    belief: Belief
    jumped: bool
    """Not where the fix before and the odometry lead to."""
    refused: str = ""
    """Why the scan gave no fix; then nothing else here means anything. Empty when it did."""


Message = (
    Scan
    | BaseState
    | Imu
    | LinkStatus
    | SetMission
    | Explore
    | Operator
    | Teleop
    | PlanResult
    | FrontierResult
    | PoseFix
)


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """All that one step sees. ``messages`` are in the order of their arrival."""

    now_ns: int
    messages: tuple[Message, ...]


# ---------------------------------------------------------------- outputs


@dataclass(frozen=True, slots=True)
class WheelCommand:
    """What the base shall do until ``expiry_ns`` (absolute robot time).

    ``stop`` set = come to rest by that category; the speeds are then 0.
    """

    left_mps: float
    right_mps: float
    expiry_ns: int
    stop: StopCategory | None
    arm: bool
    """Wish of the host: True = be armed, False = be disarmed."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the last stage changed the command."""

    reason: StopReason
    cause: str
    """Names the beam, rule, frame or fault, for a person; empty when reason is NONE."""


@dataclass(frozen=True, slots=True)
class InsertScan:
    """Request: add the scan with this stamp to the worker's map, taken from ``map_from_lidar``."""

    scan_stamp_ns: int
    map_from_lidar: Pose2
    """At the first beam."""
    map_version: int
    map_from_lidar_end: Pose2 | None = None
    """At the last beam, when the beams were measured one after the other; None = all from one place."""


@dataclass(frozen=True, slots=True)
class ForgetObstacles:
    """Request: clear what the worker's map holds within ``radius_m`` of the point (map frame)."""

    x_m: float
    y_m: float
    radius_m: float
    map_version: int


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Request: a path in the map frame. Answered by one ``PlanResult`` with the same id."""

    request_id: int
    stamp_ns: int
    start_map: Pose2
    goal_map: Goal
    map_version: int
    exact: bool = False
    """True = a way out of a tight place: for the true outline, on the finest map, its headings to be driven as told."""


@dataclass(frozen=True, slots=True)
class FrontierRequest:
    """Request: where to look next? Answered by one ``FrontierResult`` with the same id."""

    request_id: int
    stamp_ns: int
    start_map: Pose2
    target: Goal | None
    """Where it drives to now."""
    tolerance_m: float
    """Of the target that is answered."""
    map_version: int
    afresh: bool = False
    """An exploration begins: what was given up before counts again."""


@dataclass(frozen=True, slots=True)
class CloseFrontier:
    """Request: give up all frontiers within ``radius_m`` of the point (map frame)."""

    x_m: float
    y_m: float
    radius_m: float
    map_version: int


Covariance = tuple[float, float, float, float, float, float]
"""Upper triangle, row by row, of the covariance of (x m, y m, yaw rad)."""


@dataclass(frozen=True, slots=True)
class LocateScan:
    """Request: where on the saved map was this scan taken? Answered by one ``PoseFix`` with the same id."""

    request_id: int
    stamp_ns: int
    scan_stamp_ns: int
    odom_from_base: Pose2
    """At the first beam."""
    odom_from_base_end: Pose2
    """At the last beam."""
    covariance: Covariance
    """Of the odometry, odom frame."""


Request = InsertScan | ForgetObstacles | PlanRequest | FrontierRequest | CloseFrontier | LocateScan


@dataclass(frozen=True, slots=True, eq=False)
class Telemetry:
    """What the step knew and decided, for people and logs."""

    odom_from_base: Pose2
    pose_sigma: tuple[float, float, float]
    """Standard deviations (x m, y m, yaw rad)."""
    map_from_odom: Pose2
    twist: Twist2
    wish: Twist2
    """Command of control before the safety ring."""
    command: Twist2
    """Command after the safety ring."""
    armed: bool
    mission_state: str
    mission_reason: str
    goals_reached: int
    goals_total: int
    min_range_m: float
    """Smallest distance of a raw scan point to the robot's outline; +inf when none."""
    path_version: int
    trajectory_odom: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    """Predicted motion, float32 [n, 3] (x m, y m, yaw rad), odom frame."""
    belief: Belief = Belief.SURE
    """In its place on the saved map; always SURE without one."""
    lost_frac: float = 0.0
    """Probability of being lost, as the last fix told it."""


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """All that one step decides."""

    step: int
    now_ns: int
    wheel: WheelCommand
    stop: Stop
    telemetry: Telemetry
    requests: tuple[Request, ...]
