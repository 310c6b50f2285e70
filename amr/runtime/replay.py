"""Running a log through the core again: equal to the bit, or the first step and field that is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amr.errors import DataError
from amr.messages import Outputs
from amr.runtime.digest import digest_outputs, first_difference, flatten_outputs
from amr.runtime.log_file import LogFile
from amr.runtime.log_header import LogHeader, difference_to_here
from amr.runtime.log_reader import Log, LoggedStep
from amr.runtime.protocols import Core
from amr.runtime.snapshot import decode, encode
from amr.units import NS_PER_S, ns_from_s

CoreMaker = Callable[[LogHeader], Core]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay first differs."""

    step: int
    t_s: float
    field: str
    """Name of the field of ``Outputs`` with both values, or what is wrong with the log."""


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Outcome of a replay."""

    steps: int
    """Steps that were run and compared."""
    equal: bool
    first_difference: Difference | None
    from_step: int
    """Number of the first step that was run: 0, or the one after a snapshot."""
    torn: str | None
    """Why the log ends early; None when it is whole."""
    notice: str | None
    """Why a difference must be expected here, and what to install."""

    def to_json(self) -> dict[str, Any]:
        """The contract's keys, and the further ones."""
        difference = self.first_difference
        return {
            "steps": self.steps,
            "equal": self.equal,
            "first_difference": None
            if difference is None
            else {"step": difference.step, "t_s": difference.t_s, "field": difference.field},
            "from_step": self.from_step,
            "torn": self.torn,
            "notice": self.notice,
        }


def make_robot_core(header: LogHeader) -> Core:
    """The core that made a log: same robot file, seed and start."""
    from amr.robot import RobotCore

    return RobotCore(header.robot(), header.seed, map_from_odom=header.start)


def replay(
    path: str | Path,
    *,
    from_s: float | None = None,
    stop_at_difference: bool = True,
    make_core: CoreMaker = make_robot_core,
    progress: Callable[[int, float], None] | None = None,
) -> ReplayResult:
    """Run a log from its start, or from the last snapshot at or before ``from_s`` of robot time.

    ``progress(steps, t_s)`` is called about every 500 steps. Raises ``DataError`` for a file that is no log, or a
    ``from_s`` before which there is no snapshot.
    """
    log = Log(path)
    core = make_core(log.header)
    after_step: int | None = None
    if from_s is not None and from_s > 0.0:
        after_step = _restore_before(log, core, from_s)
    expected = 0 if after_step is None else after_step + 1
    from_step, steps = expected, 0
    found: Difference | None = None
    for item in log.items(after_step):
        if not isinstance(item, LoggedStep):
            continue
        difference = _gap(item, expected)
        if difference is None:
            difference = _compare(item, core.step(item.inputs))
            steps += 1
        found = found or difference
        if found is not None and (stop_at_difference or item.step != expected):
            break
        expected = item.step + 1
        if progress is not None and steps % 500 == 0:
            progress(steps, item.inputs.now_ns / NS_PER_S)
    return ReplayResult(steps, found is None, found, from_step, log.torn, difference_to_here(log.header))


def _restore_before(log: Log, core: Core, from_s: float) -> int:
    """Put the last snapshot at or before ``from_s`` into the core; its step."""
    try:
        limit_ns = ns_from_s(from_s)
    except (ValueError, OverflowError):
        raise DataError(f"--from {from_s}: expected a number of seconds") from None
    snapshot = log.snapshot_before(limit_ns)
    if snapshot is None:
        raise DataError(
            f"{log.path}: no snapshot at or before {from_s} s (make a log with some: amr log snapshots {log.path} OUT)"
        )
    try:
        core.restore(decode(snapshot.state))
    except TypeError as error:
        raise DataError(
            f"{log.path}: snapshot at step {snapshot.step} does not fit this version ({error}): "
            f"install amr {log.header.amr_version}"
        ) from None
    return snapshot.step


def _gap(item: LoggedStep, expected: int) -> Difference | None:
    if item.step == expected:
        return None
    text = (
        f"log: steps {expected} to {item.step - 1} are missing (the log writer could not keep up or the disk was full)"
    )
    return Difference(item.step, item.inputs.now_ns / NS_PER_S, text)


def _compare(item: LoggedStep, outputs: Outputs) -> Difference | None:
    if digest_outputs(outputs) == item.digest:
        return None
    field = first_difference(item.fields(), flatten_outputs(outputs))
    text = field or "digest: the logged fields are equal, but the digest of all is not"
    return Difference(item.step, item.inputs.now_ns / NS_PER_S, text)


def add_snapshots(
    path_in: str | Path, path_out: str | Path, every_s: float = 10.0, make_core: CoreMaker = make_robot_core
) -> int:
    """Copy a log and store the core's state every ``every_s`` seconds, found by replay; the number of snapshots.

    For logs of real robots, which take none while they drive. Raises ``DataError`` when the replay differs.
    """
    if Path(path_out).exists() and Path(path_in).resolve() == Path(path_out).resolve():
        raise DataError(f"{path_out}: is the log itself, expected another file to write to")
    log = Log(path_in)
    core = make_core(log.header)
    copy = LogFile(path_out, log.header)
    last_ns: int | None = None
    count = 0
    try:
        for group in log.groups():
            item = log.item(group)
            if not isinstance(item, LoggedStep):
                continue
            difference = _compare(item, core.step(item.inputs))
            if difference is not None:
                raise DataError(f"{path_in}: replay differs at step {difference.step}: {difference.field}")
            copy.append(group.step_records())
            now_ns = item.inputs.now_ns
            last_ns = now_ns if last_ns is None else last_ns
            if now_ns - last_ns >= ns_from_s(every_s):
                copy.snapshot(item.step, now_ns, encode(core.state()))
                last_ns = now_ns
                count += 1
    finally:
        copy.close()
    if copy.fault is not None:
        raise DataError(copy.fault)
    return count
