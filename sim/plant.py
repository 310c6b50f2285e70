"""The robot and its world in virtual time: duty in, ticks, gyro, scans and the truth out."""

from __future__ import annotations

import numpy as np

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.geometry import Pose2
from amr.messages import Scan
from amr.units import NS_PER_S
from sim.contact import Contact, OutlineJudge
from sim.motor import checked_drive
from sim.physics import STATE_WIDTH, STEP_NS, BodyState, MotorMode, Physics, WheelDrive, body_state
from sim.planar import PlanarPhysics
from sim.quiet import quiet_stderr
from sim.scene import Scene
from sim.sensors import ImuSensor, LidarSensor, encoder_ticks
from sim.wires import Wires
from sim.world import World


def physics_of(backend: str) -> Physics:
    """A backend by name; raises ``ConfigError`` where PyBullet is not installed."""
    if backend == "planar":
        return PlanarPhysics()
    if backend == "bullet":
        try:
            with quiet_stderr():  # PyBullet tells its build time when it is loaded
                from sim.bullet import BulletPhysics
        except ImportError as error:
            raise ConfigError(f"backend bullet: needs PyBullet, use planar ({error})") from error
        return BulletPhysics()
    raise ConfigError(f"backend: must be bullet or planar, is {backend!r}")


class Plant:
    """Physics, motors, sensors and the outline judge of one run. Frame: world."""

    def __init__(
        self,
        world: World,
        robot: RobotConfig,
        seed: int,
        backend: str = "bullet",
        start: Pose2 | None = None,
        kidnaps: tuple[tuple[int, Pose2], ...] = (),
    ) -> None:
        """Put ``robot`` into ``world`` at ``start`` (default: the world's); ``seed`` >= 0 makes all noise.

        ``kidnaps``: (time_ns, pose) at which it is carried off, without its wheels or its gyro telling, in order.
        """
        if seed < 0:
            raise ConfigError(f"seed: must be >= 0, is {seed}")
        self.world, self.robot = world, robot
        self._wires = Wires.of(robot.firmware)
        self.time_ns = 0
        self._kidnaps = kidnaps
        self._scene = Scene(world)
        self._physics = physics_of(backend)
        self._physics.reset(world, robot, world.start if start is None else start)
        self._imu = ImuSensor(robot.imu, seed)
        self._lidar = LidarSensor(robot.lidar, self._scene, seed)
        self._judge = OutlineJudge(robot.body, self._scene)
        self._imu_sample = (0.0, 0.0, 0.0)
        # row 0 is the state before a call, the others its trajectory
        self._rows = np.zeros((1, STATE_WIDTH))
        self._rows[0, :10] = _row(self._physics.state())
        self._rows[0, 10] = robot.motor.supply_v
        self._judge.watch(self._rows, -STEP_NS)

    def advance(
        self,
        duration_ns: int,
        left_duty: float,
        right_duty: float,
        left_mode: MotorMode = MotorMode.DRIVE,
        right_mode: MotorMode = MotorMode.DRIVE,
    ) -> None:
        """Let ``duration_ns`` pass with these duties in [-1, 1] on the pins, > 0 forward where nothing is crossed.

        Raises ``ValueError`` for a duration that is not a positive multiple of 1 ms and for a duty that is not finite.
        """
        steps, rest = divmod(duration_ns, STEP_NS)
        if steps <= 0 or rest:
            raise ValueError(f"duration_ns: must be a positive multiple of {STEP_NS}, is {duration_ns}")
        wires = self._wires
        drive = checked_drive(
            WheelDrive(*wires.duties(left_duty, right_duty), *wires.modes(MotorMode(left_mode), MotorMode(right_mode)))
        )
        if self._rows.shape[0] != steps + 1:
            self._rows = np.concatenate([self._rows[-1:], np.zeros((steps, STATE_WIDTH))])
        else:
            self._rows[0] = self._rows[-1]
        end_ns = self.time_ns + duration_ns
        if self.world.moving:
            self._scene.move_to(end_ns / NS_PER_S)
        self._rows[1:] = self._physics.advance(steps, drive, self._scene.position)
        self._judge.watch(self._rows[1:], self.time_ns)
        self._lidar.watch(self._rows, self.time_ns)
        self._imu_sample = self._imu.sample(self._rows[0], self._rows[-1], duration_ns / NS_PER_S, end_ns // STEP_NS)
        self.time_ns = end_ns
        while self._kidnaps and self._kidnaps[0][0] <= end_ns:
            self.place(self._kidnaps[0][1])
            self._kidnaps = self._kidnaps[1:]

    def place(self, pose: Pose2) -> None:
        """Carry the robot to ``pose``, at rest; its encoders and its gyro do not notice."""
        self._physics.place(pose)
        self._rows[-1, :10] = _row(self._physics.state())

    def encoders(self) -> tuple[int, int]:
        """(left, right) encoder counts since the start, as wired."""
        row, drive = self._rows[-1], self.robot.drive
        return self._wires.counts(encoder_ticks(float(row[6]), drive), encoder_ticks(float(row[7]), drive))

    def imu(self) -> tuple[float, float, float]:
        """(gyro z rad/s, accelerometer x, y m/s2), means over the last ``advance``."""
        return self._imu_sample

    def battery_v(self) -> float:
        """Battery voltage under the present load."""
        return float(self._rows[-1, 10])

    def scans_due(self, now_ns: int) -> list[Scan]:
        """Scans that reach the host by ``now_ns``, oldest first, each once."""
        return self._lidar.due(now_ns)

    def truth(self) -> BodyState:
        """The true state now."""
        return body_state(self._rows[-1])

    @property
    def contact(self) -> Contact | None:
        """The first touch of the run, or None."""
        return self._judge.contact

    @property
    def clearance_m(self) -> float:
        """Smallest distance of the outline to anything during the last ``advance``; inf in an empty world."""
        return self._judge.interval_clearance_m

    @property
    def min_clearance_m(self) -> float:
        """Smallest distance of the outline to anything so far."""
        return self._judge.min_clearance_m

    def moving_positions(self) -> list[tuple[float, float]]:
        """(x_m, y_m) of the world's moving obstacles now, in their order."""
        self._scene.move_to(self.time_ns / NS_PER_S)
        return [(float(x), float(y)) for x, y in self._scene.position]

    def close(self) -> None:
        """Free the physics engine."""
        self._physics.close()


def _row(state: BodyState) -> tuple[float, ...]:
    """A state as the first ten columns of a trajectory."""
    return (
        state.x_m,
        state.y_m,
        state.yaw_rad,
        state.v_mps,
        state.vy_mps,
        state.w_radps,
        state.left_wheel_rad,
        state.right_wheel_rad,
        state.left_wheel_radps,
        state.right_wheel_radps,
    )
