"""The log of a real drive, written in another process: a slow or full disk never reaches the wheels.

The control process encodes (0.1 ms a step) and puts the bytes into a ring; when the ring is full a step is dropped and
counted. When the control process is killed, this one writes what is in the ring and closes the file.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

from amr.errors import DataError
from amr.messages import Inputs, Outputs
from amr.runtime.child import Child, become_child, parent_is_gone
from amr.runtime.log_encoder import StepEncoder, StepRecords
from amr.runtime.log_file import LogFile
from amr.runtime.log_header import LogHeader
from amr.runtime.ring import Ring
from amr.runtime.snapshot import decode, encode

RING_BYTES: Final = 1 << 24
"""About 30 s of a robot with a 50 Hz lidar."""
POLL_S: Final = 0.02
_BATCH: Final = 64
"""Records taken at a time, so that the other end sees that the writer gets on."""


class LogProcess:
    """The control process's end (a ``StepSink``)."""

    def __init__(self, path: Path, header: LogHeader) -> None:
        """Start the writer. Raises ``DataError`` when the file cannot be made."""
        LogFile(path, header).close()  # tells at once, in this process, when it cannot be written
        self.path = path
        self._encoder = StepEncoder(header.robot())
        self._end: str | None = None
        self._ring = Ring.create(RING_BYTES, "amr-log")
        self._ring.push(encode((str(path), header)))
        self._child = Child("amr.runtime.log_process", (self._ring,))

    def record(self, inputs: Inputs, outputs: Outputs) -> None:
        """Hand over one step; never waits."""
        self._ring.push(self._encoder.encode(inputs, outputs).to_bytes())

    @property
    def dropped(self) -> int:
        """Steps that the writer had no room for."""
        return self._ring.dropped

    @property
    def digest(self) -> str:
        """Hash chain over all outputs so far (hex)."""
        return self._encoder.digest.text()

    @property
    def alive(self) -> bool:
        """False when the writer has ended, on its own or because the disk is full."""
        return self._child.alive

    def close(self) -> str:
        """Finish the file; what went wrong, in one line, or ''. Again is harmless."""
        if self._end is None:
            self._ring.close_writing()
            self._end = self._child.finish(unread=lambda: self._ring.unread_bytes)
            self._ring.close()
        return self._end


def write_until_closed(ring: Ring, parent: int) -> str:
    """The writer's life: from the ring to the file; the fault at its end, or ''."""
    log: LogFile | None = None
    while True:
        last = ring.closed_by_writer or parent_is_gone(parent)  # before reading: so nothing is left behind
        blobs = ring.pop(_BATCH)
        for blob in blobs:
            if log is None:
                path, header = decode(blob)
                try:
                    log = LogFile(path, header)
                except DataError as error:
                    return str(error)
            else:
                log.append(StepRecords.from_bytes(blob))
        if (last and not blobs) or (log is not None and log.fault is not None):
            break
        if not blobs:
            time.sleep(POLL_S)
    if log is None:
        return ""
    log.close()
    return log.fault or ""


def main() -> None:
    """``python -m amr.runtime.log_process RING PARENT``."""
    become_child(outlive_parent=True)
    fault = write_until_closed(Ring(int(sys.argv[1])), int(sys.argv[2]))
    if fault:
        sys.stderr.write(fault + "\n")
        raise SystemExit(3)


if __name__ == "__main__":
    main()
