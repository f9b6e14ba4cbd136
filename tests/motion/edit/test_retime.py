import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import filters
from wildrobot_playground.motion.edit import retime
from wildrobot_playground.motion.quality import gates
from wildrobot_playground.motion.retargeting import recording


@pytest.fixture(scope="module")
def cycle(human_walk, robot):
  return recording.follow(human_walk, "cycle", robot, 0.3)


@pytest.mark.parametrize("speed", [0.15, 0.3, 0.45])
def test_both_ways_reach_the_speed(cycle, robot, speed):
  for method in (retime.plain, retime.froude):
    clip = method(cycle, speed, robot)
    assert gates.achieved_speed(clip) == pytest.approx(speed, rel=0.03)
    assert clip.cyclic


def test_plain_scaling_keeps_the_stride(cycle, robot):
  slow = retime.plain(cycle, 0.15, robot)
  assert slow.num_frames == 2 * cycle.num_frames
  np.testing.assert_allclose(slow.advance[0], cycle.advance[0], rtol=0.01)
  np.testing.assert_allclose(slow.joint_pos[::2], cycle.joint_pos, atol=2e-6)


def test_froude_scaling_shares_the_speed(cycle, robot):
  """Cadence takes 0.3 of the exponent, the stride the rest."""
  slow = retime.froude(cycle, 0.15, robot)
  stride = slow.advance[0] / cycle.advance[0]
  assert stride == pytest.approx(0.5**0.7, rel=0.05)
  cadence = cycle.num_frames / slow.num_frames
  assert cadence == pytest.approx(0.5**0.3, rel=0.05)


def test_froude_scaled_feet_do_not_slide(cycle, robot):
  for speed in (0.1, 0.2):
    clip = retime.froude(cycle, speed, robot)
    assert gates.assess(clip, robot).reasons == ()


def test_an_open_clip_is_scaled_too(recorded_clip, robot):
  clip = retime.froude(recorded_clip, 0.2, robot)
  assert not clip.cyclic
  assert gates.achieved_speed(clip) == pytest.approx(0.2, rel=0.03)


@pytest.mark.parametrize("method", [retime.plain, retime.froude])
def test_refuses_what_cannot_be_scaled(cycle, robot, method):
  still = dataclasses.replace(cycle, root_pos=cycle.root_pos * [0.0, 1, 1])
  with pytest.raises(clip_lib.ClipError, match="which no scaling brings"):
    method(still, 0.3, robot)
  with pytest.raises(clip_lib.ClipError, match="expected a positive"):
    method(cycle, 0.0, robot)


@pytest.mark.parametrize("speed", [1e-5, 1e-9, 1e-320, 100.0])
def test_speeds_that_leave_no_clip_are_refused_first(
  cycle, recorded_clip, robot, speed, monkeypatch
):
  monkeypatch.setattr(filters, "sample", None)  # Nothing is made.
  open_clip = dataclasses.replace(recorded_clip, **_first(recorded_clip, 50))
  for clip in (cycle, open_clip) if speed < 1 else (open_clip,):
    with pytest.raises(clip_lib.ClipError, match=r"would have .* frame"):
      retime.plain(clip, speed, robot)


def _first(clip, count):
  names = ("root_pos", "root_quat", "joint_pos", "foot_contacts")
  return {name: getattr(clip, name)[:count] for name in names}
