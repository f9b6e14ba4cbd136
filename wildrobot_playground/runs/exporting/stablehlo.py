"""A policy as StableHLO: for `jax.export.deserialize`, any batch size."""

import pathlib

import jax
import jax.numpy as jp
import numpy as np
from jax import export as jax_export

from wildrobot_playground.runs.exporting import proof
from wildrobot_playground.runs.exporting.trained import Trained

FILE = "policy.stablehlo"


def write(
  trained: Trained, run_dir: pathlib.Path, folder: pathlib.Path
) -> list[str]:
  """`policy.stablehlo`, read again and proved."""
  del run_dir
  size = trained.observation_size
  (batch,) = jax_export.symbolic_shape("batch")
  exported = jax_export.export(
    jax.jit(trained.policy), platforms=("cpu", "cuda")
  )(jax.ShapeDtypeStruct((batch, size), jp.float32))
  path = folder / FILE
  path.write_bytes(exported.serialize())
  again = jax_export.deserialize(bytearray(path.read_bytes()))
  return proof.prove(
    "stablehlo", trained, lambda rows: np.asarray(again.call(rows))
  )
