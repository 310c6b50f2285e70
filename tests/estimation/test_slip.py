"""A skid steer's slide: the kernel against a general minimizer, and the filter against simulated friction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odometry_drive import PERIOD_NS, base_state, robot
from scipy.optimize import minimize

from amr.estimation.odometry import OdometryFilter
from amr.geometry import wrap_angle
from amr.messages import Imu
from amr.wheel_slide import slide

FRICTION_MPS2 = 0.5 * 9.80665
CREEP_MPS = 0.01
CONTACTS = np.array(robot().drive.wheel_positions_m)


def plain_slide(vx, vy, w, left, right, dt):
    """One implicit step by a general minimizer of the same convex function."""
    wheel = np.where(CONTACTS[:, 1] > 0.0, left, right)
    start = np.array([vx + dt * w * vy, vy - dt * w * vx])

    def energy(v):
        slip_x = v[0] - w * CONTACTS[:, 1] - wheel
        slip_y = v[1] + w * CONTACTS[:, 0]
        drag = np.sqrt(slip_x**2 + slip_y**2 + CREEP_MPS**2).sum()
        return 0.5 * ((v - start) ** 2).sum() + dt * FRICTION_MPS2 / len(CONTACTS) * drag

    return minimize(energy, start, method="BFGS", options={"gtol": 1e-9}).x


@settings(max_examples=60, deadline=None)
@given(st.floats(-2.0, 2.0), st.floats(-0.5, 0.5), st.floats(-4.0, 4.0), st.floats(-2.0, 2.0), st.floats(-2.0, 2.0))
def test_one_step_is_the_minimum(vx, vy, w, left, right):
    got = slide(vx, vy, w, left, right, 0.005, FRICTION_MPS2, CREEP_MPS, CONTACTS)
    assert got == pytest.approx(plain_slide(vx, vy, w, left, right, 0.005), abs=2e-4)


def test_straight_on_does_not_slide():
    vx, vy = 0.0, 0.0
    for _ in range(400):
        vx, vy = slide(vx, vy, 0.0, 1.0, 1.0, 0.005, FRICTION_MPS2, CREEP_MPS, CONTACTS)
    assert (vx, vy) == pytest.approx((1.0, 0.0), abs=1e-3)


def test_a_fast_curve_drifts_outwards_as_far_as_the_force_balance_says():
    v, w, track = 1.8, 1.2, robot().drive.track_m
    vx, vy = v, 0.0
    for _ in range(1000):
        vx, vy = slide(vx, vy, w, v - 0.5 * track * w, v + 0.5 * track * w, 0.005, FRICTION_MPS2, 0.005, CONTACTS)
    pulls = []
    for x, y in CONTACTS:
        slip = np.array([vx - w * y - (v - math.copysign(0.5 * track * w, y)), vy + w * x])
        pulls.append(-slip / math.sqrt(slip @ slip + 0.005**2))
    force = FRICTION_MPS2 * np.mean(pulls, axis=0)
    assert force == pytest.approx([-w * vy, w * vx], abs=0.02)
    assert vy < -0.05, "outwards of a left turn is to the right"


def simulate(seconds, command, seed, friction=0.5):
    """Rigid body on four sliding wheels (explicit, 0.2 ms) at their set speed; yields messages and truth."""
    config = robot("skid_steer")
    random = np.random.default_rng(seed)
    track, per_tick = config.drive.track_m, config.drive.metres_per_tick_m
    mass = config.body.mass_kg + 4 * config.drive.wheel_mass_kg
    inertia = config.body.inertia_kgm2 + config.drive.wheel_mass_kg * float((CONTACTS**2).sum())
    bias = random.normal(0.0, config.imu.gyro_bias_radps)
    load = mass * 9.80665 / 4
    x = y = yaw = vx = vy = w = way = 0.0
    left_m = right_m = 0.0
    set_v = set_w = 0.0
    dt = 0.0002
    for tick in range(int(seconds * 200)):
        wanted_v, wanted_w = command(tick * 0.005)
        set_v += min(max(wanted_v - set_v, -3.0 * 0.005), 3.0 * 0.005)
        set_w += min(max(wanted_w - set_w, -8.0 * 0.005), 8.0 * 0.005)
        before = yaw
        left, right = set_v - 0.5 * track * set_w, set_v + 0.5 * track * set_w
        for _ in range(25):
            fx = fy = turn = 0.0
            for px, py in CONTACTS:
                sx = vx - w * py - (left if py > 0.0 else right)
                sy = vy + w * px
                pull = friction * load / math.sqrt(sx * sx + sy * sy + 0.005**2)
                fx -= pull * sx
                fy -= pull * sy
                turn += py * pull * sx - px * pull * sy
            vx, vy = vx + dt * (fx / mass + w * vy), vy + dt * (fy / mass - w * vx)
            w += dt * turn / inertia
            x += dt * (math.cos(yaw) * vx - math.sin(yaw) * vy)
            y += dt * (math.sin(yaw) * vx + math.cos(yaw) * vy)
            yaw += dt * w
            way += dt * math.hypot(vx, vy)
        left_m += left * 0.005
        right_m += right * 0.005
        now_ns = (tick + 1) * PERIOD_NS
        gyro = (yaw - before) / 0.005 + bias + random.normal(0.0, config.imu.gyro_noise_radps)
        yield (
            [
                base_state(now_ns, math.floor(left_m / per_tick), math.floor(right_m / per_tick)),
                Imu(now_ns, gyro, 0.0, 0.0),
            ],
            (x, y, yaw, way, vy),
        )


def winding(time_s):
    """As a robot drives among obstacles: fast, with the curves that its floor allows."""
    if time_s < 1.0:
        return 0.0, 0.0
    return 1.3 + 0.6 * math.sin(0.9 * time_s), 1.3 * math.sin(0.8 * time_s) + 0.6 * math.sin(2.1 * time_s + 1.0)


def final_error(seconds, seed, friction=0.5, kind="skid_steer"):
    odometry = OdometryFilter(robot(kind))
    largest_slide = 0.0
    for messages, truth in simulate(seconds, winding, seed, friction):
        for message in messages:
            odometry.ingest(message)
        estimate = odometry.predict(messages[0].stamp_ns)
        largest_slide = max(largest_slide, abs(truth[4]))
    pose = estimate.odom_from_base
    error_m = math.hypot(pose.x_m - truth[0], pose.y_m - truth[1])
    assert abs(wrap_angle(pose.yaw_rad - truth[2])) < 0.02
    assert largest_slide > 0.2, "this drive must slide, else it proves nothing"
    return error_m / truth[3]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_skid_steer_on_friction_of_one_half_errs_by_at_most_1_5_percent_of_the_way(seed):
    assert final_error(12.0, seed) <= 0.015


@pytest.mark.slow
def test_the_slide_is_what_makes_it_so():
    assert final_error(12.0, 1) < 0.4 * final_error(12.0, 1, kind="differential")


@pytest.mark.slow
def test_a_floor_more_slippery_than_the_robot_file_says_is_survived():
    assert final_error(12.0, 1, friction=0.4) <= 0.04
