"""Records arrive, and a sink that fails costs its records only."""

import io
import json
import math
import subprocess
import sys
import types

import pytest
from tensorboardX.proto import event_pb2

from wildrobot_playground.policy.metrics.scorecard import Report
from wildrobot_playground.runs.logs import sinks, wandb_sink

RECORD = {"steps": 40, "reward": 1.5, "nothing": math.nan}


class Memory:
  def __init__(self, fails_at=None):
    self.records, self.ended, self._fails_at = [], False, fails_at

  def write(self, record):
    if len(self.records) == self._fails_at:
      raise OSError(28, "No space left on device")
    self.records.append(record)

  def finish(self, judged, video):
    self.ended = True


def refuse():
  raise PermissionError(13, "Permission denied")


def test_a_sink_that_fails_is_dropped_and_said_once(capsys):
  good, bad = Memory(), Memory(fails_at=1)
  both = sinks.Sinks({"bad": lambda: bad, "good": lambda: good})
  for _ in range(3):
    both.write(RECORD)
  both.finish()
  assert (len(good.records), len(bad.records)) == (3, 1)
  assert good.ended
  said = capsys.readouterr().err
  assert said.count("No space left on device") == 1
  assert "bad takes no more metrics" in said


def test_a_sink_that_cannot_open_is_left_out(capsys):
  good = Memory()
  sinks.Sinks(
    {"none": lambda: None, "bad": refuse, "good": lambda: good}
  ).write(RECORD)
  assert good.records == [RECORD]
  assert "Permission denied" in capsys.readouterr().err


def test_json_lines_keep_the_earlier_records(tmp_path):
  sink = sinks.JsonLines(tmp_path, [{"steps": 20}])
  sink.write(RECORD)
  sink.finish(None, None)
  lines = (tmp_path / sinks.METRICS_FILE).read_text().splitlines()
  assert [json.loads(line) for line in lines] == [
    {"steps": 20},
    {"steps": 40, "reward": 1.5, "nothing": None},
  ]


def test_a_full_disk_costs_the_records_only(tmp_path, capsys):
  class Full(io.StringIO):
    def write(self, text):
      raise OSError(28, "No space left on device")

  def make():
    sink = sinks.JsonLines(tmp_path)
    sink._file = Full()
    return sink

  full = sinks.Sinks({sinks.METRICS_FILE: make})
  full.write(RECORD)
  full.write(RECORD)
  full.finish()
  assert capsys.readouterr().err.count("training goes on") == 1


def _events(folder):
  """Tag, step and value of every scalar in a folder of event files."""
  found = []
  for path in sorted(folder.iterdir()):
    data = path.read_bytes()
    while data:
      size = int.from_bytes(data[:8], "little")
      event = event_pb2.Event.FromString(data[12 : 12 + size])
      found += [
        (value.tag, event.step, value.simple_value)
        for value in event.summary.value
      ]
      data = data[16 + size :]
  return found


def _report():
  return Report([{"command": 0.2, "falls": 0.0}], "mujoco", [], None)  # pyright: ignore


def test_tensorboard_shows_records_and_the_evaluation(tmp_path):
  sink = sinks.TensorBoard(tmp_path)
  sink.write(RECORD)
  sink.finish(_report(), None)
  found = _events(tmp_path / sinks.TENSORBOARD_FOLDER)
  assert ("reward", 40, 1.5) in found
  assert ("evaluation/falls", 200, 0.0) in found
  assert not [tag for tag, _, _ in found if tag == "nothing"]


def test_a_full_disk_is_said_once_and_blocks_nothing(tmp_path):
  """Under a limit on the size of files, as a quota has it."""
  script = f"""
import pathlib, resource
from wildrobot_playground.runs.logs import sinks
run_dir = pathlib.Path({str(tmp_path)!r})
makers = {{
  "json": lambda: sinks.JsonLines(run_dir),
  "TensorBoard": lambda: sinks.TensorBoard(run_dir),
}}
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
all_of_them = sinks.Sinks(makers)
for step in range(500):
  all_of_them.write({{"steps": step, "reward": 1.0}})
all_of_them.finish()
print("done")
"""
  done = subprocess.run(
    [sys.executable, "-c", script],
    capture_output=True,
    text=True,
    timeout=60,
    check=False,
  )
  assert done.stdout == "done\n", done.stderr
  assert done.stderr.count("takes no more metrics") == 2


class FakeWandb(types.ModuleType):
  """Records what it is asked for; `online` may fail."""

  def __init__(self, reachable=True):
    super().__init__("wandb")
    self.reachable = reachable
    self.started, self.logged, self.finished = [], [], 0

  def Settings(self, **kwargs):  # noqa: N802
    return kwargs

  def Table(self, columns, rows):  # noqa: N802
    return columns, rows

  def Video(self, path, format):  # noqa: N802
    return path

  def init(self, **kwargs):
    self.started.append(kwargs)
    if kwargs["mode"] == "online" and not self.reachable:
      raise TimeoutError("Run initialization has timed out")
    return self

  def log(self, values, step=None):
    self.logged.append((values, step))

  def finish(self):
    self.finished += 1


@pytest.fixture
def nobody(monkeypatch, tmp_path):
  """A user without a login."""
  for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL", "NETRC"):
    monkeypatch.delenv(name, raising=False)
  monkeypatch.setenv("HOME", str(tmp_path))
  return monkeypatch


def start(monkeypatch, tmp_path, mode="auto", reachable=True):
  fake = FakeWandb(reachable)
  monkeypatch.setitem(sys.modules, "wandb", fake)
  options = wandb_sink.Options(mode, tags=("a",), group="g", notes="n")
  return fake, wandb_sink.make(options, tmp_path, {"seed": 0})


def test_without_a_login_it_is_offline(nobody, tmp_path):
  fake, sink = start(nobody, tmp_path)
  sink.write(RECORD)
  sink.finish(_report(), None)
  (asked,) = fake.started
  assert asked["mode"] == "offline"
  assert asked["config"] == {"seed": 0}
  assert (asked["tags"], asked["group"], asked["notes"]) == (("a",), "g", "n")
  assert fake.logged[0] == (RECORD, 40)
  assert fake.logged[1][0]["evaluation"] == (["command", "falls"], [[0.2, 0.0]])
  assert fake.finished == 1


@pytest.mark.parametrize("login", ["key", "netrc"])
def test_with_a_login_it_is_online(nobody, tmp_path, login):
  if login == "key":
    nobody.setenv("WANDB_API_KEY", "secret")
  else:
    text = "machine api.wandb.ai login user password secret\n"
    (tmp_path / ".netrc").write_text(text)
  fake, _ = start(nobody, tmp_path)
  assert [asked["mode"] for asked in fake.started] == ["online"]


def test_a_server_that_does_not_answer_leaves_it_offline(
  nobody, tmp_path, capsys
):
  nobody.setenv("WANDB_API_KEY", "secret")
  fake, _ = start(nobody, tmp_path, reachable=False)
  assert [asked["mode"] for asked in fake.started] == ["online", "offline"]
  assert fake.started[0]["settings"]["init_timeout"] <= 10
  assert capsys.readouterr().err.count("does not answer") == 1


def test_online_without_a_login_never_asks_for_one(nobody, tmp_path, capsys):
  fake, _ = start(nobody, tmp_path, mode="online")
  assert [asked["mode"] for asked in fake.started] == ["offline"]
  assert "wandb login" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_the_users_environment_decides_what_auto_is(nobody, mode):
  nobody.setenv("WANDB_API_KEY", "secret")
  nobody.setenv("WANDB_MODE", mode)
  assert wandb_sink.resolve("auto") == mode


def test_disabled_starts_nothing(nobody, tmp_path):
  fake, sink = start(nobody, tmp_path, mode="disabled")
  assert sink is None
  assert fake.started == []


def test_a_resumed_run_is_the_same_run_there(nobody, tmp_path):
  one, _ = start(nobody, tmp_path)
  two, _ = start(nobody, tmp_path)
  assert one.started[0]["id"] == two.started[0]["id"]
  assert two.started[0]["resume"] == "allow"


def test_without_the_package_training_goes_on(nobody, tmp_path, capsys):
  nobody.setitem(sys.modules, "wandb", None)
  left = sinks.Sinks(
    {"W&B": lambda: wandb_sink.make(wandb_sink.Options(), tmp_path, {})}
  )
  left.write(RECORD)
  assert "W&B takes no more metrics" in capsys.readouterr().err


@pytest.mark.slow
def test_the_real_package_works_offline(nobody, tmp_path):
  sink = wandb_sink.make(wandb_sink.Options(), tmp_path, {"seed": 0})
  assert sink is not None
  sink.write({"steps": 40, "reward": 1.5})
  sink.finish(_report(), None)
  assert list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))
