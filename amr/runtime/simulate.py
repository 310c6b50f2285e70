"""One simulated run: scenario and robot file in, ``RunResult`` and (if asked) a log out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from firmware_bridge.link import HostLink, link_config_from_robot
from firmware_bridge.native import NativeFirmware

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.geometry import Pose2
from amr.messages import (
    Goal,
    Inputs,
    LinkState,
    LinkStatus,
    Operator,
    OperatorAction,
    Outputs,
    Scan,
    SetMission,
    StopReason,
)
from amr.registry import make_planning_worker
from amr.robot import RobotCore
from amr.runtime.digest import RunDigest, digest_outputs
from amr.runtime.files import load_robot, load_scenario
from amr.runtime.log_header import LogHeader
from amr.runtime.origin import header_of
from amr.runtime.protocols import StepSink
from amr.runtime.result import (
    LinkCounts,
    MovingTrack,
    Percentiles,
    PlanRecord,
    RunResult,
    StopEvent,
    WorldOutline,
)
from amr.units import ns_from_s
from sim.lockstep import Lockstep, StepTrace
from sim.plant import Plant
from sim.world import Circle, World


@dataclass(frozen=True, slots=True)
class Progress:
    """What a live display shows; sent about ten times a simulated second."""

    t_s: float
    timeout_s: float
    x_m: float
    y_m: float
    v_mps: float
    goals_reached: int
    goals_total: int
    mission_state: str
    stop_reason: str
    real_time_factor: float


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Everything that decides a run, so that equal trials give equal digests."""

    name: str
    world: World
    robot: RobotConfig
    seed: int
    start: Pose2
    goals: tuple[Goal, ...]
    timeout_s: float
    backend: str
    goal_circle_m: tuple[float, float, float] | None = None
    """(x, y, radius): the run also succeeds when the true position enters this circle (benchmarks score so)."""


class StopLog:
    """Notes each time the safety ring begins to stop or slow the robot for another reason."""

    def __init__(self) -> None:
        self.events: list[StopEvent] = []
        self._last = StopReason.NONE

    def record(self, inputs: Inputs, outputs: Outputs) -> None:
        """Add one step."""
        if outputs.stop.reason is not self._last:
            self._last = outputs.stop.reason
            if self._last is not StopReason.NONE:
                self.events.append(StopEvent(inputs.now_ns * 1e-9, self._last.value, outputs.stop.cause))


class SimulatedRun:
    """A trial with its robot, wire, firmware and world put together, ready to be stepped."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.plant = Plant(trial.world, trial.robot, trial.seed, trial.backend, start=trial.start)
        self.worker = make_planning_worker(trial.robot)
        self.core = RobotCore(trial.robot, trial.seed, map_from_odom=trial.start)
        boot_id = (trial.seed * 2_654_435_761 + 1) & 0xFFFF_FFFF
        self.lockstep = Lockstep(
            core=self.core,
            worker=self.worker,
            plant=self.plant,
            mcu=NativeFirmware(boot_id),
            link=HostLink(link_config_from_robot(trial.robot), host_nonce=boot_id ^ 0x5A5A_A5A5),
            robot=trial.robot,
            wall_clock_ns=time.perf_counter_ns,
        )
        self._digest = RunDigest()
        self.stops = StopLog()
        self.step_wall_ns: list[int] = []
        self.light_to_torque_ns: list[int] = []
        self.collisions = 0
        self.outcome = ""
        self.last: StepTrace | None = None
        self._arm_asked = self._link_up = self._scan_seen = False

    @property
    def digest(self) -> str:
        """Covers every ``Outputs`` so far: equal text = equal run."""
        return self._digest.hex

    def run(self, sinks: tuple[StepSink, ...] = (), each_step: Callable[[SimulatedRun], None] | None = None) -> str:
        """Step until the trial is decided; the outcome: ``success``, ``contact``, ``timeout``, ``gave_up: reason``."""
        self.lockstep.offer(SetMission(0, self.trial.goals))
        all_sinks = (self.stops, *sinks)
        while not self.outcome:
            done = self.lockstep.step(all_sinks)
            self.last = done
            self._digest.add(digest_outputs(done.outputs))
            self._press_arm(done)
            self.step_wall_ns.append(done.step_wall_ns)
            if done.light_to_torque_ns is not None:
                self.light_to_torque_ns.append(done.light_to_torque_ns)
            self.outcome = self._outcome(done)
            if each_step is not None:
                each_step(self)
        return self.outcome

    def _press_arm(self, done: StepTrace) -> None:
        """The operator of a simulated run arms as soon as the link is up and a scan has come."""
        if self._arm_asked:
            return
        for message in done.inputs.messages:
            if isinstance(message, LinkStatus):
                self._link_up = message.state is LinkState.UP
            self._scan_seen = self._scan_seen or isinstance(message, Scan)
        if self._link_up and self._scan_seen:
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


def log_header(trial: Trial) -> LogHeader:
    """Origin of a trial's log."""
    return header_of(trial.robot, trial.name, trial.seed, trial.start, backend=trial.backend)


def load_trial(scenario_name: str, seed: int | None, robot_file: str | None, backend: str | None) -> Trial:
    """The trial of a scenario file, with what the command line overrides. Raises ``ConfigError``."""
    from sim.worlds.files import load_world

    scenario = load_scenario(scenario_name)
    robot = load_robot(robot_file if robot_file is not None else scenario.robot)
    world = load_world(scenario.world)
    start = Pose2(*scenario.start) if scenario.start is not None else world.start
    waypoints = scenario.goals or world.goals
    if not waypoints:
        raise ConfigError(f"{scenario_name}: goals: neither the scenario nor its world {scenario.world} has one")
    goals = tuple(
        Goal(point[0], point[1], point[2] if len(point) > 2 else None, scenario.goal_tolerance_m) for point in waypoints
    )
    return Trial(
        name=scenario.name,
        world=world,
        robot=robot,
        seed=scenario.seed if seed is None else seed,
        start=start,
        goals=goals,
        timeout_s=scenario.timeout_s,
        backend=backend or default_backend(),
    )


def default_backend() -> str:
    """``bullet`` where PyBullet can be imported, else ``planar``."""
    from importlib.util import find_spec

    return "bullet" if find_spec("pybullet") is not None else "planar"


def run_result(run: SimulatedRun, wall_s: float, log: Path | None, controller: str) -> RunResult:
    """The run as plain values for ``result.json``, picture and report."""
    trial, last = run.trial, run.last
    truth = run.lockstep.trace.array()
    telemetry = last.outputs.telemetry if last is not None else None
    status = run.lockstep.link_status()
    return RunResult(
        scenario=trial.name,
        seed=trial.seed,
        success=run.outcome == "success",
        outcome=run.outcome,
        time_s=run.plant.time_ns * 1e-9,
        path_length_m=run.lockstep.trace.path_length_m(),
        collisions=run.collisions,
        min_clearance_m=run.plant.min_clearance_m,
        goals_reached=telemetry.goals_reached if telemetry else 0,
        goals_total=len(trial.goals),
        stops=tuple(run.stops.events),
        link=LinkCounts(status.frames_in, status.frames_out, status.crc_errors, status.lost),
        step_ms=Percentiles.of_ns(np.array(run.step_wall_ns, np.int64)),
        real_time_factor=run.plant.time_ns * 1e-9 / wall_s if wall_s > 0.0 else float("nan"),
        steps=len(run.step_wall_ns),
        digest=run.digest,
        log=str(log) if log is not None else None,
        robot=trial.robot.name,
        description=trial.robot.description,
        backend=trial.backend,
        firmware="native",
        pace="fast",
        controller=controller,
        goals=tuple((goal.x_m, goal.y_m, goal.yaw_rad) for goal in trial.goals),
        start=(trial.start.x_m, trial.start.y_m, trial.start.yaw_rad),
        outline_m=trial.robot.body.outline_m,
        truth=truth[:, :6],
        world=_outline(trial.world, run.plant.time_ns * 1e-9),
        map=_map_image(run.worker),
        plans=tuple(
            PlanRecord(plan.stamp_ns * 1e-9, plan.path_map) for plan in run.lockstep.plans if len(plan.path_map)
        ),
        latency_ms=(
            (
                "light on the lidar to torque on the wheel",
                Percentiles.of_ns(np.array(run.light_to_torque_ns, np.int64)),
            ),
        ),
    )


def _outline(world: World, until_s: float) -> WorldOutline:
    """The true world for pictures; moving obstacles as tracks of ten points a second."""
    times_s = np.arange(0.0, until_s + 0.1, 0.1)
    tracks = tuple(
        MovingTrack(
            moving.shape.radius_m if isinstance(moving.shape, Circle) else 0.3,
            np.array([(t, *moving.position(t)) for t in times_s.tolist()]),
        )
        for moving in world.moving
    )
    return WorldOutline(
        polygons=tuple(np.array(polygon.points) for polygon in world.polygons),
        circles=tuple((circle.x_m, circle.y_m, circle.radius_m) for circle in world.circles),
        moving=tracks,
    )
