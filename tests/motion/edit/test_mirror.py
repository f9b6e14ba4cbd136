import numpy as np
import pytest

from wildrobot_playground.motion.edit import mirror


@pytest.mark.parametrize("fixture", ["human_clip", "generated_clip"])
def test_mirror_twice_is_the_clip(fixture, request, robot):
  clip = request.getfixturevalue(fixture)
  twice = mirror.mirror(mirror.mirror(clip, robot), robot)
  np.testing.assert_array_equal(twice.qpos, clip.qpos)
  np.testing.assert_array_equal(twice.foot_contacts, clip.foot_contacts)
  assert twice.name == clip.name


def test_mirrored_feet_are_where_the_mirror_puts_them(human_clip, robot):
  mirrored = mirror.mirror(human_clip, robot)
  plates = robot.sole.corners(human_clip.qpos).mean(axis=2)
  image = robot.sole.corners(mirrored.qpos).mean(axis=2)
  expected = plates[:, [2, 3, 0, 1]] * [1, -1, 1]
  np.testing.assert_allclose(image, expected, atol=1e-6)
  contacts = robot.sole.contacts(mirrored.qpos)
  np.testing.assert_array_equal(contacts, mirrored.foot_contacts)
