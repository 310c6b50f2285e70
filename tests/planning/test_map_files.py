"""Map files: what is read is what was written, and each wrong file is named in one line."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from amr.errors import DataError
from amr.grid import GridFrame
from amr.mapping.base import MapImage
from amr.runtime.maps import (
    Problem,
    load_cost_array,
    load_moving_ai_map,
    load_moving_ai_scenario,
    load_ros_map,
    save_ros_map,
)

YAML = (
    "image: map.png\nresolution: 0.05\norigin: [-1.5, 2.0, 0.0]\nnegate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.196\n"
)
MAP = "type octile\nheight 3\nwidth 4\nmap\n....\n.@TS\nG.W.\n"


def write_png_map(folder: Path, yaml: str = YAML, pixels: list[list[int]] | None = None) -> Path:
    Image.fromarray(np.array(pixels or [[0, 254], [205, 254], [254, 100]], np.uint8)).save(folder / "map.png")
    (folder / "map.yaml").write_text(yaml)
    return folder / "map.yaml"


def test_ros_map_comes_with_the_smallest_y_first(tmp_path: Path) -> None:
    image = load_ros_map(write_png_map(tmp_path))
    assert image.frame == GridFrame(-1.5, 2.0, 0.05, 2, 3)
    assert image.pixels.tolist() == [[254, 205], [205, 254], [0, 254]]


def test_negated_and_colored_images_mean_the_same(tmp_path: Path) -> None:
    plain = load_ros_map(write_png_map(tmp_path)).pixels
    negated = [[255, 1], [50, 1], [1, 155]]
    assert (
        load_ros_map(write_png_map(tmp_path, YAML.replace("negate: 0", "negate: 1"), negated)).pixels == plain
    ).all()
    gray = np.array([[0, 254], [205, 254], [254, 100]], np.uint8)
    Image.fromarray(np.stack([gray] * 3, axis=2)).save(tmp_path / "map.png")
    (tmp_path / "map.yaml").write_text(YAML)
    assert (load_ros_map(tmp_path / "map.yaml").pixels == plain).all()


def test_saved_ros_map_reads_back_equal(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).choice(np.array([0, 205, 254], np.uint8), (7, 5))
    written = MapImage(GridFrame(-3.25, 0.1, 0.05, 5, 7), pixels)
    save_ros_map(tmp_path / "office.yaml", written)
    read = load_ros_map(tmp_path / "office.yaml")
    assert read.frame == written.frame
    assert (read.pixels == pixels).all()
    with pytest.raises(DataError, match="cannot be written"):
        save_ros_map(tmp_path / "nowhere" / "office.yaml", written)


def test_saved_png_reads_back_equal(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).choice(np.array([0, 205, 254], np.uint8), (4, 9))
    written = MapImage(GridFrame(0.0, -2.0, 0.1, 9, 4), pixels)
    save_ros_map(tmp_path / "hall.yaml", written, ".png")
    assert not (tmp_path / "hall.pgm").exists()
    read = load_ros_map(tmp_path / "hall.yaml")
    assert read.frame == written.frame
    assert (read.pixels == pixels).all()


def test_raw_pixels_are_percent_and_negate_does_not_touch_them(tmp_path: Path) -> None:
    pixels = [[0, 100], [50, 255], [19, 66]]
    for negate in ("0", "1"):
        yaml = YAML.replace("negate: 0", f"negate: {negate}") + "mode: raw\n"
        assert load_ros_map(write_png_map(tmp_path, yaml, pixels)).pixels.tolist() == [[254, 0], [205, 205], [254, 0]]


def test_scaled_map_has_unknown_between_its_thresholds_and_where_it_is_see_through(tmp_path: Path) -> None:
    gray = np.array([[0, 254], [120, 254], [254, 0]], np.uint8)
    alpha = np.array([[255, 255], [255, 0], [255, 255]], np.uint8)
    Image.fromarray(np.dstack([gray, gray, gray, alpha])).save(tmp_path / "map.png")
    (tmp_path / "map.yaml").write_text(YAML + "mode: scale\n")
    assert load_ros_map(tmp_path / "map.yaml").pixels.tolist() == [[254, 0], [205, 205], [0, 254]]
    (tmp_path / "map.yaml").write_text(YAML)
    assert load_ros_map(tmp_path / "map.yaml").pixels.tolist() == [[254, 0], [205, 254], [0, 254]]


def test_quarter_turn_is_exact(tmp_path: Path) -> None:
    yaml = YAML.replace("[-1.5, 2.0, 0.0]", f"[1.0, 2.0, {np.pi / 2!r}]")
    image = load_ros_map(write_png_map(tmp_path, yaml))
    # the file's first column lies along the map's negative x axis now
    assert image.frame.width == 3
    assert image.frame.height == 2
    assert (image.frame.origin_x_m, image.frame.origin_y_m) == pytest.approx((0.85, 2.0))
    assert image.pixels.tolist() == [[0, 205, 254], [254, 254, 205]]


def test_turned_map_keeps_its_walls_where_they_are_and_whole(tmp_path: Path) -> None:
    from scipy import ndimage

    pixels = np.full((60, 80), 254, np.uint8)
    pixels[30, 5:75] = 0
    yaw_rad = 0.6
    yaml = YAML.replace("[-1.5, 2.0, 0.0]", f"[-1.5, 2.0, {yaw_rad}]")
    image = load_ros_map(write_png_map(tmp_path, yaml, pixels.tolist()))
    rows, columns = np.nonzero(image.pixels == 0)
    x = image.frame.origin_x_m + (columns + 0.5) * 0.05 + 1.5
    y = image.frame.origin_y_m + (rows + 0.5) * 0.05 - 2.0
    along, across = np.cos(yaw_rad) * x + np.sin(yaw_rad) * y, np.cos(yaw_rad) * y - np.sin(yaw_rad) * x
    assert np.abs(across - 29.5 * 0.05).max() <= 0.025 + 1e-9
    assert along.min() == pytest.approx(0.25, abs=0.05)
    assert along.max() == pytest.approx(3.75, abs=0.05)
    assert ndimage.label(image.pixels == 0, np.ones((3, 3)))[1] == 1
    assert set(np.unique(image.pixels)) == {0, 205, 254}


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("image: [", "line 1"),
        ("- 1\n", "expected keys image"),
        (YAML.replace("0.05", "-1"), "resolution: expected a number"),
        (YAML.replace("0.05", ".nan"), "resolution"),
        (YAML.replace("resolution: 0.05\n", ""), "resolution"),
        (YAML.replace("[-1.5, 2.0, 0.0]", "[-1.5, .inf, 0.0]"), "origin"),
        (YAML.replace("[-1.5, 2.0, 0.0]", "[-1.5, 2.0, .nan]"), "origin"),
        (YAML.replace("0.196", "0.7"), "free_thresh: expected less"),
        (YAML.replace("negate: 0", "negate: 2"), "negate"),
        (YAML.replace("0.65", "high"), "occupied_thresh"),
        (YAML.replace("image: map.png\n", ""), "image: expected"),
        (YAML.replace("map.png", "gone.png"), "gone.png: no such file"),
        (YAML + "mode: gray\n", "mode: expected trinary, scale or raw"),
    ],
)
def test_wrong_ros_yaml_is_named_in_one_line(tmp_path: Path, yaml: str, words: str) -> None:
    path = write_png_map(tmp_path, yaml)
    with pytest.raises(DataError) as caught:
        load_ros_map(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_wrong_ros_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load_ros_map(tmp_path / "none.yaml")
    path = write_png_map(tmp_path)
    whole = (tmp_path / "map.png").read_bytes()
    for torn in (whole[: len(whole) // 2], b"", b"not an image", b"P5\n4000000000 4000000000\n255\n"):
        (tmp_path / "map.png").write_bytes(torn)
        with pytest.raises(DataError, match=r"map\.png"):
            load_ros_map(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        load_ros_map(path)


def test_moving_ai_map_and_scenario(tmp_path: Path) -> None:
    packed = tmp_path / "small.map.gz"
    packed.write_bytes(gzip.compress(MAP.encode()))
    grid = load_moving_ai_map(packed)
    assert grid.cost.tolist() == [[0, 0, 0, 0], [0, 254, 254, 0], [0, 0, 254, 0]]
    assert grid.frame.center(2, 3) == (3.0, 2.0)
    scenario = tmp_path / "small.map.scen"
    scenario.write_text(
        "version 1\n0\tsmall.map\t4\t3\t0\t0\t3\t2\t5.00000000\n1\tsmall.map\t4\t3\t0\t0\t3\t2\t0\n"
        "1 small.map 4 3 0 0 3 2\n1 small.map 4 3 1 0 1 0 0\n"
    )
    assert load_moving_ai_scenario(scenario, 4, 3) == [
        Problem((0, 0), (3, 2), 5.0),
        Problem((0, 0), (3, 2), None),
        Problem((0, 0), (3, 2), None),
        Problem((1, 0), (1, 0), 0.0),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected lines"),
        (MAP.replace("height 3", "height three"), "expected lines"),
        (MAP.replace("\nmap\n", "\nplan\n"), "line 4"),
        (MAP.replace("height 3", "height 4"), "expected 4 rows, found 3"),
        (MAP.replace(".@TS", ".@T"), "line 6: expected 4 characters, found 3"),
        (MAP.replace("height 3", "height 0"), "at least 1"),
        (MAP.replace("height 3", "height 999999999"), "at most"),
        (MAP.replace("@", "é"), "ASCII"),
    ],
)
def test_wrong_moving_ai_map_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "small.map"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_moving_ai_map(path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version 1\n", "at least one problem"),
        ("version 1\n0 a.map 4 3 0 0 x 2 5.0\n", "line 2: expected bucket"),
        ("0 a.map 4\n", "line 1: expected bucket"),
        ("0 a.map 9 3 0 0 1 2 5.0\n", "made for a map of 9 x 3, this is 4 x 3"),
    ],
)
def test_wrong_scenario_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "small.scen"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        load_moving_ai_scenario(path, 4, 3)
    assert words in str(caught.value)


def test_torn_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "small.map.gz"
    path.write_bytes(gzip.compress(MAP.encode() * 50)[:-20])
    with pytest.raises(DataError, match="gzip"):
        load_moving_ai_map(path)
    path.write_bytes(b"plain")
    with pytest.raises(DataError, match="gzip"):
        load_moving_ai_map(path)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: np.save(path, np.zeros((3, 3), np.float64)),
        lambda path: np.save(path, np.zeros(9, np.uint8)),
        lambda path: np.save(path, np.zeros((0, 3), np.uint8)),
        lambda path: np.save(path, np.array([{"a": 1}], dtype=object)),
        lambda path: path.write_bytes(b"torn"),
        lambda path: path.write_bytes(b""),
    ],
)
def test_wrong_cost_array_is_named(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "costs.npy"
    write(path)
    with pytest.raises(DataError, match=r"costs\.npy"):
        load_cost_array(path)


def test_cost_array_reads_back(tmp_path: Path) -> None:
    cost = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.save(tmp_path / "costs.npy", cost)
    assert (load_cost_array(tmp_path / "costs.npy") == cost).all()
