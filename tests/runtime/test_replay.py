"""Replay: equal to the bit, or the step and field that is not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amr.errors import DataError
from amr.runtime import replay as replay_module
from amr.runtime.log import Log, LogHeader, LogWriter
from amr.runtime.log_header import difference_to_here
from amr.runtime.replay import add_snapshots, replay

Log100 = Callable[..., Path]
MakeCore = Callable[..., Callable[[LogHeader], Any]]


def test_replay_of_the_same_core_is_equal(fake_log: Log100, make_fake_core: MakeCore) -> None:
    result = replay(fake_log(100), make_core=make_fake_core())
    assert (result.steps, result.equal, result.first_difference, result.torn) == (100, True, None, None)
    assert result.notice is None


def test_replay_names_step_time_and_field_of_one_changed_bit(fake_log: Log100, make_fake_core: MakeCore) -> None:
    result = replay(fake_log(100), make_core=make_fake_core(wrong_at=42))
    assert not result.equal
    assert result.steps == 43
    assert result.first_difference is not None
    assert result.first_difference.step == 42
    assert result.first_difference.t_s == pytest.approx(0.84)
    assert result.first_difference.field.startswith("wheel.left_mps: logged ")
    assert set(result.to_json()) >= {"steps", "equal", "first_difference"}


def test_replay_can_run_on_behind_a_difference(fake_log: Log100, make_fake_core: MakeCore) -> None:
    result = replay(fake_log(100), make_core=make_fake_core(wrong_at=42), stop_at_difference=False)
    assert result.steps == 100
    assert result.first_difference is not None
    assert result.first_difference.step == 42


def test_replay_from_a_snapshot_is_equal_and_shorter(fake_log: Log100, make_fake_core: MakeCore) -> None:
    path = fake_log(1100)  # 22 s: snapshots after 10 and 20 s
    result = replay(path, from_s=15.0, make_core=make_fake_core())
    assert result.equal
    assert result.from_step == 501
    assert result.steps == 599
    late = replay(path, from_s=20.0, make_core=make_fake_core())
    assert (late.from_step, late.steps, late.equal) == (1001, 99, True)


def test_replay_before_the_first_snapshot_says_how_to_make_some(fake_log: Log100, make_fake_core: MakeCore) -> None:
    with pytest.raises(DataError, match=r"no snapshot at or before 5\.0 s"):
        replay(fake_log(100), from_s=5.0, make_core=make_fake_core())
    with pytest.raises(DataError, match="expected a number of seconds"):
        replay(fake_log(100), from_s=float("inf"), make_core=make_fake_core())


def test_snapshots_can_be_added_by_replay(fake_log: Log100, make_fake_core: MakeCore, tmp_path: Path) -> None:
    path, out = fake_log(100), tmp_path / "with.mcap"
    assert add_snapshots(path, out, 0.5, make_core=make_fake_core()) == 3
    result = replay(out, from_s=1.2, make_core=make_fake_core())
    assert result.equal
    assert result.from_step == 51
    assert [step.digest for step in Log(out).steps()] == [step.digest for step in Log(path).steps()]
    with pytest.raises(DataError, match=r"replay differs at step 7: wheel\.left_mps"):
        add_snapshots(path, tmp_path / "no.mcap", 0.5, make_core=make_fake_core(wrong_at=7))


def test_torn_log_replays_up_to_its_end(fake_log: Log100, make_fake_core: MakeCore, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mcap"
    data = fake_log(100).read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    result = replay(cut, make_core=make_fake_core())
    assert result.equal
    assert result.torn is not None
    assert 20 < result.steps < 100


def test_gap_in_the_log_is_a_difference_that_names_it(fake_log: Log100, make_fake_core: MakeCore) -> None:
    result = replay(fake_log(100, skip=range(30, 35)), make_core=make_fake_core())
    assert not result.equal
    assert result.first_difference is not None
    assert result.first_difference.step == 35
    assert result.first_difference.field.startswith("log: steps 30 to 34 are missing")


def test_other_version_or_kernels_say_what_to_install(header: LogHeader) -> None:
    assert difference_to_here(header) is None
    assert "install amr==0.0.9" in str(difference_to_here(dataclasses.replace(header, amr_version="0.0.9")))
    assert "install the build" in str(difference_to_here(dataclasses.replace(header, kernel_hash="0")))


def test_snapshot_of_another_core_is_refused(fake_log: Log100) -> None:
    class Other:
        def __init__(self) -> None:
            self.else_ = 1

        def restore(self, tree: dict[str, Any]) -> None:
            from amr.state import restore_into

            restore_into(self, tree)

    with pytest.raises(DataError, match=r"does not fit this version .*install amr"):
        replay(fake_log(600), from_s=11.0, make_core=lambda _header: Other())  # type: ignore[arg-type,return-value]


def test_empty_log_is_equal_and_has_no_steps(tmp_path: Path, header: LogHeader, make_fake_core: MakeCore) -> None:
    LogWriter(tmp_path / "empty.mcap", header).close()
    result = replay(tmp_path / "empty.mcap", make_core=make_fake_core())
    assert (result.steps, result.equal) == (0, True)
    assert replay_module.make_robot_core is not None
