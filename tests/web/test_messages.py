"""What the view listens to: its own panels, in plain values."""

import msgspec.msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildrobot_playground.web import messages

_CAMERA = {
  "type": "ViewerCameraMessage",
  "wxyz": [1.0, 0.0, 0.0, 0.0],
  "position": [0, 1.5, 2],
  "fov": 1.0,
  "image_height": 800,
}


def _panel(value, uuid="a"):
  updates = {"value": value}
  return {"type": "GuiUpdateMessage", "uuid": uuid, "updates": updates}


def _is_ours(message):
  return messages.is_ours(msgspec.msgpack.encode(message))


@pytest.mark.parametrize(
  "message",
  [
    _CAMERA,
    _panel(0.4),
    _panel(1),
    _panel(True),
    _panel("rough"),
    {"type": "CommandTriggerMessage", "uuid": "a"},
  ],
)
def test_what_the_page_sends_passes(message):
  assert _is_ours(message)


@pytest.mark.parametrize(
  "message",
  [
    {"type": "ShareUrlRequest"},
    {"type": "ShareUrlDisconnect"},
    {"type": "RunJavascriptMessage", "source": "alert(1)"},
    {"type": "FileTransferStartUpload", "part_count": 10**9},
    {"type": "GuiFormDirtyMessage", "uuid": "a"},
    {"type": ["GuiUpdateMessage"]},
    {"uuid": "a"},
    _panel(float("nan")),
    _panel(float("inf")),
    _panel([1.0]),
    _panel(None),
    _panel("a" * 1000),
    _panel(1.0, uuid=[]),
    {**_panel(1.0), "updates": {"sync_cb": 1}},
    {**_panel(1.0), "updates": {"value": 1.0, "update_cb": 1}},
    {**_panel(1.0), "updates": "value"},
    {**_CAMERA, "position": [float("nan"), 0, 0]},
    {**_CAMERA, "position": [0.0] * 5000},
    [],
    "GuiUpdateMessage",
    None,
  ],
)
def test_nothing_else_passes(message):
  assert not _is_ours(message)


def test_text_and_deep_messages_do_not_pass():
  assert not messages.is_ours("GuiUpdateMessage")
  assert not messages.is_ours(b"\x91" * 60000 + b"\x00")


@pytest.mark.property
@given(st.binary(max_size=200))
def test_any_bytes_are_looked_at_without_an_error(message):
  assert not messages.is_ours(message)
