"""A saved map for a drive: read, and refused in one line where it is of no use, before anything is started."""

from __future__ import annotations

from pathlib import Path

from amr.config.robot import RobotConfig
from amr.errors import DataError
from amr.geometry import Pose2
from amr.mapping.base import MapImage
from amr.runtime.maps import load_ros_map


def load_saved_map(path: Path, robot: RobotConfig) -> MapImage:
    """The map of a file of either kind. Raises ``DataError`` where planner or localizer could not use it."""
    from amr.localization.map_field import MapField
    from amr.mapping.global_grid import GlobalGrid

    image = read_map(path)
    try:
        MapField(image)
        GlobalGrid(robot, image)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    return image


def read_map(path: Path) -> MapImage:
    """The picture of a map file of either kind, by its suffix. Raises ``DataError``."""
    from amr.runtime.map_file import SUFFIX, load_map, map_picture

    if path.suffix != SUFFIX:
        return load_ros_map(path)
    return map_picture(load_map(path))


def on_saved_map(robot: RobotConfig, *, placed: bool) -> RobotConfig:
    """The robot on a saved map; ``placed``: it is told where it starts."""
    localization = robot.localization.model_copy(update={"on_map": True, "placed": placed})
    return robot.model_copy(update={"localization": localization})


def check_start(image: MapImage, path: Path, start: Pose2) -> None:
    """Raises ``DataError`` for a start that does not lie on the map's free floor."""
    frame = image.frame
    row, column = frame.cell(start.x_m, start.y_m)
    if not frame.contains(row, column) or image.pixels[row, column] != 254:
        raise DataError(f"--start {start.x_m:g},{start.y_m:g}: expected a place that is free on {path}")
