"""The last pass: every scan matched once more, against the fixed keyframes near it, and smoothed along the odometry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from scipy.linalg import solveh_banded

from amr.mapping.match_noise import MatchNoise
from amr.mapping.odometry_trust import OdometryTrust
from amr.mapping.pose_arrays import Array, between, wrapped
from amr.mapping.scan_matching import LineMap, LineMatchSettings

_NEAR: Final = 12
_NEAR_M: Final = 3.0
_FIRST_REACH_M: Final = 0.3
_WEAK_INFORMATION: Final = np.diag([25.0, 25.0, 400.0])


def rematched(
    points: list[Array | None], poses: Array, key_scans: Array, matching: LineMatchSettings, reach_m: float = 60.0
) -> tuple[Array, Array]:
    """Matches [N, 3] of all scans against the keyframes (scan numbers ``key_scans``) and their information [N, 3, 3].

    ``poses`` [N, 3] of all scans stay as they are for the keyframes' sake. No information where a scan is None.
    ``matching``: but for its first reach, for the poses are good already.
    """
    matches, information = poses.copy(), np.zeros((len(poses), 3, 3))
    line_map, settings = LineMap(reach_m, sided=True), replace(matching, first_reach_m=_FIRST_REACH_M).as_array()
    key_poses = poses[key_scans]
    built: tuple[int, ...] = ()
    for k, scan in enumerate(points):
        if scan is None:
            continue
        near = _nearest(poses[k], key_poses, key_scans != k)
        if len(near) == 0:
            continue
        if built != tuple(near):
            built = tuple(near)
            line_map.build(poses[k, :2], [points[key_scans[n]] for n in near], key_poses[near])
        match = line_map.match(scan, poses[k], settings, poses[k], _WEAK_INFORMATION)
        matches[k], information[k] = match.pose, match.information
    return matches, information


def _nearest(pose: Array, key_poses: Array, allowed: Array) -> Array:
    """Numbers of the keyframes that see what this scan sees: near, and looking the same way first."""
    offset = key_poses - pose
    distance = np.hypot(offset[:, 0], offset[:, 1])
    apart = distance + 1.0 * np.abs(wrapped(offset[:, 2]))
    near = np.nonzero(allowed & (distance < _NEAR_M))[0]
    return np.sort(near[np.argsort(apart[near], kind="stable")[:_NEAR]])


def smoothed(
    poses: Array, matches: Array, information: Array, odometry: Array, trust: OdometryTrust, noise: MatchNoise,
    iterations: int = 3,
) -> Array:  # fmt: skip
    """Poses [N, 3] between the matches and the odometry: Gauss-Newton on the chain, block-tridiagonal.

    A match far off the rest (over 3 deviations) counts less, by Cauchy weights.
    """
    poses = poses.copy()
    steps = trust.corrected(between(odometry[:-1], odometry[1:]))
    precision = np.array([np.linalg.inv(trust.covariance(step)) for step in steps])
    claims = np.array([noise.honest(part) for part in information])
    count = len(poses)
    for _ in range(iterations):
        s, c = np.sin(poses[:-1, 2]), np.cos(poses[:-1, 2])
        dx, dy = np.diff(poses[:, 0]), np.diff(poses[:, 1])
        error = between(poses[:-1], poses[1:]) - steps
        error[:, 2] = wrapped(error[:, 2])
        a, b = np.zeros((count - 1, 3, 3)), np.zeros((count - 1, 3, 3))
        a[:, 0, 0], a[:, 0, 1], a[:, 0, 2] = -c, -s, -s * dx + c * dy
        a[:, 1, 0], a[:, 1, 1], a[:, 1, 2] = s, -c, -c * dx - s * dy
        a[:, 2, 2] = -1.0
        b[:, 0, 0], b[:, 0, 1], b[:, 1, 0], b[:, 1, 1], b[:, 2, 2] = c, s, -s, c, 1.0
        weight = 1.0 / (1.0 + np.einsum("ki,kij,kj->k", error, precision, error) / 27.0)
        left = np.einsum("kji,kjl->kil", a, precision * weight[:, None, None])
        right = np.einsum("kji,kjl->kil", b, precision * weight[:, None, None])
        off = matches - poses
        off[:, 2] = wrapped(off[:, 2])
        trusted = claims / (1.0 + np.einsum("ki,kij,kj->k", off, claims, off) / 27.0)[:, None, None]
        diagonal = trusted + np.eye(3) * 1e-6
        g = np.einsum("kij,kj->ki", trusted, off)
        diagonal[:-1] += left @ a
        diagonal[1:] += right @ b
        g[:-1] -= np.einsum("kij,kj->ki", left, error)
        g[1:] -= np.einsum("kij,kj->ki", right, error)
        poses += _solve_chain(diagonal, left @ b, g)
        poses[:, 2] = wrapped(poses[:, 2])
    return poses


def _solve_chain(diagonal: Array, upper: Array, g: Array) -> Array:
    """x [N, 3] of the symmetric block-tridiagonal system; ``upper`` [N - 1] lie right of ``diagonal`` [N]."""
    count = len(diagonal)
    bands = np.zeros((6, 3 * count))  # lower form: bands[d, j] = H[j + d, j]
    for i in range(3):
        for j in range(3):
            if i >= j:
                bands[i - j, j::3] = diagonal[:, i, j]
            bands[3 + i - j, j : 3 * (count - 1) : 3] = upper[:, j, i]
    solution: Any = solveh_banded(bands, g.ravel(), lower=True)
    result: Array = solution.reshape(count, 3)
    return result
