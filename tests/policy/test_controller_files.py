"""Policy files: what is damaged, foreign or contradicts itself is refused."""

import os
import pathlib
import subprocess
import sys
import textwrap

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from wildrobot_playground.policy import controller
from wildrobot_playground.policy.controller import ContractError, Policy
from wildrobot_playground.system import assets

_WALK = assets.policies() / "walk" / "policy.onnx"
_CONTRACT = (assets.policies() / "walk" / "policy.json").read_text("utf-8")


def _refused(path, message):
  with pytest.raises(ContractError, match=message) as refused:
    Policy(path)
  assert "\n" not in str(refused.value) and len(str(refused.value)) < 600


def _network(
  path,
  nodes,
  taken=(TensorProto.FLOAT, ["batch", 38]),
  given=(TensorProto.FLOAT, ["batch", 9]),
  names=("observation", "action"),
  initializers=(),
):
  """Writes a network with the shipped contract."""
  graph = helper.make_graph(
    nodes,
    "network",
    [helper.make_tensor_value_info(names[0], *taken)],
    [helper.make_tensor_value_info(names[1], *given)],
    initializer=[numpy_helper.from_array(v, k) for k, v in initializers],
  )
  model = helper.make_model(
    graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10
  )
  helper.set_model_props(model, {"contract": _CONTRACT})
  path.write_bytes(model.SerializeToString())
  return path


def _dense(outputs, weight=0.01, names=("observation", "action")):
  kernel = np.full((38, outputs), weight, np.float32)
  node = helper.make_node("MatMul", [names[0], "kernel"], [names[1]])
  return {"nodes": [node], "initializers": [("kernel", kernel)]}


@pytest.fixture
def path(tmp_path):
  return tmp_path / "policy.onnx"


def test_one_action_for_nine_servos_is_refused(path):
  _network(path, given=(TensorProto.FLOAT, ["batch", 1]), **_dense(1))
  _refused(path, "gives 1 numbers, its contract lists 9")


def test_sizes_that_are_known_when_it_runs_are_tried(path):
  inputs = ["observation", "starts", "ends", "axes"]
  node = helper.make_node("Slice", inputs, ["action"])
  for size in (1, 9):
    bounds = zip(inputs[1:], ([0], [size], [1]), strict=True)
    _network(
      path,
      [node],
      taken=(TensorProto.FLOAT, ["batch", "many"]),
      given=(TensorProto.FLOAT, ["batch", "some"]),
      initializers=[(name, np.array(value)) for name, value in bounds],
    )
    if size == 1:
      _refused(path, r"actions of shape \(1, 1\), expected \(1, 9\)")
  assert Policy(path).infer(np.zeros((4, 38), np.float32)).shape == (4, 9)


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(path, weight):
  _network(path, **_dense(9, weight))
  _refused(path, "action is not finite for a robot that stands")


def test_other_names_types_and_axes_are_refused(path):
  names = ("x", "y")
  _network(path, names=names, **_dense(9, names=names))
  _refused(path, "expected one tensor.float. named 'observation'")
  _network(path, taken=(TensorProto.FLOAT, [38]), **_dense(9))
  _refused(path, r"takes arrays \[38\], its contract lists 38")
  cast = helper.make_node("Cast", ["observation"], ["action"], to=1)
  double = (TensorProto.DOUBLE, ["batch", 38])
  _network(path, [cast], taken=double)
  _refused(path, "tensor.double.")


def test_a_network_that_takes_one_robot_only_says_so_in_a_line(path):
  one = {"taken": (1, [1, 38]), "given": (1, [1, 9])}
  _network(path, **one, **_dense(9))
  policy = Policy(path)
  with pytest.raises(ContractError, match="the network fails"):
    policy.infer(np.zeros((2, 38), np.float32))


def test_operators_that_nobody_knows_are_refused(path):
  node = helper.make_node("Sonar", ["observation"], ["action"], domain="my.own")
  _network(path, [node])
  _refused(path, "no ONNX model, or damaged: .*Sonar")


@pytest.mark.parametrize(
  "place", ["weights.bin", "../weights.bin", "/etc/passwd"]
)
def test_weights_in_other_files_are_not_read(path, place):
  model = onnx.load(_WALK)
  tensor = model.graph.initializer[0]
  beside = pathlib.Path(os.path.normpath(path.parent / place))
  if beside.is_relative_to(path.parent.parent):
    beside.write_bytes(tensor.raw_data)
  tensor.ClearField("raw_data")
  tensor.data_location = TensorProto.EXTERNAL
  tensor.external_data.add(key="location", value=place)
  path.write_bytes(model.SerializeToString())
  _refused(path, "keeps weights in other files, which are not read")


def test_damage_anywhere_costs_one_line(path, capfd):
  data = _WALK.read_bytes()
  rng = np.random.default_rng(0)
  for cut in (0, 1, 10, len(data) // 2, len(data) - 1):
    path.write_bytes(data[:cut])
    _refused(path, "damaged|carries no contract|the network")
  path.write_bytes(rng.bytes(10_000))
  _refused(path, "damaged")
  path.write_bytes(data.replace(b'"robot": "wild', b'"robot": "wil\xfa'))
  _refused(path, "the metadata of .* is damaged")
  path.write_bytes(data.replace(b"observation\x12", b"observat\xfaon\x12"))
  _refused(path, "damaged")
  assert capfd.readouterr() == ("", "")


def test_files_larger_than_any_policy_are_not_read(path):
  with path.open("wb") as file:
    file.truncate(10 * 2**30)  # Sparse: it takes no space.
  _refused(path, "10,737,418,240 bytes: that is no policy")


def test_a_file_that_may_not_be_read_costs_one_line(path, monkeypatch):
  def refuse(*arguments):
    raise PermissionError(13, "Permission denied", str(path))

  path.write_bytes(b"x")
  monkeypatch.setattr("builtins.open", refuse)
  _refused(path, "Permission denied")


def _loaded_in_an_empty_home(tmp_path, **variables):
  """The files that loading the shipped policy leaves behind."""
  home = tmp_path / "home"
  source = pathlib.Path(controller.__file__)
  (tmp_path / source.name).write_bytes(source.read_bytes())
  for name in ("tmp", "work"):
    (home / name).mkdir(parents=True)
  script = textwrap.dedent(f"""
    import os, sys, time
    sys.path.insert(0, {str(tmp_path)!r})
    import controller
    controller.Policy({str(_WALK)!r})
    time.sleep(0.5)
    print(os.environ["ORT_DISABLE_TELEMETRY"])
  """)
  done = subprocess.run(
    [sys.executable, "-B", "-c", script],
    cwd=home / "work",
    env={
      "HOME": str(home),
      "TMPDIR": str(home / "tmp"),
      "PATH": os.environ["PATH"],
      **variables,
    },
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  files = {path.name for path in home.rglob("*") if path.is_file()}
  return done.stdout.strip(), files


def test_onnxruntime_leaves_nothing_in_an_empty_home(tmp_path):
  assert _loaded_in_an_empty_home(tmp_path) == ("1", set())


def test_who_wants_its_telemetry_may_have_it(tmp_path):
  said, _ = _loaded_in_an_empty_home(tmp_path, ORT_DISABLE_TELEMETRY="0")
  assert said == "0"
