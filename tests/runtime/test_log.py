"""Logs: lossless, readable by others, whole up to where they were torn."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_core import STEP_NS, FakeCore, fake_inputs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rosbags.highlevel import AnyReader

from amr.errors import DataError
from amr.messages import (
    BaseState,
    Goal,
    Imu,
    Inputs,
    LinkState,
    LinkStatus,
    McuState,
    Message,
    Operator,
    OperatorAction,
    PlanResult,
    PlanStatus,
    Scan,
    SetMission,
    Teleop,
)
from amr.runtime import log_types
from amr.runtime.log import Log, LogHeader, LogWriter, make_header, read_log, recover
from amr.runtime.log_codec import (
    decode_geometry,
    decode_message,
    encode_geometry,
    encode_message,
    scan_geometry,
    unsigned_stamp,
)
from amr.runtime.log_encoder import StepRecords

NS = st.integers(-(2**63), 2**63 - 1)
COUNT = st.integers(-(2**62), 2**62)
REAL = st.floats(width=64)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
GOALS = st.builds(Goal, REAL, REAL, st.none() | REAL, REAL)
RANGES = hnp.arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32))
PATHS = hnp.arrays(np.float64, st.tuples(st.integers(0, 9), st.just(3)), elements=REAL)
SPEEDS = hnp.arrays(np.float64, st.integers(0, 9), elements=REAL)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Scan, NS, REAL, REAL, REAL, REAL, REAL, RANGES),
    st.builds(BaseState, NS, COUNT, COUNT, COUNT, REAL, REAL, REAL, st.sampled_from(McuState), COUNT, COUNT),
    st.builds(Imu, NS, REAL, REAL, REAL),
    st.builds(LinkStatus, NS, st.sampled_from(LinkState), TEXT, COUNT, COUNT, COUNT, COUNT),
    st.builds(SetMission, NS, st.lists(GOALS, max_size=4).map(tuple)),
    st.builds(Operator, NS, st.sampled_from(OperatorAction)),
    st.builds(Teleop, NS, REAL, REAL),
    st.builds(PlanResult, NS, COUNT, st.sampled_from(PlanStatus), TEXT, PATHS, REAL, COUNT, COUNT, SPEEDS),
)


def bits(value: Any) -> Any:
    """Comparable to the bit: floats as bytes, arrays with type and shape."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if dataclasses.is_dataclass(value):
        parts = [bits(getattr(value, item.name)) for item in dataclasses.fields(value)]
        return type(value), *parts
    if isinstance(value, tuple):
        return tuple(bits(part) for part in value)
    return type(value), value


@settings(max_examples=300, deadline=None)
@given(MESSAGES)
def test_every_message_comes_back_equal_to_the_bit(message: Message) -> None:
    topic, data = encode_message(message)
    geometry = decode_geometry(encode_geometry(scan_geometry(message))) if isinstance(message, Scan) else None
    twin = decode_message(topic.name, data, unsigned_stamp(message.stamp_ns), geometry)
    assert bits(twin) == bits(message)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(st.lists(MESSAGES, max_size=6), max_size=4))
def test_inputs_read_from_a_log_are_those_that_were_written(
    tmp_path: Path, header: LogHeader, messages: list[list[Message]]
) -> None:
    core = FakeCore()
    path = tmp_path / "any.mcap"
    steps = [Inputs(number * STEP_NS, tuple(parts)) for number, parts in enumerate(messages)]
    with LogWriter(path, header) as log, np.errstate(all="ignore"):
        for inputs in steps:
            log.record(inputs, core.step(inputs))
    back = [step.inputs for step in read_log(path)]
    assert [(inputs.now_ns, bits(inputs.messages)) for inputs in back] == [
        (inputs.now_ns, bits(inputs.messages)) for inputs in steps
    ]


def test_header_carries_robot_seed_and_start(fake_log: Callable[..., Path], header: LogHeader) -> None:
    read = Log(fake_log(3)).header
    assert read == header
    assert read.robot().model_dump() == header.robot().model_dump()
    assert read.extra == {"backend": "none"}


def test_rosbags_reads_the_log_as_ros_2_messages(fake_log: Callable[..., Path]) -> None:
    path = fake_log(60)
    seen: dict[str, Any] = {}
    counts: dict[str, int] = {}
    with AnyReader([path]) as reader:
        for connection, _, data in reader.messages():
            seen[connection.topic] = reader.deserialize(data, connection.msgtype)
            counts[connection.topic] = counts.get(connection.topic, 0) + 1
    assert counts["/scan"] == counts["/odom"] == counts["/cmd_vel"] == counts["/amr/step"] == 60
    assert counts["/imu"] == counts["/base_state"] == 240
    assert seen["/scan"].header.frame_id == "lidar"
    np.testing.assert_array_equal(seen["/scan"].ranges, fake_inputs(59).messages[0].ranges_m)  # type: ignore[union-attr]
    assert seen["/odom"].pose.covariance[0] == pytest.approx(0.01)
    assert [item.child_frame_id for item in seen["/tf"].transforms] == ["odom", "base", "lidar"]
    assert seen["/cmd_vel"].linear.x == 0.5


def test_digest_is_the_same_for_the_same_run_only(tmp_path: Path, header: LogHeader) -> None:
    def digest(wrong_at: int | None, name: str) -> str:
        core = FakeCore(wrong_at)
        with LogWriter(tmp_path / name, header) as log:
            for number in range(5):
                inputs = fake_inputs(number)
                log.record(inputs, core.step(inputs))
            return log.digest

    assert digest(None, "a") == digest(None, "b") != digest(3, "c")


# ---------------------------------------------------------------- torn files


def readable(data: bytes, folder: Path) -> bool:
    """True when the log's header is whole."""
    path = folder / "part.mcap"
    path.write_bytes(data)
    try:
        Log(path)
    except DataError:
        return False
    return True


def test_truncation_anywhere_loses_only_the_tail(fake_log: Callable[..., Path], tmp_path: Path) -> None:
    whole = fake_log(100).read_bytes()
    header_length = next(n for n in range(0, 20_000, 100) if readable(whole[:n], tmp_path))
    lengths = sorted({*np.linspace(0, len(whole), 120).astype(int).tolist(), *range(len(whole) - 12, len(whole))})
    last = 0
    for length in lengths:
        cut = tmp_path / "cut.mcap"
        cut.write_bytes(whole[:length])
        if length < header_length:
            with pytest.raises(DataError, match="no log of amr"):
                list(read_log(cut))
            continue
        steps = [step.step for step in read_log(cut)]
        assert steps == list(range(len(steps)))
        assert len(steps) >= last
        last = len(steps)
    assert last == 100


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0.0, 0.999), change=st.integers(1, 255))
def test_a_flipped_byte_is_never_read_as_other_inputs(
    fake_log: Callable[..., Path], tmp_path: Path, position: float, change: int
) -> None:
    source = tmp_path / "run.mcap"
    data = bytearray((source if source.exists() else fake_log(60)).read_bytes())
    data[int(position * len(data))] ^= change
    damaged = tmp_path / "damaged.mcap"
    damaged.write_bytes(bytes(data))
    with contextlib.suppress(DataError):
        for step in read_log(damaged):
            assert bits(step.inputs.messages) == bits(fake_inputs(step.step).messages)


def test_recovered_file_is_whole_and_holds_all_that_was_readable(fake_log: Callable[..., Path], tmp_path: Path) -> None:
    path = fake_log(100)
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(path.read_bytes()[:-40_000])
    readable = [step.digest for step in read_log(cut)]
    recovery = recover(cut, tmp_path / "whole.mcap")
    assert recovery.torn is not None
    assert recovery.steps == len(readable) > 50
    log = Log(tmp_path / "whole.mcap")
    assert [step.digest for step in log.steps()] == readable
    assert log.torn is None
    assert log.header.extra["recovered_from"] == "cut.mcap"
    with AnyReader([tmp_path / "whole.mcap"]) as reader:
        assert reader.message_count == recovery.messages


def test_recover_refuses_to_overwrite_its_source(fake_log: Callable[..., Path]) -> None:
    path = fake_log(3)
    with pytest.raises(DataError, match="is the log itself"):
        recover(path, path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no log of amr"), (b"\x89MCAP0\r\n", "no log of amr"), (b"x" * 5000, "no log of amr")],
)
def test_foreign_file_is_a_data_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "foreign.mcap"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read_log(path))


def test_missing_log_folder_and_unwritable_place_are_data_errors(tmp_path: Path, header: LogHeader) -> None:
    for path in (tmp_path / "none.mcap", tmp_path):
        with pytest.raises(DataError, match=r"no log of amr|cannot be read|is a folder"):
            list(read_log(path))
    with pytest.raises(DataError, match="log cannot be written"):
        LogWriter(Path("/dev/full"), header)
    with pytest.raises(DataError, match="log cannot be written"):
        LogWriter(tmp_path, header)


def test_log_of_another_format_says_what_to_install(tmp_path: Path, header: LogHeader) -> None:
    other = dataclasses.replace(header, format=99, amr_version="9.8.7")
    LogWriter(tmp_path / "other.mcap", other).close()
    with pytest.raises(DataError, match=r"format 99, this version reads 2: install amr 9\.8\.7"):
        Log(tmp_path / "other.mcap")


def test_full_disk_is_counted_and_leaves_a_readable_log(tmp_path: Path, header: LogHeader) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    core = FakeCore()
    log = LogWriter(tmp_path / "full.mcap", header)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        for number in range(300):
            inputs = fake_inputs(number)
            log.record(inputs, core.step(inputs))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.close()
    assert log.fault is not None
    assert "cannot be written any more" in log.fault
    assert 0 < log.dropped < 300
    steps = list(read_log(tmp_path / "full.mcap"))
    assert 0 < len(steps) <= 300 - log.dropped
    assert Log(tmp_path / "full.mcap").torn is None  # not read yet
    assert [step.step for step in steps] == list(range(len(steps)))


def test_step_records_travel_as_bytes() -> None:
    robot_header = make_header(load(), "x", 1)
    from amr.runtime.log_encoder import StepEncoder

    encoder = StepEncoder(robot_header.robot())
    inputs = fake_inputs(0)
    records = encoder.encode(inputs, FakeCore().step(inputs))
    assert StepRecords.from_bytes(records.to_bytes()) == records


def load() -> Any:
    from amr.runtime.files import load_robot

    return load_robot("jackal")


def test_every_topic_has_a_schema_that_names_its_fields() -> None:
    for topic in log_types.TOPICS:
        assert log_types.schema_text(topic.type_name).strip()
    assert "uint8[32] digest" in log_types.schema_text("amr_msgs/msg/Step")


WRITER = """
import sys, time
sys.path.insert(0, sys.argv[2])
from fake_core import FakeCore, fake_inputs
from amr.runtime.files import load_robot
from amr.runtime.log import LogWriter, make_header
core, log = FakeCore(), LogWriter(sys.argv[1], make_header(load_robot("jackal"), "killed", 1))
for number in range(100_000):
    inputs = fake_inputs(number)
    log.record(inputs, core.step(inputs))
    print(number, flush=True)
"""


@pytest.mark.slow
def test_killed_process_loses_at_most_half_a_second(tmp_path: Path) -> None:
    path = tmp_path / "killed.mcap"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    written = 0
    deadline = time.monotonic() + 60.0
    while written < 237 and time.monotonic() < deadline:
        written = int(process.stdout.readline())
    process.kill()
    written = max([written, *(int(line) for line in process.stdout.read().split("\n")[:-1])])
    process.wait()
    process.stdout.close()
    steps = list(read_log(path))
    lost_s = (written + 1 - len(steps)) * STEP_NS * 1e-9
    assert lost_s <= 0.5
    assert json.dumps(len(steps))
    for step in steps[-3:]:
        assert bits(step.inputs.messages) == bits(fake_inputs(step.step).messages)


@settings(max_examples=100, deadline=None)
@given(stamp_ns=NS, values=st.tuples(REAL, REAL, REAL))
def test_patched_messages_are_what_rosbags_would_write(stamp_ns: int, values: tuple[float, float, float]) -> None:
    from amr.runtime.log_codec import _imu_message, serialize
    from amr.runtime.log_template import ros_time

    _, data = encode_message(Imu(stamp_ns, *values))
    assert data == serialize(_imu_message(*ros_time(stamp_ns), *values), log_types.IMU)
