"""How long a fast turn counts as sliding."""

from __future__ import annotations

import pytest
from safety_scene import MS

from amr.geometry import Twist2
from amr.safety.slide import SlideWatch, watch

FAST = Twist2(1.0, 2.0)


def test_a_fast_turn_slides_for_a_while_and_remembers_which_end_led():
    assert watch(None, FAST, 0) == SlideWatch(400 * MS, True)
    assert watch(None, Twist2(-1.0, 2.0), 0) == SlideWatch(400 * MS, False)


@pytest.mark.parametrize(
    ("twist", "now_ms", "slides"),
    [
        (Twist2(0.1, 2.0), 399, True),
        (Twist2(-0.1, 2.0), 399, True),
        (Twist2(0.1, 2.0), 401, False),
        (Twist2(0.1, 0.2), 100, False),
        (Twist2(0.0, 0.0), 100, False),
    ],
)
def test_it_ends_by_time_or_when_the_robot_hardly_turns(twist, now_ms, slides):
    assert watch(watch(None, FAST, 0), twist, now_ms * MS) == (SlideWatch(400 * MS, True) if slides else None)


@pytest.mark.parametrize("twist", [Twist2(0.5, 0.9), Twist2(2.0, 0.0), Twist2(0.0, 4.0)])
def test_slow_turns_straight_ways_and_turns_in_place_do_not_slide(twist):
    assert watch(None, twist, 0) is None
