"""Where the time of a control cycle goes: the MPPI controller with a watch on its parts."""

from __future__ import annotations

import time
from collections import defaultdict

from amr.config.robot import RobotConfig
from amr.control.base import ControlInput, ControlOutput
from amr.control.mppi import MppiController, Problem
from amr.control.terms import Term
from amr.control.terms.base import TermContext

PREPARE = "goal field, prediction, candidates"
REST = "rollout, weights, mean, call overhead"


class TimedController(MppiController):
    """Counts the time of each term, of the preparation, and of the rest; reading the clock adds some microseconds."""

    def __init__(self, config: RobotConfig, seed: int) -> None:
        super().__init__(config, seed)
        self.spent_ns: dict[str, int] = defaultdict(int)
        self.cycles = 0
        names = config.control.mppi.terms
        self._terms = tuple(self._timed(name, term) for name, term in zip(names, self._terms, strict=True))

    def compute(self, control_input: ControlInput, /) -> ControlOutput:
        """See ``Controller.compute``."""
        before_ns = sum(self.spent_ns.values())
        begin_ns = time.perf_counter_ns()
        output = super().compute(control_input)
        whole_ns = time.perf_counter_ns() - begin_ns
        self.spent_ns[REST] += whole_ns - (sum(self.spent_ns.values()) - before_ns)
        self.cycles += 1
        return output

    def prepare(self, control_input: ControlInput) -> Problem | ControlOutput:
        """See ``MppiController.prepare``."""
        begin_ns = time.perf_counter_ns()
        problem = super().prepare(control_input)
        self.spent_ns[PREPARE] += time.perf_counter_ns() - begin_ns
        return problem

    def parts_ms(self) -> dict[str, float]:
        """Mean time of each part in a cycle."""
        return {name: spent_ns / 1e6 / max(self.cycles, 1) for name, spent_ns in self.spent_ns.items()}

    def _timed(self, name: str, term: Term) -> Term:
        def timed(context: TermContext) -> None:
            begin_ns = time.perf_counter_ns()
            term(context)
            self.spent_ns[f"term {name}"] += time.perf_counter_ns() - begin_ns

        return timed
