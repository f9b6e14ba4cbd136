"""A policy on the robot: sensor readings in, servo targets out.

This file needs numpy, and onnxruntime for `Policy`; nothing else of the package
that it comes from. `export` puts a copy of it beside `policy.onnx`, so that the
robot's computer needs the two of them only:

  policy = Policy("policy.onnx")
  policy.reset(orientation)
  while True:  # 50 times a second
    targets = policy.step(readings, speed)

A bad reading (not finite, of another shape, an orientation that is no unit
quaternion) changes nothing but the gait's clock: the last targets are held, for
`HOLD_TIME` at most; then the controller is blind and `Policy.step` says so with
a `BlindError`. The next good reading goes on from there.

Everything takes leading batch dimensions, written (...,) below.
"""

import dataclasses
import json
import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

FORMAT = "wildrobot-policy/1"
METADATA_KEY = "contract"
HOLD_TIME = 0.2  # s, how long the last targets are held without a good reading

_LARGEST = 1e3  # rad, rad/s or an action; no sensor of a robot reads more
_NORM_SLACK = 0.1  # of a quaternion that is a bad reading beyond it
_NORM_EXACT = 1e-4  # of a quaternion that is left as it is
_READINGS = ("orientation", "gyro", "joint_pos", "joint_vel")
_ABSENT = "absent"  # in the place of a reading
_LARGEST_FILE = 2**28  # bytes; policies have less than one million


class ContractError(ValueError):
  """A policy file that cannot be used; the message says why."""


class BlindError(RuntimeError):
  """No good reading for longer than `HOLD_TIME`: the servos must be stopped."""


@dataclasses.dataclass(frozen=True)
class Readings:
  """What the robot measures at one instant.

  Attributes:
    orientation: (..., 4) of the IMU in the world, wxyz, z up; what is off
      unit length by up to a tenth is normalised.
    gyro: (..., 3) [rad/s] in the IMU's frame.
    joint_pos: (..., J) [rad] in the contract's order.
    joint_vel: (..., J) [rad/s]; None for servos that do not report it: then it
      is the difference to the last good reading of `joint_pos`.
  """

  orientation: np.ndarray
  gyro: np.ndarray
  joint_pos: np.ndarray
  joint_vel: np.ndarray | None = None


class _State:
  """Numbers of a controller: given as a copy, checked and copied when set.

  So the loop keeps what it has, whatever is written into what it gave, and when
  what is to be set is refused.
  """

  def __set_name__(self, owner: type, name: str) -> None:
    """Takes the attribute's name; `_name` is the loop's own."""
    self._name, self._kept = name, f"_{name}"

  def __get__(self, loop: Any, owner: type | None = None) -> Any:
    """A copy."""
    return self if loop is None else getattr(loop, self._kept).copy()

  def __set__(self, loop: Any, value: Any) -> None:
    """Keeps a copy; ValueError for what is not finite or does not fit."""
    kept = getattr(loop, self._kept)
    told = _told(self._name, value, kept.shape)
    new = np.broadcast_to(told, kept.shape).astype(kept.dtype)[()]
    setattr(loop, self._kept, new)


class Controller:
  """Turns readings into observations, and actions into servo targets.

  Robots of a batch do not touch each other: a bad reading holds its own robot
  only. Nothing here raises `BlindError`; see `blind`.

  Its numbers are given and taken as copies: to change one, assign it, as in
  `loop.heading_target += 0.1`; what is written into them changes nothing. What
  is not finite or of another shape is a ValueError, and nothing has changed.

  Attributes:
    contract: what was agreed on; see `load_contract`.
    dt: control step [s].
    joint_names: the order of everything that has nine numbers.
    default_pose: (J,) [rad], read-only.
    command_range: (2,) forward speeds [m/s] that the policy was trained for,
      read-only.
    heading_target: (...,) [rad] the heading to keep; turn it to steer.
    command: (...,) forward speed [m/s] of now, on its way to what is asked for.
    phase: (...,) of the gait's clock [rad].
    last_action: (..., J) filtered.
    bad_readings: (...,) how many there were since `reset`, actions of the
      network that are not finite included.
    problem: what was wrong with the last of them; empty if there was none.
    held: (...,) control steps for which the targets have been held by now.
  """

  heading_target, command, phase = _State(), _State(), _State()
  last_action, bad_readings, held = _State(), _State(), _State()

  def __init__(self, contract: Mapping[str, Any]):
    """Reads the contract; `reset` comes next.

    Args:
      contract: as in `policy.json`.

    Raises:
      ContractError: for a contract that is damaged, contradicts itself, or that
        this code does not implement.
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
    for given in (self.default_pose, self.command_range):
      given.flags.writeable = False
    self._dead_band = command["dead_band"]
    self._most_change = np.float32(command["max_rate"] * self.dt)
    self._entries = [(e["name"], e["scale"]) for e in contract["observation"]]
    count, ends = len(joints), np.cumsum([4, 3, len(joints), len(joints)])
    self._sizes = (4, 3, count, count)  # Of the readings, in their order.
    self._parts = [
      slice(end - size, end)
      for size, end in zip(self._sizes, ends, strict=True)
    ]
    self.reset(np.array([1.0, 0.0, 0.0, 0.0]))

  def reset(self, orientation: np.ndarray, phase: Any = 0.0) -> None:
    """Starts anew: the heading of now is the heading to keep.

    Args:
      orientation: (..., 4) of the IMU, wxyz.
      phase: (...,) of the gait's clock [rad].

    Raises:
      ValueError: for a bad orientation or phase, or a batch of no robots; then
        nothing has changed.
    """
    try:
      leading = np.shape(orientation)[:-1]
    except ValueError:  # Rows of different lengths.
      leading = ()
    array, good, fault = _checked("orientation", orientation, (*leading, 4))
    if not good.size:
      fault = f"orientation has shape {array.shape}, expected some robots"
      raise ValueError(f"cannot start: {fault}")
    if not good.all():
      raise ValueError(f"cannot start: {fault}; read the IMU again")
    orientation = _normalized(array)
    phase = _told("phase", phase, leading)
    self._heading_target = heading(orientation)
    self._phase = np.broadcast_to(phase, leading).copy()
    self._command = np.zeros(leading, np.float32)
    self._last_action = np.zeros((*leading, len(self.joint_names)), np.float32)
    self._bad_readings = np.zeros(leading, int)
    self.problem = ""
    still = np.zeros((*leading, 3), np.float32), self._last_action * 0
    pose = np.broadcast_to(self.default_pose, self._last_action.shape)
    # The newest good reading of every robot, and its age in control steps.
    self._seen = np.concatenate([orientation, still[0], pose, still[1]], -1)
    self._age = np.zeros(leading, int)
    self._known = np.zeros(leading, bool)  # Whether there was one at all.
    self._good = np.ones(leading, bool)  # Whether the reading of now is.
    self._held = np.zeros(leading, int)

  @property
  def blind(self) -> np.ndarray:
    """(...,) whether targets have been held for longer than `HOLD_TIME`."""
    return self._held * self.dt > HOLD_TIME

  def observe(self, readings: Readings, command: Any) -> np.ndarray:
    """The policy's observation.

    Args:
      readings: of now; of a robot whose reading is bad, the last good ones
        count, and `act` will hold its targets.
      command: (...,) forward speed [m/s] to go to, at the contract's rate; 0
        stands, and so does anything below the dead band. It is held within the
        range of the training.

    Returns:
      (..., N) float32, N as in the contract; finite.

    Raises:
      ValueError: for a command that is not finite or of another shape; then
        nothing has changed.
    """
    command = _told("command", command, self._age.shape)
    self._sense(readings)
    asked = np.clip(command, *self.command_range)
    change = np.clip(
      asked - self._command, -self._most_change, self._most_change
    )
    if not self._good.all():
      change = np.where(self._good, change, np.float32(0))
    self._command = (self._command + change).astype(np.float32)
    command = np.where(self._command < self._dead_band, 0, self._command)
    moving = (command > 0).astype(np.float32)
    orientation, gyro, joint_pos, joint_vel = (
      self._seen[..., part] for part in self._parts
    )
    error = heading(orientation) - self._heading_target
    signals = {
      "gyro": gyro,
      "gravity": gravity(orientation),
      "heading_sin": np.sin(error)[..., None],
      "heading_cos": np.cos(error)[..., None],
      "joint_pos": joint_pos - self.default_pose,
      "joint_vel": joint_vel,
      "last_action": self._last_action,
      "command": command[..., None],
      "clock_sin": (moving * np.sin(self._phase))[..., None],
      "clock_cos": (moving * np.cos(self._phase))[..., None],
    }
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
    """Servo targets (..., J) [rad] of an action (..., J) in -1..1.

    They are those of before where the reading was bad or the action is not
    finite; always finite and within the contract's limits.
    """
    array, sound, fault = _checked("action", action, self._last_action.shape)
    good = self._good & sound
    filtered = self._keep * self._last_action + (1 - self._keep) * array
    if good.all():
      self._held = np.zeros_like(self._held)
    else:
      filtered = np.where(good[..., None], filtered, self._last_action)
      self._held = np.where(good, 0, self._held + 1)
      self._bad_readings = self._bad_readings + (self._good & ~sound)
      self.problem = fault or self.problem
    self._last_action = filtered.astype(np.float32)
    self._phase = np.fmod(self._phase + self._turn, 2 * np.pi).astype(
      np.float32
    )
    targets = self.default_pose + self._last_action * self._scale
    return np.clip(targets, self._lower, self._upper)

  def _sense(self, readings: Readings) -> None:
    """Takes the good readings over, and counts the bad ones."""
    leading, parts, faults = self._age.shape, [], []
    good = np.ones(leading, bool)
    for name, size in zip(_READINGS, self._sizes, strict=True):
      value = getattr(readings, name, _ABSENT)
      if value is None and name == "joint_vel":
        value = self._difference(parts[-1])
      array, sound, fault = _checked(name, value, (*leading, size))
      parts.append(array)
      if fault:
        faults.append(fault)
        good = good & sound
    parts[0] = _normalized(parts[0])
    row = np.concatenate(parts, axis=-1)
    if faults:
      row = np.where(good[..., None], row, self._seen)
      self.problem = faults[0]
      self._bad_readings = self._bad_readings + ~good
    self._known = self._known | good
    self._age = np.where(good, 0, self._age + 1)
    self._seen, self._good = row, good

  def _difference(self, joint_pos: np.ndarray) -> np.ndarray:
    """(..., J) [rad/s] since the last good reading; 0 at the first."""
    elapsed = np.float32(self.dt) * (self._age + 1).astype(np.float32)
    known = self._known[..., None]
    moved = joint_pos - self._seen[..., self._parts[2]]
    with np.errstate(over="ignore"):  # Of positions that nobody has checked.
      velocity = moved / elapsed[..., None]
    return np.where(known, velocity, np.float32(0))


class Policy:
  """An exported policy with its contract: what a control loop imports.

  Attributes:
    controller: the observation and the action, as agreed on.
  """

  def __init__(self, path: str | os.PathLike[str], num_threads: int = 1):
    """Loads a file, and tries it once.

    Args:
      path: of `policy.onnx`.
      num_threads: of the network; one is fastest for a single robot.

    Raises:
      ContractError: for a file that is no policy, or a network that does not
        take and give the numbers that its contract lists.
    """
    self._path = path
    self._session = load_session(path, num_threads)
    contract = load_contract(self._session, path)
    self.controller = loop = Controller(contract)
    size = sum(entry["size"] for entry in contract["observation"])
    count = len(loop.joint_names)
    _check_end(self._session.get_inputs(), "observation", size, path)
    _check_end(self._session.get_outputs(), "action", count, path)
    upright = np.array([1.0, 0.0, 0.0, 0.0])
    still = Readings(
      upright, np.zeros(3), loop.default_pose, np.zeros(count, np.float32)
    )
    action = self.infer(loop.observe(still, 0.0))
    if not np.isfinite(action).all():
      raise ContractError(
        f"{path}: the network's action is not finite for a robot that stands;"
        " export it again"
      )
    loop.reset(upright)

  def reset(self, orientation: np.ndarray, phase: Any = 0.0) -> None:
    """See `Controller.reset`."""
    self.controller.reset(orientation, phase)

  def step(self, readings: Readings, command: Any) -> np.ndarray:
    """Servo targets (..., J) [rad] for this control step.

    A bad reading is told by a `RuntimeWarning`, and the targets are held.

    Raises:
      BlindError: once a robot is blind, at every step until a good reading.
      ValueError: for a command that is not finite.
    """
    loop = self.controller
    targets = loop.act(self.infer(self.observe(readings, command)))
    if not loop.held.any():
      return targets
    if loop.blind.any():
      raise BlindError(
        f"nothing good was read for more than {HOLD_TIME:g} s; at last"
        f" {loop.problem}: stop the servos"
      )
    warnings.warn(
      f"the last servo targets are held: {loop.problem}",
      RuntimeWarning,
      stacklevel=2,
    )
    return targets

  def observe(self, readings: Readings, command: Any) -> np.ndarray:
    """See `Controller.observe`."""
    return self.controller.observe(readings, command)

  def infer(self, observation: np.ndarray) -> np.ndarray:
    """The network alone: (..., N) observations to (..., J) actions.

    Raises:
      ContractError: for a network that cannot be run, or gives another number
        of actions.
    """
    rows = observation.reshape(-1, observation.shape[-1])
    try:
      (action,) = self._session.run(["action"], {"observation": rows})
    except Exception as error:
      raise ContractError(
        f"{self._path}: the network fails: {_first_line(error)}"
      ) from error
    count = len(self.controller.joint_names)
    if action.shape != (len(rows), count):
      raise ContractError(
        f"{self._path}: the network gives actions of shape {action.shape},"
        f" expected {(len(rows), count)}; export it again"
      )
    return action.reshape(*observation.shape[:-1], count)


def load_session(path: str | os.PathLike[str], num_threads: int = 1) -> Any:
  """An onnxruntime session on the CPU, of a file that stands alone.

  onnxruntime's telemetry is off, unless `ORT_DISABLE_TELEMETRY` is set.

  Raises:
    ContractError: for a file that is missing, no ONNX model, larger than any
      policy, or that wants weights from other files: those are not read.
  """
  # Since 1.29 it writes a device's identifier and events of each process into
  # the user's cache, and sends them.
  os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
  import onnxruntime

  if not os.path.isfile(path):
    raise ContractError(f"there is no policy at {path}")
  options = onnxruntime.SessionOptions()
  options.intra_op_num_threads = num_threads
  options.inter_op_num_threads = 1
  options.log_severity_level = 4
  try:
    return onnxruntime.InferenceSession(
      _read(path),
      options,
      providers=["CPUExecutionProvider"],
      enable_fallback=0,  # To the same again, with stars on the screen.
    )
  except ContractError:
    raise
  except Exception as error:
    raise ContractError(
      f"{path} is no ONNX model, or damaged: {_first_line(error)}"
    ) from error


def _read(path: str | os.PathLike[str]) -> bytes:
  size = os.path.getsize(path)
  if size > _LARGEST_FILE:
    raise ContractError(f"{path} has {size:,} bytes: that is no policy")
  with open(path, "rb") as file:
    data = file.read()
  if b"\x08location" in data:  # A key of every reference to another file.
    raise ContractError(
      f"{path} keeps weights in other files, which are not read; export it"
      " again, or save it as one file"
    )
  return data


def _first_line(error: Exception) -> str:
  return " ".join(str(error).split())[:200] or type(error).__name__


def load_contract(
  session: Any, path: str | os.PathLike[str] = "the policy"
) -> dict[str, Any]:
  """The contract in a model's metadata.

  Raises:
    ContractError: where there is none that can be read.
  """
  try:
    metadata = session.get_modelmeta().custom_metadata_map
  except UnicodeDecodeError as error:
    raise ContractError(
      f"the metadata of {path} is damaged: {error}"
    ) from error
  if "playground" in metadata:
    raise ContractError(
      f"{path} is a network for an environment of Playground, which alone makes"
      " its observations: name its run with --checkpoint"
    )
  text = metadata.get(METADATA_KEY)
  if text is None:
    raise ContractError(
      f"{path} carries no contract; write it with wildrobot_playground.export"
    )
  return parse(text, path)


def parse(text: str, path: str | os.PathLike[str]) -> dict[str, Any]:
  """The contract in a text, checked.

  Args:
    text: JSON, without the constants NaN and Infinity.
    path: of the file that it comes from, for messages.

  Raises:
    ContractError: for a text that is no contract.
  """

  def refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")

  try:
    contract = json.loads(text, parse_constant=refuse)
  except (ValueError, RecursionError) as error:
    raise ContractError(
      f"the contract in {path} is damaged: {_first_line(error)}"
    ) from error
  try:
    check(contract)
  except ContractError as error:
    raise ContractError(f"{path}: {error}") from error
  return contract


def check(contract: Any) -> None:
  """Checks that this code implements a contract.

  Raises:
    ContractError: naming the first thing that is wrong.
  """
  if not isinstance(contract, Mapping):
    raise ContractError(
      f"the contract is {_kind(contract)}, expected an object"
    )
  if contract.get("format") != FORMAT:
    raise ContractError(
      f"the contract's format is {_shown(contract.get('format'))}, this"
      f" controller implements {FORMAT!r}; take the controller.py beside the"
      " policy"
    )
  fault = _misfit(contract, TABLE, "") or _contradiction(contract)
  if fault:
    raise ContractError(f"the contract {fault}")


_ANGLE = (-100.0, 100.0)  # rad
_SPEED = (-100.0, 100.0)  # m/s
_POSITIVE = (1e-6, 1e6)
# What a contract must hold. An object or a list of such; text; whole numbers of
# a range; numbers from the first to the second of two. A key that ends in "?"
# may be absent or null; keys that are not here are for people to read.
TABLE = {
  "action": {"scale": _POSITIVE, "filter": (0.0, 0.999)},
  "command": {
    "range": [_SPEED],
    "dead_band": (0.0, 100.0),
    "max_rate": _POSITIVE,
  },
  "control_rate": (1.0, 10_000.0),
  "fall": {
    "min_height": (-100.0, 100.0),
    "max_height": (-100.0, 100.0),
    "max_tilt": (0.0, 3.2),
  },
  "gait_clock": {"frequency": (0.0, 100.0)},
  "joints": [
    {"name": str, "default": _ANGLE, "lower": _ANGLE, "upper": _ANGLE}
  ],
  "model_hash": str,
  "normalizer?": {"mean?": [(-1e6, 1e6)], "std?": [(1e-9, 1e6)]},
  "observation": [
    {
      "name": str,
      "start": range(100_000),
      "size": range(1, 100_000),
      "scale": _POSITIVE,
      "labels?": [str],
    }
  ],
  "trained_noise": {
    name: (0.0, 1e3)
    for name in ("gravity", "gyro", "heading", "joint_pos", "joint_vel")
  },
}
_PER_JOINT = ("joint_pos", "joint_vel", "last_action")
_VECTORS = ("gyro", "gravity")
_SCALARS = ("heading_sin", "heading_cos", "command", "clock_sin", "clock_cos")
SIGNALS = (*_VECTORS, *_PER_JOINT, *_SCALARS)


def _misfit(value: Any, spec: Any, path: str) -> str:
  """How a value differs from the table, to go on "the contract"; or nothing."""
  if isinstance(spec, dict):
    if not isinstance(value, Mapping):
      return f"has {_kind(value)} as {path}, expected an object"
    for key, inner in spec.items():
      name = key.removesuffix("?")
      there = f"{path}.{name}" if path else name
      if value.get(name) is None and name != key:
        continue
      if name not in value:
        return f"lacks {there}"
      if fault := _misfit(value[name], inner, there):
        return fault
    return ""
  if isinstance(spec, list):
    if not isinstance(value, (list, tuple)) or not 0 < len(value) <= 10_000:
      return f"has {_kind(value)} as {path}, expected a list of some items"
    items = (_misfit(v, spec[0], f"{path}[{i}]") for i, v in enumerate(value))
    return next(filter(None, items), "")
  if spec is str:
    good = isinstance(value, str) and 0 < len(value) <= 200
    expected = "a text"
  elif isinstance(spec, range):
    good = isinstance(value, int) and value in spec
    expected = f"a whole number from {spec[0]} to {spec[-1]}"
  else:
    good = isinstance(value, (int, float)) and spec[0] <= value <= spec[1]
    expected = f"a number from {spec[0]:g} to {spec[1]:g}"
  if good and not isinstance(value, bool):
    return ""
  return f"has {path} {_shown(value)}, expected {expected}"


def _contradiction(contract: Mapping[str, Any]) -> str:
  """What parts of a contract say against each other; or nothing."""
  if contract.get("history", 1) != 1:
    return "stacks past observations, which this controller does not"
  joints, entries = contract["joints"], contract["observation"]
  names = [joint["name"] for joint in joints]
  for what, known in (
    ("joint", names),
    ("observation", [entry["name"] for entry in entries]),
  ):
    if twice := {name for name in known if known.count(name) > 1}:
      return f"has the {what} {_shown(min(twice))} twice"
  for joint in joints:
    if not joint["lower"] < joint["upper"]:
      return f"has {_shown(joint['name'])}: lower is not below upper"
    if not joint["lower"] <= joint["default"] <= joint["upper"]:
      return f"has {_shown(joint['name'])}: default is not within its limits"
  speeds, fall = contract["command"]["range"], contract["fall"]
  if len(speeds) != 2 or speeds[0] > speeds[1]:
    return f"has command.range {_shown(speeds)}, expected slowest and fastest"
  if not fall["min_height"] < fall["max_height"]:
    return "has fall.min_height not below fall.max_height"
  return _misplaced(entries, names) or _unfit_normalizer(contract)


def _misplaced(entries: Any, joints: list[str]) -> str:
  """What is wrong with the entries of the observation; or nothing."""
  unknown = [e["name"] for e in entries if e["name"] not in SIGNALS]
  if unknown:
    names = _shown(", ".join(unknown))
    return f"observes {names}, which this controller cannot compute"
  start = 0
  for entry in entries:
    name, labels = entry["name"], entry.get("labels")
    per_joint = name in _PER_JOINT
    size = len(joints) if per_joint else 3 if name in _VECTORS else 1
    if entry["size"] != size:
      return f"observes {entry['size']} numbers of {name}, which has {size}"
    if entry["start"] != start:
      return f"has {name} at {entry['start']}, expected at {start}"
    named = labels == joints if per_joint else len(labels or "") == size
    if labels and not named:
      return f"has labels of {name} that are not its {size} in order"
    start += size
  return ""


def _unfit_normalizer(contract: Mapping[str, Any]) -> str:
  """What is wrong with the lengths of the normaliser; or nothing."""
  size = sum(entry["size"] for entry in contract["observation"])
  normalizer = contract.get("normalizer") or {}
  for name in ("mean", "std"):
    values = normalizer.get(name)
    if values is not None and len(values) != size:
      return f"has a normalizer.{name} of {len(values)} numbers, not {size}"
  if (normalizer.get("mean") is None) != (normalizer.get("std") is None):
    return "has one of normalizer.mean and normalizer.std without the other"
  return ""


def _kind(value: Any) -> str:
  kinds = {dict: "an object", list: "a list", str: "a text", type(None): "null"}
  return kinds.get(type(value), _shown(value)) if value != [] else "no items"


def _shown(value: Any) -> str:
  """A value in a message: short, on one line."""
  if isinstance(value, int) and abs(value) > 1e60:
    return "a whole number of many digits"  # Python refuses to print some.
  try:
    text = " ".join(repr(value).split())
  except Exception:  # It may be anybody's object, or hold such a number.
    return f"a {type(value).__name__}"
  return text if len(text) <= 60 else text[:57] + "..."


def _check_end(ends: Any, name: str, size: int, path: Any) -> None:
  """Checks the network's only input or output against the contract."""
  try:
    found = [(end.name, end.type, list(end.shape)) for end in ends]
  except UnicodeDecodeError as error:
    raise ContractError(f"{path} is damaged: {error}") from error
  if [end[:2] for end in found] != [(name, "tensor(float)")]:
    raise ContractError(
      f"{path}: the network has {_shown(found)}, expected one tensor(float)"
      f" named {name!r}; export it again"
    )
  shape = found[0][2]
  # A name in place of a number is a size that is known when it runs.
  if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != size):
    verb = "takes" if name == "observation" else "gives"
    what = f"{shape[1]} numbers" if len(shape) == 2 else f"arrays {shape}"
    raise ContractError(
      f"{path}: the network {verb} {what}, its contract lists {size}; export"
      " it again"
    )


def _checked(
  name: str, value: Any, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, str]:
  """Numbers as float32, which rows are good, and what is wrong, if anything.

  What has not the shape is bad altogether, and comes back as zeros.
  """
  try:
    array = np.asarray(value)
    kind, found = array.dtype.kind, array.shape
  except (TypeError, ValueError):
    kind, found = "O", ()
  if kind not in "fiu":
    return _nothing(shape, f"{name} is {_shown(value)}, expected numbers")
  if found != shape:
    return _nothing(shape, f"{name} has shape {found}, expected {shape}")
  with np.errstate(over="ignore", invalid="ignore"):
    array = array.astype(np.float32)
    good, sizes = np.ones(shape[:-1], bool), np.abs(array)
    if not sizes.max(initial=0.0) <= _LARGEST:  # As it is with a NaN.
      good = np.asarray((sizes <= _LARGEST).all(-1))
    if name == "orientation":
      square = np.einsum("...i,...i", array, array)
      good &= np.abs(np.sqrt(square) - 1) <= _NORM_SLACK
  if good.all():
    return array, good, ""
  row = np.round(array[~good][0].astype(float), 3).tolist()
  return array, good, f"{name} is {row}, which cannot be"


def _nothing(
  shape: tuple[int, ...], fault: str
) -> tuple[np.ndarray, np.ndarray, str]:
  return np.zeros(shape, np.float32), np.zeros(shape[:-1], bool), fault


def _normalized(quaternion: np.ndarray) -> np.ndarray:
  """Unit quaternions; those that are as good as that stay bit for bit."""
  with np.errstate(all="ignore"):
    square = np.einsum("...i,...i", quaternion, quaternion)[..., None]
    off = np.abs(square - 1) > _NORM_EXACT
    if not off.any():
      return quaternion
    return np.where(off, quaternion / np.sqrt(square), quaternion)


def _told(name: str, value: Any, shape: tuple[int, ...]) -> Any:
  """What a caller asks for, as float32.

  Args:
    name: of it, in messages.
    value: numbers.
    shape: that they must broadcast to.

  Raises:
    ValueError: for what is no number, not finite, or of another shape.
  """
  try:
    given = np.asarray(value)
    if given.dtype.kind not in "fiubO":
      raise TypeError
    with np.errstate(over="ignore"):
      array = np.float32(given)
  except (TypeError, ValueError, OverflowError):
    raise ValueError(f"{name} is {_shown(value)}, expected numbers") from None
  if not np.isfinite(array).all():
    raise ValueError(f"{name} {_shown(value)} is not finite")
  if array.shape != shape:
    try:
      fits = np.broadcast_shapes(array.shape, shape) == shape
    except ValueError:
      fits = False
    if not fits:
      raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
  return array


def heading(orientation: np.ndarray) -> np.ndarray:
  """(...,) yaw [rad] of the x axis of an orientation (..., 4), wxyz."""
  w, x, y, z = np.moveaxis(np.asarray(orientation, np.float32), -1, 0)
  return np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def gravity(orientation: np.ndarray) -> np.ndarray:
  """(..., 3) the direction of down in the frame of an orientation, wxyz."""
  w, x, y, z = np.moveaxis(np.asarray(orientation, np.float32), -1, 0)
  up = [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]
  return -np.stack(up, axis=-1)
