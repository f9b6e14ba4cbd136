"""BVH files of one walk, as ten makers would write it.

The walk is the human recording that comes along, some cycles of it. Every rig
hangs the same body differently: names, units, axes, orders of channels, rest
poses, bones that are there besides. Whoever reads them must find one motion.
"""

import dataclasses
import functools

import numpy as np
from scipy.spatial.transform import Rotation

from wildrobot_playground.motion import human
from wildrobot_playground.motion.datasets import shipped
from wildrobot_playground.motion.importers import deepmimic
from wildrobot_playground.motion.retargeting import unroll
from wildrobot_playground.system import assets

_CYCLES = 4
_FPS = 60.0
_SIDES = {"left": 1.0, "right": -1.0}


@dataclasses.dataclass(frozen=True)
class Rig:
  """How a maker hangs a body.

  Attributes:
    names: of the joints by role; `{}` is the side's name.
    sides: what left and right are called.
    unit: metres in one.
    up: axis of the file that is up, `y` or `z`.
    orders: of the channels of rotation, joint by joint in turn.
    twists: bones that part thighs and fore arms, and turn with them.
    fingers: bones of each hand.
    toes: whether feet have a joint, and an end, of toes.
    posed: whether joints rest in poses of their own.
    collars: whether arms hang on collar bones, and legs on bones of the hip.
    spine: joints between pelvis and chest.
    root: a joint above the pelvis that stays where it is.
  """

  names: dict[str, str]
  sides: tuple[str, str]
  unit: float = 0.01
  up: str = "y"
  orders: tuple[str, ...] = ("ZXY",)
  twists: bool = False
  fingers: bool = False
  toes: bool = True
  posed: bool = False
  collars: bool = False
  spine: int = 1
  root: str = ""


def _named(pelvis, spine, chest, neck, head, limbs):
  """Names by role, of a list of the limbs' joints from the trunk on."""
  roles = (
    "collar", "arm", "elbow", "wrist", "socket", "hip", "knee", "ankle", "ball"
  )  # fmt: skip
  trunk = {"pelvis": pelvis, "spine": spine, "chest": chest, "neck": neck}
  return trunk | {"head": head} | dict(zip(roles, limbs, strict=True))


_PLAIN = ("Left", "Right")
RIGS = {
  "mixamo": Rig(
    _named(
      "mixamorig:Hips", "mixamorig:Spine{}", "mixamorig:Spine2",
      "mixamorig:Neck", "mixamorig:Head",
      [f"mixamorig:{{}}{n}" for n in
       ("Shoulder", "Arm", "ForeArm", "Hand", "Socket", "UpLeg", "Leg", "Foot",
        "ToeBase")],
    ),
    _PLAIN, fingers=True, collars=True, spine=2,
  ),
  "rokoko": Rig(
    _named("Hips", "Spine{}", "Chest", "Neck", "Head",
           [f"{{}}{n}" for n in
            ("Shoulder", "UpperArm", "LowerArm", "Hand", "Socket", "Thigh",
             "Shin", "Foot", "Toe")]),
    _PLAIN, unit=1.0, fingers=True, collars=True, orders=("YXZ",),
  ),
  "xsens": Rig(
    _named("Pelvis", "L{}", "T8", "Neck", "Head",
           [f"{{}} {n}" for n in
            ("Collar", "Upper Arm", "Forearm", "Hand", "Socket", "Upper Leg",
             "Lower Leg", "Foot", "Toe")]),
    _PLAIN, up="z", orders=("XYZ", "ZYX"), spine=3,
  ),
  "cmu": Rig(
    _named("Hips", "LowerBack{}", "Spine1", "Neck1", "Head",
           [f"{{}}{n}" for n in
            ("Shoulder", "Arm", "ForeArm", "Hand", "HipJoint", "UpLeg", "Leg",
             "Foot", "ToeBase")]),
    _PLAIN, unit=0.0254 / 0.45, collars=True, posed=True,
  ),
  "nonsense": Rig(
    _named("bone_000", "q{}", "zz9", "foo", "bar",
           [f"{{}}{n}" for n in "abcdefghi"]),
    ("x", "y"), unit=0.0254, posed=True, spine=2,
  ),
  "biped": Rig(
    _named("Bip01 Pelvis", "Bip01 Spine{}", "Bip01 Spine4", "Bip01 Neck",
           "Bip01 Head",
           [f"Bip01 {{}} {n}" for n in
            ("Clavicle", "UpperArm", "Forearm", "Hand", "Socket", "Thigh",
             "Calf", "Foot", "Toe0")]),
    ("L", "R"), unit=0.0254, up="z", root="Bip01", collars=True, spine=3,
    twists=True,
  ),
  "deutsch": Rig(
    _named("Becken", "Wirbel{}", "Brust", "Hals", "Kopf",
           [f"{n}_{{}}" for n in
            ("Schulter", "Oberarm", "Unterarm", "Hand", "Gelenk",
             "Oberschenkel", "Unterschenkel", "Fuss", "Zehen")]),
    ("links", "rechts"), unit=0.001, orders=("YZX", "XZY", "ZXY"),
  ),
  "nihongo": Rig(
    _named("腰", "上半身{}", "上半身2", "首", "頭",
           [f"{{}}{n}" for n in
            ("肩", "腕", "ひじ", "手首", "股", "足", "ひざ", "足首",
             "つま先")]),
    ("左", "右"), posed=True, twists=True, fingers=True, collars=True,
  ),
  "no toes": Rig(
    _named("root", "spine_{}", "spine_top", "neck_01", "head",
           [f"{n}_{{}}" for n in
            ("clavicle", "upperarm", "lowerarm", "hand", "socket", "thigh",
             "calf", "foot", "ball")]),
    ("l", "r"), toes=False, up="z", unit=1.0,
  ),
  "game": Rig(
    _named("pelvis", "spine_0{}", "spine_05", "neck_01", "head",
           [f"{n}_{{}}" for n in
            ("clavicle", "upperarm", "lowerarm", "hand", "socket", "thigh",
             "calf", "foot", "ball")]),
    ("l", "r"), up="z", root="root", twists=True, fingers=True, collars=True,
    spine=4, posed=True, orders=("ZYX",),
  ),
}  # fmt: skip


@functools.cache
def walk() -> human.HumanMotion:
  """The walk that all files are of, some cycles long."""
  motion = deepmimic.load(assets.reference() / shipped.SOURCE)
  return unroll.unroll(motion, _CYCLES)


@functools.cache
def text(name: str) -> str:
  """The BVH file of the walk on a rig."""
  writer = _Writer(RIGS[name], walk(), np.random.default_rng(0))
  writer.body()
  return writer.text()


class _Writer:
  """Collects joints, each with its place and rotation in the world."""

  def __init__(self, rig, motion, rng):
    self.rig, self.rng = rig, rng
    self.points = motion.points
    self.pelvis, self.chest = motion.pelvis_mat, motion.chest_mat
    self.fps = motion.fps
    self.names, self.parents = [], []
    self.places, self.mats = [], []

  def joint(self, name, parent, place, mat):
    """Adds a joint, whose axes rest in any pose where the rig says so."""
    if self.rig.posed and name:
      mat = mat @ Rotation.random(rng=self.rng).as_matrix()
    self.names.append(name)
    self.parents.append(parent)
    self.places.append(place)
    self.mats.append(mat)
    return len(self.names) - 1

  def body(self):
    """The whole tree; roots and parents before their children."""
    names = self.rig.names
    parent = -1
    if self.rig.root:
      still = np.zeros_like(self.points["pelvis"])
      eye = np.tile(np.eye(3), (len(still), 1, 1))
      parent = self.joint(self.rig.root, -1, still, eye)
    pelvis = self.joint(
      names["pelvis"], parent, self.points["pelvis"], self.pelvis
    )
    shoulders = [self.points[f"{side}_shoulder"] for side in _SIDES]
    chest_place = np.mean(shoulders, axis=0) - 0.1 * self.chest[:, :, 2]
    last = pelvis
    for i in range(self.rig.spine):
      share = (i + 1) / (self.rig.spine + 1)
      place = (1 - share) * self.points["pelvis"] + share * chest_place
      last = self.joint(names["spine"].format(i), last, place, self.pelvis)
    chest = self.joint(names["chest"], last, chest_place, self.chest)
    up = self.chest[:, :, 2]
    neck = self.joint(names["neck"], chest, chest_place + 0.18 * up, self.chest)
    head = self.joint(names["head"], neck, chest_place + 0.28 * up, self.chest)
    self.joint("", head, chest_place + 0.45 * up, self.chest)
    for i, (side, sign) in enumerate(_SIDES.items()):
      self.arm(side, sign, self.rig.sides[i], chest, chest_place)
    for i, side in enumerate(_SIDES):
      self.leg(side, self.rig.sides[i], pelvis)

  def arm(self, side, sign, called, parent, chest_place):
    names = self.rig.names
    shoulder, elbow, wrist = (
      self.points[f"{side}_{name}"] for name in human.ARM
    )
    if self.rig.collars:
      place = chest_place + self.chest @ [0.0, 0.02 * sign, 0.08]
      parent = self.joint(
        names["collar"].format(called), parent, place, self.chest
      )
    upper = _along(elbow - shoulder, self.chest[:, :, 1])
    fore = _along(wrist - elbow, self.chest[:, :, 1])
    joint = self.joint(names["arm"].format(called), parent, shoulder, upper)
    joint = self.joint(names["elbow"].format(called), joint, elbow, fore)
    if self.rig.twists:
      joint = self.twist(f"{called} fore twist", joint, elbow, wrist, fore)
    hand = self.joint(names["wrist"].format(called), joint, wrist, fore)
    fingers = range(3) if self.rig.fingers else [0]
    for finger in fingers:
      last = hand
      for bone in range(2 if self.rig.fingers else 0):
        away = fore @ [0.02 * (finger - 1), 0.0, 0.08 + 0.03 * bone]
        last = self.joint(
          f"{called} finger {finger} {bone}", last, wrist + away, fore
        )
      away = fore @ [0.02 * (finger - 1), 0.0, 0.16]
      self.joint("", last, wrist + away, fore)

  def leg(self, side, called, parent):
    names = self.rig.names
    hip, knee, ankle, heel, toe = (
      self.points[f"{side}_{name}"]
      for name in ("hip", "knee", "ankle", "heel", "toe")
    )
    if self.rig.collars:
      parent = self.joint(
        names["socket"].format(called), parent, self.points["pelvis"],
        self.pelvis,
      )  # fmt: skip
    thigh = _along(knee - hip, self.pelvis[:, :, 1])
    shin = _along(ankle - knee, self.pelvis[:, :, 1])
    joint = self.joint(names["hip"].format(called), parent, hip, thigh)
    if self.rig.twists:
      joint = self.twist(f"{called} thigh twist", joint, hip, knee, thigh)
    joint = self.joint(names["knee"].format(called), joint, knee, shin)
    foot = _along(toe - heel, self.pelvis[:, :, 1])
    joint = self.joint(names["ankle"].format(called), joint, ankle, foot)
    if not self.rig.toes:
      return
    # The toes' joint is above the sole, and behind its end.
    ball = toe + foot @ [-0.02, 0.0, -0.05]
    joint = self.joint(names["ball"].format(called), joint, ball, foot)
    self.joint("", joint, toe, foot)

  def twist(self, name, parent, start, end, mat):
    """A bone in the middle of another, that turns about it alone."""
    turns = 0.3 * np.sin(np.linspace(0.0, 20.0, len(mat)))
    about = Rotation.from_euler("z", turns[:, None]).as_matrix()
    return self.joint(name, parent, (start + end) / 2, mat @ about)

  def text(self):
    """The file."""
    to_file = np.eye(3)
    if self.rig.up == "y":
      to_file = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
    places = np.array(self.places) @ to_file.T / self.rig.unit
    mats = to_file @ np.array(self.mats)
    offsets, columns = [], []
    children = [[] for _ in self.names]
    orders = [self.rig.orders[i % len(self.rig.orders)]
              for i in range(len(self.names))]  # fmt: skip
    for j, parent in enumerate(self.parents):
      if parent < 0:
        offsets.append(np.zeros(3))
        columns.append(places[j])
        local = mats[j]
      else:
        children[parent].append(j)
        seen = np.einsum("tji,tj->ti", mats[parent], places[j] - places[parent])
        offsets.append(np.mean(seen, axis=0))
        local = mats[parent].swapaxes(1, 2) @ mats[j]
        if parent == 0 and self.rig.root:  # The pelvis moves in its root.
          columns.append(seen)
          offsets[-1] = np.zeros(3)
      if self.names[j]:
        euler = Rotation.from_matrix(local).as_euler(orders[j], degrees=True)
        columns.append(euler)
    head = ["HIERARCHY", *self._tree(0, children, offsets, orders)]
    values = np.hstack(columns)
    rows = [" ".join(f"{v:.6f}" for v in row) for row in values]
    return "\n".join(
      [*head, "MOTION", f"Frames: {len(rows)}",
       f"Frame Time: {1 / self.fps:.7f}", *rows, ""]
    )  # fmt: skip

  def _tree(self, joint, children, offsets, orders):
    place = "OFFSET " + " ".join(f"{x:.6f}" for x in offsets[joint])
    if not self.names[joint]:
      return ["End Site", "{", place, "}"]
    moves = self.parents[joint] < 0 or (
      self.rig.root and self.parents[joint] == 0
    )
    kinds = [f"{axis}position" for axis in "XYZ"] if moves else []
    kinds += [f"{axis}rotation" for axis in orders[joint]]
    word = "ROOT" if self.parents[joint] < 0 else "JOINT"
    lines = [f"{word} {self.names[joint]}", "{", place,
             f"CHANNELS {len(kinds)} {' '.join(kinds)}"]  # fmt: skip
    for child in children[joint]:
      lines += self._tree(child, children, offsets, orders)
    return [*lines, "}"]


def _along(way, left):
  """Rotations (T, 3, 3) with z along a way, and y as near to left as may be."""
  z = way / np.linalg.norm(way, axis=1, keepdims=True)
  x = np.cross(left, z)
  x /= np.linalg.norm(x, axis=1, keepdims=True)
  return np.stack([x, np.cross(z, x), z], axis=-1)
