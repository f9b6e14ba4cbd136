"""A policy on the robot: sensor readings in, servo targets out.

This file needs numpy, and onnxruntime for `Policy`; nothing else of the package
that it comes from. `export` puts a copy of it beside `policy.onnx`, so that the
robot's computer needs the two of them only:

  policy = Policy("policy.onnx")
  policy.reset(orientation)
  while True:  # 50 times a second
    targets = policy.step(readings, speed)

Everything takes leading batch dimensions, written (...,) below.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

FORMAT = "wildrobot-policy/1"
METADATA_KEY = "contract"


class ContractError(ValueError):
  """A policy file that cannot be used; the message says why."""


@dataclasses.dataclass(frozen=True)
class Readings:
  """What the robot measures at one instant.

  Attributes:
    orientation: (..., 4) of the chest IMU in the world, wxyz, z up.
    gyro: (..., 3) [rad/s] in the chest IMU's frame.
    joint_pos: (..., 9) [rad] in the contract's order.
    joint_vel: (..., 9) [rad/s]; None for servos that do not report it: then it
      is the difference between two readings of `joint_pos`.
  """

  orientation: np.ndarray
  gyro: np.ndarray
  joint_pos: np.ndarray
  joint_vel: np.ndarray | None = None


class Controller:
  """Turns readings into observations, and actions into servo targets.

  Attributes:
    contract: what was agreed on; see `load_contract`.
    dt: control step [s].
    joint_names: the order of everything that has nine numbers.
    default_pose: (9,) [rad].
    command_range: (2,) forward speeds [m/s] that the policy was trained for.
    heading_target: (...,) [rad] the heading to keep; turn it to steer.
    command: (...,) forward speed [m/s] of now, on its way to what is asked for.
    phase: (...,) of the gait's clock [rad].
    last_action: (..., 9) filtered.
  """

  def __init__(self, contract: Mapping[str, Any]):
    """Reads the contract; `reset` comes next.

    Args:
      contract: as in `policy.json`.

    Raises:
      ContractError: for a contract that this code does not implement.
    """
    check(contract)
    self.contract = contract
    joints, action = contract["joints"], contract["action"]
    self.dt = 1.0 / contract["control_rate"]
    self.joint_names = tuple(joint["name"] for joint in joints)
    self.default_pose = np.array([j["default"] for j in joints], np.float32)
    self._lower = np.array([j["lower"] for j in joints], np.float32)
    self._upper = np.array([j["upper"] for j in joints], np.float32)
    self._scale = np.float32(action["scale"])
    self._keep = np.float32(action["filter"])
    self._turn = 2 * np.pi * contract["gait_clock"]["frequency"] * self.dt
    command = contract["command"]
    self.command_range = np.array(command["range"], np.float32)
    self._dead_band = command["dead_band"]
    self._most_change = np.float32(command["max_rate"] * self.dt)
    self._entries = [(e["name"], e["scale"]) for e in contract["observation"]]
    self.reset(np.array([1.0, 0.0, 0.0, 0.0]))

  def reset(self, orientation: np.ndarray, phase: Any = 0.0) -> None:
    """Starts anew: the heading of now is the heading to keep.

    Args:
      orientation: (..., 4) of the chest IMU, wxyz.
      phase: (...,) of the gait's clock [rad].
    """
    orientation = np.asarray(orientation, np.float32)
    leading = orientation.shape[:-1]
    self.heading_target = heading(orientation)
    self.phase = np.broadcast_to(np.float32(phase), leading).copy()
    self.command = np.zeros(leading, np.float32)
    self.last_action = np.zeros((*leading, len(self.joint_names)), np.float32)
    self._joint_pos: np.ndarray | None = None

  def observe(self, readings: Readings, command: Any) -> np.ndarray:
    """The policy's observation.

    Args:
      readings: of now.
      command: (...,) forward speed [m/s] to go to, at the contract's rate; 0
        stands, and so does anything below the dead band. It is held within the
        range of the training.

    Returns:
      (..., N) float32, N as in the contract.
    """
    asked = np.clip(np.float32(command), *self.command_range)
    change = np.clip(
      asked - self.command, -self._most_change, self._most_change
    )
    self.command = (self.command + change).astype(np.float32)
    command = np.where(self.command < self._dead_band, 0, self.command)
    moving = (command > 0).astype(np.float32)
    joint_pos = np.asarray(readings.joint_pos, np.float32)
    error = heading(readings.orientation) - self.heading_target
    signals = {
      "gyro": np.asarray(readings.gyro, np.float32),
      "gravity": gravity(readings.orientation),
      "heading_sin": np.sin(error)[..., None],
      "heading_cos": np.cos(error)[..., None],
      "joint_pos": joint_pos - self.default_pose,
      "joint_vel": self._joint_vel(readings),
      "last_action": self.last_action,
      "command": command[..., None],
      "clock_sin": (moving * np.sin(self.phase))[..., None],
      "clock_cos": (moving * np.cos(self.phase))[..., None],
    }
    self._joint_pos = joint_pos
    leading = joint_pos.shape[:-1]
    return np.concatenate(
      [
        np.broadcast_to(
          signals[name] * np.float32(scale),
          (*leading, np.shape(signals[name])[-1]),
        )
        for name, scale in self._entries
      ],
      axis=-1,
      dtype=np.float32,
    )

  def act(self, action: np.ndarray) -> np.ndarray:
    """Servo targets (..., 9) [rad] of an action (..., 9) in -1..1."""
    self.last_action = (
      self._keep * self.last_action + (1 - self._keep) * action
    ).astype(np.float32)
    self.phase = np.fmod(self.phase + self._turn, 2 * np.pi).astype(np.float32)
    targets = self.default_pose + self.last_action * self._scale
    return np.clip(targets, self._lower, self._upper)

  def _joint_vel(self, readings: Readings) -> np.ndarray:
    """(..., 9) [rad/s], as measured or as a backward difference."""
    if readings.joint_vel is not None:
      return np.asarray(readings.joint_vel, np.float32)
    if self._joint_pos is None:
      return np.zeros(np.shape(readings.joint_pos), np.float32)
    moved = np.asarray(readings.joint_pos, np.float32) - self._joint_pos
    return moved / np.float32(self.dt)


class Policy:
  """An exported policy with its contract: what a control loop imports.

  Attributes:
    controller: the observation and the action, as agreed on.
  """

  def __init__(self, path: str | os.PathLike[str], num_threads: int = 1):
    """Loads a file.

    Args:
      path: of `policy.onnx`.
      num_threads: of the network; one is fastest for a single robot.

    Raises:
      ContractError: for a file that is no policy.
    """
    self._session = load_session(path, num_threads)
    contract = load_contract(self._session, path)
    self.controller = Controller(contract)
    shape = self._session.get_inputs()[0].shape
    size = sum(entry["size"] for entry in contract["observation"])
    if shape[-1] != size:
      raise ContractError(
        f"{path}: the network takes {shape[-1]} numbers, its contract lists"
        f" {size}; export it again"
      )

  def reset(self, orientation: np.ndarray, phase: Any = 0.0) -> None:
    """See `Controller.reset`."""
    self.controller.reset(orientation, phase)

  def step(self, readings: Readings, command: Any) -> np.ndarray:
    """Servo targets (..., 9) [rad] for this control step."""
    return self.controller.act(self.infer(self.observe(readings, command)))

  def observe(self, readings: Readings, command: Any) -> np.ndarray:
    """See `Controller.observe`."""
    return self.controller.observe(readings, command)

  def infer(self, observation: np.ndarray) -> np.ndarray:
    """The network alone: (..., N) observations to (..., 9) actions."""
    rows = observation.reshape(-1, observation.shape[-1])
    (action,) = self._session.run(["action"], {"observation": rows})
    return action.reshape(*observation.shape[:-1], -1)


def load_session(path: str | os.PathLike[str], num_threads: int = 1) -> Any:
  """An onnxruntime session on the CPU.

  Raises:
    ContractError: for a file that is missing or no ONNX model.
  """
  import onnxruntime

  if not os.path.isfile(path):
    raise ContractError(f"there is no policy at {path}")
  options = onnxruntime.SessionOptions()
  options.intra_op_num_threads = num_threads
  options.inter_op_num_threads = 1
  options.log_severity_level = 4
  try:
    return onnxruntime.InferenceSession(
      os.fspath(path), options, providers=["CPUExecutionProvider"]
    )
  except Exception as error:
    raise ContractError(f"{path} is no ONNX model, or damaged") from error


def load_contract(
  session: Any, path: str | os.PathLike[str] = "the policy"
) -> dict[str, Any]:
  """The contract in a model's metadata.

  Raises:
    ContractError: where there is none that can be read.
  """
  text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
  if text is None:
    raise ContractError(
      f"{path} carries no contract; write it with wildrobot_playground.export"
    )
  try:
    contract = json.loads(text)
  except ValueError as error:
    raise ContractError(f"the contract in {path} is damaged") from error
  check(contract)
  return contract


def check(contract: Mapping[str, Any]) -> None:
  """Checks that this code implements a contract.

  Raises:
    ContractError: naming what it does not know.
  """
  if contract.get("format") != FORMAT:
    raise ContractError(
      f"the contract's format is {contract.get('format')!r}, this controller"
      f" implements {FORMAT!r}; take the controller.py beside the policy"
    )
  missing = [key for key in _NEEDED if key not in contract]
  for key, inner in _NEEDED.items():
    section = contract.get(key, {})
    missing += [f"{key}.{name}" for name in inner if name not in section]
  if missing:
    raise ContractError(f"the contract lacks {', '.join(missing)}")
  if contract.get("history", 1) != 1:
    raise ContractError("this controller stacks no past observations")
  unknown = [
    entry["name"]
    for entry in contract["observation"]
    if entry["name"] not in SIGNALS
  ]
  if unknown:
    raise ContractError(
      f"the contract observes {', '.join(unknown)}, which this controller"
      " cannot compute"
    )


# Keys of a contract, and the keys in them.
_NEEDED = {
  "action": ("scale", "filter"),
  "command": ("range", "dead_band", "max_rate"),
  "control_rate": (),
  "fall": ("min_height", "max_height", "max_tilt"),
  "gait_clock": ("frequency",),
  "joints": (),
  "model_hash": (),
  "observation": (),
  "trained_noise": (),
}
SIGNALS = (
  "gyro",
  "gravity",
  "heading_sin",
  "heading_cos",
  "joint_pos",
  "joint_vel",
  "last_action",
  "command",
  "clock_sin",
  "clock_cos",
)


def heading(orientation: np.ndarray) -> np.ndarray:
  """(...,) yaw [rad] of the x axis of an orientation (..., 4), wxyz."""
  w, x, y, z = np.moveaxis(np.asarray(orientation, np.float32), -1, 0)
  return np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def gravity(orientation: np.ndarray) -> np.ndarray:
  """(..., 3) the direction of down in the frame of an orientation, wxyz."""
  w, x, y, z = np.moveaxis(np.asarray(orientation, np.float32), -1, 0)
  up = [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]
  return -np.stack(up, axis=-1)
