"""MJCF from elsewhere: looked through before MuJoCo reads it, and judged after.

MuJoCo waits for pipes, multiplies what a file tells it to, and compiles numbers
that are none with a warning.
"""

import math
import os
import pathlib
import re
import warnings
from collections.abc import Iterator
from xml.etree import ElementTree

import mujoco
import numpy as np

from wildrobot_playground.system import echo, reading

_LARGEST = 2**23  # bytes of the MJCF files together
_LARGEST_ASSET = 2**26  # bytes of a mesh, height field or picture
_MOST_FILES = 100
_MOST_ELEMENTS = 20_000  # with what is multiplied
_MOST_POINTS = 4_000_000  # of a height field or texture
_LARGEST_MEMORY = 2**30  # bytes
_UNITS = {
  "k": 2**10,
  "m": 2**20,
  "g": 2**30,
  "t": 2**40,
  "p": 2**50,
  "e": 2**60,
}
_NAN = re.compile(r"[+-]?nan(\(.*\))?$", re.IGNORECASE)
_FOLDERS = ("meshdir", "texturedir", "assetdir")

# Array of the model, its attribute in MJCF, and the smallest and largest value
# that a robot has, in SI units.
_RANGES = (
  ("body_mass", "mass", 0.0, 1e3),
  ("body_inertia", "inertia", 0.0, 1e4),
  ("body_pos", "pos", -1e4, 1e4),
  ("body_ipos", "pos of the mass", -1e4, 1e4),
  ("geom_pos", "pos", -1e4, 1e4),
  ("site_pos", "pos", -1e4, 1e4),
  ("jnt_pos", "pos", -1e4, 1e4),
  ("geom_size", "size", 0.0, 1e4),
  ("geom_friction", "friction", 0.0, 1e3),
  ("jnt_range", "range", -1e4, 1e4),
  ("jnt_stiffness", "stiffness", 0.0, 1e6),
  ("dof_damping", "damping", 0.0, 1e4),
  ("dof_armature", "armature", 0.0, 1e3),
  ("dof_frictionloss", "frictionloss", 0.0, 1e4),
  ("actuator_gainprm", "gain (kp, gainprm)", -1e6, 1e6),
  ("actuator_biasprm", "bias (kp, kv, biasprm)", -1e6, 1e6),
  ("actuator_forcerange", "forcerange", -1e6, 1e6),
  ("actuator_ctrlrange", "ctrlrange", -1e6, 1e6),
  ("actuator_gear", "gear", -1e6, 1e6),
)
_OBJECTS = {
  "body": mujoco.mjtObj.mjOBJ_BODY,
  "geom": mujoco.mjtObj.mjOBJ_GEOM,
  "jnt": mujoco.mjtObj.mjOBJ_JOINT,
  "site": mujoco.mjtObj.mjOBJ_SITE,
  "actuator": mujoco.mjtObj.mjOBJ_ACTUATOR,
}
_WORDS = {"jnt": "joint", "dof": "joint"}


class ModelError(ValueError):
  """A model that cannot be used; the message is one line."""


def check_file(path: str | os.PathLike[str]) -> None:
  """Refuses an MJCF that would hang MuJoCo or fill the memory.

  What it includes and names is looked at as well; files anywhere may be, as
  MuJoCo shows nothing of them, but only regular ones of a bounded size.

  Raises:
    ModelError: in one line, naming the element.
  """
  path = pathlib.Path(path)
  waiting, seen, size, count = [path], {path}, 0, 0
  folders = {path.parent}
  named: list[str] = []
  while waiting:
    file = waiting.pop()
    content = reading.read(file, _LARGEST, ModelError)
    size += len(content)
    root = _parsed(content, file)
    count += _check_elements(root, file)
    _check_total("bytes of MJCF", size, _LARGEST, path)
    _check_total("elements", count, _MOST_ELEMENTS, path)
    _check_total("files", len(seen), _MOST_FILES, path)
    folders |= {path.parent / f for f in _attributes(root, _FOLDERS)}
    named += _attributes(root, ("file",))
    for inner in _attributes(root, ("file",), ("include", "model")):
      for found in {path.parent / inner, file.parent / inner} - seen:
        if found.exists():
          seen.add(found)
          waiting.append(found)
  for asset in named:
    for found in {folder / asset for folder in folders}:
      if found.exists():
        reading.check(found, _LARGEST_ASSET, ModelError)


def compiled(spec: mujoco.MjSpec, what: str) -> mujoco.MjModel:
  """The compiled model, once its numbers are a robot's.

  Raises:
    ModelError: when it does not compile, or as `check_model`.
  """
  try:
    with warnings.catch_warnings(record=True) as told:
      warnings.simplefilter("always")
      model = spec.compile()
  except ValueError as error:
    first = str(error).splitlines()[0]
    raise ModelError(f"{what} does not compile: {first}") from error
  check_model(model, what)
  for warning in told:  # Of a model that is refused, one line says enough.
    warnings.warn(str(warning.message), warning.category, stacklevel=2)
  return model


def check_model(model: mujoco.MjModel, what: str) -> None:
  """Refuses a compiled model with numbers that no robot has.

  Raises:
    ModelError: in one line, naming the body, joint or servo, and the
      attribute.
  """
  for name, attribute, low, high in _RANGES:
    array = getattr(model, name)
    wrong = (array < low) | (array > high)
    expected = f"{low:g} to {high:g}"
    _refuse(model, name, attribute, array, wrong, expected, what)
  # What MuJoCo derives comes last: its cause is more use.
  for name in dir(model):
    array = getattr(model, name) if not name.startswith("_") else None
    if isinstance(array, np.ndarray) and array.dtype.kind == "f":
      _refuse(model, name, name, array, ~np.isfinite(array), "a number", what)
  for name in ("gravity", "wind", "magnetic", "density", "viscosity"):
    value = np.abs(getattr(model.opt, name))
    if not np.all(value <= 1e3):
      raise ModelError(
        f"{what}: option {name} is {getattr(model.opt, name)}, expected at most"
        " 1000; correct the model"
      )
  mass = float(np.sum(model.body_mass))
  if not 0.1 <= mass <= 1e3:
    raise ModelError(
      f"{what}: the model weighs {mass:g} kg, expected 0.1 to 1000 kg; correct"
      " its masses or densities"
    )


def _refuse(
  model: mujoco.MjModel,
  name: str,
  attribute: str,
  array: np.ndarray,
  wrong: np.ndarray,
  expected: str,
  what: str,
) -> None:
  """Raises ModelError where any of the flags is set."""
  if not np.any(wrong):
    return
  place = np.argwhere(wrong)[0]
  kind = name.partition("_")[0]
  index = int(place[0])
  if kind == "dof":
    index = int(model.dof_jntid[index])
  object_type = _OBJECTS.get("jnt" if kind == "dof" else kind)
  called = object_type is not None and mujoco.mj_id2name(
    model, object_type, index
  )
  element = f"{_WORDS.get(kind, kind)} '{called or index}'"
  raise ModelError(
    f"{what}: {echo.short(attribute)} of {echo.short(element)} is"
    f" {array[tuple(place)]:g}, expected {expected}; correct the model"
  )


def _check_total(what: str, number: int, most: int, path: pathlib.Path) -> None:
  if number > most:
    raise ModelError(
      f"{path}: has {number} {what} with what it includes and repeats, expected"
      f" at most {most}; leave out what is not the robot"
    )


def _parsed(content: bytes, path: pathlib.Path) -> ElementTree.Element:
  if b"<!ENTITY" in content:
    raise ModelError(f"{path}: defines entities, expected a plain MJCF")
  try:
    return ElementTree.fromstring(content)
  except (ElementTree.ParseError, ValueError, LookupError) as error:
    raise ModelError(f"{path} is no MJCF: {echo.short(error, 200)}") from error


def _attributes(
  root: ElementTree.Element,
  names: tuple[str, ...],
  tags: tuple[str, ...] | None = None,
) -> list[str]:
  """Values of the named attributes, of elements with one of the tags."""
  return [
    element.attrib[name]
    for element in root.iter()
    for name in names
    if name in element.attrib and (tags is None or element.tag in tags)
  ]


def _check_elements(root: ElementTree.Element, path: pathlib.Path) -> int:
  """How many elements there are once all are multiplied, each checked."""
  total = 0
  for element, times in _multiplied(root):
    total += times
    _check_sizes(element, path)
    for name, value in element.attrib.items():
      if name != "name" and any(map(_NAN.match, value.split())):
        called = element.get("name") or element.get("joint") or ""
        raise ModelError(
          f"{path}: {echo.short(name)} of {echo.short(element.tag)}"
          f" '{echo.short(called)}' is '{echo.short(value)}', expected numbers;"
          " correct the model"
        )
  return total


def _multiplied(
  root: ElementTree.Element,
) -> Iterator[tuple[ElementTree.Element, int]]:
  """Every element, and how many of it there will be."""
  waiting = [(root, 1)]
  while waiting:
    element, times = waiting.pop()
    times *= max(1, int(min(_product(element.get("count", "1")), 1e15)))
    yield element, times
    waiting += [(child, times) for child in element]


def _check_sizes(element: ElementTree.Element, path: pathlib.Path) -> None:
  """Refuses memory that a model of a robot does not need."""
  sizes = {}
  if element.tag == "size":
    sizes = {
      f"{name} of size": (_product(value), 1e5)
      for name, value in element.attrib.items()
      if name != "memory"
    }
    sizes["memory of size"] = (_bytes(element), _LARGEST_MEMORY)
  for name, other in (("nrow", "ncol"), ("width", "height")):
    if element.tag in ("hfield", "texture") and name in element.attrib:
      points = _product(f"{element.get(name)} {element.get(other, '1')}")
      sizes[f"{name} x {other} of {element.tag}"] = (points, _MOST_POINTS)
  for what, (number, most) in sizes.items():
    if not number <= most:
      raise ModelError(
        f"{path}: {echo.short(what)} is {number:g}, expected at most {most:g};"
        " make it smaller"
      )


def _product(text: str) -> float:
  """The product of the numbers in a text; 1 of what is none."""
  try:
    return abs(math.prod(map(float, text.split())))
  except ValueError:  # MuJoCo says what is wrong with it.
    return 1.0


def _bytes(element: ElementTree.Element) -> float:
  """Bytes that a `size` asks for, such as 10M."""
  text = element.get("memory", "0").strip().lower()
  unit = _UNITS.get(text[-1:], 1)
  return _product(text.rstrip("kmgtpe")) * unit
