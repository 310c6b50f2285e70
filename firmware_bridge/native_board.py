"""The native core with what a board adds: resets, a bootloader, the watchdog, pins that brake while they float.

Stands for the wiring of ``boards/mega2560/WIRING.md`` where the emulated board is too slow or not installed.
"""

from __future__ import annotations

from firmware_bridge.emulated import Fault
from firmware_bridge.native import DriveMode, Duty, NativeFirmware

WATCHDOG_US = 64_000
"""From the last kick to the interrupt that brakes, and from there to the reset."""
SUPPLY_BACK_US = 50_000
"""A brown-out that lasts longer is the bootloader."""
_BRAKING = Duty(0.0, 0.0, DriveMode.BRAKE, True)
_OPEN = Duty(0.0, 0.0, DriveMode.COAST, True)


class NativeBoard:
    """``tick``, ``receive``, ``transmit`` and ``strike`` as ``EmulatedFirmware`` has them.

    The MCU's clock and its counts start at 0 with each boot, as they do on a chip.
    """

    def __init__(self, first_boot_id: int = 1) -> None:
        self._boot_id = first_boot_id
        self._firmware = NativeFirmware(first_boot_id)
        self._booted_us = 0
        self._counts = (0, 0)
        self._down: Fault | None = None
        self._struck_us = 0
        self._held_us = 0
        self._duty = _BRAKING
        self._now_us = 0

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes from the line; a processor that is down loses them."""
        if self._down is None:
            self._firmware.receive(data, now_us - self._booted_us)

    def transmit(self) -> bytes:
        """Bytes for the line."""
        return self._firmware.transmit() if self._down is None else b""

    def strike(self, fault: Fault, held_s: float = 0.0) -> None:
        """From now on this happens to the processor; a reset holds it for so long."""
        self._down, self._struck_us, self._held_us = fault, self._now_us, round(held_s * 1e6)
        self._firmware.transmit()  # what was not yet on the wire is lost

    def tick(
        self,
        now_us: int,
        left_ticks: int,
        right_ticks: int,
        gyro_z_radps: float,
        accel_x_mps2: float,
        accel_y_mps2: float,
        battery_v: float,
        estop: bool,
    ) -> Duty:
        """One loop; what the bridges do from now on."""
        self._now_us = now_us
        if self._down is not None:
            down_us = now_us - self._struck_us
            if down_us < self._outage_us():
                return self._while_down(down_us)
            self._boot((left_ticks, right_ticks))
        self._duty = self._firmware.tick(
            now_us - self._booted_us,
            left_ticks - self._counts[0],
            right_ticks - self._counts[1],
            gyro_z_radps,
            accel_x_mps2,
            accel_y_mps2,
            battery_v,
            estop,
        )
        return self._duty

    def close(self) -> None:
        """Nothing is held."""

    def _outage_us(self) -> int:
        return 2 * WATCHDOG_US if self._down is Fault.HANG else self._held_us

    def _while_down(self, down_us: int) -> Duty:
        if self._down is Fault.HANG and down_us < WATCHDOG_US:
            return self._duty  # the timers go on without the loop
        if self._down is Fault.BROWN_OUT and down_us < SUPPLY_BACK_US:
            return _OPEN
        return _BRAKING

    def _boot(self, counts: tuple[int, int]) -> None:
        self._boot_id += 1
        self._booted_us, self._counts = self._now_us, counts
        self._firmware.reset(self._boot_id, 0, after_watchdog=self._down is Fault.HANG)
        self._down = None
