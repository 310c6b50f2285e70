"""One attempt to make the robot hit something: obstacles, a careless hand at the stick, and what breaks.

A case is plain numbers, so it can be made at random, changed a little, stored and run again.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

import numpy as np

from amr.config.hardware import Body
from amr.geometry import Pose2
from sim.contact import OutlineJudge
from sim.faults import LidarFault
from sim.physics import STATE_WIDTH
from sim.scene import Scene
from sim.world import Circle, MovingObstacle, Polygon, World, box, wall

LENGTH_S: Final = 10.0
ROBOTS: Final = ("jackal", "reference")
FAULTS: Final = (
    *("none",) * 5,
    *(f"lidar {kind.value}" for kind in (LidarFault.DEAD, LidarFault.BLIND, LidarFault.HALF_BLIND, LidarFault.FROZEN)),
    "imu frozen",
)
"""What may break; five of ten cases are whole. A motor without its wire cannot brake: no assumption covers that."""
_ROOM_M: Final = 4.5
_FREE_M: Final = 0.14
"""Around the outline at the start: more than whoever arms the robot vouches for."""
_REACH_M: Final = 3.0
_TRIES: Final = 500

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FalsifyCase:
    """Lengths in m, world frame; the robot starts at the origin, facing +x."""

    seed: int
    robot: str
    circles: tuple[Numbers, ...]
    """(x, y, radius)."""
    boxes: tuple[Numbers, ...]
    """(x, y, length, width, yaw)."""
    late: tuple[Numbers, ...]
    """(x, y, to_x, to_y, radius, from_s): moves at ``speed_mps`` from there to there, then stands."""
    speed_mps: float
    """Of what comes late; the robot is told this as ``safety.obstacle_speed_mps``."""
    hand: tuple[Numbers, ...]
    """(duration s, v and w as parts of the limits, number of the obstacle that is aimed at or -1)."""
    fault: str
    fault_s: float
    dropout_frac: float

    def world(self) -> World:
        """The floor and what stands and moves on it."""
        moving = tuple(_mover(number, row, self.speed_mps) for number, row in enumerate(self.late))
        circles = tuple(Circle(*row) for row in self.circles)
        boxes = tuple(box(*row) for row in self.boxes)
        return World("falsify", circles, (*boxes, *(self._room() if self.has_room else ())), moving)

    @property
    def has_room(self) -> bool:
        """Walls all around, except in every third case whose lidar sees: blindness in an open field looks like it."""
        return "blind" in self.fault or self.seed % 3 != 0

    @staticmethod
    def _room() -> tuple[Polygon, ...]:
        corners = [(-_ROOM_M, -_ROOM_M), (_ROOM_M, -_ROOM_M), (_ROOM_M, _ROOM_M), (-_ROOM_M, _ROOM_M)]
        return tuple(wall(a, b, 0.1) for a, b in zip(corners, corners[1:] + corners[:1], strict=True))

    def target(self, number: int, time_s: float) -> tuple[float, float] | None:
        """Where the obstacle of this number is; None for a number that is none."""
        if 0 <= number < len(self.circles):
            return self.circles[number][0], self.circles[number][1]
        if 0 <= number - len(self.circles) < len(self.late):
            return _mover(0, self.late[number - len(self.circles)], self.speed_mps).position(time_s)
        return None

    def to_json(self) -> dict[str, Any]:
        """For files; ``case_of`` reads it again."""
        return asdict(self)


def case_of(values: dict[str, Any]) -> FalsifyCase:
    """The case of ``to_json``."""
    known = {field.name: values[field.name] for field in fields(FalsifyCase)}
    for name in ("circles", "boxes", "late", "hand"):
        known[name] = tuple(tuple(row) for row in known[name])
    return FalsifyCase(**known)


def random_case(random: np.random.Generator, bodies: dict[str, Body]) -> FalsifyCase:
    """Any case whose start is free."""
    for _ in range(_TRIES):
        robot = str(random.choice(ROBOTS))
        late = tuple(_any_late(random) for _ in range(int(random.integers(1, 3)))) if random.random() < 0.4 else ()
        case = FalsifyCase(
            seed=int(random.integers(2**31)),
            robot=robot,
            circles=tuple(_any_circle(random) for _ in range(int(random.integers(1, 16)))),
            boxes=tuple(_any_box(random) for _ in range(int(random.integers(0, 4)))),
            late=late,
            speed_mps=round(float(random.uniform(0.2, 0.8)), 3) if late else 0.0,
            hand=_any_hand(random),
            fault=str(random.choice(FAULTS)),
            fault_s=round(float(random.uniform(3.0, 8.0)), 2),
            dropout_frac=float(random.choice([0.0, 0.0, 0.05, 0.15])),
        )
        if is_free(case, bodies[robot]):
            return case
    raise ValueError(f"no free start in {_TRIES} tries")


def mutated(case: FalsifyCase, random: np.random.Generator, bodies: dict[str, Body]) -> FalsifyCase:
    """``case`` with an obstacle, a stretch of the hand or the fault changed a little; its start is free too."""
    for _ in range(_TRIES):
        changed = _changed(case, random)
        if is_free(changed, bodies[changed.robot]):
            return changed
    return case


def is_free(case: FalsifyCase, body: Body) -> bool:
    """True when the outline at the start keeps ``_FREE_M`` to everything that stands there at any time."""
    stands = tuple(Circle(row[2], row[3], row[4]) for row in case.late)
    moves = tuple(Circle(row[0], row[1], row[4]) for row in case.late)
    world = case.world()
    still = World("still", (*world.circles, *stands, *moves), world.polygons, (), Pose2(0.0, 0.0, 0.0))
    judge = OutlineJudge(body, Scene(still))
    judge.watch(np.zeros((1, STATE_WIDTH)), 0)
    return judge.min_clearance_m >= _FREE_M


def _changed(case: FalsifyCase, random: np.random.Generator) -> FalsifyCase:
    what = int(random.integers(5))
    if what == 0 and case.circles:
        return replace(case, circles=_nudged(case.circles, random, (0.15, 0.15, 0.03), (None, None, (0.02, 0.5))))
    if what == 1 and case.late:
        return replace(
            case, late=_nudged(case.late, random, (0.2,) * 4 + (0.03, 0.5), (None,) * 4 + ((0.05, 0.5), (0.0, 9.0)))
        )
    if what == 2:
        kept = ((0.1, 3.0), (-1.0, 1.0), (-1.0, 1.0), None)
        return replace(case, hand=_nudged(case.hand, random, (0.3, 0.3, 0.3, 0.0), kept))
    if what == 3:
        return replace(case, seed=int(random.integers(2**31)), fault_s=float(random.uniform(3.0, 8.0)))
    return replace(case, circles=(*case.circles[1:], _any_circle(random)))


def _nudged(
    rows: tuple[Numbers, ...],
    random: np.random.Generator,
    spread: Numbers,
    bounds: tuple[tuple[float, float] | None, ...],
) -> tuple[Numbers, ...]:
    """One of the rows moved by normal noise of this spread, within the bounds."""
    chosen = int(random.integers(len(rows)))
    row = [value + float(random.normal(0.0, size)) for value, size in zip(rows[chosen], spread, strict=True)]
    row = [
        value if bound is None else min(bound[1], max(bound[0], value))
        for value, bound in zip(row, bounds, strict=True)
    ]
    return (*rows[:chosen], tuple(round(value, 4) for value in row), *rows[chosen + 1 :])


def _any_circle(random: np.random.Generator) -> Numbers:
    x, y = random.uniform(-_REACH_M, _REACH_M, 2)
    return round(float(x), 3), round(float(y), 3), round(float(random.choice([0.02, 0.05, 0.1, 0.25])), 3)


def _any_box(random: np.random.Generator) -> Numbers:
    x, y = random.uniform(-_REACH_M, _REACH_M, 2)
    sizes = random.uniform(0.05, 2.0, 2)
    return tuple(round(float(value), 3) for value in (x, y, *sizes, random.uniform(-math.pi, math.pi)))


def _any_late(random: np.random.Generator) -> Numbers:
    """Comes from outside, or from behind what stands there, to somewhere near."""
    angle = float(random.uniform(-math.pi, math.pi))
    far_m = float(random.uniform(2.0, 5.0))
    to_x, to_y = random.uniform(-2.0, 2.0, 2)
    values = far_m * math.cos(angle), far_m * math.sin(angle), to_x, to_y, random.uniform(0.05, 0.3), 0.0
    return (*(round(float(value), 3) for value in values[:5]), round(float(random.uniform(0.0, 6.0)), 2))


def _any_hand(random: np.random.Generator) -> tuple[Numbers, ...]:
    """Full stick ahead, at an obstacle, in circles, back, and anything between."""
    rows, total_s = [], 0.0
    while total_s < LENGTH_S:
        duration_s = round(float(random.uniform(0.2, 2.5)), 2)
        v, w = float(random.uniform(-1.0, 1.0)), float(random.uniform(-1.0, 1.0))
        aim = -1.0
        kind = random.random()
        if kind < 0.45:
            v, aim = 1.0, float(random.integers(16))
        elif kind < 0.6:
            v, w = 1.0, 0.0
        elif kind < 0.7:
            v = -1.0
        rows.append((duration_s, round(v, 3), round(w, 3), aim))
        total_s += duration_s
    return tuple(rows)


def _mover(number: int, row: Numbers, speed_mps: float) -> MovingObstacle:
    x, y, to_x, to_y, radius, from_s = row
    arrives_s = from_s + max(0.01, math.hypot(to_x - x, to_y - y) / speed_mps)
    start = ((0.0, x, y), (from_s, x, y)) if from_s > 0.0 else ((0.0, x, y),)
    keys = (*start, (arrives_s, to_x, to_y))
    return MovingObstacle(f"late {number}", Circle(0.0, 0.0, radius), keys, arrives_s, loop=False)
