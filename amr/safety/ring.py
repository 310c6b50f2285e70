"""The last stage of a step: whatever the mind wishes, only what is safe leaves here.

It sees raw scans, raw wheel ticks, the link and the wish; no map, plan or filter. In order: take in the sensors, look
for a fault, limit the wish, and shrink it until the stop from it is clear (``envelope``). Each answer that differs
from the wish has a reason and a cause that names the beam, rule, frame or fault behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import STANDSTILL, Pose2, Twist2
from amr.kinematics import WheelSpeeds, twist_from_wheel_speeds
from amr.messages import (
    BaseState,
    Imu,
    LinkState,
    McuState,
    OperatorAction,
    Scan,
    Stop,
    StopCategory,
    StopReason,
)
from amr.movers import Mover
from amr.portable_math import sin_cos
from amr.safety import dead_reckoning, envelope, kernel, limits, memory, movers, scan_check, zones
from amr.safety.arming import ArmEvent, ArmState, advance
from amr.safety.base import SafetyInput, SafetyOutput
from amr.safety.dead_reckoning import Odometer, WheelGeometry
from amr.safety.envelope import EnvelopeSettings, Motion
from amr.safety.limits import CommandLimits
from amr.safety.memory import MemoryRules
from amr.safety.outline import Outline
from amr.safety.scan_check import ScanRules, ScanWatch
from amr.units import GRAVITY_MPS2, ns_from_s

__all__ = ["SafetyInput", "SafetyOutput", "SafetyRing"]

_NO_STOP = Stop(StopReason.NONE, "")
_CHANGE = 1.0e-3
"""A limit that changes the wish by less (m/s, rad/s) is not worth a reason."""
_PREDICTION_STEP_S = 0.005
_WHISPER = 1.0e-3
"""Part of the body's speed that a wish asks for which does not go on the same way."""
_COASTING_FROM_MPS = 0.1
"""Below this speed wheels and body turn alike, and the curvature that was measured means nothing."""
_SKID_TURNING_BRAKE_FRAC = 0.5
"""Part of a skid steer's brake that is left while a turn begins: its wheels slide sideways (measured in simulation)."""
_NEVER_NS = -(2**62)
"""Stamp of what never came."""
_MCU_ARMED = frozenset({McuState.ARMED, McuState.DRIVING, McuState.STOPPING})
_MCU_OUT = frozenset({McuState.BOOT, McuState.IDLE, McuState.FAULT})


@dataclass(frozen=True, slots=True)
class Instant:
    """Pose (x_m, y_m, yaw_rad) in the ring's odometry frame, and twist."""

    pose: tuple[float, float, float]
    twist: Twist2


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the robot is now, and will be when this step's command reaches the wheels."""

    now_ns: int
    odometer: Odometer
    now: Instant
    acting: Instant
    """If the body turns as the wheels are told to, about the base."""
    coasting: Instant
    """If it keeps the yaw rate that it has, about its leading wheels, and slides on, as a skid steer does."""
    leading: Outline
    """The outline from there."""
    movers: tuple[Mover, ...] = ()
    """Base frame, now."""
    map_from_base: Pose2 | None = None
    """Now."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How old an input may be, and the longest step that is believed."""

    scan_ns: int
    base_ns: int
    dead_man_ns: int
    cycle_s: float


class SafetyRing:
    """State of the ring; ``step`` is its only door. ``config``: the robot file."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_fences",)

    def __init__(self, config: RobotConfig) -> None:
        safety = config.safety
        self._limits = CommandLimits.from_config(config.limits)
        self._floor_limits = self._limits
        self._floor_mps2 = self._file_mps2 = config.physics.friction * GRAVITY_MPS2
        self._turning_brake_frac = _SKID_TURNING_BRAKE_FRAC if config.drive.kind == "skid_steer" else 1.0
        self._settings = EnvelopeSettings.from_config(config)
        self._fences = zones.fences_of(config.zones)
        self._wheels = WheelGeometry.from_config(config)
        self._outline = Outline.from_body(config.body)
        self._outline_front = Outline.from_body(config.body, self._wheels.front_m)
        self._outline_rear = Outline.from_body(config.body, -self._wheels.rear_m)
        self._scan_rules = ScanRules.from_config(config)
        full_reach_m = envelope.full_reach_m(self._limits, self._settings, self._outline.circumradius_m)
        self._memory_rules = MemoryRules.from_config(config, full_reach_m)
        self._timeouts = Timeouts(
            ns_from_s(safety.scan_timeout_s),
            ns_from_s(safety.base_timeout_s),
            ns_from_s(safety.dead_man_s),
            safety.cycle_s,
        )
        self._fault_mask = safety.base_fault_mask
        self._arm_state = ArmState.DISARMED
        self._arm_cause = "never armed since the start"
        self._arm_wish = False
        self._estop_pressed = False
        self._mcu_was_armed = False
        self._base: BaseState | None = None
        self._base_fault = ""
        self._odometer: Odometer | None = None
        self._memory = memory.empty(self._memory_rules, config.lidar.beams)
        self._scan_stamp_ns = _NEVER_NS
        self._scan_light_ns = _NEVER_NS
        """Oldest light of the newest scan that was placed."""
        self._scan_fault = _NO_STOP
        self._scan_watch: ScanWatch | None = None
        self._waiting_scan: Scan | None = None
        self._command = STANDSTILL
        self._last_ns: int | None = None

    def step(self, view: SafetyInput) -> SafetyOutput:
        """The command that may leave in this step. Never raises on any value in ``view``; ``now_ns`` grows."""
        duration_s = self._elapsed_s(view.now_ns)
        self._floor_limits = limits.on_floor(self._limits, view.grip_frac)
        self._floor_mps2 = self._file_mps2 * limits.grip_part(view.grip_frac)
        restarted = self._take_base(view.base, view.imu)
        self._take_scan(view.scan, view.now_ns)
        self._follow_arming(view, restarted)
        situation = self._predict(view)
        min_range_m = math.inf
        if situation is not None:
            min_range_m = memory.nearest_m(self._memory, situation.now.pose, self._outline)
        fault = self._fault(view)
        if situation is None or fault.reason is not StopReason.NONE:
            self._command = limits.brake(self._command, self._limits, duration_s)
            resting = StopCategory.BRAKE if fault.reason is StopReason.ESTOP else StopCategory.RAMP
            return self._output(STANDSTILL, resting, fault, min_range_m)
        wish, limited = self._limit(view.wish, duration_s)
        self._command, category, stop = self._shrink(wish, situation, duration_s)
        if stop.reason is StopReason.OBSTACLE and category is None:
            self._command, stop = self._in_parts(wish, situation, duration_s, stop)
        if stop.reason is StopReason.NONE:
            stop = limited
        return self._output(self._command if category is None else STANDSTILL, category, stop, min_range_m)

    def _output(self, command: Twist2, category: StopCategory | None, stop: Stop, min_range_m: float) -> SafetyOutput:
        return SafetyOutput(command, category, stop, self._arm_state is ArmState.ARMED, min_range_m)

    # ------------------------------------------------------------ take in

    def _elapsed_s(self, now_ns: int) -> float:
        """Time since the last step, at least 0 and at most five cycles: a pause is no licence to jump."""
        last_ns = now_ns - ns_from_s(self._timeouts.cycle_s) if self._last_ns is None else self._last_ns
        self._last_ns = now_ns
        return min(5.0 * self._timeouts.cycle_s, max(0.0, (now_ns - last_ns) * 1e-9))

    def _take_base(self, base: BaseState | None, gyro: tuple[Imu, ...]) -> bool:
        """Advance the odometry; True when the microcontroller restarted."""
        if base is None:
            return False
        if not (math.isfinite(base.left_mps) and math.isfinite(base.right_mps)):
            self._base_fault = f"wheel speed is not finite: left {base.left_mps}, right {base.right_mps} m/s"
            return False
        last, self._base = self._base, base
        if self._odometer is None:
            self._odometer, self._base_fault = dead_reckoning.start(base), ""
            return False
        self._base_fault = dead_reckoning.discontinuity(self._odometer, base, self._wheels)
        if self._base_fault:
            self._odometer = dead_reckoning.start(base)
            self._memory = memory.empty(self._memory_rules, self._scan_rules.beams)
            self._scan_stamp_ns = _NEVER_NS
        else:
            self._odometer = dead_reckoning.advance(self._odometer, base, gyro, self._wheels, self._floor_mps2)
        return last is not None and last.boot_id != base.boot_id

    def _take_scan(self, scan: Scan | None, now_ns: int) -> None:
        """Judge the newest scan and remember it once odometry knows where it was taken."""
        waiting, self._waiting_scan = self._waiting_scan, None
        for candidate in (waiting, scan):
            if candidate is None or candidate.stamp_ns <= self._scan_stamp_ns:
                continue
            rules = self._scan_rules
            cause = scan_check.refuse(candidate, rules, now_ns) or scan_check.blind(self._scan_watch, candidate, rules)
            if cause:
                self._scan_fault = Stop(StopReason.SCAN_INVALID, cause)
            elif self._odometer is not None:
                self._place_scan(candidate, self._odometer)

    def _place_scan(self, scan: Scan, odometer: Odometer) -> None:
        """Remember a valid scan, or let it wait for telemetry as new as its light; one that is older is dropped."""
        geometry = memory.scan_geometry(scan, odometer, self._memory_rules)
        if geometry is None:
            if self._waiting_scan is None and scan.stamp_ns > odometer.trail[0][0]:
                self._waiting_scan = scan
            return
        self._scan_stamp_ns = scan.stamp_ns
        self._scan_watch = scan_check.watch(self._scan_watch, scan, odometer.travel_m)
        cause = scan_check.frozen(self._scan_watch, self._scan_rules, odometer.travel_m)
        if cause:
            self._scan_fault = Stop(StopReason.SCAN_FROZEN, cause)
            return
        self._scan_fault = _NO_STOP
        if scan_check.repeats(self._scan_watch, self._scan_rules):
            return
        self._scan_light_ns = scan_check.oldest_light_ns(scan)
        self._memory = memory.insert(self._memory, scan, geometry, odometer, self._memory_rules, self._outline)

    def _follow_arming(self, view: SafetyInput, restarted: bool) -> None:
        """Turn this step's view into events, in the order that makes motion the last thing allowed."""
        arm = view.arm_wish and not self._arm_wish
        disarm = not view.arm_wish
        self._arm_wish = view.arm_wish
        events: list[ArmEvent] = []
        for press in view.operator:
            if press.action is OperatorAction.ESTOP:
                self._estop_pressed, arm = True, False
                events.append(ArmEvent.ESTOP)
            elif press.action is OperatorAction.RESET_ESTOP:
                self._estop_pressed = False
            elif press.action is OperatorAction.ARM:
                arm, disarm = True, False
            elif press.action is OperatorAction.DISARM:
                arm, disarm = False, True
        state = McuState.BOOT if self._base is None else self._base.state
        estop = self._estop_pressed or state is McuState.ESTOP
        events.append(ArmEvent.ESTOP if estop else ArmEvent.ESTOP_CLEARED)
        if restarted:
            events.append(ArmEvent.MCU_RESTARTED)
        if self._mcu_was_armed and state in _MCU_OUT:
            events.append(ArmEvent.MCU_DISARMED)
        if disarm:
            events.append(ArmEvent.DISARM)
        if arm:
            events.append(ArmEvent.ARM)
        if view.link is not LinkState.UP:
            events.append(ArmEvent.LINK_LOST)
        before = self._arm_state
        self._arm_state, self._arm_cause = advance(before, self._arm_cause, tuple(events))
        if self._arm_state is ArmState.ARMED is not before and self._odometer is not None:
            memory.vouch(self._memory, self._odometer, view.now_ns, self._memory_rules, self._outline)
        self._mcu_was_armed = self._arm_state is ArmState.ARMED and (
            state in _MCU_ARMED or (self._mcu_was_armed and state not in _MCU_OUT)
        )

    # ------------------------------------------------------------ faults

    def _fault(self, view: SafetyInput) -> Stop:
        """The first reason, most serious first, for which nothing may move; NONE when there is none."""
        if self._arm_state is ArmState.ESTOPPED:
            who = "by the operator" if self._estop_pressed else "at the microcontroller"
            return Stop(StopReason.ESTOP, f"e-stop is latched {who}")
        if view.link is not LinkState.UP:
            return Stop(StopReason.LINK_DOWN, f"link is {view.link.value}")
        fault = self._base_trouble(view.now_ns)
        if fault.reason is not StopReason.NONE:
            return fault
        if self._arm_state is ArmState.DISARMED:
            return Stop(StopReason.NOT_ARMED, self._arm_cause)
        fault = self._scan_trouble(view.now_ns)
        if fault.reason is not StopReason.NONE:
            return fault
        if view.disagreement:
            return Stop(StopReason.SENSORS_DISAGREE, view.disagreement)
        if not view.wish.is_finite():
            return Stop(StopReason.COMMAND_NOT_FINITE, f"wish is v {view.wish.v_mps} m/s, w {view.wish.w_radps} rad/s")
        age_ns = view.now_ns - view.wish_stamp_ns
        if age_ns > self._timeouts.dead_man_ns:
            return Stop(StopReason.COMMAND_STALE, f"wish is {age_ns * 1e-9:.2f} s old (dead man)")
        return _NO_STOP

    def _base_trouble(self, now_ns: int) -> Stop:
        """Fault or silence of the base."""
        if self._base_fault:
            return Stop(StopReason.BASE_FAULT, self._base_fault)
        if self._base is None:
            return Stop(StopReason.BASE_STALE, "no telemetry yet")
        age_ns = now_ns - self._base.stamp_ns
        if age_ns > self._timeouts.base_ns:
            return Stop(StopReason.BASE_STALE, f"telemetry is {age_ns * 1e-9:.2f} s old")
        raised = self._base.faults & self._fault_mask
        if raised:
            bits = ", ".join(str(bit) for bit in range(raised.bit_length()) if raised >> bit & 1)
            return Stop(StopReason.BASE_FAULT, f"the microcontroller reports fault bits {bits} (mask 0x{raised:04x})")
        if self._base.state is McuState.FAULT:
            return Stop(StopReason.BASE_FAULT, "the microcontroller is in state FAULT")
        return _NO_STOP

    def _scan_trouble(self, now_ns: int) -> Stop:
        """Fault or silence of the lidar."""
        if self._scan_fault.reason is not StopReason.NONE:
            return self._scan_fault
        if self._scan_stamp_ns == _NEVER_NS:
            return Stop(StopReason.SCAN_MISSING, "no scan that odometry can place has come yet")
        age_ns = now_ns - self._scan_light_ns
        if age_ns > self._timeouts.scan_ns:
            return Stop(StopReason.SCAN_STALE, f"newest scan is {age_ns * 1e-9:.2f} s old")
        return _NO_STOP

    # ------------------------------------------------------------ envelope

    def _predict(self, view: SafetyInput) -> Situation | None:
        """Pose and twist, from telemetry and the commands in flight; None without telemetry."""
        if self._odometer is None or self._base is None:
            return None
        stamp_ns, x_m, y_m, yaw_rad = self._odometer.trail[-1]
        twist = twist_from_wheel_speeds(WheelSpeeds(self._base.left_mps, self._base.right_mps), self._wheels.track_m)
        if self._odometer.yaw_rate_radps is not None:
            twist = Twist2(twist.v_mps, self._odometer.yaw_rate_radps)
        rows = [((at_ns - stamp_ns) * 1e-9, v_mps, w_radps) for at_ns, v_mps, w_radps in view.pending]
        pending: NDArray[np.float64] = np.array(rows, np.float64).reshape(-1, 3)
        body = Twist2(self._odometer.vx_mps, twist.w_radps)
        leading = self._outline_front if body.v_mps >= 0.0 else self._outline_rear
        # While it brakes in a turn, wheels that slide sideways slide along, too: the body is faster than they are, by
        # about as much as the leading wheels go sideways when friction is shared evenly.
        ahead_mps = abs(twist.w_radps) * leading.ahead_m
        lazy = pending.copy()
        lazy[:, 1] += ahead_mps
        lazy[:, 2] = twist.w_radps
        now_s = min(self._timeouts.base_ns, max(0, view.now_ns - stamp_ns)) * 1e-9
        acts_s = now_s + self._settings.actuation_s
        now = self._drive((x_m, y_m, yaw_rad), twist, pending, 0.0, now_s)
        acting = self._drive(now.pose, now.twist, pending, now_s, acts_s)
        sine, cosine = sin_cos(yaw_rad)
        pose = (x_m + leading.ahead_m * cosine, y_m + leading.ahead_m * sine, yaw_rad)
        coasting = self._drive(pose, body, lazy, 0.0, acts_s)
        place = view.map_from_base
        return Situation(view.now_ns, self._odometer, now, acting, coasting, leading, view.movers, place)

    def _drive(
        self,
        pose: tuple[float, float, float],
        twist: Twist2,
        pending: NDArray[np.float64],
        start_s: float,
        end_s: float,
    ) -> Instant:
        x_m, y_m, yaw_rad, v_mps, w_radps = kernel.predict_in_flight(
            *pose, twist.v_mps, twist.w_radps, self._floor_limits.a_max_mps2, self._floor_limits.brake_mps2,
            self._turning_brake_frac * self._floor_limits.brake_mps2, self._floor_limits.alpha_max_radps2,
            _PREDICTION_STEP_S, pending, start_s, end_s,
        )  # fmt: skip
        return Instant((x_m, y_m, yaw_rad), Twist2(v_mps, w_radps))

    def _limit(self, wish: Twist2, duration_s: float) -> tuple[Twist2, Stop]:
        """The finite wish within all limits, as it can follow the last command."""
        within, cause = limits.limit_speed(wish, self._floor_limits)
        reachable, rate_cause = limits.limit_rate(self._command, within, self._limits, duration_s)
        changed = max(abs(reachable.v_mps - wish.v_mps), abs(reachable.w_radps - wish.w_radps)) > _CHANGE
        return reachable, Stop(StopReason.LIMIT, cause or rate_cause) if changed else _NO_STOP

    def _shrink(
        self, wish: Twist2, situation: Situation, duration_s: float
    ) -> tuple[Twist2, StopCategory | None, Stop]:
        """The wish as far as its stop is clear, else one step of braking; with category and reason."""
        motion = self._motion(wish, self._outline)
        if motion is None:
            return STANDSTILL, None, _NO_STOP
        slowest = limits.slowest_fraction(self._command, wish, self._limits, duration_s)
        braking = limits.brake(self._command, self._limits, duration_s)
        scale, cause = self._clear_scale(motion, slowest, situation.acting, self._outline, situation)
        coasting = self._coasting_motion(wish, situation)
        if coasting is not None and scale >= 0.0:
            start, outline = situation.coasting, situation.leading
            coasting_scale, why = self._clear_scale(coasting, slowest, start, outline, situation)
            if coasting_scale < scale:
                scale, cause = coasting_scale, why
        if scale < 0.0:
            category = self._emergency(situation)
            at_rest = category is not None or braking == STANDSTILL
            return braking, category, Stop(StopReason.OBSTACLE if at_rest else StopReason.OBSTACLE_SLOW, cause)
        mover_scale, why = self._mover_scale(motion, slowest, situation)
        if mover_scale < scale:
            scale, cause = mover_scale, why
        unseen_scale = self._unseen_speed(motion, slowest, situation) / motion.speed_mps
        zone_mps, reason, why = self._zone_speed(motion, slowest, situation)
        zone_scale = zone_mps / motion.speed_mps
        if zone_scale < min(scale, unseen_scale):
            command = braking if zone_scale < slowest else _scaled(wish, zone_scale)
            return command, None, Stop(reason, why)
        if unseen_scale < scale:
            age_s = self._memory_rules.age_ns * 1e-9
            allowed_mps = unseen_scale * motion.speed_mps
            cause = f"the stop would end in space not seen within {age_s:.0f} s; allowed are {allowed_mps:.2f} m/s"
            command = braking if unseen_scale < slowest else _scaled(wish, unseen_scale)
            return command, None, Stop(StopReason.UNSEEN_SLOW, cause)
        if scale >= 1.0:
            return wish, None, _NO_STOP
        if scale * motion.speed_mps < _CHANGE:
            return STANDSTILL, None, Stop(StopReason.OBSTACLE, cause)
        return _scaled(wish, scale), None, Stop(StopReason.OBSTACLE_SLOW, cause)

    def _in_parts(self, wish: Twist2, situation: Situation, duration_s: float, refused: Stop) -> tuple[Twist2, Stop]:
        """Where a wish is refused whole near rest: its straight part, else its turn, as far as the stop is clear.

        A corner that swings into a post keeps the robot only from turning: it drives on straight, and turns beyond it.
        """
        speed_mps = envelope.outline_speed_mps(situation.now.twist, self._outline.circumradius_m)
        if wish.v_mps != 0.0 and wish.w_radps != 0.0 and speed_mps <= self._settings.creep_mps:
            for part, name in ((Twist2(wish.v_mps, 0.0), "straight"), (Twist2(0.0, wish.w_radps), "turning in place")):
                command, category, _ = self._shrink(part, situation, duration_s)
                if command != STANDSTILL and category is None:
                    return command, Stop(StopReason.OBSTACLE_SLOW, f"{refused.cause}; {name} only")
        return STANDSTILL, refused

    def _motion(self, twist: Twist2, outline: Outline) -> Motion | None:
        return envelope.motion_of(twist, self._floor_limits, outline.circumradius_m)

    def _coasting_motion(self, wish: Twist2, situation: Situation) -> Motion | None:
        """The wish along the curvature that the body has now; None where that is slow.

        Where the wish turns back, or in place, what is left is the body's own stop.
        """
        coasting = situation.coasting.twist
        if abs(coasting.v_mps) < _COASTING_FROM_MPS:
            return None
        part = max(_WHISPER, wish.v_mps / coasting.v_mps)
        return self._motion(_scaled(coasting, part), situation.leading)

    def _clear_scale(
        self, motion: Motion, slowest: float, start: Instant, outline: Outline, situation: Situation
    ) -> tuple[float, str]:
        """(part of the motion's speed allowed by what is seen and remembered or -1, what limits it)."""
        rules, settings = self._memory_rules, self._settings
        slowest_mps = slowest * motion.speed_mps
        floor_mps = envelope.outline_speed_mps(start.twist, outline.circumradius_m)
        reach_m = envelope.reach_m(
            motion, floor_mps, settings, outline.circumradius_m, rules.age_ns * 1e-9, rules.drift_m
        )
        points, sources, count = memory.points_near(
            self._memory, situation.odometer, start.pose, reach_m, situation.now_ns
        )
        speed_mps, worst = envelope.clear_speed(motion, slowest_mps, floor_mps, points, count, settings, outline)
        creep_mps = max(slowest_mps, min(motion.speed_mps, settings.creep_mps))
        if speed_mps < creep_mps <= settings.creep_mps and envelope.may_creep(
            motion, creep_mps, floor_mps, points, count, settings, outline
        ):
            speed_mps = creep_mps
        cause = "" if worst < 0 else memory.describe(self._memory, int(sources[worst]), points[worst], outline.ahead_m)
        return (speed_mps / motion.speed_mps if speed_mps >= 0.0 else -1.0), cause

    def _mover_scale(self, motion: Motion, slowest: float, situation: Situation) -> tuple[float, str]:
        """(part of the motion's speed that tracked movers leave, what limits it or '')."""
        if not situation.movers:
            return 1.0, ""
        now, acting = situation.now.pose, situation.acting.pose
        sine, cosine = sin_cos(now[2])
        dx, dy = acting[0] - now[0], acting[1] - now[1]
        start = (cosine * dx + sine * dy, cosine * dy - sine * dx, acting[2] - now[2])
        rows = movers.rows_of(situation.movers, start, self._settings.actuation_s)
        floor_mps = envelope.outline_speed_mps(situation.acting.twist, self._outline.circumradius_m)
        slowest_mps = slowest * motion.speed_mps
        speed_mps, cause = movers.clear_speed(motion, slowest_mps, floor_mps, rows, self._settings, self._outline)
        return speed_mps / motion.speed_mps, cause

    def _zone_speed(self, motion: Motion, slowest: float, situation: Situation) -> tuple[float, StopReason, str]:
        """(outline speed that keep-out and speed zones leave, reason, cause)."""
        if not self._fences:
            return motion.speed_mps, StopReason.NONE, ""
        place = situation.map_from_base
        if place is not None:
            ahead = _pose(situation.now.pose).inverse() @ _pose(situation.acting.pose)
            place = place @ ahead
        floor_mps = envelope.outline_speed_mps(situation.acting.twist, self._outline.circumradius_m)
        return zones.allowed_speed(
            self._fences, place, motion, slowest * motion.speed_mps, floor_mps, self._settings, self._outline
        )

    def _unseen_speed(self, motion: Motion, slowest: float, situation: Situation) -> float:
        """Speed allowed by what was not seen; not computed where it cannot limit."""
        if motion.speed_mps <= self._settings.blind_mps:
            return motion.speed_mps
        acting = situation.acting
        circumradius_m = self._outline.circumradius_m
        floor_mps = envelope.outline_speed_mps(acting.twist, circumradius_m)
        reach_m = envelope.reach_m(motion, floor_mps, self._settings, circumradius_m, 0.0, 0.0)
        cells, count = memory.unseen_near(
            self._memory, situation.odometer, acting.pose, reach_m, situation.now_ns, self._memory_rules
        )
        slowest_mps = slowest * motion.speed_mps
        return envelope.unseen_speed(motion, slowest_mps, floor_mps, cells, count, self._settings, self._outline)

    def _emergency(self, situation: Situation) -> StopCategory | None:
        """BRAKE when even braking at once, by the ramp that the envelope counts on, would touch something."""
        outline = situation.leading
        motion = self._motion(situation.coasting.twist, outline)
        if motion is None:
            return None
        reach_m = envelope.reach_m(motion, 0.0, self._settings, outline.circumradius_m, 0.0, 0.0)
        points, _, count = memory.points_near(
            self._memory, situation.odometer, situation.coasting.pose, reach_m, situation.now_ns
        )
        touches = envelope.touches_while_braking(motion, points, count, self._settings, outline)
        return StopCategory.BRAKE if touches else None


def _pose(pose: tuple[float, float, float]) -> Pose2:
    return Pose2(*pose)


def _scaled(twist: Twist2, scale: float) -> Twist2:
    """The same curvature at another speed."""
    return Twist2(twist.v_mps * scale, twist.w_radps * scale)
