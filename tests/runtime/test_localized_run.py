"""A whole robot on a saved map: it finds itself, is carried off, arrives, and its log replays without the localizer."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from amr.config.conditions import Conditions
from amr.geometry import Pose2
from amr.messages import Belief, ForgetObstacles, Goal, LocateScan, PoseFix
from amr.runtime.bench.localize_world import site_of, true_map
from amr.runtime.digest import pack_request
from amr.runtime.files import load_robot, load_scenario
from amr.runtime.log import LogWriter, read_log
from amr.runtime.log_codec import decode_message, encode_message, plain_request, ros_request
from amr.runtime.maps import load_ros_map, save_ros_map
from amr.runtime.replay import replay
from amr.runtime.saved_map import on_saved_map
from amr.runtime.simulated_run import SimulatedRun
from amr.runtime.snapshot import encode
from amr.runtime.trial import Trial, load_trial, log_header
from sim.world import Circle, World, wall

HALL = World(
    name="hall",
    circles=(Circle(1.6, 0.9, 0.1), Circle(3.2, -1.2, 0.2), Circle(6.2, 1.4, 0.15)),
    polygons=(
        wall((-1.0, -2.5), (8.0, -2.5), 0.1),
        wall((8.0, -2.5), (8.0, 2.5), 0.1),
        wall((8.0, 2.5), (-1.0, 2.5), 0.1),
        wall((-1.0, 2.5), (-1.0, -2.5), 0.1),
        wall((4.5, -2.5), (4.5, -0.8), 0.1),
        wall((2.5, 2.5), (2.5, 1.2), 0.1),
    ),
    start=Pose2(0.0, 0.0, 0.0),
)
THERE = Pose2(6.5, -1.4, 2.5)


@pytest.fixture(scope="module")
def hall_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("maps") / "hall.yaml"
    # the hall's walls lie on the borders of cells of 5 cm, where rounding moves them all the same way
    save_ros_map(path, true_map(site_of(HALL), load_robot("reference"), resolution_m=0.025))
    return path


def hall_trial(path: Path, *, told: bool = True, kidnapped: bool = False, seed: int = 3) -> Trial:
    return Trial(
        name="hall",
        world=HALL,
        robot=on_saved_map(load_robot("reference"), placed=told),
        seed=seed,
        start=HALL.start,
        goals=(Goal(3.6, 0.2, None, 0.25), Goal(0.0, 0.5, None, 0.25)),
        timeout_s=90.0,
        backend="planar",
        map_path=path,
        told_start=HALL.start if told else None,
        kidnaps=((5_000_000_000, THERE),) if kidnapped else (),
    )


@pytest.mark.slow
def test_pose_is_within_3_cm_and_half_a_degree_of_the_truth(hall_map: Path) -> None:
    trial = hall_trial(hall_map)
    run = SimulatedRun(replace(trial, robot=Conditions(wheel_true_scales=(1.02,)).robot(trial.robot)))
    assert run.run() == "success"
    error = run.pose_errors.json()
    assert error["error_m"]["p95"] < 0.03
    assert error["error_deg"]["p95"] < 0.5
    assert (error["doubtful_frac"], error["lost_frac"], error["relocated"]) == (0.0, 0.0, 0)


@pytest.mark.slow
def test_robot_that_nobody_placed_finds_itself_before_it_drives(hall_map: Path) -> None:
    run = SimulatedRun(hall_trial(hall_map, told=False))
    moved_while_lost_m = 0.0

    def watch(run: SimulatedRun) -> None:
        nonlocal moved_while_lost_m
        assert run.last is not None
        if run.last.outputs.telemetry.belief is Belief.LOST:
            moved_while_lost_m = max(moved_while_lost_m, math.hypot(run.last.truth.x_m, run.last.truth.y_m))

    assert run.run((), [watch]) == "success"
    assert moved_while_lost_m < 0.1, "a lost robot turns on the spot before it goes anywhere"
    error = run.pose_errors.json()
    assert error["relocated"] == 1
    assert error["sure_and_wrong_frac"] == 0.0
    assert error["error_m"]["max"] < 0.1


@pytest.mark.slow
def test_robot_that_is_carried_off_stops_finds_itself_arrives_and_replays(hall_map: Path, tmp_path: Path) -> None:
    trial = hall_trial(hall_map, kidnapped=True)
    run = SimulatedRun(trial)
    speeds: list[tuple[float, str, float]] = []
    with LogWriter(tmp_path / "run.mcap", log_header(trial)) as log:

        def watch(run: SimulatedRun) -> None:
            assert run.last is not None
            outputs = run.last.outputs
            telemetry = outputs.telemetry
            speeds.append((abs(run.last.truth.v_mps), telemetry.mission_state, telemetry.map_from_odom.x_m))
            if outputs.step == 350:
                log.snapshot(outputs.step, outputs.now_ns, encode(run.core.state()))

        assert run.run((log,), [watch]) == "success"
    assert run.pose_errors.json()["relocated"] >= 1
    jumps = [k for k in range(1, len(speeds)) if abs(speeds[k][2] - speeds[k - 1][2]) > 0.05]
    assert len(jumps) == 1
    assert speeds[jumps[0]][0] < 0.05, "the place jumps at rest only"
    assert any(state == "relocating" for _, state, _ in speeds)
    steps = list(read_log(tmp_path / "run.mcap"))
    requests = [request for step in steps for request in step.requests()]
    assert any(isinstance(request, LocateScan) for request in requests)
    assert sum(isinstance(request, ForgetObstacles) and request.radius_m > 1000.0 for request in requests) == 1
    whole = replay(tmp_path / "run.mcap")
    assert whole.equal, whole.first_difference
    part = replay(tmp_path / "run.mcap", from_s=7.5)
    assert part.equal, part.first_difference
    assert part.from_step == 351


@pytest.mark.slow
def test_same_trial_is_the_same_run_to_the_bit(hall_map: Path) -> None:
    digests = []
    for _ in range(2):
        run = SimulatedRun(hall_trial(hall_map, kidnapped=True))
        run.run()
        digests.append(run.digest)
    assert digests[0] == digests[1]


def test_scenario_with_a_map_knows_its_file_its_kidnaps_and_that_nobody_tells_the_start() -> None:
    trial = load_trial("office_mapped", None, None, "planar")
    assert trial.map_path is not None
    assert load_ros_map(trial.map_path).pixels.size > 10_000
    assert trial.robot.localization.on_map
    assert not trial.robot.localization.placed
    assert trial.map_from_odom == Pose2(0.0, 0.0, 0.0)
    assert [time_ns for time_ns, _ in trial.kidnaps] == [25_000_000_000]
    assert trial.robot.physics.left_radius_true_scale == pytest.approx(1.02)
    assert load_scenario("office").map is None
    assert not load_trial("office", None, None, "planar").robot.localization.on_map


@pytest.mark.slow
def test_map_of_the_scenario_is_that_of_its_world(tmp_path: Path) -> None:
    from amr.runtime.bench.true_map import main

    assert main(["office", "--out", str(tmp_path / "office.yaml")]) == 0
    ours = load_ros_map(tmp_path / "office.yaml")
    path = load_trial("office_mapped", None, None, "planar").map_path
    assert path is not None
    theirs = load_ros_map(path)
    assert ours.frame == theirs.frame
    assert (ours.pixels == theirs.pixels).all()


FIX = PoseFix(
    9, 4, 7, Pose2(1.5, -2.25, 0.3), (0.01, 0.02, 0.003), 0.125, Belief.DOUBTFUL, jumped=True, refused=""
)  # fmt: skip


@pytest.mark.parametrize("fix", [FIX, replace(FIX, refused="scan is empty", jumped=False, lost_frac=math.inf)])
def test_a_fix_comes_back_from_the_log_as_it_was(fix: PoseFix) -> None:
    topic, data = encode_message(fix)
    assert decode_message(topic.name, data, 0, None) == fix


def test_a_question_comes_back_from_the_log_as_it_was_and_every_part_counts() -> None:
    request = LocateScan(7, 40, 33, Pose2(1.0, 2.0, 0.5), Pose2(1.1, 2.0, -3.1), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    assert plain_request(ros_request(request)) == request
    others = (
        replace(request, scan_stamp_ns=34),
        replace(request, covariance=(1.0, 2.0, 3.0, 4.0, 5.0, 6.5)),
        replace(request, odom_from_base_end=Pose2(1.1, 2.0, -3.0)),
    )
    assert len({pack_request(item) for item in (request, *others)}) == 4


class FakeLocalizer:
    """Answers as the real one until ``from_ns``, then as ``change`` says; None = it is silent."""

    def __init__(self, real, from_ns, change):
        self.real, self.from_ns, self.change = real, from_ns, change

    def offer_scan(self, scan):
        self.real.offer_scan(scan)

    def handle(self, request):
        fix = self.real.handle(request)
        return fix if fix is None or request.stamp_ns < self.from_ns else self.change(fix)


def run_with(hall_map, change, timeout_s=30.0):
    """(run, rows of t_s, speed m/s, belief, mission state, reason, kinds of requests)."""
    run = SimulatedRun(replace(hall_trial(hall_map), timeout_s=timeout_s))
    work = run.lockstep._worker
    work.localization = FakeLocalizer(work.localization, 3_500_000_000, change)
    rows = []

    def watch(run):
        outputs = run.last.outputs
        kinds = {type(request).__name__ for request in outputs.requests}
        telemetry = outputs.telemetry
        rows.append((
            outputs.now_ns * 1e-9, math.hypot(run.last.truth.v_mps, run.last.truth.vy_mps), telemetry.belief,
            telemetry.mission_state, telemetry.mission_reason, kinds,
        ))  # fmt: skip

    run.run((), [watch])
    return run, rows


@pytest.mark.slow
def test_robot_in_doubt_goes_slowly_and_maps_nothing_but_arrives(hall_map):
    run, rows = run_with(hall_map, lambda fix: replace(fix, belief=Belief.DOUBTFUL, lost_frac=0.4), 90.0)
    assert run.outcome == "success"
    later = [row for row in rows if row[0] > 5.0]
    assert {row[2] for row in later} == {Belief.DOUBTFUL}
    assert max(row[1] for row in later) < run.trial.robot.localization.doubtful_mps + 0.05
    assert max(row[1] for row in rows if row[0] < 4.0) > 0.3
    assert not any("InsertScan" in row[5] for row in later)
    assert any("40 %" in row[4] for row in later)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda _fix: None,
        lambda fix: replace(fix, map_from_odom=Pose2(math.nan, 0.0, 0.0)),
        lambda fix: replace(fix, request_id=1),
        lambda fix: replace(fix, refused="scan is empty"),
    ],
    ids=["silent", "not finite", "long overtaken", "refusing"],
)
def test_localizer_that_tells_nothing_any_more_slows_and_then_stops_the_robot_with_the_cause(hall_map, change):
    run, rows = run_with(hall_map, change, 18.0)
    settings = run.trial.robot.localization
    doubtful_s = next(row[0] for row in rows if row[2] is Belief.DOUBTFUL)
    lost = [row for row in rows if row[2] is Belief.LOST]
    assert doubtful_s == pytest.approx(3.5 + settings.silent_s, abs=0.3)
    assert lost[0][0] == pytest.approx(3.5 + settings.silent_lost_s, abs=0.3)
    assert {row[3] for row in lost} == {"relocating"}
    assert "no fix for" in lost[-1][4]
    assert [event.reason for event in run.stops.events].count("lost") == 1
    assert run.plant.contact is None
