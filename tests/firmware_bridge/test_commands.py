"""Which wheel commands may be sent, to the limit itself, and what they become for wheels of another size."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from mcu_model import jackal

from amr.messages import WheelCommand
from firmware_bridge.commands import judge, turned_as
from firmware_bridge.faults import FaultKind
from firmware_bridge.link import link_config_from_robot

LIMITS = replace(
    link_config_from_robot(jackal()).configure, wheel_max_mm_s=3000, v_max_mm_s=2000, v_reverse_max_mm_s=500
)


def wheels(left_mps: float, right_mps: float) -> WheelCommand:
    return WheelCommand(left_mps, right_mps, 0, None, True)


@pytest.mark.parametrize(("left_mps", "right_mps"), [(2.0, 2.0), (-0.5, -0.5), (3.0, 1.0), (-3.0, 3.0), (1.0, 3.0)])
def test_the_limits_themselves_may_be_sent(left_mps: float, right_mps: float) -> None:
    assert judge(wheels(left_mps, right_mps), LIMITS) is None


@pytest.mark.parametrize(
    ("left_mps", "right_mps"),
    [(2.0, 2.0), (-0.5, -0.5), (3.0, -1.0), (-1.0, 3.0), (-3.0, 2.5)],
)
def test_the_next_number_beyond_a_limit_may_not(left_mps: float, right_mps: float) -> None:
    def beyond(speed_mps: float) -> float:
        return speed_mps + math.copysign(1e-9, speed_mps)

    fault = judge(wheels(beyond(left_mps), beyond(right_mps)), LIMITS)
    assert fault is not None
    assert fault.kind is FaultKind.COMMAND_RANGE


@pytest.mark.parametrize("scales", [(0.97, 0.97), (0.98, 1.0), (1.0, 1.03), (2.0, 2.0), (1.0, 1.0)])
def test_each_wheel_is_told_the_speed_that_its_size_needs(scales: tuple[float, float]) -> None:
    left_scale, right_scale = scales
    told = turned_as(wheels(0.5, -0.25), left_scale, right_scale)
    assert told == wheels(0.5 / left_scale, -0.25 / right_scale)
