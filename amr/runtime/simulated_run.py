"""A trial put together and stepped to its end: core, link, firmware, physics and worker in one virtual time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from amr.errors import ConfigError
from amr.messages import (
    Belief,
    Inputs,
    LinkState,
    LinkStatus,
    Operator,
    OperatorAction,
    Outputs,
    Scan,
    StopReason,
)
from amr.robot import RobotCore
from amr.runtime.digest import RunDigest
from amr.runtime.drive import STAND_FIRST_NS
from amr.runtime.pose_error import PoseErrors
from amr.runtime.protocols import StepSink
from amr.runtime.result import StopEvent
from amr.runtime.slow_work import make_slow_work
from amr.runtime.trial import Trial
from amr.units import ns_from_s
from firmware_bridge.emulated import PERIOD_NS, EmulatedFirmware
from firmware_bridge.emulated_build import BOARDS
from firmware_bridge.link import HostLink
from firmware_bridge.link_config import link_config_from_robot
from firmware_bridge.native import NativeFirmware
from sim.lockstep import Lockstep, StepTrace
from sim.plant import Plant


class StopLog:
    """Notes each time the safety ring begins to stop or slow the robot for another reason, and each time it is lost."""

    def __init__(self) -> None:
        self.events: list[StopEvent] = []
        self._last = StopReason.NONE
        self._belief = Belief.SURE

    def record(self, inputs: Inputs, outputs: Outputs) -> None:
        """Add one step."""
        belief = outputs.telemetry.belief
        if belief is Belief.LOST is not self._belief:
            self.events.append(StopEvent(inputs.now_ns * 1e-9, belief.value, outputs.telemetry.mission_reason))
        self._belief = belief
        if outputs.stop.reason is not self._last:
            self._last = outputs.stop.reason
            if self._last is not StopReason.NONE:
                self.events.append(StopEvent(inputs.now_ns * 1e-9, self._last.value, outputs.stop.cause))


class SimulatedRun:
    """A trial with its robot, wire, firmware and world put together, ready to be stepped."""

    def __init__(self, trial: Trial, firmware: str = "native") -> None:
        """``firmware``: ``native``, or an emulated board. Raises ``AmrError`` when it cannot be built."""
        if firmware != "native" and firmware not in BOARDS:
            raise ConfigError(f"firmware: must be native or one of {', '.join(BOARDS)} here, is {firmware!r}")
        self.trial, self.firmware = trial, firmware
        work = make_slow_work(trial.robot, trial.seed, trial.map_path, trial.told_start)
        self.plant = Plant(
            trial.world, trial.robot, trial.seed, trial.backend, start=trial.start, kidnaps=trial.kidnaps
        )  # fmt: skip
        self.worker = work.planning
        self.core = RobotCore(trial.robot, trial.seed, map_from_odom=trial.map_from_odom)
        boot_id = (trial.seed * 2_654_435_761 + 1) & 0xFFFF_FFFF
        self.link = HostLink(link_config_from_robot(trial.robot), host_nonce=boot_id ^ 0x5A5A_A5A5)
        self.mcu = (
            NativeFirmware(boot_id)
            if firmware == "native"
            else EmulatedFirmware(firmware, trial.robot.link.baud, boots=boot_id & 0xFFFF)
        )
        self.lockstep = Lockstep(
            core=self.core,
            worker=work,
            plant=self.plant,
            mcu=self.mcu,
            link=self.link,
            robot=trial.robot,
            wall_clock_ns=time.perf_counter_ns,
            exchange_ns=None if firmware == "native" else PERIOD_NS,
        )
        self._digest = RunDigest()
        self.stops = StopLog()
        self.pose_errors = PoseErrors()
        self.step_wall_ns: list[int] = []
        self.light_to_torque_ns: list[int] = []
        self.collisions = 0
        self.outcome = ""
        self.last: StepTrace | None = None
        self._arm_asked = self._link_up = self._scan_seen = False

    @property
    def digest(self) -> str:
        """Covers every ``Outputs`` so far: equal text = equal run."""
        return self._digest.text()

    def run(self, sinks: tuple[StepSink, ...] = (), watchers: Iterable[Callable[[SimulatedRun], None]] = ()) -> str:
        """Step until the trial is decided; the outcome: ``success``, ``contact``, ``timeout``, ``gave_up: reason``."""
        self.lockstep.offer(self.trial.order)
        all_sinks: tuple[StepSink, ...] = (self._digest, self.stops, *sinks)
        while not self.outcome:
            done = self.lockstep.step(all_sinks)
            self.last = done
            self._press_arm(done)
            self.pose_errors.add(done.outputs, done.truth.pose)
            self.step_wall_ns.append(done.step_wall_ns)
            if done.light_to_torque_ns is not None:
                self.light_to_torque_ns.append(done.light_to_torque_ns)
            self.outcome = self._outcome(done)
            for watcher in watchers:
                watcher(self)
        return self.outcome

    def close(self) -> None:
        """Free the physics engine, and end the emulated board."""
        self.plant.close()
        if isinstance(self.mcu, EmulatedFirmware):
            self.mcu.close()

    def _press_arm(self, done: StepTrace) -> None:
        """The operator of a simulated run lets the robot stand, then arms once the link is up and a scan has come."""
        if self._arm_asked:
            return
        for message in done.inputs.messages:
            if isinstance(message, LinkStatus):
                self._link_up = message.state is LinkState.UP
            self._scan_seen = self._scan_seen or isinstance(message, Scan)
        if self._link_up and self._scan_seen and self.plant.time_ns >= STAND_FIRST_NS:
            self.lockstep.offer(Operator(self.plant.time_ns, OperatorAction.ARM))
            self._arm_asked = True

    def _outcome(self, done: StepTrace) -> str:
        """Why the run is over, or '' while it goes on."""
        telemetry = done.outputs.telemetry
        if self.plant.contact:
            self.collisions += 1
            return "contact"
        if self.trial.goal_circle_m is not None:
            x_m, y_m, radius_m = self.trial.goal_circle_m
            body = self.plant.truth()
            if (body.x_m - x_m) ** 2 + (body.y_m - y_m) ** 2 <= radius_m**2:
                return "success"
        elif telemetry.mission_state == "done":
            return "success"
        if telemetry.mission_state == "failed":
            return f"gave_up: {telemetry.mission_reason}"
        if self.plant.time_ns >= ns_from_s(self.trial.timeout_s):
            return "timeout"
        return ""
