"""Pose graphs as g2o text files, plain or gzipped: ``VERTEX_SE2``, ``EDGE_SE2``, ``FIX``.

Every function raises ``DataError`` with one line: file and line, what was expected.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import numpy as np

from amr.errors import DataError
from amr.mapping.pose_graph import PoseGraph, positive_semidefinite

LARGEST_TEXT_BYTES: Final = 512 << 20
_LONGEST_LINE_BYTES: Final = 4096
_GZIP_MAGIC: Final = b"\x1f\x8b"
_IGNORED: Final = frozenset({"PARAMS_SE2OFFSET"})
"""Tags of g2o that say nothing about a graph of poses."""
_LARGEST_NUMBER: Final = 1e12
_MOST_DIGITS: Final = 18


@dataclass(frozen=True, slots=True, eq=False)
class G2oFile:
    """A graph and what the file called its nodes."""

    graph: PoseGraph
    node_ids: tuple[int, ...]
    """The file's id of each node: in the order of the file or, without vertices in it, rising."""
    has_poses: bool
    """False: the file has edges only; all poses of the graph are zero."""


@dataclass(slots=True)
class _Lines:
    """What was read so far, and from which line."""

    vertices: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    vertex_line: dict[int, int] = field(default_factory=dict)
    ends: list[tuple[int, int]] = field(default_factory=list)
    numbers: list[tuple[float, ...]] = field(default_factory=list)
    edge_line: list[int] = field(default_factory=list)
    fixed: list[tuple[int, int]] = field(default_factory=list)


def read_g2o(path: Path, largest_bytes: int = LARGEST_TEXT_BYTES) -> G2oFile:
    """The graph of a file; the reader stops at ``largest_bytes`` of text, however small its gzip.

    Nodes may be left out altogether (some published files have edges only), but not in part.
    """
    lines = _Lines()
    with _opened(path) as file:
        for number, words in _split_lines(path, file, largest_bytes):
            _take(lines, f"{path}:{number}", number, words)
    if not lines.ends and not lines.vertices:
        raise DataError(f"{path}: expected VERTEX_SE2 and EDGE_SE2 lines, found none")
    has_poses = bool(lines.vertices)
    node_ids = tuple(lines.vertices) if has_poses else tuple(sorted({node for pair in lines.ends for node in pair}))
    index = {node: k for k, node in enumerate(node_ids)}
    for pair, line in zip(lines.ends, lines.edge_line, strict=True):
        for node in pair:
            if node not in index:
                raise DataError(f"{path}:{line}: EDGE_SE2: vertex {node}: expected a VERTEX_SE2 line of that id")
    graph = _graph(path, lines, node_ids, index)
    _fix(path, lines, graph, index, has_poses)
    return G2oFile(graph, node_ids, has_poses)


def write_g2o(path: Path, file: G2oFile) -> None:
    """Write the graph with its present poses; numbers come back equal to the bit. The folder must exist."""
    graph, ids = file.graph, file.node_ids
    out = io.StringIO()
    for node, pose in zip(ids, graph.poses.tolist(), strict=True):
        out.write(f"VERTEX_SE2 {node} {pose[0]!r} {pose[1]!r} {pose[2]!r}\n")
    for node, held in zip(ids, graph.held.tolist(), strict=True):
        if held:
            out.write(f"FIX {node}\n")
    for (i, j), measured, information in zip(
        graph.ends.tolist(), graph.measured.tolist(), graph.information.tolist(), strict=True
    ):
        out.write(f"EDGE_SE2 {ids[i]} {ids[j]} {' '.join(map(repr, measured + information))}\n")
    text = out.getvalue().encode()
    try:
        path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's plain bytes; what goes wrong while they are read becomes a ``DataError``."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            yield gzip.GzipFile(fileobj=raw) if zipped else raw  # type: ignore[misc]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder, expected a .g2o file") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: torn gzip: {error}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"{path}: cannot be read: {reason}") from None


def _split_lines(path: Path, file: IO[bytes], largest_bytes: int) -> Iterator[tuple[int, list[str]]]:
    """(line number, words) of each line that has any; comments (#) are left out."""
    number = total = 0
    while line := file.readline(_LONGEST_LINE_BYTES + 1):
        number += 1
        total += len(line)
        if len(line) > _LONGEST_LINE_BYTES:
            raise DataError(f"{path}:{number}: expected lines of at most {_LONGEST_LINE_BYTES} bytes")
        if total > largest_bytes:
            raise DataError(f"{path}:{number}: expected at most {largest_bytes} bytes of text")
        try:
            words = line.decode("ascii").partition("#")[0].split()
        except UnicodeDecodeError:
            raise DataError(f"{path}:{number}: expected ASCII text of a .g2o file") from None
        if words:
            yield number, words


def _take(lines: _Lines, place: str, number: int, words: list[str]) -> None:
    """Add one line."""
    tag, *rest = words
    if tag == "EDGE_SE2":
        if len(rest) != 11:
            raise DataError(
                f"{place}: EDGE_SE2: expected 2 ids, 3 numbers of a pose and 6 of information, got {len(rest)}"
            )
        pair = _identity(place, tag, rest[0]), _identity(place, tag, rest[1])
        if pair[0] == pair[1]:
            raise DataError(f"{place}: EDGE_SE2: expected two different vertices, got {pair[0]} twice")
        lines.ends.append(pair)
        lines.numbers.append(_numbers(place, tag, rest[2:]))
        lines.edge_line.append(number)
    elif tag == "VERTEX_SE2":
        if len(rest) != 4:
            raise DataError(f"{place}: VERTEX_SE2: expected an id and x, y, yaw, got {len(rest)} values")
        node = _identity(place, tag, rest[0])
        if node in lines.vertices:
            raise DataError(f"{place}: VERTEX_SE2: id {node}: expected once, is also in line {lines.vertex_line[node]}")
        x_m, y_m, yaw_rad = _numbers(place, tag, rest[1:])
        lines.vertices[node], lines.vertex_line[node] = (x_m, y_m, yaw_rad), number
    elif tag == "FIX":
        if not rest:
            raise DataError(f"{place}: FIX: expected at least one id")
        lines.fixed.extend((_identity(place, tag, word), number) for word in rest)
    elif tag not in _IGNORED:
        raise DataError(f"{place}: {tag[:40]}: expected VERTEX_SE2, EDGE_SE2 or FIX")


def _identity(place: str, tag: str, word: str) -> int:
    if not word.removeprefix("-").isdigit() or len(word) > _MOST_DIGITS:
        raise DataError(f"{place}: {tag}: {word[:40]}: expected the id of a vertex, an integer")
    return int(word)


def _numbers(place: str, tag: str, words: list[str]) -> tuple[float, ...]:
    try:
        values = tuple(map(float, words))
    except ValueError:
        wrong = next(word for word in words if not _is_number(word))
        raise DataError(f"{place}: {tag}: {wrong[:40]}: expected a number") from None
    for value in values:
        if not abs(value) <= _LARGEST_NUMBER:
            raise DataError(f"{place}: {tag}: {value}: expected a finite number of at most {_LARGEST_NUMBER:g}")
    return values


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _graph(path: Path, lines: _Lines, node_ids: tuple[int, ...], index: dict[int, int]) -> PoseGraph:
    poses = np.array([lines.vertices.get(node, (0.0, 0.0, 0.0)) for node in node_ids]).reshape(-1, 3)
    numbers = np.array(lines.numbers).reshape(-1, 9)
    ends = np.array([(index[i], index[j]) for i, j in lines.ends], np.int64).reshape(-1, 2)
    wrong = np.flatnonzero(~positive_semidefinite(numbers[:, 3:]))
    if len(wrong):
        line = lines.edge_line[int(wrong[0])]
        raise DataError(f"{path}:{line}: EDGE_SE2: information: expected a positive semidefinite matrix")
    return PoseGraph.of_arrays(poses, ends, numbers[:, :3], numbers[:, 3:])


def _fix(path: Path, lines: _Lines, graph: PoseGraph, index: dict[int, int], has_poses: bool) -> None:
    for node, line in lines.fixed:
        if node not in index:
            raise DataError(f"{path}:{line}: FIX: vertex {node}: expected a vertex of the file")
        graph.hold(index[node])
    if not has_poses and int(graph.held.sum()) > 1:
        raise DataError(
            f"{path}:{lines.fixed[-1][1]}: FIX: several fixed vertices: expected VERTEX_SE2 lines with their poses"
        )


def graph_name(path: Path) -> str:
    """``intel`` for ``intel.g2o`` and ``intel.g2o.gz``."""
    return path.name.removesuffix(".gz").removesuffix(".g2o")
