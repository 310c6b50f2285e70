"""g2o files: what is read, what is written, and one line for each way of being wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from amr.errors import DataError
from amr.runtime.g2o import graph_name, read_g2o, write_g2o

GOOD = """# a comment
VERTEX_SE2 10 0 0 0

VERTEX_SE2 7 1.0 0.5 6.5  # turned more than once
PARAMS_SE2OFFSET 0 0 0 0
EDGE_SE2 10 7 1.0 0.5 0.25 50 1 2 60 3 100
EDGE_SE2 7 10 -1.0 0.25 -0.25 50 0 0 50 0 100
FIX 10
"""


def write(folder: Path, text: str, name: str = "graph.g2o") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["graph.g2o", "graph.g2o.gz"])
def test_a_graph_is_read(name: str, tmp_path: Path) -> None:
    file = read_g2o(write(tmp_path, GOOD, name))
    assert file.node_ids == (10, 7)
    assert file.has_poses
    assert file.graph.poses[1] == pytest.approx([1.0, 0.5, 6.5 - 2.0 * np.pi])
    assert file.graph.ends.tolist() == [[0, 1], [1, 0]]
    assert file.graph.information[0].tolist() == [50.0, 1.0, 2.0, 60.0, 3.0, 100.0]
    assert file.graph.held.tolist() == [1, 0]
    assert graph_name(tmp_path / name) == "graph"


def test_a_file_with_edges_only_names_its_nodes_by_them(tmp_path: Path) -> None:
    file = read_g2o(write(tmp_path, "EDGE_SE2 5 -2 1 0 0 1 0 0 1 0 1\nEDGE_SE2 5 30 1 0 0 1 0 0 1 0 1\n"))
    assert file.node_ids == (-2, 5, 30)
    assert not file.has_poses
    assert (file.graph.poses == 0.0).all()


@pytest.mark.parametrize("name", ["again.g2o", "again.g2o.gz"])
def test_what_is_written_comes_back_equal_to_the_bit(name: str, tmp_path: Path) -> None:
    file = read_g2o(write(tmp_path, GOOD))
    file.graph.poses[:] += 1.0 / 3.0
    write_g2o(tmp_path / name, file)
    again = read_g2o(tmp_path / name)
    assert again.node_ids == file.node_ids
    for part in ("poses", "ends", "measured", "information", "held"):
        assert (getattr(again.graph, part) == getattr(file.graph, part)).all(), part


EDGE = "EDGE_SE2 10 7 1.0 0.5 0.25 50 1 2 60 3 100"


@pytest.mark.parametrize(
    ("before", "after", "line", "expected"),
    [
        (EDGE, EDGE.replace("0.5", "nan"), 6, "expected a finite number"),
        (EDGE, EDGE.replace("0.5", "1e300"), 6, "expected a finite number"),
        (EDGE, EDGE.replace("0.5", "half"), 6, "half: expected a number"),
        (EDGE, EDGE.replace(" 100", ""), 6, "expected 2 ids, 3 numbers of a pose and 6 of information, got 10"),
        (EDGE, EDGE.replace(" 60 ", " -60 "), 6, "expected a positive semidefinite matrix"),
        (EDGE, EDGE.replace("50 1 2 60", "50 70 2 60"), 6, "expected a positive semidefinite matrix"),
        (EDGE, EDGE.replace("10 7", "10 8"), 6, "vertex 8: expected a VERTEX_SE2 line"),
        (EDGE, EDGE.replace("10 7", "10 10"), 6, "expected two different vertices"),
        (EDGE, EDGE.replace("10 7", "10 7.5"), 6, "7.5: expected the id of a vertex"),
        (EDGE, EDGE.replace("10 7", "10 " + "9" * 30), 6, "expected the id of a vertex"),
        (EDGE, EDGE.replace("EDGE_SE2", "EDGE_SE3:QUAT"), 6, "EDGE_SE3:QUAT: expected VERTEX_SE2, EDGE_SE2 or FIX"),
        ("VERTEX_SE2 7", "VERTEX_SE2 10", 4, "id 10: expected once, is also in line 2"),
        ("VERTEX_SE2 7 1.0", "VERTEX_SE2 7", 4, "expected an id and x, y, yaw"),
        ("VERTEX_SE2 7 1.0", "VERTEX_SE2 7 inf", 4, "expected a finite number"),
        ("FIX 10", "FIX 11", 8, "vertex 11: expected a vertex of the file"),
        ("FIX 10", "FIX", 8, "expected at least one id"),
        ("FIX 10", "FIX " + "1" * 5000, 8, "expected lines of at most"),
        ("FIX 10", "F\u00fcX 10", 8, "expected ASCII"),
    ],
)
def test_a_bad_line_is_named(before: str, after: str, line: int, expected: str, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace(before, after, 1))
    with pytest.raises(DataError) as caught:
        read_g2o(path)
    text = str(caught.value)
    assert text.startswith(f"{path}:{line}: ")
    assert expected in text
    assert "\n" not in text


def test_rounded_information_of_six_digits_is_taken(tmp_path: Path) -> None:
    root = np.random.default_rng(0).normal(size=(40, 1, 3)) * [30.0, 30.0, 3.0]
    lines = []
    for whole in root.transpose(0, 2, 1) @ root:
        upper = [whole[a, b] for a in range(3) for b in range(a, 3)]
        lines.append("EDGE_SE2 0 1 1 0 0 " + " ".join(f"{value:.6g}" for value in upper))
    assert read_g2o(write(tmp_path, "\n".join(lines))).graph.edge_count == 40


def test_a_gzip_bomb_is_cut_off(tmp_path: Path) -> None:
    path = write(tmp_path, "\n" * 3_000_000, "bomb.g2o.gz")
    assert path.stat().st_size < 10_000
    with pytest.raises(DataError, match="expected at most 1000000 bytes"):
        read_g2o(path, largest_bytes=1_000_000)
    with pytest.raises(DataError, match="expected lines of at most"):
        read_g2o(write(tmp_path, "0" * 3_000_000, "line.g2o.gz"))


def test_files_that_are_none_are_refused_in_one_line(tmp_path: Path) -> None:
    torn = write(tmp_path, GOOD, "torn.g2o.gz")
    torn.write_bytes(torn.read_bytes()[:60])
    for path, expected in (
        (torn, "torn gzip"),
        (tmp_path / "none.g2o", "no such file"),
        (tmp_path, "is a folder"),
        (write(tmp_path, "", "empty.g2o"), "found none"),
        (write(tmp_path, "FIX 1\n", "fix.g2o"), "found none"),
        (write(tmp_path, "EDGE_SE2 0 1 1 0 0 1 0 0 1 0 1\nFIX 0\nFIX 1\n", "fixed.g2o"), "several fixed vertices"),
    ):
        with pytest.raises(DataError, match=expected) as caught:
            read_g2o(path)
        assert "\n" not in str(caught.value)
