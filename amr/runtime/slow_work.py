"""All slow work of a robot in this process: which worker has to do with which request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.localization.worker_core import LocalizationWorker
from amr.messages import FrontierResult, LocateScan, PlanResult, PoseFix, Request, Scan
from amr.planning.worker_core import PlanningWorker
from amr.registry import make_localization_worker, make_planning_worker
from amr.runtime.saved_map import check_start, load_saved_map


class SlowWork:
    """``amr.runtime.protocols.Worker`` of both workers. Each has a clock of its own: they would run side by side."""

    def __init__(self, planning: PlanningWorker, localization: LocalizationWorker | None = None) -> None:
        self.planning, self.localization = planning, localization

    def offer_scan(self, scan: Scan) -> None:
        """Keep a scan for the requests to come."""
        self.planning.offer_scan(scan)
        if self.localization is not None:
            self.localization.offer_scan(scan)

    def handle(self, request: Request) -> PlanResult | FrontierResult | PoseFix | None:
        """Do what is asked."""
        if isinstance(request, LocateScan):
            return None if self.localization is None else self.localization.handle(request)
        return self.planning.handle(request)

    def state(self) -> dict[str, Any]:
        """Everything that the next answers depend on."""
        localization = None if self.localization is None else self.localization.state()
        return {"planning": self.planning.state(), "localization": localization}

    def restore(self, tree: dict[str, Any]) -> None:
        """Become the workers that ``state()`` was taken from."""
        self.planning.restore(tree["planning"])
        if self.localization is not None:
            self.localization.restore(tree["localization"])


def make_slow_work(robot: RobotConfig, seed: int, map_path: Path | None, start: Pose2 | None) -> SlowWork:
    """Both workers in this process; without a map there is no localizer. Raises ``DataError`` for a bad map."""
    if map_path is None:
        return SlowWork(make_planning_worker(robot))
    saved = load_saved_map(map_path, robot)
    if start is not None:
        check_start(saved, map_path, start)
    planning = make_planning_worker(robot, saved=saved)
    return SlowWork(planning, make_localization_worker(robot, saved, seed, start))
