"""``amr bench loop``: how late the real-time loop wakes up on this machine, idle and under load."""

from __future__ import annotations

import contextlib
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.errors import DataError
from amr.runtime.clock import MonotonicClock
from amr.runtime.loop import RealTimeLoop
from amr.runtime.realtime import real_time
from amr.units import ns_from_s

LOAD_PROCESSES: Final = 2
BASELINE_FRAC: Final = 0.2
BASELINE_MAX_S: Final = 10.0

_LOAD: Final = """
import os, numpy as np
parent = os.getppid()
a = np.random.default_rng(1).random((500, 500))
while os.getppid() == parent:
    a = np.sqrt(np.abs(np.fft.fft2(a))) % 1.0
    sum(i * i for i in range(20000))
"""


def run(hz: float = 100.0, seconds: float = 300.0, load: bool = False, out: Path | None = None) -> dict[str, Any]:
    """Lateness with all rights that can be had, beside a plain sleeping loop before any load.

    ``out``: folder for ``lateness_us.csv``, one wake-up a row. Raises ``DataError`` when it cannot be written.
    """
    baseline_s = min(BASELINE_MAX_S, seconds * BASELINE_FRAC)
    _, baseline_ns = _measure(hz, baseline_s)
    before = _cpu_times()
    with _load(LOAD_PROCESSES if load else 0), real_time() as rights:
        loop, lateness_ns = _measure(hz, seconds)
    after = _cpu_times()
    if out is not None:
        _write(out, lateness_ns)
    return {
        "hz": hz,
        "seconds": seconds,
        "load": load,
        "lateness_us": spread_us(lateness_ns),
        "missed": loop.missed,
        "ticks": loop.ticks,
        "fifo": rights.fifo,
        "memory_locked": rights.memory_locked,
        "cpu_steal_frac": steal_frac(before, after),
        "idle_baseline_us": spread_us(baseline_ns),
    }


def _measure(hz: float, seconds: float) -> tuple[RealTimeLoop, NDArray[np.int64]]:
    clock = MonotonicClock()
    loop = RealTimeLoop(clock, _work, _nothing, poll_hz=hz)
    loop.run(until_ns=clock.now_ns() + ns_from_s(seconds))
    return loop, loop.lateness_ns()


def _work(now_ns: int) -> None:
    """About what a poll of the link costs: 20 us."""
    total = now_ns
    for number in range(250):
        total ^= number * 7


def _nothing(_now_ns: int) -> None:
    """There is no core here."""


def spread_us(lateness_ns: NDArray[np.int64]) -> dict[str, float]:
    """Percentiles in microseconds; nan when nothing was measured."""
    if lateness_ns.size == 0:
        return dict.fromkeys(("p50", "p99", "p999", "max"), math.nan)
    p50, p99, p999 = np.percentile(lateness_ns, (50.0, 99.0, 99.9)) * 1e-3
    return {"p50": float(p50), "p99": float(p99), "p999": float(p999), "max": float(lateness_ns.max()) * 1e-3}


@contextmanager
def _load(processes: int) -> Iterator[None]:
    """Busy processes at normal priority while the block runs."""
    crew = [subprocess.Popen([sys.executable, "-c", _LOAD]) for _ in range(processes)]
    try:
        if crew:
            time.sleep(1.0)  # until they compute
        yield
    finally:
        for process in crew:
            process.kill()
            process.wait()


def _cpu_times() -> tuple[int, ...]:
    """First line of /proc/stat in ticks; empty where there is none."""
    with contextlib.suppress(OSError, ValueError):
        line = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
        return tuple(int(part) for part in line.split()[1:9])
    return ()


def steal_frac(before: tuple[int, ...], after: tuple[int, ...]) -> float | None:
    """Part of all CPU time that the machine below took from this one; None when the system does not tell."""
    if len(before) < 8 or len(after) < 8:
        return None
    spent = [late - early for early, late in zip(before, after, strict=True)]
    return spent[7] / sum(spent) if sum(spent) > 0 else 0.0


def _write(out: Path, lateness_ns: NDArray[np.int64]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        np.savetxt(out / "lateness_us.csv", lateness_ns * 1e-3, fmt="%.1f", header="lateness_us", comments="")
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror}") from None
