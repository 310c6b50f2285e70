"""The suite "harder than BARN" as a file in BARN's format, with the conditions that its runs are driven under."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any, Final

import numpy as np

from amr.config.conditions import Conditions
from amr.config.hardware import Body
from amr.geometry import Pose2
from sim.world import Bounds, Circle, World, wall
from sim.worlds.hard import GAP_M, KINDS, LENGTH_M, WIDTH_M, Yard
from sim.worlds.passable_outline import outline_space

CONDITIONS: Final = Conditions(
    lidar_latency_s=0.080,
    host_to_mcu_delay_s=0.055,
    reaction_s=0.15,
    goal_tolerance_m=0.3,
    friction=0.3,
    wheel_true_scales=(1.05, 0.95),
)
"""150 ms from light to torque, a slippery floor, wheels 5 % larger or smaller than the robot believes."""
CLEARANCE_M: Final = 0.03
"""Kept by the outline on the way that the generator checks."""
START_YAW_RAD: Final = 1.57
_TRIES: Final = 100


def hard_file(count: int, seed: int) -> dict[str, Any]:
    """``count`` worlds, kinds in turn, each with a way for the Jackal; equal arguments give equal files."""
    kinds, body = list(KINDS), jackal_body()
    worlds = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        yard = passable_yard(kind, seed, number, body)
        worlds.append(
            {
                "id": f"{kind}-{seed}-{number}",
                "start": [*yard.start, START_YAW_RAD],
                "goal": list(yard.goal),
                "walls": [list(piece) for piece in yard.walls],
                "discs": [list(disc) for disc in yard.discs],
            }
        )
    meta = {
        "source": f"generated: python -m sim.worlds.generate hard --count {count} --seed {seed}",
        "frame": f"metres; yard {WIDTH_M} x {LENGTH_M}; +y is the direction of travel",
        "walls": "[x, y, x, y, thickness]",
        "discs": "[x, y, radius]",
        "gap_m": GAP_M,
        "goal_radius": 1.0,
        "timeout_s": 240.0,
        "conditions": CONDITIONS.model_dump(exclude_none=True, mode="json"),
    }
    return {"meta": meta, "worlds": worlds}


def jackal_body() -> Body:
    """The outline that must get through."""
    text = (files("seeds") / "robots" / "jackal.toml").read_text(encoding="utf-8")
    return Body.model_validate(tomllib.loads(text)["body"])


def passable_yard(kind: str, seed: int, number: int, body: Body) -> Yard:
    """The first yard of this kind and seed in which ``body`` can get to the goal; ``ValueError`` when there is none."""
    for attempt in range(_TRIES):
        yard = Yard()
        KINDS[kind](yard, np.random.default_rng((seed, 57, number, attempt)))
        yard.enclose()
        start = Pose2(*yard.start, START_YAW_RAD)
        if outline_space(world_of(yard), body, CLEARANCE_M).joins(start, yard.goal, 0.5):
            return yard
    raise ValueError(f"{kind}: seed {seed}, world {number}: no passable yard in {_TRIES} tries")


def world_of(yard: Yard) -> World:
    """The yard as the simulation's world."""
    return World(
        "hard",
        tuple(Circle(*disc) for disc in yard.discs),
        tuple(wall((ax, ay), (bx, by), thickness) for ax, ay, bx, by, thickness in yard.walls),
        bounds=Bounds(0.0, 0.0, WIDTH_M, LENGTH_M),
    )
