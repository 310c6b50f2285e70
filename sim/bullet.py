"""The PyBullet backend: a rigid body on spheres, 1 kHz, torque control.

Why spheres: a cylinder's contact manifold jumps along its edge, which costs 0.2 to 17 m of odometry over 20 m; spheres
give 8 mm. They meet the ground only. The robot is made by calls, not from a URDF, since PyBullet caches URDFs by
file name. The static world is one concave mesh: 300 separate bodies cost six times the step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pybullet
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.geometry import Pose2, wrap_angle
from amr.portable_math import sin_cos
from sim.chassis import GRAVITY_MPS2, Chassis, chassis_of, wheel_spin_inertia_kgm2
from sim.mesh import prism_mesh
from sim.motor import motor_output
from sim.physics import STATE_WIDTH, STEP_S, BodyState, WheelDrive, body_state
from sim.world import Circle, MovingObstacle, World

_OBSTACLE_HEIGHT_M = 1.0
_GROUND_GROUP, _WHEEL_GROUP, _BODY_GROUP, _OBSTACLE_GROUP = 1, 2, 4, 8
_BODY_CLEARANCE_M = 0.01
"""The body's shape starts this far over the floor, so that only the wheels and casters carry it."""


class BulletPhysics:
    """``sim.physics.Physics`` by PyBullet; owns one client, so several can live in one process."""

    def __init__(self) -> None:
        self._client = -1
        self._robot = -1
        self._robot_config: RobotConfig | None = None
        self._left: list[int] = []
        self._right: list[int] = []
        self._moving: list[int] = []
        self._center = (0.0, 0.0, 0.0)
        self._rows = np.zeros((0, STATE_WIDTH))
        self._last = np.zeros(STATE_WIDTH)

    def reset(self, world: World, robot: RobotConfig, start: Pose2) -> None:
        """See ``Physics.reset``: everything is built anew, since a restored state forgets the motors."""
        self.close()
        self._client = pybullet.connect(pybullet.DIRECT)
        if self._client < 0:
            raise ConfigError("backend bullet: PyBullet gave no client")
        chassis = chassis_of(robot, world.friction)
        self._robot_config = robot
        self._call("setGravity", 0.0, 0.0, -GRAVITY_MPS2)
        self._call(
            "setPhysicsEngineParameter",
            fixedTimeStep=STEP_S,
            numSubSteps=0,
            numSolverIterations=50,
            deterministicOverlappingPairs=1,
            enableConeFriction=1,
        )
        self._build_floor(chassis.friction)
        self._build_obstacles(world)
        self._build_robot(robot, chassis, start)
        self._last[:] = 0.0
        self._last[:3] = start.x_m, start.y_m, start.yaw_rad
        self._last[10] = robot.motor.supply_v

    def advance(self, steps: int, drive: WheelDrive, moving_xy_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Physics.advance``."""
        assert self._robot_config is not None, "reset first"
        if self._rows.shape[0] != steps:
            self._rows = np.zeros((steps, STATE_WIDTH))
        for body, (x, y) in zip(self._moving, moving_xy_m, strict=True):
            self._call("resetBasePositionAndOrientation", body, (x, y, 0.0), (0.0, 0.0, 0.0, 1.0))
        motor, wheels = self._robot_config.motor, self._left + self._right
        shares = [1.0 / len(self._left)] * len(self._left), [1.0 / len(self._right)] * len(self._right)
        for row in self._rows:
            left_radps, right_radps = float(self._last[8]), float(self._last[9])
            output = motor_output(motor, drive, left_radps, right_radps)
            left = output.left_nm - motor.viscous_friction_nm_s_per_rad * left_radps
            right = output.right_nm - motor.viscous_friction_nm_s_per_rad * right_radps
            torques = [left * share for share in shares[0]] + [right * share for share in shares[1]]
            self._call("setJointMotorControlArray", self._robot, wheels, pybullet.TORQUE_CONTROL, forces=torques)
            self._call("stepSimulation")
            self._observe(row)
            row[10] = output.battery_v
            self._last[:] = row
        return self._rows

    def state(self) -> BodyState:
        """See ``Physics.state``."""
        return body_state(self._last)

    def close(self) -> None:
        """See ``Physics.close``."""
        if self._client >= 0:
            pybullet.disconnect(self._client)
            self._client = -1

    def _call(self, name: str, *arguments: object, **named: object) -> Any:
        return getattr(pybullet, name)(*arguments, **named, physicsClientId=self._client)

    def _observe(self, row: NDArray[np.float64]) -> None:
        """Write the state into ``row``; ``self._last`` is the state before."""
        (x, y, _), quaternion = self._call("getBasePositionAndOrientation", self._robot)
        (vx, vy, _), (_, _, w) = self._call("getBaseVelocity", self._robot)
        # yaw from the quaternion, unwrapped against the step before
        qx, qy, qz, qw = quaternion
        yaw_sine, yaw_cosine = 2.0 * (qw * qz + qx * qy), 1.0 - 2.0 * (qy * qy + qz * qz)
        heading = Pose2(0.0, 0.0, 0.0).bearing_rad(Pose2(yaw_cosine, yaw_sine, 0.0))
        yaw = float(self._last[2]) + wrap_angle(heading - float(self._last[2]))
        sine, cosine = sin_cos(yaw)
        cx, cy, _ = self._center
        row[0], row[1], row[2] = x - (cosine * cx - sine * cy), y - (sine * cx + cosine * cy), yaw
        row[3] = cosine * vx + sine * vy + w * cy
        row[4] = cosine * vy - sine * vx - w * cx
        row[5] = w
        for column, wheels in ((6, self._left), (7, self._right)):
            states = self._call("getJointStates", self._robot, wheels)
            row[column] = sum(s[0] for s in states) / len(wheels)
            row[column + 2] = sum(s[1] for s in states) / len(wheels)

    def _build_floor(self, friction: float) -> None:
        shape = self._call("createCollisionShape", pybullet.GEOM_PLANE)
        floor = self._call("createMultiBody", 0.0, shape)
        self._call("changeDynamics", floor, -1, lateralFriction=friction, restitution=0.0)
        self._call("setCollisionFilterGroupMask", floor, -1, _GROUND_GROUP, _WHEEL_GROUP)

    def _build_obstacles(self, world: World) -> None:
        shapes = [*world.circles, *world.polygons]
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
        self._center = (*robot.body.center_of_mass_m, 0.0)
        cx, cy, _ = self._center
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
        self._left = [i for i, wheel in enumerate(wheels) if wheel.side == 0]
        self._right = [i for i, wheel in enumerate(wheels) if wheel.side == 1]
        self._tune_dynamics(robot, chassis)
        self._lock_sides()

    def _sphere(self, radius_m: float) -> int:
        return int(self._call("createCollisionShape", pybullet.GEOM_SPHERE, radius=radius_m))

    def _body_shape(self, robot: RobotConfig, axle_height_m: float) -> int:
        """The convex hull of the outline, from just over the floor to the robot's height, about the centre of mass."""
        cx, cy, _ = self._center
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
        across = drive.wheel_mass_kg * (3.0 * drive.wheel_radius_m**2 + drive.wheel_width_m**2) / 12.0
        sides = {0: len(self._left), 1: len(self._right)}
        for link in range(self._call("getNumJoints", self._robot)):
            driven = link < len(chassis.wheels)
            spin = across = 1e-6
            if driven:
                wheel = chassis.wheels[link]
                across = drive.wheel_mass_kg * (3.0 * wheel.radius_m**2 + drive.wheel_width_m**2) / 12.0
                spin = wheel_spin_inertia_kgm2(drive.wheel_mass_kg, wheel.radius_m)
                spin += robot.motor.rotor_inertia_kgm2 / sides[wheel.side]
            self._call(
                "changeDynamics",
                self._robot,
                link,
                localInertiaDiagonal=(across, spin, across),
                linearDamping=0.0,
                angularDamping=0.0,
                jointDamping=0.0,
                # friction of a pair is the product: the floor has its own, the wheel 1, the caster none
                lateralFriction=1.0 if driven else 0.0,
                rollingFriction=0.0,
                spinningFriction=0.0,
                restitution=0.0,
            )
            self._call("setCollisionFilterGroupMask", self._robot, link, _WHEEL_GROUP, _GROUND_GROUP)
            if driven:
                stick = chassis.joint_friction_nm[chassis.wheels[link].side] / sides[chassis.wheels[link].side]
                self._call(
                    "setJointMotorControl2",
                    self._robot,
                    link,
                    pybullet.VELOCITY_CONTROL,
                    targetVelocity=0.0,
                    force=stick,
                )

    def _lock_sides(self) -> None:
        """One motor turns all wheels of a side: gears of ratio 1 between them."""
        for wheels in (self._left, self._right):
            for other in wheels[1:]:
                gear = self._call(
                    "createConstraint",
                    self._robot,
                    wheels[0],
                    self._robot,
                    other,
                    pybullet.JOINT_GEAR,
                    (0.0, 1.0, 0.0),
                    (0.0, 0.0, 0.0),
                    (0.0, 0.0, 0.0),
                )
                self._call("changeConstraint", gear, gearRatio=-1.0, maxForce=1e3)
