"""The course of a mover: what the network reads, what it answers, and where the tracker says that movers will be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tracking_scene import Run, Scene, line

from amr.geometry import Pose2
from amr.kernels import tracking_foresight as net
from amr.kernels import tracking_table as table
from amr.movers import AHEAD_S, in_frame_of
from amr.runtime.bench import movers_fit
from amr.runtime.bench.movers_traffic import KINDS, ways
from amr.tracking import foresight

AHEAD = np.array(AHEAD_S)


def look_back(ages_s: np.ndarray, places_m: np.ndarray) -> tuple[bool, np.ndarray, np.ndarray]:
    inputs, ahead = np.full(net.INPUTS, np.nan, np.float32), np.full(3, np.nan)
    told = net.look_back(ages_s, np.ascontiguousarray(places_m), len(places_m), inputs, ahead)
    return told, inputs, ahead


def test_what_the_network_reads_equals_the_formula() -> None:
    ages = np.arange(60, -1, -1) * 0.02
    places = np.random.default_rng(1).normal(size=(61, 2)).cumsum(axis=0) * 0.02
    told, inputs, ahead = look_back(ages, places)
    assert told
    at = lambda age: np.array([np.interp(-age, -ages, places[:, k]) for k in (0, 1)])  # noqa: E731
    velocity = (at(0.0) - at(0.2)) / 0.2
    speed = np.hypot(*velocity)
    assert ahead == pytest.approx([*(velocity / speed), speed])
    c, s = velocity / speed
    for lag in range(net.LAGS):
        vx, vy = (at(0.04 * lag) - at(0.04 * (lag + 1))) / 0.04
        assert inputs[2 * lag : 2 * lag + 2] == pytest.approx(
            [0.5 * (c * vx + s * vy), 0.5 * (c * vy - s * vx)], abs=1e-5
        )
    assert inputs[-1] == pytest.approx(1.0)


def test_what_was_not_seen_counts_nothing() -> None:
    ages = np.arange(10, -1, -1) * 0.02
    told, inputs, _ = look_back(ages, np.column_stack((-1.5 * ages, 0.0 * ages)))
    assert told
    assert inputs[: 2 * 5 : 2] == pytest.approx(0.75)
    assert not inputs[2 * 5 : -1].any()
    assert inputs[-1] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("ages_s", "speed_mps"),
    [((0.0,), 1.0), ((0.08, 0.04, 0.0), 1.0), ((0.4, 0.2, 0.0), 0.01), ((0.4, 0.2, 0.0), math.nan)],
)
def test_too_little_of_a_way_tells_nothing(ages_s: tuple[float, ...], speed_mps: float) -> None:
    ages = np.array(ages_s)
    assert not look_back(ages, np.column_stack((-speed_mps * ages, 0.0 * ages)))[0]


def test_the_network_equals_its_matrices() -> None:
    random = np.random.default_rng(2)
    weights = random.normal(size=net.WEIGHTS).astype(np.float32) * np.float32(0.1)
    inputs = random.normal(size=net.INPUTS).astype(np.float32)
    outputs = np.empty(net.OUTPUTS, np.float32)
    net.think(weights, inputs, np.empty(2 * net.UNITS, np.float32), outputs)
    value = inputs.astype(np.float64)
    layers = movers_fit.layers_of(weights.astype(np.float64))
    for number, (factors, offsets) in enumerate(layers):
        value = value @ factors + offsets
        value = np.maximum(value, 0.0) if number < 2 else value
    assert outputs == pytest.approx(value, abs=1e-4)


def test_weights_survive_the_file() -> None:
    random = np.random.default_rng(5)
    weights = random.normal(size=net.WEIGHTS).astype(np.float32)
    made: dict[str, object] = {}
    exec(foresight.packed(weights), made)
    assert np.abs(foresight.unpacked(made["SCALES"], made["TEXT"]) - weights).max() < 2e-4  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fit it anew"):
        foresight.unpacked((1.0, 1.0, 1.0), str(made["TEXT"])[:-10])


def test_the_gradient_is_that_of_the_loss() -> None:
    random = np.random.default_rng(3)
    weights = random.normal(size=net.WEIGHTS).astype(np.float64) * 0.1
    inputs, targets = random.normal(size=(20, net.INPUTS)), random.normal(size=(20, net.STEPS, 2))
    layers = movers_fit.layers_of(weights)

    def answers() -> np.ndarray:
        value = inputs
        for number, (factors, offsets) in enumerate(layers):
            value = value @ factors + offsets
            value = np.maximum(value, 0.0) if number < 2 else value
        return value.reshape(20, net.STEPS, 3)

    fixed = np.exp(answers()[:, :, 2])  # the weight by the spread is not differentiated

    def loss() -> float:
        answer = answers()
        off = ((answer[:, :, :2] - targets) ** 2).sum(axis=2)
        return float((fixed * (0.5 * off / np.exp(2.0 * answer[:, :, 2]) + 2.0 * answer[:, :, 2])).mean())

    gradient = movers_fit._gradient(layers, inputs, targets)
    for number in random.choice(net.WEIGHTS, 40, replace=False).tolist():
        before = weights[number]
        weights[number] = before + 1e-5
        high = loss()
        weights[number] = before - 1e-5
        low = loss()
        weights[number] = before
        assert gradient[number] == pytest.approx((high - low) / 2e-5, abs=1e-6)


def test_a_short_fit_beats_the_constant_velocity() -> None:
    inputs, targets = movers_fit.mirrored(*movers_fit.examples(ways("steady", 100, 3), 50, 3))
    weights = movers_fit.fitted(inputs, targets, 60, 0)
    found = movers_fit.judged(weights, *movers_fit.examples(ways("steady", 60, 90), 20, 90))
    assert found["rms_m"][AHEAD_S.index(1.0)] < 0.9 * found["plain_rms_m"][AHEAD_S.index(1.0)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_network_is_no_worse_than_the_constant_velocity(kind: str) -> None:
    found = movers_fit.judged(foresight.WEIGHTS, *movers_fit.examples(ways(kind, 60, 4242), 20, 4242))
    for duration_s in (0.6, 1.0):
        k = AHEAD_S.index(duration_s)
        assert found["rms_m"][k] < found["plain_rms_m"][k] + 0.02
    assert found["within_frac"][AHEAD_S.index(1.0)] > 0.7


def trail_of(stamps_ns: list[int], number: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Trails after one track was measured at these times, 1 cm farther each."""
    tracks, integers = np.zeros((2, table.COLUMNS)), np.zeros((2, table.INTEGERS), np.int64)
    trail_ns, trail_m = np.zeros((2, net.TRAIL), np.int64), np.zeros((2, net.TRAIL, 2))
    trail = np.zeros((2, 2), np.int64)
    integers[1, table.STATUS], integers[1, table.NUMBER] = table.MOVING, number
    for stamp_ns in stamps_ns:
        integers[1, table.SEEN_NS] = stamp_ns
        tracks[1, table.PX] += 0.01
        net.remember(tracks, integers, stamp_ns, trail_ns, trail_m, trail)
        net.remember(tracks, integers, stamp_ns + 1, trail_ns, trail_m, trail)  # not measured then
    return trail_ns, trail_m, trail


def test_a_trail_holds_the_last_places_apart_from_each_other() -> None:
    stamps = [20_000_000 * k for k in range(100)]
    trail_ns, trail_m, trail = trail_of(stamps)
    assert trail.tolist() == [[0, 0], [1, net.TRAIL]]
    assert trail_ns[1].tolist() == stamps[-net.TRAIL :]
    assert trail_m[1, :, 0] == pytest.approx(0.01 * np.arange(101 - net.TRAIL, 101))
    fast_ns, _, fast = trail_of([2_000_000 * k for k in range(200)])
    kept = fast_ns[1, : fast[1, 1]]
    assert kept[-1] == 398_000_000
    assert (np.diff(kept)[:-1] >= 18_000_000).all()


def test_a_new_track_in_an_old_place_begins_a_new_trail() -> None:
    trail_ns, trail_m, trail = trail_of([20_000_000 * k for k in range(50)])
    assert not net.foresee(trail_ns, trail_m, trail, 1, 2, 0.0, 0.0, 10**9, foresight.WEIGHTS, np.empty((net.STEPS, 3)))
    tracks, integers = np.zeros((2, table.COLUMNS)), np.zeros((2, table.INTEGERS), np.int64)
    integers[1, table.STATUS], integers[1, table.NUMBER], integers[1, table.SEEN_NS] = table.MOVING, 2, 2 * 10**9
    net.remember(tracks, integers, 2 * 10**9, trail_ns, trail_m, trail)
    assert trail[1].tolist() == [2, 1]


def test_the_tracker_foresees_a_walk_straight_on() -> None:
    run = Run(Scene(movers=((line(4.0, -2.0, 0.0, 1.0), 0.3),))).drive(2.5)
    _, mover = run.nearest(run.moments[-1], 0)
    assert mover is not None
    course = np.array(mover.course)
    assert course.shape == (len(AHEAD_S), 3)
    now_s = run.moments[-1].t_s
    expected = np.column_stack((np.full(len(AHEAD), 4.0), -2.0 + now_s + AHEAD))
    off = np.hypot(*(course[:, :2] - expected).T)
    assert (off < 3.0 * course[:, 2]).all()
    assert off[AHEAD_S.index(1.0)] < 0.2
    assert (np.diff(course[:, 2]) > 0.0).all()
    assert in_frame_of(Pose2(1.0, 1.0, 0.3), (mover,))[0].course == ()


def test_a_mover_that_is_hidden_goes_on_from_where_the_filter_has_it() -> None:
    course, other = np.empty((net.STEPS, 3)), np.empty((net.STEPS, 3))
    trail = trail_of([20_000_000 * k for k in range(60)])
    at_ns = 59 * 20_000_000 + 500_000_000
    for x_m, found in ((5.0, course), (7.0, other)):
        assert net.foresee(*trail, 1, 1, x_m, 1.0, at_ns, foresight.WEIGHTS, found)
    assert other[:, 0] - course[:, 0] == pytest.approx(2.0)
    assert np.array_equal(other[:, 2], course[:, 2])
