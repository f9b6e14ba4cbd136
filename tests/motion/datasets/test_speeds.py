import pickle

import numpy as np
import pytest

from wildrobot_playground.motion import human
from wildrobot_playground.motion.datasets import build, speeds


def _amp(path, moving, total, raw=False):
  """A merged dataset of the original project."""
  rows = np.zeros((total, 29), np.float32)
  direction = np.array([0.6, -0.8, 0.0])
  rows[:moving, 18:21] = (0.3 if raw else 1.0) * direction
  rows[moving:, 18] = 0.05 if raw else 0.0
  content = {"features": rows, "dof_pos": rows[:, :9], "fps": 50.0}
  path.write_bytes(pickle.dumps(content))
  return path


@pytest.mark.parametrize(
  ("moving", "total"), [(634, 1000), (1268, 2000), (1, 3), (0, 7)]
)
def test_shares_are_those_of_norms_one_and_zero(tmp_path, moving, total):
  part = speeds.of_amp_pickle(_amp(tmp_path / "a.pkl", moving, total))
  record = speeds.record(part, 0.1, 0.6)
  assert record["moving"] == moving
  assert record["moving_share"] == moving / total
  assert record["stationary_share"] == (total - moving) / total
  assert record["mean"] is None


def test_raw_velocities_are_told_from_directions(tmp_path):
  path = _amp(tmp_path / "a.pkl", 30, 100, raw=True)
  record = speeds.record(speeds.of_amp_pickle(path), 0.1, 0.6)
  assert record["moving_share"] == 0.3
  assert record["mean"] == pytest.approx(0.3 * 0.3 + 0.7 * 0.05)


def test_a_clips_percentiles_are_of_its_forward_speed(human_clip):
  record = speeds.record(speeds.of_clip(human_clip), 0.25, 0.35)
  assert record["mean"] == pytest.approx(0.3, abs=2e-3)
  assert record["p5"] < record["p50"] < record["p95"]
  shares = record["below"] + record["in_range"] + record["above"]
  assert shares == pytest.approx(1.0)


@pytest.mark.parametrize("mode", ["direction", "raw", "soft_direction"])
def test_a_dataset_tells_the_same_as_its_clips(human_clip, mode):
  dataset = build.build([human_clip], mode)
  (part,) = speeds.of_dataset(dataset, "data.npz")
  assert part.name == "data/human"
  expected = speeds.record(speeds.of_clip(human_clip), 0.1, 0.6)
  found = speeds.record(part, 0.1, 0.6)
  assert found["moving_share"] == expected["moving_share"]
  assert (found["mean"] is None) == (mode != "raw")


def test_all_rows_are_counted_together(human_clip, generated_clip):
  parts = [speeds.of_clip(clip) for clip in (human_clip, generated_clip)]
  record = speeds.record(speeds.together(parts), 0.1, 0.6)
  assert record["rows"] == human_clip.num_frames + generated_clip.num_frames


def test_other_features_are_refused(tmp_path):
  content = {"features": np.zeros((4, 30)), "dof_pos": np.zeros((4, 9))}
  (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
  with pytest.raises(human.MotionError, match=r"expected \(N, 29\)"):
    speeds.of_amp_pickle(tmp_path / "a.pkl")


def test_the_plot_is_a_picture(tmp_path, human_clip):
  path = tmp_path / "plots" / "speeds.png"
  speeds.plot([speeds.of_clip(human_clip)], 0.1, 0.6, path)
  assert path.read_bytes().startswith(b"\x89PNG")
