"""What a rollout says about the walk: tracking, stance, effort, style."""

import itertools

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.features import distance
from wildrobot_playground.features.layout import FeatureLayout
from wildrobot_playground.policy.metrics.episodes import SETTLING_TIME, Rollout

GRAVITY = 9.81  # m/s²
_CYCLE_POINTS = 50
_SHORTEST_CYCLE = 0.2  # s


def summarize(
  rollout: Rollout,
  reference: dataset_lib.ReferenceDataset,
  robot: robots.Robot,
) -> dict[str, float]:
  """All metrics of one commanded speed.

  Args:
    rollout: its episodes.
    reference: what style is measured against.
    robot: that walked.

  Returns:
    Names to numbers; what cannot be measured (the cadence of a robot that
    stands) is NaN.
  """
  return {
    "command": rollout.command,
    **tracking(rollout),
    **stance_pattern(rollout, robot),
    **effort(rollout, float(robot.model.body_mass.sum())),
    **style(rollout, reference),
  }


def tracking(rollout: Rollout) -> dict[str, float]:
  """Speed, falls and drift; speeds and drifts over the time on its feet."""
  first = round(SETTLING_TIME / rollout.dt)
  alive = rollout.alive[first:]
  steps = np.maximum(alive.sum(axis=0), 1)
  speed = (rollout.velocity[first:, :, 0] * alive).sum(axis=0) / steps
  last = np.maximum(rollout.alive.sum(axis=0) - 1, 0)
  column = np.arange(rollout.alive.shape[1])
  position = rollout.position[last, column]
  return {
    "episodes": rollout.alive.shape[1],
    "falls": int((~rollout.alive[-1]).sum()),
    "diverged": rollout.diverged,
    "speed": float(speed.mean()),
    "velocity_error": float(np.abs(speed - rollout.command).mean()),
    "distance": float(position[:, 0].mean()),
    "drift": float(np.linalg.norm(position, axis=-1).mean()),
    "lateral_drift": float(np.abs(position[:, 1]).mean()),
    "yaw_drift": float(np.abs(rollout.heading_error[last, column]).mean()),
  }


def stance_pattern(rollout: Rollout, robot: robots.Robot) -> dict[str, float]:
  """Duty factor, cadence, left-right symmetry, slip and lift of the feet.

  Cadence counts strides (two steps) a second; symmetry is the smaller over the
  larger duty factor; slip is the mean speed [m/s] of plates on the ground; lift
  is the mean over the swings of a foot's greatest height [m].
  """
  first = round(SETTLING_TIME / rollout.dt)
  alive = rollout.alive[first:, :, None]
  stance = rollout.layout.stance(rollout.features[first:]) & alive
  duty = stance.sum(axis=(0, 1)) / max(alive.sum(), 1)
  touchdowns = (stance[1:] & ~stance[:-1] & alive[1:]).sum(axis=(0, 1))
  seconds = max(alive.sum(), 1) * rollout.dt
  qpos = rollout.qpos[first:].astype(np.float64)
  feet = robot.sole.state(qpos)
  standing = feet.contact[1:] * feet.contact[:-1] * alive[1:]
  slide = robot.sole.slide(qpos[:-1], qpos[1:], rollout.dt) * alive[1:]
  return {
    "duty_factor": float(duty.mean()),
    "cadence": float(touchdowns.mean() / seconds),
    "symmetry": float(duty.min() / duty.max()) if duty.max() > 0 else 0.0,
    "foot_slip": float(slide.sum() / max(standing.sum(), 1)),
    "foot_lift": _mean_lift(robot.foot_heights(qpos), stance),
  }


def _mean_lift(feet: np.ndarray, stance: np.ndarray) -> float:
  """Mean peak height [m] of the swings between two stances.

  Args:
    feet: (T, N, 2) of the soles.
    stance: (T, N, 2) whether a foot touches.
  """
  peaks = []
  for height, stands in zip(
    feet.reshape(len(feet), -1).T,
    stance.reshape(len(stance), -1).T,
    strict=True,
  ):
    downs = np.flatnonzero(stands)
    gaps = np.flatnonzero(np.diff(downs) > 1)
    peaks += [height[downs[i] : downs[i + 1]].max() for i in gaps]
  return float(np.mean(peaks)) if peaks else 0.0


def effort(rollout: Rollout, mass: float) -> dict[str, float]:
  """Torques [N·m], mechanical power [W] and cost of transport (no unit)."""
  alive = rollout.alive[..., None]
  count = max(rollout.alive.sum(), 1)
  torque = np.abs(rollout.torque) * alive
  power = (np.abs(rollout.torque * rollout.joint_vel) * alive).sum() / count
  speed = (rollout.velocity[..., 0] * rollout.alive).sum() / count
  # Below a crawl, dividing by the speed says nothing.
  transport = power / (mass * GRAVITY * speed) if speed > 0.05 else np.nan
  values = count * torque.shape[-1]
  return {
    "torque_rms": float(np.sqrt((torque**2).sum() / values)),
    "torque_max": float(torque.max()),
    "power": float(power),
    "cost_of_transport": float(transport),
  }


def style(
  rollout: Rollout, reference: dataset_lib.ReferenceDataset
) -> dict[str, float]:
  """How far the motion is from the reference.

  `style_distance` compares feature distributions, in the reference's standard
  deviations; `cycle_distance` [rad] aligns the mean gait cycle's joint angles
  with those of the clips nearest in speed.
  """
  first = round(SETTLING_TIME / rollout.dt)
  sample = rollout.features[first:][rollout.alive[first:]]
  if len(sample) == 0:
    return {"style_distance": np.nan, "cycle_distance": np.nan}
  return {
    "style_distance": style_distance(sample, reference),
    "cycle_distance": _cycle_distance(rollout, reference),
  }


def style_distance(
  sample: np.ndarray, reference: dataset_lib.ReferenceDataset
) -> float:
  """Distance of features (N, F) to the reference's; NaN for none of them."""
  if len(sample) == 0:
    return float("nan")
  policy = distance.quantiles(sample, np.ones(len(sample)))
  target = distance.quantiles(reference.features, reference.weights)
  per_feature = distance.wasserstein(policy, target, reference.std)
  return float(per_feature.mean())


def _cycle_distance(
  rollout: Rollout, reference: dataset_lib.ReferenceDataset
) -> float:
  """The smallest distance to a clip nearest in speed; NaN without a cycle."""
  first = round(SETTLING_TIME / rollout.dt)
  cycles = []
  for robot in np.flatnonzero(rollout.alive[-1]):
    rows = rollout.features[first:, robot]
    cycles += gait_cycles(rollout.layout, rows, rollout.dt)
  gaps = np.abs(np.asarray(reference.clip_speeds) - rollout.command)
  nearest = np.flatnonzero(gaps <= gaps.min() + 1e-6)
  targets = []
  for index in nearest:
    rows = reference.clip(int(index))
    # Twice, so that a clip of one cycle holds a whole one between touch-downs.
    twice = np.concatenate([rows, rows])
    targets += gait_cycles(reference.layout, twice, reference.dt)[:1]
  if not cycles or not targets:
    return float("nan")
  mean_cycle = np.mean(cycles, axis=0)
  return min(dtw(mean_cycle, target) for target in targets)


def gait_cycles(
  layout: FeatureLayout, rows: np.ndarray, dt: float
) -> list[np.ndarray]:
  """Joint angles from one left touch-down to the next.

  Args:
    layout: of the features.
    rows: (T, F) consecutive features.
    dt: control step [s].

  Returns:
    (50, J) joint angles [rad] over the phase, one array a stride.
  """
  left = layout.stance(rows)[:, 0]
  touchdowns = np.flatnonzero(left[1:] & ~left[:-1]) + 1
  cycles = []
  for start, stop in itertools.pairwise(touchdowns):
    if (stop - start) * dt < _SHORTEST_CYCLE:
      continue  # A bounce, not a stride.
    phase = np.linspace(start, stop, _CYCLE_POINTS, endpoint=False)
    joints = rows[:, layout.joint_pos]
    cycles.append(
      np.stack(
        [np.interp(phase, np.arange(len(rows)), q) for q in joints.T],
        axis=1,
      )
    )
  return cycles


def dtw(a: np.ndarray, b: np.ndarray) -> float:
  """Dynamic-time-warping distance, a step of the warping path.

  Args:
    a: (N, D) a trajectory.
    b: (M, D) another.

  Returns:
    The root-mean-square-over-D distance of aligned points, averaged over the
    cheapest path (Sakoe and Chiba 1978, symmetric steps).
  """
  cost = np.sqrt(np.mean(np.square(a[:, None] - b[None]), axis=-1))
  total = np.full((len(a) + 1, len(b) + 1), np.inf)
  total[0, 0] = 0.0
  for i in range(1, len(a) + 1):
    for j in range(1, len(b) + 1):
      # A diagonal step weighs two, so every path weighs N + M.
      total[i, j] = min(
        total[i - 1, j - 1] + 2 * cost[i - 1, j - 1],
        total[i - 1, j] + cost[i - 1, j - 1],
        total[i, j - 1] + cost[i - 1, j - 1],
      )
  return float(total[-1, -1] / (len(a) + len(b)))
