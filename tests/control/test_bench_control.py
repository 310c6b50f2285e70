"""``amr bench control``: the contract's keys, and one line for each bad recording."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scenes import input_of

from amr.errors import DataError
from amr.runtime.bench.control import load, packaged, run, save


def test_the_result_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "drive.npz"
    save(path, packaged()[0][:6])
    result = run(samples=80, steps=56, recordings=[path], repeats=1)
    assert result["controller"] == "mppi"
    assert (result["samples"], result["steps"], result["threads"]) == (80, 56, 1)
    assert "obstacle" in result["terms"]
    assert 0.0 < result["cycle_ms"]["p50"] <= result["cycle_ms"]["p99"] <= result["cycle_ms"]["max"]
    assert result["numpy_reference_ms"] > 0.0
    assert len(result["config_digest"]) == 16


def test_the_picture_and_the_result_are_left_in_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "drive.npz"
    save(path, packaged()[0][:6])
    result = run(samples=80, steps=56, recordings=[path], repeats=1, out=tmp_path / "out")
    assert (tmp_path / "out" / "control.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "out" / "control.json").read_text())["samples"] == 80
    assert {"term obstacle", "term progress"} < set(result["parts_ms"])
    assert 0.5 * result["cycle_ms"]["min"] < sum(result["parts_ms"].values())


def test_the_package_carries_recordings_with_obstacles() -> None:
    drives = packaged()
    assert len(drives) >= 3
    for drive in drives:
        assert len(drive) >= 20
        assert drive[0].field.distance_m.min() == 0.0


@pytest.mark.parametrize("content", [b"", b"not a recording", b"PK\x03\x04torn"])
def test_a_file_that_is_no_recording_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.npz: not a recording") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_and_a_truncated_file_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        load(tmp_path / "none.npz")
    path = tmp_path / "half.npz"
    save(path, [input_of()])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="not a recording"):
        load(path)
