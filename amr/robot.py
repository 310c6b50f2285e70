"""The robot's mind as one function of its inputs: read ``RobotCore.step`` from top to bottom.

No clock, thread, file, port or global random number: everything comes in as ``Inputs`` and leaves as ``Outputs``.
Slow work (planning) leaves as a request and comes back as a message in a later step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.control.base import ControlInput, ControlOutput, ControlStatus, MotionLimits
from amr.control.corners import BlindCorners
from amr.control.placed_path import PlacedPath
from amr.control.turn_trim import TurnTrim
from amr.control.zones import SpeedZones, capped
from amr.estimation.base import Estimate
from amr.estimation.grip import GripEstimator
from amr.estimation.odometry import OdometryFilter
from amr.estimation.wheel_check import WheelCheck
from amr.geometry import IDENTITY, STANDSTILL, Pose2, Twist2
from amr.kinematics import limit_wheel_speeds, wheel_speeds_from_twist
from amr.localization.anchor import MapAnchor
from amr.localization.base import KNOWN, Belief
from amr.mapping.keep_out import KeepOutInWindow
from amr.mapping.local_grid import LocalGrid
from amr.mapping.motion_check import MotionCheck
from amr.messages import (
    BaseState,
    Explore,
    ForgetObstacles,
    FrontierResult,
    Imu,
    Inputs,
    InsertScan,
    LinkState,
    LinkStatus,
    Operator,
    OperatorAction,
    Outputs,
    PlanResult,
    PoseFix,
    Request,
    Scan,
    SetMission,
    Telemetry,
    Teleop,
    WheelCommand,
)
from amr.mission.base import NO_STOP, MissionInput, MissionOutput
from amr.mission.explorer import Explorer, ExplorerInput
from amr.mission.runner import MissionRunner
from amr.movers import Mover, in_frame_of
from amr.registry import make_controller
from amr.safety.base import SafetyInput, SafetyOutput
from amr.safety.ring import SafetyRing
from amr.state import restore_into, tree_of
from amr.tracking.tracker import MoverTracker
from amr.units import ns_from_s

_FRESH_S = 0.15
"""A track that was not measured for longer does not vouch for the place where it is thought to be."""
_EVERYWHERE_M = 1.0e6


@dataclass(frozen=True, slots=True)
class Seen:
    """What one step found among its messages: the newest of each kind, and all requests of people and workers."""

    scan: Scan | None
    base: BaseState | None
    imu: tuple[Imu, ...]
    link: LinkState
    mission: SetMission | Explore | None
    plan: PlanResult | None
    frontier: FrontierResult | None
    fixes: tuple[PoseFix, ...]
    operator: tuple[Operator, ...]


class RobotCore:
    """All decisions of one robot.

    ``config``: the robot file; ``seed``: every random number comes from it; ``map_from_odom``: where in the map the
    robot stands when it starts (its odometry starts at the origin). On a saved map (``config.localization``) that is
    where it begins; what the localizer tells moves it.
    """

    def __init__(self, config: RobotConfig, seed: int, map_from_odom: Pose2 = IDENTITY) -> None:
        self._config = config
        self._odometry = OdometryFilter(config)
        self._grip = GripEstimator(config)
        self._grid = LocalGrid(config)
        self._motion_check = MotionCheck()
        self._wheel_check = WheelCheck(config)
        self._tracker = MoverTracker(config)
        self._mission = MissionRunner(config)
        self._explorer = Explorer(config)
        self._controller = make_controller(config, seed)
        self._safety = SafetyRing(config)
        self._turn_trim = TurnTrim(config)
        self._base_from_lidar = Pose2(config.lidar.x_m, config.lidar.y_m, config.lidar.yaw_rad)
        self._anchor = MapAnchor(config.localization, map_from_odom)
        self._place = KNOWN
        self._speed_zones = SpeedZones(config.zones, config.body)
        self._corners = BlindCorners(config)
        self._keep_out = KeepOutInWindow(config.zones, self._grid, map_from_odom)
        self._control_period_ns = ns_from_s(config.control.period_s)
        self._actuation_delay_ns = ns_from_s(config.link.host_to_mcu_delay_s)
        self._step = 0
        self._map_version = 0
        self._next_insert_ns = 0
        self._link = LinkState.DOWN
        self._arm_wish = False
        self._teleop: Teleop | None = None
        self._waiting_scan: Scan | None = None
        self._path = PlacedPath()
        self._pending: tuple[tuple[int, float, float], ...] = ()
        self._movers: tuple[Mover, ...] = ()
        self._armed = False
        self._stop = NO_STOP
        self._control_output: ControlOutput | None = None
        self._control_ns = 0

    def step(self, inputs: Inputs) -> Outputs:
        """One decision. ``inputs.now_ns`` must grow from step to step."""
        now_ns = inputs.now_ns
        seen = self._ingest(inputs)
        estimate = self._odometry.predict(now_ns)
        self._wheel_check.update(now_ns, seen.imu, estimate.twist.w_radps, self._odometry.slip_radps)
        self._locate(seen, estimate, now_ns)
        questions = self._map(seen, estimate, now_ns)
        self._movers = self._tracker.movers(now_ns)
        mission = self._advance_mission(seen, estimate, now_ns)
        control = self._control(mission, estimate, now_ns)
        wish, wish_stamp_ns = self._choose_wish(mission, control, now_ns)
        was_armed = self._armed
        safe = self._guard(seen, wish, wish_stamp_ns, estimate, now_ns)
        if safe.armed and not was_armed:
            self._grid.vouch(estimate.odom_from_base, self._config.safety.armed_clear_m)
        wheel = self._wheel_command(safe, estimate.twist.w_radps, now_ns)
        outputs = Outputs(
            step=self._step,
            now_ns=now_ns,
            wheel=wheel,
            stop=safe.stop,
            telemetry=self._telemetry(estimate, mission, control, wish, safe),
            requests=(*questions, *mission.requests),
        )
        self._step += 1
        return outputs

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on; shares nothing with the core."""
        return tree_of(self)

    def restore(self, tree: dict[str, Any]) -> None:
        """Become the core (of the same config and seed) that ``state()`` was taken from."""
        restore_into(self, tree)

    # ------------------------------------------------------------ ingest and map

    def _ingest(self, inputs: Inputs) -> Seen:
        """Feed the estimator in order and keep the newest of the rest."""
        scan: Scan | None = None
        base: BaseState | None = None
        mission: SetMission | Explore | None = None
        plan: PlanResult | None = None
        frontier: FrontierResult | None = None
        imu: list[Imu] = []
        fixes: list[PoseFix] = []
        operator: list[Operator] = []
        for message in inputs.messages:
            if isinstance(message, BaseState):
                base = message
                self._take_motion(message)
            elif isinstance(message, Imu):
                imu.append(message)
                self._take_motion(message)
            elif isinstance(message, Scan):
                scan = message
            elif isinstance(message, LinkStatus):
                self._link = message.state
            elif isinstance(message, SetMission | Explore):
                mission = message
            elif isinstance(message, Operator):
                operator.append(message)
            elif isinstance(message, Teleop):
                self._teleop = message
            elif isinstance(message, PoseFix):
                fixes.append(message)
            elif isinstance(message, FrontierResult):
                frontier = message
            else:
                plan = message
        self._follow_operator(operator)
        return Seen(scan, base, tuple(imu), self._link, mission, plan, frontier, tuple(fixes), tuple(operator))

    def _take_motion(self, message: BaseState | Imu) -> None:
        self._odometry.ingest(message)
        self._grip.ingest(message)
        self._odometry.set_grip(self._grip.part)

    def _follow_operator(self, presses: Iterable[Operator]) -> None:
        for press in presses:
            if press.action is OperatorAction.ARM:
                self._arm_wish = True
                self._motion_check.reset()
                self._wheel_check.reset()
            elif press.action in {OperatorAction.DISARM, OperatorAction.ESTOP}:
                self._arm_wish = False

    def _locate(self, seen: Seen, estimate: Estimate, now_ns: int) -> None:
        """Take what the localizer has found, and bring along what lies in the odometry's frame by the map."""
        for fix in seen.fixes:
            self._anchor.take(fix, now_ns)
        self._place = self._anchor.advance(now_ns, estimate.odom_from_base, estimate.twist)
        self._keep_out.update(self._grid, self._map_from_odom, estimate.odom_from_base)

    @property
    def _map_from_odom(self) -> Pose2:
        return self._anchor.map_from_odom

    def _map(self, seen: Seen, estimate: Estimate, now_ns: int) -> tuple[Request, ...]:
        """Insert the newest scan once its pose is known; tell the workers to do the same, and to find it on the map."""
        requests = self._map_scan(seen, estimate, now_ns)
        if not self._place.placed_anew:
            return requests
        # what it saw before went to the wrong place on the map
        pose = self._map_from_odom @ estimate.odom_from_base
        return (ForgetObstacles(pose.x_m, pose.y_m, _EVERYWHERE_M, self._map_version), *requests)

    def _map_scan(self, seen: Seen, estimate: Estimate, now_ns: int) -> tuple[Request, ...]:
        scan = seen.scan or self._waiting_scan
        self._waiting_scan = None
        if scan is None:
            return ()
        sweep_ns = ns_from_s(scan.time_increment_s * len(scan.ranges_m))
        odom_from_base = self._odometry.pose_at(scan.stamp_ns)
        odom_from_base_end = self._odometry.pose_at(scan.stamp_ns + sweep_ns) if sweep_ns else odom_from_base
        if odom_from_base is None or odom_from_base_end is None:
            if scan.stamp_ns + sweep_ns > estimate.stamp_ns:
                self._waiting_scan = scan  # telemetry is later than the light: try again in the next step
            return ()
        self._grid.recenter(estimate.odom_from_base)
        moving = self._track(scan, odom_from_base, odom_from_base_end)
        self._grid.insert(scan, odom_from_base, odom_from_base_end, now_ns, moving)
        self._clear_movers(now_ns)
        self._check_motion(scan, odom_from_base, odom_from_base_end, moving)
        asked = self._anchor.ask(scan.stamp_ns, odom_from_base, odom_from_base_end, estimate.covariance, now_ns)
        return (*asked, *self._insert_into_map(scan, odom_from_base, odom_from_base_end, sweep_ns))

    def _insert_into_map(
        self, scan: Scan, odom_from_base: Pose2, odom_from_base_end: Pose2, sweep_ns: int
    ) -> tuple[Request, ...]:
        """Now and then, and only while it is sure where it is, the worker's map takes a scan."""
        if scan.stamp_ns < self._next_insert_ns or self._place.belief is not Belief.SURE:
            return ()
        self._next_insert_ns = scan.stamp_ns + ns_from_s(self._config.mapping.insert_period_s)
        self._map_version += 1
        map_from_lidar = self._map_from_odom @ odom_from_base @ self._base_from_lidar
        map_from_lidar_end = self._map_from_odom @ odom_from_base_end @ self._base_from_lidar if sweep_ns else None
        return (InsertScan(scan.stamp_ns, map_from_lidar, self._map_version, map_from_lidar_end),)

    def _check_motion(self, scan: Scan, first: Pose2, last: Pose2, moving: NDArray[np.bool_] | None) -> None:
        """Now and then hold what the scans saw of the motion against odometry."""
        if not self._motion_check.is_due(first):
            return
        middle_ns = scan.stamp_ns + ns_from_s(0.5 * scan.time_increment_s * len(scan.ranges_m))
        middle = self._odometry.pose_at(middle_ns)
        if middle is not None:
            self._motion_check.update(self._grid.surface_points(scan, first, last, moving), middle)

    def _track(self, scan: Scan, odom_from_base: Pose2, odom_from_base_end: Pose2) -> NDArray[np.bool_] | None:
        """Which beams end on what moves; None when nothing is known about that."""
        if not self._config.tracking.enabled:
            return None
        return self._tracker.update(scan, odom_from_base, odom_from_base_end)

    def _clear_movers(self, now_ns: int) -> None:
        """What a mover left in the window before it was known to move, its track now stands for."""
        for mover in self._tracker.movers(now_ns, courses=False):
            if mover.unseen_s < _FRESH_S and not mover.resting:
                self._grid.clear_disc(mover.x_m, mover.y_m, mover.radius_m)

    # ------------------------------------------------------------ decide

    def _advance_mission(self, seen: Seen, estimate: Estimate, now_ns: int) -> MissionOutput:
        map_from_base = self._map_from_odom @ estimate.odom_from_base
        asked = seen.mission
        if isinstance(asked, SetMission):
            self._explorer.cancel()
        errand = self._explorer.direct(
            ExplorerInput(
                now_ns=now_ns,
                explore=asked if isinstance(asked, Explore) else None,
                answer=seen.frontier,
                map_from_base=map_from_base,
                map_version=self._map_version,
                may_move=self._armed,
            )
        )
        output = self._mission.step(
            MissionInput(
                now_ns=now_ns,
                new_mission=asked if isinstance(asked, SetMission) else errand.mission,
                errand=errand.goal,
                operator=seen.operator,
                map_from_base=map_from_base,
                map_from_odom=self._map_from_odom,
                twist=estimate.twist,
                plan_result=seen.plan,
                map_version=self._map_version,
                field=self._grid.distance_field(),
                movers=self._movers,
                whereabouts=self._place,
                armed=self._armed,
                control_status=None if self._control_output is None else self._control_output.status,
                control_reason="" if self._control_output is None else self._control_output.reason,
                stop=self._stop,
            )
        )
        return self._explorer.report(output, errand)

    def _control(self, mission: MissionOutput, estimate: Estimate, now_ns: int) -> ControlOutput | None:
        """The controller's command for the active goal, or None when nothing is to be followed.

        Between two cycles of the controller its last command holds.
        """
        if not mission.follow or mission.active_goal is None:
            self._control_output = None
            return None
        if self._control_output is not None and now_ns - self._control_ns < self._control_period_ns:
            return self._control_output
        self._path.update(mission.path_version, mission.path_map, self._map_from_odom, estimate.odom_from_base)
        goal, field = mission.active_goal, self._grid.distance_field()
        pose, path_odom = estimate.odom_from_base, self._path.path_odom
        self._control_ns = now_ns
        self._control_output = self._controller.compute(
            ControlInput(
                now_ns=now_ns,
                tick=self._step,
                odom_from_base=pose,
                twist=estimate.twist,
                pending=self._pending,
                delay_s=self._config.link.host_to_mcu_delay_s,
                field=field,
                path_odom=path_odom,
                path_version=self._path.version,
                path_speed_mps=mission.path_speed_mps,
                goal_odom=self._map_from_odom.inverse() @ Pose2(goal.x_m, goal.y_m, goal.yaw_rad or 0.0),
                goal_yaw_matters=goal.yaw_rad is not None,
                goal_tolerance_m=goal.tolerance_m,
                is_last_goal=mission.is_last_goal,
                limits=self._corners.limits(self._limits(estimate), field, pose, path_odom),
                obstacles=self._movers,
                squeeze=mission.squeeze,
            )
        )
        return self._control_output

    def _limits(self, estimate: Estimate) -> MotionLimits:
        """Of the robot, of the zones, and of a robot that may be somewhere else than it thinks."""
        full = MotionLimits.from_config(self._config.limits).on_floor(self._grip.part)
        limits = self._speed_zones.limits(full, self._map_from_odom @ estimate.odom_from_base, estimate.twist)
        if self._place.belief is Belief.SURE:
            return limits
        return capped(limits, self._config.localization.doubtful_mps, self._config.body.circumradius_m)

    def _choose_wish(self, mission: MissionOutput, control: ControlOutput | None, now_ns: int) -> tuple[Twist2, int]:
        """A person's hand first, then a recovery, then the controller, else rest; with the time it was made."""
        if self._teleop is not None:
            age_ns = now_ns - self._teleop.stamp_ns
            if age_ns <= ns_from_s(self._config.safety.dead_man_s):
                return Twist2(self._teleop.v_mps, self._teleop.w_radps), self._teleop.stamp_ns
            self._teleop = None
        if mission.behavior is not None:
            return mission.behavior, now_ns
        if control is not None:
            return Twist2(control.v_mps, control.w_radps), now_ns
        return STANDSTILL, now_ns

    # ------------------------------------------------------------ guard and leave

    def _guard(self, seen: Seen, wish: Twist2, wish_stamp_ns: int, estimate: Estimate, now_ns: int) -> SafetyOutput:
        safe = self._safety.step(
            SafetyInput(
                now_ns=now_ns,
                wish=wish,
                wish_stamp_ns=wish_stamp_ns,
                scan=seen.scan,
                base=seen.base,
                imu=seen.imu,
                link=seen.link,
                arm_wish=self._arm_wish,
                operator=seen.operator,
                pending=self._pending,
                movers=in_frame_of(estimate.odom_from_base, self._movers),
                map_from_base=None
                if self._place.belief is Belief.LOST
                else self._map_from_odom @ estimate.odom_from_base,
                grip_frac=self._grip.part,
                disagreement=self._motion_check.fault or self._wheel_check.fault,
            )
        )
        self._armed, self._stop = safe.armed, safe.stop
        return safe

    def _wheel_command(self, safe: SafetyOutput, measured_radps: float, now_ns: int) -> WheelCommand:
        """Wheel speeds that make the body move by the guarded twist, remembered as in flight until they act."""
        apply_ns = now_ns + self._actuation_delay_ns
        # one command before ``now`` stays: it is the one that acts at this moment
        kept = [entry for entry in self._pending if entry[0] > now_ns]
        acting = [entry for entry in self._pending if entry[0] <= now_ns]
        self._pending = (*acting[-1:], *kept, (apply_ns, safe.command.v_mps, safe.command.w_radps))
        now = Twist2(*acting[-1][1:]) if acting else STANDSTILL
        speeds = limit_wheel_speeds(
            wheel_speeds_from_twist(
                self._turn_trim.trimmed(safe.command, now, measured_radps, now_ns), self._config.drive.track_m
            ),
            self._config.limits.v_max_mps + 0.5 * self._config.limits.w_max_radps * self._config.drive.track_m,
        )
        return WheelCommand(
            left_mps=speeds.left_mps,
            right_mps=speeds.right_mps,
            expiry_ns=now_ns + ns_from_s(self._config.link.command_timeout_s),
            stop=safe.stop_category,
            arm=safe.armed,
        )

    def _telemetry(
        self,
        estimate: Estimate,
        mission: MissionOutput,
        control: ControlOutput | None,
        wish: Twist2,
        safe: SafetyOutput,
    ) -> Telemetry:
        trajectory = control.trajectory if control is not None else np.zeros((0, 3), np.float32)
        reason = mission.reason
        if control is not None and control.status is not ControlStatus.OK and not reason:
            reason = control.reason
        if not reason and self._place.belief is not Belief.SURE:
            reason = f"not sure where it is: {self._place.cause}"
        return Telemetry(
            odom_from_base=estimate.odom_from_base,
            pose_sigma=estimate.pose_sigma,
            map_from_odom=self._map_from_odom,
            twist=estimate.twist,
            wish=wish,
            command=safe.command,
            armed=safe.armed,
            mission_state=mission.state,
            mission_reason=reason,
            goals_reached=mission.goals_reached,
            goals_total=mission.goals_total,
            min_range_m=safe.min_range_m,
            path_version=mission.path_version,
            trajectory_odom=trajectory,
            belief=self._place.belief,
            lost_frac=self._place.lost_frac,
        )
