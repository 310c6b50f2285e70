"""What a log says about itself before its first step: enough to build the same core again, or to say why not."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from amr.config.robot import RobotConfig
from amr.errors import DataError
from amr.geometry import IDENTITY, Pose2

FORMAT: Final = 2
"""Raised when a log of the version before can no longer be read."""

METADATA_NAME: Final = "amr"


@dataclass(frozen=True, slots=True)
class LogHeader:
    """Origin of a log. ``robot_json`` is the whole robot file as it was used."""

    robot_json: str
    robot_digest: str
    scenario: str
    seed: int
    start: Pose2
    """``map_from_odom`` of the first step: where in the map the robot stood."""
    amr_version: str
    kernel_hash: str
    cpu: str
    python: str
    created_utc: str
    format: int = FORMAT
    extra: dict[str, str] = field(default_factory=dict)
    """Further facts such as backend, firmware, pace, world digest."""

    def robot(self) -> RobotConfig:
        """The robot as it was. Raises ``DataError`` when this version cannot read that configuration."""
        try:
            return RobotConfig.model_validate_json(self.robot_json)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            raise DataError(f"robot of the log: {key}: {first['msg']} (log of amr {self.amr_version})") from None

    def to_metadata(self) -> dict[str, str]:
        """As MCAP metadata: strings only."""
        return {
            "format": str(self.format),
            "amr_version": self.amr_version,
            "kernel_hash": self.kernel_hash,
            "cpu": self.cpu,
            "python": self.python,
            "created_utc": self.created_utc,
            "scenario": self.scenario,
            "seed": str(self.seed),
            "start": json.dumps([self.start.x_m, self.start.y_m, self.start.yaw_rad]),
            "robot_digest": self.robot_digest,
            "robot": self.robot_json,
            "extra": json.dumps(self.extra, sort_keys=True),
        }

    @classmethod
    def from_metadata(cls, data: dict[str, str]) -> LogHeader:
        """Inverse of ``to_metadata``. Raises ``DataError``."""
        try:
            header = cls(
                robot_json=data["robot"],
                robot_digest=data["robot_digest"],
                scenario=data["scenario"],
                seed=int(data["seed"]),
                start=Pose2(*(float(part) for part in json.loads(data["start"]))),
                amr_version=data["amr_version"],
                kernel_hash=data["kernel_hash"],
                cpu=data["cpu"],
                python=data["python"],
                created_utc=data["created_utc"],
                format=int(data["format"]),
                extra=dict(json.loads(data["extra"])),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(f"header of the log cannot be read ({type(error).__name__}: {error})") from None
        if header.format != FORMAT:
            raise DataError(
                f"log has format {header.format}, this version reads {FORMAT}: install amr {header.amr_version}"
            )
        return header

    def with_extra(self, **extra: str) -> LogHeader:
        """The same with further facts."""
        return replace(self, extra={**self.extra, **extra})


def make_header(robot: RobotConfig, scenario: str, seed: int, start: Pose2 = IDENTITY, **extra: str) -> LogHeader:
    """Header of a run that starts now on this machine with this installation."""
    from amr.jit import kernel_hash

    robot_json = robot.model_dump_json()
    return LogHeader(
        robot_json=robot_json,
        robot_digest=blake2b(robot_json.encode(), digest_size=16).hexdigest(),
        scenario=scenario,
        seed=seed,
        start=start,
        amr_version=amr_version(),
        kernel_hash=kernel_hash(),
        cpu=cpu_name(),
        python=platform.python_version(),
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        extra=extra,
    )


def amr_version() -> str:
    """Version of the installed package; ``unknown`` when it runs uninstalled."""
    try:
        return version("amr")
    except PackageNotFoundError:
        return "unknown"


def cpu_name() -> str:
    """Model of the processor, and what Numba was told to compile for when that differs."""
    name = platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    asked = os.environ.get("NUMBA_CPU_NAME")
    return f"{name} (NUMBA_CPU_NAME={asked})" if asked else name


def difference_to_here(header: LogHeader) -> str | None:
    """Why a replay here may differ from the log: one line that names what to install; None when nothing is known."""
    from amr.jit import kernel_hash

    here: dict[str, Any] = {"version": amr_version(), "kernels": kernel_hash()}
    if header.amr_version != here["version"]:
        return f"log was made by amr {header.amr_version}, this is {here['version']}: install amr=={header.amr_version}"
    if header.kernel_hash != here["kernels"]:
        return (
            f"log was made with kernels {header.kernel_hash}, these are {here['kernels']} "
            f"(amr {header.amr_version} with changed sources or another Numba): install the build that made the log"
        )
    return None
