"""A world as flat arrays for the kernels: static shapes first, moving ones behind them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.kernels.scene import place, positions_at
from sim.world import Circle, MovingObstacle, Polygon, World

Floats = NDArray[np.float64]


class Scene:
    """Arrays of one world; ``move_to`` puts the moving obstacles where they are at a time.

    ``circles`` [c, 3] (x, y, radius); ``points`` [p, 2] with ``point_start`` [n + 1] are the corners of n convex
    polygons, ``boxes`` [n, 4] (x min, y min, x max, y max) bound them; ``circle_owner`` and ``polygon_owner`` hold the
    number of the moving obstacle, or -1 for what stands.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        moving_circles = [(m, o.shape) for m, o in enumerate(world.moving) if isinstance(o.shape, Circle)]
        moving_polygons = [(m, o.shape) for m, o in enumerate(world.moving) if isinstance(o.shape, Polygon)]
        circles = [*world.circles, *(shape for _, shape in moving_circles)]
        polygons = [*world.polygons, *(shape for _, shape in moving_polygons)]
        self.first_moving_circle = len(world.circles)
        self.first_moving_polygon = len(world.polygons)
        self.circles: Floats = np.array([(c.x_m, c.y_m, c.radius_m) for c in circles], np.float64).reshape(-1, 3)
        self.circle_local: Floats = self.circles.copy()
        self.circle_owner = np.array([-1] * len(world.circles) + [m for m, _ in moving_circles], np.int64)
        self.points: Floats = np.array([q for p in polygons for q in p.points], np.float64).reshape(-1, 2)
        self.points_local: Floats = self.points.copy()
        self.point_start = np.cumsum([0, *(len(p.points) for p in polygons)], dtype=np.int64)
        self.polygon_owner = np.array([-1] * len(world.polygons) + [m for m, _ in moving_polygons], np.int64)
        self.boxes: Floats = np.array([_bounds(p) for p in polygons], np.float64).reshape(-1, 4)
        self.position: Floats = np.zeros((len(world.moving), 2))
        self.keys, self.key_start = _keyframes(world.moving)
        self.period_s: Floats = np.array([o.period_s for o in world.moving], np.float64)
        self.loop = np.array([o.loop for o in world.moving], np.uint8)
        self.cubic = np.array([o.interpolation == "catmull_rom" for o in world.moving], np.uint8)
        self.move_to(0.0)

    def move_to(self, time_s: float) -> None:
        """Put the moving obstacles where they are at ``time_s`` >= 0."""
        if self.position.shape[0] == 0:
            return
        positions_at(time_s, self.keys, self.key_start, self.period_s, self.loop, self.cubic, self.position)
        place(
            self.position,
            self.circles,
            self.circle_local,
            self.circle_owner,
            self.first_moving_circle,
            self.points,
            self.point_start,
            self.points_local,
            self.boxes,
            self.polygon_owner,
            self.first_moving_polygon,
        )

    def obstacle_name(self, code: int) -> str:
        """What the number means that a contact kernel gives: circles first, then polygons; empty for -1."""
        if code < 0:
            return ""
        polygon = code - self.circles.shape[0]
        owner = int(self.circle_owner[code] if polygon < 0 else self.polygon_owner[polygon])
        if owner >= 0:
            return f"moving {self.world.moving[owner].name}"
        return f"circle {code}" if polygon < 0 else f"polygon {polygon}"

    def is_moving(self, code: int) -> bool:
        """True when that number stands for a moving obstacle."""
        polygon = code - self.circles.shape[0]
        return code >= 0 and int(self.circle_owner[code] if polygon < 0 else self.polygon_owner[polygon]) >= 0


def _bounds(polygon: Polygon) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in polygon.points], [y for _, y in polygon.points]
    return min(xs), min(ys), max(xs), max(ys)


def _keyframes(moving: tuple[MovingObstacle, ...]) -> tuple[Floats, NDArray[np.int64]]:
    keys = np.array([key for o in moving for key in o.keyframes], np.float64).reshape(-1, 3)
    return keys, np.cumsum([0, *(len(o.keyframes) for o in moving)], dtype=np.int64)
