"""All slow work of a robot that drives: each worker in a process of its own, so that a long plan delays no pose."""

from __future__ import annotations

import time
from pathlib import Path

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.messages import FrontierResult, LocateScan, PlanResult, PoseFix, Request, Scan
from amr.runtime.worker_process import READY_TIMEOUT_S, WorkerProcess, WorkerSetup


class SlowProcesses:
    """``amr.runtime.drive.SlowWorker``."""

    def __init__(self, robot: RobotConfig, seed: int, map_path: Path | None, start: Pose2 | None) -> None:
        """Start them; without a map there is no localizer."""
        robot_json, name = robot.model_dump_json(), "" if map_path is None else str(map_path)
        self._planning = WorkerProcess(WorkerSetup("planning", robot_json, name, seed))
        self._localization: WorkerProcess | None = None
        if map_path is not None:
            self._localization = WorkerProcess(WorkerSetup("localization", robot_json, name, seed, start))

    def offer_scan(self, scan: Scan) -> None:
        """Keep a scan for the requests to come."""
        for worker in self._all():
            worker.offer_scan(scan)

    def request(self, request: Request) -> None:
        """Hand over a request, with its scan; never waits."""
        if not isinstance(request, LocateScan):
            self._planning.request(request)
        elif self._localization is not None:
            self._localization.request(request)

    def answers(self, now_ns: int) -> list[PlanResult | FrontierResult | PoseFix]:
        """What has been answered since; the stamp is ``now_ns``, when the answer enters the core."""
        return [answer for worker in self._all() for answer in worker.answers(now_ns)]

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> str:
        """Before the drive: wait until all have their kernels. Why one has not, or ''."""
        deadline_s = time.monotonic() + timeout_s
        for worker in self._all():
            if not worker.wait_until_ready(max(0.0, deadline_s - time.monotonic())):
                return f"the {worker.kind} worker did not start: {worker.close() or 'it hangs'}"
        return ""

    @property
    def dropped(self) -> int:
        """Requests that found no room, because a worker hangs."""
        return sum(worker.dropped for worker in self._all())

    @property
    def torn(self) -> int:
        """Answers that could not be read."""
        return sum(worker.torn for worker in self._all())

    def close(self) -> None:
        """End all; again is harmless."""
        for worker in self._all():
            worker.close()

    def _all(self) -> tuple[WorkerProcess, ...]:
        return (self._planning,) if self._localization is None else (self._planning, self._localization)
