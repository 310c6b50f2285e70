"""``amr bench localize``: made worlds with a known map, or logs of real robots; see the modules beside this one."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.errors import ConfigError, DataError
from amr.localization.lost import LostModel
from amr.localization.map_field import MapField
from amr.mapping.base import MapImage, compose, placed
from amr.mapping.slam import Slam
from amr.mapping.slam_map import map_image
from amr.runtime.bench.localize_crowd import crowd_drives, crowd_scores
from amr.runtime.bench.localize_fit import filtered, kidnapped_run, roc
from amr.runtime.bench.localize_logs import LogTrial, kidnapped_log, log_scores, log_trials, read
from amr.runtime.bench.localize_picture import draw
from amr.runtime.bench.localize_places import Trial, place_scores, trials
from amr.runtime.bench.localize_robot import RobotDrive, robot_drives, robot_scores
from amr.runtime.bench.localize_speed import particle_times
from amr.runtime.bench.localize_tracks import KIDNAP_S, Track, kidnap_scores, pose_scores, sigma_of, tracked
from amr.runtime.bench.localize_world import Site, crowded, drive, site_of, true_map, tube
from amr.runtime.maps import load_ros_map, save_ros_map

Array = NDArray[Any]
Progress = Callable[[str], None]

KINDS: Final = ("office", "warehouse", "rooms", "corridor", "tube")
_MAPPING_S: Final = 240.0


@dataclass(frozen=True, slots=True)
class LocalizeOptions:
    """``worlds``: "KIND:SEED" each. ``map_by``: the world's truth, or our SLAM on a drive of four minutes.

    ``robot_drives``: of each mode, with the whole robot on ``backend``. ``crowd``: drives in a crowd.
    """

    worlds: tuple[str, ...] = ("office:901", "warehouse:901")
    robot: str = "reference"
    drives: int = 4
    kidnaps: int = 6
    places: int = 20
    robot_drives: int = 0
    backend: str = "planar"
    resolution_m: float = 0.05
    people: int = 0
    crowd: int = 0
    map_by: Literal["truth", "slam"] = "truth"
    seed: int = 0
    out: Path | None = None


def run_worlds(options: LocalizeOptions, progress: Progress | None = None) -> dict[str, Any]:
    """One result for each world; places of all together; ROC of a localizer that is carried off and only tells."""
    from amr.runtime.files import load_robot

    say = progress or (lambda _: None)
    robot = load_robot(options.robot)
    rows: list[dict[str, Any]] = []
    told: list[tuple[Array, Array]] = []
    places: list[Trial] = []
    for text in options.worlds:
        row, its_places = _one_world(text, robot, options, say)
        rows.append(row)
        places += its_places
        kind, _, number = text.partition(":")
        if options.kidnaps and kind != "tube":
            told.append(kidnapped_run((kind, int(number), options.people, 0), robot))
    lost = roc(*filtered(LostModel(), told)) if told else None
    return {
        "worlds": rows,
        "lost": lost,
        "places": place_scores(places),
        "map_by": options.map_by,
        "resolution_m": options.resolution_m,
    }


def run_logs(
    data: list[Path], map_path: Path | None, out: Path | None, places: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Relocalization on logs, at most ``places`` trials each, and "am I lost?" where the truth is known.

    Raises ``DataError``.
    """
    say = progress or (lambda _: None)
    given = None if map_path is None else load_ros_map(map_path)
    rows: list[dict[str, Any]] = []
    told: list[tuple[Array, Array]] = []
    for path in data:
        say(path.stem)
        try:
            log, reference, image = read(path, given)
            done = log_trials(log, reference, image, places)
            if reference is not None:
                told += kidnapped_log(log, reference, image)
        except ValueError as error:
            raise DataError(f"{map_path or path}: {error}") from error
        rows.append(log_scores(path.stem, done))
        if out is not None:
            _write_log(out, path.stem, done, image)
    return {"logs": rows, "lost": roc(*filtered(LostModel(), told)) if told else None}


def _one_world(
    text: str, robot: RobotConfig, options: LocalizeOptions, say: Progress
) -> tuple[dict[str, Any], list[Trial]]:
    site, seed = site_from(text)
    name = text.replace(":", "-")
    say(f"{name}: map")
    cell_m = options.resolution_m
    image = true_map(site, robot, cell_m) if options.map_by == "truth" else slam_map_of(site, robot, seed, cell_m)
    if options.people:
        site = crowded(site, options.people, seed)
    field = MapField(image)
    say(f"{name}: drives")
    base = 1000 * options.seed
    drives = [tracked(site, field, robot, base + k) for k in range(options.drives)]
    kidnaps = [tracked(site, field, robot, base + 500 + k, (KIDNAP_S,)) for k in range(options.kidnaps)]
    crowd = crowd_drives(site, field, robot, base + 700, options.crowd)
    say(f"{name}: places")
    places = trials(site, field, robot, seed + options.seed, options.places)
    whole: list[RobotDrive] = []
    if options.robot_drives:
        say(f"{name}: the whole robot")
        whole = robot_drives(site, image, robot, seed + options.seed, options.robot_drives, options.backend)
    row = {
        "name": name,
        "cells": image.pixels.size,
        "pose": pose_scores(drives) if drives else None,
        "kidnap": kidnap_scores(kidnaps),
        "crowd": crowd_scores(crowd) if crowd else None,
        "places": place_scores(places),
        "robot": robot_scores(whole) if whole else None,
        "speed": particle_times(field, drive(site, robot, base, 20.0)),
    }
    if options.out is not None:
        _write_world(options.out, name, image, drives, kidnaps, places)
    return row, places


def site_from(text: str) -> tuple[Site, int]:
    """The world of "KIND:SEED"; raises ``ConfigError``."""
    from sim.worlds.generate import world_of

    kind, colon, seed = text.partition(":")
    if kind not in KINDS or not (colon and seed.isdigit()):
        raise ConfigError(f"--world {text}: expected KIND:SEED, kind one of {', '.join(KINDS)}")
    model = tube(int(seed)) if kind == "tube" else world_of(kind, int(seed))
    return site_of(model.world()), int(seed)


def best_fit(points: Array, targets: Array) -> Array:
    """The pose [3] that lays ``points`` [n, 2] on ``targets`` [n, 2] with the least squares."""
    middle, goal = points.mean(axis=0), targets.mean(axis=0)
    a, b = points - middle, targets - goal
    yaw_rad = math.atan2(float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()), float((a * b).sum()))
    pose: Array = np.append(goal - placed(middle[None], np.array([0.0, 0.0, yaw_rad]))[0], yaw_rad)
    return pose


def slam_map_of(site: Site, robot: RobotConfig, seed: int, resolution_m: float = 0.05) -> MapImage:
    """The map that our SLAM makes of a drive, laid on the world so that its keyframes fit best (rigidly)."""
    slam = Slam()
    sightings = drive(site, robot, seed + 77, _MAPPING_S, wheel_scale=1.02)
    for sighting in sightings:
        slam.add(sighting.points, sighting.odometry)
    poses = slam.finish()
    keyframes = slam.keyframes
    used = [key.scan for key in keyframes]
    world_from_map = best_fit(poses[used, :2], np.array([sightings[k].truth[:2] for k in used]))
    placed_at = compose(world_from_map, poses[[key.scan for key in keyframes]])
    return map_image([key.points for key in keyframes], placed_at, resolution_m)


def _write_world(
    out: Path, name: str, image: MapImage, drives: list[Track], kidnaps: list[Track], places: list[Trial]
) -> None:
    """``NAME.yaml`` and ``.pgm``, ``NAME-drives.csv``, ``NAME-places.csv`` and ``NAME.png``."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        save_ros_map(out / f"{name}.yaml", image)
        with (out / f"{name}-drives.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow([
                "drive", "t_s", "x_true_m", "y_true_m", "yaw_true_rad", "x_m", "y_m", "yaw_rad", "sigma_x_m",
                "sigma_y_m", "sigma_yaw_rad", "lost_frac", "sure",
            ])  # fmt: skip
            for number, track in enumerate(drives + kidnaps):
                sigma = sigma_of(track)
                for k, stamp_s in enumerate(track.stamps_s):
                    values = (*track.truth[k], *track.pose[k], *sigma[k], track.lost_frac[k])
                    table.writerow([number, f"{stamp_s:.3f}", *(f"{v:.5f}" for v in values), int(track.sure[k])])
        rows = [
            (number, one.verdict, one.place.value, one.scans, one.probability, one.truth, one.guess)
            for number, one in enumerate(places)
        ]
        _write_places(out / f"{name}-places.csv", rows)
        draw(out / f"{name}.png", image, drives[0] if drives else None, places)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror}") from error


def _write_log(out: Path, name: str, done: list[LogTrial], image: MapImage) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        save_ros_map(out / f"{name}.yaml", image)
        rows = [
            (one.first_scan, one.verdict, one.verdict, one.scans, one.probability, one.truth, one.guess) for one in done
        ]
        _write_places(out / f"{name}-places.csv", rows)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror}") from error


def _write_places(path: Path, rows: list[tuple[int, str, str, int, float, Array, Array]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([
            "trial", "verdict", "state", "scans", "probability", "x_true_m", "y_true_m", "yaw_true_rad", "x_m", "y_m",
            "yaw_rad",
        ])  # fmt: skip
        for number, verdict, state, scans, probability, truth, guess in rows:
            poses = ["" if np.isnan(value) else f"{value:.4f}" for value in (*truth, *guess)]
            table.writerow([number, verdict, state, scans, f"{probability:.5f}", *poses])
