"""Settings of ``amr.localization``: what the robot makes of its place on a saved map."""

from __future__ import annotations

from amr.config.base import Section
from amr.config.hardware import NotNegative, Positive


class Localization(Section):
    """Used with a saved map only."""

    on_map: bool = False
    """There is a saved map, and a localizer to ask. ``--map`` sets it."""
    placed: bool = True
    """Somebody told where on the map the robot starts (``--start``); else it searches the whole map first."""
    slide_mps: Positive = 0.1
    """So fast a correction may move the robot's place while it drives: faster than odometry errs, but the path moves
    under the wheels with it."""
    slide_radps: Positive = 0.15
    jump_m: Positive = 0.3
    """A place farther off than this is taken at rest, in one step, and all is planned anew."""
    jump_rad: Positive = 0.15
    doubtful_mps: Positive = 0.25
    """Speed while it may be lost."""
    silent_s: Positive = 1.5
    """Without a fix for this long, the place is doubtful ..."""
    silent_lost_s: Positive = 10.0
    """... and after this it is lost."""
    answer_timeout_s: Positive = 2.0
    """A scan without an answer for this long is given up, and another one asked about."""
    relocate_s: Positive = 180.0
    """A lost robot looks around for this long before the mission gives up."""
    scan_memory: int = 32
    """Scans kept for the requests to come."""
    latency_fix_s: NotNegative = 0.005
    """Modelled time of an answer with ``--pace fast``: this, ..."""
    latency_search_s: NotNegative = 0.15
    """... and for each search of the map this ..."""
    latency_search_s_per_m2: NotNegative = 7.0e-4
    """... and this for each square metre of free floor."""
