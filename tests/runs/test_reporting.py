"""The report: one sound page of whatever a run folder holds."""

import html.parser
import json
import os
import re
import shlex

import numpy as np
import pytest

from tests.runs import tiny
from wildrobot_playground import features
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.policy.metrics import scorecard
from wildrobot_playground.policy.metrics.episodes import Rollout
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.runs import plan, plan_record, reporting
from wildrobot_playground.runs.logs import curves, metrics_log
from wildrobot_playground.runs.reporting import (
  command_lines,
  cycles,
  data,
  overview,
)
from wildrobot_playground.runs.reporting import html as page
from wildrobot_playground.runs.store import checkpoint

_DT = 0.02
_PERIOD = 40  # control steps a gait cycle
_HOSTILE = """<script>alert("1")</script> & 'more' <b>"""
_VOID = {"meta", "br", "img", "link", "input", "hr"}


class _Page(html.parser.HTMLParser):
  """A page, taken apart; refuses tags that do not match."""

  def __init__(self, text: str):
    super().__init__()
    self.text = text
    self.tags: list[str] = []
    self.words: list[str] = []
    self.attributes: list[tuple[str, str, str | None]] = []
    self._open: list[str] = []
    self.feed(text)
    self.close()
    assert not self._open

  def handle_starttag(self, tag, attrs):
    self._take(tag, attrs)
    if tag not in _VOID:
      self._open.append(tag)

  def handle_startendtag(self, tag, attrs):
    self._take(tag, attrs)

  def handle_endtag(self, tag):
    assert self._open.pop() == tag

  def handle_data(self, data):
    self.words.append(data)

  def _take(self, tag, attrs):
    self.tags.append(tag)
    self.attributes += [(tag, name, value) for name, value in attrs]

  def values(self, name):
    """Of an attribute, wherever it is."""
    return [value or "" for _, key, value in self.attributes if key == name]

  @property
  def said(self):
    """What is to be read."""
    return " ".join(self.words)


def _config(**changes):
  """A run's `config.json`, as it is read back."""
  made = plan_record.describe(plan.make_plan(tiny.request(**changes)))
  return json.loads(json.dumps(made, default=lambda value: value.to_dict()))


def _rows(amplitude=0.3):
  """(80, 29) two cycles: left foot down for the first half, sine joints."""
  step = np.arange(2 * _PERIOD)
  phase = 2 * np.pi * step / _PERIOD
  layout = features.WILDROBOT
  rows = np.zeros((len(step), layout.size), np.float32)
  shifts = np.arange(len(WILDROBOT.joints))
  rows[:, layout.joint_pos] = amplitude * np.sin(phase[:, None] + shifts)
  left = (step % _PERIOD < _PERIOD / 2).astype(np.float32)
  rows[:, layout.foot_contacts] = np.stack([left, left, 1 - left, 1 - left]).T
  return rows


def _dataset():
  """Two clips: the slower with smaller strides."""
  return dataset_lib.make(
    features.WILDROBOT,
    [_rows(0.1), _rows(0.3)],
    ("stroll", "stride"),
    np.array([0.2, 0.5]),
    np.ones(2),
    "direction",
    _DT,
    "",
    {"clips": {"stroll": {"tier": "feasible"}}},
  )


def _rollout(rows, command, robots=2):
  """Robots that repeat `rows`."""
  motion = np.repeat(np.tile(rows, (4, 1))[:, None], robots, axis=1)
  shape = motion.shape[:2]
  return Rollout(
    dt=_DT,
    command=command,
    alive=np.ones(shape, bool),
    position=np.zeros((*shape, 2)),
    velocity=np.zeros((*shape, 2)),
    heading_error=np.zeros(shape),
    qpos=np.zeros((*shape, 16)),
    features=motion,
    torque=np.zeros((*shape, 9)),
    joint_vel=np.zeros((*shape, 9)),
    layout=features.WILDROBOT,
  )


def _row(command, **values):
  return {
    "command": command,
    "episodes": 4,
    "falls": 1,
    "speed": command,
    "velocity_error": 0.02,
    "style_distance": 0.4,
    "cost_of_transport": float("nan"),
    **values,
  }


def _evaluation(model):
  rollouts = [_rollout(_rows(), command) for command in (0.2, 0.5)]
  return scorecard.Report([_row(0.2), _row(0.5)], "mujoco", rollouts, model)


def _write_lines(path, lines):
  path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def folder(tmp_path):
  """A run folder that lacks nothing but its evaluation; may be changed."""
  return _make_folder(tmp_path / "walk")


@pytest.fixture(scope="module")
def whole_page(tmp_path_factory, model):
  """The page of a run of which everything is there."""
  run_dir = _make_folder(tmp_path_factory.mktemp("runs") / "walk")
  return _page(run_dir, _evaluation(model))


def _make_folder(run_dir):
  for steps in (2000, 4000):
    (run_dir / "checkpoints" / f"{steps:012d}").mkdir(parents=True)
  (run_dir / "policy").mkdir()
  checkpoint.save_config(run_dir, _config(num_timesteps=4000))
  _write_lines(
    run_dir / "metrics.jsonl",
    [
      {
        "steps": 40 * i,
        "seconds": float(i % 60),
        "episode/reward": float(i),
        "episode/velocity_error": None if i == 3 else 1.0 / i,
        "amp/disc_acc": 0.8,
        "amp/style_reward": 0.5,
        "amp/style_reward_std": 0.1,
        "amp/auc/root_height": 0.97,
        "amp/auc/joint_pos/waist_yaw": 0.5,
      }
      for i in range(1, 101)
    ],
  )
  _write_lines(
    run_dir / "events.jsonl",
    [
      {"steps": 1200, "kind": "health", "text": "why so", "state": "healthy"},
      {"steps": 1300, "kind": "tuning", "text": "disc_lr 3 -> 1", "state": ""},
      {"steps": 1400, "kind": "incident", "text": _HOSTILE, "state": ""},
      {"steps": 3000, "kind": "health", "text": "", "state": "too strong"},
    ],
  )
  dataset_lib.save(run_dir / "reference.npz", _dataset())
  (run_dir / "rollout.mp4").write_bytes(b"not really a film")
  return run_dir


def _page(*arguments):
  return _Page(reporting.write(*arguments).read_text("utf-8"))


def test_a_page_needs_nothing_but_itself(whole_page):
  page = whole_page
  links = page.values("src") + page.values("href")
  assert all(link.startswith(("data:", "#")) for link in links)
  assert any(link.startswith("data:video/mp4;base64,") for link in links)
  assert not re.findall(r"url\((?!#)|@import|https?:", page.text)
  assert not {"script", "link", "img", "iframe"} & set(page.tags)


def test_every_reference_within_the_page_has_one_target(whole_page):
  page = whole_page
  ids = page.values("id")
  assert len(ids) == len(set(ids))
  wanted = [link[1:] for link in page.values("href") if link.startswith("#")]
  wanted += re.findall(r"url\(#([^)]+)\)", page.text)
  assert wanted
  assert set(wanted) <= set(ids)


def test_a_page_says_nothing_of_the_machine(tmp_path):
  folder = tmp_path / "walk"
  folder.mkdir()
  config = _config()
  config["command"] = [
    f"{folder}/bin/train.py",
    f"--run_dir={folder}",
    "--reference=~/clips/mine.npz",
  ]
  config["reference"] = f"{folder}/clips/mine.npz"
  checkpoint.save_config(folder, config)
  page = _page(folder)
  assert str(folder.parent) not in page.text
  assert "python -m wildrobot_playground.train" in page.said
  assert f"--run_dir=…/{folder.name}" in page.said
  assert "--reference=…/mine.npz" in page.said


@pytest.mark.parametrize(
  ("given", "shown"),
  [
    ("cannot write /a/b/c.txt: full", "cannot write …/c.txt: full"),
    (r"C:\Users\me\run", "…/run"),
    ("0.3 m/s, policy/params/kernel", "0.3 m/s, policy/params/kernel"),
    ("1 / 2 and either/or", "1 / 2 and either/or"),
    ("a < b & 'c'", "a &lt; b &amp; &#x27;c&#x27;"),
  ],
)
def test_text_is_escaped_and_loses_only_absolute_paths(given, shown):
  assert page.text(given) == shown


def test_hostile_text_stays_text(tmp_path):
  config = _config()
  config["env"] = config["preset"] = config["versions"]["jax"] = _HOSTILE
  config["env_config"]["impl"] = _HOSTILE
  checkpoint.save_config(tmp_path, config)
  _write_lines(
    tmp_path / "events.jsonl",
    [{"steps": 1, "kind": "incident", "text": _HOSTILE}],
  )
  page = _page(tmp_path)
  assert "script" not in page.tags
  assert page.said.count(_HOSTILE) >= 5


def test_pictures_have_words_and_tables_have_heads(whole_page):
  page = whole_page
  pictures = [v for tag, k, v in page.attributes if (tag, k) == ("svg", "role")]
  labels = [
    v for tag, k, v in page.attributes if (tag, k) == ("svg", "aria-label")
  ]
  assert len(pictures) == len(labels) == page.tags.count("svg")
  assert all(labels)
  # Two of the gait cycles' nine joints each.
  assert len([v for v in labels if "Left knee pitch" in v]) == 2
  assert page.tags.count("table") == page.tags.count("caption")
  assert page.tags.count("table") == page.tags.count("thead")


def test_everything_that_happened_is_told(whole_page):
  said = whole_page.said
  for words in (
    "why so",
    "disc_lr 3 -> 1",
    "root_height",
    "finished",
    "too strong",
    "--resume=walk",
    "checkpoints/000000004000",
    "stroll",
    "of 8 episodes",
  ):
    assert words in said, words


def test_states_fill_the_time_that_they_lasted(whole_page):
  strip = re.findall(
    r'<span class="\w+" style="width:([\d.]+)%"\s+title="([^"]+)"',
    whole_page.text,
  )
  assert [(float(width), state) for width, state in strip] == [
    (30.0, "learning"),
    (45.0, "healthy"),
    (25.0, "too strong"),
  ]


def test_time_adds_up_over_the_starts_of_a_run(folder):
  # The record's clock began anew at the 60th of 100.
  assert data.load(folder).seconds == 59 + 40


def test_what_is_missing_is_said(tmp_path):
  checkpoint.save_config(tmp_path, _config())
  said = _page(tmp_path).said
  for words in (
    "The run recorded no metrics.",
    "the run learnt without a motion prior",
    "the policy has not been evaluated",
    "There is none.",
    "The run folder has none.",
    "There is no checkpoint to go on with.",
    "No policy was saved yet.",
    "None were recorded.",
  ):
    assert words in said, words
  assert "--resume=" not in said


def test_saved_rows_are_shown_without_their_gait_cycles(tmp_path, model):
  checkpoint.save_config(tmp_path, _config())
  scorecard.save(_evaluation(model), tmp_path / "eval.json")
  said = _page(tmp_path).said
  assert "of 8 episodes" in said
  assert "drawn only right after an evaluation" in said
  assert "Cost of transport" in said


def test_damaged_parts_are_left_out_by_name(folder):
  (folder / "eval.json").write_text('{"commands": [')
  (folder / "reference.npz").write_bytes(b"none")
  (folder / "events.jsonl").write_text('{"steps": 1, "ki')
  with (folder / "metrics.jsonl").open("a") as file:
    file.write('{"steps": 7')
  said = _page(folder).said
  assert "eval.json cannot be read" in said
  assert "reference.npz" in said
  assert "Reward of an episode" in said


@pytest.mark.parametrize(
  "name", ["metrics.jsonl", "eval.json", "events.jsonl", "config.json"]
)
def test_a_pipe_is_waited_for_by_nobody(folder, name):
  (folder / name).unlink(missing_ok=True)
  os.mkfifo(folder / name)
  if name == "config.json":
    with pytest.raises(checkpoint.CheckpointError, match="no regular file"):
      reporting.write(folder)
    [entry] = overview.gather(folder.parent)
    assert "cannot be read" in entry.cells
    return
  shown = " ".join(_page(folder).said.split())
  assert f"Left out: {name} cannot be read" in shown


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("huge", [1e308, -1e308, 3e38, 1e-320, 10**18])
def test_what_no_training_computes_is_not_plotted(tmp_path, huge):
  checkpoint.save_config(tmp_path, _config())
  names = ("episode/reward", "episode/velocity_error", "amp/disc_acc")
  records = [
    {"steps": 40 * i, "seconds": huge, **dict.fromkeys(names, value)}
    for i, value in enumerate((0.0, huge, 1.0, -huge))
  ]
  lines = [json.dumps(record) for record in records]
  (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
  rows = [
    {"command": c, "speed": huge, "velocity_error": huge, "falls": huge}
    for c in (0.0, 0.5)
  ]
  (tmp_path / "eval.json").write_text(
    json.dumps({"physics": "mujoco", "commands": rows})
  )
  _page(tmp_path)
  curves.training_curves(
    metrics_log.load_records(tmp_path), tmp_path / "training.png"
  )


def test_a_long_film_stays_outside(tmp_path):
  checkpoint.save_config(tmp_path, _config())
  (tmp_path / "rollout.mp4").write_bytes(bytes(7_000_000))
  page = _page(tmp_path)
  assert "video" not in page.tags
  assert "rollout.mp4 (7.0 MB)" in page.said


def test_a_folder_without_configuration_is_no_run(tmp_path):
  with pytest.raises(checkpoint.CheckpointError, match="no run folder"):
    reporting.write(tmp_path)
  (tmp_path / "config.json").write_text('{"ppo": 3}')
  with pytest.raises(checkpoint.CheckpointError, match="must be a table"):
    reporting.write(tmp_path)


def test_the_command_makes_the_same_plan_again():
  overrides = (
    *tiny.TINY,
    "--env_config.command_config.lin_vel_x=(0.0,0.7)",
    "--env_config.noise_config.scales.gyro=1e-5",
    "--amp.spectral_norm=true",
    "--amp.loss=bce",
  )
  config = _config(
    seed=3, amp_weight=0.5, domain_randomization=True, overrides=overrides
  )
  command, unknown = command_lines.reproduce(config, "walk")
  assert unknown == []
  arguments = dict(
    word.lstrip("-").partition("=")[::2] for word in shlex.split(command)[3:]
  )
  request = plan.Request(
    env=arguments.pop("env"),
    preset=arguments.pop("preset"),
    seed=int(arguments.pop("seed")),
    num_timesteps=int(arguments.pop("num_timesteps")),
    amp_weight=float(arguments.pop("amp_weight")),
    domain_randomization=arguments.pop("domain_randomization") == "",
    overrides=tuple(f"--{key}={value}" for key, value in arguments.items()),
  )
  assert plan_record.differences(plan.make_plan(request), config) == {}


def test_keys_of_another_version_are_named_not_written():
  config = _config()
  config["amp"]["bygone"] = 1
  command, unknown = command_lines.reproduce(config, "walk")
  assert unknown == ["amp.bygone"]
  assert "bygone" not in command


def test_another_reference_is_the_run_folders_copy():
  config = _config() | {"reference": "/elsewhere/clips"}
  command, _ = command_lines.reproduce(config, "walk")
  assert "--reference=walk/reference.npz" in shlex.split(command)


@pytest.mark.parametrize("config", [{}, {"env": "None", "preset": "cpu"}])
def test_a_configuration_without_a_command_is_a_value_error(config):
  with pytest.raises(ValueError, match=r"env|unknown"):
    command_lines.reproduce(config, "walk")


@pytest.mark.parametrize(
  ("command", "clip", "amplitude"), [(0.1, "stroll", 0.1), (0.9, "stride", 0.3)]
)
def test_the_clip_nearest_in_speed_is_compared(command, clip, amplitude):
  found = cycles.compare(_rollout(_rows(0.2), command), _dataset())
  assert found is not None
  assert found.clip == clip
  phase = 2 * np.pi * np.arange(len(found.policy)) / len(found.policy)
  shape = np.sin(phase[:, None] + np.arange(9))
  np.testing.assert_allclose(found.policy, 0.2 * shape, atol=2e-3)
  np.testing.assert_allclose(found.reference, amplitude * shape, atol=2e-3)
  np.testing.assert_allclose(found.spread, 0, atol=1e-6)


def test_the_same_motion_is_no_distance_apart():
  found = cycles.compare(_rollout(_rows(0.3), 0.5), _dataset())
  assert found is not None
  assert found.distance == pytest.approx(0, abs=1e-6)


def test_a_robot_that_stands_has_no_gait():
  rows = _rows()
  rows[:, features.WILDROBOT.foot_contacts] = 1
  assert cycles.compare(_rollout(rows, 0.5), _dataset()) is None


def test_settings_may_hold_what_json_holds(tmp_path):
  config = _config()
  config["amp"]["note"] = None
  config["amp"]["sizes"] = [1, 2]
  checkpoint.save_config(tmp_path, config)
  said = _page(tmp_path).said
  assert "null" in said
  assert "[1, 2]" in said
