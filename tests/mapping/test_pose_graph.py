"""The pose graph: its cost, its minimum, what is held, how sure it is, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pose_graph_worlds import (
    city,
    full_information,
    plain_chi2,
    plain_errors,
    plain_least_chi2,
    trajectory_error_m,
)

from amr.geometry import Pose2
from amr.kernels import pose_graph as kernels
from amr.mapping.pose_graph import PoseGraph, RobustKernel
from amr.mapping.pose_graph_covariance import Marginals
from amr.mapping.pose_graph_robust import solve_narrowing
from amr.mapping.pose_graph_search import solve_from_nothing
from amr.mapping.pose_graph_solve import PoseGraphSolver
from amr.mapping.pose_graph_start import chordal_poses, tree_poses


def test_errors_and_chi2_equal_the_definition() -> None:
    world = city(1)
    poses = np.random.default_rng(0).uniform(-3.0, 3.0, (world.graph.node_count, 3))
    world.graph.poses[:] = poses
    error, chi2 = np.empty((world.graph.edge_count, 3)), np.empty(world.graph.edge_count)
    graph = world.graph
    kernels.errors(graph.poses, graph.ends, graph.measured, graph.information, error, chi2)
    assert error == pytest.approx(plain_errors(graph, poses), abs=1e-12)
    assert graph.chi2() == pytest.approx(plain_chi2(graph, poses), rel=1e-12)


@pytest.mark.parametrize("positions_only", [False, True])
def test_system_equals_differences_of_the_plain_errors(positions_only: bool) -> None:
    world = city(2, nodes=12)
    graph = world.graph
    poses = world.truth + np.random.default_rng(0).normal(0.0, 0.1, world.truth.shape)
    solver = PoseGraphSolver(graph)
    weight = np.random.default_rng(1).uniform(0.5, 1.0, graph.edge_count)
    pinned = solver.pinned()
    solver.cost(poses, np.empty(graph.edge_count))
    solver.linearize(poses, weight, pinned, positions_only)
    jacobian = np.zeros((graph.edge_count, 3, 3 * graph.node_count))
    for column in range(3, 3 * graph.node_count):
        if positions_only and column % 3 == 2:
            continue
        step = np.zeros(3 * graph.node_count)
        step[column] = 1e-6
        ahead = plain_errors(graph, poses + step.reshape(-1, 3))
        behind = plain_errors(graph, poses - step.reshape(-1, 3))
        jacobian[:, :, column] = (ahead - behind) / 2e-6
    omega = full_information(graph) * weight[:, None, None]
    hessian = np.einsum("mia,mij,mjb->ab", jacobian, omega, jacobian)
    gradient = np.einsum("mia,mij,mj->a", jacobian, omega, plain_errors(graph, poses))
    unused = np.flatnonzero(np.diag(hessian) == 0.0)
    hessian[unused, unused] = 1.0
    assert solver.blocks.gradient.ravel() == pytest.approx(gradient, rel=1e-5, abs=1e-3)
    assert solver.system.factor(solver.blocks)
    assert solver.system.solve(solver.blocks.gradient).ravel() == pytest.approx(
        np.linalg.solve(hessian, gradient), rel=1e-5, abs=1e-6
    )


@pytest.mark.parametrize(("kind", "width"), [(kind, width) for kind in RobustKernel for width in (0.7, 3.0)])
def test_the_weight_of_a_robust_kernel_is_the_slope_of_its_cost(kind: RobustKernel, width: float) -> None:
    for chi2 in (0.01, 0.3, 2.0, 8.0, 20.0, 5000.0):
        cost, weight = kernels.robust(chi2, kind, width)
        slope = (kernels.robust(chi2 * 1.0001, kind, width)[0] - kernels.robust(chi2 * 0.9999, kind, width)[0]) / (
            0.0002 * chi2
        )
        assert weight == pytest.approx(slope, rel=1e-4, abs=1e-9)
        assert 0.0 < cost <= chi2 * (1.0 + 1e-12)
        assert 0.0 < weight <= 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "loop_frac", "sigma_m", "sigma_rad"), [(1, 0.3, 0.05, 0.03), (2, 0.03, 0.05, 0.05), (3, 0.5, 0.2, 0.1)]
)
def test_from_nothing_the_minimum_of_a_plain_solver_from_the_truth_is_found(
    seed: int, loop_frac: float, sigma_m: float, sigma_rad: float
) -> None:
    world = city(seed, 200, loop_frac, sigma_m, sigma_rad)
    expected = plain_least_chi2(world.graph, world.truth)
    search = solve_from_nothing(world.graph, poses_are_a_guess=False)
    assert world.graph.chi2() == pytest.approx(search.solution.chi2, rel=1e-9)
    assert search.solution.converged
    assert world.graph.chi2() <= expected * (1.0 + 1e-4)


@pytest.mark.slow
def test_a_graph_that_solves_stick_on_is_unwound_by_the_relaxation() -> None:
    """Few loops and 0.3 rad of noise a step: the starts end in three minima, all above the one near the truth."""
    world = city(7, 250, 0.03, 0.05, 0.3)
    search = solve_from_nothing(world.graph, poses_are_a_guess=False)
    assert not search.agreed
    assert search.best == "lifted"
    found = search.solution.chi2
    world.graph.poses[:] = world.truth
    assert found <= PoseGraphSolver(world.graph).solve().chi2 * 1.001


def test_a_closed_ring_from_a_bad_start_comes_back_to_its_shape() -> None:
    side = 40
    graph = PoseGraph()
    for _ in range(side):
        graph.add_node(Pose2(0.0, 0.0, 0.0))
    turn = 2.0 * math.pi / side
    for k in range(side):
        graph.add_edge(k, (k + 1) % side, Pose2(1.0, 0.0, turn), np.diag([100.0, 100.0, 1000.0]))
    solve_from_nothing(graph, poses_are_a_guess=True)
    assert graph.chi2() == pytest.approx(0.0, abs=1e-9)
    assert np.hypot(*(graph.poses[side // 2, :2])) == pytest.approx(1.0 / math.sin(math.pi / side), rel=1e-6)


def test_held_nodes_stay_to_the_bit_and_each_part_keeps_its_first_node() -> None:
    world = city(3, nodes=60)
    graph = world.graph
    first = graph.add_node(Pose2(5.0, 6.0, 0.7))
    second = graph.add_node(Pose2(0.0, 0.0, 0.0))
    alone = graph.add_node(Pose2(-1.0, -2.0, -3.0))
    graph.add_edge(second, first, Pose2(-1.0, 0.0, 0.0), np.eye(3))
    graph.poses[:60] = world.truth
    graph.hold(10)
    before = graph.poses.copy()
    assert PoseGraphSolver(graph).solve().converged
    assert (graph.poses[[10, first, alone]] == before[[10, first, alone]]).all()
    assert (graph.poses[0] != before[0]).any()
    # the first one added is one metre behind the second, seen from it: (-1, 0, 0)
    assert graph.poses[second] == pytest.approx([5.0 + math.cos(0.7), 6.0 + math.sin(0.7), 0.7], abs=1e-6)
    assert graph.edge_chi2()[-1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.slow
def test_equal_graphs_give_equal_bits() -> None:
    results = []
    for _ in range(2):
        world = city(7, 250, 0.03, 0.05, 0.3)
        solve_from_nothing(world.graph, poses_are_a_guess=False)
        results.append(world.graph.poses.tobytes())
    assert results[0] == results[1]


def test_a_grown_graph_needs_a_new_solver_and_then_equals_one_made_at_once() -> None:
    world = city(6, nodes=80)
    whole = world.graph
    grown = PoseGraph()
    for node in range(80):
        grown.add_node(Pose2(*world.truth[node].tolist()))
    information = full_information(whole)
    old = PoseGraphSolver(grown)
    for edge, (i, j) in enumerate(whole.ends.tolist()):
        grown.add_edge(i, j, Pose2(*whole.measured[edge].tolist()), information[edge])
    with pytest.raises(ValueError, match="make a new solver"):
        old.solve()
    whole.poses[:] = grown.poses
    PoseGraphSolver(grown).solve()
    PoseGraphSolver(whole).solve()
    assert grown.poses.tobytes() == whole.poses.tobytes()


@pytest.mark.parametrize("kind", [RobustKernel.CAUCHY, RobustKernel.DCS])
def test_false_loops_are_overruled_by_a_robust_kernel(kind: RobustKernel) -> None:
    clean = city(7, 300, 0.3, 0.03, 0.02)
    solve_from_nothing(clean.graph, poses_are_a_guess=False)
    best_m = trajectory_error_m(clean.graph.poses, clean.truth)
    world = city(7, 300, 0.3, 0.03, 0.02, false_loops=30)
    graph = world.graph
    solver = PoseGraphSolver(graph)
    odometry = tree_poses(graph, solver.pinned(), along_chain=True)
    graph.poses[:] = odometry
    solver.solve()
    assert trajectory_error_m(graph.poses, world.truth) > 1.0
    graph.kernel[world.odometry_edges :] = kind
    graph.width_sigma[:] = 3.0
    graph.poses[:] = odometry
    solve_narrowing(solver)
    assert trajectory_error_m(graph.poses, world.truth) < 1.3 * best_m + 0.02
    assert (graph.edge_chi2()[-30:] > 100.0).all()


def test_covariances_equal_those_of_the_dense_inverse() -> None:
    world = city(8, nodes=40)
    graph = world.graph
    solve_from_nothing(graph, poses_are_a_guess=False)
    solver = PoseGraphSolver(graph)
    marginals = Marginals(solver)
    poses = graph.poses.copy()

    def jacobian_of(function: object, nodes: int) -> np.ndarray:
        columns = []
        for k in range(3, 3 * nodes):
            step = np.zeros(3 * nodes)
            step[k] = 1e-6
            columns.append((function(poses + step.reshape(-1, 3)) - function(poses - step.reshape(-1, 3))) / 2e-6)  # type: ignore[operator]
        return np.stack(columns, axis=-1)

    jacobian = jacobian_of(lambda x: plain_errors(graph, x), 40)
    covariance = np.linalg.inv(np.einsum("mia,mij,mjb->ab", jacobian, full_information(graph), jacobian))
    assert marginals.node(0) == pytest.approx(np.zeros((3, 3)))
    assert marginals.node(20) == pytest.approx(covariance[57:60, 57:60], rel=1e-4, abs=1e-9)

    def seen(x: np.ndarray) -> np.ndarray:
        between = Pose2(*x[7].tolist()).inverse() @ Pose2(*x[30].tolist())
        return np.array([between.x_m, between.y_m, between.yaw_rad])

    relative = jacobian_of(seen, 40)
    assert marginals.between(7, 30) == pytest.approx(relative @ covariance @ relative.T, rel=1e-4, abs=1e-9)


def test_covariance_of_a_pose_that_no_edge_determines_is_refused() -> None:
    graph = PoseGraph()
    for _ in range(2):
        graph.add_node(Pose2(0.0, 0.0, 0.0))
    graph.add_edge(0, 1, Pose2(1.0, 0.0, 0.0), np.diag([1.0, 1.0, 0.0]))
    with pytest.raises(ValueError, match="undetermined"):
        Marginals(PoseGraphSolver(graph))


@pytest.mark.parametrize("nodes", [0, 1, 2])
def test_graphs_without_edges_are_solved_as_they_are(nodes: int) -> None:
    graph = PoseGraph()
    for k in range(nodes):
        graph.add_node(Pose2(float(k), 1.0, 0.5))
    before = graph.poses.copy()
    search = solve_from_nothing(graph, poses_are_a_guess=True)
    assert search.solution.converged
    assert search.solution.chi2 == 0.0
    assert (graph.poses == before).all()


def test_edges_without_information_about_headings_or_positions_still_give_a_finite_answer() -> None:
    world = city(9, nodes=60)
    graph = world.graph
    graph.information[:] = 0.0
    graph.information[:, [0, 3]] = 100.0
    search = solve_from_nothing(graph, poses_are_a_guess=False)
    assert np.isfinite(graph.poses).all()
    assert search.solution.chi2 < plain_chi2(graph, world.truth)


def test_poses_that_are_not_finite_are_left_alone() -> None:
    world = city(9, nodes=20)
    world.graph.poses[5] = math.nan
    solution = PoseGraphSolver(world.graph).solve()
    assert not solution.converged
    assert np.isnan(world.graph.poses[5]).all()
    assert (world.graph.poses[:5] == 0.0).all()


def test_starts_keep_pinned_nodes_and_reach_every_node() -> None:
    world = city(10, nodes=50, sigma_m=1e-6, sigma_rad=1e-6)
    graph = world.graph
    graph.poses[0] = world.truth[0]
    solver = PoseGraphSolver(graph)
    pinned = solver.pinned()
    chordal = chordal_poses(solver, pinned)
    assert chordal is not None
    for poses in (chordal, tree_poses(graph, pinned), tree_poses(graph, pinned, along_chain=True)):
        assert poses[:, :2] == pytest.approx(world.truth[:, :2], abs=1e-3)


@pytest.mark.parametrize(
    ("i", "j", "x_m", "information", "width"),
    [
        (0, 0, 1.0, np.eye(3), 1.0),
        (0, 2, 1.0, np.eye(3), 1.0),
        (-1, 1, 1.0, np.eye(3), 1.0),
        (0, 1, math.nan, np.eye(3), 1.0),
        (0, 1, 1.0, np.diag([1.0, -1.0, 1.0]), 1.0),
        (0, 1, 1.0, np.array([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), 1.0),
        (0, 1, 1.0, np.diag([1.0, math.inf, 1.0]), 1.0),
        (0, 1, 1.0, np.eye(3), 0.0),
    ],
)
def test_a_wrong_edge_is_refused(i: int, j: int, x_m: float, information: np.ndarray, width: float) -> None:
    graph = PoseGraph()
    for _ in range(2):
        graph.add_node(Pose2(0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="expected"):
        graph.add_edge(i, j, Pose2(x_m, 0.0, 0.0), information, RobustKernel.HUBER, width)
    assert graph.edge_count == 0
    with pytest.raises(ValueError, match="finite"):
        graph.add_node(Pose2(math.nan, 0.0, 0.0))
