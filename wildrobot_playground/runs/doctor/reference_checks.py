"""Is a reference fit to be learnt from? Leaks are caught here, by name.

A dataset is compared with the robot, not with its own past: limits, forward
kinematics and the rules of `features.vector` say what its columns can be.
"""

from typing import Any

import numpy as np

from wildrobot_playground.envs import commands
from wildrobot_playground.features import separability
from wildrobot_playground.features.dataset import ReferenceDataset
from wildrobot_playground.features.layout import FeatureLayout
from wildrobot_playground.runs.doctor import stance_fit
from wildrobot_playground.runs.doctor.finding import FAIL, OK, WARN, Finding

_REBUILD = (
  "build it again with `python -m wildrobot_playground.motion build`, which"
  " computes every column from qpos"
)
_MORE = "give clips that walk, with the contacts of their feet"
_LIMIT_SLACK = 0.02  # rad
_RARE = 0.01  # share of rows
_HEIGHT_GAP = 0.045  # of the pelvis' height, median
_CONTACT_AUC = 0.65
# Of the pelvis' height, above the lowest plate: on the ground, by a leaning
# trunk; surely off the ground.
_DOWN, _LIFTED = 0.023, 0.068
_VELOCITY_GAP = 0.35  # of a unit vector, mean
# m/s: a clip serves commands this far from its speed, where style counts fully.
_REACH = 0.1
_HARDLY = 0.1  # share of the commands, by how much style counts


def leaks(dataset: ReferenceDataset, environment: Any) -> list[Finding]:
  """What in the columns cannot be this robot's walking.

  Args:
    dataset: the reference.
    environment: a WildRobot environment.
  """
  servos = environment.at.servos
  lower, upper = environment.mj_model.actuator_ctrlrange[servos].T
  sample = stance_fit.sample(dataset)
  return [
    _normaliser(dataset),
    _joint_limits(dataset, lower, upper),
    _joint_velocity(dataset),
    _foot_contacts(sample, environment.sole),
    _root_height(sample, environment.sole),
    _joint_order(sample, environment.sole),
    _root_velocity(dataset, sample, environment.sole),
  ]


def coverage(dataset: ReferenceDataset, environment: Any) -> Finding:
  """Whether the reference shows the commanded speeds at which style counts.

  The less style counts at a speed, the farther the next clip may be.
  """
  config = environment.config
  lower, upper = (float(x) for x in config.command_config.lin_vel_x)
  slowest = max(lower, config.command_config.dead_band)
  asked = np.linspace(slowest, max(slowest, upper), 201)
  share = commands.style_share(
    asked, config.amp_speed_range, config.amp_speed_fade
  )
  if share.mean() < _HARDLY:
    low, high = config.amp_speed_range
    return Finding(
      "coverage",
      WARN if share.any() else FAIL,
      f"style counts fully at {low:g} to {high:g} m/s, commands are {lower:g}"
      f" to {upper:g} m/s: of these it counts for {share.mean():.0%}",
      "set --env_config.amp_speed_range to what is commanded, or"
      " --amp_weight=0",
    )
  asked, share = asked[share > 0], share[share > 0]
  gap = np.abs(asked[:, None] - dataset.clip_speeds[None]).min(axis=1)
  missing = asked[gap * share > _REACH + 1e-6]
  shown = f"{dataset.clip_speeds.min():.2f} to {dataset.clip_speeds.max():.2f}"
  said = (
    f"style counts at commands of {asked.min():.2f} to {asked.max():.2f} m/s,"
    f" clips {shown} m/s"
  )
  if missing.size == 0:
    return Finding("coverage", OK, said)
  part = missing.size / asked.size
  return Finding(
    "coverage",
    FAIL if part == 1 else WARN,
    f"{said}: {part:.0%} of these commands are over {_REACH} m/s from any clip,"
    f" {missing.min():.2f} to {missing.max():.2f} m/s",
    "add clips of these speeds, or narrow"
    " --env_config.command_config.lin_vel_x or --env_config.amp_speed_range",
  )


def _normaliser(dataset: ReferenceDataset) -> Finding:
  """Mean and std must be those of the rows."""
  weights = dataset.weights / np.sum(dataset.weights)
  mean = weights @ dataset.features.astype(np.float64)
  spread = np.sqrt(weights @ np.square(dataset.features - mean))
  layout = dataset.layout
  std = np.maximum(spread, layout.std_floor())
  wrong = (np.abs(dataset.mean - mean) > 1e-2 * std) | (
    np.abs(dataset.std - std) > 1e-2 * std
  )
  moving = np.r_[layout.joint_vel, layout.joint_pos]
  still = [i for i in moving if spread[i] < 1e-6]
  if np.any(wrong):
    return Finding(
      "normaliser",
      FAIL,
      f"mean or std is not that of the rows: "
      f"{_names(layout, np.flatnonzero(wrong))}",
      _REBUILD,
    )
  if still:
    return Finding(
      "normaliser",
      WARN,
      f"never changes: {_names(layout, still)}",
      "the std floor keeps it harmless; check the clips if it should move",
    )
  return Finding("normaliser", OK, "mean and std are those of the rows")


def _joint_limits(
  dataset: ReferenceDataset, lower: np.ndarray, upper: np.ndarray
) -> Finding:
  """Every joint column within its joint's range."""
  layout = dataset.layout
  joints = dataset.features[:, layout.joint_pos]
  beyond = (joints < lower - _LIMIT_SLACK) | (joints > upper + _LIMIT_SLACK)
  share = np.mean(beyond, axis=0)
  bad = np.flatnonzero(share > _RARE)
  if bad.size == 0:
    return Finding("joint limits", OK, "every column within its joint's range")
  said = ", ".join(f"{layout.names[i]} ({share[i]:.0%} of rows)" for i in bad)
  return Finding(
    "joint limits",
    FAIL,
    f"beyond the joint's range: {said}; joint columns in a wrong order or with"
    " a wrong sign look so",
    f"the order is {', '.join(layout.joints)}; {_REBUILD}",
  )


def _joint_velocity(dataset: ReferenceDataset) -> Finding:
  """Velocities are backward differences of the positions."""
  layout, gaps = dataset.layout, []
  for i in range(dataset.num_clips):
    rows = dataset.clip(i).astype(np.float64)
    joint_pos = rows[:, layout.joint_pos]
    difference = np.diff(joint_pos, axis=0) / dataset.dt
    gaps.append(np.abs(rows[1:, layout.joint_vel] - difference))
  gap = np.quantile(np.concatenate(gaps), 0.95, axis=0)
  bad = layout.joint_vel.start + np.flatnonzero(gap > 0.05)
  if bad.size == 0:
    return Finding("joint velocity", OK, "backward difference of the position")
  return Finding(
    "joint velocity",
    FAIL,
    f"not the backward difference of its joint's position: "
    f"{_names(layout, bad)}",
    f"positions and velocities in different orders look so; {_REBUILD}",
  )


def _foot_contacts(sample: stance_fit.Sample, sole: Any) -> Finding:
  """Plates touch where the joints put them down, and only there."""
  layout = sample.layout
  joint_pos = sample.features[:, layout.joint_pos]
  height = stance_fit.corners(sole, joint_pos)[..., 2].min(axis=-1)
  lowest = height.min(axis=1, keepdims=True)
  clearance = (height - lowest) / np.median(-lowest)
  touches = sample.features[:, layout.foot_contacts] > 0.5
  problems = []
  for i, name in enumerate(layout.names[layout.foot_contacts]):
    problem = _plate(clearance[:, i : i + 1], touches[:, i])
    if problem:
      problems.append(f"{name} {problem}")
  if problems:
    return Finding("foot contacts", FAIL, "; ".join(problems), _REBUILD)
  rates = ", ".join(f"{rate:.0%}" for rate in touches.mean(axis=0))
  return Finding("foot contacts", OK, f"plates touch in {rates} of the rows")


def _plate(clearance: np.ndarray, touches: np.ndarray) -> str | None:
  """What is wrong with a plate's contacts (N,); clearance (N, 1)."""
  down = float(np.mean(clearance < _DOWN))
  lifted = float(np.mean(clearance > _LIFTED))
  if not touches.any():
    return (
      f"never touches, though the joints put it down in {down:.0%} of rows"
      if down > 0.05
      else None
    )
  if touches.all():
    return (
      f"always touches, though the joints lift it in {lifted:.0%} of rows"
      if lifted > 0.05
      else None
    )
  known = separability.auc(clearance[~touches], clearance[touches])[0]
  if known < _CONTACT_AUC:
    return f"does not follow the foot's height (AUC {known:.2f})"
  return None


def _root_height(sample: stance_fit.Sample, sole: Any) -> Finding:
  """The pelvis is as high as the legs make it."""
  features, layout = sample.features, sample.layout
  down = features[:, layout.foot_contacts].any(axis=1)
  rows = features[down] if down.any() else features
  points = stance_fit.corners(sole, rows[:, layout.joint_pos])
  legs = -points[..., 2].min(axis=(1, 2))
  found = rows[:, layout.root_height][:, 0]
  gap = float(np.median(np.abs(found - legs)))
  said = f"{np.median(found):.3f} m, the legs reach {np.median(legs):.3f} m"
  if gap <= _HEIGHT_GAP * np.median(legs):
    return Finding("root height", OK, said)
  return Finding(
    "root height",
    FAIL,
    f"root_height is another quantity: {said}",
    f"it is the pelvis' height above the ground [m]; {_REBUILD}",
  )


def _joint_order(sample: stance_fit.Sample, sole: Any) -> Finding:
  """No exchange of two joints explains the stance better."""
  fit = stance_fit.misfit(sample, sole)
  if fit is None:
    return Finding(
      "joint order", WARN, "too few rows stand and move to tell", _MORE
    )
  pair = stance_fit.swapped_joints(sample, sole)
  if pair is None:
    return Finding("joint order", OK, f"the stance fits (misfit {fit:.2f})")
  return Finding(
    "joint order",
    FAIL,
    f"{_names(sample.layout, pair)} look swapped: so exchanged, the standing"
    " feet stand",
    f"the order is {', '.join(sample.layout.joints)}; {_REBUILD}",
  )


def _root_velocity(
  dataset: ReferenceDataset, sample: stance_fit.Sample, sole: Any
) -> Finding:
  """The root goes where the standing feet push it, and as the mode says."""
  layout = dataset.layout
  root = dataset.features[:, layout.root_linvel]
  speed = np.linalg.norm(root, axis=1)
  unit = np.abs(speed - 1) < 1e-3
  mode = dataset.velocity_mode
  strange = {
    "direction": ~unit & (speed > 1e-6),
    "soft_direction": speed > 1 + 1e-3,
    "raw": unit,
  }[mode]
  if np.mean(strange) > (0.5 if mode == "raw" else _RARE):
    return Finding(
      "root velocity",
      FAIL,
      f"root_linvel is not velocity_mode={mode}: {np.mean(strange):.0%} of the"
      " rows cannot be",
      _REBUILD,
    )
  gap = stance_fit.velocity_error(sample, sole)
  if gap is None:
    return Finding(
      "root velocity", WARN, "too few rows stand and move to tell", _MORE
    )
  bad = layout.root_linvel.start + np.flatnonzero(gap > _VELOCITY_GAP)
  if bad.size:
    return Finding(
      "root velocity",
      FAIL,
      f"{_names(layout, bad)} is not where the standing feet push the pelvis:"
      " another frame, sign or order",
      f"it is in the frame of the pelvis' heading; {_REBUILD}",
    )
  return Finding("root velocity", OK, "goes where the standing feet push it")


def _names(layout: FeatureLayout, indices: Any) -> str:
  """Names of features, at most four."""
  names = [layout.names[i] for i in indices]
  more = f" and {len(names) - 4} more" if len(names) > 4 else ""
  return ", ".join(names[:4]) + more
