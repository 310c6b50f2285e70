"""Reading of logs, whole or torn, and making a whole file of a torn one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import zstandard
from mcap.exceptions import McapError
from mcap.records import Channel, Footer, McapRecord, Metadata
from mcap.records import Message as McapMessage
from mcap.stream_reader import CRCValidationError, StreamReader

from amr.errors import DataError
from amr.messages import Inputs, Message, Request
from amr.runtime import log_types as lt
from amr.runtime.digest import Scalar
from amr.runtime.log_codec import Geometry, decode_geometry, decode_message, deserialize, plain_request
from amr.runtime.log_encoder import Record, StepRecords, step_fields
from amr.runtime.log_file import LogFile
from amr.runtime.log_header import METADATA_NAME, LogHeader
from amr.runtime.log_types import TOPICS

MAX_RECORD_BYTES: Final = 256 * 2**20

_TORN: Final = (
    McapError,
    CRCValidationError,
    EOFError,
    ValueError,
    struct.error,
    zstandard.ZstdError,
    MemoryError,
    OverflowError,
    KeyError,
)
"""What ``mcap`` raises on bytes that are no MCAP file, or not any more."""


@dataclass(frozen=True, slots=True, eq=False)
class LoggedStep:
    """One step as it was logged."""

    step: int
    inputs: Inputs
    digest: bytes
    record: Any
    """``amr_msgs/Step``."""

    def fields(self) -> dict[str, Scalar]:
        """What was decided, in the names of ``digest.flatten_outputs``."""
        return step_fields(self.record)

    def requests(self) -> tuple[Request, ...]:
        """What was asked of the worker."""
        return tuple(plain_request(request) for request in self.record.requests)


@dataclass(frozen=True, slots=True, eq=False)
class LoggedSnapshot:
    """State of the core after the step of that number."""

    step: int
    now_ns: int
    state: bytes


class Group(NamedTuple):
    """Records that belong together; the last one, of ``topic``, closes them."""

    topic: str
    log_time: int
    sequence: int
    records: list[Record]
    geometries: list[Geometry | None]
    """The scans' constants that hold at each record."""

    def step_records(self) -> StepRecords:
        """For writing them to another file."""
        return StepRecords(self.log_time, self.sequence, False, self.records)


class Log:
    """A log that is read from its beginning to its end, or to where it is torn."""

    def __init__(self, path: str | Path) -> None:
        """Read the header. Raises ``DataError`` when this is no log of ours."""
        self.path = Path(path)
        self.torn: str | None = None
        """Set by reading: why the file ends early; None = whole (or not read to the end yet)."""
        self.header = self._read_header()

    def _read_header(self) -> LogHeader:
        for number, record in enumerate(self._records()):
            if isinstance(record, Metadata) and record.name == METADATA_NAME:
                return LogHeader.from_metadata(record.metadata)
            if number > 100:
                break
        raise DataError(f"{self.path}: no log of amr ({self.torn or 'no header in it'})")

    def _records(self) -> Iterator[McapRecord]:
        """Whole records; stops where the file is torn and says why in ``torn``."""
        self.torn = None
        if self.path.is_dir():
            raise DataError(f"{self.path}: is a folder, expected a log")
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise DataError(f"{self.path}: log cannot be read: {error.strerror}") from None
        with file:
            try:
                complete = False
                for record in StreamReader(file, validate_crcs=True, record_size_limit=MAX_RECORD_BYTES).records:
                    complete = complete or isinstance(record, Footer)
                    yield record
            except OSError as error:
                raise DataError(f"{self.path}: log cannot be read: {error.strerror}") from None
            except _TORN as error:
                # Behind the footer nothing is lost but the closing magic.
                self.torn = None if complete else f"torn: {type(error).__name__}"

    def messages(self) -> Iterator[tuple[str, McapMessage]]:
        """(topic, record) of every message in the order of the file."""
        topics: dict[int, str] = {}
        for record in self._records():
            if isinstance(record, McapMessage):
                topic = topics.get(record.channel_id)
                if topic is not None:
                    yield topic, record
            elif isinstance(record, Channel):
                topics[record.id] = record.topic

    def groups(self) -> Iterator[Group]:
        """Raw records, grouped by the step or snapshot that closes each group."""
        waiting: list[Record] = []
        geometries: list[Geometry | None] = []
        geometry: Geometry | None = None
        for topic, message in self.messages():
            number = _NUMBERS.get(topic)
            if number is None:
                continue
            if topic == lt.SCAN_GEOMETRY.name:
                geometry = decode_geometry(message.data)
            waiting.append(Record(number, message.publish_time, message.data))
            geometries.append(geometry)
            if topic in {lt.STEP.name, lt.SNAPSHOT.name}:
                yield Group(topic, message.log_time, message.sequence, waiting, geometries)
                waiting, geometries = [], []

    def items(self, after_step: int | None = None) -> Iterator[LoggedStep | LoggedSnapshot]:
        """Steps and snapshots in their order; with ``after_step`` only what comes behind that step (and its snapshot).

        Raises ``DataError`` when a whole record contradicts the format.
        """
        for group in self.groups():
            item = self.item(group, after_step)
            if item is not None:
                yield item

    def item(self, group: Group, after_step: int | None = None) -> LoggedStep | LoggedSnapshot | None:
        """The group's meaning; None when it does not come after ``after_step``."""
        if group.topic == lt.STEP.name:
            record = deserialize(group.records[-1].data, lt.STEP)
            return self._step(record, group) if after_step is None or record.step > after_step else None
        record = deserialize(group.records[-1].data, lt.SNAPSHOT)
        if after_step is not None and record.step < after_step:
            return None
        return LoggedSnapshot(record.step, record.now_ns, record.state.tobytes())

    def _step(self, record: Any, group: Group) -> LoggedStep:
        try:
            messages: tuple[Message, ...] = tuple(
                decode_message(TOPICS[item.channel].name, item.data, item.publish_time, geometry)
                for item, geometry in zip(group.records, group.geometries, strict=True)
                if TOPICS[item.channel].is_input
            )
        except DataError as error:
            raise DataError(f"{self.path}: step {record.step}: {error}") from None
        if record.message_count != len(messages):
            raise DataError(
                f"{self.path}: step {record.step}: {len(messages)} messages in the log, expected {record.message_count}"
            )
        return LoggedStep(record.step, Inputs(record.now_ns, messages), record.digest.tobytes(), record)

    def steps(self) -> Iterator[LoggedStep]:
        """All steps in their order."""
        return (item for item in self.items() if isinstance(item, LoggedStep))

    def snapshot_before(self, time_ns: int) -> LoggedSnapshot | None:
        """The last snapshot that was taken at or before ``time_ns``; None when there is none."""
        found = None
        for topic, message in self.messages():
            if message.log_time > time_ns:
                break
            if topic == lt.SNAPSHOT.name:
                found = message
        if found is None:
            return None
        record = deserialize(found.data, lt.SNAPSHOT)
        return LoggedSnapshot(record.step, record.now_ns, record.state.tobytes())


_NUMBERS: Final = {topic.name: number for number, topic in enumerate(TOPICS)}


def read_log(path: str | Path) -> Iterator[LoggedStep]:
    """All steps of a log; of a torn one up to where it is whole. Raises ``DataError`` when it is no log of ours."""
    return Log(path).steps()


@dataclass(frozen=True, slots=True)
class Recovery:
    """What ``recover`` saved."""

    steps: int
    messages: int
    torn: str | None


def recover(path_in: str | Path, path_out: str | Path) -> Recovery:
    """Write all whole steps of a torn log as a finished file. Raises ``DataError``."""
    if Path(path_out).exists() and Path(path_in).resolve() == Path(path_out).resolve():
        raise DataError(f"{path_out}: is the log itself, expected another file to write to")
    log = Log(path_in)
    copy = LogFile(path_out, log.header.with_extra(recovered_from=Path(path_in).name))
    steps = messages = 0
    for group in log.groups():
        copy.append(group.step_records())
        messages += len(group.records)
        steps += group.topic == lt.STEP.name
    copy.close()
    if copy.fault is not None:
        raise DataError(copy.fault)
    return Recovery(steps, messages, log.torn)


def topic_counts(path: str | Path) -> tuple[LogHeader, dict[str, int], tuple[int, int], str | None]:
    """(header, messages per topic, (first, last) time in ns, why torn) of a log. Raises ``DataError``."""
    log = Log(path)
    counts: dict[str, int] = {}
    first = last = 0
    for topic, message in log.messages():
        first = message.log_time if not counts else first
        last = message.log_time
        counts[topic] = counts.get(topic, 0) + 1
    return log.header, counts, (first, last), log.torn
