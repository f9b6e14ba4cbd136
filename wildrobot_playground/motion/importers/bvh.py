"""BVH recordings: CMU (cgspeed's conversion), LAFAN1, Bandai-Namco skeletons.

BVH says neither its unit nor its axes. They are found from the legs: as long as
an adult's, and standing along the vertical.
"""

import dataclasses
import hashlib
import os
import pathlib

import numpy as np

from wildrobot_playground.motion import axes, human
from wildrobot_playground.motion.importers import bvh_file, limits
from wildrobot_playground.robots import rotations
from wildrobot_playground.system import echo, reading

_SIDES = {"left": ("Left", "_L"), "right": ("Right", "_R")}
# Joints by role, with {0} for Left and {1} for _L.
_LEGS = {
  "cmu": {"hip": "{0}UpLeg", "knee": "{0}Leg", "ankle": "{0}Foot",
          "ball": "{0}ToeBase", "arm": "{0}Arm"},
  "lafan1": {"hip": "{0}UpLeg", "knee": "{0}Leg", "ankle": "{0}Foot",
             "ball": "{0}Toe", "arm": "{0}Arm"},
  "bandai-namco": {"hip": "UpperLeg{1}", "knee": "LowerLeg{1}",
                   "ankle": "Foot{1}", "ball": "Toes{1}",
                   "arm": "UpperArm{1}"},
}  # fmt: skip
# Of arms that are followed where they are there.
_ARMS = {
  "cmu": {"elbow": "{0}ForeArm", "wrist": "{0}Hand"},
  "lafan1": {"elbow": "{0}ForeArm", "wrist": "{0}Hand"},
  "bandai-namco": {"elbow": "LowerArm{1}", "wrist": "Hand{1}"},
}
_TRUNKS = {
  "cmu": {"pelvis": "Hips", "chest": "Spine1", "neck": "Neck1"},
  "lafan1": {"pelvis": "Hips", "chest": "Spine2", "neck": "Neck"},
  "bandai-namco": {"pelvis": "Hips", "chest": "Chest", "neck": "Neck"},
}
_REST_JUMP = 10.0  # times the usual change of a frame: the first is a rest pose
_REST_ANGLE = 15.0  # degrees


def skeleton_names(name: str) -> dict[str, str]:
  """Joint of each role in a skeleton: cmu, lafan1 or bandai-namco."""
  names = dict(_TRUNKS[name])
  for side, forms in _SIDES.items():
    for role, form in _LEGS[name].items():
      names[f"{side}_{role}"] = form.format(*forms)
  return names


def _with_arms(
  recording: bvh_file.Recording, skeleton: str, names: dict[str, str]
) -> dict[str, str]:
  """The joints by role, with elbows and wrists where the recording has them."""
  arms = {
    f"{side}_{role}": form.format(*forms)
    for side, forms in _SIDES.items()
    for role, form in _ARMS[skeleton].items()
  }
  return names | {r: n for r, n in arms.items() if n in recording.names}


def load(
  path: str | os.PathLike[str],
  unit: str = "auto",
  up: str = "auto",
  fps: float | None = None,
) -> human.HumanMotion:
  """Reads a BVH recording.

  Args:
    path: of the `.bvh` file.
    unit: name in `axes.UNITS`, or `auto`.
    up: axis of the file that points up, such as `y` or `-z`, or `auto`.
    fps: frames per second; by default the file's.

  Returns:
    The motion; its source says what was found: skeleton, unit, up, forward.

  Raises:
    MotionError: for a missing or damaged file, or a skeleton without legs.
  """
  path = pathlib.Path(path)
  content = reading.read(path, limits.FILE, human.MotionError)
  digest = hashlib.sha256(content).hexdigest()
  recording = bvh_file.parse(content, path.name)
  del content
  skeleton, names = _skeleton(recording, path.name)
  names = _with_arms(recording, skeleton, names)
  recording, dropped = _without_rest_pose(recording)
  rate = fps if fps is not None else recording.fps
  human.check_rate(rate, path.name)
  places, mats = recording.forward_kinematics()
  joints = {role: recording.index(joint) for role, joint in names.items()}
  places = {role: places[:, i] for role, i in joints.items()}
  mats = {role: mats[:, i] for role, i in joints.items()}
  world, places, mats = _to_metres_z_up(places, mats, path.name, unit, up)
  up_trunk = places["neck"] - places["pelvis"]
  pelvis, chest = (
    _aligned(
      mats[joint],
      axes.body_frame(places[f"left_{end}"] - places[f"right_{end}"], up_trunk),
      f"{path.name}: the {joint} between {end}s",
    )
    for joint, end in (("pelvis", "hip"), ("chest", "arm"))
  )
  world = dataclasses.replace(world, forward=axes.facing(pelvis[0], world.up))
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
      "skeleton": skeleton,
      "rest_frames": dropped,
      **world.describe(),
    },
  )
  return human.checked(axes.turned_to_x(motion))


def _points(
  places: dict[str, np.ndarray], mats: dict[str, np.ndarray], fps: float
) -> dict[str, np.ndarray]:
  """The retargeter's points (T, 3) of the joints' places and rotations."""
  points = {"pelvis": places["pelvis"]}
  for side in human.SIDES:
    for role in ("hip", "knee", "ankle"):
      points[f"{side}_{role}"] = places[f"{side}_{role}"]
    points[f"{side}_heel"], points[f"{side}_toe"] = axes.soles(
      places[f"{side}_ankle"],
      places[f"{side}_ball"],
      mats[f"{side}_ankle"],
      fps,
    )
    arm = [f"{side}_{role}" for role in ("arm", "elbow", "wrist")]
    if all(role in places for role in arm):
      for name, role in zip(human.ARM, arm, strict=True):
        points[f"{side}_{name}"] = places[role]
  return points


def _skeleton(
  recording: bvh_file.Recording, where: str
) -> tuple[str, dict[str, str]]:
  """The skeleton whose joints are all there."""
  missing = {}
  for name in _TRUNKS:
    names = skeleton_names(name)
    missing[name] = [n for n in names.values() if n not in recording.names]
    if not missing[name]:
      return name, names
  nearest = min(missing, key=lambda name: len(missing[name]))
  raise human.MotionError(
    f"{where}: has no joint {', '.join(missing[nearest][:3])} of the"
    f" {nearest} skeleton, which is the nearest of {', '.join(_TRUNKS)};"
    f" its joints are {echo.short(', '.join(recording.names[:6]), 100)} ..."
  )


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
  unit = axes.find_unit(float(length), where, unit)
  legs = [places[f"{s}_hip"] - places[f"{s}_ankle"] for s in human.SIDES]
  up = axes.find_up(np.concatenate(legs), where, up)
  turn = axes.to_z_up(up)
  metres = axes.UNITS[unit]
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
