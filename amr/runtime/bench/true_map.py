"""``python -m amr.runtime.bench.true_map WORLD --out FILE.yaml``: the map that perfect mapping makes of a world."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from amr.errors import AmrError
from amr.runtime.bench.localize_world import site_of, true_map
from amr.runtime.files import load_robot
from amr.runtime.maps import save_ros_map
from sim.worlds.files import load_world


def main(arguments: list[str] | None = None) -> int:
    """Write the map of a world (a file, or a name in ``seeds/worlds``)."""
    parser = argparse.ArgumentParser(prog="python -m amr.runtime.bench.true_map")
    parser.add_argument("world")
    parser.add_argument("--robot", default="reference")
    parser.add_argument("--resolution", type=float, default=0.025, metavar="M")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        site, robot = site_of(load_world(options.world)), load_robot(options.robot)
        image = true_map(site, robot, options.resolution)
        save_ros_map(options.out, image, ".png")
    except AmrError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
