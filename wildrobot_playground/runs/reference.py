"""Which reference a run learns from: a dataset, a folder of clips, or ours."""

import pathlib
from typing import Any

from wildrobot_playground import robots
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.datasets import build, shipped

FILE = "reference.npz"  # The run folder's own copy.


def find(path: str | None, environment: Any) -> dataset_lib.ReferenceDataset:
  """The reference features for an environment, checked against it.

  Args:
    path: of a dataset (`.npz`) or of a folder of clips; None for the shipped
      motion. Clips become features in the environment's `velocity_mode`.
    environment: a WildRobot environment.

  Raises:
    DatasetError: for a dataset that is missing, damaged or made for another
      environment.
    ClipError: for a clip that cannot be read.
  """
  mode = environment.velocity_mode
  robot = environment.robot
  source = pathlib.Path(path) if path else robot.dataset
  if path is None and dataset_lib.load(source).velocity_mode != mode:
    source = robot.clips
  if source.is_dir():
    return build.build(_clips(source, robot), mode)
  return dataset_lib.load(
    source,
    velocity_mode=mode,
    dt=environment.dt,
    model_hash=robots.model_hash(environment.mj_model, environment.robot),
    layout=environment.layout,
  )


def ensure(robot: robots.RobotDescription) -> None:
  """Makes a robot's own reference, where it has none: walks, in its folder.

  Raises:
    ValueError: when no walk of the robot passes the gates.
    OSError: when the folder cannot be written.
  """
  if robot.dataset.is_file() or not robot.reference:
    return
  print(
    f"motion   {robot.name} has no reference yet: making walks in"
    f" {robot.reference} ...",
    flush=True,
  )
  shipped.write(output=robot.reference, robot=robots.of(robot))


def clips_of(reference: str | None) -> pathlib.Path | None:
  """The folder of a reference's clips, if it is beside it; None for ours."""
  if reference is None:
    return None
  path = pathlib.Path(reference)
  folder = path if path.is_dir() else path.parent / "clips"
  return folder if folder.is_dir() else None


def of_run(run_dir: pathlib.Path) -> dataset_lib.ReferenceDataset:
  """The reference that a run folder keeps.

  Raises:
    DatasetError: when it is missing or damaged.
  """
  return dataset_lib.load(run_dir / FILE)


def _clips(
  folder: pathlib.Path, robot: robots.RobotDescription
) -> list[clip_lib.MotionClip]:
  files = sorted(folder.glob("*.npz"))
  if not files:
    raise dataset_lib.DatasetError(f"{folder}: no clip (*.npz) in this folder")
  return [clip_lib.load(file, robot) for file in files]
