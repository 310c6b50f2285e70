"""Settings of ``amr.control``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from amr.config.base import Section
from amr.config.hardware import Fraction, NotNegative, Positive


class GoalFieldSettings(Section):
    """Cost-to-go over the local window (``amr.control.goal_field``)."""

    period_s: NotNegative = 0.1
    """Age at which it is computed again."""
    block_margin_m: float = -0.005
    """A cell nearer to an obstacle than the inscribed radius plus this is not crossed."""
    comfort_m: Positive = 0.50
    """Up to this distance from obstacles a metre costs more than a metre."""
    comfort_weight: NotNegative = 1.5
    tight_m: Positive = 0.16
    """Within this of the inscribed radius a metre costs much more: such gaps are the last choice."""
    tight_weight: NotNegative = 6.0
    unknown_weight: NotNegative = 0.3
    """Extra cost of a metre through space never seen."""
    route_half_width_m: NotNegative = 0.8
    """Farther than this from the planned path ..."""
    off_route_weight: NotNegative = 0.6
    """... a metre costs more by this part."""


class MppiSettings(Section):
    """Model predictive path integral control (``amr.control.mppi``). Costs have no unit; only their ratios count."""

    terms: tuple[str, ...] = (
        "movers",
        "cost_to_go",
        "progress",
        "heading",
        "goal",
        "path",
        "smoothness",
        "motion",
        "stopping",
        "obstacle",
    )
    """Cost terms in order, the dearest last: it may leave out samples that can no longer count.

    ``package.module:function`` names one of your own (see ``amr.control.terms.base``).
    """
    temperature: Positive = 1.0
    noise_v_mps: Positive = 0.7
    noise_w_radps: Positive = 1.6
    noise_color: Literal["knots", "white", "autoregressive", "fractional"] = "knots"
    """How the noise of one step hangs together with that of the next (``amr.control.noise``)."""
    noise_correlation_s: NotNegative = 0.4
    """Of "autoregressive": time after which correlation has fallen to 1/e."""
    noise_integration_frac: Fraction = 0.5
    """Of "fractional": order of the integral of white noise; 0 = white, 0.5 = pink, 1 = red."""
    pool_columns: Annotated[int, Field(ge=1024, le=262144)] = 8192
    """Noise sequences made at start; a cycle takes a window of them."""
    steep_weight_per_m: NotNegative = 200.0
    """Cost of a step for each metre below the hard margin, where the robot stands in it already: leads out again."""
    soft_margin_m: NotNegative = 0.18
    """Clearance of the outline below which a motion costs extra."""
    soft_margin_weight: NotNegative = 60.0
    squeeze_frac: Annotated[float, Field(ge=0.0, le=1.0)] = 0.2
    """Part of ``soft_margin_weight`` that counts after the robot has stayed before a gap (``ControlInput.squeeze``)."""
    squeeze_margin_m: Annotated[float, Field(ge=-0.05, le=0.05)] = -0.012
    """Then in place of ``hard_margin_m``: cells make obstacles up to half a cell larger than the ring measures them."""
    least_speed_mps: NotNegative = 0.1
    """Added to the speed in the price of clearance: what it costs to stand near an obstacle."""
    soft_distance_m: NotNegative = 0.50
    """Distance of the robot's centre below which speed costs extra."""
    soft_distance_weight: NotNegative = 1.5
    cost_to_go_weight: NotNegative = 6.0
    heading_weight: NotNegative = 1.5
    progress_weight: NotNegative = 0.6
    path_weight: NotNegative = 0.0
    goal_weight: NotNegative = 4.0
    smoothness_weight: NotNegative = 0.07
    turn_weight: NotNegative = 0.03
    reverse_weight: NotNegative = 3.0
    lateral_weight: NotNegative = 1.0
    stop_weight: NotNegative = 40.0
    """Cost of a second at 1 m/s where a stop straight on would end in an obstacle."""
    stop_margin_m: Positive = 0.05
    """What that stop wants free beyond the inscribed radius."""
    stop_hold_s: NotNegative = 0.15
    """Time before it brakes."""
    mover_weight: NotNegative = 300.0
    """Cost of a second at no distance from a mover."""
    mover_margin_m: Positive = 0.5
    """Gap to a mover below which it costs."""
    mover_sure_m: Positive = 0.7
    """Standard deviation of the prediction that halves what coming near a mover counts."""
    mover_hit_weight: NotNegative = 500.0
    """Cost of meeting a mover for certain; far below a still obstacle's, so that the least bad motion is driven."""
    mover_hit_rise_per_m: NotNegative = 300.0
    mover_swerve_mps2: NotNegative = 0.15
    """Of a mover without a course: acceleration that is not predicted ..."""
    mover_swerve_per_m: NotNegative = 0.25
    """... and its growth with the square of the speed."""
    mover_jump_hz: NotNegative = 0.5
    """How often a mover's velocity jumps ..."""
    mover_jump_frac: Positive = 0.5
    """... by what part of itself ..."""
    mover_jump_s: Positive = 0.5
    """... and how long before a contact that can be too late to be answered."""
    mover_answer_s: NotNegative = 0.0
    """The doubt about a mover's course grows no further than this far ahead, for what it does until then is seen and
    answered; 0 = it grows to the end of the horizon. With it a robot passes people whom it would flee from without."""


class CornerSettings(Section):
    """What may come round a blind corner (``amr.control.corners``)."""

    speed_mps: NotNegative = 0.0
    """Speed of somebody who comes out of where the lidar cannot look; 0 = nobody is expected there."""
    radius_m: Annotated[float, Field(gt=0.0, le=1.0)] = 0.25
    """Of that person; where it does not fit in whole, nobody hides."""
    notice_s: NotNegative = 0.4
    """From coming into view until the robot brakes: a few turns of the lidar, and the delay of the link."""
    least_mps: Positive = 0.2
    """No corner makes the robot slower: else it would stand before each."""


class PurePursuitSettings(Section):
    """Regulated pure pursuit (``amr.control.pure_pursuit``)."""

    lookahead_time_s: Positive = 0.8
    lookahead_min_m: Positive = 0.35
    lookahead_max_m: Positive = 1.2
    curvature_radius_m: Positive = 0.9
    """Below this radius of turn the speed is reduced in proportion."""
    proximity_m: Positive = 0.6
    """Below this distance to an obstacle the speed is reduced in proportion."""
    min_speed_mps: Positive = 0.15
    rotate_angle_rad: Positive = 0.9
    """Heading error above which the robot turns in place first."""
    collision_time_s: Positive = 1.0
    """How far ahead the motion is checked with the outline."""


class DwaSettings(Section):
    """Dynamic window approach (``amr.control.dwa``)."""

    max_speed_mps: Positive = 0.5
    samples_v: Annotated[int, Field(ge=2, le=64)] = 12
    samples_w: Annotated[int, Field(ge=3, le=128)] = 31
    horizon_s: Positive = 1.5
    window_s: Positive = 0.25
    """Time over which accelerations span the window of velocities."""
    heading_weight: NotNegative = 0.8
    distance_weight: NotNegative = 0.15
    speed_weight: NotNegative = 0.25
    distance_cap_m: Positive = 0.6


class Control(Section):
    """Which controller drives, and its parameters."""

    controller: Literal["mppi", "pure_pursuit", "dwa"] = "mppi"
    period_s: Annotated[float, Field(ge=0.0, le=0.2)] = 0.04
    """The controller decides this often; in between its command holds."""
    samples: Annotated[int, Field(ge=16, le=32768)] = 2000
    steps: Annotated[int, Field(ge=4, le=256)] = 56
    step_s: Positive = 0.05
    wheel_lag_s: NotNegative = 0.06
    """Time constant of the speed behind the command, after the command acts."""
    turn_lag_s: NotNegative = 0.08
    """The same of the turn rate: sliding wheels make it slower."""
    extra_delay_s: NotNegative = 0.01
    """Beyond the link's delay: bytes on the line, the firmware's tick, half a cycle of holding a command."""
    brake_frac: Annotated[float, Field(gt=0.0, le=1.0)] = 0.6
    """Part of the brake that a plan may count on: wheels that brake fully hold neither a curve nor a surprise."""
    hard_margin_m: NotNegative = 0.012
    """Clearance of the outline below which a motion counts as a collision."""
    goal_yaw_tolerance_rad: Positive = 0.15
    goal_field: GoalFieldSettings = GoalFieldSettings()
    corners: CornerSettings = CornerSettings()
    mppi: MppiSettings = MppiSettings()
    pure_pursuit: PurePursuitSettings = PurePursuitSettings()
    dwa: DwaSettings = DwaSettings()
