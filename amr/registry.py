"""The literal tables: name in a robot file -> algorithm. The place to look when you want to know what there is."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from amr.errors import ConfigError

if TYPE_CHECKING:
    from amr.config.hardware import Body
    from amr.config.planning import Kinematic
    from amr.config.robot import RobotConfig
    from amr.control.base import Controller
    from amr.geometry import Pose2
    from amr.localization.worker_core import LocalizationWorker
    from amr.mapping.base import GlobalMap, MapImage
    from amr.planning.base import GridPlanner
    from amr.planning.exploration import ExplorationStrategy
    from amr.planning.worker_core import PlanningWorker

PLANNERS: Final[dict[str, str]] = {
    "astar": "amr.planning.astar:AstarPlanner",
    "any_angle": "amr.planning.any_angle:AnyAnglePlanner",
}
"""Grid planners (``amr.planning.base.GridPlanner``), built without arguments; imported when first asked for."""

KINEMATIC_PLANNERS: Final[dict[str, str]] = {
    "kinematic": "amr.planning.kinematic:KinematicPlanner",
    "hybrid_astar": "amr.planning.kinematic:HybridAstarPlanner",
}
"""Planners for a body (``amr.planning.base.GridPlanner``), built from (body or None, settings)."""

CONTROLLERS: Final[dict[str, str]] = {
    "mppi": "amr.control.mppi:MppiController",
    "pure_pursuit": "amr.control.pure_pursuit:PurePursuitController",
    "dwa": "amr.control.dwa:DwaController",
}
"""Local controllers (``amr.control.base.Controller``), built from (config, seed); imported when first asked for."""

BASES: Final[dict[str, str]] = {
    "ros-arduino": "firmware_bridge.bases.ros_arduino:RosArduino",
    "create2": "firmware_bridge.bases.create2:Create2",
    "kobuki": "firmware_bridge.bases.kobuki:Kobuki",
    "roboclaw": "firmware_bridge.bases.roboclaw:RoboClaw",
    "odrive": "firmware_bridge.bases.odrive:ODrive",
}
"""Bases with a firmware that is not ours (``firmware_bridge.bases.dialect.Dialect``), by the scheme of their URL."""

LIDARS: Final[dict[str, str]] = {
    "rplidar": "firmware_bridge.lidars.rplidar:RpLidar",
    "ld06": "firmware_bridge.lidars.ld19:Ld19",
    "ld19": "firmware_bridge.lidars.ld19:Ld19",
}
"""Lidars on a serial port (``firmware_bridge.lidars.dialect.LidarDialect``), by the scheme of their URL."""

EXPLORATION_STRATEGIES: Final[dict[str, str]] = {
    "gain": "amr.planning.frontiers:GainStrategy",
    "nearest": "amr.planning.frontiers:NearestStrategy",
}
"""Where to look next (``amr.planning.exploration.ExplorationStrategy``), built from its settings."""

_ROUTINE_BUDGETS: Final = (10_000,)
"""Poses that a plan on the way may cost: a robot that drives needs an answer within a tenth of a second or so."""


def load(table: dict[str, str], kind: str, name: str) -> Any:
    """The class that ``table`` holds under ``name``; raises ``ConfigError`` with the names that there are."""
    if name not in table:
        raise ConfigError(f"{kind}: no {kind} is called {name!r}; there are: {', '.join(sorted(table))}")
    module, _, attribute = table[name].partition(":")
    return getattr(import_module(module), attribute)


def make_planner(name: str) -> GridPlanner:
    """A grid planner by name; raises ``ConfigError`` when there is none of that name."""
    planner: GridPlanner = load(PLANNERS, "planner", name)()
    return planner


def make_kinematic_planner(name: str, body: Body | None, settings: Kinematic, **limits: Any) -> GridPlanner:
    """A planner that knows the outline, by name; ``body`` None: a disc that the grid's 253 stands for.

    ``limits``: keyword arguments of its class.
    """
    planner: GridPlanner = load(KINEMATIC_PLANNERS, "kinematic planner", name)(body, settings, **limits)
    return planner


def make_planning_worker(
    config: RobotConfig, global_map: GlobalMap | None = None, saved: MapImage | None = None
) -> PlanningWorker:
    """The planning worker of a robot: the planner that its file names, on ``global_map``, else on a map that grows.

    That one begins with ``saved``; ``ValueError`` when it is too large.
    """
    from amr.control.footprint import cover_discs
    from amr.mapping.global_grid import GlobalGrid
    from amr.mapping.local_grid import LocalGrid
    from amr.planning.explore_desk import ExploreDesk
    from amr.planning.way_out import window_config
    from amr.planning.worker_core import PlanningWorker
    from amr.polygons import corners_of

    near = LocalGrid(window_config(config))
    near.forbid(tuple(corners_of(zone.polygon_m) for zone in config.zones.keep_out))
    planner, detours = (make_planner(config.planning.planner) for _ in range(2))
    exact = make_kinematic_planner("kinematic", config.body, config.planning.kinematic, budgets=_ROUTINE_BUDGETS)
    global_map = global_map or GlobalGrid(config, saved)
    radii = config.body.circumradius_m, config.planning.escape_radius_m
    explore = ExploreDesk(make_exploration_strategy(config), *radii)
    return PlanningWorker(config, global_map, near, planner, detours, exact, cover_discs(config.body), explore)


def make_exploration_strategy(config: RobotConfig) -> ExplorationStrategy:
    """The strategy that the robot's file names; raises ``ConfigError`` when there is none of that name."""
    name = config.exploration.strategy
    table = EXPLORATION_STRATEGIES if ":" not in name else {name: name}
    try:
        made = load(table, "exploration strategy", name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"exploration.strategy: {name!r} cannot be loaded: {error}") from error
    strategy: ExplorationStrategy = made(config.exploration)
    return strategy


def make_localization_worker(
    config: RobotConfig, saved: MapImage, seed: int, start: Pose2 | None
) -> LocalizationWorker:
    """The localizer of a robot on ``saved``; ``start`` None = nobody knows where it stands.

    Raises ``ValueError`` for a map that is too large, or has no walls to be seen.
    """
    from amr.localization.map_field import MapField
    from amr.localization.worker_core import LocalizationWorker

    return LocalizationWorker(config, MapField(saved), seed, start)


def make_controller(config: RobotConfig, seed: int) -> Controller:
    """The controller that the robot's file names; ``seed`` fixes its noise."""
    controller: Controller = load(CONTROLLERS, "controller", config.control.controller)(config, seed)
    return controller
