"""Reading of robot, scenario and other TOML files: one answer to every bad file, in one line.

A name without a slash or suffix is looked up among the packaged ``seeds``; everything else is a path.
"""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from amr.config.base import Section
from amr.config.robot import RobotConfig
from amr.config.scenario import Scenario
from amr.config.zones import Zones
from amr.errors import ConfigError

MAX_TOML_BYTES: Final = 4_000_000

_Model = TypeVar("_Model", bound=Section)


def load_robot(path_or_name: str | Path) -> RobotConfig:
    """A robot from a file or from ``seeds/robots``; raises ``ConfigError``."""
    return load_toml_section(resolve_seed("robots", path_or_name), RobotConfig)


def load_scenario(path_or_name: str | Path) -> Scenario:
    """A scenario from a file or from ``seeds/scenarios``; raises ``ConfigError``.

    A world, robot or map that the file names by a relative path is returned as a path from the file's own folder.
    """
    path = resolve_seed("scenarios", path_or_name)
    scenario = load_toml_section(path, Scenario)
    if not isinstance(path, Path):
        return scenario
    return scenario.model_copy(
        update={
            "world": _beside(path, scenario.world),
            "robot": _beside(path, scenario.robot),
            "map": None if scenario.map is None else _beside(path, scenario.map),
        },
    )


def load_zones(path: Path) -> Zones:
    """Keep-out and speed zones from a TOML file; raises ``ConfigError``."""
    return load_toml_section(path, Zones)


def resolve_seed(kind: str, path_or_name: str | Path) -> Path | Traversable:
    """The file that is meant: a path, or ``seeds/<kind>/<name>.toml``; ``ConfigError`` lists the known names."""
    text = str(path_or_name)
    if isinstance(path_or_name, Path) or is_path(text):
        return Path(text)
    packaged = files("seeds") / kind / f"{text}.toml"
    if packaged.is_file():
        return packaged
    known = ", ".join(seed_names(kind)) or "none"
    raise ConfigError(
        f"{text}: no such name in seeds/{kind} (known: {known}) and no path (a path has a '/' or '.toml')"
    )


def seed_names(kind: str) -> list[str]:
    """Names of the packaged ``seeds/<kind>/*.toml``, sorted."""
    folder = files("seeds") / kind
    if not folder.is_dir():
        return []
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def is_path(text: str) -> bool:
    """True when ``text`` means a file, not the name of a seed."""
    return "/" in text or text.endswith((".toml", ".json", ".yaml", ".amrmap"))


def load_toml_section(path: Path | Traversable, model: type[_Model]) -> _Model:
    """The file as a ``model``. Raises ``ConfigError``: one line with file, key or line, and what was expected."""
    return parse_toml_section(_read_text(path), str(path), model)


def parse_toml_section(text: str, source: str, model: type[_Model]) -> _Model:
    """The text as a ``model``; ``source`` names it in the one line of the ``ConfigError``."""
    data = _parse_toml(text, source)
    try:
        # By way of JSON: only there does pydantic's strict mode take lists as tuples yet refuse true or "1" as numbers.
        return model.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{source}: {_first_fault(error)}") from None


def read_toml(path: Path | Traversable) -> dict[str, Any]:
    """The file as nested dicts. Raises ``ConfigError`` when it is missing, a folder, huge, not UTF-8 or not TOML."""
    return _parse_toml(_read_text(path), str(path))


def _parse_toml(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: not TOML: {_one_line(str(error))}") from None
    except RecursionError:
        raise ConfigError(f"{source}: not TOML: nested too deep") from None


def _read_text(path: Path | Traversable) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_TOML_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder, expected a TOML file") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(f"{path}: cannot be read: {_one_line(reason)}") from None
    if len(raw) > MAX_TOML_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_TOML_BYTES // 1_000_000} MB, expected a TOML file of a few kB")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}, expected a TOML file") from None


def _first_fault(error: ValidationError) -> str:
    """The first fault as ``key.path[3]: what was expected, got ...``, and how many more there are."""
    faults = error.errors(include_url=False)
    first = faults[0]
    key = ""
    for part in first["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    if first["type"] == "extra_forbidden":
        expected = "unknown key"
    elif first["type"] == "missing":
        expected = "missing, must be given"
    else:
        expected = first["msg"].removeprefix("Value error, ")
        given = first["input"]
        if isinstance(given, str | int | float) and first["type"] != "value_error":
            expected += f", got {given!r:.60}"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return _one_line(f"{key}: {expected}{more}" if key else f"{expected}{more}")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


def _beside(scenario_path: Path, text: str) -> str:
    """A relative path in a scenario file counts from that file's folder; names stay names."""
    if not is_path(text) or Path(text).is_absolute():
        return text
    return str(scenario_path.parent / text)
