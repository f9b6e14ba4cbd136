"""Recordings on the robot: of any length, with turns and changes of speed.

Legs are scaled by length; the speed by stride and cadence (dynamically similar
walks have the same speed over the root of leg length: Alexander, "Optimization
and gaits in the locomotion of vertebrates", 1989). All frames are solved at
once, so that an hour of motion takes seconds.
"""

import dataclasses
from typing import Any

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import filters, human
from wildrobot_playground.motion.retargeting import (
  foot_targets,
  leg_ik,
  stance,
  trunk,
  unroll,
)
from wildrobot_playground.motion.retargeting import path as path_lib
from wildrobot_playground.robots import rotations

FASTEST = 0.6  # m/s of WildRobot: its servos follow no walk that is faster
_SLOWEST = 0.01
_CYCLES = 5  # of a cyclic motion are made; the middle one is kept
_SMOOTHING = 0.03  # s of the human's time: what is faster is noise
_POSTURE_SMOOTHING = 0.06
_SHORTEST = 10  # frames
_HALF_WIDTH = 0.045  # m, of WildRobot's soles
_STANCES = (0.8, 1.3)  # narrowest and widest, over that of its size


@dataclasses.dataclass(frozen=True)
class Options:
  """How a recording becomes the robot's; by default WildRobot's, see `scaled`.

  Attributes:
    turning: share of the recording's turns that is kept; 0 walks them straight.
    cadence_exponent: cadence grows with (speed / natural speed) to this; the
      stride takes the rest.
    crouch: pelvis below straight legs, where they reach [m].
    lean: mean pitch of the pelvis, forward [rad].
    forward: pelvis ahead of where the human's would be over the feet [m].
    sway_scale: pelvis sway over the human's scaled one.
    turn_scale: pelvis and torso rotations over the human's.
    arm_scale: swing of the arms over the human's.
    pitch_scale: sole pitch over the human's: our feet are longer.
    swing_flatter: share by which the sole's pitch is less in mid-swing: a
      pointed foot must be lifted higher, and the knee be faster.
    lift_scale: height of the swinging ankle over the human's scaled one.
    stance_y: distance of a standing foot from the mid-line [m].
    nearest_y: the least distance, while the robot turns over it [m].
    swing_width_scale: sideways swing of a foot over the human's.
    clearance: of the sole in mid-swing, at least [m].
    max_joint_speed: hard cap [rad/s].
  """

  turning: float = 1.0
  cadence_exponent: float = 0.3
  crouch: float = 0.018
  lean: float = 0.1
  forward: float = 0.0
  sway_scale: float = 1.7
  turn_scale: float = 0.6
  arm_scale: float = 0.8
  pitch_scale: float = 0.5
  swing_flatter: float = 0.5
  lift_scale: float = 0.45
  stance_y: float = 0.0875
  nearest_y: float = 0.065
  swing_width_scale: float = 0.15
  clearance: float = 0.02
  max_joint_speed: float = 7.8


# Smallest and largest value of each option.
RANGES: dict[str, tuple[float, float]] = {
  "turning": (0.0, 2.0),
  "cadence_exponent": (-1.0, 2.0),
  "crouch": (0.0, 0.3),
  "lean": (-0.6, 0.6),
  "forward": (-0.3, 0.3),
  "sway_scale": (0.0, 10.0),
  "turn_scale": (0.0, 5.0),
  "arm_scale": (0.0, 5.0),
  "pitch_scale": (0.0, 5.0),
  "swing_flatter": (0.0, 1.0),
  "lift_scale": (0.0, 5.0),
  "stance_y": (0.02, 0.3),
  "nearest_y": (0.0, 0.3),
  "swing_width_scale": (0.0, 5.0),
  "clearance": (0.0, 0.2),
  "max_joint_speed": (0.1, 100.0),
}


def scaled(robot: robots.Robot) -> Options:
  """The options for a robot of another size.

  Lengths go with those of its legs, what is sideways with the distance of its
  feet; narrower soles stand nearer to each other, their inner edges alike.
  """
  base = Options()
  least, most = (robot.width * base.stance_y * s for s in _STANCES)
  inwards = _HALF_WIDTH * robot.width - robot.feet["left"].half_width
  stance_y = min(max(base.stance_y * robot.width - inwards, least), most)
  return dataclasses.replace(
    base,
    crouch=base.crouch * robot.size,
    forward=base.forward * robot.size,
    stance_y=stance_y,
    nearest_y=base.nearest_y * robot.width,
    clearance=base.clearance * robot.size,
  )


def natural_speed(motion: human.HumanMotion, robot: robots.Robot) -> float:
  """The robot's mean speed [m/s] dynamically similar to the human's."""
  if motion.cyclic:
    speed = motion.advance[0] * motion.fps / (motion.num_frames - 1)
  else:
    speed = np.mean(path_lib.find(motion).speed(motion.fps))
  return float(speed * np.sqrt(robot.leg_length / motion.leg_length))


def follow(
  motion: human.HumanMotion,
  name: str,
  robot: robots.Robot,
  speed: float | None = None,
  options: Options | None = None,
) -> clip_lib.MotionClip:
  """A recording on the robot.

  Args:
    motion: of any length; a cyclic one gives a cyclic clip.
    name: of the clip.
    robot: the robot.
    speed: mean forward speed of the clip [m/s]; by default the natural one, but
      no more than `FASTEST` at the robot's size.
    options: see `Options`; by default those of the robot's size.

  Returns:
    A clip at 50 frames a second. Its `ik_error` is the largest distance of a
    sole's support from its target [m], `frame_error` that of each frame [mm].

  Raises:
    MotionError: for a motion that goes nowhere when a speed is asked for, a
      speed that is no positive number, less than a fifth of a second, or more
      than an hour, which slow speeds can make of any recording.
  """
  options = options or scaled(robot)
  natural = natural_speed(motion, robot)
  scale = _scale(motion, natural, speed, robot, options)
  source, cycle = motion, scale.cycle
  if cycle:
    motion = unroll.unroll(motion, _CYCLES)
  motion = _resampled(motion, scale.human_fps)
  path = path_lib.straight(motion) if cycle else path_lib.find(motion)
  robot_path = path.scaled(scale.stride, options.turning)
  feet = _feet(motion, path, robot_path, scale, robot, options)
  body = trunk.follow(motion, path, scale, options, robot)
  solution = leg_ik.solve(feet, body, robot, options.max_joint_speed)
  qpos = np.hstack(
    [
      robot_path.world(solution.root[:, :2]),
      solution.root[:, 2:],
      rotations.quat_from_euler_zyx(
        np.column_stack([robot_path.yaw, solution.tilt])
      ),
      solution.joints,
    ]
  )
  error = solution.error
  achieved = float(np.mean(robot_path.speed(clip_lib.FPS)))
  if cycle:
    middle = slice(_CYCLES // 2 * cycle, (_CYCLES // 2 + 1) * cycle)
    way = qpos[middle.stop, 0] - qpos[middle.start, 0]
    achieved = float(way) * clip_lib.FPS / cycle
    qpos, error = qpos[middle], error[middle]
    qpos[:, 0] -= qpos[0, 0]
  turn = float(np.mean(np.gradient(robot_path.yaw))) * clip_lib.FPS
  command = (round(achieved, 6), 0.0, round(turn, 6))
  meta = _meta(source, natural, error, robot, options)
  return clip_lib.make_clip(name, qpos, robot, bool(cycle), command, meta)


def _scale(
  motion: human.HumanMotion,
  natural: float,
  speed: float | None,
  robot: robots.Robot,
  options: Options,
) -> trunk.Scale:
  """How sizes, way and time are scaled for a speed."""
  where = motion.source.get("file", "motion")
  if speed is not None and not speed > _SLOWEST:
    raise human.MotionError(
      f"speed is {speed} m/s, expected a positive speed; use `generate` for"
      " walking in place"
    )
  if speed is not None and natural < _SLOWEST:
    raise human.MotionError(
      f"{where}: goes nowhere ({natural:.3f} m/s), so it cannot be brought to"
      f" {speed} m/s; leave out --speed"
    )
  wanted = speed or min(natural, FASTEST * np.sqrt(robot.size))
  ratio = wanted / natural if natural > _SLOWEST else 1.0
  size = robot.leg_length / motion.leg_length
  cadence = ratio**options.cadence_exponent
  human_fps = clip_lib.FPS * np.sqrt(size) / cadence
  duration = (motion.num_frames - 1) / motion.fps
  # A cyclic motion is made several times.
  cycles = _CYCLES if motion.cyclic else 1
  seconds = cycles * duration * human_fps / clip_lib.FPS
  if not seconds <= human.LONGEST:
    times = f"{cycles} cycles at" if cycles > 1 else "at"
    raise human.MotionError(
      f"{where}: {times} {wanted:.3g} m/s would last {seconds:.7g} s, expected"
      f" at most {human.LONGEST:g} s; choose a higher speed, or split the"
      " recording"
    )
  if duration * human_fps < _SHORTEST:
    raise human.MotionError(
      f"{where}: lasts {duration:.2f} s, expected at least"
      f" {_SHORTEST / human_fps:.2f} s; give a longer recording"
    )
  stride, cycle = size * ratio / cadence, 0
  if motion.cyclic:
    # An even number lets left and right take the same number of frames.
    cycle = 2 * round(duration * human_fps / 2)
    stride *= cycle / (duration * human_fps)
    human_fps = cycle / duration
  return trunk.Scale(size, stride, ratio, human_fps, cycle)


def _resampled(motion: human.HumanMotion, fps: float) -> human.HumanMotion:
  """The motion at another frame rate, without noise."""
  position = np.arange(0, motion.num_frames - 1 + 1e-9, motion.fps / fps)

  def resample(samples: np.ndarray, seconds: float) -> np.ndarray:
    low = filters.gaussian(samples, seconds * motion.fps)
    return filters.sample(low, position)

  def resample_mat(mat: np.ndarray) -> np.ndarray:
    return rotations.orthonormal(resample(mat, _POSTURE_SMOOTHING))

  return dataclasses.replace(
    motion,
    points={k: resample(v, _SMOOTHING) for k, v in motion.points.items()},
    pelvis_mat=resample_mat(motion.pelvis_mat),
    chest_mat=resample_mat(motion.chest_mat),
    fps=fps,
    standing=motion.standing
    and {
      side: flags[np.round(position).astype(int)]
      for side, flags in motion.standing.items()
    },
  )


def _feet(
  motion: human.HumanMotion,
  path: path_lib.Path,
  robot_path: path_lib.Path,
  scale: trunk.Scale,
  robot: robots.Robot,
  options: Options,
) -> dict[str, foot_targets.Foot]:
  """Both feet's targets."""
  shape = foot_targets.Shape(
    stride_scale=scale.stride,
    height_scale=options.lift_scale * scale.size * scale.vigour,
    pitch_scale=options.pitch_scale * scale.vigour,
    swing_flatter=options.swing_flatter,
    swing_width_scale=options.swing_width_scale,
    stance_y=options.stance_y,
    nearest_y=options.nearest_y,
    clearance=options.clearance,
    clears=not scale.cycle,  # The shipped walks, which pass, stay as they are.
    toe=robot.toe,
    heel=robot.heel,
  )
  standing = motion.standing or stance.find(
    motion, np.abs(path.speed(motion.fps))
  )
  return {
    side: foot_targets.follow(
      motion, side, standing[side], path, robot_path, shape
    )
    for side in human.SIDES
  }


def _meta(
  motion: human.HumanMotion,
  natural: float,
  error: np.ndarray,
  robot: robots.Robot,
  options: Options,
) -> dict[str, Any]:
  """What the clip says of its making."""
  parameters = dataclasses.asdict(options)
  if not robot.arms:
    del parameters["arm_scale"]
  return {
    "kind": "retargeted",
    "source": motion.source,
    "parameters": parameters,
    "natural_speed": round(natural, 6),
    "ik_error": round(float(np.max(error)), 6),
    "frame_error": np.round(1e3 * error, 2).tolist(),
    "model_hash": robot.fingerprint,
  }
