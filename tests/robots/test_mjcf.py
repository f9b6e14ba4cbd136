"""MJCF that would hang, fill the memory, or be judged with absurd numbers."""

import os
import time

import hypothesis
import mujoco
import pytest
from hypothesis import strategies as st

from wildrobot_playground.policy.controller import ContractError
from wildrobot_playground.policy.sim import plant
from wildrobot_playground.robots import mjcf
from wildrobot_playground.system import assets

_SCENE = assets.xmls() / "scene_flat_terrain.xml"


@pytest.fixture(scope="module")
def robot_xml():
  """Our robot as one MJCF."""
  spec = mujoco.MjSpec.from_file(str(_SCENE))
  spec.compile()
  return spec.to_xml()


def _refused(agreed, path, message):
  start = time.monotonic()
  with pytest.raises(ContractError, match=message) as caught:
    plant.load(agreed, path)
  assert time.monotonic() - start < 5
  return str(caught.value)


def test_ours_passes(agreed, robot_xml, tmp_path):
  mjcf.check_file(_SCENE)
  (tmp_path / "a.xml").write_text(robot_xml)
  plant.load(agreed, tmp_path / "a.xml")


@pytest.mark.parametrize(
  ("inside", "message"),
  [
    ('<option gravity="0 0 nan"/>', "gravity of option"),
    ('<option gravity="0 0 -1e30"/>', "option gravity is"),
    ('<size memory="100G"/>', "memory of size is 1.07374e\\+11"),
    ('<size nkey="1000000000"/>', "nkey of size"),
    (
      '<asset><hfield name="h" nrow="100000" ncol="100000" size="1 1 1 1"/>'
      "</asset>",
      "nrow x ncol of hfield is 1e\\+10",
    ),
    (
      '<worldbody><replicate count="10000"><replicate count="10000"><site/>'
      "</replicate></replicate></worldbody>",
      "elements with what it includes and repeats",
    ),
    (
      '<worldbody><flexcomp name="f" count="999 999 999"/></worldbody>',
      "elements with what it includes",
    ),
    (
      '<asset><mesh name="m" file="pipe.stl"/></asset>', "pipe.stl: is a pipe",
    ),
    ('<asset><mesh name="m" file="/dev/zero"/></asset>', "is a pipe, a socket"),
    ('<include file="pipe.stl"/>', "pipe.stl: is a pipe"),
    ('<include file="/dev/zero"/>', "/dev/zero: is a pipe"),
    ('<include file="robot.xml"/>', "already included"),
    (
      '<worldbody><body name="ball"><freejoint/>'
      '<geom size="1" mass="1e300"/></body></worldbody>',
      "mass of body 'ball' is 1e\\+300, expected 0 to 1000",
    ),
    (
      '<worldbody><body name="ball" pos="nan 0 0"/></worldbody>',
      "pos of body 'ball' is 'nan 0 0'",
    ),
    (
      '<actuator><position name="p" joint="waist_yaw" kp="NaN"/></actuator>',
      "kp of position 'p' is 'NaN'",
    ),
    (
      '<actuator><position name="p" joint="waist_yaw" kp="1e200"/></actuator>',
      "actuator 'p' is 1e\\+200",
    ),
    (
      '<worldbody><body name="b"><joint name="j" damping="1e99"/>'
      '<geom size=".1"/></body></worldbody>',
      "damping of joint 'j' is 1e\\+99",
    ),
    ("<!-- -->" * 2_000_000, "expected at most"),
    ("<worldbody>" * 300, "is no MJCF"),
  ],
)  # fmt: skip
def test_hostile_mjcf_is_one_line_soon(
  agreed, robot_xml, tmp_path, inside, message
):
  os.mkfifo(tmp_path / "pipe.stl")
  path = tmp_path / "robot.xml"
  path.write_text(robot_xml.replace("</mujoco>", f"{inside}</mujoco>"))
  assert len(_refused(agreed, path, message)) < 1000


def test_a_missing_or_odd_model_is_one_line(agreed, tmp_path):
  os.mkfifo(tmp_path / "pipe.xml")
  _refused(agreed, tmp_path / "pipe.xml", "is a pipe")
  _refused(agreed, tmp_path, "is a folder")
  (tmp_path / "a.xml").write_bytes(b"\x00\xff")
  _refused(agreed, tmp_path / "a.xml", "is no MJCF")
  (tmp_path / "b.xml").write_text("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
  _refused(agreed, tmp_path / "b.xml", "defines entities")


@pytest.mark.property
@hypothesis.given(data=st.data())
def test_a_robot_with_other_numbers_is_refused_or_finite(
  agreed, robot_xml, tmp_path, monkeypatch, data
):
  monkeypatch.chdir(tmp_path)
  parts = robot_xml.split('"')
  numeric = [
    i for i, part in enumerate(parts) if i % 2 and _is_numbers(part.split())
  ]
  place = data.draw(st.sampled_from(numeric))
  words = parts[place].split()
  words[data.draw(st.integers(0, len(words) - 1))] = data.draw(
    st.sampled_from(
      ("nan", "-nan", "inf", "-inf", "1e300", "-1e300", "0", "-1", "1e9", "x")
    )
  )
  parts[place] = " ".join(words)
  path = tmp_path / "robot.xml"
  path.write_text('"'.join(parts))
  try:
    found = plant.load(agreed, path)
  except ContractError as error:
    assert len(str(error)) < 1000
  else:
    mjcf.check_model(found.model, "the model")
  assert not (tmp_path / "MUJOCO_LOG.TXT").exists()


def _is_numbers(words):
  try:
    return bool([float(word) for word in words])
  except ValueError:
    return False
