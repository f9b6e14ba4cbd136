import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.edit import close_loop, trim
from wildrobot_playground.motion.quality import gates


def test_a_cycle_is_found_and_closed(recorded_clip, robot):
  looped = close_loop.close(recorded_clip, robot)
  assert looped.cyclic
  report = gates.assess(looped, robot)
  assert report.reasons == ()
  assert report.metrics["seam"] < 0.01
  assert looped.command[0] == pytest.approx(recorded_clip.command[0], rel=0.05)


def test_the_cycle_is_the_walks_own(recorded_clip, human_walk, robot):
  start, end = close_loop.find(recorded_clip)
  period = recorded_clip.num_frames / 6
  cycles = (end - start) / period
  assert cycles == pytest.approx(round(cycles), abs=0.03)


def test_refuses_what_has_no_cycle(recorded_clip, robot):
  short = trim.cut(recorded_clip, 0, 15)
  with pytest.raises(clip_lib.ClipError, match="no two frames"):
    close_loop.close(short, robot)
  lifting = recorded_clip.root_pos.copy()
  lifting[:, 2] += np.linspace(0, 0.4, recorded_clip.num_frames) ** 2
  lifting[:, 2] += 0.4 * np.arange(recorded_clip.num_frames) / 50
  with pytest.raises(clip_lib.ClipError, match="no two frames"):
    close_loop.find(dataclasses.replace(recorded_clip, root_pos=lifting))


def test_refuses_a_loop(human_clip, robot):
  with pytest.raises(clip_lib.ClipError, match="is a loop already"):
    close_loop.close(human_clip, robot)
