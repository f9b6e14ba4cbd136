"""The robot in names: joints, plates, sensors, in the order of the contract."""

ROBOT = "wildrobot"

JOINT_NAMES = (
  "waist_yaw",
  "left_hip_pitch",
  "left_hip_roll",
  "left_knee_pitch",
  "left_ankle_pitch",
  "right_hip_pitch",
  "right_hip_roll",
  "right_knee_pitch",
  "right_ankle_pitch",
)

# Foot contacts are always reported in this order.
CONTACT_NAMES = ("left_toe", "left_heel", "right_toe", "right_heel")

ROOT_BODY = "waist"
CHEST_SITE = "chest_imu"
PELVIS_SITE = "pelvis"
FEET_SITES = ("left_foot", "right_foot")
FLOOR_GEOM = "floor"
SOLE_PLATE_GEOMS = tuple(f"{name}_plate" for name in CONTACT_NAMES)

GRAVITY_SENSOR = "upvector"
ORIENTATION_SENSOR = "orientation"
GLOBAL_LINVEL_SENSOR = "global_linvel"
GLOBAL_ANGVEL_SENSOR = "global_angvel"
LOCAL_LINVEL_SENSOR = "local_linvel"
ACCELEROMETER_SENSOR = "accelerometer"
GYRO_SENSOR = "gyro"
FEET_LINVEL_SENSORS = tuple(f"{site}_global_linvel" for site in FEET_SITES)
CONTACT_SENSORS = tuple(f"{name}_floor_found" for name in CONTACT_NAMES)

TORQUE_SENSORS = tuple(f"{name}_torque" for name in JOINT_NAMES)

HOME_KEYFRAME = "home"
WALK_READY_KEYFRAME = "walk_ready"

FLAT_TERRAIN_SCENE = "scene_flat_terrain.xml"
ROUGH_TERRAIN_SCENE = "scene_rough_terrain.xml"
