import sys

import hypothesis
import pytest
from hypothesis import strategies as st

from wildrobot_playground.system import echo


@pytest.mark.property
@hypothesis.given(text=st.text(max_size=2000))
def test_what_is_echoed_is_short_and_cannot_steer_a_terminal(text):
  assert echo.line(text).isprintable()
  assert echo.short(text).isprintable()
  assert len(echo.short(text, 60)) < 100
  assert len(echo.line(text)) < 10 * 1100  # A spelt character has ten.


def test_long_text_says_how_long_it_was():
  assert echo.short("a" * 200_000) == "a" * 60 + "... (200000 characters)"
  assert echo.short("fine") == "fine"


def test_both_ends_of_a_long_message_stay():
  text = echo.line(f"where: {'x' * 5000}; do this")
  assert text.startswith("where: ") and text.endswith("; do this")


def test_what_has_no_text_is_named():
  deep = []
  for _ in range(sys.getrecursionlimit() * 10):
    deep = [deep]
  assert echo.short(deep) == "a list too large to show"
  assert echo.short(10**5000) == "a int too large to show"


def test_escape_codes_are_spelt():
  assert echo.line("a\x1b[31mb\r\nc") == "a\\x1b[31mb c"


def test_names_in_figures_are_no_mathematics_and_no_broken_text():
  assert echo.in_figure("wa\udcfflk") == r"wa\udcfflk"
  assert echo.in_figure("$x^$") == r"\$x^\$"
  assert echo.in_figure("_walk") == " _walk"  # Else no legend shows it.
