"""Worlds from a seed: ``python -m sim.worlds.generate KIND --seed N --out FILE``.

Kinds: ``office``, ``warehouse``, ``corridor``, ``rooms`` and ``cellular`` write a world file (TOML); ``barn``,
``dynabarn`` and ``hard`` write ``--count`` worlds in the benchmark's format (JSON).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from amr.errors import AmrError, ConfigError
from sim.worlds import cellular
from sim.worlds.barn_files import LEVELS, barn_file, dynabarn_file
from sim.worlds.draft import Draft
from sim.worlds.halls import corridor, rooms, warehouse
from sim.worlds.hard_files import hard_file
from sim.worlds.office import office
from sim.worlds.passable import free_space
from sim.worlds.schema import WorldModel, world_toml

PASSABLE_RADIUS_M: Final = 0.33
"""A disc of this radius must reach every goal: the Jackal's half diagonal and 2 cm."""


def cellular_toml(seed: int) -> WorldModel:
    """One cellular world as a world file."""
    made = cellular.cellular_world(seed, 0.2, 3)
    draft = Draft("cellular", f"Cylinders of a cellular automaton, seed {seed}", (-5.0, -0.5, 0.5, 14.0))
    for column, row in made.cells:
        x = column * cellular.CELL_M + cellular.X_OFFSET_M
        draft.circle((x, row * cellular.CELL_M + cellular.Y_OFFSET_M), cellular.RADIUS_M)
    return draft.finish((*cellular.START, 1.57), [cellular.GOAL])


_WORLDS: Final[dict[str, Callable[[int], WorldModel]]] = {
    "office": office,
    "warehouse": warehouse,
    "corridor": corridor,
    "rooms": rooms,
    "cellular": cellular_toml,
}
_BENCHMARKS: Final[dict[str, Callable[[int, int], dict[str, Any]]]] = {
    "barn": barn_file,
    "dynabarn": dynabarn_file,
    "hard": hard_file,
}


def world_of(kind: str, seed: int) -> WorldModel:
    """A generated world whose goals are all reached; raises ``ConfigError`` when this seed gives none."""
    model = _WORLDS[kind](seed)
    if not is_passable(model):
        raise ConfigError(
            f"{kind}: seed {seed} leaves no way {2.0 * PASSABLE_RADIUS_M} m wide to all goals, take another"
        )
    return model


def is_passable(model: WorldModel) -> bool:
    """True when a disc of ``PASSABLE_RADIUS_M`` gets from the start to every goal, people left out."""
    places = [(model.start[0], model.start[1]), *((goal[0], goal[1]) for goal in model.goals)]
    return free_space(model.world()).joined(places, PASSABLE_RADIUS_M)


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 on success, 2 with one line on standard error otherwise."""
    parser = argparse.ArgumentParser(prog="python -m sim.worlds.generate", description=__doc__)
    parser.add_argument("kind", choices=[*_WORLDS, *_BENCHMARKS])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10, help="worlds in a benchmark file")
    parser.add_argument("--level", choices=LEVELS, help="of all worlds of a dynabarn file; without it they grow harder")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(arguments)
    try:
        if asked.seed < 0 or not 0 < asked.count <= 10_000:
            raise ConfigError("--seed must be >= 0 and --count from 1 to 10000")
        if asked.level is not None and asked.kind != "dynabarn":
            raise ConfigError("--level goes with dynabarn only")
        if asked.kind == "dynabarn":
            text = _compact(dynabarn_file(asked.count, asked.seed, asked.level))
        elif asked.kind in _BENCHMARKS:
            text = _compact(_BENCHMARKS[asked.kind](asked.count, asked.seed))
        else:
            command = f"python -m sim.worlds.generate {asked.kind} --seed {asked.seed}"
            text = f"# Made by: {command}\n" + world_toml(world_of(asked.kind, asked.seed))
        asked.out.write_text(text, encoding="utf-8")
    except (AmrError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _compact(data: dict[str, Any]) -> str:
    """JSON with one line for each world."""
    worlds = ",\n".join(json.dumps(world, separators=(",", ":")) for world in data["worlds"])
    return f'{{"meta":{json.dumps(data["meta"], indent=1)},\n"worlds":[\n{worlds}\n]}}\n'


if __name__ == "__main__":
    sys.exit(main())
