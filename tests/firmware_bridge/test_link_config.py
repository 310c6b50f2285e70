"""The robot file in the wire's units."""

from __future__ import annotations

import math

import pytest
from mcu_model import jackal

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from firmware_bridge import wire
from firmware_bridge.link_config import link_config_from_robot


def changed(section: str, **values: float) -> RobotConfig:
    robot = jackal()
    return robot.model_copy(update={section: getattr(robot, section).model_copy(update=values)})


def test_each_raw_number_is_the_robot_files_si_value() -> None:
    robot = jackal()
    config = link_config_from_robot(robot)
    raw = config.configure

    def si(name: str) -> float:
        return float(getattr(raw, name)) * wire.scale(wire.Configure, name)

    assert si("nm_per_tick") == pytest.approx(2 * math.pi * 0.098 / 4096, rel=1e-5)
    assert si("track_um") == pytest.approx(0.5586)
    assert si("feed_forward_q16") == pytest.approx(0.345, abs=1e-5)
    assert si("proportional_q16") == pytest.approx(0.6, abs=1e-5)
    assert si("integral_q16") == pytest.approx(3.0, abs=1e-5)
    assert si("static_duty_q15") == pytest.approx(0.02, abs=2e-5)
    assert si("stop_ramp_mm_s2") == pytest.approx(3.5)
    assert si("wheel_accel_mm_s2") == pytest.approx(3.0 + 12.0 * 0.5586 / 2, abs=1e-3)
    assert si("wheel_decel_mm_s2") == pytest.approx(3.5 + 12.0 * 0.5586 / 2, abs=1e-3)
    assert (raw.loop_hz, raw.telemetry_hz, raw.command_timeout_ms, raw.battery_min_mv) == (200, 200, 100, 18000)
    assert (config.command_timeout_ns, config.telemetry_period_ns) == (100_000_000, 5_000_000)


def test_limits_have_room_for_rounding_and_not_more_than_2_percent() -> None:
    raw = link_config_from_robot(jackal()).configure
    assert (raw.v_max_mm_s, raw.v_reverse_max_mm_s) == (2041, 613)
    assert raw.wheel_max_mm_s == math.ceil((2.0 + 4.0 * 0.5586 / 2) * 1020 + 1)


def test_full_static_duty_fits() -> None:
    config = link_config_from_robot(changed("firmware", feed_forward_static_duty=1.0))
    assert config.configure.static_duty_q15 == 32767
    wire.encode(config.configure)


def test_flags_and_delays_are_passed_on() -> None:
    robot = changed("link", host_to_mcu_delay_s=0.035, mcu_to_host_delay_s=0.005)
    config = link_config_from_robot(robot, int(wire.ConfigFlag.LEFT_MOTOR_INVERTED))
    assert config.configure.flags == 4
    assert (config.host_to_mcu_delay_ns, config.mcu_to_host_delay_ns) == (35_000_000, 5_000_000)


@pytest.mark.parametrize(
    ("section", "values", "key"),
    [
        ("firmware", {"battery_min_v": 70.0}, "firmware.battery_min_v"),
        ("firmware", {"integral_duty_per_m": 1000.0}, "firmware.integral_duty_per_m"),
        ("limits", {"v_max_mps": 80.0}, "limits.v_max_mps"),
        ("limits", {"brake_mps2": 1e-5}, "limits.brake_mps2"),
        ("drive", {"track_m": 1e6}, "limits.v_max_mps with limits.w_max_radps|drive.track_m"),
    ],
)
def test_what_the_wire_cannot_carry_names_the_key(section: str, values: dict[str, float], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        link_config_from_robot(changed(section, **values))
