"""Human walking on the robot: one human cycle, at any speed.

Legs are scaled by length; the speed by stride and cadence (dynamically similar
walks have the same speed over the root of leg length: Alexander, "Optimization
and gaits in the locomotion of vertebrates", 1989).
"""

import dataclasses
from typing import Any

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import fourier, human
from wildrobot_playground.motion.retargeting import (
  foot_path,
  footfall,
  tracking,
)
from wildrobot_playground.robots import rotations

_SLOW = 0.45  # of the natural speed; up to it the legs are straightest


@dataclasses.dataclass(frozen=True)
class Options:
  """How a human walk becomes the robot's.

  Attributes:
    cadence_exponent: cadence grows with (speed / natural speed) to this; the
      stride takes the rest.
    crouch: pelvis below straight legs, when slow [m].
    crouch_slope: deeper by so much [m] per unit of the speed ratio above 0.45:
      long steps meet the limit of the hips' extension.
    lean: mean pitch of the pelvis, forward [rad].
    forward: pelvis ahead of where the human's would be over the feet [m].
    sway_scale: pelvis sway over the human's scaled one.
    turn_scale: pelvis and torso rotations over the human's.
    pitch_scale: sole pitch over the human's: our feet are longer.
    lift_scale: height of the swinging ankle over the human's scaled one.
    stance_y: distance of a standing foot from the mid-line [m].
    swing_width_scale: sideways swing of a foot over the human's.
    clearance: of the sole in mid-swing, at least [m].
    harmonics: highest harmonic kept of the human's feet.
    posture_harmonics: highest harmonic kept of pelvis and torso.
    max_joint_speed: hard cap [rad/s].
  """

  cadence_exponent: float = 0.3
  crouch: float = 0.013
  crouch_slope: float = 0.02
  lean: float = 0.1
  forward: float = 0.0
  sway_scale: float = 1.3
  turn_scale: float = 0.6
  pitch_scale: float = 0.5
  lift_scale: float = 0.6
  stance_y: float = 0.0875
  swing_width_scale: float = 0.15
  clearance: float = 0.02
  harmonics: int = 8
  posture_harmonics: int = 4
  max_joint_speed: float = 7.8


def natural_speed(motion: human.HumanMotion, robot: robots.Robot) -> float:
  """The robot's speed [m/s] dynamically similar to the human's."""
  human_speed = motion.advance[0] * motion.fps / (motion.num_frames - 1)
  return float(human_speed * np.sqrt(robot.leg_length / motion.leg_length))


def retarget(
  motion: human.HumanMotion,
  speed: float,
  name: str,
  robot: robots.Robot,
  options: Options | None = None,
) -> clip_lib.MotionClip:
  """One cycle of the human's walk on the robot, at a speed.

  Args:
    motion: one cycle, walked along x.
    speed: of the clip [m/s].
    name: of the clip.
    robot: the robot.
    options: see `Options`.

  Returns:
    A cyclic clip at 50 frames a second whose cycle is a whole number of frames.

  Raises:
    MotionError: for a motion that is not a cycle of a walk, or a speed that is
      not positive.
  """
  options = options or Options()
  _check(motion, speed)
  natural = natural_speed(motion, robot)
  ratio = speed / natural
  frames = cycle_frames(motion, ratio, robot, options)
  targets = _targets(motion, speed, ratio, frames, robot, options)
  qpos, error = tracking.solve(targets, robot, options.max_joint_speed)
  meta: dict[str, Any] = {
    "kind": "retargeted",
    "source": motion.source,
    "parameters": dataclasses.asdict(options),
    "natural_speed": round(natural, 6),
    "ik_error": round(error, 6),
    "model_hash": robot.fingerprint,
  }
  return clip_lib.make_clip(name, qpos, robot, True, (speed, 0.0, 0.0), meta)


def cycle_frames(
  motion: human.HumanMotion,
  ratio: float,
  robot: robots.Robot,
  options: Options,
) -> int:
  """Frames of a cycle at `ratio` times the natural speed; even."""
  duration = (motion.num_frames - 1) / motion.fps
  duration *= np.sqrt(robot.leg_length / motion.leg_length)
  duration /= ratio**options.cadence_exponent
  # An even number lets left and right take the same number of frames.
  return 2 * round(duration * clip_lib.FPS / 2)


def _check(motion: human.HumanMotion, speed: float) -> None:
  """Refuses what is no cycle, and speeds that are no walk."""
  where = motion.source.get("file", "motion")
  if not motion.cyclic:
    raise human.MotionError(
      f"{where}: is not marked as a loop; give one cycle of a walk"
    )
  if not speed > 0:
    raise human.MotionError(
      f"speed is {speed} m/s, expected a positive speed; use `generate` for"
      " walking in place"
    )
  way = motion.advance[0]
  if way < 0.1:
    raise human.MotionError(
      f"{where}: moves {way:.2f} m in a cycle, expected a walk"
    )


def _targets(
  motion: human.HumanMotion,
  speed: float,
  ratio: float,
  frames: int,
  robot: robots.Robot,
  options: Options,
) -> tracking.Targets:
  """The human's cycle in the robot's measures."""
  phase = np.arange(frames) / frames
  stride_scale = speed * frames / clip_lib.FPS / float(motion.advance[0])
  euler, waist_yaw = _posture(motion, phase, ratio, robot, options)
  feet = {}
  for side, sign in (("left", 1), ("right", -1)):
    feet[side] = foot_path.FootPath(
      footfall=footfall.find(motion, side, options.harmonics),
      stride_scale=stride_scale,
      height_scale=options.lift_scale * _size(motion, robot) * _vigour(ratio),
      pitch_scale=options.pitch_scale * _vigour(ratio),
      swing_width_scale=options.swing_width_scale,
      stance_y=options.stance_y * sign,
      toe=robot.toe,
      heel=robot.heel,
      clearance=options.clearance,
    ).sample(phase)
  root = _root(motion, phase, ratio, stride_scale, robot, options)
  return tracking.Targets(root, euler, waist_yaw, feet)


def _size(motion: human.HumanMotion, robot: robots.Robot) -> float:
  """Robot over human, by leg length."""
  return robot.leg_length / motion.leg_length


def _vigour(ratio: float) -> float:
  """How much smaller gestures are when slow; 1 at the natural speed."""
  return ratio**0.35


def _root(
  motion: human.HumanMotion,
  phase: np.ndarray,
  ratio: float,
  stride_scale: float,
  robot: robots.Robot,
  options: Options,
) -> np.ndarray:
  """Pelvis positions (T, 3) [m] at phases (T,)."""
  pelvis = fourier.fit(
    motion.points["pelvis"], options.posture_harmonics, motion.advance
  )
  size = _size(motion, robot)
  deviation = pelvis(phase) - np.real(pelvis.coefficients[0])
  crouch = options.crouch + options.crouch_slope * max(0.0, ratio - _SLOW)
  return np.stack(
    [
      stride_scale * pelvis(phase)[:, 0] + options.forward,
      options.sway_scale * size * deviation[:, 1],
      # A pelvis vaults over its legs by the square of the stride.
      robot.home_height - crouch + size * ratio * deviation[:, 2],
    ],
    axis=-1,
  )


def _posture(
  motion: human.HumanMotion,
  phase: np.ndarray,
  ratio: float,
  robot: robots.Robot,
  options: Options,
) -> tuple[np.ndarray, np.ndarray]:
  """Pelvis yaw, pitch and roll (T, 3) and the waist's angle (T,) [rad]."""
  pelvis, chest = (
    fourier.fit(rotations.euler_zyx(mat), options.posture_harmonics)(phase)
    for mat in (motion.pelvis_mat, motion.chest_mat)
  )
  turns = options.turn_scale * _vigour(ratio)
  pitch = options.lean + turns * (pelvis[:, 1] - np.mean(pelvis[:, 1]))
  # No hip yaw: a pelvis that turned would twist the standing foot.
  yaw = np.zeros(phase.size)
  euler = np.stack([yaw, pitch, turns * pelvis[:, 2]], axis=-1)
  return euler, robot.waist_sign * turns * chest[:, 0]
