"""Where one turn ends and the next begins, point by point, and which beam and time a point gets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from amr.messages import Scan
from amr.runtime.files import load_robot
from firmware_bridge.lidars.dialect import Point
from firmware_bridge.lidars.turns import Turns

MS = 1_000_000
LIDAR = load_robot("reference").lidar
BEAM_DEG = math.degrees(LIDAR.angle_increment_rad)
START_NS = 1_000_000_000_000
"""No clock starts with the lidar."""
BOTH = pytest.mark.parametrize("clockwise", [False, True])


class Feed:
    """Single points, by their angle since the seam of the beams in the sense of rotation, that arrive as they come."""

    def __init__(self, clockwise: bool = False, delay_ns: int = 0) -> None:
        self.turns = Turns(LIDAR, clockwise=clockwise, delay_ns=delay_ns)
        half_rad = 0.5 * LIDAR.angle_increment_rad
        last_rad = LIDAR.angle_min_rad + (LIDAR.beams - 1) * LIDAR.angle_increment_rad
        self.seam_rad = -(last_rad + half_rad) if clockwise else LIDAR.angle_min_rad - half_rad
        self.now_ns = START_NS
        self.scans: list[Scan] = []

    def point(self, phase_deg: float, range_m: float = 2.0, after_ns: int = 0) -> int:
        """How many scans this point ended."""
        self.now_ns += after_ns
        found = self.turns.add([Point(math.radians(phase_deg) + self.seam_rad, range_m)], self.now_ns)
        self.scans += found
        return len(found)

    def turn(self, period_ns: int = 100 * MS, phases_deg: Iterable[float] = range(1, 360, 4)) -> Feed:
        """A turn from its first point to just before the next one's first."""
        phases, start_ns = list(phases_deg), self.now_ns
        for number, phase_deg in enumerate(phases):
            self.now_ns = start_ns + period_ns * number // len(phases)
            self.point(phase_deg)
        self.now_ns = start_ns + period_ns
        return self

    def spun_up(self) -> Feed:
        """In step: after these turns each further one gives a scan."""
        for _ in range(4):
            self.turn()
        self.scans.clear()
        return self


def every_beam() -> Iterator[float]:
    """The middle of each beam."""
    return (BEAM_DEG * (beam + 0.5) for beam in range(LIDAR.beams))


# ---------------------------------------------------------------- the seam


@pytest.mark.parametrize("back_deg", [340.0, 359.0])
def test_an_angle_that_is_noisy_at_the_seam_ends_one_turn_and_not_three(back_deg: float) -> None:
    feed = Feed().spun_up()
    assert feed.point(1.0) == 1
    assert feed.point(back_deg) == 0
    assert feed.point(2.0) == 0
    assert feed.point(back_deg) == 0
    assert feed.point(5.0) == 0


@pytest.mark.parametrize(("phase_deg", "ended"), [(19.9, 0), (20.1, 1)])
def test_20_degrees_into_a_turn_the_seam_is_no_longer_noise(phase_deg: float, ended: int) -> None:
    feed = Feed().spun_up()
    feed.point(phase_deg)
    feed.point(350.0)
    assert feed.point(25.0) == ended


def test_a_noisy_angle_amid_a_turn_does_not_end_it() -> None:
    feed = Feed().spun_up()
    feed.point(1.0)
    feed.point(100.0)
    assert [feed.point(phase_deg) for phase_deg in (200.0, 199.0, 201.0, 150.0, 202.0)] == [0] * 5


def test_after_a_loss_a_smaller_angle_is_the_next_turn() -> None:
    feed = Feed().spun_up()
    for phase_deg in (1.0, 100.0, 200.0):
        feed.point(phase_deg)
    feed.turns.skip()
    assert feed.point(199.0, after_ns=40 * MS) == 1
    assert feed.point(198.0) == 0, "only the first point after it"


def test_after_a_loss_a_point_far_ahead_is_of_the_same_turn() -> None:
    feed = Feed().spun_up()
    feed.point(5.0)
    feed.turns.skip()
    assert feed.point(350.0, after_ns=40 * MS) == 0
    assert feed.point(2.0) == 1, "it was taken, so the seam lies behind it"


# ---------------------------------------------------------------- periods


@BOTH
@pytest.mark.parametrize("period_ns", [10 * MS, 12 * MS, 950 * MS, 1000 * MS])
def test_a_turn_takes_10_ms_to_1_s(clockwise: bool, period_ns: int) -> None:
    feed = Feed(clockwise)
    for _ in range(5):
        feed.turn(period_ns)
    assert len(feed.scans) == 3
    sense = -1.0 if clockwise else 1.0
    assert feed.scans[-1].time_increment_s * LIDAR.beams == pytest.approx(sense * period_ns * 1e-9)


@pytest.mark.parametrize("period_ns", [10 * MS - 1, 1000 * MS + 1, 1900 * MS])
def test_what_turns_faster_or_slower_is_no_lidar(period_ns: int) -> None:
    feed = Feed()
    for _ in range(5):
        feed.turn(period_ns)
    assert feed.scans == []


def test_the_turn_that_had_begun_before_us_is_not_given_out() -> None:
    feed = Feed()
    feed.turn(60 * MS, range(150, 360, 4))
    feed.turn()
    assert feed.scans == []
    assert feed.point(1.0) == 1


# ---------------------------------------------------------------- times


@BOTH
def test_a_stamp_is_the_middle_of_beam_zero(clockwise: bool) -> None:
    feed = Feed(clockwise, delay_ns=3 * MS).spun_up()
    seam_ns = feed.now_ns
    feed.point(1.0)
    beam_ns = 100 * MS / LIDAR.beams
    after_begin_ns = (LIDAR.beams - 0.5) * beam_ns if clockwise else 0.5 * beam_ns
    assert feed.scans[-1].stamp_ns == pytest.approx(seam_ns - 3 * MS - 100 * MS + after_begin_ns, abs=2)


@pytest.mark.parametrize(
    ("took_ns", "waited_ns"),
    [
        (99 * MS, 0),
        (101 * MS, 0),  # a hundredth slower is the motor
        (130 * MS, 29 * MS),  # more is the line
        (151 * MS, 50 * MS),
        (152 * MS, 0),  # more than half a turn: it really turns slower
    ],
)
def test_how_late_a_turn_may_be_before_it_is_believed(took_ns: int, waited_ns: int) -> None:
    feed = Feed().spun_up()
    feed.turn(took_ns)
    feed.scans.clear()
    feed.point(1.0)
    seam_ns = feed.now_ns - waited_ns
    (scan,) = feed.scans
    assert scan.stamp_ns + (LIDAR.beams - 0.5) * scan.time_increment_s * 1e9 == pytest.approx(seam_ns, abs=2)


# ---------------------------------------------------------------- beams without a point


@BOTH
@pytest.mark.parametrize("missing", [1, 2, 3, 4])
def test_a_beam_without_a_point_takes_its_neighbors_and_a_wider_gap_stays_open(clockwise: bool, missing: int) -> None:
    feed = Feed(clockwise)
    for _ in range(3):
        begin_ns = feed.now_ns
        for number, phase_deg in enumerate(every_beam()):
            beam = LIDAR.beams - 1 - number if clockwise else number
            feed.now_ns = begin_ns + 100 * MS * number // LIDAR.beams
            if not 100 <= beam < 100 + missing:
                feed.point(phase_deg, 1.0 + 0.01 * beam)
        feed.now_ns = begin_ns + 100 * MS
    feed.point(0.5)
    found = feed.scans[-1].ranges_m[99 : 101 + missing]
    left_m, right_m = 1.99, 1.0 + 0.01 * (100 + missing)
    expected = {
        1: [left_m],
        2: [left_m, right_m],
        3: [left_m, math.nan, right_m],
        4: [left_m, math.nan, math.nan, right_m],
    }[missing]
    np.testing.assert_allclose(found, [left_m, *expected, right_m], rtol=1e-6)
    assert not np.isnan(np.delete(feed.scans[-1].ranges_m, range(100, 100 + missing))).any()
