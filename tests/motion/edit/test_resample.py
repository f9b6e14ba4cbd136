import numpy as np
import pytest

from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import filters
from wildrobot_playground.motion.edit import resample
from wildrobot_playground.motion.quality import gates


def test_the_same_rate_is_the_same_clip(human_clip, robot):
  assert resample.resample(human_clip, 50.0, robot) is human_clip


@pytest.mark.parametrize("fps", [25.0, 30.0, 60.0, 100.0, 120.0])
def test_speed_and_duration_stay(human_clip, recorded_clip, robot, fps):
  for clip in (human_clip, recorded_clip):
    again = resample.resample(clip, fps, robot)
    assert again.fps == fps
    assert again.num_frames / fps == pytest.approx(
      clip.num_frames / clip.fps, abs=1.5 / min(fps, 50)
    )
    assert gates.achieved_speed(again) == pytest.approx(
      gates.achieved_speed(clip), rel=0.03
    )


def test_twice_the_rate_keeps_every_frame(recorded_clip, robot):
  twice = resample.resample(recorded_clip, 100.0, robot)
  np.testing.assert_allclose(twice.qpos[::2], recorded_clip.qpos, atol=2e-6)


def test_a_cycle_still_closes(human_clip, robot):
  again = resample.resample(human_clip, 60.0, robot)
  assert again.cyclic
  assert gates.measure(again, robot)["seam"] < 0.01


def test_there_and_back_is_nearly_the_clip(recorded_clip, robot):
  there = resample.resample(recorded_clip, 200.0, robot)
  back = resample.resample(there, 50.0, robot)
  np.testing.assert_allclose(back.qpos, recorded_clip.qpos, atol=5e-6)
  assert gates.assess(back, robot).reasons == ()


@pytest.mark.parametrize("fps", [0.0, -50.0, float("nan"), 1e6])
def test_refuses_rates_that_are_none(human_clip, robot, fps):
  with pytest.raises(clip_lib.ClipError, match="expected 5 to 1000"):
    resample.resample(human_clip, fps, robot)


def test_refuses_more_frames_than_a_clip_may_have(
  human_clip, robot, monkeypatch
):
  monkeypatch.setattr(filters, "sample", None)  # Nothing is made.
  most = 3 * human_clip.num_frames
  monkeypatch.setattr(clip_lib, "MOST_FRAMES", most)
  with pytest.raises(clip_lib.ClipError, match=f"expected at most {most}; "):
    resample.resample(human_clip, 1000.0, robot)
