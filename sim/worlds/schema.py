"""A world file (``seeds/worlds/*.toml``) as pydantic models, and its way to and from ``sim.world.World``."""

from __future__ import annotations

import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from amr.config.base import Section
from amr.config.hardware import Point, Positive
from amr.geometry import Pose2
from sim.world import Bounds, Circle, MovingObstacle, Polygon, Shape, World, box, wall

_MAX_SHAPES = 20_000
Waypoint = Annotated[tuple[float, ...], Field(min_length=2, max_length=3)]


class CircleModel(Section):
    """``{ center_m = [x, y], radius_m = r }``."""

    center_m: Point
    radius_m: Positive

    def shape(self) -> Circle:
        """The disc."""
        return Circle(*self.center_m, self.radius_m)


class BoxModel(Section):
    """``{ center_m = [x, y], size_m = [along x, along y], yaw_rad = 0.0 }``."""

    center_m: Point
    size_m: tuple[Positive, Positive]
    yaw_rad: float = 0.0

    def shape(self) -> Polygon:
        """The rectangle."""
        return box(*self.center_m, *self.size_m, self.yaw_rad)


class WallModel(Section):
    """``{ from_m = [x, y], to_m = [x, y], thickness_m = t }``: half of the thickness on either side of the line."""

    from_m: Point
    to_m: Point
    thickness_m: Positive

    @model_validator(mode="after")
    def _ends_differ(self) -> Self:
        if self.from_m == self.to_m:
            raise ValueError("to_m: must differ from from_m")
        return self

    def shape(self) -> Polygon:
        """The wall's rectangle."""
        return wall(self.from_m, self.to_m, self.thickness_m)


class PolygonModel(Section):
    """``{ points_m = [[x, y], ...] }``: convex, counter-clockwise."""

    points_m: Annotated[tuple[Point, ...], Field(min_length=3, max_length=64)]

    @model_validator(mode="after")
    def _is_convex(self) -> Self:
        Polygon(self.points_m)
        return self

    def shape(self) -> Polygon:
        """The polygon."""
        return Polygon(self.points_m)


class MovingModel(Section):
    """``[[moving]]``: a disc (``radius_m``) or a box (``size_m``) carried along keyframes [t s, x m, y m]."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    radius_m: Positive | None = None
    size_m: tuple[Positive, Positive] | None = None
    keyframes: Annotated[tuple[tuple[float, float, float], ...], Field(min_length=1, max_length=10_000)]
    period_s: Positive
    loop: bool = True
    interpolation: Literal["linear", "catmull_rom"] = "linear"

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.radius_m is None) == (self.size_m is None):
            raise ValueError("needs either radius_m or size_m")
        self.obstacle()
        return self

    def obstacle(self) -> MovingObstacle:
        """The obstacle; raises ``ValueError`` for keyframes out of order."""
        shape: Shape = Circle(0.0, 0.0, self.radius_m) if self.radius_m else box(0.0, 0.0, *(self.size_m or (1.0, 1.0)))
        return MovingObstacle(self.name, shape, self.keyframes, self.period_s, self.loop, self.interpolation)


class WorldModel(Section):
    """The whole file."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    description: str = ""
    bounds_m: tuple[float, float, float, float]
    """x min, y min, x max, y max."""
    start: tuple[float, float, float]
    """x m, y m, yaw rad."""
    goals: tuple[Waypoint, ...] = ()
    """[x m, y m] or [x m, y m, yaw rad] each."""
    friction: Positive | None = None
    circles: Annotated[tuple[CircleModel, ...], Field(max_length=_MAX_SHAPES)] = ()
    boxes: Annotated[tuple[BoxModel, ...], Field(max_length=_MAX_SHAPES)] = ()
    walls: Annotated[tuple[WallModel, ...], Field(max_length=_MAX_SHAPES)] = ()
    polygons: Annotated[tuple[PolygonModel, ...], Field(max_length=_MAX_SHAPES)] = ()
    moving: Annotated[tuple[MovingModel, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> Self:
        x_min, y_min, x_max, y_max = self.bounds_m
        if not (x_min < x_max and y_min < y_max):
            raise ValueError("bounds_m: must be [x min, y min, x max, y max]")
        names = [moving.name for moving in self.moving]
        if len(set(names)) != len(names):
            raise ValueError("moving: names must differ")
        return self

    def world(self) -> World:
        """The world that the file describes."""
        solids: list[WallModel | BoxModel | PolygonModel] = [*self.walls, *self.boxes, *self.polygons]
        return World(
            name=self.name,
            circles=tuple(model.shape() for model in self.circles),
            polygons=tuple(model.shape() for model in solids),
            moving=tuple(model.obstacle() for model in self.moving),
            start=Pose2(*self.start),
            goals=self.goals,
            bounds=Bounds(*self.bounds_m),
            friction=self.friction,
            description=self.description,
        )


def world_toml(model: WorldModel) -> str:
    """The file's text: reading it gives an equal model."""
    lines = [f"name = {json.dumps(model.name)}", f"description = {json.dumps(model.description)}"]
    lines += [f"bounds_m = {_value(model.bounds_m)}", f"start = {_value(model.start)}"]
    lines.append(f"goals = {_value(model.goals)}")
    if model.friction is not None:
        lines.append(f"friction = {_value(model.friction)}")
    for key in ("walls", "boxes", "circles", "polygons"):
        shapes = getattr(model, key)
        if shapes:
            lines += ["", f"{key} = [", *(f"  {_inline(shape)}," for shape in shapes), "]"]
    for moving in model.moving:
        lines += ["", "[[moving]]"]
        lines += [f"{key} = {_value(value)}" for key, value in moving.model_dump(exclude_none=True).items()]
    return "\n".join(lines) + "\n"


def _inline(section: BaseModel) -> str:
    fields = section.model_dump(exclude_defaults=True)
    return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in fields.items()) + " }"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_value(part) for part in value) + "]"
    return repr(value)
