"""Writes ``firmware/core/wire.h`` from the table: ``python -m firmware_bridge.wire_header``.

The header has the constants, one struct a message, and pack and unpack functions that work byte by byte, so that
alignment, padding and byte order of the target do not matter.
"""

from __future__ import annotations

import re
from enum import IntEnum, IntFlag
from pathlib import Path

from amr.messages import McuState, StopCategory
from firmware_bridge import wire_values
from firmware_bridge.wire import MESSAGES, FieldSpec, MessageSpec, Raw, raw_bounds

HEADER_PATH = Path(__file__).resolve().parent / "firmware" / "core" / "wire.h"

_CONSTANTS = (
    "PROTOCOL_VERSION",
    "MAX_PAYLOAD",
    "SEQUENCE_WINDOW",
    "EXPIRY_SLACK_US",
    "ARM_TIMEOUT_MS",
    "BOOT_PERIOD_MS",
    "NOT_MEASURED",
)
_ENUMERATIONS: tuple[tuple[str, type[IntEnum] | type[IntFlag]], ...] = (
    ("STATE", McuState),
    ("CATEGORY", StopCategory),
    ("BOARD", wire_values.Board),
    ("CAPABILITY", wire_values.Capability),
    ("CONFIG", wire_values.ConfigFlag),
    ("MODE", wire_values.CommandMode),
    ("HOST_CAUSE", wire_values.HostCause),
    ("CAUSE", wire_values.StopCause),
    ("FAULT", wire_values.FaultBit),
    ("WARNING", wire_values.WarningBit),
    ("EVENT", wire_values.EventCode),
    ("REFUSAL", wire_values.Refusal),
)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _c_type(raw: Raw) -> str:
    return ("uint" if raw.code[0] == "u" else "int") + raw.code[1:] + "_t"


def _literal(value: int, code: str) -> str:
    if code[0] == "u":
        return f"{value}{'ull' if code == 'u64' else 'ul'}"
    return f"({value}l)"


def _struct_lines(spec: MessageSpec) -> list[str]:
    lines = [f"/* {spec.cls.__doc__} */", "typedef struct {"]
    for row in spec.fields:
        unit = f", {row.raw.scale:g} {row.raw.unit}" if row.raw.unit else ""
        lines.append(f"    {_c_type(row.raw)} {row.name}; /* {row.raw.meaning}{unit} */")
    if not spec.fields:
        lines.append("    uint8_t unused; /* C99 has no empty struct; not on the wire */")
    return [*lines, f"}} wire_{_snake(spec.name)}_t;"]


def _pack_lines(spec: MessageSpec) -> list[str]:
    name = _snake(spec.name)
    lines = [f"static inline void wire_pack_{name}(uint8_t *p, const wire_{name}_t *m) {{"]
    offset = 0
    for row in spec.fields:
        size = int(row.raw.code[1:]) // 8
        lines.append(f"    wire_put{size * 8}(p + {offset}, (uint{size * 8}_t)m->{row.name});")
        offset += size
    return [*lines, "}"]


def _check(row: FieldSpec) -> list[str]:
    bits_low, bits_high = raw_bounds(Raw(row.raw.code, ""))
    low, high = raw_bounds(row.raw)
    if row.enumeration is not None:
        low, high = min(row.enumeration), max(row.enumeration)
    lines = []
    if low > bits_low:
        lines.append(f"    if (m->{row.name} < {_literal(low, row.raw.code)}) return 0;")
    if high < bits_high:
        lines.append(f"    if (m->{row.name} > {_literal(high, row.raw.code)}) return 0;")
    return lines


def _unpack_lines(spec: MessageSpec) -> list[str]:
    name = _snake(spec.name)
    lines = [f"static inline uint8_t wire_unpack_{name}(const uint8_t *p, wire_{name}_t *m) {{"]
    offset = 0
    for row in spec.fields:
        size = int(row.raw.code[1:]) // 8
        lines.append(f"    m->{row.name} = ({_c_type(row.raw)})wire_get{size * 8}(p + {offset});")
        offset += size
    for row in spec.fields:
        lines.extend(_check(row))
    return [*lines, "    return 1;", "}"]


_ACCESS = """\
static inline void wire_put8(uint8_t *p, uint8_t v) { p[0] = v; }
static inline void wire_put16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)(v & 0xFFu);
    p[1] = (uint8_t)(v >> 8);
}
static inline void wire_put32(uint8_t *p, uint32_t v) {
    wire_put16(p, (uint16_t)(v & 0xFFFFul));
    wire_put16(p + 2, (uint16_t)(v >> 16));
}
static inline void wire_put64(uint8_t *p, uint64_t v) {
    wire_put32(p, (uint32_t)(v & 0xFFFFFFFFull));
    wire_put32(p + 4, (uint32_t)(v >> 32));
}
static inline uint8_t wire_get8(const uint8_t *p) { return p[0]; }
static inline uint16_t wire_get16(const uint8_t *p) {
    return (uint16_t)((uint16_t)p[0] | (uint16_t)((uint16_t)p[1] << 8));
}
static inline uint32_t wire_get32(const uint8_t *p) {
    return (uint32_t)wire_get16(p) | ((uint32_t)wire_get16(p + 2) << 16);
}
static inline uint64_t wire_get64(const uint8_t *p) {
    return (uint64_t)wire_get32(p) | ((uint64_t)wire_get32(p + 4) << 32);
}"""


def render_header() -> str:
    """The whole text of ``wire.h``."""
    lines = [
        "/* Generated from firmware_bridge/wire.py by: python -m firmware_bridge.wire_header. Do not edit. */",
        "#ifndef WIRE_H",
        "#define WIRE_H",
        "",
        "#include <stdint.h>",
        "",
    ]
    for constant in _CONSTANTS:
        lines.append(f"#define WIRE_{constant} ({getattr(wire_values, constant)}l)")
    for prefix, enumeration in _ENUMERATIONS:
        lines += ["", f"/* {enumeration.__name__} */"]
        lines += [f"#define WIRE_{prefix}_{member.name} {int(member)}u" for member in enumeration]
        lines.append(f"#define WIRE_{prefix}_COUNT {len(enumeration)}u")
    table = ", ".join(f"{int(wire_values.STOP_CATEGORY[cause])}u" for cause in wire_values.StopCause)
    lines += ["", "/* Stop category of each stop cause, in the order of WIRE_CAUSE_. */"]
    lines += [f"#define WIRE_CATEGORY_OF_CAUSE {{{table}}}", "", "/* Message types and payload sizes */"]
    for spec in MESSAGES.values():
        lines.append(f"#define WIRE_{_snake(spec.name).upper()} 0x{spec.number:02X}u")
        lines.append(f"#define WIRE_{_snake(spec.name).upper()}_SIZE {spec.layout.size}u")
    lines += ["", _ACCESS]
    for spec in MESSAGES.values():
        lines += ["", *_struct_lines(spec)]
        if spec.fields:
            lines += [*_pack_lines(spec), "/* 0 when a field is outside its range. */", *_unpack_lines(spec)]
    return "\n".join([*lines, "", "#endif", ""])


if __name__ == "__main__":
    HEADER_PATH.write_text(render_header(), encoding="utf-8")
