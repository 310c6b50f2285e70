"""Stops a base's wheels when the program that drives it can not: it was killed, it hangs, it is stopped by a signal.

Most bases drive on for ever with their last command. So a process of its own holds the same open port and the bytes
that stop the wheels, listens to a heartbeat, and writes those bytes when it falls silent, and when its pipe closes.

    python keeper.py PORT_DESCRIPTOR PIPE_DESCRIPTOR LIMIT_MS STOP_HEX

It knows the standard library only, for it has to be there before the wheels may turn. Bytes on the pipe: 1 = driving,
0 = at rest (silence is allowed).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

DRIVING, RESTING = b"\1", b"\0"
REPEATS = 3
REPEAT_S = 0.015
"""A base that holds half a command drops it in a pause of 10 ms (RoboClaw), or takes the first stop as its rest."""
_READY = b"\2"
_START_TIMEOUT_S = 5.0
_CLOSE_TIMEOUT_S = 2.0


class Keeper:
    """The process, seen from the program that drives."""

    def __init__(self, port_descriptor: int, stop: bytes, limit_s: float) -> None:
        """Start it; it is of use once ``ready``. Raises ``OSError``."""
        listen, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        command = [sys.executable, "-I", "-S", __file__]
        command += [str(port_descriptor), str(listen), str(round(limit_s * 1000.0)), stop.hex()]
        try:
            self._process = subprocess.Popen(
                command, pass_fds=(port_descriptor, listen), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
            )
        except OSError:
            os.close(self._pipe)
            raise
        finally:
            os.close(listen)
        self._said: bytes | None = None
        self._listens = False

    @property
    def ready(self) -> bool:
        """It listens, and lives: somebody would stop the wheels. Never waits."""
        if not self._listens:
            self.wait_until_ready(0.0)
        return self._listens and self._process.poll() is None

    def wait_until_ready(self, seconds: float = _START_TIMEOUT_S) -> bool:
        """``ready`` within this time."""
        stream = self._process.stdout
        if stream is not None and not stream.closed and select.select([stream], [], [], seconds)[0]:
            self._listens = os.read(stream.fileno(), 1) == _READY
        return self._listens

    def say(self, state: bytes) -> None:
        """``DRIVING`` with each command that turns wheels, ``RESTING`` once when they shall stand. Never waits."""
        if state == RESTING and self._said == RESTING:
            return
        self._said = state
        with contextlib.suppress(OSError):  # full: enough heartbeats wait; broken: ``ready`` tells
            os.write(self._pipe, state)

    def release(self) -> bool:
        """Let it end without waiting for it: it sends the stop as its last act. True when it has ended."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        return self._process.poll() is not None

    def close(self) -> None:
        """End it, and wait for that; it sends the stop as its last act. Again is harmless."""
        self.release()
        try:
            self._process.wait(_CLOSE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def keep(port: int, pipe: int, limit_s: float, stop: bytes) -> None:
    """Until the pipe closes."""
    driving = False
    while True:
        ready, _, _ = select.select([pipe], [], [], limit_s if driving else None)
        if not ready:
            driving = False
            write_stop(port, stop)
            continue
        said = os.read(pipe, 65536)
        if not said:
            write_stop(port, stop)
            return
        driving = said.endswith(DRIVING)


def write_stop(port: int, stop: bytes) -> None:
    """Several times, with pauses. A port that is gone, or full, is no reason to give up on the next try."""
    for repeat in range(REPEATS):
        if repeat:
            time.sleep(REPEAT_S)
        with contextlib.suppress(OSError):
            os.write(port, stop)


def main(arguments: list[str]) -> None:
    """See the head of this file."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the terminal's signals are for the program that drives
    port, pipe, limit_ms = (int(text) for text in arguments[:3])
    os.write(sys.stdout.fileno(), _READY)
    keep(port, pipe, limit_ms / 1000.0, bytes.fromhex(arguments[3]))


if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if Path(entry) != Path(__file__).parent]
    main(sys.argv[1:])
