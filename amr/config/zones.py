"""Rules of a place, drawn on its map: where the robot must not go, and where it goes slowly.

They are part of what decides a drive, so a robot's configuration carries them, and every log's header with it.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from amr.config.base import Section
from amr.config.hardware import Point, Positive

Corners = Annotated[tuple[Point, ...], Field(min_length=3, max_length=200)]
"""Corners of a simple polygon in order, map frame, m; either sense."""


class KeepOut(Section):
    """No part of the robot's outline may enter."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    polygon_m: Corners

    @model_validator(mode="after")
    def _polygon_is_simple(self) -> Self:
        _refuse_crossings(self.polygon_m)
        return self


class SpeedZone(Section):
    """While any part of the outline is inside, no point of it is faster than ``speed_max_mps``."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    polygon_m: Corners
    speed_max_mps: Positive

    @model_validator(mode="after")
    def _polygon_is_simple(self) -> Self:
        _refuse_crossings(self.polygon_m)
        return self


class Zones(Section):
    """``MAP.zones.toml`` beside a map; empty = no rules."""

    keep_out: Annotated[tuple[KeepOut, ...], Field(max_length=200)] = ()
    speed: Annotated[tuple[SpeedZone, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [zone.name for zone in self.keep_out] + [zone.name for zone in self.speed]
        if len(set(names)) != len(names):
            raise ValueError("name: must differ from zone to zone")
        return self


def _refuse_crossings(corners: tuple[Point, ...]) -> None:
    """``ValueError`` when two edges cross or touch, or when an edge has no length."""
    count = len(corners)
    edges = [(corners[k], corners[(k + 1) % count]) for k in range(count)]
    for k, (a, b) in enumerate(edges):
        if a == b:
            raise ValueError(f"polygon_m[{k}]: equals the next corner")
        for n in range(k + 1, count):
            neighbors = n == k + 1 or (k == 0 and n == count - 1)
            if not neighbors and _meet(a, b, *edges[n]):
                raise ValueError(f"polygon_m: the edges from corner {k} and from corner {n} cross")
    if sum(_cross(corners[0], a, b) for a, b in edges) == 0.0:
        raise ValueError("polygon_m: has no area")


def _cross(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    if max(a[0], b[0]) < min(c[0], d[0]) or max(c[0], d[0]) < min(a[0], b[0]):
        return False
    if max(a[1], b[1]) < min(c[1], d[1]) or max(c[1], d[1]) < min(a[1], b[1]):
        return False
    return _cross(a, b, c) * _cross(a, b, d) <= 0.0 and _cross(c, d, a) * _cross(c, d, b) <= 0.0
