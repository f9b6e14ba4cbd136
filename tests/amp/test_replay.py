import jax
import jax.numpy as jp
import numpy as np
import pytest

from wildrobot_playground.amp import replay

pytestmark = pytest.mark.usefixtures("no_rank_promotion")


def rows(first, count):
  """Rows (count, 2) that hold first, first + 1, ... in both columns."""
  return jp.repeat(
    jp.arange(first, first + count, dtype=jp.float32), 2
  ).reshape(count, 2)


def filled(*batches, capacity=6):
  buffer = replay.create(capacity, 2)
  for first, count in batches:
    buffer = replay.insert(buffer, rows(first, count))
  return buffer


def test_a_new_buffer_is_empty():
  buffer = replay.create(6, 2)
  assert buffer.data.shape == (6, 2)
  assert (int(buffer.position), int(buffer.count)) == (0, 0)


def test_rows_are_appended_until_it_is_full():
  buffer = filled((1, 2), (3, 3))
  assert (int(buffer.position), int(buffer.count)) == (5, 5)
  np.testing.assert_array_equal(buffer.data[:, 0], [1, 2, 3, 4, 5, 0])


def test_the_oldest_rows_are_overwritten():
  buffer = filled((1, 4), (5, 4))
  assert (int(buffer.position), int(buffer.count)) == (2, 6)
  np.testing.assert_array_equal(buffer.data[:, 0], [7, 8, 3, 4, 5, 6])


def test_a_batch_as_large_as_the_buffer_replaces_it():
  buffer = filled((1, 2), (11, 6))
  assert int(buffer.count) == 6
  assert set(np.asarray(buffer.data[:, 0])) == set(range(11, 17))


def test_an_empty_buffer_leaves_the_batch_as_it_is():
  fresh = rows(1, 8)
  mixed = replay.mix(replay.create(6, 2), fresh, jax.random.PRNGKey(0))
  np.testing.assert_array_equal(mixed, fresh)


def test_every_second_row_is_a_remembered_one():
  buffer, fresh = filled((1, 6)), rows(100, 200)
  mixed = replay.mix(buffer, fresh, jax.random.PRNGKey(0))
  np.testing.assert_array_equal(mixed[1::2], fresh[1::2])
  assert set(np.asarray(mixed[::2, 0])) == {1, 2, 3, 4, 5, 6}
  np.testing.assert_array_equal(mixed[:, 0], mixed[:, 1])


def test_places_that_are_not_filled_are_never_drawn():
  mixed = replay.mix(filled((1, 2)), rows(100, 200), jax.random.PRNGKey(0))
  assert set(np.asarray(mixed[::2, 0])) == {1, 2}
