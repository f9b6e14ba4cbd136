"""Plays a clip through the servos in MuJoCo, and says how much help it needs.

The servos get the clip's angles, ahead by the torque that inverse dynamics asks
for; a stabiliser pushes the pelvis back to where the clip has it, with no more
than a share of the robot's weight. What comes out is a motion with physics, and
a measure of how far the clip is from one.
"""

import dataclasses

import mujoco
import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.edit import trim
from wildrobot_playground.motion.quality import dynamics

# Of the stabiliser of a robot of `_WEIGHT`: critically damped, roughly.
_STIFFNESS = 400.0  # N/m
_DAMPING = 50.0  # N·s/m
_TURN_STIFFNESS = 20.0  # N·m/rad
_TURN_DAMPING = 1.5  # N·m·s/rad
_LEVER = 0.2  # m: the moment may be so many times the force
_WEIGHT = 33.14  # N
_LOWEST = 0.2  # m of the pelvis: lower is a fall
_LARGEST_TILT = 0.8  # rad
_CYCLES = 4


@dataclasses.dataclass(frozen=True)
class Options:
  """How a clip is played.

  Attributes:
    help_cap: most that the stabiliser pushes, over the robot's weight.
    lead: how far ahead of the clip the servos are told [s].
  """

  help_cap: float = 0.3
  lead: float = 0.02


@dataclasses.dataclass(frozen=True)
class Realization:
  """What became of a clip.

  Attributes:
    clip: the motion with physics, open, up to a fall if there was one.
    metrics: help_mean, help_p95 and help_max (over the weight), help_at_cap
      (share of time), survived (share of time), tracking_rms (joints, rad),
      saturated (share of servo torques at their limit), achieved_speed (m/s).
  """

  clip: clip_lib.MotionClip
  metrics: dict[str, float]


def realize(
  clip: clip_lib.MotionClip,
  robot: robots.Robot,
  options: Options | None = None,
) -> Realization:
  """Plays a clip: an open one once, a cyclic one four times.

  Args:
    clip: any clip at the robot's control rate of 50 frames a second.
    robot: the robot.
    options: see `Options`.

  Raises:
    ClipError: for a clip at another rate, or a loop so long that four times
      it is more than a clip may have.
  """
  options = options or Options()
  if clip.fps != clip_lib.FPS:
    raise clip_lib.ClipError(
      f"{clip.name}: has {clip.fps:g} fps, expected {clip_lib.FPS:g}; resample"
      " it"
    )
  if clip.cyclic:
    clip_lib.check_frames(
      _CYCLES * clip.num_frames, f"{clip.name}, {_CYCLES} times", "trim it"
    )
  reference = _reference(clip, robot)
  player = _Player(reference, robot, options)
  played = player.run()
  meta = {
    "kind": clip.meta.get("kind", "retargeted"),
    "source": clip.meta.get("source", {}),
    "realized": {**dataclasses.asdict(options), **player.metrics()},
    "model_hash": robot.fingerprint,
  }
  result = clip_lib.make_clip(
    f"{clip.name}_realized", played, robot, False, (0, 0, 0), meta
  )
  result = trim.with_own_command(result)
  metrics = player.metrics()
  metrics["achieved_speed"] = float(result.command[0])
  return Realization(result, metrics)


@dataclasses.dataclass(frozen=True)
class _Reference:
  """The motion to be followed, with the torques that it asks for."""

  qpos: np.ndarray  # (T, nq) of the model
  qvel: np.ndarray  # (T, nv) of the model
  torque: np.ndarray  # (T, J)


def _reference(clip: clip_lib.MotionClip, robot: robots.Robot) -> _Reference:
  """The clip, or its cycles one after another."""
  torque, _ = dynamics.inverse(clip, robot)
  qpos, qvel, _ = dynamics.derivatives(clip, robot)
  if clip.cyclic:
    count = _CYCLES * clip.num_frames
    qpos = robot.qpos(clip.at(np.arange(count) / clip.fps))
    qvel, torque = (np.tile(a, (_CYCLES, 1)) for a in (qvel, torque))
  return _Reference(qpos, qvel, torque)


class _Player:
  """One run of the simulation."""

  def __init__(
    self, reference: _Reference, robot: robots.Robot, options: Options
  ):
    self._reference = reference
    self._robot = robot
    self._model = robot.model
    self._data = mujoco.MjData(robot.model)
    self._strength = round(robot.weight / _WEIGHT, 2)
    self._cap = options.help_cap * robot.weight
    self._weight = robot.weight
    self._lead = round(options.lead * clip_lib.FPS)
    self._substeps = round(1 / clip_lib.FPS / robot.model.opt.timestep)
    self._help: list[float] = []
    self._torques: list[np.ndarray] = []
    self._misses: list[np.ndarray] = []

  def run(self) -> np.ndarray:
    """(N, 7 + J) poses at 50 Hz, up to a fall."""
    reference, at = self._reference, self._robot.at
    self._data.qpos[:] = reference.qpos[0]
    self._data.qvel[:] = reference.qvel[0]
    mujoco.mj_forward(self._model, self._data)
    played = [at.pose(self._data.qpos).copy()]
    self._data.ctrl[:] = self._robot.default_ctrl
    for k in range(len(reference.qpos) - 1):
      self._data.ctrl[at.servos] = self._command(k)
      for i in range(self._substeps):
        self._push(k, i / self._substeps)
        mujoco.mj_step(self._model, self._data)
      self._torques.append(self._data.actuator_force[at.servos].copy())
      missing = self._data.qpos - reference.qpos[k + 1]
      self._misses.append(missing[at.joints])
      played.append(at.pose(self._data.qpos).copy())
      if self._fell():
        break
    return np.array(played)

  def metrics(self) -> dict[str, float]:
    """What the run took."""
    push = np.array(self._help) / self._weight
    cap = self._cap / self._weight
    limit = self._robot.torque_limits
    steps = len(self._reference.qpos) - 1
    found = {
      "help_mean": np.mean(push),
      "help_p95": np.percentile(push, 95),
      "help_max": np.max(push),
      "help_at_cap": np.mean(push >= 0.999 * cap),
      "survived": len(self._misses) / steps,
      "tracking_rms": np.sqrt(np.mean(np.square(self._misses))),
      "saturated": np.mean(np.abs(self._torques) >= 0.999 * limit),
    }
    return {name: round(float(value), 6) for name, value in found.items()}

  def _command(self, k: int) -> np.ndarray:
    """(J,) servo targets that give the clip's torques at the clip's angles."""
    reference, at, model = self._reference, self._robot.at, self._model
    ahead = min(k + self._lead, len(reference.qpos) - 1)
    gain = model.actuator_gainprm[at.servos, 0]
    damping = -model.actuator_biasprm[at.servos, 2]
    speed = reference.qvel[ahead, at.dofs]
    wanted = reference.torque[ahead] + damping * speed
    target = reference.qpos[ahead, at.joints] + wanted / gain
    low, high = model.actuator_ctrlrange[at.servos].T
    limited = model.actuator_ctrllimited[at.servos] != 0
    return np.where(limited, np.clip(target, low, high), target)

  def _push(self, k: int, share: float) -> None:
    """Sets the stabiliser's force and moment on the pelvis."""
    reference, data, at = self._reference, self._data, self._robot.at
    root = self._robot.root
    pose, speed = data.qpos[at.root], data.qvel[at.root_dof]
    here, there = reference.qpos[k : k + 2, at.root]
    place = (1 - share) * here[:3] + share * there[:3]
    slow, fast = reference.qvel[k : k + 2, at.root_dof]
    velocity = (1 - share) * slow + share * fast
    force = _STIFFNESS * (place - pose[:3])
    force += _DAMPING * (velocity[:3] - speed[:3])
    force[2] = 0.0  # The legs carry the weight.
    turn = np.zeros(3)  # From the pelvis to the clip's, in the pelvis' frame.
    mujoco.mju_subQuat(turn, here[3:7], pose[3:7])
    moment = _TURN_STIFFNESS * turn
    moment += _TURN_DAMPING * (velocity[3:6] - speed[3:6])
    lever = _LEVER * self._robot.size
    force = _capped(self._strength * force, self._cap)
    strength = self._strength * self._robot.size**2
    moment = _capped(strength * moment, self._cap * lever)
    data.xfrc_applied[root, :3] = force
    mujoco.mju_rotVecQuat(data.xfrc_applied[root, 3:], moment, pose[3:7])
    sizes = np.linalg.norm(force), np.linalg.norm(moment) / lever
    self._help.append(float(max(sizes)))

  def _fell(self) -> bool:
    """Whether the pelvis is too low or lies."""
    robot = self._robot
    upright = self._data.xmat[robot.root].reshape(3, 3)[2, 2]
    low = self._data.qpos[robot.at.root][2] < _LOWEST * robot.size
    return bool(low or upright < np.cos(_LARGEST_TILT))


def _capped(vector: np.ndarray, largest: float) -> np.ndarray:
  """The vector (3,), shortened to `largest` if it is longer."""
  return vector * min(1.0, largest / max(float(np.linalg.norm(vector)), 1e-12))
