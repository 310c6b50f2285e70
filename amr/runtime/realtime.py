"""Rights of the control process: first come, first served scheduling, locked memory, a quiet garbage collector.

None of them is needed to drive; what the machine refuses is told, never an error.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

PRIORITY: Final = 50
_PR_SET_TIMERSLACK: Final = 29
_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2
_GC_THRESHOLD: Final = 50_000


@dataclass(frozen=True, slots=True)
class Rights:
    """What the machine granted."""

    fifo: bool
    memory_locked: bool


@contextmanager
def real_time() -> Iterator[Rights]:
    """Run the block with all rights that can be had; as before afterwards. Child processes do not inherit them."""
    library = ctypes.CDLL(None, use_errno=True)
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, *thresholds[1:])
    library.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    fifo = _enter_fifo()
    locked = _may_lock_all() and library.mlockall(_MCL_CURRENT | _MCL_FUTURE) == 0
    try:
        yield Rights(fifo, locked)
    finally:
        if locked:
            library.munlockall()
        if fifo:
            with contextlib.suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        library.prctl(_PR_SET_TIMERSLACK, 0, 0, 0, 0)  # 0 = the default again
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _enter_fifo() -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
    except (OSError, AttributeError):  # no right, or no such scheduler on this system
        return False
    return True


def _may_lock_all() -> bool:
    """With a limit, locking what comes later would make allocations fail in the middle of a drive."""
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return os.geteuid() == 0 or limit == resource.RLIM_INFINITY
