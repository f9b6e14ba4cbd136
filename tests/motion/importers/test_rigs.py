"""One walk as ten makers would write it: the same joint angles come out."""

import functools

import numpy as np
import pytest

from tests.motion import rigs
from wildrobot_playground import robots
from wildrobot_playground.motion.importers import bvh
from wildrobot_playground.motion.retargeting import recording
from wildrobot_playground.robots.wildrobot_v2 import WILDROBOT_V2

_FAR = np.deg2rad(2.0)  # rms
_EDGE = 10  # frames at either end, where the recordings' smoothing differs


def _angles(motion):
  """(T, J) of v2, which has arms."""
  robot = robots.of(WILDROBOT_V2)
  return recording.follow(motion, "walk", robot, 0.3).qpos[:, 7:]


@functools.cache
def _original():
  return _angles(rigs.walk())


def _read(name, tmp_path):
  path = tmp_path / "walk.bvh"
  path.write_text(rigs.text(name))
  return bvh.load(path)


@pytest.mark.parametrize("name", rigs.RIGS)
def test_a_rig_gives_the_walk(tmp_path, name):
  motion = _read(name, tmp_path)
  assert motion.source["doubts"] == []
  original = rigs.walk()
  for point in ("left_knee", "right_ankle", "left_wrist", "right_elbow"):
    apart = motion.points[point] - motion.points["pelvis"]
    should = original.points[point] - original.points["pelvis"]
    np.testing.assert_allclose(apart, should, atol=0.015)
  error = (_angles(motion) - _original())[_EDGE:-_EDGE]
  assert np.sqrt(np.mean(error**2)) < _FAR
