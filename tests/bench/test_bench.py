"""The benchmark: sides in turn, cases that fail alone, a page of it all."""

import dataclasses
import json
import re

import pytest

from tests.runs.tiny import TINY
from wildrobot_playground.bench import (
  jobs,
  measuring,
  plans,
  results_page,
  running,
  suites,
  trainers,
  walking,
)
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.system import errors

MACHINE = {
  "devices": "cpu x 1, 2 cores",
  "processor": "A Processor",
  "system": "Linux x86_64",
  "cores": 2,
  "num_devices": 1,
  "is_cpu": True,
  "versions": {"jax": "0.9.2"},
}
SETTINGS = suites.Settings(
  sizes=suites.SIZES["cpu"],
  plan={"preset": "cpu", "impl": "mujoco", "num_envs": 512, "overrides": ()},
  cores=6,
  num_devices=1,
  is_cpu=True,
  rounds=2,
  seeds=2,
)


def rate(median):
  return {"median": median, "least": 0.9 * median, "most": 1.1 * median}


# Measuring.


def test_sides_are_measured_in_turn():
  asked = []

  def side(name, rates):
    rates = iter(rates)

    def measure():
      asked.append(name)
      return next(rates)

    return measure

  found = measuring.alternate(
    {"a": side("a", [1.0, 9.0, 2.0]), "b": side("b", [5.0, 4.0, 6.0])}, 3
  )
  assert asked == ["a", "b"] * 3
  assert found["a"] == measuring.Rate(2.0, 1.0, 9.0)
  assert found["b"] == measuring.Rate(5.0, 4.0, 6.0)


def test_a_training_advances_only_when_it_is_called():
  done = []

  def train(training):
    for step in range(10):
      done.append(step)
      training.pause(float(step))

  training = trainers.Training(train)
  assert done == [0]  # Warm.
  assert training() == 1.0
  assert training() == 2.0
  training.close()
  assert done == [0, 1, 2]


def test_what_breaks_a_training_reaches_who_measures():
  def train(training):
    training.pause(1.0)
    raise ValueError("no such robot")

  training = trainers.Training(train)
  with pytest.raises(ValueError, match="no such robot"):
    training()


# What is measured.


def test_batches_grow_with_robots_that_would_not_divide():
  plan = plans.make("cpu", None, num_envs=4096)
  assert plan.ppo.num_envs == 4096
  assert plan.ppo.batch_size * plan.ppo.num_minibatches == 4096
  few = plans.make("cpu", None, num_envs=64)
  assert few.ppo.batch_size == plans.make("cpu", None).ppo.batch_size


def test_warp_gets_room_for_the_contacts_of_the_measured_robots():
  plan = plans.make("gpu", "warp", num_envs=32768)
  assert plan.env_config.naconmax == 32768 * plan_lib.CONTACTS_PER_ROBOT


def test_cores_double_up_to_all_of_them(monkeypatch):
  used = []

  def run(job, cores=None, **arguments):
    used.append(cores)
    sides = {"stepping": {"environment": rate(1.0)}}
    return sides.get(job, {"rates": {"amp": rate(1.0)}})

  monkeypatch.setattr(jobs, "run", run)
  rows = [r for c in suites.threads(SETTINGS) for r in c.measure()]
  assert used == [1, 1, 2, 2, 4, 4, 6, 6]
  assert [row["cores"] for row in rows] == used


def test_a_cpu_is_split_into_two_devices_and_a_gpu_is_not(monkeypatch):
  asked = []

  def run(job, **arguments):
    asked.append((arguments["devices"], arguments["host_devices"]))
    return {"rates": {"amp": rate(1.0)}}

  monkeypatch.setattr(jobs, "run", run)
  for settings in (
    SETTINGS,
    dataclasses.replace(SETTINGS, is_cpu=False, num_devices=4),
  ):
    for case in suites.scaling(settings):
      case.measure()
  assert asked == [(1, 2), (2, 2), (1, 1), (2, 1), (4, 1)]


def test_asked_for_engines_and_robots_replace_the_usual_ones():
  sizes = suites.SIZES["gpu"].of(("warp",), (64, 128))
  assert sizes.stepping == {"warp": (64, 128)}
  assert sizes.training == (64, 128)
  assert sizes.training_impls == ("warp",)
  assert suites.SIZES["gpu"].of((), ()) == suites.SIZES["gpu"]


@pytest.mark.parametrize(
  ("error", "falls", "walks"),
  [(0.0, 0, True), (0.09, 0, True), (0.11, 0, False), (0.0, 1, False)],
)
def test_a_walk_is_upright_and_on_speed(error, falls, walks):
  assert walking.passes({"velocity_error": error, "falls": falls}) == walks


# The command line and the page.


def environment(name, impl, **arguments):
  """A job's answer: one without files, one that MJX does not compile."""
  del arguments
  if name == "Missing":
    raise errors.UsageError("needs its robot's files")
  if impl == "jax" and name != "HopperHop":
    raise jobs.JobError("no answer in 180 s")
  sides = {"environment": rate(900.0)}
  if impl == "mujoco":
    sides |= {"mujoco.batch": rate(1000.0), "envpool": rate(600.0)}
  else:
    sides = {"environment": rate(30.0)}
  return {"rates": sides, "compile_seconds": 7.4}


@pytest.fixture
def run_bench(tmp_path, monkeypatch):
  """Runs the command with jobs that answer at once."""

  def answer(job, **arguments):
    if job == "machine":
      return MACHINE
    if job == "defaults":
      return {"preset": "cpu", "impl": "mujoco", "num_envs": 512}
    if job == "stepping":
      if arguments["plan"]["impl"] == "jax":
        raise jobs.JobError("out of memory")
      return {"environment": rate(900.0), "mujoco.rollout": rate(1000.0)}
    if job == "walking":
      weight = arguments["plan"]["amp_weight"]
      return dataclasses.asdict(
        walking.Outcome(weight is None, 1_500_000, 100.0, 5.0, 0.05, 0)
      )
    if job == "environments":
      return {"names": ["HopperHop", "Missing", "G1JoystickFlatTerrain"]}
    if job == "environment":
      return environment(**arguments)
    rates = {"amp": rate(95.0), "task": rate(98.0), "brax": rate(100.0)}
    return {
      "rates": {side: rates[side] for side in arguments["sides"]},
      "compile_seconds": 30.0,
      "start_seconds": 40.0,
      "program_bytes": 80_000_000,
      "peak_bytes": 1_500_000_000,
    }

  monkeypatch.setattr(jobs, "run", answer)

  def run(**changes):
    running.run(running.Request(out=str(tmp_path), **changes))

  return run


def test_every_suite_is_on_the_page_and_failures_are_told(run_bench, tmp_path):
  with pytest.raises(errors.RunFailedError, match="3 measurements failed"):
    run_bench()
  text = (tmp_path / "benchmarks.md").read_text()
  assert text.count("\n## ") == len(suites.SUITES)
  assert "A Processor" in text
  assert "jax 0.9.2" in text
  assert "| 512 | 900 (810 - 990) | 1,000 (900 - 1,100) |" in text
  assert re.search(r"MuJoCo C \| 512 \| 95 .*\| 0.95 \|", text)
  assert "Failed: jax, 64 robots: out of memory" in text
  assert "| with AMP, mean |  | 100 | 1.50 |" in text
  assert "| without AMP | 0 | - |" in text  # It never walked.
  assert "Failed: Missing: needs its robot's files" in text
  assert re.search(r"\| HopperHop \|.* 0.90 \| 7 \|.* 1.50 \|.* 30.00 ", text)
  assert re.search(r"\| G1Joy.* 1.50 \| no answer in 180 s \| - \| - ", text)
  assert (tmp_path / results_page.PLOT).stat().st_size > 1000


def test_suites_asked_for_are_measured_anew_and_the_others_stay(
  run_bench, tmp_path
):
  run_bench(suites=("training",))
  run_bench(suites=("walking",), seeds=1)
  found = json.loads((tmp_path / "benchmarks.json").read_text())
  assert set(found["suites"]) == {"training", "walking"}
  assert len(found["suites"]["walking"]) == 2


def test_environments_asked_for_are_measured_anew_and_the_others_stay(
  run_bench, tmp_path
):
  suite = {"suites": ("environments",)}
  run_bench(**suite, environments=("HopperHop", "G1JoystickFlatTerrain"))
  run_bench(**suite, environments=("HopperHop",), impl=("mujoco",))
  text = (tmp_path / "benchmarks.md").read_text()
  assert re.search(r"\| HopperHop \|.* \| - \| - \| - \|", text)
  assert re.search(r"\| G1Joy.* no answer in 180 s ", text)


def test_results_of_another_machine_are_not_mixed_in(run_bench, tmp_path):
  (tmp_path / "benchmarks.json").write_text(
    json.dumps(
      {"machine": {**MACHINE, "cores": 64}, "commands": {}, "suites": {}}
    )
  )
  with pytest.raises(errors.UsageError, match="another machine"):
    run_bench(suites=("training",))


def test_a_file_that_is_no_benchmarks_stays(run_bench, tmp_path):
  path = tmp_path / "benchmarks.json"
  path.write_text("[1, 2]")
  with pytest.raises(errors.UsageError, match="is no benchmark's"):
    run_bench(suites=("training",))
  assert path.read_text() == "[1, 2]"


def test_a_folder_that_cannot_be_written_is_told_before_measuring(
  run_bench, tmp_path
):
  (tmp_path / "benchmarks.md").mkdir()
  with pytest.raises(errors.UsageError, match="cannot be written"):
    run_bench(suites=("training",))
  found = json.loads((tmp_path / "benchmarks.json").read_text())
  assert found["suites"] == {}


@pytest.mark.parametrize(
  ("wrong", "message"),
  [
    ({"suites": ("walk",)}, "did you mean walking"),
    ({"impl": ("bullet",)}, "unknown engine"),
    ({"num_envs": ("many",)}, "whole numbers"),
    ({"num_envs": ("0",)}, "num_envs is 0; it must be"),
    ({"num_envs": ("512", "9" * 30)}, "num_envs is 9999"),
    ({"overrides": ("--ppo.unroll_length=0",)}, "unroll_length is 0"),
    ({"rounds": 0}, "start at 1"),
  ],
)
def test_bad_requests_are_one_line(run_bench, wrong, message):
  with pytest.raises(errors.UsageError, match=message):
    run_bench(**wrong)


# The jobs themselves.


def plan(**changes):
  return {"preset": "cpu", "impl": "mujoco", "overrides": TINY, **changes}


def test_a_bad_key_is_refused_by_the_child():
  with pytest.raises(errors.UsageError, match="unknown key 'ppo"):
    jobs.run("defaults", plan=plan(overrides=["--ppo.robots=1"]))


def test_what_fails_in_the_child_is_one_line():
  with pytest.raises(jobs.JobError, match="unexpected keyword argument"):
    jobs.run("defaults", plan=plan(), robots=1)


def test_what_takes_too_long_is_given_up():
  with pytest.raises(jobs.JobError, match="no answer in 0 s"):
    jobs.run("machine", patience=0.01)


@pytest.mark.parametrize(
  "impl", ["mujoco", pytest.param("jax", marks=pytest.mark.slow)]
)
def test_an_environment_of_playground_is_measured(impl):
  found = jobs.run(
    "environment", name="CartpoleBalance", impl=impl, num_envs=4, rounds=2
  )
  sides = {"environment"} | ({"mujoco.batch"} if impl == "mujoco" else set())
  assert set(found["rates"]) - {"envpool"} == sides
  assert all(side["least"] > 0 for side in found["rates"].values())
  assert found["compile_seconds"] > 0


@pytest.mark.slow
def test_our_trainer_and_braxs_are_measured_in_one_process():
  found = jobs.run(
    "training",
    plan=plan(),
    sides=["amp", "task", "brax"],
    iterations=2,
    rounds=2,
  )
  assert set(found["rates"]) == {"amp", "task", "brax"}
  assert all(side["least"] > 0 for side in found["rates"].values())
  assert 0 < found["compile_seconds"] < found["start_seconds"]
  assert 0 < found["program_bytes"] < found["peak_bytes"]


@pytest.mark.slow
def test_a_walk_that_is_not_learnt_is_told():
  short = ("--ppo.num_timesteps=200",)
  found = jobs.run("walking", plan=plan(overrides=TINY + short), evaluations=2)
  assert not found["walks"]
  assert found["steps"] >= 200
  assert found["seconds"] > 0


@pytest.mark.slow
def test_environment_and_bare_physics_are_measured():
  found = jobs.run(
    "stepping", cores=1, plan=plan(num_envs=8), control_steps=4, rounds=2
  )
  assert found["environment"]["median"] > 0
  assert found["mujoco.rollout"]["median"] > 0
