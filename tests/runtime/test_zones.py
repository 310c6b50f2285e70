"""Zones in a whole drive: read from a file, obeyed by the planner and the window, logged, and replayed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from amr.config.zones import KeepOut, Zones
from amr.errors import ConfigError
from amr.grid import COST_LETHAL
from amr.mapping.base import Inflation
from amr.mapping.global_grid import GlobalGrid
from amr.mapping.local_grid import LocalGrid
from amr.polygons import corners_of
from amr.runtime.files import load_robot, load_zones

BOX = ((2.0, -1.0), (3.0, -1.0), (3.0, 1.0), (2.0, 1.0))
TEXT = """
[[keep_out]]
name = "stairs"
polygon_m = [[2.0, -1.0], [3.0, -1.0], [3.0, 1.0], [2.0, 1.0]]
[[speed]]
name = "ramp"
polygon_m = [[5, 0], [6, 0], [6, 1]]
speed_max_mps = 0.3
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "office.zones.toml"
    path.write_text(text)
    return path


def test_a_zone_file_is_read(tmp_path):
    zones = load_zones(written(tmp_path, TEXT))
    assert zones.keep_out == (KeepOut(name="stairs", polygon_m=BOX),)
    assert zones.speed[0].speed_max_mps == 0.3


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[2.0, 1.0]]", "[nan, 1.0]]", "polygon_m"),
        ("0.3", "-0.3", "speed_max_mps"),
        ('"ramp"', '"stairs"', "must differ"),
        ("[[5, 0], [6, 0], [6, 1]]", "[[5, 0], [6, 0]]", "polygon_m"),
        ("[[5, 0], [6, 0], [6, 1]]", "[[5, 0], [6, 0], [7, 0]]", "polygon_m"),
        ("[3.0, -1.0], [3.0, 1.0]", "[3.0, 1.0], [3.0, -1.0]", "cross"),
        ("[[speed]]", "[[fast]]", "unknown key"),
    ],
)
def test_a_wrong_zone_file_is_named_in_one_line(tmp_path, old, new, expected):
    path = written(tmp_path, TEXT.replace(old, new))
    with pytest.raises(ConfigError, match=expected) as caught:
        load_zones(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def with_keep_out():
    return load_robot("jackal").model_copy(update={"zones": Zones(keep_out=(KeepOut(name="s", polygon_m=BOX),))})


def test_the_workers_map_holds_a_keep_out_zone_as_lethal_before_any_scan_and_forgets_it_never():
    grid = GlobalGrid(with_keep_out())
    inflation = Inflation(0.5, 5.0, 0.2, 0.3)
    for _ in range(2):
        costs = grid.cost_grid(inflation)
        for x_m, y_m in ((2.5, 0.0), (2.05, 0.95)):
            row, column = costs.frame.cell(x_m, y_m)
            assert costs.cost[row, column] == COST_LETHAL
        row, column = costs.frame.cell(1.0, 0.0)
        assert costs.cost[row, column] < COST_LETHAL
        grid.forget_disc(2.5, 0.0, 2.0)


def test_the_window_holds_a_keep_out_zone_as_an_obstacle_and_moves_over_it():
    config = with_keep_out()
    grid = LocalGrid(config)
    grid.forbid((corners_of(BOX),))
    field = grid.distance_field()
    row, column = field.frame.cell(2.5, 0.0)
    assert field.distance_m[row, column] == 0.0
    assert (grid.cells == 0).all(), "what scans saw stays apart from what is forbidden"
    grid.forbid(())
    assert np.all(grid.distance_field().distance_m > 0.0)


def office_without_people(folder: Path) -> Path:
    """Its scenario file: those who walk about there do not give way, and a zone is what is tested."""
    seeds = Path(__file__).parents[2] / "seeds"
    still, _, _ = (seeds / "worlds/office.toml").read_text(encoding="utf-8").partition("[[moving]]")
    world, scenario = folder / "still.toml", folder / "scenario.toml"
    world.write_text(still, encoding="utf-8")
    told = (seeds / "scenarios/office.toml").read_text(encoding="utf-8")
    scenario.write_text(told.replace('world = "office"', f'world = "{world}"'), encoding="utf-8")
    return scenario


@pytest.mark.slow
def test_a_drive_with_zones_keeps_out_and_replays_from_its_log_alone(tmp_path):
    from amr.polygons import is_inside
    from amr.runtime.replay import replay
    from amr.runtime.simulate import run

    # across the corridor's lower half, on the way of the office's first leg
    corners = ((4.6, 6.3), (5.6, 6.3), (5.6, 7.1), (4.6, 7.1))
    log = tmp_path / "run.mcap"
    seen: list[tuple[float, float]] = []
    result = run(
        str(office_without_people(tmp_path)),
        seed=3,
        backend="planar",
        zones=Zones(keep_out=(KeepOut(name="wet floor", polygon_m=corners),)),
        log=log,
        progress=lambda p: seen.append((p.x_m, p.y_m)),
    )
    assert result.success
    assert not any(is_inside(corners_of(corners), x, y) for x, y in seen)
    assert replay(log).equal
