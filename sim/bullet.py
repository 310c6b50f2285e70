"""The PyBullet backend: a rigid body on spheres, 1 kHz, torque control.

Why spheres: a cylinder's contact manifold jumps along its edge, which costs 0.2 to 17 m of odometry over 20 m. They
meet the ground only, and carry the robot without friction: Bullet limits friction for each axis by that axis' own
effective mass, so a sliding wheel's force does not oppose its slip (a skid steer then has an effective track of 1.58 m
in place of 0.559 m). The friction comes from ``sim.kernels.planar.solve_contacts`` with the wheel loads that Bullet
finds, and acts as a force on each wheel at its contact point. The robot is made by calls, not from a URDF, since
PyBullet caches URDFs by file name. The static world is one concave mesh: 300 separate bodies cost six times the step.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pybullet
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.geometry import Pose2
from amr.portable_math import sin_cos
from sim.chassis import GRAVITY_MPS2, Chassis, chassis_of, wheel_spin_inertia_kgm2
from sim.kernels.planar import MEMORY, WHEEL_LOAD
from sim.kernels.wheel_forces import base_state, wheel_forces
from sim.mesh import prism_mesh
from sim.physics import STATE_WIDTH, STEP_S, BodyState, WheelDrive, body_state
from sim.planar import planar_params, wheel_rows
from sim.world import Circle, MovingObstacle, Shape, World

_OBSTACLE_HEIGHT_M = 1.0
_GROUND_GROUP, _WHEEL_GROUP, _BODY_GROUP, _OBSTACLE_GROUP = 1, 2, 4, 8
_BODY_CLEARANCE_M = 0.01
"""The body's shape starts this far over the floor, so that only the wheels and casters carry it."""
_SETTLING_STEPS = 20
"""Before the run, so that the first step finds the weight on the wheels."""


class BulletPhysics:
    """``sim.physics.Physics`` by PyBullet; owns one client, so several can live in one process."""

    def __init__(self) -> None:
        self._client = -1
        self._disconnect: weakref.finalize[..., BulletPhysics] | None = None
        self._robot = -1
        self._floor = -1
        self._links: list[int] = []
        """Numbers of the driven wheels."""
        self._sides: list[int] = []
        """0 left, 1 right, for each of them."""
        self._moving: list[int] = []
        self._center = (0.0, 0.0)
        """Centre of mass of the body without wheels, in the base frame."""
        self._params = np.zeros(0)
        self._wheels = np.zeros((0, 0))
        self._forces = np.zeros((0, 4))
        self._memory, self._body, self._omega = np.zeros(MEMORY), np.zeros(3), np.zeros(2)
        self._rows = np.zeros((0, STATE_WIDTH))
        self._last = np.zeros(STATE_WIDTH)

    def reset(self, world: World, robot: RobotConfig, start: Pose2) -> None:
        """See ``Physics.reset``: everything is built anew, since a restored state forgets the motors."""
        self.close()
        self._client = pybullet.connect(pybullet.DIRECT)
        if self._client < 0:
            raise ConfigError("backend bullet: PyBullet gave no client")
        # PyBullet has 1024 clients for a process: one that is forgotten must not keep its own
        self._disconnect = weakref.finalize(self, pybullet.disconnect, self._client)
        chassis = chassis_of(robot, world.friction)
        self._params, self._wheels = planar_params(chassis, robot), wheel_rows(chassis)
        self._forces = np.zeros((len(chassis.wheels), 4))
        self._memory[:] = 0.0
        self._call("setGravity", 0.0, 0.0, -GRAVITY_MPS2)
        self._call(
            "setPhysicsEngineParameter",
            fixedTimeStep=STEP_S,
            numSubSteps=0,
            numSolverIterations=50,
            deterministicOverlappingPairs=1,
        )
        self._build_floor()
        self._build_obstacles(world)
        self._build_robot(robot, chassis, start)
        for _ in range(_SETTLING_STEPS):
            self._call("stepSimulation")
        self._last[:] = 0.0
        self._last[:3] = start.x_m, start.y_m, start.yaw_rad
        self._last[10] = robot.motor.supply_v

    def advance(self, steps: int, drive: WheelDrive, moving_xy_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Physics.advance``."""
        if self._rows.shape[0] != steps:
            self._rows = np.zeros((steps, STATE_WIDTH))
        for body, (x, y) in zip(self._moving, moving_xy_m, strict=True):
            self._call("resetBasePositionAndOrientation", body, (x, y, 0.0), (0.0, 0.0, 0.0, 1.0))
        client, robot, links = self._client, self._robot, self._links
        left_share, right_share = 1.0 / self._sides.count(0), 1.0 / self._sides.count(1)
        for row in self._rows:
            self._weigh()
            left_nm, right_nm, row[10] = wheel_forces(
                self._last,
                self._memory,
                self._wheels,
                self._params,
                self._body,
                self._omega,
                drive.left_duty,
                drive.right_duty,
                int(drive.left_mode),  # numba takes 40 µs to find out what an enum is
                int(drive.right_mode),
                self._forces,
            )
            torques = [right_nm * right_share if side else left_nm * left_share for side in self._sides]
            pybullet.setJointMotorControlArray(
                robot, links, pybullet.TORQUE_CONTROL, forces=torques, physicsClientId=client
            )
            for link, (fx, fy, x, y) in zip(links, self._forces.tolist(), strict=True):
                pybullet.applyExternalForce(
                    robot, link, (fx, fy, 0.0), (x, y, 0.0), pybullet.WORLD_FRAME, physicsClientId=client
                )
            pybullet.stepSimulation(physicsClientId=client)
            self._observe(row)
            self._last[:] = row
        return self._rows

    def place(self, pose: Pose2) -> None:
        """See ``Physics.place``."""
        (_, _, height_m), _ = self._call("getBasePositionAndOrientation", self._robot)
        sine, cosine = sin_cos(0.5 * pose.yaw_rad)
        position = (*pose.apply(*self._center), height_m)
        self._call("resetBasePositionAndOrientation", self._robot, position, (0.0, 0.0, sine, cosine))
        self._call("resetBaseVelocity", self._robot, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        for link, angle_rad in zip(self._links, self.wheel_angles_rad(), strict=True):
            self._call("resetJointState", self._robot, link, angle_rad, 0.0)
        self._memory[:] = 0.0
        self._last[:6] = pose.x_m, pose.y_m, pose.yaw_rad, 0.0, 0.0, 0.0
        self._last[8:10] = 0.0

    def state(self) -> BodyState:
        """See ``Physics.state``."""
        return body_state(self._last)

    def wheel_angles_rad(self) -> list[float]:
        """Angle of each driven wheel, in the order of the robot file."""
        return [joint[0] for joint in self._call("getJointStates", self._robot, self._links)]

    def close(self) -> None:
        """See ``Physics.close``."""
        if self._disconnect is not None:
            self._disconnect()
            self._disconnect = None
            self._client = -1

    def _call(self, name: str, *arguments: object, **named: object) -> Any:
        return getattr(pybullet, name)(*arguments, **named, physicsClientId=self._client)

    def _weigh(self) -> None:
        """The load of each wheel as the last step found it; 0 for a wheel in the air."""
        loads = [0.0] * len(self._links)
        for contact in pybullet.getContactPoints(self._robot, self._floor, physicsClientId=self._client):
            if contact[3] < len(loads):
                loads[contact[3]] += contact[9]
        self._wheels[:, WHEEL_LOAD] = loads

    def _observe(self, row: NDArray[np.float64]) -> None:
        """Write the state into ``row``; ``self._last`` is the state before."""
        robot, client = self._robot, self._client
        (x, y, _), (qx, qy, qz, qw) = pybullet.getBasePositionAndOrientation(robot, physicsClientId=client)
        (vx, vy, _), (_, _, w) = pybullet.getBaseVelocity(robot, physicsClientId=client)
        base_state(x, y, qx, qy, qz, qw, vx, vy, w, *self._center, self._last[2], row)
        totals = [0.0, 0.0, 0.0, 0.0]
        for side, joint in zip(
            self._sides, pybullet.getJointStates(robot, self._links, physicsClientId=client), strict=True
        ):
            totals[side] += joint[0] / self._sides.count(side)
            totals[side + 2] += joint[1] / self._sides.count(side)
        row[6:10] = totals

    def _build_floor(self) -> None:
        shape = self._call("createCollisionShape", pybullet.GEOM_PLANE)
        self._floor = self._call("createMultiBody", 0.0, shape)
        self._call("changeDynamics", self._floor, -1, lateralFriction=0.0, restitution=0.0)
        self._call("setCollisionFilterGroupMask", self._floor, -1, _GROUND_GROUP, _WHEEL_GROUP)

    def _build_obstacles(self, world: World) -> None:
        shapes: list[Shape] = [*world.circles, *world.polygons]
        if shapes:
            vertices, indices = prism_mesh(shapes, _OBSTACLE_HEIGHT_M)
            shape = self._call(
                "createCollisionShape",
                pybullet.GEOM_MESH,
                vertices=vertices,
                indices=indices,
                flags=pybullet.GEOM_FORCE_CONCAVE_TRIMESH,
            )
            self._obstacle(shape, (0.0, 0.0))
        self._moving = [self._obstacle(self._moving_shape(o), o.position(0.0)) for o in world.moving]

    def _moving_shape(self, obstacle: MovingObstacle) -> int:
        vertices, _ = prism_mesh([obstacle.shape], _OBSTACLE_HEIGHT_M)
        if isinstance(obstacle.shape, Circle) and obstacle.shape.x_m == obstacle.shape.y_m == 0.0:
            radius = obstacle.shape.radius_m
            shape = self._call(
                "createCollisionShape", pybullet.GEOM_CYLINDER, radius=radius, height=2.0 * _OBSTACLE_HEIGHT_M
            )
        else:
            shape = self._call("createCollisionShape", pybullet.GEOM_MESH, vertices=vertices)
        return int(shape)

    def _obstacle(self, shape: int, position: tuple[float, float]) -> int:
        body = self._call("createMultiBody", 0.0, shape, basePosition=(*position, 0.0))
        self._call("setCollisionFilterGroupMask", body, -1, _OBSTACLE_GROUP, _BODY_GROUP)
        return int(body)

    def _build_robot(self, robot: RobotConfig, chassis: Chassis, start: Pose2) -> None:
        radius = max(wheel.radius_m for wheel in chassis.wheels)
        # the centre of mass at axle height: then braking shifts little weight, as in the planar backend
        self._center = robot.body.center_of_mass_m
        cx, cy = self._center
        wheels, casters = chassis.wheels, robot.drive.caster_positions_m
        wheel_shapes = [self._sphere(wheel.radius_m) for wheel in wheels]
        caster_shapes = [self._sphere(radius) for _ in casters]
        places = [(wheel.x_m, wheel.y_m, wheel.radius_m) for wheel in wheels] + [(x, y, radius) for x, y in casters]
        count = len(places)
        joints = [pybullet.JOINT_REVOLUTE] * len(wheels) + [pybullet.JOINT_FIXED] * len(casters)
        sine, cosine = sin_cos(0.5 * start.yaw_rad)
        com = start.apply(cx, cy)
        caster_mass_kg = 1e-3
        self._robot = self._call(
            "createMultiBody",
            baseMass=robot.body.mass_kg,
            baseCollisionShapeIndex=self._body_shape(robot, radius),
            basePosition=(*com, radius),
            baseOrientation=(0.0, 0.0, sine, cosine),
            linkMasses=[robot.drive.wheel_mass_kg] * len(wheels) + [caster_mass_kg] * len(casters),
            linkCollisionShapeIndices=wheel_shapes + caster_shapes,
            linkVisualShapeIndices=[-1] * count,
            linkPositions=[(x - cx, y - cy, r - radius) for x, y, r in places],
            linkOrientations=[(0.0, 0.0, 0.0, 1.0)] * count,
            linkInertialFramePositions=[(0.0, 0.0, 0.0)] * count,
            linkInertialFrameOrientations=[(0.0, 0.0, 0.0, 1.0)] * count,
            linkParentIndices=[0] * count,
            linkJointTypes=joints,
            linkJointAxis=[(0.0, 1.0, 0.0)] * count,
            flags=pybullet.URDF_USE_SELF_COLLISION_EXCLUDE_ALL_PARENTS,
        )
        self._links = list(range(len(wheels)))
        self._sides = [wheel.side for wheel in wheels]
        self._tune_dynamics(robot, chassis)
        self._lock_sides()

    def _sphere(self, radius_m: float) -> int:
        return int(self._call("createCollisionShape", pybullet.GEOM_SPHERE, radius=radius_m))

    def _body_shape(self, robot: RobotConfig, axle_height_m: float) -> int:
        """The convex hull of the outline, from just over the floor to the robot's height, about the centre of mass."""
        cx, cy = self._center
        low, high = _BODY_CLEARANCE_M - axle_height_m, robot.body.height_m - axle_height_m
        corners = [(x - cx, y - cy) for polygon in robot.body.outline_m for x, y in polygon]
        vertices = [(x, y, z) for x, y in corners for z in (low, high)]
        return int(self._call("createCollisionShape", pybullet.GEOM_MESH, vertices=vertices))

    def _tune_dynamics(self, robot: RobotConfig, chassis: Chassis) -> None:
        """Inertias and friction from the robot file; no damping that nature does not have."""
        drive, body = robot.drive, robot.body
        tilt = body.mass_kg * (body.height_m**2 + 0.1) / 12.0
        self._call(
            "changeDynamics",
            self._robot,
            -1,
            localInertiaDiagonal=(tilt, tilt, body.inertia_kgm2),
            linearDamping=0.0,
            angularDamping=0.0,
            lateralFriction=0.0,
        )
        self._call("setCollisionFilterGroupMask", self._robot, -1, _BODY_GROUP, _OBSTACLE_GROUP)
        for link in range(self._call("getNumJoints", self._robot)):
            spin = across = 1e-6
            if link in self._links:
                radius, side = chassis.wheels[link].radius_m, chassis.wheels[link].side
                across = drive.wheel_mass_kg * (3.0 * radius**2 + drive.wheel_width_m**2) / 12.0
                spin = wheel_spin_inertia_kgm2(drive.wheel_mass_kg, radius)
                spin += robot.motor.rotor_inertia_kgm2 / self._sides.count(side)
                # PyBullet's joints come with a motor that holds them
                self._call("setJointMotorControl2", self._robot, link, pybullet.VELOCITY_CONTROL, force=0.0)
            self._call(
                "changeDynamics",
                self._robot,
                link,
                localInertiaDiagonal=(across, spin, across),
                linearDamping=0.0,
                angularDamping=0.0,
                jointDamping=0.0,
                lateralFriction=0.0,
                rollingFriction=0.0,
                spinningFriction=0.0,
                restitution=0.0,
            )
            self._call("setCollisionFilterGroupMask", self._robot, link, _WHEEL_GROUP, _GROUND_GROUP)

    def _lock_sides(self) -> None:
        """One motor turns all wheels of a side: gears of ratio 1 between them."""
        for side in (0, 1):
            first, *others = [link for link in self._links if self._sides[link] == side]
            for other in others:
                gear = self._call(
                    "createConstraint",
                    self._robot,
                    first,
                    self._robot,
                    other,
                    pybullet.JOINT_GEAR,
                    (0.0, 1.0, 0.0),
                    (0.0, 0.0, 0.0),
                    (0.0, 0.0, 0.0),
                )
                self._call("changeConstraint", gear, gearRatio=-1.0, maxForce=1e3)
