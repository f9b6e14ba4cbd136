"""The BVH file format: a tree of joints, and their channels frame by frame.

Makers write it in many ways. What does no harm is read as it is: a byte order
mark, words in any case, names with spaces, frames over several lines, channels
of scale, one frame more or less than said. What is guessed is told.
"""

import dataclasses
import io
import re
from collections.abc import Collection, Iterator

import numpy as np

from wildrobot_playground.motion import human
from wildrobot_playground.motion.importers import limits
from wildrobot_playground.robots import rotations
from wildrobot_playground.system import echo

# By how they are written in small letters; scales are read and left out.
_CHANNELS = {
  f"{axis.lower()}{kind}": f"{axis}{kind}"
  for kind in ("position", "rotation", "scale")
  for axis in "XYZ"
}
_BOM = b"\xef\xbb\xbf"
_LARGEST_HEAD = 2**22  # bytes of the HIERARCHY
_WIDEST = 64  # bytes of one number in a frame


@dataclasses.dataclass(frozen=True)
class Recording:
  """A BVH file.

  Attributes:
    names: of the J joints, parents before their children; the ends of bones
      are joints without a name.
    parents: (J,) index of each joint's parent, -1 for the root.
    offsets: (J, 3) from the parent, in the file's unit.
    channels: of each joint, index in the frame's numbers by kind.
    kinds: of the C numbers of a frame, such as `Zrotation`.
    values: (T, C) numbers; rotations in degrees.
    fps: frames per second.
    notes: what was guessed, a line each.
  """

  names: tuple[str, ...]
  parents: tuple[int, ...]
  offsets: np.ndarray
  channels: tuple[tuple[int, ...], ...]
  kinds: tuple[str, ...]
  values: np.ndarray
  fps: float
  notes: tuple[str, ...] = ()

  def only(self, joints: Collection[int]) -> tuple["Recording", dict[int, int]]:
    """The recording of some joints and those above them.

    Returns:
      It, and the new indices of the joints by the old ones.
    """
    needed = set(joints)
    for joint in reversed(range(len(self.names))):
      if joint in needed and self.parents[joint] >= 0:
        needed.add(self.parents[joint])
    kept = sorted(needed)
    new = {joint: i for i, joint in enumerate(kept)}
    return dataclasses.replace(
      self,
      names=tuple(self.names[j] for j in kept),
      parents=tuple(new.get(self.parents[j], -1) for j in kept),
      offsets=self.offsets[kept],
      channels=tuple(self.channels[j] for j in kept),
    ), new

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
      elif kind == "rotation":
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
  begin = re.search(rb"^\s*MOTION\b", content, re.IGNORECASE | re.MULTILINE)
  head = content[: begin.start() if begin else 1]
  limits.check("bytes of HIERARCHY", len(head), _LARGEST_HEAD, where)
  text = head.removeprefix(_BOM).decode("utf-8", errors="replace")
  words = re.sub(r"([{}])", r" \1 ", text).split()
  if not words or words[0].upper() != "HIERARCHY" or begin is None:
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
  first_line = 1 + content.count(b"\n", 0, begin.end())
  motion = _Motion(first_line, len(tree.names), len(tree.kinds), where)
  values, fps = motion.read(content[begin.end() :])
  return Recording(
    names=tuple(tree.names),
    parents=tuple(tree.parents),
    offsets=np.array(tree.offsets),
    channels=tuple(map(tuple, tree.channels)),
    kinds=tuple(tree.kinds),
    values=values,
    fps=fps,
    notes=tuple(motion.notes),
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
    """Reads all joints; end sites give joints without names."""
    self._words = words[::-1]
    stack: list[int] = []
    while self._words:
      word = self._next()
      keyword = word.upper()
      if keyword in ("ROOT", "JOINT", "END"):
        named = self._name()
        self._add("" if keyword == "END" else named, stack[-1] if stack else -1)
        stack.append(len(self.names) - 1)
      elif word == "}" and stack:
        stack.pop()
      elif keyword == "OFFSET" and stack:
        self.offsets[stack[-1]] = [self._number() for _ in range(3)]
      elif keyword == "CHANNELS" and stack:
        self._read_channels(stack[-1])
      else:
        raise self._error(f"does not expect '{echo.short(word)}' here")
    if stack or not self.names:
      raise self._error("ends before its last '}'; the file is truncated")

  def _add(self, name: str, parent: int) -> None:
    limits.check("joints", len(self.names) + 1, limits.JOINTS, self.where)
    self.names.append(name.rpartition(":")[2].strip())
    self.parents.append(parent)
    self.offsets.append([0.0, 0.0, 0.0])
    self.channels.append([])

  def _read_channels(self, joint: int) -> None:
    count = self._number()
    if count not in range(len(_CHANNELS) + 1):
      raise self._error(
        f"has {count:g} channels, expected 0 to {len(_CHANNELS)}"
      )
    for _ in range(int(count)):
      word = self._next()
      kind = _CHANNELS.get(word.lower())
      known = [self.kinds[i] for i in self.channels[joint]]
      if kind is None or kind in known:
        raise self._error(
          f"has the channel '{echo.short(word)}', expected each once of"
          f" {', '.join(_CHANNELS.values())}"
        )
      self.channels[joint].append(len(self.kinds))
      self.kinds.append(kind)

  def _name(self) -> str:
    """The words up to the next '{', which is taken as well."""
    found = []
    while (word := self._next()) != "{":
      found.append(word)
    return " ".join(found)

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


class _Motion:
  """Reads the MOTION section, which begins in some line of the file."""

  def __init__(self, first_line: int, joints: int, width: int, where: str):
    self.notes: list[str] = []
    self._line = first_line
    self._joints, self._width, self._where = joints, width, where

  def read(self, text: bytes) -> tuple[np.ndarray, float]:
    """Values (T, C), C numbers a frame, and frames per second."""
    lines = self._lines(text)
    count, step = self._header(text, next(lines, b""), next(lines, b""))
    limits.check("frames", count, limits.FRAMES, self._where)
    limits.check(
      f"x {self._joints} frames x joints",
      count,
      limits.JOINT_FRAMES // self._joints,
      self._where,
    )
    # One frame more than it says it has may follow; a number and what parts
    # it from the next have two bytes.
    values = np.zeros((min(count + 1, len(text)), self._width))
    found, over = self._rows(lines, values)
    values = self._checked(values, count, found, over)
    if not np.all(np.abs(values) <= limits.FARTHEST):
      raise human.MotionError(
        f"{self._where}: MOTION has values that are not finite or beyond"
        f" {limits.FARTHEST:g}; export it again"
      )
    return values, 1.0 / step

  def _rows(
    self, lines: Iterator[bytes], values: np.ndarray
  ) -> tuple[int, int]:
    """Fills frames in; how many there are, and numbers after the last."""
    found, wrapped = 0, False
    begun: list[float] = []  # of a frame that goes on in the next line
    for line in lines:
      numbers = self._numbers(line)
      if len(begun) + len(numbers) > self._width:
        raise human.MotionError(
          f"{self._where}: line {self._line}: frame {found} has"
          f" {len(begun) + len(numbers)} numbers, expected {self._width}, one a"
          " channel"
        )
      begun += numbers
      if len(begun) < self._width:
        wrapped = True
        continue
      if found < len(values):
        values[found] = begun
      found, begun = found + 1, []
    if wrapped and found:
      self.notes.append("frames go over several lines")
    return found, len(begun)

  def _checked(
    self, values: np.ndarray, count: int, found: int, over: int
  ) -> np.ndarray:
    """The frames, where no more than one is missing, or too many."""
    if found == count and not over:
      return values[:found]
    cut = " and a part of one" if over else ""
    said = f"says it has {count} frames and has {found}{cut}"
    if abs(found - count) > 1 or not found:
      raise human.MotionError(
        f"{self._where}: {said}, expected the same; the file is truncated or"
        " damaged"
      )
    self.notes.append(said)
    return values[:found]

  def _lines(self, text: bytes) -> Iterator[bytes]:
    """Lines that are not blank, once each is known to be short."""
    most = (self._width + 2) * _WIDEST
    stream = io.BytesIO(text)
    while line := stream.readline(most + 1):
      limits.check("bytes in a line of MOTION", len(line), most, self._where)
      if line.strip():
        yield line
      self._line += 1

  def _header(
    self, text: bytes, first: bytes, second: bytes
  ) -> tuple[int, float]:
    """Number of frames, and seconds between them."""
    form = rb"\s*frames\s*:\s*(\S+)\s*$", rb"\s*frame\s*time\s*:\s*(\S+)\s*$"
    found = [
      re.match(pattern, line, re.IGNORECASE)
      for pattern, line in zip(form, (first, second), strict=True)
    ]
    try:
      count, step = (float(f.group(1)) if f else 0.0 for f in found)
    except ValueError:
      count, step = 0.0, 0.0
    if not (1 <= count < np.inf and count == int(count) and step > 0):
      begin = b" ".join(text[:600].split()[:6]).decode("utf-8", "replace")
      raise human.MotionError(
        f"{self._where}: MOTION begins with '{echo.short(begin)}', expected"
        " 'Frames: N' and 'Frame Time: SECONDS', both positive"
      )
    return int(count), step

  def _numbers(self, line: bytes) -> list[float]:
    """The numbers of a line."""
    try:
      return list(map(float, line.split()))
    except ValueError as error:
      raise human.MotionError(
        f"{self._where}: line {self._line}: {echo.short(error)}"
      ) from error
