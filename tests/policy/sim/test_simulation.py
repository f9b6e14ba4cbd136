"""Every condition changes what it says, and only that."""

import numpy as np
import pytest

from wildrobot_playground.policy.metrics import measures
from wildrobot_playground.policy.sim import plant, sim_episodes
from wildrobot_playground.policy.sim.conditions import Conditions
from wildrobot_playground.policy.sim.simulation import Simulation


def _default(agreed, size=1):
  pose = np.array([j["default"] for j in agreed["joints"]], np.float32)
  return np.tile(pose, (size, 1))


@pytest.fixture
def make(agreed):
  def make(size=4, **changes):
    conditions = Conditions(**changes)
    robot = plant.load(agreed, backlash=conditions.backlash)
    sim = Simulation(robot, agreed, conditions)
    sim.reset(size)
    return sim

  return make


def test_conditions_are_written_into_the_model(make):
  plain = make()
  changed = make(friction=0.4, mass=1.1, gain=0.8).plant.model
  model = plain.plant.model
  assert changed.body_mass == pytest.approx(1.1 * model.body_mass)
  assert changed.actuator_gainprm[:, 0] == pytest.approx(
    0.8 * model.actuator_gainprm[:, 0]
  )
  assert changed.geom_friction[plain.plant.floor, 0] == pytest.approx([0.4])


def test_a_delayed_robot_does_later_what_a_prompt_one_does(make, agreed):
  prompt, late = make(1), make(1, action_delay=1)
  start = prompt.qpos.copy(), prompt.qvel.copy()
  late.qpos, late.qvel = (x.copy() for x in start)
  moved = _default(agreed) + 0.1
  late.step(moved)
  prompt.step(_default(agreed))
  assert late.qpos == pytest.approx(prompt.qpos, abs=1e-6)
  late.step(_default(agreed))
  prompt.step(moved)
  assert late.qpos == pytest.approx(prompt.qpos, abs=1e-6)


def test_noise_is_that_of_the_training(make, agreed):
  quiet, loud = make(2000), make(2000, noise=1.0)
  clean, noisy = quiet.readings(), loud.readings()
  assert clean.joint_pos == pytest.approx(quiet.qpos[:, 7:])
  spread = noisy.joint_pos - loud.qpos[:, 7:]
  bound = agreed["trained_noise"]["joint_pos"]
  assert np.abs(spread).max() <= bound + 1e-6
  assert np.std(spread) == pytest.approx(bound / np.sqrt(3), rel=0.05)
  assert np.linalg.norm(noisy.orientation, axis=-1) == pytest.approx(
    np.ones(2000), abs=1e-5
  )


def test_a_push_changes_the_velocity_every_three_seconds(make, agreed):
  sim = make(8, push=0.5)
  plain = make(8)
  plain.qpos, plain.qvel = sim.qpos.copy(), sim.qvel.copy()
  before = 149
  for _ in range(before):
    sim.step(_default(agreed, 8))
    plain.step(_default(agreed, 8))
  assert sim.qpos == pytest.approx(plain.qpos, abs=1e-6)
  sim.step(_default(agreed, 8))
  plain.step(_default(agreed, 8))
  assert np.abs(sim.qvel[:, :2] - plain.qvel[:, :2]).max() > 0.1


def test_a_push_is_as_fast_as_it_says(make):
  sim = make(50)
  before = sim.qvel[:, :2].copy()
  sim.push(0.3)
  kick = np.linalg.norm(sim.qvel[:, :2] - before, axis=-1)
  assert kick == pytest.approx(np.full(50, 0.3), rel=1e-5)


def test_robots_that_lie_down_have_fallen(make, agreed):
  sim = make(3)
  sim.qpos[1, 2] = 0.1
  sim.qpos[2, 3:7] = np.nan
  sim._sensordata[2] = np.nan
  assert sim.fallen(agreed["fall"]).tolist() == [False, True, True]


def test_the_shipped_policy_walks(walk, robot, agreed):
  sim = Simulation(robot, agreed)
  (rollout,) = sim_episodes.roll_out(walk, sim, [0.4], 4, 200)
  assert rollout.alive.all()
  assert rollout.position[-1, :, 0] == pytest.approx(
    np.full(4, 0.4 * 200 * sim.dt), abs=0.3
  )
  assert rollout.features.shape == (200, 4, 29)
  forward = rollout.velocity[100:, :, 0].mean()
  assert forward == pytest.approx(0.4, abs=0.06)


def test_no_robots_are_refused_before_c_is_asked(make, walk):
  sim = make(1)
  with pytest.raises(ValueError, match="0 robots"):
    sim.reset(0)
  with pytest.raises(ValueError, match="no commands"):
    sim_episodes.roll_out(walk, sim, [], 1, 10)
  with pytest.raises(ValueError, match="0 episodes"):
    sim_episodes.roll_out(walk, sim, [0.4], 0, 10)


@pytest.mark.parametrize("first", [0, 1, 20])
@pytest.mark.filterwarnings("error")
def test_robots_that_diverge_have_fallen_and_the_rest_walk_on(
  walk, make, agreed, monkeypatch, first
):
  """One robot of four loses its numbers in the step after `first`."""

  def run(lost):
    sim, steps = make(1), iter(range(10**6))
    call = sim._call

    def break_down(substeps):
      state = call(substeps)
      if next(steps) >= first and len(state[0]) == 4:
        for array in state:
          array[lost] = np.nan
      return state

    monkeypatch.setattr(sim, "_call", break_down)
    return sim_episodes.roll_out(walk, sim, [0.2, 0.4], 2, 100)

  clean, broken = run([]), run([1])
  assert [rollout.diverged for rollout in broken] == [1, 0]
  assert broken[0].alive[-1].tolist() == [True, False]
  assert broken[0].alive[:, 1].sum() == max(first - 1, 0)
  for ours, theirs in zip(broken, clean, strict=True):
    for name in ("qpos", "position", "velocity", "features", "torque"):
      values = getattr(ours, name)
      assert np.isfinite(values).all(), name
    np.testing.assert_array_equal(ours.qpos[:, 0], theirs.qpos[:, 0])
  (row, _) = (measures.tracking(rollout) for rollout in broken)
  assert (row["falls"], row["diverged"]) == (1, 1)
  assert np.isfinite(list(row.values())).all()


def test_c_is_not_asked_for_robots_that_have_diverged(make, agreed):
  sim = make(3)
  asked = []
  step = sim._step

  def watched(substeps, state):
    asked.append(all(np.isfinite(x).all() for x in state.values()))
    return step(substeps, state)

  sim._step = watched
  sim.step(_default(agreed, 3))
  sim.qpos[1] = np.nan
  sim.step(_default(agreed, 3))
  assert np.isnan(sim.qpos[1]).all() and np.isfinite(sim.qpos[[0, 2]]).all()
  sim.qpos[:] = np.nan
  sim.step(_default(agreed, 3))
  assert asked == [True] * 3
  assert sim.fallen(agreed["fall"]).all()
