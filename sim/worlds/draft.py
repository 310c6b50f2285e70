"""A world file in the making: shapes are added one by one, in whole millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from amr.geometry import Pose2
from sim.worlds.schema import BoxModel, CircleModel, MovingModel, WallModel, WorldModel

PERSON_RADIUS_M = 0.25


class Draft:
    """Collects walls, furniture and people; ``finish`` makes the world file."""

    def __init__(self, name: str, description: str, bounds_m: tuple[float, float, float, float]) -> None:
        self.name, self.description, self.bounds_m = name, description, bounds_m
        self.walls: list[WallModel] = []
        self.boxes: list[BoxModel] = []
        self.circles: list[CircleModel] = []
        self.moving: list[MovingModel] = []

    def wall(self, start: tuple[float, float], end: tuple[float, float], thickness_m: float) -> None:
        """A wall without openings."""
        self.walls.append(WallModel(from_m=_mm(start), to_m=_mm(end), thickness_m=thickness_m))

    def wall_with_doors(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        thickness_m: float,
        doors: Sequence[tuple[float, float]],
    ) -> None:
        """A straight wall along x or y with openings (centre, width) along that axis, in rising order."""
        axis = 0 if start[1] == end[1] else 1
        position = start[axis]
        for center, width in doors:
            self._piece(start, axis, position, center - 0.5 * width, thickness_m)
            position = center + 0.5 * width
        self._piece(start, axis, position, end[axis], thickness_m)

    def _piece(self, start: tuple[float, float], axis: int, low: float, high: float, thickness_m: float) -> None:
        if high - low > 1e-6:
            first = (low, start[1]) if axis == 0 else (start[0], low)
            second = (high, start[1]) if axis == 0 else (start[0], high)
            self.wall(first, second, thickness_m)

    def box(self, center: tuple[float, float], size: tuple[float, float], yaw_rad: float = 0.0) -> None:
        """A solid piece of furniture."""
        self.boxes.append(BoxModel(center_m=_mm(center), size_m=_mm(size), yaw_rad=round(yaw_rad, 4)))

    def circle(self, center: tuple[float, float], radius_m: float) -> None:
        """A pillar, a plant, a leg."""
        self.circles.append(CircleModel(center_m=_mm(center), radius_m=round(radius_m, 4)))

    def legs(self, pose: Pose2, length_m: float, width_m: float, radius_m: float) -> None:
        """Four legs at the corners of a table or chair about ``pose``."""
        for sx, sy in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
            self.circle(pose.apply(sx * length_m, sy * width_m), radius_m)

    def patrol(
        self, name: str, stations: Sequence[tuple[float, float]], speed_mps: float, pause_s: float, start_s: float = 0.0
    ) -> None:
        """A person who walks from station to station, rests at each, and returns; first rests for ``start_s`` more."""
        there_and_back = [*stations, *reversed(stations[:-1])]
        frames = [(0.0, *_mm(stations[0]))]
        time_s = start_s + pause_s
        frames.append((round(time_s, 3), *_mm(stations[0])))
        for before, after in pairwise(there_and_back):
            time_s += Pose2(*before, 0.0).distance_m(Pose2(*after, 0.0)) / speed_mps
            frames.append((round(time_s, 3), *_mm(after)))
            if after in (stations[0], stations[-1]):
                time_s += pause_s
                frames.append((round(time_s, 3), *_mm(after)))
        self.moving.append(
            MovingModel(name=name, radius_m=PERSON_RADIUS_M, keyframes=tuple(frames), period_s=round(time_s, 3))
        )

    def finish(self, start: tuple[float, float, float], goals: Sequence[tuple[float, ...]]) -> WorldModel:
        """The world file; raises pydantic's ``ValidationError`` when something does not fit."""
        return WorldModel(
            name=self.name,
            description=self.description,
            bounds_m=self.bounds_m,
            start=start,
            goals=tuple(goals),
            walls=tuple(self.walls),
            boxes=tuple(self.boxes),
            circles=tuple(self.circles),
            moving=tuple(self.moving),
        )


def _mm(point: tuple[float, float]) -> tuple[float, float]:
    """Rounded to whole millimetres, so that files stay short."""
    return round(point[0], 3), round(point[1], 3)
