"""The figures of the real robot, from its CAD export and servo tests.

Lengths in m, masses in kg, inertias in kg·m², angles in rad, torques in N·m. In
body frames that are all aligned with the pelvis (x forward, y left, z up).
"""

import mujoco
import numpy as np

# parent, pos in parent, mass, com, inertia about com (xx yy zz xy xz yz);
# the left side, which the right side mirrors.
BODIES = {
  "waist": (
    "world",
    (0, 0, 0.4694),
    0.43962,
    (-0.0018, 0, 0.0060),
    (9.98e-4, 6.99e-4, 7.03e-4, 0, 1.39e-5, 0),
  ),
  "chassis": (
    "waist",
    (0, 0, 0.0482),
    0.84121,
    (0.0041, 0.0024, 0.0683),
    (1.50e-3, 1.26e-3, 9.14e-4, -1.08e-4, -3.2e-5, -2.5e-5),
  ),
  "left_hip": (
    "waist",
    (0, 0.0536, -0.0336),
    0.08497,
    (0.0028, 0.0331, 0.0090),
    (2.00e-5, 2.44e-5, 1.93e-5, -8.1e-7, 3.9e-7, -1.48e-6),
  ),
  "left_thigh": (
    "left_hip",
    (0.0268, 0.0365, 0.0002),
    0.23656,
    (-0.0265, 0.0002, -0.1594),
    (9.82e-4, 9.89e-4, 1.27e-4, 0, 2.07e-6, 0),
  ),
  "left_shin": (
    "left_thigh",
    (-0.0264, 0, -0.1926),
    0.38066,
    (0.0006, 0, -0.1014),
    (1.78e-3, 1.69e-3, 6.70e-4, 0, -1.75e-5, 0),
  ),
  "left_foot": (
    "left_shin",
    (0.0003, 0, -0.1800),
    0.34644,
    (0.0189, 0, -0.0518),
    (2.85e-4, 6.92e-4, 9.26e-4, 0, 1.22e-5, 0),
  ),
}
TOTAL_MASS = 3.385

# body, axis, range; in the order of the contract.
JOINTS = {
  "waist_yaw": ("chassis", (0, 0, -1), (-0.5236, 0.5236)),
  "left_hip_pitch": ("left_hip", (0, -1, 0), (-0.0873, 1.5708)),
  "left_hip_roll": ("left_thigh", (-1, 0, 0), (-1.5708, 0.1745)),
  "left_knee_pitch": ("left_shin", (0, 1, 0), (0, 1.3963)),
  "left_ankle_pitch": ("left_foot", (0, 1, 0), (-0.7854, 0.7854)),
  "right_hip_pitch": ("right_hip", (0, 1, 0), (-1.5708, 0.0873)),
  "right_hip_roll": ("right_thigh", (-1, 0, 0), (-0.1745, 1.5708)),
  "right_knee_pitch": ("right_shin", (0, 1, 0), (0, 1.3963)),
  "right_ankle_pitch": ("right_foot", (0, 1, 0), (-0.7854, 0.7854)),
}

DAMPING, FRICTION_LOSS, ARMATURE = 0.08516, 0.022275, 0.024992
KP, KV, TORQUE_LIMIT = 21.1, 0.5, 4.0

# x from, x to; both y -0.045 .. 0.045, 4 mm thick, sole at z = -0.064.
PLATES = {"toe": (0.0195, 0.094), "heel": (-0.054, -0.0117)}
PLATE_HALF_WIDTH, PLATE_THICKNESS, SOLE = 0.045, 0.004, -0.064

SITES = {
  "pelvis": ("waist", (0, 0, 0)),
  "chest_imu": ("chassis", (0, 0, 0.119)),
  "left_knee_imu": ("left_thigh", (-0.0263, 0, -0.1734)),
  "right_knee_imu": ("right_thigh", (-0.0263, 0, -0.1734)),
  "left_foot": ("left_foot", (0.0165, 0, -0.064)),
  "right_foot": ("right_foot", (0.0165, 0, -0.064)),
}

# Bounding boxes of the parts, left side: x, y, z from and to.
SHAPES = {
  "waist": ((-0.052, -0.073, -0.06), (0.052, 0.073, 0.07)),
  "chassis": ((-0.048, -0.055, 0.007), (0.048, 0.055, 0.183)),
  "left_hip": ((-0.026, 0.022, -0.012), (0.026, 0.047, 0.032)),
  "left_thigh": ((-0.067, -0.038, -0.233), (0.014, 0.038, 0.013)),
  "left_shin": ((-0.06, -0.052, -0.19), (0.06, 0.052, 0.018)),
  "left_foot": ((-0.06, -0.05, -0.064), (0.10, 0.05, 0.012)),
}
DRAWING_SLACK = 0.008

HOME_HEIGHT = 0.4694

SIDES = [
  *((name, name, False) for name in BODIES),
  *(
    (name.replace("left", "right"), name, True)
    for name in BODIES
    if name.startswith("left")
  ),
]


def mirrored(vector, mirror):
  """A vector (3,) seen in the sagittal plane's mirror."""
  return np.array(vector) * ([1, -1, 1] if mirror else 1)


def inertia_matrix(values, mirror):
  """(3, 3) from xx yy zz xy xz yz; the mirror negates xy and yz."""
  xx, yy, zz, xy, xz, yz = values
  sign = -1 if mirror else 1
  xy, yz = sign * xy, sign * yz
  return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def rotation(quat):
  mat = np.zeros(9)
  mujoco.mju_quat2Mat(mat, quat)
  return mat.reshape(3, 3)
