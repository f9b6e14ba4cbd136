import jax
import numpy as np
import pytest

from wildrobot_playground.amp.hooks import Hooks
from wildrobot_playground.envs import presets as config_lib

STEPS = 80  # Of an iteration of `ppo_settings`.
SMALL = {
  "disc_hidden_layer_sizes": (16,),
  "disc_batch_size": 32,
  "disc_updates": 2,
}


@pytest.mark.slow
@pytest.mark.parametrize("preset", sorted(config_lib.PRESETS))
def test_the_prior_of_every_preset_trains(train, preset):
  changes = {**config_lib.PRESETS[preset].get("amp", {}), **SMALL}
  if changes.get("replay_size"):
    changes["replay_size"] = 64
  reports = []
  _, params, _ = train(
    3 * STEPS,
    amp_changes=changes,
    hooks=Hooks(metrics_fn=lambda steps, metrics: reports.append(metrics)),
  )
  assert len(reports) == 3
  for tree in (params, reports):
    assert all(np.all(np.isfinite(x)) for x in jax.tree.leaves(tree))
