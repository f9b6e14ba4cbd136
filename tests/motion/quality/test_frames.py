import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion.quality import frames, gates
from wildrobot_playground.robots import rotations


def _changed(clip, **arrays):
  return dataclasses.replace(clip, **arrays)


def _reasons(clip, robot):
  return {stretch.reason for stretch in frames.stretches(clip, robot)}


def test_a_good_clip_has_no_bad_frames(recorded_clip, robot):
  assert frames.stretches(recorded_clip, robot) == []


def test_sunken_frames_are_named(recorded_clip, robot):
  pos = recorded_clip.root_pos.copy()
  pos[40:50, 2] -= 0.02
  found = frames.stretches(_changed(recorded_clip, root_pos=pos), robot)
  sunken = [s for s in found if s.reason == "soles are in the ground"]
  assert [(s.start, s.end) for s in sunken] == [(40, 50)]


def test_flying_frames_are_named(recorded_clip, robot):
  contacts = recorded_clip.foot_contacts.copy()
  contacts[10:14] = 0
  found = frames.stretches(
    _changed(recorded_clip, foot_contacts=contacts), robot
  )
  assert str(found[0]) == "frames 10-13: no foot is down"


def test_unreached_frames_are_named(recorded_clip, robot):
  error = list(recorded_clip.meta["frame_error"])
  error[30:33] = [9.0, 9.0, 9.0]
  meta = {**recorded_clip.meta, "frame_error": error}
  found = frames.stretches(_changed(recorded_clip, meta=meta), robot)
  assert [(s.start, s.end, s.reason) for s in found] == [
    (30, 33, "the legs do not reach")
  ]


def test_sliding_and_turning_are_told_apart(recorded_clip, robot):
  """Carried sideways feet slide; spun around they twist."""
  time = np.arange(recorded_clip.num_frames) / recorded_clip.fps
  aside = recorded_clip.root_pos + 0.2 * time[:, None] * [0.0, 1.0, 0.0]
  carried = _changed(recorded_clip, root_pos=aside)
  assert _reasons(carried, robot) == {"standing feet slide"}
  half = time / 2
  spin = np.stack([np.cos(half), 0 * half, 0 * half, np.sin(half)], axis=-1)
  quat = rotations.multiply(spin, recorded_clip.root_quat)
  spun = _changed(
    recorded_clip,
    root_quat=quat,
    root_pos=recorded_clip.root_pos * [0.0, 0.0, 1.0],
  )
  assert "feet twist on the ground as the walk turns" in _reasons(spun, robot)
  rate = frames.measure(spun, robot)["yaw_rate"]
  np.testing.assert_allclose(rate[1:], 1.0, atol=0.06)


def test_frame_metrics_agree_with_the_clips(recorded_clip, robot):
  values = frames.measure(recorded_clip, robot)
  metrics = gates.measure(recorded_clip, robot)
  assert np.max(values["joint_speed"]) == pytest.approx(
    metrics["joint_speed"], rel=1e-5
  )
  assert np.sum(values["slide"]) / np.sum(values["standing"]) == pytest.approx(
    metrics["stance_slide_mean"], rel=1e-5
  )
  assert np.max(values["penetration"]) == pytest.approx(
    metrics["penetration"], rel=1e-4
  )
