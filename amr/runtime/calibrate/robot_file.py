"""New numbers in a robot file's text; everything else of it, comments included, stays as it was."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from amr.errors import ConfigError

Changes = Mapping[tuple[str, str], Any]
"""(section, key) to value: number, text, or lists of those."""


def with_values(text: str, changes: Changes) -> str:
    """``text`` (TOML) with these values; a key that is not there is added at the end of its section.

    Raises ``ConfigError`` when the result would not say what was asked for.
    """
    lines = text.splitlines()
    for (section, key), value in changes.items():
        lines = _with_value(lines, section, key, _toml(value))
    result = "\n".join(lines) + "\n"
    try:
        told = tomllib.loads(result)
    except tomllib.TOMLDecodeError:
        told = {}
    for (section, key), value in changes.items():
        if told.get(section, {}).get(key) != _plain(value):
            raise ConfigError(
                f"{section}.{key}: cannot be written into this robot file, set it to {_toml(value)} by hand"
            )
    return result


def _with_value(lines: list[str], section: str, key: str, value: str) -> list[str]:
    begin = next((i for i, line in enumerate(lines) if re.match(rf"\s*\[{re.escape(section)}\]\s*(#.*)?$", line)), None)
    if begin is None:
        return [*lines, "", f"[{section}]", f"{key} = {value}"]
    end = next(
        (i for i in range(begin + 1, len(lines)) if re.match(r"\s*\[[^\[\]]+\]\s*(#.*)?$", lines[i])), len(lines)
    )
    place = next((i for i in range(begin + 1, end) if re.match(rf"\s*{re.escape(key)}\s*=", lines[i])), None)
    if place is None:
        while not lines[end - 1].strip():
            end -= 1
        return [*lines[:end], f"{key} = {value}", *lines[end:]]
    last = place
    while not _is_complete("\n".join(lines[place : last + 1])) and last + 1 < end:
        last += 1
    comment = re.search(r"\s+#.*$", lines[place]) if last == place else None
    return [*lines[:place], f"{key} = {value}{comment.group() if comment else ''}", *lines[last + 1 :]]


def _is_complete(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(_plain(value))
    return f"[{', '.join(_toml(part) for part in value)}]"


def _plain(value: Any) -> Any:
    """As TOML gives it back; numbers with six digits."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
