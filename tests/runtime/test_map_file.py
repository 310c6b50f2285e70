"""Our own map file: whole or refused; maps from logs; two sessions joined into one map."""

from __future__ import annotations

import math
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from amr.cli.main import app
from amr.errors import DataError
from amr.mapping.base import between, compose, wrapped
from amr.mapping.slam import Slam
from amr.mapping.slam_record import SlamRecord, back_of, record_of
from amr.runtime.bench.localize_world import drive, site_of
from amr.runtime.files import load_robot
from amr.runtime.map_file import MAGIC, load_map, map_picture, save_map
from amr.runtime.map_make import map_of_log, merged
from amr.runtime.maps import load_ros_map
from amr.runtime.saved_map import load_saved_map
from amr.runtime.snapshot import pack
from sim.worlds.generate import world_of


def small_record(count: int = 4) -> SlamRecord:
    random = np.random.default_rng(3)
    return SlamRecord(
        poses=np.column_stack([np.arange(count), np.zeros(count), np.zeros(count)]).astype(float),
        points=tuple(random.uniform(-3.0, 3.0, (40, 2)).astype(np.float32) for _ in range(count)),
        steps=np.tile([1.0, 0.0, 0.0], (count, 1)),
        step_information=np.tile(np.eye(3), (count, 1, 1)),
        sessions=np.zeros(1, np.int64),
        pairs=np.array([[0, count - 1]]),
        measured=np.array([[count - 1.0, 0.0, 0.0]]),
        information=np.eye(3)[None],
        quality=np.array([[0.9, 0.7, 1.0]]),
    )


def assert_same(one: SlamRecord, other: SlamRecord) -> None:
    for name in ("poses", "steps", "step_information", "sessions", "pairs", "measured", "information", "quality"):
        assert (getattr(one, name) == getattr(other, name)).all()
    assert one.resolution_m == other.resolution_m
    assert all((a == b).all() for a, b in zip(one.points, other.points, strict=True))


# ------------------------------------------------------------ the file


def test_map_comes_back_as_it_was(tmp_path):
    record = small_record()
    save_map(tmp_path / "a.amrmap", record)
    assert_same(load_map(tmp_path / "a.amrmap"), record)
    assert [path.name for path in tmp_path.iterdir()] == ["a.amrmap"]


def test_file_that_is_torn_anywhere_is_refused(tmp_path):
    path = tmp_path / "a.amrmap"
    save_map(path, small_record())
    data = path.read_bytes()
    for end in [*range(40), *range(40, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:end])
        with pytest.raises(DataError, match=r"a\.amrmap"):
            load_map(path)


def test_file_with_a_changed_byte_is_refused(tmp_path):
    path = tmp_path / "a.amrmap"
    save_map(path, small_record())
    data = path.read_bytes()
    for at in [*range(len(MAGIC) + 12), *range(len(MAGIC) + 12, len(data), 131)]:
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        with pytest.raises(DataError):
            load_map(path)


def test_map_of_another_version_says_so(tmp_path):
    path = tmp_path / "a.amrmap"
    save_map(path, small_record())
    path.write_bytes(path.read_bytes().replace(MAGIC, MAGIC[:-2] + b"\x07\n"))
    with pytest.raises(DataError, match="version 7, this one reads 1"):
        load_map(path)


def test_missing_file_folder_and_stranger_are_told(tmp_path):
    (tmp_path / "b.amrmap").write_bytes(b"\x89PNG something else")
    for path, text in ((tmp_path / "none", "cannot be read"), (tmp_path, "cannot be read"),
                       (tmp_path / "b.amrmap", "expected a map")):  # fmt: skip
        with pytest.raises(DataError, match=text):
            load_map(path)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"poses": np.zeros((4, 2))}, "poses: expected"),
        ({"poses": np.full((4, 3), np.nan)}, "poses: not finite"),
        ({"points": small_record().points[:3]}, "as many scans"),
        ({"points": (np.zeros((3, 3)),) * 4}, "points: expected"),
        ({"points": (np.full((3, 2), np.inf),) * 4}, "points: expected"),
        ({"pairs": np.array([[0, 4]])}, "pairs: expected numbers"),
        ({"sessions": np.array([-1])}, "sessions: expected numbers"),
        ({"quality": np.zeros((2, 3))}, "as many measurements"),
        ({"resolution_m": 0.0}, "resolution_m"),
        ({"poses": np.zeros((0, 3)), "points": (), "steps": np.zeros((0, 3)), "step_information": np.zeros((0, 3, 3))},
         "at least one"),
    ],
)  # fmt: skip
def test_whole_file_whose_parts_do_not_fit_is_refused(tmp_path, changes, text):
    save_map(tmp_path / "a.amrmap", replace(small_record(), **changes))
    with pytest.raises(DataError, match=text):
        load_map(tmp_path / "a.amrmap")


def test_body_of_another_kind_is_refused(tmp_path):
    import struct

    body = pack([1, 2, 3])
    head = struct.pack("<QI", len(body), zlib.crc32(body))
    (tmp_path / "a.amrmap").write_bytes(MAGIC + head + zlib.compress(body))
    with pytest.raises(DataError, match="parts of a map"):
        load_map(tmp_path / "a.amrmap")


def test_older_file_stays_where_the_new_one_cannot_be_written(tmp_path, monkeypatch):
    path = tmp_path / "a.amrmap"
    save_map(path, small_record())
    before = path.read_bytes()

    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(DataError, match="No space left"):
        save_map(path, small_record(6))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.amrmap"]


def test_back_end_of_a_record_holds_what_the_record_holds():
    record = small_record()
    assert_same(record_of(back_of(record), record.poses), record)


# ------------------------------------------------------------ maps from drives, and of two drives


def mapped(seed: int, duration_s: float) -> tuple[SlamRecord, np.ndarray]:
    """A drive through the rooms of seed 5: its map, and the true pose of each keyframe."""
    site = site_of(world_of("rooms", 5).world())
    slam = Slam()
    sightings = drive(site, load_robot("reference"), seed, duration_s)
    for sighting in sightings:
        slam.add(sighting.points, sighting.odometry)
    poses = slam.finish()
    used = [key.scan for key in slam.keyframes]
    return record_of(slam.back, poses[used]), np.array([sightings[k].truth for k in used])


@pytest.mark.slow
def test_two_sessions_become_one_map_that_fits_the_truth():
    one, one_truth = mapped(1, 60.0)
    other, other_truth = mapped(2, 50.0)
    both = merged(one, other)
    count = len(one.poses)
    assert both.sessions.tolist() == [0, count]
    assert len(both.poses) == count + len(other.poses)
    assert ((both.pairs[:, 0] < count) & (both.pairs[:, 1] >= count)).sum() >= 3, "loops join the sessions"
    truth = np.concatenate([one_truth, other_truth])
    world_from_map = compose(one_truth[0], between(both.poses[0], np.zeros(3)))
    gap = compose(world_from_map, both.poses) - truth
    assert np.median(np.hypot(gap[:, 0], gap[:, 1])[count:]) < 0.15
    assert np.median(np.abs(wrapped(gap[count:, 2]))) < math.radians(1.5)


@pytest.mark.slow
def test_maps_that_share_no_place_are_not_merged():
    one, _ = mapped(1, 40.0)
    random = np.random.default_rng(1)
    points = tuple(random.uniform(-6.0, 6.0, (300, 2)).astype(np.float32) for _ in range(20))
    strange = replace(small_record(20), points=points)
    with pytest.raises(DataError, match="no places that both maps have seen"):
        merged(one, strange)


@pytest.mark.slow
def test_command_line_makes_a_map_of_a_drive_and_hands_it_to_ros_and_to_a_drive(tmp_path):
    from amr.runtime.simulate import run

    log, ours, theirs = tmp_path / "run.mcap", tmp_path / "office.amrmap", tmp_path / "office.yaml"
    run("office", seed=2, backend="planar", log=log)
    assert CliRunner().invoke(app, ["map", "make", str(log), "--out", str(ours)]).exit_code == 0
    assert CliRunner().invoke(app, ["map", "export", str(ours), "--out", str(theirs)]).exit_code == 0
    record = load_map(ours)
    assert len(record.poses) > 30
    image = load_ros_map(theirs)
    assert (image.pixels == map_picture(record).pixels).all()
    assert (load_saved_map(ours, load_robot("reference")).pixels == image.pixels).all()


def test_log_that_is_none_is_told(tmp_path: Path):
    (tmp_path / "run.mcap").write_bytes(b"nothing")
    with pytest.raises(DataError, match="no log of amr"):
        map_of_log(tmp_path / "run.mcap")
