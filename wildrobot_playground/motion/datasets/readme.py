"""What a reference folder says of itself: figures, provenance, licences."""

from collections.abc import Sequence
from typing import Any

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.show import tables


def of_wildrobot(clips: Sequence[clip_lib.MotionClip]) -> str:
  """The README of WildRobot's reference."""
  return _WILDROBOT.format(**_facts(clips))


def of_robot(robot: robots.Robot, clips: Sequence[clip_lib.MotionClip]) -> str:
  """The README of any other robot's reference."""
  return _ROBOT.format(name=robot.description.name, **_facts(clips))


def _facts(clips: Sequence[clip_lib.MotionClip]) -> dict[str, Any]:
  """Table of the clips, and where those of a human are from."""
  rows = [
    tables.clip_row(clip) for clip in clips if not clip.meta.get("mirrored")
  ]
  table = tables.markdown(tables.HEADINGS, rows)
  for clip in clips:
    if clip.meta["kind"] == "retargeted":
      return {"table": table, **clip.meta["source"]}
  return {"table": table, "file": "-", "sha256": "-", "licence": "-"}


_ROBOT = """\
# Reference motion of {name}

`{name}_walk.npz` is the dataset that the motion prior learns from; `clips/` are
the motions it is made of. Both are written by

    python -m wildrobot_playground.motion default --robot={name}

(the folder instead of the name, for a robot that is not shipped), which also
writes this file. Every clip has a mirror image (`_mirrored`) with the same
figures.

{table}

## Provenance and licences

| clips | from | licence |
| --- | --- | --- |
| `human_walk_*` | `{file}`, by `motion/retargeting/` | {licence} |
| `generated_walk_*` | `motion/walk_generator` | Apache-2.0, as this project |

`{file}` (sha256 `{sha256}`) is a motion of the DeepMimic release, which the
Bullet physics library redistributes; both notices are in `reference/sources/`
of the package. The clips are altered: they are joint angles of {name} computed
from it.
"""

_WILDROBOT = """\
# Reference motion

`wildrobot_walk.npz` is the dataset (`wildrobot-amp/1`) that the motion prior
learns from by default; `clips/` are the motions it is made of
(`wildrobot-clip/1`, 50 Hz, one gait cycle each). Both are rebuilt, byte for
byte, by

    python -m wildrobot_playground.motion default

which also writes this file. Clips may be opened with `numpy.load`.

## Clips

Every clip has a mirror image (`_mirrored`) with the same figures.

{table}

`achieved`: measured pelvis speed. `IK`: largest distance of a foot's support
point from its target. `depth`: deepest sole corner below the ground. `slide`:
mean speed of plates on the ground. `lift`: lowest sole in the middle third of
a swing. `rad/s`: fastest joint. `hip limit`: frames with a hip at its 5 degrees
of extension. `seam`: joint jump where the cycle closes. `over torque`, `rms`
and `unmatched`: inverse dynamics: frames with a joint above the servo's limit,
torque over all joints, and mean force on the pelvis that no ground force
explains, in weights. The gates behind `tier` are in `motion/quality/gates.py`:
`feasible` clips ask for no more than the servos and the ground can give,
`kinematic` ones are clean motions that exceed one of these.

## The dataset

Human clips weigh 80%, generated ones 20%; within each kind every speed weighs
the same. The walk in place is a clip, but not in the dataset: style does not
count while the robot is told to stand; nor are clips that exceed the servos'
torque in more than half of their frames. Other mixes:
`python -m wildrobot_playground.motion build --share retargeted=0.5
--share generated=0.5 --output FILE`.

## What a reference teaches

Two policies, trained on the human clips alone and on the generated ones alone
(0.1 to 0.5 m/s; `--reference=FOLDER`, `--amp_weight=0.3`, 7 M steps, seed 0),
each measured against both: style distance at 0.2 and 0.4 m/s and, in brackets,
cycle distance in rad, over 32 episodes in plain MuJoCo at full accuracy. The
human clips were an earlier retargeter's.

| trained on | to the human walk | to the generated walk |
| --- | --- | --- |
| human | **0.37, 0.33** (0.061, 0.068) | 0.64, 0.68 (0.148, 0.182) |
| generated | 0.54, 0.49 (0.160, 0.160) | **0.32, 0.31** (0.044, 0.061) |

Style distance is the mean over the 29 features of the 1-D Wasserstein distance,
in the reference's standard deviations; cycle distance compares the joint angles
of the mean gait cycle with those of the clip nearest in speed. The policy of
the generated clips fell in 2 of 32 episodes while told to stand, that of the
human clips in none; neither fell at 0.2 to 0.8 m/s.

## Provenance and licences

| clips | from | licence |
| --- | --- | --- |
| `human_walk_*` | `sources/{file}`, by `motion/retargeting/` | {licence} |
| `generated_walk_*` | `motion/walk_generator` | Apache-2.0, as this project |

`sources/{file}` (sha256 `{sha256}`)
is a motion of the DeepMimic release, which the Bullet physics library
redistributes. It is here unchanged, with both notices beside it:
`sources/LICENSE.DeepMimic.txt` (MIT) and `sources/LICENSE.bullet.txt` (zlib).
The clips are altered: they are joint angles of WildRobot computed from it.
"""
