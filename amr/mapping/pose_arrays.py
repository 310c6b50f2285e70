"""Composition of many planar poses at once: arrays whose last axis is x_m, y_m, yaw_rad (see ``amr.geometry``)."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_TURN: Final = 2.0 * np.pi


def wrapped(angle_rad: Any) -> Any:
    """The same directions in [-pi, pi)."""
    return angle_rad - _TURN * np.floor(np.asarray(angle_rad) / _TURN + 0.5)


def compose(a_from_b: Array, b_from_c: Array) -> Array:
    """``a_from_c`` [..., 3]; the leading axes broadcast."""
    s, c = np.sin(a_from_b[..., 2]), np.cos(a_from_b[..., 2])
    return np.stack(
        [
            a_from_b[..., 0] + c * b_from_c[..., 0] - s * b_from_c[..., 1],
            a_from_b[..., 1] + s * b_from_c[..., 0] + c * b_from_c[..., 1],
            wrapped(a_from_b[..., 2] + b_from_c[..., 2]),
        ],
        axis=-1,
    )


def between(a_from_b: Array, a_from_c: Array) -> Array:
    """``b_from_c`` [..., 3]: the second pose as the first one sees it; the leading axes broadcast."""
    s, c = np.sin(a_from_b[..., 2]), np.cos(a_from_b[..., 2])
    dx, dy = a_from_c[..., 0] - a_from_b[..., 0], a_from_c[..., 1] - a_from_b[..., 1]
    return np.stack([c * dx + s * dy, -s * dx + c * dy, wrapped(a_from_c[..., 2] - a_from_b[..., 2])], axis=-1)


def placed(points_m: Array, pose: Array) -> Array:
    """``points_m`` [n, 2] of the frame at ``pose`` [3], in its parent frame."""
    s, c = np.sin(pose[2]), np.cos(pose[2])
    turned: Array = points_m @ np.array([[c, s], [-s, c]])
    return turned + pose[:2]


def turned(information: Array, yaw_rad: float) -> Array:
    """A covariance or information matrix given in axes that are turned by ``yaw_rad``, in the unturned axes."""
    s, c = math.sin(yaw_rad), math.cos(yaw_rad)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    result: Array = turn @ information @ turn.T
    return result
