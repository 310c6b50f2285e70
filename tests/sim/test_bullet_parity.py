"""Both backends drive the same robot the same way; what only PyBullet can do is tested here too."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from sim.physics import BodyState, MotorMode, Physics, WheelDrive
from sim.planar import PlanarPhysics
from sim.world import Circle, MovingObstacle, World, box

pytest.importorskip("pybullet", reason="PyBullet has no wheel for this Python or machine")
from sim.bullet import BulletPhysics

SEEDS = Path(__file__).resolve().parents[2] / "seeds" / "robots"
EMPTY = World("empty")
BRAKE = WheelDrive(0.0, 0.0, MotorMode.BRAKE, MotorMode.BRAKE)


def robot(name: str) -> RobotConfig:
    return RobotConfig.model_validate(tomllib.loads((SEEDS / f"{name}.toml").read_text()))


def ramp(left: float, right: float) -> list[tuple[int, WheelDrive]]:
    """Half a second up to speed, then a second on."""
    return [(10, WheelDrive(left * i / 50, right * i / 50)) for i in range(50)] + [(1000, WheelDrive(left, right))]


SCENARIOS = {
    "straight": ramp(0.4, 0.4),
    "circle": ramp(0.1, 0.6),
    "spin": ramp(-0.3, 0.3),
    "brake": [*ramp(0.4, 0.4), (600, BRAKE)],
    "reverse": ramp(-0.3, -0.3),
}


def final(physics: Physics, config: RobotConfig, legs: list[tuple[int, WheelDrive]], world: World = EMPTY) -> BodyState:
    physics.reset(world, config, Pose2(0.5, -0.2, 1.0))
    moving = np.array([m.position(0.0) for m in world.moving]).reshape(-1, 2)
    for duration_ms, drive in legs:
        physics.advance(duration_ms, drive, moving)
    state = physics.state()
    physics.close()
    return state


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("name", ["jackal", "reference"])
def test_backends_agree(name: str, scenario: str) -> None:
    config = robot(name)
    planar, bullet = (final(physics, config, SCENARIOS[scenario]) for physics in (PlanarPhysics(), BulletPhysics()))
    travel = max(abs(planar.left_wheel_rad), abs(planar.right_wheel_rad)) * config.drive.wheel_radius_m
    assert travel > 0.2
    # a skid steer in a fast curve slides on all wheels, and how far depends on how its weight moves between them
    share = 0.02 if (name, scenario) == ("jackal", "circle") else 0.01
    assert (bullet.x_m, bullet.y_m) == pytest.approx((planar.x_m, planar.y_m), abs=share * travel)
    assert bullet.yaw_rad == pytest.approx(planar.yaw_rad, abs=share * travel)
    assert bullet.v_mps == pytest.approx(planar.v_mps, abs=share)
    assert bullet.w_radps == pytest.approx(planar.w_radps, abs=10.0 * share)
    assert bullet.left_wheel_rad == pytest.approx(planar.left_wheel_rad, rel=share)
    assert bullet.right_wheel_rad == pytest.approx(planar.right_wheel_rad, rel=share)


def test_effective_track_of_the_skid_steer() -> None:
    config = robot("jackal")
    state = final(BulletPhysics(), config, [(2000, WheelDrive(-0.3, 0.3))])
    difference = (state.right_wheel_radps - state.left_wheel_radps) * config.drive.wheel_radius_m
    assert difference / state.w_radps == pytest.approx(config.drive.track_m, rel=2e-3)


def test_wheels_of_a_side_turn_together() -> None:
    physics = BulletPhysics()
    physics.reset(EMPTY, robot("jackal"), Pose2(0.0, 0.0, 0.0))
    physics.advance(1500, WheelDrive(0.1, 0.7), np.zeros((0, 2)))
    front_left, rear_left, front_right, rear_right = physics.wheel_angles_rad()
    assert front_left == pytest.approx(rear_left, abs=0.02)
    assert front_right == pytest.approx(rear_right, abs=0.02)
    assert front_right - front_left > 1.0
    physics.close()


def test_wall_holds_the_body() -> None:
    config = robot("jackal")
    far = final(BulletPhysics(), config, [(3000, WheelDrive(0.3, 0.3))])
    ahead = Pose2(0.5, -0.2, 1.0).apply(1.0, 0.0)
    for world in (
        World("wall", polygons=(box(*ahead, 0.2, 4.0, 1.0),)),
        World("pillar", circles=(Circle(*ahead, 0.1),)),
        World("person", moving=(MovingObstacle("p", Circle(0.0, 0.0, 0.1), ((0.0, *ahead),), 1.0),)),
    ):
        held = final(BulletPhysics(), config, [(3000, WheelDrive(0.3, 0.3))], world)
        assert Pose2(0.5, -0.2, 0.0).distance_m(held.pose) < 0.85, world.name
        assert Pose2(0.5, -0.2, 0.0).distance_m(far.pose) > 1.5


def test_robot_at_rest_stays() -> None:
    state = final(BulletPhysics(), robot("reference"), [(3000, WheelDrive(0.0, 0.0))])
    assert (state.x_m, state.y_m, state.yaw_rad) == pytest.approx((0.5, -0.2, 1.0), abs=1e-4)


def test_two_engines_in_one_process_do_not_meet() -> None:
    config, legs = robot("jackal"), SCENARIOS["circle"]
    alone = final(BulletPhysics(), config, legs)
    first, second = BulletPhysics(), BulletPhysics()
    for physics in (first, second):
        physics.reset(EMPTY, config, Pose2(0.5, -0.2, 1.0))
    for duration_ms, drive in legs:
        first.advance(duration_ms, drive, np.zeros((0, 2)))
        second.advance(duration_ms, BRAKE, np.zeros((0, 2)))
    assert first.state() == alone
    for physics in (first, second):
        physics.close()


def test_reset_forgets_everything() -> None:
    config, physics = robot("jackal"), BulletPhysics()
    first = final(physics, config, SCENARIOS["circle"])
    assert final(physics, config, SCENARIOS["circle"]) == first


@pytest.mark.slow
def test_run_is_equal_in_another_process() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import test_bullet_parity as t\n"
        "print(t.final(t.BulletPhysics(), t.robot('jackal'), t.SCENARIOS['circle']))"
    )
    here = str(Path(__file__).resolve().parent)
    found = subprocess.run([sys.executable, "-c", code, here], capture_output=True, text=True, check=True).stdout
    assert found.strip() == str(final(BulletPhysics(), robot("jackal"), SCENARIOS["circle"]))
