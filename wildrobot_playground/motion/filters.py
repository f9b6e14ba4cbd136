"""Low-pass filters and interpolation of sampled motion, without phase shift."""

import numpy as np

_REACH = 4.0  # standard deviations of a Gaussian that are summed
_TREND = 5.0  # standard deviations from an end over which its line is fitted


def gaussian(samples: np.ndarray, sigma: float) -> np.ndarray:
  """Gaussian low-pass along the first axis.

  Beyond an end the samples go on mirrored about the line that fits them there,
  so that a straight line stays one and a wave does not bend the end.

  Args:
    samples: (T, ...) values.
    sigma: standard deviation [samples]; 0 returns the values.

  Returns:
    (T, ...) values.
  """
  samples = np.asarray(samples, dtype=np.float64)
  reach = min(int(np.ceil(_REACH * sigma)), samples.shape[0] - 1)
  if sigma <= 0 or reach < 1:
    return samples.copy()
  offset = np.arange(-reach, reach + 1)
  kernel = np.exp(-0.5 * (offset / sigma) ** 2)
  kernel /= np.sum(kernel)
  columns = samples.reshape(samples.shape[0], -1)
  window = int(np.ceil(_TREND * sigma)) + 1
  before = _beyond(columns[::-1], reach, window)[::-1]
  after = _beyond(columns, reach, window)
  padded = np.concatenate([before, columns, after]).T
  filtered = [np.convolve(column, kernel, mode="valid") for column in padded]
  return np.stack(filtered, axis=-1).reshape(samples.shape)


def _beyond(samples: np.ndarray, reach: int, window: int) -> np.ndarray:
  """(reach, D) how samples (T, D) go on, by the last `window` of them."""
  last = samples[-window:]
  time = np.arange(1 - len(last), 1)
  centred = time - np.mean(time)
  slope = centred @ last / max(1e-12, centred @ centred)
  # Mirrored: trend(k) + sample(-k) - trend(-k).
  ahead = np.arange(1, reach + 1)[:, None]
  return samples[-2 : -reach - 2 : -1] + 2 * ahead * slope


def twiced(samples: np.ndarray, sigma: float) -> np.ndarray:
  """A Gaussian low-pass that does not cut corners.

  What the filter leaves is filtered and added (Tukey, "Exploratory Data
  Analysis", 1977, calls it twicing), so that curvature stays.
  """
  low = gaussian(samples, sigma)
  return low + gaussian(samples - low, sigma)


def maximum(samples: np.ndarray, reach: int) -> np.ndarray:
  """(T,) the largest value within `reach` samples of each."""
  padded = np.pad(samples, reach, mode="edge")
  windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
  return np.max(windows, axis=-1)


def sample(samples: np.ndarray, position: np.ndarray) -> np.ndarray:
  """Cubic interpolation (Catmull and Rom, 1974) at fractional indices.

  Args:
    samples: (T, ...) values.
    position: (N,) places between 0 and T - 1.

  Returns:
    (N, ...) values.
  """
  samples = np.asarray(samples, dtype=np.float64)
  count = samples.shape[0]
  start = np.clip(np.floor(position).astype(int), 0, max(count - 2, 0))
  u = (position - start).reshape(-1, *([1] * (samples.ndim - 1)))
  padded = np.concatenate(
    [
      2 * samples[:1] - samples[1:2],
      samples,
      2 * samples[-1:] - samples[-2:-1],
    ]
  )
  a, b, c, d = (padded[start + i] for i in range(4))
  return b + 0.5 * u * (
    c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a))
  )


def rate_limited(samples: np.ndarray, step: float) -> np.ndarray:
  """The samples (T, D) with steps of at most `step`.

  The middle of the tightest upper and lower bounds that have such steps: what
  is slow enough already stays as it is.
  """
  upper, lower = samples.copy(), samples.copy()
  for order in (range(1, len(samples)), range(len(samples) - 2, -1, -1)):
    back = -1 if order.step > 0 else 1
    for t in order:
      upper[t] = np.minimum(upper[t], upper[t + back] + step)
      lower[t] = np.maximum(lower[t], lower[t + back] - step)
  return (upper + lower) / 2
