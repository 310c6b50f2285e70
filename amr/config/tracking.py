"""Settings of ``amr.tracking``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from amr.config.base import Section
from amr.config.hardware import NotNegative, Positive


class Tracking(Section):
    """Moving obstacles from scans."""

    enabled: bool = True
    """False: everything that the lidar sees counts as standing still."""
    max_range_m: Positive = 12.0
    """Returns beyond are not looked at."""
    tracks_max: Annotated[int, Field(ge=8, le=256)] = 96
    """Of all kinds: a full table takes no new ones."""
    cluster_gap_m: Positive = 0.12
    """Neighboring returns farther apart than this, plus three beam spacings, belong to different things."""
    cluster_size_max_m: Positive = 1.4
    """Larger things do not move."""
    cluster_points_min: Annotated[int, Field(ge=3, le=32)] = 3
    point_sigma_m: Positive = 0.01
    """Of one return in the odom frame: lidar and odometry together."""
    maneuver_mps2: Positive = 2.0
    """Standard deviation of the acceleration of what moves (Singer 1970) ..."""
    maneuver_s: Positive = 0.5
    """... and the time over which it changes."""
    speed_max_mps: Positive = 4.0
    """Nothing is believed to be faster."""
    moved_m: Positive = 0.18
    """Something counts as moving once it went this far, left where it was, and entered what was seen free."""
    moved_speed_mps: Positive = 0.15
    """The same: the least speed."""
    vacated_m: Positive = 0.10
    """So far behind, and around, a place must be seen empty to count as left (or as free before)."""
    gone_scans: Annotated[int, Field(ge=1, le=100)] = 4
    """So many scans that see through the place of a mover prove it gone."""
    hidden_max_s: Positive = 4.0
    """A mover that is hidden or out of view is forgotten after this."""
    rest_s: Positive = 1.5
    """A mover that stood this long counts as standing: its points enter the map, its track stays."""
    rest_mps: NotNegative = 0.12
