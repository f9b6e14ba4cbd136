"""Legs that follow: inverse kinematics, and what gives when they are too short.

Where a leg does not reach its foot, the pelvis comes down; where a hip would
extend beyond its limit, the pelvis leans forward, which makes room behind.
"""

import dataclasses

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import filters
from wildrobot_playground.motion.retargeting import foot_targets, trunk
from wildrobot_playground.robots import legs, rotations

_PASSES = 24
_GAIN = 1.5  # of a pass over what is missing
_LARGEST_MISS = 0.0005  # m
_LOWERING_STEP = 0.004  # m
_LOWEST = 0.04  # m
_LOWERING_SPREAD = 0.12  # s
_HIP_ROOM = 0.03  # rad that a hip should keep from its limit
_LARGEST_LEAN = 0.15  # rad more than the recording's
_LEANING_SPREAD = 0.25  # s


@dataclasses.dataclass(frozen=True)
class Solution:
  """The robot, frame by frame.

  Attributes:
    joints: (T, J) [rad].
    root: (T, 3) pelvis ahead and to the left of the path, above ground [m].
    tilt: (T, 2) pitch and roll of the pelvis [rad].
    error: (T,) larger distance of the two soles from their targets [m].
  """

  joints: np.ndarray
  root: np.ndarray
  tilt: np.ndarray
  error: np.ndarray


def solve(
  feet: dict[str, foot_targets.Foot],
  body: trunk.Body,
  robot: robots.Robot,
  max_joint_speed: float,
) -> Solution:
  """Joints that bring the feet to their targets, below a joint speed [rad/s].

  Args:
    feet: targets by side.
    body: of pelvis and torso.
    robot: the robot.
    max_joint_speed: a hard cap; what it costs is in the error.
  """
  limbs = {side: legs.Leg(robot, side) for side in feet}
  root, tilt = body.root.copy(), body.tilt.copy()
  lowered, leaned = np.zeros((2, len(root)))
  joints = np.tile(robot.bent_knees()[7:], (len(root), 1))
  if robot.waist is not None:
    joints[:, robot.waist] = body.waist
  for column, angles in body.arms.items():
    joints[:, column] = angles
  for _ in range(_PASSES):
    short, long = _solve_legs(limbs, feet, joints, root, tilt)
    stiff = _missing_hip_room(joints, robot)
    reached = np.max(short) < _LARGEST_MISS * robot.size
    if reached and np.max(stiff) < _HIP_ROOM / 2:
      break
    leaned += _GAIN * _spread(stiff, _LEANING_SPREAD)
    lowered += _GAIN * _spread(short, _LOWERING_SPREAD)
    lowered -= _GAIN * _spread(long, _LOWERING_SPREAD)
    lowered = np.clip(lowered, 0.0, _LOWEST * robot.size)
    tilt[:, 0] = body.tilt[:, 0] + np.minimum(leaned, _LARGEST_LEAN)
    root[:, 2] = body.root[:, 2] - lowered
  else:
    _solve_legs(limbs, feet, joints, root, tilt)
  joints = filters.rate_limited(joints, max_joint_speed / clip_lib.FPS)
  error = _errors(limbs, feet, joints, root, tilt)
  return Solution(joints, root, tilt, error)


def _solve_legs(
  limbs: dict[str, legs.Leg],
  feet: dict[str, foot_targets.Foot],
  joints: np.ndarray,
  root: np.ndarray,
  tilt: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """Updates the legs' `joints` (T, J) in place.

  Returns:
    (T,) by how much the shorter leg is too short for its foot, and (T,) by how
    much the longer one is too long [m]; at most `_LOWERING_STEP`.
  """
  lengths = []
  for side, leg in limbs.items():
    columns = leg.columns
    task = _task(leg, feet[side], root)
    joints[:, columns], miss = leg.solve(
      task, _pelvis(tilt), joints[:, columns]
    )
    # Hips are nearly at the pelvis' height and the foot's side.
    along = task.target / np.linalg.norm(task.target, axis=1, keepdims=True)
    lengths.append(np.sum(miss * along, axis=1))
  lengths = np.clip(lengths, -_LOWERING_STEP, _LOWERING_STEP)
  return np.max(lengths, axis=0).clip(0.0), np.max(-lengths, axis=0).clip(0.0)


def _errors(
  limbs: dict[str, legs.Leg],
  feet: dict[str, foot_targets.Foot],
  joints: np.ndarray,
  root: np.ndarray,
  tilt: np.ndarray,
) -> np.ndarray:
  """(T,) the larger distance [m] of the two soles from their targets."""
  misses = [
    leg.miss(
      _task(leg, feet[side], root),
      joints[:, leg.columns],
      _pelvis(tilt),
    )
    for side, leg in limbs.items()
  ]
  return np.max(np.linalg.norm(misses, axis=-1), axis=0)


def _missing_hip_room(joints: np.ndarray, robot: robots.Robot) -> np.ndarray:
  """(T,) by how much [rad] the straighter hip is too near its limit."""
  least = robot.hip_extension_limits + _HIP_ROOM
  return np.max(least - robot.hip_flexion(joints), axis=-1).clip(0.0)


def _task(
  leg: legs.Leg, foot: foot_targets.Foot, root: np.ndarray
) -> legs.FootTask:
  """The foot's support point, told from the pelvis."""
  support = foot_targets.support(foot.pitch, leg.toe, leg.heel)
  turned = np.einsum("tij,tj->ti", rotations.about("y", foot.pitch), support)
  return legs.FootTask(support, foot.place + turned - root, foot.pitch)


def _pelvis(tilt: np.ndarray) -> np.ndarray:
  """(T, 3, 3) rotation of a pelvis with pitch and roll (T, 2)."""
  return rotations.about("y", tilt[:, 0]) @ rotations.about("x", tilt[:, 1])


def _spread(samples: np.ndarray, seconds: float) -> np.ndarray:
  """(T,) a smooth curve above samples (T,)."""
  sigma = seconds * clip_lib.FPS
  return filters.gaussian(filters.maximum(samples, round(sigma)), sigma)
