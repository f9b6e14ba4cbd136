"""A discriminator's score as ONNX, to judge motion elsewhere."""

import pathlib
from typing import Any

import numpy as np
import onnx

from wildrobot_playground.amp import discriminator
from wildrobot_playground.policy import controller, graph
from wildrobot_playground.policy.sim import sim_to_sim
from wildrobot_playground.runs.exporting.trained import ExportError, Trained
from wildrobot_playground.runs.reference import of_run
from wildrobot_playground.runs.store import snapshots
from wildrobot_playground.runs.store.manifest import SnapshotError


def write(
  trained: Trained, run_dir: pathlib.Path, folder: pathlib.Path
) -> list[str]:
  """`style.onnx`, the newest discriminator's score, where there is one."""
  amp = trained.config.get("amp", {})
  if not amp.get("weight"):
    return []
  if amp["spectral_norm"] or amp["history"] != 1:
    return ["style    not exported: it needs spectral_norm=False and history=1"]
  prefix = ".training_state.prior.discriminator.variables['params']"
  store = snapshots.Snapshots(run_dir)
  for steps in store.steps()[::-1]:
    try:
      arrays = snapshots.read(store.path(steps))
    except SnapshotError:
      continue
    count = sum(name.startswith(prefix) for name in arrays) // 2
    layers = [
      tuple(arrays[f"{prefix}['Dense_{i}']['{k}']"] for k in ("kernel", "bias"))
      for i in range(count)
    ]
    return _write_graph(amp, run_dir, layers, folder / sim_to_sim.STYLE_FILE)
  return ["style    no checkpoint with a discriminator is left"]


def _write_graph(
  amp: dict[str, Any],
  run_dir: pathlib.Path,
  layers: list[Any],
  path: pathlib.Path,
) -> list[str]:
  reference = of_run(run_dir)
  model = graph.build(
    graph.Perceptron(
      "features",
      "score",
      reference.mean,
      reference.std,
      layers,
      amp["disc_activation"],
    ),
    {"loss": amp["loss"], "velocity_mode": reference.velocity_mode},
  )
  onnx.save(model, path)
  session = controller.load_session(path)
  rows = reference.features[:1000].astype(np.float32)
  (scores,) = session.run(["score"], {"features": rows})
  activation = discriminator.ACTIVATIONS[amp["disc_activation"]]
  hidden = (rows - reference.mean) / reference.std
  for i, (kernel, bias) in enumerate(layers):
    hidden = (activation(hidden) if i else hidden) @ kernel + bias
  difference = float(np.max(np.abs(scores - np.asarray(hidden))))
  if not difference <= 1e-3:
    raise ExportError(f"{path.name} differs from the original: {difference:g}")
  return [f"style    score within {difference:.1g} of the original"]
