"""Worlds of the BARN and DynaBARN challenges, and of our own, from JSON (``{"meta": conventions, "worlds": [...]}``).

A file may come without its answers (``path``, ``path_length``, ``optimal_time``): then those are None.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from amr.config.conditions import Conditions
from amr.errors import DataError
from amr.geometry import Pose2
from sim.world import Bounds, Circle, MovingObstacle, Polygon, World, box, wall
from sim.worlds.files import load_json

_MAX_WORLDS: Final = 10_000
_MAX_SHAPES: Final = 20_000
_AFFINE: Final = re.compile(r"(?:col|row)\*([0-9.]+)([+-][0-9.]+)")
_DYNAMIC_TIME_LIMIT_S: Final = 1e6


@dataclass(frozen=True, slots=True)
class BarnWorld:
    """One world with the rules that a run in it is judged by."""

    id: str
    """As in the file; there it may be a number."""
    world: World
    goal_xy_m: tuple[float, float]
    goal_radius_m: float
    timeout_s: float
    path_length_m: float | None
    """Start to goal along the reference path; None when the file does not tell (always so for DynaBARN)."""
    optimal_time_s: float | None
    level: str | None
    """DynaBARN's difficulty."""
    conditions: Conditions = field(default_factory=Conditions)
    """What the file's ``meta.conditions`` asks for, of worlds of our own."""


def load_barn(path: str | Path) -> list[BarnWorld]:
    """All worlds of a file, static or moving. Raises ``DataError``: one line with file, key and expectation."""
    reader = _Reader(str(path))
    data = reader.table(load_json(Path(path)), "file")
    meta = reader.table(data.get("meta"), "meta")
    records = reader.items(data.get("worlds"), "worlds", _MAX_WORLDS)
    worlds = [_world(reader, meta, record, f"worlds[{number}]") for number, record in enumerate(records)]
    seen: set[str] = set()
    for number, world in enumerate(worlds):
        if world.id in seen:
            raise DataError(f"{path}: worlds[{number}].id: {world.id} occurs twice")
        seen.add(world.id)
    return worlds


class _Reader:
    """Takes values out of parsed JSON, or raises ``DataError`` that names the key."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fail(self, key: str, expected: str) -> DataError:
        return DataError(f"{self.name}: {key}: expected {expected}")

    def table(self, value: object, key: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.fail(key, "an object")
        return value

    def items(self, value: object, key: str, most: int) -> list[Any]:
        if not isinstance(value, list):
            raise self.fail(key, "a list")
        if len(value) > most:
            raise self.fail(key, f"at most {most} entries")
        return value

    def number(self, value: object, key: str, low: float = -1e4, high: float = 1e4) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.fail(key, f"a number from {low:g} to {high:g}")
        return float(value)

    def numbers(self, value: object, key: str, count: int) -> tuple[float, ...]:
        items = self.items(value, key, count)
        if len(items) != count:
            raise self.fail(key, f"{count} numbers")
        return tuple(self.number(item, f"{key}[{i}]") for i, item in enumerate(items))

    def positive(self, value: object, key: str) -> float:
        number = self.number(value, key)
        if number <= 0.0:
            raise self.fail(key, "a number > 0")
        return number

    def name_of(self, value: object, key: str) -> str:
        if isinstance(value, bool) or not isinstance(value, int | str) or not 0 < len(str(value)) <= 60:
            raise self.fail(key, "a whole number or a short text")
        return str(value)

    def affine(self, value: object, key: str) -> tuple[float, float]:
        """(factor, offset) of a text like ``col*0.15-4.425``."""
        match = _AFFINE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise self.fail(key, "a text like col*0.15-4.425")
        return float(match[1]), float(match[2])


def _world(reader: _Reader, meta: dict[str, Any], value: object, key: str) -> BarnWorld:
    record = reader.table(value, key)
    name = reader.name_of(record.get("id"), f"{key}.id")
    x, y, yaw = _own(reader, meta, record, "start", 3, key)
    goal_x, goal_y = _own(reader, meta, record, "goal", 2, key)
    conditions = _conditions(reader, meta)
    circles: tuple[Circle, ...] = ()
    polygons: tuple[Polygon, ...] = ()
    moving: tuple[MovingObstacle, ...] = ()
    if "cyl" in record:
        circles = _cylinders(reader, meta, record, key)
    elif "obstacles" in record:
        polygons, moving = _walls(reader, meta), _moving(reader, meta, record, key)
    elif "walls" in record:
        circles, polygons = _discs(reader, record, key), _wall_pieces(reader, record, key)
    else:
        raise reader.fail(key, "cyl (BARN), obstacles (DynaBARN) or walls")
    world = World(
        f"dynabarn-{name}" if "obstacles" in record else f"barn-{name}",
        circles,
        polygons,
        moving,
        Pose2(x, y, yaw),
        ((goal_x, goal_y),),
        _bounds(circles, polygons, [(x, y), (goal_x, goal_y)]),
        friction=conditions.friction,
    )
    return BarnWorld(
        name,
        world,
        (goal_x, goal_y),
        reader.positive(meta.get("goal_radius"), "meta.goal_radius"),
        reader.positive(meta.get("timeout_s"), "meta.timeout_s"),
        _answer(reader, record, "path_length", key),
        _answer(reader, record, "optimal_time", key),
        record["level"] if isinstance(record.get("level"), str) else None,
        conditions,
    )


def _own(
    reader: _Reader, meta: dict[str, Any], record: dict[str, Any], name: str, count: int, key: str
) -> tuple[float, ...]:
    """The world's own start or goal, else the file's."""
    if name in record:
        return reader.numbers(record[name], f"{key}.{name}", count)
    return reader.numbers(meta.get(name), f"meta.{name}", count)


def _conditions(reader: _Reader, meta: dict[str, Any]) -> Conditions:
    """The file's conditions; none = the robot file as it is."""
    try:
        return Conditions.model_validate_json(json.dumps(meta.get("conditions", {})), strict=True)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in ("meta.conditions", *fault["loc"]))
        raise DataError(f"{reader.name}: {where}: {fault['msg']}") from None


def _answer(reader: _Reader, record: dict[str, Any], name: str, key: str) -> float | None:
    """A published answer, or None when it was taken out of the file."""
    value = record.get(name)
    return None if value is None else reader.positive(value, f"{key}.{name}")


def _cylinders(reader: _Reader, meta: dict[str, Any], record: dict[str, Any], key: str) -> tuple[Circle, ...]:
    rules = reader.table(meta.get("cylinder"), "meta.cylinder")
    radius = reader.positive(rules.get("radius"), "meta.cylinder.radius")
    x_factor, x_offset = reader.affine(rules.get("x"), "meta.cylinder.x")
    y_factor, y_offset = reader.affine(rules.get("y"), "meta.cylinder.y")
    circles = []
    for i, item in enumerate(reader.items(record["cyl"], f"{key}.cyl", _MAX_SHAPES)):
        column, row = reader.numbers(item, f"{key}.cyl[{i}]", 2)
        circles.append(Circle(column * x_factor + x_offset, row * y_factor + y_offset, radius))
    return tuple(circles)


def _discs(reader: _Reader, record: dict[str, Any], key: str) -> tuple[Circle, ...]:
    """``discs``: [x, y, radius] each; may be left out."""
    discs = []
    for i, item in enumerate(reader.items(record.get("discs", []), f"{key}.discs", _MAX_SHAPES)):
        x, y, radius = reader.numbers(item, f"{key}.discs[{i}]", 3)
        discs.append(Circle(x, y, reader.positive(radius, f"{key}.discs[{i}][2]")))
    return tuple(discs)


def _wall_pieces(reader: _Reader, record: dict[str, Any], key: str) -> tuple[Polygon, ...]:
    """``walls``: [x, y, x, y, thickness] each."""
    walls = []
    for i, item in enumerate(reader.items(record["walls"], f"{key}.walls", _MAX_SHAPES)):
        ax, ay, bx, by, thickness = reader.numbers(item, f"{key}.walls[{i}]", 5)
        if (ax, ay) == (bx, by):
            raise reader.fail(f"{key}.walls[{i}]", "two different ends")
        walls.append(wall((ax, ay), (bx, by), reader.positive(thickness, f"{key}.walls[{i}][4]")))
    return tuple(walls)


def _walls(reader: _Reader, meta: dict[str, Any]) -> tuple[Polygon, ...]:
    walls = []
    for i, item in enumerate(reader.items(meta.get("walls", []), "meta.walls", 1000)):
        record = reader.table(item, f"meta.walls[{i}]")
        center = reader.numbers(record.get("center"), f"meta.walls[{i}].center", 2)
        size = reader.numbers(record.get("size"), f"meta.walls[{i}].size", 2)
        if min(size) <= 0.0:
            raise reader.fail(f"meta.walls[{i}].size", "two numbers > 0")
        walls.append(box(*center, *size))
    return tuple(walls)


def _moving(reader: _Reader, meta: dict[str, Any], record: dict[str, Any], key: str) -> tuple[MovingObstacle, ...]:
    rules = reader.table(meta.get("obstacle"), "meta.obstacle")
    if rules.get("shape") != "cylinder":
        raise reader.fail("meta.obstacle.shape", "cylinder")
    shape = Circle(0.0, 0.0, reader.positive(rules.get("radius"), "meta.obstacle.radius"))
    moving = []
    for i, item in enumerate(reader.items(record["obstacles"], f"{key}.obstacles", 1000)):
        where = f"{key}.obstacles[{i}]"
        entry = reader.table(item, where)
        period_s = reader.number(entry.get("period"), f"{where}.period", 1e-3, _DYNAMIC_TIME_LIMIT_S)
        keys = reader.items(entry.get("keys"), f"{where}.keys", 10_000)
        frames = [reader.numbers(frame, f"{where}.keys[{k}]", 3) for k, frame in enumerate(keys)]
        try:
            moving.append(
                MovingObstacle(
                    str(entry.get("name", f"obstacle_{i}"))[:60],
                    shape,
                    tuple((t, x, y) for t, x, y in frames),
                    period_s,
                    interpolation="catmull_rom",
                )
            )
        except ValueError as error:
            raise DataError(f"{reader.name}: {where}: {error}") from None
    return tuple(moving)


def _bounds(circles: tuple[Circle, ...], polygons: tuple[Polygon, ...], places: list[tuple[float, float]]) -> Bounds:
    """Whole metres around all of it, with at least 1 m to spare."""
    points = places + [(circle.x_m, circle.y_m) for circle in circles] + [q for p in polygons for q in p.points]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Bounds(
        math.floor(min(xs) - 1.0), math.floor(min(ys) - 1.0), math.ceil(max(xs) + 1.0), math.ceil(max(ys) + 1.0)
    )
