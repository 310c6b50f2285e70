"""The ruler of ``amr bench slam``: manually verified relations between scans (Kuemmerle et al. 2009).

This is the only place that reads them, and only when a run is over.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from amr.mapping.pose_arrays import Array, between


def relation_errors(
    path: Path, first: int, poses: Array, lost: Array, part: tuple[float, float] = (0.0, 1.0)
) -> dict[str, Any]:
    """Scores of ``poses`` [N, 3], those of scans ``first`` to ``first + N`` of the log; null where there is no answer.

    e = rel^-1 o (x_i^-1 o x_j): mean and deviation of its length (m) and angle (deg), over the relations inside.
    Relations of scans that were dropped on purpose (``lost`` [N]) do not count: for SLAM there were no such scans.
    ``part``: only relations between two scans of this part of the poses, as (1/3, 2/3): where a log is harder, or its
    relations are worse.
    """
    empty = {"mean": None, "std": None}
    nothing = {"translation_m": empty, "rotation_deg": empty, "translation_sq": {"mean": None}, "relations": 0}
    with np.load(path, allow_pickle=False) as file:
        if "rel_ij" not in file.files or "rel_xyt" not in file.files:
            return nothing
        ij, relations = file["rel_ij"].astype(int) - first, file["rel_xyt"]
    low, high = (round(share * len(poses)) for share in part)
    inside = ((ij >= low) & (ij < high)).all(axis=1) & np.isfinite(relations).all(axis=1)
    inside[inside] = ~lost[ij[inside]].any(axis=1)
    if not inside.any():
        return nothing
    ij, relations = ij[inside], relations[inside]
    error = between(relations, between(poses[ij[:, 0]], poses[ij[:, 1]]))
    length_m, angle_deg = np.hypot(error[:, 0], error[:, 1]), np.abs(np.rad2deg(error[:, 2]))
    return {
        "translation_m": {"mean": float(length_m.mean()), "std": float(length_m.std())},
        "rotation_deg": {"mean": float(angle_deg.mean()), "std": float(angle_deg.std())},
        "translation_sq": {"mean": float((length_m**2).mean())},
        "relations": int(inside.sum()),
    }
