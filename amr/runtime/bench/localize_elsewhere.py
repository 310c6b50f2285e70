"""``amr bench localize --elsewhere``: robots in a building that is not on the map, where every answer is a wrong one.

Each world's robot (each log's) is searched for on the maps of the others. Worlds of one kind are one building with
other furniture, so they are no pair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

from amr.errors import ConfigError
from amr.localization.map_field import MapField
from amr.localization.pose_filter import PoseFilter
from amr.localization.relocalize import Place, Relocalizer
from amr.runtime.bench.localize import LocalizeOptions, site_from
from amr.runtime.bench.localize_logs import read, scans_in_a_row, sought
from amr.runtime.bench.localize_places import trial
from amr.runtime.bench.localize_world import true_map

Progress = Callable[[str], None]


def worlds_elsewhere(options: LocalizeOptions, progress: Progress | None = None) -> dict[str, Any]:
    """``options.places`` trials for each pair of ``options.worlds`` of two kinds; raises ``ConfigError``."""
    from amr.runtime.files import load_robot
    from sim.scene import Scene

    say = progress or (lambda _: None)
    robot = load_robot(options.robot)
    pairs = [pair for pair in permutations(options.worlds, 2) if _kind(pair[0]) != _kind(pair[1])]
    if not pairs:
        raise ConfigError("--elsewhere: expected worlds of two kinds or more")
    sites = {name: site_from(name)[0] for name in options.worlds}
    fields = {name: MapField(true_map(site, robot, options.resolution_m)) for name, site in sites.items()}
    rows = []
    for on_map, stands_in in pairs:
        say(f"{stands_in} on the map of {on_map}")
        relocalizer = Relocalizer(fields[on_map], PoseFilter(fields[on_map]))
        site = sites[stands_in]
        scene = Scene(replace(site.world, moving=()))
        seeds = range(10_000 * options.seed + 500, 10_000 * options.seed + 500 + options.places)
        places = [trial(site, scene, relocalizer, robot, seed).place for seed in seeds]
        rows.append(_counted(on_map, stands_in, places))
    return _scores(rows)


def logs_elsewhere(data: list[Path], places: int, progress: Progress | None = None) -> dict[str, Any]:
    """At most ``places`` trials for each pair of logs; raises ``DataError`` and ``ConfigError``."""
    say = progress or (lambda _: None)
    if len(data) < 2:
        raise ConfigError("--elsewhere: expected --data of two logs or more")
    logs = {path.stem: read(path, None) for path in data}
    if len(logs) < len(data):
        raise ConfigError("--elsewhere: expected logs of different names")
    fields = {name: MapField(image) for name, (_, _, image) in logs.items()}
    rows = []
    for on_map, stands_in in permutations(logs, 2):
        say(f"{stands_in} on the map of {on_map}")
        log, reference, _ = logs[stands_in]
        relocalizer = Relocalizer(fields[on_map], PoseFilter(fields[on_map]))
        answers = [sought(log, relocalizer, scans)[0] for scans in scans_in_a_row(log, reference, places)]
        rows.append(_counted(on_map, stands_in, [Place.NOWHERE if one is None else one.place for one in answers]))
    return _scores(rows)


def _kind(world: str) -> str:
    return world.partition(":")[0]


def _counted(on_map: str, stands_in: str, places: list[Place]) -> dict[str, Any]:
    counts = {place.value: places.count(place) for place in Place}
    return {"map": on_map, "robot_in": stands_in, "trials": len(places), **counts}


def _scores(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """``found_frac``: false answers of all trials."""
    trials, found = (sum(row[key] for row in rows) for key in ("trials", "found"))
    return {"pairs": rows, "trials": trials, "found": found, "found_frac": found / trials if trials else None}
