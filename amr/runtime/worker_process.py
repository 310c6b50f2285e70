"""A worker in its own process: slow work never makes a step of the core late.

Requests and the scans they need go through one ring, answers come back through another. When the worker falls behind,
it drops the oldest map updates and counts them; a request that wants an answer is never dropped.
"""

from __future__ import annotations

import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.messages import (
    CloseFrontier,
    FrontierRequest,
    FrontierResult,
    InsertScan,
    LocateScan,
    PlanRequest,
    PlanResult,
    PoseFix,
    Request,
    Scan,
)
from amr.runtime.child import Child, become_child, parent_is_gone
from amr.runtime.protocols import Worker
from amr.runtime.ring import Ring
from amr.runtime.snapshot import pack, unpack

REQUEST_BYTES: Final = 1 << 22
ANSWER_BYTES: Final = 1 << 20
SCANS_KEPT: Final = 32
BACKLOG_MAX: Final = 100
POLL_S: Final = 0.004
READY: Final = b"ready"
READY_TIMEOUT_S: Final = 180.0
"""Compiling every kernel on a slow machine takes a minute and more."""

_KEPT: Final = (PlanRequest, FrontierRequest, CloseFrontier, LocateScan)
"""Never dropped."""

Job = tuple[Request, Scan | None]
Answer = PlanResult | FrontierResult | PoseFix


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker is made of. ``map_path`` "" = no saved map; ``start``: where on it somebody said it stands."""

    kind: Literal["planning", "localization"]
    robot_json: str
    map_path: str = ""
    seed: int = 0
    start: Pose2 | None = None


class WorkerProcess:
    """The control process's end."""

    def __init__(self, setup: WorkerSetup) -> None:
        """Start the worker; it needs seconds to load its kernels, and answers when it has."""
        self.kind = setup.kind
        self.torn = 0
        """Answers that could not be read."""
        self._requests = Ring.create(REQUEST_BYTES, "amr-requests")
        self._answers = Ring.create(ANSWER_BYTES, "amr-answers")
        self._requests.push(pack(setup))
        self._scans: deque[Scan] = deque(maxlen=SCANS_KEPT)
        self._end: str | None = None
        self._child = Child("amr.runtime.worker_process", (self._requests, self._answers))

    def offer_scan(self, scan: Scan) -> None:
        """Keep a scan for the requests to come."""
        self._scans.append(scan)

    def request(self, request: Request) -> None:
        """Hand over a request, with its scan; never waits."""
        scan = None
        if isinstance(request, InsertScan | LocateScan):
            scan = next((item for item in self._scans if item.stamp_ns == request.scan_stamp_ns), None)
            if scan is None:
                return
        self._requests.push(pack((request, scan)))

    def answers(self, now_ns: int) -> list[Answer]:
        """What has been answered since; the stamp is ``now_ns``, when the answer enters the core."""
        found: list[Answer] = []
        for blob in self._answers.pop():
            if blob == READY:
                continue
            answer = _read(blob)
            if answer is None:
                self.torn += 1
            else:
                found.append(replace(answer, stamp_ns=now_ns))
        return found

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> bool:
        """Before the drive: wait until the worker has its kernels. False when it has not, in that time."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s and self._child.alive:
            if READY in self._answers.pop():
                return True
            time.sleep(POLL_S)
        return False

    @property
    def dropped(self) -> int:
        """Requests that found no room, because the worker hangs."""
        return self._requests.dropped

    @property
    def alive(self) -> bool:
        """False when the worker has ended: then nothing is planned any more."""
        return self._child.alive

    def close(self) -> str:
        """End the worker; what it said, or ''. Again is harmless."""
        if self._end is None:
            self._requests.close_writing()
            self._end = self._child.finish()
            self._requests.close()
            self._answers.close()
        return self._end


class JobQueue:
    """Jobs in their order, at most ``BACKLOG_MAX`` map updates among them."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self.dropped = 0

    def add(self, job: Job) -> None:
        """Append a job; beyond the limit the oldest map update goes."""
        self._jobs.append(job)
        if len(self._jobs) > BACKLOG_MAX:
            oldest = next((item for item in self._jobs if not isinstance(item[0], _KEPT)), None)
            if oldest is not None:
                self._jobs.remove(oldest)
                self.dropped += 1

    def take(self) -> Job | None:
        """The next job, or None."""
        return self._jobs.popleft() if self._jobs else None


def _read(blob: bytes) -> Answer | None:
    """The answer in these bytes; None for others."""
    try:
        value = unpack(blob)
    except (ValueError, TypeError, KeyError, struct.error, OverflowError, RecursionError):
        return None
    return value if isinstance(value, PlanResult | FrontierResult | PoseFix) else None


def do_job(worker: Worker, job: Job) -> Answer | None:
    """One request done."""
    request, scan = job
    if scan is not None:
        worker.offer_scan(scan)
    return worker.handle(request)


def make_worker(setup: WorkerSetup) -> Worker:
    """The worker of a setup."""
    from amr.registry import make_localization_worker, make_planning_worker
    from amr.runtime.saved_map import read_map

    robot = RobotConfig.model_validate_json(setup.robot_json)
    saved = read_map(Path(setup.map_path)) if setup.map_path else None
    if setup.kind == "planning" or saved is None:
        return make_planning_worker(robot, saved=saved)
    return make_localization_worker(robot, saved, setup.seed, setup.start)


def work_until_closed(requests: Ring, answers: Ring, parent: int) -> None:
    """The worker's life."""
    worker: Worker | None = None
    queue = JobQueue()
    while not (requests.closed_by_writer or parent_is_gone(parent)):
        for blob in requests.pop():
            if worker is None:
                worker = make_worker(unpack(blob))
                answers.push(READY)
            else:
                queue.add(unpack(blob))
        job = queue.take()
        if job is None or worker is None:
            time.sleep(POLL_S)
            continue
        answer = do_job(worker, job)
        if answer is not None:
            answers.push(pack(answer))


def main() -> None:
    """``python -m amr.runtime.worker_process REQUESTS ANSWERS PARENT``."""
    become_child(outlive_parent=False)
    requests, answers, parent = (int(text) for text in sys.argv[1:4])
    work_until_closed(Ring(requests), Ring(answers), parent)


if __name__ == "__main__":
    main()
