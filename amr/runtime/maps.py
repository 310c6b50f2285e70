"""Map files: ROS ``.yaml`` + image, in and out; Moving AI ``.map`` and ``.scen``; plain cost arrays ``.npy``.

Every function raises ``DataError`` with one line: file, key or line, what was expected.
"""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from amr.errors import DataError
from amr.geometry import Pose2, wrap_angle
from amr.grid import COST_FREE, COST_LETHAL, CostGrid, GridFrame
from amr.mapping.base import MapImage
from amr.portable_math import sin_cos
from amr.runtime.wall_pixels import KEY, PARTS, shaded, with_wall_points

LARGEST_CELLS: Final = 11_000 * 11_000
_LARGEST_TEXT_BYTES: Final = 512 << 20
_LARGEST_YAML_BYTES: Final = 1 << 20
_OCCUPIED, _UNKNOWN, _FREE = 0, 205, 254


@dataclass(frozen=True, slots=True)
class Problem:
    """One line of a Moving AI scenario: cells (x right, y down); ``optimum`` in cells, None when it was taken out."""

    start: tuple[int, int]
    goal: tuple[int, int]
    optimum: float | None


def _existing(path: Path, largest_bytes: int) -> Path:
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.stat().st_size > largest_bytes:
        raise DataError(f"{path}: {path.stat().st_size} bytes: expected at most {largest_bytes}")
    return path


# ---------------------------------------------------------------- ROS maps


def load_ros_map(path: Path) -> MapImage:
    """A map of ROS ``map_server``: 0 occupied, 254 free, 205 unknown; row 0 of the result = smallest y.

    Modes as in nav2_map_server: ``trinary``; ``scale``, where a see-through pixel is unknown; ``raw``, whose pixels are
    percent. What lies between the thresholds is unknown here, for our maps have three values. A turned map (third part
    of ``origin``) is drawn anew along the axes, each cell from the one that its center lies in; the rest is unknown.
    Where a map of ours that is not turned tells, its walls' places in their cells come along (``wall_pixels``).
    """
    keys = _read_yaml(path)
    resolution_m = _number(path, keys, "resolution", 1e-4, 100.0)
    origin = keys.get("origin")
    if not (isinstance(origin, list) and len(origin) == 3 and all(_is_number(part) for part in origin)):
        raise DataError(f"{path}: origin: expected [x m, y m, yaw rad], finite")
    occupied_from = _number(path, keys, "occupied_thresh", 0.0, 1.0, 0.65)
    free_below = _number(path, keys, "free_thresh", 0.0, 1.0, 0.196)
    negate = keys.get("negate", 0)
    if negate not in {0, 1}:
        raise DataError(f"{path}: negate: expected 0 or 1, found {negate!r}")
    mode = keys.get("mode", "trinary")
    if mode not in {"trinary", "scale", "raw"}:
        raise DataError(f"{path}: mode: expected trinary, scale or raw, found {mode!r}")
    if not free_below < occupied_from:
        raise DataError(f"{path}: free_thresh: expected less than occupied_thresh ({occupied_from:g})")
    image = keys.get("image")
    if not isinstance(image, str) or not image:
        raise DataError(f"{path}: image: expected the name of a .pgm or .png file")
    gray, seen = _read_gray(path.parent / image)
    pixels = np.full(gray.shape, _UNKNOWN, np.uint8)
    if mode == "raw":
        # the percent itself, whatever negate says; more than 100 is unknown
        occupancy, known = gray / 100.0, gray <= 100.0
    else:
        occupancy = gray / 255.0 if negate else (255.0 - gray) / 255.0
        known = seen if mode == "scale" else np.ones(gray.shape, np.bool_)
    pixels[known & (occupancy > occupied_from)] = _OCCUPIED
    pixels[known & (occupancy < free_below)] = _FREE
    corner = Pose2(*(float(part) for part in origin))
    drawn = _along_axes(path, pixels[::-1], corner, resolution_m)
    if KEY not in keys:
        return drawn
    if keys[KEY] != PARTS or mode != "trinary" or negate:
        raise DataError(f"{path}: {KEY}: expected {PARTS}, in a trinary map that is not negated")
    return drawn if wrap_angle(corner.yaw_rad) != 0.0 else with_wall_points(drawn, gray[::-1])


def _along_axes(path: Path, pixels: NDArray[np.uint8], map_from_corner: Pose2, resolution_m: float) -> MapImage:
    """The map whose first cell's outer corner lies at that pose, as an image along the axes of the map frame."""
    height, width = pixels.shape
    yaw_rad = wrap_angle(map_from_corner.yaw_rad)
    if yaw_rad == 0.0:
        frame = GridFrame(map_from_corner.x_m, map_from_corner.y_m, resolution_m, width, height)
        return MapImage(frame, np.ascontiguousarray(pixels))
    sizes = ((0.0, 0.0), (width * resolution_m, 0.0), (0.0, height * resolution_m),
             (width * resolution_m, height * resolution_m))  # fmt: skip
    corners = np.array([map_from_corner.apply(*size) for size in sizes])
    low = corners.min(axis=0)
    # a quarter turn must not gain a row by rounding
    columns, rows = np.ceil((corners.max(axis=0) - low) / resolution_m - 1e-6).astype(int).tolist()
    if columns * rows > LARGEST_CELLS:
        raise DataError(f"{path}: origin[2]: turned by {yaw_rad:g} rad the map has {columns} x {rows} cells, too many")
    x_m = low[0] + (np.arange(columns) + 0.5) * resolution_m - map_from_corner.x_m
    y_m = low[1] + (np.arange(rows) + 0.5) * resolution_m - map_from_corner.y_m
    sine, cosine = sin_cos(yaw_rad)
    turned = np.full((rows, columns), _UNKNOWN, np.uint8)
    for row in range(rows):
        i = np.floor((cosine * x_m + sine * y_m[row]) / resolution_m).astype(np.int64)
        j = np.floor((cosine * y_m[row] - sine * x_m) / resolution_m).astype(np.int64)
        inside = (i >= 0) & (i < width) & (j >= 0) & (j < height)
        turned[row, inside] = pixels[j[inside], i[inside]]
    return MapImage(GridFrame(float(low[0]), float(low[1]), resolution_m, columns, rows), turned)


def save_ros_map(path: Path, image: MapImage, picture_suffix: Literal[".pgm", ".png"] = ".pgm") -> None:
    """Write ``path`` (``.yaml``) and the picture beside it; the folder must exist."""
    from PIL import Image

    picture = path.with_suffix(picture_suffix)
    pixels = shaded(image)
    height, width = pixels.shape
    frame = image.frame
    offsets = "" if image.wall_points is None else f"{KEY}: {PARTS}\n"
    try:
        if picture_suffix == ".png":
            Image.fromarray(pixels[::-1]).save(picture)
        else:
            picture.write_bytes(f"P5\n{width} {height}\n255\n".encode() + pixels[::-1].tobytes())
        path.write_text(
            f"image: {picture.name}\nmode: trinary\nresolution: {frame.resolution_m!r}\n"
            f"origin: [{frame.origin_x_m!r}, {frame.origin_y_m!r}, 0.0]\n"
            f"negate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.196\n{offsets}",
            encoding="utf-8",
        )
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from error


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        keys = yaml.safe_load(_existing(path, _LARGEST_YAML_BYTES).read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8 text") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f" line {mark.line + 1}:"
        raise DataError(f"{path}:{line} not YAML: {getattr(error, 'problem', None) or 'cannot be parsed'}") from error
    if not isinstance(keys, dict):
        raise DataError(f"{path}: expected keys image, resolution, origin")
    return keys


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(
    path: Path, keys: dict[str, Any], key: str, least: float, most: float, default: float | None = None
) -> float:
    value = keys.get(key, default)
    if not _is_number(value) or not least <= value <= most:  # type: ignore[operator]
        raise DataError(f"{path}: {key}: expected a number from {least:g} to {most:g}, found {value!r}")
    return float(value)  # type: ignore[arg-type]


def _read_gray(path: Path) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Mean of the color channels, 0 to 255, and where the picture is not see-through; first row = top."""
    from PIL import Image, UnidentifiedImageError

    _existing(path, _LARGEST_TEXT_BYTES)
    try:
        with Image.open(path) as image:
            if image.width * image.height > LARGEST_CELLS:
                raise DataError(f"{path}: {image.width} x {image.height} pixels: expected at most {LARGEST_CELLS}")
            pixels = np.asarray(image if image.mode in {"L", "RGB"} else image.convert("RGBA"), np.float64)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path}: expected a whole .pgm or .png image") from error
    if pixels.ndim == 2:
        return pixels, np.ones(pixels.shape, np.bool_)
    seen = pixels[:, :, 3] >= 255.0 if pixels.shape[2] == 4 else np.ones(pixels.shape[:2], np.bool_)
    return pixels[:, :, :3].sum(axis=2) / 3.0, seen


# ---------------------------------------------------------------- Moving AI


def _text_lines(path: Path) -> list[str]:
    """Lines of a text file, unpacked when its name ends in .gz."""
    _existing(path, _LARGEST_TEXT_BYTES)
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as packed:
                data = packed.read(_LARGEST_TEXT_BYTES)
        else:
            data = path.read_bytes()
        return data.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected ASCII text") from error
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: not a whole gzip file") from error


def load_moving_ai_map(path: Path) -> CostGrid:
    """Costs 0 (``.``, ``G``, ``S``) and 254 (all else). Row = y of the file (down); a cell's center is its (x, y)."""
    lines = _text_lines(path)
    keys = {words[0]: words[1] for words in map(str.split, lines[:3]) if len(words) == 2}
    try:
        height, width = int(keys["height"]), int(keys["width"])
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: expected lines 'type octile', 'height N', 'width N'") from error
    if len(lines) < 4 or lines[3].strip() != "map":
        raise DataError(f"{path}: line 4: expected 'map'")
    if not (height > 0 and width > 0 and height * width <= LARGEST_CELLS):
        raise DataError(f"{path}: height, width: expected at least 1 and at most {LARGEST_CELLS} cells")
    rows = lines[4 : 4 + height]
    if len(rows) < height:
        raise DataError(f"{path}: expected {height} rows, found {len(rows)}")
    for number, row in enumerate(rows):
        if len(row) != width:
            raise DataError(f"{path}: line {number + 5}: expected {width} characters, found {len(row)}")
    letters = np.frombuffer("".join(rows).encode("ascii"), np.uint8).reshape(height, width)
    cost = np.where(np.isin(letters, np.frombuffer(b".GS", np.uint8)), COST_FREE, COST_LETHAL).astype(np.uint8)
    return CostGrid(GridFrame(-0.5, -0.5, 1.0, width, height), cost)


def load_moving_ai_scenario(path: Path, width: int, height: int) -> list[Problem]:
    """The problems of a scenario for a map of this size."""
    problems = []
    for number, line in enumerate(_text_lines(path), start=1):
        words = line.split()
        if not words or (number == 1 and words[0] == "version"):
            continue
        try:
            sizes = int(words[2]), int(words[3])
            start, goal = (int(words[4]), int(words[5])), (int(words[6]), int(words[7]))
            optimum = float(words[8]) if len(words) > 8 else math.nan
        except (IndexError, ValueError) as error:
            raise DataError(
                f"{path}: line {number}: expected bucket, map, width, height, start x y, goal x y, optimum"
            ) from error
        if sizes != (width, height):
            raise DataError(
                f"{path}: line {number}: made for a map of {sizes[0]} x {sizes[1]}, this is {width} x {height}"
            )
        known = math.isfinite(optimum) and (optimum > 0.0 or start == goal)
        problems.append(Problem(start, goal, optimum if known else None))
    if not problems:
        raise DataError(f"{path}: expected at least one problem")
    return problems


# ---------------------------------------------------------------- cost arrays


def load_cost_array(path: Path) -> NDArray[np.uint8]:
    """A ``.npy`` of uint8 costs [height, width] in the Nav2 convention; row 0 = smallest y."""
    _existing(path, _LARGEST_TEXT_BYTES)
    try:
        cost = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path}: expected a whole .npy array") from error
    if not isinstance(cost, np.ndarray) or cost.ndim != 2 or cost.dtype != np.uint8 or cost.size == 0:
        raise DataError(f"{path}: expected uint8 [height, width], found {getattr(cost, 'dtype', '?')} {np.shape(cost)}")
    if cost.size > LARGEST_CELLS:
        raise DataError(f"{path}: {cost.size} cells: expected at most {LARGEST_CELLS}")
    return np.ascontiguousarray(cost)
