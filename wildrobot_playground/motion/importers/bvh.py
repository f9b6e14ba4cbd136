"""BVH recordings of people, whatever their makers call the joints.

BVH says neither its unit nor its axes, nor which joint is which. The legs tell
unit and axes: as long as an adult's, and standing along the vertical. Tree and
shape tell the joints: see `skeleton`.
"""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Mapping

import numpy as np

from wildrobot_playground.motion import axes, human
from wildrobot_playground.motion.importers import bvh_file, limits, skeleton
from wildrobot_playground.robots import rotations
from wildrobot_playground.system import reading

_LOOKED_AT = 400  # frames, for the skeleton
_FOOT, _FOOT_DROP = (
  0.33,
  0.5,
)  # from ankle to ball: of a thigh, and down by that
_REST_JUMP = 10.0  # times the usual change of a frame: the first is a rest pose
_REST_ANGLE = 15.0  # degrees


def load(
  path: str | os.PathLike[str],
  unit: str = "auto",
  up: str = "auto",
  fps: float | None = None,
  joints: Mapping[str, str] | None = None,
) -> human.HumanMotion:
  """Reads a BVH recording.

  Args:
    path: of the `.bvh` file.
    unit: name in `axes.UNITS`, or `auto`.
    up: axis of the file that points up, such as `y` or `-z`, or `auto`.
    fps: frames per second; by default the file's.
    joints: names of the file's joints by role, for those that are not found.

  Returns:
    The motion; its source says what was found: skeleton, unit, up, forward, and
    what is doubtful.

  Raises:
    MotionError: for a missing or damaged file, or a skeleton without legs.
  """
  path = pathlib.Path(path)
  content = reading.read(path, limits.FILE, human.MotionError)
  digest = hashlib.sha256(content).hexdigest()
  recording = bvh_file.parse(content, path.name)
  del content
  recording, dropped = _without_rest_pose(recording)
  rate = fps if fps is not None else recording.fps
  human.check_rate(rate, path.name)
  found = _skeleton(recording, path.name, joints)
  names = {role: recording.names[j] for role, j in found.joints.items()}
  recording, new = recording.only(found.joints.values())
  everywhere, turned = recording.forward_kinematics()
  places = {r: everywhere[:, new[j]] for r, j in found.joints.items()}
  mats = {r: turned[:, new[j]] for r, j in found.joints.items()}
  world, places, mats = _to_metres_z_up(places, mats, path.name, unit, up)
  pelvis, chest = _trunk(places, mats, path.name)
  world = dataclasses.replace(world, forward=axes.facing(pelvis[0], world.up))
  _give_balls(places, mats, pelvis)
  motion = human.HumanMotion(
    points=axes.on_the_ground(_points(places, mats, rate)),
    pelvis_mat=pelvis,
    chest_mat=chest,
    fps=rate,
    cyclic=False,
    source={
      "file": path.name,
      "format": "bvh",
      "sha256": digest,
      "licence": "unknown",
      "skeleton": names,
      "rest_frames": dropped,
      **world.describe(),
      "doubts": [*recording.notes, *found.doubts, *world.doubts()],
    },
  )
  return human.checked(axes.turned_to_x(motion))


def _skeleton(
  recording: bvh_file.Recording,
  where: str,
  joints: Mapping[str, str] | None,
) -> skeleton.Skeleton:
  """The joints by role, found in some of the frames."""
  step = max(len(recording.values) // _LOOKED_AT, 1)
  some = dataclasses.replace(recording, values=recording.values[::step])
  places, _ = some.forward_kinematics()
  return skeleton.find(
    recording.names, recording.parents, places, where, joints
  )


def _trunk(
  places: dict[str, np.ndarray], mats: dict[str, np.ndarray], where: str
) -> tuple[np.ndarray, np.ndarray]:
  """Rotations (T, 3, 3) of pelvis and chest, x forward, y left and z up.

  Without arms the chest turns as its joint does, from where the hips are.
  """
  up = places["neck"] - places["pelvis"]
  if np.min(np.linalg.norm(up, axis=1)) < 1e-3:  # Nothing but legs.
    left, right = (
      places[f"{s}_hip"] - places[f"{s}_ankle"] for s in human.SIDES
    )
    up = left + right
  ends = {"pelvis": "hip", "chest": "arm" if "left_arm" in places else "hip"}
  pelvis, chest = (
    _aligned(
      mats[joint],
      axes.body_frame(places[f"left_{end}"] - places[f"right_{end}"], up),
      f"{where}: the {joint} between {end}s",
    )
    for joint, end in ends.items()
  )
  return pelvis, chest


def _give_balls(
  places: dict[str, np.ndarray],
  mats: dict[str, np.ndarray],
  pelvis: np.ndarray,
) -> None:
  """Toes' joints for feet that have none: ahead of the ankle, near the ground.

  Where a foot points is the mean of where the pelvis faces.
  """
  for side in human.SIDES:
    if f"{side}_ball" in places:
      continue
    ankle, mat = places[f"{side}_ankle"], mats[f"{side}_ankle"]
    leg = np.linalg.norm(places[f"{side}_hip"] - places[f"{side}_knee"], axis=1)
    ahead = pelvis[:, :, 0] * np.array([1.0, 1.0, 0.0])
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    reach = _FOOT * np.mean(leg) * (ahead - [0.0, 0.0, _FOOT_DROP])
    seat = np.mean(np.einsum("tji,tj->ti", mat, reach), axis=0)
    places[f"{side}_ball"] = ankle + mat @ seat


def _points(
  places: dict[str, np.ndarray], mats: dict[str, np.ndarray], fps: float
) -> dict[str, np.ndarray]:
  """The retargeter's points (T, 3) of the joints' places and rotations."""
  points = {"pelvis": places["pelvis"]}
  for side in human.SIDES:
    for role in skeleton.LEG:
      points[f"{side}_{role}"] = places[f"{side}_{role}"]
    points[f"{side}_heel"], points[f"{side}_toe"] = axes.soles(
      places[f"{side}_ankle"],
      places[f"{side}_ball"],
      mats[f"{side}_ankle"],
      fps,
    )
    arm = [f"{side}_{role}" for role in skeleton.ARM]
    if all(role in places for role in arm):
      for name, role in zip(human.ARM, arm, strict=True):
        points[f"{side}_{name}"] = places[role]
  return points


def _without_rest_pose(
  recording: bvh_file.Recording,
) -> tuple[bvh_file.Recording, int]:
  """The recording without a first frame that is only there to pose it."""
  values = recording.values
  if len(values) < 4:
    return recording, 0
  turns = [i for i, kind in enumerate(recording.kinds) if "rotation" in kind]
  change = np.max(np.abs(np.diff(values[:20, turns], axis=0)), axis=1)
  change = np.minimum(change, np.abs(360.0 - change))  # Over the turn's end.
  usual = max(float(np.median(change[1:])), 1e-6)
  if change[0] < _REST_ANGLE or change[0] < _REST_JUMP * usual:
    return recording, 0
  return dataclasses.replace(recording, values=values[1:]), 1


def _to_metres_z_up(
  places: dict[str, np.ndarray],
  mats: dict[str, np.ndarray],
  where: str,
  unit: str,
  up: str,
) -> tuple[axes.World, dict[str, np.ndarray], dict[str, np.ndarray]]:
  """The recording in metres with z up, and what it was in."""
  thigh = places["left_knee"] - places["left_hip"]
  shin = places["left_ankle"] - places["left_knee"]
  length = np.mean(np.linalg.norm(thigh, axis=1) + np.linalg.norm(shin, axis=1))
  unit, metres = axes.find_unit(float(length), where, unit)
  legs = [places[f"{s}_hip"] - places[f"{s}_ankle"] for s in human.SIDES]
  up = axes.find_up(np.concatenate(legs), where, up)
  turn = axes.to_z_up(up)
  places = {role: metres * place @ turn.T for role, place in places.items()}
  mats = {role: turn @ mat for role, mat in mats.items()}
  return axes.World(unit, up, "+x"), places, mats


def _aligned(joint: np.ndarray, body: np.ndarray, what: str) -> np.ndarray:
  """Rotations (T, 3, 3) of a joint, seen as x forward, y left and z up.

  The joint's own axes are any; how they sit in the body is the mean over time.
  """
  if not np.all(np.isfinite(body)):
    raise human.MotionError(
      f"{what} has no left and up in some frames, as joints are in one place;"
      " export the motion again"
    )
  seat = rotations.orthonormal(np.mean(joint.swapaxes(1, 2) @ body, axis=0))
  return joint @ seat
