import numpy as np
import pytest

from wildrobot_playground.motion.retargeting import unroll


def test_every_cycle_is_the_one_before_moved_on(human_walk):
  unrolled = unroll.unroll(human_walk, 3)
  frames = human_walk.num_frames - 1
  assert unrolled.num_frames == 3 * frames + 1
  for point in unrolled.points.values():
    np.testing.assert_allclose(
      point[frames:] - point[:-frames],
      np.tile(human_walk.advance, (2 * frames + 1, 1)),
      atol=1e-9,
    )


def test_orientations_stay_rotations(human_walk):
  mat = unroll.unroll(human_walk, 2).pelvis_mat
  np.testing.assert_allclose(
    mat @ mat.swapaxes(1, 2), np.tile(np.eye(3), (len(mat), 1, 1)), atol=1e-12
  )
  assert np.linalg.det(mat) == pytest.approx(1.0)


def test_the_motion_is_kept_up_to_what_did_not_close(human_walk):
  unrolled = unroll.unroll(human_walk, 1)
  for name, point in human_walk.points.items():
    gap = np.linalg.norm(point[-1] - point[0] - human_walk.advance)
    error = np.linalg.norm(unrolled.points[name] - point, axis=1)
    assert np.max(error) < gap + 0.02
