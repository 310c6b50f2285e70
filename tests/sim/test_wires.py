"""Crossed wires: what the robot file tells the firmware undoes what it tells the simulation."""

from __future__ import annotations

from itertools import chain, combinations
from typing import get_args

import pytest

from amr.config.hardware import Crossed
from amr.messages import BaseState, WheelCommand
from amr.runtime.files import load_robot
from firmware_bridge.link import HostLink, link_config_from_robot
from firmware_bridge.native import NativeFirmware
from sim.plant import Plant
from sim.virtual_robot import VirtualRobot
from sim.wires import Wires
from sim.world import World

NAMES = get_args(Crossed)
ALL = list(chain.from_iterable(combinations(NAMES, n) for n in range(len(NAMES) + 1)))


class Commander:
    """A host that arms and turns left."""

    def __init__(self, robot: VirtualRobot, link: HostLink) -> None:
        self.robot, self.link, self.base = robot, link, None

    def poll(self, now_ns: int) -> None:
        for event in self.link.receive(self.robot.transport.read_available(), now_ns):
            self.base = event if isinstance(event, BaseState) else self.base
        self.robot.transport.write(self.link.poll(now_ns)[0])

    def step(self, now_ns: int) -> None:
        armed = now_ns > 500_000_000
        command = WheelCommand(-0.05, 0.15, now_ns + 100_000_000, None, armed)
        self.robot.transport.write(self.link.command(command, now_ns))


@pytest.mark.parametrize("wiring", ALL[::3], ids=lambda names: "+".join(names) or "none")
def test_a_robot_whose_file_tells_its_wiring_drives_as_told(wiring: tuple[str, ...]) -> None:
    plain = load_robot("reference")
    robot = plain.model_copy(update={"firmware": plain.firmware.model_copy(update={"wiring": wiring})})
    virtual = VirtualRobot(Plant(World("floor"), robot, 1, "planar"), NativeFirmware(1))
    commander = Commander(virtual, HostLink(link_config_from_robot(robot), 5))
    while virtual.plant.time_ns < 1_500_000_000:
        virtual.drive(commander)
    body = virtual.truth()
    assert body.v_mps == pytest.approx(0.05, abs=0.01)
    assert body.w_radps == pytest.approx(0.2 / 0.22, rel=0.05)
    assert commander.base is not None
    assert (commander.base.left_mps, commander.base.right_mps) == pytest.approx((-0.05, 0.15), abs=0.01)


def test_wires_that_are_not_crossed_change_nothing() -> None:
    wires = Wires()
    assert wires.counts(3, -4) == (3, -4)
    assert wires.duties(0.1, -0.2) == (0.1, -0.2)
    assert wires.modes("a", "b") == ("a", "b")
