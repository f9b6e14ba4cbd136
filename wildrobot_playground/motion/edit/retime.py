"""One clip at many speeds: by time alone, or as a walker would.

A walker who goes faster takes both longer and quicker steps; dynamically
similar walks of one body are those of one Froude number, and between them
cadence and stride share the speed (Alexander, "Optimization and gaits in the
locomotion of vertebrates", 1989). Time alone keeps every pose.
"""

import dataclasses

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.edit import resample
from wildrobot_playground.motion.quality import gates
from wildrobot_playground.motion.retargeting import from_clip, recording

_SLOWEST = 0.02  # m/s: what is slower cannot be brought to a speed


def plain(
  clip: clip_lib.MotionClip, speed: float, robot: robots.Robot
) -> clip_lib.MotionClip:
  """The same poses, run through so that the mean speed is `speed` [m/s].

  Raises:
    ClipError: for a clip that stands, a speed that is not positive, or one at
      which the clip would have too many frames, or too few.
  """
  ratio = _ratio(clip, speed)
  clip_lib.check_frames(
    clip.num_frames / ratio if ratio > 0 else float("inf"),
    f"{clip.name} at {speed:g} m/s",
    "choose a higher speed",
  )
  faster = dataclasses.replace(
    clip,
    fps=clip.fps * ratio,
    command=clip.command * ratio,
    meta={**clip.meta, "time_scale": round(1 / ratio, 6)},
  )
  return resample.resample(faster, clip.fps, robot)


def froude(
  clip: clip_lib.MotionClip,
  speed: float,
  robot: robots.Robot,
  options: recording.Options | None = None,
) -> clip_lib.MotionClip:
  """The same walk at `speed` [m/s], by cadence and stride; feet placed anew.

  Args:
    clip: any clip that goes somewhere.
    speed: of the result.
    robot: the robot.
    options: by default the clip's own crouch, lean and stance.

  Raises:
    ClipError: for a clip that stands, or a speed that is not positive.
  """
  _ratio(clip, speed)
  motion = from_clip.as_human(clip, robot)
  options = options or from_clip.own_options(clip, robot)
  again = recording.follow(motion, clip.name, robot, speed, options)
  kept = {k: clip.meta[k] for k in ("kind", "mirrored") if k in clip.meta}
  return dataclasses.replace(again, meta={**again.meta, **kept})


def _ratio(clip: clip_lib.MotionClip, speed: float) -> float:
  """The wanted speed over the clip's."""
  present = gates.achieved_speed(clip)
  if not speed > 0:
    raise clip_lib.ClipError(
      f"{clip.name}: speed is {speed} m/s, expected a positive number"
    )
  if present < _SLOWEST:
    raise clip_lib.ClipError(
      f"{clip.name}: goes {present:.3f} m/s, which no scaling brings to {speed}"
      " m/s; choose a clip that walks"
    )
  return speed / present
