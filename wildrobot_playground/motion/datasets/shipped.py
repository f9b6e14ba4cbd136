"""The reference that ships with a robot, rebuilt byte for byte."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Sequence

from wildrobot_playground import robots
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import walk_generator
from wildrobot_playground.motion.datasets import build
from wildrobot_playground.motion.edit import mirror
from wildrobot_playground.motion.importers import deepmimic
from wildrobot_playground.motion.quality import gates
from wildrobot_playground.motion.retargeting import cyclic, recording
from wildrobot_playground.motion.show import tables
from wildrobot_playground.system import assets, files

SOURCE = pathlib.Path("sources") / "humanoid3d_walk.txt"
# Of WildRobot [m/s].
HUMAN_SPEEDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
GENERATED_SPEEDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


def clip_name(prefix: str, speed: float) -> str:
  """A clip's name, such as human_walk_0p30."""
  return f"{prefix}_{speed:.2f}".replace(".", "p")


def assessed(
  clip: clip_lib.MotionClip, robot: robots.Robot
) -> tuple[clip_lib.MotionClip, gates.Report]:
  """The clip with its tier and metrics in its metadata, and the report."""
  report = gates.assess(clip, robot)
  meta = {**clip.meta, "tier": report.tier, "quality": report.metrics}
  return dataclasses.replace(clip, meta=meta), report


def make_clips(
  source: str | os.PathLike[str], robot: robots.Robot
) -> list[clip_lib.MotionClip]:
  """All clips of WildRobot's reference, each followed by its mirror image.

  Args:
    source: of the human walk (DeepMimic).
    robot: the robot.

  Raises:
    ClipError: when a clip is refused.
    MotionError: when the source cannot be used.
  """
  motion = deepmimic.load(source)
  clips = [
    cyclic.retarget(motion, speed, clip_name("human_walk", speed), robot)
    for speed in HUMAN_SPEEDS
  ]
  clips += [
    walk_generator.generate(speed, clip_name("generated_walk", speed), robot)
    for speed in GENERATED_SPEEDS
  ]
  pairs = _with_images(clips, robot)
  for clip, report in pairs:
    if report.tier == "refused":
      raise clip_lib.ClipError(f"{clip.name}: {'; '.join(report.reasons)}")
  return [clip for clip, _ in pairs]


def speeds(robot: robots.Robot, of_wildrobot: Sequence[float]) -> list[float]:
  """Speeds [m/s] like WildRobot's for a robot of another size.

  Dynamically similar: they go with the root of leg length, to 0.05 m/s; one of
  nearly its size gets WildRobot's.
  """
  scale = math.sqrt(robot.size)
  if abs(scale - 1) < 0.05:
    return list(of_wildrobot)
  near = (round(20 * scale * speed) / 20 for speed in of_wildrobot)
  return sorted({min(s, walk_generator.max_speed(robot)) for s in near})


def make_own(
  source: str | os.PathLike[str], robot: robots.Robot
) -> list[clip_lib.MotionClip]:
  """The clips of any robot's reference that pass, with their mirror images.

  Args:
    source: of the human walk (DeepMimic).
    robot: the robot.

  Raises:
    ClipError: when all are refused.
    MotionError: when the source cannot be used.
    ValueError: for a robot whose sides are not alike.
  """
  motion = deepmimic.load(source)
  clips = [
    recording.follow(motion, clip_name("human_walk", speed), robot, speed)
    for speed in speeds(robot, HUMAN_SPEEDS)
  ]
  clips += [
    walk_generator.generate(speed, clip_name("generated_walk", speed), robot)
    for speed in speeds(robot, GENERATED_SPEEDS)
  ]
  pairs = _with_images(clips, robot)
  good = [clip for clip, report in pairs if report.tier != "refused"]
  if not good:
    clip, report = pairs[-1]
    raise clip_lib.ClipError(
      f"{robot.description.name}: every walk is refused; {clip.name}:"
      f" {'; '.join(report.reasons)}"
    )
  return good


def _with_images(
  clips: list[clip_lib.MotionClip], robot: robots.Robot
) -> list[tuple[clip_lib.MotionClip, gates.Report]]:
  """Every clip and its mirror image, assessed."""
  pairs = [
    pair for clip in clips for pair in (clip, mirror.mirror(clip, robot))
  ]
  return [assessed(clip, robot) for clip in pairs]


def write(
  source: str | os.PathLike[str] | None = None,
  output: str | os.PathLike[str] | None = None,
  velocity_mode: str = "direction",
  robot: robots.Robot | None = None,
) -> list[clip_lib.MotionClip]:
  """Writes clips and dataset of a reference folder, and WildRobot's README.

  Args:
    source: of the human walk; by default the one shipped.
    output: folder to write to; by default the reference folder.
    velocity_mode: of the dataset.
    robot: whose reference it is; WildRobot by default.

  Returns:
    The clips.

  Raises:
    ValueError: as `make_clips` and `make_own`.
  """
  source = pathlib.Path(source) if source else assets.reference() / SOURCE
  robot = robot or robots.default_robot()
  name = robot.description.name
  ours = robot.description == robots.WILDROBOT
  output = pathlib.Path(output) if output else assets.reference(name)
  clips = make_clips(source, robot) if ours else make_own(source, robot)
  for clip in clips:
    clip_lib.save(output / "clips" / f"{clip.name}.npz", clip)
  dataset_lib.save(
    output / assets.dataset(name).name, build.build(clips, velocity_mode)
  )
  if ours:
    files.write_text(output / "README.md", readme(clips))
  return clips


def readme(clips: list[clip_lib.MotionClip]) -> str:
  """The README of the reference folder."""
  source = next(
    clip.meta["source"] for clip in clips if clip.meta["kind"] == "retargeted"
  )
  rows = [
    tables.clip_row(clip) for clip in clips if not clip.meta.get("mirrored")
  ]
  return _README.format(
    file=source["file"],
    sha256=source["sha256"],
    licence=source["licence"],
    table=tables.markdown(tables.HEADINGS, rows),
  )


_README = """\
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
of extension. `seam`: joint jump where the cycle closes. `over torque`, `rms` and
`unmatched`: inverse dynamics: frames with a joint above the servo's limit,
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
cycle distance in rad, over 32 episodes in plain MuJoCo at full accuracy.

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
