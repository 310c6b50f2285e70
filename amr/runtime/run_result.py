"""A finished simulated run as the plain values of its result, picture and report."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from amr.planning.worker_core import PlanningWorker
from amr.runtime.result import LinkCounts, MapImage, MovingTrack, Percentiles, PlanRecord, RunResult, WorldOutline
from amr.runtime.simulated_run import SimulatedRun
from sim.world import Circle, World

_PIXEL_OCCUPIED, _PIXEL_FREE = 0, 254


def run_result(run: SimulatedRun, wall_s: float, log: Path | None, pace: str) -> RunResult:
    """The run as plain values for ``result.json``, picture and report."""
    trial, last = run.trial, run.last
    truth = run.lockstep.trace.array()
    telemetry = last.outputs.telemetry if last is not None else None
    status = run.link.status(run.plant.time_ns)
    return RunResult(
        scenario=trial.name,
        seed=trial.seed,
        success=run.outcome == "success",
        outcome=run.outcome,
        time_s=run.plant.time_ns * 1e-9,
        path_length_m=run.lockstep.trace.path_length_m(),
        collisions=run.collisions,
        min_clearance_m=run.plant.min_clearance_m,
        goals_reached=telemetry.goals_reached if telemetry else 0,
        goals_total=telemetry.goals_total if telemetry and trial.explore else len(trial.goals),
        stops=tuple(run.stops.events),
        link=LinkCounts(status.frames_in, status.frames_out, status.crc_errors, status.lost),
        step_ms=Percentiles.of_ns(np.array(run.step_wall_ns, np.int64)),
        real_time_factor=run.plant.time_ns * 1e-9 / wall_s if wall_s > 0.0 else float("nan"),
        steps=len(run.step_wall_ns),
        digest=run.digest,
        log=str(log) if log is not None else None,
        robot=trial.robot.name,
        description=trial.robot.description,
        backend=trial.backend,
        firmware=run.firmware,
        pace=pace,
        controller=trial.robot.control.controller,
        goals=tuple((goal.x_m, goal.y_m, goal.yaw_rad) for goal in trial.goals),
        start=(trial.start.x_m, trial.start.y_m, trial.start.yaw_rad),
        outline_m=trial.robot.body.outline_m,
        truth=truth[:, :6],
        world=world_outline(trial.world, run.plant.time_ns * 1e-9),
        map=map_image(run.worker),
        pose_error=run.pose_errors.json(),
        plans=tuple(
            PlanRecord(plan.stamp_ns * 1e-9, plan.path_map) for plan in run.lockstep.plans if len(plan.path_map)
        ),
        latency_ms=(
            (
                "light on the lidar to torque on the wheel",
                Percentiles.of_ns(np.array(run.light_to_torque_ns, np.int64)),
            ),
        ),
    )


def world_outline(world: World, until_s: float) -> WorldOutline:
    """The true world for pictures; moving obstacles as tracks of ten points a second."""
    times_s = np.arange(0.0, until_s + 0.1, 0.1)
    tracks = tuple(
        MovingTrack(
            moving.shape.radius_m if isinstance(moving.shape, Circle) else 0.3,
            np.array([(t, *moving.position(t)) for t in times_s.tolist()]),
        )
        for moving in world.moving
    )
    return WorldOutline(
        polygons=tuple(np.array(polygon.points) for polygon in world.polygons),
        circles=tuple((circle.x_m, circle.y_m, circle.radius_m) for circle in world.circles),
        moving=tracks,
    )


def map_image(worker: PlanningWorker) -> MapImage:
    """The worker's map as the report draws it."""
    image = worker.global_map.image()
    cells = np.full(image.pixels.shape, 255, np.uint8)
    cells[image.pixels == _PIXEL_FREE] = 0
    cells[image.pixels == _PIXEL_OCCUPIED] = 100
    return MapImage(image.frame, cells)
