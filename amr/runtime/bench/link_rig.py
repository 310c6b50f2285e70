"""Host link, serial line with faults, board and wheels in one virtual time: where ``amr bench link`` drives.

The world is an empty floor (``sim.planar``). In every step of the board's loop: the wheels turn, the bytes that are due
pass the faults of their direction, the board acts, and the host reads, keeps its session and, every 20 ms, commands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.messages import BaseState, LinkStatus, McuState, StopCategory, WheelCommand
from amr.units import NS_PER_S, ns_from_s
from firmware_bridge.arming import ArmState
from firmware_bridge.emulated import PERIOD_NS, EmulatedFirmware, Fault
from firmware_bridge.line_faults import LineFault
from firmware_bridge.link import HostLink, Phase, link_config_from_robot
from firmware_bridge.native import Duty
from firmware_bridge.native_board import NativeBoard
from sim.byte_line import ByteLine
from sim.physics import STEP_NS, MotorMode, WheelDrive
from sim.planar import PlanarPhysics
from sim.sensors import encoder_ticks
from sim.world import World

MS_NS: Final = 1_000_000
STANDING_MPS: Final = 0.02
"""The firmware's own idea of rest."""
HOST_PERIOD_NS: Final = 5 * MS_NS
COMMAND_PERIOD_NS: Final = 20 * MS_NS
_TRUTH_KEPT: Final = 4000
_NO_MOVING: Final = np.zeros((0, 2))


class Board(Protocol):
    """What ``EmulatedFirmware`` and ``NativeBoard`` have in common."""

    def receive(self, data: bytes, now_us: int) -> None: ...
    def transmit(self) -> bytes: ...
    def strike(self, fault: Fault, held_s: float = 0.0) -> None: ...
    def close(self) -> None: ...
    def tick(
        self,
        now_us: int,
        left_ticks: int,
        right_ticks: int,
        gyro_z_radps: float,
        accel_x_mps2: float,
        accel_y_mps2: float,
        battery_v: float,
        estop: bool,
    ) -> Duty: ...


class LinkRig:
    """One robot on one line. ``close`` it, or use it in a ``with``."""

    def __init__(self, firmware: str, robot: RobotConfig, boots: int = 0) -> None:
        self.robot, self.seed = robot, boots
        emulated = firmware != "native"
        self._board: Board = (
            EmulatedFirmware(firmware, robot.link.baud, boots) if emulated else NativeBoard(1 + 1000 * boots)
        )
        self._step_ns = PERIOD_NS if emulated else NS_PER_S // robot.firmware.loop_hz
        self._lines = tuple(
            ByteLine(robot.link.baud, ns_from_s(delay_s), device_paces=emulated)
            for delay_s in (robot.link.host_to_mcu_delay_s, robot.link.mcu_to_host_delay_s)
        )
        self._physics = PlanarPhysics()
        self._physics.reset(World("floor"), robot, Pose2(0.0, 0.0, 0.0))
        self._mode, self._duties = MotorMode.BRAKE, (0.0, 0.0)
        self.now_ns = 0
        self.links = 0
        self.link: HostLink | None = None
        self.up: LineFault | None = None
        """Fault of the line to the MCU."""
        self.down: LineFault | None = None
        """Fault of the line to the host."""
        self.connected = True
        self.host_runs = True
        self.host_clock_ns = 0
        """What the host's clock is ahead of true time."""
        self.wish: tuple[float, float] = (0.0, 0.0)
        self.stop: StopCategory | None = None
        self.arm = False
        self.operator = True
        """A person who lets go of the arm wish when it has no effect, and holds it again."""
        self.wheel_mps = (0.0, 0.0)
        self.mcu_state = McuState.BOOT
        self.reasons: list[str] = []
        self.unsafe: list[str] = []
        self.fastest_mps = 0.0
        self.odometry_jump_m = 0.0
        self._truth: list[tuple[int, int, int]] = [(0, 0, 0)]
        self._matched = 0
        self._boot: tuple[int, int, int] | None = None

    def __enter__(self) -> LinkRig:
        return self

    def __exit__(self, *_: object) -> None:
        self._board.close()

    # ------------------------------------------------------------ what a case does

    def start_host(self) -> None:
        """A host process that knows nothing of the one before."""
        self.links += 1
        self.link = HostLink(link_config_from_robot(self.robot), 7919 * (1000 * self.seed + self.links))

    def strike(self, fault: Fault, held_s: float = 0.0) -> None:
        """The processor's fault, from the next step on."""
        self._board.strike(fault, held_s)

    def cut(self) -> None:
        """The plug is out: what is on the line is lost, and the host is told by its port."""
        self.connected = False
        for line in self._lines:
            line.cut()
        if self.link is not None:
            self.link.disconnected("port is gone", self._host_ns())

    def heal(self) -> None:
        """The line is as good as new; what faults held back arrives at once."""
        held_up = b"" if self.up is None else self.up.release()
        held_down = b"" if self.down is None else self.down.release()
        self.up = self.down = None
        self._board.receive(held_up, self.now_ns // 1000)
        self._hear(held_down)

    def run(self, duration_s: float, until: Callable[[], bool] | None = None) -> bool:
        """Let time pass; True as soon as ``until`` holds."""
        end_ns = self.now_ns + ns_from_s(duration_s)
        while self.now_ns < end_ns:
            self._step()
            if until is not None and until():
                return True
        return False

    @property
    def speed_mps(self) -> float:
        """Of the faster wheel."""
        return max(abs(speed) for speed in self.wheel_mps)

    @property
    def link_is_up(self) -> bool:
        """The host's idea."""
        return self.link is not None and self.link.phase is Phase.UP

    # ------------------------------------------------------------ one step

    def _host_ns(self) -> int:
        return self.now_ns + self.host_clock_ns

    def _step(self) -> None:
        left, right = self._move()
        arrived = self._lines[0].receive(self.now_ns)
        if self.up is not None:
            arrived = self.up.pass_on(arrived, self.now_ns)
        if arrived and self.connected:
            self._board.receive(arrived, self.now_ns // 1000)
        duty = self._board.tick(self.now_ns // 1000, left, right, 0.0, 0.0, 0.0, self.robot.motor.supply_v, False)
        self._mode, self._duties = MotorMode(int(duty.drive)), (duty.left_frac, duty.right_frac)
        sent = self._board.transmit()
        self._lines[1].send(sent if self.connected else b"", self.now_ns)
        if self.now_ns % HOST_PERIOD_NS == 0:
            self._host()

    def _move(self) -> tuple[int, int]:
        drive = WheelDrive(*self._duties, self._mode, self._mode)
        row = self._physics.advance(self._step_ns // STEP_NS, drive, _NO_MOVING)[-1]
        self.now_ns += self._step_ns
        radius_m = self.robot.drive.wheel_radius_m
        self.wheel_mps = float(row[8]) * radius_m, float(row[9]) * radius_m
        self.fastest_mps = max(self.fastest_mps, self.speed_mps)
        left, right = (encoder_ticks(float(row[column]), self.robot.drive) for column in (6, 7))
        self._truth.append((self.now_ns, left, right))
        if len(self._truth) > 2 * _TRUTH_KEPT:
            del self._truth[:_TRUTH_KEPT]
            self._matched = max(0, self._matched - _TRUTH_KEPT)
        return left, right

    # ------------------------------------------------------------ the host

    def _host(self) -> None:
        arrived = self._lines[1].receive(self.now_ns)
        if self.down is not None:
            arrived = self.down.pass_on(arrived, self.now_ns)
        link, now_ns = self.link, self._host_ns()
        if link is None or not self.host_runs or not self.connected:
            if link is not None and self.host_runs:
                link.poll(now_ns)
            return
        self._hear(arrived)
        to_send, statuses = link.poll(now_ns)
        self._note(statuses)
        if self.now_ns % COMMAND_PERIOD_NS == 0:
            arm = self.arm and not (self.operator and link.arm_state is ArmState.LOCKED)
            timeout_ns = ns_from_s(self.robot.link.command_timeout_s)
            to_send += link.command(WheelCommand(*self.wish, now_ns + timeout_ns, self.stop, arm), now_ns)
        self._lines[0].send(to_send, self.now_ns)

    def _hear(self, data: bytes) -> None:
        if self.link is None:
            return
        for event in self.link.receive(data, self._host_ns()):
            if isinstance(event, BaseState):
                self.mcu_state = event.state
                self._compare(event)
            elif isinstance(event, LinkStatus):
                self._note([event])

    def _note(self, statuses: list[LinkStatus]) -> None:
        self.reasons += [status.reason for status in statuses if status.reason]

    # ------------------------------------------------------------ odometry against the wheels

    def _compare(self, state: BaseState) -> None:
        """Each pair of counts must be one that the wheels had, later than the pair before.

        The counts of a boot start anywhere, so its first pair fixes the offset.
        """
        if self._boot is None or self._boot[0] != state.boot_id:
            stamp_ns = state.stamp_ns - self.host_clock_ns
            near = min(self._truth, key=lambda row: abs(row[0] - stamp_ns))
            self._boot = (state.boot_id, state.left_ticks - near[1], state.right_ticks - near[2])
            self._matched = self._truth.index(near)
        left, right = state.left_ticks - self._boot[1], state.right_ticks - self._boot[2]
        best, best_ticks = self._matched, 1 << 62
        for index in range(self._matched, len(self._truth)):
            apart = max(abs(self._truth[index][1] - left), abs(self._truth[index][2] - right))
            if apart < best_ticks:
                best, best_ticks = index, apart
            if apart == 0:
                break
        self._matched = best
        self.odometry_jump_m = max(self.odometry_jump_m, best_ticks * self.robot.drive.metres_per_tick_m)
