"""Who may ask: our own page, by our own names."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildrobot_playground.web import origin

_POLICY = origin.Policy(8080, origin.names("robot.example"))


@pytest.mark.parametrize(
  "host",
  [
    "localhost:8080",
    "LOCALHOST:8080",
    "localhost.:8080",
    "127.0.0.1:8080",
    "192.168.1.5:8080",
    "[::1]:8080",
    "robot.example:8080",
    f"{socket.gethostname()}:8080",
  ],
)
def test_our_own_names_are_known(host):
  assert _POLICY.refusal([host], []) is None
  assert _POLICY.refusal([host], [f"http://{host}"]) is None


@pytest.mark.parametrize(
  "host",
  [
    "evil.example:8080",
    "localhost.evil.example:8080",
    "127.0.0.1.evil.example:8080",
    "localhost:8081",
    "localhost",
    "localhost:",
    "localhost:99999999",
    "user@localhost:8080",
    "2130706433:8080",
    "",
    "[localhost]:8080",
    "localhost:8080, evil.example",
  ],
)
def test_a_name_pointed_at_this_machine_is_refused(host):
  assert _POLICY.refusal([host], []) is not None


@pytest.mark.parametrize(
  "source",
  [
    "http://evil.example",
    "http://localhost:8081",
    "http://127.0.0.1:8080",
    "https://localhost:8080",
    "null",
    "",
    "http://localhost:8080.evil.example",
    "http://localhost:8080/",
  ],
)
def test_other_pages_are_refused(source):
  assert "may not ask" in (_POLICY.refusal(["localhost:8080"], [source]) or "")


def test_a_header_twice_or_none_is_refused():
  ours = "localhost:8080"
  assert _POLICY.refusal([], []) is not None
  assert _POLICY.refusal([ours, ours], []) is not None
  assert _POLICY.refusal([ours], [f"http://{ours}", "null"]) is not None


def test_without_a_port_it_is_that_of_http():
  policy = origin.Policy(80, origin.names("localhost"))
  assert policy.refusal(["localhost"], ["http://localhost"]) is None


@pytest.mark.property
@given(st.text(), st.lists(st.text(), max_size=2))
def test_no_other_name_gets_in(host, origins):
  """Whatever is sent, the reason is one short line."""
  reason = _POLICY.refusal([host], origins)
  assert reason is not None
  assert reason.isprintable()
  assert len(reason) < 1000
