"""The last stage of a step: whatever the mind wishes, only what is safe leaves here.

It sees raw scans, raw wheel ticks, the link and the wish; no map, plan or filter. In order: take in the sensors, look
for a fault, limit the wish, and shrink it until the stop from it is clear (``envelope``). Each answer that differs
from the wish has a reason and a cause that names the beam, rule, frame or fault behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from amr.config.robot import RobotConfig
from amr.geometry import STANDSTILL, Twist2
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
from amr.safety import dead_reckoning, envelope, limits, memory, scan_check
from amr.safety.arming import ArmEvent, ArmState, advance
from amr.safety.base import NO_STOP, SafetyInput, SafetyOutput
from amr.safety.dead_reckoning import Odometer, WheelGeometry
from amr.safety.envelope import EnvelopeSettings
from amr.safety.limits import CommandLimits
from amr.safety.memory import MemoryRules
from amr.safety.outline import Outline
from amr.safety.scan_check import ScanRules, ScanWatch
from amr.safety.shrink import CHANGE, Shrinker
from amr.safety.situation import Foresight, Situation
from amr.units import GRAVITY_MPS2, ns_from_s

__all__ = ["SafetyInput", "SafetyOutput", "SafetyRing"]

_NEVER_NS = -(2**62)
"""Stamp of what never came."""
_MCU_ARMED = frozenset({McuState.ARMED, McuState.DRIVING, McuState.STOPPING})
_MCU_OUT = frozenset({McuState.BOOT, McuState.IDLE, McuState.FAULT})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How old an input may be, and the longest step that is believed."""

    scan_ns: int
    base_ns: int
    dead_man_ns: int
    cycle_s: float


class SafetyRing:
    """State of the ring; ``step`` is its only door. ``config``: the robot file."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_foresight", "_shrinker")

    def __init__(self, config: RobotConfig) -> None:
        safety = config.safety
        self._limits = CommandLimits.from_config(config.limits)
        self._floor_mps2 = self._file_mps2 = config.physics.friction * GRAVITY_MPS2
        self._wheels = WheelGeometry.from_config(config)
        self._outline = Outline.from_body(config.body)
        self._scan_rules = ScanRules.from_config(config)
        settings = EnvelopeSettings.from_config(config)
        full_reach_m = envelope.full_reach_m(self._limits, settings, self._outline.circumradius_m)
        self._memory_rules = MemoryRules.from_config(config, full_reach_m)
        self._foresight = Foresight(config, self._wheels, settings)
        self._shrinker = Shrinker(config, self._limits, settings, self._memory_rules)
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
        self._scan_fault = NO_STOP
        self._scan_watch: ScanWatch | None = None
        self._waiting_scan: Scan | None = None
        self._command = STANDSTILL
        self._last_ns: int | None = None

    def step(self, view: SafetyInput) -> SafetyOutput:
        """The command that may leave in this step. Never raises on any value in ``view``; ``now_ns`` grows."""
        duration_s = self._elapsed_s(view.now_ns)
        self._floor_mps2 = self._file_mps2 * limits.grip_part(view.grip_frac)
        restarted = self._take_base(view.base, view.imu)
        self._take_scan(view.scan, view.now_ns)
        self._follow_arming(view, restarted)
        situation, min_range_m = None, math.inf
        if self._odometer is not None and self._base is not None:
            floor = limits.on_floor(self._limits, view.grip_frac)
            situation = self._foresight.situation(self._odometer, self._base, self._memory, floor, view)
            min_range_m = memory.nearest_m(self._memory, situation.now.pose, self._outline)
        fault = self._fault(view)
        if situation is None or fault.reason is not StopReason.NONE:
            self._command = limits.brake(self._command, self._limits, duration_s)
            resting = StopCategory.BRAKE if fault.reason is StopReason.ESTOP else StopCategory.RAMP
            return self._output(STANDSTILL, resting, fault, min_range_m)
        wish, limited = self._limit(view.wish, situation, duration_s)
        last = self._command
        self._command, category, stop = self._shrinker.largest_clear(wish, last, situation, duration_s)
        if stop.reason is StopReason.OBSTACLE and category is None:
            self._command, stop = self._shrinker.in_parts(wish, self._command, situation, duration_s, stop)
        if stop.reason is StopReason.NONE:
            stop = limited
        return self._output(self._command if category is None else STANDSTILL, category, stop, min_range_m)

    def _output(self, command: Twist2, category: StopCategory | None, stop: Stop, min_range_m: float) -> SafetyOutput:
        return SafetyOutput(command, category, stop, self._arm_state is ArmState.ARMED, min_range_m)

    # ------------------------------------------------------------ take in

    def _elapsed_s(self, now_ns: int) -> float:
        """Time since the last step, in [0, five cycles]: a pause is no licence to jump. 0 at the first step."""
        last_ns, self._last_ns = now_ns if self._last_ns is None else self._last_ns, now_ns
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
        self._scan_fault = NO_STOP
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
        self._mcu_was_armed = self._arm_state is ArmState.ARMED and state in _MCU_ARMED

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
        return NO_STOP

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
        return NO_STOP

    def _scan_trouble(self, now_ns: int) -> Stop:
        """Fault or silence of the lidar."""
        if self._scan_fault.reason is not StopReason.NONE:
            return self._scan_fault
        if self._scan_stamp_ns == _NEVER_NS:
            return Stop(StopReason.SCAN_MISSING, "no scan that odometry can place has come yet")
        age_ns = now_ns - self._scan_light_ns
        if age_ns > self._timeouts.scan_ns:
            return Stop(StopReason.SCAN_STALE, f"newest scan is {age_ns * 1e-9:.2f} s old")
        return NO_STOP

    # ------------------------------------------------------------ wish

    def _limit(self, wish: Twist2, situation: Situation, duration_s: float) -> tuple[Twist2, Stop]:
        """The finite wish within all limits, as it can follow the last command."""
        within, cause = limits.limit_speed(wish, situation.limits)
        within, cause = limits.limit_turn(within, situation.turning_mps, situation.limits, cause)
        reachable, rate_cause = limits.limit_rate(self._command, within, self._limits, duration_s)
        changed = max(abs(reachable.v_mps - wish.v_mps), abs(reachable.w_radps - wish.w_radps)) > CHANGE
        return reachable, Stop(StopReason.LIMIT, cause or rate_cause) if changed else NO_STOP
