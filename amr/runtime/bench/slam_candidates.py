"""The settings of SLAM that leave-one-log-out chooses among.

Declared here and nowhere else. Three settings decide most of what a log ends with; each takes its default and values
as far off as still make sense. The default set is one of the 12.

- ``strong_score`` 0.35, 0.45, 0.55: from which score on a loop needs no independent witness. Too low lets false loops
  in, too high leaves places apart that were visited twice.
- ``target_half`` 8, 14: keyframes to each side that make the submap in which a loop is searched. Small ones are less
  bent by drift, large ones look less alike.
- ``kernel_m`` 0.03, 0.05: residual at which a point counts half when scans are matched. Small keeps people and glass
  out, large forgives a map that is not yet straight.
"""

from __future__ import annotations

from itertools import product
from typing import Final

from amr.mapping.scan_matching import LineMatchSettings
from amr.mapping.slam import SlamSettings
from amr.mapping.slam_front import FrontSettings
from amr.mapping.slam_loops import LoopSettings

_STRONG_SCORES: Final = (0.35, 0.45, 0.55)
_TARGET_HALVES: Final = (8, 14)
_KERNELS_M: Final = (0.03, 0.05)


def candidates() -> tuple[dict[str, float], ...]:
    """All 12, each by the names of its settings."""
    return tuple(
        {"strong_score": score, "target_half": half, "kernel_m": kernel_m}
        for score, half, kernel_m in product(_STRONG_SCORES, _TARGET_HALVES, _KERNELS_M)
    )


def settings_of(candidate: dict[str, float]) -> SlamSettings:
    """The whole set with ``candidate`` in it."""
    return SlamSettings(
        front=FrontSettings(matching=LineMatchSettings(kernel_m=candidate["kernel_m"])),
        loops=LoopSettings(strong_score=candidate["strong_score"], target_half=int(candidate["target_half"])),
    )
