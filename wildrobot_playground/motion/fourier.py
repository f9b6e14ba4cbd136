"""Periodic signals: a sampled cycle as a truncated Fourier series."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Periodic:
  """A periodic signal plus a steady advance per cycle.

  Attributes:
    coefficients: (K + 1, D) complex Fourier coefficients, harmonics 0 to K.
    advance: (D,) by how much the signal grows over a cycle.
  """

  coefficients: np.ndarray
  advance: np.ndarray

  def __call__(self, phase: np.ndarray | float) -> np.ndarray:
    """(..., D) values at phases (...) in cycles; any real number."""
    phase = np.asarray(phase, dtype=np.float64)
    harmonics = np.arange(self.coefficients.shape[0])
    waves = np.exp(2j * np.pi * phase[..., None] * harmonics)
    steady = phase[..., None] * self.advance
    return np.real(waves @ self.coefficients) + steady

  def rate(self, phase: np.ndarray | float) -> np.ndarray:
    """(..., D) derivative by phase [per cycle]."""
    phase = np.asarray(phase, dtype=np.float64)
    harmonics = np.arange(self.coefficients.shape[0])
    waves = np.exp(2j * np.pi * phase[..., None] * harmonics)
    slope = 2j * np.pi * harmonics[:, None] * self.coefficients
    return np.real(waves @ slope) + self.advance


def fit(
  samples: np.ndarray, harmonics: int, advance: np.ndarray | float = 0.0
) -> Periodic:
  """The low-pass Fourier series of one cycle.

  Args:
    samples: (T, D) or (T,) a cycle, the last frame a whole cycle after the
      first one. The last frame is not used: recordings never close exactly.
    harmonics: highest harmonic kept.
    advance: (D,) by how much the signal grows over the cycle.

  Returns:
    The signal, exactly periodic up to its advance.
  """
  samples = np.asarray(samples, dtype=np.float64)
  if samples.ndim == 1:
    samples = samples[:, None]
  count = samples.shape[0] - 1
  advance = np.broadcast_to(np.asarray(advance, float), samples.shape[1:])
  phase = np.arange(count)[:, None] / count
  spectrum = np.fft.rfft(samples[:-1] - phase * advance, axis=0) / count
  spectrum = spectrum[: min(harmonics, (count - 1) // 2) + 1]
  spectrum[1:] *= 2.0
  return Periodic(spectrum, advance)
