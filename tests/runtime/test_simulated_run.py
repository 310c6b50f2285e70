"""Whole runs: core, link, firmware and physics in lockstep."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from amr.geometry import Pose2
from amr.messages import Goal, Inputs, StopReason
from amr.robot import RobotCore
from amr.runtime.digest import digest_outputs
from amr.runtime.files import load_robot
from amr.runtime.log import LogWriter
from amr.runtime.replay import replay
from amr.runtime.simulated_run import SimulatedRun
from amr.runtime.snapshot import decode, encode
from amr.runtime.trial import Trial, load_trial, log_header
from sim.world import Circle, World, wall

ROOM = World(
    name="room",
    circles=(Circle(1.6, 0.35, 0.1), Circle(2.6, -0.5, 0.15)),
    polygons=(
        wall((-1.0, -1.5), (5.0, -1.5), 0.1),
        wall((5.0, -1.5), (5.0, 1.5), 0.1),
        wall((5.0, 1.5), (-1.0, 1.5), 0.1),
        wall((-1.0, 1.5), (-1.0, -1.5), 0.1),
    ),
)


def room_trial(robot: str = "reference", seed: int = 3, goal_x_m: float = 4.0, timeout_s: float = 30.0) -> Trial:
    return Trial(
        name="room",
        world=ROOM,
        robot=load_robot(robot),
        seed=seed,
        start=Pose2(0.0, 0.0, 0.0),
        goals=(Goal(goal_x_m, 0.0, None, 0.25),),
        timeout_s=timeout_s,
        backend="planar",
    )


@pytest.mark.slow
@pytest.mark.parametrize("robot", ["reference", "jackal"])
def test_robot_reaches_a_goal_behind_posts_without_contact(robot: str) -> None:
    run = SimulatedRun(room_trial(robot))
    assert run.run() == "success"
    body = run.plant.truth()
    assert abs(body.x_m - 4.0) < 0.35
    assert run.plant.min_clearance_m > 0.03
    reasons = {event.reason for event in run.stops.events}
    assert reasons <= {reason.value for reason in StopReason}


@pytest.mark.slow
def test_unreachable_goal_is_given_up_with_a_reason() -> None:
    outcome = SimulatedRun(room_trial(goal_x_m=8.0, timeout_s=120.0)).run()
    assert outcome.startswith("gave_up: ")
    assert len(outcome) > len("gave_up: ")


@pytest.mark.slow
def test_same_seed_is_the_same_run_and_another_seed_is_not() -> None:
    digests = []
    for seed in (3, 3, 4):
        run = SimulatedRun(room_trial(seed=seed))
        run.run()
        digests.append(run.digest)
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


@pytest.mark.slow
def test_log_replays_equal_from_the_start_and_from_a_snapshot_in_the_middle(tmp_path: Path) -> None:
    trial = room_trial()
    run = SimulatedRun(trial)
    with LogWriter(tmp_path / "run.mcap", log_header(trial)) as log:

        def snapshot(simulated: SimulatedRun) -> None:
            assert simulated.last is not None
            outputs = simulated.last.outputs
            if outputs.step == 150:
                log.snapshot(outputs.step, outputs.now_ns, encode(simulated.core.state()))

        run.run((log,), [snapshot])
    whole = replay(tmp_path / "run.mcap")
    assert whole.equal, whole.first_difference
    assert whole.steps == len(run.step_wall_ns)
    part = replay(tmp_path / "run.mcap", from_s=4.0)
    assert part.equal, part.first_difference
    assert part.from_step == 151


DIGEST_PROGRAM = """
from tests.runtime.test_simulated_run import SimulatedRun, room_trial
run = SimulatedRun(room_trial())
run.run()
print(run.digest)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_run_is_equal_to_the_bit_on_another_cpu_model(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    generic = environment | {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F",
    }
    digests = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", DIGEST_PROGRAM],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for env in (environment, generic)
    ]
    assert digests[0] == digests[1] != ""


@pytest.mark.parametrize("controller", ["mppi", "pure_pursuit", "dwa"])
def test_state_of_a_core_with_any_controller_goes_through_a_snapshot(controller: str) -> None:
    robot = load_robot("reference")
    robot = robot.model_copy(update={"control": robot.control.model_copy(update={"controller": controller})})
    core, again = RobotCore(robot, 1), RobotCore(robot, 1)
    for step in range(3):
        core.step(Inputs(step * 20_000_000, ()))
    again.restore(decode(encode(core.state())))
    following = Inputs(60_000_000, ())
    assert digest_outputs(core.step(following)) == digest_outputs(again.step(following))


def test_scenarios_in_the_seeds_can_all_be_loaded() -> None:
    for name in ("office", "warehouse", "corridor"):
        trial = load_trial(name, None, None, "planar")
        assert trial.goals
        assert replace(trial, seed=5).seed == 5
