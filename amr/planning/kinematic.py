"""Planning in SE(2) for the true outline of a differential drive: forward, backward, arcs and turns in place.

Hybrid A* finds a way (``hybrid``); its points are pulled straight as an any-angle path (``path_pull``) and made
drivable again (``drive_polyline``). Where the straightened way has no room for the outline the way of the search is
kept. Either way every motion was checked by the outline's sweep.

**What a path says to those who follow.** Points [n, 3] with true headings. Between two points the base moves straight
(the heading changes by at most 20 degrees on the way: an arc's chord) or turns in place: ``motions`` tells which, and
whether forward or backward; nothing else has to be stored beside the path.

**The robot.** With a body: its polygons never touch a cell of 254 and above, its base origin never enters 253.
Without one: a disc that the grid's 253 stands for, as in Nav2.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body
from amr.config.planning import Kinematic
from amr.geometry import Pose2, wrap_angle
from amr.grid import CostGrid
from amr.kernels import drive_polyline, path_pull
from amr.kernels.drive_check import turn_angle
from amr.kernels.path_cost import polyline_costs
from amr.kernels.path_shape import resample
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions, PlanOutcome, refusal
from amr.planning.hybrid import STEP_M, Found, HybridSearch, prices_of
from amr.planning.query import check
from amr.planning.room import Room

_ROUNDS: Final = ((0.0, (4.0, 2.0, 1.0, 0.5)), (8.0, (1.0, 0.5, 0.25)), (4.0, (0.5, 0.25)))
"""As ``any_angle``: per round, halve costly segments longer than this (cells; 0 = none), slide by these steps."""
_SPAN: Final = 16
_SWEEPS: Final = 4
_SPACING: Final = 2.0
_STANDS_M: Final = 1e-6
"""Points closer than this are one place: between them the robot turns."""
_BUDGETS: Final = (20_000, 120_000)
"""Expansions before the search is tried from the goal's end: whichever end is shut in is found out quickly."""
_STALL: Final = 800
"""Expansions without coming nearer after which the goal field is thought to lead through what is too tight."""
_WALLS: Final = 8
"""Tight places that are closed one after the other before everything is searched."""
_LARGEST_TURN_RAD: Final = 1.6
"""Turns in place are cut into no larger pieces: less than half a turn has one direction only."""
_GOALS: Final = 12
"""Places within the goal tolerance that are tried."""

Pose = tuple[float, float, float]


def motions(path: NDArray[np.float64]) -> NDArray[np.int8]:
    """Per step of ``path`` [n, 3]: 1 = forward, -1 = backward, 0 = turn in place (or nothing). Returns int8 [n - 1]."""
    steps = np.diff(path[:, :2], axis=0)
    middle = path[:-1, 2] + 0.5 * np.array([wrap_angle(float(a)) for a in np.diff(path[:, 2])])
    along = steps[:, 0] * np.cos(middle) + steps[:, 1] * np.sin(middle)
    moves = np.where(along >= 0.0, 1, -1)
    return np.where((steps * steps).sum(axis=1) < _STANDS_M * _STANDS_M, 0, moves).astype(np.int8)


class KinematicPlanner:
    """``amr.planning.base.GridPlanner`` for a body.

    ``straighten`` False leaves the way as the search found it; ``step_m``: length of the search's motions; ``node_m``:
    of poses with one heading that are nearer than this one is enough (at least a cell); ``budgets``: expansions
    before it gives up, see ``_BUDGETS``.
    """

    def __init__(
        self,
        body: Body | None = None,
        settings: Kinematic | None = None,
        straighten: bool = True,
        step_m: float = STEP_M,
        node_m: float = 0.0,
        budgets: tuple[int, ...] = _BUDGETS,
    ) -> None:
        self._settings = settings or Kinematic()
        self._straighten = straighten
        self._budgets = budgets
        self._room = Room(body)
        self._search = HybridSearch(self._room, self._settings, step_m, node_m)

    def plan(self, grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions) -> PlanOutcome:
        """See ``GridPlanner.plan``. A heading of ``start`` that is not finite is refused too."""
        refused = check(grid, start, goal, options)
        if refused is not None:
            return refused
        if not math.isfinite(start.yaw_rad):
            return refusal(PlanStatus.OUTSIDE_MAP, f"start is not finite: ({start.x_m}, {start.y_m}, {start.yaw_rad})")
        self._room.enter(grid, options)
        escape = self._escape(start, options.escape_radius_m)
        if isinstance(escape, PlanOutcome):
            return escape
        begin = escape[-1]
        goals = self._goals(goal, options)
        if isinstance(goals, PlanOutcome):
            return goals
        expanded = 0
        found = Found(None, math.inf, 0, False)
        for target in goals:
            found = self._find(begin, target, options.goal_yaw_matters)
            expanded += found.expanded
            if found.poses is not None:
                return self._outcome(escape[:-1], found.poses, target, start, goal, options, expanded)
            if expanded > 2 * sum(self._budgets):
                break
        return refusal(PlanStatus.NO_PATH, self._why(found, start, goal), expanded)

    def _find(self, begin: Pose, target: Pose, yaw_matters: bool) -> Found:
        """Search from the start; where that stalls close what it hoped to pass, at last search from both ends."""
        expanded = 0
        walls: list[tuple[int, int]] = []
        for turn in range(_WALLS):
            found = self._search.run(
                begin, target, yaw_matters, self._budgets[0], stall=_STALL, is_fine=False, walls=walls
            )
            expanded += found.expanded
            if found.poses is not None or (not walls and not found.gave_up):
                return replace(found, expanded=expanded)
            if found.stuck_at is None:
                break
            walls.append(found.stuck_at)
            if turn == 1 and yaw_matters:
                back = self._search.run(target, begin, True, self._budgets[0], stall=_STALL, is_fine=False)
                expanded += back.expanded
                if back.poses is not None or not back.gave_up:
                    return _turned_round(back, expanded)
        for most in self._budgets:
            found = self._search.run(begin, target, yaw_matters, most)
            expanded += found.expanded
            if found.poses is not None or not found.gave_up:
                break
            if yaw_matters:
                back = self._search.run(target, begin, True, most)
                expanded += back.expanded
                if back.poses is not None or not back.gave_up:
                    return _turned_round(back, expanded)
        return replace(found, expanded=expanded)

    def _why(self, found: Found, start: Pose2, goal: Pose2) -> str:
        way = f"from ({start.x_m:.2f}, {start.y_m:.2f}) to ({goal.x_m:.2f}, {goal.y_m:.2f}) m"
        if found.gave_up:
            return f"no way {way} found: gave up after {found.expanded} poses"
        if found.expanded == 0:
            return f"no way {way}, not even for the base origin alone"
        return (
            f"no way {way} that the outline fits through: all {found.expanded} poses that can be reached were searched"
        )

    def _escape(self, start: Pose2, radius_m: float) -> list[Pose] | PlanOutcome:
        """Poses from the start to the first free one (the start alone, if free): straight on, back, or after a turn."""
        room = self._room
        x, y = room.cells(start)
        yaw = wrap_angle(start.yaw_rad)
        if room.is_free(x, y, yaw):
            return [(x, y, yaw)]
        touched, cost = room.touched(x, y, yaw), room.cost_at(x, y)
        what = f"its outline touches {touched} lethal cells" if touched else f"its cell costs {cost}"
        where = f"start ({start.x_m:.2f}, {start.y_m:.2f}) m is not free: {what}"
        radius = radius_m / room.frame.resolution_m
        if radius < 0.5:
            return refusal(PlanStatus.START_BLOCKED, where)
        best: tuple[float, list[Pose]] | None = None
        for turn in range(-18, 19):
            heading = wrap_angle(yaw + turn * math.pi / 36.0)
            if best is not None and turn != 0 and best[0] < 1.0 + abs(turn) * 0.2:
                continue
            if turn != 0 and not all(
                room.touched(x, y, yaw + k * math.copysign(math.pi / 36.0, turn)) <= touched
                for k in range(1, abs(turn) + 1)
            ):
                continue
            for sign in (1.0, -1.0):
                reached = room.way_out(x, y, heading, sign, radius, touched)
                price = reached + (abs(turn) * 0.2 + 1.0 if turn else 0.0)
                if reached < math.inf and (best is None or price < best[0]):
                    end = room.ahead(x, y, heading, sign * reached)
                    best = price, [(x, y, yaw), *([(x, y, heading)] if turn else []), (*end, heading)]
        if best is None:
            return refusal(
                PlanStatus.START_BLOCKED, f"{where}, and no straight way out is shorter than {radius_m:.2f} m"
            )
        return best[1]

    def _goals(self, goal: Pose2, options: PlanOptions) -> list[Pose] | PlanOutcome:
        """The goal, or the free poses within the tolerance of it, nearest first."""
        room = self._room
        x, y = room.cells(goal)
        yaw = wrap_angle(goal.yaw_rad) if options.goal_yaw_matters else 0.0
        yaws = [yaw] if options.goal_yaw_matters else [k * math.pi / 18.0 for k in range(36 if room.has_outline else 1)]
        own = [(x, y, yaw)] if any(room.is_free(x, y, a) for a in yaws) else []
        tolerance = options.goal_tolerance_m / room.frame.resolution_m
        near: list[Pose] = []
        spacing = max(1.0, tolerance / 3.0)
        reach = int(tolerance / spacing)
        offsets = sorted(
            (j * j + i * i, j, i) for j in range(-reach, reach + 1) for i in range(-reach, reach + 1) if j or i
        )
        for squared, j, i in offsets:
            at_x, at_y = x + i * spacing, y + j * spacing
            if squared * spacing * spacing > tolerance * tolerance or not room.holds(at_x, at_y):
                continue
            if any(room.is_free(at_x, at_y, a) for a in yaws):
                near.append((at_x, at_y, yaw))
        if own or near:
            return (own + near)[:_GOALS]
        touched, cost = room.touched(x, y, yaw), room.cost_at(x, y)
        what = f"the outline would touch {touched} lethal cells" if touched else f"its cell costs {cost}"
        return refusal(
            PlanStatus.GOAL_BLOCKED,
            f"goal ({goal.x_m:.2f}, {goal.y_m:.2f}) m is not free: {what}, "
            f"and no place within {options.goal_tolerance_m:.2f} m of it is",
        )

    def _outcome(
        self,
        escape: list[Pose],
        poses: NDArray[np.float64],
        target: Pose,
        start: Pose2,
        goal: Pose2,
        options: PlanOptions,
        expanded: int,
    ) -> PlanOutcome:
        """Straighten, measure, put the escape in front; both ends to the bit."""
        if self._straighten:
            poses = self._straightened(poses, target[2], options.goal_yaw_matters)
        poses = self._with_turns(poses)
        padded, stride = self._room.arrays[:2]
        points = np.ascontiguousarray(poses[:, :2])
        cost_m = float(polyline_costs(padded, stride, points, np.empty(max(1, len(points) - 1))))
        path = self._room.metres(np.vstack([np.array(escape).reshape(-1, 3), poses]))
        path[0] = start.x_m, start.y_m, wrap_angle(start.yaw_rad)
        at_goal = (target[0], target[1]) == self._room.cells(goal)
        note = ""
        if at_goal:
            path[-1, :2] = goal.x_m, goal.y_m
        else:
            away_m = math.hypot(path[-1, 0] - goal.x_m, path[-1, 1] - goal.y_m)
            note = f"the goal itself cannot be reached: the path ends {away_m:.2f} m from it"
        if options.goal_yaw_matters:
            path[-1, 2] = wrap_angle(goal.yaw_rad)
        return PlanOutcome(PlanStatus.OK, note, path, cost_m * self._room.frame.resolution_m, expanded, len(escape))

    def _with_turns(self, poses: NDArray[np.float64]) -> NDArray[np.float64]:
        """``poses`` with others amid each long turn in place, so that it is read in the direction that has room."""
        rows = [poses[0]]
        for before, after in pairwise(poses):
            x, y, yaw = before.tolist()
            if x == after[0] and y == after[1]:
                angle = turn_angle(self._room.arrays, x, y, yaw, float(after[2]))
                pieces = math.ceil(abs(angle) / _LARGEST_TURN_RAD) if angle < math.inf else 1
                rows += [np.array([x, y, wrap_angle(yaw + k / pieces * angle)]) for k in range(1, pieces)]
            rows.append(after)
        return np.array(rows) if len(rows) > 1 else np.repeat(poses, 2, axis=0)

    def _straightened(self, poses: NDArray[np.float64], goal_yaw: float, yaw_matters: bool) -> NDArray[np.float64]:
        """The way pulled straight and driven again, or ``poses`` where that has no room."""
        points = _places(poses)
        if len(points) < 2:
            return poses
        room = self._room.arrays
        resolution_m = self._room.frame.resolution_m
        prices = prices_of(self._settings, resolution_m)
        pulled = self._pulled(points)
        backward = np.zeros(len(pulled) - 1, np.int8)
        price = drive_polyline.choose_directions(
            room, prices, pulled, float(poses[0, 2]), goal_yaw, yaw_matters, backward
        )
        if price == math.inf:
            return poses
        out = np.empty((80 * len(pulled), 3))
        size = drive_polyline.lay_poses(room, prices, pulled, backward, out)
        ends = [poses[:1], out[:size]]
        if yaw_matters:
            ends.append(np.array([[pulled[-1, 0], pulled[-1, 1], goal_yaw]]))
        return _distinct(np.vstack(ends))

    def _pulled(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """A polyline of few vertices with the ends of ``points`` and at most their cost."""
        padded, stride = self._room.arrays[:2]
        points = _dense(points)
        self._room.close_tight(points)
        capacity = len(points) + 8
        here, there = np.empty((capacity, 2)), np.empty((capacity, 2))
        costs, costs_there = np.empty(capacity), np.empty(capacity)
        size = path_pull.cut_corners(padded, stride, points, _SPAN, here)
        polyline_costs(padded, stride, here[:size], costs)
        for shortest, steps in _ROUNDS:
            if shortest > 0.0:
                size = path_pull.halve_costly(padded, stride, here, costs, size, shortest, there, costs_there)
                here, there, costs, costs_there = there, here, costs_there, costs
            for step in steps:
                path_pull.slide(padded, stride, here, costs, size, step, _SWEEPS)
            size = path_pull.drop_needless(padded, stride, here, costs, size)
        self._room.reopen()
        return here[:size].copy()


class HybridAstarPlanner(KinematicPlanner):
    """The search alone, its way as found: what ``KinematicPlanner`` starts from."""

    def __init__(self, body: Body | None = None, settings: Kinematic | None = None) -> None:
        super().__init__(body, settings, straighten=False)


def _turned_round(found: Found, expanded: int) -> Found:
    """A way from the goal to the start, driven the other way round: forward becomes backward."""
    poses = None if found.poses is None else np.ascontiguousarray(found.poses[::-1])
    return replace(found, poses=poses, expanded=expanded)


def _places(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points of ``poses`` [n, 3] without those that do not move."""
    steps = np.diff(poses[:, :2], axis=0)
    moves = np.append(True, (steps * steps).sum(axis=1) > 1e-10)
    return np.ascontiguousarray(poses[moves, :2])


def _dense(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """``points`` [n, 2] (cells) with others between them, so that long legs have vertices that can slide."""
    steps = np.diff(points, axis=0)
    room = int(np.sqrt((steps * steps).sum(axis=1)).sum() / _SPACING) + 2 * len(points) + 2
    out = np.empty((room, 2))
    return out[: resample(points, _SPACING, out)]


def _distinct(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """``poses`` without those equal to the one before."""
    same = (np.abs(np.diff(poses, axis=0)) < 1e-9).all(axis=1)
    kept: NDArray[np.float64] = poses[np.append(True, ~same)]
    return kept
