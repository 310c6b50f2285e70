"""Enumerations and constants of the wire. ``McuState`` and ``StopCategory`` are those of ``amr.messages``."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from amr.messages import StopCategory

PROTOCOL_VERSION = 1
MAX_PAYLOAD = 64
SEQUENCE_WINDOW = 1000
"""A frame is accepted when its number is 1 to this many after the last accepted one (modulo 65536)."""
EXPIRY_SLACK_US = 50_000
"""The MCU refuses a command whose expiry lies further ahead than the command time-out plus this."""
ARM_TIMEOUT_MS = 1000
"""Armed without a valid command for this long: the MCU disarms."""
BOOT_PERIOD_MS = 100
"""Without a session the MCU announces itself this often."""
NOT_MEASURED = -32768
"""Raw value of an i16 measurement that does not exist (IMU absent or failed)."""


class Board(IntEnum):
    """Where the firmware runs."""

    NATIVE = 0
    MEGA2560 = 1
    ATMEGA328P = 2
    RP2040 = 3
    STM32 = 4


class Capability(IntFlag):
    """What a board has."""

    IMU = 1
    BATTERY = 2
    ESTOP_INPUT = 4
    BRAKE = 8
    """The bridge can short the motor (stop category BRAKE differs from COAST)."""


class ConfigFlag(IntFlag):
    """Bits of ``Configure.flags``; all others must be 0."""

    LEFT_ENCODER_INVERTED = 1
    RIGHT_ENCODER_INVERTED = 2
    LEFT_MOTOR_INVERTED = 4
    RIGHT_MOTOR_INVERTED = 8
    ENCODERS_SWAPPED = 16
    MOTORS_SWAPPED = 32


class CommandMode(IntEnum):
    """What a COMMAND asks for; a stop by COMMAND keeps the MCU armed (a STOP frame disarms)."""

    DRIVE = 0
    RAMP = 1
    BRAKE = 2
    COAST = 3


class HostCause(IntEnum):
    """Why the host sent a STOP frame."""

    UNKNOWN = 0
    OPERATOR = 1
    SAFETY = 2
    COMMAND_NOT_FINITE = 3
    COMMAND_RANGE = 4
    LINK_LOST = 5
    SHUTDOWN = 6


class StopCause(IntEnum):
    """Why the MCU last stopped the wheels."""

    NONE = 0
    POWER_UP = 1
    COMMAND_EXPIRED = 2
    STOP_FRAME = 3
    COMMANDED = 4
    """A COMMAND with a stop mode."""
    ESTOP = 5
    LINK_RESET = 6
    """A new handshake while armed."""
    DISARM = 7
    COMMAND_RANGE = 8
    LEFT_NOT_TURNING = 9
    RIGHT_NOT_TURNING = 10
    LEFT_UNCOMMANDED = 11
    """The left wheel turns although nothing drives it."""
    RIGHT_UNCOMMANDED = 12
    LEFT_WRONG_WAY = 13
    """The left wheel turns against its command: encoder or motor inverted."""
    RIGHT_WRONG_WAY = 14
    BATTERY_LOW = 15
    WATCHDOG_RESET = 16
    ARM_TIMEOUT = 17
    MOTOR_DRIVER = 18


STOP_CATEGORY: dict[StopCause, StopCategory] = {
    StopCause.NONE: StopCategory.RAMP,
    # The board restarted, perhaps at full speed: short the motors until the wheels stand.
    StopCause.POWER_UP: StopCategory.BRAKE,
    StopCause.COMMAND_EXPIRED: StopCategory.RAMP,
    StopCause.STOP_FRAME: StopCategory.RAMP,  # the frame names the category; this is for one out of range
    StopCause.COMMANDED: StopCategory.RAMP,  # likewise
    StopCause.ESTOP: StopCategory.BRAKE,
    StopCause.LINK_RESET: StopCategory.RAMP,
    StopCause.DISARM: StopCategory.RAMP,
    StopCause.COMMAND_RANGE: StopCategory.RAMP,
    # Without a trusted encoder a velocity ramp has no feedback: short the motor instead.
    StopCause.LEFT_NOT_TURNING: StopCategory.BRAKE,
    StopCause.RIGHT_NOT_TURNING: StopCategory.BRAKE,
    StopCause.LEFT_UNCOMMANDED: StopCategory.BRAKE,
    StopCause.RIGHT_UNCOMMANDED: StopCategory.BRAKE,
    StopCause.LEFT_WRONG_WAY: StopCategory.BRAKE,
    StopCause.RIGHT_WRONG_WAY: StopCategory.BRAKE,
    StopCause.BATTERY_LOW: StopCategory.RAMP,
    StopCause.WATCHDOG_RESET: StopCategory.BRAKE,
    StopCause.ARM_TIMEOUT: StopCategory.RAMP,
    StopCause.MOTOR_DRIVER: StopCategory.COAST,
}


class FaultBit(IntFlag):
    """Bits of ``Telemetry.faults``: conditions under which the MCU does not drive. 0 = may drive."""

    LEFT_NOT_TURNING = 1
    RIGHT_NOT_TURNING = 2
    LEFT_UNCOMMANDED = 4
    RIGHT_UNCOMMANDED = 8
    LEFT_WRONG_WAY = 16
    RIGHT_WRONG_WAY = 32
    BATTERY_LOW = 64
    ESTOP_INPUT = 128
    """The e-stop input is active now (the latch is the state ESTOP)."""
    MOTOR_DRIVER = 256


class WarningBit(IntFlag):
    """Bits of ``Telemetry.warnings``: worth knowing, no reason to stop."""

    NOT_CONFIGURED = 1
    IMU = 2
    """IMU absent or failed; its fields are ``NOT_MEASURED``."""
    TX_DROPPED = 4
    """Telemetry was dropped since the last telemetry because the line was full."""
    RX_REFUSED = 8
    """A frame was refused since the last telemetry (framing, CRC, nonce, sequence)."""
    LATE_COMMAND = 16
    """A command had expired at arrival since the last telemetry."""
    LOOP_OVERRUN = 32
    AFTER_WATCHDOG = 64
    """This boot followed a watchdog reset."""


class EventCode(IntEnum):
    """What an EVENT tells; ``detail`` as written."""

    STATE = 0
    """New state | old state << 8 | StopCause << 16 | (StopCategory or HostCause for STOP_FRAME) << 24."""
    FAULT = 1
    """Fault bits that appeared."""
    FAULT_CLEARED = 2
    """Fault bits that went away."""


class Refusal(IntEnum):
    """Why the MCU refused a message (CONFIG_ACK, NACK); 0 = accepted."""

    NONE = 0
    NOT_CONFIGURED = 1
    BAD_VALUE = 2
    BAD_SIZE = 3
    UNKNOWN_TYPE = 4
    WRONG_STATE = 5
    BAD_TOKEN = 6
    FAULT_ACTIVE = 7
    ESTOP_LATCHED = 8
    BATTERY_LOW = 9
    MOVING = 10
    EXPIRY_TOO_FAR = 11
    COMMAND_RANGE = 12
    NOT_ARMED = 13
    VERSION = 14
