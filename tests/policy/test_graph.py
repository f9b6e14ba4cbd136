import itertools

import numpy as np
import onnxruntime
import pytest
from flax import linen

from wildrobot_playground.policy import graph

_ACTIVATIONS = {
  "elu": linen.elu,
  "relu": linen.relu,
  "swish": linen.swish,
  "tanh": linen.tanh,
}


def _layers(rng, sizes):
  return [
    (rng.normal(size=(a, b)), rng.normal(size=b))
    for a, b in itertools.pairwise(sizes)
  ]


@pytest.mark.parametrize("name", graph.ACTIVATIONS)
@pytest.mark.parametrize("last", [None, "tanh"])
def test_it_computes_the_perceptron(name, last):
  rng = np.random.default_rng(0)
  layers = _layers(rng, (5, 7, 3))
  mean, std = rng.normal(size=5), rng.uniform(0.5, 2.0, 5)
  model = graph.build(
    graph.Perceptron("x", "y", mean, std, layers, name, last), {"key": "value"}
  )
  session = onnxruntime.InferenceSession(model.SerializeToString())
  for batch in (1, 4):
    x = rng.normal(size=(batch, 5)).astype(np.float32)
    (y,) = session.run(["y"], {"x": x})
    hidden = _ACTIVATIONS[name]((x - mean) / std @ layers[0][0] + layers[0][1])
    expected = np.asarray(hidden) @ layers[1][0] + layers[1][1]
    expected = np.tanh(expected) if last else expected
    assert y == pytest.approx(expected, abs=1e-4)
  assert session.get_modelmeta().custom_metadata_map == {"key": "value"}


def test_names_and_sizes_are_those_asked_for():
  rng = np.random.default_rng(0)
  model = graph.build(
    graph.Perceptron("in", "out", None, None, _layers(rng, (4, 2)), "relu"), {}
  )
  session = onnxruntime.InferenceSession(model.SerializeToString())
  (taken,), (given,) = session.get_inputs(), session.get_outputs()
  assert (taken.name, taken.shape) == ("in", ["batch", 4])
  assert (given.name, given.shape) == ("out", ["batch", 2])
  assert model.opset_import[0].version == 17
