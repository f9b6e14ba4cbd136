"""A policy on another MJCF of its robot: turned frames, another order."""

import numpy as np
import pytest

from tests.policy.sim import turned
from wildrobot_playground import robots
from wildrobot_playground.policy.sim import plant, sim_to_sim
from wildrobot_playground.robots import catalog
from wildrobot_playground.system import assets


@pytest.mark.parametrize(
  ("name", "shipped"), [("wildrobot", "walk"), ("wildrobot_v2", "walk_v2")]
)
def test_a_policy_walks_as_well_on_a_turned_model(name, shipped, tmp_path):
  robot = robots.of(catalog.find(name))
  model = turned.write(robot, tmp_path / "turned.xml")
  policy = sim_to_sim.load(assets.find_policy(shipped))
  other = plant.load(policy.controller.contract, model)
  assert not np.allclose(other.model.body_quat[2:], [1, 0, 0, 0])
  assert list(other.joints) != sorted(other.joints)
  ours, theirs = (
    sim_to_sim.evaluate(policy, path, [0.0, 0.4], 8, 5.0).rows
    for path in (None, str(model))
  )
  for row, again in zip(ours, theirs, strict=True):
    assert row["falls"] == again["falls"] == 0
    for figure, noise in (
      ("speed", 0.02),
      ("torque_rms", 0.1),
      ("style_distance", 0.05),
    ):
      assert again[figure] == pytest.approx(row[figure], abs=noise), figure
