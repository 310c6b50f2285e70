"""Random scenes: no stop that the ring allows touches a point, by an independent slow check."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safety_scene import STEP_NS, Driver, robot

from amr.geometry import STANDSTILL, Twist2
from amr.messages import StopReason

CONFIG = robot(lidar={"noise_sigma_m": 0.0}, blind_mps=5.0)
SAFETY, LIMITS, OUTLINE = CONFIG.safety, CONFIG.limits, CONFIG.body.outline_m
circles = st.lists(st.tuples(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2), st.floats(0.01, 0.2)), min_size=1, max_size=6)


def hits(driver: Driver) -> NDArray[np.float64]:
    """Points [n, 2] of the scan of this moment in the base frame, found from its ranges."""
    scan = driver.scan()
    angles = scan.angle_min_rad + scan.angle_increment_rad * np.arange(len(scan.ranges_m))
    near = scan.ranges_m < 20.0
    ranges = scan.ranges_m[near].astype(float)
    return np.stack([CONFIG.lidar.x_m + ranges * np.cos(angles[near]), ranges * np.sin(angles[near])], axis=1)


def nearest_m(points: NDArray[np.float64]) -> float:
    """Smallest distance of base-frame points to the outline, negative inside: half planes, and edges as segments."""
    smallest = math.inf
    for polygon in OUTLINE:
        corners = np.array(polygon)
        edges = np.roll(corners, -1, axis=0) - corners
        relative = points[:, None, :] - corners[None, :, :]
        parts = np.clip((relative * edges).sum(axis=2) / (edges**2).sum(axis=1), 0.0, 1.0)
        gaps = np.linalg.norm(relative - parts[:, :, None] * edges, axis=2).min(axis=1)
        left = edges[:, 0] * relative[:, :, 1] - edges[:, 1] * relative[:, :, 0] > 0.0
        smallest = min(smallest, float(np.where(left.all(axis=1), -gaps, gaps).min()))
    return smallest


def smallest_clearance_of_stop(points: NDArray[np.float64], twist: Twist2, held_s: float) -> float:
    """Drive the twist for ``held_s``, then brake along its curvature: small steps and the slow distance."""
    stop_s = max(abs(twist.v_mps) / LIMITS.brake_mps2, abs(twist.w_radps) / LIMITS.alpha_max_radps2)
    step_s = (held_s + stop_s) / 100
    x = y = yaw = 0.0
    smallest = math.inf
    for k in range(101):
        turn = np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
        smallest = min(smallest, nearest_m((points - (x, y)) @ turn))
        time_s = (k + 0.5) * step_s
        scale = 1.0 if time_s < held_s else max(0.0, 1.0 - (time_s - held_s) / stop_s)
        middle = yaw + 0.5 * twist.w_radps * scale * step_s
        x += twist.v_mps * scale * step_s * math.cos(middle)
        y += twist.v_mps * scale * step_s * math.sin(middle)
        yaw += twist.w_radps * scale * step_s
    return smallest


@settings(deadline=None, max_examples=40)
@given(circles, st.floats(-0.6, 2.0), st.floats(-4.0, 4.0))
@example([(0.3, 0.3, 0.05)], 0.0, 4.0)
@example([(0.30, 0.0, 0.05)], 2.0, 0.0)
def test_from_rest_the_stop_of_every_command_keeps_clear(
    scene: list[tuple[float, float, float]], v: float, w: float
) -> None:
    driver = Driver(CONFIG, scene)
    assume(driver.clearance_m() > SAFETY.margin_m + 0.003)
    driver.run(0.08)
    points = hits(driver)
    # a long step, so that the wish is as fast as rate limits ever let it be in one
    out = driver.step(Twist2(v, w), now_ns=driver.now_ns + 4 * STEP_NS)
    if out.command != STANDSTILL:
        held_s = SAFETY.cycle_s + SAFETY.settle_s
        assert smallest_clearance_of_stop(points, out.command, held_s) > SAFETY.margin_m - 0.003


@settings(deadline=None, max_examples=10)
@given(
    circles,
    st.lists(st.tuples(st.floats(-0.6, 2.0), st.floats(-2.0, 2.0)), min_size=1, max_size=3),
    st.sampled_from([0.85, 1.0, 1.15]),
)
@example([(0.0, 0.0, 0.125)], [(0.0, 0.001953125)], 1.0)
def test_whatever_is_wished_it_never_touches_what_it_saw(
    scene: list[tuple[float, float, float]], wishes: list[tuple[float, float]], yaw_factor: float
) -> None:
    # only what the lidar can see from the start: the rest is the business of unseen space
    visible = [
        (x, y, r) for x, y, r in scene if abs(math.atan2(y, x - CONFIG.lidar.x_m)) < 2.0 and math.hypot(x, y) > 0.3
    ]
    driver = Driver(CONFIG, visible)
    driver.yaw_factor = yaw_factor
    assume(driver.clearance_m() > SAFETY.margin_m)
    driver.run(0.1)
    for v, w in wishes:
        for step in range(25):
            out = driver.step(Twist2(v, w))
            assert math.isfinite(out.command.v_mps)
            assert step % 4 or driver.clearance_m() > 0.0
            if out.stop.reason is not StopReason.NONE:
                assert out.stop.cause
