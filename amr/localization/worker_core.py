"""The localizer as slow work: answers ``LocateScan`` from the scans that it was offered. Pure: no clock.

It runs inside the lockstep simulation and, with the same code, in a process of its own beside the robot.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.localization.base import Fix
from amr.localization.localizer import Localizer
from amr.localization.map_field import MapField
from amr.localization.scan_points import scan_points
from amr.mapping.base import ScanVerdict, scan_verdict
from amr.messages import Belief, Covariance, LocateScan, PoseFix, Request, Scan
from amr.state import restore_into, tree_of
from amr.units import ns_from_s

_SIGMA_UNKNOWN = (0.0, 0.0, 0.0)


class LocalizationWorker:
    """``amr.runtime.protocols.Worker``. Built by ``amr.registry.make_localization_worker``."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_base_from_lidar", "_search_s")

    def __init__(self, config: RobotConfig, saved: MapField, seed: int, start: Pose2 | None) -> None:
        """``start``: where on the map somebody said that it stands; None = nobody did."""
        self._config = config
        self._base_from_lidar = Pose2(config.lidar.x_m, config.lidar.y_m, config.lidar.yaw_rad)
        self.localizer = Localizer(saved, seed, np.array([config.lidar.x_m, config.lidar.y_m]))
        if start is not None:
            self.localizer.start_at(np.array([start.x_m, start.y_m, start.yaw_rad]))
        settings = config.localization
        free_m2 = float(saved.free.sum()) * saved.cell_m**2
        self._search_s = settings.latency_search_s + settings.latency_search_s_per_m2 * free_m2
        self._scans: list[Scan] = []
        self.refused: dict[str, int] = {}
        """Count of scans that gave no fix, by cause."""

    def offer_scan(self, scan: Scan) -> None:
        """Keep a scan for the requests to come; the oldest are forgotten."""
        self._scans.append(scan)
        del self._scans[: -self._config.localization.scan_memory]

    def handle(self, request: Request) -> PoseFix | None:
        """The answer to a ``LocateScan``; None to all else. Never raises on values."""
        if not isinstance(request, LocateScan):
            return None
        searched = self.localizer.searched
        fix, cause = self._locate(request)
        if cause:
            self.refused[cause] = self.refused.get(cause, 0) + 1
        settings = self._config.localization
        latency_s = settings.latency_fix_s + self._search_s * (self.localizer.searched - searched)
        return self._answer(request, fix, cause, request.stamp_ns + ns_from_s(latency_s))

    def state(self) -> dict[str, Any]:
        """Everything that the next answer depends on; shares no array with the worker."""
        return tree_of(self)

    def restore(self, tree: dict[str, Any]) -> None:
        """Become the worker that ``state()`` was taken from."""
        restore_into(self, tree)

    def _locate(self, request: LocateScan) -> tuple[Fix | None, str]:
        """The fix, or why there is none."""
        scan = next((item for item in reversed(self._scans) if item.stamp_ns == request.scan_stamp_ns), None)
        if scan is None:
            return None, "scan is not here"
        verdict = scan_verdict(scan)
        if verdict is not ScanVerdict.INSERTED:
            return None, f"scan is {verdict.value}"
        if scan.ranges_m.size != self._config.lidar.beams:
            return None, "scan has another number of beams than the robot file says"
        first = request.odom_from_base
        step = first.inverse() @ request.odom_from_base_end
        points = scan_points(scan, self._base_from_lidar, step, self._config.mapping.max_range_m)
        pose = np.array([first.x_m, first.y_m, first.yaw_rad])
        fix = self.localizer.update(points, pose, _matrix(request.covariance))
        return fix, "" if fix is not None else "scan has too few returns, or its pose is not finite"

    def _answer(self, request: LocateScan, fix: Fix | None, cause: str, stamp_ns: int) -> PoseFix:
        if fix is None:
            return PoseFix(
                stamp_ns, request.request_id, request.scan_stamp_ns, Pose2(0.0, 0.0, 0.0), _SIGMA_UNKNOWN, 1.0,
                Belief.LOST, jumped=False, refused=cause,
            )  # fmt: skip
        x_m, y_m, yaw_rad = fix.pose.tolist()
        sx, sy, st = np.sqrt(np.maximum(np.diag(fix.covariance), 0.0)).tolist()
        return PoseFix(
            stamp_ns=stamp_ns,
            request_id=request.request_id,
            scan_stamp_ns=request.scan_stamp_ns,
            map_from_odom=Pose2(x_m, y_m, yaw_rad) @ request.odom_from_base.inverse(),
            pose_sigma=(sx, sy, st),
            lost_frac=fix.lost_frac,
            belief=fix.belief,
            jumped=fix.jumped,
        )


def _matrix(covariance: Covariance) -> np.ndarray[Any, Any]:
    xx, xy, xt, yy, yt, tt = covariance
    return np.array([[xx, xy, xt], [xy, yy, yt], [xt, yt, tt]])
