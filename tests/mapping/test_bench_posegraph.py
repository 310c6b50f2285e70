"""``amr bench posegraph``: the result, the files it leaves, wrong files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pose_graph_worlds import city, plain_chi2

from amr.cli.main import main
from amr.errors import DataError
from amr.runtime.bench.posegraph import run
from amr.runtime.g2o import G2oFile, read_g2o, write_g2o

BEST_KNOWN = {
    "intel": 45.004, "manhattan": 3549.04, "manhattanOlson3500": 146.079, "MIT": 41.207, "city10000": 511.987,
    "kitti_00": 98.322, "kitti_02": 78.765, "ring": 11.163,
}  # fmt: skip


def made_file(folder: Path, name: str, seed: int) -> Path:
    world = city(seed, nodes=120)
    world.graph.poses[:] = world.truth
    path = folder / f"{name}.g2o.gz"
    write_g2o(path, G2oFile(world.graph, tuple(range(5, 125)), has_poses=True))
    return path


@pytest.mark.slow
def test_result_and_files_agree(tmp_path: Path) -> None:
    told: list[str] = []
    result = run([made_file(tmp_path, "a", 1), made_file(tmp_path, "b", 2)], tmp_path / "out", told.append)
    assert [row["name"] for row in result["graphs"]] == ["a", "b"]
    assert any("b: from chordal: step 1" in line for line in told)
    for row in result["graphs"]:
        solved = read_g2o(tmp_path / "out" / f"{row['name']}.g2o")
        assert solved.node_ids == tuple(range(5, 125))
        assert plain_chi2(solved.graph, solved.graph.poses) == pytest.approx(row["chi2"], rel=1e-9)
        assert row["iterations"] >= 1
        assert row["wall_s"] > 0.0
        assert row["converged"]
        assert (tmp_path / "out" / f"{row['name']}.png").read_bytes().startswith(b"\x89PNG")


def test_command_takes_several_files_and_writes_json_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(made_file(tmp_path, name, seed)) for seed, name in enumerate("abc")]
    assert main(["bench", "posegraph", "--data", *files, "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in result["graphs"]] == ["a", "b", "c"]


def test_wrong_files_end_with_two_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.g2o"
    bad.write_text("EDGE_SE2 0 1 1 0 nan 1 0 0 1 0 1\n")
    assert main(["bench", "posegraph", "--data", str(made_file(tmp_path, "a", 1)), str(bad)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.strip().splitlines() == [captured.err.strip()]
    assert f"{bad}:1:" in captured.err
    with pytest.raises(DataError, match="two graphs named a"):
        run([tmp_path / "a.g2o.gz", tmp_path / "b" / "a.g2o"])
    (tmp_path / "taken").write_text("")
    with pytest.raises(DataError, match="cannot be made"):
        run([made_file(tmp_path, "a", 1)], tmp_path / "taken")


@pytest.mark.slow
@pytest.mark.parametrize("name", BEST_KNOWN)
def test_outside_data_reaches_the_best_known_chi2(name: str, outside_data: Callable[[str], Path]) -> None:
    path = outside_data(f"posegraph/{name}.g2o.gz")
    assert run([path])["graphs"][0]["chi2"] == pytest.approx(BEST_KNOWN[name], rel=1e-3)
