import pytest

from wildrobot_playground.runs.doctor import finding, versions

GOOD = {
  "jax": "0.9.2",
  "brax": "0.14.2",
  "mujoco": "3.17.0",
  "mujoco-mjx": "3.17.0",
  "playground": "0.2.0",
  "flax": "0.12.6",
}


def test_a_good_set_is_one_line():
  (found,) = versions.check(GOOD)
  assert found.verdict == finding.OK
  assert "jax 0.9.2" in found.detail


@pytest.mark.parametrize(
  ("change", "named"),
  [
    ({"jax": "0.10.0"}, "jax 0.10.0"),
    ({"jax": "1.0"}, "jax 1.0"),
    ({"mujoco-mjx": "3.16.0"}, "mujoco-mjx 3.16.0"),
    ({"playground": "0.1.0"}, "playground 0.1.0"),
    ({"playground": "0.3.0rc1"}, "playground 0.3.0rc1"),
    ({"brax": None}, "not installed: brax"),
  ],
)
def test_known_bad_pairs_fail_with_a_remedy(change, named):
  (found,) = versions.check({**GOOD, **change})
  assert found.verdict == finding.FAIL
  assert named in found.detail
  assert "install" in found.remedy


def test_a_newer_brax_may_have_a_newer_jax():
  (found,) = versions.check({**GOOD, "brax": "0.15.0", "jax": "0.10.1"})
  assert found.verdict == finding.OK


def test_every_problem_is_listed():
  bad = {**GOOD, "jax": "0.10.0", "mujoco": "3.18.0", "playground": "0.3.0"}
  assert len(versions.check(bad)) == 3
