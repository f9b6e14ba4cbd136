import jax
import jax.numpy as jp
import numpy as np
import pytest
from brax.training import types

from wildrobot_playground import features
from wildrobot_playground.amp import history, learner, prior
from wildrobot_playground.features import dataset as dataset_lib

KEY = jax.random.key(0)
SCALE = 0.1


@pytest.fixture(scope="module")
def make(amp, reference):
  """Makes a prior of the small reference; keywords change the config."""

  def make_prior(**changes):
    return prior.make_prior(amp(**changes), reference, SCALE)

  return make_prior


@pytest.fixture(scope="module")
def windows(reference):
  """(4, 50, 29) policy windows, half as fast as the reference."""
  rows = reference.features[:200] * 0.5
  return jp.asarray(rows).reshape(4, 50, 29)


TASK = jp.linspace(0.0, 0.2, 200).reshape(4, 50)
OPEN = jp.ones((4, 50))


def test_reward_mixes_the_task_with_the_scaled_style(make, windows):
  one = make(weight=0.3, mixing="share")
  state = one.init(KEY)
  style = one.discriminator.style_reward(state.discriminator, windows)
  found, _ = one.reward(state, TASK, windows, OPEN)
  np.testing.assert_allclose(found, 0.7 * TASK + 0.3 * SCALE * style, rtol=1e-5)


def test_where_the_gate_is_closed_the_task_stands_alone(make, windows):
  one = make(weight=0.5)
  gate = (jp.arange(200) % 3 == 0).astype(jp.float32).reshape(4, 50)
  found, _ = one.reward(one.init(KEY), TASK, windows, gate)
  closed = gate == 0
  np.testing.assert_array_equal(found[closed], TASK[closed])
  assert np.all(found[~closed] != TASK[~closed])


def test_reward_metrics_are_those_of_gated_steps(make, windows):
  one = make()
  state = one.init(KEY)
  gate = OPEN.at[:2].set(0.0)
  _, metrics = one.reward(state, TASK, windows, gate)
  style = one.discriminator.style_reward(state.discriminator, windows[2:])
  assert metrics["style_reward"] == pytest.approx(
    float(jp.mean(style)), rel=1e-5
  )
  assert metrics["style_reward_std"] == pytest.approx(
    float(jp.std(style)), rel=1e-3
  )
  assert metrics["task_reward"] == pytest.approx(float(jp.mean(TASK)), rel=1e-5)


def test_no_gated_step_is_no_reason_to_divide_by_zero(make, windows):
  one = make()
  state = one.init(KEY)
  found, metrics = one.reward(state, TASK, windows, 0 * OPEN)
  np.testing.assert_array_equal(found, TASK)
  assert metrics["style_reward"] == metrics["style_reward_std"] == 0
  rows = windows.reshape(-1, 29)
  state, metrics = one.update(state, rows, jp.zeros(200), KEY)
  for leaf in jax.tree.leaves((state, metrics)):
    assert np.all(np.isfinite(leaf))


def test_style_is_paid_by_the_discriminator_before_its_update(make, windows):
  one = make(weight=1.0, disc_lr=0.1)
  state = one.init(KEY)
  data = types.Transition(
    observation=jp.zeros((4, 50, 1)),
    action=jp.zeros((4, 50, 1)),
    reward=TASK,
    discount=OPEN,
    next_observation=jp.zeros((4, 50, 1)),
    extras={"state_extras": {history.WINDOW_KEY: windows}},
  )
  # `_imitate` averages over the devices' axis, as in training.
  with_axis = jax.vmap(
    lambda key: learner._imitate(one, state, data, key),
    axis_name=learner.AXIS_NAME,
  )
  paid, after, _ = jax.tree.map(lambda x: x[0], with_axis(KEY[None]))
  before, _ = one.reward(state, TASK, windows, OPEN)
  np.testing.assert_allclose(paid.reward, before, atol=1e-6)
  later, _ = one.reward(after, TASK, windows, OPEN)
  assert np.max(np.abs(later - before)) > 1e-4


def params(state):
  return np.concatenate(
    [np.ravel(x) for x in jax.tree.leaves(state.discriminator.variables)]
  )


def test_replay_counts_from_the_second_update_on(make, windows):
  rows, gate = windows.reshape(-1, 29), jp.ones(200)
  plain, replaying = make(), make(replay_size=100)
  one, two = plain.init(KEY), replaying.init(KEY)
  assert one.replay is None
  one, _ = plain.update(one, rows, gate, KEY)
  two, _ = replaying.update(two, rows, gate, KEY)
  np.testing.assert_array_equal(params(one), params(two))
  assert two.replay.count == 64  # Two updates of 32 windows.
  later = jax.random.fold_in(KEY, 1)
  one, _ = plain.update(one, rows + 1.0, gate, later)
  two, _ = replaying.update(two, rows + 1.0, gate, later)
  assert np.max(np.abs(params(one) - params(two))) > 1e-6
  assert two.replay.count == 100


def test_replay_remembers_windows_of_the_policy(make, windows):
  one = make(replay_size=100)
  rows = windows.reshape(-1, 29)
  state, _ = one.update(one.init(KEY), rows, jp.ones(200), KEY)
  remembered = np.asarray(state.replay.data[: int(state.replay.count)])
  known = {row.tobytes() for row in np.asarray(rows)}
  assert all(row.tobytes() in known for row in remembered)


def test_a_buffer_smaller_than_a_batch_is_filled(make, windows):
  one = make(replay_size=10)
  state, _ = one.update(
    one.init(KEY), windows.reshape(-1, 29), jp.ones(200), KEY
  )
  assert state.replay.count == 10


def test_only_gated_windows_are_trained_on(make, windows):
  rows = jp.concatenate([windows.reshape(-1, 29), jp.full((200, 29), 1e6)])
  gate = jp.concatenate([jp.ones(200), jp.zeros(200)])
  one = make(disc_updates=8, disc_penalty_type="r1_both")
  _, metrics = one.update(one.init(KEY), rows, gate, KEY)
  for name, value in metrics.items():
    assert np.all(np.abs(value) < 100), name


def test_real_windows_are_sampled_by_weight(amp, reference):
  # All the weight on rows of a clip that is far from the policy's windows.
  weights = np.zeros(400)
  weights[300:] = 1 / 100
  features = np.array(reference.features)
  features[:300] = 1e6
  changed = dataset_lib.ReferenceDataset(
    **{
      **vars(reference),
      "weights": weights,
      "features": features,
    }
  )
  one = prior.make_prior(amp(), changed, SCALE)
  rows = jp.asarray(reference.features[:200])
  _, metrics = one.update(one.init(KEY), rows, jp.ones(200), KEY)
  assert np.abs(metrics["disc_real_mean"]) < 100


def test_style_distance_is_zero_at_the_reference_and_grows_with_a_shift(
  make, reference
):
  one = make(disc_updates=1)
  state = one.init(KEY)
  # Rows that are as likely as the reference's weights make them.
  index = np.random.default_rng(0).choice(400, 4000, p=reference.weights)
  rows = jp.asarray(reference.features[index])
  std = jp.asarray(reference.std)
  for shift, expected in ((0.0, 0.0), (1.0, 1.0), (-2.0, 2.0)):
    _, metrics = one.update(state, rows + shift * std, jp.ones(4000), KEY)
    assert metrics["style_distance"] == pytest.approx(expected, abs=0.02)


def test_style_distance_looks_at_the_newest_row_of_a_window(make, reference):
  one = make(history=3, disc_updates=1)
  index = np.random.default_rng(0).choice(400, 4000, p=reference.weights)
  newest = jp.asarray(reference.features[index])
  rows = jp.concatenate([newest + 9.0, newest - 9.0, newest], axis=-1)
  _, metrics = one.update(one.init(KEY), rows, jp.ones(4000), KEY)
  assert metrics["style_distance"] == pytest.approx(0.0, abs=0.02)


def test_the_normaliser_is_the_references_for_every_row_of_a_window(
  make, reference
):
  one = make(history=3)
  np.testing.assert_allclose(one.discriminator.mean, np.tile(reference.mean, 3))
  np.testing.assert_allclose(one.discriminator.std, np.tile(reference.std, 3))
  assert one.windows.shape == (400 - 2 * 2, 3 * 29)
  assert one.cumulative[-1] == 1.0


def test_metrics_of_an_update(make, windows):
  one = make()
  _, metrics = one.update(
    one.init(KEY), windows.reshape(-1, 29), jp.ones(200), KEY
  )
  assert metrics.pop("skipped").shape == (2,)
  aucs = {f"auc/{name}" for name in features.WILDROBOT.names}
  assert set(metrics) == aucs | {
    "disc_loss",
    "disc_penalty",
    "disc_acc",
    "disc_real_mean",
    "disc_real_std",
    "disc_fake_mean",
    "disc_fake_std",
    "style_distance",
  }
  assert all(value.shape == () for value in metrics.values())


def test_an_unknown_mixing_is_named_with_the_known_ones(make):
  with pytest.raises(ValueError, match="'blend' is unknown") as caught:
    make(mixing="blend")
  for name in ("share", "sum", "lerp"):
    assert name in str(caught.value)


def test_a_history_longer_than_the_clips_is_refused(make):
  with pytest.raises(dataset_lib.DatasetError, match="longest clip has 300"):
    make(history=301)
