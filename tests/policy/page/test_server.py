"""The joystick's server: commands within range, or one line of JSON."""

import http.client
import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildrobot_playground.policy.page import server as server_lib
from wildrobot_playground.web import address

_FASTEST, _TURN = 0.8, 0.5


class _Robot:
  """What the server has been told, and what it shows."""

  def __init__(self):
    self.commands, self.pushes, self.speed = [], 0, 0.1

  def drive(self, speed, turn):
    self.commands.append((speed, turn))

  def push(self):
    self.pushes += 1

  def state(self):
    return {"speed": self.speed, "falls": 2}


@pytest.fixture(scope="module")
def served():
  robot = _Robot()
  config = {"port": 4242, "fastest": _FASTEST, "turn": _TURN}
  server = server_lib.JoystickServer(
    address.listen("127.0.0.1", 0), config, robot.drive, robot.push, robot.state
  )
  yield server, robot
  server.close()


@pytest.fixture
def server(served):
  return served[0]


@pytest.fixture
def robot(served):
  served[1].commands.clear()
  served[1].pushes = 0
  return served[1]


def _ask(server, method, path, body=None, **headers):
  """Status and body."""
  link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
  link.request(method, path, body, headers)
  answer = link.getresponse()
  content = answer.read()
  link.close()
  return answer, content


def _command(server, body, **headers):
  answer, content = _ask(server, "POST", "/command", body, **headers)
  return answer.status, json.loads(content, parse_constant=pytest.fail)


@pytest.mark.parametrize(
  ("speed", "turn"), [(0, 0), (0.4, -0.5), (_FASTEST, _TURN), (0.0, -_TURN)]
)
def test_a_command_within_range_is_told(server, robot, speed, turn):
  body = json.dumps({"speed": speed, "turn": turn})
  assert _command(server, body) == (200, {})
  assert robot.commands == [(speed, turn)]


@pytest.mark.parametrize(
  "body",
  [
    "",
    "null",
    "3",
    "[]",
    "{}",
    '{"speed": 0.1}',
    '{"speed": NaN, "turn": 0}',
    '{"speed": 0, "turn": NaN}',
    '{"speed": Infinity, "turn": 0}',
    '{"speed": -Infinity, "turn": 0}',
    '{"speed": 1e400, "turn": 0}',
    '{"speed": 1e9, "turn": 0}',
    '{"speed": -0.1, "turn": 0}',
    '{"speed": 0.1, "turn": 0.6}',
    '{"speed": "0.1", "turn": 0}',
    '{"speed": true, "turn": 0}',
    '{"speed": null, "turn": 0}',
    '{"speed": [0.1], "turn": 0}',
    '{"speed": {"speed": 0.1}, "turn": 0}',
    '{"speed": ' + "9" * 900 + ', "turn": 0}',
    '{"speed": 0.1, "turn": 0',
    "[" * 1000,
    '{"a":' * 200,
    b"\xff\xfe\x00",
    b"\x00" * 900,
  ],
)
def test_any_other_is_refused_and_told_to_nobody(server, robot, body, capfd):
  status, told = _command(server, body)
  assert status == 400
  assert "expected" in told["error"]
  assert not robot.commands
  assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
  "headers",
  [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Host": "evil.example"},
  ],
)
@pytest.mark.parametrize("path", ["/command", "/push"])
def test_another_site_drives_nothing(server, robot, path, headers):
  body = '{"speed": 0.4, "turn": 0}'
  answer, _ = _ask(server, "POST", path, body, **headers)
  assert answer.status == 403
  assert not robot.commands
  assert not robot.pushes


def test_another_site_reads_nothing(server):
  headers = {"Host": f"evil.example:{server.port}"}
  for path in ("/", "/state"):
    answer, content = _ask(server, "GET", path, **headers)
    assert answer.status == 403
    assert b"falls" not in content


def test_its_own_page_may(server, robot):
  own = f"localhost:{server.port}"
  headers = {"Host": own, "Origin": f"http://{own}"}
  assert _ask(server, "POST", "/push", **headers)[0].status == 200
  assert robot.pushes == 1


@pytest.mark.parametrize(
  ("method", "path"),
  [
    ("GET", "/push"),
    ("GET", "/command"),
    ("HEAD", "/push"),
    ("POST", "/state"),
    ("POST", "/"),
    ("PUT", "/command"),
    ("DELETE", "/"),
    ("OPTIONS", "/command"),
  ],
)
def test_another_method_is_refused(server, robot, method, path):
  answer, _ = _ask(server, method, path)
  assert answer.status == 405
  assert answer.headers["Allow"] in ("POST", "GET, HEAD")
  assert not robot.pushes


@pytest.mark.parametrize(
  "path",
  ["/server.py", "/../server.py", "/%2e%2e/server.py", "//etc/passwd", "/%00"],
)
def test_no_other_file_is_served(server, path):
  assert _ask(server, "GET", path)[0].status == 404


def test_a_speed_that_is_no_number_is_told_as_none(server, robot):
  robot.speed = float("nan")
  _, content = _ask(server, "GET", "/state")
  robot.speed = 0.1
  state = json.loads(content, parse_constant=pytest.fail)
  assert state == {"speed": None, "falls": 2}


def test_the_page_is_in_no_frame_and_loads_nothing_from_elsewhere(server):
  answer, content = _ask(server, "GET", "/")
  rules = answer.headers["Content-Security-Policy"]
  assert "frame-ancestors 'none'" in rules
  assert "default-src 'none'" in rules
  assert b'"port": 4242' in content
  assert b"/*CONFIG*/" not in content


_NUMBERS = st.one_of(
  st.floats(), st.integers(), st.floats(-0.6, 0.9), st.none(), st.text()
)
_BODIES = st.one_of(
  st.binary(max_size=1500),
  st.builds(
    lambda told: json.dumps(told).encode(),
    st.recursive(
      st.one_of(_NUMBERS, st.booleans()),
      lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["speed", "turn", "x"]), inner),
      ),
    ),
  ),
  st.builds(
    lambda speed, turn: json.dumps({"speed": speed, "turn": turn}).encode(),
    _NUMBERS,
    _NUMBERS,
  ),
)


@pytest.mark.property
@given(
  _BODIES,
  st.sampled_from(["/command", "/push", "/state", "/", "/x"]),
  st.sampled_from(["GET", "POST", "PATCH"]),
  st.one_of(st.none(), st.integers(), st.just("chunked")),
)
def test_whatever_is_told_the_robot_hears_commands_in_range(
  served, body, path, method, length
):
  server, robot = served
  robot.commands.clear()
  size = (
    "Transfer-Encoding: chunked"
    if length == "chunked"
    else f"Content-Length: {len(body) if length is None else length}"
  )
  head = f"{method} {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\n{size}"
  with socket.create_connection(("127.0.0.1", server.port), 10) as link:
    link.sendall(f"{head}\r\n\r\n".encode() + body)
    link.shutdown(socket.SHUT_WR)
    answer = b"".join(iter(lambda: link.recv(65536), b""))
  status = int(answer.split()[1])
  assert status in (200, 400, 404, 405, 413)
  if path != "/" or status != 200:
    json.loads(answer.partition(b"\r\n\r\n")[2], parse_constant=pytest.fail)
  for speed, turn in robot.commands:
    assert 0.0 <= speed <= _FASTEST
    assert -_TURN <= turn <= _TURN
  assert status == 200 or not robot.commands
  assert _ask(server, "GET", "/state")[0].status == 200
