"""A robot file from a few answers: what a drive needs is asked, what only a simulation needs is estimated and told."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.runtime.files import parse_toml_section

Answers = dict[str, str]
SIDES: Final = 12
"""A circle becomes a polygon with so many sides around it."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What is known of a base that is sold as it is."""

    wheel_radius_m: float = 0.045
    track_m: float = 0.22
    ticks_per_wheel_rev: int = 3200
    radius_m: float | None = None
    v_max_mps: float = 0.5
    mass_kg: float = 3.0
    supply_v: float = 12.0
    url: str = ""


PRESETS: Final[dict[str, Preset]] = {
    "bridge": Preset(url="bridge:///dev/ttyACM0"),
    # Open Interface specification: wheels of 72 mm, 235 mm apart, 508.8 counts a turn; the radius makes up for the 0.2
    "create2": Preset(0.036014, 0.235, 509, 0.174, 0.4, 3.2, 14.4, "create2:///dev/ttyUSB0"),
    # kobuki_core, diff_drive.cpp: 2 pi / 0.002436916871 counts a turn; the radius makes up for the 0.33
    "kobuki": Preset(0.034996, 0.23, 2578, 0.177, 0.6, 2.4, 14.8, "kobuki:///dev/ttyUSB0"),
    "roboclaw": Preset(url="roboclaw:///dev/ttyACM0"),
    "odrive": Preset(0.083, 0.5, 4000, None, 1.0, 12.0, 24.0, "odrive:///dev/ttyACM0"),
    "ros-arduino": Preset(url="ros-arduino:///dev/ttyUSB0"),
}

LIDARS: Final[dict[str, dict[str, str]]] = {
    "ld19": {"beams": "450", "range_min_m": "0.02", "range_max_m": "12.0", "rate_hz": "10.0", "noise": "0.010"},
    "ld06": {"beams": "450", "range_min_m": "0.02", "range_max_m": "12.0", "rate_hz": "10.0", "noise": "0.010"},
    "rplidar": {"beams": "360", "range_min_m": "0.15", "range_max_m": "12.0", "rate_hz": "5.5", "noise": "0.020"},
}


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask; ``check`` raises ``ValueError`` with what was expected."""

    key: str
    text: str
    default: Callable[[Answers], str]
    check: Callable[[str], None]
    asked: Callable[[Answers], bool] = lambda _answers: True


def _one_of(names: Mapping[str, object] | tuple[str, ...]) -> Callable[[str], None]:
    def check(text: str) -> None:
        if text not in names:
            raise ValueError(f"one of {', '.join(names)}")

    return check


def _number(low: float, high: float) -> Callable[[str], None]:
    def check(text: str) -> None:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")

    return check


def _whole(low: int, high: int) -> Callable[[str], None]:
    def check(text: str) -> None:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
            raise ValueError(f"a whole number from {low} to {high}")

    return check


def _name(text: str) -> None:
    if not (0 < len(text) <= 40 and all(letter.isalnum() or letter in "-_ " for letter in text)):
        raise ValueError("letters, digits, blanks, - and _; at most 40")


def _always(text: str) -> Callable[[Answers], str]:
    return lambda _answers: text


def _of_base(field: str) -> Callable[[Answers], str]:
    return lambda answers: f"{getattr(PRESETS[answers['base']], field):g}"


QUESTIONS: Final = (
    Question("name", "name of the robot", _always("my_robot"), _name),
    Question("base", "motor controller or base", _always("bridge"), _one_of(PRESETS)),
    Question("lidar", "lidar", _always("ld19"), _one_of(LIDARS)),
    Question("wheel_radius_m", "radius of a wheel, m", _of_base("wheel_radius_m"), _number(0.005, 1.0)),
    Question("track_m", "distance of the wheels' middles, m", _of_base("track_m"), _number(0.03, 3.0)),
    Question(
        "ticks", "encoder counts a turn of the wheel (4x)", _of_base("ticks_per_wheel_rev"), _whole(4, 10_000_000)
    ),
    Question(
        "shape",
        "outline seen from above: circle or box",
        lambda answers: "circle" if PRESETS[answers["base"]].radius_m else "box",
        _one_of(("circle", "box")),
    ),
    Question(
        "radius_m",
        "radius of the circle around the middle of the axle, m",
        lambda answers: f"{PRESETS[answers['base']].radius_m or 0.15:g}",
        _number(0.03, 3.0),
        lambda answers: answers["shape"] == "circle",
    ),
    Question(
        "front_m", "from the axle to the front, m", _always("0.12"), _number(0.01, 3.0), lambda a: a["shape"] == "box"
    ),
    Question(
        "rear_m", "from the axle to the rear, m", _always("0.18"), _number(0.01, 3.0), lambda a: a["shape"] == "box"
    ),
    Question(
        "width_m",
        "whole width, wheels included, m",
        lambda answers: f"{float(answers['track_m']) + 0.04:g}",
        _number(0.03, 3.0),
        lambda a: a["shape"] == "box",
    ),
    Question("height_m", "height, m", _always("0.2"), _number(0.02, 3.0)),
    Question("mass_kg", "mass without the wheels, kg", _of_base("mass_kg"), _number(0.1, 500.0)),
    Question("v_max_mps", "fastest speed, m/s", _of_base("v_max_mps"), _number(0.05, 5.0)),
    Question("lidar_x_m", "lidar ahead of the axle, m (behind: negative)", _always("0.0"), _number(-3.0, 3.0)),
    Question("lidar_y_m", "lidar left of the middle, m (right: negative)", _always("0.0"), _number(-3.0, 3.0)),
    Question("lidar_yaw_deg", "lidar's zero turned to the left, degrees", _always("0"), _number(-180.0, 180.0)),
)


def ask_all(given: Answers, ask: Callable[[Question, str], str | None]) -> Answers:
    """All answers: those given, else what ``ask(question, default)`` says (None = the default).

    Raises ``ConfigError`` naming the key for an answer that is none, given or told, or a key that is not asked.
    """
    known = {question.key for question in QUESTIONS}
    for key in given:
        if key not in known:
            raise ConfigError(f"--set {key}: there is no such question; there are: {', '.join(sorted(known))}")
    answers: Answers = {}
    for question in QUESTIONS:
        if not question.asked(answers):
            continue
        default = question.default(answers)
        text = given[question.key] if question.key in given else ask(question, default)
        text = default if text is None or not text.strip() else text.strip()
        try:
            question.check(text)
        except ValueError as error:
            raise ConfigError(f"{question.key}: {text!r}: expected {error}") from None
        answers[question.key] = text
    return answers


def robot_text(answers: Answers) -> str:
    """The robot file. Raises ``ConfigError`` when the answers make no robot together."""
    preset = PRESETS[answers["base"]]
    lidar = LIDARS[answers["lidar"]]
    radius_m, track_m, v_max_mps = (float(answers[key]) for key in ("wheel_radius_m", "track_m", "v_max_mps"))
    mass_kg, height_m = float(answers["mass_kg"]), float(answers["height_m"])
    outline = tuple(_outline(answers))
    front_m, rear_m = max(x for x, _ in outline), -min(x for x, _ in outline)
    width_m = 2.0 * max(y for _, y in outline)
    w_max_radps = min(3.0, 2.0 * v_max_mps / track_m)
    wheel_max_radps = (v_max_mps + 0.5 * w_max_radps * track_m) / radius_m
    back_emf = preset.supply_v / (1.4 * wheel_max_radps)
    beams = int(lidar["beams"])
    corners = ", ".join(f"[{x:.4f}, {y:.4f}]" for x, y in outline)
    text = f"""\
# Made by amr init. What "estimated" stands beside is used by simulations only; amr calibrate measures the rest.
name = "{answers["name"]}"
description = "{answers["base"]} base, {answers["lidar"]} lidar"

[body]
# Counter-clockwise; origin half-way between the wheels, x forward, y left. It must hold everything that sticks out.
outline_m = [[{corners}]]
height_m = {height_m}
mass_kg = {mass_kg}
# estimated: that of an even box
inertia_kgm2 = {mass_kg * ((front_m + rear_m) ** 2 + width_m**2) / 12.0:.5f}
# estimated
center_of_mass_m = [{-0.15 * rear_m:.4f}, 0.0]

[drive]
kind = "differential"
wheel_radius_m = {radius_m}
# estimated
wheel_width_m = {0.25 * radius_m:.4f}
# estimated
wheel_mass_kg = {0.02 * mass_kg:.4f}
wheel_positions_m = [[0.0, {0.5 * track_m}], [0.0, {-0.5 * track_m}]]
# estimated
caster_positions_m = [[{-0.75 * rear_m:.4f}, 0.0]]
track_m = {track_m}
ticks_per_wheel_rev = {answers["ticks"]}

[motor]
# all estimated from the fastest speed
supply_v = {preset.supply_v}
resistance_ohm = 2.0
torque_constant_nm_per_a = {max(0.7 * back_emf, 0.35 * mass_kg * radius_m):.4f}
back_emf_v_s_per_rad = {back_emf:.4f}
rotor_inertia_kgm2 = {0.3 * mass_kg * radius_m**2:.5f}
static_friction_nm = {0.15 * mass_kg * radius_m:.4f}
viscous_friction_nm_s_per_rad = 0.001
current_limit_a = 5.0

[limits]
v_max_mps = {v_max_mps}
v_reverse_max_mps = {0.5 * v_max_mps}
w_max_radps = {w_max_radps:.3f}
a_max_mps2 = 0.8
# reached with certainty on your floor? The safety envelope is built on it: measure it (amr calibrate)
brake_mps2 = 1.0
alpha_max_radps2 = 5.0
a_lateral_max_mps2 = 1.0

[lidar]
x_m = {float(answers["lidar_x_m"])}
y_m = {float(answers["lidar_y_m"])}
yaw_rad = {math.radians(float(answers["lidar_yaw_deg"])):.6f}
beams = {beams}
angle_min_rad = {-math.pi!r}
angle_increment_rad = {2.0 * math.pi / beams!r}
range_min_m = {lidar["range_min_m"]}
range_max_m = {lidar["range_max_m"]}
rate_hz = {lidar["rate_hz"]}
sweep = true
noise_sigma_m = {lidar["noise"]}
latency_s = 0.010

[imu]
# of an MPU-6050; a base without one is driven by its wheels
gyro_noise_radps = 0.0009
gyro_bias_radps = 0.0018
accel_noise_mps2 = 0.038

[link]
baud = 115200
host_to_mcu_delay_s = 0.003
mcu_to_host_delay_s = 0.003
telemetry_hz = {200 if answers["base"] == "bridge" else 50}

[firmware]
# of our own firmware: estimated, amr calibrate measures them
feed_forward_duty_s_per_m = {back_emf / radius_m / preset.supply_v:.4f}
feed_forward_static_duty = 0.03
proportional_duty_s_per_m = {0.9 * back_emf / radius_m / preset.supply_v:.4f}
integral_duty_per_m = {6.0 * back_emf / radius_m / preset.supply_v:.4f}
battery_min_v = {0.8 * preset.supply_v:.2f}

[physics]
friction = 0.7
"""
    parse_toml_section(text, "the answers", RobotConfig)
    return text


def drive_command(path: Path, answers: Answers) -> str:
    """How this robot is driven."""
    base, lidar = PRESETS[answers["base"]].url, answers["lidar"]
    return f"amr drive --robot {path} --base {base} --lidar {lidar}:///dev/ttyUSB1 --goal 1,0"


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Write the file. Raises ``ConfigError`` when there is one already and ``force`` is not set."""
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path}: exists already; --force writes over it") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None


def _outline(answers: Answers) -> Iterator[tuple[float, float]]:
    if answers["shape"] == "circle":
        corner_m = float(answers["radius_m"]) / math.cos(math.pi / SIDES)
        for side in range(SIDES):
            angle_rad = math.pi * (2 * side + 1) / SIDES
            yield corner_m * math.cos(angle_rad), corner_m * math.sin(angle_rad)
        return
    front_m, rear_m, half_m = (float(answers["front_m"]), float(answers["rear_m"]), 0.5 * float(answers["width_m"]))
    yield from ((-rear_m, -half_m), (front_m, -half_m), (front_m, half_m), (-rear_m, half_m))
