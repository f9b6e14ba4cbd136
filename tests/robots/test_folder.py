"""A user's folder: what is left out is found, what is wrong is one line."""

import pytest

from tests.robots import users_biped as biped
from wildrobot_playground.robots import addresses, folder, scene
from wildrobot_playground.robots.description import Contact


def _load(path, text="", xml=biped.XML):
  return folder.load(biped.write(path / "my-biped", text, xml))


def _refused(path, text="", xml=biped.XML):
  with pytest.raises(folder.RobotError) as error:
    _load(path, text, xml)
  said = str(error.value)
  assert "\n" not in said
  assert len(said) < 600
  return said


def _without(xml, start, end):
  """An MJCF without what stands from one text to the end of another."""
  first = xml.index(start)
  return xml[:first] + xml[xml.index(end, first) + len(end) :]


# What is found.


def test_an_empty_description_finds_every_part(tmp_path):
  robot = _load(tmp_path)
  assert robot.name == "my-biped"
  assert robot.environments == ("MyBipedWalk", "MyBipedWalkRough")
  assert robot.model == (tmp_path / "my-biped" / "biped.xml").resolve()
  assert robot.root == "pelvis"
  assert robot.imu == "torso_imu"
  assert robot.joints == biped.JOINTS
  assert robot.contacts == (
    Contact("left_foot", ("left_sole",)),
    Contact("right_foot", ("right_sole",)),
  )
  assert robot.legs == {
    side: tuple(f"{side}_{joint}" for joint in ("hip", "knee", "ankle"))
    for side in ("left", "right")
  }
  assert robot.waist == "twist"
  assert robot.upper_body == []
  assert robot.default_pose == "crouch"
  assert robot.task == {}
  assert robot.servo == {}
  assert robot.reference == (tmp_path / "my-biped" / "reference").resolve()


def test_it_can_be_compiled_and_addressed(tmp_path):
  robot = _load(tmp_path)
  model = scene.compile_scene(robot, "rough")
  assert not addresses.find(model, robot.joints).is_pose
  sensors = scene.contact_sensors(model, robot)
  assert [len(names) for names in sensors] == [2, 2]


def test_the_file_itself_may_be_named(tmp_path):
  path = biped.write(tmp_path / "a") / "robot.toml"
  assert folder.load(path) == folder.load(path.parent)


def test_what_is_said_counts(tmp_path):
  robot = _load(
    tmp_path,
    """
name = "walker"
title = "Strider"
model = "biped.xml"
root = "pelvis"
imu = ""
joints = ["left_hip", "left_knee", "left_ankle",
  "right_hip", "right_knee", "right_ankle"]
default_pose = {left_knee = 0.5, right_knee = 1}

[[contacts]]
name = "left_sole"
geoms = ["left_sole"]
sole = ["left_sole"]

[[contacts]]
name = "right_sole"
geoms = ["right_sole"]

[legs]
left = ["left_hip", "left_knee", "left_ankle"]
right = ["right_hip", "right_knee", "right_ankle"]

[task]
min_height = 0.25
command_config.lin_vel_x = [0.0, 0.5]
""",
  )
  assert (robot.name, robot.title) == ("walker", "Strider")
  assert robot.imu == ""
  assert robot.joints == biped.JOINTS[1:]
  assert robot.waist is None
  assert robot.default_pose == {"left_knee": 0.5, "right_knee": 1}
  assert robot.contacts == (
    Contact("left_sole", ("left_sole",), ("left_sole",)),
    Contact("right_sole", ("right_sole",)),
  )
  assert robot.task == {
    "min_height": 0.25,
    "command_config.lin_vel_x": (0.0, 0.5),
  }


def test_a_waist_may_be_denied(tmp_path):
  robot = _load(tmp_path, 'waist = ""')
  assert robot.waist is None
  assert robot.upper_body == [0]


def test_feet_may_be_named_alone(tmp_path):
  robot = _load(
    tmp_path, '[feet]\nleft = "left_sole"\nright = ["right_sole"]\n'
  )
  assert robot.contact_names == ("left_foot", "right_foot")
  assert robot.contacts[0].geoms == ("left_sole",)


def test_home_is_before_other_keyframes(tmp_path):
  other = '<key name="home"/><key name="crouch"'
  xml = biped.XML.replace('<key name="home"/>', "")
  xml = xml.replace('<key name="crouch"', '<key name="zoo"/>' + other)
  assert _load(tmp_path, xml=xml).default_pose == "home"


def test_without_keyframe_imu_and_waist_there_are_none(tmp_path):
  xml = _without(biped.XML, "<keyframe>", "</keyframe>")
  xml = _without(xml, '<site name="torso_imu"', "/>")
  robot = _load(tmp_path, xml=xml)
  assert robot.default_pose == {}
  assert robot.imu == ""
  assert robot.waist is None


# What is wrong.


@pytest.mark.parametrize(
  ("text", "said"),
  [
    ('rot = "pelvis"', "unknown key 'rot'; did you mean root"),
    ("root = 3", "root must be text"),
    ('joints = "twist"', "joints must be a list"),
    ("default_pose = 3", "default_pose must be text or a table"),
    ("feet = []", "feet must be a table"),
    ("task = 1", "task must be a table"),
    (
      'root = "pelvi"',
      "root: the model has no body 'pelvi'; did you mean pelv",
    ),
    ('imu = "torso_im"', "no site 'torso_im'; did you mean torso_imu?"),
    ('joints = ["twits"]', "no joint 'twits'; did you mean twist?"),
    ('joints = ["twist", "twist"]', "'twist' is there twice"),
    ("joints = [1]", "joints: the model has no joint '1'"),
    ('joints = ["base"]', "joints: 'base' is no hinge"),
    ('waist = "twst"', "waist: the model has no joint 'twst'; did you mean"),
    ('default_pose = "crouhc"', "no keyframe 'crouhc'; did you mean crouch?"),
    ("default_pose = {twits = 1.0}", "no joint 'twits'; did you mean twist?"),
    ('default_pose = {twist = "a"}', "default_pose.twist is no angle"),
    ("default_pose = {twist = nan}", "default_pose.twist is no angle"),
    ("default_pose = {twist = true}", "default_pose.twist is no angle"),
    ('feet.left = "left_sole"', "feet must have left and right"),
    ("feet = {left = 1, right = 2}", "feet.left must be names of"),
    ("feet = {left = [], right = []}", "feet.left must be names of"),
    (
      'feet = {left = "left_sol", right = "right_sole"}',
      "the model has no geom or body 'left_sol'; did you mean left_sole",
    ),
    ("legs.left = []", "legs must have left and right"),
    ("legs = {left = [], right = []}", "legs.left must be"),
    ("legs = {left = 1, right = []}", "legs.left must be"),
    (
      'legs = {left = ["left_hop"], right = ["right_hip"]}',
      "legs.left: the model has no joint 'left_hop'; did you mean left_hip",
    ),
    ("contacts = [1]", "every contact must have name and geoms"),
    ('contacts = [{name = "left_foot"}]', "must have name and geoms"),
    ('contacts = [{name = "left_a", geoms = "x"}]', "geoms must be names of"),
    ('contacts = [{name = "left_a", geoms = []}]', "geoms must be names"),
    ('contacts = [{name = "left_a", geoms = [1]}]', "geoms must be names"),
    (
      'contacts = [{name = "toe", geoms = ["left_sole"]}]',
      "contact 'toe': its name must begin with left_ or right_",
    ),
    (
      'contacts = [{name = "left_a", geoms = ["left_sole"], soles = []}]',
      "unknown key of a contact",
    ),
    (
      'contacts = [{name = "left_a", geoms = ["left_sole"]},'
      ' {name = "left_a", geoms = ["right_sole"]}]',
      "contact 'left_a' is there twice",
    ),
    (
      'contacts = [{name = "left_a", geoms = ["left_sole"]}]',
      "no contact is on the right side",
    ),
    ("contacts = []", "no contact is on the left side"),
    ('name = "my robot"', "name 'my robot' must be letters"),
    ('name = "../up"', "name '../up' must be letters"),
    ('title = "My Robot"', "title 'My Robot' must be letters"),
    ("servo = 1", "servo must be a table"),
    ("servo = {kd = 1}", "unknown key servo.kd; did you mean"),
    ("servo = {kp = 0}", "servo.kp must be a number above 0"),
    ("servo = {kp = nan}", "servo.kp must be a number above 0"),
    ("servo = {kp = inf}", "servo.kp must be a number above 0"),
    ("servo = {kv = true}", "servo.kv must be a number above 0"),
    ('model = "other.xml"', "there is no model at"),
    ('model = "no"', "there is no model at"),
    ('model = "a\\u0000b.xml"', "is no path"),
    ("task = {min_hight = 0.2}", "task.min_hight; did you mean min_height"),
    ("task = {min_height = true}", "min_height is True; it must be a number"),
    ("name = ", "cannot read"),
    ("name = 'a'\nname = 'b'", "cannot read"),
  ],
)
def test_a_wrong_key_or_name_is_one_line(tmp_path, text, said):
  assert said in _refused(tmp_path, text)


def test_a_joint_needs_a_servo_to_be_one_of_its_joints(tmp_path):
  xml = _without(biped.XML, '<position name="twist_servo"', "/>")
  assert "twist" not in _load(tmp_path, xml=xml).joints
  said = _refused(tmp_path, 'joints = ["twist"]', xml)
  assert "joints: no servo drives 'twist'" in said


def test_a_model_without_a_free_joint_is_told(tmp_path):
  xml = biped.XML.replace('<freejoint name="base"/>', "")
  xml = _without(xml, "<keyframe>", "</keyframe>")
  said = _refused(tmp_path, xml=xml)
  assert "0 free joints, expected one: add <freejoint/>" in said


def test_a_model_without_servos_is_told(tmp_path):
  xml = _without(biped.XML, "<actuator>", "</actuator>")
  assert "no actuator of the model drives a hinge" in _refused(
    tmp_path, xml=xml
  )


def test_a_robot_that_touches_nothing_is_told(tmp_path):
  xml = biped.XML.replace('contype="2" conaffinity="1"', 'contype="0"')
  xml = xml.replace('mass="0.05" contype="0"', _NO_CONTACT)
  said = _refused(tmp_path, xml=xml)
  assert "name what touches the ground: [feet]" in said


_NO_CONTACT = 'mass="0.05" contype="0" conaffinity="0"'


@pytest.mark.parametrize(
  ("named", "said"),
  [
    ('body name="pelvis"', "the body of the free joint has no name"),
    ('body name="left_sole"', "has no name"),
  ],
)
def test_parts_that_are_found_need_a_name(tmp_path, named, said):
  assert said in _refused(tmp_path, xml=biped.XML.replace(named, "body"))


def test_a_leg_of_two_joints_is_told(tmp_path):
  xml = _without(biped.XML, '<position name="left_knee_servo"', "/>")
  said = _refused(tmp_path, xml=xml)
  assert "2 servos are between pelvis and the left foot, expected 3" in said
  assert "[legs] left =" in said


def test_of_two_models_one_must_be_named(tmp_path):
  path = biped.write(tmp_path / "a")
  (path / "scene.xml").write_text("<mujoco/>")
  with pytest.raises(folder.RobotError, match="has 2 models") as error:
    folder.load(path)
  assert "biped.xml, scene.xml" in str(error.value)
  (path / "robot.toml").write_text('model = "biped.xml"')
  assert folder.load(path).root == "pelvis"


def test_a_folder_without_a_model_is_told(tmp_path):
  (tmp_path / "robot.toml").write_text("")
  with pytest.raises(folder.RobotError, match=r"has 0 models \(none\)"):
    folder.load(tmp_path)


@pytest.mark.parametrize("name", ["", "not_there", "biped.xml"])
def test_a_folder_without_a_description_is_told(tmp_path, name):
  (tmp_path / "biped.xml").write_text(biped.XML)
  with pytest.raises(folder.RobotError, match=r"robot\.toml") as error:
    folder.load(tmp_path / name)
  assert "\n" not in str(error.value)


@pytest.mark.parametrize(
  ("xml", "said"),
  [
    ("<mujoco>", "is no MJCF"),
    ("<mujoco><worldbody><bdy/></worldbody></mujoco>", "is no MJCF"),
    (biped.XML.replace('joint="twist"', 'joint="neck"'), "does not compile"),
    (biped.XML.replace('kp="20"', 'kp="nan"', 1), "'nan', expected numbers"),
  ],
)
def test_a_damaged_model_is_one_line(tmp_path, xml, said):
  assert said in _refused(tmp_path, xml=xml)


def test_a_description_that_is_no_text_is_told(tmp_path):
  path = biped.write(tmp_path / "a")
  (path / "robot.toml").write_bytes(b"name = '\xff'")
  with pytest.raises(folder.RobotError, match="cannot read"):
    folder.load(path)
