"""``amr bench falsify``: tries to make the robot hit what its stated assumptions forbid, at random and by search.

The whole core drives by a careless hand (``falsify_case``) through link, shipped firmware and the planar physics. Half
of the cases are random, the others are changed copies of those that came nearest to a contact: a search for the
robustness of the property "no forbidden contact" (Annpureddy et al., "S-TaLiRo", TACAS 2011).
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from amr.config.robot import RobotConfig
from amr.errors import DataError
from amr.geometry import IDENTITY
from amr.messages import LinkState, LinkStatus, Operator, OperatorAction, Scan, Teleop
from amr.registry import make_planning_worker
from amr.robot import RobotCore
from amr.runtime.bench.falsify_case import LENGTH_S, ROBOTS, FalsifyCase, case_of, mutated, random_case
from amr.runtime.bench.falsify_judge import Verdict, verdict_of
from amr.runtime.bench.workers import WorkerDied, run_in_workers
from amr.runtime.files import load_robot
from amr.units import NS_PER_S, ns_from_s
from firmware_bridge.link import HostLink, link_config_from_robot
from firmware_bridge.native import NativeFirmware
from sim.faults import FaultyPlant, LidarFault, SensorFaults
from sim.lockstep import Lockstep

_GENERATION: Final = 40
_ELITE: Final = 24
_STAND_NS: Final = 2 * NS_PER_S
_AIM_GAIN_PER_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class FalsifyResult:
    """How one case ended; ``least_m``: nearest that the outline came to anything while the robot moved."""

    case: FalsifyCase
    verdict: Verdict
    least_m: float
    details: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """For ``--json`` and files."""
        return {**self.details, "verdict": self.verdict.value, "least_m": self.least_m, "case": self.case.to_json()}


def run(
    runs: int, seed: int = 0, workers: int = 1, progress: Callable[[FalsifyResult, int, int], None] | None = None
) -> dict[str, Any]:
    """``runs`` cases; counts of the verdicts, and every case that ended in a contact, worst first."""
    random = np.random.default_rng((seed, 59))
    bodies = {name: load_robot(name).body for name in ROBOTS}
    elite: list[FalsifyResult] = []
    found: list[FalsifyResult] = []
    verdicts: Counter[str] = Counter()
    died = done = 0
    while done < runs:
        cases = []
        for number in range(min(_GENERATION, runs - done)):
            searched = bool(elite) and number % 2 == 1
            parent = elite[int(random.integers(len(elite)))].case if searched else None
            cases.append(random_case(random, bodies) if parent is None else mutated(parent, random, bodies))
        order = {case: number for number, case in enumerate(cases)}
        results = []
        for case, result in run_in_workers(drive_case, cases, workers):
            done += 1
            if isinstance(result, WorkerDied):
                died += 1
                continue
            results.append((order[case], result))
            verdicts[result.verdict.value] += 1
            if progress is not None:
                progress(result, done, runs)
        ordered = [result for _, result in sorted(results, key=lambda pair: pair[0])]
        found += [result for result in ordered if result.verdict is not Verdict.CLEAR]
        # what was found once is found: its neighbors would only show it again
        alive = [result for result in (*elite, *ordered) if result.verdict is Verdict.CLEAR]
        elite = sorted(alive, key=lambda result: result.least_m)[:_ELITE]
    forbidden = [result for result in found if result.verdict is Verdict.FORBIDDEN]
    return {
        "runs": runs,
        "seed": seed,
        "verdicts": dict(verdicts),
        "died": died,
        "forbidden": [result.to_json() for result in forbidden],
        "others": [result.to_json() for result in found if result.verdict is not Verdict.FORBIDDEN],
        "nearest_m": elite[0].least_m if elite else None,
    }


def run_file(path: Path) -> FalsifyResult:
    """The case of a file that a run left, driven once more. Raises ``DataError`` in one line."""
    try:
        case = case_of(json.loads(path.read_text(encoding="utf-8"))["case"])
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: expected a case of amr bench falsify --out") from error
    return drive_case(case)


def drive_case(case: FalsifyCase) -> FalsifyResult:
    """One case in this process."""
    robot, world = robot_of(case), case.world()
    plant = FaultyPlant(world, robot, case.seed, "planar", IDENTITY, faults_of(case))
    link = HostLink(link_config_from_robot(robot), host_nonce=case.seed + 1)
    core = RobotCore(robot, case.seed)
    mcu = NativeFirmware(case.seed + 1)
    lockstep = Lockstep(core, make_planning_worker(robot), plant, mcu, link, robot, time.perf_counter_ns)
    scans: list[Scan] = []
    armed = link_up = False
    least_m = math.inf
    end_ns = _STAND_NS + ns_from_s(LENGTH_S)
    while plant.time_ns < end_ns and plant.contact is None:
        done = lockstep.step()
        for message in done.inputs.messages:
            if isinstance(message, LinkStatus):
                link_up = message.state is LinkState.UP
            elif isinstance(message, Scan):
                scans.append(message)
        if not armed and link_up and plant.time_ns >= _STAND_NS:
            lockstep.offer(Operator(plant.time_ns, OperatorAction.ARM))
            armed = True
        body = plant.truth()
        if abs(body.v_mps) + abs(body.w_radps) * robot.body.circumradius_m > robot.safety.creep_mps:
            least_m = min(least_m, plant.clearance_m)
        lockstep.offer(_wish(case, robot, plant))
    contact = plant.contact
    plant.close()
    if contact is None:
        return FalsifyResult(case, Verdict.CLEAR, least_m, {})
    verdict, details = verdict_of(lockstep.trace, scans, world, robot, case.speed_mps)
    return FalsifyResult(
        case, verdict, 0.0, {"obstacle": contact.obstacle, "time_s": contact.time_ns * 1e-9, **details}
    )


def robot_of(case: FalsifyCase) -> RobotConfig:
    """The robot file, told what to expect of obstacles, with a lidar that loses beams."""
    robot = load_robot(case.robot)
    safety = robot.safety.model_copy(update={"obstacle_speed_mps": case.speed_mps})
    lidar = robot.lidar.model_copy(update={"dropout_frac": case.dropout_frac})
    return robot.model_copy(update={"safety": safety, "lidar": lidar})


def faults_of(case: FalsifyCase) -> SensorFaults:
    """What breaks at ``fault_s``."""
    from_ns = ns_from_s(case.fault_s)
    if case.fault.startswith("lidar "):
        return SensorFaults(from_ns, lidar=LidarFault(case.fault.removeprefix("lidar ")))
    return SensorFaults(from_ns, imu_frozen=case.fault == "imu frozen")


def _wish(case: FalsifyCase, robot: RobotConfig, plant: FaultyPlant) -> Teleop:
    """What the hand wishes now."""
    now_s = plant.time_ns / NS_PER_S
    left_s = now_s - _STAND_NS / NS_PER_S
    row = case.hand[-1]
    for candidate in case.hand:
        row = candidate
        if left_s < candidate[0]:
            break
        left_s -= candidate[0]
    limits = robot.limits
    v_mps, w_radps = row[1] * limits.v_max_mps, row[2] * limits.w_max_radps
    target = case.target(int(row[3]), now_s)
    if target is not None:
        body = plant.truth()
        bearing_rad = math.atan2(target[1] - body.y_m, target[0] - body.x_m) - body.yaw_rad
        w_radps = _AIM_GAIN_PER_S * math.remainder(bearing_rad, math.tau)
    return Teleop(plant.time_ns, v_mps, w_radps)
