"""The network of one pass as an ONNX graph, written without torch."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velatura.extras import import_extra
from velatura.fast.layers import (
    EPSILON,
    FOLDING,
    LAST,
    LAYERS,
    MOST_GAIN,
    PARITIES,
    PASSES,
    SMALLEST_SPREAD,
    Layer,
)
from velatura.version import __version__

Array = NDArray[np.float32]
OPSET = 18
IR_VERSION = 10  # the oldest that holds this opset's models everywhere


def build(tensors: Mapping[str, Array], card: Mapping[str, Any]) -> Any:
    """The model of the network with `tensors`, as its files name them; with `card` as metadata.

    Input `photograph` (1, 3, height, width), sRGB in [0, 1], at least 16 pixels a side; output
    `painting` of the same size.

    Raises:
        ConfigError: onnx is not installed.
        KeyError: a tensor is missing.
    """
    graph = _Graph()
    recoloured = _recoloured(graph, tensors)
    centred = graph.add("Sub", recoloured, graph.constant(0.5))
    x, entered, seen = centred, centred, {"": centred}
    for layer in LAYERS:
        if layer.enters:
            entered = x
        x = _convolved(graph, layer, x, tensors)
        if layer.enlarge:  # an odd side is one less than twice its half
            size = graph.add("Shape", seen[layer.joins], start=2)
            x = graph.add("Slice", x, graph.constant([0, 0]), size, graph.constant([2, 3]))
        if layer.name != LAST:
            scale, bias = (graph.constant(tensors[f"{layer.name}_{p}"]) for p in ("scale", "bias"))
            x = graph.add("InstanceNormalization", x, scale, bias, epsilon=EPSILON)
            x = graph.add("Add", x, entered) if layer.adds else graph.add("Relu", x)
        seen[layer.name] = x
        if layer.joins:
            x = graph.add("Add", x, seen[layer.joins])
    x = graph.add("Add", x, graph.add("Mul", centred, graph.constant(PASSES)))
    graph.add("Sigmoid", x, output="painting")
    return graph.model(card)


class _Graph:
    """Nodes and constants, named as they come."""

    def __init__(self) -> None:
        self.onnx = import_extra("onnx", "onnx", "a style as ONNX")
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node of one output; return the output's name."""
        output = output or f"{operator.lower()}{len(self.nodes)}"
        node = self.onnx.helper.make_node(operator, [*inputs], [output], **attributes)
        self.nodes.append(node)
        return output

    def constant(self, value: Any) -> str:
        """Add a constant, float32 or int64; return its name."""
        array = np.asarray(value)
        array = array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
        name = f"constant{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def model(self, card: Mapping[str, Any]) -> Any:
        """All of it, with the card."""
        helper = self.onnx.helper
        photograph, painting = (
            helper.make_tensor_value_info(
                name, self.onnx.TensorProto.FLOAT, [1, 3, "height", "width"]
            )
            for name in ("photograph", "painting")
        )
        graph = helper.make_graph(self.nodes, "style", [photograph], [painting], self.constants)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="velatura",
            producer_version=__version__,
        )
        helper.set_model_props(model, {"velatura": json.dumps(dict(card))})
        return model


def _recoloured(graph: _Graph, tensors: Mapping[str, Array]) -> str:
    """As `StyleNetwork.recolour` does it."""
    add, constant = graph.add, graph.constant
    axes = constant(tensors["palette_axes"])
    pixels = add("Reshape", "photograph", constant([3, -1]))
    pixels = add("Sub", pixels, add("ReduceMean", pixels, constant([1])))
    count = add(
        "Div", add("Cast", add("Size", pixels), to=graph.onnx.TensorProto.FLOAT), constant(3.0)
    )
    covariance = add("Div", add("Gemm", pixels, pixels, transB=1), count)
    variance = add("ReduceSum", add("Mul", axes, add("MatMul", covariance, axes)), constant([0]))
    spread = add("Sqrt", add("Max", variance, constant(SMALLEST_SPREAD**2)))
    gain = add("Min", add("Div", constant(tensors["palette_spread"]), spread), constant(MOST_GAIN))
    matrix = add("Gemm", add("Mul", axes, gain), axes, transB=1)
    mean = constant(tensors["palette_mean"].reshape(3, 1))
    recoloured = add("Clip", add("Gemm", matrix, pixels, mean), constant(0.0), constant(1.0))
    return add("Reshape", recoloured, add("Shape", "photograph"))


def _convolved(graph: _Graph, layer: Layer, x: str, tensors: Mapping[str, Array]) -> str:
    kernel = np.asarray(tensors[f"{layer.name}_kernel"], dtype=np.float32)
    if layer.enlarge:
        parities = np.asarray(PARITIES, dtype=np.float32)
        folded = np.einsum(FOLDING, parities, parities, kernel, optimize=True)
        kernel = folded.reshape(-1, *folded.shape[3:])
    inputs = [graph.constant(kernel)]
    if layer.name == LAST:  # elsewhere the bias follows the normalisation
        inputs.append(graph.constant(np.repeat(tensors[f"{LAST}_bias"], 4)))
    around = graph.constant([0, 0, layer.around, layer.around] * 2)
    padded = graph.add("Pad", x, around, mode="reflect")
    x = graph.add("Conv", padded, *inputs, strides=[layer.stride] * 2)
    return graph.add("DepthToSpace", x, blocksize=2, mode="CRD") if layer.enlarge else x
