"""A made building and what a lidar sees in it, for tests of scan matching and SLAM."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from amr.mapping.pose_arrays import compose

CORNERS = [
    [(-6, -4), (6, -4), (6, 4), (-6, 4), (-6, -4)],
    [(-2, -4), (-2, -1.2)],
    [(-2, 4), (-2, 0.4)],
    [(2, -4), (2, -0.2)],
    [(3.4, 1.0), (4.6, 1.0), (4.6, 2.2), (3.4, 2.2), (3.4, 1.0)],
    [(-4.5, -2.5), (-3.7, -2.1)],
]


def walls(corners=CORNERS):
    """[n, 4] wall segments x0, y0, x1, y1 in m."""
    return np.array([(*a, *b) for line in corners for a, b in pairwise(line)], float)


def ranges(pose, segments, angles, noise_m=0.0, rng=None):
    """Distance along each of ``angles`` [B] (rad, robot frame) to the nearest wall, inf when there is none."""
    direction = np.stack([np.cos(pose[2] + angles), np.sin(pose[2] + angles)], 1)
    start, along = segments[:, :2] - pose[:2], segments[:, 2:] - segments[:, :2]
    cross = direction[:, None, 0] * along[None, :, 1] - direction[:, None, 1] * along[None, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (start[None, :, 0] * along[None, :, 1] - start[None, :, 1] * along[None, :, 0]) / cross
        u = (start[None, :, 0] * direction[:, None, 1] - start[None, :, 1] * direction[:, None, 0]) / cross
    hit = np.where((t > 0.0) & (u >= 0.0) & (u <= 1.0), t, np.inf).min(axis=1)
    return hit if rng is None else hit + rng.normal(0.0, noise_m, len(hit))


def points(pose, segments, angles, noise_m=0.0, rng=None):
    """[n, 2] what is seen from ``pose``, in the robot's frame."""
    distance = ranges(pose, segments, angles, noise_m, rng)
    seen = np.isfinite(distance)
    distance, angles = distance[seen], angles[seen]
    return np.column_stack([distance * np.cos(angles), distance * np.sin(angles)])


def noisy_odometry(path, rng, way_frac=0.03, turn_frac=0.05, scale=1.0):
    """Odometry poses of a true ``path`` [N, 3] that drift step by step."""
    from amr.mapping.pose_arrays import between

    out = [path[0]]
    for step in between(path[:-1], path[1:]):
        way, turn = np.hypot(step[0], step[1]), abs(step[2])
        error = rng.normal(0.0, [way_frac * way, way_frac * way / 3, turn_frac * turn + 0.01 * way])
        out.append(compose(out[-1], step * [scale, scale, 1.0] + error))
    return np.array(out)


def ring_building(rng, half_m=9.0, corridor_m=2.2, boxes=24):
    """[n, 4] walls of a square ring corridor with boxes and niches along it, no two sides alike."""
    outer, inner = half_m + corridor_m / 2, half_m - corridor_m / 2
    lines = [
        [(-outer, -outer), (outer, -outer), (outer, outer), (-outer, outer), (-outer, -outer)],
        [(-inner, -inner), (inner, -inner), (inner, inner), (-inner, inner), (-inner, -inner)],
    ]
    for _ in range(boxes):
        along, side = rng.uniform(-half_m, half_m), rng.integers(4)
        wide, deep = rng.uniform(0.2, 0.8), rng.uniform(0.15, 0.5)
        wall = outer if rng.random() < 0.5 else inner
        sign = -1.0 if wall == outer else 1.0
        corners = np.array(
            [(along, wall), (along, wall + sign * deep), (along + wide, wall + sign * deep), (along + wide, wall)]
        )
        c, s = [(1, 0), (0, 1), (-1, 0), (0, -1)][side]
        lines.append([(c * x - s * y, s * x + c * y) for x, y in corners])
    return walls(lines)


def ring_path(half_m=9.0, laps=1.3, step_m=0.15, turn_rad=0.15):
    """[N, 3] true poses along the middle of the ring, counter-clockwise, turning on the spot at corners."""
    poses = [np.array([0.0, -half_m, 0.0])]
    left_m, side_left_m = laps * 8.0 * half_m, half_m
    while left_m > 0.0:
        if side_left_m <= 0.0:
            for _ in range(round(np.pi / 2 / turn_rad)):
                poses.append(compose(poses[-1], np.array([0.0, 0.0, np.pi / 2 / round(np.pi / 2 / turn_rad)])))
            side_left_m = 2.0 * half_m
        poses.append(compose(poses[-1], np.array([step_m, 0.0, 0.0])))
        left_m -= step_m
        side_left_m -= step_m
    return np.array(poses)


def storeys(thick_m=0.15):
    """[n, 4] walls of four rooms in a row, 4 m deep, between two corridors; all inner walls have two sides."""
    lines = [[(-8, -6), (8, -6), (8, 6), (-8, 6), (-8, -6)]]
    for low in (-2.0, 2.0):
        for left, right in ((-8.0, -6.5), (-5.5, -2.5), (-1.5, 1.5), (2.5, 5.5), (6.5, 8.0)):
            high = low + thick_m
            lines.append([(left, low), (right, low), (right, high), (left, high), (left, low)])
    for x in (-4.0, 0.0, 4.0):
        lines.append([(x, -2.0 + thick_m), (x, 2.0)])
        lines.append([(x + thick_m, -2.0 + thick_m), (x + thick_m, 2.0)])
    return walls(lines)


def storeys_path(step_m=0.15, turn_rad=0.15):
    """[N, 3] true poses: out through one corridor, up and down through the rooms, and home."""
    stops = [(-7.0, -4.0)]
    for k, x in enumerate((-6.0, -2.0, 2.0, 6.0)):
        ends = (-4.0, 4.0) if k % 2 == 0 else (4.0, -4.0)
        stops += [(x, ends[0]), (x, ends[1])]
    stops += [(7.0, -4.0), (-7.0, -4.0), (-6.0, -4.0), (-6.0, 4.0), (6.0, 4.0), (-6.0, 4.0)]
    poses = [np.array([*stops[0], 0.0])]
    for x, y in stops[1:]:
        gap = np.array([x, y]) - poses[-1][:2]
        turn = (np.arctan2(gap[1], gap[0]) - poses[-1][2] + np.pi) % (2.0 * np.pi) - np.pi
        turns = int(np.ceil(abs(turn) / turn_rad))
        poses += [compose(poses[-1], np.array([0.0, 0.0, turn * k / turns])) for k in range(1, turns + 1)]
        steps = int(np.ceil(np.hypot(*gap) / step_m))
        poses += [compose(poses[-1], np.array([np.hypot(*gap) * k / steps, 0.0, 0.0])) for k in range(1, steps + 1)]
    return np.array(poses)
