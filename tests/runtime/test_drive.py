"""The shell around the core on a robot: with fakes on all sides, in no time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from fake_core import FakeCore, fake_inputs

from amr.messages import (
    BaseState,
    Imu,
    InsertScan,
    LinkState,
    LinkStatus,
    Message,
    Operator,
    OperatorAction,
    PlanRequest,
    PlanResult,
    PlanStatus,
    Request,
    Scan,
    Teleop,
    WheelCommand,
)
from amr.runtime.clock import ManualClock
from amr.runtime.drive import MESSAGES_MAX, STAND_FIRST_NS, DriveSession
from amr.runtime.loop import RealTimeLoop
from amr.runtime.operator import DEAD_MAN_NS, DriveKeys, TeleopKeys, Wishes
from amr.runtime.worker_process import BACKLOG_MAX, JobQueue, do_job

MS = 1_000_000


class FakeBase:
    """A base whose link comes up after 50 ms and that goes when told."""

    def __init__(self) -> None:
        self.commands: list[tuple[int, WheelCommand]] = []
        self.resets = 0
        self.lost = False
        self.flood = 1
        self.url = "fake"

    def open(self) -> None: ...
    def close(self) -> None: ...

    def poll(self, now_ns: int) -> list[Any]:
        state = LinkState.UP if now_ns >= 50 * MS and not self.lost else LinkState.DOWN
        return [LinkStatus(now_ns, state, "gone" if self.lost else "", 0, 0, 0, 0)] * self.flood

    def command(self, cmd: WheelCommand, now_ns: int) -> None:
        self.commands.append((now_ns, cmd))

    def reset_estop(self, now_ns: int) -> None:  # noqa: ARG002 (the interface has it)
        self.resets += 1


class FakeLidar:
    """A scan every 20 ms from 100 ms on."""

    def __init__(self) -> None:
        self._last_ns = 80 * MS

    def poll(self, now_ns: int) -> list[Scan]:
        if now_ns < self._last_ns + 20 * MS:
            return []
        self._last_ns = now_ns
        return [Scan(now_ns, 0.0, 0.1, 0.1, 10.0, 0.0, np.ones(8, np.float32))]


class FakeWorker:
    """Answers every plan request at the next poll."""

    def __init__(self) -> None:
        self.scans: list[int] = []
        self.requests: list[Request] = []

    def offer_scan(self, scan: Scan) -> None:
        self.scans.append(scan.stamp_ns)

    def request(self, request: Request) -> None:
        self.requests.append(request)

    def answers(self, now_ns: int) -> list[PlanResult]:
        asked = [request for request in self.requests if isinstance(request, PlanRequest)]
        self.requests = [request for request in self.requests if not isinstance(request, PlanRequest)]
        return [
            PlanResult(now_ns, request.request_id, PlanStatus.NO_PATH, "", np.zeros((0, 3)), 0.0, 0, 0)
            for request in asked
        ]


class Recorder:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def record(self, inputs: Any, _outputs: Any) -> None:
        self.messages += inputs.messages


class Typed:
    """Keys typed at given times."""

    def __init__(self, keys: dict[int, str] | None = None) -> None:
        self._keys = dict(keys or {})
        self._step = 0

    def keys(self) -> str:
        self._step += 1
        return self._keys.pop(self._step, "")


def run(
    until_ms: int, keys: dict[int, str] | None = None, **options: Any
) -> tuple[DriveSession, FakeBase, FakeWorker, Recorder, list[str], RealTimeLoop]:
    """A session on a manual clock; ``keys``: what is typed before the n-th step."""
    base, worker, recorder, lines = FakeBase(), FakeWorker(), Recorder(), []
    session = DriveSession(
        FakeCore(), base, FakeLidar(), worker, DriveKeys(Typed(keys)), (recorder,), lines.append, **options
    )
    loop = RealTimeLoop(ManualClock(), session.poll, session.step)
    session.when_over(loop.stop, mission=False)
    loop.run(until_ns=until_ms * MS)
    return session, base, worker, recorder, lines, loop


def test_every_step_gives_the_base_exactly_one_command() -> None:
    _, base, *_ = run(1000)
    assert [now_ns for now_ns, _ in base.commands] == [number * 20 * MS for number in range(1, 51)]


def test_arm_is_pressed_once_when_link_and_lidar_are_there() -> None:
    _, _, _, recorder, _, _ = run(STAND_FIRST_NS // MS + 1000, arm_once=True)
    presses = [message for message in recorder.messages if isinstance(message, Operator)]
    assert [press.action for press in presses] == [OperatorAction.ARM]
    assert presses[0].stamp_ns == STAND_FIRST_NS
    assert not [message for message in run(1000)[3].messages if isinstance(message, Operator)]


def test_keys_become_messages_and_quit_ends_the_loop() -> None:
    _, base, _, recorder, _, loop = run(1000, keys={3: "a", 5: "r", 7: "z ", 9: "q"})
    actions = [message.action for message in recorder.messages if isinstance(message, Operator)]
    assert actions == [OperatorAction.ARM, OperatorAction.RESET_ESTOP, OperatorAction.ESTOP]
    assert base.resets == 1
    assert loop.ticks == 36


def test_scans_go_to_core_and_worker_and_answers_come_back() -> None:
    _, _, worker, recorder, _, _ = run(500)
    stamps = [message.stamp_ns for message in recorder.messages if isinstance(message, Scan)]
    assert worker.scans[: len(stamps)] == stamps
    assert len([message for message in recorder.messages if isinstance(message, PlanResult)]) >= 20
    assert all(isinstance(request, InsertScan) for request in worker.requests[:5])


def test_a_peer_that_floods_does_not_fill_the_memory() -> None:
    base, worker = FakeBase(), FakeWorker()
    base.flood = 3000
    session = DriveSession(FakeCore(), base, FakeLidar(), worker, DriveKeys(Typed()))
    for tick in range(10):
        session.poll(tick * 5 * MS)
    assert session.lost_messages == 10 * 3000 - MESSAGES_MAX
    session.step(50 * MS)
    assert session.last is not None


def test_status_lines_come_on_change_and_not_with_every_number() -> None:
    *_, lines, _ = run(1900)
    assert len([line for line in lines if "link up" in line]) < 15
    assert any("obstacle: beam 7" in line for line in lines)


def test_outcome_tells_a_mission_that_was_not_over() -> None:
    session, *_ = run(100)
    assert session.outcome() == "stopped"
    assert session.last is not None
    for state, outcome in (("done", "done"), ("failed", "failed: no way")):
        telemetry = replace(session.last.telemetry, mission_state=state, mission_reason="no way")
        session.last = replace(session.last, telemetry=telemetry)
        assert session.outcome() == outcome


# ---------------------------------------------------------------- teleop


def teleop(keys: dict[int, str], steps: int) -> list[Wishes]:
    """Wishes of each step of 20 ms."""
    hands = TeleopKeys(Typed(keys), v_max_mps=2.0, w_max_radps=4.0, speed_frac=0.5)
    return [hands.poll(number * 20 * MS) for number in range(1, steps + 1)]


def velocities(wishes: list[Wishes]) -> list[tuple[float, float] | None]:
    """(v, w) of each step's message."""
    found: list[tuple[float, float] | None] = []
    for wish in wishes:
        messages = [message for message in wish.messages if isinstance(message, Teleop)]
        found.append((messages[0].v_mps, messages[0].w_radps) if messages else None)
    return found


def test_held_key_drives_and_is_released_after_half_a_second() -> None:
    seen = velocities(teleop({2: "w"}, 40))
    assert seen[0] is None
    held = 1 + DEAD_MAN_NS // (20 * MS)
    assert seen[1 : 1 + held] == [(1.0, 0.0)] * held
    assert seen[1 + held] == (0.0, 0.0)  # told once
    assert seen[2 + held :] == [None] * (40 - 2 - held)


def test_repeated_key_keeps_driving() -> None:
    seen = velocities(teleop(dict.fromkeys(range(1, 60, 10), "s"), 60))
    assert seen == [(-1.0, 0.0)] * 60


def test_arrows_space_and_speed() -> None:
    seen = velocities(teleop({1: "\x1b[A\x1b[D", 2: "+", 3: " ", 4: "d-"}, 4))
    assert seen == [(1.0, 2.0), (1.25, 2.5), (0.0, 0.0), (0.0, -2.0)]


def test_teleop_actions_and_quit() -> None:
    wishes = teleop({1: "m", 2: "x", 3: "er", 4: "q"}, 4)
    actions = [m.action for wish in wishes for m in wish.messages if isinstance(m, Operator)]
    assert actions == [
        OperatorAction.ARM, OperatorAction.DISARM, OperatorAction.ESTOP, OperatorAction.RESET_ESTOP,
    ]  # fmt: skip
    assert [wish.quit for wish in wishes] == [False, False, False, True]
    assert wishes[2].reset_estop


# ---------------------------------------------------------------- the worker's queue


def test_backlog_drops_the_oldest_map_updates_and_no_plan() -> None:
    queue = JobQueue()
    outputs = FakeCore().step(fake_inputs(0))
    insert, plan = outputs.requests
    queue.add((plan, None))
    for number in range(BACKLOG_MAX + 20):
        assert isinstance(insert, InsertScan)
        queue.add((replace(insert, map_version=number), None))
    assert queue.dropped == 21
    first, second = queue.take(), queue.take()
    assert first is not None
    assert first[0] == plan
    assert second is not None
    assert second[0].map_version == 21


def test_a_job_offers_its_scan_before_the_request() -> None:
    calls: list[Any] = []

    class Planner:
        def offer_scan(self, scan: Scan) -> None:
            calls.append(scan)

        def handle(self, request: Request) -> None:
            calls.append(request)

    insert = FakeCore().step(fake_inputs(0)).requests[0]
    scan = fake_inputs(1).messages[0]
    do_job(Planner(), (insert, scan))  # type: ignore[arg-type]
    assert calls == [scan, insert]
    assert BaseState is not Imu
