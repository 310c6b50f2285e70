"""Robot, wire, firmware and physics in one virtual time: each waits for the other, so the wall clock decides nothing.

Order within a firmware tick: the MCU reads its sensors and the bytes that have arrived, then sets the duty; when a
step of the core is due, the host reads its bytes, scans and answers, decides and sends; then the physics advances.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from amr.config.robot import RobotConfig
from amr.geometry import STANDSTILL, Twist2
from amr.messages import (
    BaseState,
    FrontierResult,
    Imu,
    Inputs,
    LinkStatus,
    Message,
    Outputs,
    PlanResult,
    PoseFix,
    Scan,
    StopReason,
    WheelCommand,
)
from amr.runtime.protocols import Core, StepSink, Worker
from amr.units import NS_PER_S, NS_PER_US, ns_from_s
from sim.byte_line import ByteLine
from sim.physics import BodyState, MotorMode
from sim.plant import Plant
from sim.trace import TruthTrace

CORE_PERIOD_NS: Final = 20_000_000


class Duty(Protocol):
    """What the MCU drives its pins with."""

    @property
    def left_frac(self) -> float: ...
    @property
    def right_frac(self) -> float: ...
    @property
    def drive(self) -> int:
        """Value of ``sim.physics.MotorMode``, for both sides."""
        ...


class Mcu(Protocol):
    """A microcontroller with the shipped firmware: its core as a library, or all of it in an emulated processor."""

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes that arrived on its serial port."""
        ...

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
    ) -> Duty:
        """One pass of the wheel loop; emulated: time runs to ``now_us`` while the wheels turn to these counts."""
        ...

    def transmit(self) -> bytes:
        """Bytes it sends."""
        ...


class HostLink(Protocol):
    """The host's end of the wire (``firmware_bridge.link.HostLink``)."""

    def receive(self, data: bytes, now_ns: int) -> list[BaseState | Imu | LinkStatus]: ...
    def poll(self, now_ns: int) -> tuple[bytes, list[LinkStatus]]: ...
    def command(self, wheel: WheelCommand, now_ns: int) -> bytes: ...


@dataclass(frozen=True, slots=True, eq=False)
class StepTrace:
    """One step of the core as the simulation saw it."""

    inputs: Inputs
    outputs: Outputs
    step_wall_ns: int
    """Wall time that the step took; diagnostics only."""
    light_to_torque_ns: int | None
    """From the newest scan of this step to the firmware tick that acts on its command; None without a scan."""
    truth: BodyState
    """Where the robot truly was at ``inputs.now_ns``."""


class Lockstep:
    """Drives ``core`` in the world of ``plant``; ``wall_clock_ns`` times the steps (diagnostics only)."""

    def __init__(
        self,
        core: Core,
        worker: Worker,
        plant: Plant,
        mcu: Mcu,
        link: HostLink,
        robot: RobotConfig,
        wall_clock_ns: Callable[[], int],
        mcu_clock_offset_us: int = 0,
        exchange_ns: int | None = None,
    ) -> None:
        """``exchange_ns``: how often an MCU with a loop of its own meets the physics; None = its loop is ``tick``."""
        self._core, self._worker, self._plant, self._mcu, self._link = core, worker, plant, mcu, link
        self._wall_clock_ns = wall_clock_ns
        self._mcu_clock_offset_us = mcu_clock_offset_us
        self._loop_ns = NS_PER_S // robot.firmware.loop_hz
        self._tick_ns = self._loop_ns if exchange_ns is None else exchange_ns
        self._to_mcu, self._to_host = (
            ByteLine(robot.link.baud, ns_from_s(delay_s), device_paces=exchange_ns is not None)
            for delay_s in (robot.link.host_to_mcu_delay_s, robot.link.mcu_to_host_delay_s)
        )
        self._offered: list[Message] = []
        self._answers: list[tuple[int, int, PlanResult | FrontierResult | PoseFix]] = []
        self._answer_count = 0
        self._command: Twist2 = STANDSTILL
        self._stop_reason = ""
        self._next_step_ns = CORE_PERIOD_NS
        self.trace = TruthTrace()
        self.plans: list[PlanResult] = []

    def offer(self, message: Message) -> None:
        """A message of a person: it enters with the next step."""
        self._offered.append(message)

    def step(self, sinks: tuple[StepSink, ...] = ()) -> StepTrace:
        """Advance until the next step of the core is done; ``sinks`` see its inputs and outputs."""
        done: StepTrace | None = None
        while done is None:
            self._firmware_tick()
            now_ns = self._plant.time_ns
            if now_ns >= self._next_step_ns:
                done = self._core_step(now_ns, sinks)
            mode = MotorMode(self._duty.drive)
            self._plant.advance(self._tick_ns, self._duty.left_frac, self._duty.right_frac, mode, mode)
            self.trace.add(
                self._plant.time_ns, self._plant.truth(), self._command, self._stop_reason, self._plant.clearance_m
            )
        return done

    def _firmware_tick(self) -> None:
        now_ns = self._plant.time_ns
        now_us = now_ns // NS_PER_US + self._mcu_clock_offset_us & 0xFFFF_FFFF
        left_ticks, right_ticks = self._plant.encoders()
        gyro_z_radps, accel_x_mps2, accel_y_mps2 = self._plant.imu()
        arrived = self._to_mcu.receive(now_ns)
        if arrived:
            self._mcu.receive(arrived, now_us)
        self._duty = self._mcu.tick(
            now_us, left_ticks, right_ticks, gyro_z_radps, accel_x_mps2, accel_y_mps2, self._plant.battery_v(), False
        )
        self._to_host.send(self._mcu.transmit(), now_ns)

    def _core_step(self, now_ns: int, sinks: tuple[StepSink, ...]) -> StepTrace:
        self._next_step_ns += CORE_PERIOD_NS
        truth = self._plant.truth()
        inputs = Inputs(now_ns, self._gather(now_ns))
        started_ns = self._wall_clock_ns()
        outputs = self._core.step(inputs)
        wall_ns = self._wall_clock_ns() - started_ns
        arrival_ns = self._to_mcu.send(self._link.command(outputs.wheel, now_ns), now_ns)
        acts_ns = -(-arrival_ns // self._loop_ns) * self._loop_ns
        self._command = outputs.telemetry.command
        self._stop_reason = "" if outputs.stop.reason is StopReason.NONE else outputs.stop.reason.value
        scans = [message for message in inputs.messages if isinstance(message, Scan)]
        for scan in scans:
            self._worker.offer_scan(scan)
        for request in outputs.requests:
            answer = self._worker.handle(request)
            if answer is not None:
                self._answer_count += 1
                heapq.heappush(self._answers, (answer.stamp_ns, self._answer_count, answer))
        for sink in sinks:
            sink.record(inputs, outputs)
        return StepTrace(inputs, outputs, wall_ns, acts_ns - scans[-1].stamp_ns if scans else None, truth)

    def _gather(self, now_ns: int) -> tuple[Message, ...]:
        """Everything that has reached the host by now, in a fixed order of kinds."""
        messages: list[Message] = list(self._link.receive(self._to_host.receive(now_ns), now_ns))
        to_send, statuses = self._link.poll(now_ns)
        self._to_mcu.send(to_send, now_ns)
        messages += statuses
        messages += self._plant.scans_due(now_ns)
        while self._answers and self._answers[0][0] <= now_ns:
            answer = heapq.heappop(self._answers)[2]
            if isinstance(answer, PlanResult):
                self.plans.append(answer)
            messages.append(answer)
        messages += self._offered
        self._offered.clear()
        return tuple(messages)
