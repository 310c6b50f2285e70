"""Wall points in the gray of a map's picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from amr.errors import DataError
from amr.grid import GridFrame
from amr.mapping.base import MapImage, border_cells, centers
from amr.runtime.maps import load_ros_map, save_ros_map
from amr.runtime.wall_pixels import shaded

FRAME = GridFrame(-3.25, 0.1, 0.05, 12, 9)


def made_map(outside_m=0.0):
    rng = np.random.default_rng(1)
    pixels = rng.choice(np.array([0, 205, 254], np.uint8), (9, 12))
    middle = centers(FRAME, *border_cells(pixels))
    return MapImage(FRAME, pixels, middle + rng.uniform(-0.025 - outside_m, 0.025 + outside_m, middle.shape))


@pytest.mark.parametrize("suffix", [".pgm", ".png"])
def test_walls_are_read_back_to_a_ninth_of_a_cell(tmp_path: Path, suffix: str) -> None:
    written = made_map()
    save_ros_map(tmp_path / "hall.yaml", written, suffix)
    read = load_ros_map(tmp_path / "hall.yaml")
    assert (read.pixels == written.pixels).all()
    assert np.abs(read.wall_points - written.wall_points).max() <= 0.05 / 18 + 1e-9


def test_a_second_saving_changes_nothing(tmp_path: Path) -> None:
    save_ros_map(tmp_path / "one.yaml", made_map())
    save_ros_map(tmp_path / "two.yaml", load_ros_map(tmp_path / "one.yaml"))
    assert (tmp_path / "one.pgm").read_bytes() == (tmp_path / "two.pgm").read_bytes()


def test_every_reader_of_trinary_maps_sees_the_same_three_colors() -> None:
    image = made_map()
    pixels = shaded(image)
    occupancy = (255.0 - pixels) / 255.0
    assert ((occupancy > 0.65) == (image.pixels == 0)).all()
    assert (pixels[image.pixels != 0] == image.pixels[image.pixels != 0]).all()


def test_points_outside_of_their_cells_are_kept_at_its_edge(tmp_path: Path) -> None:
    save_ros_map(tmp_path / "hall.yaml", made_map(outside_m=0.2))
    read = load_ros_map(tmp_path / "hall.yaml")
    assert np.abs(read.wall_points - centers(FRAME, *border_cells(read.pixels))).max() < 0.025


def test_what_somebody_drew_black_has_its_center(tmp_path: Path) -> None:
    save_ros_map(tmp_path / "hall.yaml", made_map(), ".png")
    picture = np.asarray(Image.open(tmp_path / "hall.png")).copy()
    picture[picture < 90] = 0
    Image.fromarray(picture).save(tmp_path / "hall.png")
    read = load_ros_map(tmp_path / "hall.yaml")
    assert (read.wall_points == centers(FRAME, *border_cells(read.pixels))).all()


def test_gray_says_nothing_in_a_map_that_does_not_say_so(tmp_path: Path) -> None:
    save_ros_map(tmp_path / "hall.yaml", made_map())
    text = (tmp_path / "hall.yaml").read_text().replace("wall_offsets: 9\n", "")
    (tmp_path / "hall.yaml").write_text(text)
    assert load_ros_map(tmp_path / "hall.yaml").wall_points is None
    save_ros_map(tmp_path / "plain.yaml", MapImage(FRAME, made_map().pixels))
    assert "wall_offsets" not in (tmp_path / "plain.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [("wall_offsets: 9", "wall_offsets: 4"), ("mode: trinary", "mode: scale"), ("negate: 0", "negate: 1")],
)
def test_a_key_that_does_not_fit_is_named(tmp_path: Path, old: str, new: str) -> None:
    save_ros_map(tmp_path / "hall.yaml", made_map())
    (tmp_path / "hall.yaml").write_text((tmp_path / "hall.yaml").read_text().replace(old, new))
    with pytest.raises(DataError, match="wall_offsets: expected 9"):
        load_ros_map(tmp_path / "hall.yaml")


def test_a_turned_map_is_read_by_its_cells(tmp_path: Path) -> None:
    save_ros_map(tmp_path / "hall.yaml", made_map())
    text = (tmp_path / "hall.yaml").read_text().replace("0.1, 0.0]", "0.1, 0.5]")
    (tmp_path / "hall.yaml").write_text(text)
    assert load_ros_map(tmp_path / "hall.yaml").wall_points is None


def test_points_that_are_not_one_for_each_cell_are_refused() -> None:
    image = made_map()
    with pytest.raises(ValueError, match="wall points: expected"):
        shaded(MapImage(FRAME, image.pixels, image.wall_points[:-1]))
