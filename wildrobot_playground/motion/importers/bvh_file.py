"""The BVH file format: a tree of joints, and their channels frame by frame."""

import dataclasses
import io
from collections.abc import Iterator

import numpy as np

from wildrobot_playground.motion import human
from wildrobot_playground.motion.importers import limits
from wildrobot_playground.robots import rotations
from wildrobot_playground.system import echo

_CHANNELS = tuple(
  f"{axis}{kind}" for kind in ("position", "rotation") for axis in "XYZ"
)
_LARGEST_HEAD = 2**22  # bytes of the HIERARCHY
_WIDEST = 64  # bytes of one number in a frame


@dataclasses.dataclass(frozen=True)
class Recording:
  """A BVH file.

  Attributes:
    names: of the J joints, parents before their children.
    parents: (J,) index of each joint's parent, -1 for the root.
    offsets: (J, 3) from the parent, in the file's unit.
    channels: of each joint, index in the frame's numbers by kind.
    kinds: of the C numbers of a frame, such as `Zrotation`.
    values: (T, C) numbers; rotations in degrees.
    fps: frames per second.
  """

  names: tuple[str, ...]
  parents: tuple[int, ...]
  offsets: np.ndarray
  channels: tuple[tuple[int, ...], ...]
  kinds: tuple[str, ...]
  values: np.ndarray
  fps: float

  def index(self, name: str) -> int:
    """Index of a joint."""
    return self.names.index(name)

  def forward_kinematics(self) -> tuple[np.ndarray, np.ndarray]:
    """Places (T, J, 3) and rotations (T, J, 3, 3) in the file's world.

    A joint's rotations are about its own axes, in the order of its channels;
    positions take the place of its offset.
    """
    count = len(self.values)
    places = np.zeros((count, len(self.names), 3))
    mats = np.zeros((count, len(self.names), 3, 3))
    for j, parent in enumerate(self.parents):
      offset, turn = self._local(j)
      if parent < 0:
        places[:, j], mats[:, j] = offset, turn
        continue
      carried = np.einsum("tij,tj->ti", mats[:, parent], offset)
      places[:, j] = places[:, parent] + carried
      mats[:, j] = mats[:, parent] @ turn
    return places, mats

  def _local(self, joint: int) -> tuple[np.ndarray, np.ndarray]:
    """A joint's offset (T, 3) and rotation (T, 3, 3) in its parent."""
    offset = np.tile(self.offsets[joint], (len(self.values), 1))
    turn = np.tile(np.eye(3), (len(self.values), 1, 1))
    for column in self.channels[joint]:
      axis, kind = self.kinds[column][0], self.kinds[column][1:]
      values = self.values[:, column]
      if kind == "position":
        offset[:, "XYZ".index(axis)] = values
      else:
        turn = turn @ rotations.about(axis.lower(), np.deg2rad(values))
    return offset, turn


def parse(content: bytes, where: str) -> Recording:
  """Reads a BVH file.

  Args:
    content: of the file.
    where: its name, for messages.

  Raises:
    MotionError: for another format, or a damaged file.
  """
  head, found, tail = content.partition(b"MOTION")
  limits.check("bytes of HIERARCHY", len(head), _LARGEST_HEAD, where)
  words = head.decode("utf-8", errors="replace").split()
  if not words or words[0] != "HIERARCHY" or not found:
    raise human.MotionError(
      f"{where}: not a BVH file, expected HIERARCHY and MOTION"
    )
  tree = _Tree(where)
  tree.read(words[1:])
  if not any("rotation" in kind for kind in tree.kinds):
    raise human.MotionError(
      f"{where}: no joint has a channel of rotation, expected some; export the"
      " rotations of the joints"
    )
  values, fps = _motion(tail, len(tree.names), len(tree.kinds), where)
  return Recording(
    names=tuple(tree.names),
    parents=tuple(tree.parents),
    offsets=np.array(tree.offsets),
    channels=tuple(map(tuple, tree.channels)),
    kinds=tuple(tree.kinds),
    values=values,
    fps=fps,
  )


class _Tree:
  """Collects the joints of a HIERARCHY, word by word."""

  def __init__(self, where: str):
    self.where = where
    self.names: list[str] = []
    self.parents: list[int] = []
    self.offsets: list[list[float]] = []
    self.channels: list[list[int]] = []
    self.kinds: list[str] = []
    self._words: list[str] = []

  def read(self, words: list[str]) -> None:
    """Reads all joints; end sites give no joint."""
    self._words = words[::-1]
    stack: list[int] = []  # -2 for an end site
    upcoming = -1
    while self._words:
      word = self._next()
      if word in ("ROOT", "JOINT"):
        self._add(self._next(), stack[-1] if stack else -1)
        upcoming = len(self.names) - 1
      elif word == "End":
        self._next()
        upcoming = -2
      elif word == "{":
        stack.append(upcoming)
      elif word == "}" and stack:
        stack.pop()
      elif word == "OFFSET" and stack:
        numbers = [self._number() for _ in range(3)]
        if stack[-1] >= 0:
          self.offsets[stack[-1]] = numbers
      elif word == "CHANNELS" and stack and stack[-1] >= 0:
        self._read_channels(stack[-1])
      else:
        raise self._error(f"does not expect '{echo.short(word)}' here")
    if stack or not self.names:
      raise self._error("ends before its last '}'; the file is truncated")

  def _add(self, name: str, parent: int) -> None:
    limits.check("joints", len(self.names) + 1, limits.JOINTS, self.where)
    self.names.append(name.rpartition(":")[2])
    self.parents.append(parent)
    self.offsets.append([0.0, 0.0, 0.0])
    self.channels.append([])

  def _read_channels(self, joint: int) -> None:
    count = self._number()
    if count not in range(len(_CHANNELS) + 1):
      raise self._error(f"has {count:g} channels, expected 0 to 6")
    for _ in range(int(count)):
      kind = self._next()
      known = [self.kinds[i] for i in self.channels[joint]]
      if kind not in _CHANNELS or kind in known:
        raise self._error(
          f"has the channel '{echo.short(kind)}', expected each once of"
          f" {', '.join(_CHANNELS)}"
        )
      self.channels[joint].append(len(self.kinds))
      self.kinds.append(kind)

  def _next(self) -> str:
    if not self._words:
      raise self._error("ends early; the file is truncated")
    return self._words.pop()

  def _number(self) -> float:
    word = self._next()
    try:
      number = float(word)
    except ValueError:
      number = float("nan")
    if not abs(number) <= limits.FARTHEST:
      raise self._error(
        f"has '{echo.short(word)}', expected a number of at most"
        f" {limits.FARTHEST:g}"
      )
    return number

  def _error(self, what: str) -> human.MotionError:
    near = f" near joint '{echo.short(self.names[-1])}'" if self.names else ""
    return human.MotionError(f"{self.where}: HIERARCHY {what}{near}")


def _motion(
  text: bytes, joints: int, width: int, where: str
) -> tuple[np.ndarray, float]:
  """The MOTION section: values (T, C) and frames per second."""
  lines = _lines(text, (width + 2) * _WIDEST, where)
  count, step = _header(text, next(lines, b""), next(lines, b""), where)
  limits.check("frames", count, limits.FRAMES, where)
  limits.check(
    f"x {joints} frames x joints", count, limits.JOINT_FRAMES // joints, where
  )
  # A number and what parts it from the next have two bytes.
  values = np.zeros((min(count, len(text)), width))
  found = 0
  for line in lines:
    if found < count:
      values[found] = _row(line, found, width, where)
    found += 1
  if found != count:
    raise human.MotionError(
      f"{where}: says it has {count} frames and has {found}, expected the"
      " same; the file is truncated or damaged"
    )
  if not np.all(np.abs(values) <= limits.FARTHEST):
    raise human.MotionError(
      f"{where}: MOTION has values that are not finite or beyond"
      f" {limits.FARTHEST:g}; export it again"
    )
  return values, 1.0 / step


def _lines(text: bytes, most: int, where: str) -> Iterator[bytes]:
  """Lines that are not blank, once each is known to be short."""
  stream = io.BytesIO(text)
  while line := stream.readline(most + 1):
    limits.check("bytes in a line of MOTION", len(line), most, where)
    if line.strip():
      yield line


def _header(
  text: bytes, first: bytes, second: bytes, where: str
) -> tuple[int, float]:
  """Number of frames, and seconds between them."""
  try:
    count, step = int(first.split()[-1]), float(second.split()[-1])
    labels = first.split()[0], b" ".join(second.split()[:2])
  except (IndexError, ValueError):
    labels, count, step = (b"", b""), 0, 0.0
  if labels != (b"Frames:", b"Frame Time:") or count < 1 or not step > 0:
    begin = b" ".join(text[:600].split()[:6]).decode("utf-8", errors="replace")
    raise human.MotionError(
      f"{where}: MOTION begins with '{echo.short(begin)}', expected 'Frames: N'"
      " and 'Frame Time: SECONDS', both positive"
    )
  return count, step


def _row(line: bytes, index: int, width: int, where: str) -> list[float]:
  """The numbers of a frame."""
  row = line.split()
  if len(row) != width:
    raise human.MotionError(
      f"{where}: frame {index} has {len(row)} numbers, expected {width}, one a"
      " channel"
    )
  try:
    return list(map(float, row))
  except ValueError as error:
    raise human.MotionError(
      f"{where}: MOTION: frame {index}: {echo.short(error)}"
    ) from error
