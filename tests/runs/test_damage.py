"""A damaged run folder is one line or a usable value, and no traceback."""

import json
import math
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runs import tiny
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.runs import plan_record, reporting, saved_config
from wildrobot_playground.runs.logs import events, metrics_log, sinks
from wildrobot_playground.runs.store import (
  checkpoint,
  manifest,
  resume,
  snapshots,
)
from wildrobot_playground.system import errors

# What JSON can say, and Python's writes beyond it.
_VALUES = st.recursive(
  st.none()
  | st.booleans()
  | st.integers()
  | st.sampled_from([2**63, 10**400, -(10**400)])
  | st.floats()
  | st.text(max_size=8),
  lambda inner: (
    st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=8), inner, max_size=3)
  ),
  max_leaves=6,
)
_ODD_BYTES = st.sampled_from(
  [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b'{"a": 1e999}', b"\0" * 64]
)
_CONFIG = json.loads(
  json.dumps(
    plan_record.describe(plan_lib.make_plan(tiny.request())),
    default=lambda value: value.to_dict(),
  )
)
_LEAVES = [path for path in plan_record.flat(_CONFIG) if isinstance(path, str)]


def _one_line(error: Exception) -> None:
  assert str(error)
  assert len(str(error)) < 2000  # All of Playground's names are in one.
  # The command line takes line breaks out of what was typed.
  assert "\n" not in str(error) or isinstance(error, errors.UsageError)


def _changed(key: str, value) -> dict:
  """The configuration of a run with one value replaced."""
  config = json.loads(json.dumps(_CONFIG))
  place, (*folders, leaf) = config, key.split(".")
  for name in folders:
    place = place[name]
  place[leaf] = value
  return config


@pytest.mark.property
@given(content=_VALUES.map(lambda v: json.dumps(v).encode()) | _ODD_BYTES)
def test_any_config_is_a_dictionary_or_one_line(tmp_path, content):
  (tmp_path / "config.json").write_bytes(content)
  try:
    config = checkpoint.load_config(tmp_path)
  except checkpoint.CheckpointError as error:
    _one_line(error)
    return
  assert isinstance(config, dict)
  assert reporting.write(tmp_path).is_file()


@pytest.mark.property
@given(
  key=st.sampled_from([*_LEAVES, *saved_config.SECTIONS, "env", "versions"]),
  value=_VALUES,
)
def test_a_config_with_one_odd_value_resumes_or_is_one_line(
  tmp_path, key, value
):
  config = _changed(key, value)
  (tmp_path / "config.json").write_text(json.dumps(config))
  try:
    saved = resume.read_config(tmp_path)
    plan = plan_lib.make_plan(
      plan_lib.Request(run_dir=str(tmp_path), preset="cpu"), saved
    )
    plan_record.differences(plan, saved)
  except (errors.UsageError, ValueError) as error:
    assert isinstance(error, (errors.UsageError, saved_config.ConfigFileError))
    _one_line(error)
  try:
    reporting.write(tmp_path)
  except checkpoint.CheckpointError as error:
    _one_line(error)


@pytest.mark.property
@given(lines=st.lists(_VALUES.map(json.dumps).map(str.encode) | _ODD_BYTES))
def test_records_are_numbers_whatever_the_lines_are(tmp_path, lines):
  good = b'{"steps": 40, "amp/disc_acc": 0.5, "gone": null}'
  (tmp_path / "config.json").write_text("{}")
  (tmp_path / "metrics.jsonl").write_bytes(b"\n".join([*lines, b"", good]))
  records, _ = metrics_log.read(tmp_path)
  assert records[-1]["steps"] == 40
  assert math.isnan(records[-1]["gone"])
  for record in records:
    assert 0 <= record["steps"] < math.inf
    for value in record.values():
      float(value)
  assert metrics_log.records_until(tmp_path, 39) == [
    record for record in records if record["steps"] <= 39
  ]
  if len(lines) < 2:
    assert reporting.write(tmp_path).is_file()


@pytest.mark.property
@given(record=st.dictionaries(st.text(max_size=8), _VALUES, max_size=4))
def test_a_record_with_steps_survives_what_is_beside_them(record):
  found = sinks.record_of(json.dumps({**record, "steps": 7}))
  assert found is not None
  assert found["steps"] == 7
  assert not any(isinstance(value, bool) for value in found.values())


@pytest.mark.property
@given(
  lines=st.lists(
    st.fixed_dictionaries(
      {"steps": _VALUES, "kind": _VALUES, "text": _VALUES},
      optional={"state": _VALUES, "more": _VALUES},
    )
    .map(json.dumps)
    .map(str.encode)
    | _ODD_BYTES
  )
)
def test_events_are_events_whatever_the_lines_are(tmp_path, lines):
  good = events.Event(40, "incident", "something")
  text = events._line(good).encode()
  (tmp_path / "config.json").write_text("{}")
  (tmp_path / "events.jsonl").write_bytes(b"\n".join([*lines, text]))
  found = events.load(tmp_path)
  assert found[-1] == good
  for event in found:
    assert f"{event.steps:,}"
    assert isinstance(event.text, str)
  if len(lines) < 2:
    assert reporting.write(tmp_path).is_file()


@pytest.mark.property
@given(
  content=st.fixed_dictionaries(
    {"meta": _VALUES, "arrays": _VALUES, "sha256": _VALUES},
    optional={"digest": _VALUES},
  ).map(lambda v: json.dumps(v).encode())
  | _VALUES.map(lambda v: json.dumps(v).encode())
  | _ODD_BYTES
)
def test_any_manifest_is_usable_or_one_line(tmp_path, content):
  store = snapshots.Snapshots(tmp_path)
  store.path(40).mkdir(parents=True, exist_ok=True)
  (store.path(40) / "manifest.json").write_bytes(content)
  assert store.best() in (None, 40)
  with pytest.raises(manifest.SnapshotError) as caught:
    store.restore(lambda meta: {})
  _one_line(caught.value)


@pytest.mark.property
@given(meta=st.dictionaries(st.text(max_size=4), _VALUES, max_size=2))
def test_a_manifest_that_was_changed_is_told_from_its_digest(tmp_path, meta):
  said = {"meta": {"steps": 40}, "arrays": [], "sha256": {}}
  said["digest"] = manifest.digest(said)
  said["meta"] = meta
  (tmp_path / "manifest.json").write_text(json.dumps(said))
  with pytest.raises(manifest.SnapshotError, match=r"manifest.json has chang"):
    manifest.read(tmp_path)


@pytest.mark.property
@given(content=_VALUES.map(lambda v: json.dumps(v).encode()) | _ODD_BYTES)
def test_any_evaluation_gives_a_page(tmp_path, content):
  (tmp_path / "config.json").write_text("{}")
  (tmp_path / "eval.json").write_bytes(content)
  assert reporting.write(tmp_path).is_file()


@pytest.mark.property
@given(row=st.dictionaries(st.sampled_from(["command", "falls"]), _VALUES))
def test_any_row_of_an_evaluation_gives_a_page(tmp_path, row):
  (tmp_path / "config.json").write_text("{}")
  found = {"physics": "mujoco", "commands": [row, {"command": 0.2}]}
  (tmp_path / "eval.json").write_text(json.dumps(found))
  assert reporting.write(tmp_path).is_file()


@pytest.mark.property
@given(content=_VALUES.map(lambda v: json.dumps(v).encode()) | _ODD_BYTES)
@pytest.mark.parametrize("name", ["sha256.json", "ppo_network_config.json"])
def test_any_seal_or_network_is_one_line(tmp_path, name, content):
  folder = tmp_path / "policy"
  folder.mkdir(exist_ok=True)
  (folder / "ppo_network_config.json").write_text("{}")
  (folder / name).write_bytes(content)
  with pytest.raises(checkpoint.CheckpointError) as caught:
    checkpoint.load_policy(tmp_path)
  assert "\n" not in str(caught.value)


@pytest.mark.property
@given(name=st.text(st.characters(categories=["Nd", "No", "Nl"]), min_size=1))
def test_names_of_other_digits_are_no_checkpoints(name):
  steps = snapshots.steps_of(name)
  assert steps is None or name == f"{steps:012d}"


@pytest.mark.parametrize("name", ["²", "٣" * 12, "40", "000000000040", "-1"])
def test_only_folders_named_as_we_name_them_are_checkpoints(tmp_path, name):
  store = snapshots.Snapshots(tmp_path)
  (store.folder / name).mkdir(parents=True)
  (store.folder / f"{80:012d}").write_text("a file")
  assert store.steps() == ([40] if name == "000000000040" else [])
  if name != "000000000040":
    path = pathlib.Path(store.folder / name)
    with pytest.raises(errors.UsageError, match="no such checkpoint"):
      resume.find(str(path), None)


@pytest.mark.parametrize(
  ("key", "said"),
  [
    ("amp.weight", "amp.weight is None; it must be a number"),
    ("env_config.reward_config", "unknown key 'env_config.reward_config'"),
  ],
)
def test_null_for_a_value_is_one_line_that_names_it(key, said):
  with pytest.raises(saved_config.ConfigFileError, match=said):
    plan_lib.make_plan(plan_lib.Request(), _changed(key, None))
