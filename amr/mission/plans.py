"""Plan requests and their answers: at most one is outstanding, late answers are welcome, ids never repeat."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from amr.geometry import Pose2
from amr.messages import Goal, PlanRequest, PlanResult, PlanStatus


@dataclass(frozen=True, slots=True)
class PlanDesk:
    """What was asked and answered for the active goal."""

    next_id: int = 1
    first_id: int = 1
    """Answers to older requests belong to another goal."""
    outstanding_id: int | None = None
    asked_ns: int = 0
    """Time of the newest request."""
    urgent: bool = True
    """The next request does not wait for the period."""
    accepted_id: int = 0
    """Newest request whose answer was taken; answers to older ones are overtaken."""
    refusals: int = 0
    """Answers without a path, and time-outs, in a row."""
    status: PlanStatus = PlanStatus.OK
    reason: str = ""


def for_new_goal(desk: PlanDesk) -> PlanDesk:
    """Nothing asked yet for it; an answer that is still out is for nobody, and is awaited before the next request."""
    return PlanDesk(
        next_id=desk.next_id,
        first_id=desk.next_id,
        outstanding_id=desk.outstanding_id,
        asked_ns=desk.asked_ns,
        accepted_id=desk.next_id - 1,
    )


def try_again(desk: PlanDesk) -> PlanDesk:
    """After a recovery: refusals are counted anew, and answers to what was asked before it do not count."""
    return replace(for_new_goal(desk), status=desk.status, reason=desk.reason)


def is_due(desk: PlanDesk, now_ns: int, period_ns: int) -> bool:
    """True when a request should leave now."""
    return desk.outstanding_id is None and (desk.urgent or now_ns - desk.asked_ns >= period_ns)


def ask(
    desk: PlanDesk, now_ns: int, map_from_base: Pose2, goal: Goal, map_version: int, exact: bool = False
) -> tuple[PlanDesk, PlanRequest]:
    """The desk with a new request out, and the request."""
    request = PlanRequest(desk.next_id, now_ns, map_from_base, goal, map_version, exact)
    return replace(desk, next_id=desk.next_id + 1, outstanding_id=desk.next_id, asked_ns=now_ns, urgent=False), request


def expire(desk: PlanDesk, now_ns: int, timeout_ns: int) -> PlanDesk:
    """A request without an answer for too long counts as refused; its answer may still come."""
    if desk.outstanding_id is None or now_ns - desk.asked_ns <= timeout_ns:
        return desk
    reason = f"no answer from the planner for {timeout_ns * 1e-9:.1f} s"
    return replace(desk, outstanding_id=None, refusals=desk.refusals + 1, status=PlanStatus.NO_PATH, reason=reason)


def answer(desk: PlanDesk, result: PlanResult) -> tuple[PlanDesk, bool]:
    """The desk with this answer, and whether it brings a path that is news."""
    if result.request_id == desk.outstanding_id:
        desk = replace(desk, outstanding_id=None)
    if not desk.first_id <= result.request_id < desk.next_id or result.request_id <= desk.accepted_id:
        return desk, False
    desk = replace(desk, accepted_id=result.request_id, status=result.status, reason=result.reason)
    if result.status is not PlanStatus.OK:
        return replace(desk, refusals=desk.refusals + 1), False
    path = result.path_map
    if path.ndim != 2 or path.shape[0] < 2 or path.shape[1] != 3 or not bool(np.isfinite(path).all()):
        reason = f"the planner's path is no finite [n >= 2, 3]: {list(path.shape)}"
        return replace(desk, refusals=desk.refusals + 1, status=PlanStatus.NO_PATH, reason=reason), False
    speeds = result.speed_mps
    if speeds.ndim != 1 or speeds.shape[0] not in {0, path.shape[0]} or not bool(np.isfinite(speeds).all()):
        reason = f"the planner's speeds are not finite [{path.shape[0]}]: {list(speeds.shape)}"
        return replace(desk, refusals=desk.refusals + 1, status=PlanStatus.NO_PATH, reason=reason), False
    return replace(desk, refusals=0), True
