"""The simulated world is the same to the bit whatever the CPU offers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import hashlib, tomllib
from amr.config.robot import RobotConfig
from sim.plant import Plant
from sim.worlds.files import load_world

digest = hashlib.sha256()
for name in ("jackal", "reference"):
    robot = RobotConfig.model_validate(tomllib.load(open(f"seeds/robots/{name}.toml", "rb")))
    plant = Plant(load_world("office"), robot, 7, "planar")
    for tick in range(150):
        plant.advance(5_000_000, 0.3, 0.3 + 0.002 * tick)
        digest.update(repr((plant.truth(), plant.imu(), plant.encoders(), plant.clearance_m)).encode())
        for scan in plant.scans_due(plant.time_ns):
            digest.update(scan.ranges_m.tobytes())
print(digest.hexdigest())
"""


def run_on(cpu: str | None, numpy_off: str | None, cache: Path) -> str:
    """Digest of a run in a process of its own."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    if cpu is not None:
        environment |= {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(cache)}
    if numpy_off is not None:
        environment["NPY_DISABLE_CPU_FEATURES"] = numpy_off
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_world_is_equal_to_the_bit_on_a_cpu_without_vector_units(tmp_path: Path) -> None:
    assert run_on("generic", "AVX2 FMA3 AVX512F", tmp_path) == run_on(None, None, tmp_path)
