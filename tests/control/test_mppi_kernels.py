"""Each MPPI kernel against plain NumPy, on recorded inputs and on hand-made ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scenes import Drive, circle, input_of, robot, union

from amr.control.base import ControlOutput
from amr.control.mppi import MppiController, Problem
from amr.kernels.mppi_goal import add_goal, add_lowest_cost_to_go, add_path
from amr.kernels.mppi_guide import descend, guide
from amr.kernels.mppi_motion import add_motion, add_smoothness
from amr.kernels.mppi_movers import PREDICTED, add_mover_cost, predict_movers
from amr.kernels.mppi_obstacle import COLLISION_COST, add_obstacle_cost
from amr.kernels.mppi_rollout import COSINE, LANES, SINE, V, W, X, Y, poses_of, rollout
from amr.kernels.mppi_stop import add_stop_cost
from amr.kernels.mppi_update import IRRELEVANT_TEMPERATURES, weigh
from amr.movers import AHEAD_S
from amr.runtime.bench import mppi_reference as reference
from amr.runtime.bench.control import numpy_cycle, packaged

SAMPLES = 400


def driven(**control: object) -> tuple[MppiController, Problem]:
    """A controller after some cycles among posts, and its next problem."""
    scene = union(circle(1.3, 0.25, 0.1), circle(2.0, -0.5, 0.15), circle(0.2, -0.6, 0.1))
    controller = MppiController(robot(**control), seed=11)
    drive = Drive(controller, input_of(scene)).run(0.5)
    problem = controller.prepare(drive.input)
    assert isinstance(problem, Problem)
    return controller, problem


@pytest.mark.parametrize("samples", [SAMPLES, 2400])  # one tile of samples, and three
def test_a_cycle_equals_numpy_in_costs_and_mean(samples: int) -> None:
    controller, problem = driven(samples=samples)
    cost, mean = numpy_cycle(controller, problem, samples, 1.0)
    controller._optimize(problem)
    counts = cost < cost.min() + IRRELEVANT_TEMPERATURES - 0.1
    assert counts.sum() > 5
    assert np.abs(controller._cost[counts] - cost[counts]).max() < 2e-3
    assert np.abs(controller._plan - mean).max() < 1e-3


@pytest.mark.parametrize("index", range(3))
def test_a_recorded_cycle_equals_numpy(index: int) -> None:
    drive = packaged()[index]
    controller = MppiController(robot(samples=SAMPLES), seed=0)
    for control_input in drive[:20]:
        controller.compute(control_input)
    problem = controller.prepare(drive[20])
    assert not isinstance(problem, ControlOutput)
    cost, mean = numpy_cycle(controller, problem, SAMPLES, 1.0)
    controller._optimize(problem)
    counts = cost < cost.min() + IRRELEVANT_TEMPERATURES - 0.1
    assert np.abs(controller._cost[counts] - cost[counts]).max() < 2e-3
    assert np.abs(controller._plan - mean).max() < 1e-3


def test_pruning_changes_no_weight() -> None:
    controller, problem = driven()
    controller._optimize(problem)
    pruned = controller._cost.copy()
    state = controller._tiles[0][1]
    context = controller.context(problem, state, np.zeros_like(pruned), np.full(SAMPLES, 56, np.int32), SAMPLES)
    for term in controller._terms:
        term(context)  # margin infinite: every sample to its end
    full = context.cost
    counts = full < full.min() + IRRELEVANT_TEMPERATURES
    assert counts.sum() < SAMPLES
    assert np.array_equal(pruned[counts], full[counts])
    assert (pruned[~counts] >= full.min() + IRRELEVANT_TEMPERATURES - 1e-3).all()


def test_rollouts_keep_the_limits_of_speed_and_acceleration() -> None:
    controller, problem = driven()
    controller._optimize(problem)
    v, w = controller._tiles[0][1][V], controller._tiles[0][1][W]
    limits = problem.limits
    assert v.max() <= limits[6] + 1e-4
    assert v.min() >= limits[5] - 1e-4
    assert np.abs(w).max() <= limits[7] + 1e-4
    # wheels lag behind a limited command, so the slope of their speed is limited by the same numbers
    assert np.diff(v, axis=0).max() <= limits[2] + 1e-4
    assert np.diff(v, axis=0).min() >= -max(limits[2], limits[3]) - 1e-4
    assert np.abs(np.diff(w, axis=0)).max() <= limits[4] + 1e-4


def test_headings_stay_unit_vectors_over_the_horizon() -> None:
    controller, problem = driven()
    controller._optimize(problem)
    length = np.hypot(controller._tiles[0][1][COSINE], controller._tiles[0][1][SINE])
    assert np.abs(length - 1.0).max() < 1e-4


def simple_state(samples: int = 80, steps: int = 10) -> np.ndarray:
    """Straight motions along x at 1 m/s, side by side 2 cm apart."""
    state = np.zeros((6, steps, samples), np.float32)
    state[X] = 0.05 * np.arange(1, steps + 1)[:, None]
    state[Y] = 0.02 * (np.arange(samples) - samples // 2)
    state[COSINE], state[V] = 1.0, 1.0
    return state


def test_mover_prediction_equals_the_formula() -> None:
    movers = np.array(
        [[1.0, 0.5, -0.5, -0.5, 0.4, 0.0, 0.5, 0.2, 0.05, 0.1], [0.3, -2.0, 0.0, 1.0, 0.0, 2.0, 0.5, 0.3, 0.0, 0.2]]
    )
    predicted = np.empty((2, 10, PREDICTED), np.float32)
    courses = np.zeros((2, len(AHEAD_S), 3))
    predict_movers(movers, courses, np.zeros(2, bool), 0.03, 0.05, 0.2, 0.3, 0.5, 0.6, 0.25, math.inf, predicted)
    for n, (x, y, vx, vy, ax, ay, fade, radius, sigma, speed_sigma) in enumerate(movers.tolist()):
        ahead = 0.03 + 0.05 * np.arange(1, 11)
        way = fade**2 * (ahead / fade - 1.0 + np.exp(-ahead / fade))
        wander = 0.5 * (0.2 + 0.3 * (vx * vx + vy * vy)) * ahead**2
        expected = (x + vx * ahead + ax * way, y + vy * ahead + ay * way, np.hypot(sigma, speed_sigma * ahead) + wander)
        assert np.allclose(predicted[n, :, :3], np.stack(expected, axis=1), atol=1e-6)
        assert np.allclose(predicted[n, :, 3], radius)
        since = np.minimum(ahead, 0.25)
        assert np.allclose(predicted[n, :, 4], 1.0 - np.exp(-0.5 * since), atol=1e-6)
        faster = math.sqrt(vx * vx + vy * vy + speed_sigma * speed_sigma)
        jumped = np.hypot(sigma, speed_sigma * ahead) + 0.6 * since * faster
        assert np.allclose(predicted[n, :, 5], jumped, atol=1e-6)


def test_a_mover_with_a_course_is_where_the_course_says() -> None:
    movers = np.array([[1.0, 0.5, -0.5, -0.5, 0.4, 0.0, 0.5, 0.2, 0.05, 0.1]] * 2)
    courses = np.random.default_rng(3).uniform(0.1, 2.0, (2, len(AHEAD_S), 3))
    predicted = np.empty((2, 80, PREDICTED), np.float32)
    predict_movers(movers, courses, np.array([True, False]), 0.03, 0.05, 0.2, 0.3, 0.5, 0.6, 0.25, math.inf, predicted)
    ahead = 0.03 + 0.05 * np.arange(1, 81)
    knots, inside = np.array((0.0, *AHEAD_S)), ahead <= AHEAD_S[-1]
    for column, begin in enumerate((1.0, 0.5, 0.05)):
        values = np.array((begin, *courses[0, :, column]))
        expected = np.interp(ahead, knots, values)
        slope = (values[-1] - values[-2]) / (knots[-1] - knots[-2])
        expected[~inside] = values[-1] + slope * (ahead[~inside] - knots[-1])
        assert np.allclose(predicted[0, :, column], expected, atol=1e-5)
    alone = np.empty((1, 80, PREDICTED), np.float32)
    predict_movers(movers[1:], courses[1:], np.array([False]), 0.03, 0.05, 0.2, 0.3, 0.5, 0.6, 0.25, math.inf, alone)
    assert np.array_equal(predicted[1], alone[0])
    assert np.array_equal(predicted[0, :, 3:], alone[0, :, 3:])


def test_doubt_about_a_mover_grows_as_far_as_it_cannot_be_answered() -> None:
    movers = np.array([[1.0, 0.5, -0.5, -0.5, 0.4, 0.0, 0.5, 0.2, 0.05, 0.1]] * 2)
    courses = np.random.default_rng(3).uniform(0.1, 2.0, (2, len(AHEAD_S), 3))
    courses[:, :, 2] = 0.1 + 0.2 * np.array(AHEAD_S)
    settings = (0.0, 0.05, 0.2, 0.3, 0.5, 0.6, 0.25)
    free, held = np.empty((2, 40, PREDICTED), np.float32), np.empty((2, 40, PREDICTED), np.float32)
    predict_movers(movers, courses, np.array([True, False]), *settings, math.inf, free)
    predict_movers(movers, courses, np.array([True, False]), *settings, 0.8, held)
    assert np.array_equal(held[:, :16], free[:, :16])
    assert np.array_equal(held[:, 16:, [0, 1, 3, 4]], free[:, 16:, [0, 1, 3, 4]])  # where it will be, all the same
    for column in (2, 5):
        assert np.allclose(held[:, 16:, column], free[:, 15:16, column])
        assert (held[:, 16:, column] < free[:, 16:, column]).all()


def hit_chance(distance_m: np.ndarray, contact_m: float, sigma_m: float) -> np.ndarray:
    """As the docstring of ``add_mover_cost`` has it."""

    def edge(way_m: np.ndarray) -> np.ndarray:
        part = np.clip(0.5 + way_m / (5.0 * max(sigma_m, 0.03)), 0.0, 1.0)
        return part * part * (3.0 - 2.0 * part)

    middle = 1.0 - math.exp(-0.5 * (contact_m / max(sigma_m, 0.03)) ** 2)
    return middle * edge(contact_m - distance_m) / edge(np.array(contact_m))


@pytest.mark.parametrize("sigma_m", [0.05, 0.2, 0.5, 1.0, 2.0])
def test_the_chance_of_a_hit_is_nearly_that_of_the_normal_distribution(sigma_m: float) -> None:
    distance, contact = np.linspace(0.0, 4.0, 21), 0.8
    drawn = np.random.default_rng(1).normal(size=(100_000, 2)) * sigma_m
    true = np.array([(np.hypot(drawn[:, 0] - d, drawn[:, 1]) < contact).mean() for d in distance])
    assert np.abs(hit_chance(distance, contact, sigma_m) - true).max() < 0.12


def test_mover_cost_equals_the_formula() -> None:
    state = simple_state()
    predicted = np.empty((2, 10, PREDICTED), np.float32)
    for n, (x, y, vx, vy, radius) in enumerate(((1.0, 0.5, -0.5, -0.5, 0.2), (0.3, -2.0, 0.0, 1.0, 0.3))):
        ahead = 0.05 * np.arange(1, 11)
        columns = (x + vx * ahead, y + vy * ahead, 0.4 * ahead, np.full(10, radius), 0.3 * ahead, 0.05 + 0.5 * ahead)
        predicted[n] = np.stack(columns, axis=1)
    cost, hit = np.zeros(80, np.float32), np.empty(80, np.float32)
    arguments = [np.float32(value) for value in (10.0, 0.3, 0.01, 0.5, 0.4, 3.0, 250.0, 150.0)]
    add_mover_cost(state, predicted, *arguments, hit, cost)
    expected, dearest, met = np.zeros(80), np.zeros((2, 80)), np.zeros(80, bool)
    for n, step in np.ndindex(2, 10):
        x, y, sigma, radius, share, spread = predicted[n, step].tolist()
        gap = np.hypot(state[X, step] - x, state[Y, step] - y) - radius - 0.3
        sure = 1.0 / (1.0 + (sigma / 0.4) ** 2)
        expected += 3.0 * sure * np.maximum(0.0, 1.0 - gap / 0.5) ** 2
        overlap = 0.01 - gap
        meets = hit_chance(radius + 0.3 + 0.01 - overlap, radius + 0.3 + 0.01, sigma)
        certain = (1.0 - share) * 250.0 * meets + sure * 150.0 * np.maximum(overlap, 0.0)
        aimed = share * (radius + 0.3) / (radius + 0.3 + spread)
        chance = np.clip(1.0 - np.maximum(gap, 0.0) / (3.0 * spread), 0.0, None) ** 2
        dearest[n] = np.maximum(dearest[n], certain + 250.0 * aimed * chance)
        met |= overlap > 0.0
    assert 0 < met.sum() < 80
    assert np.allclose(cost, expected + dearest.sum(axis=0), rtol=1e-4, atol=1e-3)


def test_a_mover_that_may_jump_is_passed_at_a_distance() -> None:
    state = simple_state()
    predicted = np.full((1, 10, PREDICTED), 0.2, np.float32)
    predicted[:, :, 0], predicted[:, :, 1], predicted[:, :, 2], predicted[:, :, 5] = 0.3, -1.4, 0.02, 0.4
    arguments = [np.float32(value) for value in (10.0, 0.3, 0.01, 0.01, 0.4, 0.0, 250.0, 150.0)]
    costs = []
    for share in (0.0, 0.2):
        predicted[:, :, 4] = share
        cost = np.zeros(80, np.float32)
        add_mover_cost(state, predicted, *arguments, np.empty(80, np.float32), cost)
        costs.append(cost)
    assert (costs[0] == 0.0).all()
    assert (np.diff(costs[1]) < 0.0)[:40].all()


def test_a_motion_that_hit_a_mover_is_not_charged_twice_by_an_obstacle() -> None:
    state = simple_state(steps=40)
    distance = np.full((100, 100), 1.5, np.float32)
    distance[:, 60:] = 0.0
    cost, hit = np.zeros(80, np.float32), np.full(80, 40, np.int32)
    hit[:40] = 3
    numbers = [np.float32(value) for value in (1.0, 2.0, 25.0, 0.5, 0.2, 0.01, 0.01, 200.0, 0.1, 1.0, 0.3, 1.0, 0.3)]
    discs = np.array([[0.0, 0.0, 0.2]], np.float32)
    infinite = np.float32(np.inf)
    add_obstacle_cost(state, distance, discs, *numbers, 80, infinite, infinite, cost, hit)
    assert (hit[:40] == 3).all()
    assert (hit[40:] < 40).all()
    assert (cost[:40] < COLLISION_COST).all()
    assert (cost[40:] > COLLISION_COST).all()


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40])
def test_any_number_of_discs_gives_the_clearance_of_the_nearest(count: int) -> None:
    random = np.random.default_rng(count)
    state = simple_state()
    y, x = np.mgrid[0:100, 0:100]
    distance = (np.hypot(x - 60, y - 50) * 0.04).astype(np.float32)
    discs = np.column_stack((random.uniform(-0.2, 0.2, (count, 2)), random.uniform(0.02, 0.1, count)))
    cost, hit = np.zeros(80, np.float32), np.full(80, 10, np.int32)
    numbers = [np.float32(value) for value in (1.0, 2.0, 25.0, 9.0, 0.0, -9.0, -9.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0)]
    infinite = np.float32(np.inf)
    add_obstacle_cost(state, distance, discs.astype(np.float32), *numbers, 80, infinite, infinite, cost, hit)
    clearance = np.min(
        [
            reference.bilinear(distance, (1.0 + state[X] + dx) * 25.0 - 0.5, (2.0 + state[Y] + dy) * 25.0 - 0.5) - r
            for dx, dy, r in discs
        ],
        axis=0,
    )
    assert np.allclose(cost, (np.maximum(1.0 - clearance, 0.0) ** 2).sum(axis=0), rtol=1e-4)


def test_path_cost_is_the_capped_distance_to_the_nearest_point() -> None:
    state = simple_state()
    path = np.array([[0.5, 0.0], [1.0, 0.4]], np.float32)
    cost = np.zeros(80, np.float32)
    add_path(state, path, np.float32(0.3), np.float32(2.0), cost)
    nearest = np.min([np.hypot(state[X, -1] - x, state[Y, -1] - y) for x, y in path], axis=0)
    assert np.allclose(cost, 2.0 * np.minimum(nearest, 0.3), atol=1e-5)


def test_motion_and_smoothness_equal_the_formulas() -> None:
    random = np.random.default_rng(0)
    state = random.normal(size=(6, 12, 160)).astype(np.float32)
    cost = np.zeros(160, np.float32)
    add_motion(state, *[np.float32(value) for value in (0.1, 0.2, 0.3, 0.5)], cost)
    v, w = state[V].astype(float), state[W].astype(float)
    lateral = np.maximum(np.abs(v * w) - 0.5, 0.0)
    assert np.allclose(cost, (0.1 * w**2 + 0.2 * np.maximum(-v, 0.0) + 0.3 * lateral).sum(axis=0), atol=1e-4)
    cost.fill(0.0)
    add_smoothness(state, *[np.float32(value) for value in (0.4, -0.6, 2.0, 3.0)], cost)
    expected = 2.0 * np.diff(v, axis=0, prepend=0.4) ** 2 + 3.0 * np.diff(w, axis=0, prepend=-0.6) ** 2
    assert np.allclose(cost, expected.sum(axis=0), rtol=1e-4)


def test_stop_cost_is_what_a_stop_straight_on_lacks_of_room() -> None:
    """A wall at x = 2.4 m, seen from x = 1 m: rollouts turn, but the stop is looked up along their heading."""
    random = np.random.default_rng(3)
    state = simple_state(steps=12)
    yaw = random.uniform(-0.8, 0.8, (12, 80))
    state[COSINE], state[SINE] = np.cos(yaw), np.sin(yaw)
    state[V] = random.uniform(-1.0, 2.5, (12, 80))
    state[W] = 3.0
    distance = np.maximum((60 - np.arange(100, dtype=np.float32)) * 0.04, 0.0)[None, :].repeat(100, axis=0).copy()
    cost = np.ones(80, np.float32)
    add_stop_cost(state, distance, *[np.float32(value) for value in (1.0, 2.0, 25.0, 0.1, 0.3, 0.5, 4.0)], cost)
    v = np.maximum(state[V].astype(float), 0.0)
    way = v * 0.1 + v**2 * 0.15
    way[::2] *= 0.5
    column = np.clip((1.0 + state[X] + way * state[COSINE]) * 25.0, 0.0, 99.0).astype(int)
    lack = np.maximum(1.0 - distance[0, column] / 0.5, 0.0)
    assert (lack > 0.0).sum() > 50
    assert np.allclose(cost, 1.0 + (4.0 * lack * v**2).sum(axis=0), rtol=1e-4)


def test_goal_cost_rewards_rest_and_heading_only_near_the_goal() -> None:
    state = simple_state()
    cost = np.zeros(80, np.float32)
    numbers = (0.5, 0.0, 0.0, 1.0, 0.6, 0.0, 2.0, 3.0)
    add_goal(state, *[np.float32(value) for value in numbers], cost)
    distance = np.abs(state[Y, -1])
    fade = np.maximum(1.0 - distance / 0.6, 0.0)
    assert np.allclose(cost, fade * (2.0 + 3.0), atol=1e-4)
    assert cost.max() == pytest.approx(5.0, abs=1e-3)


def test_the_lowest_cost_to_go_so_far_ignores_what_comes_after_the_goal() -> None:
    field = np.abs(np.arange(100, dtype=np.float32) * 0.1 - 0.3)[None, :].repeat(10, axis=0).copy()
    state = simple_state(steps=40)
    state[Y] = 0.5
    cost = np.zeros(80, np.float32)
    place = (np.float32(0.05), np.float32(0.05), np.float32(10.0))
    add_lowest_cost_to_go(state, field, *place, 1, np.float32(6.0), np.float32(0.0), cost)
    assert np.allclose(cost, 0.0, atol=1e-3)  # the goal at 0.3 m was passed on the way to 2 m


def test_weights_are_normalized_and_nan_costs_have_none() -> None:
    cost = np.array([3.0, np.nan, 1.0, 500.0, 1.5], np.float32)
    chosen, weight = np.zeros(5, np.int32), np.zeros(5)
    count = weigh(cost, 0.5, chosen, weight)
    assert chosen[:count].tolist() == [0, 2, 4]
    expected = np.exp(-np.array([2.0, 0.0, 0.5]) / 0.5)
    assert np.allclose(weight[:count], expected / expected.sum())
    cost.fill(np.nan)
    assert weigh(cost, 0.5, chosen, weight) == 0


def test_a_full_turn_at_full_speed_settles_at_the_lateral_limit() -> None:
    steps, lateral_mps2 = 80, 2.5
    fixed = np.empty((2, 2, steps), np.float32)
    fixed[:, 0] = 2.0
    fixed[0, 1], fixed[1, 1] = 4.0, -4.0
    limits = np.array((0.05, 0.6, 0.15, 0.17, 0.6, -0.6, 2.0, 4.0, 0.6, lateral_mps2), np.float32)
    still = np.zeros((steps, LANES), np.float32)
    state = np.empty((6, steps, LANES), np.float32)
    start = np.array((1.0, 0.0, 0.0, 0.0, 0.0, 0.0), np.float32)
    rollout(still, still, 0, np.zeros((2, steps), np.float32), fixed, start, limits, state)
    lateral = state[V, :, :2] * state[W, :, :2]
    assert lateral[-1] == pytest.approx([lateral_mps2, -lateral_mps2], rel=1e-3)
    assert state[W, :, 0].max() > 1.5 * state[W, -1, 0]  # it may turn faster while it is slow


def test_descent_runs_down_to_the_seed_and_guides_reach_it() -> None:
    y, x = np.mgrid[0:60, 0:60]
    value = (np.hypot(x - 50, y - 30) * 0.08).astype(np.float32)
    path = np.empty((120, 2), np.float32)
    scale = np.float32(1.0 / 0.08)
    points = descend(value, np.float32(10.5 * 0.08), np.float32(30.5 * 0.08), scale, np.float32(0.04), path)
    assert 75 < points < 120
    assert math.hypot(path[points - 1, 0] - 50.5 * 0.08, path[points - 1, 1] - 30.5 * 0.08) < 0.1
    styles = np.array([(0.5, 2.0, 0.3), (1.5, 2.0, 0.3)], np.float32)
    limits = np.array((0.05, 0.6, 0.15, 0.17, 0.6, -0.6, 2.0, 4.0, 0.6, 2.5), np.float32)
    start = np.array((-1.0, 0.0, 0.0, 0.0, 0.0, 0.0), np.float32)  # facing away
    controls = np.zeros((2, 2, 80), np.float32)
    guide(path, points, np.float32(0.04), start, limits, styles, np.float32(4.0), controls)
    assert controls[:, 0, 0].max() == 0.0
    assert (np.abs(controls[:, 1, 0]) == 4.0).all()
    commands = reference.limited_commands(controls.transpose(1, 2, 0).astype(float), start, limits)
    end = reference.rollout(commands, start, limits)[:2, -1]
    assert end[0, 0] > 1.2
    assert abs(end[0, 1] - 40 * 0.08) < 0.3
    assert np.abs(end[1]).max() < 0.1


def test_poses_are_those_of_the_sample() -> None:
    state = simple_state()
    poses = np.empty((10, 3), np.float32)
    state[COSINE, :, 5], state[SINE, :, 5] = math.cos(2.0), math.sin(2.0)
    poses_of(state, 5, 10.0, -3.0, poses)
    assert np.allclose(poses[:, 0], 10.0 + state[X, :, 5])
    assert np.allclose(poses[:, 1], -3.0 + state[Y, :, 5])
    assert np.allclose(poses[:, 2], 2.0)
