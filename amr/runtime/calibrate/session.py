"""The loop around a programme: it wishes, the safety ring decides, the link commands; everything is recorded.

The programme is a generator that yields a ``Wish`` for each step of 20 ms and looks at the ``Pilot`` in between.
Whatever it wishes, the ring sees raw scans and its own odometry, and the firmware's guard keeps its own limits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, Protocol

from amr.calibration.base import CalibrationError
from amr.config.robot import RobotConfig
from amr.estimation.odometry import OdometryFilter
from amr.geometry import IDENTITY, STANDSTILL, Twist2
from amr.kinematics import wheel_speeds_from_twist
from amr.messages import (
    BaseState,
    Imu,
    LinkState,
    LinkStatus,
    McuState,
    Scan,
    Stop,
    StopCategory,
    StopReason,
    WheelCommand,
)
from amr.runtime.calibrate.recording import Recording
from amr.safety.ring import SafetyInput, SafetyRing
from amr.units import NS_PER_S, ns_from_s
from firmware_bridge.base import BridgeBase
from firmware_bridge.link import LinkConfig
from firmware_bridge.wire_values import FaultBit

HELD_S: Final = 1.5
"""A wish that the ring refuses for so long ends the programme."""
_HARMLESS: Final = frozenset({StopReason.NONE, StopReason.LIMIT})
_SLACK_MPS: Final = 0.25


class Lidar(Protocol):
    """Where scans come from."""

    def poll(self, now_ns: int) -> list[Scan]: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """``stop`` set = come to rest in this way, whatever the twist says; ``arm``: be armed."""

    twist: Twist2 = STANDSTILL
    stop: StopCategory | None = None
    arm: bool = True


Programme = Generator[Wish, None, None]


class Pilot:
    """What a programme sees of its robot, and how it changes the robot's settings."""

    def __init__(self, base: BridgeBase, robot: RobotConfig) -> None:
        self._link = base.link
        self.robot = robot
        self.ring = SafetyRing(robot)
        self.recording = Recording()
        self.now_ns = 0
        self.base: BaseState | None = None
        self.link_state = LinkState.DOWN
        self.link_reason = ""
        self.armed = False
        self.stop = Stop(StopReason.NONE, "")
        self.stage = ""
        """For people."""
        self.odometry = OdometryFilter(robot)
        self.pose = IDENTITY
        """By wheels and gyro, from where the settings were changed last."""

    def adopt(self, robot: RobotConfig, link: LinkConfig) -> None:
        """Other settings for ring, wheels and board; the robot is then disarmed and the link begins anew."""
        self.robot, self.ring = robot, SafetyRing(robot)
        self.odometry, self.pose = OdometryFilter(robot), IDENTITY
        self.link_state = LinkState.DOWN
        self._link.reconfigure(link)

    @property
    def left_m(self) -> float:
        """Way of the left wheel since the board's start, by the robot file's radius."""
        return (self.base.left_ticks if self.base else 0) * self.robot.drive.metres_per_tick_m

    @property
    def right_m(self) -> float:
        """The same of the right wheel."""
        return (self.base.right_ticks if self.base else 0) * self.robot.drive.metres_per_tick_m


class Session:
    """``poll`` 200 times a second and ``step`` 50 times, as ``amr.runtime.loop`` does; ``over`` when all is done."""

    def __init__(
        self, pilot: Pilot, base: BridgeBase, lidar: Lidar, programme: Programme, say: Callable[[str], None]
    ) -> None:
        self.pilot, self._base, self._lidar, self._programme, self._say = pilot, base, lidar, programme, say
        self._scan: Scan | None = None
        self._state: BaseState | None = None
        self._imu: list[Imu] = []
        self._pending: tuple[tuple[int, float, float], ...] = ()
        self._held_since_ns: int | None = None
        self._rest_steps = 25
        self._told = ""
        self.failure = ""
        """Why the programme was broken off; '' = it was not."""
        self.ended = False
        self._stop: Callable[[], None] = lambda: None

    def when_over(self, stop: Callable[[], None]) -> None:
        """Call this when the programme has ended and the robot is disarmed."""
        self._stop = stop

    @property
    def over(self) -> bool:
        """The programme has ended and half a second of rest has gone by."""
        return self.ended and self._rest_steps <= 0

    def poll(self, now_ns: int) -> None:
        """Read base and lidar."""
        pilot = self.pilot
        for event in self._base.poll(now_ns):
            if isinstance(event, LinkStatus):
                pilot.link_state, pilot.link_reason = event.state, event.reason
                continue
            pilot.recording.add(event, now_ns)
            pilot.odometry.ingest(event)
            if isinstance(event, Imu):
                self._imu.append(event)
            else:
                self._state = pilot.base = event
        for scan in self._lidar.poll(now_ns):
            pilot.recording.add(scan, now_ns)
            self._scan = scan

    def step(self, now_ns: int) -> None:
        """One wish, guarded, sent."""
        pilot = self.pilot
        pilot.now_ns = now_ns
        pilot.pose = pilot.odometry.predict(now_ns).odom_from_base
        wish = self._next_wish()
        safe = pilot.ring.step(
            SafetyInput(
                now_ns=now_ns,
                wish=wish.twist,
                wish_stamp_ns=now_ns,
                scan=self._scan,
                base=self._state,
                link=pilot.link_state,
                arm_wish=wish.arm,
                pending=self._pending,
                imu=tuple(self._imu),
            )
        )
        self._scan, self._state = None, None
        self._imu.clear()
        pilot.armed, pilot.stop = safe.armed, safe.stop
        self._watch(wish)
        stop = safe.stop_category if wish.stop is None else wish.stop
        twist = safe.command if stop is None else STANDSTILL
        self._remember(now_ns, twist)
        wheels = wheel_speeds_from_twist(twist, pilot.robot.drive.track_m)
        expiry_ns = now_ns + ns_from_s(pilot.robot.link.command_timeout_s)
        command = WheelCommand(wheels.left_mps, wheels.right_mps, expiry_ns, stop, safe.armed)
        self._base.command(command, now_ns)
        pilot.recording.add_command(command, now_ns, self._base.link.sent_seq)
        if self.over:
            self._stop()

    def _next_wish(self) -> Wish:
        if self.ended:
            self._rest_steps -= 1
            return Wish(arm=False)
        try:
            wish = next(self._programme)
        except StopIteration:
            self.ended = True
            return Wish(arm=False)
        except CalibrationError as error:
            self.failure, self.ended = str(error), True
            return Wish(arm=False)
        if self.pilot.stage != self._told:
            self._told = self.pilot.stage
            self._say(f"{self.pilot.now_ns * 1e-9:6.1f} s  {self._told}")
        return wish

    def _remember(self, now_ns: int, twist: Twist2) -> None:
        """Commands on their way to the wheels, as the ring wants to know them."""
        delay_ns = ns_from_s(self.pilot.robot.link.host_to_mcu_delay_s)
        kept = [entry for entry in self._pending if entry[0] > now_ns]
        acting = [entry for entry in self._pending if entry[0] <= now_ns]
        self._pending = (*acting[-1:], *kept, (now_ns + delay_ns, twist.v_mps, twist.w_radps))

    def _watch(self, wish: Wish) -> None:
        """Ends the programme where the robot does not do as it is told, and nobody waits for it."""
        pilot, state = self.pilot, self.pilot.base
        if self.ended or not wish.arm or state is None:
            self._held_since_ns = None
            return
        if state.faults or state.state is McuState.FAULT:
            names = [bit.name.lower() for bit in FaultBit if bit.name and state.faults & bit]
            self._fail(f"the board stopped the wheels: {', '.join(names) or 'fault'}")
            return
        fastest = max(abs(state.left_mps), abs(state.right_mps))
        allowed_mps = pilot.robot.limits.v_max_mps + pilot.robot.limits.w_max_radps * 0.5 * pilot.robot.drive.track_m
        if not math.isfinite(fastest) or fastest > 1.5 * allowed_mps + _SLACK_MPS:
            self._fail(f"a wheel runs at {fastest:.2f} m/s, {allowed_mps:.2f} m/s is the most that was asked for")
            return
        moving = wish.twist != STANDSTILL and pilot.stop.reason not in _HARMLESS and wish.stop is None
        if not moving or pilot.stop.reason in {StopReason.OBSTACLE_SLOW, StopReason.UNSEEN_SLOW}:
            self._held_since_ns = None
            return
        if self._held_since_ns is None:
            self._held_since_ns = pilot.now_ns
        elif pilot.now_ns - self._held_since_ns > HELD_S * NS_PER_S:
            self._fail(f"the safety ring holds the robot: {pilot.stop.reason.value}: {pilot.stop.cause}")

    def _fail(self, reason: str) -> None:
        self.failure, self.ended = f"{self.pilot.stage}: {reason}" if self.pilot.stage else reason, True
        self._programme.close()
