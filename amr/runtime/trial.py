"""What decides a simulated run: scenario, robot, world, seed, start, goals."""

from __future__ import annotations

from dataclasses import dataclass

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.geometry import Pose2
from amr.messages import Goal
from amr.runtime.files import load_robot, load_scenario
from amr.runtime.log_header import LogHeader, make_header
from sim.world import World


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


def log_header(trial: Trial) -> LogHeader:
    """Origin of a trial's log."""
    return make_header(trial.robot, trial.name, trial.seed, trial.start, backend=trial.backend)
