"""A small biped of nobody's, as a user would bring it: with its own floor."""

import pathlib

from wildrobot_playground.robots.description import Contact, RobotDescription

# The tree goes right leg, left leg, trunk; the servos go the other way round.
_SIDE = """
      <body name="{side}_thigh" pos="0 {y} -0.05">
        <joint name="{side}_hip" axis="0 1 0" range="-1.5 1.5"/>
        <geom type="capsule" size="0.02 0.08" pos="0 0 -0.1" mass="0.3"
          contype="0" conaffinity="0"/>
        <body name="{side}_shin" pos="0 0 -0.2">
          <joint name="{side}_knee" axis="0 1 0" range="0 2"/>
          <geom type="capsule" size="0.02 0.08" pos="0 0 -0.1" mass="0.2"
            contype="0" conaffinity="0"/>
          <body name="{side}_sole" pos="0 0 -0.2">
            <joint name="{side}_ankle" axis="0 1 0" range="-1 1"/>
            <geom type="box" size="0.04 0.03 0.01" pos="0.05 0 -0.02"
              mass="0.05" contype="2" conaffinity="1"/>
            <geom type="box" size="0.04 0.03 0.01" pos="-0.04 0 -0.02"
              mass="0.05" contype="2" conaffinity="1"/>
            <geom type="box" size="0.06 0.04 0.02" contype="0"
              conaffinity="0" mass="0.01"/>
          </body>
        </body>
      </body>
"""
_SERVO = '    <position name="{0}_servo" joint="{0}" kp="20"/>\n'
_XML = """
<mujoco model="biped">
  <compiler angle="radian"/>
  <worldbody>
    <geom name="my_floor" type="plane" size="0 0 1" pos="0 0 -0.5"
      friction="0.1"/>
    <body name="pelvis" pos="0 0 0.48">
      <freejoint name="base"/>
      <geom type="box" size="0.03 0.06 0.03" mass="0.5" contype="0"
        conaffinity="0"/>
{right}{left}
      <body name="chest" pos="0 0 0.05">
        <joint name="twist" axis="0 0 1" range="-1 1"/>
        <geom type="box" size="0.05 0.08 0.1" pos="0 0 0.1" mass="1"
          contype="0" conaffinity="0"/>
        <site name="torso_imu" pos="0 0 0.1"/>
      </body>
    </body>
  </worldbody>
  <actuator>
{servos}  </actuator>
  <keyframe>
    <key name="crouch" qpos="0 0 0.45 1 0 0 0  -0.3 0.6 -0.3 -0.3 0.6 -0.3 0"/>
  </keyframe>
</mujoco>
"""
# As the tree has them, and as the servos do.
TREE = (
  *("right_hip", "right_knee", "right_ankle"),
  *("left_hip", "left_knee", "left_ankle"),
  "twist",
)
JOINTS = (
  "twist",
  *("left_hip", "left_knee", "left_ankle"),
  *("right_hip", "right_knee", "right_ankle"),
)
XML = _XML.format(
  right=_SIDE.format(side="right", y=-0.07),
  left=_SIDE.format(side="left", y=0.07),
  servos="".join(map(_SERVO.format, JOINTS)),
)


def write(folder: pathlib.Path, text: str = "", xml: str = XML) -> pathlib.Path:
  """A robot folder with the biped and a `robot.toml` of some text."""
  folder.mkdir(exist_ok=True)
  (folder / "biped.xml").write_text(xml)
  (folder / "robot.toml").write_text(text)
  return folder


def description(folder: pathlib.Path, **changes: object) -> RobotDescription:
  """The biped's, written out."""
  fields = {
    "name": "biped",
    "title": "Biped",
    "model": write(folder) / "biped.xml",
    "root": "pelvis",
    "imu": "torso_imu",
    "joints": JOINTS,
    "contacts": tuple(
      Contact(f"{side}_foot", (f"{side}_sole",)) for side in ("left", "right")
    ),
    "legs": {
      side: tuple(f"{side}_{j}" for j in ("hip", "knee", "ankle"))
      for side in ("left", "right")
    },
    "waist": "twist",
    "default_pose": "crouch",
  }
  return RobotDescription(**{**fields, **changes})  # pyright: ignore
