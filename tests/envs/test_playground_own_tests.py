"""Playground's own tests, with this package imported."""

import pathlib

import mujoco_playground
import pytest
from mujoco_playground import dm_control_suite, locomotion

from tests import theirs
from tests.envs import menagerie
from wildrobot_playground.robots import catalog, playground

FOLDER = pathlib.Path(mujoco_playground.__file__).parent / "_src"
OURS = "import wildrobot_playground\nwildrobot_playground.register()\n"
IN_C = {
  'config_overrides={"impl": "jax"}': 'config_overrides={"impl": "mujoco"}'
}
# They do not load with this MuJoCo, on whatever engine.
BROKEN = ("ReacherEasy", "ReacherHard")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["registry_test.py", "wrapper_test.py"])
def test_registry_and_wrappers(tmp_path, name):
  assert theirs.run(FOLDER / name, tmp_path, {}, before=OURS) > 2


@pytest.mark.slow
def test_the_control_suite_in_c(tmp_path):
  names = set(dm_control_suite.ALL_ENVS) - set(BROKEN)
  file = FOLDER / "dm_control_suite" / "dm_control_suite_test.py"
  chosen = "not Reacher"
  assert theirs.run(file, tmp_path, IN_C, chosen, OURS) == len(names)


@pytest.mark.slow
def test_locomotion_in_c(tmp_path):
  """With the robots whose files are at hand."""
  menagerie.needed()
  names = [n for n in locomotion.ALL_ENVS if n not in catalog.environments()]
  there = [name for name in names if _is_there(name)]
  file = FOLDER / "locomotion" / "locomotion_test.py"
  chosen = " or ".join(f"test_can_create_{name}" for name in there)
  before = f"{OURS}{menagerie.told()}"
  assert theirs.run(file, tmp_path, IN_C, chosen, before) >= len(there) > 0


def _is_there(name):
  try:
    playground.load(name, {"impl": "jax"})
  except ValueError:
    return False
  return True
