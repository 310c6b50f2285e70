"""``amr map explore``: an unknown place driven until nothing is left to see, in simulation or on a real robot.

The log is the work: whatever ends the drive, the map is made from what was logged, as ``amr map make`` does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from amr.config.scenario import Scenario
from amr.errors import ConfigError
from amr.geometry import Pose2
from amr.messages import Explore, FrontierResult, Goal, Inputs, Outputs
from amr.runtime.files import is_path, load_scenario, seed_names
from amr.runtime.result import finite

if TYPE_CHECKING:
    from amr.runtime.drive import DriveOptions, Hands
    from amr.runtime.progress import Progress
    from amr.runtime.result import RunResult
    from amr.runtime.trial import Trial

_HOMING_S: Final = 600.0
"""A simulated run ends this long after the time to explore is over."""


@dataclass(frozen=True, slots=True)
class Explored:
    """How an exploration ended, from the robot's own side.

    ``end``: ``complete``, ``time``, ``no frontier reachable``, each maybe with details after it, else why it was cut:
    ``stopped``, ``contact``, ``timeout``, ``lost: ...``.
    """

    end: str
    is_complete: bool
    is_home: bool
    time_s: float
    path_length_m: float
    known_m2: float
    frontiers_left: int
    frontiers_unreachable: int
    visited: int

    def json(self) -> dict[str, Any]:
        """As ``amr map explore --json`` tells it."""
        return {
            "success": self.is_complete and self.is_home,
            "end": self.end,
            "home": self.is_home,
            "time_s": finite(self.time_s),
            "path_length_m": finite(self.path_length_m),
            "known_m2": finite(self.known_m2),
            "frontiers_left": self.frontiers_left,
            "frontiers_unreachable": self.frontiers_unreachable,
            "visited": self.visited,
        }


class ExploreWatch:
    """Sees each step (a ``StepSink``), and knows at the end how the exploration went."""

    def __init__(self) -> None:
        self._answer: FrontierResult | None = None
        self._last: Outputs | None = None
        self._place: Pose2 | None = None
        self._path_m = 0.0

    def record(self, inputs: Inputs, outputs: Outputs) -> None:
        """Add one step."""
        for message in inputs.messages:
            if isinstance(message, FrontierResult) and not message.reason:
                self._answer = message
        self._last = outputs
        place = outputs.telemetry.odom_from_base
        if self._place is None:
            self._place = place
        elif place.is_finite() and place.distance_m(self._place) > 0.02:
            self._path_m += place.distance_m(self._place)
            self._place = place

    def explored(self, cut: str) -> Explored:
        """The result; ``cut``: why the drive was ended from outside, '' when the robot ended it."""
        answer, telemetry = self._answer, None if self._last is None else self._last.telemetry
        state = "" if telemetry is None else telemetry.mission_state
        reason = "" if telemetry is None else telemetry.mission_reason
        over = state in {"done", "failed"} and not cut
        return Explored(
            end=reason if over else cut or "stopped",
            is_complete=over and reason.startswith("complete"),
            is_home=state == "done",
            time_s=0.0 if self._last is None else self._last.now_ns * 1e-9,
            path_length_m=self._path_m,
            known_m2=math.nan if answer is None else answer.known_m2,
            frontiers_left=0 if answer is None else answer.frontiers,
            frontiers_unreachable=0 if answer is None else answer.unreachable,
            visited=0 if telemetry is None else telemetry.goals_reached,
        )


def explore_trial(
    place: str, seed: int | None, robot_file: str | None, backend: str | None, home: Goal | None, max_time_s: float
) -> Trial:
    """The trial that explores a scenario or a world, by name or file. Raises ``ConfigError``."""
    from dataclasses import replace

    from amr.runtime.trial import trial_of

    scenario = _scenario_of(place)
    if scenario.map is not None:
        scenario = scenario.model_copy(update={"map": None, "kidnaps": ()})
    trial = trial_of(scenario, seed, robot_file, backend, explore=Explore(0, home, max_time_s))
    return replace(trial, timeout_s=max_time_s + _HOMING_S)


def _scenario_of(place: str) -> Scenario:
    """A scenario, or a world as a scenario without goals."""
    from sim.worlds.files import load_world, world_names

    if is_path(place):
        try:
            world = load_world(place)
        except ConfigError:
            return load_scenario(place)
        return Scenario(name=world.name, world=place, robot="reference")
    if place in seed_names("scenarios"):
        return load_scenario(place)
    if place not in world_names():
        known = ", ".join(sorted({*seed_names("scenarios"), *world_names()}))
        raise ConfigError(f"{place}: no scenario or world of that name (known: {known}) and no path")
    return Scenario(name=place, world=place, robot="reference")


def explore_in_simulation(
    trial: Trial, log: Path, progress: Callable[[Progress], None] | None = None
) -> tuple[Explored, RunResult]:
    """One simulated exploration; an interrupt ends it. Raises ``AmrError`` for what cannot be run."""
    from amr.runtime.drive import until_signal
    from amr.runtime.log import LogWriter
    from amr.runtime.run_result import run_result
    from amr.runtime.simulate import Reporter, Snapshots
    from amr.runtime.simulated_run import SimulatedRun
    from amr.runtime.trial import log_header

    started_ns = time.monotonic_ns()
    simulated, watch = SimulatedRun(trial), ExploreWatch()
    pressed: list[bool] = []

    def heed_interrupt(run: SimulatedRun) -> None:
        if pressed and not run.outcome:
            run.outcome = "stopped"

    with ExitStack() as stack:
        writer = stack.enter_context(LogWriter(log, log_header(trial)))
        stack.callback(simulated.close)
        stack.enter_context(until_signal(lambda: pressed.append(True)))
        watchers: list[Callable[[SimulatedRun], None]] = [heed_interrupt, Snapshots(writer)]
        if progress is not None:
            watchers.append(Reporter(progress, started_ns))
        outcome = simulated.run((writer, watch), watchers)
    result = run_result(simulated, (time.monotonic_ns() - started_ns) * 1e-9, log, "fast")
    cut = outcome if outcome in {"stopped", "contact", "timeout"} else ""
    return watch.explored(cut), result


def explore_on_robot(options: DriveOptions, hands: Hands) -> Explored:
    """One exploration by a real robot, logged to ``options.log``. Raises as ``amr.runtime.drive.drive``."""
    from amr.runtime.drive import drive

    watch = ExploreWatch()
    summary = drive(options, hands, sinks=(watch,))
    return watch.explored("stopped" if summary.outcome == "stopped" else "")
