"""Is this input fit to drive on? The first thing that every controller asks."""

from __future__ import annotations

import math

import numpy as np

from amr.control.base import ControlInput
from amr.movers import AHEAD_S


def fault_in(control_input: ControlInput) -> str:
    """Name of the first value that must not be driven on, "" when all are usable."""
    if not control_input.odom_from_base.is_finite():
        return "pose is not finite"
    if not control_input.twist.is_finite():
        return "velocity is not finite"
    if not control_input.goal_odom.is_finite() or not math.isfinite(control_input.goal_tolerance_m):
        return "goal is not finite"
    if not 0.0 <= control_input.delay_s <= 1.0:  # also false for nan
        return f"delay_s = {control_input.delay_s} is not in [0, 1]"
    for _, v_mps, w_radps in control_input.pending:
        if not (math.isfinite(v_mps) and math.isfinite(w_radps)):
            return "a command in flight is not finite"
    return _fault_in_limits(control_input) or _fault_in_arrays(control_input) or _fault_in_movers(control_input)


def _fault_in_limits(control_input: ControlInput) -> str:
    limits = control_input.limits
    for name in ("v_max_mps", "v_reverse_max_mps", "w_max_radps"):
        if not 0.0 <= getattr(limits, name) < math.inf:
            return f"limit {name} = {getattr(limits, name)} is not usable"
    for name in ("a_max_mps2", "brake_mps2", "alpha_max_radps2", "a_lateral_max_mps2"):
        if not 0.0 < getattr(limits, name) < math.inf:
            return f"limit {name} = {getattr(limits, name)} is not usable"
    return ""


def _fault_in_arrays(control_input: ControlInput) -> str:
    field, path = control_input.field, control_input.path_odom
    shape = (field.frame.height, field.frame.width)
    if field.distance_m.shape != shape or field.unknown.shape != shape or min(shape) < 8:
        return f"distance field has shape {field.distance_m.shape}, its frame says {shape}"
    if field.distance_m.dtype != np.float32 or field.unknown.dtype != np.uint8:
        return f"distance field has type {field.distance_m.dtype} and {field.unknown.dtype}"
    if not field.frame.resolution_m > 0.0:
        return f"distance field has resolution {field.frame.resolution_m}"
    if math.isnan(float(field.distance_m.min())):  # nan wins in a minimum
        return "distance field holds nan"
    if path.ndim != 2 or path.shape[1] != 3:
        return f"path has shape {path.shape}, not [n, 3]"
    if not np.isfinite(path).all():
        return "path is not finite"
    return ""


def _fault_in_movers(control_input: ControlInput) -> str:
    for number, mover in enumerate(control_input.obstacles):
        values = (mover.x_m, mover.y_m, mover.vx_mps, mover.vy_mps, mover.radius_m)
        more = (mover.ax_mps2, mover.ay_mps2, mover.fade_s, mover.position_sigma_m, mover.velocity_sigma_mps)
        if not all(math.isfinite(value) for value in values + more) or not mover.fade_s > 0.0:
            return f"moving obstacle {number} is not finite"
        if mover.course and not _is_course(mover.course):
            return f"course of moving obstacle {number} is not {len(AHEAD_S)} finite places, each with a doubt >= 0"
    return ""


def _is_course(course: tuple[tuple[float, float, float], ...]) -> bool:
    return len(course) == len(AHEAD_S) and all(
        len(place) == 3 and all(map(math.isfinite, place)) and place[2] >= 0.0 for place in course
    )
