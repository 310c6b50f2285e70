"""Columns of the odometry filter's arrays: state rows, events, settings."""

from __future__ import annotations

# columns of a state row, floats
STATE = 4
X, Y, YAW, BIAS = range(STATE)
P = STATE
"""Covariance of (x, y, yaw, bias), row by row."""
LEFT_MPS = P + STATE * STATE
RIGHT_MPS = LEFT_MPS + 1
LEFT_LAG_M = LEFT_MPS + 2
"""Estimated minus measured way of the wheel: state of the speed filter."""
RIGHT_LAG_M = LEFT_MPS + 3
VX = LEFT_MPS + 4
"""Speed of the base over ground, base frame."""
VY = LEFT_MPS + 5
W = LEFT_MPS + 6
"""Yaw rate in force."""
GYRO = LEFT_MPS + 7
SLIP = LEFT_MPS + 8
"""Smoothed difference of the yaw rates that wheels and gyro tell."""
YAW_AT_WHEELS = LEFT_MPS + 9
REST_SUM = LEFT_MPS + 10
"""Sum of the gyro samples of the block at rest that runs."""
REST_MEAN = LEFT_MPS + 11
"""Mean of the block before it, which counts when this one ends at rest, too."""
FLOATS = LEFT_MPS + 12

# columns of a state row, integers
TIME = 0
WHEEL_TIME = 1
IMU_TIME = 2
BOOT = 3
LEFT = 4
RIGHT = 5
STILL_LEFT = 6
STILL_RIGHT = 7
STILL_SINCE = 8
DOUBT_BOOT = 9
"""Last refused encoder sample: the next is compared with it, too."""
DOUBT_LEFT = 10
DOUBT_RIGHT = 11
DOUBT_TIME = 12
TURN_SOURCE = 13
IMPLAUSIBLE = 14
REBOOTS = 15
REST_SINCE = 16
REST_COUNT = 17
REST_MEAN_COUNT = 18
INTS = 19

NEVER = -(1 << 62)
FROM_NOTHING, FROM_GYRO, FROM_WHEELS, STANDING = 0, 1, 2, 3

# columns of an event
EVENT_TIME, EVENT_KIND, EVENT_BOOT, EVENT_LEFT, EVENT_RIGHT = range(5)
EVENT_COLUMNS = 5
IS_IMU, IS_WHEELS = 0, 1

# columns of the settings
(
    METERS_PER_TICK,
    TRACK_M,
    WAY_VARIANCE_PER_M,
    TURN_VARIANCE_PER_RAD,
    WHEEL_YAW_NOISE,
    GYRO_NOISE,
    GYRO_SCALE_NOISE,
    BIAS_WALK,
    STANDSTILL_NS,
    STANDSTILL_RATE,
    FASTEST_MPS,
    FRICTION_MPS2,
    CREEP_MPS,
) = range(13)
SETTINGS = 13
