"""The built wheel is whole: outside the clone, without it, ``amr sim office`` drives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_office_drives_from_the_installed_wheel(tmp_path: Path) -> None:
    run = {"check": True, "cwd": tmp_path, "stdout": subprocess.DEVNULL}
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)], **run)  # type: ignore[call-overload]
    (wheel,) = tmp_path.glob("amr-*.whl")
    home = tmp_path / "environment"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    (site,) = home.glob("lib/python*/site-packages")
    subprocess.run([*pip, "--python", str(python), "install", "--no-deps", str(wheel)], **run)  # type: ignore[call-overload]
    # the dependencies come from the environment of the tests; what is installed here is found before it
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(home / "bin" / "amr"), "sim", "office", "--json", "result.json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["success"]
    assert result["goals_reached"] == 3
    where = subprocess.run(
        [str(python), "-c", "import amr, sim, seeds; print(amr.__file__, sim.__file__, seeds.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert str(ROOT) not in where
    (report,) = tmp_path.glob("runs/*/report.html")
    assert report.stat().st_size > 50_000
