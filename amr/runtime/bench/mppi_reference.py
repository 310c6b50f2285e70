"""MPPI in plain NumPy, written from the equations: what ``bench control`` and the tests compare with.

The same mathematics as ``amr.kernels.mppi_*`` and the default cost terms, vectorized over the samples; no more
cleverness than a good NumPy program has.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amr.control.base import ControlInput
from amr.control.goal_field import GoalField
from amr.control.prediction import StartState
from amr.control.terms.base import TermContext
from amr.kernels.mppi_update import IRRELEVANT_TEMPERATURES

Array = NDArray[np.float64]


def controls_of(noise_v: Array, noise_w: Array, column: int, plan: Array, fixed: Array, samples: int) -> Array:
    """[2, T, K]: plan plus noise; blocks of 80 whose second half mirrors the turns; ``fixed`` first."""
    steps = plan.shape[1]
    controls = np.empty((2, steps, samples))
    for quantity, noise in enumerate((noise_v, noise_w)):
        window = noise[:, column : column + samples // 2].reshape(steps, -1, 40)
        both = np.concatenate((window, window if quantity == 0 else -window), axis=2).reshape(steps, samples)
        controls[quantity] = plan[quantity][:, None] + both
    controls[:, :, : fixed.shape[0]] = fixed.transpose(1, 2, 0)
    return controls


def limited_commands(controls: Array, start: Array, limits: Array) -> Array:
    """[2, T, K]: the commands after limits of speed and acceleration."""
    _, _, speed_up, slow_down, turn, v_low, v_high, w_high, _, lateral = limits
    commands = np.empty_like(controls)
    v, w = np.full(controls.shape[2], start[4]), np.full(controls.shape[2], start[5])
    for t in range(controls.shape[1]):
        upper = np.where(v >= 0.0, speed_up, slow_down)
        lower = np.where(v > 0.0, slow_down, speed_up)
        v = v + np.clip(np.clip(controls[0, t], v_low, v_high) - v, -lower, upper)
        widest = lateral / np.maximum(np.abs(v), lateral / w_high)
        w = w + np.clip(np.clip(controls[1, t], -widest, widest) - w, -turn, turn)
        commands[0, t], commands[1, t] = v, w
    return commands


def rollout(commands: Array, start: Array, limits: Array) -> Array:
    """[6, T, K]: x, y, cosine, sine, v, w, with true sines and cosines."""
    dt, gain_v, gain_w = limits[0], limits[1], limits[8]
    samples = commands.shape[2]
    state = np.empty((6, *commands.shape[1:]))
    x, y = np.zeros(samples), np.zeros(samples)
    yaw = np.full(samples, np.arctan2(start[1], start[0]))
    v, w = np.full(samples, start[2]), np.full(samples, start[3])
    before = np.stack((np.full(samples, start[4]), np.full(samples, start[5])))
    for t in range(commands.shape[1]):
        middle = 0.5 * (before + commands[:, t])
        before = commands[:, t]
        new_v, new_w = v + gain_v * (middle[0] - v), w + gain_w * (middle[1] - w)
        new_yaw = yaw + 0.5 * (w + new_w) * dt
        way = 0.25 * (v + new_v) * dt
        x = x + way * (np.cos(yaw) + np.cos(new_yaw))
        y = y + way * (np.sin(yaw) + np.sin(new_yaw))
        v, w, yaw = new_v, new_w, new_yaw
        state[:, t] = x, y, np.cos(yaw), np.sin(yaw), v, w
    return state


def bilinear(values: NDArray[np.float32], column: Array, row: Array) -> Array:
    """Bilinear interpolation at fractional cells, clamped to the rim."""
    column = np.clip(column, 0.0, values.shape[1] - 1.001)
    row = np.clip(row, 0.0, values.shape[0] - 1.001)
    i, j = column.astype(np.int64), row.astype(np.int64)
    fx, fy = column - i, row - j
    low = values[j, i] * (1.0 - fx) + values[j, i + 1] * fx
    high = values[j + 1, i] * (1.0 - fx) + values[j + 1, i + 1] * fx
    return np.asarray(low * (1.0 - fy) + high * fy)


def obstacle_cost(context: TermContext, state: Array, collision_cost: float) -> tuple[Array, NDArray[np.int64]]:
    """(cost [K], step of the first collision [K], T for none)."""
    settings, window, dt = context.settings, context.window, context.step_s
    scale = window.cells_per_m
    x = context.start.odom_from_base.x_m - window.origin_x_m + state[0]
    y = context.start.odom_from_base.y_m - window.origin_y_m + state[1]
    height, width = window.distance_m.shape
    near = window.distance_m[
        np.clip((y * scale), 0, height - 1).astype(np.int64), np.clip((x * scale), 0, width - 1).astype(np.int64)
    ]
    cost = settings.soft_distance_weight * dt * np.maximum(settings.soft_distance_m - near, 0.0)
    cost = cost * (settings.least_speed_mps + np.abs(state[4]))
    outer = max(settings.soft_margin_m, context.hard_margin_m)
    reach = window.outline.reach_m + outer + 1.0 / scale
    clearance = np.full(near.shape, 1e9)
    close = near < reach
    for dx, dy, radius in window.outline.discs.tolist():
        at_x = x[close] + state[2][close] * dx - state[3][close] * dy
        at_y = y[close] + state[3][close] * dx + state[2][close] * dy
        distance = bilinear(window.distance_m, at_x * scale - 0.5, at_y * scale - 0.5)
        clearance[close] = np.minimum(clearance[close], distance - radius)
    steps = near.shape[0]
    touching = clearance < context.touch_m
    hit_step = np.where(touching.any(axis=0), touching.argmax(axis=0), steps)
    part = np.maximum(settings.soft_margin_m - clearance, 0.0) / settings.soft_margin_m
    soft = settings.soft_margin_weight * dt * part**2 * (settings.least_speed_mps + state[4] ** 2)
    soft += settings.steep_weight_per_m * np.maximum(context.hard_margin_m - clearance, 0.0)
    soft[np.arange(steps)[:, None] >= hit_step] = 0.0
    cost[np.arange(steps)[:, None] > hit_step] = 0.0
    total = (cost + soft).sum(axis=0)
    total[hit_step < steps] += collision_cost * (2.0 - hit_step[hit_step < steps] / steps)
    return total, hit_step


def field_cells(goal_field: GoalField, start: StartState, state: Array) -> tuple[Array, Array]:
    """(column, row) of positions in the goal field."""
    pose, scale = start.odom_from_base, 1.0 / goal_field.resolution_m
    return (
        (pose.x_m - goal_field.origin_x_m + state[0]) * scale - 0.5,
        (pose.y_m - goal_field.origin_y_m + state[1]) * scale - 0.5,
    )


def goal_cost(context: TermContext, state: Array) -> Array:
    """Cost-to-go, progress, heading and goal terms."""
    settings, goal_field, control_input = context.settings, context.goal_field, context.control_input
    value = goal_field.value_m
    column, row = field_cells(goal_field, context.start, state)
    cost = settings.cost_to_go_weight * bilinear(value, column[-1], row[-1])
    cost += settings.progress_weight * bilinear(value, column[7::8], row[7::8]).sum(axis=0)
    end_column = np.clip(column[-1], 0.0, value.shape[1] - 1.001)
    end_row = np.clip(row[-1], 0.0, value.shape[0] - 1.001)
    i, j = end_column.astype(np.int64), end_row.astype(np.int64)
    fx, fy = end_column - i, end_row - j
    slope_x = (1 - fy) * (value[j, i + 1] - value[j, i]) + fy * (value[j + 1, i + 1] - value[j + 1, i])
    slope_y = (1 - fx) * (value[j + 1, i] - value[j, i]) + fx * (value[j + 1, i + 1] - value[j, i + 1])
    length = np.sqrt(slope_x**2 + slope_y**2)
    counts = (length > 1e-6) & (bilinear(value, end_column, end_row) > max(0.5, control_input.goal_tolerance_m))
    along = -(slope_x * state[2, -1] + slope_y * state[3, -1]) / np.maximum(length, 1e-9)
    cost += np.where(counts, settings.heading_weight * (1.0 - along), 0.0)
    return cost + _rest_cost(context, control_input, state)


def _rest_cost(context: TermContext, control_input: ControlInput, state: Array) -> Array:
    pose, goal, weight = context.start.odom_from_base, control_input.goal_odom, context.settings.goal_weight
    if not control_input.is_last_goal or pose.distance_m(goal) > 8.0:
        return np.zeros(state.shape[2])
    distance = np.sqrt((goal.x_m - pose.x_m - state[0, -1]) ** 2 + (goal.y_m - pose.y_m - state[1, -1]) ** 2)
    along = np.cos(goal.yaw_rad) * state[2, -1] + np.sin(goal.yaw_rad) * state[3, -1]
    yaw_weight = 4.0 * weight if control_input.goal_yaw_matters else 0.0
    fade = np.maximum(1.0 - distance / 0.6, 0.0)
    return np.asarray(
        weight * np.minimum(distance, 0.6) + fade * (weight * state[4, -1] ** 2 + yaw_weight * (1.0 - along))
    )


def motion_cost(context: TermContext, state: Array) -> Array:
    """Smoothness, turning, reversing and lateral acceleration."""
    settings, dt, twist = context.settings, context.step_s, context.start.twist
    v, w = state[4], state[5]
    changes = np.diff(v, axis=0, prepend=twist.v_mps) ** 2 + np.diff(w, axis=0, prepend=twist.w_radps) ** 2
    lateral = np.maximum(np.abs(v * w) - context.control_input.limits.a_lateral_max_mps2, 0.0)
    step = settings.turn_weight * w**2 + settings.reverse_weight * np.maximum(-v, 0.0)
    step = step + settings.lateral_weight * lateral
    return np.asarray((settings.smoothness_weight / dt * changes + dt * step).sum(axis=0))


def stop_cost(context: TermContext, state: Array) -> Array:
    """Room for a stop straight on: at its end after odd steps, half of the way there after even ones."""
    settings, window, pose = context.settings, context.window, context.start.odom_from_base
    v = np.maximum(state[4], 0.0)
    way = v * settings.stop_hold_s + v**2 / (2.0 * context.control_input.limits.brake_mps2)
    way[::2] *= 0.5
    height, width = window.distance_m.shape
    column = (pose.x_m - window.origin_x_m + state[0] + way * state[2]) * window.cells_per_m
    row = (pose.y_m - window.origin_y_m + state[1] + way * state[3]) * window.cells_per_m
    near = window.distance_m[
        np.clip(row, 0, height - 1).astype(np.int64), np.clip(column, 0, width - 1).astype(np.int64)
    ]
    lack = np.maximum(1.0 - near / (window.outline.inner_m + settings.stop_margin_m), 0.0)
    return np.asarray((settings.stop_weight * context.step_s * lack * v**2).sum(axis=0))


def weighted_mean(cost: Array, commands: Array, temperature: float) -> Array:
    """[2, T]: mean of the commands by exp(-(cost - lowest) / temperature)."""
    weight = np.exp((cost.min() - cost) / temperature)
    weight[cost - cost.min() >= IRRELEVANT_TEMPERATURES * temperature] = 0.0
    return np.asarray((commands * (weight / weight.sum())).sum(axis=2))
