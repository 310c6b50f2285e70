"""A small building to be found in, with what a robot measured on a drive through it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from amr.grid import GridFrame
from amr.localization.map_field import MapField
from amr.mapping.base import MapImage, compose

CELL_M = 0.05
_SIZE = (240, 320)


@dataclass(frozen=True)
class Building:
    """``image`` of 16 x 12 m; ``look`` casts beams on the map itself."""

    image: MapImage
    field: MapField

    @staticmethod
    def turning_way(start, count, turn_rad=0.25):
        """``count`` poses [3] along a way that turns by ``turn_rad`` every 0.35 m."""
        poses = [np.array(start, float)]
        for _ in range(count - 1):
            poses.append(compose(poses[-1], np.array([0.35, 0.0, turn_rad])))
        return poses

    def look(self, pose, beams=180, reach_m=12.0):
        """[n, 2] points in the robot's frame at ``pose``, by stepping along each beam."""
        angles = np.arange(beams) * (2.0 * math.pi / beams)
        steps = np.arange(0.05, reach_m, 0.5 * CELL_M)
        x = pose[0] + steps[None, :] * np.cos(angles + pose[2])[:, None]
        y = pose[1] + steps[None, :] * np.sin(angles + pose[2])[:, None]
        rows = np.clip((y / CELL_M).astype(int), 0, _SIZE[0] - 1)
        columns = np.clip((x / CELL_M).astype(int), 0, _SIZE[1] - 1)
        hit = self.image.pixels[rows, columns] == 0
        first = hit.argmax(axis=1)
        distance = np.where(hit.any(axis=1), steps[first] + 0.25 * CELL_M, np.inf)
        angles, distance = angles[np.isfinite(distance)], distance[np.isfinite(distance)]
        return np.column_stack([distance * np.cos(angles), distance * np.sin(angles)])


def make_building(pixels):
    image = MapImage(GridFrame(0.0, 0.0, CELL_M, pixels.shape[1], pixels.shape[0]), pixels)
    return Building(image, MapField(image))


def floor_plan():
    """Three unlike rooms with furniture."""
    pixels = np.full(_SIZE, 254, np.uint8)
    pixels[:4], pixels[-4:], pixels[:, :4], pixels[:, -4:] = 0, 0, 0, 0
    pixels[:150, 120:124] = 0
    pixels[60:80, 120:124] = 254
    pixels[150:154, 120:260] = 0
    pixels[30:50, 40:70] = 0
    pixels[100:104, 20:90] = 0
    pixels[90:120, 200:215] = 0
    pixels[20:28, 250:300] = 0
    pixels[190:215, 60:75] = 0
    pixels[200:204, 180:250] = 0
    return pixels


@pytest.fixture(scope="session")
def building():
    return make_building(floor_plan())


@pytest.fixture(scope="session")
def refurnished():
    """The same walls with other furniture, and a screen where there was none."""
    pixels = floor_plan()
    pixels[30:50, 40:70] = 254
    pixels[90:120, 200:215] = 254
    pixels[190:215, 60:75] = 254
    pixels[200:204, 180:250] = 254
    pixels[56:74, 30:50] = 0
    pixels[120:135, 50:75] = 0
    pixels[175:190, 100:130] = 0
    pixels[205:225, 210:235] = 0
    return make_building(pixels)


def hall(margins):
    """One room with pillars; ``margins``: rows and columns of wall below, above, left, right."""
    below, above, left, right = margins
    pixels = np.full(_SIZE, 254, np.uint8)
    pixels[:below], pixels[-above:], pixels[:, :left], pixels[:, -right:] = 0, 0, 0, 0
    for row, column in ((50, 60), (50, 150), (60, 250), (150, 70), (140, 180), (190, 260)):
        pixels[row : row + 16, column : column + 16] = 0
    return make_building(pixels)


@pytest.fixture(scope="session")
def pillars():
    """Another building."""
    return hall((20, 12, 16, 20))


@pytest.fixture(scope="session")
def same_outline():
    """Another building with the same outer walls, which look the same turned by half a turn."""
    return hall((4, 4, 4, 4))


@pytest.fixture(scope="session")
def twins():
    """Two rooms that are alike, side by side, without a door."""
    pixels = np.full(_SIZE, 254, np.uint8)
    pixels[:4], pixels[-4:], pixels[:, :4], pixels[:, -4:] = 0, 0, 0, 0
    pixels[:, 158:162] = 0
    for left in (0, 158):
        pixels[60:80, left + 30 : left + 60] = 0
        pixels[150:160, left + 90 : left + 130] = 0
    return make_building(pixels)
