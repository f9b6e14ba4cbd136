import importlib.resources
import pathlib
import shutil

import mujoco
import pytest

import wildrobot_playground
from wildrobot_playground.system import assets

SCENES = ("scene_flat_terrain.xml", "scene_rough_terrain.xml")


@pytest.mark.parametrize("scene", SCENES)
def test_scenes_are_where_assets_says(scene):
  assert (assets.xmls() / scene).is_file()


def test_shipped_dataset_is_where_assets_says():
  assert (assets.reference() / "wildrobot_walk.npz").is_file()


@pytest.mark.parametrize("scene", SCENES)
def test_scenes_need_no_other_file_than_those_of_xmls(scene, tmp_path):
  shutil.copytree(assets.xmls(), tmp_path / "xmls")
  mujoco.MjModel.from_xml_path(str(tmp_path / "xmls" / scene))
  assert {path.suffix for path in assets.xmls().iterdir()} == {".xml"}


def test_data_folders_hold_no_python():
  for folder in (assets.xmls(), assets.reference()):
    assert list(folder.rglob("*.py")) == []


def test_missing_folder_says_what_to_do(monkeypatch, tmp_path):
  monkeypatch.setattr(assets, "_PACKAGE", tmp_path / "package")
  with pytest.raises(FileNotFoundError, match=r"'xmls'.*reinstall"):
    assets.xmls()


def test_folders_inside_the_package_come_first(monkeypatch, tmp_path):
  """A wheel carries its own data, whatever lies beside it."""
  package = tmp_path / "package"
  (package / "xmls").mkdir(parents=True)
  (tmp_path / "xmls").mkdir()
  monkeypatch.setattr(assets, "_PACKAGE", package)
  assert assets.xmls() == package / "xmls"


def test_package_is_a_regular_one():
  """No stray copy of the data folders has made it a namespace package."""
  assert wildrobot_playground.__file__
  package = importlib.resources.files("wildrobot_playground")
  assert (package / "train.py").is_file()


def test_a_shipped_policy_has_its_name_and_nothing_else_is_one():
  assert assets.find_policy("walk") == assets.policies() / "walk"
  for name in (".", "..", "", "walk/brax", "/", "README.md", "none"):
    assert assets.find_policy(name) == pathlib.Path(name)
