"""Outside of `robots/`, no code knows what one robot is like."""

import ast
import pathlib
import re

import pytest

import wildrobot_playground
from wildrobot_playground.robots import catalog

_PACKAGE = pathlib.Path(wildrobot_playground.__file__).parent
# Names of parts of our robots: joints, bodies, sites, geoms, keyframes.
_PARTS = re.compile(
  r"(left|right)_(hip|knee|ankle|toe|heel|shoulder|elbow|foot\b|thigh|shin)"
  r"|chest_imu|walk_ready|_plate\b"
)
# File to what it may say, and why.
_MAY = {
  # Bones of a human, as recordings call them.
  "motion/importers/bvh.py": ("left_hip", "left_knee", "left_ankle"),
}


def _sources() -> list[pathlib.Path]:
  found = sorted(_PACKAGE.rglob("*.py"))
  return [p for p in found if p.relative_to(_PACKAGE).parts[0] != "robots"]


def _name(path: pathlib.Path) -> str:
  return path.relative_to(_PACKAGE).as_posix()


def _texts(tree: ast.Module) -> list[str]:
  """All strings of a module but its docstrings."""
  docs = {
    id(node.body[0].value)
    for node in ast.walk(tree)
    if isinstance(
      node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    )
    and node.body
    and isinstance(node.body[0], ast.Expr)
  }
  return [
    node.value
    for node in ast.walk(tree)
    if isinstance(node, ast.Constant)
    and isinstance(node.value, str)
    and id(node) not in docs
  ]


def _tail_of_qpos(tree: ast.Module) -> list[str]:
  """Slices that take it for granted where the joints are in qpos or qvel."""
  return [
    ast.unparse(node)
    for node in ast.walk(tree)
    if isinstance(node, ast.Subscript)
    and re.search(r"\b(qpos|qvel)\b(\[\.\.\.|\[:)?", ast.unparse(node.value))
    and re.search(r"\b[67]:", ast.unparse(node.slice))
  ]


@pytest.mark.parametrize("path", _sources(), ids=_name)
def test_no_part_of_a_robot_is_named(path):
  found = {
    text
    for text in _texts(ast.parse(path.read_text("utf-8")))
    if _PARTS.search(text)
  }
  assert found <= set(_MAY.get(_name(path), ()))


@pytest.mark.parametrize("path", _sources(), ids=_name)
def test_joints_are_found_by_name_in_qpos(path):
  assert _tail_of_qpos(ast.parse(path.read_text("utf-8"))) == []


def test_the_checks_find_what_they_look_for():
  planted = ast.parse(
    'def f(data):\n  "left_hip"\n  return data.qpos[7:], x.qvel[..., 6:],'
    ' "left_hip_pitch"'
  )
  assert _tail_of_qpos(planted) == ["data.qpos[7:]", "x.qvel[..., 6:]"]
  assert _texts(planted) == ["left_hip_pitch"]
  names = [n for r in catalog.SHIPPED for n in r.joints]
  missed = [n for n in names if not _PARTS.search(n) and n != "waist_yaw"]
  assert missed == []
