"""Drives on a known map, for ``amr bench localize``: error of the online pose, kidnaps, and "am I lost?"."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.localization.base import Belief
from amr.localization.localizer import Localizer
from amr.localization.map_field import MapField
from amr.mapping.base import wrapped
from amr.runtime.bench.localize_fit import is_lost
from amr.runtime.bench.localize_world import STANDS_S, Sighting, Site, drive

Array = NDArray[Any]

DRIVE_S: Final = 60.0
KIDNAP_DRIVE_S: Final = 90.0
KIDNAP_S: Final = 10.0
SETTLED_S: Final = STANDS_S + 1.0


@dataclass(frozen=True, slots=True)
class Track:
    """Rows of a drive: ``stamps_s`` [n], ``truth`` and ``pose`` [n, 3], ``covariance`` [n, 3, 3], ``lost_frac`` [n],
    ``sure`` [n] (the robot believed its pose), ``lost`` [n] (it believed that it had none)."""

    stamps_s: Array
    truth: Array
    pose: Array
    covariance: Array
    lost_frac: Array
    sure: Array
    lost: Array


def tracked(site: Site, field: MapField, robot: RobotConfig, seed: int, kidnaps_s: tuple[float, ...] = ()) -> Track:
    """One drive from a known start, wheels 2 % off."""
    duration_s = KIDNAP_DRIVE_S if kidnaps_s else DRIVE_S
    return followed(drive(site, robot, seed, duration_s, wheel_scale=1.02, kidnaps_s=kidnaps_s), field, robot, seed)


def followed(sightings: list[Sighting], field: MapField, robot: RobotConfig, seed: int) -> Track:
    """What a localizer that is told the start makes of a drive."""
    localizer = Localizer(field, seed, np.array([robot.lidar.x_m, robot.lidar.y_m]))
    localizer.start_at(sightings[0].truth)
    rows = []
    for sighting in sightings:
        fix = localizer.update(sighting.points, sighting.odometry, sighting.covariance)
        if fix is not None:
            sure, lost = fix.belief is Belief.SURE, fix.belief is Belief.LOST
            rows.append((sighting.stamp_ns / 1e9, sighting.truth, fix.pose, fix.covariance, fix.lost_frac, sure, lost))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Track(*columns)


def errors(track: Track) -> tuple[Array, Array]:
    """(m [n], rad [n]) of each row."""
    gap = track.pose - track.truth
    return np.hypot(gap[:, 0], gap[:, 1]), np.abs(wrapped(gap[:, 2]))


def sigma_of(track: Track) -> Array:
    """[n, 3] standard deviations."""
    deviations: Array = np.sqrt(np.diagonal(track.covariance, axis1=1, axis2=2))
    return deviations


def across_and_along(track: Track) -> tuple[Array, Array]:
    """Errors [n] across (m; the direction that the robot says it knows best) and along (in stated sigmas)."""
    variances, axes = np.linalg.eigh(track.covariance[:, :2, :2])
    gap = (track.pose - track.truth)[:, :2]
    by_axis = np.einsum("nij,ni->nj", axes, gap)
    return np.abs(by_axis[:, 0]), np.abs(by_axis[:, 1]) / np.sqrt(variances[:, 1])


def pose_scores(tracks: list[Track]) -> dict[str, Any]:
    """Percentiles of the error after the first second of driving, over all drives, and how honest sigma is."""
    error_m, error_rad, beyond, lost, across, along = [], [], [], [], [], []
    for track in tracks:
        settled = track.stamps_s > SETTLED_S
        e_m, e_rad = errors(track)
        error_m.append(e_m[settled])
        error_rad.append(e_rad[settled])
        gap = track.pose - track.truth
        gap[:, 2] = wrapped(gap[:, 2])
        beyond.append((np.abs(gap) > 3.0 * sigma_of(track)).any(axis=1)[settled])
        lost.append(track.lost_frac[settled])
        its_across, its_along = across_and_along(track)
        across.append(its_across[settled])
        along.append(its_along[settled])
    m, rad = np.concatenate(error_m), np.concatenate(error_rad)
    chance = np.concatenate(lost)
    return {
        "drives": len(tracks),
        "scans": len(m),
        "error_m": dict(zip(("p50", "p95", "max"), np.percentile(m, (50, 95, 100)).tolist(), strict=True)),
        "error_deg": dict(
            zip(("p50", "p95", "max"), np.degrees(np.percentile(rad, (50, 95, 100))).tolist(), strict=True)
        ),
        "across_p95_m": float(np.percentile(np.concatenate(across), 95)),
        "along_beyond_3_sigma_frac": float((np.concatenate(along) > 3.0).mean()),
        "beyond_3_sigma_frac": float(np.concatenate(beyond).mean()),
        "called_lost_frac": float((chance > 0.5).mean()),
    }


def kidnap_scores(tracks: list[Track]) -> dict[str, Any]:
    """How soon a carried-off robot says so, and how soon it is sure and right again; wrong = sure, but lost, after it
    had said that it is lost."""
    noticed_s, found_s, wrong, undetected = [], [], 0, 0
    for track in tracks:
        lost = np.array([is_lost(pose, truth) for pose, truth in zip(track.pose, track.truth, strict=True)])
        after = np.nonzero((track.stamps_s >= KIDNAP_S) & lost)[0]
        if len(after) == 0:
            continue
        begin = int(after[0])
        told = np.nonzero(~track.sure[begin:])[0]
        right = np.nonzero(track.sure[begin:] & ~lost[begin:])[0]
        found_s.append(track.stamps_s[begin + right[0]] - KIDNAP_S if len(right) else math.inf)
        if len(told):
            noticed_s.append(track.stamps_s[begin + told[0]] - KIDNAP_S)
            wrong += bool((track.sure & lost)[begin + told[0] :].any())
        else:
            undetected += 1
    return {
        "kidnaps": len(found_s),
        "noticed_s": _spread(noticed_s),
        "found_s": _spread(found_s),
        "never_found": int(np.isinf(found_s).sum()) if found_s else 0,
        "never_noticed": undetected,
        "sure_at_a_wrong_place": wrong,
    }


def _spread(values: list[float]) -> dict[str, float | None]:
    if not values:
        return {"p50": None, "p90": None, "max": None}
    p50, p90, largest = np.percentile(values, (50, 90, 100), method="higher")
    return {"p50": float(p50), "p90": float(p90), "max": float(largest)}
