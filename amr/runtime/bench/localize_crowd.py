"""A corridor full of people, for ``amr bench localize``: does the pose hold, and does the robot keep believing it?

See ``localize_walkers`` for the people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.localization.map_field import MapField
from amr.runtime.bench.localize_tracks import DRIVE_S, SETTLED_S, Track, across_and_along, errors, followed
from amr.runtime.bench.localize_walkers import among, people_frac, walks_around
from amr.runtime.bench.localize_world import Site, drive

Array = NDArray[Any]

PEOPLE: Final = (6, 12, 24, 36)
"""Within a few meters of the robot; each number for one drive in turn."""
CROWDED_FRAC: Final = (0.3, 0.6)
"""Share of the beams that end on people in what counts as a crowd here."""
RIGHT_M: Final = 0.05
_SPEED_MPS: Final = 0.3


@dataclass(frozen=True, slots=True)
class CrowdDrive:
    """``track`` of one drive among ``people``, and ``people_frac`` [n]: share of each scan's beams that end on one."""

    people: int
    track: Track
    people_frac: Array


def crowd_drives(site: Site, field: MapField, robot: RobotConfig, seed: int, count: int) -> list[CrowdDrive]:
    """``count`` drives from a known start, wheels 2 % off, with the numbers of ``PEOPLE`` in turn."""
    alone = replace(site, world=replace(site.world, moving=()))
    drives = []
    for number in range(count):
        people, its_seed = PEOPLE[number % len(PEOPLE)], seed + number
        way = drive(alone, robot, its_seed, DRIVE_S, _SPEED_MPS, wheel_scale=1.02)
        walks = walks_around(alone, way, people, its_seed)
        sightings = drive(among(alone, walks), robot, its_seed, DRIVE_S, _SPEED_MPS, wheel_scale=1.02)
        track = followed(sightings, field, robot, its_seed)
        shares = {sighting.stamp_ns: people_frac(sighting, walks) for sighting in sightings}
        drives.append(CrowdDrive(people, track, np.array([shares[round(s * 1e9)] for s in track.stamps_s])))
    return drives


def crowd_scores(drives: list[CrowdDrive]) -> dict[str, Any]:
    """Over the scans with a crowd after the first second of driving: error, and how often it was called lost.

    A pose is right within ``RIGHT_M``, where nothing tells the way along a corridor within the 3 sigma that are stated.
    ``held``: drives that saw a crowd, were right at 95 % of those scans, and were never called lost.
    """
    parts: list[Array] = []
    held = 0
    for one in drives:
        track = one.track
        crowd = (track.stamps_s > SETTLED_S) & (one.people_frac >= CROWDED_FRAC[0])
        crowd &= one.people_frac <= CROWDED_FRAC[1]
        if not crowd.any():
            continue
        error_m, (across_m, along_sigmas) = errors(track)[0], across_and_along(track)
        right = (error_m <= RIGHT_M) | ((across_m <= RIGHT_M) & (along_sigmas <= 3.0))
        held += bool(right[crowd].mean() >= 0.95 and not track.lost.any())
        parts.append(np.column_stack([error_m, across_m, right, one.people_frac, track.sure, track.lost])[crowd])
    rows = np.concatenate(parts) if parts else np.full((1, 6), np.nan)
    names = ("right_frac", "people_frac", "sure_frac", "called_lost_frac")
    return {
        "drives": len(drives),
        "with_crowd": len(parts),
        "held": held,
        "scans": len(rows) if parts else 0,
        "error_m": dict(zip(("p50", "p95", "max"), np.percentile(rows[:, 0], (50, 95, 100)).tolist(), strict=True)),
        "across_p95_m": float(np.percentile(rows[:, 1], 95)),
        **dict(zip(names, rows[:, 2:].mean(axis=0).tolist(), strict=True)),
    }
