"""A walking-pattern generator: flat-footed walking at a commanded speed.

Footsteps give a zero-moment point; the linear inverted pendulum gives a centre
of mass for it (Kajita et al., "Biped walking pattern generation by using
preview control of zero-moment point", 2003; here in closed form, since the walk
is periodic); whole-body inverse kinematics gives the joints. The robot is no
pendulum, most of it is legs, so what inverse dynamics finds of the zero-moment
point is fed back a few times.
"""

import dataclasses

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import human, walk_options
from wildrobot_playground.motion.quality import dynamics
from wildrobot_playground.motion.walk_options import Options
from wildrobot_playground.robots import legs, rotations

_GRAVITY = 9.81  # m/s²
_LARGEST_ERROR = 0.2  # m, of the zero-moment point that a pass corrects
_COM_PASSES = 12  # in which pelvis and legs agree on a centre of mass
_COM_TOLERANCE = 1e-7  # m
_SHORTEST = 0.2  # s, of a cycle
_ARM_ROOM = 0.9  # of a shoulder's way to its limits that a swing may take


@dataclasses.dataclass(frozen=True)
class Plan:
  """Footsteps of one cycle, by frame; the left foot stands first.

  Attributes:
    speed: [m/s].
    feet: by side, (T, 3) ankle positions [m].
    zmp: (T, 2) planned zero-moment point [m].
  """

  speed: float
  feet: dict[str, np.ndarray]
  zmp: np.ndarray

  @property
  def frames(self) -> int:
    """Frames T of the cycle."""
    return self.zmp.shape[0]

  @property
  def stride(self) -> float:
    """Way [m] of a cycle."""
    return self.speed * self.frames / clip_lib.FPS


def generate(
  speed: float,
  name: str,
  robot: robots.Robot,
  options: Options | None = None,
) -> clip_lib.MotionClip:
  """One cycle of generated walking.

  Args:
    speed: forward [m/s], 0 for walking in place.
    name: of the clip.
    robot: the robot.
    options: see `walk_options`; by default those of the robot's size.

  Returns:
    A cyclic clip at 50 frames a second.

  Raises:
    MotionError: for a speed outside of 0 to `walk_options.max_speed`, or
      options that leave no time for a cycle or for a swing.
  """
  options = options or walk_options.scaled(robot)
  fastest = walk_options.max_speed(robot)
  if not 0 <= speed <= fastest:
    raise human.MotionError(
      f"speed is {speed} m/s, expected 0 to {fastest:g}: faster, the"
      " generated walk asks for torques that the servos do not have"
    )
  plan = footsteps(speed, robot, options)
  zmp = plan.zmp
  poses, error = _whole_body(plan, zmp, robot, options)
  meta = {
    "kind": "generated",
    "source": {"generator": "walking pattern", "licence": "Apache-2.0"},
    "parameters": _parameters(options, robot),
    "model_hash": robot.fingerprint,
  }
  for _ in range(options.passes):
    draft = clip_lib.make_clip(name, poses, robot, True, (speed, 0, 0), {})
    missing = plan.zmp - zero_moment_point(draft, robot)
    most = _LARGEST_ERROR * robot.size
    zmp = zmp + options.feedback * np.clip(missing, -most, most)
    poses, error = _whole_body(plan, zmp, robot, options)
  return clip_lib.make_clip(
    name,
    poses,
    robot,
    True,
    (speed, 0.0, 0.0),
    {**meta, "ik_error": round(error, 6)},
  )


def footsteps(speed: float, robot: robots.Robot, options: Options) -> Plan:
  """Where the feet are and where the weight should be, frame by frame.

  Raises:
    MotionError: for options that leave no time for a cycle or for a swing.
  """
  duration = options.cycle_time - options.cycle_time_slope * speed
  frames = 2 * round(duration * clip_lib.FPS / 2)
  phase = np.arange(frames) / frames
  stride = speed * frames / clip_lib.FPS
  ground = -robot.toe[2]
  both = options.double_support - options.double_support_slope * speed
  if duration < _SHORTEST or not 0 < both < 1:
    raise human.MotionError(
      f"at {speed:g} m/s a cycle lasts {duration:.3g} s and both feet stand for"
      f" {both:.3g} of a step, expected at least {_SHORTEST} s and a share"
      " within 0 and 1; change cycle_time, double_support or their slopes"
    )
  clearance = options.clearance - options.clearance_slope * speed
  feet = {}
  # A foot swings in the single support of the other one's half cycle.
  for side, start, sign in (("left", 0.5, 1.0), ("right", 0.0, -1.0)):
    cycle = np.floor(phase - start)
    since = 2 * (phase - start - cycle)  # in steps
    share = np.clip((since - both) / (1 - both), 0.0, 1.0)
    x = stride * (cycle + _quintic(share) + start - 0.75)
    z = ground + clearance * (4 * share * (1 - share)) ** 2
    feet[side] = np.stack(
      [x, np.full(frames, sign * options.stance_y), z], axis=-1
    )
  return Plan(speed, feet, _planned_zmp(phase, stride, both, options))


def _planned_zmp(
  phase: np.ndarray, stride: float, both: float, options: Options
) -> np.ndarray:
  """(T, 2) the zero-moment point: on the standing foot, moving over between."""
  half = np.floor(2 * phase)
  inside = 2 * phase - half
  over = np.clip(inside / both, 0.0, 1.0)
  sign = np.where(half % 2 == 0, 1.0, -1.0)  # The left foot stands first.
  # Left foot at -stride / 4 + n strides, right foot half a stride further.
  here = stride * (half / 2 - 0.25)
  before = here - stride / 2
  x = before + (here - before) * over + options.zmp_x
  y = sign * options.zmp_y * (2 * over - 1)
  return np.stack([x, y], axis=-1)


def pendulum(
  zmp: np.ndarray, stride: float, duration: float, height: float, harmonics: int
) -> np.ndarray:
  """The periodic centre of mass of a linear inverted pendulum.

  c'' = g / h (c - p) has one periodic solution, harmonic by harmonic
  c_k = p_k / (1 + (2 pi k / T)² h / g); a steady advance is its own.

  Args:
    zmp: (T, 2) over one cycle [m].
    stride: advance of x over the cycle [m].
    duration: of the cycle [s].
    height: of the centre of mass [m].
    harmonics: highest one kept.

  Returns:
    (T, 2) centre of mass [m].
  """
  count = zmp.shape[0]
  steady = np.outer(np.arange(count) / count, [stride, 0.0])
  spectrum = np.fft.rfft(zmp - steady, axis=0)
  rate = 2 * np.pi * np.arange(spectrum.shape[0]) / duration
  spectrum /= (1 + rate**2 * height / _GRAVITY)[:, None]
  spectrum[harmonics + 1 :] = 0.0
  return np.fft.irfft(spectrum, count, axis=0) + steady


def zero_moment_point(
  clip: clip_lib.MotionClip, robot: robots.Robot
) -> np.ndarray:
  """(T, 2) where on the ground the whole motion's wrench acts [m]."""
  points = []
  states = dynamics.derivatives(clip, robot)
  for poses, qvel, qacc in zip(*states, strict=True):
    force = dynamics.generalized_forces(robot, poses, qvel, qacc)
    wrench, root = force[robot.at.root_dof], poses[robot.at.root]
    force = wrench[:3]
    # A free joint's moments are in the body's frame, about its origin.
    moment = rotations.quat_to_mat(root[3:7]) @ wrench[3:]
    moment += np.cross(root[:3], force)
    points.append([-moment[1] / force[2], moment[0] / force[2]])
  return np.array(points)


def _whole_body(
  plan: Plan, zmp: np.ndarray, robot: robots.Robot, options: Options
) -> tuple[np.ndarray, float]:
  """Poses (T, 7 + J) for a zero-moment point, and the largest foot error [m].

  Soles that roll with the pelvis keep their lower edge on the ground.
  """
  height = (
    robot.home_height - options.crouch - options.crouch_slope * plan.speed
  )
  duration = plan.frames / clip_lib.FPS
  com_height = _com_height(robot, height)
  com = pendulum(zmp, plan.stride, duration, com_height, options.harmonics)
  tilt = np.stack(
    [np.full(plan.frames, options.lean), -options.roll_gain * com[:, 1]], -1
  )
  pelvis = rotations.about("y", tilt[:, 0]) @ rotations.about("x", tilt[:, 1])
  poses = np.tile(robot.bent_knees(), (plan.frames, 1))
  poses[:, :2], poses[:, 2] = com, height
  _swing_arms(poses, plan, robot, options)
  poses[:, 3:7] = rotations.quat_from_euler_zyx(
    np.column_stack([np.zeros(plan.frames), tilt])
  )
  limbs = {side: legs.Leg(robot, side) for side in robots.SIDES}
  error = np.inf
  for _ in range(_COM_PASSES):
    error = _place_feet(poses, plan, limbs, pelvis)
    moved = com - _centres_of_mass(poses, robot)
    poses[:, :2] += moved
    if np.max(np.abs(moved)) < _COM_TOLERANCE:
      break
  return poses, error


def _place_feet(
  poses: np.ndarray,
  plan: Plan,
  limbs: dict[str, legs.Leg],
  pelvis: np.ndarray,
) -> float:
  """Solves legs of poses `poses` (T, 7 + J) in place; largest error [m]."""
  worst = 0.0
  flat = np.zeros(plan.frames)
  for side, leg in limbs.items():
    middle = np.tile((leg.toe + leg.heel) / 2, (plan.frames, 1))
    target = plan.feet[side] + middle - poses[:, :3]
    joints = poses[:, 7:][:, leg.columns]
    joints, miss = leg.solve(
      legs.FootTask(middle, target, flat), pelvis, joints
    )
    poses[:, 7:][:, leg.columns] = joints
    worst = max(worst, float(np.max(np.linalg.norm(miss, axis=1))))
  return worst


def _swing_arms(
  poses: np.ndarray, plan: Plan, robot: robots.Robot, options: Options
) -> None:
  """Swings the arms of poses (T, 7 + J) in place, against the legs."""
  phase = 2 * np.pi * np.arange(plan.frames) / plan.frames
  low, high = robot.limits
  # The left foot is farthest ahead as it comes down, at phase 0.
  for side, foot_ahead in (("left", np.cos(phase)), ("right", -np.cos(phase))):
    if side not in robot.arms:
      continue
    arm = robot.arms[side]
    joint, rest = arm.shoulder, poses[0, 7 + arm.shoulder]
    room = max(0.0, min(rest - low[joint], high[joint] - rest))
    swing = min(options.arm_swing * plan.speed, _ARM_ROOM * room)
    poses[:, 7 + joint] = rest - arm.shoulder_sign * swing * foot_ahead
    if arm.elbow is not None:
      bent = poses[0, 7 + arm.elbow] + arm.elbow_sign * options.elbow
      bent = np.clip(bent, low[arm.elbow], high[arm.elbow])
      poses[:, 7 + arm.elbow] = bent


def _parameters(options: Options, robot: robots.Robot) -> dict[str, float]:
  """The options that mean something for a robot, as plain values."""
  said = dataclasses.asdict(options)
  if not robot.arms:
    del said["arm_swing"], said["elbow"]
  return said


def _centres_of_mass(poses: np.ndarray, robot: robots.Robot) -> np.ndarray:
  """(T, 2) over the ground [m]."""
  root = robot.root
  return np.array(
    [robot.forward(q).subtree_com[root, :2].copy() for q in robot.qpos(poses)]
  )


def _com_height(robot: robots.Robot, pelvis_height: float) -> float:
  """Height [m] of the centre of mass for a height of the pelvis."""
  data = robot.forward(robot.zero.qpos)
  return (
    float(data.subtree_com[robot.root, 2]) - robot.home_height + pelvis_height
  )


def _quintic(share: np.ndarray) -> np.ndarray:
  """From 0 to 1 with zero speed and acceleration at both ends."""
  return share**3 * (10 - 15 * share + 6 * share**2)
