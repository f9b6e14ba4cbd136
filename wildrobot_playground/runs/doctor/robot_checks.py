"""A robot that somebody brings: what is missing or odd, before it trains."""

import pathlib

import mujoco
import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.robots import scene
from wildrobot_playground.runs.doctor.finding import FAIL, OK, WARN, Finding

_FLAT = 0.005  # m, between a sole's highest and lowest point
_UPRIGHT = 0.94  # cosine of 20 degrees
_SECONDS = 2.0  # to stand by itself
_SUNK = 0.15  # of the leg's length, that counts as a fall
_MIRRORED = 0.02  # of the leg's length, and of a unit axis
_MIRROR = np.array([1.0, -1.0, 1.0])


def check(robot: robots.Robot) -> list[Finding]:
  """Servos, soles, IMU, symmetry, and whether the default pose stands."""
  return [
    _servos(robot),
    _sides(robot),
    _soles(robot),
    _imu(robot),
    _mirror(robot),
    _stands(robot),
  ]


def _servos(robot: robots.Robot) -> Finding:
  """Position servos, limits and torques of all joints."""
  description, model = robot.description, robot.model
  spec = scene.read(pathlib.Path(description.model), description.assets)
  kinds = {a.target: a.biastype for a in spec.actuators}
  motors = [
    name
    for name in description.joints
    if kinds.get(name) != mujoco.mjtBias.mjBIAS_AFFINE
  ]
  endless = [
    name for name in description.joints if not model.joint(name).limited[0]
  ]
  if endless:
    return Finding(
      "servos",
      FAIL,
      f"{', '.join(endless)} has no range",
      "give every joint the range that it has on the robot",
    )
  if motors and not description.servo:
    kp = float(model.actuator_gainprm[robot.at.servos][0, 0])
    return Finding(
      "servos",
      WARN,
      f"{len(motors)} motors are driven as position servos of a guessed"
      f" stiffness ({kp:.3g} N·m/rad the first)",
      "write yours into robot.toml: [servo] kp = ... kv = ...",
    )
  return Finding(
    "servos",
    OK,
    f"{len(description.joints)} with {robot.max_torque:.3g} N·m each, in the"
    " mean",
  )


def _sides(robot: robots.Robot) -> Finding:
  """The robot faces +x: its left foot is on +y."""
  points = robot.sole.corners(robot.at.pose(robot.default_qpos))
  left, right = (
    float(np.mean(points[robot.description.contacts_of(side)][..., 1]))
    for side in robots.SIDES
  )
  said = f"the left foot is {left - right:.3f} m to the left of the right one"
  if left > right:
    return Finding("sides", OK, said)
  return Finding(
    "sides",
    FAIL,
    said,
    "the robot must face +x with z up; turn its root body, or swap the sides",
  )


def _soles(robot: robots.Robot) -> Finding:
  """The soles lie flat in the default pose."""
  points = robot.sole.corners(robot.at.pose(robot.default_qpos))
  for side in robots.SIDES:
    heights = points[robot.description.contacts_of(side)][..., 2]
    if np.ptp(heights) > _FLAT * robot.size:
      return Finding(
        "soles",
        WARN,
        f"the {side} sole is {1e3 * np.ptp(heights):.0f} mm out of level in"
        " the default pose",
        "choose an ankle angle that lays it flat, in default_pose",
      )
  return Finding("soles", OK, "flat in the default pose")


def _imu(robot: robots.Robot) -> Finding:
  """The IMU's axes are the robot's."""
  name = robot.description.imu or scene.ROOT
  mat = robot.forward(robot.default_qpos).site(name).xmat.reshape(3, 3)
  if mat[2, 2] > _UPRIGHT and mat[0, 0] > _UPRIGHT:
    return Finding("imu", OK, f"{robot.description.imu or 'at the root'}")
  return Finding(
    "imu",
    FAIL,
    f"axes of '{name}' are not the robot's: its x points to"
    f" {np.round(mat[:, 0], 2).tolist()}, its z to"
    f" {np.round(mat[:, 2], 2).tolist()}",
    "turn the site until x is forward and z up in the default pose, or take"
    ' the root as its place: imu = ""',
  )


def _mirror(robot: robots.Robot) -> Finding:
  """Axes and anchors of the legs mirror each other."""
  model, data = robot.model, mujoco.MjData(robot.model)
  data.qpos[robot.at.root] = [0, 0, 0, 1, 0, 0, 0]
  data.qpos[robot.at.joints] = 0.0
  mujoco.mj_kinematics(model, data)
  left, right = (
    [model.joint(name).id for name in robot.description.legs[side]]
    for side in robots.SIDES
  )
  names = robot.description.legs["left"]
  if len(left) != len(right):
    return Finding(
      "mirror",
      FAIL,
      f"the left leg has {len(left)} joints, the right one {len(right)}",
      "name both legs' joints in robot.toml: [legs]",
    )
  for name, a, b in zip(names, left, right, strict=True):
    apart = np.linalg.norm(data.xanchor[a] * _MIRROR - data.xanchor[b])
    # A turn mirrors as (-x, y, -z); servos may count either way.
    axis = data.xaxis[a] * -_MIRROR
    turned = min(np.linalg.norm(s * axis - data.xaxis[b]) for s in (1, -1))
    if apart > _MIRRORED * robot.leg_length or turned > 2 * _MIRRORED:
      return Finding(
        "mirror",
        WARN,
        f"{name} is not the mirror image of {model.joint(b).name}: anchors"
        f" {1e3 * apart:.0f} mm, axes {turned:.2f} apart",
        "motions are mirrored as if it were; mend the model if it is wrong",
      )
  return Finding("mirror", OK, "the legs mirror each other")


def _stands(robot: robots.Robot) -> Finding:
  """The default pose, held by the servos for two seconds."""
  model, data = robot.model, mujoco.MjData(robot.model)
  data.qpos[:], data.ctrl[:] = robot.default_qpos, robot.default_ctrl
  root = model.body(robot.description.root).id
  for _ in range(round(_SECONDS / model.opt.timestep)):
    mujoco.mj_step(model, data)
  height = float(data.qpos[robot.at.root][2])
  tilt = float(np.degrees(np.arccos(np.clip(data.xmat[root][8], -1, 1))))
  said = f"after {_SECONDS:g} s at {height:.3f} m, tilted by {tilt:.0f} degrees"
  if height > robot.default_height - _SUNK * robot.leg_length and tilt < 20:
    return Finding("default pose", OK, f"stands: {said}")
  return Finding(
    "default pose",
    WARN,
    f"does not stand by itself: {said}",
    "bend the knees, put the mass over the soles, or stiffen the servos",
  )
