"""Moving obstacles, tracked from scans. The contract, each clause tested in ``tests/tracking``:

proved      Something is a mover only after it entered a place that had been seen empty, or went ``moved_m`` and left
            one that is now seen empty. Whatever the robot does, what stands still never becomes a mover.
measured    A mover's own returns, found by its predicted outline before anything is clustered, give its centre; so
            it is told apart from the wall or the other mover that it passes. A surface that goes on past both ends
            of its outline, or lies off it more than its returns ever did, is not its own.
predicted   Between scans and ahead by a constant velocity whose acceleration fades, with the uncertainty of both.
            A measured centre that this cannot explain means that the velocity jumped: it is known again, with honest
            uncertainty, after three scans.
foreseen    Where the way of the last second tells more than that (``amr.kernels.tracking_foresight``), the course that
            follows from it is told besides; the velocity stays what the filter says.
gone        ``gone_scans`` scans that see through its place end a track, unless it can have got into hiding near by.
hidden      Behind something nearer, out of view, or behind invalid beams it is predicted on, for ``hidden_max_s``. One
            that should have come out by then and did not is taken to be at the nearest place where it can still hide.
resting     A mover that stands for ``rest_s`` stays a track but counts as standing; gone again it is a mover at once.
bounded     At most ``tracks_max`` tracks; the order of joining is fixed, so equal inputs give equal tracks.
refused     A scan of bad geometry, older than the last one, or with a pose that is not finite changes nothing but a
            counter. A scan of other size or angles starts the references anew and keeps the movers.

All in the odom frame: the drift of odometry over the life of a track does not matter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import Pose2, wrap_angle
from amr.kernels import local_grid as scan_kernels
from amr.kernels import (
    tracking_births,
    tracking_clusters,
    tracking_filter,
    tracking_foresight,
    tracking_measure,
    tracking_proof,
)
from amr.kernels.tracking_table import (
    AX,
    AY,
    COLUMNS,
    INTEGERS,
    MOVING,
    NUMBER,
    P00,
    P01,
    P11,
    PX,
    PY,
    RADIUS,
    RESTING,
    SEEN_NS,
    STATUS,
    VX,
    VY,
)
from amr.mapping.base import ScanVerdict, outline_half_planes, scan_verdict
from amr.messages import Scan
from amr.movers import Mover
from amr.tracking.foresight import WEIGHTS
from amr.units import ns_from_s, s_from_ns

_REFERENCES = 10
_REFERENCE_NS = 150_000_000
_CLUSTERS = 160
_FORGET_REST_NS = 10_000_000_000
_LONGEST_STEP_NS = 500_000_000


class MoverTracker:
    """All tracks of one robot. ``config``: the robot file."""

    def __init__(self, config: RobotConfig) -> None:
        settings = config.tracking
        self._settings = settings
        self._mount = (config.lidar.x_m, config.lidar.y_m, config.lidar.yaw_rad)
        self._circumradius_m = config.body.circumradius_m
        self._edges, self._polygon_starts = outline_half_planes(config.body)
        self._tracks: NDArray[np.float64] = np.zeros((settings.tracks_max, COLUMNS))
        self._integers: NDArray[np.int64] = np.zeros((settings.tracks_max, INTEGERS), np.int64)
        self._trail = np.zeros((settings.tracks_max, 2), np.int64)
        self._trail_ns = np.zeros((settings.tracks_max, tracking_foresight.TRAIL), np.int64)
        self._trail_m = np.zeros((settings.tracks_max, tracking_foresight.TRAIL, 2))
        self._stamp_ns = -1
        self._next_number = 1
        self._angles = (0.0, 0.0)
        self._reference_beams: NDArray[np.float64] = np.zeros((_REFERENCES, 0, scan_kernels.BEAM_COLUMNS))
        self._reference_points: NDArray[np.float64] = np.zeros((_REFERENCES, 0, 2))
        self._reference_ns: NDArray[np.int64] = np.full(_REFERENCES, -1, np.int64)
        self._next_reference = 0
        self.refused: dict[str, int] = {}
        """Count of refused scans by verdict."""

    def update(self, scan: Scan, odom_from_base_at_scan: Pose2, odom_from_base_end: Pose2) -> NDArray[np.bool_] | None:
        """Take in one scan; which of its beams end on a mover: bool [n], None when the scan was refused.

        Poses as of ``LocalGrid.insert``.
        """
        verdict = scan_verdict(scan)
        if verdict is ScanVerdict.INSERTED and not (
            odom_from_base_at_scan.is_finite() and odom_from_base_end.is_finite()
        ):
            verdict = ScanVerdict.POSE_NOT_FINITE
        if verdict is ScanVerdict.INSERTED and scan.stamp_ns <= self._stamp_ns:
            verdict = ScanVerdict.STALE
        if verdict is not ScanVerdict.INSERTED:
            self.refused[verdict.value] = self.refused.get(verdict.value, 0) + 1
            return None
        self._fit_references(scan)
        beams = self._project(scan, odom_from_base_at_scan, odom_from_base_end)
        points = np.empty((len(beams), 2))
        tracking_clusters.end_points(beams, points)
        return self._advance(beams, points, scan)

    def movers(self, now_ns: int, *, courses: bool = True) -> tuple[Mover, ...]:
        """All movers as they are predicted to be at ``now_ns``, in the order of the table; their courses if asked."""
        found = []
        fade_s = self._settings.maneuver_s
        ahead_s = min(max(0.0, s_from_ns(now_ns - self._stamp_ns)), 1.0) if self._stamp_ns >= 0 else 0.0
        way_s2 = tracking_filter.fading(ahead_s, fade_s)
        for n in np.flatnonzero(self._integers[:, STATUS] >= MOVING).tolist():
            track = self._tracks[n].tolist()
            variance_m2 = track[P00] + 2.0 * ahead_s * track[P01] + ahead_s * ahead_s * track[P11]
            x_m = track[PX] + ahead_s * track[VX] + way_s2 * track[AX]
            y_m = track[PY] + ahead_s * track[VY] + way_s2 * track[AY]
            found.append(
                Mover(
                    x_m=x_m,
                    y_m=y_m,
                    vx_mps=track[VX] + ahead_s * track[AX],
                    vy_mps=track[VY] + ahead_s * track[AY],
                    radius_m=track[RADIUS],
                    ax_mps2=track[AX],
                    ay_mps2=track[AY],
                    fade_s=fade_s,
                    position_sigma_m=max(variance_m2, 0.0) ** 0.5,
                    velocity_sigma_mps=max(track[P11], 0.0) ** 0.5,
                    number=int(self._integers[n, NUMBER]),
                    unseen_s=max(0.0, s_from_ns(now_ns - int(self._integers[n, SEEN_NS]))),
                    resting=int(self._integers[n, STATUS]) == RESTING,
                    course=self._course(n, x_m, y_m, now_ns) if courses else (),
                )
            )
        return tuple(found)

    def _course(self, n: int, x_m: float, y_m: float, now_ns: int) -> tuple[tuple[float, float, float], ...]:
        course = np.empty((tracking_foresight.STEPS, 3))
        told = int(self._integers[n, STATUS]) == MOVING and tracking_foresight.foresee(
            self._trail_ns,
            self._trail_m,
            self._trail,
            n,
            int(self._integers[n, NUMBER]),
            x_m,
            y_m,
            now_ns,
            WEIGHTS,
            course,
        )
        return tuple((x, y, sigma) for x, y, sigma in course.tolist()) if told else ()

    # ------------------------------------------------------------ one scan

    def _advance(self, beams: NDArray[np.float64], points: NDArray[np.float64], scan: Scan) -> NDArray[np.bool_]:
        settings, tracks, integers = self._settings, self._tracks, self._integers
        stamp_ns = scan.stamp_ns
        gap_ns = stamp_ns - self._stamp_ns if self._stamp_ns >= 0 else 0
        if gap_ns > _LONGEST_STEP_NS:  # a pause: what moved then is anywhere by now
            integers[:, STATUS] = 0
        elif gap_ns > 0:
            tracking_filter.predict(tracks, integers, gap_ns * 1e-9, settings.maneuver_mps2, settings.maneuver_s)
        self._stamp_ns = stamp_ns
        owner = np.empty(len(beams), np.int32)
        packed = np.empty((len(beams), 2))
        tracking_measure.claim(beams, points, tracks, integers, owner)
        tracking_measure.measure(
            beams,
            points,
            tracks,
            integers,
            owner,
            packed,
            stamp_ns,
            scan.angle_increment_rad,
            settings.cluster_gap_m,
            settings.point_sigma_m,
            settings.maneuver_mps2,
            settings.speed_max_mps,
        )
        clusters = np.empty((_CLUSTERS, tracking_clusters.CLUSTER_COLUMNS))
        corners = np.empty(len(beams), np.uint8)
        tracking_clusters.find_corners(
            beams, points, scan.angle_increment_rad, settings.cluster_gap_m, np.empty(len(beams)), corners
        )
        count = tracking_clusters.find_clusters(
            beams,
            points,
            owner,
            corners,
            scan.angle_increment_rad,
            settings.cluster_gap_m,
            settings.cluster_size_max_m,
            settings.cluster_points_min,
            settings.point_sigma_m,
            packed,
            np.empty((_CLUSTERS, 2), np.int64),
            clusters,
        )
        reach_m = settings.speed_max_mps * min(gap_ns * 1e-9, 0.2)
        self._next_number = tracking_births.join(
            tracks,
            integers,
            clusters,
            count,
            stamp_ns,
            reach_m,
            settings.maneuver_mps2,
            settings.speed_max_mps,
            self._next_number,
        )
        angles = (scan.angle_min_rad, scan.angle_increment_rad)
        tracking_measure.judge_unmeasured(
            beams,
            tracks,
            integers,
            *angles,
            stamp_ns,
            settings.gone_scans,
            ns_from_s(settings.hidden_max_s),
            self._circumradius_m,
            settings.vacated_m,
        )
        tracking_proof.promote(
            beams,
            points,
            self._reference_beams,
            self._reference_points,
            self._reference_ns,
            tracks,
            integers,
            *angles,
            stamp_ns,
            settings.moved_m,
            settings.moved_speed_mps,
            settings.vacated_m,
        )
        tracking_births.settle(
            tracks, integers, stamp_ns, settings.rest_mps, ns_from_s(settings.rest_s), _FORGET_REST_NS
        )
        tracking_foresight.remember(tracks, integers, stamp_ns, self._trail_ns, self._trail_m, self._trail)
        moving = self._moving_beams(beams, points, owner)
        self._keep_reference(beams, points, moving, stamp_ns)
        return moving

    def _moving_beams(
        self, beams: NDArray[np.float64], points: NDArray[np.float64], owner: NDArray[np.int32]
    ) -> NDArray[np.bool_]:
        """Beams that end on a track that is MOVING, one that became so just now included."""
        tracking_measure.claim(beams, points, self._tracks, self._integers, owner)
        moving = self._integers[:, STATUS] == MOVING
        mask: NDArray[np.bool_] = (owner >= 0) & moving[owner]
        return mask

    def _keep_reference(
        self, beams: NDArray[np.float64], points: NDArray[np.float64], moving: NDArray[np.bool_], stamp_ns: int
    ) -> None:
        newest_ns = int(self._reference_ns.max())
        if newest_ns >= 0 and stamp_ns - newest_ns < _REFERENCE_NS:
            return
        slot = self._next_reference
        self._reference_beams[slot] = beams
        # where something went by, something else may come along: that does not make it a place where things stand
        self._reference_beams[slot, moving, scan_kernels.HIT] = 0.0
        self._reference_points[slot] = points
        self._reference_ns[slot] = stamp_ns
        self._next_reference = (slot + 1) % _REFERENCES
        # the slot that is overwritten next is not worth beginning from
        oldest_ns = int(np.sort(self._reference_ns)[1])
        tracking_births.refer(self._tracks, self._integers, stamp_ns, max(oldest_ns, 0))

    def _fit_references(self, scan: Scan) -> None:
        """References are of scans of one kind."""
        angles = (scan.angle_min_rad, scan.angle_increment_rad)
        count = scan.ranges_m.size
        if self._reference_beams.shape[1] == count and angles == self._angles:
            return
        self._angles = angles
        self._reference_beams = np.zeros((_REFERENCES, count, scan_kernels.BEAM_COLUMNS))
        self._reference_points = np.zeros((_REFERENCES, count, 2))
        self._reference_ns = np.full(_REFERENCES, -1, np.int64)
        self._integers[self._integers[:, STATUS] < MOVING, STATUS] = 0

    def _project(self, scan: Scan, start: Pose2, end: Pose2) -> NDArray[np.float64]:
        beams = np.empty((scan.ranges_m.size, scan_kernels.BEAM_COLUMNS))
        geometry = np.array(
            (
                scan.angle_min_rad,
                scan.angle_increment_rad,
                scan.range_min_m,
                min(scan.range_max_m, self._settings.max_range_m),
                *self._mount,
                self._circumradius_m,
            )
        )
        end_yaw_rad = start.yaw_rad + wrap_angle(end.yaw_rad - start.yaw_rad)
        scan_kernels.project_beams(
            np.array(scan.ranges_m),
            geometry,
            np.array((start.x_m, start.y_m, start.yaw_rad)),
            np.array((end.x_m, end.y_m, end_yaw_rad)),
            self._edges,
            self._polygon_starts,
            beams,
        )
        return beams
