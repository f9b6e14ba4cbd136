"""Ports: taken before anything else, named as they are, told in one line."""

import socket

import pytest

from wildrobot_playground.web import address

_HOST = "127.0.0.1"


@pytest.fixture
def listener():
  listener = address.listen(_HOST, 0)
  yield listener
  listener.close()


def test_the_url_names_the_port_that_is_really_used(listener):
  assert listener.url == f"http://{_HOST}:{listener.port}"
  with socket.create_connection((_HOST, listener.port)):
    pass


def test_what_is_not_asked_for_listens_on_this_machine_only(listener):
  assert listener.socket.getsockname()[0] == _HOST
  assert not listener.shared


@pytest.mark.parametrize(
  ("host", "port", "message"),
  [
    (_HOST, -1, "expected 0 to 65535"),
    (_HOST, 70000, "expected 0 to 65535"),
    (_HOST, 10**30, "expected 0 to 65535"),
    ("203.0.113.7", 0, "not an address of this machine"),
    ("no-such-name.invalid", 0, "no such address"),
    ("127.0.0.1:8080", 0, "no such address"),
    ("http://localhost", 0, "no such address"),
    ("", 0, "no such address"),
    ("a" * 300, 0, "no such address"),
  ],
)
def test_an_address_that_cannot_be_is_told(host, port, message):
  with pytest.raises(address.AddressError, match=message):
    address.listen(host, port)


def test_a_port_of_another_program_is_told(listener):
  with pytest.raises(address.TakenError, match="is not free"):
    address.listen(_HOST, listener.port)


def test_the_next_free_port_is_taken_when_none_is_asked_for():
  first, second = address.listen(_HOST, None), address.listen(_HOST, None)
  ports = first.port, second.port
  first.close()
  second.close()
  assert address.DEFAULT_PORT <= ports[0] < ports[1]


def test_a_page_takes_the_next_port_for_its_view():
  page, view = address.listen_pair(_HOST, None)
  other_page, other_view = address.listen_pair(_HOST, None)
  ports = [one.port for one in (page, view, other_page, other_view)]
  for one in (page, view, other_page, other_view):
    one.close()
  assert ports == sorted(set(ports))


def test_the_last_port_has_no_next_one():
  with pytest.raises(address.AddressError, match="expected 0 to 65534"):
    address.listen_pair(_HOST, 65535)


def test_all_addresses_are_shown_as_one_that_can_be_opened():
  listener = address.listen("0.0.0.0", 0)
  assert listener.shared
  assert listener.url == f"http://localhost:{listener.port}"
  listener.close()


def test_an_address_of_ipv6_stands_in_brackets():
  try:
    listener = address.listen("::1", 0)
  except address.AddressError:
    pytest.skip("this machine has no IPv6")
  assert listener.url == f"http://[::1]:{listener.port}"
  assert listener.policy.refusal([f"[::1]:{listener.port}"], []) is None
  listener.close()
