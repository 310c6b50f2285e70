"""Our own map file: keyframes, scans and loops, so that a map can be gone on with; the picture is made from them.

Layout: magic with version, length and CRC-32 of the packed body, then the body compressed with zlib. Written beside its
place and moved there, so that a reader, or a power cut, sees the old file or the new one, whole.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np

from amr.errors import DataError
from amr.mapping.base import MapImage
from amr.mapping.slam_record import SlamRecord
from amr.runtime.snapshot import pack, unpack

SUFFIX: Final = ".amrmap"
MAGIC: Final = b"AMRMAP\x01\n"
LARGEST_BYTES: Final = 1 << 30
_HEAD: Final = struct.Struct("<QI")
_SHAPES: Final = {
    "poses": (-1, 3), "steps": (-1, 3), "step_information": (-1, 3, 3), "sessions": (-1,), "pairs": (-1, 2),
    "measured": (-1, 3), "information": (-1, 3, 3), "quality": (-1, 3),
}  # fmt: skip


def save_map(path: Path, record: SlamRecord) -> None:
    """Write the file. Raises ``DataError`` when that cannot be done; an older file then stays as it is."""
    body = pack({name: getattr(record, name) for name in (*_SHAPES, "points", "resolution_m")})
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(MAGIC + _HEAD.pack(len(body), zlib.crc32(body)) + zlib.compress(body, 6))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise DataError(f"{path}: cannot be written: {error.strerror}") from error


def load_map(path: Path) -> SlamRecord:
    """Read it. Raises ``DataError``: file, and what was expected."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DataError(f"{path}: larger than {LARGEST_BYTES} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if data[: len(MAGIC) - 2] != MAGIC[:-2] or len(data) < len(MAGIC):
        raise DataError(f"{path}: expected a map of amr map ({SUFFIX})")
    if data[: len(MAGIC)] != MAGIC:
        raise DataError(f"{path}: a map of version {data[len(MAGIC) - 2]}, this one reads {MAGIC[-2]}")
    try:
        size, crc = _HEAD.unpack_from(data, len(MAGIC))
        inflater = zlib.decompressobj()
        body = inflater.decompress(data[len(MAGIC) + _HEAD.size :], min(size, LARGEST_BYTES) + 1)
        if len(body) != size or not inflater.eof or zlib.crc32(body) != crc:
            raise ValueError("it is torn or was changed")
        return _checked(unpack(body))
    except (ValueError, TypeError, KeyError, struct.error, zlib.error, OverflowError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def map_picture(record: SlamRecord) -> MapImage:
    """The map as ROS ``map_server`` colors it."""
    return record.image()


def _checked(tree: Any) -> SlamRecord:
    """The record; ``ValueError`` where shapes, numbers or references do not fit together."""
    if not isinstance(tree, dict) or set(tree) != {*_SHAPES, "points", "resolution_m"}:
        raise ValueError("expected the parts of a map")
    for name, shape in _SHAPES.items():
        array = tree[name]
        fits = isinstance(array, np.ndarray) and array.ndim == len(shape)
        if not fits or any(want not in {-1, have} for want, have in zip(shape, array.shape, strict=True)):
            raise ValueError(f"{name}: expected [{', '.join('n' if n < 0 else str(n) for n in shape)}]")
        if not np.isfinite(array).all():
            raise ValueError(f"{name}: not finite")
    count, loops = len(tree["poses"]), len(tree["pairs"])
    if count == 0 or not len(tree["points"]) == len(tree["steps"]) == len(tree["step_information"]) == count:
        raise ValueError("expected as many scans and steps as keyframes, at least one")
    if not len(tree["measured"]) == len(tree["information"]) == len(tree["quality"]) == loops:
        raise ValueError("expected as many measurements as loops")
    for name, least in (("pairs", 0), ("sessions", 0)):
        numbers = tree[name]
        if numbers.dtype.kind != "i" or (numbers.size and not (least <= numbers.min() and numbers.max() < count)):
            raise ValueError(f"{name}: expected numbers of keyframes")
    for scan in tree["points"]:
        if not isinstance(scan, np.ndarray) or scan.ndim != 2 or scan.shape[1] != 2 or not np.isfinite(scan).all():
            raise ValueError("points: expected [n, 2], finite")
    resolution_m = tree["resolution_m"]
    if not isinstance(resolution_m, float) or not 1e-3 <= resolution_m <= 10.0:
        raise ValueError("resolution_m: expected 0.001 to 10")
    return SlamRecord(**tree)
