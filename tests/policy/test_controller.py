"""The control loop: closed forms, state, errors, and what it needs."""

import importlib.util
import json
import pathlib
import subprocess
import sys
import textwrap

import numpy as np
import onnx
import pytest

from wildrobot_playground.policy import controller
from wildrobot_playground.policy.controller import Controller, Readings
from wildrobot_playground.policy.sim import sim_to_sim

_UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0], np.float32)


def _yawed(angle, leading=()):
  quat = np.array([np.cos(angle / 2), 0.0, 0.0, np.sin(angle / 2)])
  return np.broadcast_to(quat, (*leading, 4))


@pytest.fixture
def loop(agreed):
  return Controller(agreed)


@pytest.fixture
def readings(loop):
  return Readings(_UPRIGHT, np.zeros(3), loop.default_pose, np.zeros(9))


def _part(agreed, observation, name):
  (entry,) = [e for e in agreed["observation"] if e["name"] == name]
  return observation[..., entry["start"] : entry["start"] + entry["size"]]


def test_gravity_points_down_in_the_frame_of_the_imu():
  assert controller.gravity(_UPRIGHT) == pytest.approx([0, 0, -1])
  nose_down = np.array([np.cos(np.pi / 4), 0, np.sin(np.pi / 4), 0])
  assert controller.gravity(nose_down) == pytest.approx([1, 0, 0], abs=1e-6)


@pytest.mark.parametrize("angle", [-3.0, -0.4, 0.0, 1.3])
def test_heading_is_the_yaw_whatever_the_sign_of_the_quaternion(angle):
  assert controller.heading(_yawed(angle)) == pytest.approx(angle, abs=1e-6)
  assert controller.heading(-_yawed(angle)) == pytest.approx(angle, abs=1e-6)


def test_the_first_heading_is_the_one_to_keep(loop, agreed, readings):
  loop.reset(_yawed(0.7))
  turned = Readings(_yawed(0.9), *_rest(readings))
  observation = loop.observe(turned, 0.3)
  sine = _part(agreed, observation, "heading_sin")
  assert sine == pytest.approx(np.sin(0.2), abs=1e-6)


def _rest(readings):
  return readings.gyro, readings.joint_pos, readings.joint_vel


def test_the_clock_stands_still_for_a_standing_robot_and_runs_on(
  loop, agreed, readings
):
  loop.reset(_UPRIGHT, phase=1.0)
  standing = loop.observe(readings, 0.0)
  assert _part(agreed, standing, "clock_sin") == 0
  assert _part(agreed, standing, "clock_cos") == 0
  loop.act(np.zeros(9))
  loop.command = np.float32(0.5)
  walking = loop.observe(readings, 0.5)
  phase = 1.0 + 2 * np.pi * agreed["gait_clock"]["frequency"] * loop.dt
  assert _part(agreed, walking, "clock_sin") == pytest.approx(np.sin(phase))


@pytest.mark.parametrize(
  ("told", "observed"), [(-0.3, 0.0), (0.03, 0.0), (0.4, 0.4), (9.0, None)]
)
def test_commands_are_held_within_the_range(
  loop, agreed, readings, told, observed
):
  fastest = agreed["command"]["range"][1]
  for _ in range(200):  # It goes there by and by.
    observation = loop.observe(readings, told)
  command = _part(agreed, observation, "command")
  expected = fastest if observed is None else observed
  assert command == pytest.approx(expected)


def test_commands_change_at_the_rate_of_the_contract(loop, agreed, readings):
  loop.reset(_UPRIGHT)
  step = agreed["command"]["max_rate"] * loop.dt
  seen = []
  for asked in [1.0] * 10 + [0.0] * 4:
    loop.observe(readings, asked)
    seen.append(float(loop.command))
  expected = [step * (i + 1) for i in range(10)]
  expected += [step * (9 - i) for i in range(4)]
  assert seen == pytest.approx(expected, abs=1e-6)


def test_actions_are_filtered_scaled_and_clipped(loop, agreed):
  keep, scale = agreed["action"]["filter"], agreed["action"]["scale"]
  action = np.linspace(-0.2, 0.2, 9).astype(np.float32)
  first, second = loop.act(action), loop.act(action)
  default = loop.default_pose
  assert first == pytest.approx(default + scale * (1 - keep) * action, abs=1e-6)
  assert second == pytest.approx(
    default + scale * (1 - keep**2) * action, abs=1e-6
  )
  far = loop.act(np.full(9, 100.0))
  upper = [joint["upper"] for joint in agreed["joints"]]
  assert far == pytest.approx(upper, abs=1e-6)


def test_without_velocities_they_are_differences(loop, agreed, readings):
  still = Readings(_UPRIGHT, readings.gyro, readings.joint_pos)
  moved = Readings(_UPRIGHT, readings.gyro, readings.joint_pos + 0.01)
  first = _part(agreed, loop.observe(still, 0.0), "joint_vel")
  second = _part(agreed, loop.observe(moved, 0.0), "joint_vel")
  assert first == pytest.approx(np.zeros(9))
  assert second == pytest.approx(np.full(9, 0.01 / loop.dt), rel=1e-3)


def test_a_batch_is_the_robots_one_by_one(walk, agreed):
  rng = np.random.default_rng(0)
  orientation = np.stack([_yawed(a) for a in (0.1, -0.5, 2.0)])
  numbers = rng.normal(size=(3, 21)) * 0.1
  phases = np.array([0.0, 1.0, 2.0])
  speeds = np.array([0.0, 0.3, 0.6])

  def run(pick):
    walk.reset(orientation[pick], phases[pick])
    targets = []
    for _ in range(3):
      row = numbers[pick]
      readings = Readings(
        orientation[pick], row[..., :3], row[..., 3:12], row[..., 12:]
      )
      targets.append(walk.step(readings, speeds[pick]))
    return np.stack(targets)

  together = run(slice(None))
  for i in range(3):
    assert together[:, i] == pytest.approx(run(i), abs=1e-6)


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"format": "other/1"}, "format is 'other/1'"),
    ({"joints": None}, "lacks joints"),
    ({"fall": None}, "lacks fall"),
    ({"action": {"scale": 0.5}}, r"lacks action\.filter"),
    ({"history": 3}, "past observations"),
    (
      {"observation": [{"name": "sonar", "start": 0, "size": 1, "scale": 1}]},
      "observes 'sonar'",
    ),
  ],
)
def test_contracts_that_it_does_not_implement_are_refused(
  agreed, change, message
):
  broken = {**agreed, **change}
  broken = {k: v for k, v in broken.items() if v is not None}
  with pytest.raises(controller.ContractError, match=message):
    Controller(broken)


def test_files_that_are_no_policies_are_refused(tmp_path, walk_folder):
  with pytest.raises(controller.ContractError, match="there is no policy"):
    controller.Policy(tmp_path / "policy.onnx")
  damaged = tmp_path / "damaged.onnx"
  damaged.write_bytes((walk_folder / "policy.onnx").read_bytes()[:5000])
  with pytest.raises(controller.ContractError, match="damaged"):
    controller.Policy(damaged)
  with pytest.raises(controller.ContractError, match="carries no contract"):
    controller.Policy(walk_folder / "style.onnx")


def test_a_contract_that_is_not_the_networks_is_refused(tmp_path, walk_folder):
  model = onnx.load(walk_folder / "policy.onnx")
  (prop,) = [p for p in model.metadata_props if p.key == "contract"]
  contract = json.loads(prop.value)
  del contract["observation"][-1]
  del contract["normalizer"]
  prop.value = json.dumps(contract)
  onnx.save(model, tmp_path / "policy.onnx")
  with pytest.raises(controller.ContractError, match="takes 38 numbers"):
    controller.Policy(tmp_path / "policy.onnx")


def test_a_json_that_says_something_else_is_refused(tmp_path, walk_folder):
  for name in ("policy.onnx", "policy.json"):
    (tmp_path / name).write_bytes((walk_folder / name).read_bytes())
  text = (tmp_path / "policy.json").read_text()
  (tmp_path / "policy.json").write_text(
    text.replace('"scale": 0.5', '"scale": 0.6')
  )
  with pytest.raises(controller.ContractError, match="differ"):
    sim_to_sim.load(tmp_path)


def test_the_robots_computer_needs_numpy_and_onnxruntime_only(
  tmp_path, walk_folder
):
  """In a Python that sees nothing else of what is installed here."""
  packages = tmp_path / "packages"
  packages.mkdir()
  for name in (
    "numpy",
    "numpy.libs",
    "onnxruntime",
    "flatbuffers",
    "packaging",
  ):
    spec = importlib.util.find_spec(name) if "." not in name else None
    site = pathlib.Path(np.__file__).parent.parent
    source = pathlib.Path(spec.origin).parent if spec else site / name
    if source.exists():
      (packages / name).symlink_to(source)
  for file in (walk_folder / "policy.onnx", pathlib.Path(controller.__file__)):
    (tmp_path / file.name).write_bytes(file.read_bytes())
  script = textwrap.dedent(f"""
    import sys
    sys.path[:0] = [{str(packages)!r}, {str(tmp_path)!r}]
    import numpy as np
    import controller
    policy = controller.Policy({str(tmp_path / "policy.onnx")!r})
    level = np.array([1.0, 0.0, 0.0, 0.0])
    policy.reset(level)
    readings = controller.Readings(
      level, np.zeros(3), policy.controller.default_pose, np.zeros(9))
    print(policy.step(readings, 0.3).shape)
    print([m for m in ("jax", "mujoco", "wildrobot_playground")
           if m in sys.modules])
  """)
  done = subprocess.run(
    [sys.executable, "-I", "-S", "-c", script],
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.stdout == "(9,)\n[]\n", done.stderr
