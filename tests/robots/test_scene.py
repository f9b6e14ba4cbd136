"""A robot on our ground: the same physics as to look at, whatever it brings."""

import mujoco
import numpy as np
import pytest

from tests.robots import users_biped as biped
from wildrobot_playground.robots import folder as folder_lib
from wildrobot_playground.robots import mjcf, scene
from wildrobot_playground.robots.description import SIDES, Contact
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.system import assets

# What we add: sensors and a site, and with them names and sizes.
_OURS = ("sensor_", "nsensor", "site_", "nsite", "name", "nnames")
_OF_MEMORY = ("nbuffer", "signature")


def _fields(struct):
  """Plain numbers and arrays of a MuJoCo struct, by name."""
  found = {}
  for name in dir(struct):
    value = getattr(struct, name)
    if not name.startswith("_") and isinstance(
      value, (int, float, np.ndarray, bytes)
    ):
      found[name] = value
  return found


@pytest.fixture
def biped_robot(tmp_path):
  return biped.description(tmp_path)


@pytest.mark.parametrize("terrain", scene.TERRAINS)
def test_what_is_put_together_is_what_the_viewer_shows(terrain):
  made = scene.compile_scene(WILDROBOT, terrain)
  shown = mujoco.MjModel.from_xml_path(
    str(assets.xmls() / f"scene_{terrain}_terrain.xml")
  )
  for part in ("opt", "stat"):
    ours, theirs = (_fields(getattr(m, part)) for m in (made, shown))
    assert ours.keys() == theirs.keys()
    assert len(ours) > 4
    for name, value in ours.items():
      np.testing.assert_array_equal(value, theirs[name], err_msg=name)
  ours, theirs = _fields(made), _fields(shown)
  assert ours.keys() == theirs.keys()
  compared = 0
  for name, value in ours.items():
    if not name.startswith(_OURS + _OF_MEMORY):
      np.testing.assert_array_equal(value, theirs[name], err_msg=name)
      compared += 1
  assert compared > 300
  for i in range(shown.nsite):  # Its own sites are where they were.
    name = shown.site(i).name
    assert made.site(name).bodyid == shown.site(i).bodyid
    np.testing.assert_array_equal(made.site(name).pos, shown.site(i).pos)


@pytest.mark.parametrize("terrain", scene.TERRAINS)
def test_a_scene_looks_as_the_viewer_shows_it(terrain):
  made = scene.compile_scene(WILDROBOT, terrain)
  shown = mujoco.MjModel.from_xml_path(
    str(assets.xmls() / f"scene_{terrain}_terrain.xml")
  )
  for part in ("global_", "headlight", "quality", "rgba", "map"):
    ours, theirs = (_fields(getattr(m.vis, part)) for m in (made, shown))
    for name, value in ours.items():
      np.testing.assert_array_equal(value, theirs[name], err_msg=name)


def test_an_unknown_terrain_is_told():
  with pytest.raises(ValueError, match="'stairs' is unknown; choose one of"):
    scene.compile_scene(WILDROBOT, "stairs")


@pytest.mark.parametrize("terrain", scene.TERRAINS)
def test_a_floor_of_its_own_gives_way_to_ours(biped_robot, terrain):
  model = scene.compile_scene(biped_robot, terrain)
  ground = [
    model.geom(i).name
    for i in range(model.ngeom)
    if mujoco.mjtGeom(model.geom_type[i]) in scene.GROUND
  ]
  assert ground == [scene.FLOOR]
  floor = model.geom(scene.FLOOR)
  assert floor.pos[2] == 0.0  # Its own was lower.
  assert floor.friction[0] == 1.0
  assert floor.priority[0] == 1


def test_what_speaks_of_its_floor_goes_with_it(tmp_path):
  """Pairs are how many scenes choose what may touch the ground."""
  robot = biped.description(tmp_path)
  pair = (
    '<contact><pair geom1="my_floor" geom2="trunk"/></contact><sensor>'
    '<contact name="mine" geom1="my_floor" geom2="trunk"/></sensor>'
    "<actuator>"
  )
  xml = biped.XML.replace("<actuator>", pair, 1)
  xml = xml.replace('<geom type="box"', '<geom name="trunk" type="box"', 1)
  biped.write(tmp_path, xml=xml)
  model = scene.compile_scene(robot)
  assert model.npair == 0
  with pytest.raises(KeyError):
    model.sensor("mine")


def test_a_floor_that_is_no_plane_is_told(tmp_path):
  robot = biped.description(tmp_path)
  named = ' name="floor" type="box"'
  biped.write(tmp_path, xml=biped.XML.replace(' type="box"', named, 1))
  with pytest.raises(mjcf.ModelError, match="a geom 'floor' that is no plane"):
    scene.compile_scene(robot)


def test_a_robot_without_a_floor_gets_ours(tmp_path):
  robot = biped.description(tmp_path)
  start = biped.XML.index("<geom")
  end = biped.XML.index("/>", start) + 2
  biped.write(tmp_path, xml=biped.XML[:start] + biped.XML[end:])
  model = scene.compile_scene(robot)
  assert model.geom(scene.FLOOR).bodyid[0] == 0


def test_contacts_named_by_body_are_of_all_its_geoms_that_collide(biped_robot):
  """None of them has a name; what does not collide has no sensor."""
  model = scene.compile_scene(biped_robot)
  names = scene.contact_sensors(model, biped_robot)
  assert [len(found) for found in names] == [2, 2]
  floor = model.geom(scene.FLOOR).id
  for side, found in zip(("left", "right"), names, strict=True):
    geoms = [int(model.sensor(name).objid[0]) for name in found]
    assert len(set(geoms)) == 2
    for geom in geoms:
      assert model.body(model.geom_bodyid[geom]).name == f"{side}_sole"
      assert model.geom_contype[geom]
    for name in found:
      assert model.sensor(name).refid[0] == floor


def paired(folder):
  """The biped with soles that collide by pairs with its own floor alone."""
  xml = biped.XML
  names = [f"{side}_{end}" for side in SIDES for end in ("toe", "heel")]
  for side in SIDES:
    start = xml.index(f'name="{side}_sole"')
    sole = xml[start:]
    for end in ("toe", "heel"):
      sole = sole.replace(
        '<geom type="box" size="0.04 0.03',
        f'<geom name="{side}_{end}" type="box" size="0.040 0.03',
        1,
      )
    sole = sole.replace('contype="2" conaffinity="1"', 'contype="0"', 2)
    sole = sole.replace('contype="0"', 'contype="0" conaffinity="0"', 2)
    xml = xml[:start] + sole
  pairs = "".join(f'<pair geom1="my_floor" geom2="{name}"/>' for name in names)
  xml = xml.replace("<actuator>", f"<contact>{pairs}</contact><actuator>", 1)
  biped.write(folder, xml=xml)
  return folder_lib.load(folder)


@pytest.mark.parametrize("by", ["masks", "pairs"])
def test_its_contacts_are_felt(tmp_path, by):
  robot = paired(tmp_path) if by == "pairs" else biped.description(tmp_path)
  model = scene.compile_scene(robot)
  names = scene.contact_sensors(model, robot)
  data = mujoco.MjData(model)

  def readings(height):
    mujoco.mj_resetData(model, data)
    data.qpos[2] = height
    mujoco.mj_forward(model, data)
    return [
      [data.sensor(name).data[0] > 0 for name in found] for found in names
    ]

  assert readings(0.479) == [[True, True], [True, True]]
  assert readings(0.481) == [[False, False], [False, False]]


def test_sensors_are_where_they_are_said_to_be(biped_robot):
  model = scene.compile_scene(biped_robot)
  data = mujoco.MjData(model)
  data.qvel[:] = np.arange(model.nv) * 0.1
  mujoco.mj_forward(model, data)
  np.testing.assert_allclose(
    data.sensor(scene.GLOBAL_LINVEL).data, [0, 0.1, 0.2], atol=1e-9
  )
  for side in ("left", "right"):
    site = model.site(data.model.sensor(scene.foot_sensor(side)).objid[0])
    assert model.body(site.bodyid[0]).name == f"{side}_sole"
    np.testing.assert_allclose(site.pos, [0.005, 0, -0.03], atol=1e-9)
  for joint in biped.JOINTS:
    servo = int(model.sensor(scene.torque_sensor(joint)).objid[0])
    assert model.actuator(servo).name == f"{joint}_servo"
  imu = model.sensor(scene.GYRO)
  assert model.site(imu.objid[0]).name == "torso_imu"


def test_without_a_site_the_imu_is_at_the_root(tmp_path):
  model = scene.compile_scene(biped.description(tmp_path, imu=""))
  site = model.site(model.sensor(scene.GYRO).objid[0])
  assert model.body(site.bodyid[0]).name == "pelvis"


@pytest.mark.parametrize(
  ("changes", "said"),
  [
    ({"root": "hips"}, "has no body 'hips'"),
    ({"imu": "gyro"}, "has no site 'gyro' for the IMU"),
    ({"joints": ("twist", "neck")}, "has no servo on neck"),
    (
      {"contacts": (Contact("left_foot", ("toes",)),)},
      "left foot: there is no geom, site or body 'toes'",
    ),
    (
      {
        "contacts": (
          Contact("left_foot", ("left_shin",)),
          Contact("right_foot", ("right_sole",)),
        )
      },
      "no geom of body 'left_shin' collides",
    ),
    ({"model": "nowhere.xml"}, "there is no model at nowhere.xml"),
  ],
)
def test_what_the_model_lacks_is_told_in_a_line(tmp_path, changes, said):
  with pytest.raises(mjcf.ModelError) as error:
    scene.compile_scene(biped.description(tmp_path, **changes))
  assert said in str(error.value)
  assert "\n" not in str(error.value)


@pytest.mark.parametrize("weighed", [True, False])
def test_a_mesh_without_a_file_is_left_out_only_where_it_weighs_nothing(
  weighed, tmp_path
):
  """Else the robot would be lighter than its owner wrote it."""
  inertial = '<inertial pos="0 0 0" mass="2" diaginertia="1 1 1"/>' * weighed
  path = tmp_path / "robot.xml"
  path.write_text(f"""<mujoco><asset><mesh name="m" file="gone.stl"/></asset>
    <worldbody><body name="b"><freejoint/>{inertial}
    <geom type="mesh" mesh="m" contype="0" conaffinity="0"/></body></worldbody>
    </mujoco>""")
  spec = scene.read(path)
  assert len(spec.meshes) == (0 if weighed else 1)
  if weighed:
    assert spec.compile().body_mass[1] == 2
