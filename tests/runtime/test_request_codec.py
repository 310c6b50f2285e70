"""Requests through the log's message and back."""

from __future__ import annotations

import pytest

from amr.geometry import Pose2
from amr.messages import ForgetObstacles, Goal, InsertScan, PlanRequest, Request
from amr.runtime.digest import pack_request
from amr.runtime.log_codec import plain_request, ros_request

PLAN = PlanRequest(7, 40, Pose2(1.0, 2.0, 0.5), Goal(3.0, 0.0, None, 0.3), 9)
EXACT = PlanRequest(7, 40, Pose2(1.0, 2.0, 0.5), Goal(3.0, 0.0, 0.2, 0.3), 9, exact=True)


@pytest.mark.parametrize(
    "request_",
    [PLAN, EXACT, InsertScan(5, Pose2(1.0, 2.0, 3.0), 4), ForgetObstacles(1.0, 2.0, 0.5, 6)],
)
def test_a_request_comes_back_from_the_log_as_it_was(request_: Request) -> None:
    assert plain_request(ros_request(request_)) == request_


def test_an_exact_request_has_another_digest_than_a_plain_one() -> None:
    plain = PlanRequest(EXACT.request_id, EXACT.stamp_ns, EXACT.start_map, EXACT.goal_map, EXACT.map_version)
    assert pack_request(plain) != pack_request(EXACT)
