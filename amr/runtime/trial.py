"""What decides a simulated run: scenario, robot, world, seed, start, goals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from amr.config.conditions import Conditions
from amr.config.robot import RobotConfig
from amr.config.scenario import Scenario
from amr.errors import ConfigError
from amr.geometry import IDENTITY, Pose2
from amr.messages import Explore, Goal, SetMission
from amr.runtime.files import load_robot, load_scenario
from amr.runtime.log_header import LogHeader, make_header
from amr.runtime.saved_map import on_saved_map
from amr.units import ns_from_s
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
    map_path: Path | None = None
    """A saved map in the world's frame."""
    told_start: Pose2 | None = None
    """With a map: where the robot is told that it starts; None = nobody tells."""
    kidnaps: tuple[tuple[int, Pose2], ...] = ()
    """(time_ns, pose): when it is carried off, and where to."""

    explore: Explore | None = None
    """In place of the goals."""

    @property
    def order(self) -> SetMission | Explore:
        """What the robot is told to do."""
        return SetMission(0, self.goals) if self.explore is None else self.explore

    @property
    def map_from_odom(self) -> Pose2:
        """Where in the map the robot thinks that it starts."""
        return self.start if self.map_path is None else self.told_start or IDENTITY


@dataclass(frozen=True, slots=True)
class MapChoice:
    """What the command line says of a map: ``start`` None = the robot has to find out where it is."""

    path: Path
    start: Pose2 | None


def load_trial(
    scenario_name: str,
    seed: int | None,
    robot_file: str | None,
    backend: str | None,
    map_choice: MapChoice | None = None,
) -> Trial:
    """The trial of a scenario file, with what the command line overrides. Raises ``ConfigError``."""
    return trial_of(load_scenario(scenario_name), seed, robot_file, backend, map_choice)


def trial_of(
    scenario: Scenario,
    seed: int | None,
    robot_file: str | None,
    backend: str | None,
    map_choice: MapChoice | None = None,
    explore: Explore | None = None,
) -> Trial:
    """The trial of a scenario, driven to its goals, or explored; else as ``load_trial``."""
    from sim.worlds.files import load_world

    robot = load_robot(robot_file if robot_file is not None else scenario.robot)
    world = load_world(scenario.world)
    start = Pose2(*scenario.start) if scenario.start is not None else world.start
    waypoints = () if explore is not None else scenario.goals or world.goals
    if not waypoints and explore is None:
        raise ConfigError(f"{scenario.name}: goals: neither the scenario nor its world {scenario.world} has one")
    goals = tuple(
        Goal(point[0], point[1], point[2] if len(point) > 2 else None, scenario.goal_tolerance_m) for point in waypoints
    )
    if map_choice is None and scenario.map is not None:
        map_choice = MapChoice(Path(scenario.map), start if scenario.start_told else None)
    if map_choice is not None:
        robot = on_saved_map(robot, placed=map_choice.start is not None)
    conditions = Conditions(wheel_true_scales=(scenario.wheel_true_scale,))
    return Trial(
        name=scenario.name,
        world=world,
        robot=conditions.robot(robot),
        seed=scenario.seed if seed is None else seed,
        start=start,
        goals=goals,
        timeout_s=scenario.timeout_s,
        backend=backend or default_backend(),
        map_path=None if map_choice is None else map_choice.path,
        told_start=None if map_choice is None else map_choice.start,
        explore=explore,
        kidnaps=tuple((ns_from_s(kidnap.at_s), Pose2(*kidnap.to)) for kidnap in scenario.kidnaps),
    )


def default_backend() -> str:
    """``bullet`` where PyBullet can be imported, else ``planar``."""
    from importlib.util import find_spec

    return "bullet" if find_spec("pybullet") is not None else "planar"


def log_header(trial: Trial) -> LogHeader:
    """Origin of a trial's log."""
    about = {} if trial.map_path is None else {"map": str(trial.map_path)}
    return make_header(trial.robot, trial.name, trial.seed, trial.map_from_odom, backend=trial.backend, **about)
