"""Helper processes of the control process: started before it takes its real-time rights, ended with it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Final

from amr.runtime.ring import Ring

_PR_SET_PDEATHSIG: Final = 1
_CLOSE_TIMEOUT_S: Final = 5.0


class Child:
    """A module that runs as ``python -m module RING RING ... PARENT``: descriptors and our process id."""

    def __init__(self, module: str, rings: tuple[Ring, ...], *, show_errors: bool = False) -> None:
        """Start it. ``show_errors``: it shares our standard error; else what it says there is kept for ``finish``."""
        descriptors = [ring.descriptor for ring in rings]
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *(str(number) for number in [*descriptors, os.getpid()])],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stderr=None if show_errors else subprocess.PIPE,
        )

    @property
    def alive(self) -> bool:
        """False when the process has ended."""
        return self._process.poll() is None

    def finish(self, timeout_s: float = _CLOSE_TIMEOUT_S, unread: Callable[[], int] | None = None) -> str:
        """Wait for its end; the last line it said on standard error, or ''.

        It is killed when it does not end within ``timeout_s``, unless ``unread`` has become less in that time: then it
        gets as much again, for it still works.
        """
        left = 0 if unread is None else unread()
        while True:
            try:
                _, text = self._process.communicate(timeout=timeout_s)
                break
            except subprocess.TimeoutExpired:
                before, left = left, 0 if unread is None else unread()
                if left < before:
                    continue
                self._process.kill()
                self._process.communicate()
                return "did not end in time"
        lines = (text or b"").decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""


def become_child(*, outlive_parent: bool) -> None:
    """First thing in a helper process: leave Ctrl-C to the parent, and end with it unless there is work to finish."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not outlive_parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    with contextlib.suppress(OSError):
        os.nice(5)


def parent_is_gone(parent: int) -> bool:
    """True when the process that started us has ended."""
    return os.getppid() != parent
