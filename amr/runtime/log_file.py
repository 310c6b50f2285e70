"""The MCAP file of a log: flushed often, whole up to the last flush whatever happens, shut after the first failure."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np
from mcap.writer import Writer

from amr.errors import DataError
from amr.runtime import log_types as lt
from amr.runtime.log_codec import serialize
from amr.runtime.log_encoder import Record, StepRecords
from amr.runtime.log_header import METADATA_NAME, LogHeader
from amr.runtime.log_types import TOPICS, schema_text, typestore

FLUSH_EVERY_NS: Final = 400_000_000
"""With the time until a step is over, what a killed process loses stays below 0.5 s."""
SYNC_EVERY_NS: Final = 1_000_000_000


class _DurableFile:
    """Unbuffered file that knows up to where it is whole."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        self._position = 0
        self.whole = 0

    def write(self, data: bytes | memoryview) -> int:
        rest = memoryview(data)
        while len(rest):
            written = os.write(self._descriptor, rest)
            self._position += written
            rest = rest[written:]
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        self.whole = self._position

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def cut(self) -> None:
        """Drop what was written after the last whole chunk."""
        os.ftruncate(self._descriptor, self.whole)

    def close(self) -> None:
        os.close(self._descriptor)


class LogFile:
    """The MCAP file. After the first failed write it stays shut: ``fault`` says why, ``dropped`` counts the steps."""

    def __init__(self, path: str | Path, header: LogHeader) -> None:
        """Create the file (parent folders too). Raises ``DataError`` when that fails."""
        self.path = Path(path)
        self.fault: str | None = None
        self.dropped = 0
        self._flushed_ns = 0
        self._synced_ns = 0
        self._closed = False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _DurableFile(self.path)
        except OSError as error:
            raise DataError(f"{path}: log cannot be written: {error.strerror}") from None
        self._writer = Writer(self._file)  # type: ignore[arg-type]
        try:
            self._writer.start(profile="ros2", library=f"amr {header.amr_version}")
            self._writer.add_metadata(METADATA_NAME, header.to_metadata())
            self._channels = [self._register(topic) for topic in TOPICS]
            self._file.flush()
        except OSError as error:
            self._file.close()
            raise DataError(f"{path}: log cannot be written: {error.strerror}") from None

    def _register(self, topic: lt.Topic) -> int:
        schema = self._writer.register_schema(topic.type_name, "ros2msg", schema_text(topic.type_name).encode())
        return self._writer.register_channel(topic.name, "cdr", schema)

    def append(self, step: StepRecords) -> None:
        """Write one step; flushes every 0.4 s of robot time, and to the disk itself when the wheels were stopped."""
        if self.fault is not None or self._closed:
            self.dropped += 1
            return
        try:
            for channel, publish_time, data in step.records:
                self._writer.add_message(self._channels[channel], step.now_ns, data, publish_time, step.step % 2**32)
            if step.stopped and step.now_ns - self._synced_ns >= SYNC_EVERY_NS:
                self._synced_ns = step.now_ns
                self._flush(step.now_ns)
                self._file.sync()
            elif step.now_ns - self._flushed_ns >= FLUSH_EVERY_NS:
                self._flush(step.now_ns)
        except OSError as error:
            self._fail(error)
            self.dropped += 1

    def snapshot(self, step: int, now_ns: int, state: bytes) -> None:
        """Write the core's state after the step of that number."""
        value = typestore().types[lt.SNAPSHOT.type_name](step, now_ns, np.frombuffer(state, np.uint8))
        record = Record(TOPICS.index(lt.SNAPSHOT), now_ns, serialize(value, lt.SNAPSHOT))
        self.append(StepRecords(now_ns, step, False, [record]))

    def _flush(self, now_ns: int) -> None:
        self._writer.flush()  # type: ignore[no-untyped-call]
        self._flushed_ns = now_ns

    def _fail(self, error: OSError) -> None:
        """Leave a file that ends with its last whole chunk."""
        self.fault = f"{self.path}: log cannot be written any more: {error.strerror}"
        try:
            self._file.cut()
        except OSError:
            self.fault += " (and its end is torn; see amr log recover)"

    def sync(self) -> None:
        """Everything so far to the disk itself."""
        if self.fault is not None or self._closed:
            return
        try:
            self._flush(self._flushed_ns)
            self._file.sync()
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        """Finish the file with its index, to the disk itself. Never raises; see ``fault``."""
        if self._closed:
            return
        if self.fault is None:
            try:
                self._writer.finish()  # type: ignore[no-untyped-call]
                self._file.sync()
            except OSError as error:
                self._fail(error)
        self._closed = True
        self._file.close()
