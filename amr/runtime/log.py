"""Logs: MCAP files that hold every input of the core and what it decided, and lose at most half a second when killed.

``LogWriter`` writes, ``Log`` and ``read_log`` read (also a file that was torn), ``recover`` makes a torn file whole.
"""

from __future__ import annotations

from pathlib import Path

from amr.messages import Inputs, Outputs
from amr.runtime.digest import digest_outputs
from amr.runtime.log_encoder import StepEncoder
from amr.runtime.log_file import LogFile
from amr.runtime.log_header import LogHeader, make_header
from amr.runtime.log_reader import Log, LoggedSnapshot, LoggedStep, Recovery, read_log, recover

__all__ = [
    "Log",
    "LogFile",
    "LogHeader",
    "LogWriter",
    "LoggedSnapshot",
    "LoggedStep",
    "Recovery",
    "digest_outputs",
    "make_header",
    "read_log",
    "recover",
]


class LogWriter:
    """A log in the same process: what a simulation uses. ``record`` never raises for a full disk (see ``fault``)."""

    def __init__(self, path: str | Path, header: LogHeader) -> None:
        """Create the file. Raises ``DataError`` when that fails."""
        self._file = LogFile(path, header)
        self._encoder = StepEncoder(header.robot())

    def record(self, inputs: Inputs, outputs: Outputs) -> None:
        """Write one step."""
        self._file.append(self._encoder.encode(inputs, outputs))

    def snapshot(self, step: int, now_ns: int, state: bytes) -> None:
        """Write the core's state (``snapshot.encode``) after the step of that number."""
        self._file.snapshot(step, now_ns, state)

    def sync(self) -> None:
        """Everything so far to the disk itself."""
        self._file.sync()

    def close(self) -> None:
        """Finish the file. Never raises."""
        self._file.close()

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def digest(self) -> str:
        """Hash chain over all outputs so far (hex)."""
        return self._encoder.digest.text()

    @property
    def steps(self) -> int:
        """Steps seen so far, written or dropped."""
        return self._encoder.steps

    @property
    def dropped(self) -> int:
        """Steps that did not reach the file."""
        return self._file.dropped

    @property
    def fault(self) -> str | None:
        """Why nothing is written any more, in one line."""
        return self._file.fault

    @property
    def path(self) -> Path:
        """Where the log is."""
        return self._file.path
