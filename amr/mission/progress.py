"""Is the robot getting anywhere: two anchors that it must leave in time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from amr.config.mission import Mission
from amr.geometry import Pose2, wrap_angle
from amr.portable_math import TWO_PI
from amr.units import ns_from_s


@dataclass(frozen=True, slots=True)
class Progress:
    """Where and when it last moved (``near``), and last got somewhere (``far``). Poses in the map frame."""

    near: Pose2
    near_ns: int
    turned_rad: float
    """Turning that counted as movement since ``near``'s place was entered."""
    far: Pose2
    far_ns: int


def begin(pose: Pose2, now_ns: int) -> Progress:
    """All is well at this place and time."""
    return Progress(pose, now_ns, 0.0, pose, now_ns)


def hold(progress: Progress, now_ns: int) -> Progress:
    """The clocks restart: for a time in which it was not allowed to move."""
    return replace(progress, near_ns=now_ns, far_ns=now_ns)


def advance(progress: Progress, pose: Pose2, now_ns: int, settings: Mission) -> Progress:
    """With the pose of this step."""
    if pose.distance_m(progress.near) > settings.stuck_distance_m:
        progress = replace(progress, near=pose, near_ns=now_ns, turned_rad=0.0)
    turned_rad = abs(wrap_angle(pose.yaw_rad - progress.near.yaw_rad))
    if turned_rad > settings.stuck_yaw_rad and progress.turned_rad + turned_rad <= TWO_PI:
        place = Pose2(progress.near.x_m, progress.near.y_m, pose.yaw_rad)
        progress = replace(progress, near=place, near_ns=now_ns, turned_rad=progress.turned_rad + turned_rad)
    if pose.distance_m(progress.far) > settings.circle_radius_m:
        progress = replace(progress, far=pose, far_ns=now_ns)
    return progress


def stuck(progress: Progress, now_ns: int, blocked: bool, settings: Mission) -> str:
    """Why it counts as stuck; '' when it does not. ``blocked``: held before an obstacle, so patience is shorter."""
    patience_s = min(settings.stuck_time_s, settings.blocked_time_s) if blocked else settings.stuck_time_s
    if now_ns - progress.near_ns > ns_from_s(patience_s):
        return f"no movement for {patience_s:.1f} s"
    if now_ns - progress.far_ns > ns_from_s(settings.circle_time_s):
        return f"within {settings.circle_radius_m:.1f} m for {settings.circle_time_s:.0f} s"
    return ""
