"""Clips of the robot itself as motions to retarget: at other speeds, repaired.

What another retargeter left of a human, the robot's own skeleton can be asked
for; the feet are then placed as for any recording.
"""

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import axes, human
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.quality import gates
from wildrobot_playground.motion.retargeting import arms, recording
from wildrobot_playground.robots import legs, rotations


def as_human(
  clip: clip_lib.MotionClip, robot: robots.Robot
) -> human.HumanMotion:
  """The clip as points and orientations, of a human of the robot's size.

  Args:
    clip: any clip; a cyclic one gives a cyclic motion.
    robot: the robot.
  """
  poses = clip.qpos
  if clip.cyclic:  # A cyclic motion ends with its first frame, moved on.
    poses = np.concatenate([poses, clip.at(np.array([len(poses) / clip.fps]))])
  root = rotations.quat_to_mat(poses[:, 3:7])
  points = {"pelvis": poses[:, :3]}
  chest = _chest(poses, root, robot)
  for side in human.SIDES:
    leg = legs.Leg(robot, side)
    places, mats = leg.forward(poses[:, 7:][:, leg.columns], root)
    places = places + poses[:, None, :3]
    ankle, foot = leg.ankle(places, mats)
    points |= {
      f"{side}_hip": places[:, leg.role.knee - 1],
      f"{side}_knee": places[:, leg.role.knee],
      f"{side}_ankle": ankle,
      f"{side}_heel": ankle + foot @ leg.heel,
      f"{side}_toe": ankle + foot @ leg.toe,
      **arms.points(side, poses, chest, robot),
    }
  contacts = robot.per_foot(robot.sole.contacts(poses), np.maximum) > 0
  motion = human.HumanMotion(
    points=points,
    pelvis_mat=root,
    chest_mat=chest,
    fps=clip.fps,
    cyclic=clip.cyclic,
    source={"file": f"{clip.name}.npz", **clip.meta.get("source", {})},
    standing=dict(zip(human.SIDES, contacts.T, strict=True)),
  )
  return motion if clip.cyclic else axes.turned_to_x(motion)


def _chest(
  poses: np.ndarray, root: np.ndarray, robot: robots.Robot
) -> np.ndarray:
  """(T, 3, 3) rotation of the trunk above the waist."""
  if robot.waist is None:
    return root
  turn = robot.waist_sign * poses[:, 7 + robot.waist]
  return root @ rotations.about("z", turn)


def own_options(
  clip: clip_lib.MotionClip, robot: robots.Robot
) -> recording.Options:
  """Options by which a clip follows itself: its own crouch, lean and stance."""
  tilt = rotations.euler_zyx(rotations.quat_to_mat(clip.root_quat))
  corners = robot.sole.corners(clip.qpos)
  left, right = (
    corners[:, robot.description.contacts_of(side)].mean(axis=(1, 2))
    for side in human.SIDES
  )
  between = left - right
  yaw = tilt[:, 0]
  apart = np.cos(yaw) * between[:, 1] - np.sin(yaw) * between[:, 0]
  crouch = robot.home_height - float(np.median(clip.root_pos[:, 2]))
  size = robot.size
  # In mid-swing; a clip that never lifts a foot has none to keep.
  lift = gates.measure(clip, robot)["swing_clearance"]
  return recording.Options(
    crouch=max(0.0, crouch),
    lean=float(np.mean(tilt[:, 1])),
    sway_scale=1.0,
    turn_scale=1.0,
    arm_scale=1.0,
    pitch_scale=1.0,
    swing_flatter=0.0,
    lift_scale=1.0,
    stance_y=float(np.median(apart)) / 2,
    swing_width_scale=1.0,
    clearance=size * float(np.clip(0.6 * lift / size, 0.01, 0.02)),
  )
