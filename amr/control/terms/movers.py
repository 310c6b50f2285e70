"""Moving obstacles: predicted, with growing uncertainty (``amr.kernels.mppi_movers``)."""

from __future__ import annotations

import math

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_movers import PREDICTED, add_mover_cost, predict_movers
from amr.movers import AHEAD_S


def add(context: TermContext) -> None:
    """Meeting movers, and coming near them."""
    control_input, settings = context.control_input, context.settings
    if not control_input.obstacles:
        return
    pose = context.start.odom_from_base
    movers = np.array(
        [
            (
                mover.x_m - pose.x_m,
                mover.y_m - pose.y_m,
                mover.vx_mps,
                mover.vy_mps,
                mover.ax_mps2,
                mover.ay_mps2,
                mover.fade_s,
                mover.radius_m,
                mover.position_sigma_m,
                mover.velocity_sigma_mps,
            )
            for mover in control_input.obstacles
        ]
    )
    courses, has_course = np.zeros((len(movers), len(AHEAD_S), 3)), np.zeros(len(movers), np.bool_)
    for number, mover in enumerate(control_input.obstacles):
        if mover.course:
            courses[number] = mover.course
            courses[number, :, :2] -= (pose.x_m, pose.y_m)
            has_course[number] = True
    predicted = np.empty((len(movers), context.state.shape[1], PREDICTED), np.float32)
    # the motion starts that much after the time the movers are known for
    begin_s = control_input.delay_s
    predict_movers(
        movers,
        courses,
        has_course,
        begin_s,
        context.step_s,
        settings.mover_swerve_mps2,
        settings.mover_swerve_per_m,
        settings.mover_jump_hz,
        settings.mover_jump_frac,
        settings.mover_jump_s,
        settings.mover_answer_s or math.inf,
        predicted,
    )
    fastest_mps = max(control_input.limits.v_max_mps, control_input.limits.v_reverse_max_mps)
    add_mover_cost(
        context.state,
        predicted,
        np.float32(fastest_mps * context.step_s),
        np.float32(context.window.outline.reach_m),
        np.float32(context.hard_margin_m),
        np.float32(settings.mover_margin_m),
        np.float32(settings.mover_sure_m),
        np.float32(settings.mover_weight * context.step_s),
        np.float32(settings.mover_hit_weight),
        np.float32(settings.mover_hit_rise_per_m),
        np.empty_like(context.cost),
        context.cost,
    )
