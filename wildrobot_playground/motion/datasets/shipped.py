"""The reference that ships with a robot, rebuilt byte for byte."""

import dataclasses
import math
import os
import pathlib
import sys
from collections.abc import Sequence

from wildrobot_playground import robots
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import walk_generator
from wildrobot_playground.motion.datasets import build, readme
from wildrobot_playground.motion.edit import mirror
from wildrobot_playground.motion.importers import deepmimic
from wildrobot_playground.motion.quality import gates
from wildrobot_playground.motion.retargeting import recording
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


def speeds(robot: robots.Robot, of_wildrobot: Sequence[float]) -> list[float]:
  """Speeds [m/s] like WildRobot's for a robot of another size.

  Dynamically similar: they go with the root of leg length, down to a whole
  0.05 m/s; a robot of nearly its size gets WildRobot's.
  """
  scale = math.sqrt(robot.size)
  if abs(scale - 1) < 0.05:
    return list(of_wildrobot)
  return sorted({math.floor(20 * scale * s + 1e-9) / 20 for s in of_wildrobot})


def make_clips(
  source: str | os.PathLike[str], robot: robots.Robot
) -> list[clip_lib.MotionClip]:
  """The clips of any robot's reference that pass, with their mirror images.

  Those that do not are told on standard error.

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
  for clip, report in pairs:
    if report.reasons and not clip.meta.get("mirrored"):
      print(
        f"note: {clip.name} is left out: {report.reasons[0]}", file=sys.stderr
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
  """Writes clips, dataset and README of a reference folder.

  Args:
    source: of the human walk; by default the one shipped.
    output: folder to write to; by default the robot's own.
    velocity_mode: of the dataset.
    robot: whose reference it is; WildRobot by default.

  Returns:
    The clips.

  Raises:
    ValueError: as `make_clips`.
  """
  source = pathlib.Path(source) if source else assets.reference() / SOURCE
  robot = robot or robots.default_robot()
  description = robot.description
  ours = description == robots.WILDROBOT
  output = pathlib.Path(output or description.reference)
  clips = make_clips(source, robot)
  for clip in clips:
    clip_lib.save(output / "clips" / f"{clip.name}.npz", clip)
  dataset = build.build(clips, velocity_mode)
  dataset_lib.save(output / description.dataset.name, dataset)
  text = readme.of_wildrobot(clips) if ours else readme.of_robot(robot, clips)
  files.write_text(output / "README.md", text)
  return clips
