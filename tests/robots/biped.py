"""A biped like no other, as a folder: turned frames, six hinges a leg.

Its bodies' frames are turned at random, hinges are off their bodies' origins,
and the tree lists the right leg first while the servos begin with the left.
"""

import pathlib

import numpy as np
from scipy.spatial.transform import Rotation

SIDES = ("left", "right")
THIGH, SHIN, ANKLE = 0.38, 0.36, 0.06  # m
HIP_Y, HIP_DROP = 0.09, 0.07  # m
JOINTS = (
  ("hip_yaw", (0, 0, 1), -0.8, 0.8),
  ("hip_roll", (1, 0, 0), -0.6, 0.6),
  ("hip_pitch", (0, 1, 0), -1.8, 0.6),
  ("knee", (0, 1, 0), 0.0, 2.3),
  ("ankle_pitch", (0, 1, 0), -1.2, 0.7),
  ("ankle_roll", (1, 0, 0), -0.5, 0.5),
)
MASSES = (1.0, 1.0, 4.0, 2.5, 0.3, 1.0)  # kg
FEET = ("box", "balls")
ARM = ["shoulder_pitch", "elbow"]


def write(
  folder: pathlib.Path, foot: str = "box", arms: bool = False
) -> pathlib.Path:
  """Writes the robot with one kind of `FEET`, or both; returns its folder.

  A `box` is 0.20 m by 0.09 m; `balls` are four of 12 mm at such corners;
  `mixed` is a box on the left and balls on the right. Arms
  have a shoulder's and an elbow's pitch each: positive angles bring the left
  arm forward and the right one back, and both fore arms forward.
  """
  folder.mkdir(parents=True, exist_ok=True)
  rng = np.random.default_rng(0)
  flips = {side: rng.choice([-1, 1], len(JOINTS)) for side in SIDES}
  feet = dict.fromkeys(SIDES, foot)
  if foot == "mixed":
    feet = dict(zip(SIDES, FEET, strict=True))
  legs = [_leg(rng, flips, side, feet[side]) for side in ("right", "left")]
  servos = [
    f'<position name="{side}_{name}" joint="{side}_{name}" kp="300" kv="8"'
    ' forcerange="-120 120"/>'
    for side in SIDES
    for name in [name for name, *_ in JOINTS] + ARM * arms
  ]
  (folder / "robot.xml").write_text(f"""
<mujoco model="biped">
  <compiler angle="radian" autolimits="true"/>
  <option integrator="implicitfast"/>
  <default><joint armature="0.05" damping="0.5"/></default>
  <worldbody>
    <body name="torso" pos="0 0 1">
      <freejoint/>
      <geom type="box" size="0.08 0.12 0.1" pos="0 0 0.12" mass="14"
        contype="0" conaffinity="0"/>
      {"".join(_arm(side) for side in SIDES if arms)}
      {"".join(legs)}
    </body>
  </worldbody>
  <actuator>{"".join(servos)}</actuator>
</mujoco>""")
  (folder / "robot.toml").write_text("")
  return folder


def _leg(
  rng: np.random.Generator, flips: dict[str, np.ndarray], side: str, foot: str
) -> str:
  """A leg as nested bodies, outermost first."""
  y = HIP_Y if side == "left" else -HIP_Y
  hip = np.array([0.0, y, -HIP_DROP])
  knee = hip + [0.01, 0.0, -THIGH]
  ankle = knee + [-0.01, 0.0, -SHIN]
  anchors = (hip, hip, hip, knee, ankle, ankle)
  opening, closing = "", ""
  frame, origin = Rotation.identity(), np.zeros(3)
  for i, (name, axis, low, high) in enumerate(JOINTS):
    turned = Rotation.random(random_state=int(rng.integers(1000)))
    place = anchors[i] + rng.uniform(-0.03, 0.03, 3)
    pos = frame.inv().apply(place - origin)
    quat = (frame.inv() * turned).as_quat(scalar_first=True)
    frame, origin = turned, place
    flip = flips[side][i]
    bounds = (low, high) if flip > 0 else (-high, -low)
    anchor = _local(anchors[i], frame, origin)
    end = anchors[i + 1] if i + 1 < len(anchors) else ankle - [0, 0, ANKLE / 2]
    middle = _local((anchors[i] + end) / 2, frame, origin)
    opening += (
      f'<body name="{side}_{name}_link" {_text("pos", pos)}'
      f" {_text('quat', quat)}>"
      f'<joint name="{side}_{name}" {_text("pos", anchor)}'
      f" {_text('axis', frame.inv().apply(flip * np.array(axis)))}"
      f" {_text('range', bounds)}/>"
      f'<geom type="sphere" size="0.02" mass="{MASSES[i]}" contype="0"'
      f' conaffinity="0" {_text("pos", middle)}/>'
    )
    closing += "</body>"
  return opening + _foot(frame, origin, ankle, side, foot) + closing


def _arm(side: str) -> str:
  """An arm of two hinges."""
  sign = 1 if side == "left" else -1
  bounds = "-0.6 2.5" if side == "left" else "-2.5 0.6"
  limb = 'type="capsule" size="0.02" contype="0" conaffinity="0"'
  return f"""
    <body name="{side}_upper_arm" pos="0 {0.2 * sign} 0.2">
      <joint name="{side}_shoulder_pitch" axis="0 {-sign} 0" range="{bounds}"/>
      <geom {limb} fromto="0 0 0 0 0 -0.22" mass="0.8"/>
      <body name="{side}_fore_arm" pos="0 0 -0.25">
        <joint name="{side}_elbow" axis="0 -1 0" range="0 2"/>
        <geom {limb} fromto="0 0 0 0 0 -0.2" mass="0.6"/>
      </body>
    </body>"""


def _foot(
  frame: Rotation, origin: np.ndarray, ankle: np.ndarray, side: str, foot: str
) -> str:
  """What touches the ground."""
  middle = ankle + [0.03, 0.0, 0.0]
  if foot == "box":
    place = _local(middle - [0, 0, ANKLE - 0.01], frame, origin)
    quat = frame.inv().as_quat(scalar_first=True)
    return (
      f'<geom name="{side}_sole" type="box" size="0.1 0.045 0.01" mass="0.1"'
      f" {_text('pos', place)} {_text('quat', quat)}/>"
    )
  corners = [(x, y) for x in (0.1, -0.1) for y in (0.045, -0.045)]
  return "".join(
    f'<geom type="sphere" size="0.012" mass="0.02" '
    f"{_text('pos', _local(middle + [x, y, 0.012 - ANKLE], frame, origin))}/>"
    for x, y in corners
  )


def _local(
  place: np.ndarray, frame: Rotation, origin: np.ndarray
) -> np.ndarray:
  """A place in the world, in a body's frame."""
  return frame.inv().apply(place - origin)


def _text(name: str, values: np.ndarray | tuple[float, ...]) -> str:
  """An attribute of numbers."""
  return f'{name}="{" ".join(f"{value:.10g}" for value in values)}"'
