"""Examination of this machine: every check says what was found and, when that is not good, what to do."""

from __future__ import annotations

import contextlib
import grp
import os
import platform
import resource
import shutil
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from amr.errors import ConfigError, PortError

REQUIRED: Final = ("numpy", "scipy", "numba", "pyserial", "mcap", "rosbags", "pydantic", "typer", "rich", "matplotlib")
LATENCY_MAX_MS: Final = 4


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. ``ok`` False = something will not work; a warning is ok and has advice."""

    name: str
    ok: bool
    found: str
    advice: str = ""

    @property
    def mark(self) -> str:
        """``ok``, ``warn`` or ``FAIL``."""
        return "FAIL" if not self.ok else "warn" if self.advice else "ok"

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"name": self.name, "status": self.mark.lower(), "found": self.found, "advice": self.advice or None}


def examine(robot: str | None = None, *, probe: bool = False) -> list[Check]:
    """All checks in the order in which a person would mend them. Opens no port but with ``probe``, and none in use."""
    single: tuple[Callable[[], Check], ...] = (
        _python,
        _packages,
        _kernel_cache,
        _compiler,
        _bullet,
        _real_time,
        _memory_lock,
    )
    checks = [check() for check in single]
    if robot is not None:
        checks.append(_robot(robot))
    checks += _ports(Path("/dev"), Path("/sys"))
    return [*checks, *_answers(_devices(Path("/dev")))] if probe else checks


def _python() -> Check:
    text = f"{platform.python_version()} on {platform.machine()} {platform.system()}"
    if platform.python_implementation() != "CPython":
        return Check("python", False, text, "install CPython 3.11 or newer")
    return Check("python", True, text)


def _packages() -> Check:
    missing = []
    for name in REQUIRED:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("packages", False, f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    return Check("packages", True, f"all {len(REQUIRED)} there, numba {version('numba')}, numpy {version('numpy')}")


def _kernel_cache() -> Check:
    from amr.jit import CACHE_FOLDER

    if CACHE_FOLDER is None:
        advice = "set NUMBA_CACHE_DIR to a folder that can be written, else every start compiles for about a minute"
        return Check("kernel cache", True, "no folder can be written", advice)
    compiled = sum(1 for _ in CACHE_FOLDER.rglob("*.nbc"))
    advice = "" if compiled else "run amr warmup once, before the robot is armed"
    return Check("kernel cache", True, f"{CACHE_FOLDER} ({compiled} compiled)", advice)


def _compiler() -> Check:
    asked = os.environ.get("CC") or str(sysconfig.get_config_var("CC") or "cc").split()[0]
    found = next((path for name in (asked, "cc", "gcc", "clang") if (path := shutil.which(name))), None)
    if found is None:
        return Check(
            "C compiler", False, "none", "install one (Debian: apt install gcc libc6-dev): it builds the firmware"
        )
    return Check("C compiler", True, found)


def _bullet() -> Check:
    if find_spec("pybullet") is not None:
        return Check("pybullet", True, f"version {version('pybullet')}")
    advice = "pip install 'amr[sim]' on CPython 3.11, x86-64 Linux; elsewhere simulations use --backend planar"
    return Check("pybullet", True, "not installed", advice)


def _real_time() -> Check:
    limit, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    if os.geteuid() == 0 or limit != 0:
        return Check("real time", True, "SCHED_FIFO is allowed")
    advice = (
        "put '@realtime - rtprio 60' and '@realtime - memlock unlimited' in /etc/security/limits.d, join that group"
    )
    return Check("real time", True, "SCHED_FIFO is not allowed: the loop may be milliseconds late", advice)


def _memory_lock() -> Check:
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if os.geteuid() == 0 or limit in (resource.RLIM_INFINITY, -1) or limit > 2**29:
        return Check("memory lock", True, "allowed")
    return Check("memory lock", True, f"limited to {limit // 1024} kB", "raise memlock in /etc/security/limits.d")


def _robot(robot: str) -> Check:
    from amr.runtime.files import load_robot

    try:
        config = load_robot(robot)
    except ConfigError as error:
        return Check("robot file", False, str(error), "correct that key")
    return Check("robot file", True, f"{config.name}: {config.description}")


def _ports(dev: Path, sys_folder: Path) -> list[Check]:
    """Serial ports by the kernel's list of devices; none is opened, for opening resets an Arduino."""
    by_id = {link.resolve(): link for link in sorted((dev / "serial" / "by-id").glob("*"))}
    devices = _devices(dev)
    if not devices:
        advice = "plug the board in; a board that stays unseen needs another cable or dmesg says why"
        return [Check("serial ports", True, "none found", advice)]
    return [_port(device, by_id.get(device.resolve()), sys_folder) for device in devices]


def _devices(dev: Path) -> list[Path]:
    return sorted(path for pattern in ("ttyACM*", "ttyUSB*", "ttyAMA*") for path in dev.glob(pattern))


def _answers(devices: list[Path]) -> list[Check]:
    """What answers at each port that may be opened and is free."""
    from amr.runtime.probe import LIDAR_SCHEMES, probe

    checks = []
    for device in devices:
        try:
            found = probe(str(device))
        except PortError as error:
            checks.append(Check("what answers", True, str(error)))
            continue
        if found is None:
            advice = "power, cable, TX and RX crossed, baud rate? a device of your own can still be named in amr drive"
            checks.append(Check("what answers", True, f"{device}: nothing that is known", advice))
            continue
        question, baud = found
        option = "--lidar" if question.scheme in LIDAR_SCHEMES else "--base"
        url = f"{option} {question.scheme}://{device}?baud={baud}"
        checks.append(Check("what answers", True, f"{device}: {question.name}: amr drive {url}"))
    return checks


def _identity(device: Path, sys_folder: Path) -> str:
    """What the USB device behind the port calls itself, in parentheses; '' when the kernel does not know."""
    with contextlib.suppress(OSError, RuntimeError):
        folder = (sys_folder / "class" / "tty" / device.name / "device").resolve(strict=True)
        for parent in (folder, *folder.parents):
            if (parent / "idVendor").exists():
                names = [parent / "manufacturer", parent / "product"]
                text = " ".join(name.read_text().strip() for name in names if name.exists())
                ids = ":".join((parent / name).read_text().strip() for name in ("idVendor", "idProduct"))
                return f" ({text}, {ids})" if text else f" ({ids})"
    return ""


def _port(device: Path, stable_name: Path | None, sys_folder: Path) -> Check:
    name = f"{stable_name or device}{_identity(device, sys_folder)}"
    if not os.access(device, os.R_OK | os.W_OK):
        return Check("serial port", False, f"{name}: no permission", _group_advice(device))
    from firmware_bridge.transport import port_users

    users = port_users(device.resolve())
    if users:
        return Check("serial port", True, f"{name}: in use by {', '.join(users)}", "stop that program before amr drive")
    latency = sys_folder / "bus" / "usb-serial" / "devices" / device.name / "latency_timer"
    try:
        latency_ms = int(latency.read_text().strip())
    except (OSError, ValueError):
        return Check("serial port", True, f"{name}: free")
    if latency_ms > LATENCY_MAX_MS:
        return Check("serial port", True, f"{name}: latency timer {latency_ms} ms", f"echo 1 | sudo tee {latency}")
    return Check("serial port", True, f"{name}: free, latency timer {latency_ms} ms")


def _group_advice(device: Path) -> str:
    """How to get at a port that this user must not open."""
    try:
        group = grp.getgrgid(device.stat().st_gid).gr_name
    except (OSError, KeyError):
        group = "dialout"
    return f"sudo usermod -aG {group} $USER, then log in again"
