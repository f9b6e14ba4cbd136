"""Tables of clips: what is no number is shown as nothing."""

import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion.show import tables


@pytest.mark.parametrize("value", [None, float("nan"), np.inf, -np.inf])
def test_what_is_not_finite_is_a_dash(value):
  assert tables.cell(value) == "-"


def test_numbers_have_their_digits():
  assert tables.cell(0.12345, 2) == "0.12"
  assert (tables.cell(7), tables.cell("walk")) == ("7", "walk")


def test_an_open_clip_has_no_cadence(generated_clip):
  quality = {"cadence": float("nan"), "joint_speed": 2.0}
  clip = dataclasses.replace(generated_clip, meta={"quality": quality})
  row = dict(zip(tables.HEADINGS, tables.clip_row(clip), strict=True))
  assert row["cadence Hz"] == "-"
  assert row["rad/s"] == "2.0"
