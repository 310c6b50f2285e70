"""Makes of a raw flash image one that the RP2040's ROM starts: CRC of the boot loader's 252 bytes, in UF2 blocks.

    python image.py RAW.bin IMAGE.uf2

Source: RP2040 Datasheet, 2.8.1.3.1 (checksum); github.com/microsoft/uf2 (blocks), family 0xE48BFF56.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

FLASH = 0x10000000
FAMILY = 0xE48BFF56
BLOCK = 256
BOOT2 = 252


def crc32_of_the_rom(data: bytes) -> int:
    """CRC-32 with polynomial 0x04C11DB7, begun with all ones, neither reflected nor inverted (CRC-32/MPEG-2)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def image(raw: bytes) -> bytes:
    """The UF2 file. Raises ``ValueError`` when the boot loader does not fit its place."""
    if len(raw) <= BLOCK or any(raw[BOOT2:BLOCK]):
        raise ValueError("the boot loader is longer than 252 bytes, or nothing follows it")
    flash = raw[:BOOT2] + crc32_of_the_rom(raw[:BOOT2]).to_bytes(4, "little") + raw[BLOCK:]
    parts = [flash[at : at + BLOCK].ljust(BLOCK, b"\0") for at in range(0, len(flash), BLOCK)]
    blocks = b""
    for number, part in enumerate(parts):
        head = (0x0A324655, 0x9E5D5157, 0x2000, FLASH + number * BLOCK, BLOCK, number, len(parts), FAMILY)
        blocks += struct.pack("<8I476sI", *head, part, 0x0AB16F30)
    return blocks


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(image(Path(sys.argv[1]).read_bytes()))
