"""Requests through the log's message and back."""

from __future__ import annotations

import math

import pytest

from amr.geometry import Pose2
from amr.messages import (
    CloseFrontier,
    Explore,
    ForgetObstacles,
    FrontierRequest,
    FrontierResult,
    Goal,
    InsertScan,
    Message,
    PlanRequest,
    Request,
)
from amr.runtime.digest import pack_request
from amr.runtime.log_codec import decode_message, encode_message, plain_request, ros_request

PLAN = PlanRequest(7, 40, Pose2(1.0, 2.0, 0.5), Goal(3.0, 0.0, None, 0.3), 9)
EXACT = PlanRequest(7, 40, Pose2(1.0, 2.0, 0.5), Goal(3.0, 0.0, 0.2, 0.3), 9, exact=True)


@pytest.mark.parametrize(
    "request_",
    [
        PLAN,
        EXACT,
        InsertScan(5, Pose2(1.0, 2.0, 3.0), 4),
        ForgetObstacles(1.0, 2.0, 0.5, 6),
        FrontierRequest(3, 40, Pose2(1.0, 2.0, 0.5), Goal(3.0, 4.0, None, 0.3), 0.3, 9),
        FrontierRequest(1, 40, Pose2(1.0, 2.0, 0.5), None, 0.2, 9, afresh=True),
        CloseFrontier(1.0, 2.0, 0.5, 6),
    ],
)
def test_a_request_comes_back_from_the_log_as_it_was(request_: Request) -> None:
    assert plain_request(ros_request(request_)) == request_


@pytest.mark.parametrize(
    "message",
    [
        Explore(5, None, math.inf),
        Explore(5, Goal(1.0, 2.0, 0.3, 0.4), 60.0),
        FrontierResult(7, 3, Goal(1.0, 2.0, None, 0.3), 4.0, 5.0, 6, 7, 8.0, 9, 10),
        FrontierResult(7, 3, None, 0.0, 0.0, 0, 2, 8.0, 9, 10, "nothing seen yet"),
    ],
)
def test_messages_of_an_exploration_come_back_from_the_log_as_they_were(message: Message) -> None:
    topic, data = encode_message(message)
    assert decode_message(topic.name, data, message.stamp_ns, None) == message


def test_an_exact_request_has_another_digest_than_a_plain_one() -> None:
    plain = PlanRequest(EXACT.request_id, EXACT.stamp_ns, EXACT.start_map, EXACT.goal_map, EXACT.map_version)
    assert pack_request(plain) != pack_request(EXACT)
