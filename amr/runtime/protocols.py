"""What the shell needs of the core and of the worker: the seam between decisions and clocks, files, processes."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from amr.messages import FrontierResult, Inputs, Outputs, PlanResult, PoseFix, Request, Scan

Tree: TypeAlias = dict[str, Any]
"""State: nested dicts, lists, tuples, numbers, strings, enums, ``amr`` dataclasses and arrays (see ``amr.state``)."""


class Core(Protocol):
    """All decisions of the robot: no clock, thread, file, port or global random number inside."""

    def step(self, inputs: Inputs) -> Outputs:
        """One step at ``inputs.now_ns``; equal state and equal inputs give equal outputs, to the bit."""
        ...

    def state(self) -> Tree:
        """Everything that the next step depends on; shares no array with the core."""
        ...

    def restore(self, tree: Tree) -> None:
        """Become the core that ``state()`` was taken from."""
        ...


class Worker(Protocol):
    """Slow work: keeps its own map from the scans it is offered, answers requests with messages."""

    def offer_scan(self, scan: Scan) -> None:
        """Keep a scan for the ``InsertScan`` requests to come; old ones are forgotten."""
        ...

    def handle(self, request: Request) -> PlanResult | FrontierResult | PoseFix | None:
        """Do what is asked; a ``PlanRequest`` and a ``LocateScan`` have an answer, the others have none."""
        ...

    def state(self) -> Tree:
        """Everything that the next answer depends on."""
        ...

    def restore(self, tree: Tree) -> None:
        """Become the worker that ``state()`` was taken from."""
        ...


class StepSink(Protocol):
    """Whoever wants to see each step: the log, the live display. Must never raise into the loop."""

    def record(self, inputs: Inputs, outputs: Outputs) -> None:
        """Take note of one step."""
        ...
