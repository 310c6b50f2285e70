"""``amr drive`` and ``amr teleop``: the core on a real robot, or on anything that speaks like one.

This process does nothing but the link and the core. Planning, log writing and status lines live in processes of their
own (started before the real-time rights are taken) and are reached through rings that never wait.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, Protocol

import numpy as np

from amr.config.robot import RobotConfig
from amr.errors import AmrError
from amr.geometry import IDENTITY, Pose2
from amr.messages import (
    BaseState,
    Belief,
    Explore,
    FrontierResult,
    Goal,
    Inputs,
    LinkState,
    LinkStatus,
    Message,
    Operator,
    OperatorAction,
    Outputs,
    PlanResult,
    PoseFix,
    Request,
    Scan,
    SetMission,
    StopReason,
)
from amr.runtime.clock import Clock, MonotonicClock
from amr.runtime.loop import RealTimeLoop
from amr.runtime.operator import Wishes
from amr.runtime.protocols import Core, StepSink
from amr.runtime.result import Percentiles
from amr.runtime.scan_gate import ScanGate
from firmware_bridge.base import Base

STATUS_EVERY_NS: Final = 2_000_000_000
MESSAGES_MAX: Final = 4096
STEPS_TIMED: Final = 65_536
STAND_FIRST_NS: Final = 1_500_000_000
"""A robot that stands still this long before its first motion knows its gyro's bias ten times better."""
STEPS_UP_FIRST: Final = 10
_OVER: Final = frozenset({"done", "failed"})


class Lidar(Protocol):
    """Where scans come from."""

    def poll(self, now_ns: int) -> list[Scan]:
        """Scans that have arrived; never waits, never raises."""
        ...


class SlowWorker(Protocol):
    """Where requests go and answers come from."""

    def offer_scan(self, scan: Scan) -> None: ...
    def request(self, request: Request) -> None: ...
    def answers(self, now_ns: int) -> list[PlanResult | FrontierResult | PoseFix]: ...


class Hands(Protocol):
    """A person's wishes."""

    help: str

    def poll(self, now_ns: int) -> Wishes: ...


@dataclass(frozen=True, slots=True)
class DriveOptions:
    """What the command line asked for."""

    robot: RobotConfig
    base_url: str
    lidar_url: str
    goals: tuple[Goal, ...] = ()
    log: Path | None = None
    arm: bool = False
    """Press "arm" once, as soon as link and lidar are there; never again by itself."""
    seed: int = 0
    start: Pose2 = IDENTITY
    """Where in the map the robot stands at the start."""
    map_path: Path | None = None
    """A saved map; the robot file then says so, too (``amr.runtime.saved_map.on_saved_map``)."""
    told_start: Pose2 | None = None
    """Where on it somebody said that the robot stands; None = it has to find out."""
    explore: Explore | None = None
    """In place of goals."""

    @property
    def order(self) -> SetMission | Explore | None:
        """What the robot is told to do at the start."""
        if self.explore is not None:
            return self.explore
        return SetMission(0, self.goals) if self.goals else None


class DriveSession:
    """Everything around the core in one drive: what comes in is gathered, what goes out is handed on."""

    def __init__(
        self,
        core: Core,
        base: Base,
        lidar: Lidar,
        worker: SlowWorker,
        hands: Hands,
        sinks: tuple[StepSink, ...] = (),
        say: Callable[[str], None] | None = None,
        arm_once: bool = False,
        offered: tuple[Message, ...] = (),
    ) -> None:
        self._core, self._base, self._lidar, self._worker, self._hands = core, base, lidar, worker, hands
        self._sinks, self._say = sinks, say or _say_nothing
        self._arm_once = arm_once
        self._messages: list[Message] = list(offered)
        self._told = ""
        self._status_ns = 0
        self._scans = 0
        self._gate = ScanGate()
        self._newest_base_ns = 0
        self._link: LinkStatus | None = None
        self._steps_up = 0
        self._step_wall_ns = np.zeros(STEPS_TIMED, np.int64)
        self._steps = 0
        self.lost_messages = 0
        self._quit = False
        self._stop: Callable[[], None] = lambda: None
        self._stop_with_mission = False
        self.last: Outputs | None = None

    def poll(self, now_ns: int) -> None:
        """Read base, lidar and worker; 200 times a second."""
        for event in self._base.poll(now_ns):
            self._messages.append(event)
            if isinstance(event, LinkStatus):
                self._link = event
            elif isinstance(event, BaseState):
                self._newest_base_ns = event.stamp_ns
        for scan in self._gate.pass_on(self._lidar.poll(now_ns), self._newest_base_ns, now_ns):
            self._messages.append(scan)
            self._worker.offer_scan(scan)
            self._scans += 1
        self._messages.extend(self._worker.answers(now_ns))
        surplus = len(self._messages) - MESSAGES_MAX
        if surplus > 0:  # a peer that floods must not fill the memory
            self.lost_messages += surplus
            del self._messages[:surplus]

    def step(self, now_ns: int) -> None:
        """One step of the core; its command is the base's only heartbeat."""
        self._ask_person(now_ns)
        inputs = Inputs(now_ns, tuple(self._messages))
        self._messages.clear()
        began_ns = time.perf_counter_ns()  # a diagnostic only: it enters no decision and no digest
        outputs = self._core.step(inputs)
        self._step_wall_ns[self._steps % STEPS_TIMED] = time.perf_counter_ns() - began_ns
        self._steps += 1
        self._base.command(outputs.wheel, now_ns)
        for request in outputs.requests:
            self._worker.request(request)
        for sink in self._sinks:
            sink.record(inputs, outputs)
        self.last = outputs
        self._tell(outputs)
        if self._quit or (self._stop_with_mission and outputs.telemetry.mission_state in _OVER):
            self._stop()

    def when_over(self, stop: Callable[[], None], *, mission: bool) -> None:
        """Call ``stop`` when the person quits, and with ``mission`` also when the mission is done or has failed."""
        self._stop, self._stop_with_mission = stop, mission

    def step_ms(self) -> Percentiles:
        """Wall time of the core's last steps."""
        return Percentiles.of_ns(self._step_wall_ns[: min(self._steps, STEPS_TIMED)])

    def outcome(self) -> str:
        """``done``, ``failed: reason``, or ``stopped`` when the mission was not over."""
        state = self.last.telemetry.mission_state if self.last is not None else ""
        if self.last is None or state not in _OVER:
            return "stopped"
        return f"{state}: {self.last.telemetry.mission_reason}" if state == "failed" else state

    def _ask_person(self, now_ns: int) -> None:
        wishes = self._hands.poll(now_ns)
        self._messages.extend(wishes.messages)
        self._quit = self._quit or wishes.quit
        if wishes.reset_estop:
            self._base.reset_estop(now_ns)
        if self._link is None or self._link.state is not LinkState.UP:
            self._steps_up = 0
            return
        self._steps_up += 1  # the link arms on a wish that rises while it is up: it must have seen none before
        if self._arm_once and self._steps_up > STEPS_UP_FIRST and self._scans > 0 and now_ns >= STAND_FIRST_NS:
            self._arm_once = False
            self._messages.append(Operator(now_ns, OperatorAction.ARM))

    def _tell(self, outputs: Outputs) -> None:
        """A line when something changed, and every two seconds."""
        telemetry, stop = outputs.telemetry, outputs.stop
        link = "down (nothing heard yet)"
        if self._link is not None:
            link = self._link.state.value + (f" ({self._link.reason})" if self._link.reason else "")
        armed = "armed" if telemetry.armed else "not armed"
        changing = f"link {link}, {armed}, {telemetry.mission_state}"
        if telemetry.belief is not Belief.SURE:
            changing += f", place {telemetry.belief.value}"
        if stop.reason is not StopReason.NONE:
            changing += f", {stop.reason.value}" + (f": {stop.cause}" if stop.cause else "")
        due = outputs.now_ns - self._status_ns >= STATUS_EVERY_NS
        if not due and _without_digits(changing) == self._told:
            return
        self._told, self._status_ns = _without_digits(changing), outputs.now_ns
        pose = telemetry.map_from_odom @ telemetry.odom_from_base
        self._say(
            f"{outputs.now_ns * 1e-9:7.1f} s  ({pose.x_m:6.2f}, {pose.y_m:6.2f}) m  {telemetry.twist.v_mps:5.2f} m/s  "
            f"goal {telemetry.goals_reached}/{telemetry.goals_total}  {changing}"
        )


def _say_nothing(_text: str) -> None:
    """Where the caller has a display of its own."""


def _without_digits(text: str) -> str:
    """Numbers change all the time and are no news."""
    return "".join(character for character in text if not character.isdigit())


@dataclass(frozen=True, slots=True)
class DriveSummary:
    """How a drive ended."""

    outcome: str
    """``done``, ``failed: reason`` or ``stopped`` by the person."""
    steps: int
    missed_ticks: int
    log_dropped: int
    log_fault: str
    digest: str | None
    step_ms: Percentiles
    worker_dropped: int
    answers_torn: int = 0


@contextmanager
def until_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and termination end the loop after its tick, so that the wheels are told to stop."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def drive(
    options: DriveOptions,
    hands: Hands,
    clock: Clock | None = None,
    stop_when_done: bool = True,
    sinks: tuple[StepSink, ...] = (),
    show_lines: bool = True,
) -> DriveSummary:
    """Drive until the mission is over (with an order and ``stop_when_done``) or the person quits.

    Raises ``PortError`` when base or lidar cannot be opened at the start, ``DataError`` when the log cannot be made.
    Whatever happens later is waited out, and the robot has to be armed again.
    """
    from amr.runtime.line_process import LineProcess
    from amr.runtime.log_header import make_header
    from amr.runtime.log_process import LogProcess
    from amr.runtime.ports import make_base, make_lidar
    from amr.runtime.realtime import real_time
    from amr.runtime.slow_processes import SlowProcesses

    robot = options.robot
    with ExitStack() as stack:
        base = make_base(options.base_url, robot, int.from_bytes(os.urandom(4), "little"))
        lidar = make_lidar(options.lidar_url, robot)
        lidar.open()
        stack.callback(lidar.close)
        log = None
        if options.log is not None:
            about = {} if options.map_path is None else {"map": str(options.map_path)}
            header = make_header(robot, "drive", options.seed, options.start, base=options.base_url, **about)
            log = LogProcess(options.log, header)
            stack.callback(log.close)
        base.open()  # last of what can fail: opening resets some boards
        stack.callback(base.close)
        say: Callable[[str], None] = _say_nothing
        if show_lines:
            lines = LineProcess()
            stack.callback(lines.close)
            say = lines.line
        worker = SlowProcesses(robot, options.seed, options.map_path, options.told_start)
        stack.callback(worker.close)
        from amr.robot import RobotCore  # compiles or loads every kernel: before the robot can be armed

        session = DriveSession(
            RobotCore(robot, options.seed, options.start),
            base,
            lidar,
            worker,
            hands,
            sinks=(*sinks, log) if log is not None else sinks,
            say=say,
            arm_once=options.arm,
            offered=() if options.order is None else (options.order,),
        )
        trouble = worker.wait_until_ready()
        if trouble:
            raise AmrError(trouble)
        lidar.forget()  # loading took its time: what waits is old
        loop = RealTimeLoop(clock or MonotonicClock(), session.poll, session.step)  # robot time begins here
        session.when_over(loop.stop, mission=stop_when_done and options.order is not None)
        with until_signal(loop.stop), real_time() as rights:
            say(hands.help)
            if base.note:
                say(base.note)
            say(f"real time: FIFO {rights.fifo}, memory locked {rights.memory_locked}")
            try:
                loop.run()
            finally:
                base.close()
        fault = log.close() if log is not None else ""
        return DriveSummary(
            session.outcome(),
            session.last.step + 1 if session.last is not None else 0,
            loop.missed,
            log.dropped if log is not None else 0,
            fault,
            log.digest if log is not None else None,
            session.step_ms(),
            worker.dropped,
            worker.torn,
        )
