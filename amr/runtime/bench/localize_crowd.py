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
from amr.runtime.bench.localize_tracks import DRIVE_S, SETTLED_S, Track, errors, followed
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

    ``held``: drives that saw a crowd, had ``RIGHT_M`` at 95 % of those scans, and were never called lost.
    """
    error_m, people, sure, lost, held, with_crowd = [], [], [], [], 0, 0
    for one in drives:
        crowd = (one.track.stamps_s > SETTLED_S) & (one.people_frac >= CROWDED_FRAC[0])
        crowd &= one.people_frac <= CROWDED_FRAC[1]
        if not crowd.any():
            continue
        with_crowd += 1
        its_error_m = errors(one.track)[0][crowd]
        held += bool(np.percentile(its_error_m, 95) <= RIGHT_M and not one.track.lost.any())
        error_m.append(its_error_m)
        people.append(one.people_frac[crowd])
        sure.append(one.track.sure[crowd])
        lost.append(one.track.lost[crowd])
    if not with_crowd:
        return {"drives": len(drives), "with_crowd": 0, "held": 0, "scans": 0, "people_frac": None, "error_m": None,
                "within_frac": None, "sure_frac": None, "called_lost_frac": None}  # fmt: skip
    m = np.concatenate(error_m)
    return {
        "drives": len(drives),
        "with_crowd": with_crowd,
        "held": held,
        "scans": len(m),
        "people_frac": float(np.concatenate(people).mean()),
        "error_m": dict(zip(("p50", "p95", "max"), np.percentile(m, (50, 95, 100)).tolist(), strict=True)),
        "within_frac": float((m <= RIGHT_M).mean()),
        "sure_frac": float(np.concatenate(sure).mean()),
        "called_lost_frac": float(np.concatenate(lost).mean()),
    }
