"""Perceptrons as ONNX graphs: the policy, and the discriminator's score."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_OPSET = 17
_IR_VERSION = 10  # Read by every onnxruntime since 1.18.

Layer = tuple[np.ndarray, np.ndarray]  # kernel (in, out), bias (out,)


@dataclasses.dataclass(frozen=True)
class Perceptron:
  """A normaliser and dense layers, from rows (B, N) to rows (B, M).

  Attributes:
    input_name: of the rows that go in.
    output_name: of the rows that come out.
    mean: (N,) subtracted first; None for no normaliser.
    std: (N,) divides then.
    layers: the dense layers, first to last.
    activation: between the layers, a key of `ACTIVATIONS`.
    last_activation: after the last layer; None for none.
  """

  input_name: str
  output_name: str
  mean: np.ndarray | None
  std: np.ndarray | None
  layers: Sequence[Layer]
  activation: str
  last_activation: str | None = None


class _Builder:
  """Collects the nodes and constants of a graph, one value after another."""

  def __init__(self, value: str):
    self.value = value
    self.nodes: list[onnx.NodeProto] = []
    self.constants: list[onnx.TensorProto] = []

  def add(self, op: str, *others: str, output: str | None = None) -> str:
    """Appends a node on the current value (or on `others` too)."""
    output = output or f"{op.lower()}_{len(self.nodes)}"
    self.nodes.append(helper.make_node(op, [self.value, *others], [output]))
    self.value = output
    return output

  def constant(self, name: str, array: np.ndarray) -> str:
    """Adds a float32 constant and returns its name."""
    self.constants.append(
      numpy_helper.from_array(np.asarray(array, np.float32), name)
    )
    return name


def _swish(graph: _Builder) -> None:
  before = graph.value
  graph.add("Sigmoid")
  graph.add("Mul", before)


ACTIVATIONS: dict[str, Callable[[_Builder], object]] = {
  "elu": lambda graph: graph.add("Elu"),
  "relu": lambda graph: graph.add("Relu"),
  "swish": _swish,
  "tanh": lambda graph: graph.add("Tanh"),
}


def build(
  perceptron: Perceptron, metadata: Mapping[str, str]
) -> onnx.ModelProto:
  """The model, checked; the batch is dynamic.

  Args:
    perceptron: what to compute.
    metadata: strings to carry in the file.
  """
  graph = _Builder(perceptron.input_name)
  if perceptron.mean is not None and perceptron.std is not None:
    graph.add("Sub", graph.constant("mean", perceptron.mean))
    graph.add("Div", graph.constant("std", perceptron.std))
  for i, (kernel, bias) in enumerate(perceptron.layers):
    if i > 0:
      ACTIVATIONS[perceptron.activation](graph)
    graph.add(
      "Gemm",
      graph.constant(f"kernel_{i}", kernel),
      graph.constant(f"bias_{i}", bias),
    )
  if perceptron.last_activation is not None:
    ACTIVATIONS[perceptron.last_activation](graph)
  graph.add("Identity", output=perceptron.output_name)
  sizes = perceptron.layers[0][0].shape[0], perceptron.layers[-1][0].shape[1]
  names = perceptron.input_name, perceptron.output_name
  ends = [
    helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
    for name, size in zip(names, sizes, strict=True)
  ]
  model = helper.make_model(
    helper.make_graph(
      graph.nodes,
      "wildrobot_playground",
      ends[:1],
      ends[1:],
      initializer=graph.constants,
    ),
    opset_imports=[helper.make_opsetid("", _OPSET)],
    ir_version=_IR_VERSION,
    producer_name="wildrobot_playground",
  )
  helper.set_model_props(model, dict(metadata))
  onnx.checker.check_model(model, full_check=True)
  return model
