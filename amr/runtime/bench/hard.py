"""``amr bench hard``: the suite "harder than BARN" (``sim.worlds.hard``), as committed or freshly generated.

Its worlds and conditions (delay, friction, wrong odometry scale) come from the file; everything else is as in
``amr.runtime.bench.barn``. A run succeeds when the true position comes within the goal's radius without any contact:
by odometry alone no robot can tell that a scale is wrong, and 5 % of 13 m still end inside that radius.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from amr.runtime.bench import barn
from amr.runtime.bench.barn import BarnOptions, TrialScore

Progress = Callable[[TrialScore, int, int], None]


def packaged() -> Path:
    """The committed suite."""
    return Path(str(files("seeds") / "worlds" / "hard.json"))


def run(
    options: BarnOptions, fresh_seed: int | None = None, count: int = 60, progress: Progress | None = None
) -> dict[str, Any]:
    """All trials of ``options.data``, or of ``count`` worlds freshly made from ``fresh_seed`` (then it is not read).

    The result of ``barn.run`` and, under ``kinds``, [succeeded, trials, contacts] of each kind of world.
    """
    if fresh_seed is None:
        return _by_kind(barn.run(options, progress))
    from sim.worlds.hard_files import hard_file

    text = json.dumps(hard_file(count, fresh_seed))
    with tempfile.TemporaryDirectory() as folder:
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
        path = (options.out or Path(folder)) / "worlds.json"
        path.write_text(text, encoding="utf-8")
        return _by_kind(barn.run(replace(options, data=path), progress))


def _by_kind(result: dict[str, Any]) -> dict[str, Any]:
    kinds: dict[str, list[int]] = {}
    for trial in result["trials"]:
        row = kinds.setdefault(str(trial["world"]).split("-")[0], [0, 0, 0])
        for column, value in enumerate((trial["success"], True, trial["collided"])):
            row[column] += int(value)
    return {**result, "kinds": kinds}
