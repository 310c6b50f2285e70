"""Reading of world files and of JSON data: one answer to every bad file, in one line."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from amr.errors import AmrError, ConfigError, DataError
from sim.world import World
from sim.worlds.schema import WorldModel

_MAX_TOML_BYTES: Final = 16_000_000
_MAX_JSON_BYTES: Final = 64_000_000


def load_world(path_or_name: str | Path) -> World:
    """A world from a file, or by its name in ``seeds/worlds``. Raises ``ConfigError``: one line, file and key."""
    path = _world_path(path_or_name)
    try:
        data = tomllib.loads(_text(path, _MAX_TOML_BYTES, ConfigError))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {_one_line(error)}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not TOML: nested too deep") from None
    try:
        # by way of JSON, where strict takes lists as tuples but refuses true or "1" as numbers
        return WorldModel.model_validate_json(json.dumps(data, default=str), strict=True).world()
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first_fault(error)}") from None


def world_names() -> list[str]:
    """Names of the packaged worlds, sorted."""
    folder = files("seeds") / "worlds"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_json(path: Path) -> Any:
    """The file's JSON value. Raises ``DataError`` (one line): missing, huge, torn, NaN or infinity inside."""
    try:
        return json.loads(_text(path, _MAX_JSON_BYTES, DataError), parse_constant=_no_constant)
    except RecursionError:
        raise DataError(f"{path}: not JSON: nested too deep") from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {_one_line(error)}") from None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _world_path(path_or_name: str | Path) -> Path | Traversable:
    text = str(path_or_name)
    if isinstance(path_or_name, Path) or "/" in text or text.endswith(".toml"):
        return Path(text)
    packaged = files("seeds") / "worlds" / f"{text}.toml"
    if not packaged.is_file():
        raise ConfigError(f"world {text!r}: must be a file or one of {', '.join(world_names())}")
    return packaged


def _text(path: Path | Traversable, max_bytes: int, kind: type[AmrError]) -> str:
    try:
        with path.open("rb") as file:
            raw: bytes = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise kind(f"{path}: no such file") from None
    except IsADirectoryError:
        raise kind(f"{path}: is a folder, expected a file") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise kind(f"{path}: cannot be read: {_one_line(error)}") from None
    if len(raw) > max_bytes:
        raise kind(f"{path}: is larger than {max_bytes // 1_000_000} MB")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise kind(f"{path}: not UTF-8 at byte {error.start}") from None


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    text = {"extra_forbidden": "unknown key", "missing": "missing, must be given"}.get(first["type"], first["msg"])
    return _one_line(f"{key}: {text.removeprefix('Value error, ')}" if key else text.removeprefix("Value error, "))


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:300]
