"""How motors and encoders are wired to the board's pins; the opposite of what the firmware does to undo it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from amr.config.hardware import Firmware

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Wires:
    """Signs are (left, right) of the robot's sides; a pair on the pins is (left pin, right pin)."""

    encoder_signs: tuple[int, int] = (1, 1)
    motor_signs: tuple[int, int] = (1, 1)
    encoders_swapped: bool = False
    motors_swapped: bool = False

    @classmethod
    def of(cls, firmware: Firmware) -> Wires:
        """As the robot file says."""
        crossed = frozenset(firmware.wiring)

        def sign(name: str) -> int:
            return -1 if name in crossed else 1

        return cls(
            (sign("left_encoder_inverted"), sign("right_encoder_inverted")),
            (sign("left_motor_inverted"), sign("right_motor_inverted")),
            "encoders_swapped" in crossed,
            "motors_swapped" in crossed,
        )

    def counts(self, left: int, right: int) -> tuple[int, int]:
        """Counts on the pins, from those of the sides."""
        pair = left * self.encoder_signs[0], right * self.encoder_signs[1]
        return _swapped(pair) if self.encoders_swapped else pair

    def duties(self, left_pin: float, right_pin: float) -> tuple[float, float]:
        """Duty of the sides, from that on the pins."""
        left, right = (right_pin, left_pin) if self.motors_swapped else (left_pin, right_pin)
        return left * self.motor_signs[0], right * self.motor_signs[1]

    def modes(self, left_pin: _Value, right_pin: _Value) -> tuple[_Value, _Value]:
        """What the sides' bridges do, from the pins."""
        return (right_pin, left_pin) if self.motors_swapped else (left_pin, right_pin)


def _swapped(pair: tuple[int, int]) -> tuple[int, int]:
    return pair[1], pair[0]
